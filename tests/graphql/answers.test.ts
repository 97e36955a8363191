import { afterAll, beforeAll, expect, it } from 'vitest';
import './domain.ts';
import { bodyOf, makeGraph, type Graph } from '../../src/graphql/execute.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { hexId, makeTables, viewerOf } from './tables.ts';

let db: TestDatabase;
let graph: Graph;
let w1: string;
beforeAll(async () => {
  db = await testDatabase();
  [w1] = await makeTables(db);
  graph = await makeGraph({ read: db.app, write: db.app });
});
afterAll(() => db.close());

it('answers', async () => {
  const a = await graph.query('{ people(first: 3) { totalCount { count precision } nodes { id name matters(first: 2) { edges { cursor node { by { kind person { name } } } } pageInfo { hasNextPage endCursor } } } } }', viewerOf(w1, 1));
  console.log(a.path, bodyOf(a));
  const b = await graph.query('{ people(first: 3) { nodes { id name } } } ', viewerOf(w1, 1));
  console.log(b.path, bodyOf(b));
  expect(a.path).toBe('compiled');
  void hexId;
});
