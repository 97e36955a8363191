// Rows of one table, written by one statement whose text doesn't depend on their number: it is prepared and planned once.
import type { Tx } from './db.ts';

/** A row by its columns' names in camelCase; every row of one call has the same columns. Arrays and objects as they are; bytes not. */
export type NewRow = Record<string, unknown>;

/** The rows as PostgreSQL reads them with the types of `table`: `select … from ${rowsOf(tx, table, rows)} r`. */
export const rowsOf = (tx: Tx, table: string, rows: readonly NewRow[]) =>
  tx`jsonb_populate_recordset(null::${tx(table)}, ${JSON.stringify(rows.map(inSnakeCase), wellFormed)}::text::jsonb)`;

/** Inserts the rows; `ending` is what follows (`on conflict …`). Sent at once, without waiting for statements before it. */
export function insertRows(tx: Tx, table: string, rows: readonly NewRow[], ending = tx``): Promise<unknown> {
  if (rows.length === 0) return Promise.resolve();
  const columns = Object.keys(rows[0]!);
  return tx`insert into ${tx(table)} (${tx(columns)}) select ${tx(columns)} from ${rowsOf(tx, table, rows)} r ${ending}`.execute();
}

const names = new Map<string, string>();
function inSnakeCase(row: NewRow): NewRow {
  const snake: NewRow = {};
  for (const [name, value] of Object.entries(row)) {
    let column = names.get(name);
    if (column === undefined) names.set(name, (column = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)));
    snake[column] = value;
  }
  return snake;
}

/** Half a pair of surrogates is no character: as a parameter it would become U+FFFD, in JSON it would be an error. */
const wellFormed = (_key: string, value: unknown): unknown => (typeof value === 'string' ? value.toWellFormed() : value);
