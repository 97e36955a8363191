import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { viewerOf } from '../../src/access/keys.ts';
import { publishableKey } from '../../src/access/tokens.ts';
import type { Actor } from '../../src/access/viewer.ts';
import {
  accountById, connectChannel, defaultAccount, disconnectChannel, endpointById, rotateSecrets, secretsOf, setAccountState, updateChannelAccount, type ConnectInput,
} from '../../src/channels/accounts.ts';
import { knowMailReceiver } from '../../src/channels/email/ways.ts';
import { inWorkspace, openPool, type Tx } from '../../src/platform/db.ts';
import { refusalsIn, type Refusal } from '../../src/platform/errors.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { newId } from '../../src/platform/ids.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

const KEY = 'canary-identification-secret-0123456789';
const CHAT = { channel: 'LIVE_CHAT', provider: 'throughline', name: 'Shop chat' } as const satisfies ConnectInput;
const WITH_KEY = { ...CHAT, secrets: { identification: { algorithm: 'HS256', key: KEY } } } satisfies ConnectInput;

let db: TestDatabase;
let a: { id: string; actor: Actor };
let b: { id: string; actor: Actor };

beforeAll(async () => {
  initSecrets('a secret of the tests, long enough');
  db = await testDatabase();
});
beforeEach(async () => {
  a = await db.workspace();
  b = await db.workspace('Bolt');
});
afterAll(() => db.close());

const as = <T>(w: typeof a, work: (tx: Tx) => Promise<T>): Promise<T> => inWorkspace(db.app, w.id, work);
const connect = (input: ConnectInput = CHAT, w = a) => as(w, (tx) => connectChannel(tx, w.actor, input));
const stateOf = async (accountId: string) => (await db.owner`select state, is_default, disconnected_at from channel_accounts where id = ${accountId}`)[0]!;

test('a connected account can be used, with its secrets open', async () => {
  const { accountId, endpointId } = await connect(WITH_KEY);
  const account = await as(a, (tx) => accountById(tx, a.id, accountId));
  expect(account).toMatchObject({
    id: accountId, workspaceId: a.id, endpointId, channel: 'LIVE_CHAT', provider: 'throughline', name: 'Shop chat', state: 'ACTIVE', isDefault: true,
    address: `cha_${accountId.replaceAll('-', '')}`, secrets: WITH_KEY.secrets, settings: { form: [] },
  });
  expect(await endpointById(db.app, endpointId)).toEqual({ workspaceId: a.id, id: endpointId, provider: 'throughline', secrets: [WITH_KEY.secrets] });
});

test('no secret lies open in the database, nor in the log', async () => {
  await connect(WITH_KEY);
  const tables = await db.owner<{ table: string }[]>`select quote_ident(table_name) as table from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`;
  for (const { table } of tables) {
    const [row] = await db.owner.unsafe(`select count(*)::int as found from ${table} t where t::text like '%canary-identification%' or t::text like '%${Buffer.from('canary-identification').toString('hex')}%'`);
    expect({ table, found: row!.found }).toEqual({ table, found: 0 });
  }
});

test('sealed secrets that were copied to another endpoint do not open', async () => {
  const one = await connect(WITH_KEY);
  const other = await connect({ ...CHAT, name: 'Second' });
  await db.owner`update channel_endpoints set secrets = (select secrets from channel_endpoints where id = ${one.endpointId}) where id = ${other.endpointId}`;
  await expect(endpointById(db.app, other.endpointId)).rejects.toThrow(/another row/);
});

