import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { countBlob, holdBlobs, keepBlob, removeUnheld } from '../../src/messages/files.ts';
import { folderBlobs } from '../../src/platform/blobs.ts';
import { after, now, nowMs, setClock } from '../../src/platform/clock.ts';
import { inWorkspace, type Tx } from '../../src/platform/db.ts';
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

it('removes files that were uploaded a day ago and never sent, and none that is held, is new, or is put again at that moment', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'throughline-unheld-'));
  const blobs = folderBlobs(folder);
  const { id: workspaceId } = await db.workspace();
  const within = (work: (tx: Tx) => Promise<unknown>) => inWorkspace(db.app, workspaceId, work);
  const stored = async () => (await db.owner`select sha256 from blobs where workspace_id = ${workspaceId}`).map((row) => row.sha256);
  const upload = async (text: string) => {
    const content = Buffer.from(text);
    const sha256 = await blobs.put(workspaceId, content);
    await within((tx) => keepBlob(tx, workspaceId, { sha256, mime: 'text/plain', content }));
    return sha256;
  };
  const remove = () => removeUnheld({ app: db.app, system: db.system, blobs });
  const [orphan, held, again, racing] = [await upload('orphan'), await upload('held'), await upload('again'), await upload('racing')];
  await within((tx) => holdBlobs(tx, workspaceId, [held]));
  expect(await remove()).toBe(0);

  const at = nowMs() + 26 * 60 * 60_000;
  const restore = setClock(() => at);
  try {
    await upload('again');
    // Somebody stores the same content, and has yet to say that he holds it.
    await blobs.put(workspaceId, Buffer.from('racing'));
    expect(await remove()).toBe(2);
    expect((await stored()).sort()).toEqual([held, again].sort());
    expect(await Promise.all([orphan, held, again, racing].map(async (sha256) => (await blobs.get(workspaceId, sha256))?.toString() ?? null))).toEqual([null, 'held', 'again', 'racing']);
    await within((tx) => countBlob(tx, workspaceId, { sha256: racing, mime: 'text/plain', content: Buffer.from('racing') }));
    await expect(within((tx) => holdBlobs(tx, workspaceId, [orphan]))).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(await remove()).toBe(0);
  } finally {
    restore();
    rmSync(folder, { recursive: true });
  }
});
