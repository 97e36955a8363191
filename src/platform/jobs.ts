// Work that is done later or again: graphile-worker on the same database. A job is added in the transaction that wants it, so it exists
// exactly when the transaction commits; it runs at least once, so what it does must be repeatable or guarded by its own rows.
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Logger as JobLogger, run, type Runner, type WorkerEvents } from 'graphile-worker';
// eslint-disable-next-line no-restricted-imports -- graphile-worker's driver; nothing else speaks by it.
import pg from 'pg';
import { nowMs } from './clock.ts';
import type { Sql, Tx } from './db.ts';
import { openPool } from './db.ts';
import { describeError, type Logger } from './log.ts';
import { watchSilence } from './silence.ts';

export interface JobOptions {
  /** RFC 3339; default: at once. */
  runAt?: string;
  /** A waiting job with the same key is replaced. One that already runs is left to finish, and this one runs after it. */
  jobKey?: string;
  /** Default 25: the waits between tries grow to about six hours. */
  maxAttempts?: number;
}

/** Adds a job when `tx` commits. `payload` holds ids, never text or addresses: jobs are not reached by an erase. */
export async function enqueue(tx: Tx | Sql, task: string, payload: Record<string, unknown>, options: JobOptions = {}): Promise<void> {
  await tx`select enqueue_job(${task}, ${JSON.stringify(payload)}::text::json, ${options.runAt ?? null}::timestamptz,
    ${options.jobKey ?? null}, ${options.maxAttempts ?? null}::int)`;
}

export interface JobRun {
  id: string;
  /** 1 for the first try. */
  attempt: number;
  /** When this try throws, there is no other: leave the state that a person should see. */
  lastAttempt: boolean;
  /** Aborted when the process must end before the job did. */
  signal: AbortSignal;
}

export type Task = (payload: Record<string, unknown>, job: JobRun) => Promise<void>;

export interface WorkerOptions {
  /** The login; it acts as throughline_system. */
  url: string;
  tasks: Record<string, Task>;
  /** Jobs at the same time. */
  concurrency: number;
  log: Logger;
  /** How often the queue is read even if no notice came. */
  pollMs?: number;
}

export interface Workers {
  /**
   * Takes no new job, waits at most `graceMs` (default 8 s) for those that run, then aborts their signals. A job that still doesn't end is
   * left: once this process is gone another one runs it again.
   */
  stop(graceMs?: number): Promise<void>;
}

/** Jobs that run in this process, or ran a moment ago: id -> when it ended (Unix milliseconds); null while it runs. */
type Present = Map<string, number | null>;

const BEAT_MS = 2_000;
/** A job that was taken and isn't here after this was taken for nobody: the answer that told of it was lost. */
const TAKEN_MS_MAX = 10_000;
/** What a task has, after its signal was aborted, to write down what it knows. */
const ABORT_MS = 500;
/** What the workers have, once no job runs and none is taken, to end their statements. */
const LAST_STATEMENTS_MS = 2_000;
const CONNECT_MS_MAX = 10_000;
const STATEMENT_MS_MAX = 30_000;
const APPLICATION_NAME = 'throughline jobs';

