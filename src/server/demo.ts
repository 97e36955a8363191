// The demo workspace of an empty database: a small shop's support team, its channels and a week of its customers. Made by the same actions as
// everything else; only the clock is turned back while the past is made.
import { systemActor, type Actor } from '../access/viewer.ts';
import { connectChannel, type Channel } from '../channels/accounts.ts';
import type { InboundEvent, ObservedAddress } from '../channels/channel.ts';
import { assignConversation, setConversationStatus, tagConversation } from '../conversations/actions.ts';
import { addNote } from '../crm/actions.ts';
import { upsertExternalRecord } from '../crm/records.ts';
import { upsertCustomer } from '../customers/upsert.ts';
import { confirmClaim } from '../identities/claims.ts';
import { applyEvent } from '../inbound/apply.ts';
import { sendMessage } from '../messages/send.ts';
import { now, nowMs, setClock } from '../platform/clock.ts';
import { inWorkspace, type Sql, type Tx } from '../platform/db.ts';
import { newId, publicId } from '../platform/ids.ts';
import { createRoutingRule } from '../routing/actions.ts';
import { createBusinessHours, createMember, createQueue, createTeam, createWorkspace, defaultQueueId, updateWorkspace } from '../workspaces/actions.ts';
import { createApiKey } from '../workspaces/keys.ts';

export interface Demo {
  workspaceId: string;
  adminKey: string;
  /** Public ids by which the README and the IDE begin. */
  ids: { customer: string; conversation: string; order: string; member: string; chatAccount: string; mailAccount: string; phoneAccount: string };
}

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;
const MAILBOX = 'support@acme.example';
const NUMBER = '+493012345678';

interface Stage {
  tx: Tx;
  actor: Actor;
  accounts: Record<'LIVE_CHAT' | 'EMAIL' | 'SMS' | 'VOICE', string>;
  members: { mira: Actor; tom: Actor };
}

/** Makes the demo in one transaction. `adminKey`: the text of its key; null: a random one. */
export function createDemo(app: Sql, adminKey: string | null): Promise<Demo> {
  const workspaceId = newId();
  return inWorkspace(app, workspaceId, async (tx) => {
    const actor = systemActor(workspaceId);
    await createWorkspace(tx, { id: workspaceId, name: 'Acme Ceramics', timeZone: 'Europe/Berlin' });
    await updateWorkspace(tx, actor, { reopenHours: 72 });
    const { key } = await createApiKey(tx, actor, { name: 'Demo admin', role: 'ADMIN', ...(adminKey ? { text: adminKey } : {}) });
    const people = await team(tx, actor);
    const accounts = await channels(tx, actor);
    const stage: Stage = { tx, actor, accounts, members: people };
    const ada = await adaLovelace(stage);
    for (const [index, story] of STORIES.entries()) await tell(stage, story, index);
    const ringing = await adaCalls(stage, ada.customerId);
    return {
      workspaceId, adminKey: key,
      ids: {
        customer: publicId('cus', ada.customerId), conversation: publicId('cnv', ringing), order: publicId('rec', ada.orderId), member: publicId('mem', people.mira.id!),
        chatAccount: publicId('cha', accounts.LIVE_CHAT), mailAccount: publicId('cha', accounts.EMAIL), phoneAccount: publicId('cha', accounts.VOICE),
      },
    };
  });
}

async function team(tx: Tx, actor: Actor): Promise<Stage['members']> {
  const { workspaceId } = actor;
  const mira = await createMember(tx, actor, { name: 'Mira Castell', email: 'mira@acme.example', role: 'AGENT' });
  const tom = await createMember(tx, actor, { name: 'Tom Okafor', email: 'tom@acme.example', role: 'AGENT' });
  await createMember(tx, actor, { name: 'Lena Vogt', email: 'lena@acme.example', role: 'ADMIN' });
  await createTeam(tx, actor, { name: 'Orders', memberIds: [mira.memberId, tom.memberId] });
  const { businessHoursId } = await createBusinessHours(tx, actor, {
    name: 'Office', timeZone: 'Europe/Berlin', hours: [1, 2, 3, 4, 5].map((day) => ({ day, from: '09:00', to: '18:00' })),
  });
  const orders = await createQueue(tx, actor, { name: 'Orders and delivery', description: 'Where is it, and what if it broke.', businessHoursId });
  const billing = await createQueue(tx, actor, { name: 'Billing', description: 'Invoices, refunds, payment.', businessHoursId });
  const vip = await createQueue(tx, actor, { name: 'Key customers', description: 'Platinum customers, whatever it is about.', businessHoursId });
  await createRoutingRule(tx, actor, { name: 'Key customers first', conditions: { tierIn: ['platinum'] }, actions: { queueId: vip.queueId, priority: 'HIGH' } });
  await createRoutingRule(tx, actor, {
    name: 'Money', conditions: { textContainsAny: ['invoice', 'refund', 'payment', 'charged'] }, actions: { queueId: billing.queueId, addTags: ['billing'] },
  });
  await createRoutingRule(tx, actor, {
    name: 'Delivery', conditions: { textContainsAny: ['order', 'parcel', 'tracking', 'delivery', 'broken'] }, actions: { queueId: orders.queueId, addTags: ['delivery'] },
  });
  await defaultQueueId(tx, workspaceId);
  const member = (id: string): Actor => ({ workspaceId, kind: 'MEMBER', id });
  return { mira: member(mira.memberId), tom: member(tom.memberId) };
}

