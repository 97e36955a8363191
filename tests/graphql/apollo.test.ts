// Behind Apollo Server: the graph's own text passes through, and its limits and errors are those of every transport.
import { ApolloServer, HeaderMap } from '@apollo/server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { REFUSED_COST } from '../../src/access/budget.ts';
import { apolloOptions, type HttpContext } from '../../src/graphql/apollo.ts';
import { Refusal } from '../../src/platform/errors.ts';
import { testGraph, type TestGraph } from './graph.ts';
import { hexId, viewerOf } from './tables.ts';

let t: TestGraph;
let server: ApolloServer<HttpContext>;
beforeAll(async () => {
  t = await testGraph();
  server = new ApolloServer<HttpContext>(apolloOptions(t.compiled, () => {}));
  await server.start();
});
afterAll(async () => {
  await server.stop();
  await t.db.close();
});

const post = async (body: unknown, context: Partial<HttpContext> = {}, method = 'POST', search = '') => {
  const headers = new HeaderMap([
    ['content-type', 'application/json'],
    ['accept', 'application/json'],
  ]);
  const answer = await server.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method, headers, search, body },
    context: async () => ({ viewer: viewerOf(t.workspaces[0], 1), ...context }),
  });
  if (answer.body.kind !== 'complete') throw new Error('In several parts.');
  return { status: answer.status ?? 200, headers: answer.headers, text: answer.body.string, json: JSON.parse(answer.body.string) };
};

it("a compiled answer passes as the statement's own text, with its cost", async () => {
  const source = '{ people(first: 2) { nodes { id name } } }';
  const { status, text, json } = await post({ query: source });
  const direct = await t.compiled.query(source, viewerOf(t.workspaces[0], 1));
  expect(direct.path).toBe('compiled');
  expect(status).toBe(200);
  expect(text.startsWith(`{"data":${direct.data},`)).toBe(true);
  expect(json.extensions.cost).toMatchObject({ requested: 4, actual: 3, limit: 20_000 });
});
it('the same text twice, by other variables, and by GET', async () => {
  const query = 'query($n: Int) { people(first: $n) { nodes { id } } }';
  expect((await post({ query, variables: { n: 1 } })).json.data.people.nodes).toHaveLength(1);
  expect((await post({ query, variables: { n: 2 } })).json.data.people.nodes).toHaveLength(2);
  const headers = new HeaderMap([
    ['accept', 'application/json'],
    ['apollo-require-preflight', 'true'],
  ]);
  const got = await server.executeHTTPGraphQLRequest({
    httpGraphQLRequest: {
      method: 'GET',
      headers,
      search: `?query=${encodeURIComponent('{ people(first: 1) { nodes { id } } }')}`,
      body: undefined,
    },
    context: async () => ({ viewer: viewerOf(t.workspaces[0], 1) }),
  });
  expect(got.status ?? 200).toBe(200);
});
it('a mutation runs once', async () => {
  const { json } = await post({
    query: `mutation { sayWords(input: { matterId: "${hexId('gma', 1, 3, 82)}", words: [{ body: "by http" }] }) { count userErrors { code } } }`,
  });
  expect(json.data.sayWords).toEqual({ count: 1, userErrors: [] });
  const [row] = await t.db.owner`select count(*)::int as n from g_words where body = 'by http'`;
  expect(row!.n).toBe(1);
});

