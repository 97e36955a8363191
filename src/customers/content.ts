// What may be said of a customer, and of whom: checked and brought to observations' keys. Pure.
import { normalAddress, storable, type Address } from '../identities/address.ts';
import { standing } from '../identities/policy.ts';
import { personName } from '../identities/linking.ts';
import { Refusal } from '../platform/errors.ts';

export const TAGS_MAX = 50;
export const ATTRIBUTES_MAX = 100;
const ATTRIBUTE_BYTES_MAX = 8_192;

/** What the API takes of a customer. Left out: stays as it is. null: what this source said before is taken back. */
export interface Values {
  name?: string | null;
  /** BCP 47, e.g. `en` or `pt-BR`. */
  language?: string | null;
  tier?: string | null;
  company?: string | null;
  /** By key; a null takes that attribute back. */
  attributes?: Record<string, unknown> | null;
  /** Added to those that are there. */
  tags?: readonly string[] | null;
}
/** One value of one key (see `attribute_observations.key`), as it will be kept. */
export interface Said {
  key: string;
  value: unknown;
}
export interface GivenAddress {
  kind: string;
  namespace?: string | null;
  value: string;
}

/** @throws Refusal INVALID_INPUT with the field's path below `at` */
export function saidOf(values: Values, at: readonly string[] = []): Said[] {
  const said: Said[] = [];
  for (const [key, charactersMax] of [['name', 200], ['tier', 64], ['company', 200]] as const) {
    const value = values[key];
    if (value !== undefined) said.push({ key, value: value === null ? null : lineOf(value, charactersMax, [...at, key]) });
  }
  if (values.language !== undefined) said.push({ key: 'language', value: values.language === null ? null : languageOf(values.language, [...at, 'language']) });
  const attributes = Object.entries(objectOf(values.attributes, [...at, 'attributes']));
  if (attributes.length > ATTRIBUTES_MAX) refuse(`There are ${attributes.length} attributes; at most ${ATTRIBUTES_MAX}.`, [...at, 'attributes']);
  for (const [key, value] of attributes) said.push({ key: `custom.${attributeKey(key, at)}`, value: storableJson(value, [...at, 'attributes', key]) });
  for (const tag of tagsOf(values.tags ?? [], [...at, 'tags'])) said.push({ key: `tag.${tag}`, value: true });
  return said;
}

/** Tags as they are kept: without blanks at their ends, each once. @throws Refusal INVALID_INPUT */
export function tagsOf(tags: readonly string[], field: readonly string[]): string[] {
  if (tags.length > TAGS_MAX) refuse(`There are ${tags.length} tags; at most ${TAGS_MAX}.`, field);
  return [...new Set(tags.map((tag, index) => lineOf(tag, 64, [...field, String(index)])))];
}

/** What a channel says of one key, fit to be kept; null when it says nothing. Never refuses: a delivery isn't lost over an odd name. */
export function observable(key: string, value: unknown): unknown {
  if (key === 'name') return typeof value === 'string' ? personName(value) : null;
  if (key === 'language') return typeof value === 'string' && LANGUAGE.test(value.trim()) ? value.trim() : null;
  if (typeof value === 'string') return storable(value).slice(0, 2_000).trim() || null;
  try {
    return storableJson(value, [key]);
  } catch {
    return null;
  }
}

/** @throws Refusal INVALID_INPUT for what is no address of its kind, and for placeholders (`anonymous`, `0000000`) */
export function addressOf(given: GivenAddress, field: readonly string[]): Address {
  const address = normalAddress(given);
  const shown = `\`${storable(given.value).slice(0, 60)}\``;
  if (!address) return refuse(`${shown} is no address of kind ${given.kind}${given.kind.toUpperCase() === 'PHONE' ? '' : '; an e-mail address has an @'}.`, [...field, 'value']);
  if (standing(address) === 'NOBODY') return refuse(`${shown} is a placeholder, by which nobody can be found.`, [...field, 'value']);
  if (address.kind === 'PHONE' && !/^\+|^\d{3,8}$|\p{L}/u.test(address.value)) {
    return refuse(`${shown} does not say its country; write it like +442079460958.`, [...field, 'value']);
  }
  if (address.kind === 'EXTERNAL_ID' && address.namespace === '') return refuse('An external id needs the name of its system as `namespace`.', [...field, 'namespace']);
  return address;
}

function lineOf(text: unknown, charactersMax: number, field: readonly string[]): string {
  if (typeof text !== 'string') return refuse('It must be text.', field);
  const line = text.trim();
  if (line === '') refuse('It must not be empty; null takes the value back.', field);
  if (line.length > charactersMax) refuse(`It has ${line.length} characters; at most ${charactersMax} are allowed.`, field);
  if (/\p{Cc}|\p{Cs}/u.test(line)) refuse('It must be one line of well-formed text.', field);
  return line;
}

const LANGUAGE = /^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,8}$/;

function languageOf(text: string, field: readonly string[]): string {
  const tag = lineOf(text, 80, field);
  return LANGUAGE.test(tag) ? tag : refuse(`\`${tag.slice(0, 60)}\` is not a language tag such as \`en\` or \`pt-BR\`.`, field);
}

function objectOf(value: unknown, field: readonly string[]): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) return refuse('Attributes are an object: { "key": value }.', field);
  return value as Record<string, unknown>;
}

function attributeKey(key: string, at: readonly string[]): string {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(key)
    ? key
    : refuse(`The key \`${storable(key).slice(0, 60)}\` is not 1 to 64 letters, digits, dots, dashes and underscores.`, [...at, 'attributes']);
}

/** What jsonb can hold: no NUL and no lone surrogates in texts and keys. */
function storableJson(value: unknown, field: readonly string[]): unknown {
  const text = JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === 'string') return storable(inner);
    if (inner !== null && typeof inner === 'object' && !Array.isArray(inner)) return Object.fromEntries(Object.entries(inner).map(([k, v]) => [storable(k), v]));
    return inner;
  });
  if (text === undefined) return null;
  if (Buffer.byteLength(text) > ATTRIBUTE_BYTES_MAX) refuse(`The value has ${Buffer.byteLength(text)} bytes as JSON; at most ${ATTRIBUTE_BYTES_MAX}.`, field);
  return JSON.parse(text);
}

function refuse(message: string, field: readonly string[]): never {
  throw new Refusal('INVALID_INPUT', message, { field: [...field] });
}
