// One key that asks for more subscriptions than anybody needs, over many sockets: it is told so, and the others don't notice.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { figure } from '../fuzz/oracle.ts';
import { testWorkspace, type Started, type TestWorkspace } from '../harness/server.ts';
import { spawned } from '../harness/spawned.ts';

const SOCKETS = 40;
const EACH = 150;
const LIVE = 'subscription { inbox { conversation { id customer { id displayName } messages(first: 10) { nodes { id } } } } }';
const INGEST = 'mutation ($text: String!) { ingestMessages(input: { messages: [{ channel: LIVE_CHAT, externalId: $text, address: { kind: VISITOR, value: "a visitor" }, text: $text }] }) { messages { message { id } userErrors { message } } } }';

let server: Started;
let close: () => Promise<void>;
let flooder: TestWorkspace;
let other: TestWorkspace;
beforeAll(async () => {
  const started = await spawned();
  ({ server, close } = started);
  [flooder, other] = [await testWorkspace(started.db), await testWorkspace(started.db)];
}, 90_000);
afterAll(() => close());

interface Flood {
  socket: WebSocket;
  closedWith: number | null;
  refused: Map<string, number>;
  events: number;
}
async function flood(key: string): Promise<Flood> {
  const socket = new WebSocket(`${server.address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  const seen: Flood = { socket, closedWith: null, refused: new Map(), events: 0 };
  socket.on('error', () => {});
  socket.on('close', (code) => (seen.closedWith = code));
  await new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: { Authorization: `Bearer ${key}` } })));
    socket.on('message', (data: Buffer) => {
      const { type, payload } = JSON.parse(data.toString()) as { type: string; payload?: any };
      if (type === 'connection_ack') resolve();
      const code = type === 'error' ? payload[0].extensions.code : payload?.errors?.[0]?.extensions?.code;
      if (code) seen.refused.set(code, (seen.refused.get(code) ?? 0) + 1);
      else if (type === 'next') seen.events++;
    });
  });
  for (let n = 0; n < EACH && seen.closedWith === null; n++) socket.send(JSON.stringify({ id: `s${n}`, type: 'subscribe', payload: { query: LIVE } }));
  return seen;
}

test(`${SOCKETS * EACH} subscriptions over ${SOCKETS} sockets of one key: what is over the bounds is refused by its name, and another workspace's people are answered and hear their own`, { timeout: 60_000 }, async () => {
  const mine = new Promise<string>((resolve, reject) => {
    const socket = new WebSocket(`${server.address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    socket.on('error', reject);
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: { Authorization: `Bearer ${other.keys.AGENT}` } })));
    socket.on('message', (data: Buffer) => {
      const { type, payload } = JSON.parse(data.toString()) as { type: string; payload?: any };
      if (type === 'connection_ack') socket.send(JSON.stringify({ id: 'mine', type: 'subscribe', payload: { query: LIVE } }));
      if (type !== 'next') return;
      resolve(JSON.stringify(payload));
      socket.close();
    });
  });
  const floods = Promise.all(Array.from({ length: SOCKETS }, () => flood(flooder.keys.AGENT)));
  for (let n = 0; n < 20; n++) expect(await server.ask(INGEST, { text: `message ${n}` }, other.keys.INTEGRATOR)).toMatchObject({ ingestMessages: { messages: [{ userErrors: [] }] } });
  expect(await mine).toContain('"conversation"');
  const sockets = await floods;
  const refused = (code: string) => sockets.reduce((sum, of) => sum + (of.refused.get(code) ?? 0), 0);
  await expect.poll(() => refused('RATE_LIMITED') + refused('TOO_EXPENSIVE'), { timeout: 20_000 }).toBeGreaterThan(SOCKETS * (EACH - 100) - 1);
  // Nothing of it stays, and nobody met a fault of ours.
  for (const { socket } of sockets) socket.terminate();
  await expect.poll(() => figure(server.address, 'throughline_websockets'), { timeout: 10_000 }).toBe(0);
  expect(await figure(server.address, 'throughline_faults_total')).toBe(0);
  console.log(`${SOCKETS} sockets × ${EACH}: ${JSON.stringify(Object.fromEntries([...new Set(sockets.flatMap(({ refused: of }) => [...of.keys()]))].map((code) => [code, refused(code)])))}; closed with ${[...new Set(sockets.map(({ closedWith }) => closedWith))].join(', ')}.`);
});
