// The canonical operations (schema/operations): what the console, the README and the benchmarks ask. Over the demo's data each is one
// statement, affordable, without error, and the same bytes by the loaders.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { viewerOf } from '../../src/access/keys.ts';
import type { Viewer } from '../../src/access/viewer.ts';
import { makeGraph, type Graph } from '../../src/graphql/execute.ts';
import { openPool, type Sql } from '../../src/platform/db.ts';
import type { Demo } from '../../src/server/demo.ts';
import { canonicalOperations } from '../../src/server/ide.ts';
import { startTestServer, type TestServer } from '../harness/server.ts';
import { CANONICAL, type CanonicalOperation } from './canonical.ts';

const of = (kind: CanonicalOperation['kind']) => CANONICAL.filter((operation) => operation.kind === kind);

let server: TestServer;
let read: Sql;
let graph: Graph;
let loaders: Graph;
let admin: Viewer;
let visitor: Viewer;
let demo: Demo;
let visitorToken: string;
let member: { id: string; token: string };
let year: { from: string; to: string };
beforeAll(async () => {
  server = await startTestServer({ demo: true });
  demo = server.server.demo!;
  read = openPool({ url: server.db.url, role: 'throughline_app', max: 3, applicationName: 'test reads' });
  graph = await makeGraph({ read, write: server.db.app });
  loaders = await makeGraph({ read, write: server.db.app, path: 'loaders' });
  admin = await viewerOf(server.db.app, `Bearer ${demo.adminKey}`);
  const { conversation } = await server.ask('query ($id: ID!) { conversation(id: $id) { createdAt } }', { id: demo.ids.conversation }, demo.adminKey);
  const at = Date.parse(conversation.createdAt);
  year = { from: new Date(at - 300 * 86_400_000).toISOString(), to: new Date(at + 86_400_000).toISOString() };
  const { createMemberToken } = await server.ask('mutation ($id: ID!) { createMemberToken(input: { memberId: $id }) { token userErrors { code } } }', { id: demo.ids.member }, demo.adminKey);
  member = { id: demo.ids.member, token: createMemberToken.token };
  // The widget of Ada's browser has her token.
  const { customer } = await server.ask('query ($id: ID!) { customer(id: $id) { identities { nodes { id kind } } } }', { id: demo.ids.customer }, demo.adminKey);
  const identityId = customer.identities.nodes.find(({ kind }: { kind: string }) => kind === 'VISITOR').id;
  const { createVisitorToken } = await server.ask('mutation ($id: ID!) { createVisitorToken(input: { identityId: $id }) { token userErrors { code } } }', { id: identityId }, demo.adminKey);
  visitorToken = createVisitorToken.token;
  visitor = await viewerOf(server.db.app, `Bearer ${visitorToken}`);
}, 60_000);
afterAll(async () => {
  await read.end({ timeout: 2 });
  await server.stop();
});

/** Each query's variables, all of those sets with which a screen asks it; none are those that have defaults. */
const variablesOf = (name: string): Record<string, unknown>[] => {
  const { ids } = demo;
  const sets: Record<string, Record<string, unknown>[]> = {
    AgentWorkspace: [{ conversationId: ids.conversation }, { conversationId: ids.conversation, timelineFirst: 5 }],
    AnswerScreen: [{ conversationId: ids.conversation }, { conversationId: ids.conversation, timelineFirst: 5 }],
    Changes: [{}, { first: 20, kinds: ['MESSAGE_RECEIVED', 'CALL_RINGING'] }],
    Conversation: [{ id: ids.conversation }, { id: `cnv_${'0'.repeat(32)}` }],
    CustomerProfile: [{ id: ids.customer }, { identity: { kind: 'EMAIL', value: 'Ada@Lovelace.example' } }, { identity: { kind: 'PHONE', value: '+44 7700 900123' } }],
    Inbox: [{}, { orderBy: 'WAITING_LONGEST', first: 3 }, { filter: { status: 'OPEN' } }],
    ScreenPop: [{ channel: 'VOICE', address: '+447700900123' }, { channel: 'EMAIL', address: 'ada@lovelace.example' }, { channel: 'SMS', address: '+15005550006' }],
    Search: [{ query: 'Ada' }, { query: '48821' }, { query: 'tracking' }, { query: 'nobody has said this' }],
    Setup: [{}],
    ConversationStats: [{ range: year }, { range: year, by: ['CHANNEL', 'QUEUE'], timeZone: 'Europe/Berlin' }],
    ConversationStatsRows: [{ range: year, figure: 'MESSAGES_IN' }, { range: year, figure: 'FIRST_RESPONSE', first: 5 }],
    Timeline: [{ customerId: ids.customer }, { customerId: ids.customer, first: 3, filter: { channel: 'EMAIL' } }],
    VisitorHistory: [{}],
  };
  return sets[name] ?? [];
};

