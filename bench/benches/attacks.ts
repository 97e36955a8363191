// Queries that are made to cost the server more than their sender: each over HTTP and over WebSocket, one at a time for how long an answer takes,
// and all of them at once for how long the event loop stands still (the server's own measurement, from /metrics).
import { performance } from 'node:perf_hooks';
import { getIntrospectionQuery } from 'graphql';
import { WebSocket } from 'ws';
import { row, type Bench } from '../bench.ts';
import { startOurs } from '../contenders/start.ts';
import { KEYS } from '../data.ts';
import { ask, load, request } from '../load.ts';
import { spreadOf } from '../rounds.ts';

const times = (n: number, make: (i: number) => string, by = ' '): string => Array.from({ length: n }, (_, i) => make(i)).join(by);
const nested = (n: number, open: string, inside: string, close = '}'): string => open.repeat(n) + inside + close.repeat(n);

interface Body {
  /** JSON. */
  text: string;
}
/** A document, or the whole body where the attack is in its shape. */
const ATTACKS: Record<string, () => string | Body> = {
  'a fragment that spreads itself': () => '{ ...A } fragment A on Query { ...A }',
  'fragments that spread each other': () => '{ ...A } fragment A on Query { ...B ...B } fragment B on Query { ...A ...A }',
  'fragments that double': () => `{ ...F0 } ${times(24, (i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`)} fragment F24 on Query { __typename }`,
  'one field 900 times': () => `{ customers { nodes { ${times(900, () => 'name')} } } }`,
  'one object 100 times': () => `{ ${times(100, () => 'customers { nodes { conversations { nodes { id } } } }')} }`,
  '19 by 19 by 5 merged fields': () => `{ ${times(19, () => `customers { ${times(19, () => 'nodes { id id id id id }')} }`)} }`,
  '1,000 aliases of a root field': () => `{ ${times(1_000, (i) => `a${i}: customer(id: "cus_${'0'.repeat(32)}") { id }`)} }`,
  '20 aliases of the dearest page': () => `{ ${times(20, (i) => `a${i}: customers(first: 100) { nodes { conversations(first: 100) { nodes { id } } } }`)} }`,
  'a page of pages of pages': () => '{ customers(first: 100) { nodes { conversations(first: 100) { nodes { messages(first: 100) { nodes { id } } } } } } }',
  '900 fields under one another\'s aliases': () => `{ customers(first: 1) { nodes { ${times(900, (i) => `f${i}: displayName`)} } } }`,
  'introspection by everybody': () => getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true, schemaDescription: true }),
  'introspection into itself': () => '{ __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }',
  '500 aliases of __schema': () => `{ ${times(500, (i) => `a${i}: __schema { types { name } }`)} }`,
  '1,200 directives': () => `{ customers ${'@a'.repeat(1_200)} { nodes { id } } }`,
  '400 skips': () => `{ customers { nodes { id ${times(400, () => '@skip(if: true)')} } } }`,
  'depth 300': () => nested(300, 'a{', 'b'),
  'depth 5,000': () => nested(5_000, 'a{', 'b'),
  'a list literal 1,200 deep': () => `{ customers(filter: { tag: ${'['.repeat(1_200)}${']'.repeat(1_200)} }) { nodes { id } } }`,
  'a list literal of 20,000': () => `{ nodes(ids: [${times(20_000, () => '"cus_0"', ',')}]) { id } }`,
  '20,000 tokens': () => `{ ${times(20_000, (i) => `a${i}`)} }`,
  '200 KB of comment': () => `# ${'x'.repeat(200_000)}\n{ __typename }`,
  'a token of 200 KB': () => `{ search(query: "${'x'.repeat(200_000)}") { kind } }`,
  'a name of 100 KB': () => `{ ${'x'.repeat(100_000)} }`,
  'half a text of escapes': () => `{ search(query: "${'\\u0041'.repeat(3_000)}`,
  '1,000 operations': () => times(1_000, (i) => `query Q${i} { __typename }`),
  '20 operations over unknown variables': () => `${times(20, (i) => `query Q${i} { ...F }`)} fragment F on Query { ${times(19, (i) => `a${i}: customer(id: $v${i}) { id }`)} }`,
  '700 unknown fields of long names': () => `{ ${times(700, (i) => `conversationconversationconversation${i}`)} }`,
  '350 unknown types of long names': () => `{ ${times(350, (i) => `... on ConversationConversationConversation${i} { id }`)} }`,
  '400 variables that nobody uses': () => `query(${times(400, (i) => `$v${i}: Int`)}) { __typename }`,
  'a variable 5,000 deep': () => ({ text: `{"query":"query($f: ConversationFilter) { conversations(filter: $f) { nodes { id } } }","variables":{"f":${nested(5_000, '{"a":', '1')}}}` }),
  'a variable of 20,000 ids': () => ({ text: `{"query":"query($ids: [ID!]!) { nodes(ids: $ids) { id } }","variables":{"ids":[${times(20_000, (i) => `"cus_${String(i).padStart(32, '0')}"`, ',')}]}}` }),
};
const SEARCH = 'query($x: String!) { search(query: $x) { kind } }';
const NODES = 'query($x: [ID!]!) { nodes(ids: $x) { id } }';
const FILTER = 'query($x: ConversationFilter) { conversations(filter: $x) { nodes { id } } }';
const large = (query: string, value: string) => (): Body => ({ text: `{"query":"${query}","variables":{"x":${value}}}` });
/** What only HTTP takes: batches, and variables of a megabyte, which are more than a socket's message may have. */
const BY_HTTP: Record<string, () => Body> = {
  'a batch of 500': () => ({ text: JSON.stringify(Array.from({ length: 500 }, (_, i) => ({ query: `{ __typename } # ${i}` }))) }),
  'a text of a megabyte': large(SEARCH, `"${'x'.repeat(1_000_000)}"`),
  'a megabyte of escapes': large(SEARCH, `"${'\\u0041'.repeat(166_000)}"`),
  'a number of a megabyte': large(SEARCH, '9'.repeat(1_000_000)),
  'a list of 500,000 numbers': large(NODES, `[${'1,'.repeat(499_999)}1]`),
  '500,000 lists in lists': large(NODES, '['.repeat(500_000) + ']'.repeat(500_000)),
  '160,000 objects in objects': large(FILTER, nested(160_000, '{"a":', '1')),
  '90,000 keys': large(FILTER, `{${times(90_000, (i) => `"${String(i).padStart(6, 'k')}":1`, ',')}}`),
};

