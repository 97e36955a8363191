// Whoever sent each of many things, with the end that resolving one after the other has, at the cost of a few statements: those whom nothing new is
// said of are one read together, those who were never seen are made together.
import type { Actor } from '../access/viewer.ts';
import type { Tx } from '../platform/db.ts';
import { newId } from '../platform/ids.ts';
import { foldingKey, type Address } from './address.ts';
import { createCustomers, lockCustomers, type NewCustomer } from './customers.ts';
import { isSettled, plan, usable, type Plan, type Seen } from './linking.ts';
import { identitiesAt, lockAddresses, type KnownIdentity } from './owners.ts';
import { nameOf, resolveIdentity, sourceOf, type Resolved, type ResolveInput } from './resolve.ts';

interface Asked {
  input: ResolveInput;
  seen: Seen[];
  name: string | null;
}

/**
 * Resolves as many as can be resolved before what they sent is written, at least the first: one that says something new of an address which others
 * before it used waits until those are written, since what is known of the address changes with them. The caller goes on after the last.
 * Locks as `resolveIdentity`: first all addresses that something new is said of, then their customers, each in order.
 */
export async function resolveIdentities(tx: Tx, inputs: readonly ResolveInput[]): Promise<Resolved[]> {
  if (inputs.length === 0) return [];
  const { workspaceId, actor } = inputs[0]!;
  const asked = inputs.map((input): Asked => {
    const seen = usable(input.addresses);
    return { input, seen, name: seen.length === 0 ? null : nameOf(input, seen) };
  });
  const all = addressesOf(asked);
  let known = await identitiesAt(tx, workspaceId, all);
  const unsettled = asked.filter(({ input, seen, name }) => seen.length === 0 || !isSettled(plan(seen, known, name, input.at)));
  if (unsettled.length > 0) {
    await lockAddresses(tx, workspaceId, addressesOf(unsettled));
    await lockCustomers(tx, workspaceId, (await identitiesAt(tx, workspaceId, addressesOf(unsettled))).map((identity) => identity.customerId));
    known = await identitiesAt(tx, workspaceId, all);
  }
  return new Segment(tx, workspaceId, actor, [...known]).resolve(asked);
}

const addressesOf = (asked: readonly Asked[]): Address[] => asked.flatMap(({ seen }) => seen.map(({ address }) => address));

/** A customer to be made, and who was found to be it. */
interface Newcomer {
  customer: NewCustomer;
  resolved: Resolved;
}

class Segment {
  private readonly newcomers = new Map<string, Newcomer>();
  /** Folding keys of addresses that something before used; true where something new was said of them. */
  private readonly used = new Map<string, boolean>();

  constructor(
    private readonly tx: Tx,
    private readonly workspaceId: string,
    private readonly actor: Actor,
    private readonly known: KnownIdentity[],
  ) {}

  async resolve(asked: readonly Asked[]): Promise<Resolved[]> {
    const resolved: Resolved[] = [];
    for (const one of asked) {
      const result = await this.next(one);
      if (result === null) break;
      resolved.push(result);
    }
    const made = await createCustomers(this.tx, this.workspaceId, this.actor, [...this.newcomers.values()].map(({ customer }) => customer));
    [...this.newcomers.values()].forEach((newcomer, i) => (newcomer.resolved.customerId = made[i]!.customerId));
    // Whoever was found to be a newcomer, then, belongs to the customer that was made.
    return resolved.map((one) => this.newcomers.get(one.identityId)?.resolved.customerId ? { ...one, customerId: this.newcomers.get(one.identityId)!.resolved.customerId } : one);
  }

  /** Null: what came before must be written first. */
  private async next({ input, seen, name }: Asked): Promise<Resolved | null> {
    if (seen.length === 0) return resolveIdentity(this.tx, input);
    const places = seen.map(({ address }) => `${address.kind} ${address.namespace} ${foldingKey(address.kind, address.value)}`);
    const before = places.map((place) => this.used.get(place)).filter((news) => news !== undefined);
    const todo = plan(seen, this.known, name, input.at);
    // Where something before used the address, it may have been seen later than is written: then no name may depend on it.
    const settled = isSettled(todo) && (before.length === 0 || isSettled(plan(seen, this.known.map(neverSeen), name, input.at)));
    if (settled && !(before.includes(true) && !this.newcomers.has(todo.anchor!.id))) {
      this.use(places, false);
      return { identityId: todo.anchor!.id, customerId: todo.anchor!.customerId, createdCustomer: false };
    }
    if (before.length > 0) return null;
    this.use(places, true);
    return isFirstSight(todo, seen) ? this.welcome(input, seen[0]!, todo, name) : resolveIdentity(this.tx, input);
  }

  private use(places: readonly string[], news: boolean): void {
    for (const place of places) this.used.set(place, news || (this.used.get(place) ?? false));
  }

  private welcome(input: ResolveInput, seen: Seen, { add }: Plan, name: string | null): Resolved {
    const id = newId();
    const { isShared, reason } = add[0]!;
    const customer: NewCustomer = {
      at: input.at,
      identities: [{ id, address: seen.address, trust: seen.trust, displayName: name, username: seen.username, isShared, evidence: { reason, accountId: input.accountId } }],
      observe: () => (name ? [{ identityId: id, key: 'name', value: name, source: sourceOf(seen) }] : []),
    };
    const resolved: Resolved = { identityId: id, customerId: '', createdCustomer: true };
    this.newcomers.set(id, { customer, resolved });
    this.known.push({ ...seen.address, id, customerId: id, trust: seen.trust, displayName: name, username: seen.username, isShared, evidence: {}, lastSeenAt: input.at, createdAt: input.at });
    return resolved;
  }
}

const neverSeen = (identity: KnownIdentity): KnownIdentity => ({ ...identity, lastSeenAt: '' });

/** Nobody has the address, and nothing else is said. */
const isFirstSight = (todo: Plan, seen: readonly Seen[]): boolean =>
  seen.length === 1 && todo.customerId === null && todo.add.length === 1 && todo.add[0]!.via === 'SELF' && todo.raise.length === 0 && todo.contest.length === 0;
