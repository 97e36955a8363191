// Interleaved rounds: every contender in every round, the order reversed each time, so that a slow minute of the machine is everybody's.
// What is compared is the ratio within a round; the median of the rounds is reported, and how far they lie apart.
import { load, quantile, type Measured } from './load.ts';
import { cpuMicros, cpuOfChildren } from './processes.ts';

export interface Contender {
  name: string;
  address: string;
  pid: number;
  requests: readonly Buffer[] | (() => Buffer);
  /** Before each of its turns, and after it. */
  before?: () => Promise<void>;
  after?: () => Promise<void>;
}
export interface Turn {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Microseconds a request, of the server and of PostgreSQL. */
  nodeMicros: number;
  postgresMicros: number;
  bytes: number;
}
/** Of one contender, in the order of the rounds. */
export type Turns = Map<string, Turn[]>;

export interface Rounds {
  rounds: number;
  seconds: number;
  connections: number;
  postmaster: number;
  /** Before each turn counts; default: half a second, in the first round half a turn if that is longer. */
  warmSeconds?: number;
}
const WARM_SECONDS = 0.5;

/** @throws Error when a contender answers anything with an error: its figures would say nothing. */
export async function inRounds(contenders: readonly Contender[], o: Rounds): Promise<Turns> {
  const turns: Turns = new Map(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < o.rounds; round++) {
    for (const contender of round % 2 ? [...contenders].reverse() : contenders) {
      await contender.before?.();
      const work = { address: contender.address, requests: contender.requests, connections: o.connections };
      // Statements are prepared, plans made and code compiled before it counts.
      await load({ ...work, seconds: o.warmSeconds ?? (round === 0 ? Math.max(WARM_SECONDS, o.seconds / 2) : WARM_SECONDS) });
      const [node, backends] = [cpuMicros(contender.pid), cpuOfChildren(o.postmaster)];
      const measured = await load({ ...work, seconds: o.seconds });
      const nodeMicros = cpuMicros(contender.pid) - node;
      let postgresMicros = 0;
      for (const [pid, used] of cpuOfChildren(o.postmaster)) postgresMicros += used - (backends.get(pid) ?? 0);
      await contender.after?.();
      turns.get(contender.name)!.push(turnOf(contender.name, measured, nodeMicros, postgresMicros));
    }
  }
  return turns;
}

function turnOf(name: string, measured: Measured, nodeMicros: number, postgresMicros: number): Turn {
  if (measured.bad > 0 || measured.good === 0) throw new Error(`${name} answered ${measured.bad} of ${measured.bad + measured.good} requests with an error: ${measured.fault}`);
  const { good, seconds, bytes, latenciesMs } = measured;
  return {
    perSecond: good / seconds, p50Ms: quantile(latenciesMs, 0.5), p99Ms: quantile(latenciesMs, 0.99),
    nodeMicros: nodeMicros / good, postgresMicros: postgresMicros / good, bytes: bytes / good,
  };
}

export interface Spread {
  median: number;
  low: number;
  high: number;
}
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, low: sorted[0]!, high: sorted.at(-1)! };
}
/** Requests a second of one contender divided by another's, round by round. */
export const ratio = (turns: Turns, one: string, other: string): Spread =>
  spreadOf(turns.get(one)!.map((turn, round) => turn.perSecond / turns.get(other)![round]!.perSecond));
export const medianOf = (turns: Turns, name: string, what: keyof Turn): number => spreadOf(turns.get(name)!.map((turn) => turn[what])).median;
