// Every sandbox provider, in the order in which they are shown. Adding one: its file under offers/, and its line here.
import { randomBytes } from 'node:crypto';
import { seededRandom } from '../platform/random.ts';
import { nowMs } from '../platform/clock.ts';
import { secretsOf, type Offer, type OfferOptions } from './offer.ts';
import { bandwidthOffer } from './offers/bandwidth.ts';
import { freeswitchOffer } from './offers/freeswitch.ts';
import { metaOffer } from './offers/meta.ts';
import { postmarkOffer } from './offers/postmark.ts';
import { twilioOffer } from './offers/twilio.ts';
import { whatsappCloudOffer } from './offers/whatsapp-cloud.ts';
import { xOffer } from './offers/x.ts';
import type { Weather } from './sandbox.ts';

export const OFFERS: Readonly<Record<string, (o: OfferOptions) => Promise<Offer>>> = {
  twilio: twilioOffer, bandwidth: bandwidthOffer, meta_cloud: whatsappCloudOffer, meta: metaOffer, x_account_activity: xOffer, postmark: postmarkOffer, freeswitch: freeswitchOffer,
};

export interface Climate {
  /** Requests a second that a provider takes; beyond them 429. Null: any number. */
  perSecond: number | null;
  /** The share of requests that end in a 503, from 0 to 1. */
  failRate: number;
  seed: number;
}

/**
 * Starts the providers of these names. `port`: the first one's, the others on those after it; left out, each takes a free one. `key`: of which their secrets are
 * made; left out, a random one.
 */
export async function openOffers(names: readonly string[], { climate, port, key = randomBytes(32).toString('hex') }: { climate?: Climate; port?: number; key?: string } = {}): Promise<Offer[]> {
  const opened: Offer[] = [];
  try {
    for (const [n, name] of names.entries()) {
      opened.push(await OFFERS[name]!({ secret: secretsOf(key, name), ...(port === undefined ? {} : { port: port + n }), ...(climate ? { weather: weatherOf(climate, n) } : {}) }));
    }
  } catch (error) {
    await Promise.all(opened.map((offer) => offer.close()));
    throw error;
  }
  return opened;
}

/** Only what changes something is refused: to look something up is free. */
function weatherOf({ perSecond, failRate, seed }: Climate, n: number): Weather {
  const random = seededRandom(seed + n);
  let taken: number[] = [];
  return ({ method }) => {
    if (method === 'GET') return null;
    if (perSecond !== null) {
      taken = taken.filter((at) => nowMs() - at < 1_000);
      if (taken.length >= perSecond) return { status: 429, retryAfterSeconds: 1 };
      taken.push(nowMs());
    }
    return random() < failRate ? { status: 503 } : null;
  };
}
