// The log, live. One per process: it reads what is new once, for everybody here, and hands each event to the readers that want it.
// A reader begins in the database (backfill), goes over to the live events without a gap or a double (cut-over), and goes back to the
// database whenever it falls behind. So memory is bounded however slow a reader is, and no event is lost.
//
// The cut-over: (1) the reader attaches, and from then on every event after `head` is put into its buffer; (2) it reads pages from the
// database until one isn't full: that page was read after attaching, so it reaches at least to `head`; (3) it goes on with the buffer,
// leaving out what a page brought already.
import type { Sql } from '../platform/db.ts';
import { isConnectionLost } from '../platform/connection-lost.ts';
import type { Bus } from './bus.ts';
import type { EventKind, LogEvent } from './catalog.ts';
import { learnEpoch, logEnd, openLog, readLog, resync, type LogFilter } from './log.ts';
import { LOG_CHANNEL } from './sequencer.ts';

const FETCH_EVENTS_MAX = 1_000;
const PAGE_EVENTS = 200;
const BUFFER_EVENTS_MAX = 1_000;
/** How often it looks without being told, while the bus is up: what a lost word costs at most. */
const POLL_MS = 200;
/** The same while the bus is down: an outage costs latency, never an event. */
const POLL_WITHOUT_BUS_MS = 25;
const RETRY_MS = 200;

export interface LogStreamOptions {
  /** Sees every workspace's events: what is new is read once a process. */
  system: Sql;
  /** Backfill, under the workspace's policies. */
  app: Sql;
  bus?: Bus;
  onError?: (error: unknown) => void;
  /** Events a reader may lag behind in memory. */
  bufferEventsMax?: number;
  pageEvents?: number;
}

/** An endless, ordered run of events. `return` ends it at once, also while a `next` waits. */
export type EventReader = AsyncIterableIterator<LogEvent> & { return(): Promise<IteratorResult<LogEvent>> };

export class LogStream {
  /** The last event that was handed to attached readers. */
  private head = 0;
  private readonly workspaces = new Map<string, Readers>();
  private readonly watchers = new Set<(kinds: ReadonlySet<EventKind>) => void>();
  private running = false;
  private looking = false;
  private lookAgain = false;
  private timer: NodeJS.Timeout | null = null;
  private stopListening: (() => void)[] = [];

  constructor(private readonly options: LogStreamOptions) {}

  /** Opens the log and begins to follow it from its end. */
  async start(): Promise<void> {
    this.head = await openLog(this.options.system);
    this.running = true;
    const { bus } = this.options;
    if (bus) this.stopListening = [bus.on(LOG_CHANNEL, () => this.look()), bus.onListening(() => this.look())];
    this.look();
  }

  /** Ends every reader (their next `next` is done). */
  async close(): Promise<void> {
    this.running = false;
    for (const stop of this.stopListening) stop();
    if (this.timer) clearTimeout(this.timer);
    for (const readers of [...this.workspaces.values()]) readers.each((reader) => void reader.return());
  }

  /** Calls `then` after every batch of new events of any workspace, with the kinds in it. Returns the function that stops it. */
  onGrowth(then: (kinds: ReadonlySet<EventKind>) => void): () => void {
    this.watchers.add(then);
    return () => this.watchers.delete(then);
  }

  /**
   * The workspace's events after a position (null: from now on), in order, each once, until `signal` aborts. Survives restarts of
   * PostgreSQL. `next` throws Refusal RESYNC when the log doesn't go on from that position (the database was restored).
   */
  events(workspaceId: string, after: number | null, signal?: AbortSignal, filter: LogFilter = {}): EventReader {
    return new Reader({
      after,
      filter,
      signal,
      bufferEventsMax: this.options.bufferEventsMax ?? BUFFER_EVENTS_MAX,
      pageEvents: this.options.pageEvents ?? PAGE_EVENTS,
      attach: (reader) => {
        const readers = this.workspaces.get(workspaceId) ?? new Readers();
        this.workspaces.set(workspaceId, readers);
        readers.add(reader, filter);
        return this.head;
      },
      detach: (reader) => {
        const readers = this.workspaces.get(workspaceId);
        if (readers?.remove(reader, filter)) this.workspaces.delete(workspaceId);
      },
      page: (from, limit) => this.persist(() => readLog(this.options.app, workspaceId, from, limit, filter), signal),
      end: () => this.persist(() => logEnd(this.options.app), signal),
    });
  }

