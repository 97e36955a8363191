// A conversation is one matter. It may cross channels, so it has none of its own.
import { sql } from 'drizzle-orm';
import { bigint, foreignKey, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { channelAccounts } from './channels.ts';
import { id, moment, oneOf, workspaceId } from './columns.ts';
import { identities } from './identities.ts';
import { ACTOR_KINDS, members, queues, teams } from './workspaces.ts';

export const CONVERSATION_STATUSES = ['OPEN', 'PENDING', 'SNOOZED', 'CLOSED'] as const;
/** SPLIT: things went into a conversation made for them. MERGE: all of a conversation went into another. MOVE: some went into another. UNDO: what one of these did was taken back. */
export const CONVERSATION_CHANGES = ['SPLIT', 'MERGE', 'MOVE', 'UNDO'] as const;
export const CHANGED_THINGS = ['MESSAGE', 'CALL', 'NOTE', 'PARTICIPANT'] as const;
export const PRIORITIES = ['LOW', 'NORMAL', 'HIGH', 'URGENT'] as const;
/** The `waiting_order` of a conversation in which nobody waits: after all that do. */
export const NOT_WAITING = '9999-12-31T00:00:00.000Z';

export const conversations = pgTable('conversations', {
  workspaceId: workspaceId(),
  id: id(),
  /** Who opened it. Its customer is whoever owns this identity now. */
  identityId: uuid().notNull(),
  subject: text(),
  status: text().notNull().default('OPEN'),
  statusChangedAt: moment().notNull(),
  statusChangedByKind: text().notNull(),
  statusChangedById: uuid(),
  snoozedUntil: moment(),
  closedAt: moment(),
  /** When imported history that it was begun by ended, and it was closed so; null of what began here. Stays when it is opened again. */
  historyEndedAt: moment(),
  /** Every channel that a message of it used, in order of first use. */
  channels: text().array().notNull().default(sql`'{}'`),
  lastInboundChannel: text(),
  assigneeId: uuid(),
  teamId: uuid(),
  queueId: uuid(),
  priority: text().notNull().default('NORMAL'),
  tags: text().array().notNull().default(sql`'{}'`),
  language: text(),
  /** Since when the customer waits for an answer; null when nobody waits. */
  waitingSince: moment(),
  /** `waiting_since`, or NOT_WAITING: what the inbox sorts by. */
  waitingOrder: moment().notNull(),
  lastMessageId: uuid(),
  lastMessageAt: moment(),
  lastActivityAt: moment().notNull(),
  messageCount: integer().notNull().default(0),
  firstInboundAt: moment(),
  /** When a member or bot first answered the customer. */
  firstResponseAt: moment(),
  reopenCount: integer().notNull().default(0),
  /** The earlier matter that a late reply answered. */
  relatedConversationId: uuid(),
  /** The group whose matter it is, as the provider names it: nothing that its members write to us alone gets into it. Null for most. */
  groupId: text(),
  /** Where all of it went, which is why nothing is in it; it stays closed until that is undone. */
  mergedIntoId: uuid(),
  /** Numbers the conversation's events, without gaps; raised under the row's lock. */
  seq: bigint({ mode: 'number' }).notNull().default(0),
  version: integer().notNull().default(1),
  createdAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'conversations_identity', columns: [t.workspaceId, t.identityId], foreignColumns: [identities.workspaceId, identities.id] }),
  foreignKey({ name: 'conversations_assignee', columns: [t.workspaceId, t.assigneeId], foreignColumns: [members.workspaceId, members.id] }),
  foreignKey({ name: 'conversations_team', columns: [t.workspaceId, t.teamId], foreignColumns: [teams.workspaceId, teams.id] }),
  foreignKey({ name: 'conversations_queue', columns: [t.workspaceId, t.queueId], foreignColumns: [queues.workspaceId, queues.id] }),
  foreignKey({ name: 'conversations_related', columns: [t.workspaceId, t.relatedConversationId], foreignColumns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'conversations_merged_into', columns: [t.workspaceId, t.mergedIntoId], foreignColumns: [t.workspaceId, t.id] }),
  oneOf('conversations_status', t.status, CONVERSATION_STATUSES),
  oneOf('conversations_priority', t.priority, PRIORITIES),
  oneOf('conversations_actor', t.statusChangedByKind, ACTOR_KINDS),
  index('conversations_by_activity').on(t.workspaceId, t.lastActivityAt, t.id),
  index('conversations_by_status').on(t.workspaceId, t.status, t.lastActivityAt, t.id),
  index('conversations_by_waiting').on(t.workspaceId, t.status, t.waitingOrder, t.id),
  index('conversations_by_assignee').on(t.workspaceId, t.assigneeId, t.status, t.lastActivityAt, t.id),
  index('conversations_by_queue').on(t.workspaceId, t.queueId, t.status, t.lastActivityAt, t.id),
  index('conversations_by_identity').on(t.workspaceId, t.identityId),
  index('conversations_by_creation').on(t.workspaceId, t.createdAt, t.id),
  index('conversations_by_first_response').on(t.workspaceId, t.firstResponseAt).where(sql`first_response_at is not null`),
  index('conversations_by_history_end').on(t.workspaceId, t.historyEndedAt).where(sql`history_ended_at is not null`),
  index('conversations_snoozed').on(t.snoozedUntil).where(sql`status = 'SNOOZED'`),
  index('conversations_tags').using('gin', t.tags),
]);

