// What a domain's fields.ts says: each field of the graph declares its type, description, permission and where its value comes from in
// SQL. From these ONE set of declarations come the schema, the batched loaders and the compiled statements.
import type { Permission } from '../access/permissions.ts';
import type { Viewer } from '../access/viewer.ts';

/** An enum whose stored text is its GraphQL name; `values` maps each name to its description. */
export interface Enumeration {
  kind: 'enum';
  name: string;
  description: string;
  values: Record<string, string>;
}
/** An id of another thing, shown as `<prefix>_<32 hex>`: for references whose target has no type of its own or need not be loaded. */
export interface IdOf {
  kind: 'id';
  prefix: string;
}
/** A `text[]` column. */
export interface ListOf {
  kind: 'list';
  of: 'String' | Enumeration;
}
/** Leaves. Milliseconds and Bytes are safe integers (int8 in SQL); JSON is jsonb; Cursor is a place in the log (text). */
export type Leaf = 'ID' | 'String' | 'Int' | 'Boolean' | 'DateTime' | 'Float' | 'JSON' | 'Milliseconds' | 'Bytes' | 'Cursor' | Enumeration | IdOf | ListOf;

/** Parameters that the viewer gives: each call returns `$n::uuid` (or `uuid[]`). */
export interface ViewerParams {
  /** The acting member; null for keys. */
  memberId(): string;
  /** A visitor's own identities, `uuid[]`. */
  identityIds(): string;
  /** The visitor's live-chat or in-app account. */
  accountId(): string;
}
/** SQL over one row: `row` is the alias under which the entity's table stands. */
export type RowSql = (row: string, viewer: ViewerParams) => string;

interface Common {
  description: string;
  /** When (and why) it is null belongs in the description. */
  nullable?: boolean;
  /** Default: the entity's. */
  permission?: Permission;
  deprecated?: string;
}
export interface Column extends Common {
  form: 'column';
  type: Leaf;
  column: string;
}
export interface Expression extends Common {
  form: 'expression';
  type: Leaf;
  sql: RowSql;
  /** The value differs between viewers of the same permissions (unread counts): live groups then split by viewer. */
  perViewer?: boolean;
}
export interface Computed extends Common {
  form: 'computed';
  type: Leaf;
  /** Names of column fields or raw column names of the same row. */
  needs: string[];
  compute: (...values: any[]) => unknown;
}
export interface One extends Common {
  form: 'one';
  target: () => Entity | Union;
  /** The column that holds the target's id, or SQL for it. */
  key: string | RowSql;
  /** Of a union: the same for each member by itself, so that nobody computes another one's. */
  memberKeys?: MemberKeys;
}
/** Member of a union -> the column that holds its id, or SQL for it. */
export type MemberKeys = Record<string, string | RowSql>;
/**
 * A value object that lives on the same row, e.g. an Actor in (author_kind, author_id). `columns` maps its columns to the row's.
 * Nullable: it is null when the first of `columns` is.
 */
export interface Embed extends Common {
  form: 'embed';
  target: () => Value;
  columns: Record<string, string>;
}
export interface FilterField {
  type: Leaf;
  description: string;
  column?: string;
  /** For what isn't `column = value`: gives a condition over the row for the parameter `value`. */
  sql?: (row: string, value: string) => string;
  /** The input takes a list; a row matches when it has one of them. */
  list?: boolean;
  /** An explicit null matches rows without a value (`column is null`). */
  nullable?: boolean;
}
export interface Order {
  description: string;
  /** Columns that are NOT NULL; `id` is added as the last. */
  columns: string[];
  descending: boolean;
}
export interface Many extends Common {
  form: 'many';
  target: () => Entity;
  /** Column of the target that holds the parent's id; absent at the root. */
  key?: string;
  /** The parent's key when it isn't its id (e.g. a conversation's identity). */
  parentKey?: RowSql;
  /**
   * Through a table or view (parent, key): the target's rows whose `key` is one of its ids, merged as a top-N each.
   * `table.parent = <parent id>`, `target.key = table.id` (or `table.<via>`).
   */
  through?: { table: string; parent: string; key: string; via?: string };
  /**
   * Through two tables, for many to many: rows of the target whose id is among `select <target> from <table> where <parent> = …`.
   * Written as SQL that gives ids for the parent `$parent`.
   */
  among?: (parent: string, scope: (alias: string) => string) => string;
  /** A condition that every row of the list satisfies. */
  where?: RowSql;
  /** The first is the default; with more than one, the list takes `orderBy`. */
  orders: Record<string, Order>;
  filter?: Record<string, FilterField>;
  /** The list takes `around: ID`, a row of it, and gives the page in whose middle it stands. */
  around?: boolean;
  /** Names the connection, filter and order types; default: parent's and field's name, at the root the target's. */
  typeName?: string;
}
/** A short plain list without arguments: at most `max` rows. */
export interface List extends Common {
  form: 'list';
  target: () => Entity;
  key?: string;
  parentKey?: RowSql;
  among?: Many['among'];
  where?: RowSql;
  /** SQL order, e.g. `ordinal` or `created_at desc, id`. */
  order: string;
  max: number;
}
/**
 * A resolver of its own: allowed, and what makes an operation run through the loaders. `row` has `id` (UUID) and those
 * column fields that the document names; `context` is a GraphContext. For an entity it gives a UUID (loaded, then), for a value its fields by name.
 */
