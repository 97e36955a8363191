// Two walls between workspaces, each enough by itself.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bodyOf, makeGraph, type Graph } from '../../src/graphql/execute.ts';
import { openPool, type Sql } from '../../src/platform/db.ts';
import { testGraph, type TestGraph } from './graph.ts';
import { hexId, uuid, viewerOf } from './tables.ts';

let t: TestGraph;
let single: Sql;
beforeAll(async () => {
  t = await testGraph();
  single = openPool({ url: t.db.url, role: 'throughline_app', max: 1, applicationName: 'one connection' });
});
afterAll(async () => {
  await single.end();
  await t.db.close();
});

const BUSY = `{ people(first: 5) { totalCount { count } nodes { id name matters(first: 3) { nodes { id lastWord { id } words(first: 2) { nodes { id body } } by { person { id } } } } friends(first: 2) { nodes { id } } happenings(first: 3) { nodes { id subject { __typename ... on Word { id } } } } } }
  tallies { medium count latest { id } } personByAddress(value: "v\\"\\\\8-0") { id } moment cursor ownMatters(first: 5) { nodes { id words } } }`;

it.each(['compiled', 'loaders'] as const)(
  '300 interleaved operations of two workspaces over one connection see their own rows only (%s)',
  async (path) => {
    const graph = await makeGraph({ read: single, write: single, ...(path === 'loaders' ? { path } : {}) });
    const expected = [1, 2].map((w) => t[path].query(BUSY, viewerOf(t.workspaces[w - 1]!, w)));
    const [one, two] = (await Promise.all(expected)).map((answer) => bodyOf(answer));
    expect(one).not.toBe(two);
    expect(one).not.toContain(uuid(2, 1, 0).slice(0, 13).replaceAll('-', ''));
    const answers = await Promise.all(
      Array.from({ length: path === 'compiled' ? 300 : 60 }, (_, i) => (i * 7 + (i >> 3)) % 2).map(
        async (w) => [w, bodyOf(await graph.query(BUSY, viewerOf(t.workspaces[w]!, w + 1)))] as const,
      ),
    );
    for (const [w, body] of answers) expect(body).toBe(w === 0 ? one : two);
    const [left] = await single`select current_setting('app.workspace_id', true) as setting`;
    expect(left!.setting ?? '').toBe('');
  },
);

it('the predicates alone keep workspaces apart: the same answers with row-level security off', async () => {
  // The tables' owner sees every workspace's rows.
  const bare = {
    compiled: await makeGraph({ read: t.db.owner, write: t.db.owner }),
    loaders: await makeGraph({ read: t.db.owner, write: t.db.owner, path: 'loaders' }),
  };
  for (const path of ['compiled', 'loaders'] as const) {
    for (const w of [1, 2]) {
      const viewer = viewerOf(t.workspaces[w - 1]!, w);
      expect(bodyOf(await bare[path].query(BUSY, viewer))).toBe(bodyOf(await t[path].query(BUSY, viewer)));
    }
  }
});

it('the policies alone keep workspaces apart: predicates of one workspace under the context of another find nothing', async () => {
  const graph = t.compiled;
  const read = graph.read('{ people(first: 5) { nodes { id } } }');
  const operation = graph.documents.operation(read.document!, null);
  const prepared = operation.compiled!.prepare({}, viewerOf(t.workspaces[0], 1));
  if (typeof prepared === 'string') throw new Error(prepared);
  expect(await graph.pool.one(prepared.statement.sql, prepared.values, t.workspaces[0])).toContain('gpe_');
  expect(await graph.pool.one(prepared.statement.sql, prepared.values, t.workspaces[1])).toBe('{"people":{"nodes":[]}}');
});

const FOREIGN: [
  string,
  (graph: Graph, id: (prefix: string, table: number, n: number) => string) => Record<string, unknown> & { source: string },
][] = [
  ['byId', (_g, id) => ({ source: 'query($id: ID!) { person(id: $id) { id name } }', id: id('gpe', 1, 8) })],
  ['node', (_g, id) => ({ source: 'query($id: ID!) { node(id: $id) { id __typename } }', id: id('gwo', 4, 201) })],
  ['nodes', (_g, id) => ({ source: 'query($id: ID!) { nodes(ids: [$id]) { id } }', id: id('gma', 3, 81) })],
  ['around', (_g, id) => ({ source: 'query($id: ID!) { matters(first: 3, around: $id) { nodes { id } } }', id: id('gma', 3, 81) })],
  [
    'filter',
    (_g, id) => ({
      source: 'query($id: ID!) { matters(filter: { ownerId: $id }) { totalCount { count } nodes { id } } }',
      id: id('gpe', 1, 4),
    }),
  ],
];
it.each(FOREIGN)("another workspace's id answers as one that doesn't exist: %s", async (_name, make) => {
  const prefixOf = (w: number) => (prefix: string, table: number, n: number) => hexId(prefix, w, table, n);
  const nobody = (prefix: string) => `${prefix}_${'0'.repeat(32)}`;
  for (const path of ['compiled', 'loaders'] as const) {
    const { source, id } = make(t[path], prefixOf(1)) as { source: string; id: string };
    const own = await t[path].query(source, viewerOf(t.workspaces[0], 1), { id });
    const foreign = await t[path].query(source, viewerOf(t.workspaces[1], 2), { id });
    const missing = await t[path].query(source, viewerOf(t.workspaces[1], 2), { id: nobody(id.slice(0, 3)) });
    expect(foreign.data).toBe(missing.data);
    expect(own.data).not.toBe(foreign.data);
  }
});

it("a visitor's scope hides the rows of others in every way that leads to them", async () => {
  const visitor = viewerOf(t.workspaces[0], 1);
  const own = hexId('gma', 1, 3, 74);
  for (const path of ['compiled', 'loaders'] as const) {
    const ask = async (id: string, viewer = visitor) =>
      JSON.parse(
        (
          await t[path].query(
            'query($id: ID!) { ownMatter(id: $id) { id } ownMatters(first: 100) { totalCount { count } nodes { id } } }',
            viewer,
            { id },
          )
        ).data!,
      );
    const found = await ask(own);
    expect(found.ownMatter).toEqual({ id: own });
    expect(found.ownMatters.totalCount.count).toBe(found.ownMatters.nodes.length);
    expect((await ask(own, viewerOf(t.workspaces[0], 1, { identityIds: [] }))).ownMatters.nodes).toEqual([]);
    expect((await ask(own, viewerOf(t.workspaces[0], 1, { identityIds: [uuid(1, 2, 80)] }))).ownMatter).toBeNull();
  }
});
