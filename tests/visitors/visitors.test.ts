// What a visitor does in his chat, and what he reaches.
import { describe, expect, test } from 'vitest';
import { START, SEND, HISTORY, agentSays, history, openShop, send, start, world } from './world.ts';

openShop();

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
  const rows = await world.db.owner`select e.state, e.event ->> 'kind' as kind, convert_from(d.body, 'UTF8')::json ->> 'type' as type, d.source from inbound_events e
    join deliveries d on d.workspace_id = e.workspace_id and d.id = e.delivery_id where e.workspace_id = ${world.shop.id} order by e.delivery_id, e.ordinal`;
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
  expect((await world.chat.run(mine.token, edit, { input: { clientId: 'e1', messageId: message.id, text: 'First' } })).editVisitorMessage.message)
    .toMatchObject({ text: 'First', editedAt: expect.any(String) as string });
  const fromTeam = await agentSays(message.conversation.id, 'Hello');
  for (const messageId of [stranger.id, fromTeam.replace('msg_', 'vmg_'), `vmg_${'0'.repeat(32)}`]) {
    expect(await world.chat.refusal(mine.token, edit, { input: { clientId: 'e2', messageId, text: 'x' } })).toBe('NOT_FOUND');
    expect(await world.chat.refusal(mine.token, remove, { input: { clientId: 'd2', messageId } })).toBe('NOT_FOUND');
  }
  expect(await world.chat.refusal(mine.token, SEND, { input: { clientId: 'c9', text: 'x', replyToId: stranger.id } })).toBe('NOT_FOUND');
  expect((await send(mine.token, 'c2', 'Thanks', { replyToId: fromTeam.replace('msg_', 'vmg_') })).replyTo.id).toBe(fromTeam.replace('msg_', 'vmg_'));
  expect((await world.chat.run(mine.token, remove, { input: { clientId: 'd1', messageId: message.id } })).deleteVisitorMessage.message)
    .toMatchObject({ text: null, deletedAt: expect.any(String) as string });
  expect(await world.chat.refusal(mine.token, edit, { input: { clientId: 'e3', messageId: message.id, text: 'x' } })).toBe('INVALID_TRANSITION');
});

test('what the visitor has seen is READ for the team', async () => {
  const { token } = await start();
  const message = await send(token, 'c1', 'Hello');
  const answers = [await agentSays(message.conversation.id, 'One'), await agentSays(message.conversation.id, 'Two'), await agentSays(message.conversation.id, 'Three')];
  await world.chat.run(token, `mutation ($input: MarkVisitorSeenInput!) { markVisitorSeen(input: $input) { conversation { unseenCount } userErrors { code } } }`,
    { input: { clientId: 's1', messageId: answers[1]!.replace('msg_', 'vmg_') } });
  const [matter] = await history(token);
  expect(matter.messages.nodes.map((m: any) => m.isSeen)).toEqual([false, true, true, false]);
  expect(matter.unseenCount).toBe(1);
});