export interface Custom extends Common {
  form: 'custom';
  type: Leaf | (() => Entity | Union | Value);
  /** The type is a list of non-null items. */
  isList?: boolean;
  args?: Record<string, Argument>;
  resolve: (row: any, args: any, context: any) => unknown;
}
export type Field = Column | Expression | Computed | One | Embed | Many | List | Custom;

export interface Entity {
  kind: 'entity';
  name: string;
  description: string;
  /** null: no Node, only a view of rows (e.g. of a function or another entity's table). */
  prefix: string | null;
  /** Table or view; for `rows` roots the name of nothing: the rows come from its SQL. */
  table: string;
  permission: Permission;
  fields: Record<string, Field>;
  /** A condition on every row of it, wherever it is read: what makes a visitor see his own side only. */
  scope?: RowSql;
}
export interface Union {
  kind: 'union';
  name: string;
  description: string;
  /** The text column that says which member; its values are the keys of `members`. */
  by: string;
  members: Record<string, () => Entity>;
}
export interface Value {
  kind: 'value';
  name: string;
  description: string;
  fields: Record<string, Column | Expression | Computed | One>;
}

export interface Argument {
  type: Leaf | InputObject;
  description: string;
  required?: boolean;
  list?: boolean;
  default?: unknown;
}
export interface InputObject {
  kind: 'input';
  name: string;
  description: string;
  fields: Record<string, Argument>;
}

/** `customer(id:)`: null when there is none; INVALID_ID when the id isn't one of that type. */
export interface ById extends Common {
  form: 'byId';
  target: () => Entity;
  /** Name of the argument; default `id`. The id's prefix is `prefix` or the target's. */
  argument?: string;
  prefix?: string;
}
/**
 * Rows that hand-written SQL gives: statistics, search, the change feed, a look-up by address.
 * `prepare` is pure: it checks the arguments (throws Refusal) and gives the statement's shape and values; two calls of one shape are the
 * same SQL text. `sql` writes a query whose columns the target's fields name; `param(name)` gives `$n::cast`.
 */
export interface Rows extends Common {
  form: 'rows';
  target: () => Entity;
  args: Record<string, Argument>;
  /** At most one row: the field is an object, or null. Otherwise a non-null list. */
  single?: boolean;
  prepare: (args: any, viewer: Viewer) => { shape: string; values: Record<string, { cast: string; value: unknown }> };
  sql: (shape: string, param: (name: string) => string, workspace: string) => string;
}
/**
 * One leaf at the root, from SQL of its own: `Query.cursor`. `sql` is an expression (the workspace is `$n::uuid`); `compute` makes the
 * answer from its JSON value. It is read in the same snapshot as everything else of the operation.
 */
export interface RootLeaf extends Common {
  form: 'rootLeaf';
  type: Leaf;
  sql: (workspace: string) => string;
  compute?: (value: any, viewer: Viewer) => unknown;
}
export type RootField = ById | Many | Rows | Custom | RootLeaf;

export const entities = new Map<string, Entity>();
export const unions = new Map<string, Union>();
export const valueTypes = new Map<string, Value>();
export const enumerations = new Map<string, Enumeration>();
export const roots: Record<string, RootField> = {};

