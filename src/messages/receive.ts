// One inbound message, from the address that sent it to its place in a conversation. Runs in the transaction that marks its delivery applied.
import { systemActor, type Actor } from '../access/viewer.ts';
import type { InboundEvent, ObservedAddress } from '../channels/channel.ts';
import { provenAnswer } from '../channels/email/reply-address.ts';
import { openConversation } from '../conversations/actions.ts';
import { decide, type Channel, type Continuity, type Decision, type Matter } from '../conversations/continuity.ts';
import { lockConversations, lockOwner, type ConversationRow } from '../conversations/rows.ts';
import { observe } from '../customers/actions.ts';
import { lockClaimed, recordClaim } from '../identities/claims.ts';
import { resolveIdentity } from '../identities/resolve.ts';
import { found, type Tx } from '../platform/db.ts';
import { keyedHash } from '../platform/secrets.ts';
import { lockMessage, setDelivery, type MessageRow } from './change.ts';
import { partRow, shownText } from './parts.ts';
import { applyParkedReports } from './reports.ts';
import { settle, settleByText } from './settle.ts';
import { storeMessage } from './store.ts';

export interface Arriving {
  workspaceId: string;
  accountId: string;
  channel: Channel;
  event: InboundEvent;
  receivedAt: string;
  historical: boolean;
  /** A reply token in the address proved which message is answered; else null. */
  repliesTo?: { conversationId: string; messageId: string | null } | null;
  /** Who wrote an outbound message of history; default: somebody outside of here. */
  author?: Actor;
}
export interface Received {
  identityId: string;
  conversationId: string;
  messageId: string | null;
  /** Nothing was stored: the message is here already. */
  state?: 'DUPLICATE';
}

/** Open matters that are looked at, the latest; more than one is rare (a merge, one channel each). */
const OPEN_MATTERS_MAX = 20;

/**
 * Who the sender of an event is: his identity, made when it is new; whatever else he only says of himself (`senders` after the first, and
 * `alsoClaimed`) becomes a claim.
 */
export async function resolveSender(tx: Tx, arriving: Arriving, alsoClaimed: readonly ObservedAddress[] = []): Promise<{ identityId: string; actor: Actor }> {
  const { workspaceId, event } = arriving;
  const [anchor, ...others] = event.senders;
  const isClaim = (address: ObservedAddress) => address.trust === 'claimed' && (address.kind === 'email' || address.kind === 'phone');
  const claims = [...others.filter(isClaim), ...alsoClaimed].map(({ kind, valueRaw }) => ({ kind, value: valueRaw }));
  await lockClaimed(tx, workspaceId, claims, event.senders);
  const system: Actor = { workspaceId, kind: 'SYSTEM', id: null };
  const { identityId } = await resolveIdentity(tx, {
    workspaceId, actor: system, addresses: anchor ? [anchor, ...others.filter((a) => !isClaim(a))] : [], accountId: arriving.accountId,
    at: arrivedAt(arriving), displayName: anchor?.displayName ?? null,
  });
  const actor: Actor = { workspaceId, kind: 'CUSTOMER', id: identityId };
  if (anchor?.displayName) {
    // A visitor is who his token says, and calls himself what he likes, unless his company's backend vouches for him.
    const vouched = anchor.kind === 'visitor' ? event.identityChange?.to != null && event.identityChange.to.trust !== 'claimed' : anchor.trust !== 'claimed';
    const source = vouched ? 'CHANNEL' : 'CLAIM';
    await observe(tx, actor, { identityId, key: 'name', value: anchor.displayName, source, observedAt: arrivedAt(arriving) });
  }
  for (const claim of claims) await recordClaim(tx, { workspaceId, actor, claimantIdentityId: identityId, ...claim });
  return { identityId, actor };
}

/** Receives one message: resolves its sender, opens or continues a conversation (and says why), stores it. */
export async function receiveMessage(tx: Tx, arriving: Arriving): Promise<Received> {
  const { event } = arriving;
  const message = event.message;
  if (!message) throw new Error(`An event of kind ${event.kind} holds no message.`);
  if (event.provider === 'api') {
    // A mail is known by more than its id (parse.ts); a program that names the id means that mail.
    const { known } = await knownByProviderId(tx, arriving);
    if (known) return { ...known, state: 'DUPLICATE' };
  }
  const { identityId, actor } = await resolveSender(tx, arriving);
  const at = arrivedAt(arriving);
  const answerKeys = [message.replyTo, ...(message.references ?? [])].filter((key): key is string => key !== null && key !== '');
  const repliesTo = event.channel === 'email' ? await provenReply(tx, arriving) : null;
  const { conversation, decision } = await enterConversation(tx, actor, { ...arriving, repliesTo }, {
    identityId, answerKeys, laneKey: hasLanes(event) ? message.threadKey : null, subject: message.subject,
  });
  const messageId = await storeMessage(tx, actor, conversation, {
    identityId, otherIdentityIds: [], accountId: arriving.accountId, channel: arriving.channel, direction: 'INBOUND', occurredAt: at,
    orderKey: event.dedupeKey, receivedAt: arriving.receivedAt, sentAt: message.sentAt ?? null, subject: message.subject,
    providerMessageId: message.providerMessageId, inReplyToMessageId: decision.joinMessageId, deliveryState: 'RECEIVED',
    senderTrust: event.senders[0]?.trust.toUpperCase() ?? 'CLAIMED', autoGenerated: message.autoGenerated !== null, historical: arriving.historical,
    clientId: null, seenUpTo: null, joinReason: decision.reason, joinMessageId: decision.joinMessageId, reopen: decision.action === 'REOPEN',
    parts: message.parts.map(partRow),
    threadKeys: [
      ...(message.providerMessageId ? [{ key: message.providerMessageId, kind: 'MESSAGE' as const }] : []),
      ...(message.threadKey && hasLanes(event) ? [{ key: message.threadKey, kind: 'STANDING' as const }] : []),
    ],
  });
  return { identityId, conversationId: conversation.id, messageId };
}

