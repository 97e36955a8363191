import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { inWorkspace } from '../../src/platform/db.ts';
import { enqueue, startWorkers, type JobRun, type Task, type Workers } from '../../src/platform/jobs.ts';
import { createLog } from '../../src/platform/log.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let workspaceId: string;
const lines: string[] = [];
const log = createLog({ level: 'debug', destination: { write: (line) => void lines.push(line) } });
const started: Workers[] = [];

beforeAll(async () => {
  db = await testDatabase();
  ({ id: workspaceId } = await db.workspace());
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((workers) => workers.stop(100)));
  await db.owner`delete from graphile_worker._private_jobs`;
});
afterAll(() => db.close());

const work = async (tasks: Record<string, Task>): Promise<Workers> => {
  const workers = await startWorkers({ url: db.url, tasks, concurrency: 2, log, pollMs: 100 });
  started.push(workers);
  return workers;
};

/** A task that gives its calls one after another, and fails where `fails` says so. */
function recorded(fails: (run: JobRun) => boolean = () => false): { task: Task; next(): Promise<[Record<string, unknown>, JobRun]> } {
  const calls: [Record<string, unknown>, JobRun][] = [];
  const waiting: ((call: [Record<string, unknown>, JobRun]) => void)[] = [];
  return {
    task: async (payload, run) => {
      const take = waiting.shift();
      if (take) take([payload, run]);
      else calls.push([payload, run]);
      if (fails(run)) throw Object.assign(new Error('could not write to ada@example.com'), { code: 'EPROVIDER' });
    },
    next: () => new Promise((done) => (calls.length ? done(calls.shift()!) : waiting.push(done))),
  };
}

async function eventually<T>(probe: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    await new Promise((done) => setTimeout(done, 50));
  }
}

