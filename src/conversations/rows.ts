// A conversation's row as the actions need it, and the locks by which they may change it.
import type { Actor } from '../access/viewer.ts';
import { lockOwners } from '../identities/customers.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import type { Channel, ConversationStatus } from './continuity.ts';

export interface ConversationRow {
  id: string;
  identityId: string;
  status: ConversationStatus;
  statusChangedAt: string;
  statusChangedByKind: Actor['kind'];
  statusChangedById: string | null;
  snoozedUntil: string | null;
  closedAt: string | null;
  historyEndedAt: string | null;
  channels: Channel[];
  lastInboundChannel: Channel | null;
  assigneeId: string | null;
  teamId: string | null;
  queueId: string | null;
  priority: string;
  tags: string[];
  waitingSince: string | null;
  lastMessageId: string | null;
  lastMessageAt: string | null;
  messageCount: number;
  lastActivityAt: string;
  firstInboundAt: string | null;
  firstResponseAt: string | null;
  reopenCount: number;
  /** The group whose matter it is; null for most. */
  groupId: string | null;
  /** Where all of it went; it stays closed until that is undone. */
  mergedIntoId: string | null;
  seq: number;
  version: number;
}

/** Locks the conversations in id order (FOR UPDATE) and gives those that exist. */
export async function lockConversations(tx: Tx, workspaceId: string, ids: readonly string[]): Promise<Map<string, ConversationRow>> {
  if (ids.length === 0) return new Map();
  const rows = await tx<ConversationRow[]>`
    select id, identity_id, status, status_changed_at, status_changed_by_kind, status_changed_by_id, snoozed_until, closed_at, history_ended_at, channels, last_inbound_channel,
      assignee_id, team_id, queue_id, priority, tags, waiting_since, last_message_id, last_message_at, message_count, last_activity_at, first_inbound_at,
      first_response_at, reopen_count, group_id, merged_into_id, seq, version
    from conversations where workspace_id = ${workspaceId} and id = any(${[...ids]}::uuid[]) order by id for update`;
  return new Map(rows.map((row) => [row.id, row]));
}

/**
 * Locks one conversation.
 * @throws Refusal NOT_FOUND; CONFLICT when `expectedVersion` isn't its version.
 */
export async function lockConversation(tx: Tx, workspaceId: string, id: string, expectedVersion?: number | null): Promise<ConversationRow> {
  const row = found((await lockConversations(tx, workspaceId, [id])).get(id), 'conversation');
  if (expectedVersion != null && expectedVersion !== row.version) {
    throw new Refusal('CONFLICT', `The conversation is at version ${row.version}, not ${expectedVersion}: it was changed meanwhile.`, { field: ['expectedVersion'] });
  }
  return row;
}

/**
 * Locks the customer who owns the identity now (FOR NO KEY UPDATE), so that one open matter a customer holds: two first messages at once make
 * one conversation. Starts again when a merge moved the identity meanwhile. Taken before any conversation's lock.
 */
export const lockOwner = async (tx: Tx, workspaceId: string, identityId: string): Promise<string> =>
  found((await lockOwners(tx, workspaceId, [identityId])).owners.get(identityId), 'identity');
