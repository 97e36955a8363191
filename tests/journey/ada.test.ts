// A person who chats on Monday, mails on Thursday and calls on Friday is one customer with one timeline: through the public doors only.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { nowMs, setClock } from '../../src/platform/clock.ts';
import { ChatClient } from '../../src/visitors/client/chat-client.ts';
import type { ChatForm, ChatMessage } from '../../src/visitors/client/protocol.ts';
import { startTestServer, type Socket, type Subscription, type TestServer, type TestWorkspace } from '../harness/server.ts';
import { fakeTwilio, newSid, type FakeTwilio } from '../../src/sandbox/twilio.ts';
import { postOffice, type PostOffice } from './post-office.ts';

const ADA = 'ada@lovelace.example';
const ADAS_NUMBER = '+447700900123';
const MAILBOX = 'support@acme.example';
const NUMBER = '+14155550100';
const DOOR = 'the-secret-of-the-mailbox-door';
const DAY_MS = 86_400_000;
const AGENT_WORKSPACE = readFileSync(new URL('../../schema/operations/agent-workspace.graphql', import.meta.url), 'utf8');

let server: TestServer;
let acme: TestWorkspace;
let twilio: FakeTwilio;
let post: PostOffice;
let putClockBack: () => void;
let daysAgo = 4;
/** The agent, by her token of the day. */
let mira: string;
let socket: Socket;
let chats: { publishableKey: string; EMAIL: string; SMS: string; VOICE: string };
let order: string;
let ada: string;
const clients: ChatClient[] = [];
const seen: Record<string, any> = {};

const ask = (document: string, variables?: Record<string, unknown>, key: string | null = mira) => server.ask(document, variables, key);
/** It is Monday four days ago, Thursday yesterday, and Friday today. */
async function dawn(ago: number): Promise<void> {
  daysAgo = ago;
  ({ createMemberToken: { token: mira } } = await ask('mutation ($id: ID!) { createMemberToken(input: { memberId: $id }) { token userErrors { message } } }', { id: acme.member.id }, acme.keys.ADMIN));
  await socket?.close();
  socket = server.socket(mira);
}
/** Reads on until an event fits. */
async function until(events: Subscription, fits: (data: any) => boolean): Promise<any> {
  for (;;) {
    const data = await events.next();
    if (fits(data)) return data;
  }
}
const workspaceOf = async (conversationId: string) => (await ask(AGENT_WORKSPACE, { conversationId })).agentWorkspace;

async function visitor(form: ChatForm): Promise<{ client: ChatClient; token(): string; says(text: string): Promise<ChatMessage> }> {
  let token = '';
  const client = new ChatClient({ url: `${server.address}/graphql`, publishableKey: chats.publishableKey, webSocket: WebSocket, onChange: () => rouse(), storage: { read: () => null, write: (text) => void (token = text ?? '') } });
  clients.push(client);
  let rouse: () => void = () => {};
  await client.start(form);
  return {
    client,
    token: () => token,
    async says(text) {
      const clientId = client.send(text);
      for (;;) {
        const message = client.state.messages.find((one) => one.clientId === clientId)!;
        if (message.state === 'sent' && message.id !== null) return message;
        if (message.state === 'refused') throw new Error(message.reason!);
        await new Promise<void>((resolve) => (rouse = resolve));
      }
    },
  };
}

async function mailIn(headers: Record<string, string>, text: string): Promise<number> {
  const raw = [...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), '', text, ''].join('\r\n');
  const { status } = await fetch(chats.EMAIL, { method: 'POST', headers: { authorization: `Bearer ${DOOR}`, 'content-type': 'message/rfc822' }, body: raw });
  return status;
}

