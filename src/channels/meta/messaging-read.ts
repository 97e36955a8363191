// Pure: values of Meta's webhooks, read by hand. Nothing is sure to be there, or to have its documented form.
import { createHash } from 'node:crypto';
import { storable } from '../../identities/address.ts';
import { Unparsable } from '../channel.ts';
import { plausibleMoment } from '../plausible-moment.ts';

/** Meta's own payloads go some ten levels deep. */
const DEPTH_MAX = 50;

/**
 * The same value without what PostgreSQL can't hold (NUL, halves of surrogate pairs), in names too.
 * @throws Unparsable when it is nested deeper than anything that Meta sends
 */
export function cleaned(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return storable(value);
  if (value === null || typeof value !== 'object') return value;
  if (depth >= DEPTH_MAX) throw new Unparsable(`It is nested deeper than ${DEPTH_MAX} levels.`);
  if (Array.isArray(value)) return value.map((one) => cleaned(one, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [storable(name), cleaned(one, depth + 1)]));
}

export const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object' && !Array.isArray(value);

/**
 * A field of an object, by its documented name (`account_linking`); undefined when it is absent or null, or the value is no object. Meta's documents
 * also write a dash (`policy-enforcement`), and recordings that went through a client library have camel case (`accountLinking`).
 */
export function at(value: unknown, name: string): unknown {
  if (!isObject(value)) return undefined;
  for (const spelling of spellingsOf(name)) {
    if (Object.hasOwn(value, spelling) && value[spelling] !== null) return value[spelling];
  }
  return undefined;
}

const spellings = new Map<string, readonly string[]>();

function spellingsOf(name: string): readonly string[] {
  let known = spellings.get(name);
  if (!known) {
    known = [...new Set([name, name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()), name.replaceAll('_', '-')])];
    spellings.set(name, known);
  }
  return known;
}

export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]);

/** A text, or a number as a text; null when it is neither, or empty. */
export function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value === '' ? null : value;
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : null;
}

/** An id. Old samples write it as a number; one that a double can't hold came here as text already (../json.ts). */
export const idOf = (value: unknown): string | null => textOf(value)?.trim() || null;

export const isTrue = (value: unknown): boolean => value === true || value === 'true';

/** Below it a number is seconds (until the year 5138), from it on milliseconds (since 1973). */
const SECONDS_BELOW = 1e11;

/**
 * A moment, as RFC 3339; null when it is none, or before there was Facebook, or far ahead. Meta documents milliseconds and also sends seconds
 * (referrals, test events), either as digits in a string; some records hold ISO 8601.
 */
export function momentOf(value: unknown): string | null {
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/.test(value)) {
    return plausibleMoment(Date.parse(value.replace(/([+-]\d\d)(\d\d)$/, '$1:$2')));
  }
  const number = typeof value === 'number' ? value : typeof value === 'string' && /^\s*\d{1,16}(\.\d+)?\s*$/.test(value) ? Number(value) : NaN;
  return plausibleMoment(number < SECONDS_BELOW ? number * 1_000 : number);
}

/** The same for the same content in any order of its fields: what tells apart events that have no id. */
export function digestOf(value: unknown): string {
  const inOrder = JSON.stringify(value, (_name, one: unknown) => (isObject(one) ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))) : one));
  return createHash('sha256').update(inOrder ?? '').digest('hex').slice(0, 32);
}