export function entity(name: string, options: Omit<Entity, 'kind' | 'name'>): Entity {
  const made: Entity = { kind: 'entity', name, ...options };
  if (entities.has(name)) throw new Error(`The entity ${name} is declared twice.`);
  entities.set(name, made);
  return made;
}
/** A later folder adds fields to an earlier one's entity: `conversations/fields.ts` adds `Customer.conversations`. */
export function extend(to: Entity, fields: Record<string, Field>): void {
  for (const [name, field] of Object.entries(fields)) {
    if (to.fields[name]) throw new Error(`${to.name}.${name} is declared twice.`);
    to.fields[name] = field;
  }
}
export function union(name: string, options: Omit<Union, 'kind' | 'name'>): Union {
  const made: Union = { kind: 'union', name, ...options };
  unions.set(name, made);
  return made;
}
export function value(name: string, description: string, fields: Value['fields']): Value {
  const made: Value = { kind: 'value', name, description, fields };
  valueTypes.set(name, made);
  return made;
}
/** `stored` is the closed list of schema/*.ts; each of its names needs a description, and no other may have one. */
export function enumeration<const V extends readonly string[]>(name: string, description: string, stored: V, descriptions: Record<V[number], string>): Enumeration {
  const made: Enumeration = { kind: 'enum', name, description, values: Object.fromEntries(stored.map((v) => [v, descriptions[v as V[number]]])) };
  enumerations.set(name, made);
  return made;
}
export function inputObject(name: string, description: string, fields: Record<string, Argument>): InputObject {
  return { kind: 'input', name, description, fields };
}
export function query(fields: Record<string, RootField>): void {
  for (const [name, field] of Object.entries(fields)) {
    if (roots[name]) throw new Error(`Query.${name} is declared twice.`);
    roots[name] = field;
  }
}

type More<F extends { description: string }> = Omit<F, 'form' | 'type' | 'description'>;
export const column = (type: Leaf, name: string, description: string, more: Partial<More<Column>> = {}): Column => ({ form: 'column', type, column: name, description, ...more });
export const expression = (type: Leaf, sql: RowSql, description: string, more: Partial<More<Expression>> = {}): Expression => ({ form: 'expression', type, sql, description, ...more });
export const computed = (type: Leaf, needs: string[], compute: Computed['compute'], description: string, more: Partial<More<Computed>> = {}): Computed => ({ form: 'computed', type, needs, compute, description, ...more });
export const one = (target: One['target'], key: One['key'], description: string, more: Partial<More<One>> = {}): One => ({ form: 'one', target, key, description, ...more });
/** One of a union, whose members' ids lie in different places. */
export const oneOf = (target: () => Union, memberKeys: MemberKeys, description: string, more: Partial<More<One>> = {}): One => {
  const key: RowSql = (t, viewer) => {
    const arms = Object.entries(memberKeys).map(([name, of]) => `when '${name}' then ${typeof of === 'string' ? `${t}.${of}` : of(t, viewer)}`);
    return `(case ${t}.${target().by} ${arms.join(' ')} end)`;
  };
  return { form: 'one', target, key, memberKeys, description, ...more };
};
export const embed = (target: Embed['target'], columns: Embed['columns'], description: string, more: Partial<More<Embed>> = {}): Embed => ({ form: 'embed', target, columns, description, ...more });
export const many = (target: Many['target'], description: string, more: Omit<Many, 'form' | 'target' | 'description'>): Many => ({ form: 'many', target, description, ...more });
export const list = (target: List['target'], description: string, more: Omit<List, 'form' | 'target' | 'description'>): List => ({ form: 'list', target, description, ...more });
export const byId = (target: ById['target'], description: string, more: Partial<More<ById>> = {}): ById => ({ form: 'byId', target, description, nullable: true, ...more });
export const rows = (target: Rows['target'], description: string, more: Omit<Rows, 'form' | 'target' | 'description'>): Rows => ({ form: 'rows', target, description, ...more });
export const rootLeaf = (type: Leaf, sql: RootLeaf['sql'], description: string, more: Partial<More<RootLeaf>> = {}): RootLeaf => ({ form: 'rootLeaf', type, sql, description, ...more });
export const custom = (type: Custom['type'], resolve: Custom['resolve'], description: string, more: Partial<More<Custom>> = {}): Custom => ({ form: 'custom', type, resolve, description, ...more });
export const idOf = (prefix: string): IdOf => ({ kind: 'id', prefix });
export const listOf = (of: ListOf['of']): ListOf => ({ kind: 'list', of });
