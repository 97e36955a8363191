import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openBus, type Bus } from '../../src/events/bus.ts';
import { learnEpoch, openLog, readLog } from '../../src/events/log.ts';
import { sequenceAll, startSequencer, wake, type Sequencer } from '../../src/events/sequencer.ts';
import { LogStream, type EventReader } from '../../src/events/stream.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { act, conversation, numbered, take, within } from './make.ts';

let db: TestDatabase;
let bus: Bus;
let stream: LogStream;
let sequencer: Sequencer;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  bus = openBus(db.system);
  stream = new LogStream({ system: db.system, app: db.app, bus, bufferEventsMax: 8, pageEvents: 3 });
  await stream.start();
  sequencer = startSequencer(db.system, { bus });
});
afterEach(async () => {
  await sequencer.close();
  await stream.close();
  await bus.close();
});

const numbers = (events: { data: Record<string, unknown> }[]) => events.map((event) => event.data.number);

test('a reader over any number of drops, while others write, sees exactly the log', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.nat({ max: 7 }), { minLength: 1, maxLength: 6 }), fc.nat({ max: 30 }), async (reads, before) => {
    const { id } = await db.workspace();
    const { id: elsewhere } = await db.workspace();
    const total = before + 30;
    for (let n = 0; n < before; n += 5) await act(db.app, id, ...oneTo(5).map((i) => numbered(n + i)).slice(0, before - n));
    const writing = (async () => {
      for (let n = before; n < total; n++) {
        await Promise.all([act(db.app, id, numbered(n + 1)), act(db.app, elsewhere, numbered(n))]);
        wake();
      }
    })();
    const seen: unknown[] = [];
    let position = 0;
    for (let at = 0; seen.length < total; at++) {
      const reader = stream.events(id, position);
      const events = await take(Math.min(reads[at % reads.length]! + 1, total - seen.length), reader);
      await reader.return();
      position = events.at(-1)!.position;
      seen.push(...numbers(events));
    }
    await writing;
    expect(seen).toEqual(oneTo(total));
    expect(seen).toEqual(numbers(await readLog(db.app, id, 0, 1000)));
  }), { numRuns: 6 });
});

test('a reader from now on gets what comes, at once, through two processes', async () => {
  const { id } = await db.workspace();
  await act(db.app, id, numbered(0));
  await sequenceAll(db.system);
  await openLog(db.system);
  const there = new LogStream({ system: db.system, app: db.app });
  await there.start();
  const end = (await readLog(db.app, id, 0, 10)).at(-1)!.position;
  const readers = [stream.events(id, end), there.events(id, end), there.events(id, null)];
  for (let n = 1; n <= 5; n++) {
    await act(db.app, id, numbered(n));
    wake();
    for (const reader of readers) expect(numbers(await take(1, reader))).toEqual([n]);
  }
  await there.close();
  for (const reader of readers.slice(1)) expect(await reader.next()).toEqual({ done: true, value: undefined });
});

test('a reader that stalls loses nothing and holds up nobody; what waits for it in memory is bounded', async () => {
  const { id } = await db.workspace();
  const slow = stream.events(id, 0);
  const quick = stream.events(id, 0);
  await act(db.app, id, numbered(1));
  expect(numbers(await take(1, slow))).toEqual([1]);
  const all = take(60, quick);
  for (let n = 2; n <= 60; n += 2) await act(db.app, id, numbered(n), numbered(n + 1));
  expect(numbers(await all)).toEqual(oneTo(60));
  expect((slow as unknown as { buffer: unknown[] }).buffer.length).toBeLessThanOrEqual(8);
  expect(numbers(await take(60, slow))).toEqual(oneTo(61).slice(1));
});

/** A stream whose pages wait for `hold` after they were read, and then may fail. */
async function heldStream(hold: (page: number) => Promise<void>): Promise<{ stream: LogStream; fan(): Promise<void> }> {
  let page = 0;
  const app = new Proxy(db.app, {
    apply: (target, self, args: unknown[]) => {
      const query = Reflect.apply(target as never, self, args) as Promise<unknown>;
      if (!(args[0] as string[]).join('').includes('cross join lateral')) return query;
      return query.then(async (rows) => {
        await hold(++page);
        return rows;
      });
    },
  });
  const held = new LogStream({ system: db.system, app, bufferEventsMax: 8, pageEvents: 3 });
  await held.start();
  // Resolves when the stream has handed out all that is in the log.
  const fan = async () => {
    await sequenceAll(db.system);
    const end = (await db.owner`select position from log_state`)[0]!.position;
    await within(5_000, 'The fan-out', new Promise<void>((resolve) => {
      const isThere = () => (held as unknown as { head: number }).head >= end && resolve();
      held.onGrowth(isThere);
      isThere();
    }));
  };
  return { stream: held, fan };
}

