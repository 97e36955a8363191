// What leaves the timeline again, and what goes to another conversation's.
import type { TIMELINE_KINDS } from '../../schema/events.ts';
import type { Tx } from '../platform/db.ts';

/** Takes off the timeline a thing that turned out to be another one, which stands there itself. What really happened stays (see `putTimelineEntry`). */
export async function dropTimelineEntries(tx: Tx, workspaceId: string, kind: (typeof TIMELINE_KINDS)[number], refId: string): Promise<void> {
  await tx`delete from timeline_entries where workspace_id = ${workspaceId} and kind = ${kind} and ref_id = ${refId}`;
}

/** The entries of these things belong to the conversation now. Whose timeline they are on doesn't change. */
export async function moveTimelineEntries(tx: Tx, workspaceId: string, kind: (typeof TIMELINE_KINDS)[number], refIds: readonly string[], conversationId: string): Promise<void> {
  if (refIds.length === 0) return;
  await tx`
    update timeline_entries set conversation_id = ${conversationId}
    where workspace_id = ${workspaceId} and kind = ${kind} and ref_id = any(${[...refIds]}::uuid[])`;
}
