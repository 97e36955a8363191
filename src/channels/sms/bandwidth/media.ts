// Pictures and files of Bandwidth's messages: addresses in callbacks, to be fetched within two days.
import type { MediaSource, Part } from '../../channel.ts';
import { mediaKind } from '../../media-kind.ts';
import { basicAuthorization, type BandwidthAccess } from './settings.ts';

/** Callbacks name no MIME types; the end of a file's name tells. */
const MIMES = new Map<string, string>([
  ['jpg', 'image/jpeg'], ['jpeg', 'image/jpeg'], ['png', 'image/png'], ['gif', 'image/gif'], ['bmp', 'image/bmp'], ['webp', 'image/webp'], ['heic', 'image/heic'], ['tif', 'image/tiff'],
  ['tiff', 'image/tiff'], ['mp4', 'video/mp4'], ['3gp', 'video/3gpp'], ['3g2', 'video/3gpp2'], ['mov', 'video/quicktime'], ['mpeg', 'video/mpeg'], ['webm', 'video/webm'],
  ['mp3', 'audio/mpeg'], ['m4a', 'audio/mp4'], ['amr', 'audio/amr'], ['wav', 'audio/wav'], ['ogg', 'audio/ogg'], ['aac', 'audio/aac'], ['caf', 'audio/x-caf'],
  ['pdf', 'application/pdf'], ['vcf', 'text/vcard'], ['vcard', 'text/vcard'], ['ics', 'text/calendar'], ['txt', 'text/plain'], ['csv', 'text/csv'],
]);
/** How a phone lays out the rest of the message (SMIL): nobody sent it, and it shows nothing by itself. */
const LAYOUTS = new Set(['smil', 'smi']);

/** Where Bandwidth keeps files; behind it stands a file's own path. */
const FOLDER = '/media/';

export function mediaParts(urls: readonly string[]): Part[] {
  return urls.flatMap((url): Part[] => {
    const path = url.replace(/^\w+:\/\/[^/?#]*/, '').split(/[?#]/, 1)[0]!;
    const filename = decoded(path.slice(path.lastIndexOf('/') + 1)) || null;
    const ending = /\.(\w{1,8})$/.exec(filename ?? '')?.[1]?.toLowerCase() ?? '';
    if (LAYOUTS.has(ending)) return [];
    const mime = MIMES.get(ending) ?? null;
    const providerMediaId = path.includes(FOLDER) ? path.slice(path.indexOf(FOLDER) + FOLDER.length) || null : null;
    return [{ type: 'media', kind: mediaKind(mime), mime, filename, size: null, providerMediaId, url }];
  });
}

function decoded(name: string): string {
  try {
    const text = decodeURIComponent(name);
    // A name comes back into paths and headers.
    // eslint-disable-next-line no-control-regex
    return /[\x00-\x1f/\\]/.test(text) || !text.isWellFormed() ? name : text;
  } catch {
    return name;
  }
}

/** With the API user's credentials, which go to the Bandwidth API only, whatever address a payload names. https://dev.bandwidth.com/docs/messaging/media */
export async function bandwidthMedia({ url }: { url: string | null }, access: BandwidthAccess): Promise<MediaSource> {
  if (url === null || !URL.canParse(url)) return { outcome: 'failed', reason: 'Bandwidth named no address for the file.', retryable: false };
  const isTheirs = new URL(url).origin === new URL(access.settings.apiBaseUrl).origin;
  return { outcome: 'found', url, headers: isTheirs ? { authorization: basicAuthorization(access.secrets) } : {} };
}
