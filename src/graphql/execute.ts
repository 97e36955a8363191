// The graph, made: from a document, its variables and who asks to an answer. Both transports come through here, so that limits, permissions
// and errors are the same on HTTP and on WebSocket.
import {
  createSourceEventStream,
  execute as executeByResolvers,
  GraphQLError,
  Kind,
  visit,
  type DocumentNode,
  type FieldNode,
  type GraphQLFormattedError,
  type GraphQLSchema,
} from 'graphql';
import { REFUSED_COST } from '../access/budget.ts';
import type { Viewer } from '../access/viewer.ts';
import { type Sql } from '../platform/db.ts';
import { sqlState } from '../platform/sql-state.ts';
import { Refusal } from '../platform/errors.ts';
import { Turns } from '../platform/turns.ts';
import { admit, COST_MAX, withoutPermission } from './access.ts';
import { faultsOf, readCatalogue } from './catalogue.ts';
import { settle, type Declined } from './compile.ts';
import { GraphContext, type Parts } from './context.ts';
import { Documents, type Operation, type Read } from './documents.ts';
import { entities, roots } from './entity.ts';
import { formatted, refused, shown, type FaultLog } from './faults.ts';
import { checkVariables } from './variables.ts';
import { finish } from './pieces.ts';
import { introspectedText } from './introspect.ts';
import { ReadPool } from './reader.ts';
import type { FieldNames } from './rows.ts';
import { buildSchema } from './schema.ts';
import type { Told } from './subscription.ts';

export interface GraphOptions {
  /** Reads: a pool of the application's role. */
  read: Sql;
  /** Actions of mutations. */
  write: Sql;
  parts?: Parts;
  /** Told of every fault of ours; default: standard error. */
  log?: FaultLog;
  /** How long an operation may wait for a connection. */
  waitMs?: number;
  /** `loaders`: nothing is compiled (the oracle of the differential test). */
  path?: 'loaders';
}
export interface Request {
  document: DocumentNode;
  operationName?: string | null;
  variables?: Record<string, unknown> | null;
  viewer: Viewer;
  /** Takes the cost from the caller's budget before the operation runs, and gives what is left. @throws Refusal RATE_LIMITED */
  spend?: (cost: number) => number;
}
export interface Cost {
  requested: number;
  /** Objects that the answer has. */
  actual: number;
  limit: number;
  /** What the caller's budget has left; absent where nobody counts it. */
  remaining?: number;
}
export interface Answer {
  /** JSON of `data`; undefined when the operation was refused before it ran. */
  data: string | undefined;
  errors: readonly GraphQLFormattedError[];
  /** Null when it was refused before its cost was known, and for events of a subscription. */
  cost: Cost | null;
  /** The HTTP status that the errors ask for; null: 200. */
  status: number | null;
  headers: ReadonlyMap<string, string>;
  path: 'compiled' | 'loaders' | 'refused';
  /** Why a query wasn't answered by its statement: as `Declined`; a non-null value was missing; a value couldn't be shown. */
  declined?: Declined | 'missing' | 'data';
}

/** The whole answer as it goes over the wire. */
export function bodyOf(answer: Answer): string {
  const errors = answer.errors.length > 0 ? `"errors":${JSON.stringify(answer.errors)}` : '';
  const data = answer.data === undefined ? '' : `"data":${answer.data}`;
  const cost = answer.cost ? `"extensions":${JSON.stringify({ cost: answer.cost })}` : '';
  return `{${[errors, data, cost].filter(Boolean).join(',')}}`;
}

/**
 * Reads the catalogue, checks the declarations against it and builds the schema.
 * @throws Error listing every declaration that the tables don't bear out, and every field without permission
 */
export async function makeGraph(options: GraphOptions): Promise<Graph> {
  const catalogue = await readCatalogue(options.read, entities.values(), Object.values(roots));
  const faults = faultsOf(catalogue, entities.values(), roots);
  const prefixes = new Map<string, string>();
  for (const { name, prefix } of entities.values()) {
    if (prefix && prefixes.has(prefix)) faults.push(`${name} and ${prefixes.get(prefix)} have the same prefix.`);
    if (prefix) prefixes.set(prefix, name);
  }
  if (faults.length > 0) throw new Error(`The graph can't start:\n${faults.join('\n')}`);
  const schema = buildSchema(catalogue);
  const open = withoutPermission(schema);
  if (open.length > 0) throw new Error(`The graph can't start: no permission is named by ${open.join(', ')}.`);
  return new Graph(options, schema, catalogue);
}

const INTROSPECTIONS_MAX = 8;

const named = new WeakMap<DocumentNode, ReadonlySet<string>>();
/** The names of all fields in the document. */
function fieldNames(document: DocumentNode): ReadonlySet<string> {
  let names = named.get(document);
  if (!names) {
    const found = new Set<string>();
    visit(document, { Field: ({ name }) => void found.add(name.value) });
    named.set(document, (names = found));
  }
  return names;
}

