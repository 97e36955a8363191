import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { proven } from '../harness/proven.ts';
import { sourceOf } from './source.ts';
import { COUNTS, type Count } from './table.ts';
import { verify } from './verify.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'throughline-verify-'));
  await mkdir(join(dir, 'src'));
  await change('one');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Writes its seed to a file of runs, leaves figures, and fails while a file of its seed's name stands there. */
const count = (slices = 3, things = slices): Count => ({
  name: 'counted', counts: { things }, slices,
  command: ({ seed, json }) => ({
    program: process.execPath,
    args: ['-e', `const fs = require('fs'); fs.appendFileSync('${dir}/runs', '${seed} ');
      fs.writeFileSync('${json}', JSON.stringify({ counts: { things: 1, leastMin: ${seed} }, recoveryMs: { max: ${seed} * 10 } }));
      if (fs.existsSync('${dir}/change-${seed}')) fs.writeFileSync('${dir}/src/index.ts', 'meanwhile');
      if (fs.existsSync('${dir}/fail-${seed}')) { console.log('it broke'); process.exit(1); }`],
    env: { SEED: String(seed) },
  }),
});
const call = (of: Count, slicesMax?: number, signal?: AbortSignal) => verify(of, { stateDir: join(dir, 'state'), root: dir, seed: 5, say: () => {}, ...(slicesMax === undefined ? {} : { slicesMax }), ...(signal ? { signal } : {}) });
const runs = async () => (await readFile(join(dir, 'runs'), 'utf8')).trim();
const change = (text: string) => writeFile(join(dir, 'src', 'index.ts'), text);

test('a count that was stopped goes on where it was, and adds up what its slices found', async () => {
  expect(await call(count(), 2)).toMatchObject({ ok: false, seeds: [5, 6], failedSeeds: [], short: {} });
  const whole = await call(count());
  expect(whole).toMatchObject({ ok: true, seeds: [5, 6, 7], sums: { things: 3, leastMin: 5, recoveryMsMax: 70 } });
  expect(await runs()).toBe('5 6 7');
  await call(count());
  expect(await runs()).toBe('5 6 7');
});

test('a slice that failed once does not hold however often it is called again, and is told with its last words and how to run it', async () => {
  await writeFile(join(dir, 'fail-6'), '');
  const broken = await call(count());
  expect(broken).toMatchObject({ ok: false, failedSeeds: [6] });
  expect(broken.slices[1]!.said).toContain('it broke');
  expect(broken.slices[1]!.replay).toMatch(/^SEED=6 node -e /);
  // It would hold now, by luck; nothing of what it depends on was mended.
  await rm(join(dir, 'fail-6'));
  expect(await call(count())).toMatchObject({ ok: false, failedSeeds: [6] });
  expect(await runs()).toBe('5 6 7');
  await change('mended');
  expect(await call(count())).toMatchObject({ ok: true, failedSeeds: [], failedBefore: [{ seed: 6, ok: false }] });
  expect(await runs()).toBe('5 6 7 5 6 7');
});

test('slices of different sources are not added up; pages that nothing depends on change nothing', async () => {
  await call(count(), 2);
  await writeFile(join(dir, 'README.md'), 'more');
  expect((await call(count(), 1)).seeds).toEqual([5, 6, 7]);
  await change('two');
  expect(await call(count(), 1)).toMatchObject({ ok: false, seeds: [5] });
  expect(await runs()).toBe('5 6 7 5');
});

test('a slice under which the source changed is not counted', async () => {
  await writeFile(join(dir, 'change-6'), '');
  expect(await call(count())).toMatchObject({ ok: false, seeds: [5] });
});

test('a slice that is ended from outside neither held nor failed', async () => {
  const stopping = new AbortController();
  const sleeping: Count = { ...count(1), command: () => ({ program: process.execPath, args: ['-e', 'setTimeout(() => {}, 60_000)'] }) };
  const called = call(sleeping, 1, stopping.signal);
  stopping.abort();
  expect(await called).toMatchObject({ ok: false, seeds: [], failedSeeds: [] });
});

test('a count of which less was done than asked for falls short, though every slice held; so does one that nobody reports', async () => {
  expect(await call(count(3, 4))).toMatchObject({ ok: false, failedSeeds: [], short: { things: 3 } });
  expect(await call({ ...count(), counts: { wishes: 1 } })).toMatchObject({ ok: false, short: { wishes: 0 } });
  expect(await call({ ...count(), counts: { leastMin: 6 } })).toMatchObject({ ok: false, short: { leastMin: 5 } });
});

test('other counts begin anew, and so does a state that was written in half', async () => {
  await call(count());
  expect((await call(count(4))).seeds).toEqual([5, 6, 7, 8]);
  expect(await runs()).toBe('5 6 7 5 6 7 8');
  await writeFile(join(dir, 'state', 'counted.json'), '{ "of": ');
  expect((await call(count(1))).ok).toBe(true);
});

test('a slice says at which commit it ran and whether something was changed', async () => {
  expect((await call(count(1))).slices[0]).toMatchObject({ commit: null, dirty: null });
  const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args], { cwd: dir, encoding: 'utf8', stdio: 'pipe' });
  git('init');
  git('add', 'src');
  git('commit', '-m', 'one');
  expect(sourceOf(dir)).toMatchObject({ commit: git('rev-parse', 'HEAD').trim(), dirty: false });
  await change('two');
  expect((await call(count(1))).slices[0]).toMatchObject({ commit: git('rev-parse', 'HEAD').trim(), dirty: true });
});

test('what tests did is added up in the file that they are given', async () => {
  const before = process.env.PROVEN_JSON;
  process.env.PROVEN_JSON = join(dir, 'proven.json');
  try {
    proven({ runs: 2, loopMsMax: 9 });
    proven({ runs: 3, loopMsMax: 7 });
    expect(JSON.parse(await readFile(join(dir, 'proven.json'), 'utf8'))).toEqual({ counts: { runs: 5, loopMsMax: 9 } });
  } finally {
    if (before === undefined) delete process.env.PROVEN_JSON;
    else process.env.PROVEN_JSON = before;
  }
});

test('every name is there once, and its command is one that can be run and asks for something', () => {
  expect(new Set(COUNTS.map(({ name }) => name)).size).toBe(COUNTS.length);
  for (const { command, counts } of COUNTS) {
    expect(command({ seed: 1, json: '/dev/null' }).args.length).toBeGreaterThan(0);
    expect(Object.keys(counts).length).toBeGreaterThan(0);
  }
});
