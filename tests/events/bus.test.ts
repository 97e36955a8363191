import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { openBus, type Bus } from '../../src/events/bus.ts';
import { Signals, type Typing } from '../../src/events/signals.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { take, within } from './make.ts';

let db: TestDatabase;
let here: Bus;
let there: Bus;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  [here, there] = [openBus(db.system), openBus(db.system)];
  await Promise.all([here, there].map(listening));
});
afterEach(async () => {
  await here.close();
  await there.close();
});

const listening = (bus: Bus) => within(5_000, 'Listening', new Promise<void>((resolve) => void bus.onListening(resolve)));

/** Collects words until `count` of them were heard. */
function hear(bus: Bus, channel: string, count: number): Promise<string[]> {
  return within(5_000, `${count} words`, new Promise((resolve) => {
    const words: string[] = [];
    const stop = bus.on(channel, (word) => {
      if (words.push(word) < count) return;
      stop();
      resolve(words);
    });
  }));
}

test('a word reaches every process, its own included, on its channel only', async () => {
  const heard = [hear(here, 'test_a', 1), hear(there, 'test_a', 1)];
  let other = 0;
  there.on('test_b', () => other++);
  await until('test_a', Promise.all(heard), 'hello');
  expect(await Promise.all(heard)).toEqual([['hello'], ['hello']]);
  expect(other).toBe(0);
});

test('words that wait at once are sent together: equal ones as one, all of them, within what a payload holds', async () => {
  await ready('test_many');
  const sent: string[] = [];
  const counted = new Proxy(db.system, {
    apply: (target, self, args: unknown[]) => {
      sent.push((args[0] as string[]).join('?'));
      return Reflect.apply(target as never, self, args);
    },
  });
  const third = openBus(counted);
  await listening(third);
  const words = Array.from({ length: 300 }, (_, i) => `${i} ${'é'.repeat(100)}`);
  const heard = hear(there, 'test_many', 300);
  for (const word of [...words, ...words]) third.post('test_many', word);
  expect((await heard).sort()).toEqual([...words].sort());
  expect(sent.filter((text) => text.includes('pg_notify'))).toHaveLength(1);
  await third.close();
  expect(() => here.post('test_many', 'x'.repeat(8_000))).toThrow(RangeError);
  expect(() => here.post('test_many', 'two\nlines')).toThrow(RangeError);
});

test('after every connection was lost, words arrive again', async () => {
  await ready('test_again');
  const again = within(10_000, 'Listening again', new Promise<void>((resolve) => {
    let times = 0;
    there.onListening(() => {
      if (++times === 2) resolve();
    });
  }));
  await db.owner`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
  await again;
  await until('test_again', hear(there, 'test_again', 1), 'hello');
});

test('who types is known in every process, to those who come later too, once, until it ends or is not said again', async () => {
  await ready('throughline_typing');
  const keep = { typingMs: 150, presenceMs: 150 };
  const [mine, theirs] = [new Signals(here, keep), new Signals(there, keep)];
  const stop = new AbortController();
  const ada: Typing = { actor: { kind: 'MEMBER', id: 'ada' }, isTyping: true };
  const customer: Typing = { actor: { kind: 'CUSTOMER', id: null }, isTyping: true };
  const watching = theirs.typing('w', 'c', stop.signal);
  const elsewhere = theirs.typing('w', 'other', stop.signal).next();
  const first = watching.next();
  mine.sayTyping('w', 'c', ada);
  mine.sayTyping('w', 'c', ada);
  expect((await within(5_000, 'Typing', first)).value).toEqual(ada);
  expect((await within(5_000, 'Typing', theirs.typing('w', 'c', stop.signal).next())).value).toEqual(ada);
  const renewed = hear(there, 'throughline_typing', 1);
  mine.sayTyping('w', 'c', ada);
  await renewed;
  mine.sayTyping('w', 'c', customer);
  mine.sayTyping('w', 'c', { ...ada, isTyping: false });
  // Ada, said again, is no news.
  const rest = await take(3, watching);
  expect(rest.sort(byActor)).toEqual([customer, { ...customer, isTyping: false }, { ...ada, isTyping: false }].sort(byActor));
  stop.abort();
  expect((await within(1_000, 'The end', elsewhere)).done).toBe(true);
  mine.close();
  theirs.close();
});

test('members who are there are listed to who comes later; silence makes them OFFLINE', async () => {
  await ready('throughline_presence');
  const signals = new Signals(here, { typingMs: 150, presenceMs: 150 });
  const stop = new AbortController();
  signals.sayPresence('w', { memberId: 'ada', presence: 'ONLINE', conversationId: 'c' });
  const seen = await take(2, signals.presence('w', stop.signal));
  expect(seen).toEqual([
    { memberId: 'ada', presence: 'ONLINE', conversationId: 'c' },
    { memberId: 'ada', presence: 'OFFLINE', conversationId: null },
  ]);
  signals.close();
});

const byActor = (a: Typing, b: Typing) => (a.actor.kind + a.isTyping < b.actor.kind + b.isTyping ? -1 : 1);

/** Waits until both buses hear the channel. */
async function ready(channel: string): Promise<void> {
  for (const bus of [here, there]) await until(channel, hear(bus, channel, 1), JSON.stringify(['', '', null]));
}

/** A channel is listened to a moment after `on`; what is said before isn't heard. */
async function until(channel: string, heard: Promise<unknown>, word: string): Promise<void> {
  let done = false;
  void heard.then(() => (done = true));
  await vi.waitFor(() => {
    if (!done) here.post(channel, word);
    expect(done).toBe(true);
  }, { timeout: 5_000, interval: 30 });
}
