// G1, G2, G3 in small: two real servers on one database, one of them killed again and again under load. A client of its own keeps a ledger of what it
// was told; afterwards the database, the provider's side and the followers of the log are held against it. The next issue runs it at full count.
import { createServer, type AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyChain, verifyLog } from '../../src/events/chain.ts';
import { publicId } from '../../src/platform/ids.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { Ledger, seeded, seedOfRun, type Answer, type Entry } from '../harness/ledger.ts';
import { peerAt, SECRET_KEY, spawnServer, testWorkspace, type Peer, type Started, type TestWorkspace } from '../harness/server.ts';
import { fakeTwilio, newSid, type FakeTwilio } from '../harness/twilio.ts';
import { quiet, until } from './world.ts';

const KILLS = Number(process.env.KILLS ?? 1);
const WORKERS = 6;
const CUSTOMERS = 6;
const ACKS_A_KILL = [20, 40] as const;
const NUMBER = '+493012345678';
const MAILBOX = 'support@acme.example';
const MAIL_SECRET = 'the-secret-of-the-mail-door';
const SEED = seedOfRun();

let db: TestDatabase;
let dataDir: string;
let ws: TestWorkspace;
let twilio: FakeTwilio;
let ports: [number, number];
const servers: (Started | null)[] = [null, null];
let hooks: { sms: string; mail: string };

beforeAll(async () => {
  db = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'throughline-durable-'));
  ws = await testWorkspace(db, 'Acme');
  twilio = await fakeTwilio();
  const sms = await ws.connect({ channel: 'SMS', provider: 'twilio', name: 'SMS', address: NUMBER, settings: { accountSid: twilio.accountSid, apiBaseUrl: twilio.url }, secrets: { authToken: twilio.authToken } });
  const mail = await ws.connect({ channel: 'EMAIL', provider: 'mime', name: 'Mail', address: MAILBOX, settings: { host: '127.0.0.1', port: 9, secure: 'none' }, secrets: { inbound: MAIL_SECRET } });
  hooks = { sms: `/hooks/twilio/${publicId('end', sms.endpointId)}`, mail: `/hooks/mime/${publicId('end', mail.endpointId)}` };
  ports = [await freePort(), await freePort()];
  await Promise.all([start(0), start(1)]);
}, 90_000);
afterAll(async () => {
  for (const server of servers) server?.kill('SIGKILL');
  await Promise.all(servers.map((server) => server?.exited));
  await twilio.close();
  await db.close();
  await rm(dataDir, { recursive: true, force: true });
});

