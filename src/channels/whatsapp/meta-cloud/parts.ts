// Pure: the content of a WhatsApp message -> its parts.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
import type { Part } from '../../channel.ts';
import { mediaKind, type MediaKind } from '../../media-kind.ts';
import { at, cleaned, idOf, isObject, isTrue, listOf, textOf } from '../../meta/messaging-read.ts';

/** What was written, chosen and attached, in this order; what isn't understood stays with its raw. Never empty. */
export function partsOf(message: unknown): Part[] {
  const type = typeOf(message);
  const content = at(message, type);
  const parts = (content === undefined ? null : (READERS.get(type)?.(content) ?? unlistedMedia(content))) ?? [];
  const errors = listOf(at(message, 'errors'));
  if (parts.length === 0) return [unsupported(codeOf(type, message), message)];
  // It came, and something of it did not (a picture that Meta itself could not fetch).
  return errors.length === 0 ? parts : [...parts, unsupported('errors', errors)];
}

export const text = (said: string): Part => ({ type: 'text', text: said, visibleText: said, quotedText: null, html: null });

export const unsupported = (code: string, raw: unknown): Part => ({ type: 'unsupported', code, raw });

/** `type`; in its absence the kind of content that is there. */
export function typeOf(message: unknown): string {
  const type = textOf(at(message, 'type'));
  if (type !== null) return type;
  return isObject(message) ? (Object.keys(message).find((name) => READERS.has(name)) ?? '') : '';
}

/** `unsupported` says in newer deliveries what it was (a poll, an event). */
function codeOf(type: string, message: unknown): string {
  const inner = textOf(at(at(message, type), 'type'));
  return [`whatsapp_${type || 'empty'}`, ...(inner === null ? [] : [inner])].join('_').slice(0, 100);
}

type Reader = (content: unknown) => Part[] | null;

const media = (kind: MediaKind | ((content: unknown) => MediaKind)): Reader => (content) => {
  const providerMediaId = idOf(at(content, 'id'));
  const url = webUrl(textOf(at(content, 'url')) ?? textOf(at(content, 'link')));
  if (providerMediaId === null && url === null) return null;
  const caption = textOf(at(content, 'caption'));
  return [
    ...(caption === null ? [] : [text(caption)]),
    {
      type: 'media', kind: typeof kind === 'string' ? kind : kind(content), mime: mimeOf(content), filename: textOf(at(content, 'filename')),
      // Its `sha256` is of the file as Meta has it, which is still to be fetched.
      size: sizeOf(at(content, 'file_size')), providerMediaId, url,
    },
  ];
};

const mimeOf = (content: unknown): string | null => textOf(at(content, 'mime_type'))?.toLowerCase() ?? null;

function sizeOf(value: unknown): number | null {
  const size = typeof value === 'number' || (typeof value === 'string' && /^\d{1,12}$/.test(value)) ? Number(value) : NaN;
  return Number.isSafeInteger(size) && size >= 0 ? size : null;
}

/** A kind of file that is newer than this table: it has a file's id and type. */
const unlistedMedia: Reader = (content) => (mimeOf(content) === null ? null : media(mediaKind(mimeOf(content)))(content));

/** By `type`. Not there: `unsupported`, `unknown`, `media_placeholder` and `ephemeral`, of which nothing can be shown. */
const READERS = new Map<string, Reader>([
  ['text', (content) => textParts(textOf(at(content, 'body')))],
  ['image', media('image')], ['video', media('video')], ['document', media('document')], ['sticker', media('sticker')], ['voice', media('voice')],
  ['audio', media((content) => (isTrue(at(content, 'voice')) ? 'voice' : 'audio'))],
  ['location', location],
  ['contacts', (content) => (listOf(content).length === 0 ? null : [{ type: 'contacts', contacts: listOf(content) }])],
  ['button', (content) => choice(textOf(at(content, 'payload')), textOf(at(content, 'text')))],
  ['interactive', interactive],
  ['order', (content) => (isObject(content) ? [...textParts(textOf(at(content, 'text'))), { type: 'order', order: content }] : null)],
  ['template', (content) => {
    const name = textOf(at(content, 'name'));
    return name === null ? null : [{ type: 'template', name, language: textOf(at(at(content, 'language'), 'code')) ?? textOf(at(content, 'language')), parameters: parametersIn(content) }];
  }],
]);

const textParts = (said: string | null): Part[] => (said === null ? [] : [text(said)]);

const choice = (id: string | null, title: string | null): Part[] | null => (id === null && title === null ? null : [{ type: 'choice', id, title: title ?? id! }]);

function location(content: unknown): Part[] | null {
  const [latitude, longitude] = [degrees(at(content, 'latitude'), 90), degrees(at(content, 'longitude'), 180)];
  if (latitude === null || longitude === null) return null;
  return [{ type: 'location', latitude, longitude, name: textOf(at(content, 'name')), address: textOf(at(content, 'address')) }];
}

function degrees(value: unknown, max: number): number | null {
  const number = /^\s*[+-]?\d{1,3}(\.\d+)?(e-\d{1,2})?\s*$/i.test(textOf(value) ?? '') ? Number(value) : NaN;
  return Math.abs(number) <= max ? number : null;
}

/** What was tapped or filled in. Of what a business sent (an echo) the text can be shown; its buttons stay in the raw. */
function interactive(content: unknown): Part[] | null {
  const [button, entry, flow] = [at(content, 'button_reply'), at(content, 'list_reply'), at(content, 'nfm_reply')];
  const tapped = button ?? entry;
  if (tapped !== undefined) return choice(idOf(at(tapped, 'id')), textOf(at(tapped, 'title')));
  if (flow !== undefined) {
    const answers = at(flow, 'response_json');
    return [...textParts(textOf(at(flow, 'body'))), ...(answers === undefined ? [] : [{ type: 'form' as const, fields: formFields(answers) }])];
  }
  const said = textOf(at(at(content, 'body'), 'text'));
  return said === null ? null : [text(said), unsupported(`whatsapp_interactive_${textOf(at(content, 'type')) ?? 'empty'}`.slice(0, 100), content)];
}

const FORM_CHARACTERS_MAX = 256 * 1024;

/** JSON within JSON; what isn't stays as it was written. */
function formFields(written: unknown): unknown {
  if (typeof written !== 'string' || written.length > FORM_CHARACTERS_MAX) return written;
  try {
    return cleaned(JSON.parse(written));
  } catch {
    return written;
  }
}

const parametersIn = (template: unknown): string[] =>
  listOf(at(template, 'components')).filter((component) => textOf(at(component, 'type'))?.toLowerCase() === 'body')
    .flatMap((component) => listOf(at(component, 'parameters')).flatMap((parameter) => textOf(at(parameter, 'text')) ?? []));

/** An address that may be fetched; null for anything else (older servers name a path on their own disk). */
const webUrl = (url: string | null): string | null => (url !== null && /^https?:\/\/[^\s/]/i.test(url) ? url : null);
