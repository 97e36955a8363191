// What happens to a message after it is there: its sender edits it or takes it back, its delivery goes on.
import type { Actor } from '../access/viewer.ts';
import { appendEvents } from '../events/append.ts';
import type { Tx } from '../platform/db.ts';
import { foldDelivery, type DeliveryState } from './delivery.ts';
import { shownText, type PartRow } from './parts.ts';
import { storeParts } from './unit.ts';

export interface MessageRow {
  id: string;
  conversationId: string;
  version: number;
  deliveryState: DeliveryState;
  identityId: string;
  deletedAt: string | null;
}

/** Locks the message that a provider's id names, after its conversation; null when it isn't known (yet). */
export async function lockMessageByProviderId(tx: Tx, workspaceId: string, accountId: string, providerMessageId: string): Promise<MessageRow | null> {
  const found = await messageOfProviderId(tx, workspaceId, accountId, providerMessageId);
  return found ? lockMessage(tx, workspaceId, found) : null;
}

/**
 * The message that a provider's id names: its own, or that of one of the messages that the provider made of it (a text and its files apart), which are
 * among its thread's keys. Null when none is known.
 */
export async function messageOfProviderId(tx: Tx, workspaceId: string, accountId: string, providerMessageId: string): Promise<{ id: string; conversationId: string } | null> {
  const [found] = await tx<{ id: string; conversationId: string }[]>`
    select id, conversation_id from messages where workspace_id = ${workspaceId} and account_id = ${accountId} and provider_message_id = ${providerMessageId}
    union all
    select m.id, m.conversation_id from threads t join messages m on m.workspace_id = t.workspace_id and m.id = t.message_id
    where t.workspace_id = ${workspaceId} and t.account_id = ${accountId} and t.key = ${providerMessageId} and t.kind = 'MESSAGE' and m.direction = 'OUTBOUND'
    limit 1`;
  return found ?? null;
}

/** Locks the conversation, then the message. @throws 40001 (retried by `inWorkspace`) when the message was moved to another one meanwhile. */
export async function lockMessage(tx: Tx, workspaceId: string, message: { id: string; conversationId: string }): Promise<MessageRow> {
  await tx`select 1 from conversations where workspace_id = ${workspaceId} and id = ${message.conversationId} for update`;
  const [row] = await tx<MessageRow[]>`
    select id, conversation_id, version, delivery_state, identity_id, deleted_at from messages where workspace_id = ${workspaceId} and id = ${message.id} for update`;
  if (row!.conversationId !== message.conversationId) throw movedMeanwhile();
  return row!;
}

/** The message was brought to another conversation than the one that was locked for it: the transaction is made again. */
export const movedMeanwhile = (): Error => Object.assign(new Error('The message was moved to another conversation meanwhile.'), { code: '40001' });

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
