import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GraphQLError, GraphQLInt, GraphQLNonNull, GraphQLObjectType, GraphQLSchema, GraphQLString, parse, type DocumentNode, type OperationDefinitionNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { afterEach, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { Viewer } from '../../src/access/viewer.ts';
import type { Told } from '../../src/graphql/subscription.ts';
import { LiveExecutor, type Frames, type LiveRequest } from '../../src/realtime/execute.ts';
import { Frame, FrameSocket, onNext } from '../../src/realtime/frames.ts';

const viewer = (over: Partial<Viewer> = {}): Viewer => ({
  workspaceId: 'w', role: 'AGENT', permissions: new Set(), actor: { workspaceId: 'w', kind: 'MEMBER', id: 'ada' }, memberId: 'ada', identityIds: [], accountId: null,
  permissionKey: 'p', expiresAtMs: null, ...over,
});

interface Context {
  viewer: Viewer;
  signal: AbortSignal;
  close(): Promise<void>;
}

/** A source that the test feeds: every subscriber hears all, from the cursor that it names. */
class Source {
  readonly told: Told[] = [];
  private hearers = new Set<() => void>();
  failure: Error | null = null;
  open = 0;
  tell(text: string): void {
    this.told.push({ cursor: String(this.told.length + 1), values: { text } });
    this.rouse();
  }
  fail(error: Error): void {
    this.failure = error;
    this.rouse();
  }
  async *from(after: number, signal: AbortSignal): AsyncGenerator<Told> {
    this.open++;
    try {
      for (let at = after; ; ) {
        if (signal.aborted) return;
        if (this.failure) throw this.failure;
        const told = this.told[at];
        if (told) {
          at++;
          yield told;
        } else {
          await new Promise<void>((resolve) => {
            this.hearers.add(resolve);
            signal.addEventListener('abort', () => resolve(), { once: true });
          });
        }
      }
    } finally {
      this.open--;
    }
  }
  private rouse(): void {
    for (const hear of this.hearers) hear();
    this.hearers = new Set();
  }
}

function live(source = new Source()) {
  let closed = 0;
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { one: { type: GraphQLInt } } }),
    subscription: new GraphQLObjectType<unknown, Context>({
      name: 'Subscription',
      fields: {
        heard: {
          type: new GraphQLNonNull(new GraphQLObjectType<Told, Context>({
            name: 'Heard',
            fields: {
              text: { type: GraphQLString, resolve: (told) => told.values.text },
              cursor: { type: GraphQLString, resolve: (told) => told.cursor },
              who: { type: GraphQLString, resolve: (_told, _args, context) => context.viewer.memberId },
              broken: { type: GraphQLString, resolve: () => { throw new Error('inside'); } },
            },
          })),
          args: { after: { type: GraphQLString }, loud: { type: GraphQLString } },
          subscribe: (_root, { after }: { after?: string }, context) => {
            if (after === 'wrong') throw new Error('no such place');
            return source.from(Number(after ?? 0), context.signal);
          },
          resolve: (told) => told,
        },
      },
    }),
  });
  const executor = new LiveExecutor<Context>({
    schema,
    context: (of, signal) => ({ viewer: of, signal, close: async () => void closed++ }),
    shown: (error) => new GraphQLError(`shown: ${error.message}`, { extensions: { code: 'CODE' } }),
    formatted: (error) => ({ message: error.message }),
  });
  return { source, schema, executor, closed: () => closed };
}

const documents = new Map<string, DocumentNode>();
function request(text: string, over: Partial<LiveRequest> = {}): LiveRequest {
  const document = documents.get(text) ?? parse(text);
  documents.set(text, document);
  return { document, operation: document.definitions[0] as OperationDefinitionNode, variables: {}, viewer: viewer(), perViewer: false, ...over };
}
const HEARD = 'subscription ($after: String, $loud: String) { heard(after: $after, loud: $loud) { text cursor } }';
const next = async (frames: Frames) => JSON.parse((await frames.next()).value!.text);

afterEach(() => void vi.useRealTimers());

test('what an event means is executed once for all who asked the same, wherever each of them began', async () => {
  const { executor, source } = live();
  source.tell('one');
  source.tell('two');
  const all = await Promise.all(['0', '0', '1'].map((after) => executor.subscribe(request(HEARD, { variables: { after } })))) as Frames[];
  const answer = (text: string, cursor: string) => ({ data: { heard: { text, cursor } } });
  for (const frames of all.slice(0, 2)) expect(await next(frames)).toEqual(answer('one', '1'));
  const second = await Promise.all(all.map((frames) => frames.next()));
  expect(second.map(({ value }) => JSON.parse(value!.text))).toEqual(Array(3).fill(answer('two', '2')));
  expect(new Set(second.map(({ value }) => value)).size).toBe(1);
  expect(executor.executions).toBe(2);
});

