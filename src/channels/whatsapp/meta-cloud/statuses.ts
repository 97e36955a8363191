// Pure: what became of a message of ours -> receipts.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status
import type { InboundEvent, ObservedAddress } from '../../channel.ts';
import { at, idOf, listOf, momentOf, textOf } from '../../meta/messaging-read.ts';
import { meaningOf, STOPPED_MARKETING } from './codes.ts';
import { customerOf, namedBy } from './customers.ts';
import { eventOf, notUnderstood } from './events.ts';
import type { Place } from './places.ts';
import { consent } from './system.ts';

const STATES = new Map<string, NonNullable<InboundEvent['receipt']>['state']>([
  ['accepted', 'accepted'], ['sent', 'sent'], ['delivered', 'delivered'], ['read', 'read'], ['played', 'played'], ['failed', 'failed'],
]);
/** No step of a delivery: the customer removed it from his phone, or an item of its catalogue is gone. */
const REMARKS = new Set(['deleted', 'warning']);
/** What `send` puts into a message comes back as it was; others' references may be anything. */
const ATTEMPT = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The report, and the consent that it tells of. */
export function statusEvents(place: Place, status: unknown): InboundEvent[] {
  const [id, said] = [idOf(at(status, 'id')), textOf(at(status, 'status'))?.toLowerCase() ?? ''];
  const customer = recipientOf(place, status);
  const occurredAt = momentOf(at(status, 'timestamp'));
  const state = STATES.get(said);
  if (id === null || (state === undefined && !REMARKS.has(said))) return [notUnderstood(place, `status_${said || 'empty'}`, status, { customer, occurredAt, direction: 'outbound' })];
  // Of a group everybody reports.
  const participant = idOf(at(status, 'recipient_participant_id')) ?? idOf(at(status, 'recipient_participant_user_id'));
  const key = [id, said, ...(participant === null ? [] : [participant])].join(':');
  const base = { ...eventOf(place, 'team', customer, { kind: 'receipt', dedupeKey: key, occurredAt }), direction: 'outbound' as const };
  if (state === undefined) return [{ ...base, kind: 'system', dedupeKey: `status:${key}`, system: { code: `message_${said}`, text: null, data: status } }];
  const [error] = listOf(at(status, 'errors'));
  const errorCode = idOf(at(error, 'code'));
  const reference = textOf(at(status, 'biz_opaque_callback_data'));
  const receipt: InboundEvent = {
    ...base,
    receipt: {
      targets: [id], state, errorCode, reason: reasonOf(state, errorCode, error), recipient: customer[0]?.value ?? null,
      reference: reference !== null && ATTEMPT.test(reference) ? reference : null,
    },
  };
  return errorCode === STOPPED_MARKETING && customer.length > 0 ? [receipt, consent(place, customer, 'withdrawn', { key: `${key}:consent`, occurredAt })] : [receipt];
}

function reasonOf(state: string, code: string | null, error: unknown): string | null {
  const message = textOf(at(error, 'message')) ?? textOf(at(error, 'title'));
  const details = textOf(at(at(error, 'error_data'), 'details')) ?? textOf(at(error, 'details'));
  if (code !== null) return meaningOf(code, null, { message, details, transient: false }).reason;
  return state === 'failed' ? (details ?? message ?? 'WhatsApp could not deliver the message and does not say why.') : null;
}

function recipientOf(place: Place, status: unknown): ObservedAddress[] {
  const contacts = at(place.value, 'contacts');
  if (textOf(at(status, 'recipient_type')) === 'group') {
    return customerOf(place.wabaId, namedBy(status, 'recipient_participant_id', 'recipient_participant_user_id', 'recipient_participant_parent_user_id'), contacts);
  }
  const named = namedBy(status, 'recipient_id', 'recipient_user_id', 'recipient_parent_user_id');
  // Both orders of the words are found in Meta's documents.
  return customerOf(place.wabaId, { ...named, parentUserId: named.parentUserId ?? idOf(at(status, 'parent_recipient_user_id')) }, contacts);
}
