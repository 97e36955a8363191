// The schema, derived from the declarations, and its resolvers over the loaders. Each field and type carries in `extensions` what the
// document pass (access.ts) and the compiler (compile.ts) read: `permission` and `declared`.
import SchemaBuilder from '@pothos/core';
import RelayPlugin from '@pothos/plugin-relay';
import type { GraphQLObjectType, GraphQLSchema } from 'graphql';
import type { Permission } from '../access/permissions.ts';
import { Refusal } from '../platform/errors.ts';
import { publicId, uuidOf } from '../platform/ids.ts';
import type { Catalogue } from './catalogue.ts';
import type { GraphContext } from './context.ts';
import {
  entities,
  roots,
  type Custom,
  type Entity,
  type Field,
  type Leaf,
  type Many,
  type RootField,
  type Union,
  type Value,
} from './entity.ts';
import { noSuchId } from './loaders.ts';
import { addMutations, addSubscriptions } from './payloads.ts';
import { computeOf, keyOf, memberOf, parentKeyOf, TYPE, type Row } from './rows.ts';
import { fromCompute } from './text.ts';
import { mapped, Types } from './types.ts';

/* eslint-disable @typescript-eslint/no-explicit-any -- the types are made from declarations at run time, where Pothos can infer none */

/** The entity whose prefix the id has, and its UUID; null when there is none. */
export function prefixed(id: string): [Entity, string] | null {
  const prefix = id.slice(0, id.indexOf('_'));
  for (const entity of entities.values()) {
    if (entity.prefix !== prefix) continue;
    const uuid = uuidOf(prefix, id);
    if (uuid) return [entity, uuid];
  }
  return null;
}

/** The same. @throws Refusal INVALID_ID */
export function byPrefix(id: string): [Entity, string] {
  const found = prefixed(id);
  if (!found) throw noSuchId(id);
  return found;
}

type Resolve = (row: any, args: any, context: GraphContext) => unknown;
/**
 * Rejects, never throws, and gives a missing non-null value as a promise: graphql-js 16 drops the promises of a list's items before one
 * that fails at once, and their rejections would end the process.
 */
const careful =
  (resolve: Resolve, nullable: boolean): Resolve =>
  (row, args, context) => {
    try {
      const value = resolve(row, args, context);
      return value == null && !nullable ? Promise.resolve(null) : value;
    } catch (error) {
      return Promise.reject(error);
    }
  };
const checked = (type: Leaf, value: unknown): unknown => {
  if (typeof type !== 'object' || type.kind !== 'enum' || value == null || (value as string) in type.values) return value;
  throw new Error(`${JSON.stringify(value)} is no ${type.name}.`);
};

/** @throws Error naming a root field without permission, two types of one name, and the like */
export function buildSchema(catalogue: Catalogue): GraphQLSchema {
  const builder: any = new SchemaBuilder<any>({ plugins: [RelayPlugin], relay: RELAY as any });
  const types = new Types(builder, catalogue);
  const refs = new Map<string, any>();
  for (const entity of entities.values())
    refs.set(
      entity.name,
      types.once(entity.name, entity, () => builder.objectRef(entity.name)),
    );
  const outputs = new Outputs(types, refs);
  for (const entity of entities.values()) outputs.implement(entity);
  builder.queryType({
    description: 'What can be read. Every operation answers from one moment.',
    fields: (t: any) => mapped(roots, (root, name) => outputs.root(t, name, root)),
  });
  addMutations(types, outputs);
  addSubscriptions(types, outputs);
  const schema = builder.toSchema({ sortSchema: false }) as GraphQLSchema;
  for (const entity of entities.values()) {
    if (!entity.prefix) continue;
    // Pothos' own is asynchronous: a promise an id.
    const { prefix } = entity;
    (schema.getType(entity.name) as GraphQLObjectType).getFields().id!.resolve = (row: Row) => publicId(prefix, row['~id']);
  }
  return schema;
}

const node = (id: string, context: GraphContext) => {
  const [entity, uuid] = byPrefix(id);
  return context.loaders.byId(entity, uuid);
};
const RELAY = {
  encodeGlobalID: (_type: string, id: string) => id,
  decodeGlobalID: (id: string) => ({ typename: '', id }),
  nodesOnConnection: { description: 'The rows of the page, in order.' },
  nodeTypeOptions: { description: 'Whatever has an id of its own.', resolveType: (row: Row) => row[TYPE]!.name },
  idFieldOptions: { description: 'Opaque, the same for ever, and told apart by its prefix (`cus_`, `msg_`).' },
  nodeQueryOptions: {
    description: 'Anything by its id; null when this workspace has nothing of that id.',
    args: { id: { description: 'Its id.' } },
    resolve: careful((_root, { id }, context) => node(id.id, context), true),
  },
  nodesQueryOptions: {
    description: 'Several things by their ids, in the order of `ids`; null in the place of what there is not.',
    args: { ids: { description: 'Their ids, at most 100.' } },
    resolve: careful((_root, { ids }, context) => {
      if (ids.length > 100) throw new Refusal('INVALID_INPUT', `${ids.length} ids are more than 100.`, { field: ['ids'] });
      return ids.map(({ id }: { id: string }) => careful(() => node(id, context), true)(null, null, context));
    }, false),
  },
  pageInfoTypeOptions: { description: 'What lies beside a page.', extensions: { inherits: true } },
  hasNextPageFieldOptions: { description: 'Whether rows follow. Going backward: whether `before` was given.' },
  hasPreviousPageFieldOptions: { description: 'Whether rows precede. Going forward: whether `after` was given.' },
  startCursorFieldOptions: { description: 'The cursor of the first row; null when the page is empty.' },
  endCursorFieldOptions: { description: 'The cursor of the last row; null when the page is empty.' },
  cursorFieldOptions: { description: 'The place of the row in the list, for `after` and `before`. Opaque.' },
  nodeFieldOptions: { nullable: false, description: 'The row.' },
  edgesFieldOptions: { nullable: false, description: 'The rows of the page with their cursors, in order.' },
  pageInfoFieldOptions: { description: 'What lies beside this page.' },
};

