// Durable readers of the log: what must happen because something happened (routing, timers, counts). Each consumer sees every event of
// every workspace once, in order; its effects and its position are committed together, so a crash in between undoes both.
import { now } from '../platform/clock.ts';
import type { Sql, Tx } from '../platform/db.ts';
import { isConnectionLost } from '../platform/connection-lost.ts';
import type { EventKind, LogEvent } from './catalog.ts';
import { logEnd } from './log.ts';
import { wake } from './sequencer.ts';
import type { LogStream } from './stream.ts';

const PAGE_EVENTS = 200;
/** How many events are looked through for a page of those that are wanted. */
const WINDOW_EVENTS = 5_000;
const TRIES = 5;
const RETRY_MS = 100;
/** When another process is at it, or nothing was said: how often to look. */
const POLL_MS = 500;
/** A process that stops in the middle of an event keeps the consumer for this long, then its transaction is ended. */
const STOPPED_AFTER_MS = 10_000;

export interface Consumer {
  /** Its name for ever: the position is kept under it. */
  name: string;
  /** Which events it wants; the others are passed over without a transaction. */
  kinds: readonly EventKind[];
  /**
   * SQL over an event `e` that says whether it may still want it, as things are now: what it doesn't is passed over as well, a page at once.
   * What comes to satisfy it later is looked at with the next event.
   */
  wants?: (sql: Sql) => ReturnType<Sql>;
  /**
   * In a transaction of the event's workspace, under the app role. Write effects so that the event's id keys them where they leave the
   * database. What it throws is tried again, 5 times in all; then the event is set aside (`consumer_failures`) and the rest goes on.
   */
  handle(tx: Tx, event: LogEvent): Promise<void>;
}

export interface ConsumersOptions {
  app: Sql;
  system: Sql;
  stream: LogStream;
  onError?: (error: unknown, consumer: string, event: LogEvent | null) => void;
  retryMs?: number;
}

/** Runs the consumers in this process. Any number of processes may: of each consumer, one event is at work at a time. */
export function startConsumers(consumers: readonly Consumer[], options: ConsumersOptions): { close(): Promise<void> } {
  const runners = consumers.map((consumer) => run(consumer, options));
  return {
    async close() {
      await Promise.all(runners.map((runner) => runner.close()));
    },
  };
}

/** Makes a declaration: a consumer's file exports one of these. */
export const consumer = (declared: Consumer): Consumer => declared;

/** BUSY: another process is at it. MOVED: the consumer is elsewhere already (another process, or a commit whose answer was lost). */
type Outcome = 'TAKEN' | 'MOVED' | 'BUSY';

