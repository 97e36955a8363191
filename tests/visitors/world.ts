// A shop with a chat, for each test anew, and what visitors, their company's backend and its agents do in it.
import { createSecretKey } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { deliverMessage } from '../../src/messages/deliver.ts';
import { nowMs } from '../../src/platform/clock.ts';
import { noBlobs } from '../harness/blobs.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { chats, COMPANY_SECRET, type Chats, type Shop } from './chat.ts';

export const START = `mutation ($input: StartChatInput!) { startChat(input: $input) { visitorId token expiresAt userErrors { code message field } } }`;
export const SEND = `mutation ($input: SendVisitorMessageInput!) { sendVisitorMessage(input: $input) {
  message { id clientId author text isSeen conversation { id status } replyTo { id } } userErrors { code message field } } }`;
export const HISTORY = `{ cursor visitor { id name conversations { nodes { id status unseenCount
  messages { nodes { id clientId author authorName text isSeen editedAt deletedAt } } } } } }`;
export const IDENTIFY = `mutation ($input: IdentifyVisitorInput!) { identifyVisitor(input: $input) { visitorId token userErrors { code message field } } }`;

export const world = {} as { db: TestDatabase; chat: Chats; shop: Shop };

/** Fills `world`; called at the top of a test file. */
export function openShop(): void {
  beforeAll(async () => {
    world.db = await testDatabase();
    world.chat = await chats(world.db);
  });
  beforeEach(async () => {
    world.shop = await world.chat.shop({ secrets: { identification: { algorithm: 'HS256', key: COMPANY_SECRET } } });
  });
  afterAll(async () => {
    await world.chat.close();
    await world.db.close();
  });
}

export const start = async (input = {}, credential = world.shop.publishable): Promise<{ token: string; visitorId: string }> => (await world.chat.run(credential, START, { input })).startChat;
export const send = async (token: string, clientId: string, text: string, more = {}) => (await world.chat.run(token, SEND, { input: { clientId, text, ...more } })).sendVisitorMessage.message;
export const history = async (token: string) => (await world.chat.run(token, HISTORY)).visitor.conversations.nodes as any[];
export const agentSays = async (conversation: string, text: string) => {
  const { sendMessage } = await world.chat.run(world.shop.admin, `mutation ($input: SendMessageInput!) { sendMessage(input: $input) { message { id } userErrors { code message field } } }`,
    { input: { conversationId: conversation.replace('vcn_', 'cnv_'), text } });
  const messageId = sendMessage.message.id.slice(4).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  await deliverMessage({ app: world.db.app, blobs: noBlobs, http: { request: () => expect.unreachable(), addressOf: () => expect.unreachable() }, publicUrl: '' }, { workspaceId: world.shop.id, messageId });
  return sendMessage.message.id as string;
};
export const identify = async (credential: string, token: string, clientId = 'i1'): Promise<{ token: string; visitorId: string }> => (await world.chat.run(credential, IDENTIFY, { input: { clientId, token } })).identifyVisitor;
export const company = (claims: Record<string, unknown> = {}, key = COMPANY_SECRET, alg = 'HS256') =>
  new SignJWT({ sub: '4711', aud: world.shop.account, exp: Math.floor(nowMs() / 1000) + 600, name: 'Ada', email: 'ada@example.com', email_verified: true, ...claims }).setProtectedHeader({ alg }).sign(createSecretKey(Buffer.from(key)));
export const customerOf = async (visitorId: string) => {
  const id = visitorId.slice(4).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return (await world.db.owner`select customer_id from identities where id = ${id}`)[0]!.customerId as string;
};
