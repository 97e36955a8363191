// The project's own schema by both paths, as everybody who may ask. SEED and OPERATIONS set the run.
import { getIntrospectionQuery, isAbstractType, isObjectType, type GraphQLObjectType } from 'graphql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import '../../src/server/graph.ts';
import { openLog } from '../../src/events/log.ts';
import { entities } from '../../src/graphql/entity.ts';
import { makeGraph, type Graph } from '../../src/graphql/execute.ts';
import { undescribed } from '../../src/graphql/print-schema.ts';
import { setClock } from '../../src/platform/clock.ts';
import { proven } from '../harness/proven.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { CANONICAL } from '../judges/canonical.ts';
import { differ, type DifferentialOptions, type Report } from './differential.ts';
import { makeProject, type Project } from './project.ts';

const SEED = Number(process.env.SEED ?? 1);
const OPERATIONS = Number(process.env.OPERATIONS ?? 150);

let db: TestDatabase;
let compiled: Graph;
let oracle: Graph;
/** Over a pool that no policy binds. */
let bare: Graph;
let project: Project;
let putBack: (() => void) | undefined;
beforeAll(async () => {
  db = await testDatabase();
  project = await makeProject(db);
  await openLog(db.system);
  const at = Date.now();
  putBack = setClock(() => at);
  const log = (_id: string, error: unknown) => process.env.SEED && console.log(String((error as Error).stack).slice(0, 300));
  compiled = await makeGraph({ read: db.app, write: db.app, log });
  oracle = await makeGraph({ read: db.app, write: db.app, path: 'loaders', log });
  bare = await makeGraph({ read: db.owner, write: db.app, log });
}, 60_000);
afterAll(async () => {
  putBack?.();
  await db.close();
});

/** Of what could be answered, how much was answered by one statement. */
const shareOf = ({ compiled, runs, errors }: Report): number => compiled / (runs - errors);
const QUERIES = CANONICAL.filter(({ kind }) => kind === 'query').map(({ name, text }) => ({ name, source: text }));

/** Over the project's data, as everybody in turn; what differed is printed where a seed is given. */
async function compared(options: Pick<DifferentialOptions, 'compiled' | 'oracle' | 'seed' | 'oracleCompiles' | 'written' | 'until'>): Promise<Report> {
  const report = await differ({ ...options, viewers: project.viewers.map(([, viewer]) => viewer), operations: OPERATIONS, foreignIds: project.foreignIds, texts: project.texts, ids: project.ids });
  const { faults, answered, asked, ...figures } = report;
  const told = faults.slice(0, 6).map((f) => `\n${f.what}\n${f.source}\n${JSON.stringify(f.variables)}\n${f.compiled.slice(0, 1500)}\n${f.oracle.slice(0, 1500)}`);
  console.log(JSON.stringify({ ...figures, share: shareOf(report), answered: answered.size, asked: asked.size }), process.env.SEED ? told.join('\n') : '');
  return report;
}

it('everything that clients see has a description', () => {
  expect(undescribed(compiled.schema)).toEqual([]);
});

it(`generated operations of the project answer the same bytes by both paths, as everybody (seed ${SEED})`, { timeout: 3_600_000 }, async () => {
  // In a short run not everything comes up.
  const isWhole = OPERATIONS >= 2_000;
  const [fields, places] = [readable(), ['@skip', '@include', ...takeable()]];
  const report = await compared({
    compiled, oracle, seed: SEED, written: QUERIES,
    until: ({ answered, asked }) => !isWhole || (fields.every((field) => answered.has(field)) && places.every((place) => asked.has(place))),
  });
  expect(report.faults.slice(0, 3)).toEqual([]);
  // What isn't compiled was refused, ends in an error, or holds one of the few fields that are resolved by themselves: nothing falls back in silence.
  expect(shareOf(report)).toBeGreaterThan(0.95);
  expect(report.compiled / report.runs).toBeGreaterThan(isWhole ? 0.6 : 0.4);
  expect(QUERIES.filter(({ name }) => !report.written[name]).map(({ name }) => name)).toEqual([]);
  if (!isWhole) return;
  expect(fields.filter((field) => !report.answered.has(field))).toEqual([]);
  expect(places.filter((place) => !report.asked.has(place))).toEqual([]);
  proven({ operations: report.operations, runs: report.runs, compiled: report.compiled, shareMin: shareOf(report) });
});

it(`every statement names the workspace: the same answers with row-level security off (seed ${SEED})`, { timeout: 3_600_000 }, async () => {
  const { faults } = await compared({ compiled: bare, oracle: compiled, seed: SEED + 1_000_000, oracleCompiles: true });
  expect(faults.slice(0, 3)).toEqual([]);
});

/** Every argument of those fields. */
function takeable(): string[] {
  return readable().flatMap((path) => {
    const [type, name] = path.split('.') as [string, string];
    return (compiled.schema.getType(type) as GraphQLObjectType).getFields()[name]!.args.map((argument) => `${path}(${argument.name})`);
  });
}

/** Every field of what queries lead to, but those that no statement answers. */
function readable(): string[] {
  const { schema } = compiled;
  const reached = new Set<string>();
  const reach = (name: string): void => {
    const type = schema.getType(name);
    if (reached.has(name) || !type) return;
    reached.add(name);
    if (isAbstractType(type)) for (const possible of schema.getPossibleTypes(type)) reach(possible.name);
    if (isObjectType(type)) for (const field of Object.values(type.getFields())) reach(String(field.type).replaceAll(/[[\]!]/g, ''));
  };
  reach('Query');
  for (const { name } of entities.values()) reach(name);
  return [...reached].sort().flatMap((name) => {
    const type = schema.getType(name);
    if (!isObjectType(type)) return [];
    return Object.values(type.getFields()).filter((field) => (field.extensions.declared as { form?: string } | undefined)?.form !== 'custom' && `${name}.${field.name}` !== 'Query.nodes').map((field) => `${name}.${field.name}`);
  });
}

it('what generators and IDEs ask of the schema is affordable', async () => {
  const source = getIntrospectionQuery({
    inputValueDeprecation: true,
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    oneOf: true,
  });
  const answer = await compiled.query(source, project.viewers[0]![1]);
  expect(answer.errors).toEqual([]);
  expect(answer.cost!.requested).toBeLessThan(answer.cost!.limit * 0.8);
});
