import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { deliverMessage } from '../../src/messages/deliver.ts';
import { nowMs } from '../../src/platform/clock.ts';
import type { Frames } from '../../src/realtime/execute.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { chats, COMPANY_SECRET, type Chats, type Shop } from './chat.ts';

let db: TestDatabase;
let chat: Chats;
let shop: Shop;

beforeAll(async () => {
  db = await testDatabase();
  chat = await chats(db);
});
beforeEach(async () => {
  shop = await chat.shop({ secrets: { identification: { algorithm: 'HS256', key: COMPANY_SECRET } } });
});
afterAll(async () => {
  await chat.close();
  await db.close();
});

const START = `mutation ($input: StartChatInput!) { startChat(input: $input) { visitorId token expiresAt userErrors { code message field } } }`;
const SEND = `mutation ($input: SendVisitorMessageInput!) { sendVisitorMessage(input: $input) {
  message { id clientId author text isSeen conversation { id status } replyTo { id } } userErrors { code message field } } }`;
const HISTORY = `{ cursor visitor { id name conversations { nodes { id status unseenCount
  messages { nodes { id clientId author authorName text isSeen editedAt deletedAt } } } } } }`;
const IDENTIFY = `mutation ($input: IdentifyVisitorInput!) { identifyVisitor(input: $input) { visitorId token userErrors { code message field } } }`;

const start = async (input = {}, credential = shop.publishable): Promise<{ token: string; visitorId: string }> => (await chat.run(credential, START, { input })).startChat;
const send = async (token: string, clientId: string, text: string, more = {}) => (await chat.run(token, SEND, { input: { clientId, text, ...more } })).sendVisitorMessage.message;
const history = async (token: string) => (await chat.run(token, HISTORY)).visitor.conversations.nodes as any[];
const agentSays = async (conversation: string, text: string) => {
  const { sendMessage } = await chat.run(shop.admin, `mutation ($input: SendMessageInput!) { sendMessage(input: $input) { message { id } userErrors { code message field } } }`,
    { input: { conversationId: conversation.replace('vcn_', 'cnv_'), text } });
  const messageId = sendMessage.message.id.slice(4).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  await deliverMessage({ app: db.app, http: { request: () => expect.unreachable(), addressOf: () => expect.unreachable() }, publicUrl: '' }, { workspaceId: shop.id, messageId });
  return sendMessage.message.id as string;
};
const identify = async (credential: string, token: string, clientId = 'i1'): Promise<{ token: string; visitorId: string }> => (await chat.run(credential, IDENTIFY, { input: { clientId, token } })).identifyVisitor;
const company = (claims: Record<string, unknown> = {}, key = COMPANY_SECRET, alg = 'HS256') =>
  new SignJWT({ sub: '4711', aud: shop.account, exp: Math.floor(nowMs() / 1000) + 600, name: 'Ada', email: 'ada@example.com', email_verified: true, ...claims }).setProtectedHeader({ alg }).sign(createSecretKey(Buffer.from(key)));
const customerOf = async (visitorId: string) => {
  const id = visitorId.slice(4).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return (await db.owner`select customer_id from identities where id = ${id}`)[0]!.customerId as string;
};

test('a visitor begins a chat with a publishable key, says something, and the team’s answer comes back', async () => {
  const { token } = await start();
  const message = await send(token, 'c1', 'Where is my order?');
  expect(message).toMatchObject({ clientId: 'c1', author: 'VISITOR', text: 'Where is my order?', conversation: { status: 'OPEN' } });
  await agentSays(message.conversation.id, 'Let me look.');
  const [matter] = await history(token);
  expect(matter.messages.nodes.map((m: any) => [m.author, m.text])).toEqual([['VISITOR', 'Where is my order?'], ['TEAM', 'Let me look.']]);
  expect(matter.unseenCount).toBe(1);
});