export class Graph {
  readonly documents: Documents;
  readonly pool: ReadPool;
  readonly #log: FaultLog;
  readonly #introspections = new Map<Operation, Answer>();
  readonly #turns = new Turns();
  readonly costMax = COST_MAX;
  constructor(
    private readonly options: GraphOptions,
    readonly schema: GraphQLSchema,
    private readonly catalogue: Awaited<ReturnType<typeof readCatalogue>>,
  ) {
    this.documents = new Documents(schema, catalogue);
    this.pool = new ReadPool(options.read, options.waitMs);
    this.#log =
      options.log ?? ((id, error) => void process.stderr.write(`${id} ${error instanceof Error ? error.stack : String(error)}\n`));
  }

  /** The document of a text, limited, parsed and validated; remembered. */
  read(source: string): Read {
    return this.documents.read(source);
  }

  /** The same, but of texts that aren't remembered one a turn of the event loop: many at once hold it up no longer than the worst of them. */
  async readInTurn(source: string): Promise<Read> {
    const known = this.documents.known(source);
    if (known) return known;
    await this.#turns.next();
    return this.read(source);
  }

  /** Text to answer: `read` and `execute`. */
  async query(source: string, viewer: Viewer, variables?: Record<string, unknown> | null, operationName?: string | null): Promise<Answer> {
    const read = this.read(source);
    if (!read.document) return this.refuse(read.errors);
    return this.execute({ document: read.document, operationName, variables, viewer });
  }

  /**
   * What the operation may cost, without running it.
   * @throws Refusal FORBIDDEN, TOO_EXPENSIVE, INVALID_INPUT
   */
  price(request: Request): number {
    return this.#admitted(request).cost;
  }

