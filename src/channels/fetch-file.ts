// The content of what a provider keeps for us (a message's file, a call's recording), or what hinders it.
import type { MEDIA_STATES } from '../../schema/messages.ts';
import { OutgoingError, type HttpClient } from '../platform/http.ts';
import type { ConnectedAccount } from './accounts.ts';
import type { ChannelName, MediaSource } from './channel.ts';
import { providerNamed } from './registry.ts';

/** What WhatsApp, the most generous of them, takes as a document; ten hours of a telephone call. */
export const FILE_BYTES_MAX = 100 * 1024 * 1024;
const TIMEOUT_MS = 60_000;

/** Where a provider said that it is. */
export interface KeptThere {
  providerMediaId: string | null;
  url: string | null;
}
export type Fetched = { state: 'STORED'; content: Buffer; mime: string | null } | { state: Exclude<(typeof MEDIA_STATES)[number], 'STORED' | 'LINKED' | 'PENDING'> } | { retry: string };

/** `retry`: why it may go well later. `http` follows redirects, and gives no credential to another origin. */
export async function fetchFile(http: HttpClient, account: ConnectedAccount, kept: KeptThere): Promise<Fetched> {
  const provider = providerNamed(account.provider, account.channel.toLowerCase() as ChannelName);
  try {
    const source = provider.media ? await provider.media(kept, account, http) : plain(kept.url);
    if (source.outcome !== 'found') return source.retryable ? { retry: source.reason } : { state: source.outcome.toUpperCase() as 'EXPIRED' };
    const { status, headers, body } = await http.request({ method: 'GET', url: source.url, headers: source.headers, timeoutMs: TIMEOUT_MS, responseBytesMax: FILE_BYTES_MAX });
    if (status === 200) return { state: 'STORED', content: body, mime: headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? null };
    if (status === 401 || status === 403) return { state: 'FORBIDDEN' };
    if (status === 404 || status === 410) return { state: 'EXPIRED' };
    return status === 429 || status >= 500 ? { retry: `The provider answered ${status}.` } : { state: 'FAILED' };
  } catch (error) {
    if (!(error instanceof OutgoingError)) throw error;
    if (error.code === 'TOO_LARGE') return { state: 'TOO_LARGE' };
    return error.code === 'INVALID_URL' || error.code === 'PRIVATE_ADDRESS' ? { state: 'FAILED' } : { retry: error.message };
  }
}

const plain = (url: string | null): MediaSource =>
  url === null ? { outcome: 'failed', reason: 'It names no address.', retryable: false } : { outcome: 'found', url, headers: {} };
