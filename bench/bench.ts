// What a bench is, and what it says.
import type { Cluster, Data, Size } from './data.ts';
import type { Spread } from './rounds.ts';

export interface Row {
  name: string;
  value: number;
  unit: string;
  /** The lowest and the highest of the rounds; null when there was one. */
  spread: [number, number] | null;
  /** `>= 0.8`; null: reported, not judged. */
  bar: string | null;
  holds: boolean | null;
}

export interface Context {
  cluster: Cluster;
  size: Size;
  rounds: number;
  seconds: number;
  connections: number;
  quick: boolean;
  say: (text: string) => void;
  /** The data of a size, made once and kept; nothing may be written to it. Default: the run's size. */
  data(size?: Size): Promise<Data>;
}

export interface Bench {
  /** Of its bars: what `--only` asks for. It may report more. */
  names: readonly string[];
  /** `wanted`: which of its names are asked for, at least one. */
  run(context: Context, wanted: ReadonlySet<string>): Promise<Row[]>;
}

/** A figure, judged by `>= 0.8` or the like. */
export function row(name: string, value: number | Spread, unit: string, bar: string | null = null): Row {
  const spread = typeof value === 'number' ? null : value;
  const figure = typeof value === 'number' ? value : value.median;
  return { name, value: figure, unit, spread: spread && [spread.low, spread.high], bar, holds: bar === null ? null : holds(figure, bar) };
}

function holds(value: number, bar: string): boolean {
  const [, operator, limit] = /^(>=|<=|<|=) (-?[\d.]+)$/.exec(bar) ?? [];
  if (operator === undefined) throw new Error(`'${bar}' is no bar.`);
  const than = Number(limit);
  if (operator === '>=') return value >= than;
  if (operator === '<=') return value <= than;
  return operator === '<' ? value < than : value === than;
}
