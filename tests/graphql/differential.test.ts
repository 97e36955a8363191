import { afterAll, beforeAll, expect, it } from 'vitest';
import './domain.ts';
import { makeGraph, type Graph } from '../../src/graphql/execute.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { proven } from '../harness/proven.ts';
import { differ } from './differential.ts';
import { hexId, makeTables, viewerOf } from './tables.ts';

const SEED = Number(process.env.SEED ?? 1);
const OPERATIONS = Number(process.env.OPERATIONS ?? 120);

let db: TestDatabase;
let compiled: Graph;
let oracle: Graph;
let workspaces: [string, string];
beforeAll(async () => {
  db = await testDatabase();
  workspaces = await makeTables(db);
  const log = () => {};
  compiled = await makeGraph({ read: db.app, write: db.app, log });
  oracle = await makeGraph({ read: db.app, write: db.app, path: 'loaders', log });
});
afterAll(() => db.close());

it(`generated operations answer the same bytes by both paths (seed ${SEED})`, { timeout: 600_000 }, async () => {
  const foreignIds = [hexId('gpe', 1, 1, 5), hexId('gma', 1, 3, 55), hexId('gwo', 1, 4, 1101)];
  const report = await differ({
    compiled,
    oracle,
    viewers: [viewerOf(workspaces[1], 2)],
    seed: SEED,
    operations: OPERATIONS,
    foreignIds,
    rarely: ['Matter.firstBody'],
  });
  const { faults, ...figures } = report;
  if (process.env.SEED)
    console.log(
      JSON.stringify(figures),
      faults
        .slice(0, 4)
        .map((f) => `\n${f.what}\n${f.source}\n${JSON.stringify(f.variables)}\n${f.compiled.slice(0, 1500)}\n${f.oracle.slice(0, 1500)}`)
        .join('\n'),
    );
  expect(faults.slice(0, 3)).toEqual([]);
  expect(report.compiled / report.runs).toBeGreaterThan(0.6);
  proven({ operations: report.operations, runs: report.runs, compiled: report.compiled });
});
