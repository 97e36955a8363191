// What we ask Postmark to bring back with every report on a mail of ours: it names a mail by an id of its own, which our mails don't carry.
// At most 10 fields, of names up to 20 characters and values up to 80. https://postmarkapp.com/support/article/1125-custom-metadata-faq
import { textOf, type Fields } from './json-fields.ts';

const ATTEMPT = 'throughline-attempt';
const ACCOUNT = 'throughline-account';
const MESSAGE = 'throughline-id';
const VALUE_MAX = 80;
/** A Message-ID of ours has 45 characters and a domain, which has 253 at the most. */
const PIECES_MAX = 4;

export interface OurReference {
  attemptId: string | null;
  account: string | null;
  messageId: string | null;
}

/** An id that is too long for one field goes on in the next. */
export function metadataOf({ attemptId, account, messageId }: { attemptId: string; account: string; messageId: string }): Record<string, string> {
  const pieces = Array.from({ length: Math.ceil(messageId.length / VALUE_MAX) }, (_, i) => messageId.slice(i * VALUE_MAX, (i + 1) * VALUE_MAX));
  return {
    [ATTEMPT]: attemptId,
    ...(account.length <= VALUE_MAX && { [ACCOUNT]: account }),
    ...Object.fromEntries(pieces.map((piece, i) => [fieldAt(i), piece])),
  };
}

/** Names come back in whatever case. */
export function ourReference(metadata: Fields): OurReference {
  const values = new Map(Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), textOf(value)?.trim() ?? null]));
  const pieces = Array.from({ length: PIECES_MAX }, (_, i) => values.get(fieldAt(i)) ?? '');
  return { attemptId: values.get(ATTEMPT) ?? null, account: values.get(ACCOUNT) ?? null, messageId: pieces.join('') || null };
}

const fieldAt = (i: number): string => (i === 0 ? MESSAGE : `${MESSAGE}-${i + 1}`);
