// The only source of time, so that tests can simulate years. `Date.now()` and SQL's `now()` are banned elsewhere by lint.

let read: () => number = () => Date.now();

/** The present moment: RFC 3339, milliseconds, UTC. */
export const now = (): string => new Date(read()).toISOString();

/** The present moment in milliseconds since 1970. */
export const nowMs = (): number => read();

/** The moment `ms` after `from` (default: now), as RFC 3339. */
export const after = (ms: number, from = now()): string => new Date(Date.parse(from) + ms).toISOString();

/** Replaces the clock for tests; returns the function that puts the real one back. */
export function setClock(milliseconds: () => number): () => void {
  read = milliseconds;
  return () => {
    read = () => Date.now();
  };
}
