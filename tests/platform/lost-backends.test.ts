import { connect, createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isDriverFault, openPool, type Sql } from '../../src/platform/db.ts';
import { isConnectionLost } from '../../src/platform/connection-lost.ts';
import { Wire } from '../faults/proxy.ts';
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

it('connections that are lost while they are set up hold up no transaction, and arrays stay arrays', async () => {
  // A way to the database on which whoever asks the catalogue for the array types loses the connection.
  let asked = 0;
  const { hostname, port } = new URL(db.url);
  const way = createServer((near) => {
    const far = connect(Number(port), hostname);
    near.on('data', (chunk) => {
      if (chunk.includes('b.typarray')) {
        asked++;
        near.destroy();
      } else far.write(chunk);
    }).on('close', () => far.destroy()).on('error', () => {});
    far.on('data', (chunk) => near.write(chunk)).on('close', () => near.destroy()).on('error', () => {});
  });
  await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve));
  const through = new URL(db.url);
  through.port = String((way.address() as AddressInfo).port);
  const first = openPool({ url: through.href, max: 1, applicationName: 'test lost at the start' });
  await first`select 1`;
  const others = openPool({ url: through.href, max: 2, applicationName: 'test lost at the start' });
  for (const one of [first, others]) {
    await one`select pg_terminate_backend(pg_backend_pid())`.catch(() => {});
    // The connection that is being closed may still take one: that is told, and the next one gets a new connection.
    const read = () => one.begin((tx) => tx`select array['a', 'b'] as names, ${['c', 'd']}::text[] as given`);
    const rows = await read().catch((error: unknown) => {
      if (!isConnectionLost(error)) throw error;
      return read();
    });
    expect(rows).toMatchObject([{ names: ['a', 'b'], given: ['c', 'd'] }]);
  }
  expect(asked).toBe(0);
  await Promise.all([first, others].map((one) => one.end({ timeout: 1 })));
  await new Promise<void>((resolve) => way.close(() => resolve()));
}, 15_000);

it('however often all connections are lost at once, no statement of those who ask again at once is forgotten', async () => {
  const wire = await Wire.open(() => Number(new URL(db.url).port));
  const through = new URL(db.url);
  through.host = `127.0.0.1:${wire.port}`;
  const lossy = openPool({ url: through.href, max: 4, applicationName: 'test lost at once' });
  const done = Array.from({ length: 24 }, () => 0);
  let isOver = false;
  const other: unknown[] = [];
  const asking = done.map(async (_, n) => {
    while (!isOver) {
      try {
        // Again in the very turn in which he hears of a loss.
        await lossy`select ${n}::int`;
        done[n]!++;
      } catch (error) {
        if (!isConnectionLost(error)) other.push(error);
      }
    }
  });
  for (let times = 0; times < 12; times++) {
    const before = [...done];
    await new Promise((resolve) => setTimeout(resolve, 30));
    if (times % 2) wire.reset();
    else await db.owner`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test lost at once' and datname = current_database()`;
    await expect.poll(() => done.every((count, n) => count > before[n]! + 2), { timeout: 5_000, interval: 10 }).toBe(true);
  }
  isOver = true;
  await Promise.all(asking);
  expect(other).toEqual([]);
  await lossy.end({ timeout: 1 });
  await wire.close();
}, 60_000);
