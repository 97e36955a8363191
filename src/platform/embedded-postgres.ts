// A PostgreSQL of our own, for a start with nothing configured. We run initdb and postgres ourselves: the packages' own starter stops
// Postgres before our requests are drained, and can't go on with one that outlived a killed Node.
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync, truncateSync } from 'node:fs';
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import postgres from 'postgres';
import { mayEnter, postgresBinaries, postgresUser, programOf, SHARED_DIR, type PostgresUser } from './postgres-binaries.ts';
import { processLives, takeServerLock } from './server-lock.ts';

export interface EmbeddedOptions {
  /** Made when it isn't there. Holds the lock, the passwords and, where possible, the database. */
  dataDir: string;
  /** What a person should read: where data went, that a running Postgres was adopted. */
  say: (text: string) => void;
  /** Beyond our own; for tests `{ fsync: 'off' }`. */
  settings?: Record<string, string>;
  /** Lets the owner make databases, for tests. */
  createDatabases?: boolean;
}

export interface EmbeddedPostgres {
  /** Of the role `throughline`, which owns the database and is no superuser. */
  url: string;
  /** Where the database's files are. */
  dir: string;
  /** It had outlived an earlier server. */
  adopted: boolean;
  /** Tells whoever starts a second server where this one listens. */
  announce(address: string): Promise<void>;
  /** Stops Postgres once its sessions ended or were ended, and gives the data directory free. Call it after everything else was drained. */
  stop(): Promise<void>;
}

interface Credentials {
  superuser: string;
  owner: string;
  /** Where the database's files are: relative to the data directory, which may be moved, or elsewhere. */
  dir: string;
  /** The cluster was complete once: if it is missing, it was lost. */
  made: boolean;
}

const OWNER = 'throughline';
const READY_MS = 30_000;
const RECOVERY_LOOK_MS = 50;
const MIB = 1_048_576;

/**
 * Of `memory` bytes, what PostgreSQL keeps pages in: an eighth, since the server and its files' cache live on the same machine; at least
 * PostgreSQL's own default, at most 1 GiB.
 */
export const sharedBuffersMib = (memory: number): number => Math.floor(Math.min(Math.max(memory / 8, 128 * MIB), 1_024 * MIB) / MIB);
/** Of the machine, or what the container may use of it. */
const memoryBytes = (): number => Math.min(totalmem(), process.constrainedMemory() || Infinity);

/**
 * Starts PostgreSQL on the data directory, or adopts the one that runs there since its server was killed. Watched: when it ends by itself
 * it is started again, on the same port.
 * @throws AlreadyRunning when a server lives on the data directory, with its address.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o755 });
  const lock = await takeServerLock(dataDir);
  try {
    const credentials = await readCredentials(dataDir, options.say);
    const dir = resolve(dataDir, credentials.dir);
    const cluster = join(dir, 'cluster');
    const user = postgresUser(cluster);
    const native = await postgresBinaries(user, dataDir, options.say);
    await refuseOtherVersion(native, cluster);
    if (!existsSync(cluster)) {
      if (credentials.made) throw new Error(`The database was in ${cluster}, and that folder is gone. Put it back from a backup, or remove ${dataDir} to begin anew.`);
      await initialise(native, dir, cluster, user, credentials.superuser);
    }
    if (!credentials.made) await writeCredentials(dataDir, { ...credentials, made: true });

    const server = new Server(native, dir, cluster, user, options.settings ?? {}, credentials.superuser);
    const adopted = await server.start(await freePort(dataDir));
    if (adopted) options.say(`PostgreSQL of an earlier server, which was killed, is still running; it is used again (port ${server.port}).`);
    await ensureOwner(server.port, credentials, options.createDatabases === true);
    server.watch(options.say);
    return {
      url: urlOf(server.port, OWNER, credentials.owner, OWNER),
      dir: cluster,
      adopted,
      announce: (address) => lock.announce(address),
      async stop() {
        await server.stop();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

const urlOf = (port: number, login: string, password: string, database: string): string => `postgres://${login}:${password}@127.0.0.1:${port}/${database}`;

/** Written before the cluster is made, so that no cluster is without them. */
async function readCredentials(dataDir: string, say: (text: string) => void): Promise<Credentials> {
  const path = join(dataDir, 'postgres.json');
  if (existsSync(path)) {
    const credentials = JSON.parse(await readFile(path, 'utf8')) as Credentials;
    return credentials;
  }
  const inside = join(dataDir, 'postgres');
  if (existsSync(join(inside, 'cluster'))) {
    throw new Error(`${inside} holds a database, but ${path} with its passwords is missing. Put it back from a backup, or move the folder away to begin anew.`);
  }
  const user = postgresUser();
  const reachable = !user || mayEnter(user, dataDir);
  const dir = reachable ? 'postgres' : join(SHARED_DIR, createHash('sha256').update(dataDir).digest('hex').slice(0, 12));
  if (!reachable) say(`The database's files go to ${dir}: PostgreSQL can't run as root, and user ${user.name} can't enter ${dataDir}.`);
  const credentials: Credentials = { superuser: randomBytes(24).toString('base64url'), owner: randomBytes(24).toString('base64url'), dir, made: false };
  await writeCredentials(dataDir, credentials);
  return credentials;
}

