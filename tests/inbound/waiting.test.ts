// What overtakes what it speaks of: an edit its message, a report the message that we sent.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Actor } from '../../src/access/viewer.ts';
import { connectChannel, endpointById, type Endpoint } from '../../src/channels/accounts.ts';
import type { InboundEvent } from '../../src/channels/channel.ts';
import { messageKey, type ChatDelivery } from '../../src/channels/live-chat/delivery.ts';
import { upsertCustomer } from '../../src/customers/upsert.ts';
import { applyEvent } from '../../src/inbound/apply.ts';
import { startDrain } from '../../src/inbound/drain.ts';
import { receiveDelivery, type DoorContext } from '../../src/inbound/receive.ts';
import { replayInboundEvent } from '../../src/inbound/replay.ts';
import { deliverMessage } from '../../src/messages/deliver.ts';
import { sendMessage, startConversation } from '../../src/messages/send.ts';
import { folderBlobs } from '../../src/platform/blobs.ts';
import { now } from '../../src/platform/clock.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { outgoing } from '../../src/platform/http.ts';
import { publicId } from '../../src/platform/ids.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { noBlobs } from '../harness/blobs.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { fakeTwilio, newSid, type FakeTwilio, type TwilioMessage } from '../../src/sandbox/twilio.ts';

const [OURS, ADA] = ['+14155550100', '+15035550142'];

let db: TestDatabase;
let actor: Actor;
let door: DoorContext;
let dir: string;
let chat: Endpoint;
let chatAccount: string;
let texts: Endpoint;
let twilio: FakeTwilio;

beforeAll(async () => {
  initSecrets('a secret of the tests, long enough for it');
  db = await testDatabase();
  ({ actor } = await db.workspace());
  dir = await mkdtemp(join(tmpdir(), 'throughline-blobs-'));
  door = { app: db.app, blobs: folderBlobs(dir) };
  const connected = await inWorkspace(db.app, actor.workspaceId, (tx) => connectChannel(tx, actor, { channel: 'LIVE_CHAT', provider: 'throughline', name: 'Chat' }));
  chatAccount = connected.accountId;
  chat = (await endpointById(db.app, connected.endpointId))!;
  twilio = await fakeTwilio();
  const sms = await inWorkspace(db.app, actor.workspaceId, (tx) => connectChannel(tx, actor, {
    channel: 'SMS', provider: 'twilio', name: 'SMS', address: OURS, settings: { accountSid: twilio.accountSid, apiBaseUrl: twilio.url }, secrets: { authToken: twilio.authToken },
  }));
  texts = (await endpointById(db.app, sms.endpointId))!;
});
afterAll(async () => {
  await twilio.close();
  await db.close();
  await rm(dir, { recursive: true });
});

const drained = async () => {
  const drain = startDrain({ app: db.app, system: db.system, wake: () => {}, report: () => {} });
  await drain.idle();
  await drain.stop();
};
type Said = ChatDelivery extends infer D ? (D extends ChatDelivery ? Omit<D, 'channel' | 'account' | 'visitor' | 'files'> : never) : never;
/** The visitor's next thing by the chat's door; gives its event's id. */
const says = async (visitorId: string, what: Said): Promise<string> => {
  const body = Buffer.from(JSON.stringify({ account: publicId('cha', chatAccount), visitor: { id: visitorId, name: null }, ...what }));
  const { events, unparsed } = await receiveDelivery(door, chat, { source: 'HTTP', request: { method: 'POST', url: 'http://localhost/chat', headers: {}, body } });
  expect(unparsed).toBeNull();
  return events[0]!.id;
};
const eventRow = async (id: string) => (await db.owner`select state, error, waits_for, applied_at, message_id from inbound_events where id = ${id}`)[0]!;
const shown = async (visitorId: string, clientId: string) =>
  (await db.owner`select id, text, version, edited_at, deleted_at from messages where provider_message_id = ${messageKey(visitorId, clientId)}`)[0];

