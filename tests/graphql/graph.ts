// A database with the small domain, and the graph by both paths.
import { makeGraph, type Graph } from '../../src/graphql/execute.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import './domain.ts';
import { makeTables } from './tables.ts';

export interface TestGraph {
  db: TestDatabase;
  compiled: Graph;
  /** The same by the loaders alone. */
  loaders: Graph;
  /** Ids of workspaces 1 and 2, which hold the same rows under other ids. */
  workspaces: [string, string];
  /** Faults of ours that were logged. */
  faults: unknown[];
}

export async function testGraph(): Promise<TestGraph> {
  const db = await testDatabase();
  const workspaces = await makeTables(db);
  const faults: unknown[] = [];
  const options = { read: db.app, write: db.app, log: (_id: string, error: unknown) => faults.push(error) };
  return { db, workspaces, faults, compiled: await makeGraph(options), loaders: await makeGraph({ ...options, path: 'loaders' }) };
}