function run(consumer: Consumer, options: ConsumersOptions): { close(): Promise<void> } {
  const { system, stream, onError } = options;
  const tries = new Map<number, number>();
  let closed = false;
  let grown = true;
  let rouse: () => void = () => {};
  const stopWatching = stream.onGrowth(() => {
    grown = true;
    rouse();
  });

  async function work(): Promise<void> {
    while (!closed) {
      grown = false;
      let more = false;
      try {
        more = await takePage();
      } catch (error) {
        if (closed) return;
        onError?.(error, consumer.name, null);
        await pause(options.retryMs ?? RETRY_MS);
        continue;
      }
      if (!more && !grown) await pause(POLL_MS, true);
    }
  }

  /** Handles the next events. Returns whether there may be more at once. */
  async function takePage(): Promise<boolean> {
    const position = await positionOf(system, consumer.name);
    // Read before the page: the page then reaches at least to it.
    const end = Math.min(await logEnd(system), position + WINDOW_EVENTS);
    if (position >= end) return false;
    const page = await system<LogEvent[]>`
      select workspace_id, position, id, kind, conversation_id, conversation_seq, actor_kind, actor_id, data, occurred_at
      from events e where position > ${position} and position <= ${end} and kind = any(${consumer.kinds as string[]}::text[])
        ${consumer.wants ? system`and ${consumer.wants(system)}` : system``}
      order by position limit ${PAGE_EVENTS}`;
    let from = position;
    for (const event of page) {
      if (closed) return false;
      const outcome = await take(event, from);
      if (outcome !== 'TAKEN') return outcome === 'MOVED';
      from = event.position;
    }
    if (page.length < PAGE_EVENTS && from < end) await passTo(end, from);
    return true;
  }

  async function take(event: LogEvent, from: number): Promise<Outcome> {
    for (;;) {
      try {
        return await handled(event, from);
      } catch (error) {
        onError?.(error, consumer.name, event);
        if (closed) return 'BUSY';
        // An outage isn't the event's fault.
        if (!isConnectionLost(error)) {
          const tried = (tries.get(event.position) ?? 0) + 1;
          tries.set(event.position, tried);
          if (tried >= TRIES) {
            tries.delete(event.position);
            return setAside(event, from, error);
          }
        }
        await pause((options.retryMs ?? RETRY_MS) * 2 ** (tries.get(event.position) ?? 0));
      }
    }
  }

  async function handled(event: LogEvent, from: number): Promise<Outcome> {
    const outcome = await alone(event.workspaceId, from, event.position, async (tx) => consumer.handle(tx, event));
    tries.delete(event.position);
    if (outcome === 'TAKEN') wake();
    return outcome;
  }

  async function setAside(event: LogEvent, from: number, error: unknown): Promise<Outcome> {
    return alone(event.workspaceId, from, event.position, async (tx) => {
      await tx`
        insert into consumer_failures (consumer, workspace_id, position, error, failed_at)
        values (${consumer.name}, ${event.workspaceId}, ${event.position}, ${reasonOf(error)}, ${now()})
        on conflict (consumer, workspace_id, position) do update set error = excluded.error, failed_at = excluded.failed_at`;
    });
  }

  const passTo = (to: number, from: number): Promise<Outcome> => alone(null, from, to, async () => {});

  /**
   * Moves the consumer from one position to another together with the effects of `act`, unless somebody else has it or moved it.
   * The lock belongs to the transaction: it ends with the process that holds it, or `STOPPED_AFTER_MS` after that process stopped.
   */
  async function alone(workspaceId: string | null, from: number, to: number, act: (tx: Tx) => Promise<void>): Promise<Outcome> {
    return (await options.app.begin(async (tx) => {
      const [lock] = await tx<{ mine: boolean }[]>`
        select pg_try_advisory_xact_lock(hashtextextended(${`consumer ${consumer.name}`}, 0)) as mine,
          set_config('app.workspace_id', ${workspaceId ?? ''}, true),
          set_config('idle_in_transaction_session_timeout', ${String(STOPPED_AFTER_MS)}, true)`;
      if (!lock!.mine) return 'BUSY';
      const moved = await tx`
        update consumers set position = ${to}, updated_at = ${now()} where name = ${consumer.name} and position = ${from}`;
      if (moved.count === 0) return 'MOVED';
      await act(tx);
      return 'TAKEN';
    })) as Outcome;
  }

  async function pause(ms: number, untilGrown = false): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      const end = () => {
        clearTimeout(timer);
        resolve();
      };
      stopPausing = end;
      if (untilGrown) rouse = end;
      if (closed) end();
    });
    rouse = () => {};
  }
  let stopPausing: () => void = () => {};

  const finished = work();
  return {
    async close() {
      closed = true;
      stopWatching();
      stopPausing();
      await finished;
    },
  };
}

/** The consumer's position; it begins before the log's first event. */
async function positionOf(system: Sql, name: string): Promise<number> {
  const [row] = await system<{ position: number }[]>`select position from consumers where name = ${name}`;
  if (row) return row.position;
  await system`insert into consumers (name, position, updated_at) values (${name}, 0, ${now()}) on conflict (name) do nothing`;
  return 0;
}

/** For people who repair it. Its class and code only: a database's message may quote a row. */
function reasonOf(error: unknown): string {
  const { name, code, message } = error as { name?: string; code?: string; message?: string };
  return code && /^[0-9A-Z]{5}$/.test(code) ? `${name} ${code}` : `${name}: ${String(message).slice(0, 500)}`;
}
