// Twilio's requests, read without loss: forms (and the few JSON bodies that it sends) as named values, cleaned of what PostgreSQL can't hold.
import { storable } from '../../identities/address.ts';
import { Unparsable, type RawRequest } from '../channel.ts';

/** Twilio's largest requests have some 60 fields. */
const FIELDS_MAX = 1_000;

/** One field, its bytes as they came (a latin1 string: a character is a byte). */
export type RawPair = [name: string, value: string];

/**
 * The fields of an urlencoded text in their order; both given and returned as latin1, so that a signature is made over the sender's bytes and
 * not over what a UTF-8 decoder made of them. A key without `=` has an empty value; a `%` that encodes nothing stays.
 * @throws Unparsable above FIELDS_MAX fields
 */
export function rawPairs(encoded: string): RawPair[] {
  const parts = encoded.split('&', FIELDS_MAX + 1);
  if (parts.length > FIELDS_MAX) throw new Unparsable(`It has more than ${FIELDS_MAX} fields.`);
  return parts
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=');
      return equals < 0 ? [decoded(part), ''] : [decoded(part.slice(0, equals)), decoded(part.slice(equals + 1))];
    });
}

const decoded = (text: string): string =>
  text.replaceAll('+', ' ').replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** What a request says, by field. A name that is repeated keeps every value. */
export class Fields {
  readonly #values = new Map<string, string[]>();

  constructor(pairs: Iterable<readonly [name: string, value: string]>) {
    for (const [name, value] of pairs) {
      const key = storable(name);
      const values = this.#values.get(key);
      if (values) values.push(storable(value));
      else this.#values.set(key, [storable(value)]);
    }
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The first value; null when the field is absent or empty (Twilio sends every field of a kind, filled or not). */
  text(name: string): string | null {
    return this.#values.get(name)?.[0] || null;
  }

  /** An address. A `+` that wasn't percent-encoded has become a blank; it is put back, in fields that hold a number only. */
  phone(name: string): string | null {
    return this.text(name)?.replace(/(^|:) +(?=\d)/, '$1+').trim() || null;
  }

  /** A count, or a number of seconds; null when it is absent or no such number. */
  count(name: string): number | null {
    const text = this.text(name)?.trim() ?? '';
    return /^\d{1,9}$/.test(text) ? Number(text) : null;
  }

  /** Everything, for what is kept because it isn't understood. */
  toObject(): Record<string, string | string[]> {
    return Object.fromEntries([...this.#values].map(([name, values]) => [name, values.length === 1 ? values[0]! : values]));
  }
}

/**
 * The fields of a request: of its body, or of its address where the webhook is configured as GET. JSON is read when the content type says so,
 * or when there is none (a recorded body) and the body begins like an object.
 * @throws Unparsable
 */
export function readFields(request: RawRequest): Fields {
  if (request.method.toUpperCase() === 'GET') return new Fields(asText(rawPairs(Buffer.from(queryOf(request.url)).toString('latin1'))));
  const type = request.headers['content-type'];
  const looksLikeJson = type === undefined ? /^\s*\{/.test(request.body.toString('latin1', 0, 64)) : /\bjson\b/i.test(type);
  if (looksLikeJson) return new Fields(jsonPairs(request.body.toString('utf8')));
  // A form never holds a bare line end; a recorded file may close with one.
  return new Fields(asText(rawPairs(request.body.toString('latin1').replace(/(?<![\r\n])[\r\n]+$/, ''))));
}

const queryOf = (url: string): string => /\?([^#]*)/.exec(url)?.[1] ?? '';

const asText = (pairs: RawPair[]): RawPair[] => pairs.map(([name, value]) => [utf8(name), utf8(value)]);

const utf8 = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('utf8');

function jsonPairs(text: string): [string, string][] {
  let value: unknown;
  try {
    value = JSON.parse(text);
    // Whole numbers beyond 2^53 were rounded: they are read as text. The first alternative steps over strings, each of which ends, since it is JSON.
    if (/\d{16}/.test(text)) value = JSON.parse(text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\d{16,}(?![\d.eE])/gs, (token) => (token.startsWith('"') ? token : `"${token}"`)));
  } catch (error) {
    throw new Unparsable('It is said to be JSON and is not.', { cause: error });
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Unparsable('The JSON is not one object with named fields.');
  const entries = Object.entries(value);
  if (entries.length > FIELDS_MAX) throw new Unparsable(`It has more than ${FIELDS_MAX} fields.`);
  return entries.flatMap(([name, field]) => (Array.isArray(field) ? field : [field]).flatMap((one): [string, string][] => {
    if (one === null) return [];
    return [[name, typeof one === 'object' ? JSON.stringify(one) : String(one)]];
  }));
}

/** What the address that Twilio called says beside the payload: parameters that we, or who configured the webhook, put there. It is signed. */
export function ownParameter(url: string, name: string): string | null {
  try {
    return new URL(url).searchParams.get(name) || null;
  } catch {
    return null;
  }
}
