// What the commands of `throughline` share: how one is declared, how it opens the workspace it works on, and its progress bar.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig, type Config } from '../../platform/config.ts';
import { startEmbedded } from '../../platform/embedded-postgres.ts';
import { commandDatabase, commandPools, type Pools } from '../database.ts';

export interface Command {
  name: string;
  /** What stands after its name in the help. */
  usage: string;
  summary: string;
  /** `args` is what stands after the name. The number is the exit code. */
  run(args: string[]): Promise<number>;
}

/** A wrong call: the message is printed with the command's usage, and the exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Runs `work` with the configured database, migrated, and closes it again. */
export async function withDatabase<T>(work: (pools: Pools, config: Config) => Promise<T>): Promise<T> {
  const config = readConfig(process.env);
  const database = await commandDatabase(config, (text) => console.error(text));
  try {
    const pools = await commandPools(config, database);
    try {
      return await work(pools, config);
    } finally {
      await pools.close();
    }
  } finally {
    await database.close();
  }
}

/** The same; where no database is configured or kept, with one that is made for it and removed again. */
export async function withScratchDatabase<T>(work: (pools: Pools, config: Config) => Promise<T>): Promise<T> {
  const dataDir = process.env.DATA_DIR ?? '.data';
  if (process.env.DATABASE_URL || existsSync(join(dataDir, 'postgres.json'))) return withDatabase(work);
  const dir = await mkdtemp(join(tmpdir(), 'throughline-'));
  const embedded = await startEmbedded({ dataDir: dir, say: () => {} });
  try {
    const config = readConfig({ DATA_DIR: dir });
    const pools = await commandPools(config, { url: embedded.url, migrationUrl: embedded.url, announce: async () => {}, close: async () => {} });
    try {
      return await work(pools, config);
    } finally {
      await pools.close();
    }
  } finally {
    await embedded.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

/** The named workspace, or the only one. @throws UsageError */
export async function chosenWorkspace(pools: Pools, named: string | undefined): Promise<{ id: string; name: string }> {
  const all = await pools.system<{ id: string; name: string }[]>`select id, name from workspaces order by created_at, id limit 100`;
  const key = named?.replace(/^wks_/, '').replaceAll('-', '').toLowerCase();
  const fitting = named === undefined ? all : all.filter((w) => w.id.replaceAll('-', '') === key || w.name.toLowerCase() === named.toLowerCase());
  if (fitting.length === 1) return fitting[0]!;
  if (all.length === 0) throw new UsageError('There is no workspace yet: run `throughline start` once, or create one.');
  throw new UsageError(`Which workspace? Give --workspace one of: ${all.map((w) => w.name).join(', ')}.`);
}

/** A bar on standard error, where that is a terminal; else a line now and then. */
export function progressBar(label: string): (done: number, total: number) => void {
  let shown = -1;
  return (done, total) => {
    const percent = total === 0 ? 100 : Math.floor((done / total) * 100);
    if (percent === shown) return;
    if (process.stderr.isTTY) {
      const filled = Math.floor(percent / 4);
      process.stderr.write(`\r${label} [${'#'.repeat(filled)}${'.'.repeat(25 - filled)}] ${percent} % (${done}/${total})${percent === 100 ? '\n' : ''}`);
    } else if (percent === 100 || percent - shown >= 10) {
      process.stderr.write(`${label} ${percent} % (${done}/${total})\n`);
    } else return;
    shown = percent;
  };
}

/** A whole number of at least `min`. @throws UsageError */
export function numberOf(text: string | undefined, name: string, min: number): number {
  if (text === undefined || !/^\d{1,9}$/.test(text) || Number(text) < min) throw new UsageError(`--${name} takes a whole number of at least ${min}.`);
  return Number(text);
}
