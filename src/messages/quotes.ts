// A message that came before the one that it quotes or answers: it keeps the key by which that one will be known, and shows it once it is here. Its
// conversation is not changed by that; and what stands in another conversation isn't shown, since a key can be guessed.
import { systemActor } from '../access/viewer.ts';
import { appendEvents } from '../events/append.ts';
import type { Tx } from '../platform/db.ts';
import { whenKnown } from './provider-ids.ts';

/** A message that is here now, and a key of its own. */
export interface Quotable {
  accountId: string;
  key: string;
  messageId: string;
}

/**
 * Shows these to the messages that wait for them. The caller holds the locks of their conversations. Emits `message.updated`.
 * @returns the conversations of these events, one for each: their `seq` has gone on by so many.
 */
export async function showToQuoting(tx: Tx, workspaceId: string, quotable: readonly Quotable[]): Promise<string[]> {
  if (quotable.length === 0) return [];
  const changed = await tx<{ id: string; conversationId: string }[]>`
    update messages m set in_reply_to_message_id = q.id, quotes_key = null
    from unnest(${quotable.map((one) => one.accountId)}::uuid[], ${quotable.map((one) => one.key)}::text[], ${quotable.map((one) => one.messageId)}::uuid[]) as k (account_id, key, message_id)
    join messages q on q.workspace_id = ${workspaceId} and q.id = k.message_id
    where m.workspace_id = ${workspaceId} and m.account_id = k.account_id and m.quotes_key = k.key and m.conversation_id = q.conversation_id and m.id <> q.id
    returning m.id, m.conversation_id`;
  await appendEvents(tx, workspaceId, changed.map(({ id, conversationId }) => (
    { kind: 'message.updated', actor: systemActor(workspaceId), conversationId, data: { messageId: id, change: 'quote' } })));
  return changed.map(({ conversationId }) => conversationId);
}

whenKnown(async (tx, { workspaceId, accountId, providerMessageId, messageId }) => void (await showToQuoting(tx, workspaceId, [{ accountId, key: providerMessageId, messageId }])));
