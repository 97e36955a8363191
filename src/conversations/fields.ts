// The graph's conversations: one matter each, over any channels, with the inbox over all of them.
import { CONVERSATION_STATUSES, PRIORITIES } from '../../schema/conversations.ts';
import { Channel } from '../channels/fields.ts';
import { byId, column, embed, entity, enumeration, expression, extend, list, listOf, many, one, query, type FilterField } from '../graphql/entity.ts';
import { Customer } from '../customers/fields.ts';
import { Identity } from '../identities/fields.ts';
import { Actor } from '../workspaces/actor.ts';
import { Member, Queue, Team } from '../workspaces/fields.ts';

export const ConversationStatus = enumeration('ConversationStatus', 'Where a conversation stands. `setConversationStatus` changes it and says why it refuses.', CONVERSATION_STATUSES, {
  OPEN: 'Somebody of the team has to do something.',
  PENDING: 'The team waits for the customer; his next message opens it.',
  SNOOZED: 'Put away until `snoozedUntil`, or until the customer writes.',
  CLOSED: 'Done. A reply within the workspace\'s `reopenHours` opens it again; later it opens a new conversation, linked as `relatedConversation`.',
});
export const Priority = enumeration('Priority', 'How urgent a conversation is; set by routing rules and by agents.', PRIORITIES, {
  LOW: 'After everything else.',
  NORMAL: 'The usual.',
  HIGH: 'Before the usual.',
  URGENT: 'First.',
});

/** SQL of the customer who owns an identity now, for `one` keys. */
export const ownerOf = (identity: string, row: string): string =>
  `(select oi.customer_id from identities oi where oi.workspace_id = ${row}.workspace_id and oi.id = ${row}.${identity})`;

export const Conversation = entity('Conversation', {
  prefix: 'cnv',
  table: 'conversations',
  permission: 'conversations:read',
  description: 'One matter of a customer, from the first word to its end. It may cross channels: a chat that goes on by e-mail and ends by phone is one conversation.',
  fields: {
    subject: column('String', 'subject', 'What it is about: the first e-mail\'s subject, or what an agent wrote. Null when nobody said.', { nullable: true }),
    status: column(ConversationStatus, 'status', 'Where it stands.'),
    statusChangedAt: column('DateTime', 'status_changed_at', 'Since when it stands there.'),
    statusChangedBy: embed(() => Actor, { kind: 'status_changed_by_kind', id: 'status_changed_by_id' }, 'Who put it there.'),
    snoozedUntil: column('DateTime', 'snoozed_until', 'When it opens by itself; null unless SNOOZED.', { nullable: true }),
    closedAt: column('DateTime', 'closed_at', 'When it was closed; null while it is not.', { nullable: true }),
    channels: column(listOf(Channel), 'channels', 'Every channel that it used, in order of first use. Empty right after it was opened.'),
    lastInboundChannel: column(Channel, 'last_inbound_channel', 'The channel that the customer used last, by which `sendMessage` answers. Null when the team began and nobody answered yet.', { nullable: true }),
    assignee: one(() => Member, 'assignee_id', 'The member who takes care of it; null when nobody does yet.', { nullable: true, permission: 'workspace:read' }),
    team: one(() => Team, 'team_id', 'The team that takes care of it; null when none does.', { nullable: true, permission: 'workspace:read' }),
    queue: one(() => Queue, 'queue_id', 'The queue that it waits in, by a routing rule or by hand; null until it is routed.', { nullable: true, permission: 'workspace:read' }),
    priority: column(Priority, 'priority', 'How urgent it is.'),
    tags: column(listOf('String'), 'tags', 'Its tags, in order of first use.'),
    language: column('String', 'language', 'The language of the customer\'s messages as a BCP 47 tag (`en`, `pt-BR`); null when no channel said.', { nullable: true }),
    waitingSince: column('DateTime', 'waiting_since', 'Since when the customer waits for an answer; null when he does not wait.', { nullable: true }),
    firstResponseAt: column('DateTime', 'first_response_at', 'When a member or bot first answered the customer, or picked up his call; null when nobody has.', { nullable: true }),
    lastActivityAt: column('DateTime', 'last_activity_at', 'The latest message, call or change of status: what the inbox is ordered by.'),
    messageCount: column('Int', 'message_count', 'How many messages it has, in both directions.', { permission: 'messages:read' }),
    reopenCount: column('Int', 'reopen_count', 'How often it was opened again after it was closed.'),
    relatedConversation: one(() => Conversation, 'related_conversation_id', 'The earlier conversation that a late or a stranger\'s reply answered; null for most.', { nullable: true }),
    groupId: column('String', 'group_id', 'The group whose matter it is, as the provider names it: `sendMessage` answers all of it. Null for most.', { nullable: true }),
    mergedInto: one(() => Conversation, 'merged_into_id', 'The conversation that all of this one is in now: this one is closed, and stays so until that is undone (`undoConversationChange`). Null for most.', { nullable: true }),
    customer: one(() => Customer, (row) => ownerOf('identity_id', row), 'The customer whose matter it is: whoever owns the address that opened it now.', { permission: 'customers:read' }),
    openedBy: one(() => Identity, 'identity_id', 'The address that it was opened by or for.', { permission: 'customers:contact' }),
    participants: list(() => Identity, 'The addresses that wrote in it or were written to, the first of them first; at most 100.', {
      among: (parent, scope) => `select p.identity_id from conversation_participants p where p.conversation_id = ${parent} and ${scope('p')}`,
      order: 'created_at, id', max: 100, permission: 'customers:contact',
    }),
    unreadCount: expression(
      'Int',
      (c, viewer) => `(select count(*)::int from messages um where um.workspace_id = ${c}.workspace_id and um.conversation_id = ${c}.id and um.direction = 'INBOUND'
        and um.created_at > coalesce((select r.read_at from conversation_reads r where r.workspace_id = ${c}.workspace_id and r.conversation_id = ${c}.id and r.member_id = ${viewer.memberId()}), '-infinity'))`,
      'Inbound messages that the acting member has not read (see `markRead`). For a key, which is no person, all of them.',
      { perViewer: true, permission: 'messages:read' },
    ),
    eventCount: expression('Int', (c) => `${c}.seq::int`, 'The number of the conversation\'s latest event; its events are numbered from 1 without gaps.', { permission: 'events:read' }),
    version: column('Int', 'version', 'Rises with every change; hand it back as `expectedVersion` to change what you saw.'),
    createdAt: column('DateTime', 'created_at', 'When it was opened: by the team, or by the earliest of what arrived, whichever was delivered first; of imported history, when it began.'),
  },
});

