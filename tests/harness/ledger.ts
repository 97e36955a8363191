// What a client knows of what it asked for: acknowledged, refused, or unknown (it was asked and no answer came). Kept apart from the servers, so
// that it can be held against the database after they were killed.
export type Outcome = 'acknowledged' | 'refused' | 'unknown';

export interface Entry {
  kind: string;
  /** Under which the effect is found in the database: it stands in its text. */
  mark: string;
  outcome: Outcome;
  tries: number;
  /** Why it was refused, or what the connection said. */
  said: string;
}
export type Answer = { outcome: Outcome; said?: string };

export class Ledger {
  readonly entries: Entry[] = [];
  readonly #again = new Map<Entry, () => Promise<Answer>>();

  /** Asks once and writes down what came of it. `ask` sends the same request every time, with the same idempotency key or provider's id. */
  async ask(kind: string, mark: string, ask: () => Promise<Answer>): Promise<Entry> {
    const entry: Entry = { kind, mark, outcome: 'unknown', tries: 0, said: '' };
    this.entries.push(entry);
    this.#again.set(entry, ask);
    await this.retry(entry);
    return entry;
  }

  /** Asks again for what was asked before. What was acknowledged once stays so. */
  async retry(entry: Entry): Promise<Answer> {
    entry.tries++;
    let answer: Answer;
    try {
      answer = await this.#again.get(entry)!();
    } catch (error) {
      answer = { outcome: 'unknown', said: String(error) };
    }
    if (entry.outcome !== 'acknowledged') {
      entry.outcome = answer.outcome;
      entry.said = answer.said ?? '';
    }
    return answer;
  }

  of(outcome: Outcome): Entry[] {
    return this.entries.filter((entry) => entry.outcome === outcome);
  }

  /** `12 acknowledged, 0 refused, 3 unknown` */
  summary(): string {
    return (['acknowledged', 'refused', 'unknown'] as const).map((outcome) => `${this.of(outcome).length} ${outcome}`).join(', ');
  }
}

/** Numbers between 0 and 1 that follow from the seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The seed of this run: SEED, or a new one. */
export const seedOfRun = (): number => Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
