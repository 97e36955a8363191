import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSchema, parse, print, type DocumentNode, type OperationDefinitionNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { afterEach, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { Viewer } from '../../src/access/viewer.ts';
import type { Answer, Graph, Request } from '../../src/graphql/execute.ts';
import type { Told } from '../../src/graphql/subscription.ts';
import { LiveExecutor, type Frames } from '../../src/realtime/execute.ts';
import { Frame, FrameSocket, onNext } from '../../src/realtime/frames.ts';

const viewer = (over: Partial<Viewer> = {}): Viewer => ({
  workspaceId: 'w', role: 'AGENT', permissions: new Set(), actor: { workspaceId: 'w', kind: 'MEMBER', id: 'ada' }, memberId: 'ada', identityIds: [], accountId: null,
  permissionKey: 'p', expiresAtMs: null, ...over,
});

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

/** A graph of one subscription field, of which only what the executor asks is there. */
function live(source = new Source()) {
  const documents = new Map<string, DocumentNode>();
  const answer = (data: unknown, ...messages: string[]): Answer => ({
    data: data === undefined ? undefined : JSON.stringify(data), errors: messages.map((message) => ({ message, extensions: { code: 'CODE' } })),
    cost: null, status: null, headers: new Map(), path: 'loaders',
  });
  const outage = { left: 0 };
  const executor = new LiveExecutor({
    documents: { operation: (document: DocumentNode) => ({ node: document.definitions[0] as OperationDefinitionNode }) } as unknown as Graph['documents'],
    subscription: ({ document }) => ({ field: 'heard', perViewer: print(document).includes('who'), cost: 1 }),
    source: async ({ variables }, signal) => (variables?.after === 'wrong' ? answer(undefined, 'no such place') : source.from(Number(variables?.after ?? 0), signal)),
    tell: async ({ viewer: of, document }, told) =>
      outage.left-- > 0
        ? { ...answer({ heard: null }, 'away'), errors: [{ message: 'away', extensions: { code: 'OVERLOADED' } }] }
        : print(document).includes('broken')
        ? answer({ heard: null }, 'a field failed')
        : answer({ heard: { ...told.values, cursor: told.cursor, ...(print(document).includes('who') ? { who: of.memberId } : {}) } }),
    refuse: ([error]) => answer(undefined, `shown: ${(error as Error).message}`),
  });
  const request = (text: string, variables: Record<string, unknown> = {}, by = viewer()): Request => {
    const document = documents.get(text) ?? parse(text);
    documents.set(text, document);
    return { document, variables, viewer: by };
  };
  return { source, executor, request, outage };
}

const HEARD = 'subscription ($after: String, $loud: String) { heard(after: $after, loud: $loud) { text cursor } }';
const next = async (frames: Frames) => JSON.parse((await frames.next()).value!.text);

afterEach(() => void vi.useRealTimers());

test('what an event means is executed once for all who asked the same, wherever each of them began', async () => {
  const { executor, source, request } = live();
  source.tell('one');
  source.tell('two');
  const all = await Promise.all(['0', '0', '1'].map((after) => executor.subscribe(request(HEARD, { after })))) as Frames[];
  const answer = (text: string, cursor: string) => ({ data: { heard: { text, cursor } } });
  for (const frames of all.slice(0, 2)) expect(await next(frames)).toEqual(answer('one', '1'));
  const second = await Promise.all(all.map((frames) => frames.next()));
  expect(second.map(({ value }) => JSON.parse(value!.text))).toEqual(Array(3).fill(answer('two', '2')));
  expect(new Set(second.map(({ value }) => value)).size).toBe(1);
  expect(executor.executions).toBe(2);
});

test('other variables, permissions, workspaces, documents, and viewers where it matters, are told apart', async () => {
  const { executor, source, request } = live();
  source.tell('one');
  const bob = viewer({ actor: { workspaceId: 'w', kind: 'MEMBER', id: 'bob' }, memberId: 'bob' });
  const executionsOf = async (...requests: Request[]) => {
    const before = executor.executions;
    const all = (await Promise.all(requests.map((each) => executor.subscribe(each)))) as Frames[];
    const answers = await Promise.all(all.map(next));
    await Promise.all(all.map((frames) => frames.return()));
    return [executor.executions - before, answers.map(({ data }) => data.heard.who)];
  };
  const who = 'subscription ($after: String) { heard(after: $after) { who } }';
  expect((await executionsOf(request(HEARD), request(HEARD, {}, bob)))[0]).toBe(1);
  expect((await executionsOf(request(HEARD, { loud: 'no', after: '0' }), request(HEARD, { after: '0', loud: 'no' })))[0]).toBe(1);
  expect((await executionsOf(request(HEARD), request(HEARD, { loud: 'yes' })))[0]).toBe(2);
  expect((await executionsOf(request(HEARD), request(HEARD, {}, viewer({ permissionKey: 'q' }))))[0]).toBe(2);
  expect((await executionsOf(request(HEARD), request(HEARD, {}, viewer({ workspaceId: 'v' }))))[0]).toBe(2);
  expect((await executionsOf(request(HEARD), request(`${HEARD} `)))[0]).toBe(2);
  expect(await executionsOf(request(who), request(who), request(who, {}, bob))).toEqual([2, ['ada', 'ada', 'bob']]);
  // The same variable in two places is no mere place in the log.
  const twice = 'subscription ($after: String) { heard(after: $after, loud: $after) { text } }';
  expect((await executionsOf(request(twice, { after: '0' }), request(twice, {})))[0]).toBe(2);
});

test('an event that an outage keeps from being read is told when it can be; when it lasts the subscription ends with a code to come again', async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  const { executor, source, request, outage } = live();
  outage.left = 3;
  source.tell('one');
  const frames = (await executor.subscribe(request(HEARD))) as Frames;
  const first = next(frames);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await first).toEqual({ data: { heard: { text: 'one', cursor: '1' } } });
  outage.left = 1_000_000;
  source.tell('two');
  const second = frames.next().catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await second).toMatchObject({ message: expect.stringContaining('shown: The database cannot be reached') });
  expect(await frames.next()).toEqual({ done: true, value: undefined });
});

