// The benches' own data: made by the program's seed, the same rows for the same numbers, and kept between runs in bench/.data under a name
// that says its size and the schema's version. The reads' database is never written to; benches that write get a copy of it.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { systemActor } from '../src/access/viewer.ts';
import { rollUpStatistics } from '../src/analytics/rollups.ts';
import { connectChannel } from '../src/channels/accounts.ts';
import { inWorkspace, openPool, type Sql } from '../src/platform/db.ts';
import { startEmbedded } from '../src/platform/embedded-postgres.ts';
import { migrate } from '../src/platform/migrate.ts';
import { initSecrets } from '../src/platform/secrets.ts';
import { seed } from '../src/server/seed.ts';
import { createMember, createWorkspace } from '../src/workspaces/actions.ts';
import { createApiKey } from '../src/workspaces/keys.ts';

export const HERE = new URL('.', import.meta.url).pathname;
export const ROOT = join(HERE, '..');
export const SECRET_KEY = 'the secret key of the benches, of no worth';
export const WORKSPACE = '01900000-0000-7001-8000-0000000000b1';
/** An admin's key, and one of each of two other roles. */
export const KEYS = {
  ADMIN: 'tl_bench_the-admin-key-of-the-benches',
  AGENT: 'tl_bench_the-agent-key-of-the-benches',
  INTEGRATOR: 'tl_bench_the-integrator-key-of-the-benches',
} as const;
/** Addresses of the customer who has IDENTITIES_MANY of them. */
export const IDENTITIES_MANY = 1_000;
const PREFIX = 'throughline_bench';
const MERGED_CUSTOMERS = 340;

export interface Size {
  /** At least 100; one in twenty is a regular. */
  customers: number;
  /** Of conversations of ten each, those of regulars of twenty. At least twelve a customer. */
  messages: number;
}
const REGULAR_CONVERSATION = 20;
const REGULAR_MESSAGES = 10 * REGULAR_CONVERSATION;
const regularsOf = ({ customers }: Size): number => Math.floor(customers / 20);
export interface Cluster {
  /** Of a login that owns the benches' databases and may make some. */
  url: string;
  /** The process whose children are the backends; 0 when the server is elsewhere. */
  postmaster: number;
  close(): Promise<void>;
}
export interface Data {
  url: string;
  size: Size;
  /** Of regulars, whose pages are full: each has ten conversations of twenty messages over three addresses, and a note. */
  customerIds: string[];
  /** Has IDENTITIES_MANY identities. */
  manyId: string;
  conversationIds: string[];
  /** Of the regulars: their numbers, and the identities by which they chat. */
  phones: string[];
  visitorIds: string[];
  chatAccountId: string;
}

/** DATABASE_URL, whose login needs CREATEDB and CREATEROLE; or a PostgreSQL of the benches' own. */
export async function openCluster(say: (text: string) => void): Promise<Cluster> {
  initSecrets(SECRET_KEY);
  const given = process.env.DATABASE_URL;
  if (given) return { url: given, postmaster: await postmasterOf(given), close: async () => {} };
  const embedded = await startEmbedded({ dataDir: join(HERE, '.data'), say, createDatabases: true });
  return { url: embedded.url, postmaster: await postmasterOf(embedded.url), close: () => embedded.stop() };
}

export function onDatabase(url: string, name: string): string {
  const to = new URL(url);
  to.pathname = `/${name}`;
  return to.href;
}

async function postmasterOf(url: string): Promise<number> {
  return withAdmin(url, async (admin) => {
    const [row] = await admin<{ pid: number }[]>`select pg_backend_pid() as pid`;
    try {
      const stat = readFileSync(`/proc/${row!.pid}/stat`, 'utf8');
      return stat.includes('(postgres)') ? Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) : 0;
    } catch {
      return 0;
    }
  });
}

async function withAdmin<T>(url: string, work: (admin: postgres.Sql) => Promise<T>): Promise<T> {
  const admin = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await work(admin);
  } finally {
    await admin.end({ timeout: 5 });
  }
}

/** Whatever changes the rows: the tables, the seed and this file. */
function version(): string {
  const hash = createHash('sha256');
  const folder = join(ROOT, 'migrations');
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.sql')).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  for (const path of ['src/server/seed.ts', 'src/analytics/figures.ts', 'src/analytics/statistics.ts', 'src/analytics/rollups.ts']) hash.update(readFileSync(join(ROOT, path)));
  hash.update(readFileSync(join(HERE, 'data.ts')));
  return hash.digest('hex').slice(0, 8);
}

