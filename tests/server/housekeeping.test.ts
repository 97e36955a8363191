import { afterAll, beforeAll, expect, it } from 'vitest';
import { after, now } from '../../src/platform/clock.ts';
import { newId } from '../../src/platform/ids.ts';
import { forget } from '../../src/server/housekeeping.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());

it('forgets idempotency keys and tokens that are long over, and nothing that the API still promises', async () => {
  const { id: workspaceId } = await db.workspace();
  const day = 86_400_000;
  for (const [key, createdAt] of [['old', after(-31 * day)], ['promised', after(-8 * day)], ['new', now()]] as const) {
    await db.owner`insert into idempotency_keys ${db.owner({ workspaceId, actorKind: 'API_KEY', actorId: workspaceId, key, requestHash: Buffer.from('x'), result: db.owner.json({}), createdAt })}`;
  }
  for (const expiresAt of [after(-31 * day), after(-day), after(day)]) {
    await db.owner`insert into tokens ${db.owner({ workspaceId, id: newId(), kind: 'VISITOR', createdAt: now(), expiresAt })}`;
  }
  expect(await forget(db.system)).toBe(2);
  expect((await db.owner`select key from idempotency_keys order by created_at`).map((row) => row.key)).toEqual(['promised', 'new']);
  expect(await db.owner`select 1 from tokens`).toHaveLength(2);
  expect(await forget(db.system)).toBe(0);
});
