import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import postgres from 'postgres';
import { afterAll, afterEach, expect, test } from 'vitest';
import { sharedBuffersMib } from '../../src/platform/embedded-postgres.ts';
import { processLives, serverOn } from '../../src/platform/server-lock.ts';

interface Answer {
  ready?: true;
  url: string;
  dir: string;
  adopted: boolean;
  said: string[];
  refused?: string;
  message?: string;
  done?: string;
}

class Server {
  private readonly answers: AsyncIterator<string>;
  private constructor(readonly child: ChildProcess) {
    this.answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }
  static async start(dataDir: string): Promise<[Server, Answer]> {
    const child = spawn(process.execPath, ['--import', 'tsx', 'tests/harness/embedded-server.ts', dataDir], { stdio: ['pipe', 'pipe', 'inherit'] });
    running.add(child);
    const server = new Server(child);
    return [server, await server.next()];
  }
  async next(): Promise<Answer> {
    const { value, done } = await this.answers.next();
    if (done) throw new Error('The server ended without an answer.');
    return JSON.parse(value as string) as Answer;
  }
  async ask(command: string): Promise<Answer> {
    this.child.stdin!.write(`${command}\n`);
    return this.next();
  }
  async ended(signal?: NodeJS.Signals): Promise<void> {
    if (signal) this.child.kill(signal);
    if (this.child.exitCode === null && this.child.signalCode === null) await new Promise((done) => this.child.once('exit', done));
  }
}

const running = new Set<ChildProcess>();
const folders: string[] = [];

const dataFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'throughline-embedded-'));
  chmodSync(folder, 0o755);
  folders.push(folder);
  return join(folder, 'data');
};

const postmaster = (dir: string): number => Number(readFileSync(join(dir, 'postmaster.pid'), 'utf8').split('\n')[0]);

async function asked<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connect_timeout: 5 });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Asks again until `probe` gives a value; the test's own time-out ends it. */
async function eventually<T>(probe: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const value = await probe().catch(() => undefined);
    if (value !== undefined) return value;
    await new Promise((done) => setTimeout(done, 50));
  }
}

afterEach(() => running.forEach((child) => child.kill('SIGKILL')));
afterAll(() => {
  for (const folder of folders) {
    const credentials = join(folder, 'data', 'postgres.json');
    if (existsSync(credentials)) {
      const dir = resolve(folder, 'data', (JSON.parse(readFileSync(credentials, 'utf8')) as { dir: string }).dir);
      const cluster = join(dir, 'cluster');
      if (existsSync(join(cluster, 'postmaster.pid')) && processLives(postmaster(cluster))) process.kill(postmaster(cluster), 'SIGQUIT');
      rmSync(dir, { recursive: true, force: true });
    }
    rmSync(folder, { recursive: true, force: true });
  }
});

test('data survive a restart, and the owner of the database is no superuser but may make roles', async () => {
  const dataDir = dataFolder();
  const [first, started] = await Server.start(dataDir);
  expect(started).toMatchObject({ ready: true, adopted: false });
  await asked(started.url, async (sql) => {
    const [role] = await sql`select current_user::text as name, rolsuper, rolbypassrls, rolcreaterole from pg_roles where rolname = current_user`;
    expect(role).toEqual({ name: 'throughline', rolsuper: false, rolbypassrls: false, rolcreaterole: true });
    await sql`create extension pg_trgm`;
    await sql`create table kept (text text)`;
    await sql`insert into kept values (${'until the next start'})`;
  });
  for (const name of ['postgres.json', 'throughline.lock']) expect(statSync(join(dataDir, name)).mode & 0o777).toBe(0o600);
  const pid = postmaster(started.dir);
  await first.ask('stop');
  await first.ended();
  expect(processLives(pid)).toBe(false);
  expect(existsSync(join(dataDir, 'throughline.lock'))).toBe(false);

  const [second, again] = await Server.start(dataDir);
  expect(again.adopted).toBe(false);
  expect(await asked(again.url, (sql) => sql`select text from kept`)).toEqual([{ text: 'until the next start' }]);
  await second.ask('stop');
});

test('PostgreSQL keeps an eighth of the memory for pages: not less than its own default, not more than a gibibyte', async () => {
  const GIB = 1_073_741_824;
  expect([0, GIB / 2, 2 * GIB, 4 * GIB, 8 * GIB, 256 * GIB].map(sharedBuffersMib)).toEqual([128, 128, 256, 512, 1_024, 1_024]);
  const [server, started] = await Server.start(dataFolder());
  const [shown] = await asked(started.url, (sql) => sql<{ mib: number }[]>`select pg_size_bytes(current_setting('shared_buffers')) / 1048576 as mib`);
  expect(Number(shown!.mib)).toBe(sharedBuffersMib(Math.min(totalmem(), process.constrainedMemory() || Infinity)));
  await server.ask('stop');
});