/** Finds the data of this size, or makes it; data of other schema versions are dropped. */
export async function data(cluster: Cluster, size: Size, say: (text: string) => void): Promise<Data> {
  const name = `${PREFIX}_${version()}_c${size.customers}_m${size.messages}`;
  await withAdmin(cluster.url, async (admin) => {
    const old = await admin<{ name: string }[]>`
      select datname as name from pg_database where starts_with(datname, ${`${PREFIX}_`}) and (not starts_with(datname, ${`${PREFIX}_${version()}_`}) or datname like '%\\_making')`;
    for (const { name: stale } of old) await drop(admin, stale);
    const [known] = await admin`select 1 from pg_database where datname = ${name}`;
    if (known) return;
    say(`Making ${size.customers} customers and ${size.messages} messages, once …`);
    const making = `${name}_making`;
    await admin`create database ${admin(making)}`;
    await fill(onDatabase(cluster.url, making), size, say);
    await admin`alter database ${admin(making)} rename to ${admin(name)}`;
  });
  return described(onDatabase(cluster.url, name), size);
}

async function fill(url: string, size: Size, say: (text: string) => void): Promise<void> {
  await migrate(url);
  const app = openPool({ url, role: 'throughline_app', max: 4, applicationName: 'bench seed', statementTimeoutMs: 600_000 });
  const owner = openPool({ url, max: 1, applicationName: 'bench seed', statementTimeoutMs: 3_600_000 });
  try {
    await inWorkspace(app, WORKSPACE, async (tx) => {
      const actor = systemActor(WORKSPACE);
      await createWorkspace(tx, { id: WORKSPACE, name: 'Bench', timeZone: 'UTC' });
      for (const role of ['ADMIN', 'AGENT', 'INTEGRATOR'] as const) await createApiKey(tx, actor, { name: role, role, text: KEYS[role] });
      await createMember(tx, actor, { name: 'Mira', email: 'mira@bench.example', role: 'AGENT' });
      const settings = { accountSid: `AC${'0'.repeat(32)}`, apiBaseUrl: 'http://127.0.0.1:9' };
      await connectChannel(tx, actor, { channel: 'LIVE_CHAT', provider: 'throughline', name: 'Chat', settings: {}, secrets: {} });
      await connectChannel(tx, actor, {
        channel: 'EMAIL', provider: 'mime', name: 'Mail', address: 'support@bench.example', secrets: { inbound: 'a secret of the benches' },
        settings: { authservId: 'mx.bench.example', host: '127.0.0.1', port: 9, secure: 'none' },
      });
      await connectChannel(tx, actor, { channel: 'SMS', provider: 'twilio', name: 'SMS', address: '+493012345678', settings, secrets: { authToken: '0'.repeat(32) } });
    });
    let shown = 0;
    const progress = ({ done, total }: { done: number; total: number }) => {
      const tenth = Math.floor((done / total) * 10);
      if (tenth > shown && total > 100_000) say(`  ${tenth * 10} %`);
      shown = tenth;
    };
    const regulars = regularsOf(size);
    await seed(app, WORKSPACE, { customers: size.customers - regulars, messages: size.messages - regulars * REGULAR_MESSAGES }, progress);
    await seed(app, WORKSPACE, { customers: regulars, messages: regulars * REGULAR_MESSAGES, messagesPerConversation: REGULAR_CONVERSATION }, () => {});
    await seed(app, WORKSPACE, { customers: MERGED_CUSTOMERS, messages: MERGED_CUSTOMERS * 30 }, () => {});
    await addNotes(owner);
    await joinMany(owner, size.customers);
    // As a server does within a minute or two of the past's being there.
    const system = openPool({ url, role: 'throughline_system', max: 1, applicationName: 'bench seed' });
    while ((await rollUpStatistics({ system, app })) === 0);
    await system.end({ timeout: 5 });
    await owner`vacuum (analyze)`;
  } finally {
    await app.end({ timeout: 5 });
    await owner.end({ timeout: 5 });
  }
}

