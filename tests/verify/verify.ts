// Runs a count slice by slice, and keeps after each what was done: a run that is stopped goes on where it was. A slice that failed stays failed for as long
// as what it depends on is what it was: nothing is asked again until it says yes.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { now } from '../../src/platform/clock.ts';
import { sourceOf, type Source } from './source.ts';
import type { Count } from './table.ts';

export interface Slice {
  seed: number;
  ok: boolean;
  seconds: number;
  at: string;
  /** Of what: the same for all slices that are added up. */
  source: string;
  commit: string | null;
  dirty: boolean | null;
  /** What the command left in its file; null when it leaves none. */
  figures: unknown;
  /** The end of what it wrote, when it did not hold, and how to run it again. */
  said?: string;
  replay?: string;
}
export interface Verified {
  name: string;
  ok: boolean;
  counts: Record<string, number>;
  seeds: number[];
  failedSeeds: number[];
  /** Counts that fell short, though every slice is done and held: what was done of them. */
  short: Record<string, number>;
  /** The sums of every count that the slices report under `counts`, `done` and `phases`; of `…Min` the least, of `…Max` the greatest. */
  sums: Record<string, number>;
  seconds: number;
  /** Of the source as it is, failed ones included. */
  slices: Slice[];
  /** Those that failed of sources as they were before. */
  failedBefore: Slice[];
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
  /** Ends the slice that runs, which is then not counted, and the call. */
  signal?: AbortSignal;
}
interface State {
  /** Of name, counts, slices and source: another count, or the same of another source, begins anew. */
  of: string;
  seed: number;
  slices: Slice[];
  failedBefore: Slice[];
}

export async function verify(count: Count, o: VerifyOptions): Promise<Verified> {
  mkdirSync(o.stateDir, { recursive: true });
  const file = join(o.stateDir, `${count.name}.json`);
  const source = sourceOf(o.root);
  const state = kept(file, count, source) ?? { of: identity(count, source), seed: o.seed, slices: [], failedBefore: failedIn(file) };
  const keep = () => {
    writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`);
    renameSync(`${file}.new`, file);
  };
  const done = new Set(state.slices.map(({ seed }) => seed));
  const todo = Array.from({ length: count.slices }, (_, n) => state.seed + n).filter((seed) => !done.has(seed)).slice(0, o.slicesMax);
  if (done.size > 0) o.say(`${count.name}: ${done.size} of ${count.slices} slices were done before, of the same source.`);
  for (const seed of todo) {
    const slice = await run(count, seed, source, join(o.stateDir, `${count.name}-${seed}.json`), o);
    if (o.signal?.aborted) break;
    if (sourceOf(o.root).hash !== source.hash) {
      o.say(`${count.name}: the source changed while seed ${seed} ran, which says nothing of either. Run it again.`);
      break;
    }
    state.slices.push(slice);
    keep();
    const took = state.slices.reduce((sum, { seconds }) => sum + seconds, 0) / state.slices.length;
    const left = count.slices - state.slices.length;
    o.say(`${count.name}: ${state.slices.length}/${count.slices} slices, seed ${seed} ${slice.ok ? 'held' : 'DID NOT HOLD'} in ${slice.seconds.toFixed(0)} s, about ${Math.ceil((left * took) / 60)} min left`);
  }
  return sumUp(count, state.slices, state.failedBefore);
}

export function sumUp({ name, counts, slices: wanted }: Pick<Count, 'name' | 'counts' | 'slices'>, slices: readonly Slice[], failedBefore: readonly Slice[] = []): Verified {
  const failedSeeds = slices.filter(({ ok }) => !ok).map(({ seed }) => seed);
  const done = sums(slices);
  const isWhole = slices.length === wanted;
  // What was asked for is held against what was done, so that a wish that nobody hears isn't taken for a deed.
  const short = Object.fromEntries(Object.entries(counts).filter(([what, n]) => isWhole && !((done[what] ?? 0) >= n)).map(([what]) => [what, done[what] ?? 0]));
  return {
    name, ok: failedSeeds.length === 0 && isWhole && Object.keys(short).length === 0, counts, seeds: slices.map(({ seed }) => seed), failedSeeds, short,
    sums: done, seconds: slices.reduce((sum, { seconds }) => sum + seconds, 0), slices: [...slices], failedBefore: [...failedBefore],
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
    for (const group of ['recoveryMs', 'netRecoveryMs', 'abandonedMs'] as const) {
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

const identity = ({ name, counts, slices }: Count, { hash }: Source): string => createHash('sha256').update(JSON.stringify({ name, counts, slices, hash })).digest('hex').slice(0, 16);

function read(file: string): State | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as State;
  } catch {
    // Half a file is no state.
    return null;
  }
}
function kept(file: string, count: Count, source: Source): State | null {
  const state = read(file);
  return state?.of === identity(count, source) ? state : null;
}
function failedIn(file: string): Slice[] {
  const state = read(file);
  return state ? [...(state.failedBefore ?? []), ...state.slices.filter(({ ok }) => !ok)] : [];
}

/** How much of a slice's output is kept in case it fails. */
const SAID_CHARS = 4_000;

async function run(count: Count, seed: number, { hash, commit, dirty }: Source, json: string, o: VerifyOptions): Promise<Slice> {
  rmSync(json, { force: true });
  const began = performance.now();
  const { program, args, env } = count.command({ seed, json });
  const child = spawn(program, args, { cwd: o.root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const end = () => void child.kill('SIGTERM');
  o.signal?.addEventListener('abort', end, { once: true });
  if (o.signal?.aborted) end();
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-SAID_CHARS)));
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      said += error.message;
      resolve(-1);
    });
    child.once('close', (exit, signal) => {
      if (signal) said += `\nended by ${signal}`;
      resolve(exit);
    });
  });
  o.signal?.removeEventListener('abort', end);
  const figures: unknown = existsSync(json) ? JSON.parse(readFileSync(json, 'utf8')) : null;
  rmSync(json, { force: true });
  const replay = [...Object.entries(env ?? {}).filter(([name]) => name !== 'PROVEN_JSON').map(([name, value]) => `${name}=${value}`), program === process.execPath ? 'node' : program, ...args].join(' ');
  return { seed, ok: code === 0, seconds: Math.round((performance.now() - began) / 100) / 10, at: now(), source: hash, commit, dirty, figures, ...(code === 0 ? {} : { said, replay }) };
}