/** An e-mail's thread is what it answers, message by message; everything else, and what a program names a thread, is a lane. */
const hasLanes = (event: InboundEvent): boolean => event.channel !== 'email' || event.provider === 'api';

/** The message of ours that a mail proves to answer, by its signed reply address or Message-ID. */
async function provenReply(tx: Tx, { workspaceId, event }: Arriving): Promise<Arriving['repliesTo']> {
  const messageId = provenAnswer(keyedHash, workspaceId, event);
  if (messageId === null) return null;
  const [row] = await tx<{ conversationId: string }[]>`select conversation_id from messages where workspace_id = ${workspaceId} and id = ${messageId}`;
  return row ? { conversationId: row.conversationId, messageId } : null;
}

/**
 * A message that the team sent outside of here (the provider echoes it, or history is imported): it belongs to its recipient. One that we sent
 * ourselves is known by its provider's id, by our own reference, or, where its send got no answer, by what it says: it makes no second message.
 * One whose answer is still to come may be stored here; the answer takes it (`absorbEcho`). The caller holds the id's lock.
 */
export async function receiveEcho(tx: Tx, arriving: Arriving): Promise<Received> {
  const { workspaceId, accountId, event } = arriving;
  const message = event.message;
  if (!message) throw new Error(`An event of kind ${event.kind} holds no message.`);
  const { known, sentFromHere } = await knownByProviderId(tx, arriving);
  // What came in, or was sent elsewhere, under the id of this mail is another one: the same again has the same key, and ends before this.
  if (known && (event.provider !== 'mime' || sentFromHere)) return event.provider === 'api' ? { ...known, state: 'DUPLICATE' } : known;
  const id = known ? null : message.providerMessageId;
  const settled = id === null ? null : await settle(tx, workspaceId, accountId, id, message.reference ?? null);
  if (settled) return confirmed(tx, arriving, settled);
  const { identityId } = await resolveSender(tx, { ...arriving, event: { ...event, senders: event.recipients } });
  const parts = message.parts.map(partRow);
  const unanswered = id === null || event.provider === 'api' || arriving.historical ? null : await settleByText(tx, workspaceId, accountId, id, { identityId, text: shownText(parts) });
  if (unanswered) return confirmed(tx, arriving, unanswered);
  const actor: Actor = arriving.author ?? { workspaceId, kind: 'EXTERNAL', id: null };
  const answerKeys = [message.replyTo, ...(message.references ?? [])].filter((key): key is string => key !== null && key !== '');
  const { conversation, decision } = await enterConversation(tx, actor, arriving, { identityId, answerKeys, laneKey: hasLanes(event) ? message.threadKey : null, subject: message.subject });
  const at = arrivedAt(arriving);
  const messageId = await storeMessage(tx, actor, conversation, {
    identityId, otherIdentityIds: [], accountId, channel: arriving.channel, direction: 'OUTBOUND', occurredAt: at,
    orderKey: event.dedupeKey, receivedAt: arriving.receivedAt, sentAt: message.sentAt ?? null, subject: message.subject,
    providerMessageId: message.providerMessageId, inReplyToMessageId: decision.joinMessageId, deliveryState: 'SENT', senderTrust: null,
    autoGenerated: message.autoGenerated !== null, historical: arriving.historical, clientId: null, seenUpTo: null, joinReason: decision.reason,
    joinMessageId: decision.joinMessageId, reopen: false, parts,
    threadKeys: [
      ...(message.providerMessageId ? [{ key: message.providerMessageId, kind: 'MESSAGE' as const }] : []),
      ...(message.threadKey && hasLanes(event) ? [{ key: message.threadKey, kind: 'STANDING' as const }] : []),
    ],
  });
  if (id !== null) await applyParkedReports(tx, systemActor(workspaceId), await lockMessage(tx, workspaceId, { id: messageId, conversationId: conversation.id }), accountId, id);
  return { identityId, conversationId: conversation.id, messageId };
}

