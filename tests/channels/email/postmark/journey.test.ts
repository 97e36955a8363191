// A mailbox at Postmark, through the server's doors: mail comes in by its webhook, the answer goes out by its API, and its reports find it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fakePostmark, type FakePostmark } from '../../../../src/sandbox/postmark.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../../../harness/server.ts';

const SECRET = 'the-secret-of-the-webhooks';
let postmark: FakePostmark;
let server: TestServer;
let ws: TestWorkspace;
let hook: string;
const ask = (document: string, variables?: object): Promise<any> => server.ask(document, variables as never, ws.keys.ADMIN);
const eventually = async <T>(look: () => Promise<T>): Promise<T> => expect.poll(look, { timeout: 10_000, interval: 30 }).toBeTruthy().then(look);

beforeAll(async () => {
  postmark = await fakePostmark();
  server = await startTestServer();
  ws = await server.workspace();
  const { connectChannel } = await ask('mutation ($input: ConnectChannelInput!) { connectChannel(input: $input) { channelAccount { webhookUrl } userErrors { message } } }', {
    input: { channel: 'EMAIL', provider: 'postmark', name: 'Desk', address: 'desk@pottery.example', settings: { apiBaseUrl: postmark.url }, secrets: { serverToken: postmark.serverToken, webhookSecret: SECRET } },
  });
  const url = new URL(connectChannel.channelAccount.webhookUrl, server.address);
  hook = url.href.replace('http://', `http://postmark:${SECRET}@`);
});
afterAll(async () => {
  await server?.stop();
  await postmark?.close();
});

const mail = (o: object) => ({ From: 'mira@buyer.example', FromFull: { Email: 'mira@buyer.example', Name: 'Mira' }, To: 'desk@pottery.example', ToFull: [{ Email: 'desk@pottery.example' }], OriginalRecipient: `${'0a'.repeat(16)}@inbound.postmarkapp.com`, Subject: 'Teapot', ...o });
const messages = async (): Promise<any[]> => (await ask('{ conversations { nodes { id messages { nodes { id text direction deliveryState joinExplanation conversation { id } } } } } }')).conversations.nodes.flatMap((one: any) => one.messages.nodes);
const said = async (text: string) => (await messages()).find((one) => one.text?.startsWith(text));

