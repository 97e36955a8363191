// Pure: the facts of a conversation's channels (the view `reply_routes`) -> by which of them the customer can be answered now, and why not by the others.
import type { Channel } from '../conversations/continuity.ts';
import { findProvider } from '../channels/registry.ts';
import type { Capabilities, ChannelName } from '../channels/channel.ts';

/** Of one connected channel, as the database knows them. Times are RFC 3339. */
export interface RouteFacts {
  channel: Channel;
  accountId: string;
  provider: string;
  accountName: string;
  accountState: 'ACTIVE' | 'DISABLED';
  faultAt: string | null;
  fault: string | null;
  identityId: string | null;
  address: string | null;
  trust: string | null;
  /** An address of this kind that he says is his, where no address of his is known. */
  claimed: string | null;
  /** When he last wrote from this address to this account. */
  lastInboundAt: string | null;
  /** When he last wrote by this channel in this conversation. */
  wroteHereAt: string | null;
  consent: 'given' | 'withdrawn' | null;
  consentAt: string | null;
  /** The group in which he wrote here last; null when he wrote to us alone. */
  groupId: string | null;
}

export const REPLY_REFUSALS = ['NO_ADDRESS', 'UNVERIFIED', 'ACCOUNT_DISABLED', 'ACCOUNT_UNHEALTHY', 'OPTED_OUT', 'NO_CONSENT', 'WINDOW_CLOSED', 'NOT_WRITABLE', 'NO_GROUPS'] as const;
export type ReplyRefusal = (typeof REPLY_REFUSALS)[number];
export const REPLY_FORMS = ['FREE', 'HUMAN_AGENT', 'TEMPLATE'] as const;
export type ReplyForm = (typeof REPLY_FORMS)[number];

export interface ReplyOption {
  channel: Channel;
  /** What may be sent: anything, anything that a person wrote, a template only; null when nothing may. */
  form: ReplyForm | null;
  refusal: ReplyRefusal | null;
  /** A sentence for the agent: why not, or until when and what. */
  explanation: string;
  /** Until when `form` holds; null: it doesn't end by itself, or nothing may be sent. */
  until: string | null;
  recommended: boolean;
  /** Why it is the one to take; null unless `recommended`. */
  recommendation: string | null;
  capabilities: Capabilities;
  facts: RouteFacts;
}

/**
 * An option a channel, in the order of the channels' names. At most one is recommended: the channel that he wrote by last here, else the one that he used
 * last at all, else the first proven address.
 */
export function replyOptions(facts: readonly RouteFacts[], at: string): ReplyOption[] {
  const options = facts.map((each) => optionOf(each, at));
  const best = [...options].filter(({ form }) => form !== null).sort(byPreference)[0];
  if (best) {
    best.recommended = true;
    best.recommendation = recommendationOf(best, options);
  }
  return options;
}

type Judgement = Pick<ReplyOption, 'form' | 'refusal' | 'explanation' | 'until'>;
const no = (refusal: ReplyRefusal, explanation: string): Judgement => ({ form: null, refusal, explanation, until: null });

function optionOf(facts: RouteFacts, at: string): ReplyOption {
  const provider = findProvider(facts.provider, facts.channel.toLowerCase())!;
  const judged = provider.send ? judgedBy(facts, provider.capabilities, at) : no('NOT_WRITABLE', `Text can't be sent by ${nameOf(facts.channel)}.`);
  return { channel: facts.channel, ...judged, recommended: false, recommendation: null, capabilities: provider.capabilities, facts };
}

