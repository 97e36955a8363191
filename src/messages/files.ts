// The blob store's books: how many parts, recordings and deliveries hold a file.
import type { Blobs } from '../platform/blobs.ts';
import { after, now } from '../platform/clock.ts';
import { inWorkspace, type Sql, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { UPLOAD_MS_MAX } from './uploads.ts';

/** Longer than an upload can be sent, by what clocks of several machines may differ. */
const UNHELD_MS_MAX = UPLOAD_MS_MAX + 60 * 60_000;
const REMOVED_AT_ONCE_MAX = 100;

/** One more part or delivery holds the file, which is in the blob store already. */
export async function countBlob(tx: Tx, workspaceId: string, file: { sha256: string; mime: string; content: Buffer }): Promise<void> {
  await tx`
    insert into blobs ${tx({ workspaceId, sha256: file.sha256, size: file.content.length, mime: file.mime, refs: 1, createdAt: now() })}
    on conflict (workspace_id, sha256) do update set refs = blobs.refs + 1`;
}

/** A file is here and nothing holds it yet; uploaded again, it is as new. */
export const keepBlob = (tx: Tx, workspaceId: string, file: { sha256: string; mime: string; content: Buffer }): Promise<unknown> => tx`
  insert into blobs ${tx({ workspaceId, sha256: file.sha256, size: file.content.length, mime: file.mime, refs: 0, createdAt: now() })}
  on conflict (workspace_id, sha256) do update set created_at = excluded.created_at where blobs.refs = 0`;

/** A message holds files that are here. @throws Refusal INVALID_INPUT when one was removed since nobody sent it (`removeUnheld`). */
export async function holdBlobs(tx: Tx, workspaceId: string, sha256s: readonly string[]): Promise<void> {
  const held = await tx`
    update blobs b set refs = b.refs + h.n from (select s, count(*)::int as n from unnest(${[...sha256s]}::text[]) s group by s) h where b.workspace_id = ${workspaceId} and b.sha256 = h.s`;
  if (held.count < new Set(sha256s).size) throw new Refusal('INVALID_INPUT', 'An uploaded file is no longer here; upload it again (POST /uploads).', { field: ['files'] });
}

/**
 * Removes files that were uploaded more than a day ago and never sent, some at a time; gives how many. Each under its row's lock: who begins to hold one
 * meanwhile waits, and finds either the row or none. Whoever puts the same content into the store at that moment keeps it there (`removeUnused`).
 */
export async function removeUnheld({ app, system, blobs }: { app: Sql; system: Sql; blobs: Blobs }): Promise<number> {
  const since = after(-UNHELD_MS_MAX);
  const unheld = await system<{ workspaceId: string; sha256: string }[]>`
    select workspace_id, sha256 from blobs where refs = 0 and created_at < ${since} order by created_at limit ${REMOVED_AT_ONCE_MAX}`;
  let removed = 0;
  for (const { workspaceId, sha256 } of unheld) {
    removed += await inWorkspace(app, workspaceId, async (tx) => {
      const gone = await tx`delete from blobs where workspace_id = ${workspaceId} and sha256 = ${sha256} and refs = 0 and created_at < ${since}`;
      // Before the row is gone for good: a file without a row would stay for ever.
      if (gone.count > 0) await blobs.removeUnused(workspaceId, sha256, since);
      return gone.count;
    });
  }
  return removed;
}
