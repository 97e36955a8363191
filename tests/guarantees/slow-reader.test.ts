// G5 over real sockets and a process of its own: readers who stop reading cost the server a bounded amount of memory and the others nothing, and
// whoever reads again catches up, or is closed with a code that clients retry.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { TestDatabase } from '../harness/database.ts';
import { testWorkspace, type Started, type TestWorkspace } from '../harness/server.ts';
import { spawned } from '../harness/spawned.ts';
import { quiet, until } from './world.ts';

const STALLED = 14;
const MESSAGES = 120;
/** Of three bytes each: more than the system's own buffers of a connection hold. */
const TEXT_CHARACTERS = 99_000;
const BATCH = 3;
/** What the server may grow by; it owes 499 MB to those who don't read. */
const GROWTH_BYTES_MAX = 220_000_000;
/** Codes after which graphql-ws tries again. */
const RETRIED = [1001, 1006, 1012, 1013, 1014];

let db: TestDatabase;
let server: Started;
let close: () => Promise<void>;
let ws: TestWorkspace;
beforeAll(async () => {
  ({ db, server, close } = await spawned());
  ws = await testWorkspace(db);
  await ws.connect({ channel: 'EMAIL', provider: 'mime', name: 'Mail', address: 'support@acme.example', settings: { host: '127.0.0.1', port: 9, secure: 'none' }, secrets: { inbound: 'the-secret-of-the-mail-door' } });
}, 90_000);
afterAll(() => close());

const name = (n: number) => `message ${String(n).padStart(4, '0')}`;

/** A client of graphql-transport-ws that can stop reading. */
class Reader {
  readonly texts: string[] = [];
  readonly arrivedAt: number[] = [];
  closedWith: number | null = null;
  readonly following: Promise<void>;
  readonly #socket: WebSocket;
  constructor(conversationId: string) {
    const socket = (this.#socket = new WebSocket(`${server.address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws'));
    this.following = new Promise((resolve) => {
      socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: { Authorization: `Bearer ${ws.keys.AGENT}` } })));
      socket.on('message', (data: Buffer) => {
        const { type, payload } = JSON.parse(data.toString()) as { type: string; payload?: any };
        if (type === 'connection_ack') {
          socket.send(JSON.stringify({ id: 'a', type: 'subscribe', payload: { query: `subscription { messageAdded(conversationId: "${conversationId}") { message { parts { text } } } }` } }));
          // Answered once it is subscribed, since messages of one socket are read in turn.
          socket.send(JSON.stringify({ type: 'ping' }));
        }
        if (type === 'pong') resolve();
        if (type === 'next') {
          this.texts.push((payload.data.messageAdded.message.parts[0].text as string).slice(0, name(0).length));
          this.arrivedAt.push(performance.now());
        }
      });
    });
    socket.on('error', () => {});
    socket.on('close', (code) => (this.closedWith = code));
  }
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }
  end(): void {
    this.#socket.terminate();
  }
}

const memory = (): number => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))![1]) * 1024;
const INGEST = 'mutation ($input: IngestMessagesInput!) { ingestMessages(input: $input) { messages { conversation { id } userErrors { message } } userErrors { message } } }';
const ingest = async (texts: readonly string[]): Promise<string> => {
  const messages = texts.map((text) => ({ channel: 'EMAIL', address: { kind: 'EMAIL', value: 'ada@customers.example' }, text }));
  return (await server.ask(INGEST, { input: { messages } }, ws.keys.INTEGRATOR)).ingestMessages.messages[0].conversation.id;
};
const long = (n: number) => name(n) + '€'.repeat(TEXT_CHARACTERS - name(n).length);

test(`${STALLED} readers who stop reading are not waited for, cost bounded memory, and catch up when they read again`, { timeout: 120_000 }, async () => {
  const conversationId = await ingest(['the first']);
  // Who follows is told what has no number yet; of this one nobody is to hear.
  await quiet({ db });
  const expected = Array.from({ length: MESSAGES }, (_, n) => name(n));
  // Warm: buffers, plans and the heap are as they are under this load.
  const warm = new Reader(conversationId);
  await warm.following;
  for (let n = 0; n < 8 * BATCH; n += BATCH) await ingest(Array.from({ length: BATCH }, (_, i) => long(9000 + n + i)));
  await until('the warm reader', () => (warm.texts.length >= 8 * BATCH ? true : undefined), 30_000);
  expect(warm.texts).toHaveLength(8 * BATCH);
  warm.end();

  const stalled = Array.from({ length: STALLED }, () => new Reader(conversationId));
  const lively = new Reader(conversationId);
  await Promise.all([...stalled, lively].map(({ following }) => following));
  for (const reader of stalled) reader.pause();
  const before = memory();
  let peak = before;
  let slowestMs = 0;
  for (let n = 0; n < MESSAGES; n += BATCH) {
    await ingest(Array.from({ length: BATCH }, (_, i) => long(n + i)));
    const written = performance.now();
    await until('the lively reader', () => (lively.texts.length >= n + BATCH ? true : undefined), 20_000);
    slowestMs = Math.max(slowestMs, lively.arrivedAt.at(-1)! - written);
    peak = Math.max(peak, memory());
  }
  // The others don't notice.
  expect(lively.texts).toEqual(expected);
  expect(slowestMs).toBeLessThan(3_000);
  expect(stalled.every(({ texts }) => texts.length < MESSAGES)).toBe(true);
  expect(peak - before).toBeLessThan(GROWTH_BYTES_MAX);

  // One that reads again has everything, in order; so does one that trickles.
  const [resumed, trickling, ...rest] = stalled as [Reader, Reader, ...Reader[]];
  const trickle = setInterval(() => {
    trickling.resume();
    setTimeout(() => trickling.pause(), 2);
  }, 8);
  resumed.resume();
  for (const reader of [resumed, trickling]) {
    await until('it to catch up', () => (reader.texts.length >= MESSAGES || reader.closedWith !== null ? true : undefined), 40_000);
    expect(reader.texts).toEqual(expected.slice(0, reader.texts.length));
    if (reader.texts.length < MESSAGES) expect(RETRIED).toContain(reader.closedWith);
  }
  clearInterval(trickle);
  expect(resumed.texts).toHaveLength(MESSAGES);
  for (const reader of [...rest, trickling, lively, resumed]) reader.end();
  await until('the server to let them go', async () => (/^throughline_websockets (\d+)$/m.exec(await (await fetch(`${server.address}/metrics`)).text())![1] === '0' ? true : undefined), 10_000);
  console.log(`The server grew by ${Math.round((peak - before) / 1e6)} MB while it owed ${Math.round((STALLED * MESSAGES * TEXT_CHARACTERS * 3) / 1e6)} MB; the slowest message took ${Math.round(slowestMs)} ms.`);
});
