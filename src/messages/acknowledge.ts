// An agent's reading and typing is told to the customer, by the providers that show it (WhatsApp's blue marks).
import { accountById } from '../channels/accounts.ts';
import type { ChannelName } from '../channels/channel.ts';
import { acknowledges, providerNamed } from '../channels/registry.ts';
import { nowMs } from '../platform/clock.ts';
import { inWorkspace, type Sql, type Tx } from '../platform/db.ts';
import type { HttpClient } from '../platform/http.ts';
import { enqueue } from '../platform/jobs.ts';

export interface ReadingJob {
  workspaceId: string;
  conversationId: string;
  /** An answer is being written, too. */
  typing?: boolean;
}

/**
 * Tells each provider of the conversation that can that the customer's latest message was read, and all before it. Never tried again: what isn't told is
 * told with the next reading. History was read long ago.
 */
export async function tellRead(context: { app: Sql; http: HttpClient }, { workspaceId, conversationId, typing = false }: ReadingJob): Promise<void> {
  const told = await inWorkspace(context.app, workspaceId, async (tx) => {
    const latest = await tx<{ accountId: string; providerMessageId: string }[]>`
      select a.id as account_id, m.provider_message_id from channel_accounts a cross join lateral (
        select provider_message_id from messages
        where workspace_id = ${workspaceId} and conversation_id = ${conversationId} and account_id = a.id and direction = 'INBOUND' and not historical and provider_message_id is not null
        order by occurred_at desc, tie desc, id desc limit 1) m
      where a.workspace_id = ${workspaceId} and a.state = 'ACTIVE' and a.fault_at is null`;
    return Promise.all(latest.map(async ({ accountId, providerMessageId }) => ({ providerMessageId, account: await accountById(tx, workspaceId, accountId) })));
  });
  for (const { providerMessageId, account } of told) {
    const provider = providerNamed(account.provider, account.channel.toLowerCase() as ChannelName);
    await provider.acknowledge?.({ providerMessageId, typing }, account, context.http);
  }
}

/** For how long a provider shows that somebody types: it is told again after that. */
const TYPING_SHOWN_MS = 20_000;
const REMEMBERED_MAX = 10_000;
/** When this process had it told of a conversation that somebody types; the latest last. */
const toldAt = new Map<string, number>();

/** Has the customer told that an answer is being written, where his channel shows it. Who types says so every few seconds; the provider hears of it every twenty. */
export async function tellTyping(tx: Tx, workspaceId: string, conversation: { id: string; lastInboundChannel: string | null }): Promise<void> {
  const { id, lastInboundChannel } = conversation;
  if (lastInboundChannel === null || !acknowledges(lastInboundChannel)) return;
  const at = nowMs();
  if (at - (toldAt.get(id) ?? -Infinity) < TYPING_SHOWN_MS) return;
  toldAt.delete(id);
  toldAt.set(id, at);
  if (toldAt.size > REMEMBERED_MAX) toldAt.delete(toldAt.keys().next().value!);
  await enqueue(tx, 'tell_read', { workspaceId, conversationId: id, typing: true }, { jobKey: `typing:${id}`, maxAttempts: 1 });
}
