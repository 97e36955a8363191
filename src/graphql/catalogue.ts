// The columns that the declarations name, read from the database at start: a declaration that the tables don't bear out refuses to start.
import type { Sql } from '../platform/db.ts';
import type { Column, Entity, Enumeration, Leaf, Many, RootField } from './entity.ts';

interface ColumnFact {
  type: string;
  notNull: boolean;
  /** The closed list of a check constraint, when there is one. */
  values: readonly string[] | null;
}

/** What the database says of the tables and views that the declarations name. */
export class Catalogue {
  constructor(
    private readonly tables: ReadonlyMap<string, ReadonlyMap<string, ColumnFact>>,
    private readonly views: ReadonlySet<string>,
  ) {}
  hasTable(table: string): boolean {
    return this.tables.has(table);
  }
  has(table: string, column: string): boolean {
    return this.tables.get(table)?.has(column) ?? false;
  }
  /** PostgreSQL's name of the column's type, e.g. `timestamp(3) with time zone`; undefined where the rows come from SQL. */
  typeOf(table: string, column: string): string | undefined {
    return this.tables.get(table)?.get(column)?.type;
  }
  notNull(table: string, column: string): boolean {
    return this.tables.get(table)?.get(column)?.notNull ?? false;
  }
  isView(table: string): boolean {
    return this.views.has(table);
  }
  /** Whether a check constraint proves that every stored value is a name of the enum. */
  proves(table: string, column: string, enumeration: Enumeration): boolean {
    const values = this.tables.get(table)?.get(column)?.values;
    return !!values && values.every((value) => value in enumeration.values);
  }
}