/** Answered, refused, too large, too much: never a fault of the server. */
const FLOOD_STATUSES = new Set([200, 400, 413, 429, 503]);
/** graphql-ws's own, of a message that is none or too large. */
const CLOSES = new Set([4400, 1009]);

export const attacks: Bench = {
  names: ['attacks.max_ms', 'attacks.loop_delay_ms'],
  async run(context) {
    const server = await startOurs(await context.data());
    const tries = context.quick ? 3 : 7;
    const http = (body: string) => request('/graphql', { authorization: `Bearer ${KEYS.ADMIN}` }, body);
    // Each text is new: what was refused is remembered.
    let number = 0;
    const fresh = (made: string | Body): string => (typeof made === 'string' ? JSON.stringify({ query: `${made}\n#${++number}` }) : made.text);
    try {
      for (let i = 0; i < 20; i++) await ask(server.said, http(fresh('{ customers(first: 2) { nodes { id } } }')));
      await loopDelayMs(server.said);
      const took: { name: string; ms: number; median: number; delayMs: number }[] = [];
      const socket = await openSocket(server.said);
      for (const [name, make] of [...Object.entries(ATTACKS), ...Object.entries(BY_HTTP)]) {
        const overHttp: number[] = [];
        const overSocket: number[] = [];
        for (let i = 0; i < tries; i++) {
          const bytes = http(fresh(make()));
          const began = performance.now();
          const { status, text } = await ask(server.said, bytes);
          overHttp.push(performance.now() - began);
          if (status >= 500) throw new Error(`${name}: ${status} ${text.slice(0, 300)}`);
          if (name in BY_HTTP) continue;
          overSocket.push(await socket.ask(fresh(make())));
        }
        const all = [...overHttp, ...overSocket];
        const median = Math.max(spreadOf(overHttp).median, overSocket.length > 0 ? spreadOf(overSocket).median : 0);
        took.push({ name, ms: Math.max(...all), median, delayMs: await loopDelayMs(server.said) });
      }
      socket.close();
      const flood = [...Object.values(ATTACKS), ...Object.values(BY_HTTP)].flatMap((make) => Array.from({ length: 3 }, () => http(fresh(make()))));
      const { statuses } = await load({ address: server.said, requests: flood, connections: context.connections, seconds: Math.max(1, context.seconds), requestsMax: flood.length * 4 });
      const odd = [...statuses].filter(([status]) => !FLOOD_STATUSES.has(status));
      if (odd.length > 0) throw new Error(`All at once were answered with ${odd.map(([status, times]) => `${status} (${times} times)`).join(', ')}.`);
      const floodDelayMs = await loopDelayMs(server.said);
      took.sort((a, b) => b.ms - a.ms);
      for (const { name, ms, median, delayMs } of took.slice(0, 5)) context.say(`  ${name.padEnd(40)} ${ms.toFixed(1)} ms, mostly ${median.toFixed(1)} ms, the loop stood still for ${delayMs.toFixed(0)} ms at most`);
      context.say(`  all of them on ${context.connections} connections: the loop stood still for ${floodDelayMs.toFixed(0)} ms at most`);
      return [
        row('attacks.max_ms', took[0]!.ms, 'ms', '< 50'),
        row('attacks.slowest_median_ms', Math.max(...took.map(({ median }) => median)), 'ms'),
        row('attacks.loop_delay_ms', Math.max(...took.map(({ delayMs }) => delayMs), floodDelayMs), 'ms', '< 100'),
      ];
    } finally {
      await server.stop();
    }
  },
};

