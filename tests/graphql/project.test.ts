// The project's own schema over the demo's data, by both paths.
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import '../../src/server/graph.ts';
import { PERMISSIONS } from '../../src/access/permissions.ts';
import type { Viewer } from '../../src/access/viewer.ts';
import { openLog } from '../../src/events/log.ts';
import { sequenceOnce } from '../../src/events/sequencer.ts';
import { makeGraph, type Graph } from '../../src/graphql/execute.ts';
import { undescribed } from '../../src/graphql/print-schema.ts';
import { setClock } from '../../src/platform/clock.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { createDemo } from '../../src/server/demo.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { differ } from './differential.ts';

const SEED = Number(process.env.SEED ?? 1);
const OPERATIONS = Number(process.env.OPERATIONS ?? 120);

let db: TestDatabase;
let compiled: Graph;
let oracle: Graph;
/** Over a pool that no policy binds. */
let bare: Graph;
let viewer: Viewer;
let putBack: () => void;
beforeAll(async () => {
  initSecrets('a secret key for tests, of no worth');
  db = await testDatabase();
  const { workspaceId } = await createDemo(db.app, null);
  // Another workspace with the same people, addresses and numbers.
  await createDemo(db.app, null);
  await sequenceOnce(db.system);
  await openLog(db.system);
  const [member] = await db.owner`select id from members where workspace_id = ${workspaceId} order by created_at, id limit 1`;
  const identities = await db.owner`select identity_id as id from conversation_participants where workspace_id = ${workspaceId} limit 3`;
  viewer = {
    workspaceId,
    role: 'ADMIN',
    permissions: new Set(PERMISSIONS),
    actor: { workspaceId, kind: 'MEMBER', id: member!.id },
    memberId: member!.id,
    identityIds: identities.map(({ id }) => id as string),
    accountId: null,
    permissionKey: 'all',
    expiresAtMs: null,
  };
  const at = Date.now();
  putBack = setClock(() => at);
  const log = (_id: string, error: unknown) => process.env.SEED && console.log(String((error as Error).stack).slice(0, 300));
  compiled = await makeGraph({ read: db.app, write: db.app, log });
  oracle = await makeGraph({ read: db.app, write: db.app, path: 'loaders', log });
  bare = await makeGraph({ read: db.owner, write: db.app, log });
});
afterAll(async () => {
  putBack();
  await db.close();
});

it('everything that clients see has a description', () => {
  expect(undescribed(compiled.schema)).toEqual([]);
});

it(`generated operations of the project answer the same bytes by both paths (seed ${SEED})`, { timeout: 600_000 }, async () => {
  const { faults, ...figures } = await differ({ compiled, oracle, viewer, seed: SEED, operations: OPERATIONS });
  if (process.env.SEED)
    console.log(
      JSON.stringify(figures),
      faults
        .slice(0, 6)
        .map((f) => `\n${f.what}\n${f.source}\n${JSON.stringify(f.variables)}\n${f.compiled.slice(0, 1500)}\n${f.oracle.slice(0, 1500)}`)
        .join('\n'),
    );
  expect(faults.slice(0, 3)).toEqual([]);
  expect(figures.compiled / figures.runs).toBeGreaterThan(0.4);
});

it(`every statement names the workspace: the same answers with row-level security off (seed ${SEED})`, { timeout: 600_000 }, async () => {
  const { faults, ...figures } = await differ({
    compiled: bare,
    oracle: compiled,
    viewer,
    seed: SEED + 1000,
    operations: OPERATIONS,
    oracleCompiles: true,
  });
  if (process.env.SEED) console.log(JSON.stringify(figures));
  expect(faults.slice(0, 3)).toEqual([]);
});
it('what generators and IDEs ask of the schema is affordable', async () => {
  const source = getIntrospectionQuery({
    inputValueDeprecation: true,
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    oneOf: true,
  });
  const answer = await compiled.query(source, viewer);
  expect(answer.errors).toEqual([]);
  expect(answer.cost!.requested).toBeLessThan(answer.cost!.limit * 0.8);
});
