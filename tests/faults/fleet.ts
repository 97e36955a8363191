// Those who use the servers, as processes of their own, and what they wrote down: read from their files, whatever became of anybody.
import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import type { ClientStart, LedgerLine } from './client.ts';
import type { FollowerStart, SeenEvent } from './follower.ts';

/** What is known of one act: of its first asking to its first acknowledgement. Moments in ms of the machine's monotonic clock. */
export interface Act {
  mark: string;
  kind: string;
  person: number;
  outcome: 'acknowledged' | 'refused' | 'unknown';
  askedAt: number;
  acknowledgedAt: number | null;
  said: string;
  tries: number;
}
/** One asking: to which server, from when to when it was under way (null: nobody knows the end), and what was said. */
export interface Asking {
  mark: string;
  door: number;
  from: number;
  to: number | null;
  outcome: Act['outcome'];
  said: string;
}

/** A file of lines that grows, read on from where it was read before. */
class Tail<T> {
  #offset = 0;
  #rest = '';
  constructor(readonly file: string) {
    closeSync(openSync(file, 'a'));
  }
  read(): T[] {
    const from = openSync(this.file, 'r');
    const chunk = Buffer.alloc(1 << 20);
    const lines: T[] = [];
    try {
      for (let bytes = 0; (bytes = readSync(from, chunk, 0, chunk.length, this.#offset)) > 0; ) {
        this.#offset += bytes;
        const parts = (this.#rest + chunk.toString('latin1', 0, bytes)).split('\n');
        this.#rest = parts.pop()!;
        for (const part of parts) lines.push(JSON.parse(Buffer.from(part, 'latin1').toString('utf8')) as T);
      }
    } finally {
      closeSync(from);
    }
    return lines;
  }
}

/** A child that is spoken to by messages. */
class Child {
  readonly process: ChildProcess;
  #waiting: { done: string; resolve: (message: Record<string, unknown>) => void; reject: (error: Error) => void }[] = [];
  constructor(script: string, onMessage: (message: Record<string, unknown>) => void = () => {}) {
    this.process = fork(fileURLToPath(new URL(script, import.meta.url)), { execArgv: ['--import', 'tsx'], env: { PATH: process.env.PATH, HOME: process.env.HOME }, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.process.on('message', (message: Record<string, unknown>) => {
      const at = this.#waiting.findIndex(({ done }) => done === message.done);
      if (at >= 0) this.#waiting.splice(at, 1)[0]!.resolve(message);
      else onMessage(message);
    });
    this.process.on('exit', (code) => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`${script} ended with ${code}.`));
    });
  }
  tell(message: object, done: string): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ done, resolve, reject });
      this.process.send(message, (error) => error && reject(error));
    });
  }
  end(): void {
    this.process.kill('SIGKILL');
  }
}

export class Fleet {
  readonly acts = new Map<string, Act>();
  readonly askings: Asking[] = [];
  /** Acts, each once. By message, for who waits for a number of them; the ledger's files are what counts. */
  acknowledged = 0;
  readonly #clients: { child: Child; ledger: Tail<LedgerLine>; open: Map<string, Asking[]> }[] = [];
  #follower: Child | null = null;
  readonly #seen: { tail: Tail<SeenEvent>; events: SeenEvent[] }[] = [];

  async addClient(start: Omit<ClientStart, 'file'>, dir: string): Promise<void> {
    const file = join(dir, `ledger-${start.name}.jsonl`);
    const child = new Child('client.ts', (message) => {
      if (message.acknowledged) this.acknowledged++;
    });
    this.#clients.push({ child, ledger: new Tail<LedgerLine>(file), open: new Map() });
    await child.tell({ start: { ...start, file } }, 'start');
  }
  async addFollower(start: Omit<FollowerStart, 'files'>, dir: string, sockets: number): Promise<void> {
    const files = Array.from({ length: sockets }, (_, index) => join(dir, `seen-${index}.jsonl`));
    for (const file of files) this.#seen.push({ tail: new Tail<SeenEvent>(file), events: [] });
    this.#follower = new Child('follower.ts');
    await this.#follower.tell({ start: { ...start, files } }, 'start');
  }

  async say(what: 'go' | 'pause' | 'settle'): Promise<number> {
    const answers = await Promise.all(this.#clients.map(({ child }) => child.tell({ say: what }, what)));
    return answers.reduce((sum, { left }) => sum + Number(left ?? 0), 0);
  }

  /** Reads on what the clients wrote down. */
  readLedger(): void {
    for (const { ledger, open } of this.#clients) {
      for (const line of ledger.read()) {
        if ('asked' in line) {
          const { asked: mark, kind, person, at, door } = line;
          const act = this.acts.get(mark) ?? { mark, kind, person, outcome: 'unknown' as const, askedAt: at, acknowledgedAt: null, said: '', tries: 0 };
          act.tries++;
          this.acts.set(mark, act);
          const asking: Asking = { mark, door, from: at, to: null, outcome: 'unknown', said: '' };
          this.askings.push(asking);
          open.set(`${mark} ${door}`, [...(open.get(`${mark} ${door}`) ?? []), asking]);
        } else {
          const { answered: mark, door, at, outcome, said } = line;
          const key = `${mark} ${door}`;
          const [asking, ...others] = open.get(key)!;
          Object.assign(asking!, { to: at, outcome, said: said ?? '' });
          if (others.length > 0) open.set(key, others);
          else open.delete(key);
          const act = this.acts.get(mark)!;
          if (outcome === 'acknowledged') act.acknowledgedAt ??= at;
          // What was acknowledged once stays so.
          if (act.outcome !== 'acknowledged') Object.assign(act, { outcome, said: said ?? '' });
        }
      }
    }
  }
  /** What was asked of a server (null: of either) and not answered at the moment. Call after `readLedger`. */
  underWay(at: number, door: number | null): Asking[] {
    // Nothing takes longer than a client's patience: the older ones need no look.
    const found: Asking[] = [];
    for (let n = this.askings.length - 1; n >= 0 && this.askings[n]!.from > at - 60_000; n--) {
      const asking = this.askings[n]!;
      if (asking.from <= at && (asking.to === null || asking.to > at) && (door === null || asking.door === door)) found.push(asking);
    }
    return found;
  }

  /** All that each socket has seen so far. */
  seen(): readonly SeenEvent[][] {
    for (const one of this.#seen) for (const event of one.tail.read()) one.events.push(event);
    return this.#seen.map(({ events }) => events);
  }
  async followers(): Promise<{ drops: number[]; trouble: string[] }> {
    return (await this.#follower!.tell({ say: 'report' }, 'report')) as unknown as { drops: number[]; trouble: string[] };
  }
  end(): void {
    for (const { child } of this.#clients) child.end();
    this.#follower?.end();
  }
}
