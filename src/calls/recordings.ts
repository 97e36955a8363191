// The job that fetches a call's recordings from its provider, once, and keeps them: there they cost money and end.
import { systemActor } from '../access/viewer.ts';
import { accountById } from '../channels/accounts.ts';
import { fetchFile, type Fetched } from '../channels/fetch-file.ts';
import { lockConversation } from '../conversations/rows.ts';
import { appendEvents } from '../events/append.ts';
import { countBlob } from '../messages/files.ts';
import type { MediaContext } from '../messages/media.ts';
import { inWorkspace, type Tx } from '../platform/db.ts';
import { enqueue } from '../platform/jobs.ts';

/** Tries of one call's recordings; the waits between them grow to some ten minutes. A recording may be announced before it can be fetched. */
const ATTEMPTS_MAX = 8;

/** Has the recordings of a call fetched that are complete, and still at its provider. */
export async function wantRecordings(tx: Tx, workspaceId: string, callId: string): Promise<void> {
  const wanted = await tx`
    update recordings set media_state = 'PENDING' where workspace_id = ${workspaceId} and call_id = ${callId} and state = 'COMPLETED' and url is not null and media_state is null returning 1`;
  if (wanted.length > 0) await enqueue(tx, 'fetch_recordings', { workspaceId, callId }, { jobKey: `recordings:${callId}`, maxAttempts: ATTEMPTS_MAX });
}

interface Pending {
  id: string;
  url: string;
}

/**
 * Fetches what is PENDING of a call; safe to be called again at any point. A recording ends as STORED, or as what hinders it: EXPIRED, FORBIDDEN, TOO_LARGE.
 * @throws Error when a fetch failed that may go well later; at the last attempt such a recording is FAILED instead.
 */
export async function fetchRecordings(context: MediaContext, job: { workspaceId: string; callId: string }, run: { lastAttempt: boolean; signal: AbortSignal }): Promise<void> {
  const { workspaceId, callId } = job;
  const wanted = await inWorkspace(context.app, workspaceId, async (tx) => {
    const pending = await tx<Pending[]>`select id, url from recordings where workspace_id = ${workspaceId} and call_id = ${callId} and media_state = 'PENDING' order by id`;
    const [call] = await tx<{ accountId: string }[]>`select account_id from calls where workspace_id = ${workspaceId} and id = ${callId}`;
    return pending.length === 0 || !call ? null : { pending, account: await accountById(tx, workspaceId, call.accountId) };
  });
  if (!wanted) return;
  const failures: string[] = [];
  for (const recording of wanted.pending) {
    if (run.signal.aborted) return;
    const found = await fetchFile(context.http, wanted.account, { providerMediaId: null, url: recording.url });
    if ('retry' in found && !run.lastAttempt) failures.push(found.retry);
    else await keep(context, job, recording, 'retry' in found ? { state: 'FAILED' } : found);
  }
  if (failures.length > 0) throw new Error(`${failures.length} of ${wanted.pending.length} recordings could not be fetched: ${failures[0]}`);
}

/** Emits `call.updated`. A file is in the blob store before anything says that it is. */
async function keep(context: MediaContext, { workspaceId, callId }: { workspaceId: string; callId: string }, { id }: Pending, found: Exclude<Fetched, { retry: string }>): Promise<void> {
  const file = found.state === 'STORED' ? { sha256: await context.blobs.put(workspaceId, found.content), content: found.content, mime: found.mime ?? 'application/octet-stream' } : null;
  await inWorkspace(context.app, workspaceId, async (tx) => {
    const [place] = await tx<{ conversationId: string }[]>`select conversation_id from calls where workspace_id = ${workspaceId} and id = ${callId}`;
    await lockConversation(tx, workspaceId, place!.conversationId);
    const changed = await tx`
      update recordings set media_state = ${found.state}, sha256 = ${file?.sha256 ?? null}, size = ${file?.content.length ?? null}, mime = ${file?.mime ?? null}
      where workspace_id = ${workspaceId} and id = ${id} and media_state = 'PENDING' returning 1`;
    if (changed.length === 0) return;
    if (file) await countBlob(tx, workspaceId, file);
    // Where the call stands now: it may have been moved meanwhile.
    const [call] = await tx<{ conversationId: string; identityId: string; state: string; disposition: string | null; version: number }[]>`
      update calls set version = version + 1 where workspace_id = ${workspaceId} and id = ${callId} returning conversation_id, identity_id, state, coalesce(chosen_disposition, disposition) as disposition, version`;
    const { conversationId, identityId, state, disposition, version } = call!;
    await appendEvents(tx, workspaceId, [{ kind: 'call.updated', actor: systemActor(workspaceId), conversationId, data: { callId, identityId, phase: 'recording', state, disposition, version } }]);
  });
}
