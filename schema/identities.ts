// Customers and the contact points (identities) by which they are known. Everything that happens hangs on an identity, never on a customer.
import { sql } from 'drizzle-orm';
import { boolean, foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { id, moment, oneOf, workspaceId } from './columns.ts';
import { ACTOR_KINDS, workspaces } from './workspaces.ts';

export const IDENTITY_KINDS = ['SELF', 'PHONE', 'EMAIL', 'WA_BSUID', 'WA_PARENT_BSUID', 'PSID', 'IGSID', 'X_USER_ID', 'SIP_URI', 'VISITOR', 'EXTERNAL_ID'] as const;
/** How far an address may be believed. What a visitor only typed (CLAIMED) is a claim, never an identity. */
export const TRUSTS = ['CLAIMED', 'ATTESTED', 'VERIFIED'] as const;
export const CUSTOMER_STATES = ['ACTIVE', 'MERGED', 'ERASED'] as const;
export const CLAIM_STATES = ['PENDING', 'CONFIRMED', 'REJECTED'] as const;

export const customers = pgTable('customers', {
  workspaceId: workspaceId().references(() => workspaces.id),
  id: id(),
  /** The one identity of kind SELF: what has no contact point hangs here. Set in the transaction that creates the customer. */
  selfIdentityId: uuid().notNull(),
  state: text().notNull().default('ACTIVE'),
  /** Derived from `attribute_observations` (see customers/survivorship): shown values, kept here so that lists can filter and sort. */
  name: text(),
  language: text(),
  tier: text(),
  company: text(),
  tags: text().array().notNull().default(sql`'{}'`),
  /** Custom attributes, `{ key: value }`. */
  attributes: jsonb().notNull().default(sql`'{}'`),
  lastActivityAt: moment().notNull(),
  version: integer().notNull().default(1),
  createdAt: moment().notNull(),
  updatedAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  oneOf('customers_state', t.state, CUSTOMER_STATES),
  index('customers_by_activity').on(t.workspaceId, t.lastActivityAt, t.id),
  index('customers_by_creation').on(t.workspaceId, t.createdAt, t.id),
  index('customers_by_tier').on(t.workspaceId, t.tier, t.lastActivityAt, t.id),
]);

export const identities = pgTable('identities', {
  workspaceId: workspaceId(),
  id: id(),
  customerId: uuid().notNull(),
  kind: text().notNull(),
  /** What the value is unique within: '' for addresses of the world, else the Page, portfolio, live-chat account or system. */
  namespace: text().notNull().default(''),
  /** The normal form (see identities/address). */
  value: text().notNull(),
  /** As the provider sent it. */
  valueRaw: text().notNull(),
  trust: text().notNull(),
  displayName: text(),
  username: text(),
  /** The identity by which this one came to its customer, and the evidence: `{ reason, accountId?, messageId? }`. */
  linkedViaIdentityId: uuid(),
  evidence: jsonb().notNull().default(sql`'{}'`),
  /** Used by many people (info@, a shop's tablet): routed, never a key for linking. */
  isShared: boolean().notNull().default(false),
  verifiedAt: moment(),
  verifiedByKind: text(),
  verifiedById: uuid(),
  firstSeenAt: moment().notNull(),
  lastSeenAt: moment().notNull(),
  /** When the address stopped being this person's (a recycled number); null while current. */
  validTo: moment(),
  /** The address that the provider says the same person has instead; null unless it was retired for that. */
  replacedById: uuid(),
  createdAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'identities_customer', columns: [t.workspaceId, t.customerId], foreignColumns: [customers.workspaceId, customers.id] }),
  foreignKey({ name: 'identities_linked_via', columns: [t.workspaceId, t.linkedViaIdentityId], foreignColumns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'identities_replaced_by', columns: [t.workspaceId, t.replacedById], foreignColumns: [t.workspaceId, t.id] }),
  uniqueIndex('identities_address').on(t.workspaceId, t.kind, t.namespace, t.value).where(sql`valid_to is null`),
  index('identities_by_customer').on(t.workspaceId, t.customerId, t.createdAt, t.id),
  index('identities_by_value').on(t.workspaceId, t.kind, t.value),
  oneOf('identities_kind', t.kind, IDENTITY_KINDS),
  oneOf('identities_trust', t.trust, TRUSTS),
]);

/** Whose an identity was, from when to when: what a merge and its reversal write. */
export const identityOwners = pgTable('identity_owners', {
  workspaceId: workspaceId(),
  identityId: uuid().notNull(),
  customerId: uuid().notNull(),
  fromAt: moment().notNull(),
  toAt: moment(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.identityId, t.fromAt] }),
  foreignKey({ name: 'identity_owners_identity', columns: [t.workspaceId, t.identityId], foreignColumns: [identities.workspaceId, identities.id] }),
  foreignKey({ name: 'identity_owners_customer', columns: [t.workspaceId, t.customerId], foreignColumns: [customers.workspaceId, customers.id] }),
  index('identity_owners_by_customer').on(t.workspaceId, t.customerId),
]);

/** What a visitor typed of himself. It occupies no address: it is matched by (kind, value) when read, since the owner may appear later. */
export const claims = pgTable('claims', {
  workspaceId: workspaceId(),
  id: id(),
  claimantIdentityId: uuid().notNull(),
  kind: text().notNull(),
  value: text().notNull(),
  valueRaw: text().notNull(),
  state: text().notNull().default('PENDING'),
  decidedAt: moment(),
  decidedByKind: text(),
  decidedById: uuid(),
  /** The customer whose timeline the claimant joined when confirmed, and the one it left: what makes the decision reversible. */
  confirmedCustomerId: uuid(),
  previousCustomerId: uuid(),
  version: integer().notNull().default(1),
  createdAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'claims_claimant', columns: [t.workspaceId, t.claimantIdentityId], foreignColumns: [identities.workspaceId, identities.id] }),
  uniqueIndex('claims_once').on(t.workspaceId, t.claimantIdentityId, t.kind, t.value),
  index('claims_by_address').on(t.workspaceId, t.kind, t.value, t.state),
  oneOf('claims_state', t.state, CLAIM_STATES),
  oneOf('claims_kind', t.kind, IDENTITY_KINDS),
]);

/** What was said of a person, by whom and when; append-only. The shown values on `customers` are derived from these. */
export const OBSERVATION_SOURCES = ['VERIFIED', 'AGENT', 'CRM', 'CHANNEL', 'CLAIM', 'INFERRED'] as const;
export const attributeObservations = pgTable('attribute_observations', {
  workspaceId: workspaceId(),
  id: id(),
  identityId: uuid().notNull(),
  /** `name`, `language`, `tier`, `company`, or `custom.<key>`. */
  key: text().notNull(),
  /** JSON; null says that the source took the value back. */
  value: jsonb(),
  source: text().notNull(),
  actorKind: text().notNull(),
  actorId: uuid(),
  observedAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'attribute_observations_identity', columns: [t.workspaceId, t.identityId], foreignColumns: [identities.workspaceId, identities.id] }),
  index('attribute_observations_by_identity').on(t.workspaceId, t.identityId, t.key, t.observedAt),
  oneOf('attribute_observations_source', t.source, OBSERVATION_SOURCES),
  oneOf('attribute_observations_actor', t.actorKind, ACTOR_KINDS),
]);
