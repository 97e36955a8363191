// A message that was handed to its provider, and what comes back of it in other ways than by the answer: a report or an echo. What is the same
// message ends as one.
import type { Actor } from '../access/viewer.ts';
import { ourMessage } from '../channels/email/reply-address.ts';
import { recountArrivals } from '../conversations/arrivals.ts';
import { setConversationStatus } from '../conversations/actions.ts';
import { lockConversations } from '../conversations/rows.ts';
import { Unit } from '../conversations/unit.ts';
import { appendEvents } from '../events/append.ts';
import { dropTimelineEntries } from '../events/timeline.ts';
import type { Tx } from '../platform/db.ts';
import { keyedHash } from '../platform/secrets.ts';
import { lockMessage, movedMeanwhile, setDelivery, type MessageRow } from './change.ts';
import type { DeliveryState } from './delivery.ts';
import { becameKnown } from './provider-ids.ts';
import { putThreads } from './unit.ts';

interface Place {
  id: string;
  conversationId: string;
}

/**
 * Our message that the provider speaks of by an id which nobody has yet: by the attempt's id that it brings back, or by our own signed Message-ID.
 * It has that id from now on, and is no longer unconfirmed. Null when there is none. The caller holds the id's lock (`lockProviderIds`).
 */
export async function settle(tx: Tx, workspaceId: string, accountId: string, providerMessageId: string, reference: string | null): Promise<MessageRow | null> {
  const place = await pending(tx, workspaceId, accountId, providerMessageId, reference);
  return place && give(tx, workspaceId, accountId, providerMessageId, place, uuidIn(reference));
}

/** Whether `settle` would find a message. */
export const canSettle = async (tx: Tx, workspaceId: string, accountId: string, providerMessageId: string, reference: string | null): Promise<boolean> =>
  (await pending(tx, workspaceId, accountId, providerMessageId, reference)) !== null;

/** Whether the id or the reference could be of something that we sent: made by us. Asks nobody. */
export const mayBeOurs = (workspaceId: string, providerMessageId: string, reference: string | null): boolean =>
  ourMessage(keyedHash, workspaceId, providerMessageId) !== null || uuidIn(reference) !== null;

async function pending(tx: Tx, workspaceId: string, accountId: string, providerMessageId: string, reference: string | null): Promise<Place | null> {
  const ours = ourMessage(keyedHash, workspaceId, providerMessageId);
  const attemptId = uuidIn(reference);
  if (ours === null && attemptId === null) return null;
  const [place] = await tx<Place[]>`
    select m.id, m.conversation_id from messages m
    where m.workspace_id = ${workspaceId} and m.account_id = ${accountId} and m.provider_message_id is null and m.direction = 'OUTBOUND'
      and m.id = coalesce((select a.message_id from attempts a where a.workspace_id = ${workspaceId} and a.id = ${attemptId}), ${ours})
      and exists (select from attempts a where a.workspace_id = ${workspaceId} and a.message_id = m.id)`;
  return place ?? null;
}

/** A reference comes from outside: whatever stands there. */
const uuidIn = (reference: string | null): string | null => (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(reference ?? '') ? reference : null);

/**
 * An echo without a reference of ours, while one message to that address, with that text, has no answer and will get none: it is that one. Where
 * several could be meant none is. One whose answer is still to come is left to it. Null when there is none.
 */
export async function settleByText(tx: Tx, workspaceId: string, accountId: string, providerMessageId: string, o: { identityId: string; text: string | null }): Promise<MessageRow | null> {
  const places = await tx<Place[]>`
    select id, conversation_id from messages
    where workspace_id = ${workspaceId} and identity_id = ${o.identityId} and account_id = ${accountId} and direction = 'OUTBOUND' and delivery_state = 'UNCONFIRMED'
      and provider_message_id is null and text = ${o.text} limit 2`;
  return places.length === 1 ? give(tx, workspaceId, accountId, providerMessageId, places[0]!, null) : null;
}

async function give(tx: Tx, workspaceId: string, accountId: string, providerMessageId: string, place: Place, attemptId: string | null): Promise<MessageRow | null> {
  const message = await lockMessage(tx, workspaceId, place);
  const [settled] = await tx`
    update messages set provider_message_id = ${providerMessageId} where workspace_id = ${workspaceId} and id = ${message.id} and provider_message_id is null returning 1`;
  if (!settled) return null;
  // Without a reference it may be of any attempt; all are of one message, and the last is the likeliest.
  await tx`
    update attempts set provider_message_id = ${providerMessageId}, state = case when state = 'UNCONFIRMED' then 'ACCEPTED' else state end
    where workspace_id = ${workspaceId} and message_id = ${message.id}
      and id = coalesce(${attemptId}::uuid, (select l.id from attempts l where l.workspace_id = ${workspaceId} and l.message_id = ${message.id} order by l.number desc limit 1))`;
  await putThreads(tx, workspaceId, accountId, message.conversationId, message.id, [{ key: providerMessageId, kind: 'MESSAGE' }]);
  await becameKnown(tx, { workspaceId, accountId, providerMessageId, messageId: message.id });
  return message;
}