  /** Runs a query or a mutation, once it is paid for. Never throws: what goes wrong is in the answer. */
  async execute(request: Request): Promise<Answer> {
    try {
      const { operation, cost } = this.#admitted(request, ({ node }) => {
        if (node.operation === 'subscription') throw new Refusal('INVALID_INPUT', 'Subscriptions go over WebSocket (graphql-ws).');
      });
      const remaining = request.spend?.(cost);
      const answer = await this.#run(operation, request, cost);
      return remaining === undefined || !answer.cost ? answer : { ...answer, cost: { ...answer.cost, remaining } };
    } catch (error) {
      return this.refuse([error]);
    }
  }

  async #run(operation: Operation, request: Request, cost: number): Promise<Answer> {
    if (operation.isIntrospection) return this.#introspected(operation, request, cost);
    const compiled = await this.#compiled(operation, request);
    if ('data' in compiled) return { data: compiled.data, errors: [], cost: this.#cost(cost, compiled.data), status: null, headers: new Map(), path: 'compiled' };
    return { ...(await this.#resolved(request, undefined, cost)), declined: compiled.declined };
  }

  /** The schema doesn't change: an IDE's or generator's question is answered once, and its half megabyte kept. */
  async #introspected(operation: Operation, request: Request, cost: number): Promise<Answer> {
    const known = this.#introspections.get(operation);
    if (known) return known;
    const isConstant = !operation.node.variableDefinitions?.length;
    const data = isConstant ? introspectedText(this.schema, operation.document, operation.node) : null;
    const answer: Answer = data === null ? await this.#resolved(request, undefined, cost) : { data, errors: [], cost: this.#cost(cost, data), status: null, headers: new Map(), path: 'loaders' };
    if (isConstant) {
      if (this.#introspections.size >= INTROSPECTIONS_MAX) this.#introspections.delete(this.#introspections.keys().next().value!);
      this.#introspections.set(operation, answer);
    }
    return answer;
  }

  /** What is refused here was read all the same: it is paid for. */
  #admitted(request: Request, check: (operation: Operation) => void = () => {}): { operation: Operation; cost: number } {
    try {
      const operation = this.documents.operation(request.document, request.operationName);
      check(operation);
      const variables = request.variables ?? {};
      checkVariables(this.schema, operation.node, variables);
      return { operation, cost: admit(operation.needs, request.viewer, variables) };
    } catch (error) {
      request.spend?.(REFUSED_COST);
      throw error;
    }
  }

  /** The text of `data` by one statement, or why the loaders must answer. Errors of its own (a time-out) aren't tried again. */
  async #compiled(operation: Operation, { variables, viewer }: Request): Promise<{ data: string } | { declined: Answer['declined'] }> {
    if (!operation.compiled || this.options.path === 'loaders') return { declined: undefined };
    const prepared = operation.compiled.prepare(variables, viewer);
    if (typeof prepared === 'string') return { declined: prepared };
    let json: string | null;
    try {
      json = await this.pool.one(prepared.statement.sql, prepared.values, viewer.workspaceId);
    } catch (error) {
      // A value that can't be shown (a number too large, two rows where one was promised): the loaders say which field.
      if (/^(22|21)/.test(sqlState(error) ?? '')) return { declined: 'data' };
      throw error;
    }
    const data = finish(json, prepared.statement.finishers, viewer);
    settle(prepared.shape, data === null);
    return data === null ? { declined: 'missing' } : { data };
  }

  async #resolved(request: Request, rootValue: unknown, cost: number | null): Promise<Answer> {
    const { document, operationName, variables, viewer } = request;
    const context = this.context(viewer, fieldNames(document));
    try {
      const result = await executeByResolvers({
        schema: this.schema,
        document,
        operationName,
        variableValues: variables ?? {},
        contextValue: context,
        rootValue,
      });
      const answer = this.refuse(result.errors ?? []);
      if (result.data === undefined) return answer;
      const data = JSON.stringify(result.data);
      // Who got something of what he asked for got an answer, with errors beside it; who got nothing was refused (GraphQL over HTTP, 6.4).
      const partial = result.data !== null && Object.values(result.data).some((value) => (Array.isArray(value) ? value.some((item) => item !== null) || value.length === 0 : value !== null));
      return { ...answer, status: partial ? null : answer.status, data, cost: cost === null ? null : this.#cost(cost, data), path: 'loaders' };
    } finally {
      // Sibling resolvers may still run when graphql-js answers; the answer doesn't wait for them.
      void context.close();
    }
  }

  /** Once every operation has given its connection back: before the pools are ended. */
  close(): Promise<void> {
    return this.pool.idle();
  }

  /** What resolvers get. For who resolves by himself; `close()` it. */
  context(viewer: Viewer, names: FieldNames = null): GraphContext {
    return new GraphContext(viewer, this.pool, this.catalogue, this.options.write, this.options.parts ?? {}, names);
  }

  #cost(requested: number, data: string): Cost {
    // In JSON `{"` begins an object; within a text the quote would be escaped.
    let objects = -1;
    for (let at = data.indexOf('{"'); at >= 0; at = data.indexOf('{"', at + 2)) objects++;
    return { requested, actual: Math.min(requested, Math.max(0, objects)), limit: COST_MAX };
  }

  /** An answer of errors alone. */
  refuse(errors: readonly unknown[]): Answer {
    const all = errors.map((error) => {
      if (error instanceof GraphQLError) return shown(error, this.#log);
      return error instanceof Refusal
        ? refused(error)
        : shown(new GraphQLError('', { originalError: error instanceof Error ? error : new Error(String(error)) }), this.#log);
    });
    const http = all
      .map((error) => error.extensions.http as { status?: number; headers?: Map<string, string> } | undefined)
      .find((each) => each?.status);
    return {
      data: undefined,
      errors: all.map(formatted),
      cost: null,
      status: http?.status ?? null,
      headers: http?.headers ?? new Map(),
      path: 'refused',
    };
  }

  /** The subscription's field, its cost, whether its answers differ between viewers of the same permissions. @throws Refusal as `price` */
  subscription(request: Request): { field: string; perViewer: boolean; cost: number } {
    const { operation, cost } = this.#admitted(request, ({ node }) => {
      if (node.operation !== 'subscription' || node.selectionSet.selections[0]?.kind !== Kind.FIELD)
        throw new Refusal('INVALID_INPUT', 'This operation is no subscription of one field.');
    });
    const [selection] = operation.node.selectionSet.selections as readonly FieldNode[];
    return { field: selection!.name.value, perViewer: operation.needs.perViewer, cost };
  }

  /** The events of a subscription, paid for once, at its start, as its declaration gives them; an answer when it is refused. Ends with the signal. */
  async source(request: Request, signal: AbortSignal): Promise<AsyncIterable<Told> | Answer> {
    try {
      // Before the budget is looked for: whoever has none is judged all the same.
      const { cost } = this.subscription(request);
      request.spend?.(cost);
      const { document, operationName, variables, viewer } = request;
      const contextValue = { viewer, parts: this.options.parts ?? {}, signal };
      const stream = await createSourceEventStream({
        schema: this.schema,
        document,
        operationName,
        variableValues: variables ?? {},
        contextValue,
      });
      return Symbol.asyncIterator in stream ? (stream as AsyncIterable<Told>) : this.refuse(stream.errors ?? []);
    } catch (error) {
      return this.refuse([error]);
    }
  }

  /** What a subscription answers to one event: read afresh, with loaders of its own. */
  async tell(request: Request, told: Told): Promise<Answer> {
    try {
      return await this.#resolved(request, told, null);
    } catch (error) {
      return this.refuse([error]);
    }
  }
}