describe('an edit or a deletion of a chat message that comes before the message', () => {
  const changes = {
    edit: { what: { type: 'edit', target: 'm1', text: 'What I meant' } as const, seen: { text: 'What I meant', version: 2, editedAt: expect.any(String), deletedAt: null } },
    delete: { what: { type: 'delete', target: 'm1' } as const, seen: { text: null, version: 2, editedAt: null, deletedAt: expect.any(String) } },
  };

  it.each(['edit', 'delete'] as const)('(%s) waits, holds up nothing behind it, and takes effect once, when the message is there', async (kind) => {
    const visitor = randomUUID();
    const { what, seen } = changes[kind];
    const early = await says(visitor, { ...what, clientId: 'change' });
    const copy = await says(visitor, { ...what, clientId: 'change' });
    const behind = await says(visitor, { type: 'message', clientId: 'm2', text: 'Another thing', replyTo: null });
    await drained();
    for (const id of [early, copy]) {
      expect(await eventRow(id)).toMatchObject({ state: 'WAITING', waitsFor: messageKey(visitor, 'm1'), error: expect.stringContaining(messageKey(visitor, 'm1')), appliedAt: null, messageId: null });
    }
    expect(await eventRow(behind)).toMatchObject({ state: 'APPLIED' });
    expect(await shown(visitor, 'm1')).toBeUndefined();

    await says(visitor, { type: 'message', clientId: 'm1', text: 'What I wrote', replyTo: null });
    await drained();
    const message = await shown(visitor, 'm1');
    expect(message).toMatchObject(seen);
    expect(await eventRow(early)).toMatchObject({ state: 'APPLIED', messageId: message!.id, waitsFor: null, error: null, appliedAt: expect.any(String) });
    expect(await eventRow(copy)).toMatchObject({ state: 'DUPLICATE', waitsFor: null, error: null });
    expect(await shown(visitor, 'm2')).toMatchObject({ text: 'Another thing', version: 1 });
    const [first] = await db.owner`select text from message_parts where message_id = ${message!.id} and version = 1`;
    expect(first!.text).toBe('What I wrote');
  });

  it('waits for that message of that account only', async () => {
    const [visitor, other] = [randomUUID(), randomUUID()];
    const early = await says(visitor, { type: 'edit', target: 'm1', clientId: 'change', text: 'Mine' });
    await says(other, { type: 'message', clientId: 'm1', text: 'Somebody else’s', replyTo: null });
    await drained();
    expect(await eventRow(early)).toMatchObject({ state: 'WAITING' });
    expect(await shown(other, 'm1')).toMatchObject({ text: 'Somebody else’s', version: 1 });
  });

  it('waits on when an operator replays it too early', async () => {
    const visitor = randomUUID();
    const early = await says(visitor, { type: 'delete', target: 'm1', clientId: 'change' });
    await drained();
    await inWorkspace(db.app, actor.workspaceId, (tx) => replayInboundEvent(tx, actor.workspaceId, door.blobs, early));
    await drained();
    expect(await eventRow(early)).toMatchObject({ state: 'WAITING', waitsFor: messageKey(visitor, 'm1') });
  });
});