  /** Runs a read until the database answers: a restart of it is a pause, not an end. */
  private async persist<T>(read: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (;;) {
      try {
        return await read();
      } catch (error) {
        if (!isConnectionLost(error) || !this.running || signal?.aborted) throw error;
        this.options.onError?.(error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  private look(): void {
    if (!this.running) return;
    this.lookAgain = true;
    if (!this.looking) void this.follow();
  }

  private async follow(): Promise<void> {
    this.looking = true;
    if (this.timer) clearTimeout(this.timer);
    let pause = this.options.bus?.listening ? POLL_MS : POLL_WITHOUT_BUS_MS;
    try {
      while (this.lookAgain && this.running) {
        this.lookAgain = false;
        if ((await this.fetch()) === FETCH_EVENTS_MAX) this.lookAgain = true;
      }
    } catch (error) {
      if (this.running) this.options.onError?.(error);
      pause = RETRY_MS;
    }
    this.looking = false;
    if (this.running) this.timer = setTimeout(() => this.look(), pause);
  }

  private async fetch(): Promise<number> {
    const rows = await this.options.system<(LogEvent & { lastPosition: number; epoch: string })[]>`
      select l.position as last_position, l.epoch, e.*
      from log_state l
      left join lateral (
        select workspace_id, position, id, kind, conversation_id, conversation_seq, actor_kind, actor_id, data, occurred_at
        from events where position > ${this.head} order by position limit ${FETCH_EVENTS_MAX}
      ) e on true
      where l.log = 1
      order by e.position`;
    const { epoch, lastPosition } = rows[0]!;
    if (learnEpoch(epoch) || lastPosition < this.head) {
      this.head = lastPosition;
      for (const readers of [...this.workspaces.values()]) readers.each((reader) => reader.fail(resync()));
      return 0;
    }
    if (rows[0]!.position === null) return 0;
    for (const { lastPosition: _, epoch: __, ...event } of rows) {
      // Positions are dense and become visible in order; anything else would be a lost event, so better none than a wrong one.
      if (event.position !== this.head + 1) throw new Error(`The log has ${event.position} after ${this.head}.`);
      this.workspaces.get(event.workspaceId)?.hand(event);
      this.head = event.position;
    }
    const kinds = new Set(rows.map(({ kind }) => kind));
    for (const watch of this.watchers) watch(kinds);
    return rows.length;
  }
}

/** The attached readers of a workspace, found by what they want: an event costs those who want it, not those who are there. */
class Readers {
  private readonly everything = new Set<Reader>();
  private readonly byConversation = new Map<string, Set<Reader>>();

  add(reader: Reader, filter: LogFilter): void {
    this.setFor(filter).add(reader);
  }

  /** Returns whether nobody is left. */
  remove(reader: Reader, filter: LogFilter): boolean {
    const set = this.setFor(filter);
    set.delete(reader);
    if (set.size === 0 && filter.conversationId) this.byConversation.delete(filter.conversationId);
    return this.everything.size + this.byConversation.size === 0;
  }

  hand(event: LogEvent): void {
    for (const reader of this.everything) reader.take(event);
    if (event.conversationId) for (const reader of this.byConversation.get(event.conversationId) ?? []) reader.take(event);
  }

  each(action: (reader: Reader) => void): void {
    for (const set of [this.everything, ...this.byConversation.values()]) {
      for (const reader of [...set]) action(reader);
    }
  }

  private setFor(filter: LogFilter): Set<Reader> {
    if (!filter.conversationId) return this.everything;
    const set = this.byConversation.get(filter.conversationId) ?? new Set();
    this.byConversation.set(filter.conversationId, set);
    return set;
  }
}

interface ReaderOptions {
  after: number | null;
  filter: LogFilter;
  signal: AbortSignal | undefined;
  bufferEventsMax: number;
  pageEvents: number;
  attach(reader: Reader): number;
  detach(reader: Reader): void;
  page(after: number, limit: number): Promise<LogEvent[]>;
  end(): Promise<number>;
}

const DONE = { done: true, value: undefined } as const;

class Reader implements EventReader {
  /** The last event that was given out, or the position to begin after. */
  private position: number;
  private mode: 'BACKFILL' | 'LIVE' = 'BACKFILL';
  private attached = false;
  private page: LogEvent[] = [];
  private buffer: LogEvent[] = [];
  private checked = false;
  private ended = false;
  private error: Error | null = null;
  private rouse: () => void = () => {};
  private readonly onAbort = () => void this.return();

  constructor(private readonly options: ReaderOptions) {
    if (options.after === null) {
      this.position = this.attach();
      this.mode = 'LIVE';
      this.checked = true;
    } else {
      this.position = options.after;
    }
    if (options.signal?.aborted) void this.return();
    else options.signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<LogEvent>> {
    for (;;) {
      if (this.error) {
        const error = this.error;
        this.error = null;
        await this.return();
        throw error;
      }
      if (this.ended) return DONE;
      const event = this.page.shift() ?? (this.mode === 'LIVE' ? this.buffer.shift() : undefined);
      if (event) {
        if (event.position <= this.position) continue;
        this.position = event.position;
        return { done: false, value: event };
      }
      if (this.mode === 'BACKFILL') await this.read();
      else await new Promise<void>((resolve) => (this.rouse = resolve));
    }
  }

  /** Ends it at once; a waiting `next` is done. */
  async return(): Promise<IteratorResult<LogEvent>> {
    this.ended = true;
    this.options.signal?.removeEventListener('abort', this.onAbort);
    this.detach();
    this.page = [];
    this.rouse();
    return DONE;
  }

  /** The stream hands it an event. When it lags too far behind, it lets go of the stream and reads on from the database. */
  take(event: LogEvent): void {
    const { filter } = this.options;
    if (filter.kinds && !filter.kinds.includes(event.kind)) return;
    if (this.buffer.length >= this.options.bufferEventsMax) {
      this.detach();
      this.mode = 'BACKFILL';
    } else {
      this.buffer.push(event);
    }
    this.rouse();
  }

  fail(error: Error): void {
    this.error = error;
    this.rouse();
  }

  private async read(): Promise<void> {
    const { pageEvents } = this.options;
    if (!this.checked) {
      // A position that the log never reached was given by a database that has since lost its end.
      if (this.position > (await this.options.end())) throw resync();
      this.checked = true;
    }
    const wasAttached = this.attached;
    this.page = await this.options.page(this.position, pageEvents);
    if (this.page.length === pageEvents || this.ended) return;
    // The first page that isn't full may have missed what came while it was read; so attach, and read once more.
    if (!wasAttached) this.attach();
    else if (this.attached) this.mode = 'LIVE';
  }

  private attach(): number {
    this.attached = true;
    return this.options.attach(this);
  }

  private detach(): void {
    if (!this.attached) return;
    this.attached = false;
    this.buffer = [];
    this.options.detach(this);
  }
}
