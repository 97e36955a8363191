// X through the public doors: connected by the API, called by the sandbox, answered by an agent.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openXSandbox, type XSandbox, type XUser } from '../../../src/sandbox/x.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../../harness/server.ts';

const MIRA: XUser = { id: '1408811222333444555', name: 'Mira Okafor', username: 'mira_rides' };
let server: TestServer;
let ws: TestWorkspace;
let x: XSandbox;
let hook: string;

beforeAll(async () => {
  [server, x] = await Promise.all([startTestServer(), openXSandbox()]);
  ws = await server.workspace();
  const { connectChannel: { channelAccount } } = await server.ask(
    'mutation ($input: ConnectChannelInput!) { connectChannel(input: $input) { channelAccount { webhookUrl } userErrors { message } } }',
    { input: {
      channel: 'X', provider: 'x_account_activity', name: 'X', address: x.account.id, settings: { apiBaseUrl: x.url },
      secrets: { consumerKey: x.app.consumerKey, consumerSecret: x.app.consumerSecret, accessToken: x.account.accessToken, accessTokenSecret: x.account.accessTokenSecret },
    } }, ws.keys.ADMIN);
  hook = new URL(channelAccount.webhookUrl, server.address).href;
}, 60_000);
afterAll(async () => {
  await server?.stop();
  await x?.close();
});

const messages = async (): Promise<{ direction: string; text: string | null; deliveryState: string; providerMessageId: string; conversation: { id: string }; customer: { name: string | null }; parts: { __typename: string }[] }[]> =>
  (await server.ask('{ conversations(first: 5) { nodes { messages(first: 20) { nodes { direction text deliveryState providerMessageId conversation { id } customer { name } parts { __typename } } } } } }', {}, ws.keys.ADMIN))
    .conversations.nodes.flatMap(({ messages: { nodes } }: any) => nodes).reverse();
const soon = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 30 });

test('the challenge is answered, and a GET without one is told what is missing', async () => {
  expect(await x.challenge(hook)).toMatchObject({ valid: true });
  const refused = await fetch(hook);
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('crc_token')]);
});

test('a Direct Message is answered in its conversation, once, and X\'s echo and read receipt settle the answer', async () => {
  expect((await x.deliver(hook, { from: MIRA, to: x.account, text: 'Is the blue & green one <in> stock?' })).status).toBe(200);
  await soon(async () => expect(await messages()).toMatchObject([{ direction: 'INBOUND', text: 'Is the blue & green one <in> stock?', customer: { name: 'Mira Okafor' } }]));
  const conversation = (await messages())[0]!.conversation;

  await server.ask('mutation ($input: SendMessageInput!) { sendMessage(input: $input) { message { id } userErrors { message } } }', { input: { conversationId: conversation.id, text: 'It is & waits for you.' } }, ws.keys.ADMIN);
  await soon(async () => expect(x.messages).toMatchObject([{ to: MIRA.id, text: 'It is & waits for you.' }]));
  const { id } = x.messages[0]!;
  // X delivers what the account sends by both APIs, here before or after our own request was answered.
  await x.deliver(hook, { from: x.account, to: MIRA, text: 'It is & waits for you.', id });
  await x.deliver(hook, { from: x.account, to: MIRA, text: 'It is & waits for you.', id }, { api: 'activity' });
  await x.read(hook, MIRA, id);
  await soon(async () => expect(await messages()).toMatchObject([{ direction: 'INBOUND' }, { direction: 'OUTBOUND', providerMessageId: id, deliveryState: 'READ', conversation }]));

  // Written in X's own app, and an encrypted chat: both in the same conversation.
  await x.deliver(hook, { from: x.account, to: MIRA, text: 'Sent from my phone' });
  await x.chat(hook, MIRA, x.account);
  await soon(async () => expect(await messages()).toMatchObject([{}, {}, { direction: 'OUTBOUND', text: 'Sent from my phone', conversation }, { direction: 'INBOUND', text: null, conversation }]));
});

test('a forged delivery is refused, and one that cannot be read is kept', async () => {
  const forged = await fetch(hook, { method: 'POST', headers: { 'x-twitter-webhooks-signature': 'sha256=AAAA' }, body: '{}' });
  expect(forged.status).toBe(403);
  expect(await x.post(hook, 'no json')).toMatchObject({ status: 422, body: expect.stringContaining('is kept as') });
});