/** The message that has the provider's id already and isn't this one: its echo, stored before the answer to the send. Null when there is none. */
export async function echoOf(tx: Tx, workspaceId: string, accountId: string, providerMessageId: string, messageId: string): Promise<Place | null> {
  const [echo] = await tx<Place[]>`
    select id, conversation_id from messages e
    where workspace_id = ${workspaceId} and account_id = ${accountId} and provider_message_id = ${providerMessageId} and id <> ${messageId} and direction = 'OUTBOUND'
      and not exists (select from attempts a where a.workspace_id = e.workspace_id and a.message_id = e.id)`;
  return echo ?? null;
}

/** The one echo since `since` that says the same to the same address, when no answer will say which it is; null when there is none or several. */
export async function likelyEcho(tx: Tx, workspaceId: string, messageId: string, since: string): Promise<(Place & { providerMessageId: string }) | null> {
  const echoes = await tx<(Place & { providerMessageId: string })[]>`
    select e.id, e.conversation_id, e.provider_message_id from messages m
    join messages e on e.workspace_id = m.workspace_id and e.identity_id = m.identity_id and e.account_id = m.account_id and e.text = m.text and e.id <> m.id
    where m.workspace_id = ${workspaceId} and m.id = ${messageId} and m.provider_message_id is null
      and e.direction = 'OUTBOUND' and e.author_kind = 'EXTERNAL' and not e.historical and e.provider_message_id is not null and e.received_at >= ${since} limit 2`;
  return echoes.length === 1 ? echoes[0]! : null;
}

/**
 * Makes one of a message of ours and its echo: what the echo had (the provider's id, reports, what answers it) is the message's, and the echo leaves
 * its conversation and the timeline. A conversation that the echo opened for itself is closed. Locks both conversations in id order, then the
 * message. Emits `message.deleted` for the echo and what the reports make of the message. The caller holds the id's lock.
 */
export async function absorbEcho(tx: Tx, actor: Actor, place: Place, echo: Place, o: { accountId: string; providerMessageId: string }): Promise<MessageRow> {
  const { workspaceId } = actor;
  const conversations = await lockConversations(tx, workspaceId, [...new Set([place.conversationId, echo.conversationId])]);
  const message = await lockMessage(tx, workspaceId, place);
  const [gone] = await tx<{ conversationId: string; deliveryState: DeliveryState; errorCode: string | null; errorReason: string | null }[]>`
    select conversation_id, delivery_state, error_code, error_reason from messages where workspace_id = ${workspaceId} and id = ${echo.id} for update`;
  if (!gone) return message;
  if (gone.conversationId !== echo.conversationId) throw movedMeanwhile();
  await tx`update receipts set message_id = ${message.id} where workspace_id = ${workspaceId} and message_id = ${echo.id}`;
  await tx`update threads set message_id = ${message.id}, conversation_id = ${message.conversationId} where workspace_id = ${workspaceId} and account_id = ${o.accountId} and message_id = ${echo.id}`;
  await tx`
    update messages set in_reply_to_message_id = case in_reply_to_message_id when ${echo.id} then ${message.id} else in_reply_to_message_id end,
      join_message_id = case join_message_id when ${echo.id} then ${message.id} else join_message_id end
    where workspace_id = ${workspaceId} and conversation_id = any(${[...conversations.keys()]}::uuid[]) and ${echo.id} in (in_reply_to_message_id, join_message_id)`;
  await tx`delete from message_parts where workspace_id = ${workspaceId} and message_id = ${echo.id}`;
  await tx`delete from messages where workspace_id = ${workspaceId} and id = ${echo.id}`;
  await dropTimelineEntries(tx, workspaceId, 'MESSAGE', echo.id);
  await tx`update messages set provider_message_id = ${o.providerMessageId} where workspace_id = ${workspaceId} and id = ${message.id}`;
  const left = conversations.get(echo.conversationId)!;
  left.messageCount -= 1;
  await recountArrivals(tx, workspaceId, left);
  const unit = new Unit(tx, workspaceId);
  unit.change(left);
  await unit.write();
  await appendEvents(tx, workspaceId, [{ kind: 'message.deleted', actor, conversationId: left.id, data: { messageId: echo.id } }]);
  if (left.status !== 'CLOSED' && left.channels.length === 0) await setConversationStatus(tx, actor, { conversationId: left.id, status: 'CLOSED', snoozedUntil: null });
  await setDelivery(tx, actor, message, gone.deliveryState, { errorCode: gone.errorCode, reason: gone.errorReason });
  await becameKnown(tx, { workspaceId, accountId: o.accountId, providerMessageId: o.providerMessageId, messageId: message.id, replacedMessageId: echo.id });
  return message;
}
