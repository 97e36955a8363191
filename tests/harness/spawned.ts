// A server as a process of its own, on a database and data of its own, for the length of a test file.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testDatabase, type TestDatabase } from './database.ts';
import { SECRET_KEY, spawnServer, type Started } from './server.ts';

export interface Spawned {
  db: TestDatabase;
  server: Started;
  /** Where the server keeps its files. */
  dataDir: string;
  /** Ends the process and takes everything away. */
  close(): Promise<void>;
}

/** Call in `beforeAll` with time to start, and `close()` in `afterAll`. `env` is beside what a server needs. */
export async function spawned(env: Record<string, string> = {}): Promise<Spawned> {
  const db = await testDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'throughline-spawned-'));
  const server = await spawnServer({ DATABASE_URL: db.url, SECRET_KEY, DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'error', ...env }, { timeoutMs: 60_000 });
  return {
    db,
    server,
    dataDir,
    async close() {
      server.kill('SIGKILL');
      await server.exited;
      await db.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
