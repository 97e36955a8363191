// Reports on what sandbox providers took, sent by themselves, as providers do.
import type { Offer } from './offer.ts';

const LOOK_MS = 50;

export interface Reporting {
  /** Reports that could not be delivered, a sentence each. */
  faults: string[];
  /** What was reported on so far. */
  readonly count: number;
  /** Ends when everything that was taken until now is reported on. */
  stop(): Promise<void>;
}

/** Reports on everything that these take from now on, in its order, once. */
export function reportOn(offers: readonly Offer[]): Reporting {
  const done = new Map(offers.map((offer) => [offer, offer.sent().length]));
  const reporting = { faults: [] as string[], count: 0, stop };
  let running: Promise<void> = Promise.resolve();
  const look = (): void => void (running = running.then(() => Promise.all(offers.map(reportAll)).then(() => undefined)));
  const timer = setInterval(look, LOOK_MS);

  async function reportAll(offer: Offer): Promise<void> {
    for (const { id } of offer.sent().slice(done.get(offer))) {
      done.set(offer, done.get(offer)! + 1);
      try {
        await offer.settle(id);
        reporting.count++;
      } catch (error) {
        reporting.faults.push(`${offer.title} could not report on ${id}: ${(error as Error).message}`);
      }
    }
  }

  async function stop(): Promise<void> {
    clearInterval(timer);
    look();
    await running;
  }
  return reporting;
}
