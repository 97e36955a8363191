// What stands in a conversation and can go to another one: messages, calls, notes, and those who take part.
import { callsById, callsOf, type Standing as StandingCall } from '../calls/moving.ts';
import type { JoinReason } from '../conversations/continuity.ts';
import { participantsOf } from '../conversations/parting.ts';
import { notesOf } from '../crm/moving.ts';
import { messagesById, messagesOf, type Standing } from '../messages/moving.ts';
import type { Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';

/** At once, of each kind. */
export const THINGS_MAX = 500;
/** Of a conversation that is merged. */
const MERGED_MAX = 10_000;

export interface Named {
  messageIds: readonly string[];
  callIds: readonly string[];
  noteIds: readonly string[];
}

export interface Things {
  /** The earliest first. `joinReason`: why it stands where it is; `returnsAs`: why it stood there before, of what is taken back. */
  messages: (Standing & { returnsAs?: JoinReason })[];
  calls: StandingCall[];
  notes: string[];
  /** Who takes part with them. Of an undoing: who began to by what is undone, or did before. */
  participants: { identityId: string; joinedByIt: boolean }[];
  /** Of an undoing: who had opened what they return to, when that was another's meanwhile. */
  opener?: string;
}

/** What was named, of one conversation: `conversationId`, or whichever the first is in. @throws Refusal INVALID_INPUT, NOT_FOUND */
export async function named(tx: Tx, workspaceId: string, o: Named, conversationId: string | null): Promise<Things> {
  for (const [field, ids] of Object.entries({ messageIds: o.messageIds, callIds: o.callIds, noteIds: o.noteIds })) {
    if (ids.length > THINGS_MAX) throw new Refusal('INVALID_INPUT', `There are ${ids.length} of them; at most ${THINGS_MAX} at once.`, { field: [field] });
  }
  const [messages, calls] = await Promise.all([messagesById(tx, workspaceId, o.messageIds), callsById(tx, workspaceId, o.callIds)]);
  const place = conversationId ?? messages[0]?.conversationId ?? calls[0]?.conversationId ?? null;
  const notes = place === null ? [] : await notesOf(tx, workspaceId, place, o.noteIds);
  mustBeThere('messageIds', 'message', o.messageIds, messages.filter((message) => message.conversationId === place).map((message) => message.id));
  mustBeThere('callIds', 'call', o.callIds, calls.filter((call) => call.conversationId === place).map((call) => call.id));
  mustBeThere('noteIds', 'note', o.noteIds, notes);
  return { messages, calls, notes, participants: takingPart(messages, calls) };
}

function mustBeThere(field: string, what: string, asked: readonly string[], there: readonly string[]): void {
  const at = asked.findIndex((id) => !there.includes(id));
  if (at >= 0) throw new Refusal('NOT_FOUND', `There is no such ${what} in this conversation.`, { field: [field, String(at)] });
}

/** All of a conversation. @throws Refusal INVALID_INPUT when it is too large */
export async function allOf(tx: Tx, workspaceId: string, conversationId: string): Promise<Things> {
  const messages = await messagesOf(tx, workspaceId, conversationId, MERGED_MAX);
  if (messages.length > MERGED_MAX) throw new Refusal('INVALID_INPUT', `The conversation has more than ${MERGED_MAX} messages: move what belongs to the other one (moveMessages).`, { field: ['fromConversationId'] });
  return {
    messages, calls: await callsOf(tx, workspaceId, conversationId), notes: await notesOf(tx, workspaceId, conversationId, 'ALL'),
    participants: (await participantsOf(tx, workspaceId, conversationId)).map((identityId) => ({ identityId, joinedByIt: true })),
  };
}

/** What a change moved and is still in the conversation that it put it into. */
export async function stillThere(tx: Tx, workspaceId: string, changeId: string, conversationId: string): Promise<Things> {
  const items = await tx<{ kind: string; refId: string; before: string | null }[]>`
    select kind, ref_id, before from conversation_change_items where workspace_id = ${workspaceId} and change_id = ${changeId}`;
  const of = (kind: string) => items.filter((item) => item.kind === kind);
  const ids = (kind: string) => of(kind).map((item) => item.refId);
  const reasons = new Map(of('MESSAGE').map((item) => [item.refId, item.before as JoinReason]));
  return {
    messages: (await messagesById(tx, workspaceId, ids('MESSAGE'))).filter((message) => message.conversationId === conversationId)
      .map((message) => ({ ...message, returnsAs: reasons.get(message.id)! })),
    calls: (await callsById(tx, workspaceId, ids('CALL'))).filter((call) => call.conversationId === conversationId),
    notes: await notesOf(tx, workspaceId, conversationId, ids('NOTE')),
    participants: of('PARTICIPANT').map((item) => ({ identityId: item.refId, joinedByIt: item.before !== 'PRESENT' })),
    opener: of('PARTICIPANT').find((item) => item.before === 'OPENER')?.refId,
  };
}

const takingPart = (messages: readonly Standing[], calls: readonly StandingCall[]): Things['participants'] =>
  [...new Set([...messages.flatMap((message) => [message.identityId, ...message.otherIdentityIds]), ...calls.map((call) => call.identityId)])]
    .map((identityId) => ({ identityId, joinedByIt: true }));
