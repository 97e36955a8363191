// GraphQL from the browser: typed operations over HTTP, and subscriptions that go on from their cursor over as many sockets as it takes.
import { createClient } from 'graphql-ws';
import type { TypedDocumentString } from './operations.generated.ts';
import { pause } from './pause.ts';

/** An answer that asking again can't change. */
export class Refused extends Error {
  override readonly name = 'Refused';
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

/** What may be well in a moment; the schema says so of each code. */
const RETRYABLE = new Set(['RATE_LIMITED', 'OVERLOADED', 'TIMED_OUT', 'INTERNAL', 'PROVIDER_UNREACHABLE']);

/** Of one that is silent for longer nobody knows whether it still comes. */
const ANSWER_MS_MAX = 30_000;

interface Fault {
  message: string;
  code?: string;
  extensions?: { code?: string };
}

export interface Follower<T> {
  /** Null: it isn't of the log, and begins with how it is. */
  after: string | null;
  /** Gives the cursor to go on from. */
  onEvent: (data: T) => string | null;
  onLive: (live: boolean) => void;
  /** The log no longer reaches back to the cursor: read afresh, and say where from. */
  onLost: () => Promise<string | null>;
}

export class Api {
  #token: string;
  readonly #url: string;
  readonly #renew: () => Promise<string>;

  /** `renew` gives another token once the present one is over. */
  constructor(o: { url: string; token: string; renew: () => Promise<string> }) {
    this.#url = o.url;
    this.#token = o.token;
    this.#renew = o.renew;
  }

  /** @throws Refused; anything else may be tried again */
  async ask<R, V>(document: TypedDocumentString<R, V>, variables: V): Promise<R> {
    try {
      return await this.#post(document, variables);
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== 'UNAUTHENTICATED') throw error;
      this.#token = await this.#renew();
      return this.#post(document, variables);
    }
  }

  async #post<R, V>(document: TypedDocumentString<R, V>, variables: V): Promise<R> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#token}` },
      body: JSON.stringify({ query: document.toString(), variables }),
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    const { data, errors } = (await response.json()) as { data?: Record<string, { userErrors?: Fault[] } | null>; errors?: Fault[] };
    const fault = errors?.[0] ?? Object.values(data ?? {}).flatMap((payload) => payload?.userErrors ?? [])[0];
    if (fault) throw faultOf(fault);
    if (!data) throw new Error(`The server answered ${response.status}.`);
    return data as R;
  }

  /** Follows a subscription until it is told to stop. */
  follow<R, V>(document: TypedDocumentString<R, V>, variables: V, follower: Follower<R>): () => void {
    const stopping = new AbortController();
    let after = follower.after;
    void (async () => {
      for (let failures = 0; !stopping.signal.aborted; ) {
        const outcome = await this.#listen<R>(document.toString(), { ...variables, ...(after === null ? {} : { after }) }, stopping.signal, {
          onLive: () => {
            failures = 0;
            follower.onLive(true);
          },
          onEvent: (data) => (after = follower.onEvent(data)),
        });
        if (stopping.signal.aborted) return;
        follower.onLive(false);
        try {
          if (outcome === 'UNAUTHENTICATED') this.#token = await this.#renew();
          else if (outcome === 'RESYNC' || outcome === 'INVALID_CURSOR') after = await follower.onLost();
        } catch {
          // The server is away; the next round tries again.
        }
        await pause(failures++);
      }
    })();
    return () => stopping.abort();
  }

  /** One socket until it ends: the code of why, or LOST. graphql-ws by itself would go on from the first cursor, so each is a client of its own. */
  #listen<R>(query: string, variables: Record<string, unknown>, signal: AbortSignal, o: { onLive: () => void; onEvent: (data: R) => void }): Promise<string> {
    return new Promise((resolve) => {
      const end = (code: string) => {
        signal.removeEventListener('abort', stop);
        resolve(code);
        Promise.resolve(client.dispose()).catch(() => {});
      };
      const stop = () => end('STOPPED');
      signal.addEventListener('abort', stop, { once: true });
      const client = createClient({
        url: this.#url.replace(/^http/, 'ws'), connectionParams: () => ({ authorization: `Bearer ${this.#token}` }), retryAttempts: 0, keepAlive: 10_000, on: { connected: o.onLive },
      });
      client.subscribe<R>({ query, variables }, {
        next: ({ data, errors }) => {
          if (errors) end(codeOf(errors));
          else if (data) o.onEvent(data);
        },
        error: (error) => end(Array.isArray(error) ? codeOf(error) : (error as { code?: unknown } | null)?.code === 4401 ? 'UNAUTHENTICATED' : 'LOST'),
        complete: () => end('LOST'),
      });
    });
  }
}

const codeOf = (errors: readonly Fault[]): string => errors[0]?.extensions?.code ?? 'LOST';

function faultOf(fault: Fault): Error {
  const code = fault.code ?? fault.extensions?.code;
  return code === undefined || RETRYABLE.has(code) ? new Error(fault.message) : new Refused(code, fault.message);
}
