-- The chain covers from where an event came: its source is the hash of what `event_sources` says.
select secure_table('event_sources', 'select, insert');
--> statement-breakpoint
-- An erase takes the address out; nothing else of a source can be changed.
grant update (address, salt, erased_at) on event_sources to throughline_app;
--> statement-breakpoint
-- As before for events without a source, so that the chains that there are stay what they are.
create or replace function event_content(of events) returns text
language sql stable set search_path = pg_catalog, public as $$
  select (jsonb_build_array(of.workspace_id, of.position, of.id, of.kind, of.conversation_id, of.conversation_seq, of.actor_kind, of.actor_id,
    of.data, (extract(epoch from of.occurred_at) * 1000)::bigint)
    || case when of.source is null then '[]'::jsonb else jsonb_build_array(encode(of.source, 'hex')) end)::text
$$;
--> statement-breakpoint
create function event_source_hash(credential_kind text, credential_id uuid, address_hash bytea) returns bytea
language sql immutable parallel safe as $$
  select sha256(convert_to(credential_kind || ' ' || credential_id::text || ' ', 'UTF8') || address_hash)
$$;
--> statement-breakpoint
-- Whether an event came from where its source says: the row is there and is what was hashed. An erased address is none, and is marked as such.
-- SECURITY DEFINER: who verifies the chain learns yes or no, never an address.
create function event_source_intact(of events) returns boolean
language sql stable security definer set search_path = pg_catalog, public as $$
  select of.source is null or exists (
    select from public.event_sources s where s.workspace_id = of.workspace_id and s.hash = of.source
      and s.hash = public.event_source_hash(s.credential_kind, s.credential_id, s.address_hash)
      and case when s.erased_at is null then s.address_hash = sha256(s.salt || convert_to(coalesce(s.address, ''), 'UTF8'))
          else s.address is null and s.salt is null end)
$$;
--> statement-breakpoint
do $$ begin
  revoke all on function event_source_intact(events) from public;
  grant execute on function event_source_intact(events) to throughline_system;
end $$;
--> statement-breakpoint
create or replace function sequence_events(events_max integer) returns integer
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
      t.actor_kind, t.actor_id, t.data, t.occurred_at, null, t.source)::public.events as event
    from taken t
  ), chained as (
    select p.event, public.event_chain(coalesce(c.hash, public.event_chain_start((p.event).workspace_id)), public.event_content(p.event))
      over (partition by (p.event).workspace_id order by (p.event).position) as hash
    from placed p left join public.event_chains c on c.workspace_id = (p.event).workspace_id
  ), logged as (
    insert into public.events
      (workspace_id, position, id, kind, conversation_id, conversation_seq, actor_kind, actor_id, data, occurred_at, hash, source)
    select (event).workspace_id, (event).position, (event).id, (event).kind, (event).conversation_id, (event).conversation_seq,
      (event).actor_kind, (event).actor_id, (event).data, (event).occurred_at, hash, (event).source
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
