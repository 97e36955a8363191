// The graph's routing rules, and the decisions that were taken by them, with their reasons.
import { Channel } from '../channels/fields.ts';
import { Conversation, Priority } from '../conversations/fields.ts';
import { byId, column, embed, entity, enumeration, expression, extend, list, listOf, many, one, query, value } from '../graphql/entity.ts';
import { BusinessHours, Queue } from '../workspaces/fields.ts';

export const BusinessHoursState = enumeration('BusinessHoursState', 'Whether business hours are open at a moment.', ['OPEN', 'CLOSED'], {
  OPEN: 'Within one of their openings.',
  CLOSED: 'Outside all of them.',
});

/** An array of texts under `name` in the jsonb `column`; null when it isn't there. */
const texts = (column: string, name: string) => (v: string) =>
  `(case when ${v}.${column} ? '${name}' then array(select jsonb_array_elements_text(${v}.${column}->'${name}')) end)`;

export const RoutingConditions = value('RoutingConditions', 'What must hold for a rule to match: all of those that are not null. None at all always holds.', {
  channelIn: expression(listOf(Channel), texts('conditions', 'channelIn'), 'What arrived came by one of these channels; null: by any.', { nullable: true }),
  tierIn: expression(listOf('String'), texts('conditions', 'tierIn'), 'The customer\'s tier is one of these, in any case; null: any.', { nullable: true }),
  languageIn: expression(listOf('String'), texts('conditions', 'languageIn'), 'The conversation\'s language, else the customer\'s, is one of these: `en` holds for `en-GB`. Null: any.', { nullable: true }),
  textContainsAny: expression(listOf('String'), texts('conditions', 'textContainsAny'), 'The subject or text has one of these, literally, in any case; null: whatever it says.', { nullable: true }),
  tagsAny: expression(listOf('String'), texts('conditions', 'tagsAny'), 'The conversation or the customer has one of these tags, in any case; null: any or none.', { nullable: true }),
  businessHours: one(() => BusinessHours, (v) => `(${v}.conditions->'businessHours'->>'id')::uuid`, 'The business hours that `businessHoursState` is about; null: at any time.', { nullable: true }),
  businessHoursState: expression(BusinessHoursState, (v) => `${v}.conditions->'businessHours'->>'state'`, 'What `businessHours` must be; null: at any time.', { nullable: true }),
});

export const RoutingActions = value('RoutingActions', 'What a rule does with a conversation that it matches.', {
  queue: one(() => Queue, (v) => `(${v}.actions->>'queueId')::uuid`, 'The queue that it goes to; null: the workspace\'s default queue.', { nullable: true }),
  priority: expression(Priority, (v) => `${v}.actions->>'priority'`, 'The priority that it gets; null: the one that it has.', { nullable: true }),
  addTags: expression(listOf('String'), (v) => `array(select jsonb_array_elements_text(coalesce(${v}.actions->'addTags', '[]')))`, 'Tags that it gets; none when empty.'),
});

export const RoutingRule = entity('RoutingRule', {
  prefix: 'rul', table: 'routing_rules', permission: 'workspace:read',
  description: 'One of the ordered rules by which inbound conversations find a queue. The first enabled one whose conditions hold decides.',
  fields: {
    position: column('Int', 'position', 'Its place in the order; the first is 0.'),
    name: column('String', 'name', 'What people call it.'),
    enabled: column('Boolean', 'enabled', 'Whether it is looked at. A rule is disabled instead of deleted, since its decisions name it.'),
    conditions: embed(() => RoutingConditions, { conditions: 'conditions' }, 'What must hold.'),
    actions: embed(() => RoutingActions, { actions: 'actions' }, 'What it does then.'),
    version: column('Int', 'version', 'Rises with every change; hand it to `updateRoutingRule` as `expectedVersion`.'),
    createdAt: column('DateTime', 'created_at', 'When it was made.'),
    updatedAt: column('DateTime', 'updated_at', 'When it last changed.'),
  },
});

export const RoutingReason = entity('RoutingReason', {
  prefix: null, table: 'routing_reasons', permission: 'conversations:read', description: 'A rule that was looked at for a decision, and why it did or did not match.',
  fields: {
    rule: one(() => RoutingRule, 'rule_id', 'The rule as it is now; null in the last reason when no rule matched.', { nullable: true, permission: 'workspace:read' }),
    name: column('String', 'name', 'What the rule was called then.'),
    matched: column('Boolean', 'matched', 'Whether it decided.'),
    because: column(listOf('String'), 'because', 'What held, when it matched; what did not hold, when it did not. Sentences of the rule\'s words, never the customer\'s.'),
  },
});

export const RoutingDecision = entity('RoutingDecision', {
  prefix: 'rtd', table: 'routing_decisions', permission: 'conversations:read', description: 'Where a conversation was sent when something arrived in it, and why.',
  fields: {
    conversation: one(() => Conversation, 'conversation_id', 'The conversation.'),
    rule: one(() => RoutingRule, 'rule_id', 'The rule that decided, as it is now; null when none matched and the default queue took it.', { nullable: true, permission: 'workspace:read' }),
    ruleVersion: column('Int', 'rule_version', 'The version of the rule that decided; null when none matched.', { nullable: true }),
    queue: one(() => Queue, 'queue_id', 'The queue; null when no rule matched and the workspace has no default queue.', { nullable: true, permission: 'workspace:read' }),
    priority: column(Priority, 'priority', 'The priority that it got; null when it kept its own.', { nullable: true }),
    reasons: list(() => RoutingReason, 'Every rule that was looked at, in order; the last is the one that decided.', { key: 'routing_decision_id', order: 'ordinal', max: 501 }),
    decidedAt: column('DateTime', 'decided_at', 'When it was decided.'),
  },
});

extend(Conversation, {
  routingDecisions: many(() => RoutingDecision, 'How it found its queue: the decisions of the rules. Empty when it was never routed (imported, begun by the team).', {
    key: 'conversation_id', typeName: 'RoutingDecision', permission: 'conversations:read',
    orders: {
      NEWEST: { description: 'The newest first.', columns: ['decided_at'], descending: true },
      OLDEST: { description: 'The oldest first.', columns: ['decided_at'], descending: false },
    },
  }),
});

query({
  routingRule: byId(() => RoutingRule, 'One routing rule; null when the workspace has none of that id.', { permission: 'workspace:read' }),
  routingRules: many(() => RoutingRule, 'The routing rules, in the order in which they are looked at.', {
    orders: { POSITION: { description: 'In the order in which they are looked at.', columns: ['position'], descending: false } },
    filter: { enabled: { type: 'Boolean', column: 'enabled', description: 'Whether it is looked at.' } },
    typeName: 'RoutingRule', permission: 'workspace:read',
  }),
});
