// How long a mail client may take. Silence alone doesn't tell: who sends a byte now and then, or NOOP, is never silent, and a hundred of those keep all
// others out. So every step of a mail has its time, and its bytes come at a pace.
import type { Server, Socket } from 'node:net';

export interface PatienceOptions {
  /** From one step to the next: a recipient, the beginning of the mail. */
  stepMs: number;
  /** What a mail gains by each byte of it. */
  bytesPerSecondMin: number;
  /** One address's connections at once. */
  perAddressMax: number;
}
/** As smtp-server tells it of a session. */
export interface Peer {
  remoteAddress: string;
  remotePort: number;
}
interface Waiting {
  socket: Socket;
  /** By performance.now(); Infinity while it is us that the client waits for. */
  until: number;
  /** Since its last mail. */
  steps: number;
}

/** Of one mail: its recipients and some more. Who begins one again and again gets nowhere. */
const STEPS_MAX = 120;

export class Patience {
  readonly #waiting = new Map<string, Waiting>();
  readonly #timer: NodeJS.Timeout;

  constructor(server: Server, private readonly o: PatienceOptions) {
    server.on('connection', (socket) => this.#began(socket));
    this.#timer = setInterval(() => this.#end(), Math.min(1_000, o.stepMs / 4)).unref();
  }

  /** Too many of this address are here already. */
  isCrowded({ remoteAddress }: Peer): boolean {
    return [...this.#waiting.keys()].filter((key) => key.slice(0, key.lastIndexOf(' ')) === remoteAddress).length > this.o.perAddressMax;
  }

  /** The client did something that brings a mail nearer. */
  stepped(peer: Peer): void {
    const one = this.#waiting.get(keyOf(peer));
    if (one && ++one.steps <= STEPS_MAX) one.until = performance.now() + this.o.stepMs;
  }
  /** Its mail was answered. */
  ended(peer: Peer): void {
    const one = this.#waiting.get(keyOf(peer));
    if (one) Object.assign(one, { until: performance.now() + this.o.stepMs, steps: 0 });
  }
  /** That many bytes of a mail came. */
  took(peer: Peer, bytes: number): void {
    const one = this.#waiting.get(keyOf(peer));
    if (one) one.until = Math.min(performance.now() + this.o.stepMs, one.until + (1_000 * bytes) / this.o.bytesPerSecondMin);
  }
  /** It waits for us. */
  rests(peer: Peer): void {
    const one = this.#waiting.get(keyOf(peer));
    if (one) one.until = Infinity;
  }
  stop(): void {
    clearInterval(this.#timer);
  }

  #began(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    if (!remoteAddress || !remotePort) return;
    const key = keyOf({ remoteAddress, remotePort });
    this.#waiting.set(key, { socket, until: performance.now() + this.o.stepMs, steps: 0 });
    socket.once('close', () => this.#waiting.delete(key));
  }

  #end(): void {
    for (const { socket, until } of this.#waiting.values()) if (until < performance.now()) socket.destroy();
  }
}

const keyOf = ({ remoteAddress, remotePort }: Peer): string => `${remoteAddress.replace(/^::ffff:/, '')} ${remotePort}`;
