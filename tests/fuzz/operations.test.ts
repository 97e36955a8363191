// Operations made from the schema, over both transports, against a process of its own: none of them meets a fault of ours.
// SEED and OPERATIONS set the run. VERIFY=1 also holds the event loop to 100 ms.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Kind, parse, type OperationDefinitionNode } from 'graphql';
import { WebSocket } from 'ws';
import type { TestDatabase } from '../harness/database.ts';
import { proven } from '../harness/proven.ts';
import { seeded, seedOfRun } from '../harness/seeded.ts';
import { testWorkspace, type Started, type TestWorkspace } from '../harness/server.ts';
import { spawned } from '../harness/spawned.ts';
import { OperationMaker, schemaOf, type Operation } from './operations.ts';
import { ASKED_FOR } from '../verify/table.ts';
import { ANSWER_MS_MAX, faultOf, figure } from './oracle.ts';

const SEED = seedOfRun();
const OPERATIONS = Number(process.env.OPERATIONS ?? 250);
const AT_ONCE = 4;
const ROUND = 200;

let db: TestDatabase;
let server: Started;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, server, close } = await spawned({ RATE_LIMIT_COST_PER_MINUTE: '999999999999', RATE_LIMIT_REFUSED_PER_MINUTE: '999999999999' }));
}, 90_000);
afterAll(() => close());

/** Nobody answered: the socket had been closed, by right. */
const GONE = 499;
type Asked = (operation: Operation) => Promise<{ status: number; text: string }>;

