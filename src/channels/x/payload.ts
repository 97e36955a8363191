// X's JSON, read with care: any field may be missing or of another type, and nothing throws but for what is no delivery at all.
import { createHash } from 'node:crypto';
import { storable } from '../../identities/address.ts';
import { Unparsable } from '../channel.ts';
import { readJson } from '../json.ts';
import { plausibleMoment } from '../plausible-moment.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** X's deepest payloads have some fifteen levels. */
const DEPTH_MAX = 100;

/** A delivery's object, its texts without what PostgreSQL can't hold. @throws Unparsable */
export function readPayload(body: Buffer): Fields {
  const payload = cleaned(readJson(body), 0);
  if (!isFields(payload)) throw new Unparsable('The body is JSON and not an object with named fields.');
  return payload;
}

function cleaned(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return clean(value);
  if (value === null || typeof value !== 'object') return value;
  if (depth === DEPTH_MAX) throw new Unparsable(`It is nested deeper than ${DEPTH_MAX} levels.`);
  if (Array.isArray(value)) return value.map((one) => cleaned(one, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [clean(name), cleaned(one, depth + 1)]));
}

/** Most texts have nothing of it. */
const clean = (text: string): string => (/[\0\ud800-\udfff]/.test(text) ? storable(text) : text);

export const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The object's fields; none when it isn't one. */
export const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : {});

/** What X writes as a list; one object by itself counts as a list of it. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]);

export const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** An id as digits or text; null for a number that lost digits on its way (`id` beside `id_str`). */
export function idOf(value: unknown): string | null {
  if (typeof value === 'string') return value.trim() || null;
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : null;
}

/** A time as X writes it: milliseconds, mostly as text; RFC 3339 in XAA; `Mon Mar 26 16:33:26 +0000 2018` in posts. Null for anything else. */
export function momentOf(value: unknown): string | null {
  const ms = typeof value === 'number' ? value : typeof value === 'string' ? msOf(value.trim()) : NaN;
  return plausibleMoment(ms);
}

function msOf(text: string): number {
  if (/^\d{1,16}$/.test(text)) return Number(text);
  const isDate = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)$/.test(text) || /^[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d [\d:]{8} [+-]\d{4} \d{4}$/.test(text);
  return isDate ? Date.parse(text) : NaN;
}

/** Of what X gives no id: the same content has the same, in whatever order its fields come (XAA's change from one delivery to the next). */
export const digestOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(sorted(value ?? null))).digest('hex').slice(0, 32);

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  return isFields(value) ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, one]) => [name, sorted(one)]) : value;
}
