// Normal forms of addresses: what makes two spellings the same address, and no more than that. Pure.
//
//   value        the normal form, the key of an identity. Lossless for providers' ids; nothing is refused because a vendor's form is odd.
//   folding key  equal for spellings of one phone number that different networks use (see `equivalents`): locks are taken on it.
import { createHash } from 'node:crypto';
import { domainToASCII } from 'node:url';
import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js/max';
import { IDENTITY_KINDS } from '../../schema/identities.ts';

export type IdentityKind = (typeof IDENTITY_KINDS)[number];
/** The kinds that come from outside; `SELF` is made with its customer and is no address. */
export type AddressKind = Exclude<IdentityKind, 'SELF'>;

export interface Address {
  kind: AddressKind;
  /** '' for addresses of the world (phone, e-mail, SIP, X). */
  namespace: string;
  value: string;
  /** As it came, but for what PostgreSQL's text cannot hold (NUL, lone surrogates). */
  valueRaw: string;
}

const ADDRESS_KINDS = new Set<string>(IDENTITY_KINDS.filter((kind) => kind !== 'SELF'));
const WORLDWIDE = new Set<AddressKind>(['PHONE', 'EMAIL', 'SIP_URI', 'X_USER_ID']);

/** Characters. Longer values are cut and end in their SHA-256, since an index entry holds less than 2,700 bytes. */
const VALUE_MAX = 320;
const RAW_MAX = 2_000;

const READINGS_MAX = 6;

/**
 * The normal form of an address as a channel, an agent or an import gave it; null when it is none (empty, an unknown kind, an e-mail address
 * without `@`, a number that lost digits by being a JavaScript number above 2^53). `kind` in upper or lower case; `country` (ISO 3166-1
 * alpha-2) is where a phone number without `+` belongs. Never throws; idempotent: the normal form of a normal form is itself.
 */
export function normalAddress(
  given: { kind: string; namespace?: string | null; value: string | number | bigint },
  options: { country?: string } = {},
): Address | null {
  const kind = String(given.kind).toUpperCase() as AddressKind;
  if (!ADDRESS_KINDS.has(kind)) return null;
  if (typeof given.value === 'number' && !Number.isSafeInteger(given.value)) return null;
  const raw = storable(String(given.value ?? ''));
  const form = FORMS[kind];
  const read = (text: string): string | null => {
    const trimmed = storable(text).trim();
    const formed = form ? form(trimmed, options.country) : trimmed;
    return formed === null ? null : bounded(formed);
  };
  // What reading leaves can be read once more (a prefix behind a prefix, digits behind letters): the normal form is where that ends.
  let value = read(raw);
  for (let again = 0; again < READINGS_MAX && value !== null; again++) {
    const next = read(value);
    if (next === value) break;
    value = next;
  }
  if (value === null || value === '') return null;
  const namespace = WORLDWIDE.has(kind) ? '' : bounded(storable(String(given.namespace ?? '')).trim());
  return { kind, namespace, value, valueRaw: rawForm(raw) };
}

/** What is kept of an address as it came. */
export const rawForm = (text: string): string => storable(text).slice(0, RAW_MAX);

/** Absent: the id as it is, without blanks around it. Ids are compared by case, and a leading zero counts. */
const FORMS: Partial<Record<AddressKind, (text: string, country?: string) => string | null>> = {
  EMAIL: email,
  PHONE: phone,
  SIP_URI: sipUri,
};

/**
 * Lower case and a punycode domain. The local part is not put through NFKC: by RFC 6532 two different strings are two mailboxes. Dots and
 * plus tags stay, since only their own provider knows whether they count.
 */
function email(text: string): string | null {
  const bare = (/<([^<>]*)>\s*$/.exec(text)?.[1] ?? text).trim().replace(/^(?:mailto:\s*)+/i, '');
  const at = bare.lastIndexOf('@');
  if (at < 1) return null;
  const local = bare.slice(0, at).trim().toLowerCase();
  const domain = bare.slice(at + 1).trim().toLowerCase().replace(/(?<!\.)\.+$/, '');
  const quoted = /^".*"$/.test(local);
  if (local === '' || domain === '' || /[\s<>]/.test(quoted ? domain : local + domain)) return null;
  return `${local}@${asciiDomain(domain)}`;
}

/** Only for a name with letters outside ASCII: the WHATWG parser behind `domainToASCII` would make an IPv4 address of `1.2`. */
function asciiDomain(domain: string): string {
  // eslint-disable-next-line no-control-regex
  return /^[\x00-\x7f]*$/.test(domain) ? domain : domainToASCII(domain) || domain;
}

/**
 * E.164 where the number says its country (`+`, `00` before a number that is valid) or `country` does. Otherwise the digits as they are: a
 * number without a country is never guessed at, since `415 555 1234` read as Swiss would be a stranger's. Short codes and the letters of an
 * alphanumeric sender stay. Vendors' prefixes (`tel:`, `whatsapp:`) go.
 */
