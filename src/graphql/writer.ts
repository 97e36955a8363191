// Writes a query operation as one statement whose only value is the text of `data`. What can't be written so throws NotCompilable.
import {
  getNamedType,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { collectFields, collectSubfields } from 'graphql/execution/collectFields.js';
import type { Viewer } from '../access/viewer.ts';
import type { Catalogue } from './catalogue.ts';
import { writeConnection } from './connection-writer.ts';
import {
  roots,
  type Computed,
  type Embed,
  type Entity,
  type Field,
  type Leaf,
  type List,
  type Many,
  type One,
  type RowSql,
  type Value,
  type ViewerParams,
} from './entity.ts';
import { listRows, reference, type Place } from './lists.ts';
import { concat, finisher, jsonOf, leafPieces, MARK, NotCompilable, text, type Finisher, type LeafSql, type Piece } from './pieces.ts';
import { embedded, isUnion, neededLeaf, rawSql } from './rows.ts';
import { hex, isProven, quote, wire } from './text.ts';
import type { Given, Site } from './sites.ts';

/** Values of a statement's parameters, from what its sites were given and from who asks. */
export type Slot = (given: readonly Given[], viewer: Viewer) => unknown;
export interface Statement {
  sql: string;
  slots: readonly Slot[];
  finishers: readonly Finisher[];
}

/** More of them than this aren't worth planning. */
export const LEAVES_MAX = 2_000;
const broken = 'chr(1)';

/** Where an object's values come from: a row's alias, or the columns of it that a value is embedded in. */
interface Source {
  fields: Record<string, Field>;
  column: (name: string) => string;
  columnType: (name: string) => string | undefined;
  isNotNull: (name: string) => boolean;
  isProven: (name: string, type: Leaf) => boolean;
  /** SQL over the row. */
  over: (sql: RowSql) => string;
}

export interface WriterInput {
  schema: GraphQLSchema;
  catalogue: Catalogue;
  fragments: Record<string, FragmentDefinitionNode>;
  variables: Record<string, unknown>;
  /** Gives each list, id and hand-written statement, in the order in which they are met, what its arguments ask for. */
  site: (def: GraphQLField<unknown, unknown>, node: FieldNode) => { index: number; site: Site; given: Given };
  /** The entities of the `node(id:)` fields, in order. */
  nodeTypes: Entity[];
}

export class Writer {
  readonly #slots: Slot[] = [];
  readonly #known = new Map<string, string>();
  readonly #finishers: Finisher[] = [];
  readonly #finisherOf = new Map<GraphQLField<unknown, unknown>, number>();
  #aliases = 0;
  #leaves = 0;
  readonly place: Place;
  readonly viewer: ViewerParams;
  constructor(readonly input: WriterInput) {
    this.viewer = {
      memberId: () => this.parameter('member', 'uuid', (_, viewer) => viewer.memberId),
      identityIds: () => this.parameter('identities', 'uuid[]', (_, viewer) => viewer.identityIds),
      accountId: () => this.parameter('account', 'uuid', (_, viewer) => viewer.accountId),
    };
    this.place = {
      catalogue: input.catalogue,
      viewer: this.viewer,
      workspace: () => this.parameter('workspace', 'uuid', (_, viewer) => viewer.workspaceId),
    };
  }

  operation(operation: OperationDefinitionNode): Statement {
    const query = this.input.schema.getQueryType()!;
    const fields = collectFields(this.input.schema, this.input.fragments, this.input.variables, query, operation.selectionSet);
    const data = this.#members(fields, (name, nodes) => this.#root(query, name, nodes));
    return { sql: `select ${concat(data)} as j`, slots: this.#slots, finishers: this.#finishers };
  }

  /** `$n::cast`; one parameter a key. */
  parameter(key: string, cast: string, slot: Slot): string {
    let parameter = this.#known.get(key);
    if (!parameter) this.#known.set(key, (parameter = `$${this.#slots.push(slot)}::${cast}`));
    return parameter;
  }
  alias(): string {
    return `_${++this.#aliases}`;
  }
  subfields(type: GraphQLObjectType, nodes: readonly FieldNode[]): ReadonlyMap<string, readonly FieldNode[]> {
    return collectSubfields(this.input.schema, this.input.fragments, this.input.variables, type, nodes);
  }
  /** `{"name":…,…}` of the fields, in their order. */
  #members(fields: ReadonlyMap<string, readonly FieldNode[]>, write: (name: string, nodes: readonly FieldNode[]) => Piece[]): Piece[] {
    const out: Piece[] = [text('{')];
    for (const [key, nodes] of fields) {
      out.push(text(`${out.length > 1 ? ',' : ''}${JSON.stringify(key)}:`), ...write(nodes[0]!.name.value, nodes));
      if (++this.#leaves > LEAVES_MAX) throw new NotCompilable('leaves');
    }
    out.push(text('}'));
    return out;
  }
  /** The object type's fields, `__typename` among them. */
  object(
    type: GraphQLObjectType,
    nodes: readonly FieldNode[],
    write: (name: string, nodes: readonly FieldNode[], def: GraphQLField<unknown, unknown>) => Piece[],
  ): Piece[] {
    const defs = type.getFields();
    return this.#members(this.subfields(type, nodes), (name, fieldNodes) =>
      name === '__typename' ? [text(JSON.stringify(type.name))] : write(name, fieldNodes, defs[name]!),
    );
  }

  #root(query: GraphQLObjectType, name: string, nodes: readonly FieldNode[]): Piece[] {
    if (name === '__typename') return [text('"Query"')];
    const def = query.getFields()[name];
    if (!def) throw new NotCompilable(name); // introspection
    const root = roots[name];
    if (name === 'node' || root?.form === 'byId') {
      const { index } = this.input.site(def, nodes[0]!);
      const entity = root?.form === 'byId' ? root.target() : this.input.nodeTypes.shift()!;
      const alias = this.alias();
      const id = this.parameter(`${index}.id`, 'uuid', (given) => given[index]!.id);
      return [this.#row(entity, nodes, alias, `${alias}.id = ${id}`, root?.nullable ?? true)];
    }
    switch (root?.form) {
      case 'many':
        return writeConnection(this, root, def, nodes, null);
      case 'rows': {
        const { index, given } = this.input.site(def, nodes[0]!);
        const { shape, values } = given.rows!;
        const param = (key: string) => {
          if (!values[key]) throw new Error(`Query.${name}: its statement names the parameter ${key}, which prepare doesn't give.`);
          return this.parameter(`${index}.${key}`, values[key].cast, (all) => all[index]!.rows!.values[key]!.value);
        };
        const alias = this.alias();
        const from = `(${root.sql(shape, param, this.place.workspace())}) ${alias}`;
        const item = this.entity(root.target(), nodes, alias);
        if (root.single) return [`coalesce((select ${item} from ${from}), ${(root.nullable ?? true) ? `'null'` : broken})`];
        return [text('['), `(select coalesce(string_agg(${item}, ','), '') from ${from})`, text(']')];
      }
      case 'rootLeaf': {
        const sql = root.sql(this.place.workspace());
        if (root.compute) return this.#finished(def, root.type, jsonOf(sql), root.compute);
        return this.#leaf(def, root.type, {
          expression: sql,
          columnType: undefined,
          nullable: root.nullable ?? false,
          isNotNull: false,
          isProven: false,
        });
      }
      default:
        throw new NotCompilable(name);
    }
  }

  /** SQL of the object's text under a condition; `null` or BROKEN when there is no such row. */
  #row(entity: Entity, nodes: readonly FieldNode[], alias: string, condition: string, nullable: boolean): string {
    const where = [condition, ...reference(entity, alias, this.place)].join(' and ');
    return `coalesce((select ${this.entity(entity, nodes, alias)} from ${entity.table} ${alias} where ${where}), ${nullable ? `'null'` : broken})`;
  }

  /** SQL of the text of an entity's object, from the row under the alias. */
  entity(entity: Entity, nodes: readonly FieldNode[], alias: string): string {
    const { catalogue } = this.input;
    const type = this.input.schema.getType(entity.name) as GraphQLObjectType;
    const source: Source = {
      fields: entity.fields,
      column: (name) => `${alias}.${name}`,
      columnType: (name) => catalogue.typeOf(entity.table, name),
      isNotNull: (name) => catalogue.notNull(entity.table, name),
      isProven: (name, leaf) => typeof leaf === 'object' && leaf.kind === 'enum' && isProven(catalogue, entity.table, name, leaf),
      over: (sql) => sql(alias, this.viewer),
    };
    return concat(
      this.object(type, nodes, (name, fieldNodes, def) => {
        const field = entity.fields[name];
        if (!field) return [text(`"${entity.prefix}_`), hex(`${alias}.id`), text('"')];
        const parent = (list: Many | List) => (list.parentKey ? `(${list.parentKey(alias, this.viewer)})` : `${alias}.id`);
        switch (field.form) {
          case 'embed':
            return this.#embed(entity, field, name, fieldNodes, alias, source);
          case 'many':
            return writeConnection(this, field, def, fieldNodes, () => parent(field));
          case 'list': {
            const row = this.alias();
            return [
              text('['),
              `(select coalesce(string_agg(${this.entity(field.target(), fieldNodes, row)}, ','), '') from (${listRows(field, parent(field), this.place)}) ${row})`,
              text(']'),
            ];
          }
          case 'custom':
            throw new NotCompilable(`${entity.name}.${name}`);
          default:
            return this.#field(source, field, def, fieldNodes);
        }
      }),
    );
  }

  #embed(entity: Entity, field: Embed, name: string, nodes: readonly FieldNode[], alias: string, row: Source): Piece[] {
    const value: Value = field.target();
    const hasWorkspace = this.input.catalogue.has(entity.table, 'workspace_id');
    const mapped = (column: string): string => {
      const source = field.columns[column];
      if (!source) throw new Error(`${entity.name}.${name}: ${value.name} needs the column ${column}, which \`columns\` doesn't map.`);
      return source;
    };
    const source: Source = {
      fields: value.fields,
      column: (column) => row.column(mapped(column)),
      columnType: (column) => row.columnType(mapped(column)),
      isNotNull: (column) => row.isNotNull(mapped(column)),
      isProven: (column, leaf) => row.isProven(mapped(column), leaf),
      over: (sql) => embedded(field, alias, hasWorkspace, (v) => sql(v, this.viewer)),
    };
    const type = this.input.schema.getType(value.name) as GraphQLObjectType;
    const pieces = this.object(type, nodes, (inner, innerNodes, def) => this.#field(source, value.fields[inner]!, def, innerNodes));
    const first = Object.values(field.columns)[0]!;
    if (row.isNotNull(first)) return pieces;
    return [`case when ${row.column(first)} is null then ${field.nullable ? `'null'` : broken} else ${concat(pieces)} end`];
  }

  /** What entities and values have alike. */
  #field(
    source: Source,
    field: Exclude<Field, Embed | Many | List>,
    def: GraphQLField<unknown, unknown>,
    nodes: readonly FieldNode[],
  ): Piece[] {
    switch (field.form) {
      case 'column':
        return this.#leaf(def, field.type, {
          expression: source.column(field.column),
          columnType: source.columnType(field.column),
          nullable: field.nullable ?? false,
          isNotNull: source.isNotNull(field.column),
          isProven: source.isProven(field.column, field.type),
        });
      case 'expression':
        return this.#leaf(def, field.type, {
          expression: source.over(field.sql),
          columnType: undefined,
          nullable: field.nullable ?? false,
          isNotNull: false,
          isProven: false,
        });
      case 'computed':
        return this.#computed(source, field, def);
      case 'one':
        return [this.#one(source, field, nodes)];
      default:
        throw new NotCompilable(field.form);
    }
  }

  #leaf(def: GraphQLField<unknown, unknown>, type: Leaf, sql: LeafSql): Piece[] {
    return leafPieces(type, sql) ?? this.#finished(def, type, jsonOf(wire(type, sql.expression)));
  }
  #computed(source: Source, field: Computed, def: GraphQLField<unknown, unknown>): Piece[] {
    const needs = field.needs.map((need) => {
      const { type, column } = neededLeaf(source.fields, need);
      return jsonOf(type === null ? rawSql(source.column(column), source.columnType(column)) : wire(type, source.column(column)));
    });
    return this.#finished(def, field.type, `'['||${needs.join(`||','||`) || `''`}||']'`, (values: unknown[]) => field.compute(...values));
  }
  #finished(def: GraphQLField<unknown, unknown>, type: Leaf, json: string, compute?: (given: any, viewer: Viewer) => unknown): Piece[] {
    let at = this.#finisherOf.get(def);
    if (at === undefined) this.#finisherOf.set(def, (at = this.#finishers.push(finisher(def.type, type, compute)) - 1));
    return [text(`${MARK}${at}${MARK}`), json, text(MARK)];
  }

  #one(source: Source, field: One, nodes: readonly FieldNode[]): string {
    const target = field.target();
    const nullable = field.nullable ?? false;
    const row = (entity: Entity, key: One['key']) => {
      const alias = this.alias();
      return this.#row(entity, nodes, alias, `${alias}.id = ${typeof key === 'string' ? source.column(key) : `(${source.over(key)})`}`, nullable);
    };
    if (!isUnion(target)) return row(target, field.key);
    // Members of one type and key share their arm: PostgreSQL sets up each of them, whether it comes to it or not.
    const arms = new Map<Entity, { key: One['key']; names: string[] }[]>();
    for (const [name, member] of Object.entries(target.members)) {
      const key = field.memberKeys?.[name] ?? field.key;
      const known = arms.get(member()) ?? [];
      const same = known.find((arm) => arm.key === key);
      if (same) same.names.push(name);
      else arms.set(member(), [...known, { key, names: [name] }]);
    }
    const by = source.column(target.by);
    const whens = [...arms].flatMap(([entity, keys]) => keys.map(({ key, names }) => `when ${by} in (${names.map(quote).join(', ')}) then ${row(entity, key)}`));
    return `case ${whens.join(' ')} else ${nullable ? `'null'` : broken} end`;
  }
}

/** The type of a list's field: `<Name>Connection`. */
export const connectionType = (def: GraphQLField<unknown, unknown>): GraphQLObjectType => getNamedType(def.type) as GraphQLObjectType;
