// Connections that are dead without anybody having said so: what waits on one is told within seconds, and what is only slow is left alone.
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest';
import { openBus } from '../../src/events/bus.ts';
import { isConnectionLost } from '../../src/platform/connection-lost.ts';
import { openPool, type Sql } from '../../src/platform/db.ts';
import { enqueue, startWorkers } from '../../src/platform/jobs.ts';
import { createLog } from '../../src/platform/log.ts';
import { selfSigned } from '../harness/certificate.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { Wire } from '../faults/proxy.ts';

/** Two seconds of silence, a look and an answer; the rest is a shared machine's. */
const FOUND_OUT_MS_MAX = 6_000;

type Context = Pick<TestContext, 'onTestFinished' | 'expect'>;

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());

async function wired(after: Context): Promise<{ wire: Wire; url: string; pool: Sql }> {
  const wire = await Wire.open(() => Number(new URL(db.url).port));
  after.onTestFinished(() => wire.close());
  const through = new URL(db.url);
  through.host = `127.0.0.1:${wire.port}`;
  return { wire, url: through.href, pool: opened(after, through.href, 4) };
}
function opened(after: Context, url: string, max: number, statementTimeoutMs?: number): Sql {
  const pool = openPool({ url, max, applicationName: 'test silence', ...(statementTimeoutMs === undefined ? {} : { statementTimeoutMs }) });
  after.onTestFinished(() => pool.end({ timeout: 1 }));
  return pool;
}
/** Opens every connection of the pool. */
const warm = (pool: Sql) => Promise.all(Array.from({ length: 4 }, () => pool`select pg_sleep(0.1)`));
/** How long it took to fail as a lost connection does. */
async function lostAfter(asked: Promise<unknown>): Promise<number> {
  const began = performance.now();
  const error = await asked.then(() => null, (failure: unknown) => failure);
  expect(isConnectionLost(error), String(error)).toBe(true);
  return performance.now() - began;
}