describe.sequential('a mailbox at Postmark', () => {
  test('takes a mail once, however often it is posted, and only with the secret', async () => {
    const first = mail({ MessageID: 'pm-1', TextBody: 'The lid does not fit.', Headers: [{ Name: 'Message-ID', Value: '<lid@buyer.example>' }] });
    expect((await postmark.receive(hook.replace(SECRET, 'another-secret'), first)).status).toBe(403);
    expect((await postmark.receive(hook.replace(`postmark:${SECRET}@`, ''), first)).status).toBe(401);
    for (let i = 0; i < 3; i++) expect((await postmark.receive(hook, first)).status).toBe(200);
    await eventually(() => said('The lid'));
    // By the address instead of the header, raw: the same mail.
    expect((await postmark.receive(`${hook.replace(`postmark:${SECRET}@`, '')}?secret=${SECRET}`, { ...mail({ MessageID: 'pm-2' }), RawEmail: 'From: Mira <mira@buyer.example>\r\nTo: desk@pottery.example\r\nSubject: Teapot\r\nMessage-ID: <lid@buyer.example>\r\n\r\nThe lid does not fit.\r\n' })).status).toBe(200);
    await eventually(async () => (await server.db.owner`select 1 from inbound_events where state = 'DUPLICATE'`).length >= 3);
    expect((await messages()).filter((one) => one.text === 'The lid does not fit.')).toHaveLength(1);
    expect((await server.db.owner`select request from deliveries where request::text like ${`%${SECRET}%`}`)).toHaveLength(0);
  });

  test('answers by its API; Delivery makes it DELIVERED, and her answer to the reply address joins', async () => {
    const { conversation } = (await said('The lid')) as { conversation: { id: string } };
    await ask('mutation ($input: SendMessageInput!) { sendMessage(input: $input) { message { id } userErrors { message } } }', { input: { conversationId: conversation.id, channel: 'EMAIL', text: 'A new one is on its way.', clientId: 'a1' } });
    await eventually(async () => postmark.messages.length > 0);
    const [sent] = postmark.messages;
    expect(sent).toMatchObject({ to: ['mira@buyer.example'], subject: 'Re: Teapot', headers: { 'In-Reply-To': '<lid@buyer.example>' } });
    expect((await postmark.report(hook, sent!.id, 'Delivery')).status).toBe(200);
    await expect.poll(async () => (await said('A new one'))?.deliveryState, { timeout: 10_000 }).toBe('DELIVERED');
    const replyTo = /<([^<>]+)>/.exec(sent!.replyTo!)![1]!;
    await postmark.receive(hook, mail({ MessageID: 'pm-3', Subject: 'something else', TextBody: 'Thank you!', To: sent!.replyTo, ToFull: [{ Email: replyTo }], Headers: [{ Name: 'Message-ID', Value: '<thanks@buyer.example>' }] }));
    expect(((await eventually(() => said('Thank you'))) as any).conversation.id).toBe(conversation.id);
    // A complaint about it withdraws her consent; the mail stays delivered.
    await postmark.report(hook, sent!.id, 'SpamComplaint');
    await eventually(async () => (await server.db.owner`select 1 from attribute_observations where key = 'custom.email_messages_consent' and value = '"withdrawn"'::jsonb`).length === 1);
    expect((await said('A new one')).deliveryState).toBe('DELIVERED');
  });

  test('a send without an answer is settled by the report that brings our reference back', async () => {
    // Of somebody who did not complain.
    await postmark.receive(hook, mail({ MessageID: 'pm-4', From: 'noa@buyer.example', FromFull: { Email: 'noa@buyer.example' }, Subject: 'Bowl', TextBody: 'Where is the bowl?', Headers: [{ Name: 'Message-ID', Value: '<bowl@buyer.example>' }] }));
    const { conversation } = (await eventually(() => said('Where is'))) as { conversation: { id: string } };
    postmark.trouble({ cut: 'after' });
    await ask('mutation ($input: SendMessageInput!) { sendMessage(input: $input) { message { id } userErrors { message } } }', { input: { conversationId: conversation.id, channel: 'EMAIL', text: 'It left the kiln.', clientId: 'a2' } });
    await expect.poll(async () => (await said('It left'))?.deliveryState, { timeout: 10_000 }).toBe('UNCONFIRMED');
    await postmark.report(hook, postmark.messages.at(-1)!.id, 'Delivery');
    await expect.poll(async () => (await said('It left')).deliveryState, { timeout: 10_000 }).toBe('DELIVERED');
    expect(postmark.messages.filter((one) => one.textBody === 'It left the kiln.')).toHaveLength(1);
  });

  test('a mail that a program brought in and that then comes by Postmark is one', async () => {
    await ask('mutation ($input: IngestMessagesInput!) { ingestMessages(input: $input) { messages { userErrors { message } } userErrors { message } } }', {
      input: { idempotencyKey: 'k1', messages: [{ channel: 'EMAIL', direction: 'INBOUND', address: { kind: 'EMAIL', value: 'lou@buyer.example' }, text: 'Is the kiln hot?', externalId: '<kiln@buyer.example>' }] },
    });
    await postmark.receive(hook, mail({ MessageID: 'pm-6', From: 'lou@buyer.example', FromFull: { Email: 'lou@buyer.example' }, TextBody: 'Is the kiln hot?', Headers: [{ Name: 'Message-ID', Value: '<kiln@buyer.example>' }] }));
    await eventually(async () => (await server.db.owner`select 1 from inbound_events where event->'message'->>'providerMessageId' = 'kiln@buyer.example' and state = 'DUPLICATE'`).length === 1);
    expect((await messages()).filter((one) => one.text === 'Is the kiln hot?')).toHaveLength(1);
  });

  test('Gmail’s question whether mail may be forwarded here stands on the account, with its code', async () => {
    await postmark.receive(hook, mail({
      MessageID: 'pm-7', From: 'forwarding-noreply@google.com', FromFull: { Email: 'forwarding-noreply@google.com' }, Subject: '(#482913007) Gmail Forwarding Confirmation - Receive Mail from pottery@gmail.com',
      TextBody: 'pottery@gmail.com has requested to automatically forward mail to your email address. Confirmation code: 482913007', Headers: [{ Name: 'Message-ID', Value: '<fw@google.com>' }],
    }));
    const account = () => ask('{ channelAccounts(filter: { channel: [EMAIL] }) { nodes { notice noticeAt noticeDetails } } }').then((data) => data.channelAccounts.nodes[0]);
    await eventually(async () => (await account()).notice);
    expect(await account()).toMatchObject({ notice: expect.stringContaining('pottery@gmail.com'), noticeDetails: { code: '482913007' } });
  });

  test('a wish that names nobody makes no customer', async () => {
    const count = async () => (await server.db.owner<{ n: number }[]>`select count(*)::int as n from customers`)[0]!.n;
    const before = await count();
    await postmark.receive(hook, { RecordType: 'Bounce', ID: 77, Type: 'Unsubscribe', TypeCode: 16, MessageID: 'pm-9' });
    await eventually(async () => (await server.db.owner`select 1 from inbound_events where event->>'dedupeKey' = 'Bounce 77' and state = 'IGNORED'`).length === 1);
    expect(await count()).toBe(before);
  });

  test('a colleague’s forward opens the customer’s matter', async () => {
    await postmark.receive(hook, mail({
      MessageID: 'pm-5', From: 'bo@pottery.example', FromFull: { Email: 'bo@pottery.example', Name: 'Bo' }, Subject: 'Fwd: Vase', Headers: [{ Name: 'Message-ID', Value: '<fwd@pottery.example>' }],
      TextBody: 'Please take it.\n\n---------- Forwarded message ---------\nFrom: Uma <uma@buyer.example>\nDate: Tue, 3 Jun 2025\nSubject: Vase\nTo: bo@pottery.example\n\nIs the vase glazed?',
    }));
    await eventually(() => said('Please take it'));
    const [row] = await server.db.owner<{ value: string }[]>`select i.value from messages m join identities i on i.id = m.identity_id where m.provider_message_id = 'fwd@pottery.example'`;
    expect(row!.value).toBe('uma@buyer.example');
  });
});
