// The two commands of a newcomer, as real processes: `npm start` with nothing configured, again beside it, after a kill, and how it stops.
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/platform/config.ts';
import { openPool, type Sql } from '../../src/platform/db.ts';
import { commandDatabase } from '../../src/server/database.ts';
import { within } from '../events/make.ts';
import { failingStart, ROOT, spawnServer, type Started } from '../harness/server.ts';

const START_MS_MAX = 60_000;
/** Clients that write all the time; with the two that are watched no more than the pool has connections. */
const LOAD = 6;

let home: string;
let dataDir: string;
let server: Started | null = null;
let customer: string;
let key: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'throughline-start-'));
  dataDir = join(home, '.data');
  for (const part of ['package.json', 'tsconfig.json', 'bin', 'src', 'schema', 'migrations']) await cp(join(ROOT, part), join(home, part), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(home, 'node_modules'));
});
afterAll(async () => {
  if (server) {
    // npm's child is the server.
    await kill('SIGTERM');
    await server.exited;
  }
  const folder = await postgresFolder().catch(() => null);
  if (folder) await rm(folder, { recursive: true, force: true });
  await rm(home, { recursive: true, force: true });
}, 30_000);

// Nothing is configured but the port: that of a newcomer may be somebody else's here.
const start = () => spawnServer({ PORT: '0' }, { npm: true, cwd: home, timeoutMs: START_MS_MAX });
async function kill(signal: NodeJS.Signals): Promise<void> {
  const { pid } = JSON.parse(await readFile(join(dataDir, 'throughline.lock'), 'utf8')) as { pid: number };
  process.kill(pid, signal);
}
/** Where its files lie: elsewhere when the user that PostgreSQL runs as can't reach the data directory. */
async function postgresFolder(): Promise<string> {
  const { dir } = JSON.parse(await readFile(join(dataDir, 'postgres.json'), 'utf8')) as { dir: string };
  return resolve(dataDir, dir);
}
const postmaster = async (): Promise<string> => (await readFile(join(await postgresFolder(), 'cluster/postmaster.pid'), 'utf8')).split('\n')[0]!;
/** The embedded database, as its owner. */
async function owner(): Promise<Sql> {
  const { url } = await commandDatabase(readConfig({ DATA_DIR: dataDir }), () => {});
  return openPool({ url, max: 2, applicationName: 'test owner' });
}
const NOTE = 'mutation ($id: ID!, $body: String!) { addNote(input: { customerId: $id, body: $body }) { note { id } userErrors { code message } } }';
const note = (body: string) => server!.ask(NOTE, { id: customer, body }, key);
const notes = async (): Promise<string[]> => {
  const bodies: string[] = [];
  let after: string | null = null;
  do {
    const { notes: page }: { notes: { nodes: { body: string }[]; pageInfo: { hasNextPage: boolean; endCursor: string } } } = (await server!.ask('query ($id: ID!, $after: String) { customer(id: $id) { notes(first: 100, after: $after) { nodes { body } pageInfo { hasNextPage endCursor } } } }', { id: customer, after }, key)).customer;
    bodies.push(...page.nodes.map(({ body }) => body));
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  } while (after);
  return bodies;
};

