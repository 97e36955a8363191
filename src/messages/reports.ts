// What providers report of the messages that we sent.
import type { Actor } from '../access/viewer.ts';
import { lockOwner } from '../conversations/rows.ts';
import { now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { newId } from '../platform/ids.ts';
import { lockMessage, lockMessageByProviderId, setDelivery, type MessageRow } from './change.ts';
import { raisedUpTo, type DeliveryState } from './delivery.ts';
import { settle } from './settle.ts';

export interface Report {
  accountId: string;
  providerMessageId: string;
  state: DeliveryState;
  occurredAt: string | null;
  errorCode: string | null;
  reason: string | null;
  recipient: string | null;
  receivedAt: string;
}

/**
 * A provider's report of a message that we sent. Reports of a message that isn't known yet (they can come before the send call returns) are kept
 * and applied by `applyParkedReports`. `reference`: the attempt that the report brings back, where the provider carries a reference of ours.
 * The caller holds the id's lock (`lockProviderIds`). @returns the message's id; null when it isn't known.
 */
export async function receiveReport(tx: Tx, actor: Actor, report: Report, reference: string | null = null): Promise<string | null> {
  const { workspaceId } = actor;
  const message =
    (await lockMessageByProviderId(tx, workspaceId, report.accountId, report.providerMessageId)) ??
    (await settle(tx, workspaceId, report.accountId, report.providerMessageId, reference));
  await tx`insert into receipts ${tx({ ...report, workspaceId, id: newId(), messageId: message?.id ?? null, appliedAt: message ? now() : null })}`;
  if (message) await applyReport(tx, actor, message, report);
  return message?.id ?? null;
}

/** Applies what was reported before `providerMessageId` was known to be ours. The caller holds the message's lock. */
export async function applyParkedReports(tx: Tx, actor: Actor, message: MessageRow, accountId: string, providerMessageId: string): Promise<void> {
  const parked = await tx<Report[]>`
    update receipts set message_id = ${message.id}, applied_at = ${now()}
    where workspace_id = ${actor.workspaceId} and account_id = ${accountId} and provider_message_id = ${providerMessageId} and applied_at is null
    returning account_id, provider_message_id, state, occurred_at, error_code, reason, recipient, received_at`;
  for (const report of parked) await applyReport(tx, actor, message, report);
}

async function applyReport(tx: Tx, actor: Actor, message: MessageRow, report: Report): Promise<void> {
  await setDelivery(tx, actor, message, report.state, { errorCode: report.errorCode, reason: report.reason });
}

/**
 * "Seen up to here": every message that went to this address on the account, up to a message (by our id or its provider's) or a moment, whichever is
 * later, has at least `state`; also one that is heard of later (`applyWatermarks`). A channel that reports watermarks names no single messages.
 * Locks the customer.
 */
export async function reportUpTo(
  tx: Tx, actor: Actor, o: { accountId: string; identityId: string; messageId: string | null; providerMessageId?: string | null; watermark: string | null; state: DeliveryState },
): Promise<void> {
  const { workspaceId } = actor;
  const { accountId, identityId, state } = o;
  await lockOwner(tx, workspaceId, identityId);
  const [reached] = await tx<{ at: string | null }[]>`
    select greatest(${o.watermark}::timestamptz, (select u.occurred_at from messages u where u.workspace_id = ${workspaceId} and u.id = ${o.messageId}),
      (select u.occurred_at from messages u where u.workspace_id = ${workspaceId} and u.account_id = ${accountId} and u.provider_message_id = ${o.providerMessageId ?? null})) as at`;
  if (reached!.at === null) return;
  await tx`
    insert into watermarks ${tx({ workspaceId, accountId, identityId, state, reachedAt: reached!.at })}
    on conflict (workspace_id, account_id, identity_id, state) do update set reached_at = greatest(watermarks.reached_at, excluded.reached_at)`;
  const sent = await tx<{ id: string; conversationId: string }[]>`
    select id, conversation_id from messages m
    where workspace_id = ${workspaceId} and account_id = ${accountId} and identity_id = ${identityId} and direction = 'OUTBOUND'
      and delivery_state = any(${raisedUpTo(state)}::text[]) and occurred_at <= ${reached!.at}
    order by occurred_at desc, tie desc, id desc limit ${REPORTED_AT_ONCE_MAX}`;
  // Conversations are locked in the order of their ids.
  sent.sort((a, b) => (`${a.conversationId} ${a.id}` < `${b.conversationId} ${b.id}` ? -1 : 1));
  for (const found of sent) await setDelivery(tx, actor, await lockMessage(tx, workspaceId, found), state);
}

/** What was reported of everything up to a later moment than theirs, before these were here. Of messages that the team sent outside of here, just stored. */
export async function applyWatermarks(tx: Tx, actor: Actor, messageIds: readonly string[]): Promise<void> {
  const { workspaceId } = actor;
  const reached = await tx<{ id: string; conversationId: string; state: DeliveryState }[]>`
    select m.id, m.conversation_id, w.state from messages m
    join watermarks w on w.workspace_id = m.workspace_id and w.account_id = m.account_id and w.identity_id = m.identity_id and w.reached_at >= m.occurred_at
    where m.workspace_id = ${workspaceId} and m.id = any(${messageIds}::uuid[]) order by m.conversation_id, m.id`;
  for (const { state, ...place } of reached) await setDelivery(tx, actor, await lockMessage(tx, workspaceId, place), state);
}

/** Older ones were reported before. */
const REPORTED_AT_ONCE_MAX = 500;
