// The server: everything opened in order, and closed in the reverse of it.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { promises as dns } from 'node:dns';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { Authorizer } from '../access/authorizer.ts';
import { Budgets } from '../access/budget.ts';
import { rollUpStatistics } from '../analytics/rollups.ts';
import { knowMailReceiver } from '../channels/email/ways.ts';
import { initWebhookUrls } from '../channels/webhook-url.ts';
import { wakeSnoozed } from '../conversations/timers.ts';
import { openBus } from '../events/bus.ts';
import { startConsumers } from '../events/consumers.ts';
import { startSequencer, wake } from '../events/sequencer.ts';
import { Signals } from '../events/signals.ts';
import { LogStream } from '../events/stream.ts';
import { makeGraph } from '../graphql/execute.ts';
import { startDrain } from '../inbound/drain.ts';
import { startLines } from '../inbound/lines.ts';
import { tellRead, type ReadingJob } from '../messages/acknowledge.ts';
import { deliverMessage } from '../messages/deliver.ts';
import type { DeliveryJob } from '../messages/pace.ts';
import { removeUnheld } from '../messages/files.ts';
import { fetchRecordings } from '../calls/recordings.ts';
import { fetchMedia } from '../messages/media.ts';
import { folderBlobs } from '../platform/blobs.ts';
import { InvalidConfig, type Config } from '../platform/config.ts';
import { openPool, type Sql } from '../platform/db.ts';
import { refuseUnconfined } from '../platform/doctor.ts';
import { loadHashKey } from '../platform/hash-key.ts';
import { startWorkers } from '../platform/jobs.ts';
import { after, now } from '../platform/clock.ts';
import { createLog, type Logger } from '../platform/log.ts';
import { watchProcess } from '../platform/metrics.ts';
import { migrate } from '../platform/migrate.ts';
import { initSecrets } from '../platform/secrets.ts';
import { Facts, type Live } from '../realtime/live.ts';
import { routing } from '../routing/route.ts';
import type { VisitorParts } from '../visitors/subscriptions.ts';
import { Admission } from './admission.ts';
import { serverDatabase, type Database } from './database.ts';
import { createDemo, type Demo } from './demo.ts';
import './graph.ts';
import { forget } from './housekeeping.ts';
import { createHttp, logFault } from './http.ts';
import { startMailDoor } from './mail.ts';
import { Origins } from './origins.ts';
import { isLoopback } from './loopback.ts';
import { outgoingClient } from './outgoing-client.ts';
import { watchBacklogs } from './backlogs.ts';
import { addWebSockets } from './websocket.ts';

const TIMERS_MS = 1_000;
/** Ten minutes. */
const HOUSEKEEPING_TICKS = 600;
/** What has marks every half minute; everything every ten minutes, a minute after the start at first: the horizon has been set by then. */
const ROLLUP_TICKS = { marked: 30, all: 600, first: 60 };
const IN_FLIGHT_MS_MAX = 10_000;
/** Whoever asks whether we are ready asks often, and doesn't wait. */
const READY_MS_MAX = 2_000;

export interface Server {
  /** `http://127.0.0.1:4000` */
  address: string;
  /** Where mail is received; null: nowhere. */
  smtpPort: number | null;
  /** The demo workspace, when this data has one and its keys may be shown (on loopback). */
  demo: Demo | null;
  /** Not ready, in-flight work, sockets, jobs, then PostgreSQL if it is ours. Twice is once. */
  stop(): Promise<void>;
}

export interface StartOptions {
  config: Config;
  /** Lines for people. */
  say?: (text: string) => void;
  log?: Logger;
  /** For tests: another database than the configuration's. */
  database?: Database;
  /** False: an empty database stays empty. */
  demo?: boolean;
  /** For the benches: `loaders` switches the compiled path off. */
  path?: 'loaders';
}