function phone(text: string, country?: string): string | null {
  const bare = text.replace(/^(?:(?:tel|whatsapp|sms):\s*)+/i, '');
  if (bare === '') return null;
  const digits = asciiDigits(bare);
  if (/^\+|^\uff0b/.test(bare)) return international(bare) ?? (digits ? `+${digits}` : bare);
  if (/\p{L}/u.test(bare)) return bare;
  if (digits.startsWith('00')) {
    const parsed = parsePhoneNumberFromString(`+${digits.slice(2)}`);
    if (parsed?.isValid()) return international(parsed.number);
  }
  if (country && digits.length > 6) {
    const parsed = parsePhoneNumberFromString(bare, country.toUpperCase() as CountryCode);
    if (parsed?.isValid()) return international(parsed.number);
  }
  return digits || bare;
}

/**
 * The library also reads `+44 (0)20 …` and `+54 011 15 …`. One reading can lead to another (a trunk prefix behind a trunk prefix); the normal
 * form is where that ends. Null for what it can't place: `+266696687` is how a network says "anonymous", and keeps its digits.
 */
function international(text: string): string | null {
  let number: string | null = null;
  for (let reading = 0; reading < 5; reading++) {
    const parsed = parsePhoneNumberFromString(number ?? text);
    if (!parsed || parsed.number === number) break;
    number = parsed.number;
  }
  return number;
}

const asciiDigits = (text: string): string => text.replace(/\p{Nd}/gu, digitValue).replace(/[^0-9]/g, '');

/** Unicode's decimal digits stand in runs of ten, each beginning with a zero. */
function digitValue(digit: string): string {
  const code = digit.codePointAt(0)!;
  let before = 0;
  while (before < code && /\p{Nd}/u.test(String.fromCodePoint(code - before - 1))) before++;
  return String(before % 10);
}

/** RFC 3261, 19.1.4: the host is compared without case, the user with it; parameters and the default port say how to get there, not to whom. */
function sipUri(text: string): string | null {
  const bare = (/<([^<>]*)>/.exec(text)?.[1] ?? text).trim();
  const match = /^(?:sips?:)?([^@;?]+)@([^;?>]+)/i.exec(bare);
  if (!match) return bare || null;
  const host = match[2]!.trim().toLowerCase().replace(/(?<!:506[01])(?::506[01])+$/, '');
  const user = match[1]!.replace(/^sips?:/i, '').split(':')[0]!;
  return user === '' || host === '' ? bare : `sip:${user}@${host}`;
}

/**
 * Every spelling under which the same telephone is known, the given one first. More than one only for:
 * - Brazil: mobiles have a 9 before eight digits that begin with 6–9; many accounts and callers still come without (`+55 31 8888-8888`).
 *   A landline (2–5) never has one: putting it there would make a stranger of him (chatwoot#14657).
 * - Mexico: `+52 1` before ten digits, for mobiles until 2019, still sent by WhatsApp and Twilio.
 * - Argentina: `+54 9` before ten digits, for mobiles called from abroad; the ten digits are unique in the national plan.
 */
export function equivalents(kind: AddressKind, value: string): string[] {
  if (kind !== 'PHONE') return [value];
  for (const { long, short } of FOLDS) {
    const shortened = long.exec(value);
    if (shortened) return [value, shortened[1]! + shortened[2]!];
    const lengthened = short.from.exec(value);
    if (lengthened) return [value, lengthened[1]! + short.insert + lengthened[2]!];
  }
  return [value];
}

/** Equal for equivalent addresses, different for all others: the longest spelling for Brazil and Argentina, the shortest for Mexico. */
export function foldingKey(kind: AddressKind, value: string): string {
  const spellings = equivalents(kind, value);
  if (spellings.length === 1) return value;
  const byLength = spellings.sort((a, b) => a.length - b.length);
  return value.startsWith('+52') ? byLength[0]! : byLength[1]!;
}

const FOLDS: { long: RegExp; short: { from: RegExp; insert: string } }[] = [
  { long: /^(\+55\d\d)9([6-9]\d{7})$/, short: { from: /^(\+55\d\d)([6-9]\d{7})$/, insert: '9' } },
  { long: /^(\+52)1(\d{10})$/, short: { from: /^(\+52)(\d{10})$/, insert: '1' } },
  { long: /^(\+54)9(\d{10})$/, short: { from: /^(\+54)(\d{10})$/, insert: '9' } },
];

/** Without NUL, and with U+FFFD for lone surrogates: what PostgreSQL's text can hold and UTF-8 can carry. */
export function storable(text: string): string {
  return Buffer.from(text.replaceAll('\0', ''), 'utf8').toString('utf8');
}

function bounded(value: string): string {
  if (value.length <= VALUE_MAX) return value;
  const digest = createHash('sha256').update(value).digest('hex');
  return `${storable(value.slice(0, VALUE_MAX - digest.length - 1))}#${digest}`;
}