/** A note a customer, so that timelines are merged from more than messages. */
async function addNotes(owner: Sql): Promise<void> {
  await owner`
    with made as (
      insert into notes (workspace_id, id, identity_id, author_kind, body, created_at)
      select workspace_id, md5('note ' || id)::uuid, self_identity_id, 'SYSTEM', 'Prefers to be called in the morning. ' || name, last_activity_at + interval '100 days'
      from customers where workspace_id = ${WORKSPACE}
      returning workspace_id, id, identity_id, body, created_at
    ), versions as (
      insert into note_versions (workspace_id, note_id, version, body, written_by_kind, written_at) select workspace_id, id, 1, body, 'SYSTEM', created_at from made
    )
    insert into timeline_entries (workspace_id, identity_id, occurred_at, id, kind, ref_id, actor_kind, data)
    select workspace_id, identity_id, created_at, md5('entry ' || id)::uuid, 'NOTE', id, 'SYSTEM', '{}' from made`;
}

/** One customer gets the first identities of those who were seeded after the others: as if they had been merged. */
async function joinMany(owner: Sql, first: number): Promise<void> {
  await owner.begin(async (tx) => {
    const joined = await tx<{ id: string; customerId: string }[]>`
      select i.id, i.customer_id from identities i
      where i.workspace_id = ${WORKSPACE} and i.customer_id in (select customer_id from identities
        where workspace_id = ${WORKSPACE} and kind = 'EMAIL' and value like 'seed-%' and split_part(split_part(value, '@', 1), '-', 2)::int >= ${first})
      order by i.customer_id, i.id limit ${IDENTITIES_MANY}`;
    const ids = joined.map(({ id }) => id);
    const keep = joined[0]!.customerId;
    await tx`update identities set customer_id = ${keep} where workspace_id = ${WORKSPACE} and id = any(${ids}::uuid[])`;
    await tx`update identity_owners set customer_id = ${keep} where workspace_id = ${WORKSPACE} and identity_id = any(${ids}::uuid[])`;
  });
}

const SAMPLE = 4_000;
async function described(url: string, size: Size): Promise<Data> {
  return withAdmin(url, async (sql) => {
    const ids = (rows: readonly { id: string }[]) => rows.map(({ id }) => id);
    const first = size.customers - regularsOf(size);
    const regulars = await sql<{ id: string; visitor: string; phone: string }[]>`
      select e.customer_id as id, c.self_identity_id as visitor, (select p.value from identities p where p.workspace_id = e.workspace_id and p.customer_id = e.customer_id and p.kind = 'PHONE') as phone
      from identities e join customers c on c.workspace_id = e.workspace_id and c.id = e.customer_id
      where e.workspace_id = ${WORKSPACE} and e.kind = 'EMAIL' and e.value = any(select 'seed-' || n || '@customers.example' from generate_series(${first}::int, ${size.customers - 1}::int) n)
      order by md5(e.customer_id::text) limit ${SAMPLE}`;
    const conversations = await sql<{ id: string }[]>`select id from conversations where workspace_id = ${WORKSPACE} order by id limit 500`;
    const [many] = await sql<{ id: string }[]>`
      select customer_id as id from identities where workspace_id = ${WORKSPACE} group by 1 having count(*) = ${IDENTITIES_MANY}`;
    const [chat] = await sql<{ id: string }[]>`select id from channel_accounts where workspace_id = ${WORKSPACE} and channel = 'LIVE_CHAT'`;
    return {
      url, size, customerIds: ids(regulars), manyId: many!.id, conversationIds: ids(conversations), phones: regulars.map(({ phone }) => phone),
      visitorIds: regulars.map(({ visitor }) => visitor), chatAccountId: chat!.id,
    };
  });
}

/** A copy of the data, which may be written to. Nobody may be connected to the original meanwhile. @returns its address and how to drop it */
export async function copyOf(cluster: Cluster, original: Data, suffix: string): Promise<{ data: Data; drop: () => Promise<void> }> {
  const name = `${new URL(original.url).pathname.slice(1)}_${suffix}_making`;
  await withAdmin(cluster.url, async (admin) => {
    await drop(admin, name);
    for (let attempt = 1; ; attempt++) {
      try {
        await admin`create database ${admin(name)} template ${admin(new URL(original.url).pathname.slice(1))} strategy file_copy`;
        return;
      } catch (error) {
        // Sessions that were closed a moment ago are still seen.
        if (attempt >= 100 || (error as { code?: string }).code !== '55006') throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  });
  return { data: { ...original, url: onDatabase(cluster.url, name) }, drop: () => withAdmin(cluster.url, (admin) => drop(admin, name)) };
}

/** PostgreSQL lets no ordinary login end an autovacuum worker (42501): that one is waited for. */
async function drop(admin: postgres.Sql, name: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await admin`drop database if exists ${admin(name)} with (force)`;
      return;
    } catch (error) {
      if (attempt >= 100 || (error as { code?: string }).code !== '42501') throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