/** Object types, unions and values as output types, with their resolvers. */
export class Outputs {
  constructor(
    readonly types: Types,
    private readonly refs: ReadonlyMap<string, any>,
  ) {}

  object(target: Entity | Union | Value): any {
    if (target.kind === 'entity') {
      const ref = this.refs.get(target.name);
      if (!ref) throw new Error(`The entity ${target.name} isn't registered.`);
      return ref;
    }
    if (target.kind === 'value') return this.#value(target);
    return this.types.once(target.name, target, () =>
      this.types.builder.unionType(target.name, {
        description: target.description,
        types: [...new Set(Object.values(target.members).map((member) => this.object(member())))],
        resolveType: (row: Row) => row[TYPE]!.name,
      }),
    );
  }

  implement(entity: Entity): void {
    const options = {
      description: entity.description,
      extensions: { permission: entity.permission, entity },
      fields: (t: any) => mapped(entity.fields, (field, name) => this.#field(t, entity, name, field)),
    };
    if (entity.prefix === null) this.object(entity).implement(options);
    else if (entity.fields.id) throw new Error(`${entity.name} has a prefix, so its id is given.`);
    else
      this.types.builder.node(this.object(entity), {
        ...options,
        id: { resolve: (row: Row) => row['~id'], description: `Opaque, the same for ever: \`${entity.prefix}_…\`.` },
      });
  }

  #value(value: Value): any {
    return this.types.once(value.name, value, () =>
      this.types.builder.objectRef(value.name).implement({
        description: value.description,
        extensions: { inherits: true, value },
        fields: (t: any) =>
          mapped(value.fields, (field, name) => {
            const options = common(field, field.permission);
            if (field.form === 'one') {
              const resolve: Resolve = (row, _args, context) => {
                const member = memberOf(row, name, field);
                const key = keyOf(row, name) ?? (typeof row[name] === 'string' ? row[name] : null);
                return member && key ? context.loaders.byId(member, key) : null;
              };
              return t.field({ ...options, type: this.object(field.target()), resolve: careful(resolve, options.nullable) });
            }
            const resolve: Resolve =
              field.form === 'computed'
                ? (row) => checked(field.type, computeOf(value.fields, field, row))
                : (row) => checked(field.type, row[name]);
            return t.field({ ...options, type: this.types.leaf(field.type), resolve: careful(resolve, options.nullable) });
          }),
      }),
    );
  }

