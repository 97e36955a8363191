// Pure: what was said in WhatsApp's own app before the number was connected -> events, each marked as historical.
import type { InboundEvent, ObservedAddress } from '../../channel.ts';
import { at, digestOf, idOf, isTrue, listOf, textOf } from '../../meta/messaging-read.ts';
import { customerOf, namedBy } from './customers.ts';
import { eventOf, type By } from './events.ts';
import { echoedMessage, inboundMessage, messageEvents } from './messages.ts';
import type { Place } from './places.ts';

const HISTORY_MESSAGES_MAX = 20_000;

/**
 * What was said in WhatsApp's own app before the number was connected, thread by thread. Files are named later, once each, as messages under the same
 * field. https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/history
 */
export function historyEvents(place: Place, chunk: unknown): InboundEvent[] {
  const events = listOf(at(chunk, 'threads')).flatMap((thread) => {
    const context = at(thread, 'context');
    const named = { ...namedBy(context, 'wa_id', 'user_id', 'parent_user_id') };
    const customer = customerOf(place.wabaId, { ...named, phone: idOf(at(thread, 'id')) ?? named.phone }, context === undefined ? null : [{ ...(context as object), profile: context }]);
    return listOf(at(thread, 'messages')).flatMap((message) => messageEvents(place, message, sideOf(place, message, customer), customer));
  });
  const refusals = listOf(at(chunk, 'errors')).map((error) => eventOf(place, 'customer', [], {
    kind: 'system', dedupeKey: `history:${digestOf(error)}`, occurredAt: null, system: { code: 'history_not_shared', text: textOf(at(error, 'title')) ?? textOf(at(error, 'message')), data: error },
  }));
  const all = [...events.slice(0, HISTORY_MESSAGES_MAX).map((event) => ({ ...event, historical: true })), ...refusals];
  return all.length > 0 ? all : [eventOf(place, 'customer', [], { kind: 'system', dedupeKey: `history:${digestOf(chunk)}`, occurredAt: null, system: { code: 'history', text: null, data: chunk } })];
}

/** Of a message of a thread: `from_me`, where that is said; else whoever isn't the customer is the team. */
function sideOf(place: Place, message: unknown, customer: ObservedAddress[]): By {
  const said = at(at(message, 'history_context'), 'from_me');
  if (said !== undefined) return isTrue(said) ? 'team' : 'customer';
  const from = idOf(at(message, 'from'))?.replace('+', '') ?? null;
  const his = [...customer.map(({ value }) => value.replace('+', '')), ...customer.map(({ valueRaw }) => valueRaw.replace('+', ''))];
  if (from !== null && his.includes(from)) return 'customer';
  return from !== null && place.ours.some(({ value }) => value.replace('+', '') === from) ? 'team' : at(message, 'to') === undefined ? 'customer' : 'team';
}

/** A file of a message that came with the history, where its place was only marked: the message is completed by it. */
export function historyFile(place: Place, message: unknown): InboundEvent[] {
  const byTeam = at(message, 'to') !== undefined || place.ours.some(({ value }) => value.replace('+', '') === idOf(at(message, 'from')));
  const [event] = byTeam ? echoedMessage(place, message) : inboundMessage(place, message);
  if (event?.kind !== 'message' || event.message!.providerMessageId === null) return [{ ...event!, historical: true }];
  return [{ ...event, kind: 'message_edit', dedupeKey: `${event.dedupeKey}:file`, historical: true }];
}
