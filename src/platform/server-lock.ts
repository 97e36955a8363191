// One server at a time on a data directory. The lock is a file that names its process; a killed process leaves it behind, so whoever finds
// it asks whether that very process still lives.
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { now } from './clock.ts';

export interface LockHolder {
  pid: number;
  /** When the process began, in the kernel's own words, where they can be had: a process id alone is used again. */
  born: string | null;
  /** Null until the server listens. */
  address: string | null;
  startedAt: string;
}

export interface ServerLock {
  /** Writes where the server listens, for whoever is refused. */
  announce(address: string): Promise<void>;
  release(): Promise<void>;
}

/** A server lives already on the data directory. */
export class AlreadyRunning extends Error {
  override readonly name = 'AlreadyRunning';
  constructor(readonly holder: LockHolder, dataDir: string) {
    super(
      `A Throughline server is running on ${dataDir} already (process ${holder.pid}, ${holder.address ?? 'not listening yet'}). ` +
        'Use that one, stop it, or give this one another DATA_DIR.',
    );
  }
}

/**
 * Takes the data directory for this process.
 * @throws AlreadyRunning
 */
export async function takeServerLock(dataDir: string): Promise<ServerLock> {
  const path = join(dataDir, 'throughline.lock');
  const mine: LockHolder = { pid: process.pid, born: born(process.pid), address: null, startedAt: now() };
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, JSON.stringify(mine), { mode: 0o600 });
  try {
    // A link either makes the name or fails: of two that start at once, one wins.
    for (let attempt = 0; !(await linked(draft, path)); attempt++) {
      const found = await read(path);
      if (found && (lives(found) || attempt > 20)) throw new AlreadyRunning(found, dataDir);
      if (found) await removeDead(path, found);
    }
  } finally {
    await rm(draft, { force: true });
  }
  return {
    async announce(address) {
      mine.address = address;
      await writeFile(draft, JSON.stringify(mine), { mode: 0o600 });
      await rename(draft, path);
    },
    async release() {
      if ((await read(path))?.pid === process.pid) await rm(path, { force: true });
    },
  };
}

/** Who holds the data directory at present; null when nobody that lives. */
export async function serverOn(dataDir: string): Promise<LockHolder | null> {
  const found = await read(join(dataDir, 'throughline.lock'));
  return found && (found.pid === process.pid || lives(found)) ? found : null;
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function read(path: string): Promise<LockHolder | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as LockHolder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    // Half written by a machine that lost power: nobody's.
    if (error instanceof SyntaxError) return { pid: 0, born: null, address: null, startedAt: '' };
    throw error;
  }
}

/** Between reading and removing, another starter may have done both and taken the lock: what was moved away is looked at again. */
async function removeDead(path: string, dead: LockHolder): Promise<void> {
  const aside = `${path}.dead.${process.pid}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = await read(aside);
  if (moved && (moved.pid !== dead.pid || moved.born !== dead.born)) await linked(aside, path);
  await rm(aside, { force: true });
}

/** In a container every start may get the same process id: this process' own id in the file is that of an earlier life. */
const lives = (holder: LockHolder): boolean =>
  holder.pid > 0 && holder.pid !== process.pid && processLives(holder.pid) && (holder.born === null || born(holder.pid) === holder.born);

/** Whether there is a process of that id, be it another user's. */
export function processLives(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  // One that ended and wasn't collected by its parent is still listed.
  return procStat(pid)?.[0] !== 'Z';
}

/** Boot and clock tick of the process' start (proc(5), field 22); null where there is no /proc. */
function born(pid: number): string | null {
  const ticks = procStat(pid)?.[19];
  if (!ticks) return null;
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${ticks}`;
  } catch {
    return ticks;
  }
}

/** The fields of /proc/<pid>/stat after the name, which may hold blanks: the first is the state. */
function procStat(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}
