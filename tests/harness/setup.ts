// Before all tests: one PostgreSQL server, and on it one migrated database that every test file clones. TEST_DATABASE_URL names a server to
// use instead of the embedded one (its login needs CREATEDB and CREATEROLE).
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import postgres from 'postgres';
import type { TestProject } from 'vitest/node';
import { startEmbedded } from '../../src/platform/embedded-postgres.ts';
import { MIGRATIONS_DIR, migrate } from '../../src/platform/migrate.ts';
import { serverOn } from '../../src/platform/server-lock.ts';
import { dropDatabase, onDatabase } from './database.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    postgres: { url: string; template: string; prefix: string };
  }
}

const TEMPLATE_LOCK = 7_203_114_002;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer();
  const template = `throughline_template_${fingerprint()}`;
  const prefix = `throughline_test_${randomBytes(4).toString('hex')}_`;
  const admin = postgres(server.url, { max: 1, onnotice: () => {} });
  await makeTemplate(admin, server.url, template);
  project.provide('postgres', { url: server.url, template, prefix });
  return async () => {
    const left = await admin<{ datname: string }[]>`select datname from pg_database where starts_with(datname, ${prefix})`;
    for (const { datname } of left) await dropDatabase(admin, datname);
    await admin.end();
    await server.stop();
  };
}

/** In a folder of its own, since several runs may go on at once; what a killed run left is stopped and removed. */
async function startServer(): Promise<{ url: string; stop(): Promise<void> }> {
  if (process.env.TEST_DATABASE_URL) return { url: process.env.TEST_DATABASE_URL, stop: async () => {} };
  const folder = join(tmpdir(), 'throughline-test-');
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith('throughline-test-'))) {
    const left = join(tmpdir(), name);
    if (await serverOn(left)) continue;
    await stopAndRemove(left).catch((error: unknown) => console.warn(`${left} could not be removed: ${String(error)}`));
  }
  const dataDir = `${folder}${process.pid}`;
  const server = await startEmbedded({
    dataDir,
    say: (text) => console.warn(text),
    createDatabases: true,
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300' },
  });
  return {
    url: server.url,
    async stop() {
      await server.stop();
      removeFiles(dataDir, server.dir);
    },
  };
}

async function stopAndRemove(dataDir: string): Promise<void> {
  const credentials = join(dataDir, 'postgres.json');
  const dir = existsSync(credentials) ? resolve(dataDir, (JSON.parse(readFileSync(credentials, 'utf8')) as { dir: string }).dir) : dataDir;
  if (!existsSync(join(dir, 'cluster', 'postmaster.pid'))) return removeFiles(dataDir, dir);
  // Adopted, then stopped in order.
  const server = await startEmbedded({ dataDir, say: () => {} });
  await server.stop();
  removeFiles(dataDir, server.dir);
}

/** The database's files may lie elsewhere, where the user that Postgres runs as can reach them. */
const removeFiles = (...folders: string[]): void => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true }));

/** Of the migrations' text, so that a changed migration makes a new template. */
function fingerprint(): string {
  const hash = createHash('sha256');
  const names = readdirSync(MIGRATIONS_DIR).filter((name) => name.endsWith('.sql')).sort();
  for (const name of [...names, 'meta/_journal.json']) hash.update(name).update(readFileSync(`${MIGRATIONS_DIR}/${name}`));
  return hash.digest('hex').slice(0, 12);
}

/** Two runs at once: the second waits for the lock and finds the template made. A half-made one never has the final name. */
async function makeTemplate(admin: postgres.Sql, url: string, template: string): Promise<void> {
  await admin`select pg_advisory_lock(${TEMPLATE_LOCK})`;
  try {
    const [there] = await admin`select from pg_database where datname = ${template}`;
    if (there) return;
    const unfinished = `${template}_unfinished`;
    await dropDatabase(admin, unfinished);
    await admin`create database ${admin(unfinished)}`;
    await migrate(onDatabase(url, unfinished));
    await admin`alter database ${admin(unfinished)} rename to ${admin(template)}`;
    const older = await admin<{ datname: string }[]>`
      select datname from pg_database where starts_with(datname, 'throughline_template_') and datname <> ${template}`;
    for (const { datname } of older) await admin`drop database if exists ${admin(datname)}`.catch(() => {});
  } finally {
    await admin`select pg_advisory_unlock(${TEMPLATE_LOCK})`;
  }
}
