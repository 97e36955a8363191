// The columns that most tables share, so that one kind of value has one kind of column.
import { sql, type SQL } from 'drizzle-orm';
import { check, timestamp, uuid, type AnyPgColumn } from 'drizzle-orm/pg-core';

/** A UUIDv7 made by the application (PostgreSQL 15 makes none). Shown to clients as `<prefix>_<32 hex>`. */
export const id = () => uuid().notNull();

/** The tenant that owns the row; the first column of every key and the subject of every policy. */
export const workspaceId = () => uuid().notNull();

/** A moment, to the millisecond: what a JavaScript Date holds, so that an equal cursor finds its row again. */
export const moment = () => timestamp({ precision: 3, withTimezone: true, mode: 'string' });

/** A check that a text column holds one of `values` (the names of the GraphQL enum). */
export function oneOf(name: string, column: AnyPgColumn, values: readonly string[]) {
  const list = sql.join(values.map((value) => sql.raw(`'${value}'`)), sql.raw(', ')) as SQL;
  return check(name, sql`${column} in (${list})`);
}
