// Which faults in which order: the same for the same seed and counts.
import { seeded } from '../harness/seeded.ts';

export const FAULT_KINDS = ['api kill', 'postgres kill', 'net fault', 'api stop', 'postgres stop', 'backend kill', 'disk full', 'clock jump'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export const HOW = {
  'api kill': ['after the raw store', 'in the transaction', 'after the provider\'s answer', 'both killed', 'after the provider\'s answer', 'in the transaction', 'after the raw store', 'stopped, then killed'],
  'postgres kill': ['postmaster killed', 'postmaster killed', 'immediate stop', 'one backend killed'],
  'net fault': ['reset', 'reset in the middle', 'half open, then goes on', 'abandoned', 'half open, then reset', 'trickle', 'refused', 'abandoned'],
  'api stop': ['for a moment', 'for long', 'for long, its sessions ended'],
  'postgres stop': ['for a moment', 'for long'],
  'backend kill': ['terminated'],
  'disk full': ['full'],
  'clock jump': ['forward', 'back'],
} as const satisfies Record<FaultKind, readonly string[]>;

/** From before anybody doubts to beyond what clients (ten seconds) and servers wait for. */
const HALF_OPEN_MS = [1_000, 14_000] as const;
/** Jobs are given to others after ten seconds, and a session that stands still in a transaction is ended after a minute: between them and beyond. */
const LONG_MS = { 'api stop': [15_000, 75_000], 'postgres stop': [15_000, 40_000] } as const;

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
  return kinds.map(({ kind, n }) => {
    // These go round all ways (and wires), however few there are.
    const how = kind === 'postgres kill' ? pick(HOW[kind]) : HOW[kind][(n + seed) % HOW[kind].length]!;
    const [least, most] = how.startsWith('for long') ? LONG_MS[kind as keyof typeof LONG_MS] : how.startsWith('half open') ? HALF_OPEN_MS : [500, 4_000];
    return {
      kind,
      how,
      victim: random() < 0.5 ? 0 : 1,
      wire: kind === 'net fault' ? wireOf(how, n + Math.floor(seed / 7)) : 'http',
      ms: Math.round(least + random() * (most - least)),
      moreAcks: Math.floor(random() * 20),
      seed: Math.floor(random() * 2 ** 31),
    };
  });
}

/** Those who are at the other end of http and smtp come again by themselves; nobody does for a connection to PostgreSQL that nobody ends. */
const wireOf = (how: string, n: number): Fault['wire'] => (how === 'abandoned' ? (['postgres', 'postgres', 'postgres', 'http', 'smtp'] as const) : (['postgres', 'http', 'postgres', 'http', 'smtp'] as const))[n % 5]!;