describe('what is wrong is named, and never shown', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const pem = (key: typeof rsa.publicKey) => key.export({ type: 'spki', format: 'pem' }) as string;
  test.each<[string, Partial<ConnectInput>, string[]]>([
    ['an unknown provider', { provider: 'nobody' }, ['provider']],
    ['a provider of another channel', { channel: 'EMAIL' }, ['provider']],
    ['an empty name', { name: '  ' }, ['name']],
    ['a setting that there is not', { settings: { colour: 'red' } }, ['settings', 'colour']],
    ['a setting of the wrong type', { settings: { form: [{ key: 'Order!', label: 'x' }] } }, ['settings', 'form', '0', 'key']],
    ['settings that are no object', { settings: 'none' }, ['settings']],
    ['a secret too short', { secrets: { identification: { algorithm: 'HS256', key: 'canary' } } }, ['secrets', 'identification', 'key']],
    ['a public key as a secret', { secrets: { identification: { algorithm: 'HS256', key: pem(rsa.publicKey) } } }, ['secrets', 'identification', 'key']],
    ['an RSA key that is too small', { secrets: { identification: { algorithm: 'RS256', key: pem(rsa.publicKey) } } }, ['secrets', 'identification', 'key']],
    ['an RSA key for ES256', { secrets: { identification: { algorithm: 'ES256', key: pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey) } } }, ['secrets', 'identification', 'key']],
    ['another curve', { secrets: { identification: { algorithm: 'ES256', key: pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey) } } }, ['secrets', 'identification', 'key']],
    ['a private key', { secrets: { identification: { algorithm: 'ES256', key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) } } }, ['secrets', 'identification', 'key']],
    ['an algorithm that is none', { secrets: { identification: { algorithm: 'none', key: KEY } } }, ['secrets', 'identification', 'algorithm']],
    ['an address for a chat', { address: 'https://shop.example' }, ['address']],
  ])('%s', async (_name, change, field) => {
    const error = (await connect({ ...CHAT, ...change }).catch((e: unknown) => e)) as Error;
    expect(error).toMatchObject({ code: 'INVALID_INPUT', details: { field } });
    expect(error.message).not.toMatch(/canary|BEGIN/);
  });

  test('every wrong field at once, each by its path, and nothing is stored', async () => {
    const wrong = (await connect({
      channel: 'EMAIL', provider: 'mime', name: ' ', address: 'canary', settings: { port: 0, secure: 'never', colour: 'red', size: 1 }, secrets: { inbound: 'canary', pass: 'canary' },
    }).catch((e: unknown) => e)) as Refusal;
    const fields = refusalsIn(wrong).map(({ code, details }) => `${code} ${details.field!.join('.')}`);
    expect(fields.sort()).toEqual(['address', 'name', 'secrets.inbound', 'secrets.pass', 'settings.colour', 'settings.port', 'settings.secure', 'settings.size'].map((field) => `INVALID_INPUT ${field}`));
    expect(refusalsIn(wrong).filter(({ details }) => details.field![0] === 'secrets').map(({ message }) => message).join()).not.toMatch(/canary/);
    expect(await db.owner`select 1 from channel_accounts where workspace_id = ${a.id}`).toHaveLength(0);
    const { accountId } = await connect(WITH_KEY);
    const changing = await as(a, (tx) => updateChannelAccount(tx, a.actor, { accountId, settings: { colour: 1, form: 'x' } })).catch((e: unknown) => e);
    expect(refusalsIn(changing as Refusal).map(({ details }) => details.field)).toEqual(expect.arrayContaining([['settings', 'form'], ['settings', 'colour']]));
  });

  test('a mailbox by which nothing could come in or go out is refused with what to do; one way is enough', async () => {
    const mailbox = (n: number, settings: unknown, secrets: unknown) => connect({ channel: 'EMAIL', provider: 'mime', name: 'Mail', address: `m${n}@acme.example`, settings, secrets });
    try {
      knowMailReceiver(false);
      await expect(mailbox(1, {}, {})).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { field: ['secrets', 'inbound'] }, message: expect.stringMatching(/webhookUrl.*SMTP_PORT.*settings\.host/) });
      await mailbox(2, { host: 'smtp.acme.example' }, {});
      const { endpointId } = await mailbox(3, {}, { inbound: 'a-secret-of-the-door' });
      await connect({ channel: 'EMAIL', provider: 'mime', name: 'Mail', address: 'm4@acme.example', endpointId });
      knowMailReceiver(true);
      await mailbox(5, {}, {});
    } finally {
      knowMailReceiver(true);
    }
  });

  test.each<[ConnectInput['channel'], string, string | undefined]>([
    ['EMAIL', 'Support@Acme.Example', 'support@acme.example'],
    ['EMAIL', 'support', undefined],
    ['SMS', '+31 20 123 4567', '+31201234567'],
    ['SMS', '38438', '38438'],
    ['SMS', 'ACME Shop', 'ACME Shop'],
    ['SMS', 'not a number at all', undefined],
    ['VOICE', '(020) 123', undefined],
    ['VOICE', '+14158675310', '+14158675310'],
    ['WHATSAPP', 'whatsapp:+1 415 867 5310', '+14158675310'],
    ['WHATSAPP', 'ACME', undefined],
  ])('the address of %s: %s -> %s', async (channel, address, stored) => {
    const provider = channel === 'EMAIL' ? 'mime' : 'twilio';
    const [secrets, settings] = minimal(channel);
    const connecting = connect({ channel, provider, name: 'x', address, secrets, settings });
    if (stored === undefined) await expect(connecting).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { field: ['address'] } });
    else expect((await as(a, async (tx) => accountById(tx, a.id, (await connecting).accountId))).address).toBe(stored);
  });
  const minimal = (channel: ConnectInput['channel']): [unknown, unknown] =>
    channel === 'EMAIL' ? [{}, {}] : [{ authToken: 'x'.repeat(32) }, { accountSid: `AC${'0'.repeat(32)}` }];
});

