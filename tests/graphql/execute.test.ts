// What an operation costs in statements, and what it answers when something is missing, forbidden or broken.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'graphql';
import { PERMISSIONS, permissionsOf, type Permission } from '../../src/access/permissions.ts';
import { needsOf } from '../../src/graphql/access.ts';
import { bodyOf, makeGraph, type Graph } from '../../src/graphql/execute.ts';
import { testGraph, type TestGraph } from './graph.ts';
import { hexId, uuid, viewerOf } from './tables.ts';

let t: TestGraph;
beforeAll(async () => {
  t = await testGraph();
});
afterAll(() => t.db.close());
beforeEach(() => {
  t.faults.length = 0;
});
const viewer = (more = {}) => viewerOf(t.workspaces[0], 1, more);
const statements = async (graph: Graph, source: string): Promise<number> => {
  const before = graph.pool.statements;
  expect((await graph.query(source, viewer())).errors).toEqual([]);
  return graph.pool.statements - before;
};

const DEEP = (
  n: number,
) => `{ people(first: ${n}) { totalCount { count } nodes { id name messageShare boss { name } firstAddresses { value } friends(first: ${n}) { totalCount { count } nodes { id } }
  matters(first: ${n}) { nodes { id by { person { name } } person { id } words(first: ${n}) { nodes { body matter { id } } } siblings(first: ${n}) { nodes { id } } personAddresses { value } } }
  happenings(first: ${n}) { nodes { subject { ... on Word { body } ... on Memo { body } } same { __typename } } } } } }`;

it('a compiled operation is one statement', async () => {
  expect(await statements(t.compiled, DEEP(4))).toBe(1);
});
it('the loaders need as many statements for a large page as for a small one', async () => {
  // Six rows hold every form: smaller pages lack a member of the union.
  const few = await statements(t.loaders, DEEP(6));
  expect(few).toBeGreaterThan(10);
  expect(await statements(t.loaders, DEEP(14))).toBe(few);
});
it('a document that is asked again is not written again', async () => {
  const source = 'query($n: Int) { people(first: $n) { nodes { id } } }';
  for (const n of [1, 2, 3, null]) await t.compiled.query(source, viewer(), { n });
  const { compiled } = t.compiled.documents.operation(t.compiled.read(source).document!, null);
  expect(compiled!.written).toBe(1);
});

