// Pure: which conversation an inbound message or call joins, and why.
import type { CONVERSATION_STATUSES } from '../../schema/conversations.ts';
import type { JOIN_REASONS } from '../../schema/messages.ts';
import type { CHANNELS } from '../../schema/channels.ts';
import type { CONTINUITIES } from '../../schema/workspaces.ts';

export type Channel = (typeof CHANNELS)[number];
export type ConversationStatus = (typeof CONVERSATION_STATUSES)[number];
export type JoinReason = (typeof JOIN_REASONS)[number];
export type Continuity = (typeof CONTINUITIES)[number];

/** What continuity needs to know of a conversation; read under its lock. */
export interface Matter {
  id: string;
  status: ConversationStatus;
  channels: Channel[];
  closedAt: string | null;
  /** The group whose matter it is; null for one of one customer's. */
  groupId: string | null;
  lastActivityAt: string;
}
export interface Arrival {
  channel: Channel;
  /** When it happened: hours since closing are counted to this, so that imported history joins as it did then. */
  at: string;
  /** The group that it was written in. */
  groupId: string | null;
  /** History fires nothing: it joins what it answers without reopening, and opens closed conversations. */
  historical: boolean;
}
export interface Candidates {
  /** The conversation of the message that it explicitly answers; `trusted` when the sender takes part in it or the reply token is signed. */
  answered: { matter: Matter; messageId: string | null; token: boolean; trusted: boolean } | null;
  /** Where its standing lane (an SMS pair, a chat visitor) last was. */
  lane: Matter | null;
  /** The customer's conversations that aren't closed, in any channel. */
  open: Matter[];
  /** Where the latest message between his address and our account stands; told when he has several open matters. */
  latest: Matter | null;
}
export type Decision =
  | { action: 'JOIN' | 'REOPEN'; conversationId: string; reason: JoinReason; joinMessageId: string | null }
  | { action: 'OPEN'; reason: JoinReason; relatedConversationId: string | null; joinMessageId: string | null };

const HOUR_MS = 3_600_000;

/**
 * An explicit reply joins what it answers, and reopens it within `reopenHours`; later, or from a stranger, it opens a new conversation that is
 * linked as related. Anything else joins the customer's open matter: in any channel, or in its own by policy ONE_PER_CHANNEL; of several the one in
 * which the latest message by this address stands, else the one that was active last. A lane whose conversation was closed within `reopenHours` reopens it. What remains is new.
 */
export function decide(policy: { continuity: Continuity; reopenHours: number }, arrival: Arrival, candidates: Candidates): Decision {
  const { answered, lane } = candidates;
  const fresh = (matter: Matter) => matter.closedAt !== null && Date.parse(arrival.at) - Date.parse(matter.closedAt) <= policy.reopenHours * HOUR_MS;

  if (answered) {
    const { matter, messageId } = answered;
    const reason: JoinReason = answered.token ? 'REPLY_TOKEN' : 'ANSWERS_MESSAGE';
    if (!answered.trusted) return { action: 'OPEN', reason: 'NEW_CONVERSATION', relatedConversationId: matter.id, joinMessageId: messageId };
    if (matter.status !== 'CLOSED' || arrival.historical) return { action: 'JOIN', conversationId: matter.id, reason, joinMessageId: messageId };
    if (fresh(matter)) return { action: 'REOPEN', conversationId: matter.id, reason, joinMessageId: messageId };
    return { action: 'OPEN', reason: 'NEW_AFTER_CLOSED', relatedConversationId: matter.id, joinMessageId: messageId };
  }
  if (arrival.historical) {
    return lane && fresh(lane)
      ? { action: 'JOIN', conversationId: lane.id, reason: 'SAME_LANE', joinMessageId: null }
      : { action: 'OPEN', reason: 'NEW_CONVERSATION', relatedConversationId: null, joinMessageId: null };
  }

  // What was said to a group and what was said to us alone are never in one: the answer would go to the wrong people.
  const ofGroup = candidates.open.filter((matter) => matter.groupId === arrival.groupId);
  const eligible = policy.continuity === 'ONE_OPEN_MATTER' ? ofGroup : ofGroup.filter((matter) => matter.channels.includes(arrival.channel));
  const open = eligible.find((matter) => matter.id === candidates.latest?.id)
    ?? eligible.reduce<Matter | null>((latest, matter) => (latest && isLater(latest, matter) ? latest : matter), null);
  if (open) {
    const reason: JoinReason = open.channels.includes(arrival.channel) ? 'OPEN_MATTER' : 'OPEN_MATTER_OTHER_CHANNEL';
    return { action: 'JOIN', conversationId: open.id, reason, joinMessageId: null };
  }
  if (lane && lane.status === 'CLOSED') {
    return fresh(lane)
      ? { action: 'REOPEN', conversationId: lane.id, reason: 'REOPENED_BY_REPLY', joinMessageId: null }
      : { action: 'OPEN', reason: 'NEW_AFTER_CLOSED', relatedConversationId: lane.id, joinMessageId: null };
  }
  return { action: 'OPEN', reason: 'NEW_CONVERSATION', relatedConversationId: null, joinMessageId: null };
}

const isLater = (a: Matter, b: Matter): boolean => (a.lastActivityAt === b.lastActivityAt ? a.id > b.id : a.lastActivityAt > b.lastActivityAt);

/** "answers msg_…", "open matter of the same customer, e-mail after chat": the sentence that the API shows. Holds no personal value. */
export function explainJoin(reason: JoinReason, channel: Channel, previousChannel: Channel | null, answeredId: string | null): string {
  const name = CHANNEL_WORDS[channel];
  switch (reason) {
    case 'ANSWERS_MESSAGE':
      return `answers ${answeredId ?? 'a message of it'}`;
    case 'REPLY_TOKEN':
      return `answers by the signed reply address${answeredId ? ` of ${answeredId}` : ''}`;
    case 'OPEN_MATTER':
      return `open matter of the same customer, ${name}`;
    case 'OPEN_MATTER_OTHER_CHANNEL':
      return `open matter of the same customer, ${name} after ${previousChannel ? CHANNEL_WORDS[previousChannel] : 'another channel'}`;
    case 'SAME_LANE':
      return `follows in the same ${name} thread`;
    case 'REOPENED_BY_REPLY':
      return `reopened it: written in the same ${name} thread soon after it was closed`;
    case 'NEW_CONVERSATION':
      return 'opened it: the customer had no open matter';
    case 'NEW_AFTER_CLOSED':
      return 'opened it: the earlier matter was closed too long ago';
    case 'SENT_BY_AGENT':
      return 'written by the team';
    case 'MOVED':
      return 'brought here from another conversation';
    case 'EXPLICIT':
      return 'put here by the caller of the API';
  }
}

const CHANNEL_WORDS: Record<Channel, string> = {
  LIVE_CHAT: 'chat',
  EMAIL: 'e-mail',
  VOICE: 'phone',
  SMS: 'SMS',
  WHATSAPP: 'WhatsApp',
  MESSENGER: 'Messenger',
  INSTAGRAM: 'Instagram',
  X: 'X',
  IN_APP: 'in-app message',
};
