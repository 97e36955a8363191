// The job that hands a message to its provider. An attempt is committed BEFORE the call: one that started and has no result may have reached
// the provider, so it is UNCONFIRMED and never blindly sent again; a callback or an echo settles it.
import { accountById, setAccountFault, type ConnectedAccount } from '../channels/accounts.ts';
import type { ChannelName, OutboundMessage, Provider, SendResult } from '../channels/channel.ts';
import { pauseAccount } from '../channels/pace.ts';
import { providerNamed } from '../channels/registry.ts';
import { now, after } from '../platform/clock.ts';
import { inWorkspace, type Sql, type Tx } from '../platform/db.ts';
import type { Blobs } from '../platform/blobs.ts';
import type { HttpClient } from '../platform/http.ts';
import { newId, publicId } from '../platform/ids.ts';
import { enqueue } from '../platform/jobs.ts';
import { systemActor } from '../access/viewer.ts';
import { lockConversations } from '../conversations/rows.ts';
import { lockMessage, setDelivery, type MessageRow } from './change.ts';
import { fileUrl } from './file-url.ts';
import { mayGo, type DeliveryJob } from './pace.ts';
import { becameKnown, lockProviderIds } from './provider-ids.ts';
import { applyParkedReports } from './reports.ts';
import { absorbEcho, echoOf, likelyEcho } from './settle.ts';
import { putThreads } from './unit.ts';

/** Tries of a message before it fails for good; they span about an hour and a half. */
const ATTEMPTS_MAX = 8;
const BACKOFF_BASE_MS = 5_000;
/** How long a message of an account that is switched off waits until it is looked at again. */
const DISABLED_WAIT_MS = 300_000;

export interface DeliveryContext {
  app: Sql;
  http: HttpClient;
  blobs: Blobs;
  /** Our public address, under which providers report: `https://…` without a slash at the end. */
  publicUrl: string;
}
interface Prepared {
  message: OutboundMessage;
  attemptId: string;
  attemptNumber: number;
  startedAt: string;
  /** Opened before the attempt is committed: an attempt stands as STARTED only when the provider may have been called. */
  account: ConnectedAccount;
  provider: Provider;
}

/**
 * Delivers one message, when its account's pace has room for it; safe to be called again at any point. While its account is DISABLED it stays QUEUED, without an attempt; one whose account
 * was disconnected is FAILED.
 */
export async function deliverMessage(context: DeliveryContext, job: DeliveryJob): Promise<void> {
  if (!(await mayGo(context.app, job))) return;
  const prepared = await inWorkspace(context.app, job.workspaceId, (tx) => begin(tx, context, job));
  if (!prepared) return;
  let result: SendResult;
  try {
    result = await prepared.provider.send!(prepared.message, prepared.account, context.http);
  } catch (error) {
    // A fault of ours in the adapter: the provider may have been called.
    result = { outcome: 'unknown', reason: error instanceof Error ? error.message : String(error) };
  }
  await inWorkspace(context.app, job.workspaceId, (tx) => finish(tx, job, prepared, result));
  if (result.outcome === 'failed' && result.retryable && result.retryAfterMs !== undefined) {
    const { retryAfterMs } = result;
    await inWorkspace(context.app, job.workspaceId, (tx) => pauseAccount(tx, job.workspaceId, prepared.account.id, retryAfterMs));
  }
}

/**
 * Locks a message whose send has no good answer, and says whether the provider is known to have it all the same: by the id that a report or an echo
 * gave it, or by the one echo since `startedAt` that can only be its, which it takes for its own. `startedAt` null: echoes aren't looked for.
 */
