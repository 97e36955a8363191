// Messages that stand in another conversation from now on, and what finds them: the keys of their threads.
import type { JoinReason } from '../conversations/continuity.ts';
import { moveTimelineEntries } from '../events/timeline.ts';
import type { Tx } from '../platform/db.ts';

export interface Standing {
  id: string;
  conversationId: string;
  identityId: string;
  otherIdentityIds: string[];
  occurredAt: string;
  channel: string;
  direction: 'INBOUND' | 'OUTBOUND';
  joinReason: JoinReason;
}

/** These messages, the earliest first; those that aren't of the workspace are missing. The caller holds their conversations' locks when he acts on it. */
export const messagesById = (tx: Tx, workspaceId: string, ids: readonly string[]): Promise<Standing[]> => tx<Standing[]>`
  select id, conversation_id, identity_id, other_identity_ids, occurred_at, channel, direction, join_reason from messages
  where workspace_id = ${workspaceId} and id = any(${[...ids]}::uuid[]) order by occurred_at, tie, id`;

/** Of a conversation, the earliest first: at most `max` and one more. */
export const messagesOf = (tx: Tx, workspaceId: string, conversationId: string, max: number): Promise<Standing[]> => tx<Standing[]>`
  select id, conversation_id, identity_id, other_identity_ids, occurred_at, channel, direction, join_reason from messages
  where workspace_id = ${workspaceId} and conversation_id = ${conversationId} order by occurred_at, tie, id limit ${max + 1}`;

/**
 * Puts messages into a conversation, each with the reason why it stands there: rows, timeline entries, and the keys by which a later message finds
 * it; a lane goes where the latest message of it went. The caller holds both conversations' locks, and counts them anew (`recountArrivals`).
 */
export async function moveMessages(tx: Tx, workspaceId: string, messages: readonly { id: string; joinReason: JoinReason }[], o: { from: string; to: string }): Promise<void> {
  if (messages.length === 0) return;
  const ids = messages.map((message) => message.id);
  await tx`
    update messages m set conversation_id = ${o.to}, join_reason = g.reason
    from unnest(${ids}::uuid[], ${messages.map((message) => message.joinReason)}::text[]) as g (id, reason)
    where m.workspace_id = ${workspaceId} and m.id = g.id`;
  // In the order of their keys, in which receiving writes them too.
  await tx`
    with locked as materialized (
      select t.account_id, t.key from threads t
      where t.workspace_id = ${workspaceId} and t.conversation_id = ${o.from} and t.message_id = any(${ids}::uuid[]) order by t.account_id, t.key collate "C" for update
    )
    update threads t set conversation_id = ${o.to} from locked l where t.workspace_id = ${workspaceId} and t.account_id = l.account_id and t.key = l.key`;
  await moveTimelineEntries(tx, workspaceId, 'MESSAGE', ids, o.to);
}

/** Everything else that would lead a later message to `from` leads to `to`. */
export const moveThreads = (tx: Tx, workspaceId: string, from: string, to: string): Promise<unknown> => tx`
  update threads set conversation_id = ${to} where workspace_id = ${workspaceId} and conversation_id = ${from}`;
