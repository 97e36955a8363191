// The load generator: keep-alive connections that each send the next request when the last one is answered. Sockets and prepared bytes
// instead of an HTTP client, so that it needs little of the machine that it shares with what it measures.
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

export interface Load {
  /** `http://127.0.0.1:4000` */
  address: string;
  /** Ready requests, taken in turn; or what makes the next one, where none may be sent twice. */
  requests: readonly Buffer[] | (() => Buffer);
  connections: number;
  seconds: number;
  /** Ends after so many requests, if that comes first. */
  requestsMax?: number;
}
export interface Measured {
  /** Answered with 200 and without `"errors"` at the body's beginning. */
  good: number;
  bad: number;
  seconds: number;
  bytes: number;
  /** Sorted, of every answer. */
  latenciesMs: Float64Array;
  /** The first answer that wasn't good. */
  fault: string | null;
  /** How many answers had which status. */
  statuses: ReadonlyMap<number, number>;
}

/** The bytes of `POST path` with a JSON body. */
export function request(path: string, headers: Record<string, string>, body: unknown): Buffer {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const head = { host: '127.0.0.1', 'content-type': 'application/json', accept: 'application/json', ...headers, 'content-length': String(Buffer.byteLength(text)) };
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${text}`);
}

export async function load(o: Load): Promise<Measured> {
  const { hostname, port } = new URL(o.address);
  const latencies: number[] = [];
  const out = { good: 0, bad: 0, bytes: 0, fault: null as string | null };
  const statuses = new Map<number, number>();
  let next = 0;
  const sockets = await Promise.all(Array.from({ length: o.connections }, () => opened(hostname, Number(port))));
  const began = performance.now();
  const endsAt = began + o.seconds * 1000;
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve, reject) => {
    const reader = new Reader();
    let sentAt = 0;
    const send = () => {
      if (performance.now() >= endsAt || (o.requestsMax !== undefined && next >= o.requestsMax)) {
        socket.destroy();
        return resolve();
      }
      sentAt = performance.now();
      next++;
      socket.write(typeof o.requests === 'function' ? o.requests() : o.requests[(next - 1) % o.requests.length]!);
    };
    socket.on('data', (chunk: Buffer) => {
      const answer = reader.read(chunk);
      if (!answer) return;
      latencies.push(performance.now() - sentAt);
      out.bytes += answer.body.length;
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      if (answer.status === 200 && !answer.body.subarray(0, 12).includes('"errors"')) out.good++;
      else {
        out.bad++;
        out.fault ??= `${answer.status} ${answer.body.toString('utf8', 0, 500)}`;
      }
      send();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve());
    send();
  })));
  return { ...out, statuses, seconds: (performance.now() - began) / 1000, latenciesMs: Float64Array.from(latencies).sort() };
}

/** One request on a connection of its own. */
export async function ask(address: string, bytes: Buffer): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(address);
  const socket = await opened(hostname, Number(port));
  try {
    return await new Promise((resolve, reject) => {
      const reader = new Reader();
      socket.on('data', (chunk: Buffer) => {
        const answer = reader.read(chunk);
        if (answer) resolve({ status: answer.status, text: answer.body.toString() });
      });
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('The connection was closed without an answer.')));
      socket.write(bytes);
    });
  } finally {
    socket.destroy();
  }
}

export const opened = (host: string, port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true }, () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });

/** Puts one answer together: by its Content-Length, or in chunks. */
export class Reader {
  #parts: Buffer[] = [];
  #size = 0;
  /** Bytes of the whole answer; 0 while its head isn't there, -1 when it comes in chunks. */
  #expected = 0;
  #headBytes = 0;
  #status = 0;

  read(chunk: Buffer): { status: number; body: Buffer } | null {
    this.#parts.push(chunk);
    this.#size += chunk.length;
    if (this.#expected === 0) this.#readHead();
    if (this.#expected === 0 || this.#size < this.#expected) return null;
    const all = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    const body = all.subarray(this.#headBytes);
    if (this.#expected < 0 && !body.subarray(-5).equals(LAST_CHUNK)) return null;
    const answer = { status: this.#status, body: this.#expected < 0 ? joined(body) : body };
    this.#parts = [];
    this.#size = this.#expected = 0;
    return answer;
  }

  #readHead(): void {
    const all = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    const end = all.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = all.toString('latin1', 0, end);
    this.#status = Number(head.slice(9, 12));
    this.#headBytes = end + 4;
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    this.#expected = length ? this.#headBytes + Number(length[1]) : -1;
  }
}
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

function joined(chunks: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = chunks.indexOf('\r\n', at);
    const size = Number.parseInt(chunks.toString('latin1', at, end), 16);
    if (!size) return Buffer.concat(parts);
    parts.push(chunks.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

/** Of sorted values. */
export const quantile = (sorted: ArrayLike<number>, q: number): number =>
  sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
