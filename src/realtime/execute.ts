// Subscriptions over graphql-ws: every client has its own place in the log, and what an event means to all who asked the same is executed
// and serialised once. A group is (workspace, document, variables, permissions), and the viewer too where an answer depends on him.
import { GraphQLError, visit, type DocumentNode, type OperationDefinitionNode } from 'graphql';
import { bodyOf, type Answer, type Graph, type Request } from '../graphql/execute.ts';
import type { Told } from '../graphql/subscription.ts';
import { ERROR_CODES, Refusal, type ErrorCode } from '../platform/errors.ts';
import { Frame } from './frames.ts';

/** How long an answer is handed to others who reach the same event. Afterwards it is read afresh, since it shows things as they are now. */
const KEEP_MS = 2_000;
const KEPT_PER_GROUP_MAX = 64;
/** How long an event waits for the database, and between two tries. */
const OUTAGE_MS_MAX = 20_000;
const OUTAGE_RETRY_MS = 100;

export type Frames = AsyncIterableIterator<Frame> & { return(): Promise<IteratorResult<Frame>> };

/** One a process. */
export class LiveExecutor {
  readonly #groups = new Map<string, Group>();
  /** Executions so far: subscribers of one group share them. */
  executions = 0;

  constructor(private readonly graph: Pick<Graph, 'documents' | 'subscription' | 'source' | 'tell' | 'refuse'>) {}

  /**
   * The frames of a subscription; one frame when it is refused, for graphql-ws' `subscribe`. A `next` rejects with the error that ended
   * it. `return` ends it at once, also while a `next` waits, and so does `signal` (the client left, its key died, the server drains).
   */
  async subscribe(request: Request, signal?: AbortSignal): Promise<Frames | Frame> {
    const ending = new AbortController();
    const end = () => ending.abort();
    if (signal?.aborted) end();
    signal?.addEventListener('abort', end, { once: true });
    const finish = () => {
      signal?.removeEventListener('abort', end);
      end();
    };
    try {
      const { perViewer } = this.graph.subscription(request);
      const source = await this.graph.source(request, ending.signal);
      if (Symbol.asyncIterator in source) return this.#frames(request, this.#enter(this.#keyOf(request, perViewer)), source[Symbol.asyncIterator](), ending.signal, finish);
      finish();
      return new Frame(bodyOf(source));
    } catch (error) {
      finish();
      return new Frame(bodyOf(this.graph.refuse([error])));
    }
  }

  #frames(request: Request, group: Group, source: AsyncIterator<Told>, signal: AbortSignal, finish: () => void): Frames {
    let ended = false;
    const leave = () => {
      if (ended) return;
      ended = true;
      finish();
      if (--group.members === 0) this.#groups.delete(group.key);
      // Its signal has ended it; waiting for `return` would be waiting for a `next` that is under way.
      source.return?.().catch(() => {});
    };
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
    const done = { done: true, value: undefined } as const;
    const next = async (): Promise<IteratorResult<Frame>> => {
      if (ended) return done;
      try {
        const told = await source.next();
        if (!told.done && !ended) {
          const value = await this.#frame(request, group, told.value);
          if (!ended) return { done: false, value };
        }
        leave();
        return done;
      } catch (error) {
        if (ended) return done;
        leave();
        throw shownError(this.graph.refuse([error]));
      }
    };
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next,
      async return() {
        leave();
        return done;
      },
    };
  }

  /** What `told` means to the group: made by whoever comes first. */
  #frame(request: Request, group: Group, told: Told): Promise<Frame> {
    if (told.cursor === undefined) return this.#execute(request, told);
    const known = group.kept.get(told.cursor);
    const at = performance.now();
    if (known && at - known.at < KEEP_MS) return known.frame;
    const frame = this.#execute(request, told);
    group.kept.delete(told.cursor);
    group.kept.set(told.cursor, { frame, at });
    if (group.kept.size > KEPT_PER_GROUP_MAX) group.kept.delete(group.kept.keys().next().value!);
    return frame;
  }

  /**
   * Reads again what an outage of the database kept from being read: an event that was told as an error would be missed by whoever goes on after it.
   * @throws Refusal OVERLOADED, which ends the subscription, when the outage lasts: its client comes again with its last cursor
   */
  async #execute(request: Request, told: Told): Promise<Frame> {
    const until = performance.now() + OUTAGE_MS_MAX;
    for (;;) {
      this.executions++;
      const answer = await this.graph.tell(request, told);
      if (!answer.errors.some(({ extensions }) => ERROR_CODES[extensions?.code as ErrorCode]?.retryable)) return new Frame(bodyOf(answer));
      if (performance.now() > until) throw new Refusal('OVERLOADED', 'The database cannot be reached at the moment. Come again with your last cursor.');
      await new Promise((resolve) => setTimeout(resolve, OUTAGE_RETRY_MS));
    }
  }

  #enter(key: string): Group {
    const group = this.#groups.get(key) ?? { key, members: 0, kept: new Map() };
    group.members++;
    this.#groups.set(key, group);
    return group;
  }

  /** Equal for those whom an event tells the same. Documents are the same object when their text is (graphql/documents.ts). */
  #keyOf({ document, operationName, variables, viewer }: Request, perViewer: boolean): string {
    let number = documentNumbers.get(document);
    if (number === undefined) documentNumbers.set(document, (number = ++documents));
    const place = placeVariable(document, this.graph.documents.operation(document, operationName).node);
    const shared = Object.entries(variables ?? {}).filter(([name]) => name !== place).sort(([a], [b]) => (a < b ? -1 : 1));
    // `permissionKey` tells workspaces and visitors' identities apart already.
    const who = perViewer ? [viewer.actor.kind, viewer.actor.id] : [];
    return JSON.stringify([viewer.workspaceId, viewer.permissionKey, number, operationName, shared, who]);
  }
}

/** What graphql-ws sends as the error that ended a subscription. */
function shownError(answer: Answer): GraphQLError {
  const [first] = answer.errors;
  return new GraphQLError(first!.message, { extensions: first!.extensions ?? {} });
}

interface Group {
  key: string;
  members: number;
  /** By cursor, the oldest first. */
  kept: Map<string, { frame: Promise<Frame>; at: number }>;
}

const documentNumbers = new WeakMap<DocumentNode, number>();
let documents = 0;

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
