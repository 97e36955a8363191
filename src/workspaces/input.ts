// What clients send, brought to a form that can be stored, or refused with the field's name.
import { Refusal } from '../platform/errors.ts';
import { uuidOf } from '../platform/ids.ts';

/** `cus_<32 hex>` -> UUID. @throws Refusal INVALID_ID naming the field. */
export function uuidFrom(prefix: string, id: string, ...field: string[]): string {
  const uuid = uuidOf(prefix, id);
  if (uuid === null) throw new Refusal('INVALID_ID', `${shown(id)} is not an id of this type; they look like \`${prefix}_\` and 32 hex digits.`, { field });
  return uuid;
}

/** A name on one line: without blanks at its ends, 1 to 200 characters, no control characters. @throws Refusal INVALID_INPUT */
export function lineOf(text: string, field: string, charactersMax = 200): string {
  const line = text.trim();
  if (line.length === 0) throw new Refusal('INVALID_INPUT', 'It must not be empty.', { field: [field] });
  if (line.length > charactersMax) {
    throw new Refusal('INVALID_INPUT', `It has ${line.length} characters; at most ${charactersMax} are allowed.`, { field: [field] });
  }
  // Control characters (PostgreSQL stores no NUL) and halves of surrogate pairs.
  if (/\p{Cc}|\p{Cs}/u.test(line)) throw new Refusal('INVALID_INPUT', 'It must be one line of well-formed text.', { field: [field] });
  return line;
}

/** An IANA name as it was given, when this process knows it. @throws Refusal INVALID_INPUT */
export function timeZoneOf(name: string, field: string): string {
  try {
    // Offsets (`+02:00`), which newer runtimes take too, have no daylight saving: a workspace lies in a place.
    if (/^[A-Za-z]/.test(name)) {
      new Intl.DateTimeFormat('en', { timeZone: name });
      return name;
    }
  } catch {
    // refused below
  }
  throw new Refusal('INVALID_INPUT', `${shown(name)} is not an IANA time zone such as \`Europe/Amsterdam\` or \`UTC\`.`, { field: [field] });
}

/** `https://shop.example` and the like: scheme, host and port of a page that browsers call from. @throws Refusal INVALID_INPUT */
export function originsOf(origins: readonly string[], field: string): string[] {
  if (origins.length > 100) throw new Refusal('INVALID_INPUT', 'At most 100 origins are allowed.', { field: [field] });
  return [...new Set(origins.map((origin, at) => originOf(origin, [field, String(at)])))];
}

function originOf(text: string, field: string[]): string {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // refused below
  }
  const isOrigin = url && /^https?:$/.test(url.protocol) && (text.toLowerCase() === url.origin || text.toLowerCase() === `${url.origin}/`);
  if (!isOrigin) {
    throw new Refusal('INVALID_INPUT', `${shown(text)} is not an origin: it is scheme, host and port only, like \`https://shop.example\`.`, { field });
  }
  return url!.origin;
}

/** An address as far as a member's log-in needs it. @throws Refusal INVALID_INPUT */
export function emailOf(text: string, field: string): string {
  const email = lineOf(text, field, 254).toLowerCase();
  if (!/^[^\s@<>,;"]+@[^\s@<>,;"]+$/.test(email)) throw new Refusal('INVALID_INPUT', `${shown(text)} is not an e-mail address.`, { field: [field] });
  return email;
}

export interface Opening {
  /** 1 is Monday. */
  day: number;
  /** `HH:MM`, local. */
  from: string;
  to: string;
}

/** Openings in order of the week, none over another. Hours over midnight are two of them. @throws Refusal INVALID_INPUT */
export function openingsOf(openings: readonly Opening[], field: string): Opening[] {
  const refuse = (at: number, why: string): never => {
    throw new Refusal('INVALID_INPUT', why, { field: [field, String(at)] });
  };
  if (openings.length > 70) throw new Refusal('INVALID_INPUT', 'At most 70 openings a week are allowed.', { field: [field] });
  openings.forEach(({ day, from, to }, at) => {
    if (!Number.isInteger(day) || day < 1 || day > 7) refuse(at, `Day ${day} is not 1 (Monday) to 7 (Sunday).`);
    if (!/^([01]\d|2[0-3]):[0-5]\d$/.test(from)) refuse(at, `${shown(from)} is not a time like 09:00.`);
    if (!/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/.test(to)) refuse(at, `${shown(to)} is not a time like 17:30, or 24:00 for the end of the day.`);
    if (from >= to) refuse(at, 'An opening ends after it begins, on the same day; hours over midnight are two openings.');
    const over = openings.findIndex((other, before) => before < at && other.day === day && other.from < to && from < other.to);
    if (over >= 0) refuse(at, 'This opening overlaps another of the same day.');
  });
  return openings
    .map(({ day, from, to }) => ({ day, from, to }))
    .sort((a, b) => a.day - b.day || a.from.localeCompare(b.from));
}

/** @throws Refusal CONFLICT when `expected` is given and isn't the present version. */
export function expectVersion(present: number, expected: number | null | undefined): void {
  if (expected === null || expected === undefined || expected === present) return;
  throw new Refusal('CONFLICT', `It has version ${present}, not ${expected}: somebody changed it. Read it again, then decide.`, { field: ['expectedVersion'], version: present });
}

const shown = (text: string): string => `\`${text.length > 60 ? `${text.slice(0, 60)}…` : text}\``;