test('the same client id again changes nothing and answers the same, even at the same time', async () => {
  const { token } = await start();
  const all = await Promise.all(Array.from({ length: 5 }, () => send(token, 'c1', 'Hello')));
  expect(new Set(all.map((m) => m?.id)).size).toBe(1);
  expect((await send(token, 'c1', 'Hello')).id).toBe(all[0].id);
  expect((await history(token))[0].messages.nodes).toHaveLength(1);
  // Nobody else's client can mean it.
  const other = await start();
  expect((await send(other.token, 'c1', 'Hello')).id).not.toBe(all[0].id);
});

test('every act of a visitor is a delivery, kept before it takes effect', async () => {
  const { token } = await start({ email: 'ada@example.com' });
  await send(token, 'c1', 'Hello');
  const rows = await db.owner`select e.state, e.event ->> 'kind' as kind, convert_from(d.body, 'UTF8')::json ->> 'type' as type, d.source from inbound_events e
    join deliveries d on d.workspace_id = e.workspace_id and d.id = e.delivery_id where e.workspace_id = ${shop.id} order by e.delivery_id, e.ordinal`;
  expect(rows).toEqual([
    { state: 'APPLIED', kind: 'identity_change', type: 'form', source: 'HTTP' },
    { state: 'APPLIED', kind: 'message', type: 'message', source: 'HTTP' },
  ]);
});

test('a message edits, deletes and answers only what is its visitor’s', async () => {
  const [mine, theirs] = [await start(), await start()];
  const message = await send(mine.token, 'c1', 'Frist');
  const stranger = await send(theirs.token, 'c1', 'Mine');
  const edit = `mutation ($input: EditVisitorMessageInput!) { editVisitorMessage(input: $input) { message { text editedAt } userErrors { code } } }`;
  const remove = `mutation ($input: DeleteVisitorMessageInput!) { deleteVisitorMessage(input: $input) { message { text deletedAt } userErrors { code } } }`;
  expect((await chat.run(mine.token, edit, { input: { clientId: 'e1', messageId: message.id, text: 'First' } })).editVisitorMessage.message)
    .toMatchObject({ text: 'First', editedAt: expect.any(String) as string });
  const fromTeam = await agentSays(message.conversation.id, 'Hello');
  for (const messageId of [stranger.id, fromTeam.replace('msg_', 'vmg_'), `vmg_${'0'.repeat(32)}`]) {
    expect(await chat.refusal(mine.token, edit, { input: { clientId: 'e2', messageId, text: 'x' } })).toBe('NOT_FOUND');
    expect(await chat.refusal(mine.token, remove, { input: { clientId: 'd2', messageId } })).toBe('NOT_FOUND');
  }
  expect(await chat.refusal(mine.token, SEND, { input: { clientId: 'c9', text: 'x', replyToId: stranger.id } })).toBe('NOT_FOUND');
  expect((await send(mine.token, 'c2', 'Thanks', { replyToId: fromTeam.replace('msg_', 'vmg_') })).replyTo.id).toBe(fromTeam.replace('msg_', 'vmg_'));
  expect((await chat.run(mine.token, remove, { input: { clientId: 'd1', messageId: message.id } })).deleteVisitorMessage.message)
    .toMatchObject({ text: null, deletedAt: expect.any(String) as string });
  expect(await chat.refusal(mine.token, edit, { input: { clientId: 'e3', messageId: message.id, text: 'x' } })).toBe('INVALID_TRANSITION');
});

test('what the visitor has seen is READ for the team', async () => {
  const { token } = await start();
  const message = await send(token, 'c1', 'Hello');
  const answers = [await agentSays(message.conversation.id, 'One'), await agentSays(message.conversation.id, 'Two'), await agentSays(message.conversation.id, 'Three')];
  await chat.run(token, `mutation ($input: MarkVisitorSeenInput!) { markVisitorSeen(input: $input) { conversation { unseenCount } userErrors { code } } }`,
    { input: { clientId: 's1', messageId: answers[1]!.replace('msg_', 'vmg_') } });
  const [matter] = await history(token);
  expect(matter.messages.nodes.map((m: any) => m.isSeen)).toEqual([false, true, true, false]);
  expect(matter.unseenCount).toBe(1);
});

