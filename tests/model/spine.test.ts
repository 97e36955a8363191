// The spine against a model of a few lines: what clients did, in any order, with copies, late messages, lost connections, revoked keys, claims and killed
// backends. G1 (nothing acknowledged is lost), G2 (each has its effect once), G3 (order), G4 (what subscribers saw is the log), G11 (a revoked key ends).
// SEED and RUNS set the run.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyChain } from '../../src/events/chain.ts';
import { nowMs, setClock } from '../../src/platform/clock.ts';
import { isDriverFault } from '../../src/platform/db.ts';
import { seedOfRun } from '../harness/seeded.ts';
import { startTestServer, type Reply, type Socket, type Subscription, type TestServer, type TestWorkspace } from '../harness/server.ts';

const SEED = seedOfRun();
const RUNS = Number(process.env.RUNS ?? 8);
const PEOPLE = ['+4915112345671', '+4915112345672', '+4915112345673'];
/** Longer than an answer about a key is believed. */
const BELIEVED_MS = 5_000;
const TRIES_MAX = 40;

let server: TestServer;
let aheadMs = 0;
let restore: () => void;
let others: ((...args: any[]) => void)[] = [];
// As main.ts does: the driver throws from a timer when a backend dies in the middle of a transaction.
const onFault = (error: unknown) => {
  if (!isDriverFault(error)) throw error;
};
beforeAll(async () => {
  restore = setClock(() => Date.now() + aheadMs);
  others = process.listeners('uncaughtException') as typeof others;
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', onFault);
  server = await startTestServer();
}, 60_000);
afterAll(async () => {
  await server.stop();
  process.removeListener('uncaughtException', onFault);
  for (const other of others) process.on('uncaughtException', other);
  restore();
});

/** What there must be. */
interface Model {
  /** Acknowledged messages by their ids, in the order in which they were. */
  said: Map<string, { person: number; atMs: number }>;
  readers: number;
  keys: number;
}
interface Reader {
  start: string;
  after: string;
  seen: string[];
  socket: Socket | null;
  events: Subscription | null;
}
interface Real {
  ws: TestWorkspace;
  readers: Reader[];
  keys: { id: string; secret: string }[];
}

const INGEST = 'mutation ($m: [IngestMessageInput!]!) { ingestMessages(input: { messages: $m }) { messages { message { id } userErrors { code message } } userErrors { code message } } }';
const EVENTS = 'subscription ($after: Cursor) { events(after: $after) { cursor event { id } } }';

/** Asks until it is answered: a killed backend is 503, and the client tries again. */
async function ask(document: string, variables: Record<string, unknown> | null, key: string): Promise<any> {
  let last: Reply | undefined;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    last = await server.query(document, variables, key);
    if (last.errors.length === 0) return last.data;
    if (!last.errors.every(({ extensions }) => extensions.retryable)) break;
  }
  throw new Error(`${last!.status} ${last!.text.slice(0, 500)}`);
}

const messageOf = (id: string, { person, atMs }: { person: number; atMs: number }) => ({
  channel: 'SMS', address: { kind: 'PHONE', value: PEOPLE[person] }, text: `text ${id}`, externalId: id, occurredAt: new Date(atMs).toISOString(),
});
async function ingest({ ws }: Real, said: [string, { person: number; atMs: number }][]): Promise<void> {
  const { ingestMessages } = await ask(INGEST, { m: said.map(([id, one]) => messageOf(id, one)) }, ws.keys.INTEGRATOR);
  for (const row of ingestMessages.messages) if (row.userErrors.length > 0) throw new Error(JSON.stringify(row.userErrors));
}

function open({ ws }: Real, reader: Reader): void {
  reader.socket = server.socket(ws.keys.AGENT);
  reader.events = reader.socket.subscribe(EVENTS, { after: reader.after });
}
/** Takes what came. */
function take(reader: Reader): void {
  for (const { events } of reader.events?.waiting.splice(0) ?? []) {
    reader.seen.push(events.event.id);
    reader.after = events.cursor;
  }
}
function drop(reader: Reader): void {
  take(reader);
  reader.socket?.cut();
  reader.socket = reader.events = null;
}

