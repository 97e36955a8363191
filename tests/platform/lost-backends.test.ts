import { afterAll, beforeAll, expect, it } from 'vitest';
import { isDriverFault, openPool, type Sql } from '../../src/platform/db.ts';
import { isConnectionLost } from '../../src/platform/connection-lost.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let pool: Sql;
const faults: unknown[] = [];
const onFault = (error: unknown) => {
  if (!isDriverFault(error)) throw error;
  faults.push(error);
};
let others: ((...args: any[]) => void)[] = [];

beforeAll(async () => {
  db = await testDatabase();
  pool = openPool({ url: db.url, max: 4, applicationName: 'test lost backends' });
  // As main.ts does: the driver's fault is thrown from a timer.
  others = process.listeners('uncaughtException') as typeof others;
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', onFault);
});
afterAll(async () => {
  process.removeListener('uncaughtException', onFault);
  for (const other of others) process.on('uncaughtException', other);
  await pool.end({ timeout: 1 });
  await db.close();
});

it('transactions whose backends are killed fail as lost connections, and every other one goes on', async () => {
  const outcomes = { done: 0, lost: 0, other: [] as unknown[] };
  const job = async () => {
    for (let i = 0; i < 30; i++) {
      try {
        await pool.begin(async (tx) => {
          await tx`select ${i}::int`;
          if (i % 5 === 0) {
            const [row] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`;
            await db.owner`select pg_terminate_backend(${row!.pid})`;
          }
          await tx`select ${i}::int + 1`;
        });
        outcomes.done++;
      } catch (error) {
        if (isConnectionLost(error)) outcomes.lost++;
        else outcomes.other.push(error);
      }
    }
  };
  await Promise.all([job(), job(), job()]);
  expect(outcomes.other).toEqual([]);
  expect(outcomes.done + outcomes.lost).toBe(90);
  expect(outcomes.lost).toBeGreaterThanOrEqual(18);
  expect(await pool`select 1 as one`).toMatchObject([{ one: 1 }]);
}, 30_000);
