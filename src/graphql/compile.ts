// The main path: which statement answers a query for these variables. Its shape is what the text depends on: the @skip and @include
// switches, the prefixes of `node(id:)`, which arguments are null and which filters stand; everything else is a parameter.
import {
  Kind,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { collectFields } from 'graphql/execution/collectFields.js';
import { getArgumentValues, getVariableValues } from 'graphql/execution/values.js';
import type { Viewer } from '../access/viewer.ts';
import type { Catalogue } from './catalogue.ts';
import type { Entity } from './entity.ts';
import { NotCompilable } from './pieces.ts';
import { byPrefix } from './schema.ts';
import { evaluate, shapeOf, siteOf, type Given, type Site } from './sites.ts';
import { Writer, type Statement } from './writer.ts';

const SHAPES_MAX = 32;
/** So many answers in a row with a missing value, and the shape is left to the loaders for a while. */
const BROKEN_MAX = 3;
const REST = 100;

/** Statements of all documents, the last used; bounded by the length of their texts together. */
export class Statements {
  readonly #all = new Map<string, Statement>();
  #length = 0;
  constructor(private readonly lengthMax = 32_000_000) {}
  get(key: string): Statement | undefined {
    const statement = this.#all.get(key);
    if (statement) {
      this.#all.delete(key);
      this.#all.set(key, statement);
    }
    return statement;
  }
  set(key: string, statement: Statement): void {
    // Written anew by a document whose shape was forgotten: the one before goes, and its length.
    const before = this.#all.get(key);
    if (before) {
      this.#all.delete(key);
      this.#length -= before.sql.length;
    }
    this.#all.set(key, statement);
    this.#length += statement.sql.length;
    for (const [oldest, { sql }] of this.#all) {
      if (this.#length <= this.lengthMax) break;
      this.#all.delete(oldest);
      this.#length -= sql.length;
    }
  }
}
const statements = new Statements();

interface Shape {
  /** Null: it can't be compiled. */
  sites: Site[] | null;
  broken: number;
  rest: number;
}
export interface Prepared {
  statement: Statement;
  values: unknown[];
  /** To be told whether the statement's answer could be used. */
  shape: Shape;
}

/** Why the loaders must answer: arguments in error, which they word; a field that no statement gives; answers that kept missing values. */
export type Declined = 'arguments' | 'uncompilable' | 'resting';

/** The loaders meet the same error, and say at which field. */
class InArguments extends Error {}

let made = 0;

export class Compiled {
  readonly #id = ++made;
  readonly #fragments: Record<string, FragmentDefinitionNode> = {};
  /** Variables that @skip and @include read. */
  readonly #switches: string[];
  readonly #shapes = new Map<string, Shape>();
  readonly #hasNode: boolean;
  /** How many statements were written. */
  written = 0;
  constructor(
    private readonly schema: GraphQLSchema,
    private readonly catalogue: Catalogue,
    document: DocumentNode,
    private readonly operation: OperationDefinitionNode,
  ) {
    for (const definition of document.definitions)
      if (definition.kind === Kind.FRAGMENT_DEFINITION) this.#fragments[definition.name.value] = definition;
    this.#switches = switchesOf(document);
    this.#hasNode = operation.selectionSet.selections.some((selection) => selection.kind !== Kind.FIELD || selection.name.value === 'node');
  }

  /** The statement and its values, or why only the loaders can answer. */
  prepare(given: Readonly<Record<string, unknown>> | null | undefined, viewer: Viewer): Prepared | Declined {
    let variables: Record<string, unknown> = {};
    if (this.operation.variableDefinitions?.length) {
      const coerced = getVariableValues(this.schema, this.operation.variableDefinitions, given ?? {}, { maxErrors: 1 });
      if (!coerced.coerced) return 'arguments';
      variables = coerced.coerced;
    }
    try {
      const nodeTypes = this.#hasNode ? this.#nodeTypes(variables) : [];
      const key = `${this.#switches.map((name) => (variables[name] ? '1' : '0')).join('')} ${nodeTypes.map((entity) => entity.name).join(' ')}`;
      let shape = this.#shapes.get(key);
      if (shape && !shape.sites) return 'uncompilable';
      if (shape && rests(shape)) return 'resting';
      const all: Given[] = shape?.sites?.map((site) => this.#given(site, variables, viewer)) ?? [];
      let statementKey = `${this.#id} ${key} ${all.map(shapeOf).join('\n')}`;
      let statement = shape ? statements.get(statementKey) : undefined;
      if (!statement) {
        const sites: Site[] = [];
        const isNew = !shape;
        try {
          statement = this.#write(variables, nodeTypes, viewer, shape?.sites ?? null, sites, all);
        } catch (error) {
          if (!(error instanceof NotCompilable)) throw error;
          this.#keep(key, { sites: null, broken: 0, rest: 0 });
          return 'uncompilable';
        }
        if (isNew) {
          shape = this.#keep(key, { sites, broken: 0, rest: 0 });
          statementKey = `${this.#id} ${key} ${all.map(shapeOf).join('\n')}`;
        }
        statements.set(statementKey, statement);
        this.written++;
      }
      return { statement, values: statement.slots.map((slot) => slot(all, viewer)), shape: shape! };
    } catch (error) {
      if (error instanceof InArguments) return 'arguments';
      throw error;
    }
  }

  #given(site: Site, variables: Record<string, unknown>, viewer: Viewer): Given {
    try {
      return evaluate(site, variables, viewer, this.catalogue);
    } catch (error) {
      throw new InArguments('Arguments in error.', { cause: error });
    }
  }

  /** Writes the statement. Sites are met in the same order each time, since no argument changes which fields are selected. */
  #write(
    variables: Record<string, unknown>,
    nodeTypes: Entity[],
    viewer: Viewer,
    known: Site[] | null,
    sites: Site[],
    all: Given[],
  ): Statement {
    let next = 0;
    const site = (def: GraphQLField<unknown, unknown>, node: FieldNode) => {
      const index = next++;
      if (known) return { index, site: known[index]!, given: all[index]! };
      const made = siteOf(def, node);
      sites.push(made);
      all.push(this.#given(made, variables, viewer));
      return { index, site: made, given: all[index]! };
    };
    return new Writer({
      schema: this.schema,
      catalogue: this.catalogue,
      fragments: this.#fragments,
      variables,
      nodeTypes: [...nodeTypes],
      site,
    }).operation(this.operation);
  }

  #keep(key: string, shape: Shape): Shape {
    this.#shapes.delete(key);
    this.#shapes.set(key, shape);
    if (this.#shapes.size > SHAPES_MAX) this.#shapes.delete(this.#shapes.keys().next().value!);
    return shape;
  }

  #nodeTypes(variables: Record<string, unknown>): Entity[] {
    const query = this.schema.getQueryType()!;
    const types: Entity[] = [];
    for (const [, nodes] of collectFields(this.schema, this.#fragments, variables, query, this.operation.selectionSet)) {
      if (nodes[0]!.name.value !== 'node') continue;
      try {
        types.push(byPrefix(String(getArgumentValues(query.getFields().node!, nodes[0]!, variables).id))[0]);
      } catch (error) {
        throw new InArguments('Arguments in error.', { cause: error });
      }
    }
    return types;
  }
}

/** Told of every answer: a shape whose answers keep missing values costs a statement for nothing. */
export function settle(shape: Shape, isBroken: boolean): void {
  shape.broken = isBroken ? shape.broken + 1 : 0;
  if (shape.broken >= BROKEN_MAX) shape.rest = REST;
}
function rests(shape: Shape): boolean {
  if (shape.rest === 0) return false;
  shape.rest--;
  return true;
}

function switchesOf(document: DocumentNode): string[] {
  const names = new Set<string>();
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(walk);
    if (!node || typeof node !== 'object') return;
    const { kind, arguments: args } = node as { kind?: string; arguments?: { value: { kind: string; name: { value: string } } }[] };
    if (kind === Kind.DIRECTIVE) for (const { value } of args ?? []) if (value.kind === Kind.VARIABLE) names.add(value.name.value);
    for (const [key, value] of Object.entries(node)) if (key !== 'loc') walk(value);
  };
  walk(document.definitions);
  return [...names];
}
