// The database of a command or a server: the configured one, the embedded one of a server that runs, or an embedded one that is started.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { refuseUnconfined } from '../platform/doctor.ts';
import type { Config } from '../platform/config.ts';
import { openPool, type Sql } from '../platform/db.ts';
import { startEmbedded } from '../platform/embedded-postgres.ts';
import { migrate } from '../platform/migrate.ts';
import { serverOn } from '../platform/server-lock.ts';
import { loadHashKey } from '../platform/hash-key.ts';
import { initSecrets } from '../platform/secrets.ts';

export interface Database {
  url: string;
  migrationUrl: string;
  /** Tells whoever starts a second server on the same data where this one is. Nothing for a configured database. */
  announce(address: string): Promise<void>;
  /** Stops what was started here. */
  close(): Promise<void>;
}

/** For a server: an embedded PostgreSQL is its own. @throws AlreadyRunning */
export async function serverDatabase(config: Config, say: (text: string) => void): Promise<Database> {
  if (config.databaseUrl) return configured(config);
  const embedded = await startEmbedded({ dataDir: config.dataDir, say });
  return { url: embedded.url, migrationUrl: embedded.url, announce: (address) => embedded.announce(address), close: () => embedded.stop() };
}

/** For a command: beside a server that runs on the same data, its database is used. */
export async function commandDatabase(config: Config, say: (text: string) => void): Promise<Database> {
  if (!config.databaseUrl && !existsSync(join(config.dataDir, 'postgres.json'))) {
    throw new Error(`There is no database in ${config.dataDir}. Set DATA_DIR to where the server keeps it, or DATABASE_URL; \`throughline start\` makes a new one.`);
  }
  if (config.databaseUrl || !(await serverOn(config.dataDir))) return serverDatabase(config, say);
  const { owner, dir } = JSON.parse(await readFile(join(config.dataDir, 'postgres.json'), 'utf8')) as { owner: string; dir: string };
  // The fourth line of postmaster.pid is the port (PostgreSQL's src/include/utils/pidfile.h).
  const port = (await readFile(resolve(config.dataDir, dir, 'cluster', 'postmaster.pid'), 'utf8')).split('\n')[3]!.trim();
  const url = `postgres://throughline:${owner}@127.0.0.1:${port}/throughline`;
  return { url, migrationUrl: url, announce: async () => {}, close: async () => {} };
}

function configured(config: Config): Database {
  const url = config.databaseUrl!;
  return { url, migrationUrl: config.migrationDatabaseUrl ?? url, announce: async () => {}, close: async () => {} };
}

export interface Pools {
  app: Sql;
  system: Sql;
  close(): Promise<void>;
}

/** Pools of a command: migrated, confined to the app's and the system's roles, with the secrets open. */
export async function commandPools(config: Config, database: Database): Promise<Pools> {
  initSecrets(config.secretKey, config.secretKeyPrevious);
  await migrate(database.migrationUrl);
  const app = openPool({ url: database.url, role: 'throughline_app', max: 4, applicationName: 'throughline command', statementTimeoutMs: 600_000 });
  const system = openPool({ url: database.url, role: 'throughline_system', max: 2, applicationName: 'throughline command', statementTimeoutMs: 600_000 });
  await refuseUnconfined(app);
  await refuseUnconfined(system);
  await loadHashKey(system);
  return {
    app,
    system,
    close: async () => {
      await Promise.all([app.end({ timeout: 5 }), system.end({ timeout: 5 })]);
    },
  };
}