describe('npm start', () => {
  test('with nothing configured it serves a workspace that can be asked at once, and says where and by which key', async () => {
    server = await start();
    expect((await fetch(`${server.address}/readyz`)).status).toBe(200);
    const output = server.output();
    expect(output).toContain('Throughline is ready.');
    const command = /curl -s (\S+) -H 'authorization: Bearer (\S+)' \\\s+-H 'content-type: application\/json' -d '(.*)'/.exec(output)!;
    key = command[2]!;
    const answer = await fetch(command[1]!, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: command[3]! });
    const { data } = (await answer.json()) as { data: { customer: { name: string; conversations: { nodes: { channels: string[] }[] } } } };
    expect(data.customer.name).toBe('Ada Lovelace');
    expect(data.customer.conversations.nodes.flatMap(({ channels }) => channels)).toEqual(expect.arrayContaining(['LIVE_CHAT', 'EMAIL', 'VOICE']));
    customer = /cus_[0-9a-f]{32}/.exec(command[3]!)![0];
    await note('before');
  }, START_MS_MAX);

  test('a second one on the same data is refused, and told where the first one is', async () => {
    const { code, output } = await failingStart({ PORT: '0' }, { npm: true, cwd: home });
    expect(code).toBe(1);
    expect(output).toContain(server!.address);
    expect(output).toMatch(/is running on \S*\.data already/);
    expect(output).not.toMatch(/\bat .*:\d+:\d+/);
    expect((await fetch(`${server!.address}/readyz`)).status).toBe(200);
  }, START_MS_MAX);

  test('after a kill the next one adopts the PostgreSQL that was left, and nothing is lost', async () => {
    await note('just before the kill');
    const before = await postmaster();
    await kill('SIGKILL');
    await server!.exited;
    server = await start();
    expect(await postmaster()).toBe(before);
    expect(await notes()).toEqual(expect.arrayContaining(['before', 'just before the kill']));
    expect(server.output()).not.toContain('The database was empty');
  }, START_MS_MAX);

  test('asked to stop under load it answers what is under way, tells sockets to come again, and exits 0; what was acknowledged is there', async () => {
    const stopping = server!;
    const acknowledged: string[] = ['before', 'just before the kill'];
    let isStopping = false;
    const problems: string[] = [];
    const load = Array.from({ length: LOAD }, async (_, worker) => {
      for (let count = 0; ; count++) {
        const body = `load ${worker} ${count}`;
        const late = isStopping;
        try {
          const answer = await stopping.query(NOTE, { id: customer, body }, key);
          if (answer.status === 200 && answer.data?.addNote?.note) acknowledged.push(body);
          else if (!late || answer.status !== 503) problems.push(`${answer.status} ${answer.text.slice(0, 200)}`);
        } catch (error) {
          // The door is closed, or closed in the very moment that the request was on its way.
          if (!isStopping) problems.push(`${body}: the connection broke before it was asked to stop. ${String(error)} ${String((error as Error).cause)}`);
          return;
        }
      }
    });
    const [idle, following, busy] = [stopping.socket(key), stopping.socket(key), stopping.socket(key)];
    await Promise.all([idle.open, following.open, busy.open]);
    const events = following.subscribe('subscription { events { cursor event { kind } } }');
    await events.next();
    const closed = Promise.all([idle.closed, following.closed, busy.closed]);

    const sql = await owner();
    const ends: Promise<unknown>[] = [];
    await sql.begin(async (tx) => {
      await tx`lock table notes in share row exclusive mode`;
      // These wait for the lock when the signal comes. PostgreSQL shows a transaction the same activity until it ends, hence the other connection.
      ends.push(stopping.query(NOTE, { id: customer, body: 'under way by HTTP' }, key), busy.run(NOTE, { id: customer, body: 'under way by a socket' }));
      await expect.poll(async () => problems.length > 0 ? problems : (await sql`select from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'throughline actions'`).length, { timeout: 10_000, interval: 20 }).toBe(LOAD + 2);
      isStopping = true;
      stopping.kill('SIGTERM');
      await within(5_000, 'The close of the idle socket', idle.closed);
      const ready = await fetch(`${stopping.address}/readyz`).then((answer) => answer.status, () => 'refused');
      expect([503, 'refused']).toContain(ready);
    });
    const [byHttp, bySocket] = (await within(10_000, 'The answers', Promise.all(ends))) as [Awaited<ReturnType<Started['query']>>, { data: any }];
    expect(byHttp.data.addNote.note.id).toMatch(/^nte_/);
    expect(bySocket.data.addNote.note.id).toMatch(/^nte_/);
    acknowledged.push('under way by HTTP', 'under way by a socket');
    for (const { code } of await within(10_000, 'The closes', closed)) expect(code).toBe(1012);
    expect(await within(20_000, 'The exit', stopping.exited)).toEqual({ code: 0, signal: null });
    await Promise.all(load);
    await sql.end({ timeout: 1 }).catch(() => {});
    expect(problems).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(10);
    await Promise.all([idle, following, busy].map((socket) => socket.close()));

    server = await start();
    const stored = await notes();
    expect(acknowledged.filter((body) => !stored.includes(body))).toEqual([]);
    expect(new Set(stored).size).toBe(stored.length);
  }, 90_000);

  test('a newer package on the same data migrates it: nothing is lost, keys and cursors go on; the older one is then refused', async () => {
    const kept = await notes();
    const { cursor } = await server!.ask('{ cursor }', {}, key);
    await note('after the cursor');
    await kill('SIGTERM');
    expect(await server!.exited).toEqual({ code: 0, signal: null });

    const journalFile = join(home, 'migrations/meta/_journal.json');
    const older = await readFile(journalFile, 'utf8');
    const newer = JSON.parse(older) as { entries: { idx: number; version: string; when: number; tag: string; breakpoints: boolean }[] };
    const last = newer.entries.at(-1)!;
    newer.entries.push({ ...last, idx: last.idx + 1, when: last.when + 1, tag: 'of_a_newer_version' });
    await writeFile(journalFile, JSON.stringify(newer));
    await writeFile(join(home, 'migrations/of_a_newer_version.sql'), "alter table notes add column mood text not null default 'calm';");
    server = await start();
    expect((await notes()).sort()).toEqual([...kept, 'after the cursor'].sort());
    const { changes } = await server.ask('query ($after: Cursor!) { changes(after: $after) { kind } }', { after: cursor }, key);
    expect(changes.filter(({ kind }: { kind: string }) => /^note/i.test(kind))).toHaveLength(1);
    const sql = await owner();
    expect(await sql`select distinct mood from notes`).toEqual([{ mood: 'calm' }]);
    await sql.end({ timeout: 1 });

    await kill('SIGTERM');
    await server.exited;
    server = null;
    await writeFile(journalFile, older);
    const { code, output } = await failingStart({ PORT: '0' }, { npm: true, cwd: home });
    expect(code).toBe(1);
    expect(output).toMatch(/newer version/);
  }, 90_000);
});

describe('a start that cannot be', () => {
  test('is refused by the names of what is wrong, without secrets and without a stack', async () => {
    const starts: [Record<string, string>, RegExp[]][] = [
      [{ PORT: '65536', LOG_LEVEL: 'loud', DATABASE_URL: 'mysql://somebody:s3cret@db.example/x', SECRET_KEY: 'short' }, [/PORT must be a number.*"65536"/, /DATABASE_URL must be a URL such as postgres:/, /SECRET_KEY must have/, /LOG_LEVEL must be one of/]],
      [{ PORT: '0', DATABASE_URL: 'postgres://somebody:s3cret@127.0.0.1:1/x', SECRET_KEY: 'x'.repeat(40) }, [/could not start: .*127\.0\.0\.1:1/]],
    ];
    await Promise.all(starts.map(async ([env, expected]) => {
      const { code, output } = await failingStart({ DATA_DIR: join(home, 'unused'), ...env });
      expect(code).toBe(1);
      for (const pattern of expected) expect(output).toMatch(pattern);
      expect(output).not.toMatch(/s3cret|\bat .*:\d+:\d+/);
    }));
  }, START_MS_MAX);
});
