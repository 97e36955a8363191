// Documents that are made to hurt: refused in little time, whatever transport they come by.
import { performance } from 'node:perf_hooks';
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkValue, excessOf, hasTooManyValues, LIMITS } from '../../src/graphql/limits.ts';
import { parse } from 'graphql';
import { testGraph, type TestGraph } from './graph.ts';
import { hexId, viewerOf } from './tables.ts';

let t: TestGraph;
beforeAll(async () => {
  t = await testGraph();
  // What is measured is the limit, not the first compilation of graphql-js.
  for (let i = 0; i < 30; i++)
    t.compiled.read(`query Q${i} { people(first: ${i}) { nodes { id ...F } } } fragment F on Person { name matters { nodes { id } } }`);
});
afterAll(() => t.db.close());

const times = (n: number, make: (i: number) => string, between = ' ') => Array.from({ length: n }, (_, i) => make(i)).join(between);
const nested = (n: number, open: string, inside: string, close = '}') => open.repeat(n) + inside + close.repeat(n);

const ATTACKS: [string, () => string][] = [
  ['a fragment that spreads itself', () => '{ ...A } fragment A on Query { ...A }'],
  ['fragments that spread each other', () => '{ ...A } fragment A on Query { ...B ...B } fragment B on Query { ...A ...A }'],
  [
    '0.9 KB of fragments that double',
    () => `{ ...F0 } ${times(24, (i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`)} fragment F24 on Query { __typename }`,
  ],
  [
    'fields that double by fragments',
    () =>
      `{ people { nodes { ...F0 } } } ${times(20, (i) => `fragment F${i} on Person { a: boss { ...F${i + 1} } b: boss { ...F${i + 1} } }`)} fragment F20 on Person { id }`,
  ],
  ['one field 900 times', () => `{ people { nodes { ${times(900, () => 'name')} } } }`],
  ['one object 100 times, nested', () => `{ ${times(100, () => 'people { nodes { boss { boss { id } } } }')} }`],
  ['19 by 19 by 5 merged fields', () => `{ ${times(19, () => `people { ${times(19, () => 'nodes { id id id id id }')} }`)} }`],
  ['1,000 aliases of one root field', () => `{ ${times(1000, (i) => `a${i}: person(id: "${hexId('gpe', 1, 1, 1)}") { id }`)} }`],
  ['500 aliases of __schema', () => `{ ${times(500, (i) => `a${i}: __schema { types { name } }`)} }`],
  [
    'introspection into itself',
    () => `{ __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }`,
  ],
  [
    'introspection of everything, many times',
    () => `{ __schema { ${times(40, (i) => `a${i}: types { ${times(8, (k) => `f${k}: fields { name args { name } }`)} }`)} } }`,
  ],
  ['1,200 directives on a field', () => `{ people ${'@a'.repeat(1200)} { nodes { id } } }`],
  ['400 skips on a field', () => `{ people { nodes { id ${times(400, () => '@skip(if: true)')} } } }`],
  ['depth 300', () => nested(300, 'a{', 'b')],
  ['depth 40 that is valid', () => `{ people { nodes ${nested(40, '{ boss ', '{ id }', '}')} } }`],
  ['a list literal 1,200 deep', () => `{ people(filter: { score: ${'['.repeat(1200)}${']'.repeat(1200)} }) { nodes { id } } }`],
  ['20,000 tokens', () => `{ ${times(20_000, (i) => `a${i}`)} }`],
  ['200 KB of comment', () => `# ${'x'.repeat(200_000)}\n{ __typename }`],
  ['a text of 100 KB', () => `{ personByAddress(value: "${'x'.repeat(100_000)}") { id } }`],
  ['1,000 operations', () => times(1000, (i) => `query Q${i} { __typename }`)],
  [
    '20 operations over one fragment with 19 unknown variables',
    () => `${times(20, (i) => `query Q${i} { ...F }`)} fragment F on Query { ${times(19, (i) => `a${i}: person(id: $v${i}) { id }`)} }`,
  ],
  ['700 unknown fields of long names', () => `{ ${times(700, (i) => `peoplepeoplepeoplepeople${i}`)} }`],
  ['350 unknown types of long names', () => `{ ${times(350, (i) => `... on PersonPersonPersonPerson${i} { id }`)} }`],
  ['400 variables that nobody uses', () => `query(${times(400, (i) => `$v${i}: Int`)}) { __typename }`],
  ['350 unused fragments', () => `{ __typename } ${times(350, (i) => `fragment F${i} on Person { id }`)}`],
  [
    'a page of pages of pages',
    () =>
      '{ people(first: 100) { nodes { matters(first: 100) { nodes { words(first: 100) { nodes { matter { words(first: 100) { nodes { id } } } } } } } } } }',
  ],
  ['an unterminated text', () => `{ personByAddress(value: "${'\\u0041'.repeat(3000)}`],
];

