-- Search: people by name and address, records by number, messages by text. Under row-level security no GIN index is used, since its operators
-- aren't leakproof (26 ms against .03 ms), so these are SECURITY DEFINER functions. They name no workspace in their arguments: the only one
-- that they see is that of the transaction's context, as the policies do; without one they find nothing.
create extension if not exists pg_trgm;
--> statement-breakpoint
create extension if not exists btree_gin;
--> statement-breakpoint
create index customers_search on customers using gin (workspace_id, name gin_trgm_ops);
--> statement-breakpoint
create index identities_search on identities using gin (workspace_id, value gin_trgm_ops) where kind not in ('SELF', 'VISITOR') and valid_to is null;
--> statement-breakpoint
create index external_records_search on external_records (workspace_id, lower(ltrim(number, '#')) text_pattern_ops);
--> statement-breakpoint
create index messages_search on messages using gin (workspace_id, to_tsvector('simple', coalesce(subject, '') || ' ' || coalesce(text, '')));
--> statement-breakpoint
-- What is typed stands for itself: no wildcard of it has a meaning.
create function like_literal(typed text) returns text
language sql immutable parallel safe as $$ select replace(replace(replace(typed, '\', '\\'), '%', '\%'), '_', '\_') $$;
--> statement-breakpoint
-- The context's workspace, or null.
create function context_workspace() returns uuid
language sql stable as $$ select nullif(current_setting('app.workspace_id', true), '')::uuid $$;
--> statement-breakpoint
-- Customers by a part of the name (small typing errors allowed) or of an address, the best first. A telephone number is found by its digits,
-- however they are grouped. Two letters find what begins with them; one letter finds nothing.
-- The plan needs the patterns' values, which a generic plan (the read pools' setting) doesn't have.
create function search_customers(typed text, rows_max integer) returns table (id uuid, score real)
language plpgsql stable security definer set search_path = pg_catalog, public set plan_cache_mode = force_custom_plan as $$
declare
  workspace uuid := public.context_workspace();
  wanted text := lower(btrim(typed));
  part text := case when length(wanted) < 3 then '' else '%' end || public.like_literal(wanted) || '%';
  -- Without the trunk prefix: 06 1234 5678 is kept as +31612345678.
  digits text := case when wanted ~ '^[+0-9 ()./-]+$' then ltrim(regexp_replace(wanted, '[^0-9]', '', 'g'), '0') else '' end;
begin
  if workspace is null or length(wanted) < 2 then return; end if;
  return query
  with by_name as (
    select c.id, (case when lower(c.name) = wanted then 1 else 0.5 + public.word_similarity(wanted, lower(c.name)) / 2.5 end)::real as score
    from public.customers c
    where c.workspace_id = workspace and (c.name ilike part or wanted operator(public.<%) c.name)
    limit 1000
  ), by_address as (
    select i.customer_id as id, (case when lower(i.value) = wanted or ltrim(i.value, '+') = digits then 1 else 0.8 end)::real as score
    from public.identities i
    where i.workspace_id = workspace and i.kind not in ('SELF', 'VISITOR') and i.valid_to is null and i.value ilike part
    limit 1000
  ), by_number as (
    select i.customer_id as id, (case when ltrim(i.value, '+') = digits then 1 else 0.8 end)::real as score
    from public.identities i
    where length(digits) > 3 and i.workspace_id = workspace and i.kind not in ('SELF', 'VISITOR') and i.valid_to is null
      and i.value like '%' || digits || '%' and i.kind = 'PHONE'
    limit 1000
  )
  select f.id, max(f.score) as score
  from (select * from by_name union all select * from by_address union all select * from by_number) f
  join public.customers c on c.workspace_id = workspace and c.id = f.id and c.state = 'ACTIVE'
  group by f.id, c.last_activity_at
  order by max(f.score) desc, c.last_activity_at desc, f.id
  limit rows_max;
end $$;
--> statement-breakpoint
-- Records by their number, or what it begins with, with or without `#`; or by the other system's own id.
create function search_external_records(typed text, rows_max integer) returns table (id uuid, score real)
language plpgsql stable security definer set search_path = pg_catalog, public set plan_cache_mode = force_custom_plan as $$
declare
  workspace uuid := public.context_workspace();
  wanted text := lower(ltrim(btrim(typed), '#'));
  beginning text := public.like_literal(wanted) || '%';
begin
  if workspace is null or length(wanted) < 2 then return; end if;
  return query
  with found as (
    (select r.id, (case when lower(ltrim(r.number, '#')) = wanted then 1 else 0.8 end)::real as score
     from public.external_records r
     where r.workspace_id = workspace and lower(ltrim(r.number, '#')) like beginning
     limit 1000)
    union all
    (select r.id, 1::real from public.external_records r where r.workspace_id = workspace and r.external_id = btrim(typed) limit 1000)
  )
  select f.id, max(f.score) as score
  from found f join public.external_records r on r.workspace_id = workspace and r.id = f.id
  group by f.id, r.updated_at
  order by max(f.score) desc, r.updated_at desc, f.id
  limit rows_max;
end $$;
--> statement-breakpoint
-- Messages whose subject and text have all the words (`"a phrase"`, `-without`, `this or that` as in web searches), the newest first.
create function search_messages(typed text, rows_max integer) returns table (id uuid, score real)
language plpgsql stable security definer set search_path = pg_catalog, public set plan_cache_mode = force_custom_plan as $$
declare
  workspace uuid := public.context_workspace();
  wanted tsquery := websearch_to_tsquery('simple', typed);
begin
  if workspace is null or numnode(wanted) = 0 then return; end if;
  return query
  select m.id, ts_rank(to_tsvector('simple', coalesce(m.subject, '') || ' ' || coalesce(m.text, '')), wanted)
  from public.messages m
  where m.workspace_id = workspace and to_tsvector('simple', coalesce(m.subject, '') || ' ' || coalesce(m.text, '')) @@ wanted and m.deleted_at is null
  order by m.occurred_at desc, m.tie desc, m.id desc
  limit rows_max;
end $$;
--> statement-breakpoint
revoke all on function search_customers(text, integer), search_external_records(text, integer), search_messages(text, integer) from public;
--> statement-breakpoint
grant execute on function search_customers(text, integer), search_external_records(text, integer), search_messages(text, integer) to throughline_app;
