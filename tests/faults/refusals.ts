// Which refusals are nobody's fault: a server whose clock is wrong may take a token for one that is not valid yet, or no longer. Nothing else may refuse
// what was asked rightly.
import type { Asking } from './fleet.ts';

/** A server whose clock was wrong from one moment to another, in ms of the machine's monotonic clock. */
export interface Jump {
  door: number;
  from: number;
  to: number;
}

export const unexcused = (askings: readonly Asking[], jumps: readonly Jump[]): Asking[] =>
  askings.filter(({ outcome, said, door, from }) =>
    outcome === 'refused' && !(/UNAUTHENTICATED|expired/i.test(said) && jumps.some((jump) => jump.door === door && from >= jump.from && from <= jump.to)));
