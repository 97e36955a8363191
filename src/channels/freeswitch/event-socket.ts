// FreeSWITCH's event socket (mod_event_socket, inbound mode), as much of it as is used here: logging in, events as JSON, commands.
// https://developer.signalwire.com/freeswitch/FreeSWITCH-Explained/Modules/mod_event_socket_1048924
import { connect as connectTcp, type Socket } from 'node:net';

const CONNECT_MS_MAX = 10_000;
const ANSWER_MS_MAX = 10_000;
/** It sends a HEARTBEAT every 20 seconds. */
const SILENT_MS_MAX = 65_000;
/** Of one frame's headers, and of its body. */
const HEAD_BYTES_MAX = 64 * 1024;
const BODY_BYTES_MAX = 4 * 1024 * 1024;

/** Why a connection could not be made, a command was refused, or the line was lost; for whoever operates it. */
export class EventSocketError extends Error {
  override readonly name = 'EventSocketError';
  constructor(
    message: string,
    /** The other side refuses us (password, its list of addresses): it stays so until somebody changes something. */
    readonly isRefusal = false,
    /** A command may have had its effect, though no answer came. */
    readonly maybeTaken = false,
  ) {
    super(message);
  }
}

interface Frame {
  headers: Map<string, string>;
  body: Buffer;
}
interface Waiting {
  resolve: (frame: Frame) => void;
  reject: (error: Error) => void;
}

export class EventSocket {
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #error: EventSocketError | null = null;
  #onEvent: (json: Buffer) => void = () => {};
  readonly #ended: Promise<EventSocketError>;

  private constructor(socket: Socket, greeted: Waiting) {
    this.#socket = socket;
    this.#waiting.push(greeted);
    socket.setNoDelay(true).setKeepAlive(true, 15_000).setTimeout(SILENT_MS_MAX);
    this.#ended = new Promise((resolve) => socket.once('close', () => {
      this.#error ??= new EventSocketError('The connection to FreeSWITCH ended.');
      const error = new EventSocketError(this.#error.message, this.#error.isRefusal, true);
      for (const { reject } of this.#waiting.splice(0)) reject(error);
      resolve(this.#error);
    }));
    socket.on('error', (error) => (this.#error ??= new EventSocketError(`The connection to FreeSWITCH failed: ${(error as NodeJS.ErrnoException).code ?? error.message}.`)));
    socket.on('timeout', () => this.#fail(new EventSocketError('FreeSWITCH has been silent for a minute.')));
    socket.on('data', (data: Buffer) => this.#read(data));
  }

  /** Connects and logs in. `address`: an IP address that may be connected to. @throws EventSocketError */
  static async open(to: { address: string; port: number; password: string }): Promise<EventSocket> {
    const socket = connectTcp({ host: to.address, port: to.port });
    let opened: EventSocket | undefined;
    const greeting = new Promise<Frame>((resolve, reject) => (opened = new EventSocket(socket, { resolve, reject })));
    try {
      const greeted = await within(CONNECT_MS_MAX, greeting, 'FreeSWITCH did not answer');
      if (greeted.headers.get('content-type') === 'text/rude-rejection') throw new EventSocketError('FreeSWITCH takes no connection from here: see apply-inbound-acl in event_socket.conf.xml.', true);
      if (greeted.headers.get('content-type') !== 'auth/request') throw new EventSocketError('What answers there is no event socket of FreeSWITCH.', true);
      await opened!.command(`auth ${to.password}`).catch((error: unknown) => {
        throw error instanceof EventSocketError && error.isRefusal ? new EventSocketError('FreeSWITCH refuses the password of its event socket.', true) : error;
      });
      return opened!;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  /** Sends a command (one line, or with headers); gives what was replied. @throws EventSocketError, `isRefusal` where FreeSWITCH said `-ERR` */
  async command(text: string): Promise<string> {
    // Nothing that a customer wrote may end a line.
    if (/[\r\n\0]/.test(text)) throw new EventSocketError('A command is one line.', true);
    if (this.#error) throw this.#error;
    const answered = new Promise<Frame>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#socket.write(`${text}\n\n`);
    const frame = await within(ANSWER_MS_MAX, answered, 'FreeSWITCH did not reply', true).catch((error: unknown) => {
      // Which reply is whose isn't known any more.
      this.close();
      throw error;
    });
    const reply = (frame.headers.get('reply-text') ?? frame.body.toString('utf8')).trim();
    if (reply.startsWith('-')) throw new EventSocketError(`FreeSWITCH refuses: ${reply.slice(0, 200)}`, true);
    return reply;
  }

  /** Asks for these events, and gives each as the JSON that came, in order. */
  async follow(names: readonly string[], onEvent: (json: Buffer) => void): Promise<void> {
    this.#onEvent = onEvent;
    await this.command(`event json ${names.join(' ')}`);
  }

  /** Takes nothing more in until `resume`. */
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }

  /** Why the line ended, once it did. */
  get ended(): Promise<EventSocketError> {
    return this.#ended;
  }

  close(): void {
    this.#error ??= new EventSocketError('The connection was closed.');
    this.#socket.destroy();
  }

  #fail(error: EventSocketError): void {
    this.#error ??= error;
    this.#socket.destroy();
  }

  #read(data: Buffer): void {
    this.#rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    for (;;) {
      const end = this.#rest.indexOf('\n\n');
      if (end < 0) {
        if (this.#rest.length > HEAD_BYTES_MAX) this.#fail(new EventSocketError('What answers there is no event socket of FreeSWITCH.', true));
        return;
      }
      const headers = headersIn(this.#rest.subarray(0, end).toString('utf8'));
      const length = Number(headers.get('content-length') ?? 0);
      if (!Number.isInteger(length) || length < 0 || length > BODY_BYTES_MAX) return this.#fail(new EventSocketError('FreeSWITCH sent a frame that is too large.'));
      if (this.#rest.length < end + 2 + length) return;
      const body = Buffer.from(this.#rest.subarray(end + 2, end + 2 + length));
      this.#rest = this.#rest.subarray(end + 2 + length);
      this.#take({ headers, body });
    }
  }

  #take(frame: Frame): void {
    switch (frame.headers.get('content-type')) {
      case 'text/event-json':
        return this.#onEvent(frame.body);
      case 'text/disconnect-notice':
        return this.#fail(new EventSocketError('FreeSWITCH ended the connection.'));
      default:
        this.#waiting.shift()?.resolve(frame);
    }
  }
}

function headersIn(text: string): Map<string, string> {
  const lines = text.split('\n').map((line) => [line.indexOf(':'), line] as const).filter(([colon]) => colon > 0);
  return new Map(lines.map(([colon, line]) => [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]));
}

async function within<T>(ms: number, promise: Promise<T>, what: string, maybeTaken = false): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new EventSocketError(`${what} within ${ms / 1_000} s.`, false, maybeTaken)), ms)));
  promise.catch(() => {});
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
