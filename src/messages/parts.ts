// Pure: the channel contract's parts -> rows of message_parts, and the text that lists and search show.
import type { Part } from '../channels/channel.ts';
import { sanitizeHtml } from '../channels/email/sanitize.ts';
import type { MEDIA_STATES, PART_KINDS } from '../../schema/messages.ts';

export interface PartRow {
  kind: (typeof PART_KINDS)[number];
  text: string | null;
  visibleText: string | null;
  quotedText: string | null;
  signature: string | null;
  html: string | null;
  mime: string | null;
  filename: string | null;
  size: number | null;
  sha256: string | null;
  providerMediaId: string | null;
  url: string | null;
  mediaState: (typeof MEDIA_STATES)[number] | null;
  data: unknown;
}

const EMPTY: Omit<PartRow, 'kind'> = {
  text: null, visibleText: null, quotedText: null, signature: null, html: null, mime: null, filename: null, size: null, sha256: null,
  providerMediaId: null, url: null, mediaState: null, data: null,
};
const TEXT_SHOWN_MAX = 10_000;

/** HTML is sanitised here, before it is stored for display; the raw stays in the delivery. */
export function partRow(part: Part): PartRow {
  switch (part.type) {
    case 'text':
      return {
        ...EMPTY, kind: 'TEXT', text: part.text, visibleText: part.visibleText, quotedText: part.quotedText, signature: part.signature ?? null,
        html: part.html === null ? null : sanitizeHtml(part.html),
      };
    case 'media':
      return {
        ...EMPTY, kind: part.kind === 'sticker' ? 'STICKER' : 'MEDIA', mime: part.mime, filename: part.filename, size: part.size, sha256: part.sha256 ?? null,
        providerMediaId: part.providerMediaId, url: part.url, mediaState: part.sha256 ? 'STORED' : part.transient || (part.url === null && part.providerMediaId === null) ? 'LINKED' : 'PENDING',
        data: { kind: part.kind, contentId: part.contentId ?? null, ...(part.transient ? { transient: true } : {}) },
      };
    default: {
      const { type, ...data } = part;
      return { ...EMPTY, kind: KINDS[type], data };
    }
  }
}

const KINDS: Record<Exclude<Part['type'], 'text' | 'media'>, PartRow['kind']> = {
  location: 'LOCATION', contacts: 'CONTACTS', reaction: 'REACTION', choice: 'CHOICE', form: 'FORM', order: 'ORDER', link: 'LINK', template: 'TEMPLATE', encrypted: 'ENCRYPTED', unsupported: 'UNSUPPORTED',
};

/** A part that says `text`, as an agent or a chat visitor types it. */
export const textPart = (text: string, html: string | null = null): PartRow => partRow({ type: 'text', text, visibleText: text, quotedText: null, html });

/** What of a message lists and search show: the visible texts and the choices; null when it has none. */
export function shownText(parts: readonly PartRow[]): string | null {
  const texts = parts.flatMap((part) => {
    if (part.kind === 'TEXT') return [part.visibleText ?? part.text ?? ''];
    if (part.kind === 'CHOICE') return [(part.data as { title: string }).title];
    return [];
  });
  const text = texts.filter((t) => t !== '').join('\n');
  return text === '' ? null : text.slice(0, TEXT_SHOWN_MAX);
}
