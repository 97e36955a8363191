import { afterAll, beforeAll, expect, it } from 'vitest';
import { ReadPool } from '../../src/graphql/reader.ts';
import { isDriverFault, openPool } from '../../src/platform/db.ts';
import { newId } from '../../src/platform/ids.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let others: ((...args: any[]) => void)[] = [];
const onFault = (error: unknown) => {
  if (!isDriverFault(error)) throw error;
};
beforeAll(async () => {
  db = await testDatabase();
  // As main.ts does: the driver's fault is thrown from a timer.
  others = process.listeners('uncaughtException') as typeof others;
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', onFault);
});
afterAll(async () => {
  process.removeListener('uncaughtException', onFault);
  for (const other of others) process.on('uncaughtException', other);
  await db.close();
});

it('a backend that dies in the middle of an operation costs that operation only', async () => {
  const sql = openPool({ url: db.url, role: 'throughline_app', max: 1, applicationName: 'mortal' });
  const pool = new ReadPool(sql, 3_000);
  const workspace = newId();
  for (let round = 0; round < 3; round++) {
    const operation = pool.operation(workspace);
    const [[pid]] = (await operation.read('select pg_backend_pid()', [])) as [[number]];
    await db.owner`select pg_terminate_backend(${pid})`;
    await expect(operation.read('select 1', [])).rejects.toThrow();
    await operation.close();
    expect(await pool.one('select 2::text', [], workspace)).toBe('2');
    const next = pool.operation(workspace);
    expect(await next.read('select 3', [])).toEqual([[3]]);
    await next.close();
  }
  await sql.end({ timeout: 1 });
});
