import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Viewer } from '../../src/access/viewer.ts';
import { openLog } from '../../src/events/log.ts';
import { newId, publicId } from '../../src/platform/ids.ts';
import { desk, viewerOf, type Desk } from '../desk/graph.ts';
import { world, type World } from '../desk/world.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let d: Desk;
let w: World;
let viewer: Viewer;
let customerId: string;
let conversationId: string;
beforeAll(async () => {
  db = await testDatabase();
  await openLog(db.app);
  d = await desk(db);
});
afterAll(async () => {
  await d.close();
  await db.close();
});
beforeEach(async () => {
  w = await world(db);
  // An API key acts: idempotency keys belong to somebody.
  viewer = viewerOf({ ...w.actor, kind: 'API_KEY', id: newId() });
  const said = await w.say('EMAIL', 'ada@example.com', 'Hi');
  conversationId = publicId('cnv', said.conversationId!);
  customerId = publicId('cus', (await db.owner`select customer_id from identities where id = ${said.identityId}`)[0]!.customerId);
});

const mutate = async (name: string, input: unknown, fields: string, as = viewer) => {
  const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
  const { data, errors } = await d.answer(as, `mutation ($input: ${type}!) { ${name}(input: $input) { ${fields} userErrors { code field } } }`, { input });
  expect(errors).toEqual([]);
  return data[name];
};
const order = (more: object = {}) => ({ system: 'shopify', type: 'order', externalId: '1', number: '#48821', status: 'paid', fields: { total: 12 }, ...more });

describe('notes by the API', () => {
  test('are written, edited, pinned and linked, and show where they belong', async () => {
    const { externalRecord } = await mutate('upsertExternalRecord', order({ identity: { kind: 'EMAIL', value: 'ADA@example.com' } }), 'externalRecord { id }');
    const { note } = await mutate('addNote', { conversationId, body: 'first' }, 'note { id version author { kind id } }');
    expect(note.author.kind).toBe('API_KEY');
    expect((await mutate('editNote', { noteId: note.id, body: 'second', expectedVersion: 1 }, 'note { body version }')).note).toEqual({ body: 'second', version: 2 });
    expect((await mutate('editNote', { noteId: note.id, body: 'third', expectedVersion: 1 }, 'note { body }'))).toEqual({ note: null, userErrors: [{ code: 'CONFLICT', field: ['expectedVersion'] }] });
    expect((await mutate('pinNote', { noteId: note.id }, 'note { pinned }')).note.pinned).toBe(true);
    expect((await mutate('linkNote', { noteId: note.id, add: [externalRecord.id] }, 'note { externalRecords { number } }')).note.externalRecords).toEqual([{ number: '#48821' }]);
    const { customer, conversation, externalRecordByKey } = await d.ask(viewer, `{
      customer(id: "${customerId}") { notes(filter: { pinned: true }) { nodes { body pinnedBy { kind } versions { version body writtenBy { kind } } } } externalRecords { nodes { number } } }
      conversation(id: "${conversationId}") { notes { nodes { body } } }
      externalRecordByKey(system: "shopify", type: "order", externalId: "1") { notes { body } customer { id } fields versions { version status fields } }
    }`);
    expect(customer.notes.nodes).toEqual([{ body: 'second', pinnedBy: { kind: 'API_KEY' }, versions: [{ version: 2, body: 'second', writtenBy: { kind: 'API_KEY' } }, { version: 1, body: 'first', writtenBy: { kind: 'API_KEY' } }] }]);
    expect(customer.externalRecords.nodes).toEqual([{ number: '#48821' }]);
    expect(conversation.notes.nodes).toEqual([{ body: 'second' }]);
    expect(externalRecordByKey).toEqual({ notes: [{ body: 'second' }], customer: { id: customerId }, fields: { total: 12 }, versions: [{ version: 1, status: 'paid', fields: { total: 12 } }] });
  });

  test('the same idempotency key writes one note', async () => {
    const input = { customerId, body: 'once', idempotencyKey: 'k1' };
    const [a, b] = [await mutate('addNote', input, 'note { id }'), await mutate('addNote', input, 'note { id }')];
    expect(a).toEqual(b);
    expect((await mutate('addNote', { ...input, body: 'twice' }, 'note { id }')).userErrors).toMatchObject([{ code: 'IDEMPOTENCY_MISMATCH' }]);
  });

  test('are refused to who may not, and to another workspace', async () => {
    const { note } = await mutate('addNote', { customerId, body: 'mine' }, 'note { id }');
    const reporting = viewerOf(viewer.actor, 'REPORTING');
    expect((await d.answer(reporting, `{ note(id: "${note.id}") { body } }`)).errors[0]!.code).toBe('FORBIDDEN');
    expect((await d.answer(reporting, `mutation { addNote(input: { customerId: "${customerId}", body: "x" }) { userErrors { code } } }`)).errors[0]!.code).toBe('FORBIDDEN');
    const other = viewerOf({ ...(await world(db)).actor, kind: 'API_KEY', id: newId() });
    expect((await d.ask(other, `{ note(id: "${note.id}") { body } }`)).note).toBeNull();
    expect((await mutate('editNote', { noteId: note.id, body: 'x' }, 'note { id }', other)).userErrors).toMatchObject([{ code: 'NOT_FOUND' }]);
  });
});

