// What leaves the timeline again.
import type { TIMELINE_KINDS } from '../../schema/events.ts';
import type { Tx } from '../platform/db.ts';

/** Takes off the timeline a thing that turned out to be another one, which stands there itself. What really happened stays (see `putTimelineEntry`). */
export async function dropTimelineEntries(tx: Tx, workspaceId: string, kind: (typeof TIMELINE_KINDS)[number], refId: string): Promise<void> {
  await tx`delete from timeline_entries where workspace_id = ${workspaceId} and kind = ${kind} and ref_id = ${refId}`;
}
