// The subscription fields. Those told from the log take `after` and lose nothing between two connections; typing and presence are never
// stored and begin with what holds now.
import { Call } from '../calls/fields.ts';
import { Conversation } from '../conversations/fields.ts';
import type { EventKind, LogEvent } from '../events/catalog.ts';
import { PRESENCES, TYPING_RENEW_MS, PRESENCE_RENEW_MS } from '../events/signals.ts';
import { enumeration, idOf, inputObject } from '../graphql/entity.ts';
import { subscription, type SubscriptionContext, type Told } from '../graphql/subscription.ts';
import { Message } from '../messages/fields.ts';
import { Refusal } from '../platform/errors.ts';
import { ActorKind } from '../workspaces/actor.ts';
import { Member } from '../workspaces/fields.ts';
import { uuidFrom } from '../workspaces/input.ts';
import { Event, EventKindType, shownKind, storedKinds } from './event.ts';
import { conversationOf, follow, liveOf, type Assignment } from './live.ts';

subscription('events', {
  description: 'Everything that happens in the workspace, in the order of the log.',
  permission: 'events:read',
  fromLog: true,
  args: { kinds: { type: EventKindType, list: true, description: 'Only these kinds; all without it.' } },
  payload: { event: { type: () => Event, description: 'What happened.' } },
  subscribe: ({ after, kinds }, context) => follow(context, after, kinds ? { kinds: storedKinds(kinds) } : {}, (event) => ({ event: event.id })),
});

subscription('messageAdded', {
  description: 'Messages as they are received and sent, of one conversation or of one customer over all of them.',
  permission: 'messages:read',
  fromLog: true,
  args: {
    conversationId: { type: idOf('cnv'), description: 'Of this conversation. Either this or `customerId`.' },
    customerId: { type: idOf('cus'), description: 'Of this customer, by any of the addresses that are the customer’s at that moment. Either this or `conversationId`.' },
  },
  payload: {
    message: { type: () => Message, nullable: true, description: 'The message, as it is now; null when it is gone since: erased, or an echo that its message took over.' },
  },
  subscribe: async ({ after, conversationId, customerId }, context) => {
    if ((conversationId == null) === (customerId == null)) {
      throw new Refusal('INVALID_INPUT', 'Give either `conversationId` or `customerId`.', { field: [conversationId == null ? 'conversationId' : 'customerId'] });
    }
    const message = (event: LogEvent) => ({ message: event.data.messageId });
    if (conversationId != null) return follow(context, after, { kinds: MESSAGES, conversationId: await conversationOf(context, conversationId) }, message);
    const { facts } = liveOf(context);
    const customer = uuidFrom('cus', customerId, 'customerId');
    await facts.mustExist(context.viewer.workspaceId, 'customer', customer);
    return follow(context, after, { kinds: MESSAGES }, async (event) => ((await facts.ownerOf(event)) === customer ? message(event) : null));
  },
});
const MESSAGES: EventKind[] = ['message.received', 'message.sent'];

subscription('conversationUpdated', {
  description: 'Every event of one conversation: messages, receipts, status, assignment, tags, notes, calls.',
  permission: 'conversations:read',
  fromLog: true,
  args: { conversationId: { type: idOf('cnv'), required: true, description: 'The conversation.' } },
  payload: {
    conversation: { type: () => Conversation, description: 'The conversation, as it is now.' },
    eventKind: { type: EventKindType, description: 'What happened.' },
    conversationSeq: { type: 'Int', description: 'The number of what happened among the conversation’s events, from 1 without gaps: an event was missed when one is left out.' },
    message: { type: () => Message, nullable: true, description: 'The message that it is about, as it is now; null when it is about none.' },
  },
  subscribe: async ({ after, conversationId }, context) =>
    follow(context, after, { conversationId: await conversationOf(context, conversationId) }, (event) => ({
      conversation: event.conversationId,
      eventKind: shownKind(event.kind),
      conversationSeq: event.conversationSeq,
      message: event.data.messageId ?? null,
    })),
});

const InboxChange = enumeration('InboxChange', 'What an event means to a list of conversations.', ['ENTERED', 'CHANGED', 'LEFT'], {
  ENTERED: 'The conversation is in the list now and was not before.',
  CHANGED: 'It is in the list and was before; its place may have changed.',
  LEFT: 'It was in the list and is not any more: it was given to others.',
});
const InboxFilter = inputObject('InboxFilter', 'Which conversations, by whose they are; all that is given must hold. Empty: all of them.', {
  assigneeId: { type: idOf('mem'), description: 'Is this member’s; null: nobody’s.' },
  teamId: { type: idOf('tea'), description: 'Is this team’s; null: no team’s.' },
  queueId: { type: idOf('que'), description: 'Waits in this queue; null: in none.' },
});
const INBOX_KINDS: EventKind[] = [
  'conversation.opened', 'conversation.status_changed', 'conversation.assigned', 'conversation.tagged', 'conversation.routed', 'conversation.updated', 'messages.moved',
  'message.received', 'message.sent', 'message.updated', 'message.deleted', 'call.ringing', 'call.updated',
];

