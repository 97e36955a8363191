-- The two roles that data is reached by, the second wall between workspaces (row-level security), and the look-ups that come before a
-- workspace is known. Roles belong to the whole server: another database of it may have made them already, at the same moment even.
do $$
declare
  name text;
begin
  foreach name in array array['throughline_app', 'throughline_system'] loop
    if not exists (select from pg_roles where rolname = name) then
      begin
        execute format('create role %I nologin', name);
      exception when duplicate_object or unique_violation then null;
      end;
    end if;
    -- From 16 on whoever makes a role may grant it, which counts as membership, but may not take it on.
    if not pg_has_role(current_user, name, case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end) then
      begin
        execute format('grant %I to %I', name, current_user);
      exception when unique_violation or duplicate_object then null;
      end;
    end if;
  end loop;
end $$;
--> statement-breakpoint
do $$ begin
  execute format('grant connect, temporary on database %I to throughline_app, throughline_system', current_database());
end $$;
--> statement-breakpoint
grant usage on schema public to throughline_app, throughline_system;
--> statement-breakpoint
-- What every table of a tenant gets. Later migrations call it for theirs.
create function secure_table(of_table regclass, app_rights text, tenant_column text default 'workspace_id') returns void
language plpgsql as $$
begin
  execute format('alter table %s enable row level security', of_table);
  execute format(
    'create policy workspace on %s to throughline_app using (%I = (select nullif(current_setting(''app.workspace_id'', true), '''')::uuid))'
      || ' with check (%I = (select nullif(current_setting(''app.workspace_id'', true), '''')::uuid))',
    of_table, tenant_column, tenant_column);
  execute format('grant %s on %s to throughline_app', app_rights, of_table);
end $$;
--> statement-breakpoint
revoke all on function secure_table(regclass, text, text) from public;
--> statement-breakpoint
do $$
declare
  t text;
  rights text;
begin
  for t in select table_name from information_schema.columns
           where table_schema = 'public' and column_name = 'workspace_id' and table_name <> 'event_chains' loop
    rights := case
      -- The log is written by the sequencer alone; what was done once stays done.
      when t = 'events' then 'select'
      when t in ('event_outbox', 'inbound_keys', 'attribute_observations', 'note_versions', 'external_record_versions', 'routing_decisions') then 'select, insert'
      when t in ('team_members', 'note_links', 'tokens', 'idempotency_keys', 'threads', 'blobs', 'identity_owners') then 'select, insert, update, delete'
      else 'select, insert, update'
    end;
    perform secure_table(format('public.%I', t)::regclass, rights);
  end loop;
  perform secure_table('public.workspaces', 'select, insert, update', 'id');
end $$;
--> statement-breakpoint
grant usage, select on all sequences in schema public to throughline_app;
--> statement-breakpoint
-- No tenant's: positions only.
grant select on log_state to throughline_app, throughline_system;
--> statement-breakpoint
grant select, insert, update on consumers to throughline_app, throughline_system;
--> statement-breakpoint
grant select, insert, update on consumer_failures to throughline_system;
--> statement-breakpoint
-- What the drain, the timers and the readers of the log see of every workspace: which work there is, not what was said.
do $$
declare
  t text;
begin
  foreach t in array array['events', 'event_outbox', 'inbound_events', 'deliveries', 'conversations', 'idempotency_keys', 'tokens', 'consumer_failures', 'workspaces'] loop
    execute format('create policy system on %I to throughline_system using (true) with check (true)', t);
    execute format('grant select on %I to throughline_system', t);
  end loop;
end $$;
--> statement-breakpoint
grant update on inbound_events to throughline_system;
--> statement-breakpoint
grant delete on idempotency_keys, tokens, deliveries to throughline_system;
--> statement-breakpoint
-- Before the workspace is known. SECURITY DEFINER: each gives exactly one row, by a secret or an unguessable id.
create function find_api_key(key_hash bytea)
returns table (workspace_id uuid, id uuid, role text, scopes text[], expires_at timestamptz, revoked_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public as $$
  select k.workspace_id, k.id, k.role, k.scopes, k.expires_at, k.revoked_at from public.api_keys k where k.hash = key_hash
$$;
--> statement-breakpoint
create function find_token(jti uuid)
returns table (workspace_id uuid, kind text, member_id uuid, member_role text, member_deactivated_at timestamptz, identity_id uuid, account_id uuid, expires_at timestamptz, revoked_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public as $$
  select t.workspace_id, t.kind, t.member_id, m.role, m.deactivated_at, t.identity_id, t.account_id, t.expires_at, t.revoked_at
  from public.tokens t left join public.members m on m.workspace_id = t.workspace_id and m.id = t.member_id
  where t.id = jti
$$;
--> statement-breakpoint
create function find_endpoint(endpoint_id uuid)
returns table (workspace_id uuid, id uuid, provider text, secrets bytea, disabled_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public as $$
  select e.workspace_id, e.id, e.provider, e.secrets, e.disabled_at from public.channel_endpoints e where e.id = endpoint_id
$$;
--> statement-breakpoint
-- A mail comes with its recipient only; a mailbox is one account of one workspace, or the first that connected it.
create function find_mailbox(mailbox text)
returns table (workspace_id uuid, account_id uuid, endpoint_id uuid)
language sql stable security definer set search_path = pg_catalog, public as $$
  select a.workspace_id, a.id, a.endpoint_id from public.channel_accounts a
  where a.channel = 'EMAIL' and a.state = 'ACTIVE' and a.address = lower(mailbox)
  order by a.created_at, a.id limit 1
$$;
--> statement-breakpoint
-- Start asks whether there is any workspace at all (the demo is made when there is none).
create function any_workspace() returns boolean
language sql stable security definer set search_path = pg_catalog, public as $$ select exists (select from public.workspaces) $$;
--> statement-breakpoint
do $$ begin
  revoke all on function find_api_key(bytea), find_token(uuid), find_endpoint(uuid), find_mailbox(text), any_workspace() from public;
  grant execute on function find_api_key(bytea), find_token(uuid), find_endpoint(uuid), find_mailbox(text), any_workspace() to throughline_app, throughline_system;
end $$;
