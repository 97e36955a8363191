import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import postgres from 'postgres';
import { openPool } from '../../src/platform/db.ts';
import { describeProblems, examine, refuseUnconfined, type Problem } from '../../src/platform/doctor.ts';
import { migrate } from '../../src/platform/migrate.ts';
import { dropDatabase, onDatabase, testDatabase, type TestDatabase } from '../harness/database.ts';

// The tests' server runs without fsync and the like, which the doctor says, too.
const UNSAFE = ['fsync', 'full_page_writes', 'synchronous_commit'];
const relevant = (problems: Problem[]): Problem[] => problems.filter(({ about }) => !UNSAFE.includes(about));

let db: TestDatabase;
let admin: postgres.Sql;
const suffix = randomBytes(4).toString('hex');
const stranger = `doctor_stranger_${suffix}`;
const fresh = `${inject('postgres').prefix}doctor`;

beforeAll(async () => {
  db = await testDatabase();
  admin = postgres(inject('postgres').url, { max: 1, onnotice: () => {} });
  await admin`create role ${admin(stranger)} login password 'stranger'`;
  await admin`create database ${admin(fresh)}`;
});
afterAll(async () => {
  await db.close();
  await dropDatabase(admin, fresh);
  await admin`drop role if exists ${admin(stranger)}`;
  await admin.end();
});

const as = (url: string, login: string, password: string): string => {
  const to = new URL(url);
  [to.username, to.password] = [login, password];
  return to.href;
};

test('a migrated database is healthy', async () => {
  expect(relevant(await examine(db.url))).toEqual([]);
});

test('a database that was not migrated is named, with the command, and is no obstacle', async () => {
  const problems = relevant(await examine(onDatabase(db.url, fresh)));
  expect(problems).toMatchObject([{ about: 'migrations', blocking: false, remedy: ['throughline migrate'] }]);
});

test('each thing that a login lacks comes with the SQL that mends it; after the SQL was run it migrates and serves', async () => {
  const url = as(onDatabase(db.url, fresh), stranger, 'stranger');
  const problems = relevant(await examine(url));
  expect(problems.every(({ blocking }) => blocking)).toBe(true);
  expect(problems.map(({ about }) => about).sort()).toEqual(
    ['database', 'extension btree_gin', 'extension pg_trgm', 'role throughline_app', 'role throughline_system', 'schema public'],
  );
  const inFresh = postgres(onDatabase(db.url, fresh), { max: 1, onnotice: () => {} });
  for (const line of problems.flatMap(({ remedy }) => remedy)) await inFresh.unsafe(line);
  await inFresh.end();
  expect((await migrate(url)).applied.length).toBeGreaterThan(0);
  expect(relevant(await examine(url))).toEqual([]);
  for (const role of ['throughline_app', 'throughline_system'] as const) {
    const pool = openPool({ url, role, max: 1, applicationName: 'test' });
    await refuseUnconfined(pool);
    await pool.end();
  }
});

test('an extension in another schema is named, with the SQL that moves it', async () => {
  const other = `${fresh}_elsewhere`;
  await admin`create database ${admin(other)}`;
  try {
    const sql = postgres(onDatabase(db.url, other), { max: 1, onnotice: () => {} });
    await sql`create schema elsewhere`;
    await sql`create extension pg_trgm schema elsewhere`;
    await sql`create extension btree_gin schema elsewhere`;
    await sql.end();
    expect(relevant(await examine(onDatabase(db.url, other)))).toMatchObject(['pg_trgm', 'btree_gin'].map((name) => ({
      about: `extension ${name}`, found: 'it is in the schema elsewhere; it is looked for in public', blocking: true, remedy: [`alter extension ${name} set schema public; -- as a superuser`],
    })));
  } finally {
    await dropDatabase(admin, other);
  }
});

test('a serving login that may not act as the roles is named, with the grant', async () => {
  const other = `doctor_serving_${suffix}`;
  await admin`create role ${admin(other)} login password 'serving'`;
  try {
    const problems = relevant(await examine(as(db.url, other, 'serving'), db.url));
    expect(problems.map(({ remedy }) => remedy).flat()).toEqual([`grant throughline_app to ${other};`, `grant throughline_system to ${other};`]);
    expect(describeProblems(problems)).toContain(`✗ role throughline_app: ${other} may not act as it\n    grant throughline_app`);
  } finally {
    await admin`drop role ${admin(other)}`;
  }
});

test.each([
  ['a wrong password', (url: string) => as(url, stranger, 'wrong'), 'password'],
  ['a database that there is not', (url: string) => onDatabase(url, 'doctor_no_such_database'), 'create database "doctor_no_such_database";'],
  ['a server that there is not', () => 'postgres://u:p@127.0.0.1:1/d', 'start the server'],
])('%s is told apart', async (_what, change, remedy) => {
  const problems = await examine(change(db.url));
  expect(problems).toMatchObject([{ about: 'DATABASE_URL', blocking: true }]);
  expect(problems[0]!.remedy.join()).toContain(remedy);
});

test('the tables’ owner is refused as the role that serves data; the two roles are not', async () => {
  await expect(refuseUnconfined(db.owner)).rejects.toThrow(/rights of the tables' owner|superuser/);
  await refuseUnconfined(db.app);
  await refuseUnconfined(db.system);
});