/** The longest that the server's event loop stood still since this was asked last. */
async function loopDelayMs(address: string): Promise<number> {
  const { text } = await ask(address, Buffer.from('GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'));
  const found = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text);
  if (!found) throw new Error('The metrics say nothing of the event loop.');
  return Number(found[1]) * 1000;
}

/** A socket of graphql-ws on which one thing after the other is asked; opened again when it is closed for what was asked. */
async function openSocket(address: string): Promise<{ ask: (payload: string) => Promise<number>; close: () => void }> {
  let socket: WebSocket;
  let answered: (() => void) | null = null;
  let failed: Error | null = null;
  const open = () => new Promise<void>((resolve, reject) => {
    socket = new WebSocket(address.replace('http', 'ws') + '/graphql', 'graphql-transport-ws');
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${KEYS.ADMIN}` } })));
    socket.on('message', (text) => {
      const { type } = JSON.parse(String(text)) as { type: string };
      if (type === 'connection_ack') resolve();
      else if (type === 'error' || type === 'complete') answered?.();
    });
    socket.on('error', reject);
    socket.on('close', (code) => {
      if (answered !== null && !CLOSES.has(code)) failed = new Error(`The socket was closed with ${code}.`);
      answered?.();
    });
  });
  await open();
  let id = 0;
  return {
    async ask(payload) {
      if (socket.readyState !== WebSocket.OPEN) await open();
      const began = performance.now();
      await new Promise<void>((resolve) => {
        answered = resolve;
        socket.send(`{"id":"${++id}","type":"subscribe","payload":${payload}}`);
      });
      answered = null;
      if (failed) throw failed;
      return performance.now() - began;
    },
    close: () => socket.close(),
  };
}
