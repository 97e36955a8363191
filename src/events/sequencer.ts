// Gives committed events their places in the log. Every process runs one; whichever calls first moves what is there (see the function
// sequence_events in migrations/). A process that stops or dies stops nothing: it holds no lock between two statements.
import { performance } from 'node:perf_hooks';
import type { Sql } from '../platform/db.ts';
import type { Bus } from './bus.ts';

/** The word of the bus that says that the log has grown. */
export const LOG_CHANNEL = 'throughline_log';

const BATCH_EVENTS_MAX = 1_000;
/** Between the beginnings of two calls, however often it is woken: what commits meanwhile goes along with the next one. */
const SPACING_MS = 4;
/** Under load a call takes longer, and the next one waits longer, up to BUSY_MS: a call costs much the same for one event and for fifty. */
const SPACING_FACTOR = 8;
/** Between two calls while there is work, or was a moment ago. */
const BUSY_MS = 20;
/** Between two calls otherwise: for processes that died between a commit and their own call. */
const IDLE_MS = 100;
const BUSY_FOR_MS = 1_000;
const RETRY_MS = 250;

export interface Sequencer {
  /** There are committed events: look now. */
  wake(): void;
  close(): Promise<void>;
}

const running = new Set<{ wake(): void; expect(): void }>();

/** Tells this process' sequencer that events were committed. Call it after the commit; without it they wait up to 20 ms. */
export function wake(): void {
  for (const sequencer of running) sequencer.wake();
}

/** Tells this process' sequencer that events are about to be committed. */
export function expectEvents(): void {
  for (const sequencer of running) sequencer.expect();
}

/**
 * Moves what waits, at most 1,000 events, to the log. Safe to call from any number of processes at once.
 * @returns how many it moved; -1 when another caller is at it.
 */
export async function sequenceOnce(system: Sql): Promise<number> {
  const [row] = await system<{ moved: number }[]>`select sequence_events(${BATCH_EVENTS_MAX}::int) as moved`;
  return row!.moved;
}

/** Moves everything that waits, by this caller or another: for commands and tests. @returns how many this caller moved. */
export async function sequenceAll(system: Sql): Promise<number> {
  for (let total = 0; ; ) {
    total += Math.max(await sequenceOnce(system), 0);
    const [row] = await system<{ waits: boolean }[]>`select exists (select from event_outbox) as waits`;
    if (!row!.waits) return total;
  }
}

/**
 * Calls `sequenceOnce` at most 20 ms apart while there is work, at once when woken, and tells every process through the bus when the log
 * has grown. Goes on through any fault of the database; `onError` hears of it.
 */
export function startSequencer(system: Sql, options: { bus?: Bus; onError?: (error: unknown) => void } = {}): Sequencer {
  let closed = false;
  let woken = false;
  let busyUntil = 0;
  let sleep: { timer: NodeJS.Timeout; until: number; end: () => void } | null = null;

  async function run(): Promise<void> {
    while (!closed) {
      const began = performance.now();
      woken = false;
      let pause = IDLE_MS;
      try {
        const moved = await sequenceOnce(system);
        if (moved > 0) options.bus?.post(LOG_CHANNEL, '');
        if (moved === BATCH_EVENTS_MAX) continue;
        if (moved !== 0) busyUntil = performance.now() + BUSY_FOR_MS;
        if (performance.now() < busyUntil) pause = BUSY_MS;
      } catch (error) {
        if (closed) return;
        options.onError?.(error);
        pause = RETRY_MS;
      }
      const spacing = Math.max(SPACING_MS, Math.min(BUSY_MS, SPACING_FACTOR * (performance.now() - began)));
      await pauseUntil(began + (woken ? spacing : pause), began + spacing);
    }
  }

  /** Ends at `until`, or when woken, but not before `earliest`. */
  async function pauseUntil(until: number, earliest: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = () => {
        if (sleep) clearTimeout(sleep.timer);
        sleep = null;
        resolve();
      };
      sleep = { timer: setTimeout(end, Math.max(until - performance.now(), 0)), until, end };
      shorten = (to) => {
        if (!sleep || to >= sleep.until) return;
        const at = Math.max(to, earliest);
        clearTimeout(sleep.timer);
        sleep = { timer: setTimeout(end, Math.max(at - performance.now(), 0)), until: at, end };
      };
      if (closed) end();
    });
  }
  let shorten: (to: number) => void = () => {};

  const sequencer = {
    wake() {
      woken = true;
      busyUntil = performance.now() + BUSY_FOR_MS;
      shorten(0);
    },
    expect() {
      busyUntil = performance.now() + BUSY_FOR_MS;
      shorten(performance.now() + BUSY_MS);
    },
  };
  running.add(sequencer);
  const finished = run();
  return {
    wake: sequencer.wake,
    async close() {
      closed = true;
      running.delete(sequencer);
      sleep?.end();
      await finished;
    },
  };
}
