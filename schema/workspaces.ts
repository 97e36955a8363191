// Tenants, the people who work in them, and the keys by which programs act for them.
import { sql } from 'drizzle-orm';
import { boolean, customType, foreignKey, index, integer, jsonb, pgTable, primaryKey, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { id, moment, oneOf, workspaceId } from './columns.ts';

export const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

/** What an inbound message that answers nothing joins: the customer's open conversation in any channel, or one of its own channel. */
export const CONTINUITIES = ['ONE_OPEN_MATTER', 'ONE_PER_CHANNEL'] as const;
export const API_ROLES = ['ADMIN', 'AGENT', 'INTEGRATOR', 'REPORTING'] as const;
/** Who acted; stored as (kind, id) on every event, message and note. */
export const ACTOR_KINDS = ['MEMBER', 'API_KEY', 'CUSTOMER', 'BOT', 'SYSTEM', 'EXTERNAL'] as const;

export const workspaces = pgTable('workspaces', {
  id: uuid().primaryKey(),
  name: text().notNull(),
  timeZone: text().notNull().default('UTC'),
  continuity: text().notNull().default('ONE_OPEN_MATTER'),
  /** Hours after closing within which a reply reopens the conversation; later it opens a new one, linked as related. */
  reopenHours: integer().notNull().default(72),
  /** Origins that browsers may call from, for HTTP and WebSocket alike. */
  allowedOrigins: text().array().notNull().default(sql`'{}'`),
  version: integer().notNull().default(1),
  createdAt: moment().notNull(),
  updatedAt: moment().notNull(),
}, (t) => [oneOf('workspaces_continuity', t.continuity, CONTINUITIES)]);

export const members = pgTable('members', {
  workspaceId: workspaceId().references(() => workspaces.id),
  id: id(),
  name: text().notNull(),
  email: text().notNull(),
  role: text().notNull().default('AGENT'),
  deactivatedAt: moment(),
  version: integer().notNull().default(1),
  createdAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  unique('members_email').on(t.workspaceId, t.email),
  index('members_by_creation').on(t.workspaceId, t.createdAt, t.id),
  oneOf('members_role', t.role, API_ROLES),
]);

export const teams = pgTable('teams', {
  workspaceId: workspaceId().references(() => workspaces.id),
  id: id(),
  name: text().notNull(),
  createdAt: moment().notNull(),
}, (t) => [primaryKey({ columns: [t.workspaceId, t.id] }), unique('teams_name').on(t.workspaceId, t.name)]);

export const teamMembers = pgTable('team_members', {
  workspaceId: workspaceId(),
  teamId: uuid().notNull(),
  memberId: uuid().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.teamId, t.memberId] }),
  foreignKey({ name: 'team_members_team', columns: [t.workspaceId, t.teamId], foreignColumns: [teams.workspaceId, teams.id] }),
  foreignKey({ name: 'team_members_member', columns: [t.workspaceId, t.memberId], foreignColumns: [members.workspaceId, members.id] }),
  index('team_members_by_member').on(t.workspaceId, t.memberId),
]);

/** When a team is at work: `hours` is `[{ day: 1..7, from: "09:00", to: "17:30" }]`, Monday is 1, local to `timeZone`. */
export const businessHours = pgTable('business_hours', {
  workspaceId: workspaceId().references(() => workspaces.id),
  id: id(),
  name: text().notNull(),
  timeZone: text().notNull(),
  hours: jsonb().notNull(),
  createdAt: moment().notNull(),
}, (t) => [primaryKey({ columns: [t.workspaceId, t.id] }), unique('business_hours_name').on(t.workspaceId, t.name)]);

export const queues = pgTable('queues', {
  workspaceId: workspaceId().references(() => workspaces.id),
  id: id(),
  name: text().notNull(),
  description: text(),
  businessHoursId: uuid(),
  isDefault: boolean().notNull().default(false),
  version: integer().notNull().default(1),
  createdAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  unique('queues_name').on(t.workspaceId, t.name),
  uniqueIndex('queues_default').on(t.workspaceId).where(sql`is_default`),
  foreignKey({ name: 'queues_business_hours', columns: [t.workspaceId, t.businessHoursId], foreignColumns: [businessHours.workspaceId, businessHours.id] }),
]);

/** A program's credential. Only its SHA-256 is stored; `hint` is the first characters of its text, to tell keys apart. */
export const apiKeys = pgTable('api_keys', {
  workspaceId: workspaceId().references(() => workspaces.id),
  id: id(),
  name: text().notNull(),
  role: text().notNull(),
  /** Permissions that the key is narrowed to; empty: all of its role. */
  scopes: text().array().notNull().default(sql`'{}'`),
  hash: bytea().notNull(),
  hint: text().notNull(),
  createdAt: moment().notNull(),
  createdByKind: text().notNull(),
  createdById: uuid(),
  expiresAt: moment(),
  revokedAt: moment(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  unique('api_keys_hash').on(t.hash),
  oneOf('api_keys_role', t.role, API_ROLES),
  oneOf('api_keys_created_by', t.createdByKind, ACTOR_KINDS),
]);

/** Signed tokens that were given out, so that they can be revoked: to members (a front end acts as a person) and to end customers. */
export const TOKEN_KINDS = ['MEMBER', 'VISITOR'] as const;
export const tokens = pgTable('tokens', {
  workspaceId: workspaceId().references(() => workspaces.id),
  /** The token's `jti`. */
  id: id(),
  kind: text().notNull(),
  memberId: uuid(),
  /** The visitor's identity. */
  identityId: uuid(),
  /** The live-chat or in-app account that the visitor came by. */
  accountId: uuid(),
  createdAt: moment().notNull(),
  expiresAt: moment().notNull(),
  revokedAt: moment(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  oneOf('tokens_kind', t.kind, TOKEN_KINDS),
  foreignKey({ name: 'tokens_member', columns: [t.workspaceId, t.memberId], foreignColumns: [members.workspaceId, members.id] }),
  // A token is looked up by its own id alone, before its workspace is known.
  uniqueIndex('tokens_id').on(t.id),
  index('tokens_by_expiry').on(t.expiresAt),
]);

/** One row a mutation with an idempotency key: the same key with the same input answers the same; with another it is refused. Kept at least 7 days. */
export const idempotencyKeys = pgTable('idempotency_keys', {
  workspaceId: workspaceId().references(() => workspaces.id),
  actorKind: text().notNull(),
  actorId: uuid().notNull(),
  key: text().notNull(),
  requestHash: bytea().notNull(),
  /** Ids of what was made, from which the payload is read again. */
  result: jsonb().notNull(),
  createdAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.actorKind, t.actorId, t.key] }),
  index('idempotency_keys_by_age').on(t.createdAt),
]);

/** The server's own keys that outlive SECRET_KEY, sealed under it: `hash` is what addresses are compared by for good (platform/secrets.ts). */
export const serverKeys = pgTable('server_keys', {
  name: text().primaryKey(),
  sealed: bytea().notNull(),
  createdAt: moment().notNull(),
});
