// Notes that belong to another conversation from now on.
import { moveTimelineEntries } from '../events/timeline.ts';
import type { Tx } from '../platform/db.ts';

/** Of these notes, those of the conversation. */
export const notesOf = async (tx: Tx, workspaceId: string, conversationId: string, ids: readonly string[] | 'ALL'): Promise<string[]> =>
  (await tx<{ id: string }[]>`
    select id from notes where workspace_id = ${workspaceId} and conversation_id = ${conversationId} and ${ids === 'ALL' ? tx`true` : tx`id = any(${[...ids]}::uuid[])`}
    order by created_at, id`).map((row) => row.id);

/** The caller holds both conversations' locks. */
export async function moveNotes(tx: Tx, workspaceId: string, ids: readonly string[], conversationId: string): Promise<void> {
  if (ids.length === 0) return;
  await tx`update notes set conversation_id = ${conversationId} where workspace_id = ${workspaceId} and id = any(${[...ids]}::uuid[])`;
  await moveTimelineEntries(tx, workspaceId, 'NOTE', ids, conversationId);
}
