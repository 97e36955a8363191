-- The log: one sequencer gives the outbox's events their positions; a chain of hashes per workspace shows what was altered.

-- Which log this is. A restored copy (another cluster, database or timeline) goes on from other events, so its old cursors must not count.
-- The cluster's identifier is readable by everybody unless a host took that away; the database and the timeline then stand alone.
create function log_epoch() returns text
language plpgsql stable security definer set search_path = pg_catalog, public as $$
declare
  cluster text := '';
  timeline text := '';
begin
  if has_function_privilege('pg_catalog.pg_control_system()', 'execute') then
    select system_identifier::text into cluster from pg_control_system();
  end if;
  if not pg_is_in_recovery()
    and has_function_privilege('pg_catalog.pg_current_wal_lsn()', 'execute')
    and has_function_privilege('pg_catalog.pg_walfile_name(pg_lsn)', 'execute') then
    -- The first eight hexadecimal digits of a WAL file's name; pg_control_checkpoint() would lag until the first checkpoint.
    timeline := left(pg_walfile_name(pg_current_wal_lsn()), 8);
  end if;
  return left(encode(sha256(convert_to(
    cluster || '/' || (select oid from pg_database where datname = current_database()) || '/' || timeline, 'UTF8')), 'hex'), 16);
end $$;
--> statement-breakpoint
insert into log_state (log, position, epoch) values (1, 0, log_epoch());
--> statement-breakpoint
-- Every process calls it at start: notices a restored database before the first cursor is read or made.
create function open_log() returns table ("position" bigint, epoch text)
language plpgsql volatile security definer set search_path = pg_catalog, public as $$
begin
  update public.log_state s set epoch = log_epoch() where s.log = 1 and s.epoch <> log_epoch();
  return query select s.position, s.epoch from public.log_state s where s.log = 1;
end $$;
--> statement-breakpoint
-- What a hash covers: everything that a reader sees of the event, its place included. jsonb's text form is canonical (keys sorted, once
-- each), and the moment is a number, so neither the session's settings nor the client matter.
create function event_content(of events) returns text
language sql stable set search_path = pg_catalog, public as $$
  select jsonb_build_array(of.workspace_id, of.position, of.id, of.kind, of.conversation_id, of.conversation_seq, of.actor_kind, of.actor_id,
    of.data, (extract(epoch from of.occurred_at) * 1000)::bigint)::text
$$;
--> statement-breakpoint
create function event_chain_link(so_far bytea, start bytea, content text) returns bytea
language sql immutable parallel safe as $$ select sha256(coalesce(so_far, start) || convert_to(content, 'UTF8')) $$;
--> statement-breakpoint
-- As a window function in the order of positions: the hash of each event over its predecessor's; the first one's predecessor is `start`.
create aggregate event_chain(start bytea, content text) (sfunc = event_chain_link, stype = bytea);
--> statement-breakpoint
-- What a workspace's first event is chained to.
create function event_chain_start(of_workspace uuid) returns bytea
language sql immutable parallel safe as $$ select sha256(convert_to('throughline ' || of_workspace::text, 'UTF8')) $$;
--> statement-breakpoint
-- Moves up to `events_max` events from the outbox to the log and returns how many; -1 when another caller is at it.
-- Positions are dense, and a reader sees them in order: the counter's row is held until the commit, so n + 1 is never visible before n.
-- An event's ordinal was drawn under the locks of what it tells of, so of two events of one thing the earlier has the smaller position.
-- The advisory lock belongs to the transaction, which is this one statement: a client that stops can't hold the log up.
create function sequence_events(events_max integer) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, public as $$
declare
  last_position bigint;
  moved integer;
begin
  update public.log_state s set epoch = log_epoch() where s.log = 1 and s.epoch <> log_epoch();
  if not exists (select from public.event_outbox) then return 0; end if;
  if not pg_try_advisory_xact_lock(7203114003) then return -1; end if;
  select s.position into strict last_position from public.log_state s where s.log = 1 for update;
  with taken as (
    delete from public.event_outbox o
    where o.ordinal in (select ordinal from public.event_outbox order by ordinal limit events_max)
    returning o.*
  ), placed as (
    select row(t.workspace_id, last_position + row_number() over (order by t.ordinal), t.id, t.kind, t.conversation_id, t.conversation_seq,
      t.actor_kind, t.actor_id, t.data, t.occurred_at, null)::public.events as event
    from taken t
  ), chained as (
    select p.event, public.event_chain(coalesce(c.hash, public.event_chain_start((p.event).workspace_id)), public.event_content(p.event))
      over (partition by (p.event).workspace_id order by (p.event).position) as hash
    from placed p left join public.event_chains c on c.workspace_id = (p.event).workspace_id
  ), logged as (
    insert into public.events
    select (event).workspace_id, (event).position, (event).id, (event).kind, (event).conversation_id, (event).conversation_seq,
      (event).actor_kind, (event).actor_id, (event).data, (event).occurred_at, hash
    from chained
    returning workspace_id, position, hash
  ), ends as (
    insert into public.event_chains as c (workspace_id, position, hash)
    select distinct on (workspace_id) workspace_id, position, hash from logged order by workspace_id, position desc
    on conflict (workspace_id) do update set position = excluded.position, hash = excluded.hash
  )
  select count(*) into moved from logged;
  update public.log_state s set position = last_position + moved where s.log = 1 and moved > 0;
  return moved;
end $$;
--> statement-breakpoint
-- The outbox is emptied all the time: vacuum by count, or its index grows dead entries at the end that is read.
alter table event_outbox set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
--> statement-breakpoint
alter table log_state set (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
--> statement-breakpoint
grant select on event_chains to throughline_system;
--> statement-breakpoint
do $$ begin
  revoke all on function log_epoch(), open_log(), sequence_events(integer) from public;
  grant execute on function open_log() to throughline_app, throughline_system;
  grant execute on function sequence_events(integer) to throughline_system;
end $$;
