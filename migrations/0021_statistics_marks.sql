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
-- The moment before which nothing can be written any more without a mark; null while there is none yet. Every call takes it on, when it can.
-- Two hours behind what is marked, so that a clock that is set back does no harm.
create function move_statistics_horizon() returns timestamptz
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  -- In this order: who wrote at `over` or earlier has a lower number than ours.
  over timestamptz := date_trunc('milliseconds', clock_timestamp() - interval '3 hours');
  own bigint := pg_current_xact_id()::text::bigint;
begin
  insert into statistics_horizon (id, next_at, next_xact, epoch) values (1, over, own, log_epoch()) on conflict do nothing;
  perform from statistics_horizon where id = 1 for update;
  if exists (select from statistics_horizon where id = 1 and epoch <> log_epoch()) then
    -- Restored: numbers of transactions begin anew, and a mark could bear that of another one. Whoever holds such is waited for.
    lock table statistics_stale in share row exclusive mode;
    delete from statistics_days d using statistics_stale s
    where s.workspace_id = d.workspace_id and s.at > d.starts_at - interval '15 minutes' and s.at < d.ends_at;
    delete from statistics_stale;
    update statistics_horizon set passed_at = null, next_at = over, next_xact = own, epoch = log_epoch() where id = 1;
  end if;
  update statistics_horizon set passed_at = next_at, next_at = over, next_xact = own
  where id = 1 and next_xact < pg_snapshot_xmin(pg_current_snapshot())::text::bigint and next_at < over;
  return (select passed_at from statistics_horizon where id = 1);
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
-- Every moment at which something of a conversation is counted.
create function conversation_moments(of_workspace uuid, of_conversation uuid) returns timestamptz[]
language sql stable as $$
  select array(
    select occurred_at from messages where workspace_id = of_workspace and conversation_id = of_conversation
    union
    select occurred_at from timeline_entries where workspace_id = of_workspace and conversation_id = of_conversation and kind = 'STATUS_CHANGE')
$$;
--> statement-breakpoint
-- When a conversation that was born closed was closed (analytics/figures.ts) if a message of it weren't there: an imported one moves that moment.
create function closing_without(of_message messages) returns timestamptz
language sql stable as $$
  select greatest(c.created_at, (
    select max(m.occurred_at) from messages m where m.workspace_id = c.workspace_id and m.conversation_id = c.id and m.historical and m.id <> of_message.id))
  from conversations c where of_message.historical and c.workspace_id = of_message.workspace_id and c.id = of_message.conversation_id
$$;
--> statement-breakpoint
create function statistics_of_messages() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then perform mark_statistics(old.workspace_id, array[old.occurred_at, closing_without(old)]); end if;
  if tg_op <> 'DELETE' then perform mark_statistics(new.workspace_id, array[new.occurred_at, closing_without(new)]); end if;
  return null;
end $$;
--> statement-breakpoint
create trigger statistics_inserted after insert on messages for each row when (statistics_past(new.occurred_at)) execute function statistics_of_messages();
--> statement-breakpoint
create trigger statistics_updated after update of occurred_at, direction, channel, identity_id, conversation_id, historical on messages for each row
when ((old.occurred_at, old.direction, old.channel, old.identity_id, old.conversation_id, old.historical)
  is distinct from (new.occurred_at, new.direction, new.channel, new.identity_id, new.conversation_id, new.historical)) execute function statistics_of_messages();
--> statement-breakpoint
create trigger statistics_deleted after delete on messages for each row execute function statistics_of_messages();
--> statement-breakpoint
create function statistics_of_conversations() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    perform mark_statistics(old.workspace_id, array[old.created_at, old.first_response_at, old.closed_at]);
  end if;
  if tg_op <> 'DELETE' then
    perform mark_statistics(new.workspace_id, array[new.created_at, new.first_response_at, new.closed_at]);
  end if;
  -- Its queue and its first channel are those of everything in it; its durations are measured from its beginning.
  if tg_op = 'UPDATE' and (old.queue_id, old.channels[1], old.created_at) is distinct from (new.queue_id, new.channels[1], new.created_at) then
    perform mark_statistics(new.workspace_id, conversation_moments(new.workspace_id, new.id));
  end if;
  return null;
end $$;
--> statement-breakpoint
create trigger statistics_inserted after insert on conversations for each row
when (statistics_past(least(new.created_at, new.first_response_at, new.closed_at))) execute function statistics_of_conversations();
--> statement-breakpoint
create trigger statistics_updated after update of queue_id, channels, created_at, first_inbound_at, first_response_at, closed_at on conversations for each row
when ((old.queue_id, old.channels[1], old.created_at, old.first_inbound_at, old.first_response_at, old.closed_at)
  is distinct from (new.queue_id, new.channels[1], new.created_at, new.first_inbound_at, new.first_response_at, new.closed_at)) execute function statistics_of_conversations();
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
