// PostgreSQL's own array types, told to postgres.js rather than asked for.
import { parse } from 'postgres-array';
import type { Sql } from './db.ts';

/** The oid of a type's arrays, by the oid of the type: pg_type.typarray. Those of PostgreSQL's own types never change. */
const ARRAY_OIDS: Record<number, number> = {
  16: 1000, // bool
  17: 1001, // bytea
  18: 1002, // "char"
  19: 1003, // name
  20: 1016, // int8
  21: 1005, // int2
  23: 1007, // int4
  25: 1009, // text
  26: 1028, // oid
  114: 199, // json
  700: 1021, // float4
  701: 1022, // float8
  1042: 1014, // bpchar
  1043: 1015, // varchar
  1082: 1182, // date
  1114: 1115, // timestamp
  1184: 1185, // timestamptz
  1700: 1231, // numeric
  2950: 2951, // uuid
  3802: 3807, // jsonb
};

/**
 * Gives a pool of postgres.js the arrays of PostgreSQL's own types, which go and come element by element as the type itself does. The driver would
 * read them from the catalogue at every connection, in a query that nobody awaits: a `begin` whose connection is lost just then never ends (3.4).
 * A null element is null.
 */
export function withArrayTypes(pool: Sql): Sql {
  const { parsers, serializers } = pool.options;
  for (const [element, array] of Object.entries(ARRAY_OIDS)) {
    const parseOne = parsers[Number(element)] ?? ((text: string) => text);
    const serializeOne = serializers[Number(element)] ?? ((value: unknown) => value);
    parsers[array] = (text: string) => parse(text, parseOne);
    serializers[array] = (value: unknown) => (Array.isArray(value) ? nestedLiteral(value, (one) => String(serializeOne(one))) : value);
  }
  return pool;
}

/** An array of these elements as PostgreSQL reads it, every one quoted as `textOf` writes it: {"a","b\\"c",null}. What is undefined is null. */
export function arrayLiteral<T>(values: readonly T[], textOf: (value: NonNullable<T>) => string): string {
  let text = '{';
  for (const value of values) {
    if (text.length > 1) text += ',';
    text += value === null || value === undefined ? 'null' : quoted(textOf(value));
  }
  return `${text}}`;
}

const quoted = (text: string): string => `"${/["\\]/.test(text) ? text.replace(/["\\]/g, '\\$&') : text}"`;

/** The same of arrays in arrays too, of an array type of several dimensions. */
function nestedLiteral(values: readonly unknown[], textOf: (value: unknown) => string): string {
  if (!values.some(Array.isArray)) return arrayLiteral(values, textOf);
  return `{${values.map((value) => nestedLiteral(value as unknown[], textOf)).join(',')}}`;
}
