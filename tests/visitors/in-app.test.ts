// Messages inside the company's own app, by the public doors: two devices of one user, an agent, the client that we ship.
import { createSecretKey } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { ChatClient } from '../../src/visitors/client/chat-client.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';
import { COMPANY_SECRET } from './chat.ts';

let server: TestServer;
let ws: TestWorkspace;
let app: { id: string; publishableKey: string; address: string };
const clients: ChatClient[] = [];

beforeAll(async () => {
  server = await startTestServer();
  ws = await server.workspace();
  const { connectChannel } = await ask('mutation ($i: ConnectChannelInput!) { connectChannel(input: $i) { channelAccount { id publishableKey address } userErrors { message } } }',
    { i: { channel: 'IN_APP', provider: 'throughline', name: 'App', secrets: { identification: { algorithm: 'HS256', key: COMPANY_SECRET } } } });
  app = connectChannel.channelAccount;
}, 60_000);
afterAll(async () => {
  for (const client of clients) client.close();
  await server.stop();
});

const ask = (text: string, variables: Record<string, unknown> = {}): Promise<any> => server.ask(text, variables, ws.keys.ADMIN);
const soon = <T>(check: () => T): Promise<T> => vi.waitFor(check, { timeout: 10_000, interval: 20 });
const signed = (claims: Record<string, unknown> = {}): Promise<string> =>
  new SignJWT({ sub: '4711', aud: app.id, exp: Math.floor(Date.now() / 1_000) + 600, name: 'Ada Lovelace', email: 'ada@customers.example', email_verified: true, ...claims })
    .setProtectedHeader({ alg: 'HS256' }).sign(createSecretKey(Buffer.from(COMPANY_SECRET)));
const device = (claims: Record<string, unknown> = {}): ChatClient => {
  const client = new ChatClient({ url: `${server.address}/graphql`, publishableKey: app.publishableKey, userToken: () => signed(claims), webSocket: WebSocket });
  clients.push(client);
  return client;
};
const texts = (client: ChatClient) => client.state.messages.map(({ author, text, state }) => `${author} ${text} ${state}`);

test('one user on two devices is one customer, whom a mail found too; an agent answers him in the app', async () => {
  await ask('mutation ($i: UpsertCustomerInput!) { upsertCustomer(input: $i) { result userErrors { message } } }', { i: { identity: { kind: 'EMAIL', value: 'ada@customers.example' }, name: 'Ada Lovelace' } });
  const [phone, tablet] = [device(), device()];
  await Promise.all([phone.start(), tablet.start()]);
  phone.send('Where is my order?');
  await soon(() => expect(texts(tablet)).toEqual(['VISITOR Where is my order? sent']));

  const { conversations } = await ask(`{ conversations(first: 5) { nodes { id channels lastMessage { channel } customer { name identities { nodes { kind value trust } } }
    replyOptions { channel allowed recommended } } } }`);
  expect(conversations.nodes).toMatchObject([{ channels: ['IN_APP'], lastMessage: { channel: 'IN_APP' }, customer: { name: 'Ada Lovelace' } }]);
  const [conversation] = conversations.nodes;
  expect(conversation.customer.identities.nodes).toEqual(expect.arrayContaining([
    { kind: 'EMAIL', value: 'ada@customers.example', trust: 'VERIFIED' }, { kind: 'EXTERNAL_ID', value: '4711', trust: 'VERIFIED' }, expect.objectContaining({ kind: 'VISITOR' }),
  ]));
  expect(conversation.replyOptions).toContainEqual({ channel: 'IN_APP', allowed: true, recommended: true });

  await ask('mutation ($i: SendMessageInput!) { sendMessage(input: $i) { message { id } userErrors { message } } }', { i: { conversationId: conversation.id, text: 'On its way.' } });
  await soon(() => expect(texts(phone)).toEqual(['VISITOR Where is my order? sent', 'TEAM On its way. sent']));
  await tablet.seen(tablet.state.messages.find(({ author }) => author === 'TEAM')!.id!);
  await soon(async () => expect((await ask('query ($id: ID!) { conversation(id: $id) { messages(first: 5) { nodes { direction deliveryState } } } }', { id: conversation.id })).conversation.messages.nodes)
    .toContainEqual({ direction: 'OUTBOUND', deliveryState: 'READ' }));
});

