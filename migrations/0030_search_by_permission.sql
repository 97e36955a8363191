-- Who may not see addresses finds nobody by one.
drop function search_customers(text, integer);
--> statement-breakpoint
create function search_customers(typed text, rows_max integer, by_addresses boolean) returns table (id uuid, score real)
language plpgsql stable security definer set search_path = pg_catalog, public set plan_cache_mode = force_custom_plan set enable_seqscan = off as $$
declare
  workspace uuid := public.context_workspace();
  wanted text := lower(btrim(typed));
  part text := case when length(wanted) < 3 then '' else '%' end || public.like_literal(wanted) || '%';
  -- Without the trunk prefix: 06 1234 5678 is kept as +31612345678.
  digits text := case when wanted ~ '^[+0-9 ()./-]+$' then ltrim(regexp_replace(wanted, '[^0-9]', '', 'g'), '0') else '' end;
begin
  if workspace is null or length(wanted) < 2 then return; end if;
  return query
  with by_part as (
    select c.id, c.name from public.customers c where c.workspace_id = workspace and c.name ilike part limit 1000
  ), by_likeness as (
    select c.id, c.name from public.customers c where c.workspace_id = workspace and wanted operator(public.<%) c.name limit 1000
  ), by_name as (
    select n.id, (case when lower(n.name) = wanted then 1 else 0.5 + public.word_similarity(wanted, lower(n.name)) / 2.5 end)::real as score
    from (select * from by_part union select * from by_likeness) n
  ), by_address as (
    select i.customer_id as id, (case when lower(i.value) = wanted or ltrim(i.value, '+') = digits then 1 else 0.8 end)::real as score
    from public.identities i
    where by_addresses and i.workspace_id = workspace and i.kind not in ('SELF', 'VISITOR') and i.valid_to is null and i.value ilike part
    limit 1000
  ), by_number as (
    select i.customer_id as id, (case when ltrim(i.value, '+') = digits then 1 else 0.8 end)::real as score
    from public.identities i
    where by_addresses and length(digits) > 3 and i.workspace_id = workspace and i.kind not in ('SELF', 'VISITOR') and i.valid_to is null
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
revoke all on function search_customers(text, integer, boolean) from public;
--> statement-breakpoint
grant execute on function search_customers(text, integer, boolean) to throughline_app;