// They wait, most of the time.
describe.concurrent('a connection to PostgreSQL', () => {
  test('a statement on a dead connection fails as on a lost one within seconds, and nobody has to find out again that the others are dead', { timeout: 30_000 }, async (after) => {
    const { wire, pool } = await wired(after);
    await warm(pool);
    wire.abandon();
    expect(await lostAfter(pool`select ${1}::int as one`)).toBeLessThan(FOUND_OUT_MS_MAX);
    const began = performance.now();
    const rows = await Promise.all(Array.from({ length: 8 }, () => pool`select 1 as one`));
    expect(rows.every(([row]) => row!.one === 1)).toBe(true);
    expect(performance.now() - began).toBeLessThan(1_500);
  });

  test('a transaction whose statement, or whose commit, is never answered fails, and its locks are free for others', { timeout: 30_000 }, async (after) => {
    for (const at of ['statement', 'commit'] as const) {
      const { wire, pool } = await wired(after);
      await warm(pool);
      const asked = pool.begin(async (tx) => {
        await tx`select pg_advisory_xact_lock(77)`;
        wire.abandon();
        if (at === 'statement') await tx`select 1`;
      });
      expect(await lostAfter(asked)).toBeLessThan(FOUND_OUT_MS_MAX);
      await after.expect.poll(async () => (await db.owner<{ free: boolean }[]>`select pg_try_advisory_xact_lock(77) as free`)[0]!.free, { timeout: 3_000 }).toBe(true);
    }
  });

  test('a session that heard a statement and not its end is ended, and its locks are free for others', { timeout: 30_000 }, async (after) => {
    const { wire, pool } = await wired(after);
    await warm(pool);
    const asked = pool.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(79)`;
      const text = 'long '.repeat(2_000);
      wire.abandonWithin(5_000);
      await tx`select ${text}::text as long`;
    });
    expect(await lostAfter(asked)).toBeLessThan(FOUND_OUT_MS_MAX);
    await after.expect.poll(async () => (await db.owner<{ free: boolean }[]>`select pg_try_advisory_xact_lock(79) as free`)[0]!.free, { timeout: 3_000 }).toBe(true);
  });

  test('a session that got its lock when nobody was there any more is ended, and the lock is free for others', { timeout: 30_000 }, async (after) => {
    const { wire, pool } = await wired(after);
    await warm(pool);
    const waiting = async () => (await db.owner<{ count: number }[]>`select count(*)::int as count from pg_locks where locktype = 'advisory' and objid = 80 and not granted`)[0]!.count;
    await db.owner.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(80)`;
      const asked = lostAfter(pool.begin((mine) => mine`select pg_advisory_xact_lock(80)`));
      await after.expect.poll(waiting).toBe(1);
      wire.forget();
      await asked;
    });
    await after.expect.poll(async () => (await db.owner<{ free: boolean }[]>`select pg_try_advisory_xact_lock(80) as free`)[0]!.free, { timeout: 10_000 }).toBe(true);
  });

  test('what is slow, or waits for a lock, is left alone', { timeout: 30_000 }, async (after) => {
    const { pool } = await wired(after);
    await warm(pool);
    const holding = db.owner.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(78)`;
      await tx`select pg_sleep(5)`;
    });
    const [slow, , answers] = await Promise.all([
      pool`select 'slept' as what, pg_sleep(5)`,
      pool.begin((tx) => tx`select pg_advisory_xact_lock(78)`),
      // A transaction in which nothing is asked for a while is no silence.
      pool.begin(async (tx) => {
        await tx`select 1`;
        await new Promise((resolve) => setTimeout(resolve, 4_000));
        return tx`select 1 as one`;
      }),
      holding,
    ]);
    expect([slow[0]!.what, answers[0]!.one]).toEqual(['slept', 1]);
  });

  test('a server that answers nobody is waited for, for ten seconds, and then no longer', { timeout: 40_000 }, async (after) => {
    const { wire, pool } = await wired(after);
    await warm(pool);
    wire.silence();
    const short = pool`select 'short' as what`;
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    wire.heal();
    expect((await short)[0]!.what).toBe('short');
    wire.silence();
    const took = await lostAfter(pool`select 1`);
    expect(took).toBeGreaterThan(9_000);
    expect(took).toBeLessThan(20_000);
  });

  // A server elsewhere has other processes than we have here.
  test.skipIf(process.env.TEST_DATABASE_URL)('what the server should have ended, and did not, is ended by us', { timeout: 30_000 }, async (after) => {
    const { url } = await wired(after);
    const pool = opened(after, url, 1, 1_000);
    const [row] = await pool<{ pid: number }[]>`select pg_backend_pid() as pid`;
    const asked = pool`select pg_sleep(20)`.execute();
    await after.expect.poll(async () => (await db.owner<{ state: string }[]>`select state from pg_stat_activity where pid = ${row!.pid}`)[0]!.state).toBe('active');
    // It is at work, as far as anybody can see; but who stands still can't look at the clock.
    process.kill(row!.pid, 'SIGSTOP');
    after.onTestFinished(() => void process.kill(row!.pid, 'SIGCONT'));
    const took = await lostAfter(asked);
    expect(took).toBeGreaterThan(4_000);
    expect(took).toBeLessThan(12_000);
  });

  test('jobs are taken again, and words between processes are heard again, after their connections were dead', { timeout: 60_000 }, async (after) => {
    const { wire, url, pool } = await wired(after);
    const bus = openBus(pool);
    after.onTestFinished(() => bus.close());
    let heard = 0;
    bus.on('test_silence', () => heard++);
    const done: unknown[] = [];
    const workers = await startWorkers({ url, concurrency: 2, pollMs: 100, log: createLog({ level: 'silent' }), tasks: { send: async (payload) => void done.push(payload.n) } });
    after.onTestFinished(() => workers.stop(500));
    await enqueue(db.app, 'send', { n: 1 });
    await after.expect.poll(() => done, { timeout: 10_000 }).toEqual([1]);
    const say = () => db.owner`select pg_notify('test_silence', 'word')`;
    await after.expect.poll(async () => (await say(), heard), { timeout: 10_000 }).toBeGreaterThan(0);
    wire.abandon();
    const before = heard;
    await enqueue(db.app, 'send', { n: 2 });
    await after.expect.poll(() => done, { timeout: 15_000 }).toEqual([1, 2]);
    // The listening connection is asked every five seconds.
    await after.expect.poll(async () => (await say(), heard), { timeout: 15_000 }).toBeGreaterThan(before);
  });

  test('an address that asks for TLS gets it, verified when it says so, and a dead connection is found out there as well', { timeout: 40_000 }, async (after) => {
    const secureContext = createSecureContext(selfSigned('localhost'));
    const { wire } = await wired(after);
    let secured = 0;
    // PostgreSQL behind TLS: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL
    const front: Server = createServer((raw: Socket) => {
      raw.once('data', () => {
        raw.write('S');
        const near = new TLSSocket(raw, { isServer: true, secureContext });
        const far = connect(wire.port, '127.0.0.1');
        near.once('secure', () => secured++).on('error', () => {}).on('close', () => far.destroy()).pipe(far);
        far.on('error', () => {}).on('close', () => near.destroy()).pipe(near);
      });
      raw.on('error', () => {});
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    after.onTestFinished(() => new Promise((resolve) => front.close(() => resolve())));
    const address = (mode: string) => {
      const url = new URL(db.url);
      url.host = `127.0.0.1:${(front.address() as AddressInfo).port}`;
      url.searchParams.set('sslmode', mode);
      return url.href;
    };
    const pool = opened(after, address('require'), 2);
    expect(await Promise.all([pool`select 1 as one`, pool.begin((tx) => tx`select 2 as two`)])).toMatchObject([[{ one: 1 }], [{ two: 2 }]]);
    expect(secured).toBe(2);
    wire.abandon();
    expect(await lostAfter(pool`select 1`)).toBeLessThan(FOUND_OUT_MS_MAX);
    expect(await pool`select 3 as three`).toMatchObject([{ three: 3 }]);
    const strict = opened(after, address('verify-full'), 1);
    for (let tries = 0; tries < 3; tries++) await expect(strict`select 1`).rejects.toThrow(/certificate|self.signed/i);
    // Who asks for TLS where there is none gets nothing.
    const plain = new URL(db.url);
    plain.searchParams.set('sslmode', 'require');
    const refused = opened(after, plain.href, 1);
    for (let tries = 0; tries < 3; tries++) await expect(refused`select 1`).rejects.toThrow(/does not speak TLS/);
  });
});

test('a pool that is closed while its connections are dead leaves none open', { timeout: 20_000 }, async (after) => {
  const { wire, pool } = await wired(after);
  await warm(pool);
  const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
  const before = sockets();
  wire.abandon();
  await pool.end({ timeout: 1 });
  await expect.poll(sockets, { timeout: 8_000 }).toBeLessThanOrEqual(before - 4);
});