async function writeCredentials(dataDir: string, credentials: Credentials): Promise<void> {
  const path = join(dataDir, 'postgres.json');
  await writeFile(`${path}.new`, JSON.stringify(credentials), { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
}

async function refuseOtherVersion(native: string, cluster: string): Promise<void> {
  const file = join(cluster, 'PG_VERSION');
  if (!existsSync(file)) return;
  const made = (await readFile(file, 'utf8')).trim();
  const { stdout } = await ran(programOf(native, 'postgres'), ['--version'], null);
  const ours = /(\d+)\./.exec(stdout)?.[1];
  if (ours && made !== ours) {
    throw new Error(`The database in ${cluster} was made by PostgreSQL ${made}, and this is ${ours}. Export it with the version of Throughline that made it, or set DATABASE_URL.`);
  }
}

/** Under another name until it is complete: a start that is interrupted leaves nothing that looks like a cluster. */
async function initialise(native: string, dir: string, cluster: string, user: PostgresUser | null, password: string): Promise<void> {
  const unfinished = `${cluster}.unfinished`;
  const passwordFile = join(dir, 'password');
  await mkdir(dir, { recursive: true, mode: 0o755 });
  await rm(unfinished, { recursive: true, force: true });
  await rm(passwordFile, { force: true });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user) {
    await chown(passwordFile, user.uid, user.gid);
    await chown(dir, user.uid, user.gid);
  }
  const basic = ['-D', unfinished, '-U', 'postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8', '--no-instructions'];
  // Texts are compared by code point, on every machine alike; letters of every script are letters.
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  try {
    for (const more of [[...locale, '--lc-ctype=C.UTF-8'], locale]) {
      const { code, stderr } = await ran(programOf(native, 'initdb'), [...basic, ...more], user);
      if (code === 0) break;
      if (more === locale) throw new Error(`initdb failed: ${stderr.trim()}`);
      await rm(unfinished, { recursive: true, force: true });
    }
    await rename(unfinished, cluster);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** The superuser is only ever used here. Repeated at every start, since the first may have been interrupted. */
async function ensureOwner(port: number, credentials: Credentials, createDatabases: boolean): Promise<void> {
  const admin = postgres(urlOf(port, 'postgres', credentials.superuser, 'postgres'), { max: 1, onnotice: () => {} });
  try {
    // Files that were put back from a backup are brought up to their moment first; until then they can only be read.
    for (const until = performance.now() + READY_MS; (await admin<{ recovering: boolean }[]>`select pg_is_in_recovery() as recovering`)[0]!.recovering; ) {
      if (performance.now() > until) throw new Error('PostgreSQL is still bringing the files of a backup up to their moment: start again when it has finished.');
      await new Promise((done) => setTimeout(done, RECOVERY_LOOK_MS));
    }
    const [role] = await admin`select from pg_roles where rolname = ${OWNER}`;
    if (!role) await admin`create role ${admin(OWNER)} login createrole`;
    // Utility statements take no parameters: Postgres itself quotes the password.
    const [{ statement }] = await admin<[{ statement: string }]>`
      select format('alter role %I password %L', ${OWNER}::text, ${credentials.owner}::text) || ${createDatabases ? ' createdb' : ''} as statement`;
    await admin.unsafe(statement);
    const [database] = await admin`select from pg_database where datname = ${OWNER}`;
    if (!database) await admin`create database ${admin(OWNER)} owner ${admin(OWNER)}`;
  } finally {
    await admin.end();
  }
}

/** The postmaster: our child, or adopted. */
class Server {
  port = 0;
  private pid = 0;
  private child: ChildProcess | null = null;
  private stopping = false;
  private watcher: NodeJS.Timeout | undefined;

  constructor(
    private readonly native: string,
    private readonly dir: string,
    private readonly cluster: string,
    private readonly user: PostgresUser | null,
    private readonly settings: Record<string, string>,
    private readonly password: string,
  ) {}

  /** @returns whether a running one was adopted. */
  async start(port: number): Promise<boolean> {
    const running = await this.running();
    if (running && (await this.answers(running.port, READY_MS, () => processLives(running.pid)))) {
      this.pid = running.pid;
      this.port = running.port;
      return true;
    }
    await this.spawn(port);
    return false;
  }

  /** Starts it again when it ended and nobody asked it to. Killed backends may hold its memory for a moment: it is tried until it runs. */
  watch(say: (text: string) => void): void {
    const look = async (): Promise<void> => {
      if (!this.stopping && !this.lives()) {
        say('PostgreSQL ended by itself; it is started again.');
        await this.start(this.port).catch((error: unknown) => say(`PostgreSQL could not be started: ${error instanceof Error ? error.message : error}`));
      }
      if (!this.stopping) this.watcher = setTimeout(looking, 200);
    };
    const looking = (): void => void look();
    this.watcher = setTimeout(looking, 200);
    this.watcher.unref();
  }

  /** Fast shutdown; after ten seconds an immediate one, from which Postgres recovers by its log. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.watcher);
    for (const [signal, patienceMs] of [['SIGINT', 10_000], ['SIGQUIT', 5_000], ['SIGKILL', 5_000]] as const) {
      if (!this.lives()) return;
      try {
        process.kill(this.pid, signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
      await until(() => !this.lives(), patienceMs);
    }
  }

  private lives(): boolean {
    return this.child ? this.child.exitCode === null && this.child.signalCode === null : processLives(this.pid);
  }

  private async spawn(port: number): Promise<void> {
    const settings: Record<string, string> = {
      listen_addresses: '127.0.0.1',
      port: String(port),
      // No socket file: its path may be at most 107 bytes long, and a data directory may be longer.
      unix_socket_directories: '',
      max_connections: '120',
      shared_buffers: `${sharedBuffersMib(memoryBytes())}MB`,
      timezone: 'UTC',
      log_timezone: 'UTC',
      // 'log' stands between error and fatal in this order: starts and crashes are written, and no statement or value of a customer's.
      log_min_messages: 'log',
      log_min_error_statement: 'panic',
      log_error_verbosity: 'terse',
      ...this.settings,
    };
    const logFile = join(this.dir, 'postgres.log');
    if (existsSync(logFile) && statSync(logFile).size > 1_048_576) truncateSync(logFile);
    const log = openSync(logFile, 'a', 0o600);
    const seen = statSync(logFile).size;
    // In a process group of its own, or Ctrl-C in the terminal would stop it before our drain. It writes to a file, not to a pipe of ours,
    // so that it can outlive us.
    const child = spawn(programOf(this.native, 'postgres'), ['-D', this.cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])], {
      ...as(this.user),
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    const failed = new Promise<Error>((fail) => child.once('error', fail));
    child.unref();
    this.child = child;
    this.port = port;
    const ready = await Promise.race([this.answers(port, READY_MS, () => this.lives()), failed]);
    if (ready === true) {
      this.pid = child.pid!;
      return;
    }
    if (child.pid && this.lives()) process.kill(child.pid, 'SIGQUIT');
    if (ready instanceof Error) throw ready;
    throw new Error(`PostgreSQL did not start; ${logFile} ends: ${readFileSync(logFile, 'utf8').slice(seen).trim().split('\n').slice(-3).join(' | ')}`);
  }

  /**
   * Of postmaster.pid: a process that lives and is a postgres. Postgres itself asks only whether the process id is in use: by another
   * process since, or by a killed one that nobody collects (a container's first process may not), it would never start again. Such a file is
   * removed once no process works in the cluster any more, since it is also what protects the cluster from backends that are left.
   */
  private async running(): Promise<{ pid: number; port: number } | null> {
    const file = join(this.cluster, 'postmaster.pid');
    if (!existsSync(file)) return null;
    const lines = (await readFile(file, 'utf8')).split('\n');
    const [pid, port] = [Number(lines[0]), Number(lines[3])];
    if (pid && processLives(pid) && commandOf(pid).startsWith('postgres')) return { pid, port };
    if (!existsSync('/proc/self/cwd')) return null;
    if (!(await until(() => !worksIn(this.cluster), 10_000))) throw new Error(`Processes of a killed PostgreSQL still work in ${this.cluster}; end them, then start again.`);
    await rm(file, { force: true });
    return null;
  }

  /** Waits until it takes connections; false when it ended, or after `patienceMs`. */
  private async answers(port: number, patienceMs: number, lives: () => boolean): Promise<boolean> {
    return until(async () => {
      if (!lives()) return 'no';
      const client = postgres(urlOf(port, 'postgres', this.password, 'postgres'), { max: 1, connect_timeout: 2, onnotice: () => {} });
      try {
        await client`select 1`;
        return true;
      } catch {
        return false;
      } finally {
        await client.end({ timeout: 1 });
      }
    }, patienceMs);
  }
}

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return 'postgres';
  }
};

/** Whether a process that lives has the folder as its working directory, as every process of a PostgreSQL has its cluster. */
const worksIn = (folder: string): boolean =>
  readdirSync('/proc').some((entry) => {
    try {
      return /^\d+$/.test(entry) && readlinkSync(`/proc/${entry}/cwd`) === realpathSync(folder) && processLives(Number(entry));
    } catch {
      return false;
    }
  });

/** Asks every 50 ms; `no` ends it early. */
async function until(condition: () => boolean | Promise<boolean | 'no'>, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const answer = await condition();
    if (answer === true) return true;
    if (answer === 'no' || performance.now() > deadline) return false;
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** The same for the same data directory, if it is free, and below the ports that outgoing connections take. */
async function freePort(dataDir: string): Promise<number> {
  const first = createHash('sha256').update(dataDir).digest().readUInt16BE() % 6_000;
  for (let i = 0; i < 6_000; i += 7) {
    const port = 25_000 + ((first + i) % 6_000);
    const free = await new Promise<boolean>((done) => {
      const probe = createServer();
      probe.once('error', () => done(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => done(true)));
    });
    if (free) return port;
  }
  throw new Error('No port between 25000 and 31000 is free on 127.0.0.1 for PostgreSQL.');
}

const as = (user: PostgresUser | null): { uid?: number; gid?: number; cwd: string; env: NodeJS.ProcessEnv } => ({
  ...(user ? { uid: user.uid, gid: user.gid } : {}),
  cwd: process.platform === 'win32' ? process.cwd() : '/',
  // None of our settings, secrets among them, and no PG* variable.
  env: { PATH: process.env.PATH, LC_ALL: 'C', ...(process.platform === 'win32' ? { SystemRoot: process.env.SystemRoot } : {}) },
});

const ran = (program: string, args: string[], user: PostgresUser | null): Promise<{ code: number | null; stdout: string; stderr: string }> =>
  new Promise((done, fail) => {
    const child = spawn(program, args, { ...as(user), stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.once('error', fail);
    child.once('close', (code) => done({ code, stdout, stderr }));
  });
