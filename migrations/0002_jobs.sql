-- Jobs: graphile-worker keeps its tables in a schema of its own, which migrate.ts installs before this. All of them have row-level
-- security and no policy, so nobody but their owner reaches them, whatever is granted. The workers run as throughline_system and get
-- policies; whoever writes a workspace's data adds jobs by one function and sees none.
do $$
declare
  t text;
begin
  if to_regclass('graphile_worker._private_jobs') is null then
    raise exception 'graphile-worker''s schema is missing: apply migrations with "throughline migrate", which installs it first';
  end if;
  for t in select table_name from information_schema.tables
           where table_schema = 'graphile_worker' and table_type = 'BASE TABLE' and table_name like '\_private\_%' loop
    execute format('drop policy if exists workers on graphile_worker.%I', t);
    execute format('create policy workers on graphile_worker.%I to throughline_system using (true) with check (true)', t);
    execute format('grant select, insert, update, delete on graphile_worker.%I to throughline_system', t);
  end loop;
end $$;
--> statement-breakpoint
grant usage on schema graphile_worker to throughline_system;
--> statement-breakpoint
grant select on graphile_worker.migrations, graphile_worker.jobs to throughline_system;
--> statement-breakpoint
grant execute on all functions in schema graphile_worker to throughline_system;
--> statement-breakpoint
-- In the caller's transaction: the job exists when it commits, and never when it doesn't. With a job key, a job that waits under the
-- same key is replaced; one that runs already is left to finish and this one comes after it.
create function enqueue_job(task text, payload json, run_at timestamptz, job_key text, max_attempts int) returns bigint
language sql volatile security definer set search_path = pg_catalog as $$
  select (graphile_worker.add_job(
    identifier => task, payload => payload, run_at => run_at, job_key => job_key, max_attempts => max_attempts)).id
$$;
--> statement-breakpoint
do $$ begin
  revoke all on function enqueue_job(text, json, timestamptz, text, int) from public;
  grant execute on function enqueue_job(text, json, timestamptz, text, int) to throughline_app, throughline_system;
end $$;