/** Reads the columns of every table and view that an entity or list names. Tables that don't exist are left out: their rows come from SQL. */
export async function readCatalogue(sql: Sql, entities: Iterable<Entity>, roots: Iterable<RootField>): Promise<Catalogue> {
  const names = new Set<string>();
  const isName = (name: string) => /^[a-z_][a-z0-9_.]*$/.test(name);
  const add = (field: { form: string; through?: { table: string } }) => {
    if (field.form === 'many' && field.through) names.add(field.through.table);
  };
  for (const entity of entities) {
    names.add(entity.table);
    Object.values(entity.fields).forEach(add);
  }
  for (const root of roots) add(root);
  const columns = await sql`
    select n.name as "name", c.relkind as "relkind", a.attname as "attname", format_type(a.atttypid, a.atttypmod) as "type", a.attnotnull as "nn"
    from unnest(${[...names].filter(isName)}::text[]) n(name)
    join pg_class c on c.oid = to_regclass(n.name)
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped`.values();
  const checks = await sql`
    select n.name, a.attname, pg_get_constraintdef(k.oid)
    from unnest(${[...names].filter(isName)}::text[]) n(name)
    join pg_constraint k on k.conrelid = to_regclass(n.name) and k.contype = 'c' and cardinality(k.conkey) = 1
    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]`.values();
  const tables = new Map<string, Map<string, ColumnFact>>();
  const views = new Set<string>();
  for (const [name, relkind, column, type, notNull] of columns as unknown as [string, string, string, string, boolean][]) {
    if (relkind === 'v' || relkind === 'm') views.add(name);
    const table = tables.get(name) ?? new Map<string, ColumnFact>();
    tables.set(name, table.set(column, { type, notNull, values: null }));
  }
  for (const [name, column, definition] of checks as unknown as [string, string, string][]) {
    // drizzle's `in (…)` comes back as `CHECK ((x = ANY (ARRAY['A'::text, 'B'::text])))`, and that of one value as `CHECK ((x = 'A'::text))`.
    if (!/^CHECK \(\(\(?\w+\)? = (ANY \(ARRAY\[)?('[^']*'::text(, )?)+(\]\))?\)\)$/.test(definition)) continue;
    const fact = tables.get(name)?.get(column);
    if (fact) fact.values = [...definition.matchAll(/'([^']*)'::text/g)].map((match) => match[1]!);
  }
  return new Catalogue(tables, views);
}

/** Column types whose text is what the leaf shows. What isn't listed for a leaf refuses to start. */
const STORED: Record<string, RegExp> = {
  ID: /^(uuid|text)$/,
  String: /^(text|character varying(\(\d+\))?)$/,
  Int: /^(integer|smallint)$/,
  Boolean: /^boolean$/,
  DateTime: /^timestamp\(3\) with time zone$/,
  Float: /^(double precision|real|numeric(\(.*\))?|integer)$/,
  JSON: /^jsonb?$/,
  Milliseconds: /^(bigint|integer)$/,
  Bytes: /^(bigint|integer)$/,
  Cursor: /^text$/,
};
const storedAs = (leaf: Leaf): RegExp => {
  if (typeof leaf === 'string') return STORED[leaf]!;
  return leaf.kind === 'enum' ? /^text$/ : leaf.kind === 'id' ? /^uuid$/ : /^text\[\]$/;
};
const ORDERABLE = /^(uuid|text|smallint|integer|bigint|boolean|timestamp\(3\) with time zone)$/;

/**
 * What the declarations say that the tables don't: a column that isn't there, one declared non-null that can be null, a type that the leaf
 * can't show, an order by something that can be null. Columns of views are only checked to exist, since PostgreSQL knows no more of them.
 */
export function faultsOf(catalogue: Catalogue, entities: Iterable<Entity>, roots: Record<string, RootField>): string[] {
  const faults: string[] = [];
  const column = (at: string, table: string, field: Column) => {
    if (!catalogue.has(table, field.column)) return faults.push(`${at}: there is no column ${table}.${field.column}.`);
    const type = catalogue.typeOf(table, field.column)!;
    if (!storedAs(field.type).test(type)) faults.push(`${at}: ${table}.${field.column} is ${type}.`);
    if (!field.nullable && !catalogue.isView(table) && !catalogue.notNull(table, field.column))
      faults.push(`${at} is non-null, ${table}.${field.column} isn't.`);
  };
  const exists = (at: string, table: string, name: string) => {
    if (!catalogue.has(table, name)) faults.push(`${at}: there is no column ${table}.${name}.`);
  };
  const many = (at: string, field: Many) => {
    const table = field.target().table;
    if (!catalogue.hasTable(table)) return void faults.push(`${at}: there is no table ${table}.`);
    if (field.key) exists(at, table, field.key);
    if (field.through) {
      exists(at, table, field.through.key);
      for (const name of [field.through.parent, field.through.via ?? 'id', 'workspace_id']) exists(at, field.through.table, name);
    }
    for (const filter of Object.values(field.filter ?? {})) if (filter.column) exists(at, table, filter.column);
    for (const order of Object.values(field.orders)) {
      for (const name of [...order.columns, 'id']) {
        exists(at, table, name);
        const type = catalogue.typeOf(table, name) ?? 'missing';
        if (!ORDERABLE.test(type)) faults.push(`${at} is ordered by ${name}, which is ${type}.`);
        if (!catalogue.isView(table) && !catalogue.notNull(table, name)) faults.push(`${at} is ordered by ${name}, which can be null.`);
      }
    }
  };
  for (const entity of entities) {
    const stored = catalogue.hasTable(entity.table);
    if (entity.prefix && !stored) faults.push(`${entity.name}: there is no table ${entity.table}.`);
    if (stored && !catalogue.has(entity.table, 'workspace_id') && entity.table !== 'workspaces')
      faults.push(`${entity.name}: ${entity.table} has no workspace_id.`);
    for (const [name, field] of Object.entries(entity.fields)) {
      const at = `${entity.name}.${name}`;
      if (field.form === 'column' && stored) column(at, entity.table, field);
      if (field.form === 'one' && stored && typeof field.key === 'string') exists(at, entity.table, field.key);
      if (field.form === 'one' && stored) for (const key of Object.values(field.memberKeys ?? {})) if (typeof key === 'string') exists(at, entity.table, key);
      if (field.form === 'embed' && stored) {
        for (const source of Object.values(field.columns)) exists(at, entity.table, source);
        const [first] = Object.values(field.columns);
        if (!field.nullable && !catalogue.isView(entity.table) && !catalogue.notNull(entity.table, first!))
          faults.push(`${at} is non-null, ${entity.table}.${first} isn't.`);
      }
      if (field.form === 'many') many(at, field);
      if (field.form === 'list') {
        const { table } = field.target();
        if (!catalogue.hasTable(table)) faults.push(`${at}: there is no table ${table}.`);
        else if (field.key) exists(at, table, field.key);
      }
      const keyed = stored && catalogue.has(entity.table, 'id');
      if (
        !keyed &&
        ((field.form === 'many' && (field.key || field.through || field.among)) || (field.form === 'list' && (field.key || field.among))) &&
        !field.parentKey
      ) {
        faults.push(`${at}: rows of ${entity.name} have no id, so it needs a parentKey.`);
      }
    }
  }
  for (const [name, root] of Object.entries(roots)) if (root.form === 'many') many(`Query.${name}`, root);
  return faults;
}
