// Reading a mail of 30 MB takes half a second, and checking its signature a fifth: time in which nobody else would be answered. So large mails are
// read in other threads. They are few, are started when they are needed, and end when they weren't for a while.
import { Worker } from 'node:worker_threads';
import { inOwnMemory } from '../../platform/large-bytes.ts';
import { Unparsable, type Parsed, type RawRequest } from '../channel.ts';
import { authenticateMail, type Authentication } from './authenticate.ts';
import { PARSERS, type Carrier } from './parsers.ts';

/** Smaller ones take less than handing them over does; a body of this size is read in some 15 ms. */
export const APART_BYTES_MIN = 256 * 1024;
const WORKERS_MAX = 2;
const IDLE_MS = 60_000;
/** A mail that takes longer was made to: 20 MB of short lines take five seconds. */
const JOB_MS_MAX = 120_000;
/** Of objects and strings; files are beside. A mail of 40 MB needs a tenth of it. */
const HEAP_MB_MAX = 1_024;

type AuthenticateOptions = Parameters<typeof authenticateMail>[1];

export type ToWorker =
  | { kind: 'parse'; carrier: Carrier; request: Omit<RawRequest, 'body'> & { body: Uint8Array } }
  | { kind: 'authenticate'; raw: Uint8Array; o: Omit<AuthenticateOptions, 'resolver'> }
  | { kind: 'resolved'; question: number; records?: unknown; fault?: { code: unknown; message: string } };
export type FromWorker =
  | { kind: 'done'; result: unknown }
  | { kind: 'failed'; unparsable: boolean; message: string; stack: string }
  | { kind: 'resolve'; question: number; name: string; type: string };

/** What a carrier's request says, as its parser reads it; in another thread when it is large. @throws Unparsable */
export async function readMailRequest(carrier: Carrier, request: RawRequest): Promise<Parsed> {
  return request.body.length < APART_BYTES_MIN ? PARSERS[carrier](request) : parseApart(carrier, request);
}

/** The same in another thread, whatever its size. @throws Unparsable, also for what takes too long or too much memory there */
export async function parseApart(carrier: Carrier, { body, ...request }: RawRequest, o: { timeoutMs?: number } = {}): Promise<Parsed> {
  const { events, files } = (await run({ message: (own) => ({ kind: 'parse', carrier, request: { ...request, body: own } }), bytes: body, resolver: null, timeoutMs: o.timeoutMs ?? JOB_MS_MAX })) as Parsed;
  return { events, files: files.map((file) => ({ ...file, content: Buffer.from(file.content.buffer) })) };
}

/** `authenticateMail`, in another thread when the mail is large. Never throws. */
export async function authenticateApart(raw: Buffer, { resolver, ...o }: AuthenticateOptions): Promise<Authentication> {
  if (raw.length < APART_BYTES_MIN) return authenticateMail(raw, { ...o, resolver });
  try {
    return (await run({ message: (own) => ({ kind: 'authenticate', raw: own, o }), bytes: raw, resolver, timeoutMs: JOB_MS_MAX })) as Authentication;
  } catch (error) {
    return { trust: 'claimed', domain: null, reason: `not verified: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** How many threads there are, and how many mails wait for one. */
export const poolState = (): { workers: number; waiting: number } => ({ workers: members.size, waiting: queue.length });

interface Job {
  message: (own: Uint8Array) => ToWorker;
  bytes: Uint8Array;
  resolver: AuthenticateOptions['resolver'] | null;
  timeoutMs: number;
  settle: { resolve: (result: unknown) => void; reject: (error: Error) => void };
}

const queue: Job[] = [];
const members = new Set<Member>();

function run(job: Omit<Job, 'settle'>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    queue.push({ ...job, settle: { resolve, reject } });
    const free = [...members].find((member) => member.free);
    if (free) free.next();
    else if (members.size < WORKERS_MAX) members.add(new Member());
  });
}

const ENTRY = new URL('./parse-worker.mjs', import.meta.url);

/** A thread of the pool. It keeps the process alive only while it works. */
class Member {
  private readonly worker = new Worker(ENTRY, { execArgv: [], resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX } });
  private job: Job | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor() {
    this.worker.on('message', (message: FromWorker) => this.hear(message));
    this.worker.on('error', (error: Error & { code?: string }) =>
      this.end(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? new Unparsable(`The mail needs more than ${HEAP_MB_MAX} MB of memory to be read.`) : error));
    this.worker.on('exit', () => this.end(new Error('The thread that reads mails ended.')));
    this.next();
  }

  get free(): boolean {
    return this.job === null;
  }

  next(): void {
    clearTimeout(this.timer);
    this.job = queue.shift() ?? null;
    if (this.job === null) {
      this.worker.unref();
      this.timer = setTimeout(() => this.end(new Error('Idle.')), IDLE_MS).unref();
      return;
    }
    this.worker.ref();
    const { timeoutMs } = this.job;
    this.timer = setTimeout(() => this.end(new Unparsable(`The mail took longer than ${timeoutMs / 1_000} s to read.`)), timeoutMs);
    void this.hand(this.job);
  }

  /** A copy: the caller goes on to store the bytes. */
  private async hand({ message, bytes }: Job): Promise<void> {
    const own = await inOwnMemory([bytes]);
    if (members.has(this)) this.worker.postMessage(message(own), [own.buffer]);
  }

  private hear(message: FromWorker): void {
    const { job } = this;
    if (message.kind === 'resolve') return void this.ask(message);
    if (message.kind === 'done') job?.settle.resolve(message.result);
    else job?.settle.reject(message.unparsable ? new Unparsable(message.message) : Object.assign(new Error(message.message), { stack: message.stack }));
    this.next();
  }

  private async ask({ question, name, type }: Extract<FromWorker, { kind: 'resolve' }>): Promise<void> {
    const answer = (o: Omit<Extract<ToWorker, { kind: 'resolved' }>, 'kind' | 'question'>) => this.worker.postMessage({ kind: 'resolved', question, ...o } satisfies ToWorker);
    try {
      answer({ records: await this.job!.resolver!(name, type as 'TXT') });
    } catch (error) {
      answer({ fault: { code: (error as { code?: unknown }).code, message: error instanceof Error ? error.message : String(error) } });
    }
  }

  /** Once: what comes after a thread's end changes nothing. Another one takes up what waits. */
  private end(error: Error): void {
    if (!members.delete(this)) return;
    clearTimeout(this.timer);
    this.job?.settle.reject(error);
    void this.worker.terminate();
    if (queue.length > 0) members.add(new Member());
  }
}
