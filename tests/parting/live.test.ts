// Parting by the API: once for a key, told live in both conversations as the log has it, to the visitor whose messages went, and routed where nobody is in charge.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { caughtUp, startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';

let server: TestServer;
let ws: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer();
  ws = await server.workspace();
});
afterAll(() => server.stop());

const EVENT = 'event { kind conversation { id } details conversationChange { id kind } }';
const say = async (clientId: string, text: string) =>
  (await server.ask('mutation ($i: SendVisitorMessageInput!) { sendVisitorMessage(input: $i) { message { id conversation { id } } userErrors { message } } }', { i: { clientId, text } }, ws.visitor.token)).sendVisitorMessage.message as
    { id: string; conversation: { id: string } };

test('a split is done once for its key, told in both conversations in the order of the log, and shown to the visitor', async () => {
  const [first, second] = [await say('one', 'Where is my order?'), await say('two', 'And the invoice is wrong')];
  const conversationId = first.conversation.id.replace('vcn_', 'cnv_');
  await caughtUp(server.db);
  const { cursor } = await server.ask('{ cursor }', null, ws.keys.AGENT);
  const agent = server.socket(ws.member.token);
  const visitor = server.socket(ws.visitor.token);
  const log = agent.subscribe(`subscription ($a: Cursor) { events(after: $a) { ${EVENT} } }`, { a: cursor });
  const old = agent.subscribe('subscription ($c: ID!, $a: Cursor) { conversationUpdated(conversationId: $c, after: $a) { eventKind conversation { messageCount } } }', { c: conversationId, a: cursor });
  const shown = visitor.subscribe('subscription ($a: Cursor) { visitorEvents(after: $a) { kind conversation { id } } }', { a: cursor });

  const input = { conversationId, messageIds: [second.id.replace('vmg_', 'msg_')], subject: 'Invoice', idempotencyKey: 'split once' };
  const SPLIT = 'mutation ($i: SplitConversationInput!) { splitConversation(input: $i) { from { id messageCount } to { id messageCount subject relatedConversation { id } messages { nodes { joinReason } } } change { id kind messages { id } } userErrors { code } } }';
  const { splitConversation: done } = await server.ask(SPLIT, { i: input }, ws.member.token);
  const { splitConversation: again } = await server.ask(SPLIT, { i: input }, ws.member.token);
  expect(done).toEqual({
    from: { id: conversationId, messageCount: 1 }, to: { id: expect.any(String), messageCount: 1, subject: 'Invoice', relatedConversation: { id: conversationId }, messages: { nodes: [{ joinReason: 'MOVED' }] } },
    change: { id: expect.stringMatching(/^ccg_/), kind: 'SPLIT', messages: [{ id: input.messageIds[0] }] }, userErrors: [],
  });
  expect(again).toEqual(done);

  const madeId = done.to.id as string;
  const told = [];
  while (told.filter(({ kind }) => kind === 'MESSAGES_MOVED').length < 2) told.push((await log.next()).events.event);
  const counts = { changeId: done.change.id, change: 'SPLIT', messageCount: 1, callCount: 0, noteCount: 0, fromConversationId: conversationId, toConversationId: madeId };
  const moved = (id: string) => ({ kind: 'MESSAGES_MOVED', conversation: { id }, details: { ...counts, version: expect.any(Number) }, conversationChange: { id: done.change.id, kind: 'SPLIT' } });
  expect(told).toEqual([expect.objectContaining({ kind: 'CONVERSATION_OPENED', conversation: { id: madeId } }), moved(conversationId), moved(madeId)]);
  expect((await old.next()).conversationUpdated).toEqual({ eventKind: 'MESSAGES_MOVED', conversation: { messageCount: 1 } });
  expect([(await shown.next()).visitorEvents, (await shown.next()).visitorEvents].map(({ kind, conversation }) => [kind, conversation.id])).toEqual([
    ['CONVERSATION_CHANGED', first.conversation.id], ['CONVERSATION_CHANGED', madeId.replace('cnv_', 'vcn_')],
  ]);
  await Promise.all([agent.close(), visitor.close()]);

  const UNDO = 'mutation ($i: UndoConversationChangeInput!) { undoConversationChange(input: $i) { to { messageCount movedOut { nodes { id undoneBy { kind } } } } from { status mergedInto { id } timeline(filter: { kindIn: [MOVED_OUT] }) { nodes { summary subject { ... on ConversationChange { undoes { id } } } } } } userErrors { code } } }';
  const { undoConversationChange } = await server.ask(UNDO, { i: { changeId: done.change.id } }, ws.member.token);
  expect(undoConversationChange).toEqual({
    to: { messageCount: 2, movedOut: { nodes: [{ id: done.change.id, undoneBy: { kind: 'UNDO' } }] } },
    from: { status: 'CLOSED', mergedInto: { id: conversationId }, timeline: { nodes: [{ summary: 'An agent gave back a message to where they were before', subject: { undoes: { id: done.change.id } } }] } }, userErrors: [],
  });
});

test('what was parted from a conversation that nobody routed is routed by what it holds', async () => {
  const first = await say('three', 'Hello');
  const second = await say('four', 'My invoice');
  await caughtUp(server.db);
  const { createQueue } = await server.ask('mutation ($i: CreateQueueInput!) { createQueue(input: $i) { queue { id } userErrors { code } } }', { i: { name: 'Billing' } }, ws.keys.ADMIN);
  await server.ask('mutation ($i: CreateRoutingRuleInput!) { createRoutingRule(input: $i) { userErrors { code } } }',
    { i: { name: 'Invoices', conditions: { textContainsAny: ['invoice'] }, actions: { queueId: createQueue.queue.id } } }, ws.keys.ADMIN);
  const { splitConversation } = await server.ask('mutation ($i: SplitConversationInput!) { splitConversation(input: $i) { to { id } userErrors { code message } } }',
    { i: { conversationId: first.conversation.id.replace('vcn_', 'cnv_'), messageIds: [second.id.replace('vmg_', 'msg_')] } }, ws.member.token);
  await caughtUp(server.db);
  const { conversation } = await server.ask('query ($id: ID!) { conversation(id: $id) { queue { id } } }', { id: splitConversation.to.id }, ws.keys.AGENT);
  expect(conversation.queue).toEqual({ id: createQueue.queue.id });
});
