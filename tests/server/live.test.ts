// G4, over real sockets: what a client saw, joined over any number of drops, is the log. And two processes on one database are one server.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { within } from '../events/make.ts';
import { SECRET_KEY, spawnServer, startTestServer, type Peer, type Socket, type Started, type TestServer, type TestWorkspace } from '../harness/server.ts';

let server: TestServer;
let other: Started;
let dataDir: string;
let ours: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer();
  dataDir = await mkdtemp(join(tmpdir(), 'throughline-other-'));
  [other, ours] = await Promise.all([
    spawnServer({ PORT: '0', DATABASE_URL: server.db.url, SECRET_KEY, DATA_DIR: dataDir, LOG_LEVEL: 'error' }),
    (async () => {
      const workspace = await server.workspace();
      await workspace.connect({
        channel: 'SMS', provider: 'twilio', name: 'SMS', address: '+493012345678', settings: { accountSid: `AC${'1'.repeat(32)}`, apiBaseUrl: 'http://127.0.0.1:9' }, secrets: { authToken: 'a'.repeat(32) },
      });
      return workspace;
    })(),
  ]);
}, 60_000);
afterAll(async () => {
  other.kill('SIGTERM');
  await other.exited;
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
}, 30_000);

const EVENTS = 'subscription ($after: Cursor) { events(after: $after) { cursor event { id kind conversationSeq } } }';
const INGEST = `mutation ($messages: [IngestMessageInput!]!) { ingestMessages(input: { messages: $messages }) {
  messages { result message { id text } conversation { id } userErrors { code message } } userErrors { code message } } }`;
let number = 0;

/** Text messages that customers write now, by the API of that server. */
async function ingest(peer: Peer, count: number, customers = 3): Promise<{ messageId: string; conversationId: string; text: string }[]> {
  const messages = Array.from({ length: count }, () => {
    number++;
    return { channel: 'SMS', address: { kind: 'PHONE', value: `+4915112345${100 + (number % customers)}` }, text: `Message ${number}`, externalId: `ext-${number}` };
  });
  const { ingestMessages } = await peer.ask(INGEST, { messages }, ours.keys.INTEGRATOR);
  return ingestMessages.messages.map((row: any) => {
    if (!row.message) throw new Error(JSON.stringify(row));
    return { messageId: row.message.id, conversationId: row.conversation.id, text: row.message.text };
  });
}
const cursorOf = async (peer: Peer): Promise<string> => (await peer.ask('{ cursor }', null, ours.keys.AGENT)).cursor;

/** The log from `after` to its end, by the change feed. */
async function feed(peer: Peer, after: string): Promise<{ id: string; cursor: string }[]> {
  const all: { id: string; cursor: string }[] = [];
  for (;;) {
    const { changes } = await peer.ask('query ($after: Cursor!) { changes(after: $after, first: 100) { id cursor } }', { after }, ours.keys.AGENT);
    all.push(...changes);
    if (changes.length < 100) return all;
    after = changes.at(-1).cursor;
  }
}

/** Follows the log until `done`, losing the connection as `drops` say: after so many events, in one of three ways, to either server. */
async function follow(start: string, drops: Iterator<{ events: number; way: 'cut' | 'close' | 'stop'; server: boolean }>, done: (seen: string[]) => boolean): Promise<string[]> {
  const seen: string[] = [];
  let after = start;
  let socket: Socket | null = null;
  let way: 'cut' | 'close' | 'stop' = 'cut';
  while (!done(seen)) {
    const drop = drops.next().value;
    if (way !== 'stop' || !socket) socket = (drop.server ? server : other).socket(ours.keys.AGENT);
    const events = socket.subscribe(EVENTS, { after });
    for (let left = drop.events; left > 0 && !done(seen); left--) {
      const { cursor, event } = (await events.next()).events;
      seen.push(event.id);
      after = cursor;
    }
    way = drop.way;
    if (way === 'cut') socket.cut();
    else if (way === 'close') await socket.close();
    else events.stop();
  }
  await socket?.close();
  return seen;
}

describe('a subscription that begins after a cursor', () => {
  test('joined over dropped connections is the log, whatever the drops and whichever server', async () => {
    const drop = fc.record({ events: fc.integer({ min: 1, max: 25 }), way: fc.constantFrom('cut' as const, 'close' as const, 'stop' as const), server: fc.boolean() });
    await fc.assert(fc.asyncProperty(fc.infiniteStream(drop), async (drops) => {
      const start = await cursorOf(server);
      await ingest(server, 10);
      let isWritten = false;
      const writing = (async () => {
        for (let round = 0; round < 4; round++) await ingest(round % 2 ? server : other, 5);
        // Routing decides of what was opened; the log stands still when it has.
        await expect.poll(async () => {
          const before = (await feed(server, start)).length;
          await ingest(server, 1, 1);
          return (await feed(server, start)).length - before;
        }, { timeout: 10_000 }).toBeLessThan(4);
        isWritten = true;
      })();
      let end = Infinity;
      void writing.then(async () => (end = (await feed(server, start)).length));
      const seen = await within(20_000, 'Following', follow(start, drops[Symbol.iterator](), (so) => isWritten && so.length >= end));
      await writing;
      const log = (await feed(other, start)).map((event) => event.id);
      expect(seen).toEqual(log.slice(0, seen.length));
      expect(seen.length).toBeGreaterThanOrEqual(end);
      expect(new Set(log).size).toBe(log.length);
    }), { numRuns: 2, endOnFailure: true });
  }, 60_000);

  test('without a place it begins now and misses nothing from then on, with one it catches up first; the feed and the socket give the same cursors', async () => {
    const start = await cursorOf(server);
    const [first] = await ingest(server, 1);
    const socket = server.socket(ours.keys.AGENT);
    const MESSAGES = 'subscription ($after: Cursor, $id: ID!) { messageAdded(conversationId: $id, after: $after) { cursor message { id text } } }';
    const caught = socket.subscribe(MESSAGES, { after: start, id: first!.conversationId });
    const one = (await caught.next()).messageAdded;
    expect(one.message).toEqual({ id: first!.messageId, text: first!.text });
    expect((await feed(other, start)).map(({ cursor }) => cursor)).toContain(one.cursor);
    const late = socket.subscribe(MESSAGES, { id: first!.conversationId });
    const written: string[] = [];
    for (let round = 0; late.waiting.length === 0 && round < 50; round++) {
      for (const row of await ingest(other, 3)) if (row.conversationId === first!.conversationId) written.push(row.text);
      await Promise.race([late.ended, new Promise((resolve) => setTimeout(resolve, 50))]);
    }
    // Its beginning is the end of the log as this process knows it: the first one can be new to it.
    const all = [first!.text, ...written];
    const from = all.indexOf((await late.next()).messageAdded.message.text);
    expect(from).toBeGreaterThanOrEqual(0);
    for (const text of written) expect((await caught.next()).messageAdded.message.text).toBe(text);
    for (const text of all.slice(from + 1)) expect((await late.next()).messageAdded.message.text).toBe(text);
    await socket.close();
  });
});