async function channels(tx: Tx, actor: Actor): Promise<Stage['accounts']> {
  const connect = async (input: Parameters<typeof connectChannel>[2]) => connectChannel(tx, actor, input);
  const chat = await connect({ channel: 'LIVE_CHAT', provider: 'throughline', name: 'Website chat', settings: { greeting: 'Hello! What can we do for you?' }, secrets: {} });
  const mail = await connect({ channel: 'EMAIL', provider: 'mime', name: 'Support mailbox', address: MAILBOX, ...DEMO_MAIL });
  const sms = await connect({ channel: 'SMS', provider: 'twilio', name: 'Text messages', address: NUMBER, ...DEMO_TWILIO });
  const voice = await connect({ channel: 'VOICE', provider: 'twilio', name: 'Phone line', address: NUMBER, endpointId: sms.endpointId, settings: DEMO_TWILIO.settings });
  return { LIVE_CHAT: chat.accountId, EMAIL: mail.accountId, SMS: sms.accountId, VOICE: voice.accountId };
}

/** Credentials that open nothing: what the demo sends goes to a port of this machine on which nobody listens. */
const NOBODY = 'http://127.0.0.1:9';
const DEMO_TWILIO = {
  settings: { accountSid: `AC${'0'.repeat(32)}`, apiBaseUrl: NOBODY },
  secrets: { authToken: '0'.repeat(32) },
};
const DEMO_MAIL = {
  settings: { fromName: 'Acme Ceramics', authservId: 'mx.acme.example', host: '127.0.0.1', port: 9, secure: 'none' },
  secrets: { inbound: 'demo-secret-of-the-mail-door' },
};

/** Monday: Ada asks in the chat and types her address. Thursday: she mails from it, and the agent sees that it is her. */
async function adaLovelace(stage: Stage): Promise<{ customerId: string; orderId: string }> {
  const { tx, actor, members } = stage;
  const { recordId } = await upsertExternalRecord(tx, actor, {
    system: 'shop', type: 'order', externalId: '48821', number: '48821', title: 'Order #48821: tea set, 6 cups', url: 'https://shop.acme.example/orders/48821', status: 'SHIPPED',
    fields: { total: '129.00 EUR', carrier: 'DHL', tracking: '00340434161094042557' },
  });
  const visitor = chatVisitor(stage, 'b6c1f0a2-ada');
  const thursday = weekday(4, 16, 40);
  const monday = thursday - 3 * DAY_MS - 388 * MINUTE_MS;
  const first = await at(monday, () => chat(stage, visitor, 'Hi, order #48821 says "shipped" since last week, but the tracking does not move.'));
  await at(monday + MINUTE_MS, () => apply(stage, 'LIVE_CHAT', {
    kind: 'identity_change', senders: [{ ...visitor, displayName: 'Ada' }], identityChange: { from: null, to: address('email', 'ada@lovelace.example', 'claimed'), reason: 'typed by the visitor' },
  }));
  const conversationId = first.conversationId!;
  await at(monday + 2 * MINUTE_MS, () => assignConversation(tx, members.mira, { conversationId, assigneeId: members.mira.id! }));
  await at(monday + 3 * MINUTE_MS, () => reply(stage, members.mira, conversationId, 'Good morning! I am looking into it with the carrier and will come back to you.'));
  await at(monday + 9 * MINUTE_MS, () => addNote(tx, members.mira, { conversationId, body: 'Tracking stuck at the Leipzig hub since Friday. Claim opened with DHL; a replacement is reserved.', pinned: true, externalRecordIds: [recordId!] }));

  const mail = await at(thursday, () => mailFrom(stage, 'ada@lovelace.example', 'Ada Lovelace', 'Order #48821', 'Hello, it is Thursday and there is still no parcel. Could you send another one? Kind regards, Ada'));
  const [claim] = await tx<{ id: string }[]>`select id from claims where workspace_id = ${actor.workspaceId} and kind = 'EMAIL' and value = 'ada@lovelace.example'`;
  await at(thursday + 20 * MINUTE_MS, () => confirmClaim(tx, { workspaceId: actor.workspaceId, actor: members.mira, claimId: claim!.id }));
  const { customerId } = await at(thursday + 21 * MINUTE_MS, () => upsertCustomer(tx, actor, {
    identity: { kind: 'EMAIL', value: 'ada@lovelace.example' }, name: 'Ada Lovelace', language: 'en', tier: 'gold', company: 'Analytical Engines Ltd',
    identities: [{ kind: 'PHONE', value: '+447700900123' }, { kind: 'EXTERNAL_ID', namespace: 'shop', value: 'customer-1815' }],
  }));
  await at(thursday + 22 * MINUTE_MS, () => upsertExternalRecord(tx, actor, { system: 'shop', type: 'order', externalId: '48821', owner: { customerId } }));
  await at(thursday + 25 * MINUTE_MS, () => reply(stage, members.mira, mail.conversationId!, 'Dear Ada, a new tea set leaves our workshop tomorrow morning. I am sorry for the wait.'));
  return { customerId, orderId: recordId! };
}

