import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import postgres from 'postgres';
import { migrate, pendingMigrations } from '../../src/platform/migrate.ts';
import { dropDatabase, onDatabase } from '../harness/database.ts';

let admin: postgres.Sql;
const names: string[] = [];

beforeAll(() => {
  admin = postgres(inject('postgres').url, { max: 1, onnotice: () => {} });
});
afterAll(async () => {
  for (const name of names) await dropDatabase(admin, name);
  await admin.end();
});

async function emptyDatabase(): Promise<string> {
  const name = `${inject('postgres').prefix}migrate_${names.length}`;
  names.push(name);
  await admin`create database ${admin(name)}`;
  return onDatabase(inject('postgres').url, name);
}

test('of two migrators at once one applies everything and the other finds nothing to do', async () => {
  const url = await emptyDatabase();
  expect((await pendingMigrations(url))[0]).toBe('0000_spine');
  const [a, b] = await Promise.all([migrate(url), migrate(url)]);
  const [first, second] = a.applied.length > b.applied.length ? [a, b] : [b, a];
  expect(first.applied).toHaveLength(first.known);
  expect(first.applied[0]).toBe('0000_spine');
  expect(second.applied).toEqual([]);
  expect(await pendingMigrations(url)).toEqual([]);
});

test('a database that a newer version migrated is refused', async () => {
  const url = await emptyDatabase();
  await migrate(url);
  const client = postgres(url, { max: 1 });
  await client`insert into drizzle.__drizzle_migrations (hash, created_at) values ('of a later version', 9999999999999)`;
  await client.end();
  await expect(migrate(url)).rejects.toThrow(/newer version of Throughline/);
});

test('the roles can be taken on by the login that migrated, and neither passes row-level security', async () => {
  const url = await emptyDatabase();
  await migrate(url);
  for (const role of ['throughline_app', 'throughline_system']) {
    const client = postgres(url, { max: 1, connection: { role } });
    const [row] = await client`select current_user::text as name, rolsuper, rolbypassrls from pg_roles where rolname = current_user`;
    expect(row).toEqual({ name: role, rolsuper: false, rolbypassrls: false });
    await client.end();
  }
});
