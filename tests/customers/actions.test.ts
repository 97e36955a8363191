import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Actor } from '../../src/access/viewer.ts';
import { addIdentity, observe, tagCustomer } from '../../src/customers/actions.ts';
import { upsertCustomer, upsertCustomers, type CustomerInput } from '../../src/customers/upsert.ts';
import { touchActivities } from '../../src/identities/customers.ts';
import { setIdentityShared } from '../../src/identities/shared-addresses.ts';
import { inWorkspace, openPool, type Tx } from '../../src/platform/db.ts';
import { newId } from '../../src/platform/ids.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { AT, customersOf, email, eventsOf, identityAt, phone, resolve } from '../identities/people.ts';

let db: TestDatabase;
let ws: string;
let agent: Actor;
let program: Actor;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db?.close());
beforeEach(async () => {
  ({ id: ws } = await db.workspace());
  agent = { workspaceId: ws, kind: 'MEMBER', id: newId() };
  program = { workspaceId: ws, kind: 'API_KEY', id: newId() };
});

const run = <T>(work: (tx: Tx) => Promise<T>) => inWorkspace(db.app, ws, work);
const upsert = (input: CustomerInput, actor = program) => run((tx) => upsertCustomer(tx, actor, input));
const bulk = (customers: CustomerInput[], more: { errorPolicy?: 'ALL_OR_NOTHING' | 'SKIP_FAILED'; dryRun?: boolean } = {}) =>
  run((tx) => upsertCustomers(tx, program, { customers, errorPolicy: 'ALL_OR_NOTHING', dryRun: false, ...more }));
const get = async (customerId: string) => (await db.owner`select * from customers where workspace_id = ${ws} and id = ${customerId}`)[0]!;
const mail = (value: string) => ({ kind: 'EMAIL', value });
const crm = (value: string) => ({ system: 'crm', value });