test('a job exists exactly when its transaction commits', async () => {
  const task = recorded();
  await work({ send: task.task });
  await expect(
    inWorkspace(db.app, workspaceId, async (tx) => {
      await enqueue(tx, 'send', { messageId: 'rolled back' });
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  await inWorkspace(db.app, workspaceId, (tx) => enqueue(tx, 'send', { messageId: 'committed' }));
  const [payload, run] = await task.next();
  expect(payload).toEqual({ messageId: 'committed' });
  expect(run).toMatchObject({ attempt: 1, lastAttempt: false });
});

test('the application adds jobs and sees none', async () => {
  await enqueue(db.app, 'later', { secret: 1 }, { runAt: '2099-01-01T00:00:00.000Z' });
  await expect(db.app`select * from graphile_worker._private_jobs`).rejects.toMatchObject({ code: '42501' });
  expect(await db.system`select task_identifier from graphile_worker.jobs`).toEqual([{ taskIdentifier: 'later' }]);
});

test('a job with the key of one that waits replaces it', async () => {
  const options = { jobKey: 'wake conversation 1', runAt: '2099-01-01T00:00:00.000Z' };
  await enqueue(db.app, 'wake', { n: 1 }, options);
  await enqueue(db.app, 'wake', { n: 2 }, { ...options, runAt: '2099-02-01T00:00:00.000Z' });
  const rows = await db.owner`select payload->>'n' as n, run_at from graphile_worker._private_jobs`;
  expect(rows).toEqual([{ n: '2', runAt: '2099-02-01T00:00:00.000Z' }]);
});

test('a task that throws is tried again, the last try knows that it is, and the dead job says why without personal values', async () => {
  const task = recorded(() => true);
  await work({ fail: task.task });
  await enqueue(db.app, 'fail', {}, { maxAttempts: 2 });
  expect((await task.next())[1]).toMatchObject({ attempt: 1, lastAttempt: false });
  // Its wait is over: nobody has to sit through it.
  await eventually(async () => (await db.owner`update graphile_worker._private_jobs set run_at = '2000-01-01' where locked_at is null and attempts = 1 returning id`)[0]);
  expect((await task.next())[1]).toMatchObject({ attempt: 2, lastAttempt: true });
  const dead = await eventually(async () => (await db.owner`select last_error, attempts from graphile_worker._private_jobs where attempts = max_attempts and locked_at is null`)[0]);
  expect(dead).toEqual({ lastError: 'Error EPROVIDER', attempts: 2 });
  expect(lines.join('')).not.toContain('ada@example.com');
  expect(lines.join('')).toContain('a job failed');
});

test('stopping waits for what runs', async () => {
  let finish = (): void => {};
  const finished = new Promise<void>((done) => (finish = done));
  const begun = recorded();
  const workers = await work({
    slow: async (payload, run) => {
      await begun.task(payload, run);
      await finished;
    },
  });
  await enqueue(db.app, 'slow', {});
  await begun.next();
  const stopped = workers.stop(5_000);
  finish();
  await stopped;
  expect(await db.owner`select from graphile_worker._private_jobs`).toHaveLength(0);
});

test('a job that does not end in time is aborted and left for another process', async () => {
  const begun = recorded();
  let aborted: AbortSignal | undefined;
  const workers = await work({
    endless: async (payload, run) => {
      aborted = run.signal;
      await begun.task(payload, run);
      await new Promise(() => {});
    },
  });
  await enqueue(db.app, 'endless', {});
  await begun.next();
  await workers.stop(200);
  expect(aborted!.aborted).toBe(true);
  expect(await db.owner`select from graphile_worker._private_jobs where attempts < max_attempts`).toHaveLength(1);
});

test('the jobs of a process that was killed are given back, those of one that lives are not', async () => {
  const [dead, alive] = [`pool-${randomUUID()}`, `pool-${randomUUID()}`];
  for (const pool of [dead, alive]) {
    await enqueue(db.app, 'taken', { pool });
    await db.owner`update graphile_worker._private_jobs set locked_by = ${pool}, locked_at = statement_timestamp() - interval '1 minute', attempts = 1 where locked_by is null`;
  }
  const living = await db.owner.reserve();
  await living`select pg_advisory_lock(hashtextextended(${alive}, 0))`;
  const task = recorded();
  await work({ taken: task.task });
  expect((await task.next())[0]).toEqual({ pool: dead });
  expect(await db.owner`select locked_by from graphile_worker._private_jobs where locked_by = ${alive}`).toHaveLength(1);
  await living`select pg_advisory_unlock_all()`;
  living.release();
  expect((await task.next())[0]).toEqual({ pool: alive });
});

test('a job that was taken by a statement whose answer was lost is given back, one that runs is not', { timeout: 30_000 }, async () => {
  const task = recorded();
  let finish = (): void => {};
  let runs = 0;
  await work({ send: task.task, long: () => new Promise<void>((resolve) => { runs++; finish = resolve; }) });
  await inWorkspace(db.app, workspaceId, (tx) => enqueue(tx, 'long', {}));
  const pool = await eventually(async () => (await db.owner<{ lockedBy: string }[]>`select locked_by from graphile_worker._private_jobs where locked_by is not null`)[0]?.lockedBy);
  await inWorkspace(db.app, workspaceId, (tx) => enqueue(tx, 'send', { messageId: 'taken' }, { runAt: '2099-01-01T00:00:00.000Z' }));
  // As it stands when the pool has taken it and never heard so; the other one runs for as long.
  await db.owner`update graphile_worker._private_jobs set locked_by = ${pool}, locked_at = now() - interval '11 seconds', run_at = now()`;
  expect(await task.next()).toMatchObject([{ messageId: 'taken' }, { attempt: 1 }]);
  expect(runs).toBe(1);
  finish();
});

test('after the connections were cut, jobs are taken again', async () => {
  const task = recorded();
  await work({ after: task.task });
  await enqueue(db.app, 'after', { n: 1 });
  await task.next();
  await db.owner`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'throughline jobs%'`;
  await enqueue(db.app, 'after', { n: 2 });
  expect((await task.next())[0]).toEqual({ n: 2 });
});

test('connections that are cut while the workers stop harm nobody', async () => {
  for (let n = 0; n < 12; n++) {
    const task = recorded();
    const workers = await work({ after: task.task });
    await enqueue(db.app, 'after', { n });
    await task.next();
    await Promise.all([
      workers.stop(),
      db.owner`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'throughline jobs'`,
    ]);
  }
});

for (const end of ['succeeded', 'failed'] as const) {
  test(`when the connection is lost while it is written down that a job ${end}, the process goes on and the job is run again`, { timeout: 60_000 }, async () => {
    const runs: number[] = [];
    let free = (): void => {};
    const once = new Promise<void>((resolve) => (free = resolve));
    let held: Promise<unknown> = Promise.resolve();
    await work({
      send: async () => {
        runs.push(runs.length);
        if (runs.length > 1) return;
        // The row is held, so that the statement that ends the job waits and its backend can be ended meanwhile.
        let isHeld = (): void => {};
        const holding = new Promise<void>((resolve) => (isHeld = resolve));
        held = db.owner.begin(async (tx) => {
          await tx`select from graphile_worker._private_jobs for update`;
          isHeld();
          await once;
        });
        await holding;
        if (end === 'failed') throw new Error('no');
      },
    });
    await inWorkspace(db.app, workspaceId, (tx) => enqueue(tx, 'send', { messageId: 'm' }));
    await eventually(async () => {
      const ended = await db.owner`
        select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'throughline jobs' and datname = current_database() and wait_event_type = 'Lock' and query like '%_private_jobs%'`;
      return ended.length > 0 ? true : undefined;
    });
    free();
    await held;
    await eventually(async () => ((await db.owner`select from graphile_worker._private_jobs`).length === 0 ? true : undefined));
    expect(runs.length).toBe(2);
  });
}

test('when the connections are lost while it is written down that several jobs ended, the jobs are run again, and others after them', { timeout: 60_000 }, async () => {
  const runs: string[] = [];
  let free = (): void => {};
  const once = new Promise<void>((resolve) => (free = resolve));
  let isHeld = (): void => {};
  const holding = new Promise<void>((resolve) => (isHeld = resolve));
  await work({
    send: async ({ messageId }) => {
      runs.push(messageId as string);
      if (runs.length > 2) return;
      await holding;
      // Each is written down by a statement of its own.
      await new Promise((resolve) => setTimeout(resolve, 30 * runs.indexOf(messageId as string)));
    },
  });
  for (const messageId of ['a', 'b']) await enqueue(db.app, 'send', { messageId });
  await eventually(async () => (runs.length === 2 ? true : undefined));
  const held = db.owner.begin(async (tx) => {
    await tx`select from graphile_worker._private_jobs for update`;
    isHeld();
    await once;
  });
  await eventually(async () => {
    const [row] = await db.owner<{ n: number }[]>`
      select count(*)::int as n from pg_stat_activity where application_name = 'throughline jobs' and datname = current_database() and wait_event_type = 'Lock' and query like '%_private_jobs%'`;
    return row!.n === 2 ? true : undefined;
  });
  await db.owner`
    select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'throughline jobs' and datname = current_database() and wait_event_type = 'Lock' and query like '%_private_jobs%'`;
  free();
  await held;
  await eventually(async () => ((await db.owner`select from graphile_worker._private_jobs`).length === 0 ? true : undefined));
  expect(runs.sort()).toEqual(['a', 'a', 'b', 'b']);
  await enqueue(db.app, 'send', { messageId: 'c' });
  await eventually(async () => (runs.includes('c') ? true : undefined));
});
