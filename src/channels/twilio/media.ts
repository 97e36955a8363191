// Files that Twilio holds: of messages and of calls.
import type { MediaSource, Part } from '../channel.ts';
import type { MediaKind } from '../media-kind.ts';
import type { Fields } from './form.ts';
import { basicAuthorization, type TwilioCredential } from './settings.ts';

/** Twilio sends ten at the most. */
const MEDIA_MAX = 20;

/** A message's files. NumMedia and the fields can disagree: what is there counts. */
export function mediaParts(fields: Fields, kindOf: (mime: string | null) => MediaKind): Part[] {
  const parts: Part[] = [];
  for (let index = 0; index < MEDIA_MAX; index++) {
    const url = fields.text(`MediaUrl${index}`);
    if (url === null) continue;
    const mime = fields.text(`MediaContentType${index}`)?.toLowerCase() ?? null;
    const providerMediaId = /\/Media\/(ME\w+)/.exec(url)?.[1] ?? null;
    parts.push({ type: 'media', kind: kindOf(mime), mime, filename: null, size: null, providerMediaId, url });
  }
  return parts;
}

/**
 * Where a message's file or a call's recording lies. Twilio asks for the account's credentials and answers with a redirect to a storage that must not
 * see them. They go to Twilio's own hosts only, whatever address a payload names.
 * https://www.twilio.com/docs/messaging/api/media-resource · https://www.twilio.com/docs/voice/api/recording#fetch-a-recordings-media-file
 */
export async function twilioMedia({ url }: { url: string | null }, credential: TwilioCredential): Promise<MediaSource> {
  if (url === null || !URL.canParse(url)) return { outcome: 'failed', reason: 'Twilio named no address for the file.', retryable: false };
  const { origin, hostname, protocol } = new URL(url);
  const isTwilios = origin === new URL(credential.settings.apiBaseUrl).origin || (protocol === 'https:' && /(^|\.)twilio\.com$/.test(hostname));
  return { outcome: 'found', url, headers: isTwilios ? { authorization: basicAuthorization(credential) } : {} };
}
