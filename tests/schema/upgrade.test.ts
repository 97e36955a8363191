// What an early release stored is what this one answers: its data, as they were (tests/fixtures/releases), under today's migrations and today's server.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator';
import { runMigrations as installJobs } from 'graphile-worker';
import postgres from 'postgres';
import { expect, inject, test } from 'vitest';
import { verifyChain, verifyLog } from '../../src/events/chain.ts';
import { quietJobLogger } from '../../src/platform/jobs.ts';
import { MIGRATIONS_DIR, migrate } from '../../src/platform/migrate.ts';
import { dropDatabase, onDatabase, opened } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { ASKED, type Recorded } from './releases.ts';

const FOLDER = new URL('../fixtures/releases/', import.meta.url).pathname;
const RELEASES = readdirSync(FOLDER).map((file) => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Recorded);

/** The first `count` migrations, as that release had them. */
async function migrateTo(url: string, count: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'throughline-release-'));
  const client = postgres(url, { max: 1, onnotice: () => {} });
  try {
    cpSync(MIGRATIONS_DIR, folder, { recursive: true });
    const file = join(folder, 'meta/_journal.json');
    const journal = JSON.parse(readFileSync(file, 'utf8')) as { entries: unknown[] };
    writeFileSync(file, JSON.stringify({ ...journal, entries: journal.entries.slice(0, count) }));
    await client`create extension if not exists pg_trgm`;
    await installJobs({ connectionString: url, logger: quietJobLogger() });
    await applyMigrations(drizzle(client), { migrationsFolder: folder });
  } finally {
    await client.end();
    rmSync(folder, { recursive: true });
  }
}

async function fill(url: string, { tables, sequences }: Recorded): Promise<void> {
  const client = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await client.begin(async (tx) => {
      for (const name of Object.keys(tables)) await tx`alter table ${tx(name)} disable trigger user`;
      // Any order: what refers to what is looked at where it can be deferred to, and else by order of need.
      const left = new Set(Object.keys(tables));
      while (left.size > 0) {
        const before = left.size;
        for (const name of left) {
          const done = await tx.savepoint(async (point) => {
            await point`delete from ${point(name)}`;
            await point`insert into ${point(name)} select * from jsonb_populate_recordset(null::${point(name)}, ${JSON.stringify(tables[name])}::text::jsonb)`;
          }).then(() => true, (error: { code?: string }) => {
            if (error.code !== '23503') throw error;
            return false;
          });
          if (done) left.delete(name);
        }
        if (left.size === before) throw new Error(`These refer to each other: ${[...left].join(', ')}.`);
      }
      for (const name of Object.keys(tables)) await tx`alter table ${tx(name)} enable trigger user`;
      for (const [name, last] of Object.entries(sequences)) await tx`select setval(${name}::regclass, ${last})`;
    });
  } finally {
    await client.end();
  }
}

test.each(RELEASES.map((release) => [release.commit, release] as const))('what release %s stored is there: profile, history, notes, keys, tokens and cursors', { timeout: 120_000 }, async (commit, release) => {
  const { url: server, prefix } = inject('postgres');
  const admin = postgres(server, { max: 1, onnotice: () => {} });
  const name = `${prefix}release_${commit}_${process.pid}`;
  await admin`create database ${admin(name)}`;
  const url = onDatabase(server, name);
  const db = opened(url, async () => {
    await dropDatabase(admin, name);
    await admin.end();
  });
  try {
    await migrateTo(url, release.migrations);
    await fill(url, release);
    const { applied } = await migrate(url);
    expect(applied.length).toBeGreaterThan(0);
    // It never moved: who copies a database elsewhere voids its cursors (tests/guarantees/restored.test.ts).
    const epoch = (release.tables.log_state as { epoch: string }[])[0]!.epoch;
    await db.owner.begin(async (tx) => {
      await tx`create table epoch_of_release as select ${epoch}::text as epoch`;
      await tx`create or replace function log_epoch() returns text language sql stable set search_path = pg_catalog, public as 'select epoch from public.epoch_of_release'`;
    });
    const started = await startTestServer({ db, config: { secretKey: release.secretKey } });
    try {
      const { customerId, cursor } = release.variables;
      const ask = (index: number) => {
        const { by, query } = ASKED[index]!;
        return started.ask(query, Object.fromEntries(Object.entries({ customerId, cursor }).filter(([variable]) => query.includes(`$${variable}:`))), by === 'visitor' ? release.visitorToken : release.adminKey);
      };
      for (const [index, said] of release.answers.entries()) {
        const now = await ask(index);
        // The log goes on; what it said stays.
        if ('changes' in now) now.changes = now.changes.slice(0, (said as { changes: unknown[] }).changes.length);
        expect(now, ASKED[index]!.query.slice(0, 80)).toEqual(said);
      }
      // What was acknowledged before is not done again after.
      const again = await started.ask('mutation ($i: AddNoteInput!) { addNote(input: $i) { note { id } userErrors { message } } }', { i: { customerId, body: 'Noted before the upgrade.', idempotencyKey: 'before' } }, release.adminKey);
      expect(JSON.stringify(release.answers[0])).toContain(again.addNote.note.id);
      await started.ask('mutation { sendVisitorMessage(input: { clientId: "before-1", text: "Written before the upgrade." }) { message { id } } }', null, release.visitorToken);
      expect(await ask(ASKED.length - 1)).toEqual(release.answers.at(-1));
      await started.ask('mutation { sendVisitorMessage(input: { clientId: "after-1", text: "And after it." }) { message { id } } }', null, release.visitorToken);
      expect(await verifyLog(db.system)).toMatchObject({ intact: true });
      const [workspace] = await db.owner<{ id: string }[]>`select id from workspaces`;
      expect(await verifyChain(db.system, workspace!.id)).toMatchObject({ intact: true });
    } finally {
      await started.stop();
    }
  } finally {
    await db.close();
  }
});

test('a release that is kept has migrations that this one still has, and asks what it still answers', () => {
  expect(RELEASES.length).toBeGreaterThan(0);
  for (const { migrations, answers } of RELEASES) {
    expect(migrations).toBeLessThan(readdirSync(MIGRATIONS_DIR).length);
    expect(answers).toHaveLength(ASKED.length);
  }
});
