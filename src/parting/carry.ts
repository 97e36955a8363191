// The one way by which things go from one conversation to another: a split, a merge, a move, and the undoing of each.
import { conversationChangeItems, type CONVERSATION_CHANGES } from '../../schema/conversations.ts';
import type { Actor } from '../access/viewer.ts';
import { moveCalls } from '../calls/moving.ts';
import { changeStatus, later } from '../conversations/actions.ts';
import { recountArrivals } from '../conversations/arrivals.ts';
import type { ConversationStatus } from '../conversations/continuity.ts';
import { anchor, empty, join, leave, participantsOf, refill } from '../conversations/parting.ts';
import type { ConversationRow } from '../conversations/rows.ts';
import type { Unit } from '../conversations/unit.ts';
import { moveNotes, notesOf } from '../crm/moving.ts';
import { moveMessages, moveThreads } from '../messages/moving.ts';
import { now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { newId } from '../platform/ids.ts';
import { insertRows } from '../platform/insert.ts';
import type { Changed } from './actions.ts';
import type { Things } from './things.ts';

interface Carried {
  kind: (typeof CONVERSATION_CHANGES)[number];
  from: ConversationRow;
  to: ConversationRow;
  things: Things;
  undoes?: { changeId: string; statusBefore: ConversationStatus };
}

/**
 * Carries things over: rows, timeline, threads, participants; counts both conversations anew; keeps what went as a change, and tells of it in both.
 * One that nothing is left in is closed and names the other; one that was empty so stands as it did before. The caller holds the customers' and both
 * conversations' locks. Writes the unit.
 */
export async function carry(unit: Unit, actor: Actor, { kind, from, to, things, undoes }: Carried): Promise<Changed> {
  const { tx, workspaceId } = unit;
  const { messages, calls } = things;
  const statusBefore = from.status;
  const isEmptied = await isAll(tx, workspaceId, from, things);
  const notes = isEmptied ? await notesOf(tx, workspaceId, from.id, 'ALL') : things.notes;
  await moveMessages(tx, workspaceId, messages.map(({ id, returnsAs }) => ({ id, joinReason: returnsAs ?? 'MOVED' })), { from: from.id, to: to.id });
  await moveCalls(tx, workspaceId, calls.map((call) => call.id), to.id);
  await moveNotes(tx, workspaceId, notes, to.id);
  if (isEmptied) await moveThreads(tx, workspaceId, from.id, to.id);
  const participants = isEmptied ? await everybody(tx, workspaceId, from, things) : things.participants;
  const joined = await join(tx, workspaceId, to.id, participants.map((one) => one.identityId));
  if (things.opener !== undefined) await anchor(tx, workspaceId, to, things.opener);
  const opener = isEmptied ? null : await replacedOpener(tx, workspaceId, from);
  await leave(tx, workspaceId, from, await absent(tx, workspaceId, from, participants.filter((one) => one.joinedByIt).map((one) => one.identityId)));

  const last = [...messages.map((message) => message.occurredAt), ...calls.map((call) => call.startedAt)].reduce(later, to.lastActivityAt);
  to.lastActivityAt = last;
  from.messageCount -= messages.length;
  to.messageCount += messages.length;
  // Open before it is counted: in what is closed nobody waits.
  if (to.mergedIntoId !== null) refill(unit, actor, to, undoes?.statusBefore ?? to.status);
  else if (kind === 'MERGE' && from.status !== 'CLOSED' && to.status === 'CLOSED') changeStatus(unit, actor, to, 'OPEN', null, true);
  if (isEmptied) empty(unit, actor, from, to.id);
  await recountArrivals(tx, workspaceId, from);
  await recountArrivals(tx, workspaceId, to);
  unit.change(from);
  unit.change(to);

  const changeId = newId();
  const counts = { messageCount: messages.length, callCount: calls.length, noteCount: notes.length };
  await tx`insert into conversation_changes ${tx({
    workspaceId, id: changeId, kind, fromConversationId: from.id, toConversationId: to.id, fromStatus: statusBefore, ...counts, undoesChangeId: undoes?.changeId ?? null,
    changedAt: now(), changedByKind: actor.kind, changedById: actor.id,
  })}`;
  await insertRows(tx, conversationChangeItems, [
    ...messages.map(({ id, joinReason }) => ({ kind: 'MESSAGE', refId: id, before: joinReason })),
    ...calls.map(({ id }) => ({ kind: 'CALL', refId: id, before: null })),
    ...notes.map((id) => ({ kind: 'NOTE', refId: id, before: null })),
    ...participants.map(({ identityId }) => ({ kind: 'PARTICIPANT', refId: identityId, before: identityId === opener ? 'OPENER' : joined.has(identityId) ? 'JOINED' : 'PRESENT' })),
  ].map((item) => ({ workspaceId, changeId, ...item })));
  if (undoes) await tx`update conversation_changes set undone_by_change_id = ${changeId} where workspace_id = ${workspaceId} and id = ${undoes.changeId}`;

  const at = now();
  const data = { changeId, change: kind, ...counts };
  unit.show({ identityId: from.identityId, occurredAt: at, kind: 'MOVED_OUT', refId: changeId, conversationId: from.id, actor, data });
  unit.show({ identityId: to.identityId, occurredAt: at, tie: 1, kind: 'MOVED_IN', refId: changeId, conversationId: to.id, actor, data });
  const places = { fromConversationId: from.id, toConversationId: to.id };
  unit.say({ kind: 'messages.moved', actor, conversationId: from.id, data: { ...data, ...places, version: from.version } });
  unit.say({ kind: 'messages.moved', actor, conversationId: to.id, data: { ...data, ...places, version: to.version } });
  await unit.write();
  return { changeId, ...places };
}

async function isAll(tx: Tx, workspaceId: string, from: ConversationRow, { messages, calls }: Things): Promise<boolean> {
  const [left] = await tx<{ isAny: boolean }[]>`
    select exists (select from messages where workspace_id = ${workspaceId} and conversation_id = ${from.id} and id <> all(${messages.map((message) => message.id)}::uuid[]))
      or exists (select from calls where workspace_id = ${workspaceId} and conversation_id = ${from.id} and id <> all(${calls.map((call) => call.id)}::uuid[])) as is_any`;
  return !left!.isAny;
}

/** Who opened the conversation, when nothing of his is left in it: it is the matter of whoever's the first thing in it is, from then on. Else null. */
async function replacedOpener(tx: Tx, workspaceId: string, from: ConversationRow): Promise<string | null> {
  const opener = from.identityId;
  if ((await absent(tx, workspaceId, from, [opener])).length === 0) return null;
  const [first] = await tx<{ identityId: string }[]>`
    select identity_id from (
      select identity_id, occurred_at as at, tie, id from messages where workspace_id = ${workspaceId} and conversation_id = ${from.id}
      union all select identity_id, started_at, 0, id from calls where workspace_id = ${workspaceId} and conversation_id = ${from.id}
    ) things order by at, tie, id limit 1`;
  await anchor(tx, workspaceId, from, first!.identityId);
  return opener;
}

/** Whoever takes part in what is emptied. */
const everybody = async (tx: Tx, workspaceId: string, from: ConversationRow, { participants }: Things): Promise<Things['participants']> =>
  [...new Set([...participants.map((one) => one.identityId), ...(await participantsOf(tx, workspaceId, from.id))])].map((identityId) => ({ identityId, joinedByIt: true }));

/** Those of whom nothing is left in the conversation: no message from, to or beside them, no call. */
const absent = async (tx: Tx, workspaceId: string, { id }: ConversationRow, identityIds: readonly string[]): Promise<string[]> =>
  (await tx<{ id: string }[]>`
    select p.id from unnest(${[...identityIds]}::uuid[]) as p (id)
    where not exists (select from messages m where m.workspace_id = ${workspaceId} and m.conversation_id = ${id} and (m.identity_id = p.id or p.id = any(m.other_identity_ids)))
      and not exists (select from calls k where k.workspace_id = ${workspaceId} and k.conversation_id = ${id} and k.identity_id = p.id)`).map((row) => row.id);