/** The echo is of a message that we sent and that had no answer: it was taken. */
async function confirmed(tx: Tx, { workspaceId, accountId, event }: Arriving, message: MessageRow): Promise<Received> {
  const actor = systemActor(workspaceId);
  await setDelivery(tx, actor, message, 'SENT');
  await applyParkedReports(tx, actor, message, accountId, event.message!.providerMessageId!);
  return { identityId: message.identityId, conversationId: message.conversationId, messageId: message.id };
}

async function knownByProviderId(tx: Tx, { workspaceId, accountId, event }: Arriving): Promise<{ known: Received | null; sentFromHere: boolean }> {
  const [row] = await tx<{ identityId: string; conversationId: string; messageId: string; sentFromHere: boolean }[]>`
    select identity_id, conversation_id, id as message_id, direction = 'OUTBOUND' and author_kind <> 'EXTERNAL' as sent_from_here from messages
    where workspace_id = ${workspaceId} and account_id = ${accountId} and provider_message_id = ${event.message!.providerMessageId}`;
  if (!row) return { known: null, sentFromHere: false };
  const { sentFromHere, ...known } = row;
  return { known, sentFromHere };
}

/**
 * The conversation that something inbound belongs to, locked: found or opened by continuity.ts under the customer's lock. Used for messages and
 * calls alike. @throws Refusal NOT_FOUND when the workspace is gone.
 */
export async function enterConversation(
  tx: Tx,
  actor: Actor,
  arriving: Arriving,
  o: { identityId: string; answerKeys: string[]; laneKey: string | null; subject: string | null },
): Promise<{ conversation: ConversationRow; decision: Decision }> {
  const { workspaceId, accountId } = arriving;
  const at = arrivedAt(arriving);
  const customerId = await lockOwner(tx, workspaceId, o.identityId);
  const [policy] = await tx<{ continuity: Continuity; reopenHours: number }[]>`select continuity, reopen_hours from workspaces where id = ${workspaceId}`;
  const threads = await tx<{ key: string; conversationId: string; messageId: string | null }[]>`
    select key, conversation_id, message_id from threads
    where workspace_id = ${workspaceId} and account_id = ${accountId} and key = any(${[...o.answerKeys, ...(o.laneKey ? [o.laneKey] : [])]}::text[])`;
  const byKey = new Map(threads.map((thread) => [thread.key, thread]));
  const answered = arriving.repliesTo ?? o.answerKeys.map((key) => byKey.get(key)).find((thread) => thread !== undefined) ?? null;
  const lane = o.laneKey ? (byKey.get(o.laneKey) ?? null) : null;
  const open = await tx<{ id: string }[]>`
    select c.id from (select distinct p.conversation_id from identities i
      join conversation_participants p on p.workspace_id = i.workspace_id and p.identity_id = i.id
      where i.workspace_id = ${workspaceId} and i.customer_id = ${customerId}) mine
    join conversations c on c.workspace_id = ${workspaceId} and c.id = mine.conversation_id
    where c.status <> 'CLOSED' order by c.last_activity_at desc, c.id desc limit ${OPEN_MATTERS_MAX}`;

  const locked = await lockConversations(tx, workspaceId, [...new Set([answered?.conversationId, lane?.conversationId, ...open.map((c) => c.id)].filter((id) => id !== undefined))]);
  const matter = (id: string | undefined): Matter | null => (id === undefined ? null : (locked.get(id) ?? null));
  const answeredMatter = matter(answered?.conversationId);
  const decision = decide(
    found(policy, 'workspace'),
    { channel: arriving.channel, at, historical: arriving.historical },
    {
      answered: answered && answeredMatter && {
        matter: answeredMatter, messageId: answered.messageId, token: arriving.repliesTo != null,
        trusted: arriving.repliesTo != null || (await takesPart(tx, workspaceId, answered.conversationId, customerId)),
      },
      lane: matter(lane?.conversationId),
      open: open.map((c) => matter(c.id)!).filter((m) => m.status !== 'CLOSED'),
    },
  );
  if (decision.action !== 'OPEN') return { conversation: locked.get(decision.conversationId)!, decision };
  const conversation = await openConversation(tx, actor, {
    identityId: o.identityId, channel: arriving.channel, subject: o.subject, at, relatedConversationId: decision.relatedConversationId,
    historical: arriving.historical, inbound: true,
  });
  return { conversation, decision };
}

/** The earlier of the provider's time and our receipt: a provider's clock can't put a message into the future. */
export function arrivedAt({ event, receivedAt }: Pick<Arriving, 'event' | 'receivedAt'>): string {
  return event.occurredAt !== null && event.occurredAt < receivedAt ? event.occurredAt : receivedAt;
}

/** A Message-ID can be guessed or leaked: only who takes part in a conversation joins it by naming one. */
async function takesPart(tx: Tx, workspaceId: string, conversationId: string, customerId: string): Promise<boolean> {
  const rows = await tx`
    select 1 from conversation_participants p join identities i on i.workspace_id = p.workspace_id and i.id = p.identity_id
    where p.workspace_id = ${workspaceId} and p.conversation_id = ${conversationId} and i.customer_id = ${customerId} limit 1`;
  return rows.length > 0;
}