test('other variables, permissions, documents, and viewers where it matters, are told apart', async () => {
  const { executor, source } = live();
  source.tell('one');
  const bob = { actor: { workspaceId: 'w', kind: 'MEMBER', id: 'bob' } as const, memberId: 'bob' };
  const executionsOf = async (...requests: LiveRequest[]) => {
    const before = executor.executions;
    const all = (await Promise.all(requests.map((each) => executor.subscribe(each)))) as Frames[];
    const answers = await Promise.all(all.map(next));
    await Promise.all(all.map((frames) => frames.return()));
    return [executor.executions - before, answers.map(({ data }) => data.heard.who)];
  };
  const who = 'subscription ($after: String, $loud: String) { heard(after: $after, loud: $loud) { who } }';
  expect((await executionsOf(request(HEARD), request(HEARD, { viewer: viewer(bob) })))[0]).toBe(1);
  expect((await executionsOf(request(HEARD), request(HEARD, { variables: { loud: 'yes' } })))[0]).toBe(2);
  expect((await executionsOf(request(HEARD), request(HEARD, { viewer: viewer({ permissionKey: 'q' }) })))[0]).toBe(2);
  expect((await executionsOf(request(HEARD), request(HEARD, { viewer: viewer({ workspaceId: 'v' }) })))[0]).toBe(2);
  expect((await executionsOf(request(HEARD), request(`${HEARD} `)))[0]).toBe(2);
  const perViewer = { perViewer: true };
  expect(await executionsOf(request(who, perViewer), request(who, perViewer), request(who, { ...perViewer, viewer: viewer(bob) }))).toEqual([2, ['ada', 'ada', 'bob']]);
  // The same variable in two places is no mere place in the log.
  const twice = 'subscription ($after: String) { heard(after: $after, loud: $after) { text } }';
  expect((await executionsOf(request(twice, { variables: { after: '0' } }), request(twice, { variables: {} })))[0]).toBe(2);
});

test('who reaches the event later reads it afresh', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const { executor, source } = live();
  source.tell('one');
  const read = async () => next((await executor.subscribe(request(HEARD))) as Frames);
  const keeper = await executor.subscribe(request(HEARD));
  await read();
  await read();
  expect(executor.executions).toBe(1);
  vi.advanceTimersByTime(2_000);
  await read();
  expect(executor.executions).toBe(2);
  await (keeper as Frames).return();
});

test('it ends at once by its return or its signal while it waits, and closes its source and contexts', async () => {
  const { executor, source, closed } = live();
  const stop = new AbortController();
  const all = [await executor.subscribe(request(HEARD)), await executor.subscribe(request(HEARD, { signal: stop.signal }))] as Frames[];
  const waiting = all.map((frames) => frames.next());
  await all[0]!.return();
  stop.abort();
  expect(await Promise.all(waiting)).toEqual(Array(2).fill({ done: true, value: undefined }));
  await vi.waitFor(() => expect(source.open).toBe(0));
  expect(closed()).toBe(2);
  const late = (await executor.subscribe(request(HEARD, { signal: AbortSignal.abort() }))) as Frames;
  expect(await late.next()).toEqual({ done: true, value: undefined });
});

test('what refuses it, ends it or fails in a field is told as the graph tells errors', async () => {
  const { executor, source } = live();
  expect(await executor.subscribe(request(HEARD, { variables: { after: 'wrong' } }))).toMatchObject({ errors: [{ message: 'shown: no such place', extensions: { code: 'CODE' } }] });
  source.tell('one');
  const broken = (await executor.subscribe(request('subscription { heard { text broken } }'))) as Frames;
  expect(await next(broken)).toEqual({ data: { heard: { text: 'one', broken: null } }, errors: [{ message: 'shown: inside' }] });
  source.fail(new Error('the log ended'));
  await expect(broken.next()).rejects.toMatchObject({ message: 'shown: the log ended', extensions: { code: 'CODE' } });
  expect(await broken.next()).toEqual({ done: true, value: undefined });
});

test('over real sockets every client gets the whole message under its own id, whatever the id and the text look like', async () => {
  const { executor, source, schema } = live();
  const http = createServer();
  const sockets = new WebSocketServer({ server: http, WebSocket: FrameSocket });
  const served = useServer({
    schema,
    onNext,
    subscribe: (args) => {
      const operation = args.document.definitions[0] as OperationDefinitionNode;
      return executor.subscribe(request(HEARD, { document: args.document, operation, variables: (args.variableValues ?? {}) as Record<string, unknown> })) as never;
    },
  }, sockets);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const word = JSON.parse(JSON.stringify(new Frame('{}'))) as string;
  const texts = ['plain', `"payload":"${word}"}`, 'ünï © 💬 \u2028', word];
  texts.forEach((text) => source.tell(text));
  const clients = ['plain', `x","payload":"${word}"}`, word].map((id) => createClient({ url, webSocketImpl: WebSocket, generateID: () => id, retryAttempts: 0 }));
  const heard = await Promise.all(clients.map(async (client) => {
    const got: unknown[] = [];
    for await (const { data } of client.iterate<{ heard: { text: string } }>({ query: HEARD })) if (got.push(data!.heard.text) === texts.length) break;
    return got;
  }));
  expect(heard).toEqual(clients.map(() => texts));
  await Promise.all(clients.map((client) => client.dispose()));
  await served.dispose();
  await new Promise((resolve) => http.close(resolve));
});
