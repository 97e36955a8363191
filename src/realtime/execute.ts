// Subscriptions over graphql-ws: every client has its own place in the log, and what an event means to all who asked the same is executed
// and serialised once. A group is (workspace, document, variables, permissions), and the viewer too where an answer depends on him.
import { createSourceEventStream, execute, GraphQLError, visit, type DocumentNode, type ExecutionResult, type GraphQLSchema, type OperationDefinitionNode } from 'graphql';
import type { Viewer } from '../access/viewer.ts';
import type { Told } from '../graphql/subscription.ts';
import { Frame } from './frames.ts';

/** How long an answer is handed to others who reach the same event. Afterwards it is read afresh, since it shows things as they are now. */
const KEEP_MS = 2_000;
const KEPT_PER_GROUP_MAX = 64;

export interface LiveRequest {
  document: DocumentNode;
  /** The operation of the document that is asked for. */
  operation: OperationDefinitionNode;
  variables: Record<string, unknown>;
  viewer: Viewer;
  /** Whether the answer differs between viewers of equal permissions (graphql/access.ts: `needs.perViewer`). */
  perViewer: boolean;
  /** Ends it: the client left, its key died, the server drains. */
  signal?: AbortSignal;
}

export interface LiveOptions<Context extends { close(): Promise<void> }> {
  schema: GraphQLSchema;
  /** A context of its own (with its own loaders) for a source, and for every execution. `signal` stands in it as `signal`. */
  context(viewer: Viewer, signal: AbortSignal): Context;
  /** An error as the client may see it. */
  shown(error: GraphQLError): GraphQLError;
  /** Its form on the wire. */
  formatted(error: GraphQLError): unknown;
}

export type Frames = AsyncIterableIterator<Frame> & { return(): Promise<IteratorResult<Frame>> };

/** One a process. */
export class LiveExecutor<Context extends { close(): Promise<void> }> {
  private readonly groups = new Map<string, Group>();
  /** Executions so far: subscribers of one group share them. */
  executions = 0;

  constructor(private readonly options: LiveOptions<Context>) {}

  /**
   * The frames of a subscription whose document was validated and admitted; or the errors that refuse it. A `next` rejects with the
   * error that ended it (shown). `return` ends it at once, also while a `next` waits, and so does the signal.
   */
  async subscribe(request: LiveRequest): Promise<Frames | ExecutionResult> {
    const { schema } = this.options;
    const ending = new AbortController();
    const end = () => ending.abort();
    if (request.signal?.aborted) end();
    request.signal?.addEventListener('abort', end, { once: true });
    const context = this.options.context(request.viewer, ending.signal);
    const finish = () => {
      request.signal?.removeEventListener('abort', end);
      end();
      void context.close();
    };
    let source: AsyncIterable<unknown> | ExecutionResult;
    try {
      source = await createSourceEventStream({
        schema, document: request.document, operationName: request.operation.name?.value, variableValues: request.variables, contextValue: context,
      });
    } catch (error) {
      finish();
      throw this.shown(error);
    }
    if (!(Symbol.asyncIterator in source)) {
      finish();
      return { errors: source.errors?.map((error) => this.options.shown(error)) ?? [] };
    }
    return this.frames(request, (source as AsyncIterable<Told>)[Symbol.asyncIterator](), ending.signal, finish);
  }

