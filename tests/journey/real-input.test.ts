// Everything that was recorded of real senders, into an empty workspace, by the doors it comes by: mail by the import, Twilio's requests signed and by
// HTTP, a chat by the client. Meanwhile somebody reads timelines, and somebody listens. Then all of it again.
import { cpSync, existsSync, readdirSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createApiKey } from '../../src/workspaces/keys.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { ChatClient } from '../../src/visitors/client/chat-client.ts';
import { throughline } from '../cli/run.ts';
import { proven } from '../harness/proven.ts';
import { SECRET_KEY, startTestServer, type Socket, type Subscription, type TestServer } from '../harness/server.ts';
import { ownMails } from './mails.ts';
import { inOrder, ourNumber, payloadsUnder, signature, type Payload } from './payloads.ts';

const SHARED = join(import.meta.dirname, '../../../shared/fixtures');
const OWN = join(import.meta.dirname, '../fixtures');
const MAILBOX = 'support@acme.example';
const ACCOUNT_SID = `AC${'1'.repeat(32)}`;
const AUTH_TOKEN = '2'.repeat(32);

/** Of how many recorded mails one comes in; all of them by `npm run verify`. */
const ONE_OF = process.env.REAL_INPUT === 'all' ? 1 : 4;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
}, 60_000);
afterAll(() => server.stop());

const isThere = existsSync(SHARED);
if (!isThere) console.log(`Skipped: the recorded payloads are not at ${relative(process.cwd(), SHARED)}. The project's own are tested.`);

describe('the payloads that we wrote from the vendors’ documents', () => {
  everything(() => ({ mails: [ownMails(server.dataDir)], payloads: inOrder([...payloadsUnder(OWN, 'sms/twilio', 'SMS'), ...payloadsUnder(OWN, 'voice/twilio', 'VOICE')]) }));
});
describe.skipIf(!isThere)('the payloads that were recorded of real senders', () => {
  everything(() => ({
    mails: ['mime', 'helpdesk', 'dsn'].map((folder) => sample(join(SHARED, 'email', folder))),
    payloads: inOrder([...payloadsUnder(SHARED, 'sms/twilio', 'SMS'), ...payloadsUnder(SHARED, 'voice/twilio', 'VOICE')]),
  }));
});

function sample(folder: string): string {
  const to = join(server.dataDir, 'sample', basename(folder));
  const mails = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.eml')).sort();
  mails.forEach((name, i) => i % ONE_OF === 0 && cpSync(join(folder, name), join(to, name)));
  return to;
}

interface Input {
  mails: string[];
  payloads: Payload[];
}
interface Answer {
  file: string;
  status: number;
  reason: string | null;
}
interface Summary {
  files: number;
  before: number;
  messages: number;
  receipts: number;
  others: number;
  duplicates: number;
  rejected: { file: string; reason: string }[];
  unshown: { file: string; reason: string }[];
}

