// Calls of one kind that come while others of it are running wait for a moment, and then run together: one transaction, one commit. A call that comes
// alone runs at once.
import { isConnectionLost } from './connection-lost.ts';
import { Refusal } from './errors.ts';
import { sqlState } from './sql-state.ts';

const RUNNING_MAX = 2;

interface Waiting<Call, Result> {
  call: Call;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/** Gathers calls by a key (who calls what); each gets its own result, or its own error. */
export class Gathering<Call, Result> {
  readonly #lines = new Map<string, { running: number; waiting: Waiting<Call, Result>[] }>();

  /**
   * @param alone runs one call
   * @param together runs several in one transaction, all of them or none. When it was refused each runs alone; else nobody knows whether it was done.
   * @param weight of a call; those that run together weigh at most `weightMax`
   */
  constructor(
    private readonly alone: (call: Call) => Promise<Result>,
    private readonly together: (calls: Call[]) => Promise<Result[]>,
    private readonly weight: (call: Call) => number,
    private readonly weightMax: number,
  ) {}

  run(key: string, call: Call): Promise<Result> {
    return new Promise((resolve, reject) => {
      let line = this.#lines.get(key);
      if (!line) this.#lines.set(key, (line = { running: 0, waiting: [] }));
      line.waiting.push({ call, resolve, reject });
      if (line.running < RUNNING_MAX) void this.#drain(key, line);
    });
  }

  async #drain(key: string, line: { running: number; waiting: Waiting<Call, Result>[] }): Promise<void> {
    line.running++;
    while (line.waiting.length > 0) await this.#runAll(line.waiting.splice(0, this.#fitting(line.waiting)));
    line.running--;
    if (line.running === 0) this.#lines.delete(key);
  }

  /** How many of the first fit into one transaction; one always does. */
  #fitting(waiting: readonly Waiting<Call, Result>[]): number {
    let sum = 0;
    const full = waiting.findIndex(({ call }, i) => (sum += this.weight(call)) > this.weightMax && i > 0);
    return full < 0 ? waiting.length : full;
  }

  async #runAll(waiting: Waiting<Call, Result>[]): Promise<void> {
    if (waiting.length > 1) {
      try {
        const results = await this.together(waiting.map(({ call }) => call));
        waiting.forEach(({ resolve }, i) => resolve(results[i]!));
        return;
      } catch (error) {
        if (!wasRefused(error)) {
          for (const { reject } of waiting) reject(error);
          return;
        }
      }
    }
    for (const { call, resolve, reject } of waiting) await this.alone(call).then(resolve, reject);
  }
}

/** Refused by us or by PostgreSQL, so nothing of it was done. What a network says of a lost answer says nothing of the commit. */
const wasRefused = (error: unknown): boolean => {
  const state = sqlState(error);
  return error instanceof Refusal || state === undefined || (/^[0-9A-Z]{5}$/.test(state) && !isConnectionLost(error));
};