/** Starts serving; ready when it returns. @throws InvalidConfig, AlreadyRunning, or why the database can't be used */
export async function startServer(options: StartOptions): Promise<Server> {
  const { config, say = () => {} } = options;
  const log = options.log ?? createLog({ level: config.logLevel });
  const closers: (() => Promise<unknown> | unknown)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) {
      try {
        await closer();
      } catch (error) {
        log.error({ err: error }, 'Something did not close.');
      }
    }
  };
  try {
    return await open(options, log, say, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(options: StartOptions, log: Logger, say: (text: string) => void, closers: (() => Promise<unknown> | unknown)[], close: () => Promise<void>): Promise<Server> {
  const { config } = options;
  const report = (message: string, error: unknown) => log.error({ err: error }, message);
  watchProcess();
  initSecrets(config.secretKey, config.secretKeyPrevious);
  const database = options.database ?? (await serverDatabase(config, say));
  closers.push(() => database.close());
  await migrate(database.migrationUrl);

  const pool = (role: 'throughline_app' | 'throughline_system', max: number, name: string) => {
    const made = openPool({ url: database.url, role, max, applicationName: `throughline ${name}` });
    closers.push(() => made.end({ timeout: 5 }));
    return made;
  };
  const app = pool('throughline_app', 10, 'actions');
  const read = pool('throughline_app', 10, 'reads');
  const system = pool('throughline_system', 4, 'system');
  await Promise.all([app, read, system].map(refuseUnconfined));
  await loadHashKey(system);

  const bus = openBus(system, (error) => report('The bus between processes is away; it costs latency only.', error));
  closers.push(() => bus.close());
  const stream = new LogStream({ system, app, bus, onError: (error) => report('The log could not be followed; it goes on.', error) });
  await stream.start();
  closers.push(() => stream.close());
  const sequencer = startSequencer(system, { bus, onError: (error) => report('Events could not be numbered; it goes on.', error) });
  closers.push(() => sequencer.close());
  const signals = new Signals(bus);
  closers.push(() => signals.close());

  const demo = await openDemo(options, database, { app, say });
  const shown = isLoopback(config.host) && isLoopback(config.publicUrl) ? demo : null;
  const consumers = startConsumers([routing], { app, system, stream, onError: (error, name) => report(`The consumer ${name} failed at an event.`, error) });
  closers.push(() => consumers.close());
  const drain = startDrain({ app, system, wake, report });
  closers.push(() => drain.stop());

  const blobs = folderBlobs(join(config.dataDir, 'blobs'));
  const authorizer = new Authorizer(app, { onError: (error) => report('Keys could not be asked again; it goes on.', error) });
  authorizer.follow(stream);
  closers.push(() => authorizer.close());
  const origins = new Origins(system);
  const budgets = new Budgets(config.rateLimits);
  const admission = new Admission();
  closers.push(() => admission.close());
  const live: Live = { log: stream, signals, facts: new Facts(app) };
  const visitors: VisitorParts = { log: stream, signals, app };
  const client = outgoingClient(config);
  const graph = await makeGraph({ read, write: app, path: options.path, parts: { live, visitors, blobs, drain, http: client }, log: (id, error) => logFault({ log }, id, error) });

  closers.push(() => graph.close());

  const unwatch = watchBacklogs(system);
  closers.push(unwatch);

  let stopping = false;
  let publicUrl = config.publicUrl;
  const arrived = () => drain.wake();
  const http = await createHttp({
    app, graph, origins, log, budgets, admission, trustProxy: config.trustProxy,
    doors: { app, blobs, publicUrl: isLoopback(config.publicUrl) ? null : config.publicUrl, arrived, budgets, log },
    demo: () => shown,
    ide: () => ({ demoKey: shown?.adminKey ?? null, variables: demo ? ideVariables(demo) : {} }),
    notReady: async () => {
      if (stopping) return 'The server is stopping.';
      return (await answersWithin(READY_MS_MAX, read)) ? null : 'The database does not answer.';
    },
  });
  const sockets = addWebSockets(http.server, { app, graph, authorizer, origins, log, budgets, admission, trustProxy: config.trustProxy });

  const mediaClient = outgoingClient(config, 3);
  // Closed in the reverse order: mail, which makes work, before what does it.
  const workers = await startWorkers({
    url: database.url, concurrency: 4, log,
    tasks: {
      deliver_message: async (payload) => {
        await deliverMessage({ app, http: client, blobs, publicUrl }, payload as unknown as DeliveryJob);
        wake();
      },
      tell_read: async (payload) => tellRead({ app, http: client }, payload as unknown as ReadingJob),
      fetch_media: async (payload, job) => {
        await fetchMedia({ app, blobs, http: mediaClient }, payload as { workspaceId: string; messageId: string }, job);
        wake();
      },
      fetch_recordings: async (payload, job) => {
        await fetchRecordings({ app, blobs, http: mediaClient }, payload as { workspaceId: string; callId: string }, job);
        wake();
      },
    },
  });
  closers.push(() => workers.stop());
  const timers = startTimers(async (tick) => {
    if ((await wakeSnoozed(app, system)) > 0) wake();
    if (tick % HOUSEKEEPING_TICKS === 0) {
      await forget(system);
      await removeUnheld({ app, system, blobs });
    }
  }, report);
  closers.push(() => timers.stop());
  const closing = new AbortController();
  const rollups = startTimers(async (tick) => {
    if (tick % ROLLUP_TICKS.marked === 0) await rollUpStatistics({ system, app, marked: tick % ROLLUP_TICKS.all !== ROLLUP_TICKS.first, signal: closing.signal });
  }, report);
  closers.push(() => rollups.stop(), () => closing.abort());
  const lines = startLines({ app, system, blobs, url: database.url, http: client, arrived, report });
  closers.push(() => lines.stop());
  const { host, smtpPort } = config;
  const mail = smtpPort === null ? null : await listening('SMTP_PORT', smtpPort, host, () =>
    startMailDoor({ app, blobs, arrived, budgets, report, port: smtpPort, host, name: new URL(config.publicUrl).hostname, tls: config.smtpTls ?? undefined, resolver: (name, type) => dns.resolve(name, type as 'TXT') as never }));
  closers.push(() => mail?.stop());

  await listening('PORT', config.port, host, () => http.listen({ port: config.port, host }));
  const { port } = http.server.address() as AddressInfo;
  const address = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
  if (config.port === 0) publicUrl = address;
  initWebhookUrls(publicUrl);
  knowMailReceiver(mail !== null);
  await database.announce(address);

  let stopped: Promise<void> | null = null;
  const stop = () =>
    (stopped ??= (async () => {
      stopping = true;
      const inFlight = http.close();
      await sockets.drain();
      await Promise.race([inFlight, new Promise<void>((resolve) => setTimeout(resolve, IN_FLIGHT_MS_MAX).unref())]);
      await close();
    })());
  return { address, smtpPort: mail?.port ?? null, demo: shown, stop };
}

async function answersWithin(ms: number, sql: Sql): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(resolve, ms, false)));
  return Promise.race([sql`select 1`.then(() => true, () => false), late]).finally(() => clearTimeout(timer));
}