  private frames(request: LiveRequest, source: AsyncIterator<Told>, signal: AbortSignal, finish: () => void): Frames {
    const group = this.enter(groupKey(request));
    let ended = false;
    const leave = () => {
      if (ended) return;
      ended = true;
      finish();
      this.leave(group);
      // Its signal has ended it; `return` would wait for a `next` that is under way.
      source.return?.().catch(() => {});
    };
    signal.addEventListener('abort', leave, { once: true });
    const done = { done: true, value: undefined } as const;
    const executor = this;
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      async next() {
        if (ended) return done;
        try {
          const told = await source.next();
          if (ended || told.done) {
            leave();
            return done;
          }
          return { done: false, value: await executor.frame(request, group, told.value) };
        } catch (error) {
          if (ended) return done;
          leave();
          throw executor.shown(error);
        }
      },
      async return() {
        leave();
        return done;
      },
    };
  }

  /** What `told` means to the group: made by whoever comes first. */
  private frame(request: LiveRequest, group: Group, told: Told): Promise<Frame> {
    if (told.cursor === undefined) return this.execute(request, told);
    const known = group.kept.get(told.cursor);
    const at = performance.now();
    if (known && at - known.at < KEEP_MS) return known.frame;
    const frame = this.execute(request, told);
    group.kept.delete(told.cursor);
    group.kept.set(told.cursor, { frame, at });
    if (group.kept.size > KEPT_PER_GROUP_MAX) group.kept.delete(group.kept.keys().next().value!);
    return frame;
  }

  private async execute(request: LiveRequest, told: Told): Promise<Frame> {
    this.executions++;
    const never = new AbortController().signal;
    const context = this.options.context(request.viewer, never);
    try {
      const { data, errors } = await execute({
        schema: this.options.schema, document: request.document, operationName: request.operation.name?.value, variableValues: request.variables,
        rootValue: told, contextValue: context,
      });
      const shown = errors?.map((error) => this.options.formatted(this.options.shown(error)));
      return new Frame(JSON.stringify(shown ? { data, errors: shown } : { data }));
    } finally {
      await context.close();
    }
  }

  private shown(error: unknown): GraphQLError {
    const original = error instanceof Error ? error : new Error(String(error));
    return this.options.shown(error instanceof GraphQLError ? error : new GraphQLError(original.message, { originalError: original }));
  }

  private enter(key: string): Group {
    const group = this.groups.get(key) ?? { key, members: 0, kept: new Map() };
    group.members++;
    this.groups.set(key, group);
    return group;
  }

  private leave(group: Group): void {
    if (--group.members === 0) this.groups.delete(group.key);
  }
}

interface Group {
  key: string;
  members: number;
  /** By cursor, the oldest first. */
  kept: Map<string, { frame: Promise<Frame>; at: number }>;
}

const documentNumbers = new WeakMap<DocumentNode, number>();
let documents = 0;

/** Equal for those whom an event tells the same. Documents are the same object when their text is (graphql/documents.ts). */
function groupKey({ document, operation, variables, viewer, perViewer }: LiveRequest): string {
  let number = documentNumbers.get(document);
  if (number === undefined) documentNumbers.set(document, (number = ++documents));
  const place = placeVariable(document, operation);
  const shared = Object.fromEntries(Object.entries(variables).filter(([name]) => name !== place).sort(([a], [b]) => (a < b ? -1 : 1)));
  // `permissionKey` tells workspaces and visitors' identities apart already.
  const who = perViewer ? [viewer.actor.kind, viewer.actor.id] : [];
  return JSON.stringify([viewer.workspaceId, viewer.permissionKey, number, operation.name?.value, shared, who]);
}

const placeVariables = new WeakMap<OperationDefinitionNode, string | null>();

/** The variable that is nothing but the root field's `after`: where each client begins, which no answer depends on. */
function placeVariable(document: DocumentNode, operation: OperationDefinitionNode): string | null {
  let name = placeVariables.get(operation);
  if (name === undefined) {
    name = null;
    for (const field of operation.selectionSet.selections) {
      const after = field.kind === 'Field' ? field.arguments?.find((argument) => argument.name.value === 'after')?.value : undefined;
      if (after?.kind === 'Variable') name = after.name.value;
    }
    let uses = 0;
    visit(document, {
      VariableDefinition: () => false,
      Variable: (node) => {
        if (node.name.value === name) uses++;
      },
    });
    if (uses !== 1) name = null;
    placeVariables.set(operation, name);
  }
  return name;
}
