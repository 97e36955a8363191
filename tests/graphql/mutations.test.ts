import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ran } from './domain.ts';
import { testGraph, type TestGraph } from './graph.ts';
import { hexId, viewerOf } from './tables.ts';

let t: TestGraph;
beforeAll(async () => {
  t = await testGraph();
});
afterAll(() => t.db.close());
beforeEach(() => {
  t.faults.length = 0;
});

const SAY = `mutation Say($input: SayWordsInput!) { sayWords(input: $input) { matter { id wordCount } words { id body saidAt } last { __typename ... on Word { body } } count
  results { word { body } userErrors { code message field retryable } } userErrors { code message field retryable } } }`;
const matterId = () => hexId('gma', 1, 3, 82);
const say = async (input: Record<string, unknown>, w = 1) => {
  const answer = await t.compiled.query(SAY, viewerOf(t.workspaces[w - 1]!, w), { input: { matterId: matterId(), ...input } });
  return { answer, payload: JSON.parse(answer.data ?? 'null')?.sayWords };
};
const words = async () =>
  (await t.db.owner`select count(*)::int as n from g_words where workspace_id = ${t.workspaces[0]}`)[0]!.n as number;

it('a payload shows what was changed, as it is after the commit', async () => {
  const { payload } = await say({ words: [{ body: 'one', saidAt: '2026-02-01T10:00:00+01:00' }, { body: 'two' }] });
  expect(payload.userErrors).toEqual([]);
  expect(payload.words).toMatchObject([{ body: 'one', saidAt: '2026-02-01T09:00:00.000Z' }, { body: 'two' }]);
  expect(payload).toMatchObject({ matter: { id: matterId() }, last: { __typename: 'Word', body: 'two' }, count: 2 });
  expect(payload.matter.wordCount).toBeGreaterThanOrEqual(2);
});
it('two mutations of one request each see their own effect', async () => {
  const one = (name: string) =>
    `${name}: sayWords(input: { matterId: "${matterId()}", words: [{ body: "${name}" }] }) { matter { wordCount } }`;
  const answer = await t.compiled.query(`mutation { ${one('a')} ${one('b')} }`, viewerOf(t.workspaces[0], 1));
  const { a, b } = JSON.parse(answer.data!);
  expect(b.matter.wordCount).toBe(a.matter.wordCount + 1);
});
it('a refusal is a user error, and nothing of the action stays', async () => {
  const before = await words();
  const { answer, payload } = await say({ words: [{ body: 'x' }], fail: 'conflict' });
  expect(answer).toMatchObject({ errors: [], status: null });
  expect(payload).toEqual({
    matter: null,
    words: null,
    last: null,
    count: null,
    results: null,
    userErrors: [{ code: 'CONFLICT', message: 'It was changed.', field: ['expectedVersion'], retryable: false }],
  });
  expect(await words()).toBe(before);
});
it('a row of a bulk mutation has its own errors', async () => {
  const { payload } = await say({ words: [{ body: 'fine' }, { body: '' }] });
  expect(payload.results).toEqual([
    { word: { body: 'fine' }, userErrors: [] },
    { word: null, userErrors: [{ code: 'INVALID_INPUT', message: 'Nothing is said.', field: null, retryable: false }] },
  ]);
});
it("another workspace's id is refused as one that doesn't exist", async () => {
  const { payload } = await say({ words: [{ body: 'x' }] }, 2);
  expect(payload.userErrors).toMatchObject([{ code: 'NOT_FOUND' }]);
});
it('a bug is INTERNAL under an id, without its inside', async () => {
  const { answer } = await say({ words: [], fail: 'bug' });
  expect(answer.errors).toMatchObject([{ path: ['sayWords'], extensions: { code: 'INTERNAL' } }]);
  expect(JSON.stringify(answer.errors)).not.toContain('secret');
  expect(t.faults).toHaveLength(1);
});
it('the same idempotency key has its effect once and answers the same', async () => {
  const before = await words();
  const first = await say({ words: [{ body: 'once' }], idempotencyKey: 'key-1' });
  const again = await say({ idempotencyKey: 'key-1', words: [{ body: 'once' }] });
  expect(again.payload.words).toEqual(first.payload.words);
  expect(await words()).toBe(before + 1);
});
it('the same key with other input is refused', async () => {
  await say({ words: [{ body: 'a' }], idempotencyKey: 'key-2' });
  expect((await say({ words: [{ body: 'b' }], idempotencyKey: 'key-2' })).payload.userErrors).toMatchObject([
    { code: 'IDEMPOTENCY_MISMATCH', field: ['idempotencyKey'] },
  ]);
});
it('a key whose action failed can be used again', async () => {
  expect((await say({ words: [{ body: 'a' }], fail: 'x', idempotencyKey: 'key-3' })).payload.userErrors).toMatchObject([
    { code: 'CONFLICT' },
  ]);
  expect((await say({ words: [{ body: 'a' }], idempotencyKey: 'key-3' })).payload.userErrors).toEqual([]);
});
it('five copies at once have one effect', async () => {
  const before = await words();
  const runs = ran.sayWords;
  const copies = await Promise.all(Array.from({ length: 5 }, () => say({ words: [{ body: 'copy' }], idempotencyKey: 'key-4' })));
  expect(new Set(copies.map(({ payload }) => payload.words[0].id)).size).toBe(1);
  expect(await words()).toBe(before + 1);
  expect(ran.sayWords).toBe(runs + 1);
});
it('the same key of another actor is another key', async () => {
  const first = await say({ words: [{ body: 'mine' }], idempotencyKey: 'key-5' });
  const other = viewerOf(t.workspaces[0], 1, { actor: { workspaceId: t.workspaces[0], kind: 'SYSTEM', id: null } });
  const answer = await t.compiled.query(SAY, other, {
    input: { matterId: matterId(), words: [{ body: 'mine' }], idempotencyKey: 'key-5' },
  });
  expect(JSON.parse(answer.data!).sayWords.words[0].id).not.toBe(first.payload.words[0].id);
});

const LISTEN = 'subscription($after: Cursor) { wordSaid(after: $after) { cursor by word { body } } }';
it('a subscription tells its events with their cursors, read afresh', async () => {
  const { payload } = await say({ words: [{ body: 'heard' }] });
  const id = payload.words[0].id.slice(4).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  const { makeGraph } = await import('../../src/graphql/execute.ts');
  const graph = await makeGraph({ read: t.db.app, write: t.db.app, parts: { words: [id] } });
  const request = { document: graph.read(LISTEN).document!, variables: {}, viewer: viewerOf(t.workspaces[0], 1) };
  expect(graph.subscription(request)).toEqual({ field: 'wordSaid', perViewer: false, cost: expect.any(Number) });
  const source = await graph.source(request, new AbortController().signal);
  if (!(Symbol.asyncIterator in source)) throw new Error(JSON.stringify(source));
  const told: unknown[] = [];
  for await (const event of source) told.push(JSON.parse((await graph.tell(request, event)).data!));
  expect(told).toEqual([{ wordSaid: { cursor: `c${id.slice(-2)}`, by: null, word: { body: 'heard' } } }]);
});
it('a subscription without the permission is refused before its source is asked', async () => {
  const request = {
    document: t.compiled.read(LISTEN).document!,
    variables: {},
    viewer: viewerOf(t.workspaces[0], 1, { permissions: new Set(['any'] as const) }),
  };
  expect(await t.compiled.source(request, new AbortController().signal)).toMatchObject({
    status: 403,
    errors: [{ extensions: { code: 'FORBIDDEN', permission: 'messages:read' } }],
  });
});
