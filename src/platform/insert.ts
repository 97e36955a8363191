// Rows of one table, written by one statement whose text doesn't depend on their number: it is prepared and planned once.
import { getTableConfig, type PgTable } from 'drizzle-orm/pg-core';
import { arrayLiteral } from './array-types.ts';
import type { Tx } from './db.ts';

/** A row by its columns' names in camelCase; every row of one call has the same columns. Arrays, objects and bytes as they are; what is missing is null. */
export type NewRow = Record<string, unknown>;

/**
 * The rows with the types of `table`, and `nth`, their order: `select … from ${rowsOf(tx, table, rows)} r`. A parameter a column: PostgreSQL reads
 * arrays in a quarter of the time that it takes for JSON. `beside`: the types of what the rows have beside the table's columns.
 */
export function rowsOf(tx: Tx, table: PgTable, rows: readonly NewRow[], beside: Record<string, string> = {}): ReturnType<Tx> {
  const { columns, source } = statementOf(table, rows, '', beside);
  return tx(source, ...valuesOf(columns, rows));
}

/** Inserts the rows; `ending`, a literal, is what follows (`on conflict …`). Sent at once, without waiting for statements before it. */
export function insertRows(tx: Tx, table: PgTable, rows: readonly NewRow[], ending = ''): Promise<unknown> {
  if (rows.length === 0) return Promise.resolve();
  const { columns, insert } = statementOf(table, rows, ending);
  return tx(insert, ...valuesOf(columns, rows)).execute();
}

interface Column {
  key: string;
  name: string;
  type: string;
}
interface Statement {
  columns: Column[];
  source: TemplateStringsArray;
  insert: TemplateStringsArray;
}
/** By table, then by the columns that are given and the ending: a handful each, all made of the schema. */
const statements = new WeakMap<PgTable, Map<string, Statement>>();

function statementOf(table: PgTable, rows: readonly NewRow[], ending: string, beside?: Record<string, string>): Statement {
  const keys = Object.keys(rows[0]!);
  let known = statements.get(table);
  if (!known) statements.set(table, (known = new Map()));
  const signature = `${keys.join()} ${ending}`;
  let statement = known.get(signature);
  if (!statement) known.set(signature, (statement = statementFor(table, keys, ending, beside)));
  return statement;
}

/** @throws Error when the table has no such column. */
function statementFor(table: PgTable, keys: readonly string[], ending: string, beside: Record<string, string> = {}): Statement {
  const { name, columns: all } = getTableConfig(table);
  const types = new Map([...all.map((column): [string, string] => [column.name, column.getSQLType()]), ...Object.entries(beside)]);
  const columns = keys.map((key): Column => {
    const type = types.get(key);
    if (type === undefined) throw new Error(`${name} has no column ${key}.`);
    return { key, name: key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), type };
  });
  const names = columns.map((column) => column.name).join(', ');
  // An array in an array would be one array of two dimensions: it goes as text.
  const read = columns.map(({ name: column, type }) => (isArray(type) ? `${column}::${type} as ${column}` : column)).join(', ');
  const before = `(select ${read}, nth from unnest(`;
  const between = columns.map(({ type }, i) => `::${isArray(type) ? 'text' : type}[]${i === columns.length - 1 ? '' : ', '}`);
  const after = `) with ordinality as given (${names}, nth))`;
  const template = (start: string, end: string) => {
    const texts = [start, ...between.slice(0, -1), `${between.at(-1)!}${end}`];
    return Object.assign(texts, { raw: texts }) as TemplateStringsArray;
  };
  return { columns, source: template(before, after), insert: template(`insert into ${name} (${names}) select ${names} from ${before}`, `${after} r ${ending}`) };
}

const isArray = (type: string): boolean => type.endsWith('[]');

const valuesOf = (columns: readonly Column[], rows: readonly NewRow[]): string[] => columns.map(({ key, type }) => arrayLiteral(rows.map((row) => row[key]), textOf(type)));

/** How a column's value is written as PostgreSQL reads it. */
const textOf = (type: string): ((value: unknown) => string) =>
  type === 'jsonb' ? (value) => JSON.stringify(value, wellFormed)
  : type === 'bytea' ? (value) => `\\x${(value as Buffer).toString('hex')}`
  : isArray(type) ? (value) => arrayLiteral(value as unknown[], String)
  : String;

/** Half a pair of surrogates is no character: as a parameter it becomes U+FFFD, in JSON it would be an error. */
const wellFormed = (_key: string, value: unknown): unknown => (typeof value === 'string' ? value.toWellFormed() : value);