describe('upsertCustomer', () => {
  const ada: CustomerInput = {
    externalId: crm('1'), name: 'Ada Lovelace', language: 'en-GB', tier: 'gold', company: 'Engines', attributes: { plan: 'pro', seats: 3, nested: { b: [1], a: null } },
    tags: ['vip', ' new '], identities: [mail('Ada@x.example'), { kind: 'PHONE', value: '+44 20 7946 0958' }],
  };

  test('creates, then finds the same, then changes what differs, and says which', async () => {
    const created = await upsert(ada);
    expect(created.result).toBe('CREATED');
    expect(await get(created.customerId)).toMatchObject({
      name: 'Ada Lovelace', language: 'en-GB', tier: 'gold', company: 'Engines', tags: ['new', 'vip'], attributes: { plan: 'pro', seats: 3, nested: { a: null, b: [1] } }, version: 1,
    });
    expect((await customersOf(db, ws)).get(created.customerId)!.addresses).toEqual(['EMAIL ada@x.example', 'EXTERNAL_ID 1', 'PHONE +442079460958']);
    const events = await eventsOf(db, ws);
    expect(await upsert({ ...ada, attributes: { nested: { a: null, b: [1] } } })).toEqual({ ...created, result: 'NOOP' });
    expect(await eventsOf(db, ws)).toEqual(events);
    expect(await upsert({ identity: mail('ADA@X.example'), tier: 'silver', attributes: { seats: null } })).toEqual({ ...created, result: 'UPDATED' });
    expect(await get(created.customerId)).toMatchObject({ tier: 'silver', attributes: { plan: 'pro' }, version: 2 });
    expect((await eventsOf(db, ws)).slice(events.length)).toEqual(['customer.updated']);
  });

  test('an agent\'s value is shown before a program\'s; taken back, the program\'s appears', async () => {
    const { customerId } = await upsert({ externalId: crm('1'), name: 'From CRM' });
    await upsert({ customerId, name: 'From agent' }, agent);
    expect(await upsert({ customerId, name: 'CRM again' })).toMatchObject({ result: 'UPDATED' });
    expect((await get(customerId)).name).toBe('From agent');
    await upsert({ customerId, name: null }, agent);
    expect((await get(customerId)).name).toBe('CRM again');
  });

  test('an id finds before an address, and what nobody has is added to whom the id found', async () => {
    const byMail = await upsert({ identity: mail('ada@x.example'), name: 'Ada' });
    const withId = await upsert({ externalId: crm('1'), identity: mail('ada@x.example') });
    expect(withId).toEqual({ customerId: byMail.customerId, result: 'UPDATED' });
    expect(await upsert({ externalId: crm('1'), identities: [mail('ada@work.example')] })).toEqual({ customerId: byMail.customerId, result: 'UPDATED' });
    await expect(upsert({ externalId: crm('2'), identity: mail('ada@x.example') })).rejects.toMatchObject({ code: 'ALREADY_EXISTS', details: { field: ['externalId'] } });
  });

  test('another customer\'s address is refused without naming him, and nothing is written', async () => {
    await upsert({ identity: mail('ada@x.example'), name: 'Ada' });
    const before = await customersOf(db, ws);
    const refusal = await upsert({ externalId: crm('2'), name: 'Eve', identities: [mail('eve@x.example'), mail('ada@x.example')] }).catch((error) => error);
    expect(refusal).toMatchObject({ code: 'ADDRESS_TAKEN', details: { field: ['identities', '1'] } });
    expect(refusal.message).not.toMatch(/Ada|ada@|cus_/);
    expect(await customersOf(db, ws)).toEqual(before);
  });

  test('an address that many people use names nobody, and is passed over among others', async () => {
    const shop = await resolve(db.app, ws, [email('info@shop.example')]);
    await expect(upsert({ identity: mail('info@shop.example'), name: 'Bo' })).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { field: ['identity'] } });
    const bo = await upsert({ externalId: crm('1'), identities: [mail('info@shop.example')] });
    expect(bo.customerId).not.toBe(shop.customerId);
    const flat = await resolve(db.app, ws, [phone('+4915112345678')]);
    await run((tx) => setIdentityShared(tx, agent, { identityId: flat.identityId, isShared: true }));
    await expect(upsert({ identity: { kind: 'PHONE', value: '+4915112345678' } })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('expectedVersion is compared and swapped: of two who saw the same, one is refused', async () => {
    const { customerId } = await upsert({ externalId: crm('1'), name: 'A' });
    const outcomes = await Promise.allSettled([upsert({ customerId, name: 'B', expectedVersion: 1 }, agent), upsert({ customerId, name: 'C', expectedVersion: 1 }, agent)]);
    expect(outcomes.map((o) => o.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((outcomes.find((o) => o.status === 'rejected') as PromiseRejectedResult).reason.code).toBe('CONFLICT');
    await expect(upsert({ externalId: crm('9'), expectedVersion: 1 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test.each([
    [{ customerId: undefined }, []],
    [{ identity: mail('nobody') }, ['identity', 'value']],
    [{ identity: { kind: 'PHONE', value: '0000000' } }, ['identity', 'value']],
    [{ identity: { kind: 'PHONE', value: '415 867 5309' } }, ['identity', 'value']],
    [{ identity: { kind: 'SELF', value: 'x' } }, ['identity', 'value']],
    [{ externalId: { system: ' ', value: '1' } }, ['externalId', 'namespace']],
    [{ name: ' ' }, ['name']],
    [{ name: 'a\0b' }, ['name']],
    [{ name: 'x'.repeat(201) }, ['name']],
    [{ language: 'no language' }, ['language']],
    [{ attributes: [] as never, name: 'x' }, ['attributes']],
    [{ attributes: { 'a b': 1 } }, ['attributes']],
    [{ attributes: { a: 'x'.repeat(9_000) } }, ['attributes', 'a']],
    [{ tags: [''] }, ['tags', '0']],
    [{ tags: Array.from({ length: 51 }, (_, n) => `t${n}`) }, ['tags']],
  ] as [CustomerInput, string[]][])('%j is refused by its field', async (input, field) => {
    await expect(upsert(input)).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { field } });
    expect((await customersOf(db, ws)).size).toBe(0);
  });

  test('text in attributes that the database cannot hold is cleaned, at any depth', async () => {
    const { customerId } = await upsert({ externalId: crm('1'), attributes: { a: { 'k\0': ['x\0y', '\ud800'] }, constructor: 1, __proto__: 2 } });
    expect((await get(customerId)).attributes).toEqual({ a: { k: ['xy', '\ufffd'] }, constructor: 1 });
  });

  test('a tag too many over several upserts is refused', async () => {
    const { customerId } = await upsert({ externalId: crm('1'), tags: Array.from({ length: 50 }, (_, n) => `t${n}`) });
    await expect(upsert({ customerId, tags: ['one more'] })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(await upsert({ customerId, tags: ['t7'] })).toMatchObject({ result: 'NOOP' });
  });

  test('another workspace\'s customer does not exist', async () => {
    const other = await db.workspace();
    const { customerId } = await upsert({ externalId: crm('1') });
    const there: Actor = { workspaceId: other.id, kind: 'API_KEY', id: newId() };
    const refused = { code: 'NOT_FOUND' };
    await expect(inWorkspace(db.app, other.id, (tx) => upsertCustomer(tx, there, { customerId, name: 'x' }))).rejects.toMatchObject(refused);
    await expect(inWorkspace(db.app, other.id, (tx) => tagCustomer(tx, there, { customerId, add: ['x'], remove: [] }))).rejects.toMatchObject(refused);
    await expect(inWorkspace(db.app, other.id, (tx) => addIdentity(tx, there, { customerId, identity: mail('a@x.example') }))).rejects.toMatchObject(refused);
    const { identityId } = await resolve(db.app, ws, [email('ada@x.example')]);
    await expect(inWorkspace(db.app, other.id, (tx) => setIdentityShared(tx, there, { identityId, isShared: true }))).rejects.toMatchObject(refused);
    await expect(inWorkspace(db.app, other.id, (tx) => observe(tx, there, { identityId, key: 'name', value: 'x', source: 'CRM', observedAt: AT }))).rejects.toMatchObject(refused);
    expect(await inWorkspace(db.app, other.id, (tx) => upsertCustomer(tx, there, { externalId: crm('1') }))).toMatchObject({ result: 'CREATED' });
  });

  test('16 at once with the same id make one customer', async () => {
    const pool = openPool({ url: db.url, role: 'throughline_app', max: 16, applicationName: 'race' });
    try {
      const all = await Promise.all(Array.from({ length: 16 }, (_, n) =>
        inWorkspace(pool, ws, (tx) => upsertCustomer(tx, program, { externalId: crm('1'), identity: mail('ada@x.example'), tags: [`t${n}`] }))));
      expect(new Set(all.map((one) => one.customerId)).size).toBe(1);
      expect(all.filter((one) => one.result === 'CREATED')).toHaveLength(1);
      expect((await get(all[0]!.customerId)).tags).toHaveLength(16);
    } finally {
      await pool.end({ timeout: 2 });
    }
  });
});

describe('upsertCustomers', () => {
  const rows: CustomerInput[] = [{ externalId: crm('1'), name: 'A' }, { identity: mail('nobody') }, { externalId: crm('1'), name: 'A' }, { externalId: crm('3'), identities: [mail('taken@x.example')] }];
  beforeEach(() => upsert({ identity: mail('taken@x.example') }));

  test('ALL_OR_NOTHING: one refused row, and nothing is written; each row says its own', async () => {
    const before = await customersOf(db, ws);
    const result = await bulk(rows);
    expect(result.map((row) => [row.result, row.refusal?.code ?? null])).toEqual([[null, null], [null, 'INVALID_INPUT'], [null, null], [null, 'ADDRESS_TAKEN']]);
    expect(result[1]!.refusal!.details.field).toEqual(['customers', '1', 'identity', 'value']);
    expect(await customersOf(db, ws)).toEqual(before);
  });
  test('SKIP_FAILED: the others are written, in order', async () => {
    const result = await bulk(rows, { errorPolicy: 'SKIP_FAILED' });
    expect(result.map((row) => row.result)).toEqual(['CREATED', null, 'NOOP', null]);
    expect(result[2]!.customerId).toBe(result[0]!.customerId);
    expect((await customersOf(db, ws)).size).toBe(2);
  });
  test('dryRun: says what would be, and writes nothing', async () => {
    const before = [await customersOf(db, ws), await eventsOf(db, ws)];
    const result = await bulk([rows[0]!, { identity: mail('taken@x.example'), name: 'T' }], { dryRun: true });
    expect(result).toMatchObject([{ result: 'CREATED', customerId: null }, { result: 'UPDATED', customerId: expect.any(String) }]);
    expect([await customersOf(db, ws), await eventsOf(db, ws)]).toEqual(before);
  });
  test('more than 500 are refused', async () => {
    await expect(bulk(Array.from({ length: 501 }, () => ({ name: 'x' })))).rejects.toMatchObject({ code: 'TOO_LARGE' });
  });
  test('two over the same customers in opposite order both end', async () => {
    const many = Array.from({ length: 30 }, (_, n) => ({ externalId: crm(String(n + 1)), identities: [mail(`p${n}@x.example`)], tags: ['x'] }));
    await Promise.all([bulk(many), bulk([...many].reverse()), bulk(many.map((row) => ({ ...row, tags: ['y'] })))]);
    const all = [...(await customersOf(db, ws)).values()].filter((customer) => customer.addresses.length === 2);
    expect(all).toHaveLength(30);
    expect(all.every((customer) => customer.tags.join() === 'x,y')).toBe(true);
  });
});

describe('addIdentity', () => {
  test('adds an address once, and says when it is another\'s or a second id of one system', async () => {
    const ada = await upsert({ externalId: crm('1') });
    const eve = await upsert({ identity: mail('eve@x.example') });
    const add = (identity: { kind: string; namespace?: string; value: string }) => run((tx) => addIdentity(tx, agent, { customerId: ada.customerId, identity }));
    const first = await add(mail('ADA@x.example'));
    expect(await add(mail('ada@x.example'))).toEqual(first);
    expect(await identityAt(db, ws, 'EMAIL', 'ada@x.example')).toMatchObject({ id: first.identityId, trust: 'ATTESTED' });
    await expect(add(mail('eve@x.example'))).rejects.toMatchObject({ code: 'ADDRESS_TAKEN', details: { field: ['identity'] } });
    await expect(add({ kind: 'EXTERNAL_ID', namespace: 'crm', value: '2' })).rejects.toMatchObject({ code: 'ALREADY_EXISTS', details: { field: ['identity'] } });
    const shared = await resolve(db.app, ws, [email('info@shop.example')]);
    await expect(add(mail('info@shop.example'))).rejects.toMatchObject({ code: 'ADDRESS_TAKEN' });
    expect([eve.customerId, shared.customerId]).not.toContain(ada.customerId);
  });
});

describe('tagCustomer', () => {
  test('adds and removes, whoever said a tag, and compares versions', async () => {
    const { customerId } = await upsert({ externalId: crm('1'), tags: ['crm', 'vip'] });
    const tag = (add: string[], remove: string[], expectedVersion?: number) => run((tx) => tagCustomer(tx, agent, { customerId, add, remove, expectedVersion }));
    await tag(['late', 'crm'], ['vip', 'absent', 'crm'], 1);
    expect(await get(customerId)).toMatchObject({ tags: ['crm', 'late'], version: 2 });
    await tag(['vip'], []);
    await tag([], ['vip', 'crm', 'late']);
    expect((await get(customerId)).tags).toEqual([]);
    await expect(tag(['x'], [], 1)).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

describe('observe', () => {
  const say = (identityId: string, value: unknown, more: { source?: 'CHANNEL' | 'CLAIM'; observedAt?: string; key?: string } = {}) =>
    run((tx) => observe(tx, program, { identityId, key: 'name', value, source: 'CHANNEL', observedAt: AT, ...more }));

  test('said again it writes nothing; older history does not replace what is newer', async () => {
    const { customerId, identityId } = await resolve(db.app, ws, [email('ada@x.example')]);
    await say(identityId, 'Ada');
    const events = await eventsOf(db, ws);
    await say(identityId, ' Ada ');
    await say(identityId, 'Ada', { observedAt: '2027-01-01T00:00:00.000Z' });
    expect(await eventsOf(db, ws)).toEqual(events);
    expect(await db.owner`select 1 from attribute_observations where workspace_id = ${ws}`).toHaveLength(1);
    await say(identityId, 'A. Byron', { observedAt: '2020-01-01T00:00:00.000Z' });
    expect((await get(customerId)).name).toBe('Ada');
    await say(identityId, 'Ada King', { observedAt: '2027-01-01T00:00:00.000Z' });
    expect((await get(customerId)).name).toBe('Ada King');
  });

  test('a name that is the address, and a second name on a shared address, say nothing', async () => {
    const ada = await resolve(db.app, ws, [email('ada@x.example')]);
    await say(ada.identityId, 'Ada@x.example');
    const shop = await resolve(db.app, ws, [email('info@shop.example')]);
    await say(shop.identityId, 'The Shop');
    await say(shop.identityId, 'Bo of the shop', { observedAt: '2027-01-01T00:00:00.000Z' });
    expect([(await get(ada.customerId)).name, (await get(shop.customerId)).name]).toEqual([null, 'The Shop']);
  });

  test('what cannot be a value is not kept, and never refused', async () => {
    const { customerId, identityId } = await resolve(db.app, ws, [email('ada@x.example')]);
    for (const value of ['', ' \0 ', 7, {}]) await say(identityId, value);
    await say(identityId, 'klingon!', { key: 'language' });
    await say(identityId, 'given', { key: 'custom.sms_marketing_consent' });
    expect(await get(customerId)).toMatchObject({ name: null, language: null, attributes: { sms_marketing_consent: 'given' } });
  });
});

test('activity is written at most once a minute, and only forwards', async () => {
  const { customerId, identityId } = await resolve(db.app, ws, [email('ada@x.example')]);
  const touch = (at: string) => run((tx) => touchActivities(tx, ws, [{ identityId, at }]));
  const moments = async () => {
    const identity = await identityAt(db, ws, 'EMAIL', 'ada@x.example');
    return [(await get(customerId)).lastActivityAt, identity.firstSeenAt, identity.lastSeenAt];
  };
  await touch('2026-03-02T09:00:59.000Z');
  expect(await moments()).toEqual([AT, AT, AT]);
  await touch('2026-03-02T09:02:00.000Z');
  expect(await moments()).toEqual(['2026-03-02T09:02:00.000Z', AT, '2026-03-02T09:02:00.000Z']);
  await touch('2026-01-01T00:00:00.000Z');
  expect(await moments()).toEqual(['2026-03-02T09:02:00.000Z', '2026-01-01T00:00:00.000Z', '2026-03-02T09:02:00.000Z']);
});
