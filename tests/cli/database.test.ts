// The commands that need a database: keys, doctor, seed.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { VIEWER_MS_MAX, viewerOf } from '../../src/access/keys.ts';
import { connectChannel } from '../../src/channels/accounts.ts';
import { tagCustomer } from '../../src/customers/actions.ts';
import { setClock } from '../../src/platform/clock.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { seed } from '../../src/server/seed.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { SECRET_KEY } from '../harness/server.ts';
import { throughline } from './run.ts';

// Each command is a process that reads the whole program.
vi.setConfig({ testTimeout: 60_000 });

let db: TestDatabase;
let folder: string;
const run = (...args: string[]) => throughline(args, { DATABASE_URL: db.url, SECRET_KEY, DATA_DIR: folder });

beforeAll(async () => {
  initSecrets(SECRET_KEY);
  db = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'throughline-cli-'));
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

test('a key is made, listed without its secret, and revoked; which workspace is asked when there are several', async () => {
  await db.workspace('Acme');
  const made = await run('keys', 'create', '--name', 'Ops', '--role', 'reporting', '--workspace', 'acme');
  expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining('only its hash') });
  const key = made.stdout.trim();
  expect(key).toMatch(/^tl_[0-9a-f]{32}_[\w-]{40,}$/);
  await expect(viewerOf(db.app, `Bearer ${key}`)).resolves.toMatchObject({ role: 'REPORTING' });

  const { stdout } = await run('keys', 'list');
  expect(stdout).toMatch(/^key_[0-9a-f]{32} {2}REPORTING .*active {2}Ops$/m);
  expect(stdout).not.toContain(key.split('_').slice(2).join('_'));
  const [keyId] = /key_[0-9a-f]{32}/.exec(stdout)!;
  expect(await run('keys', 'revoke', keyId)).toMatchObject({ code: 0, stdout: expect.stringContaining('Revoked') });
  // Another process keeps what it knew of the key for 4 s at most.
  const putBack = setClock(() => Date.now() + VIEWER_MS_MAX);
  await expect(viewerOf(db.app, `Bearer ${key}`).finally(putBack)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });

  await db.workspace('Other');
  expect(await run('keys', 'list')).toMatchObject({ code: 2, stderr: expect.stringContaining('--workspace one of: Acme, Other') });
  expect(await run('keys', 'create', '--role', 'king', '--name', 'x', '--workspace', 'Acme')).toMatchObject({ code: 2, stderr: expect.stringContaining('ADMIN') });
});

test('doctor names what a login without privileges lacks, with the SQL that mends it, and ends with 1', async () => {
  const login = `cli_stranger_${randomBytes(4).toString('hex')}`;
  await db.owner`create role ${db.owner(login)} login password 'stranger'`;
  try {
    const url = new URL(db.url);
    [url.username, url.password] = [login, 'stranger'];
    const ran = await throughline(['doctor'], { DATABASE_URL: url.href, MIGRATION_DATABASE_URL: db.url, SECRET_KEY, DATA_DIR: folder });
    expect(ran.code).toBe(1);
    for (const role of ['throughline_app', 'throughline_system']) expect(ran.stdout).toContain(`grant ${role} to ${login};`);
    expect(ran.stdout).toMatch(/^MISSING .*\n {8}grant/m);
    expect(ran.stdout).toMatch(/to mend before it runs\.\n$/);
    expect(ran.stdout + ran.stderr).not.toMatch(/stranger'|:stranger@| at .*\.ts:\d/);
  } finally {
    await db.owner`drop role ${db.owner(login)}`;
  }
  expect(await run('doctor')).toMatchObject({ code: 0 });
});

test('an unknown command, and a wrong configuration, are told as such', async () => {
  expect(await throughline(['frobnicate'])).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no command "frobnicate"') });
  expect(await throughline(['help'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/import[\s\S]*trace[\s\S]*prove/) });
  const wrong = await throughline(['keys', 'list'], { DATABASE_URL: 'mysql://root:hunter2@x/y', DATA_DIR: folder });
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('DATABASE_URL must be') });
  expect(wrong.stderr).not.toContain('hunter2');
});