subscription('inbox', {
  description: 'What changes in a list of conversations: new ones, new messages, status, and conversations that come to it or go to others.',
  permission: 'conversations:read',
  fromLog: true,
  args: { filter: { type: InboxFilter, description: 'The list; all conversations without it.' } },
  payload: {
    conversation: { type: () => Conversation, description: 'The conversation, as it is now.' },
    change: { type: InboxChange, description: 'What it means to the list.' },
    eventKind: { type: EventKindType, description: 'What happened.' },
  },
  subscribe: ({ after, filter }, context) => {
    const wanted = inboxOf(filter ?? {});
    return follow(context, after, { kinds: INBOX_KINDS }, async (event) => {
      if (event.conversationId === null) return null;
      const change = await changeOf(event, wanted, context);
      return change && { conversation: event.conversationId, change, eventKind: shownKind(event.kind) };
    });
  },
});

/** Undefined: whosever; null: nobody's. */
type Inbox = Partial<Assignment>;

function inboxOf(filter: Record<string, string | null | undefined>): Inbox {
  const wanted: Inbox = {};
  for (const [name, prefix] of [['assigneeId', 'mem'], ['teamId', 'tea'], ['queueId', 'que']] as const) {
    const id = filter[name];
    if (id !== undefined) wanted[name] = id === null ? null : uuidFrom(prefix, id, 'filter', name);
  }
  return wanted;
}

async function changeOf(event: LogEvent, wanted: Inbox, context: SubscriptionContext): Promise<'ENTERED' | 'CHANGED' | 'LEFT' | null> {
  const isIn = (assignment: Assignment) => Object.entries(wanted).every(([name, id]) => assignment[name as keyof Assignment] === id);
  const opened = event.kind === 'conversation.opened';
  if (Object.keys(wanted).length === 0) return opened ? 'ENTERED' : 'CHANGED';
  const { before, after } = await liveOf(context).facts.assignmentAt(event);
  if (isIn(after)) return opened || !isIn(before) ? 'ENTERED' : 'CHANGED';
  return isIn(before) && !opened ? 'LEFT' : null;
}

subscription('incomingCall', {
  description: 'Calls of customers, when they begin to ring: what a screen pops up for.',
  permission: 'messages:read',
  fromLog: true,
  args: {},
  payload: { call: { type: () => Call, description: 'The call, as it is now: it may have been answered since.' } },
  subscribe: ({ after }, context) => follow(context, after, { kinds: ['call.ringing'] }, (event) => ({ call: event.data.callId })),
});

subscription('typing', {
  description: 'Who begins and stops typing in a conversation, beginning with who types now. Never stored.',
  permission: 'conversations:read',
  fromLog: false,
  args: { conversationId: { type: idOf('cnv'), required: true, description: 'The conversation.' } },
  payload: {
    actorKind: { type: ActorKind, description: 'What kind of actor types: a MEMBER, or the CUSTOMER.' },
    member: { type: () => Member, nullable: true, description: 'The member who types; null for the customer.' },
    isTyping: { type: 'Boolean', description: `False when it ended: the actor said so, sent the message, or was silent for ${2 * TYPING_RENEW_MS} ms.` },
  },
  subscribe: async ({ conversationId }, context) => {
    const conversation = await conversationOf(context, conversationId);
    const typing = liveOf(context).signals.typing(context.viewer.workspaceId, conversation, context.signal);
    return told(typing, ({ actor, isTyping }) => ({ actorKind: actor.kind, member: actor.kind === 'MEMBER' ? actor.id : null, isTyping }));
  },
});

export const PresenceType = enumeration('Presence', 'Whether a member is there.', PRESENCES, {
  ONLINE: 'At work.',
  AWAY: 'There, but not at the screen.',
  OFFLINE: `Gone, or silent for ${2 * PRESENCE_RENEW_MS} ms.`,
});

subscription('presence', {
  description: 'Which members are there and what they look at, beginning with all who are there now. Never stored.',
  permission: 'workspace:read',
  fromLog: false,
  args: {},
  payload: {
    member: { type: () => Member, description: 'The member.' },
    presence: { type: PresenceType, description: 'Whether he is there.' },
    conversation: { type: () => Conversation, nullable: true, description: 'The conversation that he looks at; null when none.' },
  },
  subscribe: (_args, context) =>
    told(liveOf(context).signals.presence(context.viewer.workspaceId, context.signal), ({ memberId, presence, conversationId }) => ({
      member: memberId, presence, conversation: conversationId,
    })),
});

async function* told<T>(source: AsyncIterable<T>, values: (one: T) => Record<string, unknown>): AsyncGenerator<Told> {
  for await (const one of source) yield { values: values(one) };
}
