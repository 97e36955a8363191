// The job that fetches the files of a message from its provider, once, and keeps them: what providers hand out is gone after minutes or days.
import { systemActor } from '../access/viewer.ts';
import { accountById } from '../channels/accounts.ts';
import { fetchFile, type Fetched } from '../channels/fetch-file.ts';
import { appendEvents } from '../events/append.ts';
import type { Blobs } from '../platform/blobs.ts';
import { inWorkspace, type Sql, type Tx } from '../platform/db.ts';
import type { HttpClient } from '../platform/http.ts';
import { enqueue } from '../platform/jobs.ts';
import { lockMessage } from './change.ts';
import { countBlob } from './files.ts';
import type { PartRow } from './parts.ts';

/** Tries of one message's files; the waits between them grow to some ten minutes. */
const ATTEMPTS_MAX = 8;

export interface MediaContext {
  app: Sql;
  blobs: Blobs;
  /** Follows redirects, and gives no credential to another origin. */
  http: HttpClient;
}

/** Has the files of a message fetched, when it has any that are still at its provider. */
export async function wantMedia(tx: Tx, workspaceId: string, messageId: string, parts: readonly PartRow[]): Promise<void> {
  if (parts.some(({ mediaState }) => mediaState === 'PENDING')) {
    await enqueue(tx, 'fetch_media', { workspaceId, messageId }, { jobKey: `media:${messageId}`, maxAttempts: ATTEMPTS_MAX });
  }
}

type Found = Exclude<Fetched, { retry: string }>;
interface PendingPart {
  id: string;
  providerMediaId: string | null;
  url: string | null;
  mime: string | null;
}

/**
 * Fetches what is PENDING of a message; safe to be called again at any point. A part ends as STORED, or as what hinders it: EXPIRED, FORBIDDEN, TOO_LARGE.
 * @throws Error when a fetch failed that may go well later; at the last attempt such a part is FAILED instead.
 */
export async function fetchMedia(context: MediaContext, job: { workspaceId: string; messageId: string }, run: { lastAttempt: boolean; signal: AbortSignal }): Promise<void> {
  const { workspaceId, messageId } = job;
  const wanted = await inWorkspace(context.app, workspaceId, async (tx) => {
    const parts = await tx<PendingPart[]>`
      select id, provider_media_id, url, mime from message_parts where workspace_id = ${workspaceId} and message_id = ${messageId} and media_state = 'PENDING' order by ordinal`;
    const [message] = await tx<{ accountId: string | null }[]>`select account_id from messages where workspace_id = ${workspaceId} and id = ${messageId}`;
    return parts.length === 0 || message?.accountId == null ? null : { parts, account: await accountById(tx, workspaceId, message.accountId) };
  });
  if (!wanted) return;
  const failures: string[] = [];
  for (const part of wanted.parts) {
    if (run.signal.aborted) return;
    const found = await fetchFile(context.http, wanted.account, part);
    if ('retry' in found && !run.lastAttempt) failures.push(found.retry);
    else await keep(context, job, part, 'retry' in found ? { state: 'FAILED' } : found);
  }
  if (failures.length > 0) throw new Error(`${failures.length} of ${wanted.parts.length} files could not be fetched: ${failures[0]}`);
}

/** Emits `message.updated`. A file is in the blob store before anything says that it is. */
async function keep(context: MediaContext, { workspaceId, messageId }: { workspaceId: string; messageId: string }, part: PendingPart, found: Found): Promise<void> {
  const file = found.state === 'STORED' ? { sha256: await context.blobs.put(workspaceId, found.content), content: found.content, mime: part.mime ?? found.mime ?? 'application/octet-stream' } : null;
  await inWorkspace(context.app, workspaceId, async (tx) => {
    const [place] = await tx<{ id: string; conversationId: string }[]>`select id, conversation_id from messages where workspace_id = ${workspaceId} and id = ${messageId}`;
    await lockMessage(tx, workspaceId, place!);
    const changed = await tx`
      update message_parts set media_state = ${found.state}, sha256 = ${file?.sha256 ?? null}, size = coalesce(${file?.content.length ?? null}, size), mime = coalesce(mime, ${file?.mime ?? null})
      where workspace_id = ${workspaceId} and id = ${part.id} and media_state = 'PENDING' returning 1`;
    if (changed.length === 0) return;
    if (file) await countBlob(tx, workspaceId, file);
    await appendEvents(tx, workspaceId, [{
      kind: 'message.updated', actor: systemActor(workspaceId), conversationId: place!.conversationId, data: { messageId, change: 'media', mediaState: found.state },
    }]);
  });
}
