// The doors' other side: deliveries as they came, the events read out of them, and the keys that let each take effect once.
import { sql } from 'drizzle-orm';
import { bigint, foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { channelEndpoints } from './channels.ts';
import { id, moment, oneOf, workspaceId } from './columns.ts';
import { bytea } from './workspaces.ts';

export const DELIVERY_SOURCES = ['WEBHOOK', 'SMTP', 'HTTP', 'EVENT_SOCKET', 'IMPORT'] as const;

/** One verified request (or mail), raw. Dropped by retention; what it said lives on in messages. */
export const deliveries = pgTable('deliveries', {
  workspaceId: workspaceId(),
  id: id(),
  endpointId: uuid().notNull(),
  source: text().notNull(),
  /** Method, path and the headers that parsing needs. */
  request: jsonb().notNull(),
  /** The body's bytes; null when they lie in the blob store (over 256 KiB). */
  body: bytea(),
  /** The first 64 KiB of a body that lies there: what an operator looks at (`raw_delivery`). */
  bodyHead: bytea(),
  bodySha256: text(),
  bodyBytes: bigint({ mode: 'number' }).notNull(),
  receivedAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'deliveries_endpoint', columns: [t.workspaceId, t.endpointId], foreignColumns: [channelEndpoints.workspaceId, channelEndpoints.id] }),
  index('deliveries_by_time').on(t.workspaceId, t.receivedAt, t.id),
  index('deliveries_by_endpoint').on(t.workspaceId, t.endpointId, t.receivedAt),
]);

export const INBOUND_STATES = ['PENDING', 'WAITING', 'APPLIED', 'DUPLICATE', 'IGNORED', 'UNPARSED', 'UNKNOWN_ACCOUNT', 'DEAD'] as const;

/** One event of a delivery. A lane (account and counterpart) is applied in (delivery, ordinal) order; a failing event holds up its own lane only. */
export const inboundEvents = pgTable('inbound_events', {
  workspaceId: workspaceId(),
  id: id(),
  deliveryId: uuid().notNull(),
  ordinal: integer().notNull(),
  accountId: uuid(),
  lane: bigint({ mode: 'bigint' }).notNull(),
  /** Keyed hash of the counterpart's address, so that an erase finds the deliveries of a person. */
  addressHash: bytea(),
  identityId: uuid(),
  messageId: uuid(),
  state: text().notNull(),
  /** The event as the channel's parser gave it (channels/channel.ts); null when unparsed. */
  event: jsonb(),
  attempts: integer().notNull().default(0),
  nextAttemptAt: moment().notNull(),
  error: text(),
  /** While it is WAITING: the provider's id of the call or message that it speaks of. */
  waitsFor: text(),
  appliedAt: moment(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'inbound_events_delivery', columns: [t.workspaceId, t.deliveryId], foreignColumns: [deliveries.workspaceId, deliveries.id] }),
  index('inbound_events_pending').on(t.lane, t.deliveryId, t.ordinal).where(sql`state = 'PENDING'`),
  index('inbound_events_by_state').on(t.workspaceId, t.state, t.id),
  index('inbound_events_by_delivery').on(t.workspaceId, t.deliveryId, t.ordinal),
  index('inbound_events_waiting').on(t.workspaceId, t.waitsFor).where(sql`state = 'WAITING'`),
  // What an operator is told of; the rest, which is nearly all, isn't in it.
  index('inbound_events_backlog').on(t.state).where(sql`state in ('PENDING', 'WAITING', 'UNPARSED', 'UNKNOWN_ACCOUNT', 'DEAD')`),
  index('inbound_events_by_message').on(t.workspaceId, t.messageId),
  oneOf('inbound_events_state', t.state, INBOUND_STATES),
]);

/** Effect once: one row an event that took effect, by a keyed hash of its dedupe key. Never dropped; survives an erase. */
export const inboundKeys = pgTable('inbound_keys', {
  workspaceId: workspaceId(),
  accountId: uuid().notNull(),
  keyHash: bytea().notNull(),
  createdAt: moment().notNull(),
}, (t) => [primaryKey({ columns: [t.workspaceId, t.accountId, t.keyHash] })]);
