import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Tx } from '../../src/platform/db.ts';
import { appendEvents } from '../../src/events/append.ts';
import type { LogEvent } from '../../src/events/catalog.ts';
import { startConsumers, type Consumer } from '../../src/events/consumers.ts';
import { startSequencer, wake, type Sequencer } from '../../src/events/sequencer.ts';
import { LogStream } from '../../src/events/stream.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { act, numbered, within } from './make.ts';

let db: TestDatabase;
let sequencer: Sequencer;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  db = await testDatabase();
  // What the consumers of these tests do: a row an event, which no key makes unique.
  await db.owner`create table effects (workspace_id uuid not null, consumer text not null, position bigint not null, number int not null)`;
  await db.owner`select secure_table('effects', 'select, insert')`;
  sequencer = startSequencer(db.system);
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(async () => {
  await sequencer.close();
  await db.close();
});

/** A process' worth: a stream of its own and the consumers on it. */
async function process(consumer: Consumer, app = db.app): Promise<{ close(): Promise<void> }> {
  const stream = new LogStream({ system: db.system, app: db.app });
  await stream.start();
  const consumers = startConsumers([consumer], { app, system: db.system, stream, retryMs: 1 });
  const close = async () => {
    await consumers.close();
    await stream.close();
  };
  closing.push(close);
  return { close };
}

const effect = (name: string) => (tx: Tx, event: LogEvent) =>
  tx`insert into effects values (${event.workspaceId}, ${name}, ${event.position}, ${event.data.number as number})`;

/** Waits until the consumer has taken everything that there is. */
async function caughtUp(name: string): Promise<void> {
  await within(10_000, `The consumer ${name}`, (async () => {
    for (;;) {
      const [row] = await db.owner<{ done: boolean }[]>`
        select coalesce((select position from consumers where name = ${name}), 0) = (select position from log_state)
          and not exists (select from event_outbox) as done`;
      if (row!.done) return;
    }
  })());
}
const effects = (name: string) => db.owner<{ workspaceId: string; number: number }[]>`
  select workspace_id, number from effects where consumer = ${name} order by position`;

test('each event has its effect once and in order, through two processes that die before and after the commit', async () => {
  const [a, b] = [await db.workspace(), await db.workspace()];
  const failed = new Set<string>();
  const once = (what: string, position: number, every: number) => {
    if (position % every !== 0 || failed.has(`${what} ${position}`)) return;
    failed.add(`${what} ${position}`);
    throw Object.assign(new Error(what), { code: 'CONNECTION_CLOSED' });
  };
  const declared: Consumer = {
    name: 'once',
    kinds: ['customer.updated'],
    async handle(tx, event) {
      await effect('once')(tx, event);
      once('before the commit', event.position, 3);
    },
  };
  // A commit whose answer never arrives: what a lost connection or a killed process looks like from outside.
  let commits = 0;
  const app = new Proxy(db.app, {
    get: (target, name) => name === 'begin'
      ? async (work: (tx: Tx) => Promise<unknown>) => {
          const result = await target.begin(work as never);
          once('after the commit', ++commits, 4);
          return result;
        }
      : Reflect.get(target, name),
  });
  const first = await process(declared, app);
  await process(declared, app);
  for (let n = 1; n <= 20; n++) {
    await act(db.app, n % 2 ? a.id : b.id, numbered(n));
    if (n === 10) await first.close();
  }
  wake();
  await caughtUp('once');
  expect((await effects('once')).map((row) => [row.workspaceId, row.number])).toEqual(oneTo(20).map((n) => [n % 2 ? a.id : b.id, n]));
  expect(new Set([...failed].map((what) => what.replace(/ \d+$/, '')))).toEqual(new Set(['before the commit', 'after the commit']));
});

test('an event that fails five times is set aside with its reason, without its effects, and the rest goes on', async () => {
  const { id } = await db.workspace();
  let tries = 0;
  await process({
    name: 'poisoned',
    kinds: ['customer.updated'],
    async handle(tx, event) {
      await effect('poisoned')(tx, event);
      if (event.workspaceId === id && event.data.number === 2) {
        tries++;
        throw new TypeError('a fault');
      }
    },
  });
  await act(db.app, id, numbered(1), numbered(2), numbered(3));
  await caughtUp('poisoned');
  expect(tries).toBe(5);
  expect((await effects('poisoned')).filter((row) => row.workspaceId === id).map((row) => row.number)).toEqual([1, 3]);
  const failures = await db.owner`
    select f.error, e.data->'number' as number from consumer_failures f join events e using (workspace_id, position) where consumer = 'poisoned'`;
  expect([...failures]).toEqual([{ error: 'TypeError: a fault', number: 2 }]);
});

test('what a consumer writes is of the event’s workspace only, and its own events are heard by the next', async () => {
  const [a, b] = [await db.workspace(), await db.workspace()];
  const refused: string[] = [];
  await process({
    name: 'first',
    kinds: ['customer.updated'],
    async handle(tx, event) {
      if (event.workspaceId !== a.id) return;
      await appendEvents(tx, a.id, [{ kind: 'workspace.updated', actor: { kind: 'SYSTEM', id: null }, data: { number: event.data.number! } }]);
      await tx.savepoint((inner) => inner`insert into effects values (${b.id}, 'first', 0, 0)`).catch((error: { code: string }) => refused.push(error.code));
    },
  });
  await process({ name: 'second', kinds: ['workspace.updated'], handle: async (tx, event) => void (await effect('second')(tx, event)) });
  await act(db.app, a.id, numbered(1));
  await caughtUp('first');
  await caughtUp('second');
  expect((await effects('second')).map((row) => [row.workspaceId, row.number])).toEqual([[a.id, 1]]);
  expect(refused).toEqual(['42501']);
});

const oneTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