describe('two processes on one database', () => {
  test('what is written through one is seen by the subscribers of the other, at once', async () => {
    for (const [here, there] of [[server, other], [other, server]] as const) {
      const socket = there.socket(ours.keys.AGENT);
      const { cursor } = (await socket.run('{ cursor }')).data;
      const inbox = socket.subscribe('subscription ($after: Cursor) { inbox(after: $after) { change eventKind conversation { id lastMessage { text } } } }', { after: cursor });
      const messages = socket.subscribe('subscription ($after: Cursor) { events(after: $after, kinds: [MESSAGE_RECEIVED]) { event { message { id text } } } }', { after: cursor });
      const [written] = await ingest(here, 1);
      const began = performance.now();
      let told;
      do told = (await messages.next()).events.event.message;
      while (told.id !== written!.messageId);
      expect(told.text).toBe(written!.text);
      expect(performance.now() - began).toBeLessThan(2_000);
      // The log may still speak of what was before.
      let shown;
      do shown = (await inbox.next()).inbox.conversation;
      while (shown.id !== written!.conversationId || shown.lastMessage.text !== written!.text);
      await socket.close();
    }
  });
  test('typing and presence cross, and are not stored', async () => {
    const { conversationId } = (await ingest(server, 1))[0]!;
    const start = await cursorOf(server);
    const socket = other.socket(ours.keys.AGENT);
    const typing = socket.subscribe('subscription ($id: ID!) { typing(conversationId: $id) { isTyping actorKind member { id } } }', { id: conversationId });
    const presence = socket.subscribe('subscription { presence { presence member { id } conversation { id } } }');
    await socket.run('{ viewer { role } }');
    const says = (document: string, variables: Record<string, unknown>) => server.ask(document, variables, ours.member.token);
    const SET_TYPING = 'mutation ($id: ID!, $isTyping: Boolean!) { setTyping(input: { conversationId: $id, isTyping: $isTyping }) { userErrors { code } } }';
    await says(SET_TYPING, { id: conversationId, isTyping: true });
    expect((await typing.next()).typing).toEqual({ isTyping: true, actorKind: 'MEMBER', member: { id: ours.member.id } });
    await says(SET_TYPING, { id: conversationId, isTyping: false });
    expect((await typing.next()).typing).toMatchObject({ isTyping: false });
    await says('mutation ($id: ID!) { setPresence(input: { presence: ONLINE, conversationId: $id }) { userErrors { code } } }', { id: conversationId });
    expect((await presence.next()).presence).toEqual({ presence: 'ONLINE', member: { id: ours.member.id }, conversation: { id: conversationId } });
    // Who comes later is told what holds.
    const later = other.socket(ours.keys.AGENT);
    expect((await later.subscribe('subscription { presence { presence member { id } } }').next()).presence).toEqual({ presence: 'ONLINE', member: { id: ours.member.id } });
    const { changes } = await server.ask('query ($after: Cursor!) { changes(after: $after) { actor { kind } } }', { after: start }, ours.keys.AGENT);
    expect(changes.map(({ actor }: { actor: { kind: string } }) => actor.kind)).not.toContain('MEMBER');
    await Promise.all([socket.close(), later.close()]);
  });
  test('a key that is revoked through one ends its sockets at the other, within 5 s', async () => {
    const { createApiKey } = await server.ask('mutation { createApiKey(input: { name: "Short", role: AGENT }) { apiKey { id } secret userErrors { code } } }', null, ours.keys.ADMIN);
    const socket = other.socket(createApiKey.secret);
    await socket.open;
    const began = performance.now();
    await server.ask('mutation ($id: ID!) { revokeApiKey(input: { apiKeyId: $id }) { userErrors { code } } }', { id: createApiKey.apiKey.id }, ours.keys.ADMIN);
    expect((await within(6_000, 'The close', socket.closed)).code).toBe(4403);
    expect(performance.now() - began).toBeLessThan(5_000);
    await expect.poll(async () => (await other.query('{ viewer { role } }', null, createApiKey.secret)).status, { timeout: 5_000, interval: 100 }).toBe(401);
  });
});
