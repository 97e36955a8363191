import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { initSecrets } from '../../src/platform/secrets.ts';
import { newId } from '../../src/platform/ids.ts';
import type { Bus } from '../../src/events/bus.ts';
import { currentPosition, decodeCursor, encodeCursor, learnEpoch, openLog, readLog } from '../../src/events/log.ts';
import { LOG_CHANNEL, sequenceAll, sequenceOnce, startSequencer } from '../../src/events/sequencer.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { act, conversation, numbered } from './make.ts';

let db: TestDatabase;
beforeAll(async () => {
  initSecrets('a secret key of the tests, long enough');
  db = await testDatabase();
  await openLog(db.app);
});
afterAll(() => db.close());

test('of many writers and two sequencers, the log has every committed event once, dense, each writer and conversation in order', async () => {
  const workspaces = [await db.workspace(), await db.workspace()];
  const shared = await Promise.all(workspaces.map(({ id }) => conversation(db.owner, id)));
  const start = await openLog(db.system);
  const sequencers = [startSequencer(db.system), startSequencer(db.system)];
  let rolledBack = 0;
  await Promise.all(Array.from({ length: 6 }, async (_, writer) => {
    for (let n = 1; n <= 25; n++) {
      const of = n % 2;
      const event = numbered(n, n % 3 ? shared[of]!.id : null, { writer });
      if (n % 7 === 0) {
        rolledBack++;
        await expect(act(db.app, workspaces[of]!.id, event, numbered(0, newId()))).rejects.toThrow();
      } else {
        await act(db.app, workspaces[of]!.id, event, { ...event, data: { ...event.data, second: true } });
      }
    }
  }));
  await sequenceAll(db.system);
  await Promise.all(sequencers.map((sequencer) => sequencer.close()));
  expect(await sequenceOnce(db.system)).toBe(0);

  const events = await db.owner`select position, conversation_id, conversation_seq, data from events where position > ${start} order by position`;
  expect(events.map((event) => event.position - start)).toEqual(oneTo((6 * 25 - rolledBack) * 2));
  for (let writer = 0; writer < 6; writer++) {
    const numbers = events.filter((event) => event.data.writer === writer).map((event) => event.data.number * 2 + (event.data.second ? 1 : 0));
    expect(numbers).toEqual(oneTo(25).filter((n) => n % 7).flatMap((n) => [n * 2, n * 2 + 1]));
  }
  for (const { id } of shared) {
    const seqs = events.filter((event) => event.conversationId === id).map((event) => event.conversationSeq);
    expect(seqs).toEqual(oneTo(seqs.length));
  }
});

test('a sequencer that moved events says so on the bus; one that found nothing says nothing', async () => {
  const { id } = await db.workspace();
  const said: string[] = [];
  const bus = { post: (channel: string) => void said.push(channel) } as unknown as Bus;
  const busy = startSequencer(db.system, { bus });
  await act(db.app, id, numbered(1));
  busy.wake();
  await vi.waitFor(() => expect(said).toEqual([LOG_CHANNEL]));
  await busy.close();
  // Its first look, which `close` waits for, finds nothing.
  await startSequencer(db.system, { bus }).close();
  expect(said).toEqual([LOG_CHANNEL]);
});

test('what doesn’t fit into one batch keeps its order over the batches', async () => {
  const { id } = await db.workspace();
  for (let n = 1; n <= 5; n++) await act(db.app, id, numbered(n));
  const moved: number[] = [];
  do moved.push((await db.system<{ n: number }[]>`select sequence_events(2) as n`)[0]!.n);
  while (moved.at(-1)! > 0);
  expect(moved).toEqual([2, 2, 1, 0]);
  expect((await readLog(db.app, id, 0, 10)).map((event) => event.data.number)).toEqual([1, 2, 3, 4, 5]);
});

