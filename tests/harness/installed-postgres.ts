// A PostgreSQL that this machine has installed with all its programs, as hosts have it: for what the embedded one, which comes without pg_dump, can't show.
import { execFile, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { postgresUser } from '../../src/platform/postgres-binaries.ts';

const PROGRAMS = ['initdb', 'postgres', 'pg_dump', 'pg_restore'];
const DEBIAN = '/usr/lib/postgresql';
const MAJOR_MIN = 15;
const READY_TRIES_MAX = 100;
const run = promisify(execFile);

/** The folder of its programs; null where there is none, or an older one than we support. */
export function installedPostgres(): string | null {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).filter((version) => Number(version) >= MAJOR_MIN).map((version) => join(DEBIAN, version, 'bin')) : [];
  return [...versions, ...(process.env.PATH ?? '').split(delimiter)].find((dir) => PROGRAMS.every((program) => existsSync(join(dir, program)))) ?? null;
}

export interface InstalledServer {
  /** A new, empty database's address, of the login that will own its tables; that login is no superuser. */
  database(name: string): Promise<string>;
  /** `pg_dump` of one into the other by `pg_restore`, both as that login. Throws what they say. */
  copy(from: string, to: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it on a new data directory and a port of its own, on loopback. */
export async function startInstalled(programs: string): Promise<InstalledServer> {
  const user = postgresUser();
  const as = user ? { uid: user.uid, gid: user.gid } : {};
  const dir = mkdtempSync(join(tmpdir(), 'throughline-installed-'));
  if (user) chownSync(dir, user.uid, user.gid);
  const data = join(dir, 'data');
  await run(join(programs, 'initdb'), ['-D', data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--locale=C'], { ...as, cwd: dir });
  const port = await freePort();
  const child = spawn(join(programs, 'postgres'), ['-D', data, '-p', String(port), '-k', dir, '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'], { ...as, cwd: dir, stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const urlOf = (login: string, database: string) => `postgres://${login}@127.0.0.1:${port}/${database}`;
  const admin = postgres(urlOf('postgres', 'postgres'), { max: 1, onnotice: () => {} });
  for (let tries = 1; ; tries++) {
    try {
      await admin`select 1`;
      break;
    } catch (error) {
      if (tries === READY_TRIES_MAX) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  await admin`create role throughline login createrole`;
  return {
    database: async (name) => {
      await admin`create database ${admin(name)} owner throughline`;
      return urlOf('throughline', name);
    },
    copy: async (from, to) => {
      const file = join(dir, 'dump');
      await run(join(programs, 'pg_dump'), ['--format=custom', `--file=${file}`, from]);
      await run(join(programs, 'pg_restore'), ['--exit-on-error', `--dbname=${to}`, file]);
    },
    stop: async () => {
      await admin.end({ timeout: 1 });
      child.kill('SIGINT');
      await exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  return port;
}
