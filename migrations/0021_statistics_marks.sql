-- Every table whose writers the triggers follow, in the order in which they write: nobody is under way who would wait for this migration while it waits for him.
lock table identities, conversations, messages, timeline_entries in share row exclusive mode;
--> statement-breakpoint
-- Conversations that imported history began: those whose first state, the present one with every change taken back, is closed.
update conversations c set history_ended_at = greatest(c.created_at, (
  select max(m.occurred_at) from messages m where m.workspace_id = c.workspace_id and m.conversation_id = c.id and m.historical))
where (c.status <> 'CLOSED')::int = coalesce((
  select sum((t.data->>'to' <> 'CLOSED')::int - (t.data->>'from' <> 'CLOSED')::int) from timeline_entries t
  where t.workspace_id = c.workspace_id and t.conversation_id = c.id and t.kind = 'STATUS_CHANGE'), 0);
--> statement-breakpoint
do $$
declare
  t text;
begin
  foreach t in array array['statistics_days', 'statistics_rollups', 'statistics_stale'] loop
    perform secure_table(format('public.%I', t)::regclass, 'select, insert, delete');
  end loop;
end $$;
--> statement-breakpoint
-- Which workspaces have marks, for who rolls up.
create policy system on statistics_stale to throughline_system using (true) with check (true);
--> statement-breakpoint
grant select on statistics_stale to throughline_system;
--> statement-breakpoint
-- No tenant's: moments only.
grant select on statistics_horizon to throughline_app, throughline_system;
--> statement-breakpoint
-- Takes the moment before which nothing can be written any more without a mark (passed_at; null while there is none yet) on, when it can be.
-- Two hours behind what is marked: a clock may be set back as far.
create function move_statistics_horizon() returns timestamptz
language plpgsql security definer set search_path = pg_catalog, public set lock_timeout = '2s' as $$
declare
  -- In this order: who wrote at `over` or earlier has a lower number than ours.
  over timestamptz := date_trunc('milliseconds', clock_timestamp() - interval '3 hours');
  own bigint := pg_current_xact_id()::text::bigint;
  horizon public.statistics_horizon;
begin
  insert into public.statistics_horizon (id, next_at, next_xact, epoch) values (1, over, own, public.log_epoch()) on conflict do nothing;
  select * into strict horizon from public.statistics_horizon where id = 1 for update;
  if horizon.epoch <> public.log_epoch() then
    -- Restored: numbers of transactions begin anew, and a mark could bear that of another one. Whoever holds such is waited for.
    lock table public.statistics_stale in share row exclusive mode;
    delete from public.statistics_days d using public.statistics_stale s
    where s.workspace_id = d.workspace_id and s.at > d.starts_at - interval '15 minutes' and s.at < d.ends_at;
    delete from public.statistics_stale;
  end if;
  -- The clock was ahead and was set back: days that seemed to be over aren't.
  delete from public.statistics_days where horizon.passed_at > over and ends_at > over;
  if horizon.epoch <> public.log_epoch() or horizon.passed_at > over then
    update public.statistics_horizon set passed_at = null, next_at = over, next_xact = own, epoch = public.log_epoch() where id = 1;
  elsif horizon.next_xact < pg_snapshot_xmin(pg_current_snapshot())::text::bigint then
    update public.statistics_horizon set passed_at = next_at, next_at = over, next_xact = own where id = 1;
  end if;
  return (select passed_at from public.statistics_horizon where id = 1);
end $$;
--> statement-breakpoint
revoke all on function move_statistics_horizon() from public;
--> statement-breakpoint
grant execute on function move_statistics_horizon() to throughline_system;
--> statement-breakpoint
-- Whether what happened at a moment can be on a day that was rolled up: such days are over for longer than an hour. By the clock of the
-- database alone, which both go by. Not now(), the beginning of the transaction: a transaction has its number when it writes, and may have begun long before.
create function statistics_past(at timestamptz) returns boolean
language sql volatile parallel safe as $$ select at < clock_timestamp() - interval '1 hour' $$;
--> statement-breakpoint
-- Leaves a mark for each of the moments that is past. A transaction's marks are its own, so that none waits for another's.
create function mark_statistics(of_workspace uuid, moments timestamptz[]) returns void
language sql volatile as $$
  insert into statistics_stale (workspace_id, at, xact)
  select distinct of_workspace, date_bin('15 minutes', m, timestamptz '2000-01-01 00:00Z'), pg_current_xact_id()::text::bigint
  from unnest(moments) m where statistics_past(m)
  on conflict do nothing
$$;
--> statement-breakpoint
-- Every moment at which something of a conversation is counted, but for those that stand in its own row.
create function conversation_moments(of_workspace uuid, of_conversation uuid) returns timestamptz[]
language sql stable as $$
  select array(
    select occurred_at from messages where workspace_id = of_workspace and conversation_id = of_conversation
    union
    select occurred_at from timeline_entries where workspace_id = of_workspace and conversation_id = of_conversation and kind = 'STATUS_CHANGE')
$$;
--> statement-breakpoint
create function statistics_of_messages() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then perform mark_statistics(old.workspace_id, array[old.occurred_at]); end if;
  if tg_op <> 'DELETE' then perform mark_statistics(new.workspace_id, array[new.occurred_at]); end if;
  return null;
