// Which faults in which order: the same for the same seed and counts.
import { seeded } from '../harness/seeded.ts';

export const FAULT_KINDS = ['api kill', 'postgres kill', 'net fault', 'api stop', 'backend kill', 'disk full', 'clock jump'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export const HOW = {
  'api kill': ['killed', 'killed', 'killed', 'killed while it sends', 'killed while it sends', 'killed while it sends', 'stopped, then killed', 'both killed'],
  'postgres kill': ['postmaster killed', 'postmaster killed', 'immediate stop', 'one backend killed'],
  'net fault': ['reset', 'reset in the middle', 'half open, then goes on', 'half open, then reset', 'trickle', 'refused'],
  'api stop': ['stopped'],
  'backend kill': ['terminated'],
  'disk full': ['full'],
  'clock jump': ['forward', 'back'],
} as const satisfies Record<FaultKind, readonly string[]>;

export interface Fault {
  kind: FaultKind;
  how: string;
  /** Of which server; both stand on one database. */
  victim: 0 | 1;
  wire: 'http' | 'smtp' | 'postgres';
  /** How long it lasts, where it lasts. */
  ms: number;
  /** Acknowledgements before it, beyond the fewest. */
  moreAcks: number;
  seed: number;
}
export type Counts = Record<FaultKind, number>;

export function schedule(seed: number, counts: Counts): Fault[] {
  const random = seeded(seed);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  const kinds = FAULT_KINDS.flatMap((kind) => Array.from({ length: counts[kind] }, (_, n) => ({ kind, n })));
  for (let n = kinds.length - 1; n > 0; n--) {
    const other = Math.floor(random() * (n + 1));
    [kinds[n], kinds[other]] = [kinds[other]!, kinds[n]!];
  }
  // Net faults go round all ways and wires, however few there are.
  return kinds.map(({ kind, n }) => ({
    kind,
    how: kind === 'net fault' ? HOW[kind][(n + seed) % HOW[kind].length]! : pick(HOW[kind]),
    victim: random() < 0.5 ? 0 : 1,
    wire: kind === 'net fault' ? (['postgres', 'http', 'postgres', 'http', 'smtp'] as const)[(n + Math.floor(seed / 7)) % 5]! : 'http',
    ms: Math.round(500 + random() * 3_500),
    moreAcks: Math.floor(random() * 20),
    seed: Math.floor(random() * 2 ** 31),
  }));
}
