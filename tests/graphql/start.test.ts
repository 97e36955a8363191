// Declarations that the tables don't bear out, or that name no permission, refuse to start, and say which.
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
  await db.owner`create table g_things (workspace_id uuid not null, id uuid not null, name text not null, note text, at timestamptz not null, moment timestamptz(3) not null, kind text not null check (kind in ('A', 'B')), n int not null)`;
});
afterAll(() => db.close());
beforeEach(() => vi.resetModules());

type Declare = typeof import('../../src/graphql/entity.ts');
const start = async (declare: (d: Declare) => void) => {
  const d = await import('../../src/graphql/entity.ts');
  declare(d);
  const { makeGraph } = await import('../../src/graphql/execute.ts');
  return makeGraph({ read: db.app, write: db.app });
};
const thing = (d: Declare, fields: Parameters<Declare['entity']>[1]['fields'], more = {}) =>
  d.entity('Thing', { prefix: 'thi', table: 'g_things', permission: 'any', description: 'A thing.', fields, ...more });
const ALL = { orders: { ID: { description: 'By id.', columns: [], descending: false } } };

const FAULTS: [string, (d: Declare) => void, RegExp][] = [
  [
    'a column that is not there',
    (d) => thing(d, { x: d.column('String', 'nothing', 'X.') }),
    /Thing\.x: there is no column g_things\.nothing/,
  ],
  [
    'a column declared non-null that can be null',
    (d) => thing(d, { x: d.column('String', 'note', 'X.') }),
    /Thing\.x is non-null, g_things\.note isn't/,
  ],
  ['a type that the leaf cannot show', (d) => thing(d, { x: d.column('Int', 'name', 'X.') }), /Thing\.x: g_things\.name is text/],
  [
    'a moment of another precision',
    (d) => thing(d, { x: d.column('DateTime', 'at', 'X.') }),
    /Thing\.x: g_things\.at is timestamp with time zone/,
  ],
  [
    'an order by what can be null',
    (d) => {
      const t = thing(d, { n: d.column('Int', 'n', 'N.') });
      d.query({ things: d.many(() => t, 'All.', { orders: { A: { description: 'A.', columns: ['note'], descending: false } } }) });
    },
    /ordered by note, which can be null/,
  ],
  [
    'a filter by what is not there',
    (d) => {
      const t = thing(d, { n: d.column('Int', 'n', 'N.') });
      d.query({ things: d.many(() => t, 'All.', { ...ALL, filter: { q: { type: 'Int', column: 'q', description: 'Q.' } } }) });
    },
    /no column g_things\.q/,
  ],
  [
    'a table that is not there',
    (d) => thing(d, { x: d.column('String', 'x', 'X.') }, { table: 'g_nothing' }),
    /Thing: there is no table g_nothing/,
  ],
  [
    'two prefixes alike',
    (d) => {
      thing(d, { n: d.column('Int', 'n', 'N.') });
      d.entity('Other', {
        prefix: 'thi',
        table: 'g_things',
        permission: 'any',
        description: 'Other.',
        fields: { n: d.column('Int', 'n', 'N.') },
      });
    },
    /the same prefix/,
  ],
  [
    'a root without permission',
    (d) => {
      thing(d, { n: d.column('Int', 'n', 'N.') });
      d.query({ hello: d.custom('String', () => 'hello', 'Hello.') });
    },
    /Query\.hello names no permission/,
  ],
  [
    'two types of one name',
    (d) => {
      const t = thing(d, { n: d.column('Int', 'n', 'N.') });
      const f = (description: string) => ({ n: { type: 'Int' as const, column: 'n', description } });
      d.query({
        a: d.many(() => t, 'A.', { ...ALL, typeName: 'X', filter: f('one') }),
        b: d.many(() => t, 'B.', { ...ALL, typeName: 'X', filter: f('two') }),
      });
    },
    /Two declarations make the type XFilter/,
  ],
];
it.each(FAULTS)('%s', async (_name, declare, message) => {
  await expect(start(declare)).rejects.toThrow(message);
});
it('what the tables bear out starts', async () => {
  const graph = await start((d) => {
    const Kind = d.enumeration('Kind', 'A kind.', ['A', 'B', 'C'], { A: 'A.', B: 'B.', C: 'C.' });
    const t = thing(d, {
      name: d.column('String', 'name', 'Name.'),
      note: d.column('String', 'note', 'Note; null without.', { nullable: true }),
      kind: d.column(Kind, 'kind', 'Kind.'),
      moment: d.column('DateTime', 'moment', 'When.'),
    });
    d.query({ things: d.many(() => t, 'All.', ALL) });
  });
  expect(graph.schema.getType('Thing')).toBeDefined();
});
it('all faults are told at once', async () => {
  await expect(start((d) => thing(d, { a: d.column('String', 'note', 'A.'), b: d.column('String', 'nothing', 'B.') }))).rejects.toThrow(
    /Thing\.a[\s\S]*Thing\.b/,
  );
});
