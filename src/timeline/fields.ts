// The graph's timeline: one list over everything that happened to a person, over all channels, in one order.
import { TIMELINE_KINDS } from '../../schema/events.ts';
import { Call } from '../calls/fields.ts';
import { Channel } from '../channels/fields.ts';
import { Conversation, ownerOf } from '../conversations/fields.ts';
import { ExternalRecord, Note } from '../crm/fields.ts';
import { Customer } from '../customers/fields.ts';
import { column, computed, embed, entity, enumeration, expression, extend, idOf, many, one, oneOf, union, type FilterField, type MemberKeys } from '../graphql/entity.ts';
import { Claim, Identity } from '../identities/fields.ts';
import { Message, Referral } from '../messages/fields.ts';
import { ConversationChange } from '../parting/fields.ts';
import { Actor } from '../workspaces/actor.ts';
import { summaryOf } from './summary.ts';

export const TimelineKind = enumeration('TimelineKind', 'What happened. A client that doesn\'t know a kind can show `summary`.', TIMELINE_KINDS, {
  MESSAGE: 'A message, in or out; `subject` is the Message.',
  CALL: 'A phone call, one entry from the ring to the transcript; `subject` is the Call.',
  NOTE: 'A note, at the time when it was written; `subject` is the Note.',
  CONVERSATION_OPENED: 'A conversation began; `subject` is the Conversation.',
  STATUS_CHANGE: 'A conversation was opened again, set pending, snoozed or closed; `subject` is the Conversation as it is now.',
  ASSIGNMENT: 'A conversation was given to a member, a team or a queue; `subject` is the Conversation as it is now.',
  RECORD_CHANGE: 'A record of another system, at its latest change; `subject` is the ExternalRecord.',
  IDENTITY_CHANGE: 'An address was added or linked; `subject` is the Identity.',
  CLAIM: 'A visitor said of himself what is not proven; `subject` is the Claim.',
  MOVED_OUT: 'Messages, calls or notes of the conversation went to another one (a split, a merge, a move, or the undoing of one); `subject` is the ConversationChange.',
  MOVED_IN: 'Messages, calls or notes came to the conversation from another one; `subject` is the ConversationChange.',
  REFERRAL: 'The customer came by an advertisement, a link or a product, before he said anything; `subject` is the Referral.',
});

export const TimelineSubject = union('TimelineSubject', {
  description: 'What a timeline entry tells of.',
  by: 'kind',
  members: {
    MESSAGE: () => Message,
    CALL: () => Call,
    NOTE: () => Note,
    CONVERSATION_OPENED: () => Conversation,
    STATUS_CHANGE: () => Conversation,
    ASSIGNMENT: () => Conversation,
    RECORD_CHANGE: () => ExternalRecord,
    IDENTITY_CHANGE: () => Identity,
    CLAIM: () => Claim,
    MOVED_OUT: () => ConversationChange,
    MOVED_IN: () => ConversationChange,
    REFERRAL: () => Referral,
  },
});

const SUBJECT: MemberKeys = {
  MESSAGE: 'ref_id',
  CALL: 'ref_id',
  NOTE: 'ref_id',
  CONVERSATION_OPENED: 'conversation_id',
  STATUS_CHANGE: 'conversation_id',
  ASSIGNMENT: 'conversation_id',
  // A record that went to somebody else is no longer shown to whom it was taken from: the entry stays, for it was so.
  RECORD_CHANGE: (t) => `(select sr.id from external_records sr where sr.workspace_id = ${t}.workspace_id and sr.id = ${t}.ref_id and sr.identity_id = ${t}.identity_id)`,
  IDENTITY_CHANGE: 'ref_id',
  CLAIM: 'ref_id',
  MOVED_OUT: 'ref_id',
  MOVED_IN: 'ref_id',
  REFERRAL: 'ref_id',
};

export const TimelineEntry = entity('TimelineEntry', {
  prefix: 'tle', table: 'timeline_entries', permission: 'messages:read', description: 'One thing that happened to a person. What changes (a call) stays one entry.',
  fields: {
    occurredAt: column('DateTime', 'occurred_at', 'When it happened: for messages and calls the provider\'s time, unless ours was earlier.'),
    kind: column(TimelineKind, 'kind', 'What happened.'),
    actor: embed(() => Actor, { kind: 'actor_kind', id: 'actor_id' }, 'Who did it.'),
    channel: column(Channel, 'channel', 'The channel that it went by; null for what used none (a note, an assignment).', { nullable: true }),
    summary: computed('String', ['kind', 'channel', 'actor_kind', 'data'], summaryOf, 'One English sentence that says what happened, without a name, an address or anybody\'s words.'),
    subject: oneOf(() => TimelineSubject, SUBJECT, 'What it tells of, as it is now. Null once that was erased and, for a record, once it belongs to somebody else.', { nullable: true }),
    conversation: one(() => Conversation, 'conversation_id', 'The conversation that it belongs to; null for what belongs to the customer as such.', { nullable: true, permission: 'conversations:read' }),
    customer: one(() => Customer, (row) => ownerOf('identity_id', row), 'Whose it is now; of a claimed entry, the visitor himself, not the customer whom he says he is.', { permission: 'customers:read' }),
    identity: one(() => Identity, 'identity_id', 'The address (or the customer as such) that it happened with.', { permission: 'customers:contact' }),
    claimed: expression(
      'Boolean',
      (t) => `exists (select from claims tc where tc.workspace_id = ${t}.workspace_id and tc.claimant_identity_id = ${t}.identity_id and tc.state = 'PENDING')`,
      'Its author only says who he is: nothing of it is proven to be the customer\'s until `confirmClaim`.',
    ),
  },
});

const FILTER: Record<string, FilterField> = {
  kind: { type: TimelineKind, column: 'kind', description: 'Is of this kind.' },
  kindIn: { type: TimelineKind, column: 'kind', list: true, description: 'Is of one of these kinds.' },
  channel: { type: Channel, column: 'channel', nullable: true, description: 'Went by this channel; null: by none.' },
  channelIn: { type: Channel, column: 'channel', list: true, description: 'Went by one of these channels.' },
  conversationId: { type: idOf('cnv'), column: 'conversation_id', nullable: true, description: 'Belongs to this conversation; null: to none.' },
  occurredAfter: { type: 'DateTime', sql: (row, value) => `${row}.occurred_at >= ${value}`, description: 'Happened then or later.' },
  occurredBefore: { type: 'DateTime', sql: (row, value) => `${row}.occurred_at < ${value}`, description: 'Happened earlier.' },
};
const TIMELINE = {
  orders: {
    NEWEST_FIRST: { description: 'The newest first.', columns: ['occurred_at', 'tie'], descending: true },
    OLDEST_FIRST: { description: 'The oldest first.', columns: ['occurred_at', 'tie'], descending: false },
  },
  filter: FILTER,
  around: true,
  typeName: 'TimelineEntry',
  permission: 'messages:read' as const,
};

extend(Customer, {
  timeline: many(
    () => TimelineEntry,
    'Everything that happened to the customer, over all addresses and channels, and what visitors did who only say that one of his addresses is theirs (`claimed`).',
    { through: { table: 'timeline_sources', parent: 'customer_id', key: 'identity_id' }, ...TIMELINE },
  ),
});
extend(Conversation, {
  timeline: many(() => TimelineEntry, 'Everything that happened in the conversation, whoever took part in it.', { key: 'conversation_id', ...TIMELINE }),
});
