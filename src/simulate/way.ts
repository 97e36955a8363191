// A way by which people reach the team: what a simulated day knows of it, whoever carries it. A file each: live-chat.ts, in-app.ts; ways-by-providers.ts for all of the sandbox.
import type { Act, OfferedChannel, Told } from '../sandbox/offer.ts';
import type { Person } from './people.ts';

export interface Identity {
  kind: string;
  namespace?: string;
  value: string;
}

export interface Way {
  channel: OfferedChannel;
  /** Beside the channel, where two ways are of one. */
  by: string;
  can: ReadonlySet<Act['kind'] | 'file'>;
  /** The account of ours that it comes by, `cha_…`. */
  accountId: string;
  /** Under which address he is known there before he writes. */
  identityOf(person: Person): Identity;
  /** He does something by it, through the public door. @throws Error when there is no answer */
  tell(person: Person, act: Act): Promise<Told>;
}

/** His id in the shop's own system, by which all his addresses belong together. */
export const SHOP = 'simulated_shop';
export const shopIdentity = (person: Person): Identity => ({ kind: 'EXTERNAL_ID', namespace: SHOP, value: person.shopId });
