import { afterAll, beforeAll, expect, test } from 'vitest';
import { found, inWorkspace, type Sql, type Tx } from '../../src/platform/db.ts';
import { sqlState } from '../../src/platform/sql-state.ts';
import { Refusal } from '../../src/platform/errors.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let ours: string;
let theirs: string;

beforeAll(async () => {
  db = await testDatabase();
  ours = (await db.workspace('Ours')).id;
  theirs = (await db.workspace('Theirs')).id;
});
afterAll(() => db.close());

const names = async (workspaceId: string): Promise<string[]> =>
  inWorkspace(db.app, workspaceId, async (tx) => (await tx<{ name: string }[]>`select name from workspaces`).map(({ name }) => name));

test('a transaction sees its own workspace only, and many at once stay apart', async () => {
  const seen = await Promise.all(Array.from({ length: 60 }, (_, i) => names(i % 2 ? ours : theirs)));
  seen.forEach((found, i) => expect(found).toEqual([i % 2 ? 'Ours' : 'Theirs']));
});

test('outside a transaction, and after one, no workspace is seen', async () => {
  await names(ours);
  expect(await Promise.all(Array.from({ length: 12 }, () => db.app`select name from workspaces`))).toEqual(Array.from({ length: 12 }, () => []));
});

test('what throws is rolled back and comes out as it was thrown', async () => {
  const refusal = new Refusal('CONFLICT', 'no');
  await expect(
    inWorkspace(db.app, ours, async (tx) => {
      await tx`update workspaces set name = 'Changed' where id = ${ours}`;
      throw refusal;
    }),
  ).rejects.toBe(refusal);
  expect(await names(ours)).toEqual(['Ours']);
});

test('of two transactions that deadlock both end, the one that lost by running again', async () => {
  const lock = (first: number, second: number) =>
    inWorkspace(db.app, ours, async (tx) => {
      await tx`select pg_advisory_xact_lock(${first})`;
      await tx`select pg_sleep(0.2)`;
      await tx`select pg_advisory_xact_lock(${second})`;
      return (runs += 1);
    });
  let runs = 0;
  await Promise.all([lock(1, 2), lock(2, 1)]);
  expect(runs).toBe(2);
});

test('other faults of the database are not tried again', async () => {
  let runs = 0;
  const failed = await inWorkspace(db.app, ours, (tx) => {
    runs++;
    return tx`select 1 / 0`;
  }).catch((error: unknown) => error);
  expect(sqlState(failed)).toBe('22012');
  expect(runs).toBe(1);
});

test('an undefined parameter is an error wherever it is written, and the connection serves on', async () => {
  const nothing = undefined as unknown as string;
  const statements: ((sql: Tx | Sql) => Promise<unknown>)[] = [
    (sql) => sql`select ${nothing}::text`,
    (sql) => sql`select 1 where true and ${sql`1 = ${nothing}`}`,
    (sql) => sql`insert into workspaces ${sql({ id: ours, name: nothing })}`,
    (sql) => sql`insert into workspaces ${sql([{ id: ours, name: 'x' }, { id: ours, name: nothing }], 'id', 'name')}`,
    (sql) => sql`select 1 where 'a' in ${sql(['a', nothing])}`,
    (sql) => sql`select ${sql.json(nothing)}`,
    (sql) => sql.unsafe('select $1::text', [nothing]),
  ];
  for (const statement of statements) {
    await expect(inWorkspace(db.app, ours, async (tx) => statement(tx))).rejects.toThrow(/undefined/);
    await expect(inWorkspace(db.app, ours, (tx) => tx.savepoint(async (inner) => statement(inner)))).rejects.toThrow(/undefined/);
    await expect((async () => statement(db.app))()).rejects.toThrow(/undefined/);
    expect(await Promise.all(Array.from({ length: 12 }, () => names(ours)))).toEqual(Array.from({ length: 12 }, () => ['Ours']));
  }
});

test('rows, columns and lists go in as before', async () => {
  await inWorkspace(db.app, ours, async (tx) => {
    await tx`update workspaces set ${tx({ name: 'Ours', timeZone: 'Europe/Berlin' })} where id = ${ours}`;
    expect(await tx`select name, ${tx.json({ a: undefined, b: [1] })}::jsonb as json from workspaces where time_zone in ${tx(['UTC', 'Europe/Berlin'])}`).toEqual([
      { name: 'Ours', json: { b: [1] } },
    ]);
  });
});

test('moments, large numbers and arrays come as the contract says', async () => {
  const [row] = await db.app`select '2026-01-02 03:04:05.678+02'::timestamptz(3) as the_moment, 9007199254740991::int8 as big, array['a','b'] as texts, '{"a":1}'::jsonb as json, null::timestamptz as none`;
  expect(row).toEqual({ theMoment: '2026-01-02T01:04:05.678Z', big: 9007199254740991, texts: ['a', 'b'], json: { a: 1 }, none: null });
});

test('a missing row is NOT_FOUND with the name of the thing', () => {
  expect(() => found(undefined, 'customer')).toThrow(expect.objectContaining({ code: 'NOT_FOUND', message: 'There is no such customer in this workspace.' }));
  expect(found(0, 'count')).toBe(0);
});
