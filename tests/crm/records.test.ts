import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Actor } from '../../src/access/viewer.ts';
import { RECORDS_MAX, upsertExternalRecord, upsertExternalRecords } from '../../src/crm/records.ts';
import { newId } from '../../src/platform/ids.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { act, person, refusal, type Person } from './people.ts';

let db: TestDatabase;
let actor: Actor;
let ada: Person;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  actor = (await db.workspace()).actor;
  ada = await person(db.app, actor, { email: 'ada@example.com', phone: '+31612345678' });
});

const order = { system: 'shopify', type: 'order', externalId: '48821', number: '#48821', status: 'paid', fields: { total: 12.5, lines: [{ sku: 'A', n: 1 }] } };
const upsert = (input: unknown, as = actor) => act(db.app, as, (tx) => upsertExternalRecord(tx, as, input));
const bulk = (records: unknown[], o: { errorPolicy?: 'ALL_OR_NOTHING' | 'SKIP_FAILED'; dryRun?: boolean } = {}) =>
  act(db.app, actor, (tx) => upsertExternalRecords(tx, actor, { records, errorPolicy: o.errorPolicy ?? 'SKIP_FAILED', dryRun: o.dryRun ?? false }));
const stored = async () => db.owner`select * from external_records where workspace_id = ${actor.workspaceId} order by external_id`;
const versions = async (id: string) => (await db.owner`select version, content from external_record_versions where external_record_id = ${id} order by version`);
const events = async () => db.owner`select data from event_outbox where workspace_id = ${actor.workspaceId} and kind = 'record.upserted' order by ordinal`;
const entries = async () => db.owner`select identity_id, ref_id, data from timeline_entries where workspace_id = ${actor.workspaceId} and kind = 'RECORD_CHANGE'`;

describe('one record', () => {
  test('is created, then updated, then left alone: each change a version, an event, and one timeline entry', async () => {
    const created = await upsert({ ...order, owner: { customerId: ada.customerId } });
    expect(created).toMatchObject({ result: 'CREATED', refusal: null });
    const updated = await upsert({ system: 'shopify', type: 'order', externalId: '48821', status: 'shipped' });
    expect(updated).toMatchObject({ result: 'UPDATED', recordId: created.recordId });
    expect(await upsert({ ...order, status: 'shipped', owner: { customerId: ada.customerId } })).toMatchObject({ result: 'NOOP', recordId: created.recordId });
    // The order of keys in a JSON object says nothing.
    expect(await upsert({ ...order, status: 'shipped', fields: { lines: [{ n: 1, sku: 'A' }], total: 12.5 } })).toMatchObject({ result: 'NOOP' });
    expect(await stored()).toMatchObject([{ number: '#48821', status: 'shipped', fields: order.fields, identityId: ada.selfIdentityId, version: 2 }]);
    expect((await versions(created.recordId!)).map((v) => v.content.status)).toEqual(['paid', 'shipped']);
    expect((await events()).map((e) => e.data)).toMatchObject([{ result: 'CREATED', version: 1, customerId: ada.customerId }, { result: 'UPDATED', version: 2, customerId: ada.customerId }]);
    expect(await entries()).toMatchObject([{ identityId: ada.selfIdentityId, refId: created.recordId, data: { change: 'UPDATED', version: 2 } }]);
  });

  test('what is left out stays, and null takes it away', async () => {
    await upsert({ ...order, title: 'Shoes', url: 'https://shop.example/48821', owner: { customerId: ada.customerId } });
    await upsert({ system: 'shopify', type: 'order', externalId: '48821', title: null, owner: null });
    expect(await stored()).toMatchObject([{ title: null, identityId: null, url: 'https://shop.example/48821', number: '#48821' }]);
  });

  test('finds its owner by customer, by external id and by any spelling of an address', async () => {
    const grace = await person(db.app, actor, { external_id: 'crm-7' });
    const owners: [unknown, string | null][] = [
      [{ customerId: ada.customerId }, ada.selfIdentityId],
      [{ address: { kind: 'EMAIL', value: ' ADA@Example.com' } }, ada.identityId],
      [{ address: { kind: 'EXTERNAL_ID', value: 'crm-7' } }, grace.identityId],
      [{ address: { kind: 'EMAIL', value: 'nobody@example.com' } }, null],
      [{ address: { kind: 'EMAIL', value: 'no address' } }, null],
    ];
    for (const [owner, identityId] of owners) {
      await upsert({ ...order, externalId: newId(), owner });
      const [last] = await db.owner`select identity_id from external_records where workspace_id = ${actor.workspaceId} order by created_at desc, id desc limit 1`;
      expect(last!.identityId).toBe(identityId);
    }
    await upsert({ ...order, externalId: 'phone', owner: { address: { kind: 'PHONE', value: '+31 6 1234 5678' } } });
    const [byPhone] = await db.owner`
      select i.customer_id from external_records r join identities i on i.id = r.identity_id where r.workspace_id = ${actor.workspaceId} and r.external_id = 'phone'`;
    expect(byPhone!.customerId).toBe(ada.customerId);
  });

  test('a changed version is refused, and so is a version of what is not there', async () => {
    await upsert({ ...order, expectedVersion: null });
    await expect(upsert({ ...order, status: 'x', expectedVersion: 2 })).rejects.toMatchObject(refusal('CONFLICT'));
    await expect(upsert({ ...order, externalId: 'new', expectedVersion: 1 })).rejects.toMatchObject(refusal('CONFLICT'));
    await upsert({ ...order, status: 'x', expectedVersion: 1 });
    expect((await stored()).length).toBe(1);
  });

  test('what no record can be is refused with the field at fault', async () => {
    const bad: [Record<string, unknown>, string][] = [
      [{ system: 'my shop' }, 'system'], [{ type: '' }, 'type'], [{ externalId: '' }, 'externalId'], [{ url: 'javascript:alert(1)' }, 'url'], [{ url: 'not an address' }, 'url'],
      [{ title: 'a\0b' }, 'title'], [{ number: '\udc00' }, 'number'], [{ fields: { deep: [{ '\0': 1 }] } }, 'fields'], [{ fields: { big: 'x'.repeat(40_000) } }, 'fields'], [{ fields: [1] }, 'fields'],
    ];
    for (const [part, field] of bad) {
      await expect(upsert({ ...order, ...part })).rejects.toMatchObject({ ...refusal('INVALID_INPUT'), details: { field: [field] } });
    }
    await expect(upsert({ ...order, owner: { customerId: newId() } })).rejects.toMatchObject(refusal('NOT_FOUND'));
    expect(await stored()).toEqual([]);
  });

  test('the same key is another record in another workspace, and its customers are not found there', async () => {
    await upsert(order);
    const other = (await db.workspace()).actor;
    expect(await upsert(order, other)).toMatchObject({ result: 'CREATED' });
    await expect(upsert({ ...order, owner: { customerId: ada.customerId } }, other)).rejects.toMatchObject(refusal('NOT_FOUND'));
    expect((await upsert({ ...order, owner: { address: { kind: 'EMAIL', value: 'ada@example.com' } } }, other)).result).toBe('NOOP');
  });

  test('two callers at once make one record, and both are told what became of it', async () => {
    for (let round = 0; round < 5; round++) {
      const results = await Promise.all([1, 2, 3, 4].map((n) => upsert({ ...order, externalId: `race-${round}`, status: `s${n}` })));
      expect(results.filter((r) => r.result === 'CREATED').length).toBe(1);
      expect(results.filter((r) => r.result === 'UPDATED').length).toBe(3);
      expect(new Set(results.map((r) => r.recordId)).size).toBe(1);
      expect((await versions(results[0]!.recordId!)).map((v) => v.version)).toEqual([1, 2, 3, 4]);
    }
  });
});

