// A connection to PostgreSQL can be dead without anybody having said so: a firewall forgot it, an address moved, a machine is gone. Nothing comes over it
// any more, and whoever awaits a statement would wait for ever: the server's statement_timeout is of no use to who can't hear it. TCP finds out after
// some fifteen minutes; where something between the two still takes the bytes, never. So what passes over each connection is watched, and what was asked
// and not answered for two seconds is looked for among the server's sessions, over a new connection:
//   at work: it is slow, or waits for a lock. The server's statement_timeout ends it; if that isn't heard either, we do.
//   idle for a while, or not there: the question or its answer is lost. The connection is ended, so its statements fail as lost connections do; so is its
//     session, whose locks nobody else would free for a minute. So it is where a statement was heard without its end: the session waits for the rest.
//   nobody answers the new connection either: after ten seconds everything that waits is ended, and can be told to come again.
// Silence is counted in looks, not by a clock: a process that stood still, or was busy, has not listened.
// A session may not know that we are gone (left-sessions.ts ends it), whoever ended the connection and whatever it does at that time.
import { performance } from 'node:perf_hooks';
import type { Socket } from 'node:net';
import { leaveSession } from './left-sessions.ts';
import { besidePools } from './beside-pools.ts';

const LOOK_MS = 500;
/** Two seconds. */
const SILENT_LOOKS = 4;
/** Ten seconds. */
const UNREACHABLE_LOOKS = 20;
/** What a server may take, beyond its own time-out, to say that a statement was ended by it. */
const GRACE_MS = 5_000;

/** Whose connection it is. */
export interface Watched {
  url: string;
  applicationName: string;
  /** The server's own. */
  statementTimeoutMs: number;
  /** Called when a connection over which something came was ended, and not by its driver: before the driver hears of it, once or twice. */
  lost?: (() => void) | undefined;
}

export const lines = new Set<Line>();
/** Addresses of which the server is being asked. */
const asking = new Set<string>();
let timer: NodeJS.Timeout | null = null;

/** Watches a connection from its first byte; `session`: from when it was let in, as the process that it was given. */
export function watchSilence(stream: Socket, of: Watched, session?: { pid: number }): void {
  const line = new Line(stream, of, session);
  lines.add(line);
  stream.once('error', () => line.tellLost());
  stream.once('close', () => {
    line.tellLost();
    line.leave();
    lines.delete(line);
    if (lines.size > 0 || !timer) return;
    clearInterval(timer);
    timer = null;
  });
  timer ??= setInterval(look, LOOK_MS).unref();
}

function look(): void {
  const suspects = new Map<string, Line[]>();
  for (const line of lines) {
    line.look();
    if (line.silentLooks === 0) continue;
    if (line.isEnding) {
      // It was closed by us, and the other side doesn't follow.
      if (line.silentLooks >= SILENT_LOOKS) line.stream.destroy();
    } else if (line.silentLooks > line.looksMax) line.lose();
    else if (line.silentLooks % SILENT_LOOKS === 0 && !asking.has(line.of.url)) suspects.set(line.of.url, [...(suspects.get(line.of.url) ?? []), line]);
  }
  for (const [url, silent] of suspects) void lookFor(url, silent);
}

/** Asks the server about connections that are silent, and ends those that it doesn't work for. Never throws. */
async function lookFor(url: string, silent: readonly Line[]): Promise<void> {
  asking.add(url);
  const heard = new Map(silent.map((line) => [line, line.heardAt]));
  try {
    const pids = silent.flatMap(({ pid }) => pid ?? []);
    // One that waits for us has heard all that there was, or half a statement. One that does so for less than a second may have answered a moment ago.
    const busy = await besidePools(url, async (sql) => {
      const [row] = await sql<{ busy: number[] }[]>`
        select array(
          select pid from pg_stat_activity where pid = any(${pids}::int[])
            and (coalesce(state, 'active') not like 'idle%' and wait_event is distinct from 'ClientRead' or state_change > clock_timestamp() - interval '1 second')) as busy`;
      return row!.busy;
    });
    if (busy === null) return;
    const lost = silent.filter((line) => line.pid !== null && !busy.includes(line.pid) && line.isAwaited && line.heardAt === heard.get(line));
    if (lost.length === 0) return;
    // Whatever else nothing was heard of since then is most likely as dead. Nothing is lost with it, and no request has to find that out.
    const askedAt = Math.min(...lost.map((line) => line.askedAt));
    const beside = [...lines].filter((line) => line.of.url === url && line.isAtRest && line.heardAt < askedAt);
    // They first: whoever is told that his was lost asks again at once, and would be given one of these.
    await Promise.all(beside.map(({ stream }) => new Promise((resolve) => stream.once('close', resolve).destroy())));
    for (const line of lost) line.lose();
  } catch {
    for (const line of silent) if (line.silentLooks >= UNREACHABLE_LOOKS && line.isAwaited) line.lose();
  } finally {
    asking.delete(url);
  }
}

// Kinds of messages (https://www.postgresql.org/docs/current/protocol-message-formats.html).
const [QUERY, SYNC, FLUSH, TERMINATE] = ['Q', 'S', 'H', 'X'].map((kind) => kind.charCodeAt(0));
const [READY, KEY_DATA, ROW_DESCRIPTION, NO_DATA, ERROR] = ['Z', 'K', 'T', 'n', 'E'].map((kind) => kind.charCodeAt(0));
const IDLE = 'I'.charCodeAt(0);

