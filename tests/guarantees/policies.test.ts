// G10 (a): the second wall between workspaces. Under the application's own role and another workspace's context, no statement of any kind sees or
// touches a row, whatever it names; and whatever opens a hole in the wall is noticed by these very probes.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type postgres from 'postgres';
import { inWorkspace, type Tx } from '../../src/platform/db.ts';
import { updateWorkspace } from '../../src/workspaces/actions.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { rolledUp } from '../analytics/world.ts';
import { makeWorld, quiet, type World } from './world.ts';

let db: TestDatabase;
let a: World;
let b: World;
let tables: Table[];
let views: string[];

interface Table {
  name: string;
  /** The column that names the workspace. */
  tenant: string;
  rights: { insert: boolean; update: boolean; delete: boolean };
}

beforeAll(async () => {
  db = await testDatabase();
  const server = await startTestServer({ db });
  [a, b] = [await makeWorld(server, 'Quokkaville'), await makeWorld(server, 'Zirconbury')];
  await quiet(server);
  await server.stop();
  // What nobody numbers any more stays in the outbox.
  for (const { id, actor } of [a, b]) await inWorkspace(db.app, id, (tx) => updateWorkspace(tx, actor, { reopenHours: 5 }));
  const { owner } = db;
  // A day that is rolled up, and one that something is written into later.
  const moveBack = (days: number) => owner`update messages set occurred_at = occurred_at - ${`${days} days`}::interval`;
  await moveBack(10);
  for (const { id } of [a, b]) await rolledUp(db, id, 'UTC');
  await moveBack(1);
  tables = await owner<Table[]>`
    select c.relname as name, case c.relname when 'workspaces' then 'id' else 'workspace_id' end as tenant,
      jsonb_build_object('insert', has_table_privilege('throughline_app', c.oid, 'insert'), 'update', has_any_column_privilege('throughline_app', c.oid, 'update'), 'delete', has_table_privilege('throughline_app', c.oid, 'delete')) as rights
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p') and has_table_privilege('throughline_app', c.oid, 'select')
      and (c.relname = 'workspaces' or exists (select from pg_attribute t where t.attrelid = c.oid and t.attname = 'workspace_id'))
    order by c.relname`;
  views = (await owner<{ name: string }[]>`select relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and c.relkind in ('v', 'm')`).map(({ name }) => name);
});
afterAll(async () => {
  await a.twilio.close();
  await b.twilio.close();
  await db.close();
});

const DENIED = '42501';
class Undo extends Error {}

/** Runs `work` in a transaction of the owner's in which `change` was made, under the application's role and workspace B's context; nothing of it stays. */
async function asB<T>(change: (tx: Tx) => Promise<unknown>, work: (tx: Tx) => Promise<T>, context: string | null = b.id): Promise<T> {
  let result: T;
  await db.owner
    .begin(async (tx) => {
      await change(tx);
      await tx`set local role throughline_app`;
      if (context !== null) await tx`select set_config('app.workspace_id', ${context}, true)`;
      result = await work(tx);
      throw new Undo();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undo)) throw error;
    });
  return result!;
}
const unchanged = async () => {};

/** What a statement came to: its rows, or PostgreSQL's code. The transaction goes on. */
async function attempt(tx: Tx, statement: (inner: Tx) => Promise<postgres.Row[]>): Promise<{ rows: postgres.Row[]; code: string | null }> {
  try {
    const rows = await tx.savepoint((inner) => statement(inner as unknown as Tx));
    return { rows: rows as postgres.Row[], code: null };
  } catch (error) {
    return { rows: [], code: String((error as { code?: string }).code) };
  }
}

