// What notes and records may hold (pure): checked once, here, so that the actions can trust it.
import { z } from 'zod';
import { Refusal } from '../platform/errors.ts';

export const NOTE_LENGTH_MAX = 20_000;
export const LINKS_MAX = 50;
export const RECORD_FIELDS_BYTES_MAX = 32_768;

/** Text that PostgreSQL can store: no NUL, no half of a surrogate pair (which is all that the property matches in a `u` expression). */
const storable = (text: string): boolean => !/[\0\p{Surrogate}]/u.test(text);

/** The same of every key and text in a JSON value. */
function storableJson(value: unknown): boolean {
  if (typeof value === 'string') return storable(value);
  if (value === null || typeof value !== 'object') return true;
  return Object.entries(value).every(([key, inner]) => storable(key) && storableJson(inner));
}

/** A note's text, trimmed at its end. @throws Refusal INVALID_INPUT */
export function noteBody(body: string): string {
  if (!storable(body)) throw new Refusal('INVALID_INPUT', 'The note has characters that cannot be stored (NUL, or half of a surrogate pair); leave them out.', { field: ['body'] });
  const text = body.trimEnd();
  if (text.trim() === '') throw new Refusal('INVALID_INPUT', 'The note is empty; write something.', { field: ['body'] });
  if (text.length > NOTE_LENGTH_MAX) {
    throw new Refusal('INVALID_INPUT', `The note has ${text.length} characters; at most ${NOTE_LENGTH_MAX}.`, { field: ['body'] });
  }
  return text;
}

const text = (max: number) => z.string().max(max).refine(storable, 'Has characters that cannot be stored (NUL, or half of a surrogate pair).');
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'Expected a name like `shopify`: letters, digits, `_`, `.` and `-`, at most 64.');

/** Only addresses that a browser may follow: a `javascript:` link would run in the agent's screen. */
const link = text(2000).refine((url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol), 'Expected an address that begins with https:// or http://.');

const owner = z.union([
  z.strictObject({ customerId: z.uuid() }),
  z.strictObject({ address: z.strictObject({ kind: z.string(), namespace: text(200).optional(), value: text(1000) }) }),
]);

/** One record as an integrator gives it: what is left out stays as it is, null takes it away. */
export const recordInput = z.strictObject({
  system: name,
  type: name,
  externalId: text(200).min(1),
  number: text(200).min(1).nullish(),
  title: text(500).nullish(),
  url: link.nullish(),
  status: text(100).nullish(),
  fields: z
    .record(text(200), z.unknown())
    .refine((fields) => Buffer.byteLength(JSON.stringify(fields)) <= RECORD_FIELDS_BYTES_MAX, `At most ${RECORD_FIELDS_BYTES_MAX} bytes of JSON.`)
    .refine(storableJson, 'Has characters that cannot be stored (NUL, or half of a surrogate pair).')
    .nullish(),
  /** Whose it is; null takes the owner away. */
  owner: owner.nullish(),
  expectedVersion: z.int().nullish(),
});
export type RecordInput = z.infer<typeof recordInput>;

/** @throws Refusal INVALID_INPUT that names the field */
export function checkRecord(input: unknown): RecordInput {
  const checked = recordInput.safeParse(input);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new Refusal('INVALID_INPUT', `${issue!.path.join('.') || 'The record'}: ${issue!.message}`, { field: issue!.path.map(String) });
}