/** Starts taking jobs, and starts again whenever the connection to Postgres was lost. */
export async function startWorkers(options: WorkerOptions): Promise<Workers> {
  const { log } = options;
  let stopping = false;
  let wake = (): void => {};
  const ending = new AbortController();
  const pools = new Set<string>();
  const present: Present = new Map();
  const login = new URL(options.url);
  login.searchParams.set('options', '-c role=throughline_system');
  login.searchParams.set('application_name', APPLICATION_NAME);

  const start = async (): Promise<Runner> => {
    const pool = new JobPool(options.url, login.href, options.concurrency + 3, log);
    const events = new EventEmitter() as WorkerEvents;
    const own: string[] = [];
    events.on('pool:create', ({ workerPool }) => {
      own.push(workerPool.id);
      pools.add(workerPool.id);
    });
    const shutDown = new Promise<void>((resolve) => {
      for (const event of ['pool:gracefulShutdown:complete', 'pool:forcefulShutdown:complete', 'pool:forcefulShutdown:error'] as const) events.on(event, () => resolve());
    });
    const started = await run({
      pgPool: pool,
      taskList: Object.fromEntries(Object.entries(options.tasks).map(([name, task]) => [name, guarded(name, task, ending.signal, present, log)])),
      concurrency: options.concurrency,
      pollInterval: options.pollMs ?? 1_000,
      noHandleSignals: true,
      parsedCronItems: [],
      // Without a batch nobody awaits the statement that ends a job (graphile-worker 0.17.3, worker.js): if its connection is lost the process dies of an
      // unhandled rejection, and the job stays locked by a pool that lives. A batch ends the pool instead, and it is started again.
      preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
      logger: toLog(log),
      events,
    }).catch((error: unknown) => {
      release(pool);
      throw error;
    });
    // When two batches fail at once, as in a crash of PostgreSQL, its pool waits for a third that there never was (graphile-worker 0.17.3, main.js: `allgood` counts
    // down for each, `holdup` up once), and nobody took a job any more. All that is to be waited for by then are its last statements.
    const over = Promise.race([started.promise, shutDown.then(() => within(LAST_STATEMENTS_MS, started.promise))]);
    return Object.assign(started, {
      promise: over.then(() => {}).finally(() => {
        for (const id of own) pools.delete(id);
        release(pool);
      }),
    });
  };

  let runner = await start();
  const supervised = (async () => {
    while (!stopping) {
      await runner.promise.catch(() => {});
      while (!stopping) {
        log.warn('the job workers stopped; starting them again');
        const restarted = await start().catch((error: unknown) => void log.warn({ err: error }, 'the job workers could not start'));
        if (restarted) {
          runner = restarted;
          // It was asked to stop meanwhile, and the one before was told.
          if (stopping) await runner.stop().catch(() => {});
          break;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, 1_000);
        });
      }
    }
  })();
  const watch = watchOver(options.url, pools, present, log);

  return {
    async stop(graceMs = 8_000) {
      if (stopping) return;
      stopping = true;
      wake();
      const stopped = runner.stop().catch(() => {}).then(() => supervised);
      if (!(await within(graceMs, stopped))) {
        ending.abort();
        await within(ABORT_MS, stopped);
      }
      await watch.stop();
    },
  };
}

/**
 * graphile-worker's connections. Its own pool takes the listeners away before its connections have ended (0.17.3, lib.js), and it gives the one that
 * listens back twice when that is lost while it stops (main.js): either ended the process.
 */
class JobPool extends pg.Pool {
  constructor(url: string, connectionString: string, max: number, log: Logger) {
    super({ connectionString, max, connectionTimeoutMillis: CONNECT_MS_MAX, keepAlive: true, statement_timeout: STATEMENT_MS_MAX });
    const onLost = (error: Error): void => log.debug({ err: error }, 'a connection of the job workers was lost');
    this.on('error', onLost);
    this.on('connect', (client) => {
      client.on('error', onLost);
      const { connection, processID } = client as unknown as { connection: { stream: Socket }; processID: number };
      watchSilence(connection.stream, { url, applicationName: APPLICATION_NAME, statementTimeoutMs: STATEMENT_MS_MAX }, { pid: processID });
    });
  }
  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<pg.PoolClient> | void {
    if (!callback) return super.connect();
    super.connect((error, client, release: Release | undefined) => {
      let isReleased = false;
      callback(error, client, (lost) => {
        if (!isReleased) release?.(lost);
        isReleased = true;
      });
    });
  }
}
type Release = (lost?: boolean | Error) => void;
type Connected = (error: Error | undefined, client: pg.PoolClient | undefined, release: Release) => void;

/** Not waited for: a connection that is being made, to a server that doesn't answer, must not hold up the next start. */
const release = (pool: pg.Pool): void => void pool.end().catch(() => {});

/** Whether `promise` ended within the time. */
async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(resolve, ms, false)));
  const inTime = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return inTime;
}

/**
 * graphile-worker gives the jobs of a killed process back after four hours. Here every pool of workers holds an advisory lock for as long
 * as its process lives; whoever finds jobs of a pool whose lock is free gives them back. Ten seconds cover a pool that has just begun. So does a
 * process with jobs of its own pools that it doesn't run: they were taken by a statement whose answer was lost with its connection.
 */
