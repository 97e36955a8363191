// A server of its own for a proof: a database that is made for it and thrown away, real HTTP and real sockets, and it can be stopped and started.
import { mkdtemp, rm } from 'node:fs/promises';
import { BlockList } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Config } from '../../platform/config.ts';
import { openPool, type Sql } from '../../platform/db.ts';
import { startEmbedded } from '../../platform/embedded-postgres.ts';
import { createLog } from '../../platform/log.ts';
import { startServer, type Server } from '../start.ts';

export interface ScratchServer {
  /** Stays the same over a restart. */
  address: string;
  adminKey: string;
  workspaceId: string;
  /** Of the system's role, straight into the database: what a proof compares with. */
  system: Sql;
  /** Sends `document`, again and again while the server is away; give it an idempotency key. @throws what the graph says */
  ask<T>(document: string, variables?: Record<string, unknown>): Promise<T>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

const AWAY_MS_MAX = 30_000;
const RETRY_MS = 25;

export async function scratchServer(): Promise<ScratchServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'throughline-prove-'));
  const postgres = await startEmbedded({ dataDir, say: () => {}, settings: { fsync: 'off' } });
  const removeAll = async () => {
    await postgres.stop();
    // The database's files may lie elsewhere than the data directory.
    if (basename(postgres.dir) === 'cluster') await rm(dirname(postgres.dir), { recursive: true, force: true });
    await rm(dataDir, { recursive: true, force: true });
  };
  const database = { url: postgres.url, migrationUrl: postgres.url, announce: async () => {}, close: async () => {} };
  const config: Config = {
    port: 0, host: '127.0.0.1', databaseUrl: null, migrationDatabaseUrl: null, dataDir, adminApiKey: null, publicUrl: 'http://127.0.0.1:0',
    secretKey: 'the key of a database that lives for one proof', logLevel: 'silent', smtpPort: null, smtpTls: null, rateLimits: { costPerMinute: 1e12, refusedPerMinute: 1e12, deliveriesPerMinute: 1e12 }, trustProxy: null, secretKeyPrevious: [], outgoingAllow: { hosts: new Set(), networks: new BlockList() },
  };
  const start = (port: number): Promise<Server> => startServer({ config: { ...config, port }, log: createLog({ level: 'silent' }), database });
  let server: Server;
  try {
    server = await start(0);
  } catch (error) {
    await removeAll();
    throw error;
  }
  const { address, demo } = server;
  const system = openPool({ url: postgres.url, role: 'throughline_system', max: 2, applicationName: 'throughline proof' });
  return {
    address,
    adminKey: demo!.adminKey,
    workspaceId: demo!.workspaceId,
    system,
    ask: (document, variables) => ask(address, demo!.adminKey, document, variables),
    async restart() {
      await server.stop();
      server = await start(Number(new URL(address).port));
    },
    async close() {
      await server.stop();
      await system.end({ timeout: 5 });
      await removeAll();
    },
  };
}

async function ask<T>(address: string, key: string, query: string, variables?: Record<string, unknown>): Promise<T> {
  for (const until = performance.now() + AWAY_MS_MAX; ; ) {
    try {
      const response = await fetch(`${address}/graphql`, {
        method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` }, body: JSON.stringify({ query, variables }),
      });
      const body = (await response.json()) as { data?: Record<string, { userErrors?: { message: string }[] } | null>; errors?: { message: string; extensions?: { code?: string } }[] };
      const away = response.status === 503 || response.status === 500;
      if (!away) {
        const refused = [...(body.errors ?? []), ...Object.values(body.data ?? {}).flatMap((payload) => payload?.userErrors ?? [])];
        if (refused.length > 0) throw new Refused(refused.map((one) => one.message).join(' '));
        return body.data as T;
      }
      if (performance.now() > until) throw new Refused(`The server answered ${response.status} for ${AWAY_MS_MAX / 1000} s.`);
    } catch (error) {
      if (error instanceof Refused || performance.now() > until) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

class Refused extends Error {
  override readonly name = 'Refused';
}