beforeAll(async () => {
  putClockBack = setClock(() => Date.now() - daysAgo * DAY_MS);
  [twilio, post] = await Promise.all([fakeTwilio(), postOffice()]);
  twilio.numbers.add(NUMBER);
  server = await startTestServer();
  acme = await server.workspace('Acme');
  await dawn(4);
  const connect = async (input: object) =>
    (await ask('mutation ($input: ConnectChannelInput!) { connectChannel(input: $input) { channelAccount { id webhookUrl endpointId } userErrors { message } } }', { input }, acme.keys.ADMIN)).connectChannel.channelAccount;
  const mail = await connect({
    channel: 'EMAIL', provider: 'mime', name: 'Support', address: MAILBOX, secrets: { inbound: DOOR },
    settings: { host: '127.0.0.1', port: post.port, secure: 'none', fromName: 'Acme Support', authservId: 'mx.acme.example' },
  });
  const settings = { accountSid: twilio.accountSid, apiBaseUrl: twilio.url };
  const sms = await connect({ channel: 'SMS', provider: 'twilio', name: 'SMS', address: NUMBER, settings, secrets: { authToken: twilio.authToken } });
  const voice = await connect({ channel: 'VOICE', provider: 'twilio', name: 'Phone', address: NUMBER, settings, endpointId: sms.endpointId });
  const { channelAccounts } = await ask('{ channelAccounts(filter: { channel: [LIVE_CHAT] }) { nodes { publishableKey } } }');
  const full = (address: string) => new URL(address, server.address).href;
  chats = { publishableKey: channelAccounts.nodes[0].publishableKey, EMAIL: full(mail.webhookUrl), SMS: full(sms.webhookUrl), VOICE: full(voice.webhookUrl) };

  // What the shop's system knows: her, her number, her order.
  ({ upsertCustomer: { customer: { id: ada } } } = await ask(
    'mutation ($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { id } userErrors { message } } }',
    { input: { identity: { kind: 'EMAIL', value: ADA }, name: 'Ada Lovelace', tier: 'gold', identities: [{ kind: 'PHONE', value: ADAS_NUMBER }] } }, acme.keys.INTEGRATOR));
  ({ upsertExternalRecord: { externalRecord: { id: order } } } = await ask(
    'mutation ($input: UpsertExternalRecordInput!) { upsertExternalRecord(input: $input) { externalRecord { id } userErrors { message } } }',
    { input: { system: 'shop', type: 'order', externalId: '48821', number: '48821', title: 'Order #48821', status: 'SHIPPED', customerId: ada } }, acme.keys.INTEGRATOR));
}, 60_000);
afterAll(async () => {
  for (const client of clients) client.close();
  await socket?.close();
  await server?.stop();
  await Promise.all([twilio?.close(), post?.close()]);
  putClockBack();
});