  #field(t: any, entity: Entity, name: string, field: Field): any {
    const options = common(field, field.permission ?? entity.permission, entity);
    const leaf = (type: Leaf, resolve: Resolve) =>
      t.field({ ...options, type: this.types.leaf(type), resolve: careful(resolve, options.nullable) });
    const object = (target: Entity | Union | Value, resolve: Resolve) =>
      t.field({ ...options, type: this.object(target), resolve: careful(resolve, options.nullable) });
    switch (field.form) {
      case 'column':
        return leaf(field.type, (row) => checked(field.type, row[name]));
      case 'expression':
        return leaf(field.type, (row, _args, context) =>
          name in row ? checked(field.type, row[name]) : context.loaders.expression(entity, name, field, row['~id']),
        );
      case 'computed':
        return leaf(field.type, (row) => checked(field.type, computeOf(entity.fields, field, row)));
      case 'embed':
        return object(field.target(), (row) => (row[name]['~there'] ? row[name] : null));
      case 'one':
        return object(field.target(), (row, _args, context) => {
          const key = keyOf(row, name);
          if (key === undefined) return context.loaders.one(entity, name, field, row['~id']);
          const member = memberOf(row, name, field);
          return key && member ? context.loaders.byId(member, key) : null;
        });
      case 'list':
        return t.field({
          ...options,
          type: [this.object(field.target())],
          resolve: careful((row, _args, context) => {
            const id = parentKeyOf(row, name, field);
            return id === null ? [] : context.loaders.list(`${entity.name}.${name}`, field, { entity, id, isKey: `~${name}` in row });
          }, options.nullable),
        });
      case 'many':
        return this.#many(t, entity, name, field, options);
      case 'custom':
        return this.custom(t, field, options);
    }
  }

  #many(t: any, entity: Entity | null, name: string, field: Many, options: Options): any {
    const typeName = field.typeName ?? (entity ? `${entity.name}${name[0]!.toUpperCase()}${name.slice(1)}` : field.target().name);
    return t.field({
      ...options,
      type: this.#connection(typeName, field.target()),
      args: this.types.listArguments(t, field, typeName),
      resolve: careful((row, args, context) => {
        if (!entity) return context.loaders.many(`Query.${name}`, field, args, null);
        const id = parentKeyOf(row, name, field);
        return context.loaders.many(`${entity.name}.${name}`, field, args, { entity, id: id ?? NOBODY, isKey: `~${name}` in row });
      }, options.nullable),
    });
  }
  #connection(typeName: string, target: Entity): any {
    const { types } = this;
    return types.once(`${typeName}Connection`, target, () => {
      const extensions = { permission: target.permission, of: target };
      const edge = types.builder.edgeObject({
        type: this.object(target),
        name: `${typeName}Edge`,
        nodeNullable: false,
        description: `A ${target.name} in a list.`,
        extensions,
      });
      return types.builder.connectionObject(
        {
          type: this.object(target),
          name: `${typeName}Connection`,
          description: `A page of a list of ${target.name}.`,
          edgesNullable: { list: false, items: false },
          nodeNullable: false,
          extensions,
          fields: (t: any) => ({
            totalCount: t.field({
              type: types.totalCount(),
              nullable: false,
              description: 'How many rows the whole list has under this filter. Counted only when asked for.',
              resolve: (c: any) => c.totalCount(),
            }),
          }),
        },
        edge,
      );
    });
  }

  custom(t: any, field: Custom, options: Options): any {
    const target = typeof field.type === 'function' ? field.type() : null;
    const type = target ? this.object(target) : this.types.leaf(field.type as Leaf);
    const one = (value: unknown, context: GraphContext): unknown =>
      target
        ? target.kind === 'entity' && typeof value === 'string'
          ? context.loaders.byId(target, value)
          : value
        : checked(field.type as Leaf, fromCompute(field.type as Leaf, value));
    return t.field({
      ...options,
      type: field.isList ? [type] : type,
      args: this.types.arguments(t, field.args),
      resolve: async (row: Row, args: any, context: GraphContext) => {
        const value: unknown = await field.resolve(row, args, context);
        return field.isList && Array.isArray(value) ? Promise.all(value.map((item) => one(item, context))) : one(value, context);
      },
    });
  }

  root(t: any, name: string, root: RootField): any {
    const permission = root.permission ?? ('target' in root ? root.target().permission : undefined);
    if (!permission) throw new Error(`Query.${name} names no permission.`);
    const options = common(root, permission);
    switch (root.form) {
      case 'many':
        return this.#many(t, null, name, root, options);
      case 'custom':
        return this.custom(t, root, options);
      case 'rootLeaf':
        return t.field({
          ...options,
          type: this.types.leaf(root.type),
          resolve: async (_root: unknown, _args: unknown, context: GraphContext) =>
            checked(root.type, fromCompute(root.type, await context.loaders.rootLeaf(root))),
        });
      case 'rows':
        return t.field({
          ...options,
          nullable: root.single ? (root.nullable ?? true) : false,
          type: root.single ? this.object(root.target()) : [this.object(root.target())],
          args: this.types.arguments(t, root.args),
          resolve: careful((_root, args, context) => context.loaders.rows(root, args), true),
        });
      case 'byId': {
        const target = root.target();
        const argument = root.argument ?? 'id';
        const prefix = root.prefix ?? target.prefix;
        return t.field({
          ...options,
          nullable: root.nullable ?? true,
          type: this.object(target),
          args: { [argument]: t.arg.id({ required: true, description: `Its id, \`${prefix}_…\`.` }) },
          resolve: careful(
            (_root, args, context) => context.loaders.byId(target, idOfType(prefix!, String(args[argument]))),
            root.nullable ?? true,
          ),
        });
      }
    }
  }
}

/** @throws Refusal INVALID_ID when `id` isn't one of that prefix */
export function idOfType(prefix: string, id: string): string {
  const uuid = uuidOf(prefix, id);
  if (!uuid)
    throw new Refusal('INVALID_ID', `'${id.slice(0, 100)}' is no id of this type; they look like '${prefix}_' and 32 hexadecimal digits.`);
  return uuid;
}

/** A key that no row has: the list of a parent without key is empty. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

export interface Options {
  nullable: boolean;
  description: string;
  deprecationReason: string | undefined;
  extensions: { permission: Permission | undefined; declared: unknown; owner: Entity | undefined };
}
const common = (field: Field | RootField, permission: Permission | undefined, owner?: Entity): Options => ({
  nullable: field.nullable ?? false,
  description: field.description,
  deprecationReason: field.deprecated,
  extensions: { permission, declared: field, owner },
});
