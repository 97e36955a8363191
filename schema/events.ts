// The one log (events), what waits to be numbered (event_outbox), who reads it (consumers), and the timeline that it makes.
import { sql } from 'drizzle-orm';
import { bigint, bigserial, foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { CHANNELS } from './channels.ts';
import { id, moment, oneOf, workspaceId } from './columns.ts';
import { identities } from './identities.ts';
import { ACTOR_KINDS, bytea } from './workspaces.ts';

/** Events that their action committed and that have no position yet. `sequence_events` moves them to `events`, in `ordinal` order. */
export const eventOutbox = pgTable('event_outbox', {
  ordinal: bigserial({ mode: 'number' }).primaryKey(),
  workspaceId: workspaceId(),
  id: id(),
  kind: text().notNull(),
  conversationId: uuid(),
  conversationSeq: bigint({ mode: 'number' }),
  actorKind: text().notNull(),
  actorId: uuid(),
  /** Ids, enums, counts and versions: never names, addresses or text. */
  data: jsonb().notNull(),
  occurredAt: moment().notNull(),
  source: bytea(),
}, (t) => [oneOf('event_outbox_actor', t.actorKind, ACTOR_KINDS)]);

/** The log. Never updated, never deleted from. `position` is dense over the whole log; `hash` chains a workspace's events. */
export const events = pgTable('events', {
  workspaceId: workspaceId(),
  position: bigint({ mode: 'number' }).notNull(),
  id: id(),
  kind: text().notNull(),
  conversationId: uuid(),
  conversationSeq: bigint({ mode: 'number' }),
  actorKind: text().notNull(),
  actorId: uuid(),
  data: jsonb().notNull(),
  occurredAt: moment().notNull(),
  hash: bytea().notNull(),
  /** From where (`event_sources.hash`); null for what no caller did. */
  source: bytea(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.position] }),
  uniqueIndex('events_position').on(t.position),
  uniqueIndex('events_id').on(t.workspaceId, t.id),
  index('events_by_conversation').on(t.workspaceId, t.conversationId, t.conversationSeq),
]);

export const CREDENTIAL_KINDS = ['API_KEY', 'MEMBER_TOKEN', 'VISITOR_TOKEN', 'PUBLISHABLE_KEY'] as const;

/**
 * From where what the log tells was done: a row a request. Outside of the log, so that an erase can take a person's address out; and named by its
 * own hash, which the log's chain covers: another address or credential is noticed, an erased one is seen to be erased.
 */
export const eventSources = pgTable('event_sources', {
  workspaceId: workspaceId(),
  /** SHA-256 of the credential and `address_hash` (`event_source_hash`). */
  hash: bytea().notNull(),
  credentialKind: text().notNull(),
  /** The key's id, the token's, or for a publishable key the chat account's. */
  credentialId: uuid().notNull(),
  /** The visitor's identity: whose address it is, for an erase. */
  identityId: uuid(),
  /** SHA-256 of `salt` and `address`. Without the salt nobody can try addresses. */
  addressHash: bytea().notNull(),
  salt: bytea(),
  /** The caller's network address; null when it was erased, or nobody could tell. */
  address: text(),
  createdAt: moment().notNull(),
  erasedAt: moment(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.hash] }),
  index('event_sources_by_identity').on(t.workspaceId, t.identityId),
  oneOf('event_sources_credential', t.credentialKind, CREDENTIAL_KINDS),
]);

/** One row: the log's last position. */
export const logState = pgTable('log_state', {
  log: integer().primaryKey(),
  position: bigint({ mode: 'number' }).notNull(),
  /** hash(system identifier, database oid, timeline): changes when the database is restored elsewhere, and old cursors get RESYNC. */
  epoch: text().notNull(),
});

/** The hash of each workspace's last event. */
export const eventChains = pgTable('event_chains', {
  workspaceId: uuid().primaryKey(),
  position: bigint({ mode: 'number' }).notNull(),
  hash: bytea().notNull(),
});

/** How far each durable consumer of the log has come. */
export const consumers = pgTable('consumers', {
  name: text().primaryKey(),
  position: bigint({ mode: 'number' }).notNull(),
  updatedAt: moment().notNull(),
});

/** An event that a consumer could not take after several tries: set aside so that the rest goes on. */
export const consumerFailures = pgTable('consumer_failures', {
  consumer: text().notNull(),
  workspaceId: workspaceId(),
  position: bigint({ mode: 'number' }).notNull(),
  error: text().notNull(),
  failedAt: moment().notNull(),
}, (t) => [primaryKey({ columns: [t.consumer, t.workspaceId, t.position] })]);

export const TIMELINE_KINDS = ['MESSAGE', 'CALL', 'NOTE', 'CONVERSATION_OPENED', 'STATUS_CHANGE', 'ASSIGNMENT', 'RECORD_CHANGE', 'IDENTITY_CHANGE', 'CLAIM', 'MOVED_OUT', 'MOVED_IN', 'REFERRAL'] as const;

/** One row a thing that happened to a person; a read is a top-N per identity, merged. `ref_id` is the subject's id in the table that `kind` names. */
export const timelineEntries = pgTable('timeline_entries', {
  workspaceId: workspaceId(),
  identityId: uuid().notNull(),
  occurredAt: moment().notNull(),
  tie: integer().notNull().default(0),
  id: id(),
  kind: text().notNull(),
  refId: uuid().notNull(),
  conversationId: uuid(),
  channel: text(),
  actorKind: text().notNull(),
  actorId: uuid(),
  /** Ids, enums and counts that the summary is made of. */
  data: jsonb().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'timeline_entries_identity', columns: [t.workspaceId, t.identityId], foreignColumns: [identities.workspaceId, identities.id] }),
  index('timeline_entries_by_identity').on(t.workspaceId, t.identityId, t.occurredAt, t.tie, t.id),
  index('timeline_entries_by_conversation').on(t.workspaceId, t.conversationId, t.occurredAt, t.tie, t.id),
  index('timeline_entries_status_changes').on(t.workspaceId, t.occurredAt).where(sql`kind = 'STATUS_CHANGE'`),
  uniqueIndex('timeline_entries_subject').on(t.workspaceId, t.kind, t.refId, t.identityId),
  oneOf('timeline_entries_kind', t.kind, TIMELINE_KINDS),
  oneOf('timeline_entries_channel', t.channel, CHANNELS),
  oneOf('timeline_entries_actor', t.actorKind, ACTOR_KINDS),
]);
