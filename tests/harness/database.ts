// A database of its own for a test file, cloned from the migrated template, with the pools that the program uses.
import postgres from 'postgres';
import { inject } from 'vitest';
import type { Actor } from '../../src/access/viewer.ts';
import { now } from '../../src/platform/clock.ts';
import { openPool, type Sql } from '../../src/platform/db.ts';
import { newId } from '../../src/platform/ids.ts';

export interface TestDatabase {
  /** Of the login that owns the tables; pools act as the roles below. */
  url: string;
  app: Sql;
  system: Sql;
  /** The tables' owner: sees every workspace. For looking at what happened, and for what no role may do. */
  owner: Sql;
  /** Inserts a workspace; `actor` is its system. */
  workspace(name?: string): Promise<{ id: string; actor: Actor }>;
  /** Closes the pools and drops the database. */
  close(): Promise<void>;
}

let made = 0;

/** Call in `beforeAll`, and `close()` in `afterAll`. */
export async function testDatabase(): Promise<TestDatabase> {
  const { url: server, template, prefix } = inject('postgres');
  const name = `${prefix}${process.pid}_${++made}`;
  const admin = postgres(server, { max: 1, onnotice: () => {} });
  await cloned(admin, name, template);
  const url = onDatabase(server, name);
  return opened(url, async () => {
    await dropDatabase(admin, name);
    await admin.end();
  });
}

/** The pools of a database that is there and migrated, wherever it is; `close` ends them, then does `after`. */
export function opened(url: string, after: () => Promise<void>): TestDatabase {
  const app = openPool({ url, role: 'throughline_app', max: 6, applicationName: 'test app' });
  const system = openPool({ url, role: 'throughline_system', max: 3, applicationName: 'test system' });
  const owner = openPool({ url, max: 2, applicationName: 'test owner' });
  return {
    url,
    app,
    system,
    owner,
    async workspace(workspaceName = 'Acme') {
      const id = newId();
      await owner`insert into workspaces (id, name, created_at, updated_at) values (${id}, ${workspaceName}, ${now()}, ${now()})`;
      return { id, actor: { workspaceId: id, kind: 'SYSTEM', id: null } };
    },
    async close() {
      await Promise.all([app, system, owner].map((pool) => pool.end({ timeout: 2 })));
      await after();
    },
  };
}

/** PostgreSQL refuses to clone a database while another session copies it (55006, object in use). */
async function cloned(admin: postgres.Sql, name: string, template: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await admin`create database ${admin(name)} template ${admin(template)} strategy file_copy`;
      return;
    } catch (error) {
      if (attempt >= 50 || (error as { code?: string }).code !== '55006') throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Drops a database whoever is in it. PostgreSQL lets no ordinary login end an autovacuum worker (42501): that one is waited for. */
export async function dropDatabase(admin: postgres.Sql, name: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await admin`drop database if exists ${admin(name)} with (force)`;
      return;
    } catch (error) {
      if (attempt >= 50 || (error as { code?: string }).code !== '42501') throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** The same server and login, another database. */
export function onDatabase(url: string, name: string): string {
  const to = new URL(url);
  to.pathname = `/${name}`;
  return to.href;
}