describe('records by the API', () => {
  test('an upsert says what it did; left out stays, null takes away', async () => {
    const fields = 'result externalRecord { status number version customer { id } }';
    expect(await mutate('upsertExternalRecord', order({ customerId }), fields)).toMatchObject({ result: 'CREATED', externalRecord: { version: 1, customer: { id: customerId } } });
    expect(await mutate('upsertExternalRecord', order(), fields)).toMatchObject({ result: 'NOOP' });
    expect(await mutate('upsertExternalRecord', { system: 'shopify', type: 'order', externalId: '1', status: null, identity: null }, fields))
      .toMatchObject({ result: 'UPDATED', externalRecord: { status: null, number: '#48821', customer: null, version: 2 } });
    expect((await mutate('upsertExternalRecord', order({ expectedVersion: 1, status: 'x' }), fields)).userErrors).toMatchObject([{ code: 'CONFLICT' }]);
  });

  test('a bulk upsert answers per row, in order, under either policy, and a dry run writes nothing', async () => {
    const records = [order(), order({ externalId: '2', url: 'javascript:alert(1)' }), order({ externalId: '3', customerId })];
    const fields = 'rows { result externalRecord { externalId } userErrors { code field } }';
    const all = await mutate('upsertExternalRecords', { records }, fields);
    expect(all.rows.map((row: any) => [row.result, row.userErrors])).toEqual([[null, []], [null, [{ code: 'INVALID_INPUT', field: ['records', '1', 'url'] }]], [null, []]]);
    const dry = await mutate('upsertExternalRecords', { records, errorPolicy: 'SKIP_FAILED', dryRun: true }, fields);
    expect(dry.rows.map((row: any) => row.result)).toEqual(['CREATED', null, 'CREATED']);
    expect((await d.ask(viewer, '{ externalRecords { totalCount { count } } }')).externalRecords.totalCount.count).toBe(0);
    const some = await mutate('upsertExternalRecords', { records, errorPolicy: 'SKIP_FAILED' }, fields);
    expect(some.rows.map((row: any) => row.externalRecord?.externalId ?? null)).toEqual(['1', null, '3']);
  });

  test('an owner named twice is refused', async () => {
    expect((await mutate('upsertExternalRecord', order({ customerId, identity: { kind: 'EMAIL', value: 'ada@example.com' } }), 'result')).userErrors).toMatchObject([{ code: 'INVALID_INPUT' }]);
  });
});