test('a second server on the same data is refused with the address of the first', async () => {
  const dataDir = dataFolder();
  const [first, started] = await Server.start(dataDir);
  expect(started.ready).toBe(true);
  await first.ask('announce http://127.0.0.1:4999');
  const [, refused] = await Server.start(dataDir);
  expect(refused.refused).toBe('AlreadyRunning');
  expect(refused.message).toContain('http://127.0.0.1:4999');
  // The refused one left the first one's Postgres alone.
  expect(await asked(started.url, (sql) => sql`select 1 as one`)).toEqual([{ one: 1 }]);
  expect((await serverOn(dataDir))?.pid).toBe(first.child.pid);
  await first.ask('stop');
});

test('Postgres outlives a killed server and the next one adopts it, committed rows and all', async () => {
  const dataDir = dataFolder();
  const [first, started] = await Server.start(dataDir);
  await asked(started.url, (sql) => sql`create table before_the_kill (id int)`);
  const pid = postmaster(started.dir);
  await first.ended('SIGKILL');
  expect(processLives(pid)).toBe(true);
  const [second, adopted] = await Server.start(dataDir);
  expect(adopted).toMatchObject({ ready: true, adopted: true, url: started.url });
  expect(postmaster(adopted.dir)).toBe(pid);
  expect(adopted.said.join()).toContain('still running');
  expect(await asked(adopted.url, (sql) => sql`select count(*)::int as n from before_the_kill`)).toEqual([{ n: 0 }]);
  await second.ask('stop');
  expect(processLives(pid)).toBe(false);
});

test('a Postgres that was killed is started again on the same port, and after a kill of both the rows are there', async () => {
  const dataDir = dataFolder();
  const [first, started] = await Server.start(dataDir);
  await asked(started.url, (sql) => sql`create table kept (id int)`);
  const pid = postmaster(started.dir);
  process.kill(pid, 'SIGKILL');
  await eventually(async () => (postmaster(started.dir) === pid ? undefined : true));
  await eventually(() => asked(started.url, async (sql) => (await sql`insert into kept values (1) returning id`)[0]));

  const restarted = postmaster(started.dir);
  await first.ended('SIGKILL');
  process.kill(restarted, 'SIGKILL');
  const [second, recovered] = await Server.start(dataDir);
  expect(recovered).toMatchObject({ ready: true, adopted: false });
  expect(await asked(recovered.url, (sql) => sql`select id from kept`)).toEqual([{ id: 1 }]);
  await second.ask('stop');
});

test('a lock that names a process of another life does not refuse', async () => {
  const dataDir = dataFolder();
  mkdirSync(dataDir, { recursive: true });
  // This very test's process lives, but it was not born then: ids are used again after a restart of the machine.
  const lock = { pid: process.pid, born: 'another boot/1', address: 'http://127.0.0.1:1', startedAt: '2026-01-01T00:00:00.000Z' };
  writeFileSync(join(dataDir, 'throughline.lock'), JSON.stringify(lock));
  const [server, started] = await Server.start(dataDir);
  expect(started.ready).toBe(true);
  await server.ask('stop');
});

test('a data directory can be moved; one whose database is gone is refused instead of begun anew', async () => {
  const dataDir = dataFolder();
  const [first, started] = await Server.start(dataDir);
  await asked(started.url, (sql) => sql`create table moved (id int)`);
  await first.ask('stop');
  renameSync(dataDir, `${dataDir}-moved`);
  const [second, again] = await Server.start(`${dataDir}-moved`);
  expect(await asked(again.url, (sql) => sql`select count(*)::int as n from moved`)).toEqual([{ n: 0 }]);
  await second.ask('stop');
  rmSync(again.dir, { recursive: true });
  const [, refused] = await Server.start(`${dataDir}-moved`);
  expect(refused.message).toContain('that folder is gone');
});

test.skipIf(process.getuid?.() !== 0)('as root, data that the database user could not enter lie under /var/lib/throughline, and that is said', async () => {
  const dataDir = dataFolder();
  chmodSync(dirname(dataDir), 0o700);
  const [server, started] = await Server.start(dataDir);
  expect(started.ready).toBe(true);
  expect(started.dir).toMatch(/^\/var\/lib\/throughline\/[0-9a-f]{12}\/cluster$/);
  expect(started.said.join()).toContain(dirname(started.dir));
  expect(statSync(started.dir).uid).not.toBe(0);
  await server.ask('stop');
});
