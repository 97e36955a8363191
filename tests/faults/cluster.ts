// What is broken: a PostgreSQL of its own, two servers (a process each) on it, the wires between them and to their clients, the provider.
import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { createServer } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { newId, publicId } from '../../src/platform/ids.ts';
import { now } from '../../src/platform/clock.ts';
import { openPool, type Sql } from '../../src/platform/db.ts';
import { startEmbedded, type EmbeddedPostgres } from '../../src/platform/embedded-postgres.ts';
import { migrate } from '../../src/platform/migrate.ts';
import type { TestDatabase } from '../harness/database.ts';
import { peerAt, SECRET_KEY, spawnServer, testWorkspace, type Peer, type Started, type TestWorkspace } from '../harness/server.ts';
import { fakeTwilio, type FakeTwilio } from '../../src/sandbox/twilio.ts';
import { mountDisk, type Disk } from './disk.ts';
import { openMailbox, type Mailbox } from './mailbox.ts';
import { Wire } from './proxy.ts';

export const NUMBER = '+493012345678';
export const MAILBOX = 'support@acme.example';
export const MAIL_SECRET = 'the-secret-of-the-mail-door';
const CLOCK = fileURLToPath(new URL('clock.mjs', import.meta.url));

/** One of the two servers, with its wires: as its clients and the world see it, and the way to its database. */
export interface Api {
  index: 0 | 1;
  process: Started | null;
  /** What its clients call: the near end of their wire. */
  peer: Peer;
  wires: { http: Wire; smtp: Wire; postgres: Wire };
  clockFile: string;
  ports: { http: number; smtp: number };
}

export interface Cluster {
  dir: string;
  apis: [Api, Api];
  postgres: EmbeddedPostgres;
  /** Null: no small disk could be mounted here. */
  disk: Disk | null;
  /** Straight to the database, as the tables' owner. Made anew after each loss of PostgreSQL by the driver itself. */
  owner: Sql;
  system: Sql;
  ws: TestWorkspace;
  twilio: FakeTwilio;
  /** Where our mails go. */
  mailbox: Mailbox;
  hooks: { sms: string; mail: string };
  start(index: 0 | 1): Promise<void>;
  /** The postmaster's process id, by its file. */
  postmaster(): number;
  /** Resolves when PostgreSQL takes connections: the moment, by performance.now(). */
  postgresReady(withinMs?: number): Promise<number>;
  setClock(index: 0 | 1, wrongByMs: number): void;
  close(): Promise<void>;
}