/** Whose customers see the conversation: everybody who wrote in it or was written to. */
export const conversationParticipants = pgTable('conversation_participants', {
  workspaceId: workspaceId(),
  conversationId: uuid().notNull(),
  identityId: uuid().notNull(),
  joinedAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.conversationId, t.identityId] }),
  foreignKey({ name: 'conversation_participants_conversation', columns: [t.workspaceId, t.conversationId], foreignColumns: [conversations.workspaceId, conversations.id] }),
  foreignKey({ name: 'conversation_participants_identity', columns: [t.workspaceId, t.identityId], foreignColumns: [identities.workspaceId, identities.id] }),
  index('conversation_participants_by_identity').on(t.workspaceId, t.identityId, t.conversationId),
]);

/**
 * A provider's thread key -> our conversation. MESSAGE: one message's id (a Message-ID, a wamid), in or out; a reply to it joins.
 * STANDING: a lane that never ends (an SMS pair, a chat visitor); it only finds the open matter, and a new conversation repoints it.
 */
export const THREAD_KINDS = ['MESSAGE', 'STANDING'] as const;
export const threads = pgTable('threads', {
  workspaceId: workspaceId(),
  accountId: uuid().notNull(),
  key: text().notNull(),
  kind: text().notNull(),
  conversationId: uuid().notNull(),
  messageId: uuid(),
  createdAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.accountId, t.key] }),
  foreignKey({ name: 'threads_account', columns: [t.workspaceId, t.accountId], foreignColumns: [channelAccounts.workspaceId, channelAccounts.id] }),
  foreignKey({ name: 'threads_conversation', columns: [t.workspaceId, t.conversationId], foreignColumns: [conversations.workspaceId, conversations.id] }),
  index('threads_by_conversation').on(t.workspaceId, t.conversationId),
  oneOf('threads_kind', t.kind, THREAD_KINDS),
]);

/** That things went from one conversation to another, by whom; it can be undone once, which is a change of its own. */
export const conversationChanges = pgTable('conversation_changes', {
  workspaceId: workspaceId(),
  id: id(),
  kind: text().notNull(),
  fromConversationId: uuid().notNull(),
  toConversationId: uuid().notNull(),
  /** Where the conversation that they left stood before. */
  fromStatus: text().notNull(),
  messageCount: integer().notNull(),
  callCount: integer().notNull(),
  noteCount: integer().notNull(),
  /** Of an UNDO: what it took back. */
  undoesChangeId: uuid(),
  undoneByChangeId: uuid(),
  changedAt: moment().notNull(),
  changedByKind: text().notNull(),
  changedById: uuid(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'conversation_changes_from', columns: [t.workspaceId, t.fromConversationId], foreignColumns: [conversations.workspaceId, conversations.id] }),
  foreignKey({ name: 'conversation_changes_to', columns: [t.workspaceId, t.toConversationId], foreignColumns: [conversations.workspaceId, conversations.id] }),
  foreignKey({ name: 'conversation_changes_undoes', columns: [t.workspaceId, t.undoesChangeId], foreignColumns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'conversation_changes_undone_by', columns: [t.workspaceId, t.undoneByChangeId], foreignColumns: [t.workspaceId, t.id] }),
  index('conversation_changes_by_from').on(t.workspaceId, t.fromConversationId, t.changedAt, t.id),
  index('conversation_changes_by_to').on(t.workspaceId, t.toConversationId, t.changedAt, t.id),
  oneOf('conversation_changes_kind', t.kind, CONVERSATION_CHANGES),
  oneOf('conversation_changes_status', t.fromStatus, CONVERSATION_STATUSES),
  oneOf('conversation_changes_actor', t.changedByKind, ACTOR_KINDS),
]);

/** What went. `before`: of a message why it stood where it was; of a participant whether he took part there already (PRESENT), began to (JOINED), or had opened what it left and has nothing in it any more (OPENER). */
export const conversationChangeItems = pgTable('conversation_change_items', {
  workspaceId: workspaceId(),
  changeId: uuid().notNull(),
  kind: text().notNull(),
  refId: uuid().notNull(),
  before: text(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.changeId, t.kind, t.refId] }),
  foreignKey({ name: 'conversation_change_items_change', columns: [t.workspaceId, t.changeId], foreignColumns: [conversationChanges.workspaceId, conversationChanges.id] }),
  oneOf('conversation_change_items_kind', t.kind, CHANGED_THINGS),
]);

/** How far a member has read: the highest event number (`conversations.seq`) seen. */
export const conversationReads = pgTable('conversation_reads', {
  workspaceId: workspaceId(),
  conversationId: uuid().notNull(),
  memberId: uuid().notNull(),
  seq: bigint({ mode: 'number' }).notNull(),
  readAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.conversationId, t.memberId] }),
  foreignKey({ name: 'conversation_reads_conversation', columns: [t.workspaceId, t.conversationId], foreignColumns: [conversations.workspaceId, conversations.id] }),
  foreignKey({ name: 'conversation_reads_member', columns: [t.workspaceId, t.memberId], foreignColumns: [members.workspaceId, members.id] }),
]);