async function lockWithEcho(
  tx: Tx, workspaceId: string, messageId: string, accountId: string, startedAt: string | null,
): Promise<{ message: MessageRow; providerMessageId: string | null }> {
  const [place] = await tx<{ id: string; conversationId: string }[]>`select id, conversation_id from messages where workspace_id = ${workspaceId} and id = ${messageId}`;
  const echo = startedAt === null ? null : await likelyEcho(tx, workspaceId, messageId, startedAt);
  if (echo) {
    await lockProviderIds(tx, workspaceId, [{ accountId, providerMessageId: echo.providerMessageId }]);
    await lockConversations(tx, workspaceId, [place!.conversationId, echo.conversationId]);
  }
  const message = await lockMessage(tx, workspaceId, place!);
  const [known] = await tx<{ providerMessageId: string | null }[]>`select provider_message_id from messages where workspace_id = ${workspaceId} and id = ${messageId}`;
  if (known!.providerMessageId !== null || !echo) return { message, providerMessageId: known!.providerMessageId };
  await absorbEcho(tx, systemActor(workspaceId), place!, echo, { accountId, providerMessageId: echo.providerMessageId });
  return { message, providerMessageId: echo.providerMessageId };
}

interface OutboundRow {
  id: string;
  conversationId: string;
  accountId: string;
  deliveryState: string;
  channel: string;
  subject: string | null;
  text: string | null;
  autoGenerated: boolean;
  kind: string;
  value: string;
  displayName: string | null;
  groupId: string | null;
  /** The addresses of the others in the group, of the same kind. */
  alsoTo: string[];
  /** The provider's id of the message that its author quoted. */
  quoted: string | null;
  /** When he last wrote from this address to this account. */
  heardAt: string | null;
}

