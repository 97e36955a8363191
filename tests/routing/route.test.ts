import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LogEvent } from '../../src/events/catalog.ts';
import type { Applied } from '../../src/inbound/apply.ts';
import { openLog } from '../../src/events/log.ts';
import { sequenceOnce } from '../../src/events/sequencer.ts';
import { assignConversation, setConversationStatus } from '../../src/conversations/actions.ts';
import { newId } from '../../src/platform/ids.ts';
import { createRoutingRule, reorderRoutingRules, updateRoutingRule } from '../../src/routing/actions.ts';
import { route, routing } from '../../src/routing/route.ts';
import { act, refusal } from '../crm/people.ts';
import { world, type World } from '../desk/world.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let w: World;
let defaultQueue: string;
let refunds: string;
beforeAll(async () => {
  db = await testDatabase();
  await openLog(db.app);
});
afterAll(() => db.close());
beforeEach(async () => {
  w = await world(db);
  defaultQueue = await queue('Everything', true);
  refunds = await queue('Refunds');
});

async function queue(name: string, isDefault = false): Promise<string> {
  const id = newId();
  await db.owner`insert into queues ${db.owner({ workspaceId: w.actor.workspaceId, id, name, isDefault, createdAt: '2026-01-01T00:00:00.000Z' })}`;
  return id;
}
const rule = (name: string, conditions: unknown, actions: unknown, position?: number) => act(db.app, w.actor, (tx) => createRoutingRule(tx, w.actor, { name, conditions, actions, position }));

/** Numbers what happened and hands it to the consumer, as the server does; gives what it was handed. */
let seen = 0;
async function consume(): Promise<LogEvent[]> {
  while ((await sequenceOnce(db.system)) > 0);
  const events = await db.system<LogEvent[]>`
    select workspace_id, position, id, kind, conversation_id, conversation_seq, actor_kind, actor_id, data, occurred_at from events
    where position > ${seen} and kind = any(${routing.kinds as string[]}::text[]) order by position`;
  for (const event of events) {
    await act(db.app, { ...w.actor, workspaceId: event.workspaceId }, (tx) => routing.handle(tx, event));
    seen = event.position;
  }
  return events.filter((event) => event.workspaceId === w.actor.workspaceId);
}
const conversation = async (id: string | null) => (await db.owner`select queue_id, priority, tags from conversations where id = ${id}`)[0]!;
const decisions = async (id: string | null) => db.owner`select rule_id, queue_id, reasons, event_position from routing_decisions where conversation_id = ${id} order by decided_at, id`;

