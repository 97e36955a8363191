// The consumer of the log by which every inbound conversation finds its queue, whatever channel it came by.
import type { CHANNELS } from '../../schema/channels.ts';
import { systemActor } from '../access/viewer.ts';
import { mergedTags, routeConversation } from '../conversations/actions.ts';
import { lockOwner } from '../conversations/rows.ts';
import type { LogEvent } from '../events/catalog.ts';
import { consumer } from '../events/consumers.ts';
import { now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { openingHours, type Calendar } from './calendar.ts';
import { decide, ruleActions, ruleConditions, type Rule } from './rules.ts';

export const routing = consumer({
  name: 'routing',
  kinds: ['message.received', 'call.ringing', 'conversation.opened', 'messages.moved'],
  // Most messages join a conversation that has its queue. A scalar subquery, which stays one look at each event's conversation; `exists` may become a join.
  wants: (sql) => sql`(
    select c.queue_id is null and c.status <> 'CLOSED' from conversations c where c.workspace_id = e.workspace_id and c.id = e.conversation_id)`,
  handle: route,
});

/**
 * Applies the workspace's rules to what arrived, keeps the decision with its reasons, and carries it out. A conversation that has a queue
 * is routed already (or was given to one by hand) and stays there; one that no rule and no default queue took is looked at again with its
 * next message. History, and what the team itself began, is not routed. Once an event: handling it again changes nothing.
 * Locks the customer, then the conversation.
 */
export async function route(tx: Tx, event: LogEvent): Promise<void> {
  const { workspaceId, conversationId } = event;
  if (!conversationId) return;
  const arrived = await arrivedBy(tx, event);
  if (!arrived) return;
  await lockOwner(tx, workspaceId, arrived.openedByIdentityId);
  const [conversation] = await tx<{ queueId: string | null; status: string; tags: string[]; language: string | null; decided: boolean }[]>`
    select queue_id, status, tags, language, exists (
      select 1 from routing_decisions d where d.workspace_id = c.workspace_id and d.conversation_id = c.id and d.event_position = ${event.position}) as decided
    from conversations c where workspace_id = ${workspaceId} and id = ${conversationId} for update`;
  if (!conversation || conversation.decided || conversation.queueId !== null || conversation.status === 'CLOSED') return;

  const at = now();
  const { rules, calendars, defaultQueueId } = await ruleSet(tx, workspaceId);
  const decision = decide(
    rules,
    {
      channel: arrived.channel, tier: arrived.tier, language: conversation.language ?? arrived.language, text: arrived.text,
      tags: [...conversation.tags, ...arrived.customerTags], calendars, now: at,
    },
    defaultQueueId,
  );
  const decisionId = newId();
  await tx`
    insert into routing_decisions (workspace_id, id, conversation_id, event_position, rule_id, rule_version, queue_id, priority, reasons, decided_at)
    values (${workspaceId}, ${decisionId}, ${conversationId}, ${event.position}, ${decision.ruleId}, ${decision.ruleVersion}, ${decision.queueId},
      ${decision.priority}, ${JSON.stringify(decision.reasons)}::text::jsonb, ${at})`;
  await routeConversation(tx, systemActor(workspaceId), { conversationId, queueId: decision.queueId, priority: decision.priority, tags: fitting(conversation.tags, decision.tags), decisionId });
}

/** The tags that the conversation has room for: one too many must not keep it from its queue. */
function fitting(present: readonly string[], added: readonly string[]): string[] {
  return added.filter((_, i) => {
    try {
      return mergedTags(present, added.slice(0, i + 1), []).length > 0;
    } catch (error) {
      if (error instanceof Refusal) return false;
      throw error;
    }
  });
}

interface Arrived {
  channel: (typeof CHANNELS)[number] | null;
  text: string;
  /** Who opened the conversation: whose customer's language counts, and, when the sender is proven, tier and tags. */
  openedByIdentityId: string;
  /** Null for who only claims to be the customer: a From or a caller id that anybody can write earns nothing. */
  tier: string | null;
  language: string | null;
  customerTags: string[];
}

/** The inbound message or call that the event tells of; null when it isn't inbound, is history, or was erased meanwhile. */
async function arrivedBy(tx: Tx, event: LogEvent): Promise<Arrived | null> {
  const { workspaceId, conversationId, data } = event;
  const messageId = event.kind === 'message.received' ? (data.messageId as string) : event.kind === 'messages.moved' ? await latestOf(tx, event) : null;
  // The opening of a conversation is routed only where nothing else will be said of its arrival: a call that was over when it became known. One
  // that a message opened waits for that message's own event, which may be read when a call has come too.
  const ringing = event.kind === 'call.ringing';
  const callId = ringing ? (data.callId as string) : null;
  const [row] = await tx<Arrived[]>`
    select a.channel, a.text, c.identity_id as opened_by_identity_id, u.language,
      case when a.trust in ('ATTESTED', 'VERIFIED') then u.tier end as tier,
      case when a.trust in ('ATTESTED', 'VERIFIED') then u.tags else '{}' end as customer_tags
    from conversations c
    join identities i on i.workspace_id = c.workspace_id and i.id = c.identity_id
    join customers u on u.workspace_id = i.workspace_id and u.id = i.customer_id
    cross join lateral (
      select m.channel, concat_ws(E'\n', m.subject, m.text) as text, m.sender_trust as trust from messages m
      where m.workspace_id = c.workspace_id and m.id = ${messageId}::uuid and m.direction = 'INBOUND' and not m.historical
      union all
      -- The call that rings; of one that was over when it became known, the conversation's latest.
      (select 'VOICE', '', k.sender_trust from calls k
        where ${messageId}::uuid is null and k.workspace_id = c.workspace_id and k.conversation_id = c.id and k.direction = 'INBOUND'
          and (${ringing} or not exists (
            select 1 from messages m where m.workspace_id = c.workspace_id and m.conversation_id = c.id and m.direction = 'INBOUND' and not m.historical))
        order by k.id = ${callId}::uuid desc nulls last, k.started_at desc, k.id desc limit 1)
      limit 1
    ) a
    where c.workspace_id = ${workspaceId} and c.id = ${conversationId}`;
  return row ?? null;
}

/** What was moved into a conversation that has no queue is routed by the customer's latest message there. */
async function latestOf(tx: Tx, { workspaceId, conversationId }: LogEvent): Promise<string | null> {
  const [row] = await tx<{ id: string }[]>`
    select id from messages where workspace_id = ${workspaceId} and conversation_id = ${conversationId} and direction = 'INBOUND' and not historical
    order by occurred_at desc, tie desc, id desc limit 1`;
  return row?.id ?? null;
}

async function ruleSet(tx: Tx, workspaceId: string): Promise<{ rules: Rule[]; calendars: Map<string, Calendar>; defaultQueueId: string | null }> {
  const stored = await tx<{ id: string; name: string; version: number; conditions: unknown; actions: unknown }[]>`
    select id, name, version, conditions, actions from routing_rules
    where workspace_id = ${workspaceId} and enabled order by position, id`;
  const hours = await tx<{ id: string; timeZone: string; hours: unknown }[]>`
    select id, time_zone, hours from business_hours where workspace_id = ${workspaceId}`;
  const [queue] = await tx<{ id: string }[]>`select id from queues where workspace_id = ${workspaceId} and is_default`;
  return {
    rules: stored.map((rule) => ({ ...rule, enabled: true, conditions: ruleConditions.parse(rule.conditions), actions: ruleActions.parse(rule.actions) })),
    calendars: new Map(hours.map((h) => [h.id, { timeZone: h.timeZone, hours: openingHours.parse(h.hours) }])),
    defaultQueueId: queue?.id ?? null,
  };
}
