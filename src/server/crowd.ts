// How many sockets are let in: of all together, and of an address those of which nobody knows yet whose they are. Who they are pays for the others.
export const SOCKETS_MAX = 20_000;
/** An office whose people all come back at once after a restart stays below it. */
export const UNKNOWN_MAX = 1_000;

export class Crowd {
  #all = 0;
  /** Of each address, those that haven't said who they are. */
  readonly #unknown = new Map<string, number>();

  /** Whether one more of that address (null: not known) may come; if so it is counted. Call `known` when it has said who it is, and `left` once. */
  enter(address: string | null): Entered | 'ALL' | 'ADDRESS' {
    if (this.#all >= SOCKETS_MAX) return 'ALL';
    if (address !== null && (this.#unknown.get(address) ?? 0) >= UNKNOWN_MAX) return 'ADDRESS';
    this.#all++;
    if (address !== null) this.#unknown.set(address, (this.#unknown.get(address) ?? 0) + 1);
    let [isUnknown, isHere] = [address !== null, true];
    const known = () => {
      if (!isUnknown) return;
      isUnknown = false;
      const others = this.#unknown.get(address!)! - 1;
      if (others > 0) this.#unknown.set(address!, others);
      else this.#unknown.delete(address!);
    };
    return {
      known,
      left: () => {
        known();
        if (isHere) this.#all--;
        isHere = false;
      },
    };
  }
}

export interface Entered {
  known(): void;
  left(): void;
}
