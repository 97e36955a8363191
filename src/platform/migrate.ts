// Brings a database to the present schema: graphile-worker's tables first (migrations/0002_jobs.sql builds on them), then migrations/*.sql.
import { readFileSync } from 'node:fs';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator';
import { runMigrations as installJobs } from 'graphile-worker';
import postgres from 'postgres';
import { quietJobLogger } from './jobs.ts';
import { packagePath } from './package-root.ts';

export const MIGRATIONS_DIR = packagePath('migrations');

/** Any number does, as long as every version of the program uses the same. */
const LOCK = 7_203_114_001;

interface JournalEntry {
  tag: string;
  when: number;
}

export interface Migrated {
  /** The migrations that this call applied, in order; empty when the database was current. */
  applied: string[];
  /** How many migrations this program has. */
  known: number;
}

/**
 * Applies what is missing, all of it in one transaction (graphile-worker's own schema has its own, before). Holds a session advisory lock
 * meanwhile, so that of two migrators the second waits and then finds nothing to do.
 * @param url a login that may create tables and roles in the database: its owner, not a superuser.
 * @throws Error when the migrations' journal isn't in order, or the database is newer than this program.
 */
export async function migrate(url: string): Promise<Migrated> {
  const journal = readJournal();
  // A client of its own, with one connection: the lock belongs to a session, and drizzle changes how its client reads moments.
  const client = postgres(url, { max: 1, onnotice: () => {}, connection: { application_name: 'throughline migrate' } });
  try {
    await client`select pg_advisory_lock(${LOCK})`;
    const before = await newestApplied(client);
    const newest = journal[journal.length - 1]!.when;
    if (before > newest) {
      throw new Error(
        `The database was migrated by a newer version of Throughline (its newest migration is of ${new Date(before).toISOString()}, ` +
          `this program's of ${new Date(newest).toISOString()}). Start that version, or restore a backup made before it.`,
      );
    }
    // Trusted since PostgreSQL 13: whoever may create in the database may create it, too.
    await client`create extension if not exists pg_trgm`;
    await installJobs({ connectionString: url, logger: quietJobLogger() });
    await applyMigrations(drizzle(client), { migrationsFolder: MIGRATIONS_DIR });
    return { applied: journal.filter((entry) => entry.when > before).map((entry) => entry.tag), known: journal.length };
  } finally {
    await client.end();
  }
}

/** The migrations that the database lacks, in order, without applying them. */
export async function pendingMigrations(url: string): Promise<string[]> {
  const client = postgres(url, { max: 1, onnotice: () => {} });
  try {
    const before = await newestApplied(client);
    return readJournal().filter((entry) => entry.when > before).map((entry) => entry.tag);
  } finally {
    await client.end();
  }
}

/** drizzle applies an entry when its `when` is greater than the newest applied one: out of order, it would be left out without a word. */
function readJournal(): JournalEntry[] {
  const { entries } = JSON.parse(readFileSync(`${MIGRATIONS_DIR}/meta/_journal.json`, 'utf8')) as { entries: JournalEntry[] };
  entries.forEach((entry, i) => {
    if (i > 0 && entry.when <= entries[i - 1]!.when) {
      throw new Error(`migrations/meta/_journal.json: ${entry.tag} has a "when" that is not after that of ${entries[i - 1]!.tag}, so it would never be applied.`);
    }
  });
  return entries;
}

/** `when` of the newest migration that the database has; 0 when it has none. */
async function newestApplied(client: postgres.Sql): Promise<number> {
  const [{ there }] = (await client`select to_regclass('drizzle.__drizzle_migrations') is not null as there`) as unknown as [{ there: boolean }];
  if (!there) return 0;
  const [row] = await client`select created_at from drizzle.__drizzle_migrations order by created_at desc limit 1`;
  return Number(row?.created_at ?? 0);
}
