// Calls that belong to another conversation from now on.
import { moveTimelineEntries } from '../events/timeline.ts';
import type { Tx } from '../platform/db.ts';

export interface Standing {
  id: string;
  conversationId: string;
  identityId: string;
  startedAt: string;
  direction: 'INBOUND' | 'OUTBOUND';
}

/** These calls, the earliest first; those that aren't of the workspace are missing. */
export const callsById = (tx: Tx, workspaceId: string, ids: readonly string[]): Promise<Standing[]> => tx<Standing[]>`
  select id, conversation_id, identity_id, started_at, direction from calls where workspace_id = ${workspaceId} and id = any(${[...ids]}::uuid[]) order by started_at, id`;

export const callsOf = (tx: Tx, workspaceId: string, conversationId: string): Promise<Standing[]> => tx<Standing[]>`
  select id, conversation_id, identity_id, started_at, direction from calls where workspace_id = ${workspaceId} and conversation_id = ${conversationId} order by started_at, id`;

/** The caller holds both conversations' locks, and counts them anew (`recountArrivals`). */
export async function moveCalls(tx: Tx, workspaceId: string, ids: readonly string[], conversationId: string): Promise<void> {
  if (ids.length === 0) return;
  await tx`update calls set conversation_id = ${conversationId} where workspace_id = ${workspaceId} and id = any(${[...ids]}::uuid[])`;
  await moveTimelineEntries(tx, workspaceId, 'CALL', ids, conversationId);
}
