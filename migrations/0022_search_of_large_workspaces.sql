-- Of a word that it has no figures for, the planner believes that it stands in every twentieth message; so it looked for a rare one from the latest
-- message to the first: 12 seconds in three million. Which of the two ways is the shorter is found out by trying now: a word of every day stands
-- twenty times in the latest thousand messages, and what doesn't is looked up in the index, of which few rows come.
create function search_indexed_messages(wanted tsquery, rows_max integer) returns table (id uuid, score real)
language plpgsql stable security definer set search_path = pg_catalog, public set plan_cache_mode = force_custom_plan set enable_seqscan = off set enable_indexscan = off as $$
declare
  workspace uuid := public.context_workspace();
begin
  return query
  with found as materialized (
    select m.id, m.occurred_at, m.tie, m.subject, m.text from public.messages m
    where m.workspace_id = workspace and m.deleted_at is null and to_tsvector('simple', coalesce(m.subject, '') || ' ' || coalesce(m.text, '')) @@ wanted
  )
  select f.id, ts_rank(to_tsvector('simple', coalesce(f.subject, '') || ' ' || coalesce(f.text, '')), wanted)
  from (select * from found order by found.occurred_at desc, found.tie desc, found.id desc limit rows_max) f
  order by f.occurred_at desc, f.tie desc, f.id desc;
end $$;
--> statement-breakpoint
revoke all on function search_indexed_messages(tsquery, integer) from public;
--> statement-breakpoint
-- Messages whose subject and text have all the words (`"a phrase"`, `-without`, `this or that` as in web searches), the newest first.
create or replace function search_messages(typed text, rows_max integer) returns table (id uuid, score real)
language plpgsql stable security definer set search_path = pg_catalog, public as $$
declare
  workspace uuid := public.context_workspace();
  wanted tsquery := websearch_to_tsquery('simple', typed);
begin
  if workspace is null or numnode(wanted) = 0 then return; end if;
  return query
  with latest as materialized (
    select m.id, m.occurred_at, m.tie, m.deleted_at, to_tsvector('simple', coalesce(m.subject, '') || ' ' || coalesce(m.text, '')) as words
    from public.messages m where m.workspace_id = workspace order by m.occurred_at desc, m.tie desc, m.id desc limit 1000
  ), found as (
    select l.id, l.occurred_at, l.tie, ts_rank(l.words, wanted) as score from latest l
    where l.deleted_at is null and l.words @@ wanted order by l.occurred_at desc, l.tie desc, l.id desc limit rows_max
  )
  select f.id, f.score from found f where (select count(*) from found) = rows_max order by f.occurred_at desc, f.tie desc, f.id desc;
  if not found then return query select * from public.search_indexed_messages(wanted, rows_max); end if;
end $$;
--> statement-breakpoint
-- Customers by a part of the name or of an address, the best first. A telephone number is found by its digits, however they are grouped. Two letters
-- find what begins with them; one letter finds nothing. Small typing errors are allowed for when what was typed itself is found too seldom. Of very
-- many that have the part, some hundreds are judged: in a large workspace all the Joneses took 50 ms, and nobody reads them.
create or replace function search_customers(typed text, rows_max integer) returns table (id uuid, score real)
language plpgsql stable security definer set search_path = pg_catalog, public set plan_cache_mode = force_custom_plan set enable_seqscan = off as $$
declare
  workspace uuid := public.context_workspace();
  wanted text := lower(btrim(typed));
  part text := case when length(wanted) < 3 then '' else '%' end || public.like_literal(wanted) || '%';
  -- Without the trunk prefix: 06 1234 5678 is kept as +31612345678.
  digits text := case when wanted ~ '^[+0-9 ()./-]+$' then ltrim(regexp_replace(wanted, '[^0-9]', '', 'g'), '0') else '' end;
  -- Of very many that have the part, those are judged that are found first.
  judged integer := greatest(200, rows_max);
  ids uuid[];
begin
  if workspace is null or length(wanted) < 2 then return; end if;
  select array_agg(distinct x.id) into ids from (
    (select c.id from public.customers c where c.workspace_id = workspace and c.state = 'ACTIVE' and c.name ilike part limit judged)
    union all
    (select i.customer_id from public.identities i
     where i.workspace_id = workspace and i.kind not in ('SELF', 'VISITOR') and i.valid_to is null and i.value ilike part limit judged)
    union all
    (select i.customer_id from public.identities i
     where length(digits) > 3 and i.workspace_id = workspace and i.kind not in ('SELF', 'VISITOR') and i.valid_to is null
       and i.value like '%' || digits || '%' and i.kind = 'PHONE' limit judged)
  ) x;
  if coalesce(cardinality(ids), 0) < rows_max then
    ids := ids || array(select c.id from public.customers c where c.workspace_id = workspace and c.state = 'ACTIVE' and wanted operator(public.<%) c.name limit judged);
  end if;
  return query
  select c.id, greatest(
    case when lower(c.name) = wanted then 1 when c.name ilike part or wanted operator(public.<%) c.name then 0.5 + public.word_similarity(wanted, lower(c.name)) / 2.5 end,
    (select max(case when lower(i.value) = wanted or ltrim(i.value, '+') = digits then 1 else 0.8 end) from public.identities i
     where i.workspace_id = workspace and i.customer_id = c.id and i.kind not in ('SELF', 'VISITOR') and i.valid_to is null
       and (i.value ilike part or (length(digits) > 3 and i.kind = 'PHONE' and i.value like '%' || digits || '%')))
  )::real as score
  from public.customers c
  where c.workspace_id = workspace and c.id = any(ids) and c.state = 'ACTIVE'
  order by score desc, c.last_activity_at desc, c.id
  limit rows_max;
end $$;
