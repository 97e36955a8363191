// `throughline channels`, against a provider that answers.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { fakeTwilio, type FakeTwilio } from '../../src/sandbox/twilio.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { SECRET_KEY } from '../harness/server.ts';
import { throughline } from './run.ts';

// Each command is a process that reads the whole program.
vi.setConfig({ testTimeout: 120_000 });

const NUMBER = '+4930100200300';
let db: TestDatabase;
let folder: string;
let twilio: FakeTwilio;
let connecting: string[];
const run = (...args: string[]) => throughline(['channels', ...args], { DATABASE_URL: db.url, SECRET_KEY, DATA_DIR: folder, PUBLIC_URL: 'http://127.0.0.1:4000' });
const secrets = async (authToken: string): Promise<string> => {
  const file = join(folder, 'secrets.json');
  await writeFile(file, JSON.stringify({ authToken }), { mode: 0o600 });
  return file;
};

beforeAll(async () => {
  [db, twilio, folder] = await Promise.all([testDatabase(), fakeTwilio(), mkdtemp(join(tmpdir(), 'throughline-cli-'))]);
  twilio.numbers.add(NUMBER);
  await db.workspace('Acme');
  connecting = ['connect', '--channel', 'sms', '--provider', 'twilio', '--name', 'Texts', '--address', NUMBER, '--settings', JSON.stringify({ accountSid: twilio.accountSid, apiBaseUrl: twilio.url })];
});
afterAll(async () => {
  await Promise.all([db.close(), twilio.close()]);
  await rm(folder, { recursive: true, force: true });
});

test('an account is connected once its provider takes the secrets, told what is left to do, checked, rotated, taken out of use and ended; no secret is shown', async () => {
  expect(await run(...connecting, '--secrets', await secrets('f'.repeat(32)))).toMatchObject({ code: 1, stderr: expect.stringContaining('check: false') });
  const made = await run(...connecting, '--secrets', await secrets(twilio.authToken));
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/http:\/\/127\.0\.0\.1:4000\/hooks\/twilio\/end_[0-9a-f]{32}/) });
  expect(made.stdout).toContain('1. ');
  const [id] = /cha_[0-9a-f]{32}/.exec(made.stdout)!;
  expect(await run('check', id)).toMatchObject({ code: 0, stdout: 'The credential is good.\n' });
  const [, ...steps] = made.stdout.trim().split('\n');
  expect((await run('setup', id)).stdout.trim().split('\n')).toEqual(steps);

  expect(await run('rotate', id, '--secrets', await secrets('e'.repeat(32)))).toMatchObject({ code: 0 });
  expect(await run('check', id)).toMatchObject({ code: 1 });
  const listed = await run('list');
  expect(listed.stdout).toMatch(new RegExp(`^${id} {2}SMS .*ACTIVE .*\\${NUMBER} {2}Texts$`, 'm'));
  expect(listed.stdout).toContain('FAULT: ');
  expect(await run('disable', id)).toMatchObject({ code: 0 });
  expect(await run('disconnect', id)).toMatchObject({ code: 0 });
  const after = await run('list');
  expect(after.stdout).toContain('DISCONNECTED');
  for (const { stdout, stderr } of [made, listed, after]) expect(stdout + stderr).not.toContain(twilio.authToken);
});

test('what is missing or wrong is said, by its name', async () => {
  expect(await run('connect', '--channel', 'sms')).toMatchObject({ code: 2, stderr: expect.stringContaining('--provider') });
  const wrong = await run('connect', '--channel', 'sms', '--provider', 'twilio', '--name', 'Texts', '--address', 'nobody at all', '--secrets', await secrets(''));
  expect(wrong.code).toBe(1);
  for (const field of ['address', 'secrets.authToken', 'settings.accountSid']) expect(wrong.stderr).toContain(`${field}: `);
  expect(await run('check')).toMatchObject({ code: 2, stderr: expect.stringContaining('cha_') });
  expect((await run('providers')).stdout).toMatch(/^SMS +twilio +asked before it is connected {2}tells its steps$/m);
});
