// The doors' other side, second half: one event takes its effect, once. By kind; what has none here is kept and listed as IGNORED.
import type { INBOUND_STATES } from '../../schema/inbound.ts';
import { systemActor } from '../access/viewer.ts';
import { applyCall, callKey, isPart, knowsCall } from '../calls/apply.ts';
import { noteNotice } from '../channels/accounts.ts';
import type { InboundEvent } from '../channels/channel.ts';
import { observe } from '../customers/actions.ts';
import { replaceAddress } from '../identities/replacing.ts';
import { deleteMessage, editMessage, lockMessageByProviderId, messageOfProviderId } from '../messages/change.ts';
import type { DeliveryState } from '../messages/delivery.ts';
import { wantMedia } from '../messages/media.ts';
import { partRow } from '../messages/parts.ts';
import { lockProviderIds, whenKnown } from '../messages/provider-ids.ts';
import { arrivedAt, type Arriving, type Received } from '../messages/arriving.ts';
import { receiveReferral } from '../messages/referrals.ts';
import { receiveMessages } from '../messages/receive.ts';
import { react } from '../messages/reactions.ts';
import { resolveSender } from '../messages/senders.ts';
import { receiveReport, reportUpTo } from '../messages/reports.ts';
import { canSettle } from '../messages/settle.ts';
import { now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { uuidOf } from '../platform/ids.ts';
import { keyedHash } from '../platform/secrets.ts';
import { ingestedBefore } from './ingested.ts';

export interface Applied {
  state: Extract<(typeof INBOUND_STATES)[number], 'APPLIED' | 'DUPLICATE' | 'IGNORED' | 'WAITING'>;
  identityId: string | null;
  messageId: string | null;
  conversationId: string | null;
  /** Of one that is WAITING: the provider's id of the call or message that it speaks of. */
  waitsFor?: string;
  /** Why it is IGNORED, where that isn't plain from its kind. */
  reason?: string;
}

const NOTHING: Omit<Applied, 'state'> = { identityId: null, messageId: null, conversationId: null };

/**
 * Applies one event in the caller's transaction. Effect once: its dedupe key is inserted first, and a second event with the same key, even at the
 * same moment, waits for the first and is then a DUPLICATE. What speaks of a call or message that isn't here took no effect: it is WAITING, and is
 * pending again once that one came.
 */
export const applyEvent = async (tx: Tx, arriving: Arriving): Promise<Applied> => (await applyEvents(tx, [arriving]))[0]!;

/** The same for many events of one workspace, in their order; messages that follow each other are applied together. */
export async function applyEvents(tx: Tx, given: readonly Arriving[]): Promise<Applied[]> {
  const arrivings = given.map(asTold);
  const applied: Applied[] = [];
  while (applied.length < arrivings.length) {
    const next = arrivings[applied.length]!;
    if (isMessage(next)) {
      const until = arrivings.findIndex((arriving, i) => i > applied.length && !isMessage(arriving));
      applied.push(...(await applyMessages(tx, arrivings.slice(applied.length, until < 0 ? undefined : until))));
    } else {
      applied.push(await applyOther(tx, next));
    }
  }
  return applied;
}

/** What its provider brings along from before the account was connected is history, as what a program imports. */
const asTold = (arriving: Arriving): Arriving => (arriving.event.historical && !arriving.historical ? { ...arriving, historical: true } : arriving);

/** A button that was pressed is what the customer says. */
export const isMessage = ({ event }: Pick<Arriving, 'event'>): boolean => event.kind === 'message' || (event.kind === 'postback' && event.message !== undefined);

/** Of events that are messages (`isMessage`). */
export async function applyMessages(tx: Tx, given: readonly Arriving[]): Promise<Applied[]> {
  const arrivings = given.map(asTold);
  const { workspaceId } = arrivings[0]!;
  const brought = arrivings.flatMap(({ accountId, event }) => {
    const providerMessageId = event.message!.providerMessageId;
    return providerMessageId === null ? [] : [{ accountId, providerMessageId }];
  });
  // In this order, in one round trip. What is released is pending when this transaction ends, and not before.
  const [first] = await Promise.all([
    firstOfTheirKeys(tx, workspaceId, arrivings), lockProviderIds(tx, workspaceId, brought), release(tx, workspaceId, brought),
  ]);
  const received = new Map<Arriving, Received>();
  for (const arriving of first) {
    const ingested = await ingestedBefore(tx, arriving);
    if (ingested) received.set(arriving, ingested);
  }
  const fresh = arrivings.filter((arriving) => first.has(arriving) && !received.has(arriving));
  (await receiveMessages(tx, workspaceId, fresh)).forEach((one, i) => received.set(fresh[i]!, one));
  return arrivings.map((arriving) => {
    const one = received.get(arriving);
    return one ? { state: 'APPLIED', ...one } : { state: 'DUPLICATE', ...NOTHING };
  });
}

async function applyOther(tx: Tx, arriving: Arriving): Promise<Applied> {
  const { workspaceId, accountId, event } = arriving;
  // Whether a report waits is decided under the id's lock: what makes the message known holds it too, so neither passes the other unseen.
  if (event.receipt) {
    const named = [...(event.receipt.targets ?? []), ...(event.receipt.upTo ? [event.receipt.upTo] : [])];
    await lockProviderIds(tx, workspaceId, named.map((providerMessageId) => ({ accountId, providerMessageId })));
  }
  const waitsFor = await missing(tx, arriving);
  if (waitsFor !== null) return { state: 'WAITING', ...NOTHING, waitsFor };
  const first = await firstOfTheirKeys(tx, workspaceId, [arriving]);
  if (event.kind === 'call') await release(tx, workspaceId, [{ accountId, providerMessageId: callKey(event) }]);
  return first.has(arriving) ? HANDLERS[event.kind as Exclude<InboundEvent['kind'], 'message'>](tx, arriving) : { state: 'DUPLICATE', ...NOTHING };
}

/** Those whose dedupe keys are new, and theirs from now on. In order of the keys, so that two transactions wait for each other at the first. */
async function firstOfTheirKeys(tx: Tx, workspaceId: string, arrivings: readonly Arriving[]): Promise<Set<Arriving>> {
  const byKey = new Map<string, Arriving>();
  for (const arriving of arrivings) {
    const place = `${arriving.accountId} ${keyedHash(arriving.event.dedupeKey).toString('hex')}`;
    if (!byKey.has(place)) byKey.set(place, arriving);
  }
  const places = [...byKey.keys()].sort();
  const inserted = await tx<{ place: string }[]>`
    insert into inbound_keys (workspace_id, account_id, key_hash, created_at)
    select ${workspaceId}, split_part(p, ' ', 1)::uuid, decode(split_part(p, ' ', 2), 'hex'), ${now()} from unnest(${places}::text[]) p
    on conflict do nothing returning account_id || ' ' || encode(key_hash, 'hex') as place`;
  return new Set(inserted.map(({ place }) => byKey.get(place)!));
}

/** What the event speaks of and isn't here yet, by the provider's id; null when nothing is missing. */
async function missing(tx: Tx, { workspaceId, accountId, event }: Arriving): Promise<string | null> {
  if (event.kind === 'call') return isPart(event) && !(await knowsCall(tx, workspaceId, accountId, callKey(event))) ? callKey(event) : null;
  const isReport = event.kind === 'receipt';
  if (!isReport && event.kind !== 'message_edit' && event.kind !== 'message_delete' && event.kind !== 'reaction') return null;
  if (event.receipt?.upTo) return (await stillQueued(tx, workspaceId, accountId, event.receipt.upTo)) ? event.receipt.upTo : null;
  const target = isReport ? event.receipt!.targets?.[0] : event.kind === 'reaction' ? reactionOf(event).target : (event.message?.providerMessageId ?? '');
  if (target === undefined) return null;
  const known = await messageOfProviderId(tx, workspaceId, accountId, target);
  if (known || (isReport && (await canSettle(tx, workspaceId, accountId, target, event.receipt!.reference ?? null)))) return null;
  return target;
}

/** He read it in the log before the job that sends it has run: nothing that is queued can be read, so that he did waits for the job. */
async function stillQueued(tx: Tx, workspaceId: string, accountId: string, message: string): Promise<boolean> {
  const id = uuidOf('msg', message);
  if (id === null) return false;
  const queued = await tx`
    select 1 from messages where workspace_id = ${workspaceId} and id = ${id} and account_id = ${accountId} and delivery_state = 'QUEUED'`;
  return queued.length > 0;
}

/** Makes pending what waited for these calls or messages. */
async function release(tx: Tx, workspaceId: string, brought: readonly { accountId: string; providerMessageId: string }[]): Promise<void> {
  if (brought.length === 0) return;
  await tx`
    update inbound_events e set state = 'PENDING', waits_for = null, error = null, next_attempt_at = ${now()}
    from unnest(${brought.map((b) => b.accountId)}::uuid[], ${brought.map((b) => b.providerMessageId)}::text[]) as b (account_id, id)
    where e.workspace_id = ${workspaceId} and e.state = 'WAITING' and e.waits_for = b.id and e.account_id = b.account_id`;
}

whenKnown(async (tx, { workspaceId, accountId, providerMessageId, messageId, replacedMessageId }) => {
  await release(tx, workspaceId, [{ accountId, providerMessageId }]);
  if (replacedMessageId) await tx`update inbound_events set message_id = ${messageId} where workspace_id = ${workspaceId} and message_id = ${replacedMessageId}`;
});

type Handler = (tx: Tx, arriving: Arriving) => Promise<Applied>;

const ignore: Handler = async (_tx, { event }) => ({ state: 'IGNORED', ...NOTHING, ...(event.system?.text ? { reason: event.system.text } : {}) });

/** A button that says nothing, or a link: by what he came is kept where it is told. */
const referred: Handler = async (tx, arriving) => {
  const { event, accountId, channel } = arriving;
  if (!event.referral || event.senders.length === 0) return ignore(tx, arriving);
  const { identityId, actor } = await resolveSender(tx, arriving);
  await receiveReferral(tx, actor, event.referral, { identityId, accountId, channel, at: arrivedAt(arriving) });
  return { state: 'APPLIED', ...NOTHING, identityId };
};

function reactionOf(event: InboundEvent): { emoji: string | null; target: string } {
  const part = event.message?.parts.find((each) => each.type === 'reaction');
  if (part?.type !== 'reaction') throw new Error('An event of kind reaction holds none.');
  return part;
}

const HANDLERS: Record<Exclude<InboundEvent['kind'], 'message'>, Handler> = {
  message_edit: async (tx, arriving) => {
    const { event, workspaceId, accountId } = arriving;
    const message = (await lockMessageByProviderId(tx, workspaceId, accountId, event.message!.providerMessageId!))!;
    await editMessage(tx, { workspaceId, kind: 'CUSTOMER', id: message.identityId }, message, (event.message?.parts ?? []).map(partRow), arrivedAt(arriving));
    await wantMedia(tx, workspaceId, message.id, (event.message?.parts ?? []).map(partRow));
    return { state: 'APPLIED', identityId: message.identityId, messageId: message.id, conversationId: message.conversationId };
  },
  reaction: async (tx, arriving) => {
    const { event, workspaceId, accountId } = arriving;
    const { emoji, target } = reactionOf(event);
    const message = (await lockMessageByProviderId(tx, workspaceId, accountId, target))!;
    // The team reacts in the provider's own app: nobody of ours is named.
    const who = event.direction === 'inbound' ? { workspaceId, kind: 'CUSTOMER' as const, id: message.identityId } : { workspaceId, kind: 'EXTERNAL' as const, id: null };
    await react(tx, who, message, { identityId: event.direction === 'inbound' ? message.identityId : null, emoji, at: arrivedAt(arriving) });
    return { state: 'APPLIED', identityId: message.identityId, messageId: message.id, conversationId: message.conversationId };
  },
  message_delete: async (tx, arriving) => {
    const { event, workspaceId, accountId } = arriving;
    const message = (await lockMessageByProviderId(tx, workspaceId, accountId, event.message!.providerMessageId!))!;
    await deleteMessage(tx, { workspaceId, kind: 'CUSTOMER', id: message.identityId }, message, arrivedAt(arriving));
    return { state: 'APPLIED', identityId: message.identityId, messageId: message.id, conversationId: message.conversationId };
  },
  receipt: async (tx, arriving) => {
    const { event, workspaceId, accountId } = arriving;
    const receipt = event.receipt!;
    const state = receipt.state.toUpperCase() as DeliveryState;
    const actor = systemActor(workspaceId);
    if (receipt.upTo || receipt.watermark) {
      const { identityId } = await resolveSender(tx, arriving);
      const messageId = receipt.upTo ? uuidOf('msg', receipt.upTo) : null;
      await reportUpTo(tx, actor, { accountId, identityId, messageId, providerMessageId: receipt.upTo ?? null, watermark: receipt.watermark ?? null, state });
    }
    // One each: what names several is stored as several (receive.ts).
    const target = receipt.targets?.[0];
    if (target === undefined) {
      return receipt.upTo || receipt.watermark ? { state: 'APPLIED', ...NOTHING } : { state: 'IGNORED', ...NOTHING, reason: 'The report names no message of ours.' };
    }
    const messageId = await receiveReport(tx, actor, {
      accountId, providerMessageId: target, state, occurredAt: event.occurredAt, errorCode: receipt.errorCode ?? receipt.statusClass ?? null,
      reason: receipt.reason, recipient: receipt.recipient ?? null, receivedAt: arriving.receivedAt,
    }, receipt.reference ?? null);
    return { state: 'APPLIED', ...NOTHING, messageId };
  },
  call: async (tx, arriving) => ({ state: 'APPLIED', ...(await applyCall(tx, arriving)) }),
  consent: async (tx, arriving) => {
    if (arriving.event.senders.length === 0) return { state: 'IGNORED', ...NOTHING, reason: 'It does not say whose consent it is.' };
    const { identityId, actor } = await resolveSender(tx, arriving);
    const { consent, channel } = arriving.event;
    await observe(tx, actor, { identityId, key: `custom.${channel}_${consent!.purpose}_consent`, value: consent!.state, source: 'CHANNEL', observedAt: arrivedAt(arriving) });
    return { state: 'APPLIED', ...NOTHING, identityId };
  },
  identity_change: async (tx, arriving) => {
    const { from, to, also = [] } = arriving.event.identityChange!;
    // The same person by another address from now on, as the provider says.
    if (from !== null && to !== null && from.kind === to.kind && to.trust !== 'claimed') {
      const { workspaceId, accountId, event } = arriving;
      const replaced = await replaceAddress(tx, { workspaceId, actor: systemActor(workspaceId), known: event.senders, from, to, accountId, at: arrivedAt(arriving) });
      return replaced.outcome === 'UNKNOWN'
        ? { state: 'IGNORED', ...NOTHING, reason: 'Nobody is known by the address that he had.' }
        : { state: 'APPLIED', ...NOTHING, identityId: replaced.identityId };
    }
    // Attested by the provider or a signed token: it is one of the sender's addresses, and is linked as such. Only typed: it is a claim.
    const attested = to !== null && to.trust !== 'claimed';
    const { identityId } = attested
      ? await resolveSender(tx, { ...arriving, event: { ...arriving.event, senders: [...arriving.event.senders, to, ...also] } })
      : await resolveSender(tx, arriving, to === null ? [] : [to]);
    return { state: 'APPLIED', ...NOTHING, identityId };
  },
  typing: ignore,
  postback: referred,
  referral: referred,
  system: async (tx, arriving) => {
    const { event, workspaceId, accountId } = arriving;
    const { system } = event;
    if (!system?.ofAccount) return ignore(tx, arriving);
    await noteNotice(tx, systemActor(workspaceId), accountId, { at: arrivedAt(arriving), text: system.text ?? system.code, details: system.data });
    return { state: 'APPLIED', ...NOTHING };
  },
  unknown: ignore,
};
