// Parting, joining and undoing it, by the API.
import { Conversation } from '../conversations/fields.ts';
import { idOf } from '../graphql/entity.ts';
import { mutation } from '../graphql/mutation.ts';
import { Refusal } from '../platform/errors.ts';
import { uuidFrom } from '../workspaces/input.ts';
import { mergeConversations, moveMessages, splitConversation, undoConversationChange, type Changed } from './actions.ts';
import { ConversationChange } from './fields.ts';
import { THINGS_MAX, type Named } from './things.ts';

const things = {
  messageIds: { type: idOf('msg'), list: true, default: [], description: `The messages, of one conversation, at most ${THINGS_MAX}.` },
  callIds: { type: idOf('cal'), list: true, default: [], description: 'Calls of that conversation.' },
  noteIds: { type: idOf('nte'), list: true, default: [], description: 'Notes of that conversation, which go with them.' },
} as const;
const payload = {
  from: { type: () => Conversation, description: 'The conversation that they left, as it is now.' },
  to: { type: () => Conversation, description: 'The conversation that they are in now.' },
  change: { type: () => ConversationChange, description: 'What was done; `undoConversationChange` takes it back.' },
};

const idsOf = (prefix: string, ids: string[] | null | undefined, field: string): string[] => (ids ?? []).map((id, at) => uuidFrom(prefix, id, field, String(at)));
const namedBy = (input: Record<keyof Named, string[] | null | undefined>): Named => ({
  messageIds: idsOf('msg', input.messageIds, 'messageIds'), callIds: idsOf('cal', input.callIds, 'callIds'), noteIds: idsOf('nte', input.noteIds, 'noteIds'),
});
const answered = ({ changeId, fromConversationId, toConversationId }: Changed) => ({ from: fromConversationId, to: toConversationId, change: changeId });

mutation('splitConversation', {
  description: 'Parts messages off into a conversation of their own, when two matters got into one. It is open, belongs to whoever the other one belongs to, and begins with the first of them. Later messages of a thread go where its latest one went.',
  permission: 'conversations:write',
  idempotent: true,
  versioned: true,
  input: {
    conversationId: { type: idOf('cnv'), required: true, description: 'The conversation that two matters are in.' },
    ...things,
    subject: { type: 'String', description: 'What the new conversation is about, at most 500 characters; null when nobody says.' },
  },
  payload,
  run: async (tx, { actor }, input) => {
    if (input.subject != null && input.subject.length > 500) throw new Refusal('INVALID_INPUT', 'A subject has at most 500 characters.', { field: ['subject'] });
    return answered(await splitConversation(tx, actor, {
      ...namedBy(input), conversationId: uuidFrom('cnv', input.conversationId, 'conversationId'), subject: input.subject ?? null, expectedVersion: input.expectedVersion,
    }));
  },
});

mutation('mergeConversations', {
  description: 'Brings all of a conversation into another one of the same customer, when one matter got into two. The first is closed, and names the second as `mergedInto`; the second is opened, unless both were closed.',
  permission: 'conversations:write',
  idempotent: true,
  versioned: true,
  input: {
    fromConversationId: { type: idOf('cnv'), required: true, description: 'The conversation that shall go into the other one; `expectedVersion` is its.' },
    intoConversationId: { type: idOf('cnv'), required: true, description: 'The conversation that goes on.' },
  },
  payload,
  run: async (tx, { actor }, input) =>
    answered(await mergeConversations(tx, actor, {
      fromConversationId: uuidFrom('cnv', input.fromConversationId, 'fromConversationId'), intoConversationId: uuidFrom('cnv', input.intoConversationId, 'intoConversationId'),
      expectedVersion: input.expectedVersion,
    })),
});

mutation('moveMessages', {
  description: 'Moves messages of one conversation into another one of the same customer. Both stand as they did. Later messages of a thread go where its latest one went.',
  permission: 'conversations:write',
  idempotent: true,
  versioned: true,
  input: {
    ...things,
    toConversationId: { type: idOf('cnv'), required: true, description: 'The conversation that they belong to; `expectedVersion` is its.' },
  },
  payload,
  run: async (tx, { actor }, input) =>
    answered(await moveMessages(tx, actor, { ...namedBy(input), toConversationId: uuidFrom('cnv', input.toConversationId, 'toConversationId'), expectedVersion: input.expectedVersion })),
});

mutation('undoConversationChange', {
  description: 'Takes a split, a merge, a move, or the undoing of one back: what it moved and is still where it was put returns, and what came since stays. A conversation that nothing is left in is closed.',
  permission: 'conversations:write',
  idempotent: true,
  input: { changeId: { type: idOf('ccg'), required: true, description: 'The change.' } },
  payload,
  run: async (tx, { actor }, input) => answered(await undoConversationChange(tx, actor, { changeId: uuidFrom('ccg', input.changeId, 'changeId') })),
});