describe('routing', () => {
  test('an inbound message is routed by the first matching rule, with queue, priority, tags and the reasons kept', async () => {
    await rule('Chat', { channelIn: ['LIVE_CHAT'] }, {});
    const id = await rule('Refund', { textContainsAny: ['refund'] }, { queueId: refunds, priority: 'HIGH', addTags: ['money'] });
    const { conversationId } = await w.say('EMAIL', 'ada@example.com', 'I want a REFUND for order 12', { subject: 'Help' });
    await consume();
    expect(await conversation(conversationId)).toEqual({ queueId: refunds, priority: 'HIGH', tags: ['money'] });
    const [decision] = await decisions(conversationId);
    expect(decision).toMatchObject({ ruleId: id, queueId: refunds });
    expect(decision!.reasons).toEqual([
      { ruleId: expect.any(String), name: 'Chat', matched: false, because: ['the channel is EMAIL, not one of "LIVE_CHAT"'] },
      { ruleId: id, name: 'Refund', matched: true, because: ['the text has "refund"'] },
    ]);
    expect((await db.owner`select data from event_outbox where workspace_id = ${w.actor.workspaceId} and kind = 'conversation.routed'`)[0]).toMatchObject({ data: { queueId: refunds } });
  });

  test('every channel is routed alike, a call too, and what no rule takes goes to the default queue', async () => {
    const arrived = [await w.say('SMS', '+31612345678', 'Hi'), await w.say('LIVE_CHAT', 'v1', 'Hi'), await w.say('EMAIL', 'x@example.com', 'Hi'), await w.call('+31687654321', 'ringing')];
    await consume();
    for (const { conversationId } of arrived) {
      expect((await conversation(conversationId)).queueId).toBe(defaultQueue);
      const [decision, ...more] = await decisions(conversationId);
      expect(more).toEqual([]);
      expect(decision).toMatchObject({ ruleId: null, reasons: [{ ruleId: null, matched: true }] });
    }
  });

  test('a message is routed by what it says, also when its sender has called before anybody looked at it', async () => {
    await rule('Refund', { textContainsAny: ['refund'] }, { queueId: refunds });
    const { conversationId } = await w.say('SMS', '+31699999999', 'A refund, please');
    const called = await w.call('+31699999999', 'ringing');
    expect(called.conversationId).toBe(conversationId);
    await consume();
    expect((await conversation(conversationId)).queueId).toBe(refunds);
  });

  test('a tag too many keeps no conversation from its queue', async () => {
    await rule('All', {}, { queueId: refunds, addTags: ['needs a look', 'second'] });
    const { conversationId } = await w.say('SMS', '+31612345678', 'Hi');
    await db.owner`update conversations set tags = array(select 't' || n from generate_series(1, 49) n) where id = ${conversationId}`;
    await consume();
    const { queueId, tags } = await conversation(conversationId);
    expect(queueId).toBe(refunds);
    expect(tags.slice(49)).toEqual(['needs a look']);
  });

  test('handling an event again changes nothing', async () => {
    const { conversationId } = await w.say('SMS', '+31612345678', 'Hi');
    const events = await consume();
    const before = [await conversation(conversationId), await decisions(conversationId)];
    for (const event of [...events, ...events]) await act(db.app, w.actor, (tx) => route(tx, event));
    expect([await conversation(conversationId), await decisions(conversationId)]).toEqual(before);
  });

  test('imported history is not routed', async () => {
    const { conversationId } = await w.say('EMAIL', 'ada@example.com', 'Years ago', { historical: true, at: '2020-01-01T00:00:00.000Z' });
    await consume();
    expect(await conversation(conversationId)).toMatchObject({ queueId: null });
    expect(await decisions(conversationId)).toEqual([]);
  });

  test('a queue that somebody chose stays, and so does the first decision when more is written', async () => {
    await rule('Refund', { textContainsAny: ['refund'] }, { queueId: refunds });
    const chosen = await w.say('SMS', '+31612345678', 'refund');
    await act(db.app, w.actor, (tx) => assignConversation(tx, w.actor, { conversationId: chosen.conversationId!, queueId: defaultQueue }));
    const first = await w.say('SMS', '+31600000000', 'hello');
    await consume();
    await w.say('SMS', '+31600000000', 'refund');
    await consume();
    expect((await conversation(chosen.conversationId)).queueId).toBe(defaultQueue);
    expect(await decisions(chosen.conversationId)).toEqual([]);
    expect((await conversation(first.conversationId)).queueId).toBe(defaultQueue);
    expect((await decisions(first.conversationId)).length).toBe(1);
  });

  test('without a default queue, a conversation that nothing took is looked at again with its next message', async () => {
    await db.owner`update queues set is_default = false where id = ${defaultQueue}`;
    await rule('Refund', { textContainsAny: ['refund'] }, { queueId: refunds });
    const { conversationId } = await w.say('SMS', '+31612345678', 'hello');
    await consume();
    expect((await conversation(conversationId)).queueId).toBeNull();
    await w.say('SMS', '+31612345678', 'a refund please');
    await consume();
    expect((await conversation(conversationId)).queueId).toBe(refunds);
    expect((await decisions(conversationId)).map((d) => d.ruleId === null)).toEqual([true, false]);
  });

  test('what was closed before it was routed is left alone', async () => {
    const { conversationId } = await w.say('SMS', '+31612345678', 'hello');
    await act(db.app, w.actor, (tx) => setConversationStatus(tx, w.actor, { conversationId: conversationId!, status: 'CLOSED', snoozedUntil: null }));
    await consume();
    expect(await decisions(conversationId)).toEqual([]);
  });

  test('a tier that a visitor only claims routes nothing; the tier of the customer does', async () => {
    await rule('Gold', { tierIn: ['gold'] }, { queueId: refunds });
    const mail = await w.say('EMAIL', 'ada@example.com', 'Hi');
    await db.owner`update customers set tier = 'Gold' where id = (select customer_id from identities where id = ${mail.identityId})`;
    const claimed = await w.say('LIVE_CHAT', 'v1', 'I am Ada', { claims: 'ada@example.com' });
    await consume();
    expect((await conversation(mail.conversationId)).queueId).toBe(refunds);
    expect((await conversation(claimed.conversationId)).queueId).toBe(defaultQueue);
  });
});