type Command = fc.AsyncCommand<Model, Real>;
const command = (name: string, check: (model: Model) => boolean, run: (model: Model, real: Real) => Promise<void>): Command => ({ check, run, toString: () => name });
const always = () => true;
const idOf = (model: Model) => `m${model.said.size + 1}`;
const nth = <T>(all: Iterable<T>, index: number): T => {
  const list = [...all];
  return list[index % list.length]!;
};

const commands = [
  fc.tuple(fc.nat(2), fc.nat(3)).map(([person, more]) => command(`ingest ${person} x${more + 1}`, always, async (model, real) => {
    const said: [string, { person: number; atMs: number }][] = Array.from({ length: more + 1 }, (_, i) => [`m${model.said.size + 1 + i}`, { person, atMs: nowMs() - 1_000 + model.said.size * 5 + i }]);
    await ingest(real, said);
    for (const [id, one] of said) model.said.set(id, one);
  })),
  fc.nat().map((which) => command(`duplicate ${which}`, ({ said }) => said.size > 0, async (model, real) => {
    const again = nth(model.said, which);
    await Promise.all([ingest(real, [again]), ingest(real, [again])]);
  })),
  fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 90 })).map(([person, minutes]) => command(`late by ${minutes} min`, always, async (model, real) => {
    const late: [string, { person: number; atMs: number }] = [idOf(model), { person, atMs: nowMs() - minutes * 60_000 - model.said.size }];
    await ingest(real, [late]);
    model.said.set(...late);
  })),
  fc.constant(command('subscribe', ({ readers }) => readers < 4, async (model, real) => {
    const { cursor } = await ask('{ cursor }', null, real.ws.keys.AGENT);
    const reader: Reader = { start: cursor, after: cursor, seen: [], socket: null, events: null };
    open(real, reader);
    real.readers.push(reader);
    model.readers++;
  })),
  fc.nat().map((which) => command(`drop ${which}`, ({ readers }) => readers > 0, async (_model, real) => drop(nth(real.readers, which)))),
  fc.nat().map((which) => command(`resume ${which}`, ({ readers }) => readers > 0, async (_model, real) => {
    const reader = nth(real.readers, which);
    drop(reader);
    open(real, reader);
  })),
  fc.constant(command('new key', ({ keys }) => keys < 3, async (model, real) => {
    const { createApiKey } = await ask('mutation { createApiKey(input: { name: "model", role: AGENT }) { apiKey { id } secret userErrors { code } } }', null, real.ws.keys.ADMIN);
    real.keys.push({ id: createApiKey.apiKey.id, secret: createApiKey.secret });
    model.keys++;
    expect((await ask('{ viewer { role } }', null, createApiKey.secret)).viewer.role).toBe('AGENT');
  })),
  fc.constant(command('revoke', ({ keys }) => keys > 0, async (model, real) => {
    const { id, secret } = real.keys.pop()!;
    model.keys--;
    await ask('mutation ($id: ID!) { revokeApiKey(input: { apiKeyId: $id }) { userErrors { code } } }', { id }, real.ws.keys.ADMIN);
    aheadMs += BELIEVED_MS;
    let answer = await server.query('{ viewer { role } }', null, secret);
    for (let tries = 0; answer.errors[0]?.extensions.retryable && tries < TRIES_MAX; tries++) answer = await server.query('{ viewer { role } }', null, secret);
    expect(answer.status).toBe(401);
  })),
  fc.nat(2).map((person) => command(`claim ${person}`, always, async (_model, real) => {
    const { startChat } = await ask('mutation ($p: String!) { startChat(input: { phone: $p }) { userErrors { code message } } }', { p: PEOPLE[person] }, real.ws.visitor.token);
    expect(startChat.userErrors).toEqual([]);
  })),
  fc.constant(command('kill backends', always, async () => {
    await server.db.owner`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'throughline%'`;
  })),
];