/** Every way to reach A's rows of a table as B. What got through, in words; empty when the wall stands. */
async function holes(tx: Tx, { name, tenant, rights }: Table, ofA: object): Promise<string[]> {
  const found: string[] = [];
  const table = tx(name);
  const [seen] = await tx<{ own: number; others: number }[]>`
    select count(*) filter (where ${tx(tenant)} = ${b.id})::int as own, count(*) filter (where ${tx(tenant)} is distinct from ${b.id})::int as others from ${table}`;
  if (seen!.others > 0) found.push(`sees ${seen!.others} rows of others`);
  if (seen!.own === 0) found.push('does not see its own rows');
  const stands = (what: string, { rows, code }: Awaited<ReturnType<typeof attempt>>) => {
    if (rows.length > 0) found.push(`${what} ${rows.length} rows of others`);
    // Nothing was refused by the wall if something behind it had to refuse.
    else if (code !== null && code !== DENIED) found.push(`${what}: reached as far as ${code}`);
  };
  stands('updates', await attempt(tx, (t) => t`update ${table} set ${tx(tenant)} = ${tx(tenant)} where ${tx(tenant)} is distinct from ${b.id} returning 1`));
  stands('deletes', await attempt(tx, (t) => t`delete from ${table} where ${tx(tenant)} is distinct from ${b.id} returning 1`));
  if (rights.insert) {
    const { code } = await attempt(tx, (t) => t`insert into ${table} select * from jsonb_populate_record(null::${table}, ${JSON.stringify(ofA)}::text::jsonb) returning 1`);
    if (code !== DENIED) found.push(`inserts a row of others (${code ?? 'no refusal'})`);
  }
  if (rights.update && seen!.own > 0) {
    const { code } = await attempt(tx, (t) => t`update ${table} set ${tx(tenant)} = ${a.id} where ${tx(tenant)} = ${b.id} returning 1`);
    if (code !== DENIED) found.push(`gives its own row to others (${code ?? 'no refusal'})`);
  }
  return found;
}

/** A row of A's. */
async function rowOfA(table: Table): Promise<object> {
  const { owner } = db;
  const [row] = await owner<{ row: object }[]>`select to_jsonb(t) as row from ${owner(table.name)} t where ${owner(table.tenant)} = ${a.id} limit 1`;
  if (!row) throw new Error(`makeWorld leaves ${table.name} empty: let something happen that fills it.`);
  return row.row;
}

describe('row-level security', () => {
  test('every table that names a workspace is under it, and the world has rows of every one', async () => {
    const { owner } = db;
    const bare = await owner`
      select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute t on t.attrelid = c.oid and t.attname = 'workspace_id'
      where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relrowsecurity`;
    // Read by the system's role alone, for the proof of the chain: hashes and positions.
    expect(bare.map((row) => row.relname)).toEqual(['event_chains']);
    for (const table of tables) await rowOfA(table);
    expect(tables.length).toBeGreaterThan(40);
  });

  test('under B no statement sees, changes, removes or forges a row of A, in any table', async () => {
    for (const table of tables) {
      const ofA = await rowOfA(table);
      expect(await asB(unchanged, (tx) => holes(tx, table, ofA)), table.name).toEqual([]);
    }
  });

  test('without a context nothing is seen and nothing can be written', async () => {
    for (const table of tables) {
      const ofA = await rowOfA(table);
      const found = await asB(unchanged, (tx) => holes(tx, table, ofA), null);
      expect(found, table.name).toEqual(['does not see its own rows']);
      expect(await asB(unchanged, (tx) => holes(tx, table, ofA), ''), table.name).toEqual(['does not see its own rows']);
    }
  });

  test('each policy that is switched off, dropped, or made to let through is noticed', async () => {
    const missed: string[] = [];
    let broken = 0;
    for (const table of tables) {
      const ofA = await rowOfA(table);
      const changes: [string, (tx: Tx) => Promise<unknown>][] = [
        ['off', (tx) => tx`alter table ${tx(table.name)} disable row level security`],
        ['dropped', (tx) => tx`drop policy workspace on ${tx(table.name)}`],
        ['open to reads', (tx) => tx`alter policy workspace on ${tx(table.name)} using (true)`],
        ...(table.rights.insert || table.rights.update ? [['open to writes', (tx: Tx) => tx`alter policy workspace on ${tx(table.name)} with check (true)`] as [string, (tx: Tx) => Promise<unknown>]] : []),
      ];
      for (const [what, change] of changes) {
        broken++;
        if ((await asB(change, (tx) => holes(tx, table, ofA))).length === 0) missed.push(`${table.name} ${what}`);
      }
    }
    expect(missed).toEqual([]);
    console.log(`${broken} broken policies of ${tables.length} tables, each noticed.`);
  });

  // The facts of `reply_routes` come from a function, which asks as its caller in any view: that one has a second wall.
  test('views show what their reader may see, and one that asks as its owner is noticed', async () => {
    const others = (view: string) => async (tx: Tx) => (await tx<{ n: number }[]>`select count(*)::int as n from ${tx(view)} where workspace_id is distinct from ${b.id}`)[0]!.n;
    expect(views.length).toBeGreaterThan(1);
    for (const view of views) {
      expect(await asB(unchanged, others(view)), view).toBe(0);
      expect(await asB((tx) => tx`alter view ${tx(view)} set (security_invoker = false)`, others(view)), view)[view === 'reply_routes' ? 'toBe' : 'toBeGreaterThan'](0);
    }
  });

  test("the system's role reaches what it needs and no more: none of what people said, are called or can be reached at", async () => {
    const { owner } = db;
    const rights = await owner<{ name: string; rights: string }[]>`
      select table_name as name, string_agg(lower(privilege_type), ' ' order by privilege_type) as rights from information_schema.role_table_grants
      where grantee = 'throughline_system' and table_schema = 'public' group by table_name order by table_name`;
    expect(Object.fromEntries(rights.map((row) => [row.name, row.rights]))).toEqual({
      blobs: 'select', consumer_failures: 'insert select update', consumers: 'insert select update', conversations: 'select', deliveries: 'delete select', event_chains: 'select', event_outbox: 'select', events: 'select',
      idempotency_keys: 'delete select', inbound_events: 'select update', log_state: 'select', server_keys: 'insert select update', statistics_horizon: 'select', statistics_stale: 'select', tokens: 'delete select', workspaces: 'select',
    });
  });

  test('neither role can leave its confinement', async () => {
    const { owner } = db;
    const roles = await owner`select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin from pg_roles where rolname like 'throughline\\_%' and rolname in ('throughline_app', 'throughline_system')`;
    for (const role of roles) expect(role, role.rolname).toMatchObject({ rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcreatedb: false, rolcanlogin: false });
    expect(roles).toHaveLength(2);
    const owned = await owner`select relname from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname in ('throughline_app', 'throughline_system')`;
    expect(owned).toEqual([]);
    const memberships = await owner`select 1 from pg_auth_members m join pg_roles r on r.oid = m.member where r.rolname in ('throughline_app', 'throughline_system')`;
    expect(memberships).toEqual([]);
  });
});

