// An agent's reading is told to the customer, by the providers that show it (WhatsApp's blue marks).
import { accountById } from '../channels/accounts.ts';
import type { ChannelName } from '../channels/channel.ts';
import { providerNamed } from '../channels/registry.ts';
import { inWorkspace, type Sql } from '../platform/db.ts';
import type { HttpClient } from '../platform/http.ts';

export interface ReadingJob {
  workspaceId: string;
  conversationId: string;
}

/**
 * Tells each provider of the conversation that can that the customer's latest message was read, and all before it. Never tried again: what isn't told is
 * told with the next reading. History was read long ago.
 */
export async function tellRead(context: { app: Sql; http: HttpClient }, { workspaceId, conversationId }: ReadingJob): Promise<void> {
  const told = await inWorkspace(context.app, workspaceId, async (tx) => {
    const latest = await tx<{ accountId: string; providerMessageId: string }[]>`
      select a.id as account_id, m.provider_message_id from channel_accounts a cross join lateral (
        select provider_message_id from messages
        where workspace_id = ${workspaceId} and conversation_id = ${conversationId} and account_id = a.id and direction = 'INBOUND' and not historical and provider_message_id is not null
        -- Times of WhatsApp are whole seconds: of two in one, the one that came last.
        order by occurred_at desc, created_at desc, id desc limit 1) m
      where a.workspace_id = ${workspaceId} and a.state = 'ACTIVE' and a.fault_at is null`;
    return Promise.all(latest.map(async ({ accountId, providerMessageId }) => ({ providerMessageId, account: await accountById(tx, workspaceId, accountId) })));
  });
  for (const { providerMessageId, account } of told) {
    const provider = providerNamed(account.provider, account.channel.toLowerCase() as ChannelName);
    await provider.acknowledge?.({ providerMessageId, typing: false }, account, context.http);
  }
}