const overHttp = (key: string): Asked => async ({ document, variables }) => {
  const response = await fetch(`${server.address}/graphql`, {
    method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` }, body: JSON.stringify({ query: document, variables }), signal: AbortSignal.timeout(ANSWER_MS_MAX),
  });
  return { status: response.status, text: await response.text() };
};

/** Why the server may close a socket that was in order: its key or token was revoked, or its member sent away, by an operation. */
const CLOSES = new Set([4401, 4403]);

/** A subscription is let go once a query behind it was answered: what it had to say at once came before. @throws Error when the server doesn't take it, or closes it for no reason of `CLOSES` */
async function overSocket(key: string): Promise<{ ask: Asked; close(): void }> {
  const socket = new WebSocket(`${server.address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  const waiting = new Map<string, (text: string) => void>();
  let number = 0;
  let closed: string | null = null;
  const end = (why: string) => {
    closed = why;
    for (const done of waiting.values()) done(why);
    waiting.clear();
  };
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', (code, reason) => {
      end(`closed ${code} ${String(reason)}`);
      reject(new Error(closed!));
    });
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: { Authorization: `Bearer ${key}` } })));
    socket.on('message', (data: Buffer) => {
      const text = data.toString();
      const { type, id } = JSON.parse(text) as { type: string; id?: string };
      if (type === 'connection_ack') resolve();
      if (id && (type === 'next' || type === 'error' || type === 'complete')) {
        waiting.get(id)?.(text);
        waiting.delete(id);
      }
    });
  });
  const send = (query: string, variables: unknown): [string, Promise<string>] => {
    const id = String(++number);
    const answer = new Promise<string>((resolve) => (closed === null ? waiting.set(id, resolve) : resolve(closed)));
    socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query, variables } }));
    return [id, answer];
  };
  return {
    ask: async ({ kind, document, variables }) => {
      const [id, answer] = send(document, variables);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<string>((_, reject) => (timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS_MAX} ms: ${document}`)), ANSWER_MS_MAX)));
      const text = await Promise.race([kind === 'subscription' ? Promise.race([answer, send('{ viewer { role } }', {})[1]]) : answer, late]).finally(() => clearTimeout(timer));
      if (closed === null) socket.send(JSON.stringify({ id, type: 'complete' }));
      if (!text.startsWith('closed')) return { status: 200, text };
      return { status: CLOSES.has(Number(text.split(' ')[1])) ? GONE : 599, text };
    },
    close: () => socket.close(),
  };
}

const FILL = `mutation ($messages: [IngestMessageInput!]!) { ingestMessages(input: { messages: $messages }) { messages { message { id conversation { id customer { id } } } userErrors { message } } } }`;
/** What there is to ask about. */
async function filled(ws: TestWorkspace, learn: (text: string) => void): Promise<void> {
  await ws.connect({ channel: 'SMS', provider: 'twilio', name: 'SMS', address: '+493012345678', settings: { accountSid: `AC${'1'.repeat(32)}`, apiBaseUrl: 'http://127.0.0.1:9' }, secrets: { authToken: 'a'.repeat(32) } });
  const messages = Array.from({ length: 12 }, (_, i) => ({ channel: 'SMS', address: { kind: 'PHONE', value: `+491511234567${i % 4}` }, text: `Message ${i}`, externalId: `x${i}` }));
  learn(JSON.stringify(await server.ask(FILL, { messages }, ws.keys.INTEGRATOR)));
  learn(JSON.stringify(await server.ask('{ members { nodes { id } } channelAccounts { nodes { id } } customers { nodes { id identities { nodes { id } } timeline { nodes { id } } } } cursor }', null, ws.keys.ADMIN)));
}

/** What a run did: outcomes, faults, and how often each root field was asked for by an operation that was carried out. */
interface Tally {
  counts: Record<string, number>;
  faults: string[];
  fields: Map<string, number>;
}
const rootFields = ({ document }: Operation): string[] => {
  try {
    const [definition] = parse(document).definitions as [OperationDefinitionNode];
    return definition.selectionSet.selections.flatMap((selection) => (selection.kind === Kind.FIELD ? [selection.name.value] : []));
  } catch {
    return [];
  }
};

/** That many operations of everybody who may come in. */
async function round(maker: OperationMaker, count: number, { counts, faults, fields }: Tally): Promise<void> {
  const ws = await testWorkspace(db);
  maker.forget();
  await filled(ws, (text) => maker.learn(text));
  const sockets = await Promise.all([overSocket(ws.member.token), overSocket(ws.keys.ADMIN), overSocket(ws.visitor.token)]);
  let callers: ['team' | 'visitor', Asked][] = [
    ['team', overHttp(ws.keys.ADMIN)], ['team', overHttp(ws.member.token)], ['team', sockets[0].ask], ['team', sockets[1].ask], ['visitor', overHttp(ws.visitor.token)], ['team', overHttp(ws.keys.REPORTING)], ['visitor', sockets[2].ask],
  ];
  let left = count;
  let turn = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left > 0) {
      left--;
      const caller = callers[turn++ % callers.length]!;
      const [side, ask] = caller;
      const operation = maker.next(side);
      const asked = JSON.stringify(operation);
      const answer = await ask(operation).catch((error: unknown) => ({ status: 599, text: String(error) }));
      if (answer.status === GONE) {
        // Nobody answered: it doesn't count, and this one is asked no more.
        left++;
        callers = callers.filter((one) => one !== caller);
        continue;
      }
      const fault = faultOf(answer.status, answer.text, asked);
      if (fault) faults.push(`${fault}\n  ${asked.slice(0, 1_500)}`);
      const code = /"code":"([A-Z_]+)"/.exec(answer.text)?.[1];
      const outcome = answer.status >= 400 || /^\{"errors"|"payload":\{"errors"|"type":"error"/.test(answer.text) ? (code ?? 'closed') : 'answered';
      counts[outcome] = (counts[outcome] ?? 0) + 1;
      if (!UNREAD.has(outcome)) for (const field of rootFields(operation)) fields.set(field, (fields.get(field) ?? 0) + 1);
      maker.learn(answer.text);
    }
  }));
  for (const socket of sockets) socket.close();
}
/** Refused before anything was carried out. */
const UNREAD = new Set(['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED', 'BAD_USER_INPUT', 'FORBIDDEN', 'TOO_EXPENSIVE', 'closed']);

test(`${OPERATIONS} operations made from the schema, valid and almost valid: no 5xx, no hang, nothing of our inside, and the server goes on`, { timeout: Math.max(60_000, OPERATIONS * 60) }, async () => {
  const tally: Tally = { counts: {}, faults: [], fields: new Map() };
  const { counts, faults, fields } = tally;
  const maker = new OperationMaker(schemaOf(), seeded(SEED));
  await figure(server.address, 'nodejs_eventloop_lag_max_seconds');
  // Some operations revoke the key that asks, or send away the member who does: then others ask, of another workspace.
  for (let left = OPERATIONS; left > 0; left -= ROUND) await round(maker, Math.min(left, ROUND), tally);
  const slowestLoopMs = 1_000 * (await figure(server.address, 'nodejs_eventloop_lag_max_seconds'));
  expect(faults.slice(0, 5), `seed ${SEED}; the server said: ${server.output().slice(-4_000)}`).toEqual([]);
  // The process, its pools and its sockets are as before.
  expect(await figure(server.address, 'throughline_faults_total'), server.output().slice(-2_000)).toBe(0);
  expect((await fetch(`${server.address}/readyz`)).status).toBe(200);
  const ws = await testWorkspace(db);
  // More at once than any of its pools has connections: none of them was kept by anybody.
  const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => server.query(n % 2 === 0 ? '{ customers { nodes { id } } }' : 'mutation { upsertCustomer(input: {name: "Well"}) { customer { id } userErrors { code } } }', null, ws.keys.ADMIN)));
  expect(answers.filter(({ status, errors }) => status !== 200 || errors.length > 0).map(({ text }) => text.slice(0, 300))).toEqual([]);
  console.log(`${OPERATIONS} operations, seed ${SEED}: ${JSON.stringify(counts)}; the event loop waited ${Math.round(slowestLoopMs)} ms at most.`);
  expect(counts.answered! / OPERATIONS).toBeGreaterThan(0.15);
  if (process.env.VERIFY) expect(slowestLoopMs).toBeLessThan(100);
  // Each of them was answered, whatever by.
  proven({ operations: Object.values(counts).reduce((sum, n) => sum + n, 0), answered: counts.answered!, ...Object.fromEntries([...fields].map(([field, n]) => [`${ASKED_FOR}${field}`, n])), loopMsMax: Math.round(slowestLoopMs) });
});
