// What an event costs that many look at: 5,000 subscribers over 500 conversations, beside a server that executes for each of them. Ten people
// have each conversation on their screen, with the same page (one of 5 documents) and the same rights (one of 3 keys); `mixed`, of their own. What the people of every twentieth
// conversation are sent isn't measured, since they are the ones who stop to read.
import { performance } from 'node:perf_hooks';
import { WebSocket } from 'ws';
import { row, type Bench } from '../bench.ts';
import { startProgram } from '../contenders/start.ts';
import { copyOf, KEYS, type Data } from '../data.ts';
import { quantile } from '../load.ts';
import type { Running } from '../processes.ts';
import { spreadOf } from '../rounds.ts';

const PER_CONVERSATION = 10;
const EVENTS_EACH = 3;
const READY_MS_MAX = 60_000;
const SOCKETS_AT_ONCE = 50;
/** Of so many conversations one is looked at by people who stop to read. */
const STALLED_EVERY = 20;
const FLOOD_EACH = 40;
const FLOODS_MAX = 25;

const CUSTOMER = 'customer { id displayName tier }';
const MESSAGE = 'lastMessage { id channel direction text occurredAt }';
const DOCUMENTS = [
  'conversation { id status priority tags waitingSince version }',
  `eventKind conversationSeq conversation { id subject status priority channels lastActivityAt ${CUSTOMER} ${MESSAGE} }`,
  `eventKind conversation { id status ${CUSTOMER} } message { id text }`,
  `conversationSeq conversation { id status channels ${MESSAGE} messages(first: 5) { nodes { id channel direction text occurredAt } } }`,
  `eventKind conversation { id status tags ${CUSTOMER} queue { id name } assignee { id name } }`,
].map((fields) => `subscription Live($id: ID!) { conversationUpdated(conversationId: $id) { cursor ${fields} } }`);
/** Of those who may stop to read, in every run: some 30 KB an event, so that what lies between two sockets is soon full. */
const LARGE = `subscription Live($id: ID!) { conversationUpdated(conversationId: $id) { cursor conversation { id ${
  Array.from({ length: 8 }, (_, i) => `m${i}: messages(first: 20) { nodes { id channel direction text occurredAt deliveryState } }`).join(' ')} } } }`;
const CREDENTIALS = Object.values(KEYS);

export const fanout: Bench = {
  names: ['fanout.vs_per_subscriber', 'fanout.stalled_p99'],
  async run(context, wanted) {
    const copy = await copyOf(context.cluster, await context.data(), 'fanout');
    const conversations = Math.min(context.quick ? 50 : 500, copy.data.conversationIds.length);
    const program = await startProgram('fanout.ts', copy.data).catch(async (error: unknown) => {
      await copy.drop();
      throw error;
    });
    try {
      const [ours, stock] = program.said.split(' ') as [string, string];
      const bursts = new Map<string, Burst[]>([['ours', []]]);
      if (wanted.has('fanout.vs_per_subscriber')) bursts.set('stock', []).set('mixed', []);
      if (wanted.has('fanout.stalled_p99')) bursts.set('beside_stalled', []);
      for (let round = 0; round < context.rounds; round++) {
        for (const [name, done] of round % 2 ? [...bursts].reverse() : bursts) done.push(await burst(program, name === 'stock' ? stock : ours, copy.data, conversations, { stalled: name === 'beside_stalled', mixed: name === 'mixed' }));
      }
      const ratio = (one: string, other: string, pick: (burst: Burst) => number) => spreadOf(bursts.get(one)!.map((each, round) => pick(each) / pick(bursts.get(other)![round]!)));
      return [
        ...(bursts.has('stock') ? [
          row('fanout.vs_per_subscriber', ratio('ours', 'stock', ({ perSecond }) => perSecond), 'x', '>= 4'),
          row('fanout.mixed_vs_per_subscriber', ratio('mixed', 'stock', ({ perSecond }) => perSecond), 'x'),
          row('fanout.p99_vs_per_subscriber', ratio('ours', 'stock', ({ p99Ms }) => p99Ms), 'x'),
        ] : []),
        ...(bursts.has('beside_stalled') ? [row('fanout.stalled_p99', ratio('beside_stalled', 'ours', ({ p99Ms }) => p99Ms), 'x', '<= 1.1')] : []),
        ...[...bursts].flatMap(([name, done]) => [
          row(`fanout.${name}.per_second`, spreadOf(done.map(({ perSecond }) => perSecond)), '1/s'), row(`fanout.${name}.p99_ms`, spreadOf(done.map(({ p99Ms }) => p99Ms)), 'ms'),
        ]),
      ];
    } finally {
      await program.stop();
      await copy.drop();
    }
  },
};

