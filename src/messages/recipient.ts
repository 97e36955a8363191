// Which channel, account and address an answer goes to: the one chosen, or the one that the customer wrote by last.
import type { Channel } from '../conversations/continuity.ts';
import type { ConversationRow } from '../conversations/rows.ts';
import { defaultAccount } from '../channels/accounts.ts';
import { PROVIDERS, providerNamed } from '../channels/registry.ts';
import type { ChannelName, Provider } from '../channels/channel.ts';
import type { Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';

export interface Recipient {
  channel: Channel;
  accountId: string;
  provider: Provider;
  identityId: string;
}

/** Channels by which text can be sent; a call is answered by another one. */
const WRITTEN: readonly Channel[] = PROVIDERS.filter((provider) => provider.send).map((provider) => provider.channel.toUpperCase() as Channel);

/**
 * Where a reply in this conversation goes. Without `channel`: the last inbound one that can be written to. The account is the one that the
 * customer wrote to, else the workspace's default of the channel; the address is the one he wrote from, else his most trusted of the kind.
 * @throws Refusal NOT_REACHABLE, NOT_SENDABLE with a sentence that says why.
 */
export async function recipientOf(tx: Tx, workspaceId: string, conversation: ConversationRow, customerId: string, channel: Channel | null): Promise<Recipient> {
  const [last] = await tx<{ channel: Channel; accountId: string | null; identityId: string }[]>`
    select m.channel, m.account_id, m.identity_id from messages m
    join identities i on i.workspace_id = m.workspace_id and i.id = m.identity_id
    where m.workspace_id = ${workspaceId} and m.conversation_id = ${conversation.id} and m.direction = 'INBOUND' and i.customer_id = ${customerId}
      and m.channel = any(${channel === null ? [...WRITTEN] : [channel]}::text[])
    order by m.occurred_at desc, m.tie desc, m.id desc limit 1`;
  const chosen = channel ?? last?.channel ?? null;
  if (chosen === null) {
    throw new Refusal('NOT_REACHABLE', 'The customer has not written in this conversation; name the `channel` to write by.', { field: ['channel'] });
  }
  if (!WRITTEN.includes(chosen)) throw new Refusal('NOT_SENDABLE', `Text cannot be sent by ${chosen}; choose one of ${WRITTEN.join(', ')}.`, { field: ['channel'] });
  return startingRecipient(tx, workspaceId, customerId, chosen, last?.accountId ?? null, last?.identityId ?? null);
}

/** Where a message that begins a conversation goes. @throws Refusal NOT_REACHABLE, NOT_SENDABLE */
export async function startingRecipient(
  tx: Tx, workspaceId: string, customerId: string, channel: Channel, accountId: string | null, identityId: string | null,
): Promise<Recipient> {
  const account = accountId === null ? await defaultAccount(tx, workspaceId, channel) : await accountRow(tx, workspaceId, accountId);
  if (!account) throw new Refusal('NOT_SENDABLE', `The workspace has no ${channel} account; connect one with connectChannel.`, { field: ['channel'] });
  if (account.channel !== channel) throw new Refusal('INVALID_INPUT', `The account is a ${account.channel} account, not one of ${channel}.`, { field: ['accountId'] });
  if (account.state !== 'ACTIVE') throw new Refusal('NOT_SENDABLE', `The ${channel} account is ${account.state.toLowerCase()}.`, { field: ['channel'] });
  const provider = providerNamed(account.provider, channel.toLowerCase() as ChannelName);
  const kinds = provider.addressKinds.map((kind) => kind.toUpperCase());
  if (identityId !== null) {
    const [chosen] = await tx`select 1 from identities where workspace_id = ${workspaceId} and id = ${identityId} and kind = any(${kinds}::text[]) and valid_to is null`;
    if (chosen) return { channel, accountId: account.id, provider, identityId };
  }
  const [identity] = await tx<{ id: string }[]>`
    select id from identities
    where workspace_id = ${workspaceId} and customer_id = ${customerId} and kind = any(${kinds}::text[]) and valid_to is null
    order by trust = 'VERIFIED' desc, last_seen_at desc, id limit 1`;
  if (!identity) throw new Refusal('NOT_REACHABLE', `The customer has no address for ${channel} (${kinds.join(' or ')}).`, { field: ['channel'] });
  return { channel, accountId: account.id, provider, identityId: identity.id };
}

async function accountRow(tx: Tx, workspaceId: string, id: string): Promise<{ id: string; channel: string; provider: string; state: string } | undefined> {
  const [row] = await tx<{ id: string; channel: string; provider: string; state: string }[]>`
    select id, channel, provider, state from channel_accounts where workspace_id = ${workspaceId} and id = ${id}`;
  return row;
}
