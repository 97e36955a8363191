// Short words between processes, by LISTEN and NOTIFY: "the log has grown", "Ada types". Nothing that must arrive: what is heard late or
// never costs latency, since whoever listens looks for itself as well.
// NOTIFY takes a lock of the whole server at commit (7,891 commits/s without it, 1,966 with it), so it is never part of a writing
// transaction: words are gathered for a few milliseconds and sent together, in a statement of their own.
import postgres from 'postgres';
import type { Sql } from '../platform/db.ts';

/** At most one statement of NOTIFYs in this time. */
const GATHER_MS = 10;
/** PostgreSQL takes payloads shorter than 8,000 bytes. */
const PAYLOAD_BYTES_MAX = 7_900;
/** Words that wait while the database can't be reached; the oldest are dropped beyond it. */
const WAITING_MAX = 1_000;
const RECONNECT_MS = 200;
/** How often the listening connection is asked whether it lives: it says nothing else, and only what is asked is missed (platform/silence.ts). */
const BEAT_MS = 5_000;

export interface Bus {
  /** Calls `hear` for every word posted on the channel by any process, this one included. Returns the function that stops it. */
  on(channel: string, hear: (word: string) => void): () => void;
  /**
   * Sends `word` soon (≤ 10 ms) to every process; equal words waiting at once become one. No line breaks, at most 7,900 bytes.
   * @throws RangeError when it is too long or has a line break.
   */
  post(channel: string, word: string): void;
  /** Whether words arrive at present. */
  readonly listening: boolean;
  /** Calls `then` whenever the bus begins to listen (again): what was said before may be lost. */
  onListening(then: () => void): () => void;
  close(): Promise<void>;
}

/** One a process. Opens one connection of its own beside the pool and opens it again when it is lost. */
export function openBus(sql: Sql, onError: (error: unknown) => void = () => {}): Bus {
  const hearers = new Map<string, Set<(word: string) => void>>();
  const starters = new Set<() => void>();
  const waiting = new Map<string, Set<string>>();
  let waitingCount = 0;
  let client: postgres.Sql | null = null;
  let listening = false;
  let closed = false;
  let reconnecting: NodeJS.Timeout | null = null;
  let flushing: NodeJS.Timeout | null = null;
  let sending: Promise<void> | null = null;

  connect();
  const beating = setInterval(() => void (listening && client && beat(client)), BEAT_MS).unref();

  function connect(): void {
    reconnecting = null;
    if (closed) return;
    // The pool's own options, as postgres.js itself opens its listening connection; that one gives up after a failed attempt.
    const options = {
      ...sql.options,
      max: 1,
      idle_timeout: null,
      max_lifetime: null,
      onnotify: hear,
      onclose: () => lost(mine),
    };
    const mine = postgres(options as unknown as postgres.Options<Record<string, never>>);
    client = mine;
    listenAll(mine).catch((error: unknown) => {
      if (!closed) onError(error);
      lost(mine);
    });
  }

  async function listenAll(mine: postgres.Sql): Promise<void> {
    await mine`select 1`;
    for (const channel of hearers.keys()) await mine`listen ${mine(channel)}`;
    if (client !== mine || closed) return;
    listening = true;
    for (const then of starters) then();
  }

  let isAsked = false;
  async function beat(mine: postgres.Sql): Promise<void> {
    if (isAsked) return;
    isAsked = true;
    await mine`select 1`.catch(() => lost(mine));
    isAsked = false;
  }

  function lost(mine: postgres.Sql): void {
    if (client !== mine) return;
    client = null;
    listening = false;
    mine.end({ timeout: 0 }).catch(() => {});
    if (!closed) reconnecting ??= setTimeout(connect, RECONNECT_MS);
  }

  function hear(channel: string, payload: string): void {
    for (const word of payload.split('\n')) {
      for (const hearer of hearers.get(channel) ?? []) hearer(word);
    }
  }

  function flush(): void {
    flushing = null;
    const payloads: { channel: string; payload: string }[] = [];
    for (const [channel, words] of waiting) {
      for (const payload of packed(words)) payloads.push({ channel, payload });
    }
    waiting.clear();
    waitingCount = 0;
    // One statement at a time: a slow database gathers more words instead of more statements.
    sending = sql`
      select pg_notify(n.channel, n.payload)
      from jsonb_to_recordset(${JSON.stringify(payloads)}::text::jsonb) as n (channel text, payload text)`
      .then(() => {}, (error: unknown) => {
        if (!closed) onError(error);
      })
      .finally(() => {
        sending = null;
        if (waiting.size > 0 && !closed) flushing ??= setTimeout(flush, GATHER_MS);
      });
  }

  return {
    on(channel, hearer) {
      let set = hearers.get(channel);
      if (!set) {
        hearers.set(channel, (set = new Set()));
        const mine = client;
        if (mine && listening) mine`listen ${mine(channel)}`.catch(() => lost(mine));
      }
      set.add(hearer);
      return () => set.delete(hearer);
    },
    post(channel, word) {
      if (Buffer.byteLength(word) > PAYLOAD_BYTES_MAX || word.includes('\n')) {
        throw new RangeError(`A word on the bus is one line of at most ${PAYLOAD_BYTES_MAX} bytes.`);
      }
      if (closed) return;
      if (waitingCount >= WAITING_MAX) {
        const [oldest, words] = waiting.entries().next().value!;
        waitingCount -= words.size;
        waiting.delete(oldest);
      }
      const words = waiting.get(channel) ?? new Set();
      waiting.set(channel, words);
      if (!words.has(word)) {
        words.add(word);
        waitingCount++;
      }
      if (!sending) flushing ??= setTimeout(flush, GATHER_MS);
    },
    get listening() {
      return listening;
    },
    onListening(then) {
      starters.add(then);
      if (listening) then();
      return () => starters.delete(then);
    },
    async close() {
      closed = true;
      listening = false;
      clearInterval(beating);
      if (reconnecting) clearTimeout(reconnecting);
      if (flushing) clearTimeout(flushing);
      const mine = client;
      client = null;
      await Promise.allSettled([sending, mine?.end({ timeout: 1 })]);
    },
  };
}

/** Words joined by line breaks into as few payloads as they need. */
function packed(words: Iterable<string>): string[] {
  const payloads: string[] = [];
  let bytes = Infinity;
  for (const word of words) {
    const more = Buffer.byteLength(word) + 1;
    if (bytes + more > PAYLOAD_BYTES_MAX) {
      payloads.push(word);
      bytes = more;
    } else {
      payloads[payloads.length - 1] += `\n${word}`;
      bytes += more;
    }
  }
  return payloads;
}
