import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { COUNTS, type Count } from './table.ts';
import { verify } from './verify.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'throughline-verify-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Writes its seed to a file of runs, leaves figures, and fails while a file of its seed's name stands there. */
const count = (slices = 3): Count => ({
  name: 'counted', counts: { things: 3 }, slices,
  command: ({ seed, json }) => ({
    program: process.execPath,
    args: ['-e', `const fs = require('fs'); fs.appendFileSync('${dir}/runs', '${seed} ');
      fs.writeFileSync('${json}', JSON.stringify({ counts: { things: 1, leastMin: ${seed} }, recoveryMs: { max: ${seed} * 10 } }));
      if (fs.existsSync('${dir}/fail-${seed}')) { console.log('it broke'); process.exit(1); }`],
  }),
});
const call = (of: Count, slicesMax?: number) => verify(of, { stateDir: join(dir, 'state'), root: dir, seed: 5, say: () => {}, ...(slicesMax === undefined ? {} : { slicesMax }) });
const runs = async () => (await readFile(join(dir, 'runs'), 'utf8')).trim();

test('a count that was stopped goes on where it was, and adds up what its slices found', async () => {
  expect(await call(count(), 2)).toMatchObject({ ok: false, seeds: [5, 6], failedSeeds: [] });
  const whole = await call(count());
  expect(whole).toMatchObject({ ok: true, seeds: [5, 6, 7], sums: { things: 3, leastMin: 5, recoveryMsMax: 70 } });
  expect(await runs()).toBe('5 6 7');
  await call(count());
  expect(await runs()).toBe('5 6 7');
});

test('a slice that failed is told with its seed and its last words, and is run again, alone', async () => {
  await writeFile(join(dir, 'fail-6'), '');
  const broken = await call(count());
  expect(broken).toMatchObject({ ok: false, failedSeeds: [6] });
  expect(broken.slices[1]!.said).toContain('it broke');
  await rm(join(dir, 'fail-6'));
  expect(await call(count())).toMatchObject({ ok: true, failedSeeds: [] });
  expect(await runs()).toBe('5 6 7 6');
});

test('other counts begin anew, and so does a state that was written in half', async () => {
  await call(count());
  expect((await call(count(4))).seeds).toEqual([5, 6, 7, 8]);
  expect(await runs()).toBe('5 6 7 5 6 7 8');
  await writeFile(join(dir, 'state', 'counted.json'), '{ "of": ');
  expect((await call(count(1))).ok).toBe(true);
});

test('every name is there once, and its command is one that can be run', () => {
  expect(new Set(COUNTS.map(({ name }) => name)).size).toBe(COUNTS.length);
  for (const { command } of COUNTS) expect(command({ seed: 1, json: '/dev/null' }).args.length).toBeGreaterThan(0);
});
