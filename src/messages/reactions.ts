// Emojis on messages.
import type { Actor } from '../access/viewer.ts';
import { appendEvents } from '../events/append.ts';
import type { Tx } from '../platform/db.ts';
import { newId } from '../platform/ids.ts';
import type { MessageRow } from './change.ts';

/**
 * What somebody thinks of a message: one emoji a person, the latest by the provider's time; null takes it back. `identityId` null: the team, in the
 * provider's own app. The caller holds the message's lock. Emits `message.updated` when it changed.
 */
export async function react(tx: Tx, actor: Actor, message: MessageRow, o: { identityId: string | null; emoji: string | null; at: string }): Promise<void> {
  const { workspaceId } = actor;
  const [changed] = await tx`
    insert into reactions ${tx({ workspaceId, id: newId(), messageId: message.id, identityId: o.identityId, emoji: o.emoji ?? '', reactedAt: o.at })}
    on conflict (workspace_id, message_id, identity_id) do update set emoji = excluded.emoji, reacted_at = excluded.reacted_at
      where reactions.reacted_at <= excluded.reacted_at and reactions.emoji is distinct from excluded.emoji
    returning 1`;
  if (changed) await appendEvents(tx, workspaceId, [{ kind: 'message.updated', actor, conversationId: message.conversationId, data: { messageId: message.id, change: 'reaction' } }]);
}
