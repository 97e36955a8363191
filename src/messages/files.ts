// The blob store's books: how many parts, recordings and deliveries hold a file.
import { now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';

/** One more part or delivery holds the file, which is in the blob store already. */
export async function countBlob(tx: Tx, workspaceId: string, file: { sha256: string; mime: string; content: Buffer }): Promise<void> {
  await tx`
    insert into blobs ${tx({ workspaceId, sha256: file.sha256, size: file.content.length, mime: file.mime, refs: 1, createdAt: now() })}
    on conflict (workspace_id, sha256) do update set refs = blobs.refs + 1`;
}

/** A file is here and nothing holds it yet. */
export const keepBlob = (tx: Tx, workspaceId: string, file: { sha256: string; mime: string; content: Buffer }): Promise<unknown> => tx`
  insert into blobs ${tx({ workspaceId, sha256: file.sha256, size: file.content.length, mime: file.mime, refs: 0, createdAt: now() })} on conflict do nothing`;

/** A message holds files that are here. */
export const holdBlobs = (tx: Tx, workspaceId: string, sha256s: readonly string[]): Promise<unknown> => tx`
  update blobs b set refs = b.refs + h.n from (select s, count(*)::int as n from unnest(${[...sha256s]}::text[]) s group by s) h where b.workspace_id = ${workspaceId} and b.sha256 = h.s`;