describe('a visitor reaches nothing else', () => {
  test('no type of the agents’ side, by field or by id', async () => {
    const { token } = await start();
    const message = await send(token, 'c1', 'Hello');
    for (const credential of [token, world.shop.publishable]) {
      for (const text of [
        '{ customers { nodes { id } } }', '{ conversations { nodes { id } } }', '{ workspace { name } }', '{ members { nodes { name } } }', '{ channelAccounts { nodes { id } } }',
        '{ changes { id } }', '{ apiKeys { nodes { id } } }', '{ viewer { workspace { name } } }',
        `{ node(id: "${message.id.replace('vmg_', 'msg_')}") { id } }`, `{ node(id: "${message.conversation.id.replace('vcn_', 'cnv_')}") { id } }`,
        'mutation { createApiKey(input: { name: "x", role: ADMIN }) { secret } }',
      ]) expect(`${text} ${await world.chat.refusal(credential, text)}`).toBe(`${text} FORBIDDEN`);
    }
  });

  test('no message or conversation of another visitor, of his own shop or another, by id', async () => {
    const elsewhere = await world.chat.shop();
    const [mine, neighbour, stranger] = [await start(), await start(), await start({}, elsewhere.publishable)];
    const ids = [await send(neighbour.token, 'c1', 'Neighbour'), await send(stranger.token, 'c1', 'Stranger')].flatMap((m) => [m.id, m.conversation.id]);
    await send(mine.token, 'c1', 'Mine');
    const { nodes } = await world.chat.run(mine.token, `query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`, { ids: [...ids, neighbour.visitorId, stranger.visitorId] });
    expect(nodes).toEqual(Array.from({ length: 6 }, () => null));
    expect(JSON.stringify(await history(mine.token))).not.toMatch(/Neighbour|Stranger/);
  });

  test('nothing at all but a beginning, with a publishable key', async () => {
    expect((await world.chat.run(world.shop.publishable, '{ visitor { id } visitorChat { isOpen form } }'))).toEqual({ visitor: null, visitorChat: { isOpen: true, form: [] } });
    expect(await world.chat.refusal(world.shop.publishable, SEND, { input: { clientId: 'c1', text: 'x' } })).toBe('FORBIDDEN');
  });

  test('and an agent does not come in by the visitor’s door', async () => {
    expect(await world.chat.refusal(world.shop.admin, HISTORY)).toBe('FORBIDDEN');
    expect(await world.chat.refusal(world.shop.admin, START, { input: {} })).toBe('FORBIDDEN');
  });

  test('what the team writes by another channel, or brings in elsewhere, is not shown in the chat', async () => {
    const { token } = await start();
    const message = await send(token, 'c1', 'Hello');
    const conversationId = message.conversation.id.slice(4).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    // As if the matter went on by e-mail: a message of the same conversation at another address of the same customer.
    const [row] = await world.db.owner`select * from messages where conversation_id = ${conversationId}`;
    const [identity] = await world.db.owner`select self_identity_id as id from customers c join identities i on i.customer_id = c.id where i.id = ${row!.identityId}`;
    await world.db.owner`insert into messages ${world.db.owner({ ...row!, id: conversationId, identityId: identity!.id, text: 'by e-mail', channel: 'EMAIL', providerMessageId: null })}`;
    expect((await history(token))[0].messages.nodes.map((m: any) => m.text)).toEqual(['Hello']);
  });
});

test('a closed chat takes nothing more', async () => {
  const { token } = await start();
  await world.chat.run(world.shop.admin, `mutation ($input: SetChannelAccountStateInput!) { setChannelAccountState(input: $input) { channelAccount { state } userErrors { code } } }`, { input: { accountId: world.shop.account, state: 'DISABLED' } });
  expect(await world.chat.refusal(token, SEND, { input: { clientId: 'c1', text: 'x' } })).toBe('NOT_SENDABLE');
  expect((await world.chat.run(token, '{ visitorChat { isOpen } }')).visitorChat.isOpen).toBe(false);
});

test.each([
  ['an empty text', { clientId: 'c1', text: '  ' }],
  ['a text over 20,000 characters', { clientId: 'c1', text: 'x'.repeat(20_001) }],
  ['an empty client id', { clientId: '', text: 'x' }],
  ['a client id with a blank', { clientId: 'a b', text: 'x' }],
  ['a client id over 100 characters', { clientId: 'x'.repeat(101), text: 'x' }],
])('%s is refused as an input', async (_name, input) => {
  const { token } = await start();
  expect(await world.chat.refusal(token, SEND, { input })).toBe('INVALID_INPUT');
  expect(await world.db.owner`select 1 from deliveries where workspace_id = ${world.shop.id}`).toEqual([]);
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
  const made = (await world.chat.run(world.shop.admin, make, { input })).createVisitorToken;
  expect(await history(made.token)).toHaveLength(1);
  expect(await world.chat.refusal((await world.chat.shop()).admin, make, { input })).toBe('NOT_FOUND');
  await world.chat.run(world.shop.admin, `mutation ($input: RevokeTokenInput!) { revokeToken(input: $input) { tokenId userErrors { code } } }`, { input: { tokenId: made.tokenId } });
});
