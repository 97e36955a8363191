// Subscribers with cursors: a process of its own with several sockets, each of which comes back after every loss with the last cursor that it saw, to
// whichever server is there. What it saw goes into a file a socket, a line an event.
import { openSync, writeSync } from 'node:fs';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { seeded } from '../harness/seeded.ts';

export interface FollowerStart {
  addresses: [string, string];
  key: string;
  cursor: string;
  seed: number;
  files: string[];
}
/** What a client shows of a conversation and of a message: the same of a list, and of an event as it is told. */
export const SHOWN_CONVERSATION = 'id subject status assignee { id } team { id } queue { id } priority tags messageCount eventCount version';
export const SHOWN_MESSAGE = 'id text deliveryState version conversation { id }';
export interface ShownConversation {
  id: string;
  status: string;
  assignee: { id: string } | null;
  team: { id: string } | null;
  queue: { id: string } | null;
  priority: string;
  tags: string[];
  eventCount: number;
}
export interface ShownMessage {
  id: string;
  deliveryState: string;
  conversation: { id: string };
}
/** One event as it was seen, with what it is about as it was by then. */
export interface SeenEvent {
  id: string;
  kind: string;
  conversationSeq: number | null;
  details: Record<string, unknown>;
  conversation: ShownConversation | null;
  message: ShownMessage | null;
}

const DOCUMENT = `subscription ($after: Cursor) { events(after: $after) { cursor event { id kind conversationSeq details conversation { ${SHOWN_CONVERSATION} } message { ${SHOWN_MESSAGE} } } } }`;
/** A server that is silent for so long is given up. */
const SILENCE_MS = 3_000;

class Follower {
  drops = 0;
  /** Of the last connection that was refused or ended, what was said. */
  trouble = '';
  #cursor: string;
  readonly #file: number;
  readonly #random: () => number;

  /** `isRestless`: it drops its connection itself, again and again. */
  constructor(private readonly o: FollowerStart, index: number, private readonly isRestless: boolean) {
    this.#cursor = o.cursor;
    this.#file = openSync(o.files[index]!, 'a');
    this.#random = seeded(o.seed + index);
    void this.#follow(index);
  }

  async #follow(first: number): Promise<void> {
    for (let attempt = first; ; attempt++) {
      await this.#once(this.o.addresses[attempt % 2]!);
      this.drops++;
      await new Promise((resolve) => setTimeout(resolve, 50 + this.#random() * 100));
    }
  }

  #once(address: string): Promise<void> {
    return new Promise((resolve) => {
      let socket: WebSocket | null = null;
      let left = this.isRestless ? 20 + Math.floor(this.#random() * 400) : Infinity;
      let isOver = false;
      let timer: NodeJS.Timeout | undefined;
      const over = (): void => {
        if (isOver) return;
        isOver = true;
        clearTimeout(timer);
        socket?.terminate();
        // It waits for a connection that is being made, and rejects when that one fails.
        Promise.resolve(client.dispose()).catch(() => {});
        resolve();
      };
      const alive = (): void => {
        clearTimeout(timer);
        timer = setTimeout(over, SILENCE_MS);
      };
      const client = createClient({
        url: `${address.replace(/^http/, 'ws')}/graphql`, webSocketImpl: WebSocket, connectionParams: { Authorization: `Bearer ${this.o.key}` }, retryAttempts: 0, keepAlive: 1_000,
        on: { opened: (opened) => (socket = opened as WebSocket), pong: alive, connected: alive },
      });
      alive();
      client.subscribe<{ events: { cursor: string; event: SeenEvent } }>({ query: DOCUMENT, variables: { after: this.#cursor } }, {
        next: ({ data, errors }) => {
          // What a socket still delivers after it was cut was not seen: the client was gone.
          if (isOver) return;
          alive();
          // What came with an error was not told: its place in the log is asked for again, and the trouble is reported.
          if (!data || errors) {
            this.trouble = JSON.stringify(errors);
            return over();
          }
          this.#cursor = data.events.cursor;
          writeSync(this.#file, `${JSON.stringify(data.events.event)}\n`);
          if (--left <= 0) over();
        },
        error: (error) => {
          this.trouble = JSON.stringify(error);
          over();
        },
        complete: over,
      });
    });
  }
}

if (process.argv[1]?.endsWith('faults/follower.ts') && process.send) {
  let followers: Follower[] = [];
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message: { start?: FollowerStart; say?: 'report' }) => {
    if (message.start) {
      const { start } = message;
      followers = start.files.map((_, index) => new Follower(start, index, index % 2 === 1));
    }
    process.send!({ done: message.say ?? 'start', drops: followers.map(({ drops }) => drops), trouble: followers.map(({ trouble }) => trouble) });
  });
}
