// Pure: a message of Messenger or Instagram -> its parts.
// https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/messages, …/docs/instagram-platform/webhooks/new
import type { Part } from '../channel.ts';
import { at, idOf, isTrue, listOf, textOf } from './messaging-read.ts';

/** What was written, chosen and attached, in this order; what isn't understood stays with its raw. Never empty. */
export function partsOf(message: unknown): Part[] {
  const parts = [...written(message), ...attached(message)];
  if (isTrue(at(message, 'is_unsupported'))) parts.push(unsupported('is_unsupported', message));
  return parts.length > 0 ? parts : [unsupported('empty_message', message)];
}

export const text = (said: string): Part => ({ type: 'text', text: said, visibleText: said, quotedText: null, html: null });

export const unsupported = (code: string, raw: unknown): Part => ({ type: 'unsupported', code, raw });

function written(message: unknown): Part[] {
  const said = textOf(at(message, 'text'));
  const chosen = textOf(at(at(message, 'quick_reply'), 'payload'));
  // The text of a quick reply is the title of what was chosen.
  if (chosen !== null) return [{ type: 'choice', id: chosen, title: said ?? chosen }];
  return said === null ? [] : [text(said)];
}

/** While Meta renames an attachment it sends it twice, by the old type and by the new: one of them is kept, by the new. */
function attached(message: unknown): Part[] {
  const attachments = listOf(at(message, 'attachments'));
  const bySubject = new Map<string, Part[]>();
  for (const [index, attachment] of attachments.entries()) {
    // Older payloads name a sticker in the message, of its only attachment.
    const stickerId = idOf(at(at(attachment, 'payload'), 'sticker_id')) ?? (attachments.length === 1 ? idOf(at(message, 'sticker_id')) : null);
    const { subject, parts } = read(attachment, stickerId);
    bySubject.set(subject ?? `attachment ${index}`, parts);
  }
  return [...bySubject.values()].flat();
}

interface Attachment {
  type: string;
  payload: unknown;
  url: string | null;
  title: string | null;
  raw: unknown;
}
interface Read {
  parts: Part[];
  /** Two attachments with the same are one thing. */
  subject?: string;
}

function read(raw: unknown, stickerId: string | null): Read {
  const type = (textOf(at(raw, 'type')) ?? '').toLowerCase();
  const payload = at(raw, 'payload');
  const url = textOf(at(payload, 'url')) ?? textOf(at(raw, 'url')) ?? textOf(at(raw, 'URL'));
  const attachment = { type, payload, url, title: textOf(at(payload, 'title')) ?? textOf(at(raw, 'title')), raw };
  if (stickerId !== null && (type === 'image' || type === 'sticker')) return { parts: [sticker(stickerId, url)], subject: `sticker ${stickerId}` };
  const reader = READERS.get(type);
  return (reader && reader(attachment)) ?? { parts: [unsupported(type === '' ? 'attachment' : `attachment_${type}`, raw)] };
}

/** The thumb in its three sizes, by how long it was pressed. */
const THUMBS = new Set(['369239263222822', '369239343222814', '369239383222810']);

const sticker = (id: string, url: string | null): Part =>
  THUMBS.has(id) ? text('👍') : { type: 'media', kind: 'sticker', mime: null, filename: null, size: null, providerMediaId: id, url: webUrl(url) };

type MediaKind = Extract<Part, { type: 'media' }>['kind'];

const media = (kind: MediaKind, o: { transient?: true } = {}) => ({ url, payload }: Attachment): Read | null => {
  const providerMediaId = idOf(at(payload, 'attachment_id'));
  const source = webUrl(url);
  if (source === null && providerMediaId === null) return null;
  return { parts: [{ type: 'media', kind, mime: null, filename: kind === 'file' && !o.transient ? filenameIn(source) : null, size: null, providerMediaId, url: source, ...o }] };
};

/** What was shared is somebody's post, which stands elsewhere. `site`: of addresses without one. */
const link = (kind: string, site?: string) => ({ url, title, payload }: Attachment): Read | null => {
  const target = webUrl(site !== undefined && url?.startsWith('/') ? site + url : url);
  // Without its address something of it must be told; with one that leads nowhere it is not understood.
  if (target === null && (url !== null || title === null)) return null;
  const subject = idOf(at(payload, 'ig_post_media_id')) ?? target;
  return { parts: [{ type: 'link', kind, url: target, title }], ...(subject === null ? {} : { subject: `link ${subject}` }) };
};

/** By Meta's type. Not there: `ephemeral` and `unsupported_type`, of which nothing can be shown. */
const READERS = new Map<string, (attachment: Attachment) => Read | null>([
  ['image', media('image')], ['video', media('video')], ['audio', media('audio')], ['file', media('file')], ['sticker', media('sticker')],
  // A story is an image or a video, and gone after a day: Meta forbids to keep it.
  ['story_mention', media('file', { transient: true })], ['ig_story', media('file', { transient: true })], ['story', media('file', { transient: true })],
  ['share', link('share')], ['post', link('post')], ['ig_post', link('post')],
  ['reel', link('reel', 'https://www.facebook.com')], ['ig_reel', link('reel', 'https://www.instagram.com')],
  ['fallback', link('page')], ['template', template], ['product', template], ['location', location],
  // Instagram's heart, which is a sticker without a picture.
  ['like_heart', () => ({ parts: [text('❤️')] })],
  ['appointment_booking', ({ payload }) => (payload === undefined ? null : { parts: [{ type: 'form', fields: payload }] })],
]);

function location({ payload, title }: Attachment): Read | null {
  const [latitude, longitude] = ['lat', 'long'].map((name) => textOf(at(at(payload, 'coordinates'), name)) ?? '').map((value) => (value.trim() === '' ? NaN : Number(value)));
  if (!(Math.abs(latitude!) <= 90 && Math.abs(longitude!) <= 180)) return null;
  return { parts: [{ type: 'location', latitude: latitude!, longitude: longitude!, name: title, address: null }] };
}

/** A shared product, or (in echoes) what another app sent: its text is a text, each of its elements a link. */
function template({ payload, url, title }: Attachment): Read | null {
  const product = at(payload, 'product');
  const elements = listOf(at(product, 'elements') ?? at(payload, 'elements'));
  const said = textOf(at(payload, 'text'));
  const parts: Part[] = said === null ? [] : [text(said)];
  for (const element of elements) {
    const name = textOf(at(element, 'title'));
    const target = webUrl(textOf(at(at(element, 'default_action'), 'url')) ?? textOf(at(element, 'url')));
    if (name !== null || target !== null) parts.push({ type: 'link', kind: product === undefined ? 'template' : 'product', url: target, title: name });
  }
  if (parts.length === 0 && (title !== null || webUrl(url) !== null)) parts.push({ type: 'link', kind: 'template', url: webUrl(url), title });
  return parts.length === 0 ? null : { parts };
}

/** An address that may be shown and fetched; null for anything else (a path, a script). */
const webUrl = (url: string | null): string | null => (url !== null && /^https?:\/\/[^\s/]/i.test(url) ? url : null);

/** Meta puts a file's name at the end of its address's path. */
function filenameIn(url: string | null): string | null {
  try {
    const segment = decodeURIComponent(new URL(url ?? '').pathname.split('/').at(-1)!).replaceAll('\0', '');
    return /\.\w{1,8}$/.test(segment) ? segment : null;
  } catch {
    return null;
  }
}
