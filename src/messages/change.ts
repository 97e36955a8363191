// What happens to a message after it was received: its sender edits, deletes or reacts; providers report its delivery.
import type { Actor } from '../access/viewer.ts';
import { appendEvents } from '../events/append.ts';
import { now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { newId } from '../platform/ids.ts';
import { foldDelivery, raisedUpTo, type DeliveryState } from './delivery.ts';
import { shownText, type PartRow } from './parts.ts';
import { putThreads, storeParts } from './unit.ts';

interface MessageRow {
  id: string;
  conversationId: string;
  version: number;
  deliveryState: DeliveryState;
  identityId: string;
  deletedAt: string | null;
}

/** Locks the message that a provider's id names, after its conversation; null when it isn't known (yet). */
export async function lockMessageByProviderId(tx: Tx, workspaceId: string, accountId: string, providerMessageId: string): Promise<MessageRow | null> {
  const [found] = await tx<{ id: string; conversationId: string }[]>`
    select id, conversation_id from messages where workspace_id = ${workspaceId} and account_id = ${accountId} and provider_message_id = ${providerMessageId}`;
  return found ? lockMessage(tx, workspaceId, found) : null;
}

export async function lockMessage(tx: Tx, workspaceId: string, message: { id: string; conversationId: string }): Promise<MessageRow> {
  await tx`select 1 from conversations where workspace_id = ${workspaceId} and id = ${message.conversationId} for update`;
  const [row] = await tx<MessageRow[]>`
    select id, conversation_id, version, delivery_state, identity_id, deleted_at from messages where workspace_id = ${workspaceId} and id = ${message.id} for update`;
  return row!;
}

/** A new version of the message's parts; the old ones stay. Of a deleted message nothing is shown again, whichever came first. Emits `message.updated`. */
export async function editMessage(tx: Tx, actor: Actor, message: MessageRow, parts: PartRow[], at: string): Promise<void> {
  const version = message.version + 1;
  await storeParts(tx, actor.workspaceId, message.id, version, parts);
  await tx`
    update messages set version = ${version}, text = ${message.deletedAt === null ? shownText(parts) : null}, edited_at = ${at}
    where workspace_id = ${actor.workspaceId} and id = ${message.id}`;
  await appendEvents(tx, actor.workspaceId, [{ kind: 'message.updated', actor, conversationId: message.conversationId, data: { messageId: message.id, change: 'edited', version } }]);
}

/** The sender took it back: the row stays, with its time of deletion; its text is no longer shown. Emits `message.deleted` once. */
export async function deleteMessage(tx: Tx, actor: Actor, message: MessageRow, at: string): Promise<void> {
  const [changed] = await tx`
    update messages set deleted_at = ${at}, text = null, version = version + 1
    where workspace_id = ${actor.workspaceId} and id = ${message.id} and deleted_at is null returning 1`;
  if (changed) await appendEvents(tx, actor.workspaceId, [{ kind: 'message.deleted', actor, conversationId: message.conversationId, data: { messageId: message.id } }]);
}

export interface Report {
  accountId: string;
  providerMessageId: string;
  state: DeliveryState;
  occurredAt: string | null;
  errorCode: string | null;
  reason: string | null;
  recipient: string | null;
}

/**
 * The message of an attempt that got no answer, when a report brings the attempt's id back: the provider's id is then known, and the message is
 * no longer unconfirmed. Null when the attempt isn't of this account, or its message has an id already.
 */
async function settleAttempt(tx: Tx, workspaceId: string, accountId: string, attemptId: string, providerMessageId: string): Promise<MessageRow | null> {
  const [attempt] = await tx<{ id: string; conversationId: string }[]>`
    select m.id, m.conversation_id from attempts a join messages m on m.workspace_id = a.workspace_id and m.id = a.message_id
    where a.workspace_id = ${workspaceId} and a.id = ${attemptId} and m.account_id = ${accountId} and m.provider_message_id is null`;
  if (!attempt) return null;
  const message = await lockMessage(tx, workspaceId, attempt);
  const [settled] = await tx`
    update messages set provider_message_id = ${providerMessageId} where workspace_id = ${workspaceId} and id = ${message.id} and provider_message_id is null returning 1`;
  if (!settled) return null;
  await tx`
    update attempts set provider_message_id = ${providerMessageId}, state = case when state = 'UNCONFIRMED' then 'ACCEPTED' else state end
    where workspace_id = ${workspaceId} and id = ${attemptId}`;
  await putThreads(tx, workspaceId, accountId, message.conversationId, message.id, [{ key: providerMessageId, kind: 'MESSAGE' }]);
  return message;
}

/**
 * A provider's report of a message that we sent. Reports of a message that isn't known yet (they can come before the send call returns) are kept
 * and applied by `applyParkedReports`. `attemptId`: the attempt that the report brings back, where the provider carries a reference of ours.
 */
export async function receiveReport(tx: Tx, actor: Actor, report: Report, attemptId: string | null = null): Promise<string | null> {
  const { workspaceId } = actor;
  const message =
    (await lockMessageByProviderId(tx, workspaceId, report.accountId, report.providerMessageId)) ??
    (attemptId === null ? null : await settleAttempt(tx, workspaceId, report.accountId, attemptId, report.providerMessageId));
  const at = now();
  await tx`insert into receipts ${tx({ ...report, workspaceId, id: newId(), messageId: message?.id ?? null, receivedAt: at, appliedAt: message ? at : null })}`;
  if (message) await applyReport(tx, actor, message, report);
  return message?.id ?? null;
}

/** Applies what was reported before `providerMessageId` was known to be ours. The caller holds the message's lock. */
export async function applyParkedReports(tx: Tx, actor: Actor, message: MessageRow, accountId: string, providerMessageId: string): Promise<void> {
  const parked = await tx<Report[]>`
    update receipts set message_id = ${message.id}, applied_at = ${now()}
    where workspace_id = ${actor.workspaceId} and account_id = ${accountId} and provider_message_id = ${providerMessageId} and applied_at is null
    returning account_id, provider_message_id, state, occurred_at, error_code, reason, recipient`;
  for (const report of parked) await applyReport(tx, actor, message, report);
}

async function applyReport(tx: Tx, actor: Actor, message: MessageRow, report: Report): Promise<void> {
  await setDelivery(tx, actor, message, report.state, { errorCode: report.errorCode, reason: report.reason });
}

/** Folds a state into the message's. Emits `message.updated` when it changed. The caller holds the message's lock. */
export async function setDelivery(
  tx: Tx, actor: Actor, message: MessageRow, reported: DeliveryState, error: { errorCode: string | null; reason: string | null } = { errorCode: null, reason: null },
): Promise<void> {
  const state = foldDelivery(message.deliveryState, reported);
  if (state === message.deliveryState) return;
  const failed = state === 'FAILED' || state === 'UNCONFIRMED';
  await tx`
    update messages set delivery_state = ${state}, error_code = ${failed ? error.errorCode : null}, error_reason = ${failed ? error.reason : null}
    where workspace_id = ${actor.workspaceId} and id = ${message.id}`;
  message.deliveryState = state;
  await appendEvents(tx, actor.workspaceId, [{
    kind: 'message.updated', actor, conversationId: message.conversationId, data: { messageId: message.id, change: 'delivery', deliveryState: state },
  }]);
}

/**
 * "Seen up to here": every message that went to this address on the account, up to one message or moment, has at least `state`. A channel that
 * reports watermarks names no single messages.
 */
export async function reportUpTo(
  tx: Tx, actor: Actor, o: { accountId: string; identityId: string; messageId: string | null; watermark: string | null; state: DeliveryState },
): Promise<void> {
  const { workspaceId } = actor;
  const sent = await tx<{ id: string; conversationId: string }[]>`
    select id, conversation_id from messages m
    where workspace_id = ${workspaceId} and account_id = ${o.accountId} and identity_id = ${o.identityId} and direction = 'OUTBOUND'
      and delivery_state = any(${raisedUpTo(o.state)}::text[])
      and occurred_at <= coalesce(${o.watermark}, (select u.occurred_at from messages u where u.workspace_id = ${workspaceId} and u.id = ${o.messageId}))
    order by occurred_at desc, tie desc, id desc limit ${REPORTED_AT_ONCE_MAX}`;
  // Conversations are locked in the order of their ids.
  sent.sort((a, b) => (`${a.conversationId} ${a.id}` < `${b.conversationId} ${b.id}` ? -1 : 1));
  for (const found of sent) await setDelivery(tx, actor, await lockMessage(tx, workspaceId, found), o.state);
}

/** Older ones were reported before. */
const REPORTED_AT_ONCE_MAX = 500;