test("a page has the workspace's events after a position and nobody else's, under its policies", async () => {
  const [mine, other] = [await db.workspace(), await db.workspace()];
  for (let n = 1; n <= 5; n++) {
    await act(db.app, mine.id, numbered(n));
    await act(db.app, other.id, numbered(n));
  }
  await sequenceAll(db.system);
  const all = await readLog(db.app, mine.id, 0, 100);
  expect(all.map((event) => event.data.number)).toEqual([1, 2, 3, 4, 5]);
  expect(new Set(all.map((event) => event.workspaceId))).toEqual(new Set([mine.id]));
  expect((await readLog(db.app, mine.id, all[1]!.position, 2)).map((event) => event.data.number)).toEqual([3, 4]);
  expect(await currentPosition(db.app, mine.id)).toBe(all[4]!.position);
  expect(await currentPosition(db.app, (await db.workspace()).id)).toBe(0);
  // Each wall alone: where no policy holds, and where no statement names the workspace.
  expect((await readLog(db.owner, mine.id, 0, 100)).map((event) => event.id)).toEqual(all.map((event) => event.id));
  // Without a context the role sees nothing, whatever the statement names.
  expect(await db.app`select 1 from events where workspace_id = ${mine.id}`).toHaveLength(0);
  // Nobody writes the log but the sequencer.
  await expect(db.app`update events set kind = 'x'`).rejects.toMatchObject({ code: '42501' });
  await expect(db.system`delete from events`).rejects.toMatchObject({ code: '42501' });
  await expect(db.app`select sequence_events(1)`).rejects.toMatchObject({ code: '42501' });
});

test('the log is read by conversation and by kind', async () => {
  const { id } = await db.workspace();
  const [a, b] = [await conversation(db.owner, id), await conversation(db.owner, id)];
  await act(db.app, id, numbered(1, a.id), numbered(2, b.id), numbered(3));
  await sequenceAll(db.system);
  const numbers = async (filter: Parameters<typeof readLog>[4]) => (await readLog(db.app, id, 0, 10, filter)).map((event) => event.data.number);
  expect(await numbers({ conversationId: a.id })).toEqual([1]);
  expect(await numbers({ kinds: ['message.received'] })).toEqual([1, 2]);
  expect(await numbers({ kinds: [] })).toEqual([]);
});

test('a cursor comes back as its position, and only for the workspace that it was given to', () => {
  const [mine, other] = [newId(), newId()];
  fc.assert(fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (position) => {
    const cursor = encodeCursor(mine, position);
    expect(decodeCursor(mine, cursor)).toBe(position);
    expect(() => decodeCursor(other, cursor)).toThrow(expect.objectContaining({ code: 'INVALID_CURSOR' }));
  }));
});

test('a forged cursor is refused, whichever character was changed', () => {
  const workspaceId = newId();
  const cursor = encodeCursor(workspaceId, 4711);
  fc.assert(fc.property(fc.nat({ max: cursor.length - 1 }), fc.constantFrom(...'0189afAZ.-_é\u0000'), (at, character) => {
    fc.pre(cursor[at] !== character);
    const forged = cursor.slice(0, at) + character + cursor.slice(at + 1);
    expect(() => decodeCursor(workspaceId, forged)).toThrow(expect.objectContaining({ code: 'INVALID_CURSOR' }));
  }));
  for (const junk of ['', 'v1', `${cursor}x`, cursor.toUpperCase(), '9'.repeat(9999)]) {
    expect(() => decodeCursor(workspaceId, junk)).toThrow(expect.objectContaining({ code: 'INVALID_CURSOR' }));
  }
});

test('after the database was restored elsewhere, older cursors get RESYNC and new ones work', async () => {
  const { id } = await db.workspace();
  const cursor = encodeCursor(id, 1);
  const [{ epoch }] = await db.owner`select epoch from log_state` as unknown as [{ epoch: string }];
  // A copy carries the epoch of where it was made; starting on it tells the difference.
  await db.owner`update log_state set epoch = 'aaaaaaaaaaaaaaaa'`;
  learnEpoch('aaaaaaaaaaaaaaaa');
  expect(() => decodeCursor(id, cursor)).toThrow(expect.objectContaining({ code: 'RESYNC' }));
  const inTheCopy = encodeCursor(id, 1);
  await openLog(db.app);
  expect(await db.owner`select epoch from log_state`).toEqual([{ epoch }]);
  expect(() => decodeCursor(id, inTheCopy)).toThrow(expect.objectContaining({ code: 'RESYNC' }));
  expect(decodeCursor(id, cursor)).toBe(1);
  await db.owner`update log_state set epoch = 'aaaaaaaaaaaaaaaa'`;
  await sequenceOnce(db.system);
  expect(await db.owner`select epoch from log_state`).toEqual([{ epoch }]);
});

const oneTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
