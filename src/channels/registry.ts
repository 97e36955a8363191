// Every provider of every channel. Adding one: its file, and its line here (README.md).
import { OfAnotherChannel, type ChannelName, type Provider } from './channel.ts';
import { emailPostmark } from './email/postmark/provider.ts';
import { emailMime } from './email/provider.ts';
import { freeswitch } from './freeswitch/provider.ts';
import { inApp } from './in-app/provider.ts';
import { metaInstagram } from './instagram/provider.ts';
import { liveChat } from './live-chat/provider.ts';
import { metaMessenger } from './messenger/provider.ts';
import { bandwidthSms } from './sms/bandwidth/provider.ts';
import { twilioSms } from './sms/provider.ts';
import { telephony } from './telephony/provider.ts';
import { twilioVoice } from './voice/provider.ts';
import { metaCloudWhatsapp } from './whatsapp/meta-cloud/provider.ts';
import { twilioWhatsapp } from './whatsapp/twilio/provider.ts';
import { xAccountActivity } from './x/provider.ts';

export const PROVIDERS: readonly Provider[] = [
  liveChat, emailMime, emailPostmark, twilioVoice, telephony, freeswitch, twilioSms, bandwidthSms, twilioWhatsapp, metaCloudWhatsapp, metaMessenger, metaInstagram, xAccountActivity, inApp,
];

/**
 * The provider of that name, of one channel when that is given. Where a provider serves several channels by one credential (Twilio: messages
 * and calls), the name alone gives all of them as one: it reads and answers a request as the channel that the request is of.
 * @throws Error when there is none: names of providers are checked when an account is connected.
 */
export function providerNamed(name: string, channel?: ChannelName): Provider {
  const provider = findProvider(name, channel);
  if (!provider) throw new Error(`There is no provider ${name}${channel ? ` of the channel ${channel}` : ''}.`);
  return provider;
}

/** The same; undefined when there is none. */
export function findProvider(name: string, channel?: string): Provider | undefined {
  if (channel !== undefined) return PROVIDERS.find((p) => p.provider === name && p.channel === channel);
  return byName.get(name);
}

/** The provider that reads payloads of that name: its own, or one that it is known by for a kind of them (`parsesAs`). */
export const findParser = (name: string, channel: string): Provider | undefined =>
  findProvider(name, channel) ?? PROVIDERS.find((p) => p.channel === channel && p.parsesAs?.includes(name));

const byName = new Map<string, Provider>();
for (const name of new Set(PROVIDERS.map((p) => p.provider))) {
  const all = PROVIDERS.filter((p) => p.provider === name);
  byName.set(name, all.length === 1 ? all[0]! : together(all));
}

// One credential, so one signature: any of them can verify. Which one a request is for, its payload alone says: the one that understands it.
function together(all: Provider[]): Provider {
  const written = all.find((p) => p.send) ?? all[0]!;
  return {
    ...written,
    addressKinds: [...new Set(all.flatMap((p) => p.addressKinds))],
    parse: async (request) => (await reader(all, request)).parsed(),
    respond: (request, parsed, context) => (all.find((p) => p.channel === parsed?.events[0]?.channel) ?? all[0]!).respond(request, parsed, context),
  };
}

/** The provider that understands the request; else one that could at least read it; else the reason of the one whose request it is. */
async function reader(all: Provider[], request: Parameters<Provider['parse']>[0]) {
  let readable: Awaited<ReturnType<Provider['parse']>> | undefined;
  let refused: unknown;
  let notTheirs: unknown;
  for (const provider of all) {
    try {
      const parsed = await provider.parse(request);
      if (parsed.events.some((event) => event.kind !== 'unknown')) return { parsed: () => parsed };
      readable ??= parsed;
    } catch (error) {
      if (error instanceof OfAnotherChannel) notTheirs ??= error;
      else refused ??= error;
    }
  }
  return {
    parsed: () => {
      if (readable) return readable;
      throw refused ?? notTheirs;
    },
  };
}

/** Whether some provider of the channel tells its customers that they were read, and that an answer is being written (`acknowledge`). */
export const acknowledges = (channel: string): boolean => PROVIDERS.some((provider) => provider.acknowledge !== undefined && provider.channel.toUpperCase() === channel);

/** The providers that we connect to, instead of being called by them. */
export const LISTENED_PROVIDERS: readonly string[] = PROVIDERS.filter((provider) => provider.listen !== undefined).map(({ provider }) => provider);
