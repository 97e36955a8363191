// A row of an entity as the loaders read it: which SQL is selected, and the object that it becomes.
import type { Computed, Embed, Entity, Leaf, List, Many, One, RowSql, Union, Value } from './entity.ts';
import type { Place } from './lists.ts';
import { fromCompute, leafOfColumn, wire } from './text.ts';

/** The name under which a row says of which entity it is. */
export const TYPE = Symbol('entity');
/**
 * Column fields stand under their names, in the form of the answer; `id` is the UUID unless the entity declares a field of that name.
 * Under `~` names: the UUID in any case, keys of relations, members of unions, raw columns that computed fields need.
 */
export type Row = Record<string, any> & { [TYPE]?: Entity };

export const isUnion = (target: Entity | Union): target is Union => target.kind === 'union';
/** Whether rows of it can be read by id. Rows of a `rows` root that no table holds can't: what they need is selected with them. */
export const isKeyed = (entity: Entity, place: Place): boolean => place.catalogue.has(entity.table, 'id');

export interface Selected {
  /** Where the value goes: a field's name or, in an embedded value, the field's and the value's. */
  path: string[];
  sql: string;
}

/** What a computed field needs by that name: a column field's text, or a raw column's. */
export function neededLeaf(fields: Entity['fields'] | Value['fields'], need: string): { type: Leaf | null; column: string } {
  const field = fields[need];
  return field?.form === 'column' ? { type: field.type, column: field.column } : { type: null, column: need };
}

/** Names of fields that an operation asks for, of whatever type; null: of all. */
export type FieldNames = ReadonlySet<string> | null;

/** Whether a field is asked for, or a computed one that is needs it. */
function wantedOf(fields: Entity['fields'] | Value['fields'], names: FieldNames): (name: string) => boolean {
  if (!names) return () => true;
  const needed = new Set<string>();
  for (const [name, field] of Object.entries(fields)) if (field.form === 'computed' && names.has(name)) for (const need of field.needs) needed.add(need);
  return (name) => names.has(name) || needed.has(name);
}

/** SQL over a value's columns as a row of their own, so that its expressions can name them. */
export function embedded(field: Embed, row: string, hasWorkspace: boolean, sql: (value: string) => string): string {
  const columns = Object.entries(field.columns).map(([name, column]) => `${row}.${column} as ${name}`);
  if (hasWorkspace) columns.push(`${row}.workspace_id`);
  return `(select ${sql('_v')} from (select ${columns.join(', ')}) _v)`;
}

/** What the row under the alias `a` selects of the fields of these names, in order; `rowOf` reads it back. */
export function selection(entity: Entity, a: string, place: Place, names: FieldNames): Selected[] {
  const out: Selected[] = [];
  const keyed = isKeyed(entity, place);
  const wanted = wantedOf(entity.fields, names);
  const select = (path: string[], sql: string) => out.push({ path, sql });
  const typeOf = (column: string) => place.catalogue.typeOf(entity.table, column);
  if (keyed || entity.prefix !== null) select(['~id'], `${a}.id::text`);
  const needs = (
    fields: Entity['fields'] | Value['fields'],
    field: Computed,
    prefix: string[],
    column: (name: string) => string,
    sourceType: (name: string) => string | undefined,
  ) => {
    for (const need of field.needs) {
      const { type, column: name } = neededLeaf(fields, need);
      if (type === null && !out.some((s) => s.path.join() === [...prefix, `~${name}`].join()))
        select([...prefix, `~${name}`], rawSql(column(name), sourceType(name)));
    }
  };
  for (const [name, field] of Object.entries(entity.fields)) {
    if (!wanted(name)) continue;
    switch (field.form) {
      case 'column':
        select([name], wire(field.type, `${a}.${field.column}`));
        break;
      case 'expression':
        if (!keyed) select([name], wire(field.type, field.sql(a, place.viewer)));
        break;
      case 'computed':
        needs(entity.fields, field, [], (column) => `${a}.${column}`, typeOf);
        break;
      case 'one': {
        const target = field.target();
        if (typeof field.key === 'string') select([`~${name}`], `${a}.${field.key}::text`);
        else if (!keyed || isUnion(target)) select([`~${name}`], `(${field.key(a, place.viewer)})::text`);
        if (isUnion(target)) select([`~${name} by`], `${a}.${target.by}`);
        break;
      }
      case 'many':
      case 'list':
        if (!keyed && field.parentKey) select([`~${name}`], `(${field.parentKey(a, place.viewer)})::text`);
        break;
      case 'embed':
        selectValue(field, name);
        break;
    }
  }
  return out;

  function selectValue(field: Embed, name: string): void {
    const value = field.target();
    const hasWorkspace = place.catalogue.has(entity.table, 'workspace_id');
    const source = (column: string) => `${a}.${field.columns[column] ?? missing(entity, name, value, column)}`;
    select([name, '~there'], `(${a}.${Object.values(field.columns)[0]}) is not null`);
    const isWanted = wantedOf(value.fields, names);
    for (const [inner, f] of Object.entries(value.fields)) {
      if (!isWanted(inner)) continue;
      const within = (sql: RowSql) => embedded(field, a, hasWorkspace, (v) => sql(v, place.viewer));
      if (f.form === 'column') select([name, inner], wire(f.type, source(f.column)));
      else if (f.form === 'expression') select([name, inner], wire(f.type, within(f.sql)));
      else if (f.form === 'computed') needs(value.fields, f, [name], source, (column) => typeOf(field.columns[column]!));
      else {
        const target = f.target();
        select([name, `~${inner}`], `${typeof f.key === 'string' ? source(f.key) : within(f.key)}::text`);
        if (isUnion(target)) select([name, `~${inner} by`], source(target.by));
      }
    }
  }
}

const missing = (entity: Entity, name: string, value: Value, column: string): never => {
  throw new Error(`${entity.name}.${name}: ${value.name} needs the column ${column}, which \`columns\` doesn't map.`);
};
/** A raw column as a computed field gets it: a moment is RFC 3339 text, jsonb parsed, an array an array. */
export const rawSql = (column: string, type: string | undefined): string =>
  type === undefined ? `to_json(${column})` : wire(leafOfColumn(type), column);

export function rowOf(entity: Entity, selected: readonly Selected[], values: readonly unknown[], from = 0): Row {
  const row: Row = { [TYPE]: entity };
  selected.forEach(({ path }, i) => {
    const [name, inner] = path as [string, string?];
    if (inner === undefined) row[name] = values[from + i];
    else (row[name] ??= {})[inner] = values[from + i];
  });
  if (!entity.fields.id) row.id = row['~id'];
  return row;
}

/** A row of which nothing but its id is asked for. */
export const rowOfId = (entity: Entity, id: string): Row => ({ [TYPE]: entity, '~id': id });

/** A computed field's value, from a row of the loaders. */
export const computeOf = (fields: Entity['fields'] | Value['fields'], field: Computed, row: Row): unknown =>
  fromCompute(field.type, field.compute(...field.needs.map((need) => row[neededLeaf(fields, need).type === null ? `~${need}` : need])));

/** The parent's key for a list of a row: its id, unless the list says otherwise and the row has it. */
export const parentKeyOf = (row: Row, name: string, field: Many | List): string | null =>
  field.parentKey && `~${name}` in row ? row[`~${name}`] : row['~id'];
export const keyOf = (row: Row, name: string): string | null | undefined => row[`~${name}`];
export const memberOf = (row: Row, name: string, field: One): Entity | null => {
  const target = field.target();
  return isUnion(target) ? (target.members[row[`~${name} by`]]?.() ?? null) : target;
};
