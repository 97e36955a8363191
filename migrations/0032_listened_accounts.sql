-- The accounts of providers that we connect to (a telephone system's events), of every workspace: where they are to be found, no secret. `mark` changes whenever
-- something of them does.
create function listened_accounts(providers text[])
returns table (workspace_id uuid, account_id uuid, endpoint_id uuid, mark text)
language sql stable security definer set search_path = pg_catalog, public as $$
  select a.workspace_id, a.id, a.endpoint_id, md5(a.settings::text || coalesce(e.rotated_at::text, ''))
  from public.channel_accounts a join public.channel_endpoints e on e.workspace_id = a.workspace_id and e.id = a.endpoint_id
  where a.provider = any(providers) and a.state = 'ACTIVE'
  order by a.created_at, a.id
$$;
--> statement-breakpoint
do $$ begin
  revoke all on function listened_accounts(text[]) from public;
  grant execute on function listened_accounts(text[]) to throughline_system;
end $$;
