// An agent answers: one mutation for every channel. The message is on the timeline when it returns; the provider is called by a job (deliver.ts).
import type { Actor } from '../access/viewer.ts';
import { openConversation } from '../conversations/actions.ts';
import type { OutboundMessage } from '../channels/channel.ts';
import type { Channel, JoinReason } from '../conversations/continuity.ts';
import { lockConversation, lockOwner, type ConversationRow } from '../conversations/rows.ts';
import { decodeCursor } from '../events/log.ts';
import { now } from '../platform/clock.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { publicId } from '../platform/ids.ts';
import { enqueue } from '../platform/jobs.ts';
import { holdBlobs } from './files.ts';
import { outgoingParts } from './outgoing-content.ts';
import { shownText, textPart } from './parts.ts';
import { recipientOf, startingRecipient, type Recipient } from './recipient.ts';
import { storeMessage } from './store.ts';
import { MessageUnit } from './unit.ts';
import { uploadedBy } from './uploads.ts';

export interface Outgoing {
  text: string;
  html?: string | null;
  subject?: string | null;
  clientId?: string | null;
  /** What goes out in place of `text`, which then says what it reads like. */
  template?: OutboundMessage['template'];
  /** What `POST /uploads` answered, a text a file. */
  files?: readonly string[] | null;
  /** A message of the conversation that it quotes, where the channel can. */
  quotedMessageId?: string | null;
}

/**
 * Sends a reply in a conversation: by `channel`, or by the one that the customer wrote by last. `seenUpTo` is a cursor of the log: when a
 * colleague answered after it, nothing is sent. The same `clientId` of the same author gives the message that it made before.
 * @throws Refusal NOT_FOUND, COLLISION (`messageId` names the colleague's reply), NOT_REACHABLE, NOT_SENDABLE, INVALID_INPUT, INVALID_CURSOR
 */
export async function sendMessage(
  tx: Tx, actor: Actor, o: Outgoing & { conversationId: string; channel: Channel | null; seenUpTo?: string | null },
): Promise<{ messageId: string; conversationId: string }> {
  const { workspaceId } = actor;
  const [opener] = await tx<{ identityId: string }[]>`select identity_id from conversations where workspace_id = ${workspaceId} and id = ${o.conversationId}`;
  const customerId = await lockOwner(tx, workspaceId, found(opener, 'conversation').identityId);
  const conversation = await lockConversation(tx, workspaceId, o.conversationId);
  const repeated = await sentBefore(tx, actor, o);
  if (repeated) return repeated;
  const seenUpTo = o.seenUpTo == null ? null : await seenSeq(tx, workspaceId, conversation.id, decodeCursor(workspaceId, o.seenUpTo, 'seenUpTo'));
  if (seenUpTo !== null) await refuseCollision(tx, actor, conversation, seenUpTo);
  const recipient = await recipientOf(tx, workspaceId, conversation, customerId, o.channel, { actor, isTemplate: o.template != null });
  const messageId = await post(new MessageUnit(tx, workspaceId), actor, conversation, recipient, o, { seenUpTo, joinReason: 'SENT_BY_AGENT' });
  return { messageId, conversationId: conversation.id };
}

/**
 * Opens a conversation with a customer by writing to him first: always a new one, since who begins a matter says that it is one. His answer joins
 * it as the latest open matter. @throws Refusal NOT_FOUND, NOT_REACHABLE, NOT_SENDABLE, INVALID_INPUT
 */
export async function startConversation(
  tx: Tx, actor: Actor, o: Outgoing & { customerId: string; channel: Channel; accountId: string | null; identityId: string | null },
): Promise<{ messageId: string; conversationId: string }> {
  const { workspaceId } = actor;
  const [customer] = await tx<{ selfIdentityId: string }[]>`select self_identity_id from customers where workspace_id = ${workspaceId} and id = ${o.customerId}`;
  const customerId = await lockOwner(tx, workspaceId, found(customer, 'customer').selfIdentityId);
  const repeated = await sentBefore(tx, actor, o);
  if (repeated) return repeated;
  if (o.identityId !== null) {
    const [own] = await tx<{ kind: string }[]>`
      select kind from identities where workspace_id = ${workspaceId} and id = ${o.identityId} and customer_id = ${customerId} and valid_to is null`;
    found(own, 'present address of this customer');
  }
  const recipient = await startingRecipient(tx, workspaceId, customerId, o.channel, o, { actor, isTemplate: o.template != null });
  if (!recipient.provider.capabilities.canStart) {
    throw new Refusal('NOT_SENDABLE', `On ${o.channel} the customer writes first; a conversation cannot be started by the team.`, { field: ['channel'] });
  }
  const unit = new MessageUnit(tx, workspaceId);
  const conversation = openConversation(unit, actor, { identityId: recipient.identityId, channel: o.channel, subject: o.subject ?? null, at: now(), inbound: false });
  const messageId = await post(unit, actor, conversation, recipient, o, { seenUpTo: null, joinReason: 'SENT_BY_AGENT' });
  return { messageId, conversationId: conversation.id };
}

