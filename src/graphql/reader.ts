// Reading for an operation: which connection, in which workspace's context, prepared or not.
import { performance } from 'node:perf_hooks';
import type { Sql, Tx } from '../platform/db.ts';
import { sqlState } from '../platform/sql-state.ts';
import { Refusal } from '../platform/errors.ts';
import { parameter } from './text.ts';

/** How long an operation may wait for a connection before it is refused as OVERLOADED. */
export const CONNECTION_WAIT_MS = 5_000;
const PREPARED_MAX = 256;
const PREPARE_FROM_USE = 3;
const SEEN_MAX = 5_000;
/** postgres.js renews a connection after at most an hour, and with it what was prepared on it. */
const CONNECTION_LIFE_MS = 65 * 60_000;

/**
 * Which texts are prepared: from their third use, at most 256 a connection. postgres.js never frees a prepared statement (.1 to .3 MB each)
 * before its connection ends, so a text only takes the place of one that was unused for longer than a connection lives.
 */
export class PreparedTexts {
  readonly #uses = new Map<string, number>();
  readonly #prepared = new Map<string, number>();
  constructor(
    private readonly max = PREPARED_MAX,
    private readonly clock: () => number = () => performance.now(),
  ) {}
  /** Counts a use; true when the text is to be prepared. */
  use(text: string): boolean {
    const at = this.clock();
    if (this.#prepared.delete(text)) {
      this.#prepared.set(text, at);
      return true;
    }
    const uses = (this.#uses.get(text) ?? 0) + 1;
    this.#uses.delete(text);
    if (uses >= PREPARE_FROM_USE) {
      if (this.#prepared.size >= this.max) {
        const [oldest, usedAt] = this.#prepared.entries().next().value!;
        if (at - usedAt > CONNECTION_LIFE_MS) this.#prepared.delete(oldest);
      }
      if (this.#prepared.size < this.max) {
        this.#prepared.set(text, at);
        return true;
      }
    }
    this.#uses.set(text, uses);
    if (this.#uses.size > SEEN_MAX) this.#uses.delete(this.#uses.keys().next().value!);
    return false;
  }
}

/** As many holders as the pool has connections, so that nobody queues inside postgres.js, where no wait ends. */
class Gate {
  #free: number;
  readonly #waiting: { go: () => void; timer: NodeJS.Timeout }[] = [];
  constructor(
    size: number,
    private readonly waitMs: number,
  ) {
    this.#free = size;
  }
  enter(): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free--;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const waiter = {
        go: resolve,
        timer: setTimeout(() => {
          this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
          reject(new Refusal('OVERLOADED', `No database connection became free within ${this.waitMs} ms. Try again later.`));
        }, this.waitMs),
      };
      this.#waiting.push(waiter);
    });
  }
  leave(): void {
    const next = this.#waiting.shift();
    if (!next) {
      this.#free++;
      return;
    }
    clearTimeout(next.timer);
    next.go();
  }
}

/** The read side of the graph: a pool whose connections carry no workspace but within one statement or transaction. */
export class ReadPool {
  readonly #gate: Gate;
  readonly #prepared = new PreparedTexts();
  /** Statements that were sent, contexts not counted. */
  statements = 0;
  readonly #open = new Set<Promise<void>>();
  constructor(
    readonly sql: Sql,
    waitMs = CONNECTION_WAIT_MS,
  ) {
    this.#gate = new Gate(sql.options.max, waitMs);
  }

