// The graph's changes of conversations: what was parted, merged or moved, by whom, and whether it was undone.
import { CONVERSATION_CHANGES } from '../../schema/conversations.ts';
import { Call } from '../calls/fields.ts';
import { Conversation } from '../conversations/fields.ts';
import { Note } from '../crm/fields.ts';
import { byId, column, embed, entity, enumeration, extend, list, many, one, query } from '../graphql/entity.ts';
import { Message } from '../messages/fields.ts';
import { Actor } from '../workspaces/actor.ts';
import { THINGS_MAX } from './things.ts';

const ConversationChangeKind = enumeration('ConversationChangeKind', 'How things went from one conversation to another.', CONVERSATION_CHANGES, {
  SPLIT: 'Into a conversation that was made for them (`splitConversation`).',
  MERGE: 'All of a conversation into another one (`mergeConversations`).',
  MOVE: 'Into another conversation (`moveMessages`).',
  UNDO: 'Back to where they were before another change (`undoConversationChange`).',
});

const moved = (kind: string) => (parent: string, scope: (alias: string) => string): string =>
  `select i.ref_id from conversation_change_items i where i.change_id = ${parent} and i.kind = '${kind}' and ${scope('i')}`;

export const ConversationChange = entity('ConversationChange', {
  prefix: 'ccg', table: 'conversation_changes', permission: 'conversations:read',
  description: 'Messages, calls and notes went from one conversation to another. It can be undone, which is a change itself.',
  fields: {
    kind: column(ConversationChangeKind, 'kind', 'How they went.'),
    from: one(() => Conversation, 'from_conversation_id', 'The conversation that they left.'),
    to: one(() => Conversation, 'to_conversation_id', 'The conversation that they went to.'),
    messageCount: column('Int', 'message_count', 'How many messages went.', { permission: 'messages:read' }),
    callCount: column('Int', 'call_count', 'How many calls went.', { permission: 'messages:read' }),
    noteCount: column('Int', 'note_count', 'How many notes went.', { permission: 'notes:read' }),
    messages: list(() => Message, `The messages that went, wherever they are now, the earliest first; at most ${THINGS_MAX}.`, { among: moved('MESSAGE'), order: 'occurred_at, tie, id', max: THINGS_MAX, permission: 'messages:read' }),
    calls: list(() => Call, 'The calls that went, the earliest first; at most 100.', { among: moved('CALL'), order: 'started_at, id', max: 100, permission: 'messages:read' }),
    notes: list(() => Note, 'The notes that went, the earliest first; at most 100.', { among: moved('NOTE'), order: 'created_at, id', max: 100, permission: 'notes:read' }),
    undoes: one(() => ConversationChange, 'undoes_change_id', 'Of an UNDO, what it took back; null otherwise.', { nullable: true }),
    undoneBy: one(() => ConversationChange, 'undone_by_change_id', 'The change that took it back; null while it stands.', { nullable: true }),
    changedAt: column('DateTime', 'changed_at', 'When.'),
    changedBy: embed(() => Actor, { kind: 'changed_by_kind', id: 'changed_by_id' }, 'Who did it.'),
  },
});

const NEWEST = { orders: { NEWEST: { description: 'The newest first.', columns: ['changed_at'], descending: true } }, typeName: 'ConversationChange', permission: 'conversations:read' as const };
extend(Conversation, {
  movedOut: many(() => ConversationChange, 'What went from here to other conversations.', { key: 'from_conversation_id', ...NEWEST }),
  movedIn: many(() => ConversationChange, 'What came here from other conversations.', { key: 'to_conversation_id', ...NEWEST }),
});

query({ conversationChange: byId(() => ConversationChange, 'One change of conversations; null when the workspace has none of that id.', { permission: 'conversations:read' }) });
