// The differential test must notice a compiler that is broken: each mutant changes one place of what only the compiled path uses.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Graph } from '../../src/graphql/execute.ts';
import { withoutRowSecurity } from '../guarantees/walls.ts';
import { proven } from '../harness/proven.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { makeProject, type Project } from './project.ts';

/* eslint-disable no-template-curly-in-string -- the text of templates */

/** File, what stands there, what stands there instead. The first six run always, all with MUTANTS=all. */
const MUTANTS: [string, string, string][] = [
  ['connection-writer.ts', 'page.backward || isAround ? ` order by', 'isAround ? ` order by'],
  ['sites.ts', 'given.page ? pageShape(given.page)', "given.page ? ''"],
  ['writer.ts', '[condition, ...reference(entity, alias, this.place)]', '[condition]'],
  ['compile.ts', "variables[name] ? '1' : '0'", "'0'"],
  ['pieces.ts', '[isNotNull ? json : `coalesce(${json}, ${missing})`]', '[json]'],
  ['sites.ts', 'if (site.isConstant) site.fixed = given;', 'site.fixed = given;'],
  ['connection-writer.ts', "isCounted ? ` filter (where ${within()})` : ''", "''"],
  ['pieces.ts', 'json.includes(BROKEN)', 'false'],
  ['pieces.ts', "const missing = nullable ? `'null'` : broken;", "const missing = `'null'`;"],
  ['pieces.ts', 'if (inner === null)', 'if (false)'],
  ['connection-writer.ts', 'text(String(page.before !== undefined))', "text('false')"],
  ['connection-writer.ts', 'least(${high()}, max', 'greatest(${high()}, max'],
  ['connection-writer.ts', 'beyond(`max(${row}._rn) > ${high()}`)', 'beyond(`max(${row}._rn) >= ${high()}`)'],
  ['connection-writer.ts', 'beyond(`min(${row}._rn) < ${low()}`)', 'beyond(`min(${row}._rn) <= ${low()}`)'],
  ['connection-writer.ts', 'least(${total}.n, ${COUNT_MAX})', '${total}.n + 1'],
  ['sites.ts', "given.rows ? given.rows.shape : ''", "''"],
  ['compile.ts', "${nodeTypes.map((entity) => entity.name).join(' ')}", ''],
  ['writer.ts', "return `case ${whens.join(' ')} else ${nullable ? `'null'` : broken} end`;", "return `case ${whens.join(' ')} else '{}' end`;"],
  ['writer.ts', 'if (row.isNotNull(first)) return pieces;', 'return pieces;'],
];
const chosen = process.env.MUTANTS === 'all' ? MUTANTS : MUTANTS.slice(0, 6);
/** A break that half of the full count doesn't notice is not noticed. */
const SEEDS_MAX = 100;
const folder = fileURLToPath(new URL('.mutants/', import.meta.url));

let found = 0;
let db: TestDatabase;
let project: Project;
beforeAll(async () => {
  db = await testDatabase();
  project = await makeProject(db);
  mkdirSync(folder, { recursive: true });
}, 60_000);
afterAll(async () => {
  proven({ mutants: found });
  rmSync(folder, { recursive: true, force: true });
  await db.close();
});

/** What the project's graph, with `from` in one of its files replaced, is asked by `ask`: by the compiled path, and by the loaders. */
async function withMutant<T>(name: string, [file, from, to]: readonly [string, string, string], ask: (graphs: { compiled: Graph; oracle: Graph }) => Promise<T>): Promise<T> {
  const path = `../../src/graphql/${file}`;
  const source = readFileSync(new URL(path, import.meta.url), 'utf8');
  expect(source.split(from).length, `${from} stands in ${file} once`).toBe(2);
  const mutated = source
    .replace(from, () => to)
    .replaceAll(/from '\.\.\//g, "from '../../../src/")
    .replaceAll(/from '\.\//g, "from '../../../src/graphql/");
  const mutant = `${folder}${name}.ts`;
  writeFileSync(mutant, mutated);
  vi.resetModules();
  vi.doMock(path, () => import(/* @vite-ignore */ mutant));
  try {
    await import('../../src/server/graph.ts');
    const { openLog } = await import('../../src/events/log.ts');
    const { setClock } = await import('../../src/platform/clock.ts');
    const { makeGraph } = await import('../../src/graphql/execute.ts');
    await openLog(db.system);
    const at = Date.now();
    setClock(() => at);
    const options = { read: db.app, write: db.app, log: () => {} };
    return await ask({ compiled: await makeGraph(options), oracle: await makeGraph({ ...options, path: 'loaders' }) });
  } finally {
    vi.doUnmock(path);
  }
}

/** Differences of the two paths, until there is one. */
async function differences({ compiled, oracle }: { compiled: Graph; oracle: Graph }, seeds: number): Promise<number> {
  const { differ } = await import('./differential.ts');
  for (let seed = 1; seed <= seeds; seed++) {
    const { faults } = await differ({ compiled, oracle, viewers: project.viewers.map(([, viewer]) => viewer), seed, operations: 100, foreignIds: project.foreignIds, texts: project.texts, ids: project.ids, stopAtFault: true });
    if (faults.length > 0) return faults.length;
  }
  return 0;
}

it.each(chosen.map((mutant, index) => [...mutant, index] as const))('a broken %s is noticed: %s -> %s', { timeout: 600_000 }, async (file, from, to, index) => {
  expect(await withMutant(String(index), [file, from, to], (graphs) => differences(graphs, SEEDS_MAX))).toBeGreaterThan(0);
  found++;
});

it('what is changed and not broken is not: it is the mutant that is noticed, not its making', { timeout: 600_000 }, async () => {
  const [file, from] = MUTANTS[0]!;
  expect(await withMutant('control', [file, from, `${from}`], (graphs) => differences(graphs, process.env.MUTANTS === 'all' ? 20 : 2))).toBe(0);
});

it('statements that forget the workspace are noticed once row-level security is off', { timeout: 120_000 }, async () => {
  const [, viewer] = project.viewers.find(([name]) => name === 'everybody')!;
  const foreign = async ({ compiled }: { compiled: Graph }) => {
    const answer = await compiled.query('query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }', viewer, { ids: project.foreignIds.filter((id) => !/^(?:vis|vmg|vcn)_/.test(id)).slice(0, 40) });
    return (JSON.parse(answer.data!) as { nodes: unknown[] }).nodes.filter((node) => node !== null).length;
  };
  const line = 'export const workspaceOf = (place: Place, alias: string): string => `${alias}.workspace_id = ${place.workspace()}`;';
  await withoutRowSecurity(db, viewer.workspaceId, async () => {
    expect(await withMutant('workspace', ['lists.ts', line, line], foreign)).toBe(0);
    expect(await withMutant('no workspace', ['lists.ts', line, line.replace('`${alias}', '`${alias}.workspace_id <> ${alias}.id or ${alias}')], foreign)).toBeGreaterThan(0);
  });
});