describe('the default of a channel', () => {
  const defaultOf = () => as(a, (tx) => defaultAccount(tx, a.id, 'LIVE_CHAT'));

  test('is the first account, until another is made it; there is one at any time', async () => {
    expect(await defaultOf()).toBeNull();
    const first = await connect();
    const second = await connect({ ...CHAT, name: 'Second' });
    expect((await defaultOf())!.id).toBe(first.accountId);
    await as(a, (tx) => updateChannelAccount(tx, a.actor, { accountId: second.accountId, isDefault: true }));
    expect((await defaultOf())!.id).toBe(second.accountId);
    await expect(as(a, (tx) => updateChannelAccount(tx, a.actor, { accountId: second.accountId, isDefault: false }))).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await connect({ ...CHAT, name: 'Third', isDefault: true });
    const [count] = await db.owner`select count(*)::int as n from channel_accounts where workspace_id = ${a.id} and is_default`;
    expect(count!.n).toBe(1);
  });

  test('is one even when many are connected as the default at once', async () => {
    await Promise.all(Array.from({ length: 6 }, (_, i) => connect({ ...CHAT, name: `Chat ${i}`, isDefault: true })));
    const [count] = await db.owner`select count(*)::int as n from channel_accounts where workspace_id = ${a.id} and is_default`;
    expect(count!.n).toBe(1);
  });

  test('goes to an active account when it is disabled or disconnected', async () => {
    const first = await connect();
    const second = await connect({ ...CHAT, name: 'Second' });
    await as(a, (tx) => setAccountState(tx, a.actor, { accountId: first.accountId, state: 'DISABLED' }));
    expect((await defaultOf())!.id).toBe(second.accountId);
    await as(a, (tx) => setAccountState(tx, a.actor, { accountId: first.accountId, state: 'ACTIVE' }));
    expect((await defaultOf())!.id).toBe(first.accountId);
    await as(a, (tx) => disconnectChannel(tx, a.actor, { accountId: first.accountId }));
    expect((await defaultOf())!.id).toBe(second.accountId);
  });
});

test('during a rotation both secrets count, the new one first; a leaked one ends at once', async () => {
  const { accountId, endpointId } = await connect(WITH_KEY);
  const secrets = (key: string) => ({ identification: { algorithm: 'HS256', key } });
  const second = secrets('b'.repeat(32));
  await as(a, (tx) => rotateSecrets(tx, a.actor, { accountId, secrets: second }));
  expect((await endpointById(db.app, endpointId))!.secrets).toEqual([second, WITH_KEY.secrets]);
  expect((await as(a, (tx) => accountById(tx, a.id, accountId))).secrets).toEqual(second);
  const third = secrets('c'.repeat(32));
  await as(a, (tx) => rotateSecrets(tx, a.actor, { accountId, secrets: third }));
  expect((await endpointById(db.app, endpointId))!.secrets).toEqual([third, second]);
  await as(a, (tx) => rotateSecrets(tx, a.actor, { accountId, secrets: second, forgetPrevious: true }));
  expect((await endpointById(db.app, endpointId))!.secrets).toEqual([second]);
});

test('two accounts share one credential, which ends with the last of them; nothing of it is kept', async () => {
  const first = await connect(WITH_KEY);
  const second = await connect({ ...CHAT, name: 'Second', endpointId: first.endpointId });
  expect(second.endpointId).toBe(first.endpointId);
  await expect(connect({ ...WITH_KEY, endpointId: first.endpointId })).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { field: ['secrets'] } });
  await as(a, (tx) => disconnectChannel(tx, a.actor, { accountId: first.accountId }));
  expect((await endpointById(db.app, first.endpointId))!.secrets).toEqual([WITH_KEY.secrets]);
  await as(a, (tx) => disconnectChannel(tx, a.actor, { accountId: second.accountId }));
  expect(await endpointById(db.app, first.endpointId)).toBeNull();
  expect((await as(a, (tx) => accountById(tx, a.id, second.accountId))).secrets).toBeNull();
  // For whoever was let in a moment before: none, not one that is null.
  expect(await as(a, (tx) => secretsOf(tx, a.id, first.endpointId))).toEqual([]);
});