describe.sequential('the week of Ada Lovelace', () => {
  test('Monday: she types her address in the chat; the agent sees it on her timeline, marked as claimed', async () => {
    const her = await visitor({ name: 'Ada', email: ADA });
    const said = await her.says('Order #48821 says "shipped" since last week, but the tracking does not move.');
    seen.chat = said.conversationId!.replace('vcn_', 'cnv_');
    const { addNote } = await ask(
      'mutation ($input: AddNoteInput!) { addNote(input: $input) { note { id } userErrors { message } } }',
      { input: { conversationId: seen.chat, body: 'Tracking stuck at the Leipzig hub.', externalRecordIds: [order] } });
    seen.note = addNote.note.id;

    const { customer } = await ask('query ($id: ID!) { customer(id: $id) { timeline { nodes { kind channel claimed subject { __typename ... on Message { id text } } } } } }', { id: ada });
    const message = customer.timeline.nodes.find((entry: any) => entry.subject.text?.startsWith('Order #48821'));
    expect(message).toMatchObject({ kind: 'MESSAGE', channel: 'LIVE_CHAT', claimed: true });
    // It is nobody's but the visitor's yet.
    const { conversation } = await ask('query ($id: ID!) { conversation(id: $id) { customer { id claims { nodes { id state value } } } } }', { id: seen.chat });
    expect(conversation.customer.id).not.toBe(ada);
    expect(conversation.customer.claims.nodes).toEqual([{ id: expect.stringMatching(/^clm_/), state: 'PENDING', value: ADA }]);
    seen.claim = conversation.customer.claims.nodes[0].id;
  });

  test('an impostor who types her address sees nothing of hers', async () => {
    const impostor = await visitor({ name: 'Ada Lovelace', email: ADA, phone: ADAS_NUMBER });
    await impostor.says('It is me, Ada. Which address do you have of mine?');
    expect(impostor.client.state.messages.map((message) => message.text).filter(Boolean)).toEqual(['It is me, Ada. Which address do you have of mine?']);
    const token = impostor.token();
    const { visitor: own } = await ask('{ visitor { conversations { nodes { messages { nodes { text } } } } } }', undefined, token);
    expect(own.conversations.nodes).toHaveLength(1);
    expect(JSON.stringify(own)).not.toMatch(/48821|Leipzig/);
    for (const document of [
      `{ customer(id: "${ada}") { name } }`, `{ node(id: "${ada}") { id } }`, `{ node(id: "${seen.chat}") { id } }`, `{ node(id: "${seen.note}") { id } }`,
      `{ screenPop(channel: LIVE_CHAT, address: "${ADA}") { customer { name } } }`, '{ changes { id } }', '{ search(query: "48821") { __typename } }',
    ]) {
      const answer = await server.query(document, null, token);
      expect(answer, document).toMatchObject({ status: 403, data: null });
      expect(answer.text).not.toMatch(/Lovelace|48821/);
    }
    const { customer } = await ask('query ($id: ID!) { customer(id: $id) { timeline { nodes { claimed subject { ... on Message { text conversation { customer { id claims { nodes { id kind } } } } } } } } } }', { id: ada });
    const his = customer.timeline.nodes.filter((entry: any) => entry.subject.text?.startsWith('It is me'));
    expect(his).toHaveLength(1);
    expect(his[0].claimed).toBe(true);
    // The agent finds him out.
    for (const claim of his[0].subject.conversation.customer.claims.nodes) {
      await ask('mutation ($id: ID!) { rejectClaim(input: { claimId: $id }) { claim { state } userErrors { message } } }', { id: claim.id });
    }
    const { customer: after } = await ask('query ($id: ID!) { customer(id: $id) { timeline { nodes { subject { ... on Message { text } } } } } }', { id: ada });
    expect(JSON.stringify(after)).not.toContain('It is me');
    expect(JSON.stringify(after)).toContain('Order #48821');
  });

  test('Thursday: she mails from that address; the server in front attests it, and the agent confirms that the visitor was she', async () => {
    await dawn(1);
    const added = socket.subscribe('subscription ($id: ID!) { messageAdded(customerId: $id) { message { id channel text senderTrust conversation { id } } } }', { id: ada });
    await socket.open;
    // A stranger's mail in her name, and her own. Only the word of the mailbox's own server counts.
    const head = { From: `Ada Lovelace <${ADA}>`, To: MAILBOX, Subject: 'Order #48821', Date: new Date(nowMs()).toUTCString() };
    expect(await mailIn({ 'Authentication-Results': 'mx.evil.example; dmarc=pass header.from=lovelace.example', ...head, 'Message-ID': '<forged@evil.example>' }, 'Please change the delivery address.')).toBe(202);
    expect(await mailIn({ 'Authentication-Results': 'mx.acme.example; dmarc=pass header.from=lovelace.example', ...head, 'Message-ID': '<thursday@lovelace.example>' }, 'It is Thursday and there is still no parcel.')).toBe(202);
    const mail = await until(added, ({ messageAdded }) => messageAdded.message.text.startsWith('It is Thursday'));
    expect(mail.messageAdded.message).toMatchObject({ channel: 'EMAIL', senderTrust: 'ATTESTED' });
    seen.mail = mail.messageAdded.message.conversation.id;
    const { conversation } = await ask('query ($id: ID!) { conversation(id: $id) { messages { nodes { text senderTrust } } } }', { id: seen.mail });
    expect(conversation.messages.nodes.find((one: any) => one.text?.startsWith('Please change'))?.senderTrust ?? 'CLAIMED').toBe('CLAIMED');

    const { confirmClaim } = await ask('mutation ($id: ID!) { confirmClaim(input: { claimId: $id }) { claim { state customer { id } } userErrors { message } } }', { id: seen.claim });
    expect(confirmClaim.claim).toEqual({ state: 'CONFIRMED', customer: { id: ada } });
    added.stop();
  });

  test('the agent’s answer goes out as mail of the team’s own, in the thread', async () => {
    const { sendMessage } = await ask('mutation ($input: SendMessageInput!) { sendMessage(input: $input) { message { id deliveryState } userErrors { message } } }',
      { input: { conversationId: seen.mail, channel: 'EMAIL', text: 'A new tea set leaves our workshop tomorrow.', clientId: 'answer-1' } });
    const letter = await post.next();
    expect(letter.to).toEqual([ADA]);
    expect(letter.headers).toMatchObject({ from: expect.stringMatching(/^"?Acme Support"? <support@acme\.example>$/), to: expect.stringContaining(ADA), subject: 'Re: Order #48821', 'in-reply-to': '<thursday@lovelace.example>' });
    expect(letter.headers.references).toContain('<thursday@lovelace.example>');
    expect(letter.headers['message-id']).toMatch(/^<[^<>@\s]+@[^<>@\s]+>$/);
    expect(letter.raw).toContain('A new tea set leaves our workshop tomorrow.');
    // And her answer to it, by the address and the id that it carried, is in the same conversation.
    const replies = socket.subscribe('subscription ($id: ID!) { conversationUpdated(conversationId: $id) { eventKind message { id channel text joinExplanation deliveryState } } }', { id: seen.mail });
    await mailIn({
      'Authentication-Results': 'mx.acme.example; dmarc=pass header.from=lovelace.example', From: ADA, To: letter.headers['reply-to'] ?? MAILBOX, Subject: 'Re: Order #48821',
      'In-Reply-To': letter.headers['message-id']!, References: letter.headers['message-id']!, 'Message-ID': '<thanks@lovelace.example>', Date: new Date(nowMs()).toUTCString(),
    }, 'Thank you!');
    const { conversationUpdated } = await until(replies, (data) => data.conversationUpdated.message?.text?.startsWith('Thank you'));
    expect(conversationUpdated.message.joinExplanation).toContain(sendMessage.message.id);
    replies.stop();
    // The relay has the letter before its answer is written down.
    const stateOf = async () => (await ask('query ($id: ID!) { message(id: $id) { deliveryState } }', { id: sendMessage.message.id })).message.deliveryState;
    await expect.poll(stateOf, { timeout: 10_000 }).toMatch(/^(ACCEPTED|SENT)$/);
  });

  test('Friday: she calls from the number on her profile, and the screen shows all of it before anybody answers', async () => {
    await dawn(0);
    const calls = socket.subscribe('subscription { incomingCall { cursor call { id state startedAt customer { id name tier } conversation { id } } } }');
    await socket.open;
    const ringing = { CallSid: newSid('CA'), AccountSid: twilio.accountSid, From: ADAS_NUMBER, To: NUMBER, Caller: ADAS_NUMBER, Called: NUMBER, ApiVersion: '2010-04-01', Direction: 'inbound', CallStatus: 'ringing' };
    const posted = performance.now();
    const [answer, { incomingCall }] = await Promise.all([twilio.post(chats.VOICE, ringing), calls.next().then((event) => ((seen.popMs = performance.now() - posted), event))]);
    console.info(`screen pop: ${seen.popMs.toFixed(1)} ms from the webhook to the event`);
    expect(answer).toMatchObject({ status: 200, contentType: expect.stringContaining('xml') });
    expect(incomingCall.call).toMatchObject({ state: 'RINGING', customer: { id: ada, name: 'Ada Lovelace', tier: 'gold' } });

    const screen = await workspaceOf(incomingCall.call.conversation.id);
    expect(screen.customer).toMatchObject({ id: ada, name: 'Ada Lovelace' });
    const entries = screen.timeline.nodes;
    const moments = entries.map((entry: any) => entry.occurredAt);
    expect(moments).toEqual([...moments].sort().reverse());
    expect(entries.filter((entry: any) => ['MESSAGE', 'CALL'].includes(entry.kind)).map((entry: any) => [entry.channel, entry.claimed, entry.subject.text ?? entry.subject.callState])).toEqual([
      ['VOICE', false, 'RINGING'],
      ['EMAIL', false, expect.stringMatching(/^Thank you!/)],
      ['EMAIL', false, expect.stringMatching(/^A new tea set/)],
      ['EMAIL', false, expect.stringMatching(/^It is Thursday/)],
      ['EMAIL', false, expect.stringMatching(/^Please change/)],
      ['LIVE_CHAT', false, expect.stringMatching(/^Order #48821/)],
    ]);
    expect(screen.externalRecords.nodes).toEqual([expect.objectContaining({ number: '48821', status: 'SHIPPED' })]);
    expect(screen.notes.nodes).toEqual([expect.objectContaining({ id: seen.note, body: 'Tracking stuck at the Leipzig hub.', externalRecords: [{ id: order, number: '48821' }] })]);
    expect(new Set(screen.history.nodes.map((one: any) => one.id))).toEqual(new Set([seen.chat, seen.mail, incomingCall.call.conversation.id]));
    expect(screen.identities.nodes.map((one: any) => one.kind)).toEqual(expect.arrayContaining(['EMAIL', 'PHONE', 'VISITOR']));
    seen.call = incomingCall.call.id;
    seen.conversation = incomingCall.call.conversation.id;
    seen.ringing = ringing;
    calls.stop();
  });

  test('the call is one entry that changes until it is over; its reports again change nothing', async () => {
    const updates = socket.subscribe('subscription ($id: ID!) { conversationUpdated(conversationId: $id) { eventKind } }', { id: seen.conversation });
    const status = (CallStatus: string, SequenceNumber: string, more = {}) => twilio.post(chats.VOICE, {
      ...seen.ringing, CallStatus, SequenceNumber, CallbackSource: 'call-progress-events', Timestamp: new Date(nowMs()).toUTCString().replace('GMT', '+0000'), ...more,
    });
    await status('in-progress', '1');
    await status('completed', '2', { CallDuration: '42', Duration: '1' });
    await status('completed', '2', { CallDuration: '42', Duration: '1' });
    const over = 'query ($id: ID!) { call(id: $id) { state disposition talkMs customer { id timeline(filter: { kind: CALL }) { nodes { id subject { ... on Call { id } } } } } } }';
    for (;;) {
      await until(updates, ({ conversationUpdated }) => conversationUpdated.eventKind === 'CALL_UPDATED');
      const { call } = await ask(over, { id: seen.call });
      if (call.state !== 'ENDED') continue;
      expect(call.talkMs).toBe(42_000);
      expect(call.customer.timeline.nodes).toEqual([{ id: expect.any(String), subject: { id: seen.call } }]);
      break;
    }
    updates.stop();
  });

  test('an answer by SMS reaches the carrier once, and its reports, in any order, end as DELIVERED', async () => {
    const updates = socket.subscribe('subscription ($id: ID!) { conversationUpdated(conversationId: $id) { eventKind message { id deliveryState } } }', { id: seen.conversation });
    await socket.open;
    const { sendMessage } = await ask('mutation ($input: SendMessageInput!) { sendMessage(input: $input) { message { id } userErrors { message } } }',
      { input: { conversationId: seen.conversation, channel: 'SMS', text: 'Your new tea set: tracking 00340434161094042557.' } });
    const stateOf = (state: string) => until(updates, ({ conversationUpdated: { message } }) => message?.id === sendMessage.message.id && message.deliveryState === state);
    await stateOf('ACCEPTED');
    expect(twilio.messages).toEqual([expect.objectContaining({ to: ADAS_NUMBER, from: NUMBER, body: 'Your new tea set: tracking 00340434161094042557.' })]);
    const { sid } = twilio.messages[0]!;
    for (const status of ['delivered', 'sent', 'sending', 'delivered', 'queued']) expect((await twilio.report(sid, status)).status).toBeLessThan(300);
    await stateOf('DELIVERED');
    // One more of hers, by the same lane as the reports: when it is there, they all are.
    await twilio.text(chats.SMS, { from: ADAS_NUMBER, to: NUMBER, body: 'Got it, thanks' });
    await until(updates, ({ conversationUpdated }) => conversationUpdated.eventKind === 'MESSAGE_RECEIVED');
    const { message } = await ask('query ($id: ID!) { message(id: $id) { deliveryState conversation { channels } } }', { id: sendMessage.message.id });
    expect(message).toEqual({ deliveryState: 'DELIVERED', conversation: { channels: expect.arrayContaining(['SMS', 'VOICE']) } });
    expect(twilio.messages).toHaveLength(1);
    updates.stop();
  });

  test('a confirmation is taken back, and the chat is the visitor’s again', async () => {
    await ask('mutation ($id: ID!) { rejectClaim(input: { claimId: $id }) { claim { state } userErrors { message } } }', { id: seen.claim });
    const { customer } = await ask('query ($id: ID!) { customer(id: $id) { timeline(first: 100) { nodes { subject { ... on Message { text } } } } } }', { id: ada });
    expect(JSON.stringify(customer)).not.toContain('says \\"shipped\\"');
    expect(JSON.stringify(customer)).toContain('It is Thursday');
  });
});
