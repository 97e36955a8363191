// A subscriber with a bad connection: its socket is cut again and again, and it goes on from the last cursor that it saw.
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

export interface Seen {
  cursor: string;
  /** What identifies the event among those of the subscription. */
  mark: string;
}
export interface Subscriber {
  seen: Seen[];
  /** Connections that it cut. */
  drops: number;
  /** Connections that were up and that the server ended. */
  endedByServer: number;
  /** Cuts no more, and resolves when it saw `mark`. Rejects after `withinMs`. */
  finish(mark: string, withinMs: number): Promise<void>;
  /** Resolves when it has cut its connection as often as it was to. */
  dropped: Promise<void>;
}

export interface SubscriberOptions {
  address: string;
  key: string;
  document: string;
  variables?: Record<string, unknown>;
  /** Of the beginning. */
  cursor: string;
  drops: number;
  random: () => number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the shape is the document's
  markOf: (data: any) => Seen;
}

const EVENTS_BEFORE_DROP_MAX = 12;
const PAUSE_MS_MAX = 120;
const RETRY_MS = 20;

export function subscriber(o: SubscriberOptions): Subscriber {
  let isDone = false;
  let wanted: string | null = null;
  let onWanted: () => void = () => {};
  let onDropped: () => void = () => {};
  let cutNow: () => void = () => {};
  const self: Subscriber = {
    seen: [], drops: 0, endedByServer: 0,
    dropped: new Promise((resolve) => (onDropped = resolve)),
    async finish(mark, withinMs) {
      const reached = new Promise<void>((resolve) => (onWanted = resolve));
      wanted = mark;
      if (self.seen.some((one) => one.mark === mark)) onWanted();
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_resolve, reject) => (timer = setTimeout(() => reject(new Error(`A subscriber saw ${self.seen.length} events and not the last one in ${withinMs} ms.`)), withinMs)));
      try {
        await Promise.race([reached, late]);
      } finally {
        clearTimeout(timer);
        isDone = true;
        cutNow();
      }
    },
  };

  /** One connection: until it is cut after so many events (or at once, while it still catches up), or ends by itself. */
  const connection = (eventsMax: number | null): Promise<void> =>
    new Promise((resolve) => {
      let socket: WebSocket | null = null;
      let left = eventsMax;
      let isUp = false;
      const client = createClient({
        url: `${o.address.replace(/^http/, 'ws')}/graphql`, webSocketImpl: WebSocket, connectionParams: { Authorization: `Bearer ${o.key}` }, retryAttempts: 0,
        on: { opened: (opened) => (socket = opened as WebSocket), connected: () => (isUp = true) },
      });
      let isOver = false;
      const over = (): void => {
        if (isOver) return;
        isOver = true;
        socket?.terminate();
        // It waits for a connection that is being made, and rejects when that one fails.
        Promise.resolve(client.dispose()).catch(() => {});
        resolve();
      };
      const ended = (): void => {
        if (isUp && !isOver) self.endedByServer++;
        over();
      };
      cutNow = over;
      client.subscribe<Record<string, unknown>>({ query: o.document, variables: { ...o.variables, after: self.seen.at(-1)?.cursor ?? o.cursor } }, {
        next: ({ data }) => {
          // What a socket still delivers after it was cut was not seen: the client was gone.
          if (isOver || !data) return;
          const seen = o.markOf(data);
          self.seen.push(seen);
          if (seen.mark === wanted) onWanted();
          if (left !== null && --left <= 0) {
            self.drops++;
            over();
          }
        },
        error: ended,
        complete: ended,
      });
    });

  void (async () => {
    while (!isDone) {
      const cuts = self.drops < o.drops;
      if (!cuts) onDropped();
      await connection(cuts ? 1 + Math.floor(o.random() * EVENTS_BEFORE_DROP_MAX) : null);
      // Most come back at once, some stay away while much happens, as telephones in tunnels do.
      const pause = o.random() < 0.5 ? 0 : o.random() * PAUSE_MS_MAX;
      await new Promise((resolve) => setTimeout(resolve, cuts ? pause : RETRY_MS));
    }
  })();
  return self;
}
