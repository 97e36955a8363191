// Who is whom, by what the documents of `confirmClaim` and `rejectClaim` promise: a few lines over sets, against which the real thing is held. Pure.
export type Claimed = { state: 'PENDING' | 'REJECTED' } | { state: 'CONFIRMED'; moved?: { ids: string[]; from: number }; added?: boolean };

/** Customers are numbers; an identity is a text: `visitor`, `person 0`, or the `self` that every customer begins with. */
export class People {
  readonly #at = new Map<string, number>();
  readonly #written = new Set<string>();
  readonly claims = new Map<number, Claimed>();
  #made = 0;

  constructor() {
    this.#at.set('visitor', this.#create());
  }

  /** A person wrote: he is somebody's already, or a customer of his own. */
  write(person: number): void {
    if (!this.#at.has(name(person))) this.#at.set(name(person), this.#create());
    this.#written.add(name(person));
  }

  /** The visitor says that the number is his. */
  claim(person: number): void {
    if (!this.claims.has(person) && this.#at.get(name(person)) !== this.#at.get('visitor')) this.claims.set(person, { state: 'PENDING' });
  }

  confirm(person: number): void {
    const mine = this.#at.get('visitor')!;
    const owner = this.#at.get(name(person));
    if (owner === undefined) {
      this.#at.set(name(person), mine);
      this.claims.set(person, { state: 'CONFIRMED', added: true });
    } else if (owner === mine) this.claims.set(person, { state: 'CONFIRMED' });
    else {
      const there = this.#of(mine);
      const alone = there.every((id) => id === 'visitor' || id === self(mine));
      const ids = alone ? there : ['visitor'];
      this.#move(ids, owner);
      this.claims.set(person, { state: 'CONFIRMED', moved: { ids, from: mine } });
    }
  }

  reject(person: number): void {
    const claim = this.claims.get(person)!;
    if (claim.state === 'CONFIRMED' && claim.moved) this.#move(claim.moved.ids, claim.moved.from);
    else if (claim.state === 'CONFIRMED' && claim.added) {
      // With a history of its own the address is somebody; without one it is gone.
      if (this.#written.has(name(person))) this.#at.set(name(person), this.#create());
      else this.#at.delete(name(person));
    }
    this.claims.set(person, { state: 'REJECTED' });
  }

  /** How many customers can be seen: one whose `self` left has become another's. */
  get customers(): number {
    return Array.from({ length: this.#made }, (_, customer) => customer).filter((customer) => this.#at.get(self(customer)) === customer).length;
  }

  /** The persons whose number the person's customer has, himself included; none when nobody has his number. */
  with(person: number): number[] {
    const customer = this.#at.get(name(person));
    return customer === undefined ? [] : this.#of(customer).flatMap((id) => (id.startsWith('person ') ? [Number(id.slice('person '.length))] : []));
  }

  /** Whether the visitor is that person's customer. */
  isVisitor(person: number): boolean {
    return this.#at.get(name(person)) === this.#at.get('visitor');
  }

  #create(): number {
    const customer = this.#made++;
    this.#at.set(self(customer), customer);
    return customer;
  }
  #of = (customer: number): string[] => [...this.#at].flatMap(([id, at]) => (at === customer ? [id] : []));
  #move(ids: readonly string[], to: number): void {
    for (const id of ids) this.#at.set(id, to);
  }
}

const name = (person: number): string => `person ${person}`;
const self = (customer: number): string => `self ${customer}`;