test('a disconnected account stays, cannot be enabled, and comes back with its id when connected again', async () => {
  const email = { channel: 'EMAIL', provider: 'mime', name: 'Support', address: 'support@acme.example', settings: {}, secrets: {} } as const;
  const { accountId, endpointId } = await connect(email);
  await expect(connect(email)).rejects.toMatchObject({ code: 'ALREADY_EXISTS', details: { field: ['address'] } });
  await as(a, (tx) => disconnectChannel(tx, a.actor, { accountId }));
  await as(a, (tx) => disconnectChannel(tx, a.actor, { accountId }));
  expect(await stateOf(accountId)).toMatchObject({ state: 'DISCONNECTED', isDefault: false, disconnectedAt: expect.any(String) as string });
  await expect(as(a, (tx) => setAccountState(tx, a.actor, { accountId, state: 'ACTIVE' }))).rejects.toMatchObject({ code: 'INVALID_TRANSITION' });
  const again = await connect({ ...email, name: 'Support again' });
  expect(again.accountId).toBe(accountId);
  expect(again.endpointId).not.toBe(endpointId);
  expect(await stateOf(accountId)).toMatchObject({ state: 'ACTIVE', isDefault: true, disconnectedAt: null });
});

test('a chat’s publishable key opens the visitor’s door while the account is active, and no longer', async () => {
  const { accountId } = await connect();
  const enter = async () => {
    const sql = openPool({ url: db.url, role: 'throughline_app', max: 1, applicationName: 'fresh' });
    return viewerOf(sql, `Bearer ${publishableKey(a.id, accountId)}`).finally(() => sql.end());
  };
  expect(await enter()).toMatchObject({ role: 'VISITOR', workspaceId: a.id, accountId, identityIds: [], expiresAtMs: null });
  await as(a, (tx) => setAccountState(tx, a.actor, { accountId, state: 'DISABLED' }));
  await expect(enter()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await as(a, (tx) => setAccountState(tx, a.actor, { accountId, state: 'ACTIVE' }));
  await enter();
  await as(a, (tx) => disconnectChannel(tx, a.actor, { accountId }));
  await expect(enter()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

test('every change is an event, and what changes nothing is none', async () => {
  const { accountId } = await connect();
  await as(a, (tx) => setAccountState(tx, a.actor, { accountId, state: 'ACTIVE' }));
  await as(a, (tx) => disconnectChannel(tx, a.actor, { accountId }));
  await as(a, (tx) => disconnectChannel(tx, a.actor, { accountId }));
  const events = await db.owner`select kind, data from event_outbox where workspace_id = ${a.id} order by ordinal`;
  expect(events).toEqual([
    { kind: 'channel.changed', data: { accountId, state: 'ACTIVE' } },
    { kind: 'channel.changed', data: { accountId, state: 'DISCONNECTED' } },
  ]);
});

describe('another workspace', () => {
  test('can do nothing with an account, by its own name or by ours', async () => {
    const { accountId } = await connect(WITH_KEY);
    for (const actor of [b.actor, a.actor]) {
      await as(b, async (tx) => {
        const notFound = { code: 'NOT_FOUND' };
        await expect(accountById(tx, actor.workspaceId, accountId)).rejects.toMatchObject(notFound);
        await expect(updateChannelAccount(tx, actor, { accountId, name: 'mine' })).rejects.toMatchObject(notFound);
        await expect(rotateSecrets(tx, actor, { accountId, secrets: {} })).rejects.toMatchObject(notFound);
        await expect(setAccountState(tx, actor, { accountId, state: 'DISABLED' })).rejects.toMatchObject(notFound);
        await expect(disconnectChannel(tx, actor, { accountId })).rejects.toMatchObject(notFound);
      });
    }
    expect(await stateOf(accountId)).toMatchObject({ state: 'ACTIVE' });
  });

  test('cannot connect under our credential', async () => {
    const { endpointId } = await connect(WITH_KEY);
    await expect(connect({ ...CHAT, endpointId }, b)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('an endpoint that is none is none', async () => expect(await endpointById(db.app, newId())).toBeNull());
});