function everything(input: () => Input): void {
  let given: Input;
  let workspaceId: string;
  let admin: string;
  let hooks: Record<Payload['channel'], string>;
  let chat: ChatClient;
  let chatChanged: () => void = () => {};
  let socket: Socket;
  let heard: Subscription;
  let imported: Summary;
  let answers: Answer[];
  const ask = (document: string, variables?: Record<string, unknown>) => server.ask(document, variables, admin);

  beforeAll(async () => {
    given = input();
    const { id, actor } = await server.db.workspace('Empty');
    workspaceId = id;
    ({ key: admin } = await inWorkspace(server.db.app, id, (tx) => createApiKey(tx, actor, { name: 'Admin', role: 'ADMIN' })));
    hooks = await connect(admin, given.payloads);
    const { connectChannel } = await ask('mutation { connectChannel(input: { channel: LIVE_CHAT, provider: "throughline", name: "Chat", secrets: {} }) { channelAccount { publishableKey } userErrors { message } } }');
    chat = new ChatClient({ url: `${server.address}/graphql`, publishableKey: connectChannel.channelAccount.publishableKey, webSocket: WebSocket, onChange: () => chatChanged() });
    const { cursor, customers } = await ask('{ cursor customers { nodes { id } } }');
    expect(customers.nodes).toEqual([]);
    socket = server.socket(admin);
    await socket.open;
    heard = socket.subscribe('subscription ($after: Cursor) { events(after: $after) { event { id kind message { id } } } }', { after: cursor });
  }, 60_000);
  afterAll(async () => {
    chat?.close();
    await socket?.close();
  });

  test('all of it comes in, while timelines are read and a chat goes on', async () => {
    let isComing = true;
    const reading = (async () => {
      let reads = 0;
      // With a breath between two, so that what is read is not the whole of the load.
      for (; isComing; reads++) {
        await timelines(ask);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return reads;
    })();
    try {
      [imported, answers] = await Promise.all([importAll(), postAll(), chatOn(['Hello?', 'Is somebody there?', 'My order is 48821.'])]);
    } finally {
      isComing = false;
    }
    const reads = await reading;
    await settled();
    expect(answers.filter((answer) => answer.status >= 500)).toEqual([]);
    for (const { file, status, reason } of answers) if (status >= 400) expect(reason, file).toBeTruthy();
    expect(imported.files).toBeGreaterThan(2);
    expect(imported.messages).toBeGreaterThan(0);
    console.info(`${imported.files} mails and ${answers.length} requests; timelines were read ${reads} times meanwhile`);
  }, 90_000);

  test('every payload is on a timeline or listed with a reason', async () => {
    const { onTimelines, calls } = await shown();
    const events = await inbound();
    const unaccounted: string[] = [];
    const tally: Record<string, number> = {};
    const count = (what: string) => (tally[what] = (tally[what] ?? 0) + 1);
    const effects = new Set(events.filter((event) => event.state === 'APPLIED' || event.state === 'IGNORED').map((event) => event.key));
    for (const event of events) {
      const listed = ['UNPARSED', 'UNKNOWN_ACCOUNT', 'DEAD'].includes(event.state) || (event.kind === 'receipt' && ['WAITING', 'IGNORED'].includes(event.state));
      if (listed) {
        if (!event.error) {
          unaccounted.push(`${event.state} ${event.kind} without a reason`);
          continue;
        }
        count(`listed, ${event.state}: ${event.error!.replace(/["“][^"”]*["”]|\S*\d\S*/g, '…').slice(0, 90)}`);
      } else if (event.state === 'DUPLICATE') {
        if (!effects.has(event.key)) unaccounted.push(`a duplicate of nothing: ${event.key}`);
        count('the same again, within what was given');
      } else if (event.state !== 'APPLIED') unaccounted.push(`${event.state} ${event.kind}`);
      else if (event.kind === 'message' && onTimelines.has(event.messageId!)) count('messages on timelines');
      else if (event.kind === 'call' && calls.has(event.call!)) count('reports of calls on timelines');
      else if (event.kind === 'receipt' && event.messageId) count('receipts of messages on timelines');
      else if (event.kind === 'consent' || event.kind === 'identity_change') count('on profiles');
      else unaccounted.push(`${event.state} ${event.kind} ${event.key}`);
    }
    console.info(Object.entries({ payloads: imported.files + answers.length, ...tally }).map(([what, number]) => `${String(number).padStart(6)}  ${what}`).join('\n'));
    expect(unaccounted).toEqual([]);
    expect(events.some((event) => event.state === 'DEAD')).toBe(false);
    // The same by the graph, where somebody would look for it.
    const listed = await ask('{ inboundEvents(first: 100, filter: { or: [{ state: UNPARSED }, { state: UNKNOWN_ACCOUNT }] }) { nodes { error } } }');
    expect(listed.inboundEvents.nodes.every(({ error }: { error: string | null }) => error)).toBe(true);
    for (const { file, reason } of [...imported.rejected, ...imported.unshown]) expect(reason, file).toBeTruthy();
    expect(imported.messages + imported.duplicates + imported.rejected.length + imported.unshown.length).toBeGreaterThanOrEqual(imported.files);
  });

  test('the socket heard every event of the log once, in order', async () => {
    const log: string[] = [];
    for (let after: string | null = null; ; ) {
      const { changes } = (await ask('query ($after: Cursor) { changes(after: $after, first: 100) { id cursor } }', { after })) as { changes: { id: string; cursor: string }[] };
      log.push(...changes.map((event) => event.id));
      if (changes.length < 100) break;
      after = changes.at(-1)!.cursor;
    }
    const ids: string[] = [];
    while (ids.at(-1) !== log.at(-1)) ids.push((await heard.next()).events.event.id);
    // What was before the subscription (keys, accounts) isn't heard.
    expect(ids).toEqual(log.slice(-ids.length));
    expect(ids.length).toBeGreaterThan(imported.messages);
  });

  test('all of it again changes nothing', async () => {
    const before = await everyRow();
    const [second, answered] = await Promise.all([importAll(), postAll()]);
    await settled();
    expect(second).toMatchObject({ files: imported.files, before: imported.files - imported.rejected.filter((one) => one.reason.startsWith('It could')).length, messages: 0, receipts: 0, others: 0, duplicates: 0 });
    expect(second.rejected).toEqual(imported.rejected);
    expect(answered.map(({ file, status }) => ({ file, status }))).toEqual(answers.map(({ file, status }) => ({ file, status })));
    expect(await everyRow()).toEqual(before);
    proven({ mails: imported.files, requests: answers.length });
  }, 60_000);

  async function importAll(): Promise<Summary> {
    const sum: Summary = { files: 0, before: 0, messages: 0, receipts: 0, others: 0, duplicates: 0, rejected: [], unshown: [] };
    for (const [i, folder] of given.mails.entries()) {
      const ran = await throughline(
        ['import', '--channel', 'email', '--account', MAILBOX, '--workspace', workspaceId, '--connect', '--json', '--rejects', join(server.dataDir, `rejects-${workspaceId}-${i}.jsonl`), folder],
        { DATABASE_URL: server.db.url, SECRET_KEY, DATA_DIR: server.dataDir });
      expect(ran, ran.stderr).toMatchObject({ code: 0 });
      const one = JSON.parse(ran.stdout) as Summary;
      for (const name of ['files', 'before', 'messages', 'receipts', 'others', 'duplicates'] as const) sum[name] += one[name];
      sum.rejected.push(...one.rejected);
      sum.unshown.push(...one.unshown);
    }
    return sum;
  }

  async function postAll(): Promise<Answer[]> {
    const all: Answer[] = [];
    for (const { file, channel, body } of given.payloads) {
      const response = await fetch(hooks[channel], {
        method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature(AUTH_TOKEN, hooks[channel], body) },
      });
      const text = await response.text();
      all.push({ file, status: response.status, reason: response.ok ? null : ((JSON.parse(text) as { error?: { message: string } }).error?.message ?? null) });
    }
    return all;
  }

  async function chatOn(lines: string[]): Promise<void> {
    const until = async <T>(found: () => T | undefined): Promise<T> => {
      for (;;) {
        const there = found();
        if (there !== undefined) return there;
        await new Promise<void>((resolve) => (chatChanged = resolve));
      }
    };
    await chat.start({ name: 'Nobody yet' });
    const ids = lines.map((line) => chat.send(line));
    await until(() => ids.every((id) => chat.state.messages.find((one) => one.clientId === id)?.id) || undefined);
    const { conversationId } = chat.state.messages.find((one) => one.clientId === ids[0])!;
    await ask('mutation ($input: SendMessageInput!) { sendMessage(input: $input) { message { id } userErrors { message } } }', { input: { conversationId: conversationId!.replace('vcn_', 'cnv_'), text: 'Yes, I am.' } });
    const answer = await until(() => chat.state.messages.find((one) => one.author === 'TEAM'));
    expect(answer.text).toBe('Yes, I am.');
    expect(chat.state.messages.filter((one) => one.author === 'VISITOR').map((one) => one.text)).toEqual(lines);
  }

  /** Nothing waits: every event was decided, and the log has them all. */
  async function settled(): Promise<void> {
    await expect.poll(async () => (await server.db.owner`
      select (select count(*)::int from inbound_events where workspace_id = ${workspaceId} and state = 'PENDING') + (select count(*)::int from event_outbox where workspace_id = ${workspaceId}) as n`)[0]!.n, { timeout: 40_000, interval: 100 }).toBe(0);
  }

  /** What the timelines of all customers show, by HTTP. */
  async function shown(): Promise<{ onTimelines: Set<string>; calls: Set<string> }> {
    const subjects = await timelines(ask);
    const ids = new Set(subjects);
    const rows = await server.db.owner<{ id: string; providerCallId: string }[]>`select id, provider_call_id from calls where workspace_id = ${workspaceId}`;
    const legs = await server.db.owner<{ callId: string; providerLegId: string }[]>`select call_id, provider_leg_id from call_legs where workspace_id = ${workspaceId}`;
    const shownCalls = rows.filter((row) => ids.has(`cal_${row.id.replaceAll('-', '')}`));
    return {
      onTimelines: new Set([...ids].map((id) => id.replace(/^msg_(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'))),
      calls: new Set([...shownCalls.map((row) => row.providerCallId), ...legs.filter((leg) => shownCalls.some((row) => row.id === leg.callId)).map((leg) => leg.providerLegId)]),
    };
  }

  const inbound = () => server.db.owner<{ state: string; error: string | null; kind: string | null; messageId: string | null; key: string | null; call: string | null }[]>`
    select state, error, event->>'kind' as kind, message_id, account_id || ' ' || (event->>'dedupeKey') as key, event->'call'->>'providerCallId' as call
    from inbound_events where workspace_id = ${workspaceId} order by id`;

  /** Every row of every table in which an effect would show, as one moment knows them. */
  async function everyRow(): Promise<Record<string, string[]>> {
    const tables = ['customers', 'identities', 'claims', 'attribute_observations', 'conversations', 'conversation_participants', 'threads', 'messages', 'message_parts', 'receipts', 'calls', 'timeline_entries', 'events', 'routing_decisions'];
    return server.db.owner.begin('isolation level repeatable read', async (tx) => {
      const all: Record<string, string[]> = {};
      for (const table of tables) all[table] = (await tx<{ row: string }[]>`select to_jsonb(t)::text as row from ${tx(table)} t where workspace_id = ${workspaceId} order by 1`).map(({ row }) => row);
      return all;
    });
  }
}

type Ask = (document: string, variables?: Record<string, unknown>) => Promise<any>;

/** The mailbox is connected by the import; here, the numbers that the payloads are for. What is no number stays unknown, and is listed as such. */
async function connect(admin: string, payloads: readonly Payload[]): Promise<Record<Payload['channel'], string>> {
  const hooks = { SMS: '', VOICE: '' };
  for (const channel of ['SMS', 'VOICE'] as const) {
    let endpointId: string | null = null;
    for (const address of new Set(payloads.filter((one) => one.channel === channel).map(ourNumber))) {
      const { data } = await server.query(
        'mutation ($input: ConnectChannelInput!) { connectChannel(input: $input) { channelAccount { endpointId webhookUrl } userErrors { message } } }',
        { input: { channel, provider: 'twilio', name: `${channel} ${address}`, address, settings: { accountSid: ACCOUNT_SID }, check: false, ...(endpointId ? { endpointId } : { secrets: { authToken: AUTH_TOKEN } }) } }, admin);
      const account = data?.connectChannel?.channelAccount;
      if (!account) continue;
      endpointId = account.endpointId as string;
      hooks[channel] = new URL(account.webhookUrl as string, server.address).href;
    }
  }
  return hooks;
}

/** Every subject of every customer's timeline, page by page. */
async function timelines(ask: Ask): Promise<string[]> {
  const subjects: string[] = [];
  for (let after: string | null = null; ; ) {
    const { customers } = await ask(
      `query ($after: String) { customers(first: 20, after: $after) { nodes { timeline(first: 20) {
        nodes { subject { ... on Message { id } ... on Call { id } ... on Note { id } } } pageInfo { hasNextPage } } id } pageInfo { hasNextPage endCursor } } }`, { after });
    for (const customer of customers.nodes) {
      subjects.push(...customer.timeline.nodes.map((entry: any) => entry.subject.id).filter(Boolean));
      if (customer.timeline.pageInfo.hasNextPage) subjects.push(...(await wholeTimeline(ask, customer.id)));
    }
    if (!customers.pageInfo.hasNextPage) return subjects;
    after = customers.pageInfo.endCursor;
  }
}

async function wholeTimeline(ask: Ask, id: string): Promise<string[]> {
  const subjects: string[] = [];
  for (let after: string | null = null; ; ) {
    const { customer } = await ask(
      'query ($id: ID!, $after: String) { customer(id: $id) { timeline(first: 100, after: $after) { nodes { subject { ... on Message { id } ... on Call { id } } } pageInfo { hasNextPage endCursor } } } }', { id, after });
    subjects.push(...customer.timeline.nodes.map((entry: any) => entry.subject.id).filter(Boolean));
    if (!customer.timeline.pageInfo.hasNextPage) return subjects;
    after = customer.timeline.pageInfo.endCursor;
  }
}