/** One connection: what was asked over it, and what came. */
class Line {
  /** Of its session; null: not known. */
  pid: number | null;
  silentLooks = 0;
  readonly looksMax: number;
  /** By performance.now(). */
  askedAt = 0;
  heardAt = performance.now();
  #wasHeard = false;
  /** The driver said goodbye. What the other side ends is ended on this one too, by nobody's word. */
  #isLeft = false;
  #isLetIn: boolean;
  /** How many times the server must still say that it is ready: once for each Sync, and for each simple query. */
  #due = 0;
  /** A description was asked for, and flushed: that is answered without being ready. */
  #isDescribing = false;
  #isInTransaction = false;

  constructor(readonly stream: Socket, readonly of: Watched, session: { pid: number } | undefined) {
    this.pid = session?.pid ?? null;
    this.#isLetIn = session !== undefined;
    this.looksMax = Math.ceil((of.statementTimeoutMs + GRACE_MS) / LOOK_MS);
    const [said, came] = [new Messages(), new Messages()];
    const end = stream.end.bind(stream) as (...rest: unknown[]) => Socket;
    stream.end = ((...rest: unknown[]) => {
      if (rest.length > 0) this.#isLeft = true;
      return end(...rest);
    }) as Socket['end'];
    const write = stream.write.bind(stream) as (chunk: Buffer, ...rest: unknown[]) => boolean;
    stream.write = (chunk: Buffer, ...rest: unknown[]) => {
      // Until it is let in, what it says has another form; the driver's own time-out is for that.
      if (this.#isLetIn) said.read(chunk, (kind) => this.#ask(kind));
      this.#gather();
      return write(chunk, ...rest);
    };
    stream.on('data', (chunk: Buffer) => {
      this.#wasHeard = true;
      this.heardAt = performance.now();
      this.silentLooks = 0;
      came.read(chunk, (kind, body) => this.#hear(kind, body));
    });
  }

  /** What is said before anybody else has a turn goes out as one: the driver would send every statement of more than a kilobyte alone. */
  #gather(): void {
    if (this.stream.writableCorked > 0) return;
    this.stream.cork();
    process.nextTick(() => this.stream.uncork());
  }

  get isAwaited(): boolean {
    return this.#due > 0 || this.#isDescribing;
  }
  /** Nothing was asked, and nothing is under way that would be lost with it. */
  get isAtRest(): boolean {
    return this.#isLetIn && !this.isAwaited && !this.#isInTransaction && !this.isEnding;
  }
  get isEnding(): boolean {
    return this.stream.writableEnded;
  }

  look(): void {
    if (this.isAwaited || this.isEnding) this.silentLooks++;
    else this.silentLooks = 0;
  }
  /** It was ended, and not by its driver. */
  tellLost(): void {
    if (this.#wasHeard && !this.#isLeft) this.of.lost?.();
  }
  /** It is closed: of a session that wasn't told so, or may not have heard it, nobody hears any more. */
  leave(): void {
    if (this.pid !== null && (!this.#isLeft || this.isAwaited || this.silentLooks > 0)) leaveSession(this.of, this.pid);
  }
  /** Its statements fail as those of a lost connection do. */
  lose(): void {
    this.stream.destroy(Object.assign(new Error('PostgreSQL was not heard of any more on this connection.'), { code: 'ETIMEDOUT' }));
  }

  #ask(kind: number): void {
    if (kind === TERMINATE) this.#isLeft = true;
    if (kind !== SYNC && kind !== QUERY && kind !== FLUSH) return;
    if (!this.isAwaited) {
      this.askedAt = performance.now();
      this.silentLooks = 0;
    }
    if (kind === FLUSH) this.#isDescribing = true;
    else this.#due++;
  }
  #hear(kind: number, body: Buffer): void {
    if (kind === READY) {
      if (this.#isLetIn) this.#due = Math.max(0, this.#due - 1);
      this.#isLetIn = true;
      this.#isInTransaction = body[0] !== IDLE;
    } else if (kind === KEY_DATA) this.pid = body.readInt32BE(0);
    // What is still due was asked before the description, and is answered before it.
    else if (this.#due === 0 && (kind === ROW_DESCRIPTION || kind === NO_DATA || kind === ERROR)) this.#isDescribing = false;
  }
}

/** Messages in a stream of bytes: a kind, a length, and what is passed over except for its beginning, however the stream is cut. */
class Messages {
  #skip = 0;
  #cut: Buffer | null = null;

  read(chunk: Buffer, each: (kind: number, body: Buffer) => void): void {
    const bytes = this.#cut ? Buffer.concat([this.#cut, chunk]) : chunk;
    let at = this.#skip;
    while (at + HEAD_BYTES <= bytes.length) {
      const kind = bytes[at]!;
      const neededOf = kind === READY ? 1 : kind === KEY_DATA ? 4 : 0;
      if (at + HEAD_BYTES + neededOf > bytes.length) break;
      each(kind, neededOf > 0 ? bytes.subarray(at + HEAD_BYTES, at + HEAD_BYTES + neededOf) : NOTHING);
      at += 1 + bytes.readUInt32BE(at + 1);
    }
    this.#cut = at < bytes.length ? bytes.subarray(at) : null;
    this.#skip = Math.max(0, at - bytes.length);
  }
}
const HEAD_BYTES = 5;
const NOTHING = Buffer.alloc(0);