interface Burst {
  /** Deliveries, from when the events were to be written to the last of them. */
  perSecond: number;
  p99Ms: number;
}

/** Stops to read, and has so much sent that nothing more goes into what lies between: from then on the server holds it. */
async function stall(program: Running, stalled: readonly WebSocket[], conversations: number): Promise<void> {
  for (const socket of stalled) socket.pause();
  for (let floods = 0; floods < FLOODS_MAX; floods++) {
    await program.tell(`emit ${conversations} ${FLOOD_EACH} ${STALLED_EVERY}`);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    if (Number(await program.tell('behind')) >= stalled.length) return;
  }
  throw new Error('Those who stopped to read are not behind: nothing would be shown.');
}

/**
 * `stalled`: some subscribers stop to read once they have begun; what is measured is the others'. `mixed`: those of a conversation have pages and keys of
 * their own, as far as there are as many, so that little can be shared.
 */
async function burst(program: Running, address: string, data: Data, conversations: number, { stalled: withStalled, mixed }: { stalled: boolean; mixed: boolean }): Promise<Burst> {
  const subscribers = conversations * PER_CONVERSATION;
  const mayStall = (i: number): boolean => (i % conversations) % STALLED_EVERY === 0;
  const stalls = (i: number): boolean => withStalled && mayStall(i);
  const got = new Uint32Array(subscribers);
  let arrivals: number[] = [];
  let fault: string | null = null;
  let onArrival = () => {};
  const sockets: WebSocket[] = [];
  const open = (i: number) => new Promise<void>((resolve, reject) => {
    const of = i % conversations;
    const who = mixed ? of + Math.floor(i / conversations) : of;
    const socket = new WebSocket(`${address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { perMessageDeflate: false });
    sockets.push(socket);
    socket.on('error', reject);
    // Who doesn't read is closed in the end, and that is right.
    socket.on('close', (code, reason) => (fault ??= stalls(i) ? null : `closed: ${code} ${String(reason)}`));
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${CREDENTIALS[who % CREDENTIALS.length]!}` } })));
    socket.on('message', (bytes) => {
      const text = String(bytes);
      if (text.includes('"type":"next"')) {
        if (text.includes('"errors":')) fault ??= text.slice(0, 500);
        got[i]!++;
        if (mayStall(i) && got[i]! > 1) return;
        arrivals.push(performance.now());
        return onArrival();
      }
      if (text.includes('"type":"connection_ack"')) {
        const variables = { id: `cnv_${data.conversationIds[of]!.replaceAll('-', '')}` };
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: mayStall(i) ? LARGE : DOCUMENTS[who % DOCUMENTS.length], variables } }));
        return resolve();
      }
      if (text.includes('"type":"ping"')) return socket.send('{"type":"pong"}');
      if (!text.includes('"type":"pong"')) fault ??= text.slice(0, 500);
    });
  });
  try {
    for (let i = 0; i < subscribers; i += SOCKETS_AT_ONCE) await Promise.all(Array.from({ length: Math.min(SOCKETS_AT_ONCE, subscribers - i) }, (_, k) => open(i + k)));
    // Nobody says when a subscription has begun: events are emitted until everybody has had one.
    const deadline = performance.now() + READY_MS_MAX;
    let before = -1;
    while (got.some((count) => count === 0)) {
      if (fault !== null || performance.now() > deadline) throw new Error(`Not every subscription began: ${fault ?? 'no answer'}`);
      await program.tell(`emit ${conversations} 1`);
      for (before = -1; before !== arrivals.length;) {
        before = arrivals.length;
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
    }
    if (withStalled) await stall(program, sockets.filter((_, i) => stalls(i)), conversations);
    arrivals = [];
    const expected = sockets.filter((_, i) => !mayStall(i)).length * EVENTS_EACH;
    const all = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${arrivals.length} of ${expected} deliveries came. ${fault ?? ''}`)), READY_MS_MAX * 2);
      onArrival = () => {
        if (arrivals.length < expected) return;
        clearTimeout(timer);
        resolve();
      };
    });
    const began = performance.now();
    await Promise.all([program.tell(`emit ${conversations} ${EVENTS_EACH}`), all]);
    if (fault !== null) throw new Error(`A subscriber was told: ${fault}`);
    const sorted = arrivals.map((at) => at - began).sort((a, b) => a - b);
    return { perSecond: expected / (sorted.at(-1)! / 1000), p99Ms: quantile(sorted, 0.99) };
  } finally {
    for (const socket of sockets) {
      socket.removeAllListeners('close');
      socket.terminate();
    }
  }
}
