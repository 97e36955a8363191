// How a leaf is written in SQL, as the answer shows it, and what a parameter of its type is cast to: one source for both paths, since
// only so can their answers not differ. JavaScript formats no date, cursor or number.
import { publicId } from '../platform/ids.ts';
import type { Catalogue } from './catalogue.ts';
import type { Enumeration, Leaf } from './entity.ts';

const operand = (expression: string): string => (/^[\w.]+$/.test(expression) ? expression : `(${expression})`);

/**
 * `"2026-01-31T09:00:00.000` of a moment: JSON writes one a third faster than to_char, but no trailing zeros. The microsecond keeps them, and is cut off.
 */
export const momentJson = (expression: string): string =>
  `left(to_json((${operand(expression)}::timestamptz(3) + interval '1 microsecond') at time zone interval '0')::text, 24)`;

/** SQL of the leaf's value as it stands in the answer: a DateTime is RFC 3339 text with milliseconds in UTC, an id `cus_…`. */
export function wire(type: Leaf, expression: string): string {
  const e = operand(expression);
  if (typeof type === 'object') {
    if (type.kind === 'id') return `'${type.prefix}_'||${hex(e)}`;
    return type.kind === 'list' ? `to_json(${e})` : e;
  }
  switch (type) {
    case 'DateTime':
      return `substr(${momentJson(e)}, 2)||'Z'`;
    case 'ID':
    case 'Cursor':
      return `${e}::text`;
    case 'Int':
      return `${e}::int4`;
    case 'Milliseconds':
    case 'Bytes':
      return `${e}::int8`;
    case 'Float':
      return `${e}::float8`;
    case 'JSON':
      return `${e}::jsonb`;
    default:
      return e;
  }
}

/** The hexadecimal digits of a UUID. */
export const hex = (uuid: string): string => `encode(uuid_send(${operand(uuid)}), 'hex')`;

/** What a parameter of this type is cast to; a list's is `<cast>[]`. */
export function castOf(type: Leaf): string {
  if (typeof type === 'object') return type.kind === 'id' ? 'uuid' : type.kind === 'list' ? 'text[]' : 'text';
  const casts: Record<string, string> = {
    Int: 'int4',
    Boolean: 'boolean',
    DateTime: 'timestamptz',
    Float: 'float8',
    JSON: 'text::jsonb',
    Milliseconds: 'int8',
    Bytes: 'int8',
  };
  return casts[type] ?? 'text';
}

/** A value that JavaScript made for a leaf, before its GraphQL type serialises it: UUIDs become public ids. */
export const fromCompute = (type: Leaf, value: unknown): unknown =>
  value != null && typeof type === 'object' && type.kind === 'id' ? publicId(type.prefix, String(value)) : (value ?? null);

/** The leaf in which a raw column of this PostgreSQL type is handed to a computed field. */
export function leafOfColumn(type: string | undefined): Leaf {
  if (type === undefined) return 'JSON';
  if (type.startsWith('timestamp')) return 'DateTime';
  const leaves: Record<string, Leaf> = {
    boolean: 'Boolean',
    integer: 'Int',
    smallint: 'Int',
    bigint: 'Milliseconds',
    'double precision': 'Float',
    jsonb: 'JSON',
    json: 'JSON',
    uuid: 'ID',
    'text[]': { kind: 'list', of: 'String' },
  };
  return leaves[type] ?? 'String';
}

export const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
/** An array literal of PostgreSQL, as the text of a parameter. */
export const arrayText = (values: readonly unknown[]): string =>
  `{${values.map((value) => (value === null ? 'NULL' : `"${String(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`)).join(',')}}`;
/** A value as postgres.js may send it for `$n::cast` of any type: text, except booleans (its serialiser takes no text for them). */
export const parameter = (value: unknown): string | boolean | null =>
  value == null
    ? null
    : typeof value === 'boolean'
      ? value
      : Array.isArray(value)
        ? arrayText(value)
        : typeof value === 'object'
          ? JSON.stringify(value)
          : String(value);

/** Whether the stored text needs no look at the enum's names: a check constraint says so. */
export const isProven = (catalogue: Catalogue, table: string, column: string, type: Enumeration): boolean =>
  catalogue.proves(table, column, type);