/** @throws InvalidConfig naming the variable and the address when something else listens there */
async function listening<T>(variable: string, port: number, host: string, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    if ((error as { code?: string }).code !== 'EADDRINUSE') throw error;
    throw new InvalidConfig([`${variable}: something else listens on ${host}:${port} already. Stop it, or set another ${variable}.`]);
  }
}

/** Looks every second, but not while a look is under way: they never queue up. `tick` counts the looks. */
export function startTimers(work: (tick: number) => Promise<void>, report: (message: string, error: unknown) => void): { stop(): Promise<void> } {
  let running: Promise<void> | null = null;
  let ticks = 0;
  const timer = setInterval(() => {
    running ??= work(++ticks)
      .catch((error: unknown) => report('Timers could not be looked at; they are tried again.', error))
      .finally(() => (running = null));
  }, TIMERS_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}

/** Makes the demo in an empty database, or finds what an earlier start wrote down of it. Its keys are kept where only the owner reads. */
async function openDemo(options: StartOptions, database: Database, o: { app: Parameters<typeof createDemo>[0]; say: (text: string) => void }): Promise<Demo | null> {
  const { config } = options;
  const path = join(config.dataDir, 'demo.json');
  const [row] = await o.app<{ any: boolean }[]>`select any_workspace() as any`;
  if (!row!.any && options.demo !== false) {
    const demo = await createDemo(o.app, config.adminApiKey?.text ?? null);
    wake();
    await mkdir(config.dataDir, { recursive: true });
    await writeFile(path, JSON.stringify({ ...demo, database: databaseName(database.url) }), { mode: 0o600 });
    o.say('The database was empty: a demo workspace, Acme Ceramics, was made in it.');
    return demo;
  }
  try {
    const kept = JSON.parse(await readFile(path, 'utf8')) as Demo & { database: string };
    return kept.database === databaseName(database.url) ? kept : null;
  } catch {
    return null;
  }
}

const databaseName = (url: string): string => new URL(url).pathname;

/** What the IDE's windows begin with, by operation, so that each answers at once. */
const ideVariables = ({ ids }: Demo): Record<string, Record<string, unknown>> => ({
  'agent-workspace': { conversationId: ids.conversation },
  answer: { conversationId: ids.conversation },
  conversation: { id: ids.conversation },
  customer: { id: ids.customer },
  inbox: { filter: { status: 'OPEN' }, orderBy: 'WAITING_LONGEST' },
  'notes-and-records': { input: { conversationId: ids.conversation, body: 'She is calling about the second parcel.', externalRecordIds: [ids.order] } },
  'screen-pop': { channel: 'VOICE', address: '+44 7700 900123' },
  search: { query: 'Ada' },
  stats: { by: ['CHANNEL'], range: { from: after(-14 * 86_400_000), to: now() }, figure: 'MESSAGES_IN' },
  timeline: { customerId: ids.customer },
});