test('what is written while a page is read is neither lost nor doubled, whichever page and however much', async () => {
  for (const [during, count] of [[1, 1], [2, 1], [1, 20], [2, 20], [3, 20]] as const) {
    const { id } = await db.workspace();
    await act(db.app, id, numbered(1), numbered(2));
    await sequenceAll(db.system);
    const held = await heldStream(async (page) => {
      if (page !== during) return;
      await act(db.app, id, ...oneTo(count).map((n) => numbered(2 + n)));
      await held.fan();
    });
    const reader = held.stream.events(id, 0);
    // The third page is read once the reader is live and fell behind.
    if (during === 3) {
      expect(numbers(await take(2, reader))).toEqual([1, 2]);
      const third = reader.next();
      await act(db.app, id, ...oneTo(10).map((n) => numbered(100 + n)));
      await held.fan();
      const rest = [(await third).value, ...(await take(29, reader))];
      expect(numbers(rest)).toEqual([...oneTo(10).map((n) => 100 + n), ...oneTo(20).map((n) => 2 + n)]);
    } else {
      expect(numbers(await take(2 + count, reader))).toEqual(oneTo(2 + count));
    }
    await act(db.app, id, numbered(1000));
    expect(numbers(await take(1, reader))).toEqual([1000]);
    await held.stream.close();
  }
});

test('a page that fails because PostgreSQL is away is read again; any other fault is the reader’s end', async () => {
  const { id } = await db.workspace();
  await act(db.app, id, numbered(1));
  await sequenceAll(db.system);
  const away = await heldStream(async (page) => {
    if (page <= 2) throw Object.assign(new Error('away'), { code: page === 1 ? 'ECONNREFUSED' : '57P03' });
  });
  expect(numbers(await take(1, away.stream.events(id, 0)))).toEqual([1]);
  const broken = await heldStream(async () => {
    throw Object.assign(new Error('a fault'), { code: '42703' });
  });
  await expect(broken.stream.events(id, 0).next()).rejects.toThrow('a fault');
  await away.stream.close();
  await broken.stream.close();
});

test('a reader of one conversation or kind gets only its events, from the database and live alike', async () => {
  const { id } = await db.workspace();
  const [a, b] = [await conversation(db.owner, id), await conversation(db.owner, id)];
  const write = (n: number) => act(db.app, id, numbered(n, a.id), numbered(n + 1, b.id), numbered(n + 2));
  await write(1);
  await write(4);
  await sequenceAll(db.system);
  const readers = {
    conversation: stream.events(id, 0, undefined, { conversationId: a.id }),
    kind: stream.events(id, 0, undefined, { kinds: ['message.received'] }),
  };
  const reading = { conversation: take(3, readers.conversation), kind: take(6, readers.kind) };
  await write(7);
  expect(numbers(await reading.conversation)).toEqual([1, 4, 7]);
  expect(numbers(await reading.kind)).toEqual([1, 2, 4, 5, 7, 8]);
});

test('a reader that waits ends at once, by its return or its signal, and is forgotten', async () => {
  const { id } = await db.workspace();
  const stop = new AbortController();
  const readers: EventReader[] = [stream.events(id, null), stream.events(id, 0, stop.signal), stream.events(id, null, AbortSignal.abort())];
  const waiting = readers.map((reader) => reader.next());
  await readers[0]!.return();
  stop.abort();
  for (const wait of waiting) expect(await within(1_000, 'The end', wait)).toEqual({ done: true, value: undefined });
  expect((stream as unknown as { workspaces: Map<string, unknown> }).workspaces.size).toBe(0);
});

test('readers go on when PostgreSQL ends every connection, backfilling or live, with or without the bus', async () => {
  const { id } = await db.workspace();
  await act(db.app, id, ...oneTo(10).map((n) => numbered(n)));
  await sequenceAll(db.system);
  const live = stream.events(id, 0);
  expect(numbers(await take(10, live))).toEqual(oneTo(10));
  const backfill = stream.events(id, 0);
  expect(numbers(await take(2, backfill))).toEqual([1, 2]);
  await db.owner`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
  await persist(() => act(db.app, id, numbered(11)));
  expect(numbers(await take(1, live))).toEqual([11]);
  expect(numbers(await take(9, backfill))).toEqual(oneTo(11).slice(2));
});

test('a reader gets RESYNC when the database turns out to be another, and when its position was never reached', async () => {
  const { id } = await db.workspace();
  const reader = stream.events(id, null);
  const waiting = reader.next();
  learnEpoch('aaaaaaaaaaaaaaaa');
  await expect(within(5_000, 'RESYNC', waiting)).rejects.toMatchObject({ code: 'RESYNC' });
  expect(await reader.next()).toEqual({ done: true, value: undefined });
  await expect(stream.events(id, 1_000_000).next()).rejects.toMatchObject({ code: 'RESYNC' });
});

async function persist(action: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await action();
    } catch (error) {
      if (tries === 10) throw error;
    }
  }
}
const oneTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
