// Whether something was rolled up is nobody's to see: the figures are those that are counted from the rows, whatever is written when.
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { rollUpStatistics } from '../../src/analytics/rollups.ts';
import { statisticsSql, type Group } from '../../src/analytics/statistics.ts';
import type { Tx } from '../../src/platform/db.ts';
import { newId } from '../../src/platform/ids.ts';
import { proven } from '../harness/proven.ts';
import { seedOfRun } from '../harness/seeded.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { CHANNELS, DAY_MS, iso, moment, rolledUp, run, START, store, world, ZONES, type World } from './world.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());

const statistics = (workspaceId: string, by: readonly Group[], from: number, to: number): Promise<any[]> =>
  run(db, workspaceId, (param, ws) => statisticsSql(by, param, ws), { from: ['timestamptz', iso(from)], to: ['timestamptz', iso(to)], timeZone: ['text', null] });
const BY: readonly Group[][] = [['DAY'], ['CHANNEL', 'DAY'], ['DAY', 'QUEUE'], ['CHANNEL', 'DAY', 'QUEUE']];

/** The same with nothing rolled up, for as long as it is read. */
async function fromRows(workspaceId: string, read: () => Promise<unknown>): Promise<unknown> {
  await db.owner`update statistics_days set time_zone = 'none of these' where workspace_id = ${workspaceId}`;
  const rows = await read();
  await db.owner`update statistics_days set time_zone = w.time_zone from workspaces w where w.id = workspace_id and workspace_id = ${workspaceId}`;
  return rows;
}

/** What can be written later, about anything that there is. */
const late = fc.array(fc.record({ what: fc.constantFrom('messages', 'history', 'queue', 'owner', 'status', 'deleted', 'response', 'moved', 'earlier', 'channel'), which: fc.nat(100), at: moment, other: fc.nat(2) }), { minLength: 1, maxLength: 6 });
type Late = typeof late extends fc.Arbitrary<(infer T)[]> ? T : never;

async function write(workspaceId: string, w: World, { what, which, at, other }: Late): Promise<void> {
  const sql = db.owner;
  const { id, messages: [message] } = w.conversations[which % w.conversations.length]!;
  const [conversation] = await sql`select identity_id, status, created_at from conversations where workspace_id = ${workspaceId} and id = ${id}`;
  const of = sql`where workspace_id = ${workspaceId} and id = ${id}`;
  switch (what) {
    case 'messages':
      await sql`insert into messages ${sql([at, at - DAY_MS, at + DAY_MS].slice(0, other + 1).map((each) => ({
        workspaceId, id: newId(), conversationId: id, identityId: conversation!.identityId, channel: CHANNELS[other]!, direction: other === 1 ? 'OUTBOUND' : 'INBOUND', authorKind: 'CUSTOMER', occurredAt: iso(each)!,
        receivedAt: iso(each)!, deliveryState: 'RECEIVED', joinReason: 'EXPLICIT', createdAt: iso(each)!,
      })))}`;
      return;
    case 'history':
      await sql`update conversations set history_ended_at = ${iso(other === 0 ? Date.now() : at)} ${of} and history_ended_at is not null`;
      return;
    case 'queue':
      await sql`update conversations set queue_id = ${w.queues[other] ?? null} ${of}`;
      return;
    case 'owner':
      await sql`update identities set customer_id = ${w.customers[other]!} where workspace_id = ${workspaceId} and id = ${conversation!.identityId}`;
      return;
    case 'status': {
      const to = conversation!.status === 'CLOSED' ? 'OPEN' : 'CLOSED';
      await sql.begin(async (tx) => {
        await tx`update conversations set status = ${to}, closed_at = ${to === 'CLOSED' ? iso(at) : null} where workspace_id = ${workspaceId} and id = ${id}`;
        await tx`insert into timeline_entries ${tx({
          workspaceId, id: newId(), identityId: conversation!.identityId, occurredAt: iso(at)!, kind: 'STATUS_CHANGE', refId: newId(), conversationId: id, actorKind: 'SYSTEM', data: tx.json({ from: conversation!.status, to }),
        })}`;
      });
      return;
    }
    case 'deleted':
      await sql`delete from messages where workspace_id = ${workspaceId} and id = ${message!.id}`;
      return;
    case 'response':
      await sql`update conversations set first_inbound_at = ${iso(START)}, first_response_at = ${iso(at)} ${of}`;
      return;
    case 'moved':
      await sql`update messages set occurred_at = ${iso(at)}, channel = ${CHANNELS[other]!} where workspace_id = ${workspaceId} and id = ${message!.id}`;
      return;
    case 'earlier':
      await sql`update conversations set created_at = ${iso(at - 3 * DAY_MS)} ${of}`;
      return;
    case 'channel':
      await sql`update conversations set channels = ${[CHANNELS[other]!]} ${of}`;
  }
}

