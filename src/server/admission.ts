// How much a server takes on. What would wait too long is refused while that costs little, so that what is taken on is answered in time
// (bench overload.goodput).
import { performance } from 'node:perf_hooks';
import { Refusal } from '../platform/errors.ts';
import { counter, gauge } from '../platform/metrics.ts';

/** So many operations are taken on however slow they are. */
export const UNDERWAY_ALWAYS = 100;
/** What is taken on is to be answered within so long, as far as the pace of the last answers tells. */
const WAIT_SECONDS_MAX = 1;
/** Before anything was measured. */
const PER_SECOND_AT_START = 500;
const WINDOW_MS = 250;
/** The pace tells how much can be done only while there is more to do than is done at once. */
const BUSY = 32;
/** Of the newest window in the pace. */
const WEIGHT = 0.3;

const refusals = counter('overload_refusals_total', 'Operations that were refused because too many were under way.');
const admissions = new Set<Admission>();
gauge('operations_underway', 'Queries and mutations that are being answered.', [], (g) => g.set([...admissions].reduce((sum, { underway }) => sum + underway, 0)));

export class Admission {
  underway = 0;
  #perSecond = PER_SECOND_AT_START;
  #answered = 0;
  #windowBegan: number;
  #wasBusy = false;

  constructor(private readonly clock: () => number = () => performance.now()) {
    this.#windowBegan = clock();
    admissions.add(this);
  }

  /**
   * Takes an operation on. @returns what is to be called once it was answered; more calls do nothing.
   * @throws Refusal OVERLOADED
   */
  enter(): () => void {
    if (this.underway >= Math.max(UNDERWAY_ALWAYS, this.#perSecond * WAIT_SECONDS_MAX)) {
      refusals.inc();
      throw new Refusal('OVERLOADED', `The server is answering ${this.underway} operations, which is all that it can in time. Try again.`, { retryAfterSeconds: 1 });
    }
    this.underway++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.underway--;
      this.#measure();
    };
  }

  close(): void {
    admissions.delete(this);
  }

  #measure(): void {
    this.#answered++;
    const now = this.clock();
    const seconds = (now - this.#windowBegan) / 1000;
    if (seconds * 1000 < WINDOW_MS) return;
    const isBusy = this.underway >= BUSY;
    if (isBusy && this.#wasBusy) this.#perSecond += WEIGHT * (this.#answered / seconds - this.#perSecond);
    this.#wasBusy = isBusy;
    this.#answered = 0;
    this.#windowBegan = now;
  }
}