describe('attacks', () => {
  it.each(ATTACKS)('%s is refused within 50 ms', async (_name, make) => {
    const took: number[] = [];
    const viewer = viewerOf(t.workspaces[0], 1);
    // The best of four: other processes share these cores. Each text is new, since refusals are remembered.
    for (let run = 0; run < 4; run++) {
      const source = `${make()}\n#${run}`;
      const start = performance.now();
      const answer = await t.compiled.query(source, viewer);
      took.push(performance.now() - start);
      expect(answer.errors.length).toBeGreaterThan(0);
      expect(answer.errors.length).toBeLessThanOrEqual(LIMITS.validationErrorsMax + 1);
    }
    expect(Math.min(...took)).toBeLessThan(50);
  });
  it('the largest document that may be is read within 50 ms', () => {
    const took: number[] = [];
    for (let run = 0; run < 6; run++) {
      const source = `{ ${times(18, (i) => `r${i}: people { nodes { ${times(42, (k) => `f${k}: name`)} } }`)} } #${run}`;
      const start = performance.now();
      expect(t.compiled.read(source).errors).toBeNull();
      took.push(performance.now() - start);
    }
    expect(Math.min(...took)).toBeLessThan(50);
  });
  it('a refused document is remembered as refused', () => {
    const source = ATTACKS[2]![1]();
    expect(t.compiled.read(source)).toBe(t.compiled.read(source));
  });
});

it('what clients ask every day is affordable: introspection, and a screen of an agent', async () => {
  for (const source of [
    getIntrospectionQuery({
      inputValueDeprecation: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      oneOf: true,
    }),
  ]) {
    const answer = await t.compiled.query(source, viewerOf(t.workspaces[0], 1));
    expect(answer.errors).toEqual([]);
    expect(answer.cost!.requested).toBeLessThan(10_000);
  }
});
it('each limit lets through what lies just below it', () => {
  const excess = (source: string) => excessOf(parse(source, { maxTokens: LIMITS.tokensMax }))?.message ?? null;
  expect(excess(nested(LIMITS.depthMax, '{ a', ''))).toBeNull();
  expect(excess(nested(LIMITS.depthMax + 1, '{ a', ''))).toMatch('levels deep');
  expect(excess(`{ a { ${times(LIMITS.sameNameMax, () => 'b')} } }`)).toBeNull();
  expect(excess(`{ a { ${times(LIMITS.sameNameMax + 1, () => 'b')} } }`)).toMatch('more than');
  expect(excess(`{ ${times(LIMITS.rootAliasesMax, (i) => `a${i}: b`)} }`)).toBeNull();
  expect(excess(`{ ${times(LIMITS.rootAliasesMax + 1, (i) => `a${i}: b`)} }`)).toMatch('under more than');
  expect(excess(`{ x { ${times(LIMITS.fieldsMax - 1, (i) => `a${i}`)} } }`)).toBeNull();
  expect(excess(`{ x { ${times(LIMITS.fieldsMax, (i) => `a${i}`)} } }`)).toMatch('fields');
  expect(excess(times(LIMITS.operationsMax, (i) => `query A${i} { a }`, '\n'))).toBeNull();
  expect(excess(times(LIMITS.operationsMax + 1, (i) => `query A${i} { a }`, '\n'))).toMatch('operations');
});
it('a variable nested too deep, or with half a character, is refused', () => {
  const deep = (n: number): unknown => (n === 0 ? 1 : { a: deep(n - 1) });
  expect(() => checkValue(deep(LIMITS.variableDepthMax), 'v')).not.toThrow();
  expect(() => checkValue(deep(LIMITS.variableDepthMax + 1), 'v')).toThrow('nested');
  expect(() => checkValue({ list: ['fine', 'a\ud83d'] }, 'v')).toThrow('a character');
  expect(() => checkValue({ '\0': 1 }, 'v')).toThrow('a character');
  expect(() => checkValue('😀', 'v')).not.toThrow();
});
it('a body of too many values is known by its commas and by what it opens, those in texts not counted', () => {
  const has = (json: string) => hasTooManyValues(Buffer.from(json));
  const list = (n: number) => `[${'1,'.repeat(n)}1]${' '.repeat(100_000)}`;
  expect(has(list(LIMITS.variableValuesMax - 1))).toBe(false);
  expect(has(list(LIMITS.variableValuesMax))).toBe(true);
  const nested = (n: number, open: string, close: string) => `${open.repeat(n)}1${close.repeat(n)}${' '.repeat(100_000)}`;
  expect(has(nested(LIMITS.variableValuesMax, '[', ']'))).toBe(false);
  expect(has(nested(LIMITS.variableValuesMax + 1, '[', ']'))).toBe(true);
  expect(has(nested(LIMITS.variableValuesMax / 2 + 1, '[{"a":', '}]'))).toBe(true);
  expect(has(JSON.stringify(['[{'.repeat(LIMITS.variableValuesMax)]))).toBe(false);
  expect(has(JSON.stringify([',"\\",'.repeat(LIMITS.variableValuesMax), '\\']))).toBe(false);
  expect(has('[1,2]')).toBe(false);
});