function watchOver(url: string, pools: ReadonlySet<string>, present: Present, log: Logger): { stop(): Promise<void> } {
  const sql = openPool({ url, role: 'throughline_system', max: 1, applicationName: 'throughline jobs watch' });
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const beat = async (): Promise<void> => {
    try {
      // Again at every beat: the lock went with the session if the connection was lost.
      for (const pool of pools) await sql`select pg_try_advisory_lock(hashtextextended(${pool}, 0))`;
      // By the database's clock, since graphile-worker wrote `locked_at` by it.
      const holders = await sql<{ lockedBy: string }[]>`
        select locked_by from graphile_worker._private_jobs where locked_at < statement_timestamp() - interval '10 seconds'
        union select locked_by from graphile_worker._private_job_queues where locked_at < statement_timestamp() - interval '10 seconds'`;
      for (const { lockedBy } of holders) if (!pools.has(lockedBy)) await releaseIfDead(sql, lockedBy, log);
      await releaseAbsent(sql, pools, present, log);
    } catch (error) {
      if (!stopped) log.debug({ err: error }, 'jobs of stopped processes could not be looked for');
    }
    if (!stopped) timer = setTimeout(beating, BEAT_MS);
  };
  let current = Promise.resolve();
  const beating = (): void => void (current = beat());
  beating();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await current;
      await sql.end({ timeout: 1 });
    },
  };
}

async function releaseIfDead(sql: Sql, pool: string, log: Logger): Promise<void> {
  await sql.begin(async (tx) => {
    const [{ free }] = await tx<[{ free: boolean }]>`select pg_try_advisory_xact_lock(hashtextextended(${pool}, 0)) as free`;
    if (!free) return;
    await tx`select graphile_worker.force_unlock_workers(array[${pool}])`;
    log.warn({ pool }, 'gave back the jobs of a process that ended');
  });
}

async function releaseAbsent(sql: Sql, pools: ReadonlySet<string>, present: Present, log: Logger): Promise<void> {
  for (const [id, endedAt] of present) if (endedAt !== null && endedAt < nowMs() - TAKEN_MS_MAX) present.delete(id);
  const released = await sql`
    update graphile_worker._private_jobs set locked_at = null, locked_by = null
    where locked_by = any(${[...pools]}::text[]) and locked_at < statement_timestamp() - ${`${TAKEN_MS_MAX} milliseconds`}::interval
      and id <> all(${[...present.keys()]}::int8[]) returning id`;
  if (released.length > 0) log.warn({ jobs: released.length }, 'gave back jobs that were taken for nobody');
}

/** What a task throws is logged scrubbed; the queue's `last_error` gets its type and code only, since no erase looks there. */
const guarded =
  (name: string, task: Task, signal: AbortSignal, present: Present, log: Logger) =>
  async (payload: unknown, { job }: { job: { id: string; attempts: number; max_attempts: number } }) => {
    const of: JobRun = {
      id: String(job.id),
      attempt: job.attempts,
      lastAttempt: job.attempts >= job.max_attempts,
      signal,
    };
    present.set(of.id, null);
    try {
      await task(payload as Record<string, unknown>, of);
    } catch (error) {
      const { type, code } = describeError(error);
      log[of.lastAttempt ? 'error' : 'warn']({ task: name, job: of.id, attempt: of.attempt, lastAttempt: of.lastAttempt, err: error }, 'a job failed');
      throw new Error([type, code].filter(Boolean).join(' '));
    } finally {
      present.set(of.id, nowMs());
    }
  };

/** graphile-worker's messages name jobs and times; its meta data holds payloads and is left out. */
const toLog = (log: Logger): JobLogger =>
  new JobLogger(() => (level, text) => log[level === 'error' || level === 'warning' ? 'warn' : 'debug']({ source: 'graphile-worker', event: text }, 'jobs'));

/** For migrations: says nothing. */
export const quietJobLogger = (): JobLogger => new JobLogger(() => () => {});