describe.each(['compiled', 'loaders'] as const)('by the %s path', (path) => {
  it('a missing non-null value is an error at its field, and what it stands in is null', async () => {
    const words = await t[path].query('{ matters(first: 100) { nodes { id wordCount } } }', viewer());
    const silent = JSON.parse(words.data!).matters.nodes.find((m: { wordCount: number }) => m.wordCount === 0).id;
    const broken = await t[path].query(
      'query($id: ID!) { matter(id: $id) { id firstBody } other: person(id: "' + hexId('gpe', 1, 1, 3) + '") { id } }',
      viewer(),
      { id: silent },
    );
    expect(JSON.parse(broken.data!)).toEqual({ matter: null, other: { id: hexId('gpe', 1, 1, 3) } });
    expect(broken.errors[0]).toMatchObject({ path: ['matter', 'firstBody'], extensions: { code: 'INTERNAL' } });
    expect(broken.path).toBe('loaders');
  });
  it('a null that is allowed is null', async () => {
    const answer = await t[path].query(
      `{ person(id: "${hexId('gpe', 1, 1, 15)}") { email weight paid extra mood bossId bossOf boss { id } label } gone: person(id: "${hexId('gpe', 1, 1, 4000)}") { id } }`,
      viewer(),
    );
    expect(answer).toMatchObject({ path, errors: [] });
    expect(JSON.parse(answer.data!)).toEqual({
      person: { email: null, weight: null, paid: null, extra: null, mood: null, bossId: null, bossOf: null, boss: null, label: null },
      gone: null,
    });
  });
  it('odd text arrives as it was stored', async () => {
    const rows = await t.db
      .owner`select name, attributes, tags from g_people where workspace_id = ${t.workspaces[0]} and id <> ${uuid(1, 1, 11)} order by created_at, id`;
    const answer = JSON.parse((await t[path].query('{ people(first: 100) { nodes { id name tags } } }', viewer())).data!);
    expect(
      answer.people.nodes
        .filter((n: { id: string }) => n.id !== hexId('gpe', 1, 1, 11))
        .map((n: { name: string; tags: string[] }) => [n.name, n.tags]),
    ).toEqual(rows.map((r) => [r.name, r.tags]));
  });
  it('an operation answers from one moment', async () => {
    // Two lists of the same rows; a writer adds rows all the while.
    let stop = false;
    const writing = (async () => {
      for (let n = 0; !stop; n++)
        await t.db.owner`insert into g_memos values (${t.workspaces[0]}, gen_random_uuid(), 'more', '2026-01-05')`.then(
          () => t.db.owner`insert into g_reads values (${t.workspaces[0]}, ${uuid(1, 1, 1)}, ${uuid(1, 9, 1)})`,
        );
    })();
    for (let i = 0; i < 15; i++) {
      const data = JSON.parse(
        (
          await t[path].query(
            `{ a: person(id: "${hexId('gpe', 1, 1, 1)}") { unread boss { id } matters { nodes { person { unread } } } } b: person(id: "${hexId('gpe', 1, 1, 1)}") { u: unread } }`,
            viewer(),
          )
        ).data!,
      );
      expect(data.b.u).toBe(data.a.unread);
      for (const { person } of data.a.matters.nodes) expect(person.unread).toBe(data.a.unread);
    }
    stop = true;
    await writing;
    await t.db.owner`delete from g_reads where person_id = ${uuid(1, 1, 1)}`;
  });
  it("a value that the viewer's person gives is that person's", async () => {
    const ask = async (memberId: string | null) =>
      JSON.parse((await t[path].query(`{ person(id: "${hexId('gpe', 1, 1, 3)}") { unread } }`, viewer({ memberId }))).data!).person.unread;
    expect(await ask(uuid(1, 9, 1))).toBe(1);
    expect(await ask(uuid(1, 9, 0))).toBe(0);
    expect(await ask(null)).toBe(0);
  });
});

