// One pass over an operation, before any statement of it: the permissions that its fields name, and what it may cost. Both transports ask
// here, and nothing is decided later, row by row.
import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  Kind,
  SchemaMetaFieldDef,
  typeFromAST,
  TypeMetaFieldDef,
  valueFromAST,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import type { Permission } from '../access/permissions.ts';
import type { Viewer } from '../access/viewer.ts';
import { Refusal } from '../platform/errors.ts';
import type { Field, RootField } from './entity.ts';
import { PAGE_DEFAULT, PAGE_MAX } from './pages.ts';
import { prefixed } from './schema.ts';

/** Points: an object that may be answered is one, ten leaves of an object are one more. */
export const COST_MAX = 20_000;
const COUNT_COST = 20;
const LEAF_COST = 0.1;
const ROWS_DEFAULT = 50;
/** Introspection has many small objects and never gives way to others: twice what generators ask would block for too long. */
const INTROSPECTION_COST = 1.5;

type Variables = Readonly<Record<string, unknown>>;
type Cost = (variables: Variables) => number;

export interface Needs {
  permissions: readonly Permission[];
  /** `node(id:)` and `nodes(ids:)`: what they need is known once their ids are. */
  nodeIds: readonly ValueNode[];
  /** What variables stand for when they are not given. */
  defaults: Variables;
  cost: Cost;
  /** Its answer differs between viewers of the same permissions. */
  perViewer: boolean;
}

export const costOf = (needs: Needs, variables: Variables): number => Math.ceil(needs.cost(withDefaults(needs, variables)));

/** As execution will have them: a default stands where none is given, not where null is. Without a prototype: `$constructor` may be a name. */
const withDefaults = (needs: Needs, variables: Variables): Variables => Object.assign(Object.create(null), needs.defaults, variables) as Variables;

/** What the operation needs. Its document was validated. */
export function needsOf(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): Needs {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  const permissions = new Set<Permission>();
  const nodeIds: ValueNode[] = [];
  let perViewer = false;
  const defaults = Object.create(null) as Record<string, unknown>;
  for (const { variable, type, defaultValue } of operation.variableDefinitions ?? [])
    if (defaultValue) defaults[variable.name.value] = valueFromAST(defaultValue, typeFromAST(schema, type as never) as GraphQLInputType);

  const selections = (type: GraphQLNamedType, set: SelectionSetNode, size: Cost): Cost => {
    const parts: Cost[] = [];
    let leaves = 0;
    const collect = (on: GraphQLNamedType, from: SelectionSetNode): void => {
      for (const selection of from.selections) {
        if (selection.kind === Kind.FIELD) {
          const def = fieldOf(schema, on, selection.name.value);
          if (!def) continue;
          if (isCompositeType(getNamedType(def.type))) parts.push(field(def, selection, size));
          else leaves++;
          note(def);
        } else {
          const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(selection.name.value)!;
          collect(fragment.typeCondition ? schema.getType(fragment.typeCondition.name.value)! : on, fragment.selectionSet);
        }
      }
    };
    collect(type, set);
    const leafCost = leaves * LEAF_COST;
    return parts.length === 0 ? () => leafCost : (variables) => parts.reduce((sum, part) => sum + part(variables), leafCost);
  };

  const note = (def: GraphQLField<unknown, unknown>): void => {
    const own = def.extensions.permission as Permission | undefined;
    if (own) permissions.add(own);
    if ((def.extensions.declared as { perViewer?: boolean } | undefined)?.perViewer) perViewer = true;
    const type = getNamedType(def.type);
    // Whatever the interface may be is known by the id's prefix; a union may be each of its members.
    const types = isAbstractType(type) ? (isInterfaceType(type) ? [] : schema.getPossibleTypes(type)) : [type];
    for (const each of types) if (each.extensions.permission) permissions.add(each.extensions.permission as Permission);
  };

  /** `size`: how many rows the connection around this field has. */
  const field = (def: GraphQLField<unknown, unknown>, node: FieldNode, size: Cost): Cost => {
    const type = getNamedType(def.type);
    if (type.name === 'TotalCount') return () => COUNT_COST;
    const declared = def.extensions.declared as Field | RootField | undefined;
    const argument = (name: string) => node.arguments?.find((a) => a.name.value === name)?.value;
    if (def.name === 'node' || def.name === 'nodes') {
      const ids = argument(def.name === 'node' ? 'id' : 'ids');
      if (ids && !declared && def.args.length === 1) nodeIds.push(ids);
    }
    let inner: Cost = () => 1;
    let count: Cost = () => 1;
    if (declared?.form === 'many')
      inner = (variables) =>
        Math.min(PAGE_MAX, Math.max(0, number(argument('first'), variables) ?? number(argument('last'), variables) ?? PAGE_DEFAULT));
    else if (type.name.startsWith('__')) count = introspected(def.name);
    else if (declared?.form === 'list') count = () => Math.min(declared.max, PAGE_DEFAULT);
    else if ((declared?.form === 'rows' && !declared.single) || (declared?.form === 'custom' && declared.isList))
      count = (variables) => number(argument('first') ?? argument('limit'), variables) ?? ROWS_DEFAULT;
    else if (def.name === 'nodes' && !declared && def.args.length === 1) count = (variables) => listLength(argument('ids'), variables);
    else if (!declared && (def.name === 'nodes' || def.name === 'edges')) count = size;
    const children = node.selectionSet ? selections(type, node.selectionSet, inner) : () => 0;
    const scale = type.name.startsWith('__') && !def.name.startsWith('__') ? 1 : def.name.startsWith('__') ? INTROSPECTION_COST : 1;
    return (variables) => scale * count(variables) * (1 + children(variables));
  };
  const introspected = (name: string): Cost => {
    const size = lengthsOf(schema)[name] ?? 1;
    return () => size;
  };
  const number = (node: ValueNode | undefined, variables: Variables): number | null => {
    if (node?.kind === Kind.INT) return Number(node.value);
    if (node?.kind !== Kind.VARIABLE) return null;
    const value = variables[node.name.value];
    return typeof value === 'number' && Number.isFinite(value) ? value : null;
  };
  const listLength = (node: ValueNode | undefined, variables: Variables): number => {
    if (node?.kind === Kind.LIST) return node.values.length;
    const value = node?.kind === Kind.VARIABLE ? variables[node.name.value] : undefined;
    return Array.isArray(value) ? value.length : 1;
  };

  const root = schema.getRootType(operation.operation)!;
  const cost = selections(root, operation.selectionSet, () => 1);
  return { permissions: [...permissions].sort(), nodeIds, defaults, cost, perViewer };
}