function judgedBy(facts: RouteFacts, { window, groups }: Capabilities, at: string): Judgement {
  const channel = nameOf(facts.channel);
  if (facts.identityId === null) {
    return facts.claimed === null
      ? no('NO_ADDRESS', `No address of the customer is known for ${channel}.`)
      : no('UNVERIFIED', `The customer says that ${facts.claimed} is his; nobody has confirmed it.`);
  }
  if (facts.accountState !== 'ACTIVE') return no('ACCOUNT_DISABLED', `The account ${facts.accountName} is switched off.`);
  if (facts.faultAt !== null) return no('ACCOUNT_UNHEALTHY', `Nothing can be sent by ${facts.accountName} since ${minute(facts.faultAt)}: ${facts.fault}`);
  if (facts.consent === 'withdrawn') return no('OPTED_OUT', `The customer opted out of messages by ${channel} on ${minute(facts.consentAt!)}.`);
  if (facts.groupId !== null && !groups) {
    return no('NO_GROUPS', `The customer wrote in a group by ${channel}, and nothing can be written to a group by ${facts.accountName}. Write to him alone (startConversation), or by another channel.`);
  }
  if (window === null) return { form: 'FREE', refusal: null, explanation: `He can be written to by ${channel} at any time.`, until: null };

  const closesAt = facts.lastInboundAt === null ? null : plus(facts.lastInboundAt, window.ms);
  if (closesAt !== null && at < closesAt) {
    return { form: 'FREE', refusal: null, explanation: `He wrote by ${channel}: he can be answered freely until ${minute(closesAt)}.`, until: closesAt };
  }
  const closed = closesAt === null ? `He hasn't written by ${channel}` : `He can't be answered freely by ${channel} since ${minute(closesAt)}`;
  if (window.beyond?.how === 'HUMAN_AGENT' && facts.lastInboundAt !== null) {
    const endsAt = plus(facts.lastInboundAt, window.beyond.ms);
    if (at < endsAt) return { form: 'HUMAN_AGENT', refusal: null, explanation: `${closed}; a person may answer until ${minute(endsAt)}.`, until: endsAt };
  }
  if (window.beyond?.how !== 'TEMPLATE') return no('WINDOW_CLOSED', `${closed}; he has to write first.`);
  if (facts.lastInboundAt === null && facts.consent !== 'given') return no('NO_CONSENT', `${closed}, and has not agreed to be written to there.`);
  return { form: 'TEMPLATE', refusal: null, explanation: `${closed}; an approved template can be sent.`, until: null };
}

/** What can be said freely before what can't; then where he wrote last here; where he wrote last; what is proven; the name. */
function byPreference(a: ReplyOption, b: ReplyOption): number {
  return (
    rank(a) - rank(b) || later(a.facts.wroteHereAt, b.facts.wroteHereAt) || later(a.facts.lastInboundAt, b.facts.lastInboundAt) ||
    Number(b.facts.trust === 'VERIFIED') - Number(a.facts.trust === 'VERIFIED') || (a.channel < b.channel ? -1 : 1)
  );
}
const rank = ({ form }: ReplyOption): number => (form === 'TEMPLATE' ? 1 : 0);
const later = (a: string | null, b: string | null): number => (a === b ? 0 : a === null ? 1 : b === null ? -1 : a > b ? -1 : 1);

function recommendationOf(best: ReplyOption, options: readonly ReplyOption[]): string {
  const wanted = [...options].sort((a, b) => later(a.facts.wroteHereAt, b.facts.wroteHereAt))[0]!;
  const instead = wanted !== best && wanted.facts.wroteHereAt !== null ? `, since ${nameOf(wanted.channel)} is not possible` : '';
  if (best.facts.wroteHereAt !== null) return `He wrote by ${nameOf(best.channel)} in this conversation${instead}.`;
  if (best.facts.lastInboundAt !== null) return `He wrote by ${nameOf(best.channel)} before${instead}.`;
  return `${best.facts.trust === 'VERIFIED' ? 'A proven address' : 'An address'} of his is known there${instead}.`;
}

const NAMES: Record<ChannelName, string> = {
  live_chat: 'chat', email: 'e-mail', voice: 'telephone', sms: 'SMS', whatsapp: 'WhatsApp', messenger: 'Messenger', instagram: 'Instagram', x: 'X', in_app: 'the app',
};
const nameOf = (channel: Channel): string => NAMES[channel.toLowerCase() as ChannelName];

const plus = (time: string, ms: number): string => new Date(Date.parse(time) + ms).toISOString();
/** To the minute, in UTC: the reader's zone isn't known here. */
const minute = (time: string): string => `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