describe('many records', () => {
  const three = [{ ...order, externalId: 'a' }, { ...order, externalId: 'b', url: 'ftp://x' }, { ...order, externalId: 'c' }];

  test('SKIP_FAILED writes the good rows and says of each what became of it', async () => {
    const rows = await bulk(three);
    expect(rows.map((r) => [r.index, r.result, r.refusal?.code ?? null])).toEqual([[0, 'CREATED', null], [1, null, 'INVALID_INPUT'], [2, 'CREATED', null]]);
    expect((await stored()).map((r) => r.externalId)).toEqual(['a', 'c']);
  });

  test('ALL_OR_NOTHING writes nothing when one row is refused', async () => {
    const rows = await bulk(three, { errorPolicy: 'ALL_OR_NOTHING' });
    expect(rows.map((r) => [r.result, r.recordId, r.refusal?.code ?? null])).toEqual([[null, null, null], [null, null, 'INVALID_INPUT'], [null, null, null]]);
    expect(await stored()).toEqual([]);
    expect(await events()).toEqual([]);
    expect((await bulk([three[0], three[2]], { errorPolicy: 'ALL_OR_NOTHING' })).map((r) => r.result)).toEqual(['CREATED', 'CREATED']);
  });

  test('a dry run says what would become of each row and writes nothing', async () => {
    await upsert({ ...order, externalId: 'a' });
    const rows = await bulk([three[0], { ...three[0], status: 'new' }, three[2], three[1]], { dryRun: true });
    expect(rows.map((r) => r.result)).toEqual(['NOOP', 'UPDATED', 'CREATED', null]);
    expect(rows[2]!.recordId).toBeNull();
    expect((await stored()).map((r) => [r.externalId, r.status])).toEqual([['a', 'paid']]);
    expect((await events()).length).toBe(1);
  });

  test('rows of one key are taken in order, and calls with the same rows in opposite orders both end', async () => {
    expect((await bulk([three[0], { ...three[0], status: 'x' }, { ...three[0], status: 'x' }])).map((r) => r.result)).toEqual(['CREATED', 'UPDATED', 'NOOP']);
    const many = Array.from({ length: 20 }, (_, i) => ({ ...order, externalId: `k${i}`, owner: { customerId: ada.customerId } }));
    const both = await Promise.all([bulk(many), bulk([...many].reverse())]);
    expect(both.flat().filter((r) => r.result === 'CREATED').length).toBe(20);
    expect(both.flat().filter((r) => r.result === 'NOOP').length).toBe(20);
  });

  test('more rows than the limit are refused at once', async () => {
    await expect(bulk(Array.from({ length: RECORDS_MAX + 1 }, () => order))).rejects.toMatchObject(refusal('TOO_LARGE'));
  });
});