async function begin(tx: Tx, context: DeliveryContext, { workspaceId, messageId }: { workspaceId: string; messageId: string }): Promise<Prepared | null> {
  const [row] = await tx<OutboundRow[]>`
    select m.id, m.conversation_id, m.account_id, m.delivery_state, m.channel, m.subject, m.text, m.auto_generated, lower(i.kind) as kind, i.value, i.display_name, m.group_id,
      array(select o.value from identities o where o.workspace_id = m.workspace_id and o.id = any(m.other_identity_ids) and o.kind = i.kind order by o.value) as also_to,
      (select h.occurred_at from messages h where h.workspace_id = m.workspace_id and h.identity_id = m.identity_id and h.account_id = m.account_id and h.direction = 'INBOUND'
       order by h.occurred_at desc limit 1) as heard_at,
      (select q.provider_message_id from messages q where q.workspace_id = m.workspace_id and q.id = m.in_reply_to_message_id and q.account_id = m.account_id) as quoted
    from messages m join identities i on i.workspace_id = m.workspace_id and i.id = m.identity_id
    where m.workspace_id = ${workspaceId} and m.id = ${messageId} and m.direction = 'OUTBOUND'`;
  if (!row) return null;
  const lastAttempt = async () => (await tx<{ id: string; number: number; state: string; startedAt: string }[]>`
    select id, number, state, started_at from attempts where workspace_id = ${workspaceId} and message_id = ${messageId} order by number desc limit 1`)[0];
  const seen = await lastAttempt();
  const { message, providerMessageId } = await lockWithEcho(tx, workspaceId, messageId, row.accountId, seen?.state === 'STARTED' ? seen.startedAt : null);
  const last = await lastAttempt();
  if (last?.state === 'STARTED') {
    // The process that started it died before it wrote the answer down.
    if (providerMessageId !== null) {
      await tx`update attempts set state = 'ACCEPTED', finished_at = ${now()}, provider_message_id = ${providerMessageId} where workspace_id = ${workspaceId} and id = ${last.id}`;
      return null;
    }
    await tx`update attempts set state = 'UNCONFIRMED', finished_at = ${now()}, error_reason = 'The server stopped while the provider was being called.'
      where workspace_id = ${workspaceId} and id = ${last.id}`;
    await setDelivery(tx, systemActor(workspaceId), message, 'UNCONFIRMED', { errorCode: 'INTERRUPTED', reason: 'The server stopped while the provider was being called; whether it was sent is not known.' });
    return null;
  }
  if (message.deliveryState !== 'QUEUED') return null;
  const account = await accountById(tx, workspaceId, row.accountId);
  if (account.state === 'DISABLED') {
    await enqueue(tx, 'deliver_message', { workspaceId, messageId }, { jobKey: `deliver:${messageId}:disabled`, runAt: after(DISABLED_WAIT_MS) });
    return null;
  }
  if (account.state === 'DISCONNECTED') {
    await setDelivery(tx, systemActor(workspaceId), message, 'FAILED', { errorCode: 'ACCOUNT_DISCONNECTED', reason: 'The account that the message was to go out by was disconnected before it was sent.' });
    return null;
  }
  const provider = providerNamed(account.provider, account.channel.toLowerCase() as ChannelName);
  const { window } = provider.capabilities;
  const attemptId = newId();
  const attemptNumber = (last?.number ?? 0) + 1;
  const startedAt = now();
  await tx`insert into attempts ${tx({ workspaceId, id: attemptId, messageId, number: attemptNumber, state: 'STARTED', startedAt })}`;
  const [parts, media, templates, chain] = [
    await tx<{ text: string | null; html: string | null }[]>`
      select text, html from message_parts where workspace_id = ${workspaceId} and message_id = ${messageId} and kind = 'TEXT' order by version desc, ordinal limit 1`,
    await tx<{ id: string; sha256: string; mime: string | null; filename: string | null }[]>`
      select id, sha256, mime, filename from message_parts where workspace_id = ${workspaceId} and message_id = ${messageId} and kind = 'MEDIA' and media_state = 'STORED' order by version desc, ordinal`,
    await tx<{ data: NonNullable<OutboundMessage['template']> }[]>`
      select data from message_parts where workspace_id = ${workspaceId} and message_id = ${messageId} and kind = 'TEMPLATE' order by version desc, ordinal limit 1`,
    await tx<{ providerMessageId: string; direction: string }[]>`
      select provider_message_id, direction from messages
      where workspace_id = ${workspaceId} and conversation_id = ${row.conversationId} and account_id = ${row.accountId} and provider_message_id is not null
      order by occurred_at desc, tie desc, id desc limit 20`,
  ];
  return {
    attemptId, attemptNumber, startedAt, account, provider,
    message: {
      messageId, attemptId, to: { kind: row.kind as OutboundMessage['to']['kind'], value: row.value, displayName: row.displayName },
      ...(row.groupId === null ? {} : { alsoTo: row.alsoTo, groupId: row.groupId }),
      text: parts[0]?.text ?? row.text ?? '', html: parts[0]?.html ?? null, subject: row.subject,
      // A mail answers the latest one; elsewhere a message quotes another only when its author chose to.
      inReplyTo: row.channel === 'EMAIL' ? (chain.find((m) => m.direction === 'INBOUND')?.providerMessageId ?? null) : row.quoted, references: chain.map((m) => m.providerMessageId).reverse(),
      autoGenerated: row.autoGenerated, files: await Promise.all(media.map((file) => fileOf(context, workspaceId, file))), template: templates[0]?.data ?? null,
      humanAgent: window?.beyond?.how === 'HUMAN_AGENT' && (row.heardAt === null || after(-window.ms) >= row.heardAt),
      callbackUrl: `${context.publicUrl}/hooks/${account.provider}/${publicId('end', account.endpointId)}`,
    },
  };
}

async function fileOf({ blobs }: DeliveryContext, workspaceId: string, file: { id: string; sha256: string; mime: string | null; filename: string | null }): Promise<OutboundMessage['files'][number]> {
  const content = await blobs.get(workspaceId, file.sha256);
  if (!content) throw new Error(`The file ${file.sha256} of a message is gone.`);
  return { filename: file.filename ?? 'file', mime: file.mime ?? 'application/octet-stream', content, url: fileUrl('API', workspaceId, file.id) };
}

