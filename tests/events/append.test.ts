import { afterAll, beforeAll, expect, test } from 'vitest';
import { inWorkspace } from '../../src/platform/db.ts';
import { newId } from '../../src/platform/ids.ts';
import { appendEvents, putTimelineEntry } from '../../src/events/append.ts';
import { sequenceAll } from '../../src/events/sequencer.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { act, conversation, numbered } from './make.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());

test("a conversation's events are numbered without gaps, in order, over several transactions and beside other conversations", async () => {
  const { id: workspaceId } = await db.workspace();
  const [a, b] = [await conversation(db.owner, workspaceId), await conversation(db.owner, workspaceId)];
  await act(db.app, workspaceId, numbered(1, a.id), numbered(2, b.id), numbered(3), numbered(4, a.id));
  await act(db.app, workspaceId, numbered(5, a.id));
  await sequenceAll(db.system);
  const rows = await db.owner`select data->'number' as number, conversation_id, conversation_seq from events where workspace_id = ${workspaceId} order by position`;
  expect(rows.map((row) => [row.number, row.conversationId, row.conversationSeq])).toEqual([
    [1, a.id, 1], [2, b.id, 1], [3, null, null], [4, a.id, 2], [5, a.id, 3],
  ]);
  const [{ seq }] = await db.owner`select seq from conversations where id = ${a.id}` as unknown as [{ seq: number }];
  expect(seq).toBe(3);
});

test('two transactions that append to the same conversations in opposite order both succeed', async () => {
  const { id: workspaceId } = await db.workspace();
  const [a, b] = [await conversation(db.owner, workspaceId), await conversation(db.owner, workspaceId)];
  await Promise.all(Array.from({ length: 20 }, (_, i) =>
    db.app.begin(async (tx) => {
      await tx`select set_config('app.workspace_id', ${workspaceId}, true)`;
      await appendEvents(tx, workspaceId, i % 2 ? [numbered(i, a.id), numbered(i, b.id)] : [numbered(i, b.id), numbered(i, a.id)]);
    })));
  const rows = await db.owner`select conversation_id, array_agg(conversation_seq order by ordinal) as seqs from event_outbox where workspace_id = ${workspaceId} group by 1`;
  expect(rows.map((row) => (row.seqs as number[]).map(Number))).toEqual([oneTo(20), oneTo(20)]);
});

test("an action that fails leaves no event, no number and no entry", async () => {
  const { id: workspaceId } = await db.workspace();
  const a = await conversation(db.owner, workspaceId);
  await expect(inWorkspace(db.app, workspaceId, async (tx) => {
    await putTimelineEntry(tx, workspaceId, entry(a, newId()));
    await appendEvents(tx, workspaceId, [numbered(1, a.id)]);
    throw new Error('no');
  })).rejects.toThrow('no');
  const [row] = await db.owner`
    select (select count(*) from event_outbox where workspace_id = ${workspaceId}) as events,
      (select seq from conversations where id = ${a.id}) as seq,
      (select count(*) from timeline_entries where workspace_id = ${workspaceId}) as entries`;
  expect(row).toEqual({ events: 0, seq: 0, entries: 0 });
});

test("another workspace's conversation is refused as one that doesn't exist", async () => {
  const [mine, other] = [await db.workspace(), await db.workspace()];
  const theirs = await conversation(db.owner, other.id);
  await expect(act(db.app, mine.id, numbered(1, theirs.id))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(act(db.app, mine.id, numbered(1, newId()))).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('what may be a name, an address or text never enters the log; ids, enums, counts and moments do', async () => {
  const { id: workspaceId } = await db.workspace();
  for (const text of ['Ada Lovelace', 'ada@example.com', '+491701234567', 'Where is my order?', 'x'.repeat(65)]) {
    await expect(act(db.app, workspaceId, numbered(1, null, { value: text }))).rejects.toThrow('data.value');
    await expect(act(db.app, workspaceId, numbered(1, null, { value: ['OPEN', text] }))).rejects.toThrow('data.value');
  }
  await act(db.app, workspaceId, numbered(1, null, { id: newId(), status: 'OPEN', at: '2026-01-01T00:00:00.000Z', none: null, ids: [newId()], yes: true }));
});

test('an entry is put once a thing and person, changes in place, and keeps its id', async () => {
  const { id: workspaceId } = await db.workspace();
  const [a, b] = [await conversation(db.owner, workspaceId), await conversation(db.owner, workspaceId)];
  const call = newId();
  const put = (of: typeof a, data: Record<string, unknown>) =>
    inWorkspace(db.app, workspaceId, (tx) => putTimelineEntry(tx, workspaceId, { ...entry(of, call), data }));
  await put(a, { status: 'RINGING' });
  const before = await db.owner`select id from timeline_entries where ref_id = ${call}`;
  await put(a, { status: 'ENDED' });
  await put(b, { status: 'ENDED' });
  const rows = await db.owner`select id, identity_id, data from timeline_entries where ref_id = ${call} order by identity_id = ${b.identityId}`;
  expect(rows).toHaveLength(2);
  expect(rows[0]).toEqual({ id: before[0]!.id, identityId: a.identityId, data: { status: 'ENDED' } });
});

const oneTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
const entry = (of: { id: string; identityId: string }, refId: string) => ({
  identityId: of.identityId,
  occurredAt: '2026-01-01T10:00:00.000Z',
  kind: 'CALL' as const,
  refId,
  conversationId: of.id,
  channel: 'VOICE' as const,
  actor: { kind: 'SYSTEM' as const, id: null },
  data: {},
});