const ORDERS = {
  LAST_ACTIVITY: { description: 'The latest activity first.', columns: ['last_activity_at'], descending: true },
  WAITING_LONGEST: { description: 'Who waits longest first; conversations in which nobody waits come last.', columns: ['waiting_order'], descending: false },
  CREATED: { description: 'The newest first.', columns: ['created_at'], descending: true },
};
const FILTER: Record<string, FilterField> = {
  status: { type: ConversationStatus, column: 'status', description: 'Stands there.' },
  statusIn: { type: ConversationStatus, column: 'status', list: true, description: 'Stands at one of these.' },
  assigneeId: { type: { kind: 'id', prefix: 'mem' }, column: 'assignee_id', nullable: true, description: 'Is this member\'s; null: nobody\'s.' },
  teamId: { type: { kind: 'id', prefix: 'tea' }, column: 'team_id', nullable: true, description: 'Is this team\'s; null: no team\'s.' },
  queueId: { type: { kind: 'id', prefix: 'que' }, column: 'queue_id', nullable: true, description: 'Waits in this queue; null: in none.' },
  channel: { type: Channel, sql: (row, value) => `${row}.channels @> array[${value}]`, description: 'Used this channel.' },
  priority: { type: Priority, column: 'priority', description: 'Is this urgent.' },
  tag: { type: 'String', sql: (row, value) => `${row}.tags @> array[${value}]`, description: 'Has this tag, spelled the same.' },
  tier: {
    type: 'String',
    sql: (row, value) => `exists (select from identities ti join customers tc on tc.workspace_id = ti.workspace_id and tc.id = ti.customer_id
      where ti.workspace_id = ${row}.workspace_id and ti.id = ${row}.identity_id and tc.tier = ${value})`,
    description: 'Its customer has this tier.',
  },
  waiting: { type: 'Boolean', sql: (row, value) => `(${row}.waiting_since is not null) = ${value}`, description: 'Whether the customer waits for an answer.' },
  createdAfter: { type: 'DateTime', sql: (row, value) => `${row}.created_at >= ${value}`, description: 'Was opened then or later.' },
  createdBefore: { type: 'DateTime', sql: (row, value) => `${row}.created_at < ${value}`, description: 'Was opened earlier.' },
};

query({
  conversation: byId(() => Conversation, 'One conversation; null when the workspace has none of that id.', { permission: 'conversations:read' }),
  conversations: many(() => Conversation, 'The inbox: every conversation of the workspace that matches `filter`.', {
    orders: ORDERS, filter: FILTER, typeName: 'Conversation', permission: 'conversations:read',
  }),
});

extend(Customer, {
  conversations: many(() => Conversation, 'Every conversation that one of the customer\'s addresses takes part in, over all channels.', {
    among: (parent, scope) => `select p.conversation_id from identities ci join conversation_participants p on p.workspace_id = ci.workspace_id and p.identity_id = ci.id
      where ci.customer_id = ${parent} and ${scope('ci')}`,
    orders: ORDERS, filter: FILTER, typeName: 'Conversation', permission: 'conversations:read',
  }),
});

