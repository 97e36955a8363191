// Where a file that a WhatsApp message names can be fetched: its address is asked for by its id, and holds for five minutes.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media
import type { HttpClient } from '../../../platform/http.ts';
import type { Account, MediaSource } from '../../channel.ts';
import { callGraph } from '../../meta/graph.ts';
import { at, textOf } from '../../meta/messaging-read.ts';
import type { MetaSecrets } from '../../meta/signature.ts';
import { graphOf, type CloudSettings } from './account.ts';

/** By its id, also where the delivery brought an address along, which may have ended. Meta keeps what a customer sent for 7 days. */
export async function cloudMedia(part: { providerMediaId: string | null; url: string | null }, account: Account<CloudSettings, MetaSecrets>, http: HttpClient): Promise<MediaSource> {
  if (part.providerMediaId === null) return part.url === null ? failed('WhatsApp named no file.', false) : found(part.url, account);
  const path = `${encodeURIComponent(part.providerMediaId)}?phone_number_id=${encodeURIComponent(account.address)}`;
  const called = await callGraph(graphOf(account, http), 'GET', path);
  if (called.outcome === 'unknown') return failed(called.reason, true);
  if (called.outcome === 'unreached') return failed(called.reason, called.retryable);
  if (called.outcome === 'refused') {
    const { errorCode, meaning, message } = called;
    // "Object with ID … does not exist": after its time, and for an id that is another account's.
    if (errorCode === '100/33' || errorCode === '100') return { outcome: 'expired', reason: `WhatsApp has the file no more${message === null ? '.' : `: ${message}`}`, retryable: false };
    if (['0', '3', '10', '190', '200'].includes(errorCode.split('/')[0]!)) return { outcome: 'forbidden', reason: meaning.reason, retryable: false };
    return failed(meaning.reason, meaning.retryable);
  }
  const url = textOf(at(called.answer, 'url'));
  return url === null ? failed('Meta\'s answer names no address for the file.', true) : found(url, account);
}

const failed = (reason: string, retryable: boolean): MediaSource => ({ outcome: 'failed', reason, retryable });

/** The token goes to Meta's own hosts only, whatever address is named. */
function found(url: string, { settings, secrets }: Account<CloudSettings, MetaSecrets>): MediaSource {
  if (!URL.canParse(url)) return failed('WhatsApp named no address for the file.', false);
  const { origin, hostname, protocol } = new URL(url);
  const isMetas = origin === new URL(settings.apiBaseUrl).origin || (protocol === 'https:' && /(?:^|\.)(?:facebook\.com|fbsbx\.com|fbcdn\.net|whatsapp\.net)$/.test(hostname));
  return { outcome: 'found', url, headers: isMetas ? { authorization: `Bearer ${secrets.accessToken}` } : {} };
}
