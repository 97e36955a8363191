// Every way by which a simulated day's people reach the team, connected. Adding one: its file, and its line here.
import type { Offer, OfferedChannel } from '../sandbox/offer.ts';
import { openOffers } from '../sandbox/offers.ts';
import type { Api } from './api.ts';
import { connectOffer } from './connect.ts';
import { inAppWay } from './in-app.ts';
import { liveChatWay } from './live-chat.ts';
import type { Way } from './way.ts';
import { waysBy } from './ways-by-providers.ts';

/** In the order of the summary. */
export const PROVIDERS: Readonly<Record<string, readonly OfferedChannel[]>> = {
  twilio: ['SMS', 'VOICE'], bandwidth: ['SMS'], meta_cloud: ['WHATSAPP'], meta: ['MESSENGER', 'INSTAGRAM'], x_account_activity: ['X'], postmark: ['EMAIL'], freeswitch: ['VOICE'],
};
/** Those that need no provider. */
const OWN: readonly { channel: OfferedChannel; open: (api: Api) => Promise<Way> }[] = [{ channel: 'LIVE_CHAT', open: liveChatWay }, { channel: 'IN_APP', open: inAppWay }];

export const SIMULATED_CHANNELS: readonly OfferedChannel[] = [...new Set([...OWN.map(({ channel }) => channel), ...Object.values(PROVIDERS).flat()])];

/** Starts the providers that these channels need, and connects them. @throws ApiRefused, Error; the providers are stopped then */
export async function connectWays(api: Api, channels: readonly OfferedChannel[]): Promise<{ ways: Way[]; offers: Offer[] }> {
  const offers = await openOffers(Object.keys(PROVIDERS).filter((name) => PROVIDERS[name]!.some((channel) => channels.includes(channel))));
  try {
    const ways: Way[] = [];
    for (const { channel, open } of OWN) if (channels.includes(channel)) ways.push(await open(api));
    for (const offer of offers) {
      const used = (channel: OfferedChannel): boolean => PROVIDERS[offer.provider]!.includes(channel);
      ways.push(...waysBy({ ...offer, accounts: offer.accounts.filter(({ channel }) => used(channel)) }, await connectOffer(api, { ...offer, accounts: offer.accounts.filter(({ channel }) => used(channel)) }))
        .filter(({ channel }) => channels.includes(channel)));
    }
    return { ways, offers };
  } catch (error) {
    await Promise.all(offers.map((offer) => offer.close()));
    throw error;
  }
}
