// Two matters in one conversation are parted, two conversations of one matter are joined, and what was put wrong is moved; each can be undone.
import type { Actor } from '../access/viewer.ts';
import { openConversation } from '../conversations/actions.ts';
import type { Channel } from '../conversations/continuity.ts';
import { inherit } from '../conversations/parting.ts';
import { lockConversations, type ConversationRow } from '../conversations/rows.ts';
import { Unit } from '../conversations/unit.ts';
import { lockOwners } from '../identities/customers.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { publicId } from '../platform/ids.ts';
import { carry } from './carry.ts';
import { allOf, named, stillThere, THINGS_MAX, type Named, type Things } from './things.ts';

export interface Changed {
  changeId: string;
  fromConversationId: string;
  toConversationId: string;
}

/**
 * Parts messages (and calls and notes) off into a conversation that is made for them: of whoever the first of them came from, open, with the
 * assignee, team, queue and priority of the one that they leave, begun when the first was said. Later messages of a thread go where its latest
 * message went. Emits `conversation.opened` and `messages.moved` in both.
 * @throws Refusal NOT_FOUND, CONFLICT, INVALID_INPUT, INVALID_TRANSITION
 */
export async function splitConversation(tx: Tx, actor: Actor, o: Named & { conversationId: string; subject: string | null; expectedVersion?: number | null }): Promise<Changed> {
  const asked = await named(tx, actor.workspaceId, o, o.conversationId);
  const first = firstOf(asked);
  const { conversations } = await locked(tx, actor, [o.conversationId], asked);
  const from = changeable(conversations, o.conversationId, o.expectedVersion);
  // Again, under the locks.
  const things = await named(tx, actor.workspaceId, o, from.id);
  await refuseAll(tx, actor.workspaceId, from, things);
  const unit = new Unit(tx, actor.workspaceId);
  const made = openConversation(unit, actor, { identityId: first.identityId, channel: first.channel, subject: o.subject, at: first.at, relatedConversationId: from.id, groupId: from.groupId, inbound: first.inbound });
  await unit.write();
  await inherit(tx, actor, from, made);
  return carry(unit, actor, { kind: 'SPLIT', from, to: made, things });
}

/**
 * Brings all of a conversation into another one of the same customer: it is closed then, and names where it went. One that wasn't closed opens the
 * other. Emits `messages.moved` in both.
 * @throws Refusal NOT_FOUND, CONFLICT, INVALID_INPUT, INVALID_TRANSITION
 */
export async function mergeConversations(tx: Tx, actor: Actor, o: { fromConversationId: string; intoConversationId: string; expectedVersion?: number | null }): Promise<Changed> {
  const { fromConversationId, intoConversationId } = o;
  if (fromConversationId === intoConversationId) throw new Refusal('INVALID_INPUT', 'A conversation can\'t be merged into itself.', { field: ['intoConversationId'] });
  const { conversations, owners } = await locked(tx, actor, [fromConversationId, intoConversationId]);
  const from = changeable(conversations, fromConversationId, o.expectedVersion);
  const to = changeable(conversations, intoConversationId);
  refuseStrangers(owners, from, to);
  return carry(new Unit(tx, actor.workspaceId), actor, { kind: 'MERGE', from, to, things: await allOf(tx, actor.workspaceId, from.id) });
}

/**
 * Moves messages (and calls and notes) of one conversation into another one of the same customer. Statuses stay. Emits `messages.moved` in both.
 * @throws Refusal NOT_FOUND, CONFLICT, INVALID_INPUT, INVALID_TRANSITION
 */
export async function moveMessages(tx: Tx, actor: Actor, o: Named & { toConversationId: string; expectedVersion?: number | null }): Promise<Changed> {
  const asked = await named(tx, actor.workspaceId, o, null);
  const fromConversationId = firstOf(asked).conversationId;
  if (fromConversationId === o.toConversationId) throw new Refusal('INVALID_INPUT', 'They are in this conversation already.', { field: ['toConversationId'] });
  const { conversations, owners } = await locked(tx, actor, [fromConversationId, o.toConversationId], asked);
  const from = changeable(conversations, fromConversationId);
  const to = changeable(conversations, o.toConversationId, o.expectedVersion);
  const things = await named(tx, actor.workspaceId, o, from.id);
  refuseStrangers(owners, from, to);
  await refuseAll(tx, actor.workspaceId, from, things);
  return carry(new Unit(tx, actor.workspaceId), actor, { kind: 'MOVE', from, to, things });
}

/**
 * Takes a change back: what it moved and is still where it was put returns, each with the reason why it stood there. What came since stays. A
 * conversation that nothing is left in closes; one that everything had left stands as it did. It is a change itself, and can be undone.
 * @throws Refusal NOT_FOUND; INVALID_TRANSITION when it was undone, or where they were was merged into another one; CONFLICT when nothing of it is where it was put.
 */
