// `throughline import` and `throughline trace`, over an mbox of many mails.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { ROOT, SECRET_KEY } from '../harness/server.ts';
import { throughline } from './run.ts';

const MAILS = 200;
// Each command is a process that reads the whole program.
vi.setConfig({ testTimeout: 60_000 });

let db: TestDatabase;
let folder: string;
let workspaceId: string;
let mbox: string;
const env = () => ({ DATABASE_URL: db.url, SECRET_KEY, DATA_DIR: join(folder, 'data') });
const load = (path: string, ...more: string[]) => throughline(['import', '--channel', 'email', '--account', 'Support@Acme.example', ...more, path], env());
const count = async (table: string) => (await db.owner`select count(*)::int as n from ${db.owner(table)} where workspace_id = ${workspaceId}`)[0]!.n as number;

beforeAll(async () => {
  db = await testDatabase();
  ({ id: workspaceId } = await db.workspace('Acme'));
  folder = await mkdtemp(join(tmpdir(), 'throughline-import-'));
  mbox = join(folder, 'archive');
  writeFileSync(mbox, Array.from({ length: MAILS }, (_, i) => [
    'From sender@customers.example Mon Feb  5 10:00:00 2024', `From: Person ${i % 40} <person-${i % 40}@customers.example>`, 'To: support@acme.example', `Subject: Matter ${i}`,
    `Message-ID: <${i}@archive.example>`, `Date: ${new Date(Date.UTC(2024, 1, 1) + i * 3_600_000).toUTCString()}`, '', `Text ${i}`, '>From here on: more.', '', '',
  ].join('\n')).join(''));
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

test('a mailbox that isn’t connected is asked for', async () => {
  expect(await load(mbox)).toMatchObject({ code: 2, stderr: expect.stringContaining('has no mailbox support@acme.example: connect it, or give --connect') });
  expect(await load(join(folder, 'nothing'), '--connect')).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no file or folder') });
  expect(await count('channel_accounts')).toBe(0);
});

test('a run that is killed goes on where it was; every mail is there once, as history', async () => {
  const child = spawn(process.execPath, ['bin/throughline.mjs', 'import', '--channel', 'email', '--account', 'support@acme.example', '--connect', mbox], { cwd: ROOT, env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env() }, stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise<void>((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (/ [1-5]\d % /.test(said)) child.kill('SIGKILL');
    });
    child.once('close', (_code, signal) => (signal === 'SIGKILL' ? resolve() : reject(new Error(said))));
  });
  const stored = await count('deliveries');
  expect(stored).toBeGreaterThan(MAILS / 20);
  expect(stored).toBeLessThan(MAILS);

  const ran = await load(mbox, '--json');
  expect(ran.code).toBe(0);
  const summary = JSON.parse(ran.stdout);
  expect(summary).toMatchObject({ files: MAILS, before: stored, duplicates: 0, rejected: [], unshown: [], seconds: expect.any(Number) });
  expect([await count('messages'), await count('deliveries')]).toEqual([MAILS, MAILS]);
  // 40 people, each with an address and a self.
  expect([await count('customers'), await count('identities')]).toEqual([40, 80]);
  const [row] = await db.owner`select text, occurred_at, historical from messages where workspace_id = ${workspaceId} and subject = 'Matter 7'`;
  expect(row).toEqual({ text: 'Text 7\nFrom here on: more.', occurredAt: '2024-02-01T07:00:00.000Z', historical: true });
  expect(await db.owner`select distinct status from conversations where workspace_id = ${workspaceId}`).toEqual([{ status: 'CLOSED' }]);
  expect(await count('routing_decisions')).toBe(0);
  expect(existsSync(`${mbox}.not-shown.jsonl`)).toBe(false);
});

test('a second run changes nothing and says what was there', async () => {
  const before = [await count('messages'), await count('deliveries'), await count('events'), await count('event_outbox')];
  const ran = await load(mbox);
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(new RegExp(`^${MAILS} mails in [\\d.]+ s: 0 messages, 0 delivery reports, 0 others, 0 duplicates, 0 rejected.\n${MAILS} were there before.\n$`)) });
  expect([await count('messages'), await count('deliveries'), await count('events'), await count('event_outbox')]).toEqual(before);
});

test('what is on no timeline is listed with the reason, beside what was imported', async () => {
  const mails = join(folder, 'mails');
  const { ownMails } = await import('../journey/mails.ts');
  expect(ownMails(folder)).toBe(mails);
  const ran = await load(mails, '--json');
  const summary = JSON.parse(ran.stdout);
  expect(summary).toMatchObject({ files: 9, messages: 5, receipts: 1, duplicates: 1 });
  expect(summary.rejected).toEqual([
    { file: 'older/6-nothing.eml', reason: expect.stringMatching(/^UNPARSED: .*empty/) },
    { file: 'older/7-nested.eml', reason: expect.stringMatching(/^UNPARSED: .*nesting/) },
  ]);
  expect(summary.unshown.map((one: { file: string }) => one.file)).toEqual([expect.stringMatching(/[14]-/), 'older/5-bounce.eml']);
  const listed = readFileSync(`${mails}.not-shown.jsonl`, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  expect(listed).toEqual([...summary.rejected.map((one: object) => ({ ...one, rejected: true })), ...summary.unshown.map((one: object) => ({ ...one, rejected: false }))]);
  // And again, from what was stored.
  const again = JSON.parse((await load(mails, '--json')).stdout);
  expect(again).toMatchObject({ files: 9, before: 9, messages: 0, duplicates: 0, rejected: summary.rejected, unshown: summary.unshown });
});

test('--live brings a mail in as if it came now', async () => {
  const file = join(folder, 'live.eml');
  writeFileSync(file, 'From: live@customers.example\r\nTo: support@acme.example\r\nMessage-ID: <live@customers.example>\r\nSubject: Now\r\n\r\nNow!\r\n');
  expect(JSON.parse((await load(file, '--live', '--json')).stdout)).toMatchObject({ files: 1, messages: 1 });
  const [row] = await db.owner`select m.historical, c.status from messages m join conversations c on c.workspace_id = m.workspace_id and c.id = m.conversation_id
    where m.workspace_id = ${workspaceId} and m.provider_message_id = 'live@customers.example'`;
  expect(row).toEqual({ historical: false, status: 'OPEN' });
});

test('trace explains a mail from the door to the event, as text and as JSON, and says when nobody heard of it', async () => {
  const [text, json, unknown] = await Promise.all([
    throughline(['trace', '<7@archive.example>'], env()), throughline(['trace', '7@archive.example', '--json'], env()), throughline(['trace', 'never@customers.example'], env())]);
  expect(text.code).toBe(0);
  expect(text.stdout.split('\n').map((line) => line.split(' ')[0]).filter(Boolean)).toEqual(['door', 'signature', 'raw', 'parse', 'customer', 'conversation', 'message', 'event', 'routing']);
  expect(text.stdout).toContain('imported by the operator');
  const [traced] = JSON.parse(json.stdout);
  expect(traced).toMatchObject({ subject: { kind: 'MESSAGE', channel: 'EMAIL', historical: true }, arrivals: [{ source: 'IMPORT', state: 'APPLIED' }] });
  // The import numbers its events itself: no server runs here.
  expect(traced.events[0].position).toBeGreaterThan(0);
  expect(unknown).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('never heard of') });
});
