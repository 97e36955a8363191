// The scalars that GraphQL lacks: how they are read from a client and checked on their way out.
import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';

const refuse = (message: string): never => {
  throw new GraphQLError(message, { extensions: { code: 'INVALID_INPUT', http: { status: 400 } } });
};
const shortly = (value: unknown): string => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
};

const MOMENT = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;
/** RFC 3339, to the millisecond, in UTC. @throws GraphQLError for anything else, and for days that don't exist */
export function moment(value: unknown): string {
  const parts = typeof value === 'string' ? MOMENT.exec(value) : null;
  if (!parts) return refuse(`'${shortly(value)}' is no DateTime: RFC 3339 with a time zone, like 2026-01-31T09:00:00.000Z.`);
  const [, year, month, day, hour, minute, second] = parts.map(Number) as number[];
  const days = new Date(Date.UTC(2000, month!, 0)).getUTCDate();
  const isDay = month! >= 1 && month! <= 12 && day! >= 1 && day! <= (month === 2 && !isLeap(year!) ? 28 : days);
  const at = new Date(parts[0]!.toUpperCase().replace(/(\.\d{3})\d+/, '$1'));
  if (!isDay || hour! > 23 || minute! > 59 || second! > 59 || Number.isNaN(at.getTime()))
    return refuse(`'${shortly(value)}' is no moment of the calendar.`);
  if (at.getUTCFullYear() < 1 || at.getUTCFullYear() > 9999) return refuse(`'${shortly(value)}' is not between the years 1 and 9999.`);
  return at.toISOString();
}
const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

const string = (node: ValueNode, name: string): string =>
  node.kind === Kind.STRING ? node.value : refuse(`A ${name} is written as a string.`);

const DateTime = new GraphQLScalarType<string, string>({
  name: 'DateTime',
  description: 'A moment: RFC 3339 with milliseconds, given in UTC (`2026-01-31T09:00:00.000Z`), taken with any offset.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
  serialize: (value) => (typeof value === 'string' ? value : refuse('A DateTime must be text.')),
  parseValue: moment,
  parseLiteral: (node) => moment(string(node, 'DateTime')),
});

function integer(name: string, description: string): GraphQLScalarType<number, number> {
  const check = (value: unknown): number =>
    typeof value === 'number' && Number.isSafeInteger(value)
      ? value
      : refuse(`'${shortly(value)}' is no ${name}: a whole number of at most 2^53 - 1.`);
  return new GraphQLScalarType<number, number>({
    name,
    description,
    serialize: check,
    parseValue: check,
    parseLiteral: (node) => (node.kind === Kind.INT ? check(Number(node.value)) : refuse(`${name} is written as a whole number.`)),
  });
}

function json(node: ValueNode, variables: Record<string, unknown> | null | undefined): unknown {
  switch (node.kind) {
    case Kind.STRING:
    case Kind.BOOLEAN:
    case Kind.ENUM:
      return node.value;
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.OBJECT:
      return Object.fromEntries(node.fields.map((field) => [field.name.value, json(field.value, variables)]));
    case Kind.LIST:
      return node.values.map((value) => json(value, variables));
    case Kind.VARIABLE:
      return variables?.[node.name.value];
    default:
      return null;
  }
}
const Json = new GraphQLScalarType<unknown, unknown>({
  name: 'JSON',
  description: 'Any JSON value: an object, a list, a text, a number, true, false or null.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: json,
});

const Cursor = new GraphQLScalarType<string, string>({
  name: 'Cursor',
  description:
    'A place in the log of the workspace. Opaque; take it from `Query.cursor` or from a payload, and give it as `after` to continue there.',
  serialize: (value) => (typeof value === 'string' ? value : refuse('A Cursor must be text.')),
  parseValue: (value) => (typeof value === 'string' ? value : refuse('A Cursor is given as a string.')),
  parseLiteral: (node) => string(node, 'Cursor'),
});

export const SCALARS = {
  DateTime,
  JSON: Json,
  Milliseconds: integer('Milliseconds', 'A duration in milliseconds: a whole number of at most 2^53 - 1.'),
  Bytes: integer('Bytes', 'A size in bytes: a whole number of at most 2^53 - 1.'),
  Cursor,
};
