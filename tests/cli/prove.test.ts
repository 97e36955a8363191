// `throughline prove resume`, in small: the guarantee G4 with figures.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { throughline } from './run.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'throughline-proof-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('subscribers that drop and resume while the server is restarted miss nothing; a finished result isn’t made again', async () => {
  const file = join(folder, 'results.json');
  const args = ['prove', 'resume', '--drops', '18', '--seed', '7', '--json', file];
  const ran = await throughline(args);
  expect(ran, ran.stdout + ran.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/^resume: holds: .* \(seed 7, [\d.]+ s\)/) });
  const { resume } = JSON.parse(readFileSync(file, 'utf8'));
  expect(resume).toMatchObject({ ok: true, seed: 7, drops: 18, faults: [], counts: { subscribers: 6, drops: 18, serverRestarts: 1, lost: 0, doubled: 0, disordered: 0 } });
  expect(resume.counts.eventsInLog).toBeGreaterThan(20);
  expect(resume.counts.eventsSeen).toBeGreaterThan(4 * resume.counts.eventsInLog);
  const again = await throughline(args);
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('from the results that were there') });
  expect(JSON.parse(readFileSync(file, 'utf8')).resume.at).toBe(resume.at);
  expect(await throughline(['prove', 'perpetual-motion'])).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no proof "perpetual-motion"') });
}, 90_000);