/** And now her phone rings here. */
async function adaCalls(stage: Stage, _customerId: string): Promise<string> {
  const applied = await apply(stage, 'VOICE', {
    kind: 'call', senders: [address('phone', '+447700900123', 'claimed')], recipients: [address('phone', NUMBER, 'attested')],
    call: {
      providerCallId: `CA${newId().replaceAll('-', '')}`, parentCallId: null, phase: 'ringing', sequence: 0, from: '+447700900123', to: NUMBER, disposition: null, endCause: null,
      talkMs: null, recording: null, transcript: null,
    },
  });
  return applied.conversationId!;
}

interface Story {
  name: string;
  email: string;
  phone: string;
  tier: string;
  /** Days ago. */
  ago: number;
  by: Channel;
  lines: [customer: string, team: string | null][];
  end: 'OPEN' | 'PENDING' | 'CLOSED';
}

const STORIES: Story[] = [
  { name: 'Bruno Keller', email: 'bruno.keller@customers.example', phone: '+4915112340001', tier: 'standard', ago: 6, by: 'EMAIL', end: 'CLOSED', lines: [['The invoice for my last order shows the old address. Could you correct it?', 'Of course, the corrected invoice is attached to your account.'], ['Perfect, thank you!', null]] },
  { name: 'Chiara Fontana', email: 'chiara@customers.example', phone: '+393331234002', tier: 'platinum', ago: 5, by: 'SMS', end: 'OPEN', lines: [['Is the blue glaze back in stock?', 'It will be on Tuesday. Shall I put two aside for you?'], ['Yes please, three if possible', null]] },
  { name: 'Dilan Aydin', email: 'dilan@customers.example', phone: '+4915112340003', tier: 'standard', ago: 4, by: 'LIVE_CHAT', end: 'CLOSED', lines: [['Do you ship to Norway?', 'Yes, within five working days, duties included.']] },
  { name: 'Edda Lind', email: 'edda@customers.example', phone: '+46701234004', tier: 'gold', ago: 3, by: 'EMAIL', end: 'PENDING', lines: [['One of the six cups arrived broken, see order #48790.', 'I am sorry! Could you send us a photograph of the cup and the box?']] },
  { name: 'Farid Nasser', email: 'farid@customers.example', phone: '+33612345005', tier: 'standard', ago: 2, by: 'SMS', end: 'OPEN', lines: [['I was charged twice for order #48802, please refund one payment', null]] },
  { name: 'Greta Holm', email: 'greta@customers.example', phone: '+4511234006', tier: 'standard', ago: 2, by: 'LIVE_CHAT', end: 'OPEN', lines: [['Can I change the delivery address of #48815?', 'Yes, to which address?'], ['To my office, I mailed it to you', null]] },
  { name: 'Hamza Idris', email: 'hamza@customers.example', phone: '+447700900807', tier: 'gold', ago: 1, by: 'EMAIL', end: 'OPEN', lines: [['We would like 40 mugs with our logo. What would that cost, and by when?', null]] },
  { name: 'Ines Duarte', email: 'ines@customers.example', phone: '+351912345008', tier: 'standard', ago: 1, by: 'SMS', end: 'CLOSED', lines: [['When do you open tomorrow?', 'At nine. See you!']] },
];

