// What administrators change of the routing rules, by the API.
import { Channel } from '../channels/fields.ts';
import { Priority } from '../conversations/fields.ts';
import { idOf, inputObject } from '../graphql/entity.ts';
import { mutation } from '../graphql/mutation.ts';
import { uuidFrom } from '../workspaces/input.ts';
import { createRoutingRule, reorderRoutingRules, updateRoutingRule } from './actions.ts';
import { BusinessHoursState, RoutingRule } from './fields.ts';

const BusinessHoursConditionInput = inputObject('BusinessHoursConditionInput', 'What business hours must be when something arrives.', {
  id: { type: idOf('bhr'), required: true, description: 'The business hours.' },
  state: { type: BusinessHoursState, required: true, description: 'What they must be.' },
});
const RoutingConditionsInput = inputObject('RoutingConditionsInput', 'What must hold for a rule to match: all that is given. At most 50 words in a list, of 200 characters.', {
  channelIn: { type: Channel, list: true, description: 'What arrived came by one of these channels.' },
  tierIn: { type: 'String', list: true, description: 'The customer\'s tier is one of these, in any case.' },
  languageIn: { type: 'String', list: true, description: 'The conversation\'s language, else the customer\'s, is one of these: `en` holds for `en-GB`.' },
  textContainsAny: { type: 'String', list: true, description: 'The subject or text has one of these, literally, in any case.' },
  tagsAny: { type: 'String', list: true, description: 'The conversation or the customer has one of these tags, in any case.' },
  businessHours: { type: BusinessHoursConditionInput, description: 'Business hours are open, or closed.' },
});
const RoutingActionsInput = inputObject('RoutingActionsInput', 'What a rule does with a conversation that it matches.', {
  queueId: { type: idOf('que'), description: 'The queue that it goes to; left out: the workspace\'s default queue.' },
  priority: { type: Priority, description: 'The priority that it gets; left out: it keeps its own.' },
  addTags: { type: 'String', list: true, description: 'Tags that it gets, at most 20 of 64 characters; those for which it has no room are passed over.' },
});

const routingRule = { routingRule: { type: () => RoutingRule, description: 'The rule as it is now.' } };

mutation('createRoutingRule', {
  description: 'Adds a routing rule. It counts for what arrives from now on.',
  permission: 'workspace:write',
  idempotent: true,
  input: {
    name: { type: 'String', required: true, description: 'What people call it, 1 to 200 characters.' },
    conditions: { type: RoutingConditionsInput, required: true, description: 'What must hold; empty: it always matches.' },
    actions: { type: RoutingActionsInput, required: true, description: 'What it does then.' },
    position: { type: 'Int', description: 'Its place in the order, the first is 0; left out: the last.' },
    enabled: { type: 'Boolean', default: true, description: 'Whether it is looked at.' },
  },
  payload: routingRule,
  run: async (tx, { actor }, input) => ({
    routingRule: await createRoutingRule(tx, actor, { ...input, enabled: input.enabled ?? true, conditions: conditionsOf(input.conditions), actions: actionsOf(input.actions) }),
  }),
});

mutation('updateRoutingRule', {
  description: 'Changes a routing rule; what is left out stays, and `conditions` and `actions` are replaced as a whole. Disabled, it is passed over: rules are not deleted, since decisions name them.',
  permission: 'workspace:write',
  versioned: true,
  input: {
    routingRuleId: { type: idOf('rul'), required: true, description: 'The rule.' },
    name: { type: 'String', description: 'What people call it, 1 to 200 characters.' },
    conditions: { type: RoutingConditionsInput, description: 'What must hold, as a whole.' },
    actions: { type: RoutingActionsInput, description: 'What it does then, as a whole.' },
    enabled: { type: 'Boolean', description: 'Whether it is looked at.' },
  },
  payload: routingRule,
  run: async (tx, { actor }, input) => {
    const ruleId = uuidFrom('rul', input.routingRuleId, 'routingRuleId');
    await updateRoutingRule(tx, actor, {
      ruleId, expectedVersion: input.expectedVersion, name: input.name ?? undefined, enabled: input.enabled ?? undefined,
      conditions: input.conditions && conditionsOf(input.conditions), actions: input.actions && actionsOf(input.actions),
    });
    return { routingRule: ruleId };
  },
});

mutation('reorderRoutingRules', {
  description: 'Puts the routing rules into a new order.',
  permission: 'workspace:write',
  input: { routingRuleIds: { type: idOf('rul'), list: true, required: true, description: 'Every rule of the workspace once, the disabled ones too, in the new order.' } },
  payload: { routingRules: { type: () => RoutingRule, list: true, description: 'The rules in their new order.' } },
  run: async (tx, { actor }, input) => {
    const ruleIds = (input.routingRuleIds as string[]).map((id, at) => uuidFrom('rul', id, 'routingRuleIds', String(at)));
    await reorderRoutingRules(tx, actor, { ruleIds });
    return { routingRules: ruleIds };
  },
});

/** Without what is null or was left out, and with UUIDs: as rules.ts reads it. */
const given = (input: Record<string, unknown>): Record<string, unknown> => Object.fromEntries(Object.entries(input).filter(([, value]) => value != null));

const conditionsOf = (input: { businessHours?: { id: string; state: string } | null } & Record<string, unknown>): unknown => ({
  ...given(input),
  ...(input.businessHours ? { businessHours: { id: uuidFrom('bhr', input.businessHours.id, 'conditions', 'businessHours', 'id'), state: input.businessHours.state } } : {}),
});

const actionsOf = (input: { queueId?: string | null } & Record<string, unknown>): unknown => ({
  ...given(input),
  ...(input.queueId ? { queueId: uuidFrom('que', input.queueId, 'actions', 'queueId') } : {}),
});