const lengths = new WeakMap<GraphQLSchema, Record<string, number>>();
/** How long the lists of introspection are on the average of this schema. */
function lengthsOf(schema: GraphQLSchema): Record<string, number> {
  const known = lengths.get(schema);
  if (known) return known;
  const types = Object.values(schema.getTypeMap());
  let fields = 0;
  let args = 0;
  let inputFields = 0;
  let enumValues = 0;
  for (const type of types) {
    if (isObjectType(type) || isInterfaceType(type)) {
      for (const field of Object.values(type.getFields())) {
        fields++;
        args += field.args.length;
      }
    } else if (isInputObjectType(type)) inputFields += Object.keys(type.getFields()).length;
    else if (isEnumType(type)) enumValues += type.getValues().length;
  }
  const count = types.length;
  const made = {
    types: count,
    fields: fields / count,
    args: args / fields,
    inputFields: inputFields / count,
    enumValues: enumValues / count,
    possibleTypes: 1,
    interfaces: 1,
    directives: 6,
    ofType: 0.3,
  };
  lengths.set(schema, made);
  return made;
}

function fieldOf(schema: GraphQLSchema, type: GraphQLNamedType, name: string): GraphQLField<unknown, unknown> | undefined {
  if (type === schema.getQueryType()) {
    if (name === '__schema') return SchemaMetaFieldDef;
    if (name === '__type') return TypeMetaFieldDef;
  }
  return isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
}

/**
 * @returns the cost of the operation with these variables
 * @throws Refusal FORBIDDEN naming the first permission that the viewer lacks, TOO_EXPENSIVE
 */
export function admit(needs: Needs, viewer: Viewer, variables: Variables): number {
  for (const permission of needs.permissions) demand(viewer, permission);
  const effective = withDefaults(needs, variables);
  for (const node of needs.nodeIds) {
    for (const id of ids(node, effective)) {
      // What is no id is told by the resolver.
      const entity = prefixed(String(id))?.[0];
      if (entity) demand(viewer, entity.permission);
    }
  }
  const cost = costOf(needs, variables);
  if (cost > COST_MAX)
    throw new Refusal('TOO_EXPENSIVE', `The operation may cost ${cost} points, at most ${COST_MAX}. Ask for smaller pages.`, {
      cost: { requested: cost, limit: COST_MAX },
    });
  return cost;
}

/** @throws Refusal FORBIDDEN */
export function demand(viewer: Viewer, permission: Permission): void {
  if (!viewer.permissions.has(permission)) throw new Refusal('FORBIDDEN', `Your key lacks the permission ${permission}.`, { permission });
}

function ids(node: ValueNode, variables: Variables): unknown[] {
  if (node.kind === Kind.VARIABLE) return [variables[node.name.value]].flat();
  if (node.kind === Kind.LIST) return node.values.flatMap((value) => ids(value, variables));
  return 'value' in node ? [node.value] : [];
}

/** Fields that name no permission and inherit none: the graph doesn't start with one. */
export function withoutPermission(schema: GraphQLSchema): string[] {
  const missing: string[] = [];
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__') || type.extensions.inherits) continue;
    for (const field of Object.values(type.getFields())) {
      const named = field.extensions.permission ?? type.extensions.permission;
      if (!named && !(type === schema.getQueryType() && (field.name === 'node' || field.name === 'nodes')))
        missing.push(`${type.name}.${field.name}`);
    }
  }
  return missing;
}
