// What both paths share, held against lists that JavaScript makes: pages, orders, filters, counts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, Graph } from '../../src/graphql/execute.ts';
import { testGraph, type TestGraph } from './graph.ts';
import { hexId, viewerOf } from './tables.ts';

let t: TestGraph;
beforeAll(async () => {
  t = await testGraph();
});
afterAll(() => t.db.close());

const ask = async (graph: Graph, source: string, variables: Record<string, unknown> = {}): Promise<any> => {
  const answer: Answer = await graph.query(source, viewerOf(t.workspaces[0], 1), variables);
  expect(answer.errors).toEqual([]);
  return JSON.parse(answer.data!);
};
const person = hexId('gpe', 1, 1, 8);

interface Row {
  id: string;
  medium: string;
  state: string;
  touchedAt: string;
  rank: number;
}
const ALL =
  'query($order: MatterOrder) { matters(first: 100, orderBy: $order) { totalCount { count } nodes { id medium state touchedAt rank } } }';
const PAGE = `query($id: ID!, $first: Int, $last: Int, $after: String, $before: String, $around: ID, $order: MatterOrder, $filter: MatterFilter) { person(id: $id) {
  matters(first: $first, last: $last, after: $after, before: $before, around: $around, orderBy: $order, filter: $filter) { totalCount { count precision } nodes { id medium state touchedAt rank } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`;

