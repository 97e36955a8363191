// Messages that came in, each from the address that sent it to its place in a conversation; and those that the team sent outside of here. Runs in
// the transaction that marks their deliveries applied.
import { systemActor, type Actor } from '../access/viewer.ts';
import type { InboundEvent } from '../channels/channel.ts';
import { provenAnswer } from '../channels/email/reply-address.ts';
import type { Tx } from '../platform/db.ts';
import { keyedHash } from '../platform/secrets.ts';
import { arrivedAt, isMail, type Arriving, type Received } from './arriving.ts';
import { Matters, type Entrant } from './enter.ts';
import { lockMessage, setDelivery, type MessageRow } from './change.ts';
import { wantMedia } from './media.ts';
import { partRow, shownText } from './parts.ts';
import { referralRow } from './referrals.ts';
import { applyParkedReports, applyWatermarks } from './reports.ts';
import { resolveOthers, resolveSender, resolveSenders } from './senders.ts';
import { mayBeOurs, settle, settleByText } from './settle.ts';
import { storeMessage } from './store.ts';
import { MessageUnit, type ThreadKey } from './unit.ts';

/**
 * Receives messages in their order, with the same end as one after the other: resolves who they are from (or, of those that the team sent outside
 * of here, to), opens or continues conversations (and says why), stores them. One that the team sent and that is here already changes nothing.
 * Statements are the same few however many messages there are, but for what is said of people for the first time.
 */
export async function receiveMessages(tx: Tx, workspaceId: string, arrivings: readonly Arriving[]): Promise<Received[]> {
  const received: Received[] = [];
  while (received.length < arrivings.length) {
    const rest = arrivings.slice(received.length);
    const echo = rest.findIndex(isEcho);
    received.push(...(echo === 0 ? [await receiveEcho(tx, rest[0]!)] : await receiveFirst(tx, workspaceId, echo < 0 ? rest : rest.slice(0, echo))));
  }
  return received;
}

/** It may be of a message that we sent, and know by less than its provider's id. */
const isEcho = ({ workspaceId, event }: Arriving): boolean => {
  if (event.direction === 'inbound') return false;
  const { providerMessageId, reference } = messageOf(event);
  return event.provider !== 'api' || (providerMessageId !== null && mayBeOurs(workspaceId, providerMessageId, reference ?? null));
};

/**
 * A message that the team sent, as its provider tells it. One that we sent ourselves is known by its provider's id, by our own reference, or, where
 * its send got no answer, by what it says: it makes no second message. One whose answer is still to come may be stored here; the answer takes it
 * (`absorbEcho`). The caller holds the id's lock.
 */
async function receiveEcho(tx: Tx, arriving: Arriving): Promise<Received> {
  const { workspaceId, accountId, event } = arriving;
  const known = (await knownMessages(tx, workspaceId, [arriving])).get(placeOf(arriving));
  const id = known ? null : messageOf(event).providerMessageId;
  if (id !== null) {
    const ours = (await settle(tx, workspaceId, accountId, id, event.message!.reference ?? null)) ?? (await ofNoAnswer(tx, arriving, id));
    if (ours) return confirmed(tx, arriving, ours);
  }
  const [received] = await receiveFirst(tx, workspaceId, [arriving]);
  return received!;
}

/** Our message that it says the same as, when that one got no answer. */
async function ofNoAnswer(tx: Tx, arriving: Arriving, id: string): Promise<MessageRow | null> {
  const { workspaceId, accountId, event, historical } = arriving;
  if (event.provider === 'api' || historical) return null;
  const { identityId } = await resolveSender(tx, byCounterpart(arriving));
  return settleByText(tx, workspaceId, accountId, id, { identityId, text: shownText(event.message!.parts.map(partRow)) });
}

/** The echo is of a message that we sent and that had no answer: it was taken. */
async function confirmed(tx: Tx, { workspaceId, accountId, event }: Arriving, message: MessageRow): Promise<Received> {
  const actor = systemActor(workspaceId);
  await setDelivery(tx, actor, message, 'SENT');
  await applyParkedReports(tx, actor, message, accountId, event.message!.providerMessageId!);
  return { identityId: message.identityId, conversationId: message.conversationId, messageId: message.id };
}

