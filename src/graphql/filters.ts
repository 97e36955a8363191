// A list's filter: what the client gives, brought to a tree of conditions, and its SQL. Trees of one shape are one statement.
import { Refusal } from '../platform/errors.ts';
import { uuidOf } from '../platform/ids.ts';
import type { FilterField, Leaf, Many } from './entity.ts';
import { castOf } from './text.ts';

export type Condition =
  | { kind: 'all'; of: Condition[] }
  | { kind: 'any'; of: Condition[] }
  | { kind: 'not'; of: Condition }
  | { kind: 'none'; field: string }
  | { kind: 'field'; field: string; at: number };

export interface Filter {
  condition: Condition;
  /** The values of the fields, in the order in which the tree names them (`at`). */
  values: unknown[];
  /** Equal for trees that are the same SQL. */
  shape: string;
}
export const NO_FILTER: Filter = { condition: { kind: 'all', of: [] }, values: [], shape: '' };

const FIELDS_MAX = 50;
const DEPTH_MAX = 6;
const VALUES_MAX = 500;

/**
 * @throws Refusal INVALID_INPUT when the filter has more than 50 fields, is deeper than 6, or names more than 500 values in a list;
 * INVALID_ID for an id of another type.
 */
export function filterOf(list: Many, input: Record<string, unknown> | null | undefined): Filter {
  if (!list.filter || !input) return NO_FILTER;
  const values: unknown[] = [];
  let fields = 0;
  const all = (of: Record<string, unknown>, depth: number): Condition => {
    if (depth > DEPTH_MAX) throw new Refusal('INVALID_INPUT', `The filter is nested more than ${DEPTH_MAX} deep.`);
    const conditions: Condition[] = [];
    for (const [name, value] of Object.entries(of)) {
      if (++fields > FIELDS_MAX) throw new Refusal('INVALID_INPUT', `The filter has more than ${FIELDS_MAX} conditions.`);
      if (name === 'and' || name === 'or') {
        if (value == null) continue;
        const parts = (value as Record<string, unknown>[]).map((part) => all(part, depth + 1));
        conditions.push(name === 'and' ? { kind: 'all', of: parts } : { kind: 'any', of: parts });
      } else if (name === 'not') {
        if (value != null) conditions.push({ kind: 'not', of: all(value as Record<string, unknown>, depth + 1) });
      } else {
        const field = list.filter![name]!;
        if (value === null && field.nullable) conditions.push({ kind: 'none', field: name });
        else if (value != null) conditions.push({ kind: 'field', field: name, at: values.push(stored(field, name, value)) - 1 });
      }
    }
    return { kind: 'all', of: conditions };
  };
  const condition = all(input, 1);
  return { condition, values, shape: shapeOf(condition) };
}

const shapeOf = (condition: Condition): string => {
  if (condition.kind === 'field') return condition.field;
  if (condition.kind === 'none') return `${condition.field}=0`;
  if (condition.kind === 'not') return `!(${shapeOf(condition.of)})`;
  return `${condition.kind === 'all' ? '&' : '|'}(${condition.of.map(shapeOf).join(',')})`;
};

function stored(field: FilterField, name: string, value: unknown): unknown {
  if (!field.list) return storedOne(field.type, name, value);
  const values = value as unknown[];
  if (values.length > VALUES_MAX) throw new Refusal('INVALID_INPUT', `\`${name}\` names ${values.length} values, at most ${VALUES_MAX}.`);
  return values.map((one) => storedOne(field.type, name, one));
}
function storedOne(type: Leaf, name: string, value: unknown): unknown {
  if (type === 'JSON') return JSON.stringify(value);
  if (typeof type !== 'object' || type.kind !== 'id') return value;
  const uuid = uuidOf(type.prefix, String(value));
  if (!uuid)
    throw new Refusal('INVALID_ID', `\`${name}\` takes ids like '${type.prefix}_…', and '${String(value).slice(0, 100)}' is none.`);
  return uuid;
}

/** SQL of the tree over the row under the alias `row`; '' when everything matches. `param(at)` gives `$n::cast` of the value at that place. */
export function filterSql(list: Many, condition: Condition, row: string, param: (at: number, cast: string) => string): string {
  const write = (c: Condition): string => {
    if (c.kind === 'not') return `(${write(c.of)}) is not true`;
    if (c.kind === 'all') return c.of.length === 0 ? 'true' : c.of.map((one) => `(${write(one)})`).join(' and ');
    if (c.kind === 'any') return c.of.length === 0 ? 'false' : c.of.map((one) => `(${write(one)})`).join(' or ');
    const field = list.filter![c.field]!;
    if (c.kind === 'none') {
      if (field.column) return `${row}.${field.column} is null`;
      throw new Error(`The filter ${c.field} takes null but names no column.`);
    }
    const cast = castOf(field.type);
    const value = param(c.at, field.list ? `${cast}[]` : cast);
    if (field.sql) return field.sql(row, value);
    return field.list ? `${row}.${field.column} = any(${value})` : `${row}.${field.column} = ${value}`;
  };
  return condition.kind === 'all' && condition.of.length === 0 ? '' : write(condition);
}
