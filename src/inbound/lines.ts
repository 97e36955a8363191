// Providers that we connect to instead of being called by them: of all processes one holds each connection, and what comes by it is stored as if it had been
// posted. While nobody holds it, what happened is not heard; such a provider tells it again by another way, or not at all.
import { setTimeout as wait } from 'node:timers/promises';
import { systemActor } from '../access/viewer.ts';
import { accountById, setAccountFault } from '../channels/accounts.ts';
import type { Listening, RawRequest } from '../channels/channel.ts';
import { LISTENED_PROVIDERS, findProvider } from '../channels/registry.ts';
import { inWorkspace, openPool, type Sql } from '../platform/db.ts';
import type { HttpClient } from '../platform/http.ts';
import { receiveDelivery, type DoorContext } from './receive.ts';

export interface LinesContext extends DoorContext {
  system: Sql;
  /** For the session that holds the lines. */
  url: string;
  http: HttpClient;
  arrived: () => void;
  report: (message: string, error: unknown) => void;
}

const LOOK_MS = 2_000;
const RETRY_MS = { first: 1_000, most: 30_000 };
const STORE_AGAIN_MS = 500;
/** Taken and not stored yet: beyond that nothing more is read. */
const TAKEN_MAX = 64;

interface Line {
  /** Changes when it must be held anew. */
  mark: string;
  key: string;
  workspaceId: string;
  endpointId: string;
  provider: string;
  accountIds: string[];
  listening: Listening;
}
interface Held {
  line: Line;
  stop: () => void;
  over: Promise<void>;
}

/** Looks every two seconds which lines there are to be, and holds those that no other process holds. */
export function startLines(context: LinesContext): { stop(): Promise<void> } {
  const session = openPool({ url: context.url, role: 'throughline_system', max: 1, applicationName: 'throughline lines' });
  const held = new Map<string, Held>();
  const known = new Map<string, { mark: string; line: Line | null }>();
  const stopping = new AbortController();
  const end = async (key: string): Promise<void> => {
    const one = held.get(key);
    held.delete(key);
    one?.stop();
    await one?.over;
  };
  const look = async (): Promise<void> => {
    const wanted = await linesWanted(context, known);
    for (const [key, { line }] of held) if (wanted.get(key)?.mark !== line.mark) await end(key);
    for (const [key, line] of wanted) {
      // Again at every look: the lock goes with its session, if the connection is lost.
      const [lock] = await session<{ isOurs: boolean }[]>`select pg_try_advisory_lock(hashtextextended(${`line ${key}`}, 0)) as is_ours`;
      if (!lock!.isOurs) await end(key);
      else if (!held.has(key)) held.set(key, hold(context, line));
    }
  };
  const looking = (async () => {
    while (!stopping.signal.aborted) {
      await look().catch((error: unknown) => stopping.signal.aborted || context.report('The lines to providers could not be looked after; it goes on.', error));
      await wait(LOOK_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await looking;
      await Promise.all([...held.keys()].map(end));
      await session.end({ timeout: 1 });
    },
  };
}

/** The lines that there are to be, by what tells them apart. Accounts of one endpoint that listen to the same place share one. */
async function linesWanted({ app, system }: LinesContext, known: Map<string, { mark: string; line: Line | null }>): Promise<Map<string, Line>> {
  const accounts = await system<{ workspaceId: string; accountId: string; endpointId: string; mark: string }[]>`select * from listened_accounts(${LISTENED_PROVIDERS}::text[])`;
  for (const id of known.keys()) if (!accounts.some(({ accountId }) => accountId === id)) known.delete(id);
  const wanted = new Map<string, Line>();
  for (const { workspaceId, accountId, endpointId, mark } of accounts) {
    if (known.get(accountId)?.mark !== mark) {
      const account = await inWorkspace(app, workspaceId, (tx) => accountById(tx, workspaceId, accountId));
      const listening = account.secrets === null ? null : (findProvider(account.provider, account.channel.toLowerCase())?.listen?.(account) ?? null);
      known.set(accountId, { mark, line: listening && { mark, key: `${endpointId} ${listening.to}`, workspaceId, endpointId, provider: account.provider, accountIds: [accountId], listening } });
    }
    const { line } = known.get(accountId)!;
    if (!line) continue;
    const same = wanted.get(line.key);
    wanted.set(line.key, same ? { ...same, mark: `${same.mark} ${mark}`, accountIds: [...same.accountIds, accountId] } : line);
  }
  return wanted;
}

/** Connects, and again whenever the connection is lost, with growing waits. */
function hold(context: LinesContext, line: Line): Held {
  const stopping = new AbortController();
  const over = (async () => {
    let retryMs = RETRY_MS.first;
    while (!stopping.signal.aborted) {
      const storing = new Storing(context, line, stopping.signal);
      try {
        await line.listening.run({
          http: context.http, signal: stopping.signal, received: (request) => storing.take(request),
          opened: () => {
            retryMs = RETRY_MS.first;
            void sayFault(context, line, null);
          },
        });
      } catch (error) {
        if (!stopping.signal.aborted) await sayFault(context, line, (error as Error).message);
      }
      await storing.done;
      await wait(retryMs, undefined, { signal: stopping.signal }).catch(() => {});
      retryMs = Math.min(retryMs * 2, RETRY_MS.most);
    }
  })();
  return { line, stop: () => stopping.abort(), over };
}

/** On the accounts, where whoever operates them looks. */
async function sayFault({ app, report }: LinesContext, { workspaceId, accountIds }: Line, fault: string | null): Promise<void> {
  try {
    await inWorkspace(app, workspaceId, async (tx) => {
      for (const accountId of accountIds) await setAccountFault(tx, systemActor(workspaceId), accountId, fault);
    });
  } catch (error) {
    report('What is wrong with a line could not be written down.', error);
  }
}

/** Stores what came by one connection: in order, those that came meanwhile together, again and again while the database is away. */
class Storing {
  readonly #waiting: RawRequest[] = [];
  done: Promise<void> = Promise.resolve();
  #isBusy = false;

  constructor(private readonly context: LinesContext, private readonly line: Line, private readonly signal: AbortSignal) {}

  /** A promise when enough is waiting: it is settled when there is room again. */
  take(request: RawRequest): Promise<void> | void {
    this.#waiting.push(request);
    if (!this.#isBusy) this.done = this.#store();
    if (this.#waiting.length >= TAKEN_MAX) return this.done;
  }

  async #store(): Promise<void> {
    this.#isBusy = true;
    const { context, line } = this;
    const endpoint = { workspaceId: line.workspaceId, id: line.endpointId, provider: line.provider };
    while (this.#waiting.length > 0) {
      const some = this.#waiting.splice(0, TAKEN_MAX);
      for (let left = some; left.length > 0; ) {
        const results = await Promise.allSettled(left.map((request) => receiveDelivery(context, endpoint, { source: 'EVENT_SOCKET', request })));
        left = left.filter((_, i) => results[i]!.status === 'rejected');
        context.arrived();
        if (left.length === 0) break;
        // What had come when we are told to stop is tried once more, and then left to whoever tells it again.
        if (this.signal.aborted) break;
        context.report('What came by a line could not be stored; it is tried again.', (results.find(({ status }) => status === 'rejected') as PromiseRejectedResult).reason);
        await wait(STORE_AGAIN_MS);
      }
    }
    this.#isBusy = false;
  }
}
