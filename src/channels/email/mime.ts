// Raw bytes -> headers, texts and attachments. Everything that postal-mime can choke on ends here, as `Unparsable` with a reason.
import PostalMime, { addressParser, decodeWords, type Address } from 'postal-mime';
import { Unparsable } from '../channel.ts';
import { oneLine, storable } from './clean.ts';
import { uuFile, withoutUuFiles } from './uuencode.ts';

/** postal-mime holds a node and its text for every level; deeper mails are attacks, not letters. */
const NESTING_MAX = 200;
const HEADER_BYTES_MAX = 4 * 1024 * 1024;
const ADDRESSES_MAX = 500;
/**
 * More lines than this have at least 30 bytes each, in a letter with attachments: the library takes its time for each line, however
 * short.
 */
const SHORT_LINES_MAX = 50_000;
const LINE_BYTES_MIN = 30;

export interface Mailbox {
  name: string;
  address: string;
}
export interface Attachment {
  filename: string | null;
  /** Lower-case type/subtype. */
  mime: string;
  disposition: string | null;
  /** Without angle brackets. */
  contentId: string | null;
  content: Buffer;
}
export interface Mail {
  /** Values of a header, topmost first, unfolded and not decoded. */
  all(name: string): string[];
  first(name: string): string | null;
  names(): string[];
  /** The mailboxes of an address header, decoded; groups are unwrapped. */
  mailboxes(name: 'from' | 'sender' | 'reply-to' | 'to' | 'cc' | 'bcc'): Mailbox[];
  subject: string | null;
  text: string | null;
  html: string | null;
  attachments: Attachment[];
  /** What stands after the headers, undecoded but for its characters: for reports whose structure is broken. */
  body(): string;
}

/**
 * Reads a mail. A nested message/rfc822 stays whole, as an attachment: its text isn't the sender's, and a bounce is read from it.
 * Bytes that begin with no header of a mail are a body without one (a pasted reply), plain text or HTML.
 * @throws Unparsable for nothing, for binary data and for a mail that is nested or headed beyond measure
 */
export async function readMail(raw: Buffer): Promise<Mail> {
  const bytes = withoutBlanksBeforeColons(withoutPreamble(raw));
  if (bytes.length === 0) throw new Unparsable('The mail is empty.');
  if (hasMoreLines(bytes, Math.max(SHORT_LINES_MAX, bytes.length / LINE_BYTES_MIN))) {
    throw new Unparsable(`The mail has more than ${SHORT_LINES_MAX} lines, of less than ${LINE_BYTES_MIN} bytes each.`);
  }
  if (!beginsWithHeader(bytes)) return bodyAlone(bytes);
  const email = await PostalMime.parse(bytes, {
    forceRfc822Attachments: true,
    maxNestingDepth: NESTING_MAX,
    maxHeadersSize: HEADER_BYTES_MAX,
  }).catch((error: unknown) => {
    throw new Unparsable(`The mail cannot be read: ${oneLine(error instanceof Error ? error.message : String(error), 200)}.`);
  });

  const headers = new Map<string, string[]>();
  for (const { key, value } of email.headers) {
    const values = headers.get(key);
    if (values) values.push(storable(value));
    else headers.set(key, [storable(value)]);
  }
  const text = withoutUuFiles(email.text ?? '');
  const boxes = {
    // The library gives the first only; that there are more must be known (authenticate.ts).
    from: (headers.get('from') ?? []).flatMap(addressesOf),
    sender: email.sender ? [email.sender] : [],
    'reply-to': email.replyTo ?? [],
    to: email.to ?? [],
    cc: email.cc ?? [],
    bcc: email.bcc ?? [],
  };
  return {
    all: (name) => headers.get(name) ?? [],
    first: (name) => headers.get(name)?.[0] ?? null,
    names: () => [...headers.keys()],
    mailboxes: (name) => {
      const read = flat(boxes[name]);
      return read.some(({ address }) => /^[^\s@()<>]+@[^\s@()<>]+$/.test(address)) ? read : addressesIn((headers.get(name) ?? []).join(',')) ?? read;
    },
    subject: email.subject ? oneLine(email.subject) || null : null,
    text: text.text ? storable(text.text) : null,
    html: email.html ? storable(email.html) : null,
    attachments: [...email.attachments.map((attachment) => attachmentOf({ ...attachment, content: bufferOf(attachment.content) })), ...text.files.map((file) => attachmentOf(file))],
    body: () => storable(decoded(bytes.subarray(bodyBegins(bytes)))),
  };
}

/** An attachment as we keep it, from what a library or a provider says of one. */
export function attachmentOf(given: { filename?: string | null; mimeType?: string | null; disposition?: string | null; contentId?: string | null; content: Buffer }): Attachment {
  const mime = given.mimeType?.split(';')[0]!.trim() ?? '';
  // Of another encoding than the libraries know; a file that is called so is meant to stay encoded.
  const encoded = /\.uue?$/i.test(given.filename ?? '') ? null : uuFile(given.content);
  return {
    filename: oneLine(given.filename || encoded?.filename || '', 255) || null,
    mime: /^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100}$/.test(mime) ? mime.toLowerCase() : 'application/octet-stream',
    disposition: given.disposition ?? null,
    contentId: oneLine((given.contentId ?? '').replace(/^\s{0,20}<|>\s{0,20}$/g, ''), 255) || null,
    content: encoded?.content ?? given.content,
  };
}

