// What parting and joining conversations does to their own rows: who takes part, who has read, whose they are, and how an emptied one stands.
import type { Actor } from '../access/viewer.ts';
import { appendEvents, putTimelineEntry } from '../events/append.ts';
import { now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { changeStatus } from './actions.ts';
import type { ConversationStatus } from './continuity.ts';
import type { ConversationRow } from './rows.ts';
import type { Unit } from './unit.ts';

/** A conversation that was made of another one belongs to the same member, team and queue, and is as urgent. Both are locked and stored. */
export async function inherit(tx: Tx, actor: Actor, from: ConversationRow, made: ConversationRow): Promise<void> {
  const { workspaceId } = actor;
  const { assigneeId, teamId, queueId, priority } = from;
  await tx`
    update conversations set assignee_id = ${assigneeId}, team_id = ${teamId}, queue_id = ${queueId}, priority = ${priority}, language = (
      select f.language from conversations f where f.workspace_id = ${workspaceId} and f.id = ${from.id})
    where workspace_id = ${workspaceId} and id = ${made.id}`;
  Object.assign(made, { assigneeId, teamId, queueId, priority } satisfies Partial<ConversationRow>);
  // What was read there is read here.
  await tx`
    insert into conversation_reads (workspace_id, conversation_id, member_id, seq, read_at)
    select workspace_id, ${made.id}, member_id, 0, read_at from conversation_reads where workspace_id = ${workspaceId} and conversation_id = ${from.id}`;
  if (assigneeId === null && teamId === null && queueId === null) return;
  await putTimelineEntry(tx, workspaceId, { identityId: made.identityId, occurredAt: now(), kind: 'ASSIGNMENT', refId: made.id, conversationId: made.id, actor, data: { assigneeId, teamId, queueId } });
  await appendEvents(tx, workspaceId, [{ kind: 'conversation.assigned', actor, conversationId: made.id, data: { assigneeId, teamId, queueId, version: made.version } }]);
  made.seq += 1;
}

/** All of it went into another one: it is closed, and stays so (`setConversationStatus` refuses) until that is undone. */
export function empty(unit: Unit, actor: Actor, conversation: ConversationRow, mergedIntoId: string): void {
  if (conversation.status !== 'CLOSED') changeStatus(unit, actor, conversation, 'CLOSED', null, true, { mergedIntoId });
  conversation.mergedIntoId = mergedIntoId;
}

/** What had gone is back: it stands where it stood, open when it was anything but closed. */
export function refill(unit: Unit, actor: Actor, conversation: ConversationRow, before: ConversationStatus): void {
  conversation.mergedIntoId = null;
  if (before !== 'CLOSED') changeStatus(unit, actor, conversation, 'OPEN', null, true);
}

/** Those who take part from now on, and didn't. */
export async function join(tx: Tx, workspaceId: string, conversationId: string, identityIds: readonly string[]): Promise<Set<string>> {
  const joined = await tx<{ identityId: string }[]>`
    insert into conversation_participants (workspace_id, conversation_id, identity_id, joined_at)
    select ${workspaceId}, ${conversationId}, id, ${now()} from unnest(${[...new Set(identityIds)]}::uuid[]) id on conflict do nothing returning identity_id`;
  return new Set(joined.map((row) => row.identityId));
}

/** These take part no longer; but who opened the conversation always does. */
export async function leave(tx: Tx, workspaceId: string, conversation: ConversationRow, identityIds: readonly string[]): Promise<void> {
  await tx`
    delete from conversation_participants
    where workspace_id = ${workspaceId} and conversation_id = ${conversation.id} and identity_id = any(${[...identityIds]}::uuid[]) and identity_id <> ${conversation.identityId}`;
}

export const participantsOf = async (tx: Tx, workspaceId: string, conversationId: string): Promise<string[]> =>
  (await tx<{ identityId: string }[]>`
    select identity_id from conversation_participants where workspace_id = ${workspaceId} and conversation_id = ${conversationId}`).map((row) => row.identityId);

/** It is this address's matter, and so its customer's: who opened it has nothing in it any more, or is back. */
export async function anchor(tx: Tx, workspaceId: string, conversation: ConversationRow, identityId: string): Promise<void> {
  await tx`update conversations set identity_id = ${identityId} where workspace_id = ${workspaceId} and id = ${conversation.id}`;
  conversation.identityId = identityId;
}
