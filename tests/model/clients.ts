// Those who act in the model's runs: who asks until he is answered, and who reads the log and comes again when he is cut off.
import type { Reply, Socket, Subscription, TestServer } from '../harness/server.ts';

const TRIES_MAX = 40;
export const EVENTS = 'subscription ($after: Cursor) { events(after: $after) { cursor event { id } } }';

/** Asks until it is answered: a killed backend is 503, and the client tries again. Throws what else it was told. */
export async function ask(server: TestServer, document: string, variables: Record<string, unknown> | null, key: string): Promise<any> {
  const { errors, data, status, text } = await answered(server, document, variables, key);
  if (errors.length > 0) throw new Error(`${status} ${text.slice(0, 500)}`);
  return data;
}

/** The first answer that isn't "again". */
export async function answered(server: TestServer, document: string, variables: Record<string, unknown> | null, key: string): Promise<Reply> {
  for (let tries = 1; ; tries++) {
    const reply = await server.query(document, variables, key);
    if (tries === TRIES_MAX || reply.errors.length === 0 || !reply.errors.every(({ extensions }) => extensions.retryable)) return reply;
  }
}

/** A follower of the log: what he saw over all his connections, and where he was. */
export class Reader {
  readonly seen: string[] = [];
  #after: string;
  #socket: Socket | null = null;
  #events: Subscription | null = null;

  constructor(private readonly server: TestServer, private readonly key: string, readonly start: string) {
    this.#after = start;
    this.open();
  }

  open(): void {
    this.#socket = this.server.socket(this.key);
    this.#events = this.#socket.subscribe(EVENTS, { after: this.#after });
  }
  /** Cuts his connection without a word. */
  drop(): void {
    this.#take();
    this.#socket?.cut();
    this.#socket = this.#events = null;
  }
  /** How the server ended his connection, and what came after everything that he had taken: waits for the end. */
  async ended(): Promise<{ code: number; reason: string }> {
    const how = await this.#socket!.closed;
    this.#take();
    return how;
  }
  async close(): Promise<void> {
    await this.#socket?.close();
  }

  /** Reads until he has seen so many; comes again when his connection is lost. Rejects when nothing comes for 10 s. */
  async readTo(length: number): Promise<void> {
    if (!this.#events) this.open();
    this.#take();
    while (this.seen.length < length) {
      const next = await this.#events!.next().catch((error: unknown) => {
        // Its connection to the database was killed under it: it comes again, as clients do.
        if (!/retryable":true|1013|1012|4403/.test(JSON.stringify(error) + String(error))) throw error;
        this.drop();
        this.open();
        return null;
      });
      if (next) this.#add(next);
      this.#take();
    }
  }

  #take(): void {
    for (const event of this.#events?.waiting.splice(0) ?? []) this.#add(event);
  }
  #add({ events }: { events: { cursor: string; event: { id: string } } }): void {
    this.seen.push(events.event.id);
    this.#after = events.cursor;
  }
}