/** As many of the first as can be received together. */
async function receiveFirst(tx: Tx, workspaceId: string, all: readonly Arriving[]): Promise<Received[]> {
  const known = await knownMessages(tx, workspaceId, all);
  const unknown = all.filter((arriving) => !settled(arriving, known.get(placeOf(arriving))));
  const resolved = await resolveSenders(tx, workspaceId, unknown.map(byCounterpart));
  const arrivings = resolved.length === unknown.length ? all : all.slice(0, all.indexOf(unknown[resolved.length]!));
  const fresh = unknown.slice(0, resolved.length);
  const others = await resolveOthers(tx, workspaceId, fresh);
  const senders = new Map(resolved.map((sender, i) => [fresh[i]!, sender]));
  const entrants = new Map<Arriving, Entrant>();
  for (const arriving of fresh) entrants.set(arriving, { ...entrantOf(arriving), identityId: senders.get(arriving)!.identityId, repliesTo: await provenReply(tx, arriving) });
  const matters = fresh.length === 0 ? null : await Matters.of(tx, workspaceId, [...entrants.values()]);
  const unit = new MessageUnit(tx, workspaceId);

  const received: Received[] = [];
  for (const arriving of arrivings) {
    const before = known.get(placeOf(arriving));
    const done = settled(arriving, before);
    if (done) {
      received.push(done);
      continue;
    }
    const { identityId, actor } = senders.get(arriving)!;
    const author = isInbound(arriving) ? actor : (arriving.author ?? external(workspaceId));
    const entrant = entrants.get(arriving)!;
    const { conversation, decision } = matters!.enter(unit, author, entrant);
    const { accountId, channel, event } = arriving;
    const message = event.message!;
    const threadKeys: ThreadKey[] = [
      ...(message.providerMessageId ? [{ key: message.providerMessageId, kind: 'MESSAGE' as const }] : []), ...matters!.standing(entrant).map((key) => ({ key, kind: 'STANDING' as const })),
    ];
    const messageId = await storeMessage(unit, author, conversation, {
      identityId, otherIdentityIds: (others.get(arriving) ?? []).filter((id) => id !== identityId), groupId: entrant.groupId, segments: message.segments ?? null, accountId, channel, direction: isInbound(arriving) ? 'INBOUND' : 'OUTBOUND', occurredAt: entrant.at, orderKey: event.dedupeKey,
      receivedAt: arriving.receivedAt, sentAt: message.sentAt ?? null, subject: message.subject, providerMessageId: before ? null : message.providerMessageId,
      inReplyToMessageId: decision.joinMessageId, quotesKey: decision.joinMessageId === null ? (entrant.answerKeys[0] ?? null) : null, deliveryState: isInbound(arriving) ? 'RECEIVED' : 'SENT',
      senderTrust: isInbound(arriving) ? (event.senders[0]?.trust.toUpperCase() ?? 'CLAIMED') : null, autoGenerated: message.autoGenerated !== null,
      historical: arriving.historical, clientId: null, seenUpTo: null, joinReason: decision.reason, joinMessageId: decision.joinMessageId,
      reopen: isInbound(arriving) && decision.action === 'REOPEN', parts: message.parts.map(partRow), threadKeys,
    });
    if (event.referral) unit.refer(referralRow(workspaceId, event.referral, { identityId, accountId, channel, messageId, at: entrant.at }));
    matters!.remember(accountId, conversation.id, messageId, threadKeys);
    const place = placeOf(arriving);
    if (place !== null && !before) known.set(place, { identityId, conversationId: conversation.id, messageId, sentFromHere: false });
    received.push({ identityId, conversationId: conversation.id, messageId });
  }
  await unit.write();
  for (const [i, { event }] of arrivings.entries()) {
    const { messageId } = received[i]!;
    if (messageId !== null && fresh.includes(arrivings[i]!)) await wantMedia(tx, workspaceId, messageId, messageOf(event).parts.map(partRow));
  }
  const sentElsewhere = arrivings.flatMap((arriving, i) => (isInbound(arriving) || !fresh.includes(arriving) ? [] : [received[i]!.messageId!]));
  if (sentElsewhere.length > 0) await applyWatermarks(tx, systemActor(workspaceId), sentElsewhere);
  await applyReports(tx, workspaceId, arrivings.flatMap((arriving, i) => {
    const id = messageOf(arriving.event).providerMessageId;
    return isInbound(arriving) || id === null || known.get(placeOf(arriving))?.messageId !== received[i]!.messageId ? [] : [{ ...received[i]!, accountId: arriving.accountId, providerMessageId: id }];
  }));
  return received;
}