test('who reaches the event later reads it afresh', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const { executor, source, request } = live();
  source.tell('one');
  const read = async () => next((await executor.subscribe(request(HEARD))) as Frames);
  const keeper = (await executor.subscribe(request(HEARD))) as Frames;
  await read();
  await read();
  expect(executor.executions).toBe(1);
  vi.advanceTimersByTime(2_000);
  await read();
  expect(executor.executions).toBe(2);
  await keeper.return();
});

test('it ends at once by its return or its signal while it waits, and its source ends too', async () => {
  const { executor, source, request } = live();
  const stop = new AbortController();
  const all = [await executor.subscribe(request(HEARD)), await executor.subscribe(request(HEARD), stop.signal)] as Frames[];
  const waiting = all.map((frames) => frames.next());
  await vi.waitFor(() => expect(source.open).toBe(2));
  await all[0]!.return();
  stop.abort();
  expect(await Promise.all(waiting)).toEqual(Array(2).fill({ done: true, value: undefined }));
  await vi.waitFor(() => expect(source.open).toBe(0));
  const late = (await executor.subscribe(request(HEARD), AbortSignal.abort())) as Frames;
  expect(await late.next()).toEqual({ done: true, value: undefined });
});

test('what refuses it is one frame; what fails in a field stands in its frame; what ends it is thrown as clients may see it', async () => {
  const { executor, source, request } = live();
  const refused = (await executor.subscribe(request(HEARD, { after: 'wrong' }))) as Frame;
  expect(JSON.parse(refused.text)).toEqual({ errors: [{ message: 'no such place', extensions: { code: 'CODE' } }] });
  source.tell('one');
  const broken = (await executor.subscribe(request('subscription { heard { broken } }'))) as Frames;
  expect(await next(broken)).toEqual({ data: { heard: null }, errors: [{ message: 'a field failed', extensions: { code: 'CODE' } }] });
  source.fail(new Error('the log ended'));
  await expect(broken.next()).rejects.toMatchObject({ message: 'shown: the log ended', extensions: { code: 'CODE' } });
  expect(await broken.next()).toEqual({ done: true, value: undefined });
});

test('over real sockets every client gets the whole message under its own id, whatever the id and the text look like', async () => {
  const { executor, source, request } = live();
  const http = createServer();
  const sockets = new WebSocketServer({ server: http, WebSocket: FrameSocket });
  const schema = buildSchema('type Query { one: Int } type Subscription { heard(after: String, loud: String): Heard } type Heard { text: String cursor: String }');
  const served = useServer({
    schema,
    onNext,
    subscribe: ({ variableValues }) => executor.subscribe(request(HEARD, { ...variableValues })) as never,
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
  // Refused and ended, the client sees the code.
  const outcome = async (variables: Record<string, unknown>) => {
    const iterator = clients[2]!.iterate({ query: HEARD, variables });
    try {
      for (;;) {
        const { value, done } = await iterator.next();
        if (done || value.errors) return value?.errors;
      }
    } catch (errors) {
      return errors;
    }
  };
  expect(await outcome({ after: 'wrong' })).toMatchObject([{ message: 'no such place', extensions: { code: 'CODE' } }]);
  const ended = outcome({});
  source.fail(new Error('the log ended'));
  expect(await ended).toMatchObject([{ message: 'shown: the log ended', extensions: { code: 'CODE' } }]);
  await Promise.all(clients.map((client) => client.dispose()));
  await served.dispose();
  await new Promise((resolve) => http.close(resolve));
});