async function check(model: Model, real: Real): Promise<void> {
  const { ws } = real;
  // G1, G2: each acknowledged message is there, once.
  const { owner } = server.db;
  const messages = await owner<{ id: string; text: string; address: string }[]>`
    select m.provider_message_id as id, m.text, i.value as address from messages m join identities i on i.workspace_id = m.workspace_id and i.id = m.identity_id
    where m.workspace_id = ${ws.id} and m.channel = 'SMS'`;
  expect(messages.map(({ text, address }) => `${text} ${address}`).sort()).toEqual([...model.said].map(([id, { person }]) => `text ${id} ${PEOPLE[person]}`).sort());
  // G3: a conversation's events have no gap; a timeline is in the order in which things were said, whenever they came.
  const gaps = await owner`
    select conversation_id from events where workspace_id = ${ws.id} and conversation_id is not null group by conversation_id
    having count(*) <> max(conversation_seq) or min(conversation_seq) <> 1 or count(distinct conversation_seq) <> count(*)`;
  expect(gaps).toHaveLength(0);
  for (const [person, value] of PEOPLE.entries()) {
    const expected = [...model.said].filter(([, one]) => one.person === person).sort(([, a], [, b]) => a.atMs - b.atMs).map(([id]) => `text ${id}`);
    const { customer } = await ask('query ($v: String!) { customer(identity: { kind: PHONE, value: $v }) { timeline(first: 100, filter: { kindIn: [MESSAGE], channelIn: [SMS] }) { nodes { summary occurredAt subject { ... on Message { text } } } } } }', { v: value }, ws.keys.AGENT);
    const told: string[] = (customer?.timeline.nodes ?? []).map(({ subject }: { subject: { text: string } }) => subject.text);
    // The newest stand first.
    expect(told.reverse().slice(-100)).toEqual(expected.slice(-100));
  }
  // The claims joined nobody: each who wrote is a customer of his own, and so is the visitor.
  const [{ customers } = { customers: 0 }] = await owner<{ customers: number }[]>`select count(*)::int as customers from customers where workspace_id = ${ws.id}`;
  expect(customers).toBe(new Set([...model.said.values()].map(({ person }) => person)).size + 1);
  // G4: what each reader saw, joined over its drops, is the log from where it began.
  expect((await verifyChain(server.db.system, ws.id)).intact).toBe(true);
  for (const reader of real.readers) {
    if (!reader.events) open(real, reader);
    const log: string[] = [];
    for (let after = reader.start, more = true; more; ) {
      const { changes } = await ask('query ($after: Cursor!) { changes(after: $after, first: 100) { id cursor } }', { after }, ws.keys.AGENT);
      log.push(...changes.map(({ id }: { id: string }) => id));
      more = changes.length === 100;
      after = changes.at(-1)?.cursor ?? after;
    }
    take(reader);
    while (reader.seen.length < log.length) {
      const { events } = await reader.events!.next().catch(async (error: unknown) => {
        // Its connection to the database was killed under it: it comes again, as clients do.
        if (!/retryable":true|1013|1012|4403/.test(JSON.stringify(error) + String(error))) throw error;
        drop(reader);
        open(real, reader);
        return reader.events!.next();
      });
      reader.seen.push(events.event.id);
      reader.after = events.cursor;
    }
    expect(reader.seen).toEqual(log);
  }
}

test(`${RUNS} runs of what clients do end as the model says`, { timeout: Math.max(60_000, RUNS * 4_000) }, async () => {
  let done = 0;
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 14 }), async (given) => {
      const real: Real = { ws: await server.workspace(), readers: [], keys: [] };
      await real.ws.connect({ channel: 'SMS', provider: 'twilio', name: 'SMS', address: `+4930${String(++done).padStart(8, '0')}`, settings: { accountSid: `AC${'1'.repeat(32)}`, apiBaseUrl: 'http://127.0.0.1:9' }, secrets: { authToken: 'a'.repeat(32) } });
      const model: Model = { said: new Map(), readers: 0, keys: 0 };
      try {
        await fc.asyncModelRun(() => ({ model, real }), given);
        await check(model, real);
      } finally {
        await Promise.all(real.readers.map(async (reader) => reader.socket?.close()));
      }
    }),
    { seed: SEED, numRuns: RUNS, endOnFailure: !!process.env.VERIFY },
  );
  console.log(`${RUNS} runs, seed ${SEED}.`);
});