test('a file of his is on both of his devices and with the agents, once; nobody else can send it', async () => {
  const [phone, tablet] = [device({ sub: '4713', name: 'Cem', email: undefined }), device({ sub: '4713', name: 'Cem', email: undefined })];
  await Promise.all([phone.start(), tablet.start()]);
  const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==', 'base64');
  const uploaded = await phone.upload(png, { filename: 'broken wheel.png', type: 'text/html' });
  // What it is, its bytes say.
  expect(uploaded).toMatchObject({ filename: 'broken wheel.png', mime: 'image/png', size: png.length });
  phone.send('', { files: [uploaded] });
  const file = await soon(() => {
    const [found] = tablet.state.messages;
    expect(found).toMatchObject({ text: null, state: 'sent', files: [{ filename: 'broken wheel.png', mime: 'image/png', size: png.length }] });
    return found!.files[0]!;
  });
  expect(Buffer.from(await (await fetch(new URL(file.url!, server.address))).arrayBuffer()).equals(png)).toBe(true);
  const { conversations } = await ask('{ conversations(first: 1) { nodes { id customer { name } messages(first: 5) { nodes { parts { filename mime mediaState } } } } } }');
  expect(conversations.nodes[0]).toMatchObject({ customer: { name: 'Cem' }, messages: { nodes: [{ parts: [{ filename: 'broken wheel.png', mime: 'image/png', mediaState: 'STORED' }] }] } });
  const other = device({ sub: '4714', name: 'Dora', email: undefined });
  await other.start();
  other.send('', { files: [uploaded] });
  await soon(() => expect(other.state.messages).toMatchObject([{ state: 'refused', reason: expect.stringContaining('POST /uploads') }]));
  const byAgent = await server.query('mutation ($i: SendMessageInput!) { sendMessage(input: $i) { userErrors { code field } } }', { i: { conversationId: conversations.nodes[0].id, text: '', files: [uploaded.file] } }, ws.keys.ADMIN);
  expect(byAgent.data?.sendMessage.userErrors).toMatchObject([{ code: 'INVALID_INPUT', field: ['files', '0'] }]);
  // A page that knows no more than the publishable key brings nothing here.
  const stranger = await fetch(`${server.address}/uploads?filename=x.png`, { method: 'POST', headers: { authorization: `Bearer ${app.publishableKey}`, 'content-type': 'image/png' }, body: png });
  expect(stranger.status).toBe(403);
});

test('nobody writes who was not identified, and another user sees nothing of the first', async () => {
  const begun = await server.query('mutation { startChat(input: { name: "Mallory" }) { token userErrors { code message } } }', null, app.publishableKey);
  expect(begun.errors).toMatchObject([{ message: expect.stringContaining('identifyVisitor'), extensions: { code: 'FORBIDDEN' } }]);
  await expect(device({ aud: 'cha_00000000000000000000000000000000' }).start()).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  const other = device({ sub: '4712', name: 'Ben', email: undefined });
  await other.start();
  expect(texts(other)).toEqual([]);
});

test('an account without the key of the backend is not connected', async () => {
  const { data } = await server.query('mutation ($i: ConnectChannelInput!) { connectChannel(input: $i) { channelAccount { id } userErrors { code field message } } }', { i: { channel: 'IN_APP', provider: 'throughline', name: 'App 2' } }, ws.keys.ADMIN);
  expect(data?.connectChannel).toEqual({ channelAccount: null, userErrors: [{ code: 'INVALID_INPUT', field: ['secrets', 'identification'], message: expect.stringContaining('your backend') }] });
});