async function post(
  unit: MessageUnit, actor: Actor, conversation: ConversationRow, recipient: Recipient, o: Outgoing, how: { seenUpTo: number | null; joinReason: JoinReason },
): Promise<string> {
  const { tx } = unit;
  const { capabilities, send } = recipient.provider;
  const files = uploadedBy(actor.workspaceId, null, o.files ?? []);
  const parts = outgoingParts(recipient.channel, capabilities, { ...o, files });
  if (conversation.status === 'CLOSED') {
    throw new Refusal('INVALID_TRANSITION', 'The conversation is closed; open it (setConversationStatus) before answering in it.', { field: ['conversationId'] });
  }
  const at = now();
  const subject = o.subject ?? (capabilities.subject ? await replySubject(tx, actor.workspaceId, conversation.id) : null);
  const messageId = await storeMessage(unit, actor, conversation, {
    identityId: recipient.identityId, otherIdentityIds: recipient.otherIdentityIds, groupId: recipient.groupId, segments: null, accountId: recipient.accountId, channel: recipient.channel, direction: 'OUTBOUND',
    occurredAt: at, orderKey: null, receivedAt: at, sentAt: at, subject, providerMessageId: null, inReplyToMessageId: await quotedOf(tx, actor.workspaceId, conversation.id, o.quotedMessageId), quotesKey: null,
    // A channel of our own (live chat) is delivered by the log itself: there is no provider to wait for.
    deliveryState: send ? 'QUEUED' : 'SENT',
    senderTrust: null, autoGenerated: false, historical: false, clientId: o.clientId ?? null, seenUpTo: how.seenUpTo, joinReason: how.joinReason,
    joinMessageId: null, reopen: false, parts, threadKeys: [],
  });
  await unit.write();
  if (files.length > 0) await holdBlobs(tx, actor.workspaceId, files.map(({ sha256 }) => sha256));
  if (send) await enqueue(tx, 'deliver_message', { workspaceId: actor.workspaceId, messageId }, { jobKey: `deliver:${messageId}` });
  return messageId;
}

async function quotedOf(tx: Tx, workspaceId: string, conversationId: string, messageId: string | null | undefined): Promise<string | null> {
  if (messageId == null) return null;
  const [row] = await tx`select 1 from messages where workspace_id = ${workspaceId} and conversation_id = ${conversationId} and id = ${messageId}`;
  if (!row) throw new Refusal('NOT_FOUND', 'This conversation has no such message to quote.', { field: ['quotedMessageId'] });
  return messageId;
}

/** `Re:` and the latest subject of the conversation; null when none of its messages has one. */
async function replySubject(tx: Tx, workspaceId: string, conversationId: string): Promise<string | null> {
  const [last] = await tx<{ subject: string }[]>`
    select subject from messages where workspace_id = ${workspaceId} and conversation_id = ${conversationId} and subject is not null
    order by occurred_at desc, tie desc, id desc limit 1`;
  if (!last) return null;
  return /^re:/i.test(last.subject) ? last.subject : `Re: ${last.subject}`;
}

async function sentBefore(tx: Tx, actor: Actor, { clientId, text }: Outgoing): Promise<{ messageId: string; conversationId: string } | null> {
  if (clientId == null) return null;
  if (clientId === '' || clientId.length > 200) throw new Refusal('INVALID_INPUT', '`clientId` has 1 to 200 characters.', { field: ['clientId'] });
  const [row] = await tx<{ messageId: string; conversationId: string; text: string | null }[]>`
    select id as message_id, conversation_id, text from messages
    where workspace_id = ${actor.workspaceId} and author_kind = ${actor.kind} and author_id is not distinct from ${actor.id} and client_id = ${clientId}`;
  if (!row) return null;
  if (row.text !== shownText([textPart(text)])) throw new Refusal('IDEMPOTENCY_MISMATCH', 'A message with this `clientId` was sent with another text; make a new id for a new message.', { field: ['clientId'] });
  return { messageId: row.messageId, conversationId: row.conversationId };
}

/** The cursor as a number of this conversation's events: the highest at or before it. */
async function seenSeq(tx: Tx, workspaceId: string, conversationId: string, position: number): Promise<number> {
  const [row] = await tx<{ seq: number | null }[]>`
    select max(conversation_seq)::int8 as seq from events
    where workspace_id = ${workspaceId} and conversation_id = ${conversationId} and position <= ${position}`;
  return row?.seq ?? 0;
}

/** Under the conversation's lock: a colleague's reply after `seen`, whether it has a position in the log yet or not. */
async function refuseCollision(tx: Tx, actor: Actor, conversation: ConversationRow, seen: number): Promise<void> {
  const [reply] = await tx<{ messageId: string }[]>`
    select data ->> 'messageId' as message_id from (
      select conversation_seq, data, actor_kind, actor_id from events
      where workspace_id = ${actor.workspaceId} and conversation_id = ${conversation.id} and conversation_seq > ${seen} and kind = 'message.sent'
      union all
      select conversation_seq, data, actor_kind, actor_id from event_outbox
      where workspace_id = ${actor.workspaceId} and conversation_id = ${conversation.id} and conversation_seq > ${seen} and kind = 'message.sent'
    ) sent
    where (actor_kind, actor_id) is distinct from (${actor.kind}, ${actor.id}::uuid)
    order by conversation_seq limit 1`;
  if (reply) {
    throw new Refusal('COLLISION', 'A colleague answered after what you have seen; read that reply, then decide.', {
      field: ['seenUpTo'], messageId: publicId('msg', reply.messageId),
    });
  }
}
