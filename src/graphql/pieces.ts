// The text of an answer, as SQL that concatenates it: pieces of fixed text and of SQL, values that JavaScript finishes, missing values.
import { isLeafType, isListType, isNonNullType, type GraphQLOutputType } from 'graphql';
import type { Viewer } from '../access/viewer.ts';
import type { Leaf } from './entity.ts';
import { fromCompute, momentJson, quote, wire } from './text.ts';

/** SQL of type text, or text itself. */
export type Piece = string | { text: string };

/** Why the loaders must answer. */
export class NotCompilable extends Error {}

/**
 * Neither occurs in valid JSON, where control characters are escaped. BROKEN stands where a non-null value is null: the loaders then word the
 * error. Between three MARKs stand the number of a finisher and the JSON that it is given.
 */
export const BROKEN = '\u0001';
export const MARK = '\u0002';
export const broken = 'chr(1)';

/** Makes a value's JSON from what SQL gave. @throws when the value isn't what its type demands */
export type Finisher = (given: unknown, viewer: Viewer) => string;

export const text = (content: string): Piece => ({ text: content });

/** Halved again and again: PostgreSQL recurses per operator, and a flat chain of some thousands exceeds its stack. */
const balanced = (parts: readonly string[]): string =>
  parts.length < 3 ? parts.join('||') : `(${balanced(parts.slice(0, parts.length >> 1))}||${balanced(parts.slice(parts.length >> 1))})`;

export function concat(pieces: readonly Piece[]): string {
  const out: string[] = [];
  let run = '';
  for (const piece of pieces) {
    if (typeof piece !== 'string') {
      run += piece.text;
      continue;
    }
    if (run) out.push(quote(run));
    run = '';
    out.push(piece);
  }
  if (run) out.push(quote(run));
  return balanced(out) || `''`;
}

/** What is known of a leaf's SQL. */
export interface LeafSql {
  expression: string;
  /** PostgreSQL's type of the column; undefined where it isn't a column, or not a stored one. */
  columnType: string | undefined;
  nullable: boolean;
  /** A column that is NOT NULL in the catalogue. */
  isNotNull: boolean;
  /** The enum's names are all that the column can hold. */
  isProven: boolean;
}

/** The leaf's JSON, or null when only a finisher can make it (Float, JSON, an enum that nothing proves). */
export function leafPieces(type: Leaf, sql: LeafSql): Piece[] | null {
  const { expression, columnType, nullable, isNotNull, isProven } = sql;
  const value = wire(type, expression);
  const missing = nullable ? `'null'` : broken;
  const guarded = (json: string): Piece[] => [isNotNull ? json : `coalesce(${json}, ${missing})`];
  const quoted = (): Piece[] => (isNotNull ? [text('"'), value, text('"')] : [`coalesce('"'||${value}||'"', ${missing})`]);
  if (typeof type === 'object') {
    if (type.kind === 'id') return quoted();
    if (type.kind === 'enum') return isProven ? quoted() : null;
    if (columnType !== 'text[]') return null;
    const holds =
      type.of === 'String'
        ? `array_position(${expression}, null::text) is null`
        : `${expression} <@ ${quote(`{${Object.keys((type.of as { values: object }).values).join(',')}}`)}::text[]`;
    return [`case when ${expression} is null then ${missing} when ${holds} then (${value})::text else ${broken} end`];
  }
  switch (type) {
    case 'DateTime':
      return isNotNull ? [momentJson(expression), text('Z"')] : [`coalesce(${momentJson(expression)}||'Z"', ${missing})`];
    case 'ID':
      return columnType === 'uuid' ? quoted() : guarded(`to_json(${value})::text`);
    case 'String':
    case 'Cursor':
      return guarded(`to_json(${value})::text`);
    case 'Int':
      return guarded(`(${columnType === 'integer' ? expression : value})::text`);
    case 'Boolean':
      return guarded(`(${value})::text`);
    case 'Milliseconds':
    case 'Bytes':
      // Beyond 2^53 JavaScript would round: the loaders refuse it.
      return columnType === undefined || columnType === 'integer'
        ? guarded(`(${value})::text`)
        : [
            `case when ${expression} is null then ${missing} when ${expression} between -9007199254740991 and 9007199254740991 then (${value})::text else ${broken} end`,
          ];
    default:
      return null;
  }
}

/** JSON of SQL, for a finisher. */
export const jsonOf = (sql: string): string => `coalesce(to_json(${sql})::text, 'null')`;

/** The finisher that completes a value as graphql-js would. */
export function finisher(type: GraphQLOutputType, leaf: Leaf, compute?: (given: any, viewer: Viewer) => unknown): Finisher {
  return (given, viewer) => JSON.stringify(completed(type, fromCompute(leaf, compute ? compute(given, viewer) : given)));
}
function completed(type: GraphQLOutputType, value: unknown): unknown {
  if (isNonNullType(type)) {
    const inner = completed(type.ofType, value);
    if (inner === null) throw new Error('A value is missing.');
    return inner;
  }
  if (value == null) return null;
  if (isListType(type)) return (value as unknown[]).map((item) => completed(type.ofType, item));
  if (!isLeafType(type)) throw new Error('Only leaves are finished.');
  const serialized = type.serialize(value);
  if (serialized == null) throw new Error('A value has no form.');
  return serialized;
}

/** The text of `data` with its marks filled in; null when a value is missing or can't be finished. */
export function finish(json: string | null, finishers: readonly Finisher[], viewer: Viewer): string | null {
  if (json === null || json.includes(BROKEN)) return null;
  if (finishers.length === 0) return json;
  const parts = json.split(MARK);
  let out = parts[0]!;
  try {
    for (let i = 1; i < parts.length; i += 3) out += finishers[Number(parts[i])]!(JSON.parse(parts[i + 1]!), viewer) + parts[i + 2]!;
  } catch {
    return null;
  }
  return out;
}
