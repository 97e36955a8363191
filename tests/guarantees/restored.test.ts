// A dump that is restored elsewhere. The embedded PostgreSQL comes without pg_dump, so there its work is done table by table; where the machine has a
// PostgreSQL with all its programs, they do it themselves.
import { afterEach, describe, expect, test } from 'vitest';
import { verifyLog } from '../../src/events/chain.ts';
import { sequenceAll } from '../../src/events/sequencer.ts';
import type { Sql } from '../../src/platform/db.ts';
import { enqueue } from '../../src/platform/jobs.ts';
import { migrate } from '../../src/platform/migrate.ts';
import { opened, testDatabase, type TestDatabase } from '../harness/database.ts';
import { installedPostgres, startInstalled } from '../harness/installed-postgres.ts';
import { proven } from '../harness/proven.ts';
import { startTestServer, type TestServer } from '../harness/server.ts';

let server: TestServer | undefined;
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await server?.stop();
  server = undefined;
  for (const end of ends.splice(0).reverse()) await end();
});
const kept = (db: TestDatabase): TestDatabase => {
  ends.push(() => db.close());
  return db;
};

/** The tables, each after those that it refers to. */
async function tables(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string; refers: string[] }[]>`
    select c.relname as name, coalesce(array_agg(r.relname::text) filter (where r.relname <> c.relname), '{}') as refers
    from pg_class c left join pg_constraint k on k.conrelid = c.oid and k.contype = 'f' left join pg_class r on r.oid = k.confrelid
    where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace group by 1`;
  const ordered: string[] = [];
  while (ordered.length < rows.length) {
    const next = rows.filter(({ name, refers }) => !ordered.includes(name) && refers.every((other) => ordered.includes(other)));
    if (next.length === 0) throw new Error('Tables refer to each other in a circle.');
    ordered.push(...next.map(({ name }) => name));
  }
  return ordered;
}

async function copied(from: TestDatabase, to: TestDatabase): Promise<void> {
  const names = await tables(from.owner);
  await to.owner`truncate ${to.owner(names)}`;
  for (const name of names) {
    const [rows] = await from.owner<{ json: string }[]>`select coalesce(jsonb_agg(to_jsonb(t)), '[]')::text as json from ${from.owner(name)} t`;
    // pg_restore makes triggers after the data.
    await to.owner.begin(async (tx) => {
      await tx`alter table ${tx(name)} disable trigger user`;
      await tx`insert into ${tx(name)} select * from jsonb_populate_recordset(null::${tx(name)}, ${rows!.json}::text::jsonb)`;
      await tx`alter table ${tx(name)} enable trigger user`;
    });
  }
  const sequences = await from.owner<{ name: string; last: number | null }[]>`select sequencename as name, last_value as last from pg_sequences where schemaname = 'public'`;
  for (const { name, last } of sequences) if (last !== null) await to.owner`select setval(${name}::regclass, ${last})`;
}

/** Everything that is stored, but what a database says of itself and how far readers of the log have come. */
async function stored(sql: Sql): Promise<Record<string, string>> {
  const sums: Record<string, string> = {};
  for (const name of await tables(sql)) {
    if (['log_state', 'consumers', 'server_keys'].includes(name)) continue;
    const [row] = await sql<{ sum: string }[]>`select count(*) || ' ' || coalesce(md5(string_agg(t::text, '\n' order by t::text)), '') as sum from ${sql(name)} t`;
    sums[name] = row!.sum;
  }
  return sums;
}

const PROFILE = `query ($id: ID!) { customer(id: $id) { name tier identities { nodes { kind value } } conversations { nodes { status channels messages { nodes { text occurredAt } } } }
  timeline { nodes { id occurredAt } } } }`;
const NOTE = 'mutation ($id: ID!) { addNote(input: { customerId: $id, body: "after the restore" }) { note { id } userErrors { code message } } }';
const CHANGES = 'query ($after: Cursor) { changes(after: $after) { kind cursor } }';

/** @param restore to where the dump was restored. */
async function goesOn(from: TestDatabase, restore: () => Promise<TestDatabase>): Promise<void> {
  server = await startTestServer({ db: from, demo: true });
  const { adminKey: key, ids } = server.server.demo!;
  const id = ids.customer;
  const profile = await server.query(PROFILE, { id }, key);
  expect(profile.data.customer.timeline.nodes.length).toBeGreaterThan(5);
  const { cursor } = await server.ask('{ cursor }', {}, key);
  expect((await server.query(CHANGES, { after: cursor }, key)).data.changes).toEqual([]);
  await server.stop();
  await sequenceAll(from.system);
  const [last] = await from.owner<{ position: number }[]>`select position from log_state`;

  const to = await restore();
  expect(await stored(to.owner)).toEqual(await stored(from.owner));

  server = await startTestServer({ db: to, demo: true });
  expect(server.server.demo).toBeNull();
  expect((await server.query(PROFILE, { id }, key)).data).toEqual(profile.data);
  const refused = await server.query(CHANGES, { after: cursor }, key);
  expect(refused.errors[0]!.extensions.code).toBe('RESYNC');
  const socket = server.socket(key);
  for (const subscription of ['events(after: $after) { cursor }', 'inbox(after: $after) { cursor }']) {
    await expect(socket.subscribe(`subscription ($after: Cursor) { ${subscription} }`, { after: cursor }).next()).rejects.toThrow(/RESYNC|restored/);
  }
  await socket.close();

  await server.ask(NOTE, { id }, key);
  const { changes } = await server.ask(CHANGES, { after: null }, key);
  await sequenceAll(to.system);
  expect(await verifyLog(to.system)).toMatchObject({ intact: true, end: last!.position + 1 });
  expect(changes.length).toBeGreaterThan(0);
}

const NAME = 'has everything; cursors of before get RESYNC by every way, and the log goes on after its last event';
describe('a dump that is restored elsewhere', () => {
  test(NAME, { timeout: 60_000 }, async () => {
    const [from, to] = [kept(await testDatabase()), kept(await testDatabase())];
    await goesOn(from, async () => {
      await copied(from, to);
      return to;
    });
    proven({ tables: 1 });
  });

  const programs = installedPostgres();
  test.skipIf(programs === null)(`by pg_dump and pg_restore, of a login that is no superuser, ${NAME}; a job that waited waits`, { timeout: 120_000 }, async () => {
    const host = await startInstalled(programs!);
    ends.push(() => host.stop());
    const [fromUrl, toUrl] = [await host.database('before'), await host.database('after')];
    await migrate(fromUrl);
    const from = kept(opened(fromUrl, async () => {}));
    const waiting = (sql: Sql) => sql`select p.payload, j.run_at from graphile_worker.jobs j join graphile_worker._private_jobs p using (id) where j.task_identifier = 'of a day to come'`;
    await enqueue(from.system, 'of a day to come', { of: 'the test' }, { runAt: '2999-01-01T00:00:00.000Z' });
    await goesOn(from, async () => {
      await host.copy(fromUrl, toUrl);
      return kept(opened(toUrl, async () => {}));
    });
    const to = opened(toUrl, async () => {});
    expect(await waiting(to.owner)).toEqual(await waiting(from.owner));
    expect(await waiting(to.owner)).toHaveLength(1);
    await to.close();
    proven({ dumps: 1 });
  });
});
