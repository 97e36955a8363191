import { createServer, type Server as TcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { readConfig } from '../../src/platform/config.ts';
import { createLog } from '../../src/platform/log.ts';
import { startServer, startTimers } from '../../src/server/start.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { SECRET_KEY } from '../harness/server.ts';

let db: TestDatabase;
let dataDir: string;
let other: TcpServer;
let port: number;

beforeAll(async () => {
  db = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'throughline-failed-'));
  other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  port = (other.address() as AddressInfo).port;
});
afterAll(async () => {
  await new Promise((resolve) => other.close(resolve));
  await rm(dataDir, { recursive: true, force: true });
  await db.close();
});

test.each(['PORT', 'SMTP_PORT'])('a %s that is taken is refused by its name and address, and nothing goes on running', async (variable) => {
  const config = readConfig({ DATA_DIR: dataDir, DATABASE_URL: db.url, SECRET_KEY, LOG_LEVEL: 'error', PORT: '0', SMTP_PORT: '0', [variable]: String(port) });
  const database = { url: db.url, migrationUrl: db.url, announce: async () => {}, close: async () => {} };
  const listeners = () => process.getActiveResourcesInfo().filter((name) => /^(TCPServer|TCPServerWrap)/.test(name)).length;
  const before = listeners();
  await expect(startServer({ config, database, demo: false, log: createLog({ level: 'error' }) })).rejects.toMatchObject({
    name: 'InvalidConfig', problems: [`${variable}: something else listens on 127.0.0.1:${port} already. Stop it, or set another ${variable}.`],
  });
  // Its mail door, its workers and their pools are gone.
  expect(listeners()).toBe(before);
  await expect.poll(async () => (await db.owner`select application_name from pg_stat_activity where datname = current_database() and application_name like 'throughline %'`), { timeout: 5_000, interval: 50 }).toEqual([]);
}, 30_000);

describe('timers', () => {
  afterEach(() => void vi.useRealTimers());

  test('are not looked at while a look is under way, however long it takes', async () => {
    vi.useFakeTimers();
    const looks: (() => void)[] = [];
    const timers = startTimers(() => new Promise((resolve) => looks.push(resolve)), () => {});
    await vi.advanceTimersByTimeAsync(60_000);
    expect(looks.length).toBe(1);
    looks[0]!();
    await vi.advanceTimersByTimeAsync(500);
    expect(looks.length).toBe(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(looks.length).toBe(2);
    looks[1]!();
    await timers.stop();
  });

  test('are looked at again after a look that failed', async () => {
    vi.useFakeTimers();
    const reported: unknown[] = [];
    const timers = startTimers(async (tick) => {
      if (tick === 1) throw new Error('away');
    }, (_message, error) => reported.push(error));
    await vi.advanceTimersByTimeAsync(3_000);
    await timers.stop();
    expect(reported).toEqual([new Error('away')]);
  });
});