describe('permissions', () => {
  const without = (permission: Permission) => viewer({ permissions: new Set(PERMISSIONS.filter((p) => p !== permission)) });
  const CASES: [string, string, Permission][] = [
    ['a field of its own permission', '{ people { nodes { email } } }', 'customers:contact'],
    ['an entity', '{ people { nodes { id } } }', 'customers:read'],
    ['a connection of which only the count is asked', '{ matters { totalCount { count } } }', 'conversations:read'],
    ['a connection of which only the page is asked', '{ matters { pageInfo { hasNextPage } } }', 'conversations:read'],
    ['__typename alone', '{ matters { nodes { __typename } } }', 'conversations:read'],
    ['a relation', '{ matters { nodes { person { id } } } }', 'customers:read'],
    ['every member of a union', '{ people { nodes { happenings { nodes { subject { ... on Word { id } } } } } } }', 'notes:read'],
    ['a field in a named fragment', '{ people { nodes { ...F } } } fragment F on Person { email }', 'customers:contact'],
    ['what is skipped by a variable', 'query($b: Boolean = true) { people { nodes { email @skip(if: $b) } } }', 'customers:contact'],
    ['node, by the prefix of a literal', `{ node(id: "${hexId('gwo', 1, 4, 201)}") { id } }`, 'messages:read'],
    ['nodes, by the prefixes', `{ nodes(ids: ["${hexId('gwo', 1, 4, 201)}"]) { id } }`, 'messages:read'],
    ['node, by the default of a variable', `query($id: ID! = "${hexId('gwo', 1, 4, 201)}") { node(id: $id) { id __typename } }`, 'messages:read'],
    ['nodes, by the default of a variable', `query($ids: [ID!]! = ["${hexId('gwo', 1, 4, 201)}"]) { nodes(ids: $ids) { id } }`, 'messages:read'],
    ['nodes, by a default that is no list', `query($ids: [ID!]! = "${hexId('gwo', 1, 4, 201)}") { nodes(ids: $ids) { id } }`, 'messages:read'],
    ['nodes, by the default of one of them', `query($id: ID! = "${hexId('gwo', 1, 4, 201)}") { nodes(ids: [$id]) { id } }`, 'messages:read'],
    ['node, by a variable named as what every object has', `query($toString: ID! = "${hexId('gwo', 1, 4, 201)}") { node(id: $toString) { id } }`, 'messages:read'],
    ['rows of hand-written SQL', '{ tallies { count } }', 'statistics:read'],
    ['a leaf at the root', '{ cursor }', 'events:read'],
    ['what lies in an embedded value', '{ ownMatters { nodes { id } } }', 'visitor:self'],
    ['a mutation', `mutation { sayWords(input: { matterId: "${hexId('gma', 1, 3, 81)}", words: [] }) { count } }`, 'messages:send'],
    [
      "a mutation's payload",
      `mutation { sayWords(input: { matterId: "${hexId('gma', 1, 3, 81)}", words: [] }) { words { id } } }`,
      'messages:read',
    ],
  ];
  it.each(CASES)('%s needs it', async (_name, source, permission) => {
    const answer = await t.compiled.query(source, without(permission));
    expect(answer).toMatchObject({ data: undefined, status: 403, path: 'refused' });
    expect(answer.errors[0]).toMatchObject({
      message: `Your key lacks the permission ${permission}.`,
      extensions: { code: 'FORBIDDEN', permission },
    });
    expect((await t.compiled.query(source, viewer())).status).not.toBe(403);
  });
  it('node by a variable needs the permission of what the id is', async () => {
    const source = 'query($id: ID!) { node(id: $id) { id } }';
    expect((await t.compiled.query(source, without('messages:read'), { id: hexId('gwo', 1, 4, 201) })).status).toBe(403);
    expect((await t.compiled.query(source, without('messages:read'), { id: hexId('gpe', 1, 1, 1) })).status).toBeNull();
  });
  it('node by a variable that is given needs nothing for its default', async () => {
    const source = `query($id: ID! = "${hexId('gwo', 1, 4, 201)}") { node(id: $id) { id } }`;
    expect((await t.compiled.query(source, without('messages:read'), { id: hexId('gpe', 1, 1, 1) })).status).toBeNull();
    expect((await t.compiled.query(source, without('customers:read'), { id: hexId('gpe', 1, 1, 1) })).status).toBe(403);
  });
  it('a key without any permission may see the schema and nothing else', async () => {
    const nobody = viewer({ permissions: permissionsOf('VISITOR', []) });
    expect((await t.compiled.query('{ __schema { queryType { name } } __typename }', nobody)).errors).toEqual([]);
    expect((await t.compiled.query('{ people { nodes { id } } }', nobody)).status).toBe(403);
  });
  it('is decided before any statement', async () => {
    const before = t.compiled.pool.statements;
    await t.compiled.query('{ people { nodes { id email } } }', without('customers:contact'));
    expect(t.compiled.pool.statements).toBe(before);
  });
});

