// bin/program.mjs: the command runs what the sources say now, however many begin at once, and where nothing can be kept.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const ROOT = new URL('../..', import.meta.url).pathname;
let dir: string;
let cache: string;

/** A package of the same shape, small: the builder is copied, its sources are a few lines. */
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'throughline-program-'));
  cache = join(dir, 'node_modules/.cache/throughline');
  cpSync(join(ROOT, 'bin'), join(dir, 'bin'), { recursive: true });
  mkdirSync(join(dir, 'node_modules'));
  for (const name of readdirSync(join(ROOT, 'node_modules'))) if (!name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(dir, 'node_modules', name));
  mkdirSync(join(dir, 'src/channels/email'), { recursive: true });
  writeFileSync(join(dir, 'package.json'), '{ "name": "small", "type": "module" }');
  writeFileSync(join(dir, 'src/channels/email/parse-worker.ts'), 'export {};\n');
  says('one');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const says = (word: string): void => writeFileSync(join(dir, 'src/cli.ts'), `const word: string = '${word}';\nif (process.argv[2] === 'fail') throw new Error(word);\nconsole.log(word, typeof PACKAGE_ROOT);\n`);
const command = async (...args: string[]): Promise<string> => (await run(process.execPath, [join(dir, 'bin/throughline.mjs'), ...args], { cwd: tmpdir() })).stdout.trim();
const kept = (): string[] => readdirSync(cache);

test('many that begin at once make it once, and leave nothing half made', async () => {
  expect(await Promise.all([1, 2, 3, 4].map(() => command()))).toEqual(Array(4).fill('one string'));
  expect(kept()).toEqual([expect.stringMatching(/^[0-9a-f]{20}$/)]);
});
test('changed sources are what runs, and what was made of older ones goes after a week', async () => {
  const [before] = kept();
  says('other');
  expect(await command()).toBe('other string');
  expect(kept()).toContain(before);
  const old = new Date('2026-01-01');
  utimesSync(join(cache, before!), old, old);
  says('a third');
  expect(await command()).toBe('a third string');
  expect(kept()).toHaveLength(2);
  expect(kept()).not.toContain(before);
});
test('faults name the places of the sources', async () => {
  await expect(command('fail')).rejects.toThrow(/src\/cli\.ts:2:\d+/);
});
test('where nothing can be kept, the sources are read', async () => {
  // A file where the folder would be: nobody, root neither, can write into it.
  rmSync(join(dir, 'node_modules/.cache'), { recursive: true });
  writeFileSync(join(dir, 'node_modules/.cache'), '');
  expect(await command()).toBe('a third undefined');
  expect(readFileSync(join(dir, 'node_modules/.cache'), 'utf8')).toBe('');
});
