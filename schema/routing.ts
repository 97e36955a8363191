// By which rules conversations find a queue, and what was decided and why.
import { bigint, boolean, foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { id, moment, oneOf, workspaceId } from './columns.ts';
import { conversations, PRIORITIES } from './conversations.ts';
import { queues, workspaces } from './workspaces.ts';

/** Ordered: the first enabled rule whose conditions all hold decides. Shapes of `conditions` and `actions`: routing/rules.ts. */
export const routingRules = pgTable('routing_rules', {
  workspaceId: workspaceId().references(() => workspaces.id),
  id: id(),
  position: integer().notNull(),
  name: text().notNull(),
  enabled: boolean().notNull().default(true),
  conditions: jsonb().notNull(),
  actions: jsonb().notNull(),
  version: integer().notNull().default(1),
  createdAt: moment().notNull(),
  updatedAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  index('routing_rules_in_order').on(t.workspaceId, t.position, t.id),
]);

export const routingDecisions = pgTable('routing_decisions', {
  workspaceId: workspaceId(),
  id: id(),
  conversationId: uuid().notNull(),
  /** The event that was routed: a decision a message. */
  eventPosition: bigint({ mode: 'number' }).notNull(),
  ruleId: uuid(),
  ruleVersion: integer(),
  queueId: uuid(),
  priority: text(),
  /** What was looked at, in order: `[{ ruleId, name, matched, because: [...] }]`. */
  reasons: jsonb().notNull(),
  decidedAt: moment().notNull(),
}, (t) => [
  primaryKey({ columns: [t.workspaceId, t.id] }),
  foreignKey({ name: 'routing_decisions_conversation', columns: [t.workspaceId, t.conversationId], foreignColumns: [conversations.workspaceId, conversations.id] }),
  foreignKey({ name: 'routing_decisions_queue', columns: [t.workspaceId, t.queueId], foreignColumns: [queues.workspaceId, queues.id] }),
  uniqueIndex('routing_decisions_once').on(t.workspaceId, t.conversationId, t.eventPosition),
  index('routing_decisions_by_time').on(t.workspaceId, t.conversationId, t.decidedAt, t.id),
  oneOf('routing_decisions_priority', t.priority, PRIORITIES),
]);
