// What agents and rules do to conversations, by the API.
import { type PRIORITIES } from '../../schema/conversations.ts';
import { idOf } from '../graphql/entity.ts';
import { mutation } from '../graphql/mutation.ts';
import { Refusal } from '../platform/errors.ts';
import { uuidFrom } from '../workspaces/input.ts';
import { assignConversation, markRead, setConversationStatus, tagConversation, updateConversation } from './actions.ts';
import { Conversation, ConversationStatus, Priority } from './fields.ts';

const optionalId = (prefix: string, id: string | null | undefined, field: string) => (id == null ? id : uuidFrom(prefix, id, field));

const conversationId = { type: idOf('cnv'), required: true, description: 'The conversation.' } as const;
const payload = { conversation: { type: () => Conversation, description: 'The conversation as it is now.' } };

mutation('setConversationStatus', {
  description: 'Opens, sets pending, snoozes or closes a conversation. Asking for the state that it has changes nothing. INVALID_TRANSITION says why a change is refused.',
  permission: 'conversations:write',
  versioned: true,
  input: {
    conversationId,
    status: { type: ConversationStatus, required: true, description: 'Where it shall stand.' },
    snoozedUntil: { type: 'DateTime', description: 'With SNOOZED, and only then: when it opens by itself; within a year.' },
  },
  payload,
  run: async (tx, { actor }, input) => {
    const id = uuidFrom('cnv', input.conversationId, 'conversationId');
    await setConversationStatus(tx, actor, { conversationId: id, status: input.status, snoozedUntil: input.snoozedUntil ?? null, expectedVersion: input.expectedVersion });
    return { conversation: id };
  },
});

mutation('assignConversation', {
  description: 'Gives a conversation to a member, a team or a queue. What is left out stays as it is; null takes it away.',
  permission: 'conversations:write',
  versioned: true,
  input: {
    conversationId,
    assigneeId: { type: idOf('mem'), description: 'The member who shall take care of it; null: nobody.' },
    teamId: { type: idOf('tea'), description: 'The team; null: none.' },
    queueId: { type: idOf('que'), description: 'The queue; null: none.' },
  },
  payload,
  run: async (tx, { actor }, input) => {
    const id = uuidFrom('cnv', input.conversationId, 'conversationId');
    await assignConversation(tx, actor, {
      conversationId: id, expectedVersion: input.expectedVersion, assigneeId: optionalId('mem', input.assigneeId, 'assigneeId'),
      teamId: optionalId('tea', input.teamId, 'teamId'), queueId: optionalId('que', input.queueId, 'queueId'),
    });
    return { conversation: id };
  },
});

mutation('tag', {
  description: 'Adds tags to a conversation and takes tags off. Tags that differ only in case are one; at most 50 of 64 characters.',
  permission: 'conversations:write',
  versioned: true,
  input: {
    conversationId,
    add: { type: 'String', list: true, default: [], description: 'Tags to add.' },
    remove: { type: 'String', list: true, default: [], description: 'Tags to take off; those that it doesn\'t have are passed over.' },
  },
  payload,
  run: async (tx, { actor }, input) => {
    const id = uuidFrom('cnv', input.conversationId, 'conversationId');
    await tagConversation(tx, actor, { conversationId: id, add: input.add ?? [], remove: input.remove ?? [], expectedVersion: input.expectedVersion });
    return { conversation: id };
  },
});

mutation('updateConversation', {
  description: 'Changes a conversation\'s subject and priority. What is left out stays as it is.',
  permission: 'conversations:write',
  versioned: true,
  input: {
    conversationId,
    subject: { type: 'String', description: 'What it is about, at most 500 characters; null takes it away.' },
    priority: { type: Priority, description: 'How urgent it is.' },
  },
  payload,
  run: async (tx, { actor }, input) => {
    const id = uuidFrom('cnv', input.conversationId, 'conversationId');
    if (input.subject != null && input.subject.length > 500) throw new Refusal('INVALID_INPUT', 'A subject has at most 500 characters.', { field: ['subject'] });
    await updateConversation(tx, actor, { conversationId: id, subject: input.subject, priority: (input.priority ?? undefined) as (typeof PRIORITIES)[number] | undefined, expectedVersion: input.expectedVersion });
    return { conversation: id };
  },
});

mutation('markRead', {
  description: 'The acting member has read the conversation up to now: its `unreadCount` is 0 for him, and the customer is shown it where his channel can (WhatsApp). Needs a member token, since a key is no person.',
  permission: 'conversations:write',
  input: { conversationId },
  payload,
  run: async (tx, { actor }, input) => {
    const id = uuidFrom('cnv', input.conversationId, 'conversationId');
    await markRead(tx, actor, { conversationId: id });
    return { conversation: id };
  },
});