/** What was reported of messages before they were here. */
async function applyReports(tx: Tx, workspaceId: string, stored: readonly { messageId: string | null; conversationId: string; accountId: string; providerMessageId: string }[]): Promise<void> {
  if (stored.length === 0) return;
  const reported = await tx<{ at: number }[]>`
    select s.at::int4 from unnest(${stored.map((s) => s.accountId)}::uuid[], ${stored.map((s) => s.providerMessageId)}::text[]) with ordinality as s (account_id, id, at)
    where exists (select from receipts r where r.workspace_id = ${workspaceId} and r.account_id = s.account_id and r.provider_message_id = s.id and r.message_id is null)`;
  for (const { at } of reported) {
    const { messageId, conversationId, accountId, providerMessageId } = stored[at - 1]!;
    await applyParkedReports(tx, systemActor(workspaceId), await lockMessage(tx, workspaceId, { id: messageId!, conversationId }), accountId, providerMessageId);
  }
}

const isInbound = ({ event }: Arriving): boolean => event.direction === 'inbound';
const external = (workspaceId: string): Actor => ({ workspaceId, kind: 'EXTERNAL', id: null });

/** A message that the team sent outside of here belongs to its recipient. */
const byCounterpart = (arriving: Arriving): Arriving => (isInbound(arriving) ? arriving : { ...arriving, event: { ...arriving.event, senders: arriving.event.recipients } });

function entrantOf(arriving: Arriving): Omit<Entrant, 'identityId' | 'repliesTo'> {
  const { event, accountId, channel, historical } = arriving;
  const message = messageOf(event);
  return {
    accountId, channel, historical, at: arrivedAt(arriving), laneKey: hasLanes(event) ? message.threadKey : null, subject: message.subject, groupId: message.groupId ?? null,
    answerKeys: [message.replyTo, ...(message.references ?? [])].filter((key): key is string => key !== null && key !== ''),
  };
}

function messageOf(event: InboundEvent): NonNullable<InboundEvent['message']> {
  if (!event.message) throw new Error(`An event of kind ${event.kind} holds no message.`);
  return event.message;
}

/** An e-mail's thread is what it answers, message by message; everything else, and what a program names a thread, is a lane. */
const hasLanes = (event: InboundEvent): boolean => !isMail(event);

/** The message of ours that a mail proves to answer, by its signed reply address or Message-ID. */
async function provenReply(tx: Tx, { workspaceId, event }: Arriving): Promise<Entrant['repliesTo']> {
  const messageId = event.channel === 'email' && event.direction === 'inbound' ? provenAnswer(keyedHash, workspaceId, event) : null;
  if (messageId === null) return null;
  const [row] = await tx<{ conversationId: string }[]>`select conversation_id from messages where workspace_id = ${workspaceId} and id = ${messageId}`;
  return row ? { conversationId: row.conversationId, messageId } : null;
}

interface Known {
  identityId: string;
  conversationId: string;
  messageId: string;
  /** We sent it ourselves. */
  sentFromHere: boolean;
}

/** The account and the provider's id: where a message can be known from. */
const placeOf = ({ accountId, event }: Arriving): string | null => {
  const id = messageOf(event).providerMessageId;
  return id === null ? null : `${accountId} ${id}`;
};

/** What became of a message that is here already: null when it is stored all the same, without its provider's id. */
function settled({ event }: Arriving, known: Known | undefined): Received | null {
  if (!known) return null;
  const { sentFromHere, ...received } = known;
  // A mail is known by more than its id (parse.ts); a program that names the id means that mail.
  if (event.direction === 'inbound') return event.provider === 'api' ? { ...received, state: 'DUPLICATE' } : null;
  // What came in, or was sent elsewhere, under the id of this mail is another one: the same again has the same key, and ends before this.
  return !isMail(event) || sentFromHere ? received : null;
}

async function knownMessages(tx: Tx, workspaceId: string, arrivings: readonly Arriving[]): Promise<Map<string | null, Known>> {
  const named = arrivings.filter((arriving) => placeOf(arriving) !== null);
  if (named.length === 0) return new Map();
  const rows = await tx<(Known & { accountId: string; providerMessageId: string })[]>`
    select m.account_id, m.provider_message_id, m.identity_id, m.conversation_id, m.id as message_id, m.direction = 'OUTBOUND' and m.author_kind <> 'EXTERNAL' as sent_from_here
    from (select distinct * from unnest(${named.map((a) => a.accountId)}::uuid[], ${named.map((a) => a.event.message!.providerMessageId!)}::text[]) as p (account_id, id)) p
    join messages m on m.workspace_id = ${workspaceId} and m.account_id = p.account_id and m.provider_message_id = p.id`;
  return new Map(rows.map(({ accountId, providerMessageId, ...known }) => [`${accountId} ${providerMessageId}`, known]));
}