async function finish(tx: Tx, { workspaceId, messageId }: { workspaceId: string; messageId: string }, prepared: Prepared, result: SendResult): Promise<void> {
  const actor = systemActor(workspaceId);
  const accountId = prepared.account.id;
  const close = (state: string, o: { providerMessageId?: string; errorCode?: string; errorReason?: string; retryable?: boolean }) => tx`
    update attempts set state = ${state}, finished_at = ${now()}, provider_message_id = ${o.providerMessageId ?? null}, error_code = ${o.errorCode ?? null},
      error_reason = ${o.errorReason ?? null}, retryable = ${o.retryable ?? null}
    where workspace_id = ${workspaceId} and id = ${prepared.attemptId}`;

  if (result.outcome === 'accepted') {
    const { providerMessageId } = result;
    if (prepared.account.faultAt !== null) await setAccountFault(tx, actor, accountId, null);
    await lockProviderIds(tx, workspaceId, [{ accountId, providerMessageId }]);
    const [place] = await tx<{ id: string; conversationId: string }[]>`select id, conversation_id from messages where workspace_id = ${workspaceId} and id = ${messageId}`;
    const echo = await echoOf(tx, workspaceId, accountId, providerMessageId, messageId);
    const message = echo ? await absorbEcho(tx, actor, place!, echo, { accountId, providerMessageId }) : await lockMessage(tx, workspaceId, place!);
    await close('ACCEPTED', { providerMessageId });
    // A provider that gives one id to two messages doesn't make them one: the first keeps it.
    await tx`
      update messages set provider_message_id = ${providerMessageId}
      where workspace_id = ${workspaceId} and id = ${messageId} and provider_message_id is null
        and not exists (select from messages o where o.workspace_id = ${workspaceId} and o.account_id = ${accountId} and o.provider_message_id = ${providerMessageId})`;
    await putThreads(tx, workspaceId, accountId, message.conversationId, messageId, [
      { key: providerMessageId, kind: 'MESSAGE' },
      ...(result.furtherIds ?? []).map((key) => ({ key, kind: 'MESSAGE' as const })),
      ...(result.threadKeys ?? []).map((key) => ({ key, kind: 'STANDING' as const })),
    ]);
    await setDelivery(tx, actor, message, (result.state ?? 'sent').toUpperCase() as 'SENT');
    await applyParkedReports(tx, actor, message, accountId, providerMessageId);
    await becameKnown(tx, { workspaceId, accountId, providerMessageId, messageId });
    return;
  }
  const { message, providerMessageId } = await lockWithEcho(tx, workspaceId, messageId, accountId, result.outcome === 'unknown' ? prepared.startedAt : null);
  if (providerMessageId !== null) {
    // A report or an echo came meanwhile: whatever was answered, the provider has it.
    await close('ACCEPTED', { providerMessageId });
    return;
  }
  if (result.outcome === 'unknown') {
    await close('UNCONFIRMED', { errorReason: result.reason });
    await setDelivery(tx, actor, message, 'UNCONFIRMED', { errorCode: 'UNCONFIRMED', reason: 'The provider gave no answer; whether it was sent is not known.' });
    return;
  }
  if (prepared.provider.isAccountFault?.(result.errorCode)) await setAccountFault(tx, actor, accountId, result.reason);
  await close('FAILED', { errorCode: result.errorCode, errorReason: result.reason, retryable: result.retryable });
  if (!result.retryable || prepared.attemptNumber >= ATTEMPTS_MAX) {
    await setDelivery(tx, actor, message, 'FAILED', { errorCode: result.errorCode, reason: result.reason });
    return;
  }
  const delayMs = Math.max(result.retryAfterMs ?? 0, BACKOFF_BASE_MS * 2 ** (prepared.attemptNumber - 1) * (0.75 + Math.random() / 2));
  await enqueue(tx, 'deliver_message', { workspaceId, messageId }, { jobKey: `deliver:${messageId}:${prepared.attemptNumber}`, runAt: after(delayMs) });
}
