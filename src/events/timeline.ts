// What leaves the timeline again, what goes to another conversation's, and what turns out to be earlier.
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

/** A conversation that something arriving opened began with the earliest of what arrived, whichever was accepted first; what the team opened began when it did. The caller holds its lock. */
export async function beginEarlier(tx: Tx, workspaceId: string, conversationId: string, at: string): Promise<void> {
  await tx`
    with opened as (
      update timeline_entries set occurred_at = ${at}
      where workspace_id = ${workspaceId} and kind = 'CONVERSATION_OPENED' and ref_id = ${conversationId} and occurred_at > ${at} and actor_kind in ('CUSTOMER', 'EXTERNAL')
      returning ref_id
    )
    update conversations c set created_at = ${at} from opened where c.workspace_id = ${workspaceId} and c.id = opened.ref_id and c.created_at > ${at}`;
}