const REFUSED: [string, unknown, number, string][] = [
  ['no document', {}, 400, 'BAD_REQUEST'],
  ['a batch', [{ query: '{ __typename }' }], 400, 'BAD_REQUEST'],
  ['a syntax error', { query: '{ people' }, 400, 'INVALID_INPUT'],
  ['an unknown field', { query: '{ peopel { id } }' }, 400, 'GRAPHQL_VALIDATION_FAILED'],
  ['an unknown operation', { query: 'query A { __typename }', operationName: 'B' }, 400, 'INVALID_INPUT'],
  [
    'a variable of the wrong type',
    { query: 'query($n: Int) { people(first: $n) { nodes { id } } }', variables: { n: 'x' } },
    400,
    'INVALID_INPUT',
  ],
  ['a recursive fragment', { query: '{ ...A } fragment A on Query { ...A }' }, 400, 'INVALID_INPUT'],
  ['too many tokens', { query: `{ ${'a '.repeat(5000)} }` }, 400, 'TOO_EXPENSIVE'],
  [
    'too expensive a page',
    { query: '{ people(first: 100) { nodes { matters(first: 100) { nodes { words(first: 100) { nodes { id } } } } } } }' },
    400,
    'TOO_EXPENSIVE',
  ],
  ['an id that is none', { query: '{ person(id: "x") { id } }' }, 400, 'INVALID_ID'],
  ['a subscription', { query: 'subscription { wordSaid { cursor } }' }, 400, 'INVALID_INPUT'],
];
it.each(REFUSED)('%s is refused with its status and code', async (_name, body, status, code) => {
  for (let twice = 0; twice < 2; twice++) {
    const answer = await post(body);
    expect([answer.status, answer.json.errors[0].extensions.code]).toEqual([status, code]);
    expect(answer.text).not.toMatch(/stacktrace|node_modules|"http"/);
  }
});
it('a lacking permission is 403', async () => {
  const answer = await post({ query: '{ people { nodes { id } } }' }, { viewer: viewerOf(t.workspaces[0], 1, { permissions: new Set() }) });
  expect(answer).toMatchObject({ status: 403, json: { errors: [{ extensions: { code: 'FORBIDDEN', permission: 'customers:read' } }] } });
});
it('a mutation by GET is refused', async () => {
  const headers = new HeaderMap([
    ['accept', 'application/json'],
    ['apollo-require-preflight', 'true'],
  ]);
  const answer = await server.executeHTTPGraphQLRequest({
    httpGraphQLRequest: {
      method: 'GET',
      headers,
      search: `?query=${encodeURIComponent('mutation { sayWords(input: { matterId: "x", words: [] }) { count } }')}`,
      body: undefined,
    },
    context: async () => ({ viewer: viewerOf(t.workspaces[0], 1) }),
  });
  expect(answer.status).toBe(405);
});
it('the cost is taken from the budget before the operation runs, and what is left is told', async () => {
  const spent: number[] = [];
  const spend = (cost: number) => {
    spent.push(cost);
    if (spent.length > 1) throw new Refusal('RATE_LIMITED', 'The budget is used up.');
    return 95;
  };
  const query = '{ people(first: 2) { nodes { id } } }';
  expect((await post({ query }, { spend })).json.extensions.cost).toMatchObject({ requested: 4, remaining: 95 });
  const refused = await post({ query }, { spend });
  expect(refused).toMatchObject({ status: 429, json: { errors: [{ extensions: { code: 'RATE_LIMITED', retryable: true } }] } });
  expect(refused.headers.get('retry-after')).toBe('1');
});
it('what is refused before it has a cost is paid for all the same', async () => {
  const spent: number[] = [];
  const spend = (cost: number) => {
    spent.push(cost);
    return 95;
  };
  for (const query of ['{ people', '{ peopel { id } }', '{ people(first: 100) { nodes { matters(first: 100) { nodes { words(first: 100) { nodes { id } } } } } } }', 'subscription { wordSaid { cursor } }'])
    expect((await post({ query }, { spend })).status).toBe(400);
  expect(spent).toEqual([REFUSED_COST, REFUSED_COST, REFUSED_COST, REFUSED_COST]);
});
it('when it is over, and how long it lasts, is told by the refusal', async () => {
  const spend = () => {
    throw new Refusal('RATE_LIMITED', 'The budget is used up.', { retryAfterSeconds: 17 });
  };
  const refused = await post({ query: '{ people(first: 2) { nodes { id } } }' }, { spend });
  expect(refused.headers.get('retry-after')).toBe('17');
  expect(refused.json.errors[0].extensions.retryAfterSeconds).toBe(17);
});
it('an operation can be priced without being run', async () => {
  const before = t.compiled.pool.statements;
  const { json } = await post({ query: '{ people(first: 2) { nodes { id } } }' }, { costOnly: true });
  expect(json).toEqual({ data: null, extensions: { cost: { requested: 4, actual: 0, limit: 20_000 } } });
  expect(t.compiled.pool.statements).toBe(before);
});