describe('rolled-up statistics', () => {
  test('are those of the rows, whatever is written after the roll-up, and after the next', async () => {
    const done = { runs: 0 };
    await fc.assert(
      fc.asyncProperty(world, world, late, late, fc.constantFrom(...ZONES), moment, fc.integer({ min: 1, max: 16 * DAY_MS }), async (before, after, soon, later, zone, from, length) => {
        const { id: workspaceId } = await db.workspace();
        const midnight = Math.floor(from / DAY_MS) * DAY_MS;
        let turn = length;
        const same = async () => {
          const read = () => Promise.all([[from, from + length], [midnight, midnight + 5 * DAY_MS], [START - 9 * DAY_MS, START + 40 * DAY_MS]].map(([f, t], i) => statistics(workspaceId, BY[(turn + i) % BY.length]!, f!, t!)));
          turn++;
          expect(await read()).toEqual(await fromRows(workspaceId, read));
        };
        await store(db, workspaceId, before);
        await rolledUp(db, workspaceId, zone);
        await same();
        for (const each of soon) await write(workspaceId, before, each);
        await same();
        await rolledUp(db, workspaceId, zone);
        for (const each of later) await write(workspaceId, before, each);
        await store(db, workspaceId, after);
        await same();
        await rolledUp(db, workspaceId, zone);
        await same();
        done.runs++;
      }),
      { numRuns: Number(process.env.RUNS ?? 3), seed: seedOfRun(), endOnFailure: true },
    );
    proven(done);
  });

  describe('of a workspace', () => {
    let workspaceId: string;
    const conversation: World['conversations'][number] = {
      id: '', customer: 0, queue: 0, channels: ['SMS'], createdAt: START, changes: [], born: 'OPEN', status: 'OPEN', firstInboundAt: START, firstResponseAt: START + 5, closedAt: null, historyEndedAt: null, messages: [],
    };
    const w: World = { queues: [], customers: [], conversations: [] };
    beforeEach(async () => {
      ({ id: workspaceId } = await db.workspace());
      w.queues = [newId(), newId()];
      w.customers = [newId(), newId(), newId()];
      w.conversations = [0, 1, 2, 3].map((day) => ({
        ...conversation, id: newId(), createdAt: START + day * DAY_MS, messages: [{ id: newId(), at: START + day * DAY_MS, direction: 'INBOUND', channel: 'SMS', customer: 0 }],
      }));
      await store(db, workspaceId, w);
      await rolledUp(db, workspaceId, 'UTC');
    });
    const messagesIn = async (from = START, to = START + 4 * DAY_MS) => (await statistics(workspaceId, ['DAY'], from, to)).map((row) => row.messagesIn);
    const marks = async () => (await db.owner`select from statistics_stale where workspace_id = ${workspaceId}`).length;
    /** A transaction in which `work` was done; the function given commits it. */
    const begun = async (work: (tx: Tx) => PromiseLike<unknown>): Promise<() => Promise<unknown>> => {
      let commit: () => void = () => {};
      const committing = new Promise<void>((resolve) => (commit = resolve));
      let ended: Promise<unknown> = Promise.resolve();
      await new Promise<void>((resolve, reject) => {
        ended = db.owner.begin(async (tx) => {
          await work(tx);
          resolve();
          await committing;
        });
        ended.catch(reject);
      });
      return () => {
        commit();
        return ended;
      };
    };
    /** What nobody does, so that it shows where a figure comes from. */
    const forge = () => db.owner`update statistics_rollups set messages_in = messages_in + 100 where workspace_id = ${workspaceId}`;

    test('are what is read by day, and of a day that something was written into later, the rows', async () => {
      await forge();
      expect(await messagesIn()).toEqual([101, 101, 101, 101]);
      await write(workspaceId, w, { what: 'messages', which: 0, at: START + 2 * DAY_MS + 5, other: 0 });
      expect(await messagesIn()).toEqual([101, 101, 2, 101]);
      expect(await marks()).toBe(1);
      await rollUpStatistics(db);
      expect(await messagesIn()).toEqual([101, 101, 2, 101]);
      expect(await marks()).toBe(0);
    });
    test('are not those of another time zone, nor of the one before after it was changed', async () => {
      await forge();
      const [amsterdam] = await run(db, workspaceId, (param, ws) => statisticsSql(['DAY'], param, ws), { from: ['timestamptz', iso(START)], to: ['timestamptz', iso(START + DAY_MS)], timeZone: ['text', 'Europe/Amsterdam'] });
      expect(amsterdam.messagesIn).toBe(1);
      await db.owner`update workspaces set time_zone = 'Asia/Tokyo' where id = ${workspaceId}`;
      expect(await messagesIn()).toEqual([1, 1, 1, 1, 0]);
      await rollUpStatistics(db);
      expect(await messagesIn()).toEqual([1, 1, 1, 1, 0]);
      expect(await db.owner`select distinct time_zone from statistics_days where workspace_id = ${workspaceId}`).toEqual([{ timeZone: 'Asia/Tokyo' }]);
    });
    test('of a day whose writer has not ended yet, they show it the moment that it has', async () => {
      const commit = await begun((tx) => tx`update messages set direction = 'OUTBOUND' where workspace_id = ${workspaceId} and id = ${w.conversations[1]!.messages[0]!.id}`);
      await rollUpStatistics(db);
      expect(await messagesIn()).toEqual([1, 1, 1, 1]);
      await commit();
      expect(await messagesIn()).toEqual([1, 0, 1, 1]);
      await rollUpStatistics(db);
      expect(await messagesIn()).toEqual([1, 0, 1, 1]);
    });
    test('the horizon waits for every transaction that began to write before', async () => {
      const horizon = async () => (await db.owner`select next_at::text, passed_at::text from statistics_horizon`)[0];
      const commit = await begun((tx) => tx`select pg_current_xact_id()`);
      // The one that was set before the writer began may pass still.
      await rollUpStatistics(db);
      const before = await horizon();
      for (let i = 0; i < 3; i++) await rollUpStatistics(db);
      expect(await horizon()).toEqual(before);
      await commit();
      await expect.poll(async () => {
        await rollUpStatistics(db);
        return (await horizon())!.passedAt;
      }, { timeout: 20_000 }).not.toBe(before!.passedAt);
    });
    test('what is written live leaves no mark: a message, an answer, a closing of what began long ago', async () => {
      const now = Date.now();
      await db.owner`update conversations set first_inbound_at = created_at, first_response_at = null where workspace_id = ${workspaceId} and id = ${w.conversations[1]!.id}`;
      await rollUpStatistics(db);
      await write(workspaceId, w, { what: 'messages', which: 0, at: now, other: 0 });
      await db.owner`update conversations set first_response_at = ${iso(now)} where workspace_id = ${workspaceId} and id = ${w.conversations[1]!.id}`;
      await write(workspaceId, w, { what: 'status', which: 1, at: now, other: 0 });
      expect(await marks()).toBe(0);
    });
    test('a workspace in which nothing happened has no days', async () => {
      const { id } = await db.workspace();
      await rollUpStatistics(db);
      expect(await db.owner`select from statistics_days where workspace_id = ${id}`).toHaveLength(0);
    });
    test('after the clock was set back, days that only seemed to be over are counted from their rows', async () => {
      const day = new Date().toISOString().slice(0, 10);
      await db.owner`insert into statistics_days ${db.owner({ workspaceId, day, timeZone: 'UTC', startsAt: `${day}T00:00:00.000Z`, endsAt: iso(Date.parse(day) + DAY_MS)! })}`;
      await db.owner`update statistics_horizon set passed_at = passed_at + interval '2 days'`;
      await write(workspaceId, w, { what: 'messages', which: 0, at: Date.parse(day) + 1, other: 0 });
      await rollUpStatistics(db);
      expect(await messagesIn(Date.parse(day), Date.parse(day) + DAY_MS)).toEqual([1]);
    });
    test('a day whose zone has other rules since is counted from its rows, then rolled up as it lies now', async () => {
      await forge();
      await db.owner`update statistics_days set starts_at = starts_at - interval '1 hour' where workspace_id = ${workspaceId} and starts_at = ${iso(START)}`;
      expect(await messagesIn()).toEqual([1, 101, 101, 101]);
      await rollUpStatistics(db);
      expect(await db.owner`select from statistics_days where workspace_id = ${workspaceId} and starts_at = ${iso(START)}`).toHaveLength(1);
    });
    test('in a database that was restored, marks of other transactions count for nothing, and their days are rolled up anew', async () => {
      await forge();
      await write(workspaceId, w, { what: 'messages', which: 0, at: START + 5, other: 0 });
      await db.owner`update statistics_horizon set epoch = 'of before'`;
      expect(await rollUpStatistics(db)).toBe(0);
      expect(await marks()).toBe(0);
      expect(await messagesIn()).toEqual([2, 101, 101, 101]);
      await rolledUp(db, workspaceId, 'UTC');
      expect(await messagesIn()).toEqual([2, 101, 101, 101]);
    });
    test('several processes that roll up at once do it once', async () => {
      for (const each of w.conversations) await write(workspaceId, w, { what: 'messages', which: 0, at: each.createdAt, other: 0 });
      await Promise.all([1, 2, 3].map(() => rollUpStatistics(db)));
      await rollUpStatistics(db);
      const [row] = await db.owner`select count(*)::int as rows, count(distinct day)::int as days, (select count(*)::int from statistics_stale where workspace_id = ${workspaceId}) as marks from statistics_rollups where workspace_id = ${workspaceId} and split = ''`;
      expect(row).toEqual({ rows: 4, days: 4, marks: 0 });
      expect(await messagesIn()).toEqual([2, 2, 2, 2]);
    });
  });
});
