// Connections to PostgreSQL: a pool a role, and the transaction in which a workspace's data can be seen.
import postgres from 'postgres';
import { withArrayTypes } from './array-types.ts';
import { isConnectionLost } from './connection-lost.ts';
import { dial } from './dial.ts';
import { Refusal } from './errors.ts';
import { watchSilence } from './silence.ts';
import { sqlState } from './sql-state.ts';
import { withoutUndefined } from './parameters.ts';

export type Sql = postgres.Sql;
export type Tx = postgres.TransactionSql;

/** The database roles (migrations/ creates them). The login itself is never used for data. */
export type Role = 'throughline_app' | 'throughline_system';

const STATEMENT_MS_MAX = 30_000;

export interface PoolOptions {
  url: string;
  /** None: the login itself, for migrations only. */
  role?: Role;
  max: number;
  applicationName: string;
  /** Default 30 s. */
  statementTimeoutMs?: number;
}

/**
 * A pool. Columns are camelCase on this side and snake_case in SQL; moments are RFC 3339 strings with milliseconds; int8 is a number
 * (positions and counts stay below 2^53); jsonb is parsed. An undefined parameter throws. A connection that is dead without a word is ended within
 * seconds of being used (silence.ts), and what ran on it fails as a lost one.
 */
export function openPool(options: PoolOptions): Sql {
  const { url, applicationName, statementTimeoutMs = STATEMENT_MS_MAX } = options;
  const connection: Record<string, string> = {
    application_name: applicationName,
    timezone: 'UTC',
    statement_timeout: String(statementTimeoutMs),
    idle_in_transaction_session_timeout: '60000',
  };
  if (options.role) {
    connection.role = options.role;
    // Planned once a connection: planning takes .3 to 2.3 ms of each statement, and PostgreSQL would go on planning anew those that name rows by arrays.
    connection.plan_cache_mode = 'force_generic_plan';
  }
  const open = (lost: () => void) => withArrayTypes(postgres(url, {
    // Who listens has a connection beside the pool, with its options (events/bus.ts).
    ...dial(url, (stream, { onnotify }) => watchSilence(stream, { url, applicationName, statementTimeoutMs, lost: onnotify ? undefined : lost })),
    max: options.max,
    connection,
    fetch_types: false,
    onnotice: () => {},
    connect_timeout: 10,
    // postgres.js would wait up to 20 s between two tries, and every query with it: an outage is to be told at once, and over at once.
    backoff: (tries: number) => Math.min(0.02 * 2 ** tries, 0.5),
    transform: { column: { from: postgres.toCamel, to: postgres.fromCamel } },
    types: {
      moment: {
        to: 1184,
        from: [1082, 1114, 1184],
        serialize: (value: string | Date) => (value instanceof Date ? value.toISOString() : value),
        parse: (text: string) => (text.includes('infinity') ? text : new Date(text).toISOString()),
      },
      int8: { to: 20, from: [20], serialize: (value: number | bigint) => String(value), parse: (text: string) => Number(text) },
    },
  }) as unknown as Sql);
  return withoutUndefined(lasting(open));
}

/** How long a pool that was replaced goes on for those who had asked it. */
const RETIRING_MS = 1_000;

/**
 * postgres.js 3.4 stalls the connections of a pool, and throws from a timer (`isDriverFault`), when a connection is lost: what is asked on it between its
 * error and its close is never answered, and a write that was to come then keeps its place for ever (connection.js, closed; porsager/postgres #1154,
 * #1208). So a pool that lost a connection is replaced as a whole, before anybody hears of the loss; what runs on the old one has a second to end there.
 */
function lasting(open: (lost: () => void) => Sql): Sql {
  let ended = false;
  const opened = (): Sql => {
    const made: Sql = open(() => replace(made));
    return made;
  };
  const replace = (lost: Sql) => {
    if (lost !== current || ended) return;
    current = opened();
    // Not at once: the driver forgets what waits in the queue of a pool whose connections are ended one by one (3.4.9, index.js, end). Going on, they take it;
    // what is left after a second is told that it is lost.
    const timer = setTimeout(() => {
      retiring.delete(lost);
      lost.end({ timeout: 0 }).catch(() => {});
    }, RETIRING_MS);
    retiring.set(lost, timer);
  };
  const retiring = new Map<Sql, NodeJS.Timeout>();
  let current = opened();
  const begin = async (...args: unknown[]) => {
    const mine = current;
    try {
      return await (mine.begin as (...args: unknown[]) => Promise<unknown>)(...args);
    } catch (error) {
      if (isConnectionLost(error)) replace(mine);
      throw error;
    }
  };
  const end: Sql['end'] = (options) => {
    ended = true;
    for (const timer of retiring.values()) clearTimeout(timer);
    return Promise.all([current, ...retiring.keys()].map((pool) => pool.end(options))).then(() => {});
  };
  return new Proxy(current, {
    apply: (_target, _this, args) => Reflect.apply(current as never, undefined, args),
    get: (_target, name) => {
      if (name === 'begin') return begin;
      if (name === 'end') return end;
      const value = Reflect.get(current, name) as unknown;
      return typeof value === 'function' ? value.bind(current) : value;
    },
  });
}

/** The driver's own fault after a backend died in a transaction (see `lasting`): thrown from a timer, with nothing to be done about it. */
export const isDriverFault = (error: unknown): boolean => error instanceof TypeError && /\bnextWrite\b[\s\S]*postgres/.test(error.stack ?? '');

const RETRYABLE = new Set(['40P01', '40001']);
const TRIES = 8;

/**
 * Runs `work` in one READ COMMITTED transaction that sees the workspace's rows only (row-level security), and runs it again after a
 * deadlock or a serialisation failure. Nothing outside the database may be done in `work`, since it can run more than once.
 * `source` is what `app.source` says within: from where it is done (events/source.ts).
 * @throws whatever `work` throws; the transaction is then rolled back.
 */
export const inWorkspace = <T>(sql: Sql, workspaceId: string, work: (tx: Tx) => Promise<T>, source?: string | null): Promise<T> => inContext(sql, 'isolation level read committed', workspaceId, work, source);

/** The same in a REPEATABLE READ transaction, which sees one moment throughout. */
export const inSnapshot = <T>(sql: Sql, workspaceId: string, work: (tx: Tx) => Promise<T>): Promise<T> => inContext(sql, 'isolation level repeatable read', workspaceId, work);

async function inContext<T>(sql: Sql, mode: string, workspaceId: string, work: (tx: Tx) => Promise<T>, source?: string | null): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await sql.begin(mode, async (tx) => {
        // Pipelined with the first statement of `work`: the context costs no round trip of its own.
        const context = (
          source == null
            ? tx`select set_config('app.workspace_id', ${workspaceId}, true)`
            : tx`select set_config('app.workspace_id', ${workspaceId}, true), set_config('app.source', ${source}, true)`
        ).execute();
        context.catch(() => {});
        const result = await work(tx);
        await context;
        return result;
      })) as T;
    } catch (error) {
      if (attempt >= TRIES || !RETRYABLE.has(sqlState(error) ?? '')) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10 * attempt));
    }
  }
}

/** Fails with NOT_FOUND when a row is missing: `row` else a Refusal that names the thing. */
export function found<T>(row: T | undefined | null, what: string): T {
  if (row === undefined || row === null) throw new Refusal('NOT_FOUND', `There is no such ${what} in this workspace.`);
  return row;
}