end $$;
--> statement-breakpoint
create trigger statistics_inserted after insert on messages for each row when (statistics_past(new.occurred_at)) execute function statistics_of_messages();
--> statement-breakpoint
create trigger statistics_updated after update of occurred_at, direction, channel, identity_id, conversation_id on messages for each row
when ((old.occurred_at, old.direction, old.channel, old.identity_id, old.conversation_id)
  is distinct from (new.occurred_at, new.direction, new.channel, new.identity_id, new.conversation_id)) execute function statistics_of_messages();
--> statement-breakpoint
create trigger statistics_deleted after delete on messages for each row execute function statistics_of_messages();
--> statement-breakpoint
create function statistics_of_conversations() returns trigger language plpgsql as $$
declare
  of_old boolean := tg_op <> 'INSERT';
  of_new boolean := tg_op <> 'DELETE';
  is_all boolean := true;
begin
  -- Its queue and its first channel are those of everything in it; its durations are measured from its beginning.
  if of_old and of_new then
    is_all := (old.queue_id, old.channels[1], old.created_at) is distinct from (new.queue_id, new.channels[1], new.created_at);
  end if;
  if of_old and (is_all or (old.first_inbound_at, old.first_response_at) is distinct from (new.first_inbound_at, new.first_response_at)) then
    perform mark_statistics(old.workspace_id, array[old.first_response_at]);
  end if;
  if of_new and (is_all or (old.first_inbound_at, old.first_response_at) is distinct from (new.first_inbound_at, new.first_response_at)) then
    perform mark_statistics(new.workspace_id, array[new.first_response_at]);
  end if;
  if of_old and (is_all or old.history_ended_at is distinct from new.history_ended_at) then
    perform mark_statistics(old.workspace_id, array[old.history_ended_at]);
  end if;
  if of_new and (is_all or old.history_ended_at is distinct from new.history_ended_at) then
    perform mark_statistics(new.workspace_id, array[new.history_ended_at]);
  end if;
  if of_old and is_all then perform mark_statistics(old.workspace_id, conversation_moments(old.workspace_id, old.id) || old.created_at); end if;
  if of_new and is_all then perform mark_statistics(new.workspace_id, conversation_moments(new.workspace_id, new.id) || new.created_at); end if;
  return null;
end $$;
--> statement-breakpoint
create trigger statistics_inserted after insert on conversations for each row
when (statistics_past(least(new.created_at, new.first_response_at, new.history_ended_at))) execute function statistics_of_conversations();
--> statement-breakpoint
create trigger statistics_updated after update of queue_id, channels, created_at, first_inbound_at, first_response_at, history_ended_at on conversations for each row
when ((old.queue_id, old.channels[1], old.created_at, old.first_inbound_at, old.first_response_at, old.history_ended_at)
  is distinct from (new.queue_id, new.channels[1], new.created_at, new.first_inbound_at, new.first_response_at, new.history_ended_at)) execute function statistics_of_conversations();
--> statement-breakpoint
create trigger statistics_deleted after delete on conversations for each row execute function statistics_of_conversations();
--> statement-breakpoint
-- What is said to have happened before its conversation began counts at its beginning.
create function statistics_of_timeline_entries() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    perform mark_statistics(old.workspace_id, array[old.occurred_at, (
      select greatest(old.occurred_at, c.created_at) from conversations c where c.workspace_id = old.workspace_id and c.id = old.conversation_id)]);
  end if;
  if tg_op <> 'DELETE' then
    perform mark_statistics(new.workspace_id, array[new.occurred_at, (
      select greatest(new.occurred_at, c.created_at) from conversations c where c.workspace_id = new.workspace_id and c.id = new.conversation_id)]);
  end if;
  return null;
end $$;
--> statement-breakpoint
create trigger statistics_inserted after insert on timeline_entries for each row
when (new.kind = 'STATUS_CHANGE' and statistics_past(new.occurred_at)) execute function statistics_of_timeline_entries();
--> statement-breakpoint
create trigger statistics_updated after update of kind, data, occurred_at, conversation_id on timeline_entries for each row
when ('STATUS_CHANGE' in (old.kind, new.kind) and (old.kind, old.data, old.occurred_at, old.conversation_id) is distinct from (new.kind, new.data, new.occurred_at, new.conversation_id))
execute function statistics_of_timeline_entries();
--> statement-breakpoint
create trigger statistics_deleted after delete on timeline_entries for each row when (old.kind = 'STATUS_CHANGE') execute function statistics_of_timeline_entries();
--> statement-breakpoint
-- Whose customer somebody is decides how many customers wrote.
create function statistics_of_identities() returns trigger language plpgsql as $$
begin
  perform mark_statistics(new.workspace_id, array(
    select m.occurred_at from messages m where m.workspace_id = new.workspace_id and m.identity_id = new.id and m.direction = 'INBOUND'));
  return null;
end $$;
--> statement-breakpoint
create trigger statistics_updated after update of customer_id on identities for each row
when (old.customer_id is distinct from new.customer_id) execute function statistics_of_identities();
