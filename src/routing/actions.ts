// Changing the rules by which conversations find a queue. What was decided by an earlier version stays as it was (`routing_decisions`).
import type { Actor } from '../access/viewer.ts';
import { appendEvents } from '../events/append.ts';
import { now } from '../platform/clock.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { ruleActions, ruleConditions, type RuleActions, type RuleConditions } from './rules.ts';

const RULES_MAX = 500;
const NAME_LENGTH_MAX = 200;

export interface RuleInput {
  name: string;
  conditions: unknown;
  actions: unknown;
  enabled?: boolean;
}

/**
 * Adds a rule as the last one, or at `position` (0 is the first). Emits `workspace.updated`. Locks the workspace's rules.
 * @returns the rule's id
 * @throws Refusal INVALID_INPUT; NOT_FOUND when it names a queue or business hours that aren't there
 */
export async function createRoutingRule(tx: Tx, actor: Actor, o: RuleInput & { position?: number | null }): Promise<string> {
  const { workspaceId } = actor;
  const checked = await checkRule(tx, workspaceId, o);
  const order = await lockRules(tx, workspaceId);
  if (order.length >= RULES_MAX) throw new Refusal('INVALID_INPUT', `There are ${order.length} rules already; at most ${RULES_MAX}.`, {});
  const id = newId();
  const at = now();
  await tx`
    insert into routing_rules (workspace_id, id, position, name, enabled, conditions, actions, created_at, updated_at)
    values (${workspaceId}, ${id}, ${order.length}, ${checked.name}, ${o.enabled ?? true}, ${JSON.stringify(checked.conditions)}::text::jsonb,
      ${JSON.stringify(checked.actions)}::text::jsonb, ${at}, ${at})`;
  if (o.position != null && o.position < order.length) {
    order.splice(Math.max(0, o.position), 0, id);
    await writeOrder(tx, workspaceId, order);
  }
  await appendChange(tx, actor, { routingRuleId: id, version: 1 });
  return id;
}

/**
 * Changes a rule; what is left out stays. Disabled, it is passed over; its decisions keep naming it. Emits `workspace.updated`.
 * @throws Refusal INVALID_INPUT, NOT_FOUND, CONFLICT
 */
export async function updateRoutingRule(tx: Tx, actor: Actor, o: { ruleId: string; expectedVersion?: number | null } & Partial<RuleInput>): Promise<void> {
  const { workspaceId } = actor;
  const [row] = await tx<{ name: string; enabled: boolean; conditions: RuleConditions; actions: RuleActions; version: number }[]>`
    select name, enabled, conditions, actions, version from routing_rules where workspace_id = ${workspaceId} and id = ${o.ruleId} for update`;
  const before = found(row, 'routing rule');
  if (o.expectedVersion != null && o.expectedVersion !== before.version) {
    throw new Refusal('CONFLICT', `The rule is at version ${before.version}, not ${o.expectedVersion}: it was changed meanwhile.`, { field: ['expectedVersion'] });
  }
  const next = await checkRule(tx, workspaceId, { name: o.name ?? before.name, conditions: o.conditions ?? before.conditions, actions: o.actions ?? before.actions });
  await tx`
    update routing_rules set name = ${next.name}, enabled = ${o.enabled ?? before.enabled}, conditions = ${JSON.stringify(next.conditions)}::text::jsonb,
      actions = ${JSON.stringify(next.actions)}::text::jsonb, version = version + 1, updated_at = ${now()}
    where workspace_id = ${workspaceId} and id = ${o.ruleId}`;
  await appendChange(tx, actor, { routingRuleId: o.ruleId, version: before.version + 1 });
}

/**
 * Puts the rules into a new order; `ruleIds` names every rule of the workspace once. Emits `workspace.updated`.
 * @throws Refusal INVALID_INPUT when it doesn't (a rule was added meanwhile, perhaps)
 */
export async function reorderRoutingRules(tx: Tx, actor: Actor, o: { ruleIds: string[] }): Promise<void> {
  const present = await lockRules(tx, actor.workspaceId);
  const wanted = new Set(o.ruleIds);
  if (wanted.size !== o.ruleIds.length || wanted.size !== present.length || !present.every((id) => wanted.has(id))) {
    throw new Refusal('INVALID_INPUT', `Name each of the workspace's ${present.length} rules once, the disabled ones too.`, { field: ['ruleIds'] });
  }
  await writeOrder(tx, actor.workspaceId, o.ruleIds);
  await appendChange(tx, actor, { routingRules: present.length });
}

async function checkRule(tx: Tx, workspaceId: string, o: RuleInput): Promise<{ name: string; conditions: RuleConditions; actions: RuleActions }> {
  const name = o.name.trim();
  if (name === '' || name.length > NAME_LENGTH_MAX) throw new Refusal('INVALID_INPUT', `A rule's name has 1 to ${NAME_LENGTH_MAX} characters.`, { field: ['name'] });
  const conditions = ruleConditions.safeParse(o.conditions);
  const actions = ruleActions.safeParse(o.actions);
  for (const [part, checked] of [['conditions', conditions], ['actions', actions]] as const) {
    if (checked.success) continue;
    const issue = checked.error.issues[0]!;
    throw new Refusal('INVALID_INPUT', `${[part, ...issue.path].join('.')}: ${issue.message}`, { field: [part, ...issue.path.map(String)] });
  }
  const { businessHours } = conditions.data!;
  const { queueId } = actions.data!;
  if (queueId && (await tx`select 1 from queues where workspace_id = ${workspaceId} and id = ${queueId}`).length === 0) {
    throw new Refusal('NOT_FOUND', 'There is no such queue in this workspace.', { field: ['actions', 'queueId'] });
  }
  if (businessHours && (await tx`select 1 from business_hours where workspace_id = ${workspaceId} and id = ${businessHours.id}`).length === 0) {
    throw new Refusal('NOT_FOUND', 'There are no such business hours in this workspace.', { field: ['conditions', 'businessHours', 'id'] });
  }
  return { name, conditions: conditions.data!, actions: actions.data! };
}

/** Every rule's id, in order, locked in id order. Rules that are added at the same moment end up side by side, ordered by id. */
async function lockRules(tx: Tx, workspaceId: string): Promise<string[]> {
  const rows = await tx<{ id: string; position: number }[]>`
    select id, position from routing_rules where workspace_id = ${workspaceId} order by id for update`;
  return [...rows].sort((a, b) => a.position - b.position || (a.id < b.id ? -1 : 1)).map((row) => row.id);
}

async function writeOrder(tx: Tx, workspaceId: string, ids: readonly string[]): Promise<void> {
  await tx`
    update routing_rules r set position = o.ordinal - 1, version = r.version + 1, updated_at = ${now()}
    from unnest(${[...ids]}::uuid[]) with ordinality as o (id, ordinal)
    where r.workspace_id = ${workspaceId} and r.id = o.id and r.position <> o.ordinal - 1`;
}

const appendChange = (tx: Tx, actor: Actor, data: Record<string, string | number>): Promise<void> =>
  appendEvents(tx, actor.workspaceId, [{ kind: 'workspace.updated', actor, data }]);