async function start(index: 0 | 1): Promise<void> {
  const started = await spawnServer({ DATABASE_URL: db.url, SECRET_KEY, DATA_DIR: dataDir, PORT: String(ports[index]), LOG_LEVEL: 'error' }, { timeoutMs: 60_000 });
  servers[index] = started;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** A follower of the log, who comes back after every loss with the last cursor that he has seen, to whichever server is there. */
class Follower {
  readonly seen: string[] = [];
  drops = 0;
  #cursor: string;
  #ended = false;
  #stop = () => {};
  /** `patience`: how many events until it goes elsewhere by itself. */
  constructor(after: string, private readonly serverAt: (attempt: number) => Peer, private readonly patience = Infinity) {
    this.#cursor = after;
    void this.#follow();
  }
  async #follow(): Promise<void> {
    for (let attempt = 0; !this.#ended; attempt++) {
      await this.#once(this.serverAt(attempt));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  async #once(server: Peer): Promise<void> {
    const socket = server.socket(ws.keys.ADMIN);
    let left = this.patience;
    const lost = new Promise<void>((resolve) => {
      const end = () => {
        resolve();
        stop();
      };
      const stop = socket.client.subscribe<{ events: { cursor: string; event: { id: string } } }>(
        { query: 'subscription ($after: Cursor) { events(after: $after) { cursor event { id } } }', variables: { after: this.#cursor } },
        {
          next: ({ data }) => {
            this.#cursor = data!.events.cursor;
            this.seen.push(data!.events.event.id);
            if (--left <= 0) socket.cut();
          },
          error: end,
          complete: end,
        },
      );
      this.#stop = end;
      void socket.closed.then(end);
    });
    await lost;
    if (!this.#ended) this.drops++;
    await socket.close();
  }
  end(): void {
    this.#ended = true;
    this.#stop();
  }
}

// What the load does. Each act has a mark of its own, which stands in the text that it leaves.

interface Person {
  email: string;
  phone: string;
  conversationId: string;
  visitor: string;
}
interface Act {
  kind: string;
  mark: string;
  send: (server: Peer) => Promise<Answer>;
}
type Pick = <T>(of: readonly T[]) => T;

const HTTP = async (response: Response): Promise<Answer> => {
  const said = await response.text();
  return { outcome: response.status < 300 ? 'acknowledged' : response.status < 500 ? 'refused' : 'unknown', said: `${response.status} ${said.slice(0, 200)}` };
};

function mutate(document: string, input: object, key: string): Act['send'] {
  return async (server) => {
    const { status, errors, data } = await server.query(document, { input }, key);
    const refusals = [...errors, ...Object.values((data ?? {}) as Record<string, { userErrors?: unknown[]; messages?: { userErrors: unknown[] }[] }>).flatMap((payload) => [...(payload?.userErrors ?? []), ...(payload?.messages ?? []).flatMap((row) => row.userErrors)])];
    return { outcome: status >= 500 ? 'unknown' : refusals.length > 0 || data === null ? 'refused' : 'acknowledged', said: JSON.stringify(refusals) };
  };
}

const ACTS: ((person: Person, mark: string) => Omit<Act, 'mark'>)[] = [
  ({ conversationId }, mark) => ({
    kind: 'sendMessage',
    send: mutate('mutation ($input: SendMessageInput!) { sendMessage(input: $input) { message { id } userErrors { code message } } }', { conversationId, channel: 'SMS', text: mark, idempotencyKey: mark }, ws.keys.AGENT),
  }),
  ({ email }, mark) => ({
    kind: 'ingestMessages',
    send: mutate('mutation ($input: IngestMessagesInput!) { ingestMessages(input: $input) { messages { result userErrors { code message } } userErrors { code message } } }',
      { messages: [{ channel: 'EMAIL', address: { kind: 'EMAIL', value: email }, text: mark, externalId: mark }] }, ws.keys.INTEGRATOR),
  }),
  ({ conversationId }, mark) => ({
    kind: 'addNote', send: mutate('mutation ($input: AddNoteInput!) { addNote(input: $input) { note { id } userErrors { code message } } }', { conversationId, body: mark, idempotencyKey: mark }, ws.keys.AGENT),
  }),
  ({ visitor }, mark) => ({
    kind: 'sendVisitorMessage', send: mutate('mutation ($input: SendVisitorMessageInput!) { sendVisitorMessage(input: $input) { message { id } userErrors { code message } } }', { clientId: mark, text: mark }, visitor),
  }),
  ({ phone }, mark) => {
    const sid = newSid('SM');
    const fields = { MessageSid: sid, SmsSid: sid, SmsStatus: 'received', AccountSid: twilio.accountSid, From: phone, To: NUMBER, Body: mark, NumMedia: '0', ApiVersion: '2010-04-01' };
    return {
      kind: 'SMS webhook',
      send: async (server) => {
        const { status, body } = await twilio.post(server.address + hooks.sms, fields);
        return HTTP(new Response(status === 204 ? null : body, { status }));
      },
    };
  },
  ({ email }, mark) => {
    const letter = [`From: ${email}`, `To: ${MAILBOX}`, 'Subject: Hello', `Message-ID: <${mark}@customers.example>`, 'Date: Thu, 05 Mar 2026 10:00:00 +0100', '', mark].join('\r\n');
    return { kind: 'mail', send: async (server) => HTTP(await fetch(server.address + hooks.mail, { method: 'POST', headers: { authorization: `Bearer ${MAIL_SECRET}`, 'content-type': 'message/rfc822' }, body: letter })) };
  },
];

test(`nothing acknowledged is lost, nothing is doubled, nothing is out of order or stuck, over ${KILLS} kills (SEED=${SEED})`, { timeout: 300_000 }, async () => {
  const random = seeded(SEED);
  const pick: Pick = (of) => of[Math.floor(random() * of.length)]!;
  const up = () => servers.flatMap((server) => (server ? [peerAt(server.address)] : []));
  const people = await Promise.all(Array.from({ length: CUSTOMERS }, (_, index) => person(servers[1]!, index)));
  const { cursor } = (await servers[1]!.query('{ cursor }', null, ws.keys.ADMIN)).data;
  const followers = [new Follower(cursor, () => peerAt(servers[1]!.address)), new Follower(cursor, (attempt) => up()[attempt % up().length]!, 25)];
  // The place that the cursor names (events/log.ts): what was numbered since belongs to the followers.
  const begin = { position: Number(String(cursor).split('.')[2]) };

  // The load: it waits while enough was acknowledged since the last kill.
  const ledger = new Ledger();
  let number = 0;
  let running = true;
  let allowance = 0;
  let more = () => {};
  const worker = async () => {
    while (running) {
      if (allowance <= 0) {
        await new Promise<void>((resolve) => {
          const others = more;
          more = () => (others(), resolve());
        });
        continue;
      }
      allowance--;
      const mark = `act ${SEED} ${++number}`.replaceAll(' ', '-');
      const { kind, send } = pick(ACTS)(pick(people), mark);
      // A provider and a client go to whichever server is there, and may find it gone.
      const to = () => pick(up());
      const entry = await ledger.ask(kind, mark, () => send(to()));
      if (entry.outcome === 'acknowledged' && random() < 0.15) await Promise.all(Array.from({ length: 1 + Math.floor(random() * 3) }, () => ledger.retry(entry)));
    }
  };
  const allow = (acts: number) => {
    allowance = acts;
    const waiting = more;
    more = () => {};
    waiting();
  };
  const workers = Array.from({ length: WORKERS }, worker);

  const phases: string[] = [];
  for (let kill = 1; kill <= KILLS; kill++) {
    const acts = ACKS_A_KILL[0] + Math.floor(random() * (ACKS_A_KILL[1] - ACKS_A_KILL[0]));
    const before = ledger.of('acknowledged').length;
    if (random() < 0.5) twilio.trouble({ cut: 'after' });
    allow(acts * 3);
    await until(`${acts} acknowledgements`, () => (ledger.of('acknowledged').length >= before + acts ? true : undefined), 60_000);
    const victim = servers[0]!;
    // Half of the kills hit it while it calls the provider, if it does so soon.
    const called = twilio.messages.length;
    const calling = () => twilio.messages.slice(called).some(({ statusCallback }) => statusCallback?.startsWith(victim.address));
    const delayMs = random() * 25;
    const deadline = performance.now() + (random() < 0.5 ? 2_000 : delayMs);
    while (performance.now() < deadline && !(deadline - performance.now() > 25 && calling())) await new Promise((resolve) => setImmediate(resolve));
    victim.kill('SIGKILL');
    servers[0] = null;
    phases.push(calling() ? 'calling the provider' : 'any moment');
    await victim.exited;
    allow(acts);
    await start(0);
  }
  allow(30);
  await until('the last acts', () => (allowance <= 0 ? true : undefined), 60_000);
  running = false;
  allow(0);
  await Promise.all(workers);
  const unknown = ledger.of('unknown').length;
  await quiet({ db }, 60_000);

  // G1: acknowledged ⊆ database ⊆ acknowledged ∪ unknown.
  expect(ledger.of('refused')).toEqual([]);
  const first = await rows();
  expect(missing(ledger.of('acknowledged'), first)).toEqual([]);
  const marks = new Set(ledger.entries.filter(({ outcome }) => outcome !== 'refused').map(({ mark }) => mark));
  expect([...first.keys()].filter((mark) => !marks.has(mark))).toEqual([]);

  // Each unknown one, tried again, makes one row.
  for (const entry of ledger.of('unknown')) for (let tries = 0; tries < 3 && entry.outcome === 'unknown'; tries++) await ledger.retry(entry);
  expect(ledger.of('unknown')).toEqual([]);
  await quiet({ db }, 60_000);
  const last = await rows();
  expect(missing(ledger.entries, last)).toEqual([]);
  // G2: once, here and at the provider's.
  expect([...last].filter(([, count]) => count !== 1)).toEqual([]);
  const bodies = twilio.messages.map(({ body }) => body);
  expect(bodies.filter((body, at) => bodies.indexOf(body) !== at)).toEqual([]);

  // Nothing is stuck. What the provider has, it can still report, whether we had heard its answer or not.
  const { owner } = db;
  expect(await owner`select state, count(*)::int as n from inbound_events where state not in ('APPLIED', 'DUPLICATE') group by state`).toEqual([]);
  expect(await owner`select id from attempts where state = 'STARTED' or finished_at is null`).toEqual([]);
  expect(await owner`select id from graphile_worker.jobs`).toEqual([]);
  expect(await owner`select delivery_state, error_code from messages where workspace_id = ${ws.id} and direction = 'OUTBOUND' and delivery_state not in ('ACCEPTED', 'SENDING', 'SENT', 'UNCONFIRMED')`).toEqual([]);
  const [open] = await owner<{ messages: number }[]>`select count(*)::int as messages from messages where delivery_state = 'UNCONFIRMED'`;
  for (const { sid } of twilio.messages) expect(await twilio.report(sid, 'delivered')).toMatchObject({ status: 200 });
  await quiet({ db }, 60_000);
  const outbound = await owner<{ text: string; state: string }[]>`select text, delivery_state as state from messages where workspace_id = ${ws.id} and direction = 'OUTBOUND'`;
  const taken = new Set(bodies);
  for (const { text, state } of outbound) expect(`${text} ${state}`).toBe(`${text} ${taken.has(text) ? 'DELIVERED' : 'UNCONFIRMED'}`);

  // G3: each conversation's events are numbered without gaps, the log is dense, its chain unbroken.
  const numbering = await owner`
    select e.conversation_id, count(*)::int as events, max(e.conversation_seq)::int as last, c.seq from events e join conversations c on c.workspace_id = e.workspace_id and c.id = e.conversation_id
    group by e.conversation_id, c.seq having count(*) <> max(e.conversation_seq) or count(distinct e.conversation_seq) <> count(*) or c.seq <> count(*)`;
  expect(numbering).toEqual([]);
  expect(await owner`select a.position from events a join events b on b.conversation_id = a.conversation_id and b.conversation_seq = a.conversation_seq + 1 where b.position < a.position`).toEqual([]);
  expect(await verifyLog(db.system)).toMatchObject({ intact: true });
  expect(await verifyChain(db.system, ws.id)).toMatchObject({ intact: true });
  const orphans = await owner`
    select 'message without entry' as what, m.id from messages m where not exists (select from timeline_entries t where t.workspace_id = m.workspace_id and t.kind = 'MESSAGE' and t.ref_id = m.id)
    union all select 'message without event', m.id from messages m where not exists (select from events e where e.workspace_id = m.workspace_id and e.kind in ('message.received', 'message.sent') and e.data ->> 'messageId' = m.id::text)
    union all select 'consumer behind', null from consumers c, log_state l where c.position < l.position
    union all select 'consumer failed', null from consumer_failures`;
  expect(orphans).toEqual([]);

  // G4: who follows saw exactly the log.
  const log = (await owner<{ id: string }[]>`select id from events where workspace_id = ${ws.id} and position > ${begin.position} order by position`).map(({ id }) => publicId('evt', id));
  await until('the followers to see the end', () => (followers.every(({ seen }) => seen.length >= log.length) ? true : undefined), 30_000);
  for (const follower of followers) {
    follower.end();
    expect(follower.seen).toEqual(log);
  }
  expect(followers[1]!.drops).toBeGreaterThan(0);
  const conversations = (await owner<{ n: number }[]>`select count(*)::int as n from conversations`)[0]!.n;
  console.log(`SEED=${SEED}: ${ledger.entries.length} acts (${unknown} unknown after ${KILLS} kills: ${phases.join(', ')}), ${bodies.length} sent, ${open!.messages} not confirmed until reported, ${log.length} events of ${conversations} conversations, ${followers.map(({ drops }) => drops).join(' and ')} drops of the followers.`);
});

/** A customer with an address of every kind, one matter, and a chat. */
async function person(server: Peer, index: number): Promise<Person> {
  const [email, phone] = [`customer${index}@customers.example`, `+4915112340${String(index).padStart(3, '0')}`];
  await server.ask('mutation ($i: UpsertCustomerInput!) { upsertCustomer(input: $i) { userErrors { message } } }', { i: { identity: { kind: 'EMAIL', value: email }, identities: [{ kind: 'PHONE', value: phone }] } }, ws.keys.ADMIN);
  const { ingestMessages } = await server.ask('mutation ($i: IngestMessagesInput!) { ingestMessages(input: $i) { messages { conversation { id } userErrors { message } } userErrors { message } } }',
    { i: { messages: [{ channel: 'SMS', address: { kind: 'PHONE', value: phone }, text: `first of ${index}`, externalId: `first ${index}` }] } }, ws.keys.INTEGRATOR);
  const { startChat } = await server.ask('mutation { startChat(input: {}) { token userErrors { message } } }', null, `tlp_${ws.id.replaceAll('-', '')}_${ws.chat.accountId.replaceAll('-', '')}`);
  return { email, phone, conversationId: ingestMessages.messages[0].conversation.id, visitor: startChat.token };
}

/** Mark → how many messages or notes say it. */
async function rows(): Promise<Map<string, number>> {
  const found = await db.owner<{ mark: string; count: number }[]>`
    select mark, count(*)::int as count from (
      select text as mark from messages where workspace_id = ${ws.id} and text like 'act-%' union all select v.body from notes n join note_versions v on v.workspace_id = n.workspace_id and v.note_id = n.id where n.workspace_id = ${ws.id}
    ) said group by mark`;
  return new Map(found.map(({ mark, count }) => [mark.trim(), count]));
}

const missing = (entries: readonly Entry[], there: ReadonlyMap<string, number>): string[] => entries.filter(({ mark }) => !there.has(mark)).map(({ kind, mark, said }) => `${kind} ${mark} ${said}`);