test('every operation is a window of the IDE', () => {
  expect(canonicalOperations().map(({ name }) => `${name}.graphql`)).toEqual([...new Set(CANONICAL.map(({ file }) => file))]);
});

describe('queries', () => {
  test.each(of('query').map((operation) => [operation.name, operation] as const))('%s is one statement, affordable, and the same bytes by both paths', async (name, { text }) => {
    const viewer = name.startsWith('Visitor') ? visitor : admin;
    const sets = variablesOf(name);
    expect(sets.length, `the test has variables for ${name}`).toBeGreaterThan(0);
    let objects = 0;
    for (const variables of sets) {
      const about = JSON.stringify(variables);
      const before = graph.pool.statements;
      const answer = await graph.query(text, viewer, variables);
      expect(answer.errors, about).toEqual([]);
      expect(answer.path, about).toBe('compiled');
      expect(graph.pool.statements - before, about).toBe(1);
      expect(answer.cost!.requested, about).toBeLessThanOrEqual(answer.cost!.limit);
      const oracle = await loaders.query(text, viewer, variables);
      expect(oracle.path).toBe('loaders');
      expect(oracle.errors, about).toEqual([]);
      expect(oracle.data === answer.data, `${about}\n${answer.data}\n${oracle.data}`).toBe(true);
      objects += answer.cost!.actual;
    }
    // A demo in which a screen is empty proves nothing of it.
    expect(objects).toBeGreaterThan(2);
  });
});

describe('mutations', () => {
  const INPUTS: Record<string, () => Record<string, unknown> | Promise<Record<string, unknown>>> = {
    AddNote: () => ({ customerId: demo.ids.customer, body: 'By a canonical operation', externalRecordIds: [demo.ids.order] }),
    UpsertExternalRecord: () => ({ system: 'shop', type: 'order', externalId: '50001', number: '50001', customerId: demo.ids.customer }),
    UpsertExternalRecords: () => ({ records: [{ system: 'shop', type: 'order', externalId: '50002' }, { system: 'shop', type: 'order', externalId: '50003' }] }),
    UpsertCustomers: () => ({ customers: [{ externalId: { system: 'shop', value: 'c-1' }, name: 'Grace Hopper' }, { identity: { kind: 'EMAIL', value: 'ada@lovelace.example' }, language: 'en' }] }),
    IngestMessages: () => ({ mode: 'HISTORICAL', messages: [{ channel: 'SMS', address: { kind: 'PHONE', value: '+447700900123' }, text: 'From the old system', externalId: 'old-1', occurredAt: year.from }] }),
    SendMessage: async () => ({ conversationId: await conversationBy('EMAIL'), text: 'It is on its way.', clientId: 'canonical-1' }),
    StartConversation: () => ({ customerId: demo.ids.customer, channel: 'EMAIL', text: 'Did it arrive?', subject: 'Your order' }),
    AssignConversation: () => ({ conversationId: demo.ids.conversation, assigneeId: member.id }),
    SetConversationStatus: () => ({ conversationId: demo.ids.conversation, status: 'PENDING' }),
    Tag: () => ({ conversationId: demo.ids.conversation, add: ['canonical'] }),
    MarkRead: () => ({ conversationId: demo.ids.conversation }),
    ConfirmClaim: async () => ({ claimId: await openClaim() }),
    ConnectChannel: () => ({ channel: 'LIVE_CHAT', provider: 'throughline', name: 'A second chat', secrets: {} }),
    CreateMemberToken: () => ({ memberId: member.id }),
    StartChat: () => ({ name: 'Ada' }),
    SayInChat: () => ({ clientId: 'canonical-2', text: 'Hello again' }),
  };
  test.each(of('mutation').map((operation) => [operation.name, operation] as const))('%s is affordable and does what it says', async (name, { text }) => {
    expect(INPUTS[name], `the test has an input for ${name}`).toBeTypeOf('function');
    const key = ['StartChat', 'SayInChat'].includes(name) ? visitorToken : ['MarkRead', 'SendMessage'].includes(name) ? member.token : demo.adminKey;
    const { data, errors, extensions } = await server.query(text, { input: await INPUTS[name]!() }, key);
    expect(errors).toEqual([]);
    const [payload] = Object.values(data as Record<string, Record<string, any>>) as [Record<string, any>];
    expect(payload.userErrors).toEqual([]);
    for (const [field, value] of Object.entries(payload)) expect(value, field).not.toBeNull();
    for (const row of [...(payload.rows ?? []), ...(payload.messages ?? [])]) expect(row.userErrors).toEqual([]);
    expect(extensions.cost.requested).toBeLessThanOrEqual(extensions.cost.limit);
  });

  const conversationBy = async (channel: string): Promise<string> => {
    const { customer } = await server.ask('query ($id: ID!) { customer(id: $id) { conversations { nodes { id channels } } } }', { id: demo.ids.customer }, demo.adminKey);
    return customer.conversations.nodes.find(({ channels }: { channels: string[] }) => channels.includes(channel)).id;
  };
  const openClaim = async (): Promise<string> => {
    const publishable = `tlp_${demo.workspaceId.replaceAll('-', '')}_${demo.ids.chatAccount.slice(4)}`;
    await server.ask('mutation { startChat(input: { email: "ada@lovelace.example" }) { token userErrors { code } } }', null, publishable);
    let claim: { id: string } | undefined;
    await expect.poll(async () => {
      const { customer } = await server.ask('query ($id: ID!) { customer(id: $id) { claims { nodes { id state } } } }', { id: demo.ids.customer }, demo.adminKey);
      claim = customer.claims.nodes.find(({ state }: { state: string }) => state === 'PENDING');
      return claim;
    }, { timeout: 5_000, interval: 30 }).toBeTruthy();
    return claim!.id;
  };
});

