// Documents made from the schema: every field with what it takes, and as much of its answer as fits.
import {
  getNamedType, getNullableType, isCompositeType, isInputObjectType, isInterfaceType, isLeafType, isObjectType, isRequiredArgument, isUnionType, type GraphQLField, type GraphQLNamedType, type GraphQLObjectType, type GraphQLSchema,
} from 'graphql';
import type { Permission } from '../../src/access/permissions.ts';

export type Kind = 'query' | 'mutation' | 'subscription';
export const rootOf = (schema: GraphQLSchema, kind: Kind): GraphQLObjectType => schema.getRootType(kind as never)!;
export const isConnection = (type: GraphQLNamedType): boolean => type.name.endsWith('Connection');

/**
 * The selection of a type: its leaves, and below it `depth` levels of what can be asked without arguments; lists by their first three rows.
 * `may`: only what these permissions allow. Null when nothing of it may be asked.
 */
export function selectionOf(schema: GraphQLSchema, type: GraphQLNamedType, depth: number, may?: ReadonlySet<Permission>): string {
  if (!isCompositeType(type)) return '';
  const body = fieldsOf(schema, type, depth, may);
  return ` { __typename ${body} }`;
}

function fieldsOf(schema: GraphQLSchema, type: GraphQLNamedType, depth: number, may?: ReadonlySet<Permission>): string {
  // Members of a union can have one name for fields of two types.
  if (isUnionType(type)) return schema.getPossibleTypes(type).filter((member) => allowed(member, may)).map((member) => `... on ${member.name} { ${fieldsOf(schema, member, 0, may).replace(/(^|\s)([a-z]\w*)(?=\s|$)/g, `$1${member.name}_$2: $2`)} }`).join(' ');
  if (!isObjectType(type) && !isInterfaceType(type)) return '';
  const parts: string[] = [];
  for (const field of Object.values(type.getFields())) {
    const target = getNamedType(field.type);
    if (!allowed(field, may) || !allowed(target, may) || field.args.some(isRequiredArgument)) continue;
    if (isLeafType(target)) {
      if (field.args.length === 0) parts.push(field.name);
    } else if (depth > 0) {
      parts.push(`${field.name}${isConnection(target) ? `(first: 3) { totalCount { count } pageInfo { endCursor } nodes${selectionOf(schema, nodeOf(target), depth - 1, may)} }` : selectionOf(schema, target, depth - 1, may)}`);
    }
  }
  return parts.join(' ');
}
export const nodeOf = (connection: GraphQLNamedType): GraphQLNamedType => getNamedType((connection as GraphQLObjectType).getFields().nodes!.type);

const allowed = (of: { extensions: { permission?: unknown } }, may?: ReadonlySet<Permission>): boolean => !may || !of.extensions.permission || may.has(of.extensions.permission as Permission);

/** `field(a: $a) { … }` for the given arguments, and the variables that it declares. */
export function call(field: GraphQLField<unknown, unknown>, names: readonly string[], selection: string): { declared: string[]; text: string } {
  const used = field.args.filter((argument) => names.includes(argument.name));
  return {
    declared: used.map((argument) => `$${argument.name}: ${String(argument.type)}`),
    text: `${field.name}${used.length > 0 ? `(${used.map(({ name }) => `${name}: $${name}`).join(', ')})` : ''}${selection}`,
  };
}
export const documentOf = (kind: Kind, declared: readonly string[], text: string): string => `${kind}${declared.length > 0 ? ` (${declared.join(', ')})` : ''} { ${text} }`;

/** Every argument, and field of an input, that takes an id or a cursor, or an id alone: as `customers.filter.teamId`, lists without their indices. */
export function idPaths(field: GraphQLField<unknown, unknown>, only?: 'ID'): string[] {
  const found: string[] = [];
  const walk = (type: GraphQLNamedType, path: string, seen: readonly string[]): void => {
    if (type.name === 'ID' || (!only && type.name === 'Cursor') || (!only && type.name === 'String' && /\.(?:after|before)$/.test(path))) found.push(path);
    if (!isInputObjectType(type) || seen.includes(type.name)) return;
    for (const inner of Object.values(type.getFields())) {
      // A filter within a filter is the filter again.
      if (!['and', 'or', 'not'].includes(inner.name)) walk(getNamedType(getNullableType(inner.type)), `${path}.${inner.name}`, [...seen, type.name]);
    }
  };
  for (const argument of field.args) walk(getNamedType(argument.type), `${field.name}.${argument.name}`, []);
  return found;
}

/** Of every field that takes arguments, whatever type it belongs to; a field that an interface and its types share is one. */
export function idPathsOf(schema: GraphQLSchema, only?: 'ID'): Set<string> {
  const types = Object.values(schema.getTypeMap()).filter((type) => (isObjectType(type) || isInterfaceType(type)) && !type.name.startsWith('__')) as GraphQLObjectType[];
  return new Set(types.flatMap((type) => Object.values(type.getFields()).flatMap((field) => idPaths(field, only))));
}