  /**
   * A compiled operation: one statement, which sets its own context, so that it costs one message. The projection of a row can't be computed
   * before the row, and set_config is parallel-unsafe: the context stands before any policy reads it. It is local, so it ends with the
   * statement; were it late, the policies would see none and give nothing.
   */
  async one(text: string, values: readonly unknown[], workspaceId: string): Promise<string | null> {
    await this.#gate.enter();
    try {
      this.statements++;
      const whole = inContext(text, values.length);
      const rows = await this.sql.unsafe(whole, [...values.map(parameter), workspaceId], { prepare: this.#prepared.use(whole) }).values();
      return (rows[0] as unknown as [string | null])[0];
    } finally {
      this.#gate.leave();
    }
  }

  /** The reads of one operation, all of one moment. */
  operation(workspaceId: string): Operation {
    return new Operation(this, workspaceId);
  }

  /** Once every operation has ended: before the pool is. */
  async idle(): Promise<void> {
    while (this.#open.size > 0) await Promise.allSettled(this.#open);
  }

  /** @internal A read-only transaction of one moment for as long as `work` takes. */
  async transaction(work: (tx: Tx) => Promise<void>): Promise<void> {
    await this.#gate.enter();
    const done = this.sql.begin('isolation level repeatable read read only', work).then(() => undefined);
    this.#open.add(done);
    try {
      await done;
    } finally {
      this.#open.delete(done);
      this.#gate.leave();
    }
  }
  /** @internal */
  isPrepared(text: string): boolean {
    return this.#prepared.use(text);
  }
}

/** The statement with its context, by its text: one string, so that it is hashed once and not at every use. */
const contexts = new Map<string, string>();
const CONTEXTS_MAX = 2_000;
function inContext(text: string, values: number): string {
  let whole = contexts.get(text);
  if (whole === undefined) {
    whole = `${text} from (select set_config('app.workspace_id', $${values + 1}::text, true) as c offset 0) s where s.c is not null`;
    if (contexts.size >= CONTEXTS_MAX) contexts.delete(contexts.keys().next().value!);
    contexts.set(text, whole);
  }
  return whole;
}

const CONTEXT = `select set_config('app.workspace_id', $1::text, true)`;

/**
 * One read-only REPEATABLE READ transaction, begun with the first statement and ended when the operation is closed and its last statement
 * has ended: graphql-js answers as soon as a null reaches the top, while sibling resolvers still run.
 */
export class Operation {
  #begun: Promise<Tx> | undefined;
  /** Rejects when the connection is lost, which statements that wait on it might never hear of. */
  #ended: Promise<void> | undefined;
  #end: () => void = () => {};
  readonly #running = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;
  #fault: unknown;
  statements = 0;
  constructor(
    private readonly pool: ReadPool,
    readonly workspaceId: string,
  ) {}

  /** The rows, each as an array of its columns. */
  read(text: string, values: readonly unknown[]): Promise<unknown[][]> {
    if (this.#closing) return Promise.reject(new Error('The operation is over.'));
    this.statements++;
    this.pool.statements++;
    const got = this.#read(text, values);
    this.#running.add(got);
    got.then(
      () => this.#running.delete(got),
      () => this.#running.delete(got),
    );
    return got;
  }
  async #read(text: string, values: readonly unknown[]): Promise<unknown[][]> {
    const tx = await (this.#begun ??= this.#begin());
    try {
      const rows = tx.unsafe(text, values.map(parameter), { prepare: this.pool.isPrepared(text) }).values();
      return (await Promise.race([rows, this.#ended])) as unknown as unknown[][];
    } catch (error) {
      // Once a statement fails, the transaction refuses all that follow: they fail by the first one's cause.
      if (sqlState(error) === '25P02' && this.#fault) throw this.#fault;
      this.#fault ??= error;
      throw error;
    }
  }
  #begin(): Promise<Tx> {
    return new Promise((resolve, reject) => {
      this.#ended = this.pool.transaction((tx) => {
        // Pipelined with the first read. A failure shows again there; unhandled it would end the process.
        const set = tx.unsafe(CONTEXT, [this.workspaceId], { prepare: this.pool.isPrepared(CONTEXT) }).execute();
        set.catch(() => {});
        resolve(tx);
        return new Promise<void>((end) => (this.#end = end));
      });
      this.#ended.catch(reject);
    });
  }

  /** Waits for what still runs, ends the transaction and gives the connection back. Can be called again. Never throws. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }
  async #close(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    this.#end();
    // Its failure was shown by the statement that failed.
    await this.#ended?.catch(() => {});
  }
}
