// Pure: Bandwidth's callbacks, read without loss and cleaned of what PostgreSQL can't hold.
import { storable } from '../../../identities/address.ts';
import { Unparsable } from '../../channel.ts';
import { readJson } from '../../json.ts';
import { plausibleMoment } from '../../plausible-moment.ts';

/** Far deeper than any callback. */
const DEPTH_MAX = 50;

export type Members = Readonly<Record<string, unknown>>;

/** A list, as Bandwidth documents it; one by itself is taken too. @throws Unparsable when it is neither */
export function callbacksIn(body: Buffer): Members[] {
  const value = cleaned(readJson(body), 0);
  const list = Array.isArray(value) ? value : [value];
  return list.map((one) => {
    if (!isMembers(one)) throw new Unparsable('It is no list of callbacks: expected JSON objects.');
    return one;
  });
}

const isMembers = (value: unknown): value is Members => typeof value === 'object' && value !== null && !Array.isArray(value);

function cleaned(value: unknown, depth: number): unknown {
  if (depth > DEPTH_MAX) throw new Unparsable('The JSON is nested deeper than any callback.');
  if (typeof value === 'string') return storable(value);
  if (Array.isArray(value)) return value.map((one) => cleaned(one, depth + 1));
  if (!isMembers(value)) return value;
  // fromEntries makes a member even of `__proto__`.
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [storable(name), cleaned(member, depth + 1)]));
}

/** The member as it is; undefined when there is none. */
export const memberOf = (value: unknown, name: string): unknown => (isMembers(value) && Object.hasOwn(value, name) ? value[name] : undefined);

/** A text, or a number as text (`errorCode` is one); of a list the first. Null when it is absent, empty or anything else. */
export function textOf(value: unknown, name: string): string | null {
  const member = memberOf(value, name);
  const one: unknown = Array.isArray(member) ? member[0] : member;
  return typeof one === 'string' ? one || null : typeof one === 'number' ? String(one) : null;
}

/** Every text of a list; a single one is a list of one. */
export function textsOf(value: unknown, name: string): string[] {
  const member = memberOf(value, name);
  return (Array.isArray(member) ? member : [member]).filter((one): one is string => typeof one === 'string' && one !== '');
}

/**
 * A moment, in milliseconds and UTC. The documents print variants: without a zone (it is UTC), with a blank or a hyphen before the hour
 * (`2019-09-13-16:48:27.198Z`). Null when it is none, or of a time that had no such messages.
 */
export function momentOf(value: unknown, name: string): string | null {
  const found = /^\s*(\d{4}-\d\d-\d\d)[T\s-](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)\s*(?:Z|([+-]\d\d):?(\d\d))?\s*$/i.exec(textOf(value, name) ?? '');
  if (!found) return null;
  const [, day, hour, east, minutes] = found;
  const ms = Date.parse(`${day}T${hour}${east === undefined ? 'Z' : `${east}:${minutes}`}`);
  return plausibleMoment(ms);
}