/** Index → why it may do without the workspace. */
const KEYS_WITHOUT_WORKSPACE: Record<string, string> = {
  workspaces_pkey: 'the workspace itself',
  log_state_pkey: 'the log, which is everybody’s',
  server_keys_pkey: 'the server’s own keys, which no role of a workspace reads',
  consumers_pkey: 'positions of the log',
  statistics_horizon_pkey: 'one row of moments of the whole database',
  event_outbox_pkey: 'the order of the outbox, read by the sequencer alone',
  events_position: 'a position of the log is one event’s',
  api_keys_hash: 'found by a secret before the workspace is known',
  tokens_id: 'found by a signed id before the workspace is known',
  channel_endpoints_id: 'found by an unguessable address before the workspace is known',
};
const REFERENCES_WITHOUT_WORKSPACE: Record<string, string> = {};

describe('keys', () => {
  test('every key and every index that must be unique includes the workspace, but for those that were reviewed', async () => {
    const without = await db.owner<{ name: string }[]>`
      select i.relname as name from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid join pg_namespace n on n.oid = t.relnamespace
      where n.nspname = 'public' and x.indisunique
        and not exists (select from pg_attribute c where c.attrelid = t.oid and c.attnum = any(x.indkey::smallint[]) and c.attname = 'workspace_id')
      order by 1`;
    expect(without.map(({ name }) => name).sort()).toEqual(Object.keys(KEYS_WITHOUT_WORKSPACE).sort());
  });

  test('every foreign key carries the workspace from column to column, so that no row can point into another', async () => {
    const without = await db.owner<{ name: string }[]>`
      select k.conname as name from pg_constraint k
      where k.contype = 'f' and k.connamespace = 'public'::regnamespace
        and not exists (
          select from unnest(k.conkey, k.confkey) as pair (mine, theirs)
          join pg_attribute m on m.attrelid = k.conrelid and m.attnum = pair.mine join pg_attribute t on t.attrelid = k.confrelid and t.attnum = pair.theirs
          where m.attname = 'workspace_id' and t.attname = case when k.confrelid = 'workspaces'::regclass then 'id' else 'workspace_id' end)
      order by 1`;
    expect(without.map(({ name }) => name)).toEqual(Object.keys(REFERENCES_WITHOUT_WORKSPACE));
  });

  test('a row that points to a row of A cannot be stored by B', async () => {
    const { owner } = db;
    const references = await owner<{ name: string; table: string; column: string; target: string }[]>`
      select k.conname as name, k.conrelid::regclass::text as table, m.attname as column, k.confrelid::regclass::text as target
      from pg_constraint k join lateral unnest(k.conkey, k.confkey) as pair (mine, theirs) on true
      join pg_attribute m on m.attrelid = k.conrelid and m.attnum = pair.mine join pg_attribute t on t.attrelid = k.confrelid and t.attnum = pair.theirs
      where k.contype = 'f' and k.connamespace = 'public'::regnamespace and t.attname = 'id' and k.confrelid <> 'workspaces'::regclass`;
    expect(references.length).toBeGreaterThan(30);
    for (const { name, table, column, target } of references) {
      const rights = tables.find((one) => one.name === table)!.rights;
      if (!rights.update) continue;
      const [foreign] = await owner<{ id: string }[]>`select id from ${owner(target)} where workspace_id = ${a.id} limit 1`;
      const { code } = await asB(unchanged, (tx) => attempt(tx, async (t) => {
        await t`set constraints all immediate`;
        return t`update ${tx(table)} set ${tx(column)} = ${foreign!.id} where ctid = (select ctid from ${tx(table)} limit 1) returning 1`;
      }));
      expect(code, name).toMatch(/^(23503|23505|23514)$/);
    }
  });
});