describe('cost', () => {
  const price = (source: string, variables = {}) =>
    t.compiled.price({ document: t.compiled.read(source).document!, variables, viewer: viewer() });
  it('grows with the page, and with the page below it', () => {
    expect(price('{ people(first: 100) { nodes { id } } }')).toBeGreaterThan(10 * 9);
    expect(price('{ people(first: 10) { nodes { matters(first: 10) { nodes { id } } } } }')).toBeGreaterThan(100);
    expect(price('query($n: Int) { people(first: $n) { nodes { id } } }', { n: 50 })).toBe(price('{ people(first: 50) { nodes { id } } }'));
    expect(price('query($n: Int = 50) { people(first: $n) { nodes { id } } }')).toBe(price('{ people(first: 50) { nodes { id } } }'));
    expect(price('{ people { nodes { id } } }')).toBe(price('{ people(first: 20) { nodes { id } } }'));
  });
  it('more than the limit is refused before any statement', async () => {
    const before = t.compiled.pool.statements;
    const answer = await t.compiled.query(
      '{ people(first: 100) { nodes { matters(first: 100) { nodes { words(first: 100) { nodes { id } } } } } } }',
      viewer(),
    );
    expect(answer.errors[0]).toMatchObject({ extensions: { code: 'TOO_EXPENSIVE' } });
    expect(t.compiled.pool.statements).toBe(before);
  });
  it('the answer tells what was asked and what was answered', async () => {
    const document = parse('{ people(first: 100) { nodes { id } } }');
    const body = JSON.parse(bodyOf(await t.compiled.execute({ document, viewer: viewer(), spend: (cost) => 119 - cost })));
    expect(body.extensions.cost).toEqual({ requested: 112, actual: 25, limit: 20_000, remaining: 7 });
  });
  it('a field that differs between people of the same permissions is known', () => {
    const needs = (source: string) => {
      const document = parse(source);
      return needsOf(t.compiled.schema, document, document.definitions[0] as never).perViewer;
    };
    expect(needs('{ people { nodes { unread } } }')).toBe(true);
    expect(needs('{ people { nodes { name } } }')).toBe(false);
  });
});

describe('errors', () => {
  it('a fault of ours shows its id, and nothing of its inside', async () => {
    const graph = await makeGraph({ read: t.db.app, write: t.db.app, log: (id, error) => t.faults.push({ id, error }) });
    await t.db.owner`alter table g_memos rename to g_memos_away`;
    try {
      const answer = await graph.query(`{ node(id: "${hexId('gme', 1, 5, 11)}") { id } }`, viewer());
      const body = bodyOf(answer);
      expect(answer.status).toBe(500);
      expect(answer.errors[0]!.extensions!.code).toBe('INTERNAL');
      expect(body).not.toMatch(/g_memos|select|relation|at .*\.ts/);
      expect(body).toContain((t.faults[0] as { id: string }).id);
    } finally {
      await t.db.owner`alter table g_memos_away rename to g_memos`;
    }
  });
  it('ids, variables and texts in error are told by code', async () => {
    const code = async (source: string, variables = {}) =>
      (await t.compiled.query(source, viewer(), variables)).errors.map((e) => e.extensions?.code);
    expect(await code('{ person(id: "gma_00") { id } }')).toEqual(['INVALID_ID']);
    expect(await code('{ node(id: "nonsense") { id } }')).toEqual(['INVALID_ID']);
    expect(await code('query($n: Int) { people(first: $n) { nodes { id } } }', { n: 'two' })).toEqual(['INVALID_INPUT']);
    expect(await code('query($n: Int) { people(first: $n) { nodes { id } } }', { n: 2 ** 63 })).toEqual(['INVALID_INPUT']);
    expect(await code('query($v: String!) { personByAddress(value: $v) { id } }', { v: 'a\0b' })).toEqual(['INVALID_INPUT']);
    expect(await code('query($v: String!) { personByAddress(value: $v) { id } }', { v: '\ud800' })).toEqual(['INVALID_INPUT']);
    expect(await code('{ personByAddress(value: "\\u0000") { id } }')).toEqual(['INVALID_INPUT']);
    expect(await code('{ people')).toEqual(['INVALID_INPUT']);
    expect(await code('{ peopel { id } }')).toEqual(['GRAPHQL_VALIDATION_FAILED']);
    expect(await code('query A { __typename } query B { __typename }')).toEqual(['INVALID_INPUT']);
    expect(await code('{ tallies(least: -1) { count } }')).toEqual(['INVALID_INPUT']);
    expect(await code('subscription { wordSaid { cursor } }')).toEqual(['INVALID_INPUT']);
    expect(t.faults).toEqual([]);
  });
  it('a shape whose answers keep missing values is left to the loaders for a while', async () => {
    const graph = await makeGraph({ read: t.db.app, write: t.db.app, log: () => {} });
    const declined: unknown[] = [];
    for (let i = 0; i < 5; i++) declined.push((await graph.query('{ matters(first: 100) { nodes { firstBody } } }', viewer())).declined);
    expect(declined).toEqual(['missing', 'missing', 'missing', 'resting', 'resting']);
  });
});
