// Which channel, account and address an answer goes to: the one chosen, or the one that the customer wrote by last. What may be sent there is what the
// graph's `replyOptions` says of it (reply-options.ts).
import type { Actor } from '../access/viewer.ts';
import type { ConversationRow } from '../conversations/rows.ts';
import type { Channel } from '../conversations/continuity.ts';
import { providerNamed } from '../channels/registry.ts';
import type { ChannelName, Provider } from '../channels/channel.ts';
import { now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { replyOptions, type ReplyOption, type RouteFacts } from './reply-options.ts';

export interface Recipient {
  channel: Channel;
  accountId: string;
  provider: Provider;
  identityId: string;
  option: ReplyOption;
  /** The group that it goes to, and who is in it beside him; nobody outside of groups. */
  groupId: string | null;
  otherIdentityIds: string[];
}

/** How it is to be sent: by whom, and whether as a template. */
export interface Manner {
  actor: Actor;
  isTemplate: boolean;
}

/**
 * Where a reply in this conversation goes. Without `channel`: the last inbound one that text can be sent by.
 * @throws Refusal NOT_REACHABLE, NOT_SENDABLE with the sentence of `replyOptions`.
 */
export async function recipientOf(tx: Tx, workspaceId: string, conversation: ConversationRow, customerId: string, channel: Channel | null, manner: Manner): Promise<Recipient> {
  const options = await optionsOf(tx, workspaceId, customerId, { conversationId: conversation.id });
  const chosen = channel === null ? lastWritten(options) : chosenOf(options, channel);
  const { facts } = chosen;
  const alone = recipient(chosen, options, manner);
  return facts.groupId === null ? alone : { ...alone, groupId: facts.groupId, otherIdentityIds: await othersIn(tx, workspaceId, conversation.id, facts.groupId, alone.identityId) };
}

/** Who else is in the group, by the latest that was said in it. */
async function othersIn(tx: Tx, workspaceId: string, conversationId: string, groupId: string, identityId: string): Promise<string[]> {
  const [last] = await tx<{ identityId: string; otherIdentityIds: string[] }[]>`
    select identity_id, other_identity_ids from messages where workspace_id = ${workspaceId} and conversation_id = ${conversationId} and group_id = ${groupId}
    order by occurred_at desc, tie desc, id desc limit 1`;
  return [last!.identityId, ...last!.otherIdentityIds].filter((id) => id !== identityId);
}

/** Where a message that begins a conversation goes. @throws Refusal NOT_REACHABLE, NOT_SENDABLE, NOT_FOUND, INVALID_INPUT */
export async function startingRecipient(
  tx: Tx, workspaceId: string, customerId: string, channel: Channel, given: { accountId: string | null; identityId: string | null }, manner: Manner,
): Promise<Recipient> {
  const account = given.accountId === null ? null : await accountOf(tx, workspaceId, given.accountId);
  if (account && account.channel !== channel) throw new Refusal('INVALID_INPUT', `The account is a ${account.channel} account, not one of ${channel}.`, { field: ['accountId'] });
  if (account?.state === 'DISCONNECTED') throw new Refusal('NOT_SENDABLE', `The ${channel} account is disconnected.`, { field: ['accountId'] });
  const options = await optionsOf(tx, workspaceId, customerId, given);
  const option = chosenOf(options, channel);
  if (given.identityId !== null && option.facts.identityId !== null && option.facts.identityId !== given.identityId) {
    throw new Refusal('INVALID_INPUT', `That address is none that ${channel} writes to by this account.`, { field: ['identityId'] });
  }
  return recipient(option, options, manner);
}

async function optionsOf(tx: Tx, workspaceId: string, customerId: string, of: { conversationId?: string; accountId?: string | null; identityId?: string | null }): Promise<ReplyOption[]> {
  const [row] = await tx<{ facts: RouteFacts[] }[]>`
    select reply_facts(${workspaceId}, ${customerId}, ${of.conversationId ?? null}, ${of.accountId ?? null}, ${of.identityId ?? null}) as facts`;
  return replyOptions(row!.facts, now());
}

function lastWritten(options: readonly ReplyOption[]): ReplyOption {
  const written = options.filter(({ facts, refusal }) => facts.wroteHereAt !== null && refusal !== 'NOT_WRITABLE');
  const last = written.sort((a, b) => (a.facts.wroteHereAt! > b.facts.wroteHereAt! ? -1 : 1))[0];
  if (!last) throw new Refusal('NOT_REACHABLE', 'The customer has not written in this conversation; name the `channel` to write by.', { field: ['channel'] });
  return last;
}

function chosenOf(options: readonly ReplyOption[], channel: Channel): ReplyOption {
  const option = options.find((each) => each.channel === channel);
  if (option) return option;
  if (channel === 'VOICE') throw new Refusal('NOT_SENDABLE', 'Text cannot be sent by VOICE; choose another channel.', { field: ['channel'] });
  throw new Refusal('NOT_SENDABLE', `The workspace has no ${channel} account; connect one with connectChannel.`, { field: ['channel'] });
}

function recipient(option: ReplyOption, options: readonly ReplyOption[], { actor, isTemplate }: Manner): Recipient {
  const { facts, form, refusal, explanation } = option;
  const other = options.find((each) => each.recommended && each !== option);
  const instead = other ? ` ${other.channel} is possible.` : '';
  const refuse = (code: 'NOT_REACHABLE' | 'NOT_SENDABLE', field: string): never => {
    throw new Refusal(code, `${explanation}${instead}`, { field: [field], refusal });
  };
  if (form === null) return refuse(refusal === 'NO_ADDRESS' || refusal === 'UNVERIFIED' ? 'NOT_REACHABLE' : 'NOT_SENDABLE', 'channel');
  if (form === 'TEMPLATE' && !isTemplate) return refuse('NOT_SENDABLE', 'template');
  if (form === 'HUMAN_AGENT' && actor.kind !== 'MEMBER') return refuse('NOT_SENDABLE', 'channel');
  if (isTemplate && option.capabilities.window?.beyond?.how !== 'TEMPLATE') {
    throw new Refusal('INVALID_INPUT', `${option.channel} has no templates; send \`text\` alone.`, { field: ['template'] });
  }
  const provider = providerNamed(facts.provider, option.channel.toLowerCase() as ChannelName);
  return { channel: option.channel, accountId: facts.accountId, provider, identityId: facts.identityId!, option, groupId: null, otherIdentityIds: [] };
}

async function accountOf(tx: Tx, workspaceId: string, id: string): Promise<{ channel: Channel; state: string }> {
  const [row] = await tx<{ channel: Channel; state: string }[]>`select channel, state from channel_accounts where workspace_id = ${workspaceId} and id = ${id}`;
  if (!row) throw new Refusal('NOT_FOUND', 'There is no such channel account.', { field: ['accountId'] });
  return row;
}