describe('subscriptions', () => {
  const CAUSES: Record<string, { variables?: () => Record<string, unknown>; cause: (round: number) => Promise<unknown> }> = {
    LiveEvents: { variables: () => ({ kinds: ['NOTE_ADDED'] }), cause: (round) => note(round) },
    LiveMessages: { variables: () => ({ customerId: demo.ids.customer }), cause: (round) => say(round) },
    LiveConversation: { variables: () => ({ conversationId: demo.ids.conversation }), cause: (round) => tag(round) },
    LiveInbox: { cause: (round) => tag(round) },
    LiveCalls: { variables: () => ({ after: beginning }), cause: async () => {} },
    LiveVisitor: { cause: (round) => say(round) },
    WhoTypes: { variables: () => ({ conversationId: demo.ids.conversation }), cause: () => server.ask('mutation ($id: ID!) { setTyping(input: { conversationId: $id, isTyping: true }) { userErrors { code } } }', { id: demo.ids.conversation }, member.token) },
    WhoIsThere: { cause: () => server.ask('mutation { setPresence(input: { presence: ONLINE }) { userErrors { code } } }', null, member.token) },
  };
  let beginning: string;
  const note = (round: number) => server.ask('mutation ($id: ID!, $body: String!) { addNote(input: { customerId: $id, body: $body }) { userErrors { code } } }', { id: demo.ids.customer, body: `Note ${round}` }, demo.adminKey);
  const tag = (round: number) => server.ask('mutation ($id: ID!, $tags: [String!]!) { tag(input: { conversationId: $id, add: $tags }) { userErrors { code } } }', { id: demo.ids.conversation, tags: [`live-${round}`] }, demo.adminKey);
  const say = (round: number) => server.ask('mutation ($clientId: String!) { sendVisitorMessage(input: { clientId: $clientId, text: "Hi" }) { userErrors { code } } }', { clientId: `live-${round}-${Math.trunc(performance.now())}` }, visitorToken);

  test.each(of('subscription').map((operation) => [operation.name, operation] as const))('%s tells what happens', async (name, { text }) => {
    const caused = CAUSES[name];
    expect(caused, `the test has a cause for ${name}`).toBeTruthy();
    // The first event of the log ends before the demo's call rings.
    beginning = (await server.ask('{ changes(first: 1) { cursor } }', null, demo.adminKey)).changes[0].cursor;
    const socket = server.socket(name === 'LiveVisitor' ? visitorToken : demo.adminKey);
    const events = socket.subscribe(text, caused!.variables?.());
    // Answered after the subscription has begun: a socket's messages are taken in their order.
    await socket.run('{ viewer { role } }');
    for (let round = 0; events.waiting.length === 0 && round < 50; round++) {
      await caused!.cause(round);
      await Promise.race([events.ended, new Promise((resolve) => setTimeout(resolve, 100))]);
    }
    const [told] = Object.values(await events.next()) as [Record<string, unknown>];
    if ('cursor' in told) expect(told.cursor).toMatch(/^v1\./);
    expect(Object.keys(told).length).toBeGreaterThan(1);
    await socket.close();
  });
});
