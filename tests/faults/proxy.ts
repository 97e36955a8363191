// A wire that can be broken: TCP connections from a port of ours to another one, on loopback.
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export type WireState = 'open' | 'silent' | 'trickling' | 'refusing';
const TRICKLE_BYTES = 64;
const TRICKLE_MS = 5;

interface Pair {
  near: Socket;
  far: Socket;
  /** Since when nothing passes any more, in either direction, whatever the wire's state is; by performance.now(). */
  deadSince: number | null;
  waiting: [Buffer[], Buffer[]];
}

export class Wire {
  readonly port: number;
  #state: WireState = 'open';
  /** Bytes until the connection that carries them is reset; null: never. */
  #resetAfterBytes: number | null = null;
  /** Bytes until the connection that carries them is dead; null: never. */
  #abandonAfterBytes: number | null = null;
  readonly #pairs = new Set<Pair>();
  /** What the breaking met since the last `heal`: connections that were ended or refused, and pieces that were held back or lost. */
  touched = 0;
  #healedAt = 0;
  readonly #timer: NodeJS.Timeout;

  private constructor(private readonly server: Server, private readonly to: () => number) {
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (near: Socket) => this.#join(near));
    this.#timer = setInterval(() => this.#trickle(), TRICKLE_MS);
    this.#timer.unref();
  }

  /** `to`: the port of the other end, asked for at every connection. */
  static async open(to: () => number): Promise<Wire> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    return new Wire(server, to);
  }

  /** The ports by which its living connections reach the other end: there they name whose they are. */
  farPorts(): number[] {
    return [...this.#pairs].flatMap(({ far }) => (far.localPort === undefined ? [] : [far.localPort]));
  }
  /** Living ones. */
  get connections(): number {
    return this.#living().length;
  }
  #living = (): Pair[] => [...this.#pairs].filter(({ deadSince }) => deadSince === null);

  /** Every connection is reset (RST) at once; new ones pass. */
  reset(): void {
    for (const pair of this.#living()) {
      this.touched++;
      this.#end(pair, true);
    }
  }
  /** The next connection that carries data is reset in the middle of it: a head without its end. */
  resetWithin(bytes: number): void {
    this.#resetAfterBytes = bytes;
  }
  /** Nothing passes, and nobody is told: neither by an end nor by a reset. New connections are taken and are as silent. */
  silence(): void {
    this.#state = 'silent';
  }
  /** The connections of this moment are dead for good, and nobody is ever told: each end has to find out, and to give up, by itself. New ones pass. */
  abandon(): void {
    for (const pair of this.#living()) pair.deadSince = performance.now();
  }
  /** The next connection whose near end says something is dead from the middle of it on: a head without its end, and nobody is told. */
  abandonWithin(bytes: number): void {
    this.#abandonAfterBytes = bytes;
  }
  /** The connections of this moment are reset at the near end, and the far one is never told. New ones pass. */
  forget(): void {
    for (const pair of this.#living()) {
      pair.deadSince = performance.now();
      pair.near.resetAndDestroy();
    }
  }
  /** For how many ms an end has held on to connections that are dead, the longest first. */
  held(by: 'near' | 'far'): number[] {
    const isHeld = ({ [by]: socket }: Pair): boolean => !socket.destroyed && !socket.readableEnded;
    return [...this.#pairs].flatMap((pair) => (pair.deadSince !== null && isHeld(pair) ? [performance.now() - pair.deadSince] : [])).sort((a, b) => b - a);
  }
  /** A few bytes at a time. */
  trickle(): void {
    this.#state = 'trickling';
  }
  refuse(): void {
    this.#state = 'refusing';
    this.reset();
  }
  /** Everything passes again, what waited first; only abandoned connections stay dead. */
  heal(): void {
    this.#state = 'open';
    this.#resetAfterBytes = null;
    this.#abandonAfterBytes = null;
    this.touched = 0;
    this.#healedAt = performance.now();
    for (const pair of this.#living()) {
      for (const direction of [0, 1] as const) for (const chunk of pair.waiting[direction].splice(0)) this.#write(pair, direction, chunk);
      // What was closed meanwhile is told now.
      if (pair.near.destroyed || pair.far.destroyed) this.#end(pair, false);
      else if (pair.near.readableEnded) pair.far.end();
      else if (pair.far.readableEnded) pair.near.end();
    }
  }
  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const pair of this.#pairs) this.#end(pair, true);
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  #join(near: Socket): void {
    if (this.#state === 'refusing') {
      this.touched++;
      return void near.resetAndDestroy();
    }
    const far = connect({ port: this.to(), host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const pair: Pair = { near, far, deadSince: null, waiting: [[], []] };
    this.#pairs.add(pair);
    for (const [direction, from, other] of [[0, near, far], [1, far, near]] as const) {
      from.on('data', (chunk) => this.#carry(pair, direction, chunk));
      from.on('end', () => {
        if (!this.#isSilent(pair)) other.end();
        // Nobody is left to be told.
        else if (other.readableEnded || other.destroyed) this.#end(pair, false);
      });
      // Of a silent wire the other side hears nothing: no end, and no reset either.
      from.on('error', () => {
        if (!this.#isSilent(pair)) this.#end(pair, true);
      });
      from.on('close', () => {
        if (!this.#isSilent(pair)) this.#end(pair, false);
        else if (other.destroyed || other.readableEnded) this.#end(pair, false);
      });
    }
  }
  #isSilent = (pair: Pair): boolean => pair.deadSince !== null || this.#state === 'silent';

  #carry(pair: Pair, direction: 0 | 1, chunk: Buffer): void {
    if (pair.deadSince !== null || this.#state !== 'open') {
      // Of those that died of an earlier breaking, no more.
      if (pair.deadSince === null || pair.deadSince > this.#healedAt) this.touched++;
      if (pair.deadSince === null) pair.waiting[direction].push(chunk);
      return;
    }
    if (this.#resetAfterBytes !== null && chunk.length > this.#resetAfterBytes) {
      const head = chunk.subarray(0, this.#resetAfterBytes);
      this.#resetAfterBytes = null;
      this.touched++;
      this.#other(pair, direction).write(head, () => this.#end(pair, true));
      return;
    }
    if (this.#abandonAfterBytes !== null && direction === 0 && chunk.length > this.#abandonAfterBytes) {
      const head = chunk.subarray(0, this.#abandonAfterBytes);
      this.#abandonAfterBytes = null;
      pair.deadSince = performance.now();
      return this.#write(pair, direction, head);
    }
    this.#write(pair, direction, chunk);
  }
  #other = (pair: Pair, direction: 0 | 1): Socket => (direction === 0 ? pair.far : pair.near);
  #write(pair: Pair, direction: 0 | 1, chunk: Buffer): void {
    const other = this.#other(pair, direction);
    if (!other.destroyed && other.writable) other.write(chunk);
  }

  #trickle(): void {
    if (this.#state !== 'trickling') return;
    for (const pair of this.#pairs) {
      for (const direction of [0, 1] as const) {
        const chunk = pair.waiting[direction].shift();
        if (!chunk || pair.deadSince !== null) continue;
        if (chunk.length > TRICKLE_BYTES) pair.waiting[direction].unshift(chunk.subarray(TRICKLE_BYTES));
        this.#write(pair, direction, chunk.subarray(0, TRICKLE_BYTES));
      }
    }
  }

  #end(pair: Pair, reset: boolean): void {
    this.#pairs.delete(pair);
    for (const socket of [pair.near, pair.far]) {
      if (socket.destroyed) continue;
      if (reset) socket.resetAndDestroy();
      else socket.destroy();
    }
  }
}
