import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { verifyChain, verifyLog } from '../../src/events/chain.ts';
import { sequenceOnce } from '../../src/events/sequencer.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { act, numbered } from './make.ts';

let db: TestDatabase;
let workspaceId: string;
let positions: number[];
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  workspaceId = (await db.workspace()).id;
  const other = await db.workspace();
  for (let n = 1; n <= 6; n++) {
    await act(db.app, workspaceId, numbered(n, null, { a: 'ONE', b: n }));
    await act(db.app, other.id, numbered(n));
    // Chains go on over batches, and over events of others between them.
    if (n % 2 === 0) await sequenceOnce(db.system);
  }
  positions = (await db.owner`select position from events where workspace_id = ${workspaceId} order by position`).map((row) => row.position);
});

test('an untouched chain is intact, whatever the time zone of who looks, and so is that of a workspace without events', async () => {
  const verdict = await verifyChain(db.system, workspaceId);
  expect(verdict).toMatchObject({ intact: true, events: 6, head: { position: positions[5] } });
  await db.owner.begin(async (tx) => {
    await tx`set local timezone to 'Asia/Kathmandu'`;
    expect(await verifyChain(tx as never, workspaceId)).toEqual(verdict);
  });
  expect(await verifyChain(db.system, (await db.workspace()).id)).toEqual({ intact: true, events: 0, head: null });
  expect((await verifyLog(db.system)).intact).toBe(true);
});

test('a changed value of any column is noticed, at its event', async () => {
  const changes = [
    (p: number) => db.owner`update events set data = data || '{"b": 99}' where position = ${p}`,
    (p: number) => db.owner`update events set kind = 'note.added' where position = ${p}`,
    (p: number) => db.owner`update events set actor_kind = 'BOT' where position = ${p}`,
    (p: number) => db.owner`update events set occurred_at = occurred_at + interval '1 millisecond' where position = ${p}`,
    (p: number) => db.owner`update events set id = gen_random_uuid() where position = ${p}`,
    (p: number) => db.owner`update events set hash = sha256('x') where position = ${p}`,
  ];
  for (const change of changes) {
    const before = await db.owner`select * from events where position = ${positions[2]!}`;
    await change(positions[2]!);
    expect(await verifyChain(db.system, workspaceId)).toEqual({ intact: false, reason: 'CHANGED', position: positions[2] });
    const { kind, actorKind, occurredAt, id, hash, data } = before[0]!;
    await db.owner`
      update events set kind = ${kind}, actor_kind = ${actorKind}, occurred_at = ${occurredAt}, id = ${id}, hash = ${hash},
        data = ${JSON.stringify(data)}::text::jsonb
      where position = ${positions[2]!}`;
    expect((await verifyChain(db.system, workspaceId)).intact).toBe(true);
  }
});

test('a removed event is noticed at the next one', async () => {
  await db.owner`delete from events where position = ${positions[3]!}`;
  expect(await verifyChain(db.system, workspaceId)).toEqual({ intact: false, reason: 'CHANGED', position: positions[4] });
  expect((await verifyLog(db.system)).intact).toBe(false);
});

test('two events in each other’s place are noticed', async () => {
  const [a, b] = [positions[1]!, positions[2]!];
  await db.owner`update events set position = -1 where position = ${a}`;
  await db.owner`update events set position = ${a} where position = ${b}`;
  await db.owner`update events set position = ${b} where position = -1`;
  expect(await verifyChain(db.system, workspaceId)).toEqual({ intact: false, reason: 'CHANGED', position: a });
});

test('a missing end is noticed, by a noted head even when the chain’s own end was cut too', async () => {
  const before = await verifyChain(db.system, workspaceId);
  const noted = before.intact ? before.head! : undefined;
  await db.owner`delete from events where position = ${positions[5]!}`;
  expect(await verifyChain(db.system, workspaceId)).toEqual({ intact: false, reason: 'TRUNCATED', position: positions[4] });
  await db.owner`
    update event_chains c set position = e.position, hash = e.hash from events e
    where e.position = ${positions[4]!} and c.workspace_id = e.workspace_id`;
  expect((await verifyChain(db.system, workspaceId)).intact).toBe(true);
  expect(await verifyChain(db.system, workspaceId, noted)).toEqual({ intact: false, reason: 'TRUNCATED', position: noted!.position });
  expect((await verifyLog(db.system)).intact).toBe(false);
});

test('everything removed is noticed', async () => {
  await db.owner`delete from events where workspace_id = ${workspaceId}`;
  expect(await verifyChain(db.system, workspaceId)).toEqual({ intact: false, reason: 'TRUNCATED', position: 0 });
});

test('a chain made anew over other content is noticed by a noted head', async () => {
  const before = await verifyChain(db.system, workspaceId);
  const noted = before.intact ? before.head! : undefined;
  await db.owner`update events set data = '{}' where position = ${positions[0]!}`;
  await db.owner`
    update events e set hash = n.hash from (
      select position, event_chain(event_chain_start(workspace_id), event_content(e)) over (order by position) as hash
      from events e where workspace_id = ${workspaceId}
    ) n where n.position = e.position`;
  await db.owner`
    update event_chains c set hash = e.hash from events e where e.position = c.position and c.workspace_id = ${workspaceId}`;
  expect((await verifyChain(db.system, workspaceId)).intact).toBe(true);
  expect(await verifyChain(db.system, workspaceId, noted)).toEqual({ intact: false, reason: 'CHANGED', position: noted!.position });
});