describe('a report of a message that nothing is known of', () => {
  /** Twilio's report, without the attempt that our callback address brings back, as an old one comes; gives its event's id. */
  const reported = async (sid: string, status: string): Promise<string> => {
    const body = Buffer.from(new URLSearchParams({ MessageSid: sid, SmsSid: sid, MessageStatus: status, SmsStatus: status, From: OURS, To: ADA, AccountSid: twilio.accountSid }).toString());
    const request = { method: 'POST', url: 'http://localhost/hooks', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body };
    return (await receiveDelivery(door, texts, { source: 'WEBHOOK', request })).events[0]!.id;
  };
  const sent = async (beforeAnswer: (message: TwilioMessage) => Promise<void>): Promise<string> => {
    const { messageId } = await inWorkspace(db.app, actor.workspaceId, async (tx) => {
      const { customerId } = await upsertCustomer(tx, actor, { identity: { kind: 'PHONE', value: ADA } });
      return startConversation(tx, actor, { customerId, channel: 'SMS', accountId: null, identityId: null, text: 'Your parcel is on its way.' });
    });
    twilio.beforeAnswer = beforeAnswer;
    await deliverMessage({ app: db.app, blobs: noBlobs, http: outgoing({ allowPrivate: true }), publicUrl: 'http://127.0.0.1:1' }, { workspaceId: actor.workspaceId, messageId });
    twilio.beforeAnswer = null;
    return messageId;
  };
  const delivery = async (id: string) => (await db.owner`select delivery_state, provider_message_id from messages where id = ${id}`)[0]!;

  it('waits with its reason, and takes effect once when the answer to the send names the message', async () => {
    const events: string[] = [];
    const messageId = await sent(async ({ sid }) => {
      for (const status of ['delivered', 'sent', 'delivered']) events.push(await reported(sid, status));
      await drained();
      for (const id of events) expect(await eventRow(id)).toMatchObject({ state: 'WAITING', waitsFor: sid, error: `Nothing has been heard of ${sid} yet.`, messageId: null, appliedAt: null });
      expect(await db.owner`select 1 from receipts where provider_message_id = ${sid}`).toHaveLength(0);
    });
    await drained();
    expect(await Promise.all(events.map(async (id) => (await eventRow(id)).state))).toEqual(['APPLIED', 'APPLIED', 'DUPLICATE']);
    expect(await eventRow(events[0]!)).toMatchObject({ messageId, error: null, waitsFor: null });
    expect(await delivery(messageId)).toMatchObject({ deliveryState: 'DELIVERED' });
    const receipts = await db.owner`select r.state, r.received_at = d.received_at as in_time from receipts r, inbound_events e join deliveries d on d.id = e.delivery_id
      where r.message_id = ${messageId} and e.id = any(${events.slice(0, 2)}::uuid[]) and e.event -> 'receipt' ->> 'state' = lower(r.state) order by 1`;
    expect(receipts).toEqual([{ state: 'DELIVERED', inTime: true }, { state: 'SENT', inTime: true }]);
  });

  it('waits, and takes effect, also at the very moment of the answer', async () => {
    for (let i = 0; i < 8; i++) {
      let event = '';
      let drain: Promise<unknown> = Promise.resolve();
      const messageId = await sent(async ({ sid }) => {
        event = await reported(sid, 'delivered');
        drain = drained();
      });
      await drain;
      await drained();
      expect(await eventRow(event)).toMatchObject({ state: 'APPLIED', messageId });
      expect(await delivery(messageId)).toMatchObject({ deliveryState: 'DELIVERED' });
    }
  });

  it('takes effect when the message becomes known by its echo', async () => {
    const sid = newSid('SM');
    const event = await reported(sid, 'delivered');
    await drained();
    expect(await eventRow(event)).toMatchObject({ state: 'WAITING', waitsFor: sid });
    const echo: InboundEvent = {
      kind: 'message', direction: 'echo_external', channel: 'sms', provider: 'twilio', account: OURS, dedupeKey: sid, occurredAt: null, senders: [],
      recipients: [{ kind: 'phone', namespace: '', value: ADA, valueRaw: ADA, trust: 'attested', displayName: null }],
      message: { providerMessageId: sid, threadKey: null, replyTo: null, subject: null, autoGenerated: null, parts: [{ type: 'text', text: 'From the console', visibleText: null, quotedText: null, html: null }] },
    };
    const [account] = await db.owner`select id from channel_accounts where endpoint_id = ${texts.id}`;
    const { messageId } = await inWorkspace(db.app, actor.workspaceId, (tx) =>
      applyEvent(tx, { workspaceId: actor.workspaceId, accountId: account!.id, channel: 'SMS', event: echo, receivedAt: now(), historical: false }));
    await drained();
    expect(await eventRow(event)).toMatchObject({ state: 'APPLIED', messageId });
    expect(await delivery(messageId!)).toMatchObject({ deliveryState: 'DELIVERED' });
  });

  it('and that names no message at all is ignored, and says so', async () => {
    const event: InboundEvent = {
      kind: 'receipt', direction: 'inbound', channel: 'sms', provider: 'twilio', account: OURS, dedupeKey: newSid('SM'), occurredAt: null, senders: [], recipients: [],
      receipt: { targets: [], state: 'failed', errorCode: null, reason: 'Somewhere, something failed.' },
    };
    const [account] = await db.owner`select id from channel_accounts where endpoint_id = ${texts.id}`;
    const deliveryId = (await db.owner`select delivery_id from inbound_events where account_id = ${account!.id} limit 1`)[0]!.deliveryId as string;
    const id = randomUUID();
    await db.owner`insert into inbound_events ${db.owner({ workspaceId: actor.workspaceId, id, deliveryId, ordinal: 9, accountId: account!.id, lane: '77', state: 'PENDING', event: db.owner.json(event as never), nextAttemptAt: now() })}`;
    await drained();
    expect(await eventRow(id)).toMatchObject({ state: 'IGNORED', error: 'The report names no message of ours.' });
  });
});

it('what a visitor has seen before the job that sends it has run is seen once it has', async () => {
  const visitor = randomUUID();
  await says(visitor, { type: 'message', clientId: 'm1', text: 'Hello?', replyTo: null });
  await drained();
  const [{ conversationId } = { conversationId: '' }] = await db.owner<{ conversationId: string }[]>`select conversation_id from messages where provider_message_id = ${messageKey(visitor, 'm1')}`;
  const { messageId } = await inWorkspace(db.app, actor.workspaceId, (tx) => sendMessage(tx, actor, { conversationId, channel: null, text: 'Hello!' }));
  const seen = await says(visitor, { type: 'seen', clientId: 's1', upTo: publicId('msg', messageId) });
  await drained();
  expect(await eventRow(seen)).toMatchObject({ state: 'WAITING', waitsFor: publicId('msg', messageId) });
  await deliverMessage({ app: db.app, blobs: noBlobs, http: outgoing({ allowPrivate: true }), publicUrl: 'http://127.0.0.1:1' }, { workspaceId: actor.workspaceId, messageId });
  await drained();
  expect(await eventRow(seen)).toMatchObject({ state: 'APPLIED' });
  expect((await db.owner`select delivery_state from messages where id = ${messageId}`)[0]).toMatchObject({ deliveryState: 'READ' });
});