describe.each(['compiled', 'loaders'] as const)('by the %s path', (path) => {
  const list = async (variables: Record<string, unknown>) => (await ask(t[path], PAGE, { id: person, ...variables })).person.matters;

  it('an order is a total order: by its columns, then by id', async () => {
    const rows: Row[] = (await ask(t[path], ALL, { order: 'LATEST' })).matters.nodes;
    const sorted = [...rows].sort((a, b) => (a.touchedAt < b.touchedAt ? 1 : a.touchedAt > b.touchedAt ? -1 : a.id < b.id ? 1 : -1));
    expect(rows).toEqual(sorted);
    expect(new Set(rows.map((row) => row.touchedAt)).size).toBeLessThan(rows.length);
  });

  it.each(['LATEST', 'OLDEST', 'RANK'])('pages of 2 in order %s, forward and backward, make the whole list once', async (order) => {
    const whole = (await list({ first: 100, order })).nodes.map((row: Row) => row.id);
    expect(whole.length).toBeGreaterThan(4);
    const forward: string[] = [];
    for (let after: string | null = null, more = true; more;) {
      const page = await list({ first: 2, after, order });
      expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
      expect(page.pageInfo.startCursor).toBe(page.edges[0].cursor);
      forward.push(...page.nodes.map((row: Row) => row.id));
      after = page.pageInfo.endCursor;
      more = page.pageInfo.hasNextPage;
    }
    const backward: string[] = [];
    for (let before: string | null = null, more = true; more;) {
      const page = await list({ last: 2, before, order });
      expect(page.pageInfo.hasNextPage).toBe(before !== null);
      backward.unshift(...page.nodes.map((row: Row) => row.id));
      before = page.pageInfo.startCursor;
      more = page.pageInfo.hasPreviousPage;
    }
    expect(forward).toEqual(whole);
    expect(backward).toEqual(whole);
  });

  it('a page lies between after and before', async () => {
    const whole = await list({ first: 100 });
    const page = await list({ first: 100, after: whole.edges[0].cursor, before: whole.edges.at(-2).cursor });
    expect(page.nodes).toEqual(whole.nodes.slice(1, -2));
  });

  it('a page around a row has it in its middle and says what lies beside', async () => {
    const whole = (await list({ first: 100 })).nodes.map((row: Row) => row.id);
    for (const [at, first] of [
      [0, 3],
      [3, 3],
      [3, 4],
      [whole.length - 1, 3],
      [2, 1],
      [2, 0],
      [2, 100],
    ] as const) {
      const page = await list({ around: whole[at], first });
      const from = Math.max(0, at - Math.floor(first / 2));
      const to = Math.min(whole.length, at + first - Math.floor(first / 2));
      expect(page.nodes.map((row: Row) => row.id)).toEqual(first === 0 ? [] : whole.slice(from, to));
      if (first > 0)
        expect(page.pageInfo).toMatchObject({
          hasPreviousPage: from > 0,
          hasNextPage: to < whole.length,
          startCursor: page.edges[0].cursor,
          endCursor: page.edges.at(-1).cursor,
        });
    }
  });

  it('every part of a page says the same asked alone and with the others, with variables and with constants', async () => {
    const whole = await list({ first: 100 });
    const [first, , third] = whole.edges.map((edge: { cursor: string }) => edge.cursor);
    const pages: Record<string, string | number>[] = [{ first: 2 }, { first: 2, after: first }, { last: 2 }, { last: 1, before: third }, { first: 3, around: whole.nodes[2].id }, { first: 0, around: whole.nodes[2].id }];
    for (const page of pages) {
      const all = await list(page);
      for (const part of ['totalCount { count }', 'nodes { id }', 'edges { cursor }', ...['hasNextPage', 'hasPreviousPage', 'startCursor', 'endCursor'].map((info) => `pageInfo { ${info} }`)]) {
        const names = Object.keys(page);
        const types = { first: 'Int', last: 'Int', after: 'String', before: 'String', around: 'ID' } as Record<string, string>;
        const alone = (declared: string, args: string) => `query($id: ID!${declared}) { person(id: $id) { matters(${args}) { ${part} } } }`;
        for (const source of [alone(names.map((name) => `, $${name}: ${types[name]}`).join(''), names.map((name) => `${name}: $${name}`).join(', ')), alone('', names.map((name) => `${name}: ${JSON.stringify(page[name])}`).join(', '))])
          expect(all).toMatchObject((await ask(t[path], source, { id: person, ...page })).person.matters);
      }
    }
  });

  it('a page around a row of another list is empty', async () => {
    const others = (await ask(t[path], ALL)).matters.nodes.map((row: Row) => row.id);
    const own = (await list({ first: 100 })).nodes.map((row: Row) => row.id);
    const stranger = others.find((id: string) => !own.includes(id));
    expect((await list({ around: stranger, first: 5 })).nodes).toEqual([]);
    expect((await list({ around: hexId('gma', 2, 3, 81), first: 5 })).nodes).toEqual([]);
  });

  it('an order through a table is that of all its rows together', async () => {
    const rows = (await list({ first: 100 })).nodes as Row[];
    const { people } = await ask(t[path], 'query($id: ID!) { people: person(id: $id) { addresses { nodes { id } } } }', { id: person });
    expect(people.addresses.nodes.length).toBeGreaterThan(0);
    expect(rows.map((row) => row.touchedAt)).toEqual([...rows.map((row) => row.touchedAt)].sort().reverse());
  });

  const FILTERS: [string, Record<string, unknown>, (row: Row) => boolean][] = [
    ['one field', { state: 'OPEN' }, (r) => r.state === 'OPEN'],
    ['two fields are both demanded', { state: 'OPEN', media: ['MAIL', 'CHAT'] }, (r) => r.state === 'OPEN' && r.medium !== 'PHONE'],
    ['an empty list matches nothing', { media: [] }, () => false],
    ['null asks for nothing', { state: null }, () => true],
    ['or', { or: [{ state: 'OPEN' }, { media: ['PHONE'] }] }, (r) => r.state === 'OPEN' || r.medium === 'PHONE'],
    ['or of nothing', { or: [] }, () => false],
    ['and of nothing', { and: [] }, () => true],
    ['not', { not: { state: 'OPEN', media: ['MAIL'] } }, (r) => !(r.state === 'OPEN' && r.medium === 'MAIL')],
    [
      'nested',
      { and: [{ not: { or: [{ media: ['MAIL'] }, { media: ['CHAT'] }] } }, { state: 'DONE' }] },
      (r) => r.medium === 'PHONE' && r.state === 'DONE',
    ],
  ];
  it.each(FILTERS)('filter: %s', async (_name, filter, holds) => {
    const rows: Row[] = (await ask(t[path], ALL)).matters.nodes;
    const found = await ask(
      t[path],
      'query($f: MatterFilter) { matters(first: 100, filter: $f) { totalCount { count } nodes { id medium state touchedAt rank } } }',
      { f: filter },
    );
    expect(found.matters.nodes).toEqual(rows.filter(holds));
    expect(found.matters.totalCount.count).toBe(rows.filter(holds).length);
  });

  it('null matches rows without a value where the filter says so, and not takes rows without a value in', async () => {
    const count = async (f: unknown) =>
      (await ask(t[path], 'query($f: MatterFilter) { matters(filter: $f) { totalCount { count } } }', { f })).matters.totalCount.count;
    const all = await count({});
    const owner = hexId('gpe', 1, 1, 4);
    expect(await count({ ownerId: null })).toBeGreaterThan(0);
    expect(await count({ ownerId: owner })).toBeGreaterThan(0);
    expect(await count({ not: { ownerId: null } })).toBe(all - (await count({ ownerId: null })));
    expect(await count({ not: { ownerId: owner } })).toBe(all - (await count({ ownerId: owner })));
  });

  it('a count is exact up to 10,000, and then says that there are more', async () => {
    const count = async () => (await ask(t[path], '{ people { totalCount { count precision } } }')).people.totalCount;
    expect(await count()).toEqual({ count: 24, precision: 'EXACT' });
    await t.db
      .owner`insert into g_people select ${t.workspaces[0]}, gen_random_uuid(), 'x', null, 0, null, null, 0, '{}', null, '{}', '{}', null, true, null, '2026-01-01' from generate_series(1, 9976)`;
    expect(await count()).toEqual({ count: 10_000, precision: 'EXACT' });
    await t.db
      .owner`insert into g_people select ${t.workspaces[0]}, gen_random_uuid(), 'x', null, 0, null, null, 0, '{}', null, '{}', '{}', null, true, null, '2026-01-01'`;
    expect(await count()).toEqual({ count: 10_000, precision: 'AT_LEAST' });
    await t.db.owner`delete from g_people where name = 'x'`;
  });

  const BAD: [string, Record<string, unknown>, string][] = [
    ['first and last', { first: 1, last: 1 }, 'INVALID_INPUT'],
    ['more than 100', { first: 101 }, 'INVALID_INPUT'],
    ['a negative size', { last: -1 }, 'INVALID_INPUT'],
    ['a cursor of another order', { after: '', order: 'OLDEST' }, 'INVALID_CURSOR'],
    ['a forged cursor', { before: "1'; drop table g_people" }, 'INVALID_CURSOR'],
    ['around and last', { around: hexId('gma', 1, 3, 81), last: 2 }, 'INVALID_INPUT'],
    ['around an id of another type', { around: person }, 'INVALID_ID'],
    ['a filter by an id of another type', { filter: { ownerId: hexId('gma', 1, 3, 81) } }, 'INVALID_ID'],
    [
      'a filter nested 8 deep',
      { filter: { not: { not: { not: { not: { not: { not: { not: { state: 'OPEN' } } } } } } } } },
      'INVALID_INPUT',
    ],
    ['a filter of 60 conditions', { filter: { or: Array.from({ length: 60 }, () => ({ state: 'OPEN' })) } }, 'INVALID_INPUT'],
    ['a moment that is none', { filter: { touchedAfter: '2026-02-30T00:00:00Z' } }, 'INVALID_INPUT'],
  ];
  it.each(BAD)('%s is refused with a code', async (_name, variables, code) => {
    if (variables.after === '') variables.after = (await list({ first: 1, order: 'LATEST' })).pageInfo.endCursor;
    const answer = await t[path].query(PAGE, viewerOf(t.workspaces[0], 1), { id: person, ...variables });
    expect(answer.errors[0]!.extensions!.code).toBe(code);
    expect(answer.status).toBe(400);
  });
});
