// What agents write down, and what other systems know of the customer: both in versions.
import { sql } from 'drizzle-orm';
import { foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { id, moment, oneOf, workspaceId } from './columns.ts';
import { conversations } from './conversations.ts';
import { identities } from './identities.ts';
import { ACTOR_KINDS } from './workspaces.ts';

export const notes = pgTable('notes', {
  workspaceId: workspaceId(),
  id: id(),
  identityId: uuid().notNull(),
  conversationId: uuid(),
  authorKind: text().notNull(),
  authorId: uuid(),
  /** The latest version's text (see note_versions). */
  body: text().notNull(),
  pinnedAt: moment(),
  pinnedByKind: text(),
  pinnedById: uuid(),
  editedAt: moment(),
  version: integer().notNull().default(1),
  createdAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'notes_identity', columns: [t.workspaceId, t.identityId], foreignColumns: [identities.workspaceId, identities.id] }),
  foreignKey({ name: 'notes_conversation', columns: [t.workspaceId, t.conversationId], foreignColumns: [conversations.workspaceId, conversations.id] }),
  index('notes_by_identity').on(t.workspaceId, t.identityId, t.createdAt, t.id),
  index('notes_by_conversation').on(t.workspaceId, t.conversationId, t.createdAt, t.id),
  oneOf('notes_author', t.authorKind, ACTOR_KINDS),
]);

export const noteVersions = pgTable('note_versions', {
  workspaceId: workspaceId(),
  noteId: uuid().notNull(),
  version: integer().notNull(),
  body: text().notNull(),
  writtenByKind: text().notNull(),
  writtenById: uuid(),
  writtenAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.noteId, t.version] }),
  foreignKey({ name: 'note_versions_note', columns: [t.workspaceId, t.noteId], foreignColumns: [notes.workspaceId, notes.id] }),
]);

/** An order, deal, account … of another system. */
export const externalRecords = pgTable('external_records', {
  workspaceId: workspaceId(),
  id: id(),
  /** Whose it is; null while the system named nobody that we know. */
  identityId: uuid(),
  system: text().notNull(),
  type: text().notNull(),
  externalId: text().notNull(),
  /** What people call it: an order's number. Searched. */
  number: text(),
  title: text(),
  url: text(),
  status: text(),
  fields: jsonb().notNull().default(sql`'{}'`),
  version: integer().notNull().default(1),
  createdAt: moment().notNull(),
  updatedAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'external_records_identity', columns: [t.workspaceId, t.identityId], foreignColumns: [identities.workspaceId, identities.id] }),
  uniqueIndex('external_records_key').on(t.workspaceId, t.system, t.type, t.externalId),
  index('external_records_by_identity').on(t.workspaceId, t.identityId, t.updatedAt, t.id),
  index('external_records_by_number').on(t.workspaceId, t.number),
  index('external_records_by_update').on(t.workspaceId, t.updatedAt, t.id),
]);

export const externalRecordVersions = pgTable('external_record_versions', {
  workspaceId: workspaceId(),
  externalRecordId: uuid().notNull(),
  version: integer().notNull(),
  content: jsonb().notNull(),
  writtenByKind: text().notNull(),
  writtenById: uuid(),
  writtenAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.externalRecordId, t.version] }),
  foreignKey({ name: 'external_record_versions_record', columns: [t.workspaceId, t.externalRecordId], foreignColumns: [externalRecords.workspaceId, externalRecords.id] }),
]);

/** A note about an order. */
export const noteLinks = pgTable('note_links', {
  workspaceId: workspaceId(),
  noteId: uuid().notNull(),
  externalRecordId: uuid().notNull(),
  linkedAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.noteId, t.externalRecordId] }),
  foreignKey({ name: 'note_links_note', columns: [t.workspaceId, t.noteId], foreignColumns: [notes.workspaceId, notes.id] }),
  foreignKey({ name: 'note_links_record', columns: [t.workspaceId, t.externalRecordId], foreignColumns: [externalRecords.workspaceId, externalRecords.id] }),
  index('note_links_by_record').on(t.workspaceId, t.externalRecordId),
]);