describe('what a visitor types of himself', () => {
  test('is a claim: he becomes nobody and sees nothing of the address’s owner', async () => {
    const { upsertCustomer } = await chat.run(shop.admin, `mutation ($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { id } userErrors { code message field } } }`,
      { input: { identity: { kind: 'EMAIL', value: 'ada@example.com' }, name: 'Ada Lovelace' } });
    const impostor = await start({ name: 'Ada', email: 'Ada@Example.com', fields: { order: '48821' } });
    expect(await customerOf(impostor.visitorId)).not.toBe(upsertCustomer.customer.id);
    await send(impostor.token, 'c1', 'It is me');
    expect((await history(impostor.token)).flatMap((c) => c.messages.nodes.map((m: any) => m.text))).toEqual([null, 'It is me']);
    expect(await db.owner`select kind, value, state from claims where workspace_id = ${shop.id}`).toEqual([{ kind: 'EMAIL', value: 'ada@example.com', state: 'PENDING' }]);
  });

  test('that is no address makes no claim and no fault', async () => {
    const { token } = await start({ email: 'not an address', phone: 'call me', name: ' ' });
    await send(token, 'c1', 'Hello');
    expect(await db.owner`select 1 from claims where workspace_id = ${shop.id}`).toEqual([]);
  });
});