describe('seed', () => {
  const shop = async () => {
    const { id, actor } = await db.workspace(`Seeded ${randomBytes(3).toString('hex')}`);
    await inWorkspace(db.app, id, async (tx) => {
      await connectChannel(tx, actor, { channel: 'LIVE_CHAT', provider: 'throughline', name: 'Chat', secrets: {} });
      await connectChannel(tx, actor, { channel: 'EMAIL', provider: 'mime', name: 'Mail', address: 'support@acme.example', secrets: {} });
      await connectChannel(tx, actor, { channel: 'SMS', provider: 'twilio', name: 'SMS', address: '+14155550100', settings: { accountSid: `AC${'0'.repeat(32)}` }, secrets: { authToken: '0'.repeat(32) } });
    });
    return { id, actor };
  };
  /** All that isn't an id. */
  const content = async (id: string) => ({
    people: await db.owner`select c.name, c.language, c.tier, c.created_at, i.kind, case when i.kind <> 'SELF' then i.value end as value from customers c
      join identities i on i.workspace_id = c.workspace_id and i.customer_id = c.id where c.workspace_id = ${id} order by c.created_at, c.name, i.kind`,
    said: await db.owner`select m.text, m.channel, m.direction, m.occurred_at, i.kind, c.name from messages m join identities i on i.workspace_id = m.workspace_id and i.id = m.identity_id
      join customers c on c.workspace_id = i.workspace_id and c.id = i.customer_id where m.workspace_id = ${id} order by m.occurred_at, m.text`,
    matters: await db.owner`select status, channels, message_count, created_at, last_activity_at, waiting_since from conversations where workspace_id = ${id} order by created_at, last_activity_at`,
  });

  test('the same numbers give the same data', async () => {
    const [one, other] = [await shop(), await shop()];
    const ran = await run('seed', '--customers', '50', '--messages', '1003', '--workspace', `wks_${one.id.replaceAll('-', '')}`);
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/^50 customers and 1003 messages in [\d.]+ s \(\d+ messages\/s\)\.\n$/), stderr: expect.stringContaining('100 %') });
    await seed(db.app, other.id, { customers: 50, messages: 1_003 }, () => {});
    const made = await content(one.id);
    expect([made.people.length, made.said.length, made.matters.length]).toEqual([150, 1_003, 101]);
    expect(await content(other.id)).toEqual(made);
  });

  test('again it goes on with other people, however many messages the first had', async () => {
    const { id } = await shop();
    await seed(db.app, id, { customers: 1, messages: 1_505 }, () => {});
    await seed(db.app, id, { customers: 2, messages: 30 }, () => {});
    const { people, said } = await content(id);
    expect([people.length, said.length]).toEqual([9, 1_535]);
    expect(new Set(said.map((row) => row.text)).size).toBe(1_535);
  });

  test('what is shown of a customer stays when something more is learned', async () => {
    const { id, actor } = await shop();
    await seed(db.app, id, { customers: 1, messages: 0 }, () => {});
    const [before] = await db.owner`select id, name, language, tier from customers where workspace_id = ${id}`;
    expect(before!.name).toMatch(/\w/);
    await inWorkspace(db.app, id, (tx) => tagCustomer(tx, actor, { customerId: before!.id, add: ['seen'], remove: [] }));
    expect((await db.owner`select id, name, language, tier, tags from customers where workspace_id = ${id}`)[0]).toEqual({ ...before, tags: ['seen'] });
  });

  test('a workspace without the accounts is told so', async () => {
    const { id } = await db.workspace('Bare');
    expect(await run('seed', '--workspace', `wks_${id.replaceAll('-', '')}`)).toMatchObject({ code: 1, stderr: expect.stringContaining('connect them first') });
    expect(await run('seed', '--customers', 'many', '--workspace', 'Bare')).toMatchObject({ code: 2, stderr: expect.stringContaining('--customers takes a whole number') });
  });
});
