// Contenders run as processes of their own, away from the load generator's core, and are asked of the kernel what they used.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { cpus } from 'node:os';

const TICKS_PER_SECOND = 100;
const START_MS_MAX = 120_000;
const STOP_MS_MAX = 20_000;

const CORES = cpus().length;
const hasTaskset = process.platform === 'linux' && CORES > 1 && spawnSync('taskset', ['-V']).status === 0;
/** Whether the load generator and the servers have different cores. */
export const isPinned = hasTaskset;

/** Binds this process, the load generator, to the first core; servers get the others. What is started before it, PostgreSQL, is free. */
export function pinGenerator(): void {
  if (hasTaskset) spawnSync('taskset', ['-a', '-cp', '0', String(process.pid)]);
}

/** None outlives this process, however it ends. */
const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

export interface Running {
  pid: number;
  /** What the contender said once it was ready: the part of its line behind `ready `. */
  said: string;
  /** A line to its standard input, answered by one line. */
  tell(line: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts `node --import tsx file`, with the flags of `npm start`, on the servers' cores; ready when it prints a line that matches `ready`, whose first group is `said`. */
export async function startNode(o: { file: string; args?: string[]; env: Record<string, string>; ready: RegExp }): Promise<Running> {
  const profile = process.env.PROFILE ? ['--cpu-prof', `--cpu-prof-dir=${process.env.PROFILE}`] : [];
  const command = [process.execPath, '--max-semi-space-size=64', ...profile, '--import', 'tsx', o.file, ...(o.args ?? [])];
  const pinned = hasTaskset ? ['taskset', '-c', `1-${CORES - 1}`, ...command] : command;
  const { PATH, HOME, TMPDIR } = process.env;
  const env = Object.fromEntries(Object.entries({ PATH, HOME, TMPDIR, NODE_ENV: 'production', ...o.env }).filter(([, value]) => value !== undefined));
  const child = spawn(pinned[0]!, pinned.slice(1), { env: env as NodeJS.ProcessEnv, stdio: ['pipe', 'pipe', 'pipe'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return readyOf(child, o.ready, o.file);
}

function readyOf(child: ChildProcess, ready: RegExp, name: string): Promise<Running> {
  let tail = '';
  let rest = '';
  let said: string | null = null;
  const asked: ((line: string) => void)[] = [];
  child.stderr!.on('data', (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-4_000);
    if (process.env.DEBUG) process.stderr.write(chunk);
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${name} was not ready after ${START_MS_MAX / 1000} s. ${tail}`));
    }, START_MS_MAX);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      const error = new Error(`${name} ended (${signal ?? code}). ${tail}`);
      if (said === null) reject(error);
      else for (const answer of asked.splice(0)) answer(`error ${error.message}`);
    });
    child.stdout!.on('data', (chunk: Buffer) => {
      rest += chunk.toString();
      tail = (tail + chunk.toString()).slice(-4_000);
      for (let at = rest.indexOf('\n'); at >= 0; at = rest.indexOf('\n')) {
        const line = rest.slice(0, at);
        rest = rest.slice(at + 1);
        if (said !== null) {
          // The server's log goes here as well; answers begin with a word of their own.
          if (/^(done|error) /.test(line)) asked.shift()?.(line);
          continue;
        }
        const match = ready.exec(line);
        if (!match) continue;
        said = match[1] ?? '';
        clearTimeout(timer);
        resolve({
          pid: child.pid!, said,
          tell: (text) => new Promise<string>((answer, fail) => {
            asked.push((reply) => (reply.startsWith('error ') ? fail(new Error(`${name}: ${reply.slice(6)}`)) : answer(reply.slice(5))));
            child.stdin!.write(`${text}\n`);
          }),
          stop: () => stopped(child),
        });
      }
    });
  });
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  await gone;
  clearTimeout(timer);
}

/** Microseconds of CPU that a process used so far; 0 when it is gone or the system doesn't say. */
export function cpuMicros(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6;
  } catch {
    return 0;
  }
}

/** Of the children of a process, by their ids: of PostgreSQL, its backends. */
export function cpuOfChildren(parent: number): Map<number, number> {
  const used = new Map<number, number>();
  if (process.platform !== 'linux' || parent === 0) return used;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent) used.set(Number(entry), cpuMicros(Number(entry)));
    } catch {
      // It ended meanwhile.
    }
  }
  return used;
}