async function tell(stage: Stage, story: Story, index: number): Promise<void> {
  const { tx, actor, members } = stage;
  const who = index % 2 === 0 ? members.tom : members.mira;
  let moment = nowMs() - story.ago * DAY_MS - index * 37 * MINUTE_MS;
  const { customerId } = await at(moment - DAY_MS, () => upsertCustomer(tx, actor, {
    identity: { kind: 'EMAIL', value: story.email }, name: story.name, tier: story.tier, language: 'en', identities: [{ kind: 'PHONE', value: story.phone }],
  }));
  const visitor = chatVisitor(stage, `demo-${index}`);
  let conversationId = '';
  for (const [line, answer] of story.lines) {
    const applied = await at(moment, () => {
      if (story.by === 'EMAIL') return mailFrom(stage, story.email, story.name, 'A question', line);
      if (story.by === 'SMS') return textFrom(stage, story.phone, line);
      return chat(stage, { ...visitor, displayName: story.name.split(' ')[0]! }, line);
    });
    conversationId = applied.conversationId!;
    moment += 11 * MINUTE_MS;
    if (answer !== null) await at(moment, () => reply(stage, who, conversationId, answer));
    moment += 23 * MINUTE_MS;
  }
  await at(moment, () => assignConversation(tx, who, { conversationId, assigneeId: who.id! }));
  if (story.tier === 'platinum') await at(moment, () => tagConversation(tx, who, { conversationId, add: ['key customer'], remove: [] }));
  if (story.end !== 'OPEN') await at(moment + MINUTE_MS, () => setConversationStatus(tx, who, { conversationId, status: story.end, snoozedUntil: null }));
  void customerId;
}

async function reply(stage: Stage, who: Actor, conversationId: string, text: string): Promise<void> {
  const { messageId } = await sendMessage(stage.tx, who, { conversationId, channel: null, text });
  // The past was sent in the past: no job calls a provider for it.
  await stage.tx`update messages set delivery_state = 'DELIVERED' where workspace_id = ${who.workspaceId} and id = ${messageId}`;
}

const chatVisitor = (stage: Stage, value: string): ObservedAddress => ({ ...address('visitor', value, 'attested'), namespace: publicId('cha', stage.accounts.LIVE_CHAT) });

const address = (kind: ObservedAddress['kind'], value: string, trust: ObservedAddress['trust']): ObservedAddress => ({ kind, namespace: '', value, valueRaw: value, trust, displayName: null });

type Told = Partial<InboundEvent> & Pick<InboundEvent, 'kind'>;

async function apply(stage: Stage, channel: keyof Stage['accounts'], told: Told): ReturnType<typeof applyEvent> {
  const event: InboundEvent = {
    direction: 'inbound', channel: channel.toLowerCase() as InboundEvent['channel'], provider: 'demo', account: null, dedupeKey: newId(), occurredAt: null, senders: [], recipients: [], ...told,
  };
  return applyEvent(stage.tx, { workspaceId: stage.actor.workspaceId, accountId: stage.accounts[channel], channel, event, receivedAt: now(), historical: false });
}

const saying = (text: string, more: Partial<NonNullable<InboundEvent['message']>>) => ({
  providerMessageId: newId(), threadKey: null, replyTo: null, subject: null, autoGenerated: null, parts: [{ type: 'text' as const, text, visibleText: text, quotedText: null, html: null }], ...more,
});
const chat = (stage: Stage, visitor: ObservedAddress, text: string) =>
  apply(stage, 'LIVE_CHAT', { kind: 'message', senders: [visitor], message: saying(text, { threadKey: `visitor:${visitor.value}` }) });
const mailFrom = (stage: Stage, from: string, name: string, subject: string, text: string) =>
  apply(stage, 'EMAIL', { kind: 'message', senders: [{ ...address('email', from, 'attested'), displayName: name }], message: saying(text, { subject, providerMessageId: `${newId()}@mail.example` }) });
const textFrom = (stage: Stage, from: string, text: string) =>
  apply(stage, 'SMS', { kind: 'message', senders: [address('phone', from, 'attested')], message: saying(text, { threadKey: `${NUMBER} ${from}` }) });

/** Runs `work` with the clock at a moment, in milliseconds since 1970. The demo is made before anything is served. */
async function at<T>(moment: number, work: () => Promise<T>): Promise<T> {
  const restore = setClock(() => moment);
  try {
    return await work();
  } finally {
    restore();
  }
}

/** The latest Monday (1), Thursday (4) … at that time of day that is past, in milliseconds since 1970, UTC. */
function weekday(day: number, hour: number, minute: number): number {
  const today = Math.floor(nowMs() / DAY_MS) * DAY_MS;
  const behind = (new Date(today).getUTCDay() - day + 7) % 7;
  const moment = today - behind * DAY_MS + (hour * 60 + minute) * MINUTE_MS;
  return moment < nowMs() ? moment : moment - 7 * DAY_MS;
}