describe('a visitor whom the company’s backend identifies', () => {
  test('is its customer, with what he wrote before, and the same on every device', async () => {
    const phone = await start();
    await send(phone.token, 'c1', 'Before');
    const anonymous = await customerOf(phone.visitorId);
    const known = await identify(phone.token, await company());
    await send(known.token, 'c2', 'After');
    expect((await history(known.token)).flatMap((c) => c.messages.nodes.map((m: any) => m.text))).toEqual(['Before', 'After']);
    const customerId = await customerOf(known.visitorId);
    expect(await customerOf(phone.visitorId)).toBe(customerId);
    expect((await db.owner`select state from customers where id = ${anonymous}`)[0]!.state).toBe(anonymous === customerId ? 'ACTIVE' : 'MERGED');
    const identities = await db.owner`select kind, value, trust from identities where customer_id = ${customerId} and kind in ('EMAIL', 'EXTERNAL_ID') order by kind`;
    expect(identities).toEqual([{ kind: 'EMAIL', value: 'ada@example.com', trust: 'VERIFIED' }, { kind: 'EXTERNAL_ID', value: '4711', trust: 'VERIFIED' }]);

    // Another device, straight from the publishable key: his own side from the moment that he was known, nothing from before.
    const laptop = await identify(shop.publishable, await company());
    expect(laptop.visitorId).toBe(known.visitorId);
    expect((await history(laptop.token)).flatMap((c) => c.messages.nodes.map((m: any) => m.text))).toEqual(['After']);
  });

  test('who was known to the company before is that customer', async () => {
    const email = await chat.run(shop.admin, `mutation ($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { id } userErrors { code message field } } }`,
      { input: { identity: { kind: 'EXTERNAL_ID', namespace: shop.account, value: '4711' }, name: 'Ada Lovelace' } });
    const visitor = await start();
    await send(visitor.token, 'c1', 'Before');
    const known = await identify(visitor.token, await company());
    const expected = email.upsertCustomer.customer.id.slice(4);
    expect((await customerOf(known.visitorId)).replaceAll('-', '')).toBe(expected);
    expect((await customerOf(visitor.visitorId)).replaceAll('-', '')).toBe(expected);
  });

  test('does not get what another wrote on the same device, nor gives it to him', async () => {
    const device = await start();
    await send(device.token, 'c1', 'Anonymous');
    const ada = await identify(device.token, await company());
    await send(ada.token, 'c2', 'Ada’s secret');
    const ben = await identify(ada.token, await company({ sub: '4712', name: 'Ben', email: 'ben@example.com' }), 'i2');
    await send(ben.token, 'c3', 'Ben here');
    expect((await history(ben.token)).flatMap((c) => c.messages.nodes.map((m: any) => m.text))).toEqual(['Ben here']);
    expect(await customerOf(ben.visitorId)).not.toBe(await customerOf(ada.visitorId));
    expect((await history(ada.token)).flatMap((c) => c.messages.nodes.map((m: any) => m.text))).toEqual(['Anonymous', 'Ada’s secret']);
  });

  test('does not take another’s visitor along, whose claim an agent confirmed', async () => {
    const CONFIRM = `mutation ($input: ConfirmClaimInput!) { confirmClaim(input: $input) { claim { state } userErrors { code message field } } }`;
    for (const isKnown of [true, false]) {
      const email = isKnown ? 'owner@example.com' : 'nobody@example.com';
      if (isKnown) {
        await chat.run(shop.admin, `mutation ($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { id } userErrors { code message field } } }`,
          { input: { identity: { kind: 'EMAIL', value: email }, name: 'Ada Lovelace' } });
      }
      const device = await start({ email });
      await send(device.token, 'c1', 'Ada’s secret');
      const [claim] = await db.owner`select id from claims where workspace_id = ${shop.id} and value = ${email}`;
      await chat.run(shop.admin, CONFIRM, { input: { claimId: `clm_${(claim!.id as string).replaceAll('-', '')}` } });
      const ada = await customerOf(device.visitorId);
      const bob = await identify(device.token, await company({ sub: `47${isKnown}`, name: 'Bob', email: 'bob@example.com' }), `i ${isKnown}`.replace(' ', ''));
      expect(await customerOf(device.visitorId)).toBe(ada);
      expect(await customerOf(bob.visitorId)).not.toBe(ada);
      expect(await history(bob.token)).toEqual([]);
      expect(await db.owner`select state from claims where id = ${claim!.id}`).toEqual([{ state: 'CONFIRMED' }]);
    }
  });

  test('does not take another’s visitor along, whom the team gave an address', async () => {
    const device = await start();
    await send(device.token, 'c1', 'Ada’s secret');
    const ada = await customerOf(device.visitorId);
    await chat.run(shop.admin, `mutation ($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { id } userErrors { code message field } } }`,
      { input: { customerId: `cus_${ada.replaceAll('-', '')}`, identities: [{ kind: 'PHONE', value: '+12025550142' }] } });
    const bob = await identify(device.token, await company());
    expect(await customerOf(device.visitorId)).toBe(ada);
    expect(await history(bob.token)).toEqual([]);
  });

  test('takes the locks of all people before his events are written, so that two in one browser cannot wait for each other', async () => {
    const [device, other] = [await start(), await start()];
    await send(device.token, 'c1', 'Before');
    await send(other.token, 'c1', 'Before');
    // Customers are locked before the first key of an event is inserted: while another holds the browser's customer, nothing is written.
    const sql = db.owner;
    const anonymous = await customerOf(device.visitorId);
    let waiting: Promise<unknown> | undefined;
    await sql.begin(async (tx) => {
      await tx`select 1 from customers where id = ${anonymous} for no key update`;
      waiting = identify(device.token, await company());
      const held = () => sql`
        select l.relation::regclass::text as relation from pg_locks l join pg_stat_activity a on a.pid = l.pid
        where a.datname = current_database() and a.wait_event_type = 'Lock' and l.mode = 'RowExclusiveLock'`;
      await expect.poll(async () => (await held()).length, { timeout: 5_000, interval: 20 }).toBeGreaterThan(0);
      const relations = (await held()).map((row) => row.relation as string);
      expect(relations.filter((name) => /inbound_keys|event_outbox|identity_owners/.test(name))).toEqual([]);
    });
    await waiting;
    expect(await customerOf(device.visitorId)).not.toBe(await customerOf(other.visitorId));
  });

  test.each([[false], [undefined], [null]])('whose address the company has not checked (%s) has only claimed it', async (verified) => {
    await identify(shop.publishable, await company({ email_verified: verified }));
    expect(await db.owner`select 1 from identities where workspace_id = ${shop.id} and kind = 'EMAIL'`).toEqual([]);
    expect(await db.owner`select state from claims where workspace_id = ${shop.id}`).toEqual([{ state: 'PENDING' }]);
  });

  test('by a token that is anything but right is refused, and nothing is kept', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const none = (claims: object) => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`;
    const other = await chat.shop({ secrets: { identification: { algorithm: 'HS256', key: COMPANY_SECRET } } });
    const bad = {
      'another secret': company({}, 'x'.repeat(40)),
      'another algorithm': company({}, COMPANY_SECRET, 'HS512'),
      'a key pair of the attacker': new SignJWT({ sub: '4711', aud: shop.account, exp: nowMs() / 1000 + 600 }).setProtectedHeader({ alg: 'RS256' }).sign(rsa.privateKey),
      'no algorithm': none({ sub: '4711', aud: shop.account, exp: 9_999_999_999 }),
      'another account': company({ aud: other.account }),
      'no audience': company({ aud: undefined }),
      'no end': company({ exp: undefined }),
      'an end in a week': company({ exp: Math.floor(nowMs() / 1000) + 7 * 86_400 }),
      'an end that has passed': company({ exp: Math.floor(nowMs() / 1000) - 1 }),
      'no subject': company({ sub: undefined }),
      'an empty subject': company({ sub: '' }),
      'a subject that is a number': company({ sub: 4711 as never }),
      'a name that is an object': company({ name: { first: 'Ada' } }),
      'our own visitor token': start().then((s) => s.token),
      nothing: '',
    };
    for (const [name, token] of Object.entries(bad)) {
      expect(`${name}: ${await chat.refusal(shop.publishable, IDENTIFY, { input: { clientId: 'i1', token: await token } })}`).toBe(`${name}: INVALID_INPUT`);
    }
    expect(await db.owner`select 1 from identities where workspace_id = ${shop.id} and kind = 'EXTERNAL_ID'`).toEqual([]);
    await identify(shop.publishable, await company());
  });

  test.each(['false', 'true', 1, 0, [], {}])('of whom it is not said by true or false whether his address is proven (%j) is refused, with the reason', async (verified) => {
    await expect(identify(shop.publishable, await company({ email_verified: verified }))).rejects.toThrow(/INVALID_INPUT.*email_verified is neither true nor false/);
    expect(await db.owner`select 1 from identities where workspace_id = ${shop.id} and kind in ('EMAIL', 'EXTERNAL_ID')`).toEqual([]);
  });

  test('by an account without a key is refused', async () => {
    const plain = await chat.shop();
    expect(await chat.refusal(plain.publishable, IDENTIFY, { input: { clientId: 'i1', token: await company({ aud: plain.account }) } })).toBe('INVALID_INPUT');
  });
});

describe('a visitor reaches nothing else', () => {
  test('no type of the agents’ side, by field or by id', async () => {
    const { token } = await start();
    const message = await send(token, 'c1', 'Hello');
    for (const credential of [token, shop.publishable]) {
      for (const text of [
        '{ customers { nodes { id } } }', '{ conversations { nodes { id } } }', '{ workspace { name } }', '{ members { nodes { name } } }', '{ channelAccounts { nodes { id } } }',
        '{ changes { id } }', '{ apiKeys { nodes { id } } }', '{ viewer { workspace { name } } }',
        `{ node(id: "${message.id.replace('vmg_', 'msg_')}") { id } }`, `{ node(id: "${message.conversation.id.replace('vcn_', 'cnv_')}") { id } }`,
        'mutation { createApiKey(input: { name: "x", role: ADMIN }) { secret } }',
      ]) expect(`${text} ${await chat.refusal(credential, text)}`).toBe(`${text} FORBIDDEN`);
    }
  });

  test('no message or conversation of another visitor, of his own shop or another, by id', async () => {
    const elsewhere = await chat.shop();
    const [mine, neighbour, stranger] = [await start(), await start(), await start({}, elsewhere.publishable)];
    const ids = [await send(neighbour.token, 'c1', 'Neighbour'), await send(stranger.token, 'c1', 'Stranger')].flatMap((m) => [m.id, m.conversation.id]);
    await send(mine.token, 'c1', 'Mine');
    const { nodes } = await chat.run(mine.token, `query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`, { ids: [...ids, neighbour.visitorId, stranger.visitorId] });
    expect(nodes).toEqual(Array.from({ length: 6 }, () => null));
    expect(JSON.stringify(await history(mine.token))).not.toMatch(/Neighbour|Stranger/);
  });

  test('nothing at all but a beginning, with a publishable key', async () => {
    expect((await chat.run(shop.publishable, '{ visitor { id } visitorChat { isOpen form } }'))).toEqual({ visitor: null, visitorChat: { isOpen: true, form: [] } });
    expect(await chat.refusal(shop.publishable, SEND, { input: { clientId: 'c1', text: 'x' } })).toBe('FORBIDDEN');
  });

  test('and an agent does not come in by the visitor’s door', async () => {
    expect(await chat.refusal(shop.admin, HISTORY)).toBe('FORBIDDEN');
    expect(await chat.refusal(shop.admin, START, { input: {} })).toBe('FORBIDDEN');
  });

  test('what the team writes by another channel, or brings in elsewhere, is not shown in the chat', async () => {
    const { token } = await start();
    const message = await send(token, 'c1', 'Hello');
    const conversationId = message.conversation.id.slice(4).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    // As if the matter went on by e-mail: a message of the same conversation at another address of the same customer.
    const [row] = await db.owner`select * from messages where conversation_id = ${conversationId}`;
    const [identity] = await db.owner`select self_identity_id as id from customers c join identities i on i.customer_id = c.id where i.id = ${row!.identityId}`;
    await db.owner`insert into messages ${db.owner({ ...row!, id: conversationId, identityId: identity!.id, text: 'by e-mail', channel: 'EMAIL', providerMessageId: null })}`;
    expect((await history(token))[0].messages.nodes.map((m: any) => m.text)).toEqual(['Hello']);
  });
});

test('a closed chat takes nothing more', async () => {
  const { token } = await start();
  await chat.run(shop.admin, `mutation ($input: SetChannelAccountStateInput!) { setChannelAccountState(input: $input) { channelAccount { state } userErrors { code } } }`, { input: { accountId: shop.account, state: 'DISABLED' } });
  expect(await chat.refusal(token, SEND, { input: { clientId: 'c1', text: 'x' } })).toBe('NOT_SENDABLE');
  expect((await chat.run(token, '{ visitorChat { isOpen } }')).visitorChat.isOpen).toBe(false);
});

test.each([
  ['an empty text', { clientId: 'c1', text: '  ' }],
  ['a text over 20,000 characters', { clientId: 'c1', text: 'x'.repeat(20_001) }],
  ['an empty client id', { clientId: '', text: 'x' }],
  ['a client id with a blank', { clientId: 'a b', text: 'x' }],
  ['a client id over 100 characters', { clientId: 'x'.repeat(101), text: 'x' }],
])('%s is refused as an input', async (_name, input) => {
  const { token } = await start();
  expect(await chat.refusal(token, SEND, { input })).toBe('INVALID_INPUT');
  expect(await db.owner`select 1 from deliveries where workspace_id = ${shop.id}`).toEqual([]);
});

test('a visitor’s token is renewed for the same visitor', async () => {
  const first = await start();
  await send(first.token, 'c1', 'Hello');
  const again = await start({}, first.token);
  expect(again.visitorId).toBe(first.visitorId);
  expect(await history(again.token)).toHaveLength(1);
});

test('a backend makes a token for a visitor of its own workspace only', async () => {
  const { token, visitorId } = await start();
  await send(token, 'c1', 'Hello');
  const make = `mutation ($input: CreateVisitorTokenInput!) { createVisitorToken(input: $input) { token tokenId expiresAt userErrors { code message field } } }`;
  const input = { identityId: visitorId.replace('vis_', 'idn_') };
  const made = (await chat.run(shop.admin, make, { input })).createVisitorToken;
  expect(await history(made.token)).toHaveLength(1);
  expect(await chat.refusal((await chat.shop()).admin, make, { input })).toBe('NOT_FOUND');
  await chat.run(shop.admin, `mutation ($input: RevokeTokenInput!) { revokeToken(input: $input) { tokenId userErrors { code } } }`, { input: { tokenId: made.tokenId } });
});

describe('live', () => {
  const EVENTS = `subscription ($after: Cursor) { visitorEvents(after: $after) { kind cursor message { text author isSeen } conversation { status } } }`;
  const subscribe = async (token: string, after?: string): Promise<Frames> => {
    const { document } = chat.graph.read(EVENTS);
    const frames = await chat.executor.subscribe({ document: document!, variables: { after }, viewer: await chat.viewer(token) });
    if (!('next' in frames)) throw new Error(JSON.stringify(frames));
    return frames;
  };
  const next = async (frames: Frames) => {
    const { data, errors } = JSON.parse((await frames.next()).value!.text);
    if (errors) throw new Error(JSON.stringify(errors));
    return data.visitorEvents;
  };

  test('tells a visitor what happens on his side and nothing else, and goes on where it was', async () => {
    const [mine, neighbour] = [await start(), await start()];
    const first = await send(mine.token, 'c0', 'Hello');
    const other = await send(neighbour.token, 'c0', 'Hello too');
    const { cursor } = await chat.run(mine.token, HISTORY);
    const frames = await subscribe(mine.token, cursor);
    const seen: any[] = [];
    const collect = async (count: number) => {
      while (seen.length < count) seen.push(await next(frames));
    };
    // What was written just before may not have been numbered when the cursor was read: then it comes here.
    await agentSays(other.conversation.id, 'For the neighbour');
    await send(neighbour.token, 'c1', 'Neighbour again');
    const answer = await agentSays(first.conversation.id, 'For me');
    await send(mine.token, 'c1', 'Thanks');
    while (!seen.some((e) => e.message?.text === 'Thanks')) await collect(seen.length + 1);
    const texts = seen.filter((e) => e.kind === 'MESSAGE').map((e) => e.message.text);
    expect(texts.slice(-2)).toEqual(['For me', 'Thanks']);
    expect(JSON.stringify(seen)).not.toMatch(/neighbour/i);

    const place = seen.at(-1).cursor as string;
    await frames.return();
    await chat.run(mine.token, `mutation ($input: MarkVisitorSeenInput!) { markVisitorSeen(input: $input) { userErrors { code } } }`, { input: { clientId: 's1', messageId: answer.replace('msg_', 'vmg_') } });
    await chat.run(shop.admin, `mutation ($input: SetConversationStatusInput!) { setConversationStatus(input: $input) { userErrors { code message } } }`, { input: { conversationId: first.conversation.id.replace('vcn_', 'cnv_'), status: 'CLOSED' } });
    const later = await subscribe(mine.token, place);
    let event = await next(later);
    while (event.kind !== 'CONVERSATION_CHANGED') {
      expect(event).toMatchObject({ kind: 'MESSAGE_CHANGED' });
      event = await next(later);
    }
    expect(event.conversation.status).toBe('CLOSED');
    await later.return();
  });
});