export async function openCluster(o: { disk: boolean; say: (text: string) => void }): Promise<Cluster> {
  const closers: (() => Promise<unknown> | unknown)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await Promise.resolve(closer()).catch((error: unknown) => o.say(`Something did not close: ${String(error)}`));
  };
  try {
    return await build(o, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function build(o: { disk: boolean; say: (text: string) => void }, closers: (() => Promise<unknown> | unknown)[], close: () => Promise<void>): Promise<Cluster> {
  const dir = await mkdtemp(join(tmpdir(), 'throughline-faults-'));
  closers.push(() => rm(dir, { recursive: true, force: true }));
  const data = join(dir, 'data');
  await mkdir(data);
  const disk = o.disk ? mountDisk(data) : null;
  if (disk) closers.push(() => disk.unmount());
  // Postgres runs as a user of its own, who must be able to enter.
  await chmod(dir, 0o755);

  const embedded = await startEmbedded({ dataDir: data, say: () => {}, settings: { max_connections: '200', max_wal_size: '256MB', wal_keep_size: '0' } });
  closers.push(async () => {
    await embedded.stop();
    if (basename(embedded.dir) === 'cluster' && !embedded.dir.startsWith(data)) await rm(dirname(embedded.dir), { recursive: true, force: true });
  });
  const url = embedded.url;
  await migrate(url);
  const owner = openPool({ url, max: 3, applicationName: 'faults owner', statementTimeoutMs: 120_000 });
  const app = openPool({ url, role: 'throughline_app', max: 2, applicationName: 'faults app' });
  const system = openPool({ url, role: 'throughline_system', max: 2, applicationName: 'faults system', statementTimeoutMs: 120_000 });
  closers.push(() => Promise.all([owner, app, system].map((pool) => pool.end({ timeout: 2 }))));
  const db: TestDatabase = {
    url, app, system, owner, close: async () => {},
    workspace: async (name = 'Acme') => {
      const id = newId();
      await owner`insert into workspaces (id, name, created_at, updated_at) values (${id}, ${name}, ${now()}, ${now()})`;
      return { id, actor: { workspaceId: id, kind: 'SYSTEM', id: null } };
    },
  };
  const ws = await testWorkspace(db, 'Acme');
  const twilio = await fakeTwilio();
  closers.push(() => twilio.close());
  const mailbox = await openMailbox();
  closers.push(() => mailbox.close());
  const sms = await ws.connect({ channel: 'SMS', provider: 'twilio', name: 'SMS', address: NUMBER, settings: { accountSid: twilio.accountSid, apiBaseUrl: twilio.url }, secrets: { authToken: twilio.authToken } });
  const mail = await ws.connect({ channel: 'EMAIL', provider: 'mime', name: 'Mail', address: MAILBOX, settings: { host: '127.0.0.1', port: mailbox.port, secure: 'none' }, secrets: { inbound: MAIL_SECRET } });

  const postgresPort = Number(new URL(url).port);
  const api = async (index: 0 | 1): Promise<Api> => {
    const ports = { http: await freePort(), smtp: await freePort() };
    const wires = { http: await Wire.open(() => ports.http), smtp: await Wire.open(() => ports.smtp), postgres: await Wire.open(() => postgresPort) };
    closers.push(() => Promise.all(Object.values(wires).map((wire) => wire.close())));
    return { index, process: null, peer: peerAt(`http://127.0.0.1:${wires.http.port}`), wires, ports, clockFile: join(dir, `clock-${index}`) };
  };
  const apis: [Api, Api] = [await api(0), await api(1)];
  const cluster: Cluster = {
    dir, apis, postgres: embedded, disk, owner, system, ws, twilio, mailbox,
    hooks: { sms: `/hooks/twilio/${publicId('end', sms.endpointId)}`, mail: `/hooks/mime/${publicId('end', mail.endpointId)}` },
    start: async (index) => {
      const { wires, ports, clockFile, peer } = apis[index];
      const through = new URL(url);
      through.port = String(wires.postgres.port);
      apis[index].process = await spawnServer({
        DATABASE_URL: through.href, MIGRATION_DATABASE_URL: url, SECRET_KEY, DATA_DIR: join(data, 'api'), PORT: String(ports.http), SMTP_PORT: String(ports.smtp), PUBLIC_URL: peer.address,
        LOG_LEVEL: 'error', NODE_OPTIONS: `--import ${CLOCK}`, CLOCK_FILE: clockFile,
      }, { timeoutMs: 60_000 });
    },
    postmaster: () => Number(readFileSync(join(embedded.dir, 'postmaster.pid'), 'utf8').split('\n')[0]),
    postgresReady: async (withinMs = 60_000) => {
      const deadline = performance.now() + withinMs;
      for (;;) {
        const one = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => {} });
        try {
          await one`select 1`;
          return performance.now();
        } catch (error) {
          if (performance.now() > deadline) throw new Error(`PostgreSQL did not come back within ${withinMs} ms: ${String(error)}`);
        } finally {
          await one.end({ timeout: 0 });
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    setClock: (index, wrongByMs) => writeFileSync(apis[index].clockFile, String(wrongByMs)),
    close,
  };
  closers.push(async () => {
    for (const { process: child } of apis) {
      child?.kill('SIGCONT');
      child?.kill('SIGKILL');
      await child?.exited;
    }
  });
  await Promise.all([cluster.start(0), cluster.start(1)]);
  return cluster;
}

/** Below the ports that outgoing connections take: it must still be free when a killed server comes back to it. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 25_000);
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
}
