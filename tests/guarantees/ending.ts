// What a workspace holds in the end, under names that are the same in every workspace: what any order of the same deliveries has to end in.
import type { TestDatabase } from '../harness/database.ts';

/** `names`: of messages whose ids are others in every workspace. What is ours and has no name of its own is called so. */
export async function ending({ owner }: TestDatabase, workspaceId: string, names: Record<string, string>): Promise<unknown> {
  const name = owner`coalesce(${owner.json(names)}::jsonb ->> m.provider_message_id, m.provider_message_id)`;
  const events = await owner`select state, error, event->>'kind' as kind, count(*)::int as n from inbound_events where workspace_id = ${workspaceId} and state not in ('APPLIED', 'DUPLICATE') group by state, error, kind order by kind`;
  const messages = await owner`
    select ${name} as name, m.channel, m.direction, m.text, m.subject, m.delivery_state, m.occurred_at as at, m.edited_at, m.deleted_at, i.value as address,
      (select array_agg(r.emoji || ' ' || r.reacted_at || ' ' || coalesce(ri.value, 'ours') order by r.emoji, ri.value) from reactions r left join identities ri on ri.workspace_id = r.workspace_id and ri.id = r.identity_id
       where r.workspace_id = m.workspace_id and r.message_id = m.id) as reactions,
      (select coalesce(${owner.json(names)}::jsonb ->> q.provider_message_id, q.provider_message_id) from messages q where q.workspace_id = m.workspace_id and q.id = m.in_reply_to_message_id) as answers
    from messages m join identities i on i.workspace_id = m.workspace_id and i.id = m.identity_id
    where m.workspace_id = ${workspaceId} order by name`;
  const calls = await owner`
    select c.direction, state, disposition, started_at, ringing_at, answered_at, ended_at, ring_ms, talk_ms, end_cause, from_value, to_value, i.value as address
    from calls c join identities i on i.workspace_id = c.workspace_id and i.id = c.identity_id where c.workspace_id = ${workspaceId}`;
  const legs = await owner`select provider_leg_id, parent_provider_leg_id, started_at, answered_at, ended_at from call_legs where workspace_id = ${workspaceId} order by provider_leg_id`;
  const recordings = await owner`select provider_recording_id, kind, state, duration_ms from recordings where workspace_id = ${workspaceId}`;
  // Why a message joined, who waits and by which channel he is answered follow from the order of acceptance, which is the other one.
  const conversations = await owner`
    select v.status, (select array_agg(c order by c) from unnest(v.channels) c) as channels, v.first_inbound_at, v.message_count, v.last_activity_at, v.created_at, l.provider_message_id as last_message
    from conversations v left join messages l on l.workspace_id = v.workspace_id and l.id = v.last_message_id where v.workspace_id = ${workspaceId}`;
  // So does by which channel a conversation was opened; that it began with the earliest thing doesn't.
  const timeline = await owner`
    select t.kind, case when t.kind = 'MESSAGE' then ${name} else t.kind end as name, t.occurred_at as at,
      case when t.kind <> 'CONVERSATION_OPENED' then t.channel end as channel, case when t.kind <> 'CONVERSATION_OPENED' then i.value end as address
    from timeline_entries t join identities i on i.workspace_id = t.workspace_id and i.id = t.identity_id left join messages m on m.workspace_id = t.workspace_id and m.id = t.ref_id
    where t.workspace_id = ${workspaceId} and t.kind <> 'IDENTITY_CHANGE' order by t.occurred_at, t.tie, name`;
  return { events, messages, calls, legs, recordings, conversations, timeline };
}
