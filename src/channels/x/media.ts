// Where the picture or video of a Direct Message can be fetched: only by somebody of the conversation, so the request is signed by the account.
// https://docs.x.com/x-api/direct-messages/media/migrate
import type { Account, MediaSource } from '../channel.ts';
import type { XSecrets, XSettings } from './account.ts';
import { authorization } from './oauth.ts';

/** Hosts of X that ask who wants a picture. X's newer address for the same, in its API, takes OAuth 2.0 alone. */
const PRIVATE_HOSTS = new Set(['ton.twitter.com', 'ton.x.com']);
/** Where films lie: some can be fetched by anybody, those of Direct Messages (`/dm_video/`) not. Found in recorded deliveries, in no document of X's. */
const FILM_HOST = 'video.twimg.com';

export async function mediaX({ url }: { url: string | null }, account: Account<XSettings, XSecrets>): Promise<MediaSource> {
  const address = url === null || !URL.canParse(url) ? null : new URL(url);
  if (address === null || !/^https?:$/.test(address.protocol)) return { outcome: 'failed', reason: 'X gave no address for the file.', retryable: false };
  const isOwn = address.origin === new URL(account.settings.apiBaseUrl).origin;
  // Nobody but X is shown who the account is.
  const signed = isOwn || (address.protocol === 'https:' && (PRIVATE_HOSTS.has(address.hostname) || (address.hostname === FILM_HOST && address.pathname.startsWith('/dm_'))));
  return { outcome: 'found', url: address.href, headers: signed ? { authorization: authorization({ method: 'GET', url: address.href }, account.secrets) } : {} };
}