/** The mailboxes in the value of an address header, decoded. */
export const headerMailboxes = (value: string): Mailbox[] => flat(addressesOf(value));

/** The text in the value of a header; null when it is empty. */
export const decodedLine = (value: string): string | null => oneLine(decodeWords(value.slice(0, 20_000))) || null;

/** Byte order mark, empty lines and the `From ` line of an mbox that stand before the first header. */
function withoutPreamble(raw: Buffer): Buffer {
  let start = raw[0] === 0xef && raw[1] === 0xbb && raw[2] === 0xbf ? 3 : 0;
  while (start < raw.length && (raw[start] === 0x0a || raw[start] === 0x0d)) start++;
  if (/^From (?![ \t]*:)/.test(raw.subarray(start, start + 100).toString('latin1'))) {
    const end = raw.indexOf(0x0a, start);
    start = end < 0 ? raw.length : end + 1;
  }
  return raw.subarray(start);
}

function hasMoreLines(bytes: Buffer, max: number): boolean {
  if (bytes.length <= max) return false;
  let lines = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0 && lines <= max; at = bytes.indexOf(0x0a, at + 1)) lines++;
  return lines > max;
}

/** Obsolete (RFC 5322, 4.5), and postal-mime takes `From  :` for another header than `From:`. */
function withoutBlanksBeforeColons(bytes: Buffer): Buffer {
  const end = bodyBegins(bytes);
  const head = bytes.subarray(0, end).toString('latin1');
  if (end > HEADER_BYTES_MAX || !/^[!-9;-~]{1,78}[ \t]{1,20}:/m.test(head)) return bytes;
  return Buffer.concat([Buffer.from(head.replace(/^([!-9;-~]{1,78})[ \t]{1,20}:/gm, '$1:'), 'latin1'), bytes.subarray(end)]);
}

/** Where comments in the middle of addresses (RFC 5322, A.5) confused the library: what looks like addresses once they are gone. */
function addressesIn(value: string): Mailbox[] | null {
  let depth = 0;
  let bare = '';
  for (let i = 0; i < Math.min(value.length, 20_000); i++) {
    const character = value[i]!;
    if (character === '\\') i++;
    else if (character === '(') depth++;
    else if (character === ')') depth = Math.max(0, depth - 1);
    else if (depth === 0) bare += character;
  }
  bare = bare.replace(/<[^<>]{1,500}>/g, (address) => address.replace(/\s+/g, ''));
  const found = [...bare.matchAll(/(?:^|[<,;:\s])([^\s<>,;:"()]{1,64}@[^\s<>,;:"()]{1,255})(?=$|[>,;\s])/g)];
  return found.length === 0 ? null : found.slice(0, ADDRESSES_MAX).map(([, address]) => ({ name: '', address: oneLine(address!, 320) }));
}

const MAIL_HEADERS = new Set([
  'from', 'to', 'cc', 'bcc', 'subject', 'date', 'message-id', 'received', 'return-path', 'reply-to', 'sender', 'delivered-to',
  'in-reply-to', 'references',
  'mime-version', 'content-type', 'content-transfer-encoding', 'x-original-to', 'envelope-to', 'dkim-signature',
  'authentication-results', 'received-spf',
]);

function beginsWithHeader(bytes: Buffer): boolean {
  const lines = bytes.subarray(0, 65_536).toString('latin1').split(/\r?\n/);
  if (!/^[!-9;-~]{1,78}[ \t]*:/.test(lines[0]!)) return false;
  for (const line of lines) {
    if (line === '') break;
    const name = /^([!-9;-~]{1,78})[ \t]*:/.exec(line)?.[1];
    if (name && MAIL_HEADERS.has(name.toLowerCase())) return true;
  }
  return false;
}

function bodyAlone(bytes: Buffer): Mail {
  const head = bytes.subarray(0, 4096);
  const binary = head.filter((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d && byte !== 0x1b).length;
  if (binary * 20 > head.length) throw new Unparsable('The delivery is binary data, not a mail: it begins with no header.');
  const body = storable(decoded(bytes));
  const html = /^\s*(?:<!--[\s\S]{0,500}?-->\s*)?<(?:!doctype|html|head|body|meta|style|div|table|p|span|blockquote)\b/i.test(body);
  return {
    all: () => [],
    first: () => null,
    names: () => [],
    mailboxes: () => [],
    subject: null,
    text: html ? null : body,
    html: html ? body : null,
    attachments: [],
    body: () => body,
  };
}

function bodyBegins(bytes: Buffer): number {
  const crlf = bytes.indexOf('\r\n\r\n');
  const lf = bytes.indexOf('\n\n');
  return crlf >= 0 && (lf < 0 || crlf < lf) ? crlf + 4 : lf >= 0 ? lf + 2 : bytes.length;
}

const decoded = (bytes: Buffer): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
};

const addressesOf = (value: string): Address[] =>
  addressParser(value.slice(0, 20_000), { flatten: true }).map(({ name, address }) => ({ name: decodeWords(name), address: address ?? '' }));

function flat(addresses: Address[]): Mailbox[] {
  return addresses
    .flatMap((address) => address.group ?? [address as Mailbox])
    .slice(0, ADDRESSES_MAX)
    .map(({ name, address }) => ({ name: oneLine(name ?? '', 255), address: oneLine(address ?? '', 1000) }));
}

const bufferOf = (content: ArrayBuffer | Uint8Array | string): Buffer =>
  typeof content === 'string' || content instanceof Uint8Array ? Buffer.from(content) : Buffer.from(content, 0, content.byteLength);