export async function undoConversationChange(tx: Tx, actor: Actor, o: { changeId: string }): Promise<Changed> {
  const { workspaceId } = actor;
  const [place] = await tx<{ from: string; to: string }[]>`
    select from_conversation_id as "from", to_conversation_id as "to" from conversation_changes where workspace_id = ${workspaceId} and id = ${o.changeId}`;
  const { from: origin, to: present } = found(place, 'change of a conversation');
  const { conversations } = await locked(tx, actor, [origin, present]);
  const [change] = await tx<{ undoneByChangeId: string | null; fromStatus: ConversationRow['status'] }[]>`
    select undone_by_change_id, from_status from conversation_changes where workspace_id = ${workspaceId} and id = ${o.changeId} for update`;
  if (change!.undoneByChangeId !== null) throw new Refusal('INVALID_TRANSITION', 'It was undone already.', { field: ['changeId'] });
  const from = conversations.get(present)!;
  const to = conversations.get(origin)!;
  if (to.mergedIntoId !== null && to.mergedIntoId !== from.id) throw mergedRefusal(to, 'changeId');
  const things = await stillThere(tx, workspaceId, o.changeId, from.id);
  if (things.messages.length + things.calls.length + things.notes.length === 0) {
    throw new Refusal('CONFLICT', 'Nothing of it is where it was put: it was moved on since. Undo that first.', { field: ['changeId'] });
  }
  return carry(new Unit(tx, workspaceId), actor, { kind: 'UNDO', from, to, things, undoes: { changeId: o.changeId, statusBefore: change!.fromStatus } });
}

/** Locks the customers whom it concerns, then the conversations, each in id order: as receiving does, so nothing arrives meanwhile. */
async function locked(tx: Tx, actor: Actor, ids: string[], things?: Things): Promise<{ conversations: Map<string, ConversationRow>; owners: ReadonlyMap<string, string> }> {
  const openers = await tx<{ identityId: string }[]>`select identity_id from conversations where workspace_id = ${actor.workspaceId} and id = any(${ids}::uuid[])`;
  const { owners } = await lockOwners(tx, actor.workspaceId, [
    ...openers.map((row) => row.identityId), ...(things?.messages ?? []).map((message) => message.identityId), ...(things?.calls ?? []).map((call) => call.identityId),
  ]);
  return { conversations: await lockConversations(tx, actor.workspaceId, ids), owners };
}

function changeable(conversations: ReadonlyMap<string, ConversationRow>, id: string, expectedVersion?: number | null): ConversationRow {
  const conversation = found(conversations.get(id), 'conversation');
  if (expectedVersion != null && expectedVersion !== conversation.version) {
    throw new Refusal('CONFLICT', `The conversation is at version ${conversation.version}, not ${expectedVersion}: it was changed meanwhile.`, { field: ['expectedVersion'] });
  }
  if (conversation.mergedIntoId !== null) throw mergedRefusal(conversation, 'conversationId');
  return conversation;
}

const mergedRefusal = ({ id, mergedIntoId }: ConversationRow, field: string): Refusal =>
  new Refusal('INVALID_TRANSITION', `All of ${publicId('cnv', id)} is in ${publicId('cnv', mergedIntoId!)} now; go on there, or undo that first.`, { field: [field] });

function refuseStrangers(owners: ReadonlyMap<string, string>, from: ConversationRow, to: ConversationRow): void {
  if (from.groupId !== to.groupId) {
    throw new Refusal('INVALID_INPUT', 'One of them is a group\'s, and the other isn\'t of that group: what was said in the one isn\'t for those in the other.', { field: ['toConversationId'] });
  }
  if (owners.get(from.identityId) === owners.get(to.identityId)) return;
  throw new Refusal('INVALID_INPUT', 'The conversations are of two customers. If they are one person, say so first (confirm his claim, or link his addresses).', { field: ['toConversationId'] });
}

/** A conversation isn't left empty by the way. */
async function refuseAll(tx: Tx, workspaceId: string, from: ConversationRow, things: Things): Promise<void> {
  if (things.messages.length + things.calls.length === 0) {
    throw new Refusal('INVALID_INPUT', 'Notes alone make no matter: name the messages or calls that they belong to.', { field: ['messageIds'] });
  }
  const [left] = await tx<{ messages: number; calls: number }[]>`
    select (select count(*)::int from messages where workspace_id = ${workspaceId} and conversation_id = ${from.id}) as messages,
      (select count(*)::int from calls where workspace_id = ${workspaceId} and conversation_id = ${from.id}) as calls`;
  if (left!.messages + left!.calls === things.messages.length + things.calls.length) {
    throw new Refusal('INVALID_INPUT', 'That is all of the conversation; to bring all of it into another one, use mergeConversations.', { field: ['messageIds'] });
  }
}

interface First {
  conversationId: string;
  identityId: string;
  channel: Channel;
  at: string;
  inbound: boolean;
}

/** The earliest of them. */
function firstOf({ messages: [message], calls: [call] }: Things): First {
  if (message && (!call || message.occurredAt <= call.startedAt)) {
    return { conversationId: message.conversationId, identityId: message.identityId, channel: message.channel as Channel, at: message.occurredAt, inbound: message.direction === 'INBOUND' };
  }
  if (!call) throw new Refusal('INVALID_INPUT', `Name 1 to ${THINGS_MAX} messages or calls.`, { field: ['messageIds'] });
  return { conversationId: call.conversationId, identityId: call.identityId, channel: 'VOICE', at: call.startedAt, inbound: call.direction === 'INBOUND' };
}