/** Function → why it may see more than its caller. */
const DEFINER_FUNCTIONS: Record<string, string> = {
  find_api_key: 'by the hash of a secret, before the workspace is known',
  event_source_intact: 'yes or no: whether an event came from where the log says',
  find_token: 'by the id in a signed token, before the workspace is known',
  find_endpoint: 'by an unguessable address, before the workspace is known',
  find_mailbox: 'a mail comes with its recipient only',
  listened_accounts: 'which accounts a connection must be held for, of all workspaces; nothing secret',
  any_workspace: 'whether the database is empty',
  log_epoch: 'which database this is',
  open_log: 'which database this is',
  move_statistics_horizon: 'moves a moment of the whole database, and takes away what does not hold then',
  sequence_events: 'numbers every workspace’s events',
  enqueue_job: 'adds a job, sees none',
  search_customers: 'row-level security stops the index; the context’s workspace alone',
  search_external_records: 'the same',
  search_messages: 'the same',
  search_indexed_messages: 'the same',
};

describe('functions that see more than their caller', () => {
  test('are those that were reviewed, and where they look for names is fixed', async () => {
    const functions = await db.owner<{ name: string; config: string[] | null; open: boolean }[]>`
      select p.proname as name, p.proconfig as config, has_function_privilege('public', p.oid, 'execute') as open
      from pg_proc p where p.prosecdef and p.pronamespace = 'public'::regnamespace order by 1`;
    expect(functions.map(({ name }) => name).sort()).toEqual(Object.keys(DEFINER_FUNCTIONS).sort());
    for (const { name, config, open } of functions) {
      expect(config?.some((setting) => /^search_path=pg_catalog(, public)?$/.test(setting)), `${name}: ${config?.join()}`).toBe(true);
      expect(open, `${name} may be called by everybody`).toBe(false);
    }
  });

  test('find nothing of A under B, and nothing at all without a context', async () => {
    const find = (tx: Tx) => tx<{ n: number }[]>`
      select (select count(*) from search_customers(${a.mark}, 50, true))::int + (select count(*) from search_customers(${a.email}, 50, true))::int + (select count(*) from search_customers(${a.phone}, 50, true))::int
        + (select count(*) from search_external_records(${`4711${a.mark}`}, 50))::int + (select count(*) from search_messages(${a.mark}, 50))::int as n`;
    expect((await asB(unchanged, find))[0]!.n).toBe(0);
    expect((await asB(unchanged, find, null))[0]!.n).toBe(0);
    expect((await asB(unchanged, find, a.id))[0]!.n).toBeGreaterThan(4);
  });
});
