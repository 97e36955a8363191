// Pure: calls by WhatsApp -> events of one call.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/user-initiated-calls, …/business-initiated-calls
import type { InboundEvent, ObservedAddress } from '../../channel.ts';
import { at, idOf, listOf, momentOf, textOf } from '../../meta/messaging-read.ts';
import { customerOf, namedBy } from './customers.ts';
import { eventOf, notUnderstood } from './events.ts';
import type { Place } from './places.ts';

type Call = NonNullable<InboundEvent['call']>;

/** One of `calls`: it begins (connect) or ends (terminate). Of who picked up a customer's call only the end tells, by the time when the talk began. */
export function callEvents(place: Place, call: unknown): InboundEvent[] {
  const [id, said] = [idOf(at(call, 'id')), textOf(at(call, 'event')) ?? ''];
  const ours = textOf(at(call, 'direction')) === 'BUSINESS_INITIATED';
  const customer = customerOf(place.wabaId, ours ? namedBy(call, 'to', 'to_user_id', 'to_parent_user_id') : namedBy(call, 'from', 'from_user_id', 'from_parent_user_id'), at(place.value, 'contacts'));
  const occurredAt = momentOf(at(call, 'timestamp'));
  if (id === null || customer.length === 0 || (said !== 'connect' && said !== 'terminate')) {
    return [notUnderstood(place, `call_${said || 'empty'}`, call, { customer, occurredAt, direction: ours ? 'outbound' : 'inbound' })];
  }
  const told = (phase: string, time: string | null, o: Partial<Call>) => callEvent(place, customer, { ours, id, said: phase, occurredAt: time }, o);
  // The answer to what we offered: it rings after that.
  if (said === 'connect') return [told('connect', occurredAt, { phase: ours ? 'progress' : 'ringing' })];
  const seconds = Number(textOf(at(call, 'duration')) ?? NaN);
  const talkMs = seconds > 0 && seconds < 1e7 ? Math.round(seconds * 1_000) : null;
  const began = momentOf(at(call, 'start_time'));
  const [error] = listOf(at(call, 'errors'));
  const endCause = textOf(at(error, 'title')) ?? textOf(at(error, 'message')) ?? [at(call, 'status')].flat().flatMap((one) => textOf(one) ?? [])[0] ?? null;
  const disposition = talkMs !== null ? 'answered' : error !== undefined ? 'failed' : ours ? 'no_answer' : 'missed';
  return [
    ...(talkMs !== null && began !== null ? [told('answered', began, { phase: 'answered' })] : []),
    told('terminate', momentOf(at(call, 'end_time')) ?? occurredAt, { phase: 'ended', disposition, endCause, talkMs }),
  ];
}

/** Of a call of ours, by the customer's phone. */
const STATUSES = new Map<string, Partial<Call>>([
  ['RINGING', { phase: 'ringing' }], ['ACCEPTED', { phase: 'answered' }], ['REJECTED', { phase: 'ended', disposition: 'rejected' }],
]);

export function callStatus(place: Place, status: unknown): InboundEvent[] {
  const [id, said] = [idOf(at(status, 'id')), textOf(at(status, 'status')) ?? ''];
  const customer = customerOf(place.wabaId, namedBy(status, 'recipient_id', 'recipient_user_id', 'recipient_parent_user_id'), at(place.value, 'contacts'));
  const occurredAt = momentOf(at(status, 'timestamp'));
  const told = STATUSES.get(said);
  if (id === null || customer.length === 0 || told === undefined) return [notUnderstood(place, `call_status_${said || 'empty'}`, status, { customer, occurredAt, direction: 'outbound' })];
  return [callEvent(place, customer, { ours: true, id, said, occurredAt }, told)];
}

function callEvent(place: Place, customer: ObservedAddress[], o: { ours: boolean; id: string; said: string; occurredAt: string | null }, told: Partial<Call>): InboundEvent {
  const [theirs, our] = [customer[0]!.value, place.ours[0]?.value ?? null];
  return {
    ...eventOf(place, o.ours ? 'team' : 'customer', customer, { kind: 'call', dedupeKey: `call:${o.id}:${o.said}`, occurredAt: o.occurredAt }),
    direction: o.ours ? 'outbound' : 'inbound',
    call: {
      providerCallId: o.id, parentCallId: null, phase: 'progress', sequence: null, from: o.ours ? our : theirs, to: o.ours ? theirs : our, disposition: null, endCause: null, talkMs: null,
      recording: null, transcript: null, ...told,
    },
  };
}