test.each(['tierIn', 'tagsAny'])('who only claims an address, by mail, SMS or call, earns nothing of its owner’s (%s); who is proven does', async (condition) => {
  await rule('Gold', { [condition]: ['gold'] }, { queueId: refunds });
  const routed: Record<string, string | null> = {};
  const arrived: [string, Applied][] = [];
  for (const [trust, number] of [['claimed', '+31612345678'], ['attested', '+31612345679']] as const) {
    arrived.push([`call ${trust}`, await w.call(number, 'ringing', { trust })]);
    // One that is heard of when it is over: its conversation's opening is all that tells of it.
    arrived.push([`missed call ${trust}`, await w.call(number.replace('+316', '+317'), 'ended', { trust })]);
  }
  for (const channel of ['EMAIL', 'SMS'] as const) {
    for (const trust of ['CLAIMED', 'ATTESTED', 'VERIFIED']) {
      const said = await w.say(channel, channel === 'EMAIL' ? `${trust}@example.com` : `+3168765432${trust.charCodeAt(0) % 10}`, 'Hi');
      await db.owner`update messages set sender_trust = ${trust} where id = ${said.messageId}`;
      arrived.push([`${channel} ${trust}`, said]);
    }
  }
  await db.owner`update customers set tier = 'Gold', tags = '{gold}' where workspace_id = ${w.actor.workspaceId}`;
  await consume();
  for (const [name, { conversationId }] of arrived) routed[name] = (await conversation(conversationId)).queueId === refunds ? 'gold' : null;
  expect(routed).toEqual({
    'call claimed': null, 'call attested': 'gold', 'missed call claimed': null, 'missed call attested': 'gold', 'EMAIL CLAIMED': null, 'EMAIL ATTESTED': 'gold', 'EMAIL VERIFIED': 'gold', 'SMS CLAIMED': null, 'SMS ATTESTED': 'gold', 'SMS VERIFIED': 'gold',
  });
});

describe('routing rules', () => {
  const order = async () => (await db.owner`select name from routing_rules where workspace_id = ${w.actor.workspaceId} order by position, id`).map((row) => row.name);

  test('are added last or in place, reordered as a whole, and disabled', async () => {
    const [a, b] = [await rule('a', {}, {}), await rule('b', {}, {})];
    const c = await rule('c', {}, {}, 0);
    expect(await order()).toEqual(['c', 'a', 'b']);
    await act(db.app, w.actor, (tx) => reorderRoutingRules(tx, w.actor, { ruleIds: [b, c, a] }));
    expect(await order()).toEqual(['b', 'c', 'a']);
    for (const ruleIds of [[a, b], [a, b, b], [a, b, newId()], []]) {
      await expect(act(db.app, w.actor, (tx) => reorderRoutingRules(tx, w.actor, { ruleIds }))).rejects.toMatchObject(refusal('INVALID_INPUT'));
    }
    await act(db.app, w.actor, (tx) => updateRoutingRule(tx, w.actor, { ruleId: b, enabled: false }));
    const { conversationId } = await w.say('SMS', '+31612345678', 'Hi');
    await consume();
    expect((await decisions(conversationId))[0]).toMatchObject({ ruleId: c });
  });

  test('a change of another version than the present one is a conflict', async () => {
    const id = await rule('a', {}, {});
    await act(db.app, w.actor, (tx) => updateRoutingRule(tx, w.actor, { ruleId: id, name: 'b', expectedVersion: 1 }));
    await expect(act(db.app, w.actor, (tx) => updateRoutingRule(tx, w.actor, { ruleId: id, name: 'c', expectedVersion: 1 }))).rejects.toMatchObject(refusal('CONFLICT'));
    expect(await order()).toEqual(['b']);
  });

  test('what no rule can be, and queues and hours of nobody or of another workspace, are refused', async () => {
    const theirs = await queue('Theirs');
    w = await world(db);
    const bad: [unknown, unknown, string][] = [
      [{ channel: ['SMS'] }, {}, 'INVALID_INPUT'],
      [{ channelIn: ['PIGEON'] }, {}, 'INVALID_INPUT'],
      [{}, { priority: 'SOON' }, 'INVALID_INPUT'],
      [{}, { queueId: newId() }, 'NOT_FOUND'],
      [{}, { queueId: theirs }, 'NOT_FOUND'],
      [{ businessHours: { id: newId(), state: 'OPEN' } }, {}, 'NOT_FOUND'],
    ];
    for (const [conditions, actions, code] of bad) await expect(rule('x', conditions, actions)).rejects.toMatchObject(refusal(code));
    await expect(rule('  ', {}, {})).rejects.toMatchObject(refusal('INVALID_INPUT'));
    expect(await order()).toEqual([]);
  });
});
