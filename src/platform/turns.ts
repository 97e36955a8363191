// Work that keeps the event loop for long, a piece in each of its turns: many pieces at once hold it up no longer than the longest of them.

export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Waits for a turn of the event loop in which nobody else of these works. */
  next(): Promise<void> {
    return (this.#last = this.#last.then(() => new Promise((resolve) => setImmediate(resolve))));
  }
}
