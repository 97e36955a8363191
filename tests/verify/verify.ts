// Runs a count slice by slice, and keeps after each what was done: a run that is stopped goes on where it was.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { now } from '../../src/platform/clock.ts';
import type { Count } from './table.ts';

export interface Slice {
  seed: number;
  ok: boolean;
  seconds: number;
  at: string;
  /** What the command left in its file; null when it leaves none. */
  figures: unknown;
  /** The end of what it wrote, when it did not hold. */
  said?: string;
}
export interface Verified {
  name: string;
  ok: boolean;
  counts: Record<string, number>;
  seeds: number[];
  failedSeeds: number[];
  /** The sums of every count that the slices report under `counts` and `done`; of `…Min` the least, of `…Max` the greatest. */
  sums: Record<string, number>;
  seconds: number;
  slices: Slice[];
}
export interface VerifyOptions {
  /** Where states are kept, a file a name. */
  stateDir: string;
  /** The first slice's seed; the others follow. Kept with the state. */
  seed: number;
  root: string;
  /** Slices of this call at most; the rest is for the next. */
  slicesMax?: number;
  say: (text: string) => void;
}
interface State {
  /** Of name, counts and slices: another count begins anew. */
  of: string;
  seed: number;
  slices: Slice[];
}

/** A slice that failed is run again at the next call, with its seed; the others are not. */
export async function verify(count: Count, o: VerifyOptions): Promise<Verified> {
  mkdirSync(o.stateDir, { recursive: true });
  const file = join(o.stateDir, `${count.name}.json`);
  const state = kept(file, count) ?? { of: identity(count), seed: o.seed, slices: [] };
  const keep = () => {
    writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`);
    renameSync(`${file}.new`, file);
  };
  state.slices = state.slices.filter(({ ok }) => ok);
  const done = new Set(state.slices.map(({ seed }) => seed));
  const todo = Array.from({ length: count.slices }, (_, n) => state.seed + n).filter((seed) => !done.has(seed)).slice(0, o.slicesMax);
  if (done.size > 0) o.say(`${count.name}: ${done.size} of ${count.slices} slices were done before.`);
  for (const seed of todo) {
    const slice = await run(count, seed, join(o.stateDir, `${count.name}-${seed}.json`), o);
    state.slices.push(slice);
    keep();
    const took = state.slices.reduce((sum, { seconds }) => sum + seconds, 0) / state.slices.length;
    const left = count.slices - state.slices.length;
    o.say(`${count.name}: ${state.slices.length}/${count.slices} slices, seed ${seed} ${slice.ok ? 'held' : 'DID NOT HOLD'} in ${slice.seconds.toFixed(0)} s, about ${Math.ceil((left * took) / 60)} min left`);
  }
  return sumUp(count, state.slices);
}

export function sumUp(count: Pick<Count, 'name' | 'counts' | 'slices'>, slices: readonly Slice[]): Verified {
  const failedSeeds = slices.filter(({ ok }) => !ok).map(({ seed }) => seed);
  return {
    name: count.name, ok: failedSeeds.length === 0 && slices.length === count.slices, counts: count.counts, seeds: slices.map(({ seed }) => seed), failedSeeds,
    sums: sums(slices), seconds: slices.reduce((sum, { seconds }) => sum + seconds, 0), slices: [...slices],
  };
}

function sums(slices: readonly Slice[]): Record<string, number> {
  const sum: Record<string, number> = {};
  const add = (name: string, n: unknown) => {
    if (typeof n !== 'number') return;
    const before = sum[name];
    sum[name] = before === undefined ? n : name.endsWith('Min') ? Math.min(before, n) : name.endsWith('Max') ? Math.max(before, n) : before + n;
  };
  for (const { figures } of slices) {
    for (const group of ['done', 'phases', 'counts'] as const) for (const [name, n] of Object.entries(groupOf(figures, group))) add(name, n);
    for (const group of ['recoveryMs', 'netRecoveryMs'] as const) {
      const { max } = groupOf(figures, group);
      if (max !== undefined) add(`${group}Max`, max);
    }
  }
  return sum;
}

/** `{ counts: … }`, or as `throughline prove` writes it, `{ resume: { counts: … } }`. */
function groupOf(figures: unknown, group: string): Record<string, unknown> {
  if (typeof figures !== 'object' || figures === null) return {};
  const own = (figures as Record<string, unknown>)[group];
  if (typeof own === 'object' && own !== null) return own as Record<string, unknown>;
  const [only, ...others] = Object.values(figures);
  return others.length === 0 && typeof only === 'object' && only !== null ? groupOf(only, group) : {};
}

const identity = ({ name, counts, slices }: Count): string => createHash('sha256').update(JSON.stringify({ name, counts, slices })).digest('hex').slice(0, 16);

function kept(file: string, count: Count): State | null {
  if (!existsSync(file)) return null;
  try {
    const state = JSON.parse(readFileSync(file, 'utf8')) as State;
    return state.of === identity(count) ? state : null;
  } catch {
    // Half a file is no state.
    return null;
  }
}

/** How much of a slice's output is kept in case it fails. */
const SAID_CHARS = 4_000;

async function run(count: Count, seed: number, json: string, o: VerifyOptions): Promise<Slice> {
  rmSync(json, { force: true });
  const began = performance.now();
  const { program, args, env } = count.command({ seed, json });
  const child = spawn(program, args, { cwd: o.root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  // Ctrl-C reaches the child by itself; a signal to this process alone is passed on, so that nothing is left running.
  const end = () => void child.kill('SIGTERM');
  process.once('SIGTERM', end);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-SAID_CHARS)));
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      said += error.message;
      resolve(-1);
    });
    child.once('close', resolve);
  });
  process.off('SIGTERM', end);
  const figures: unknown = existsSync(json) ? JSON.parse(readFileSync(json, 'utf8')) : null;
  rmSync(json, { force: true });
  return { seed, ok: code === 0, seconds: Math.round((performance.now() - began) / 100) / 10, at: now(), figures, ...(code === 0 ? {} : { said }) };
}
