// A dump that is restored elsewhere: what pg_dump and pg_restore do with the data, done here table by table, since neither comes with the embedded
// PostgreSQL.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { verifyLog } from '../../src/events/chain.ts';
import { sequenceAll } from '../../src/events/sequencer.ts';
import type { Sql } from '../../src/platform/db.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { startTestServer, type TestServer } from '../harness/server.ts';

let from: TestDatabase;
let to: TestDatabase;
let server: TestServer;

beforeAll(async () => {
  from = await testDatabase();
  to = await testDatabase();
}, 60_000);
afterAll(async () => {
  await server.stop();
  await Promise.all([from.close(), to.close()]);
});

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

async function restore(): Promise<void> {
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

it('has everything; cursors of before get RESYNC by every way, and the log goes on after its last event', async () => {
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

  await restore();
  expect(await stored(to.owner)).toEqual(await stored(from.owner));

  server = await startTestServer({ db: to, demo: true });
  expect(server.server.demo).toBeNull();
  expect((await server.query(PROFILE, { id }, key)).text).toBe(profile.text);
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
}, 60_000);
