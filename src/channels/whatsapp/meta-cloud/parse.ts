// Pure: the webhooks of WhatsApp's Cloud API -> events.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview
import { Unparsable, type InboundEvent, type Parsed, type RawRequest } from '../../channel.ts';
import { readJson } from '../../json.ts';
import { at, cleaned, digestOf, idOf, isObject, listOf, momentOf, textOf } from '../../meta/messaging-read.ts';
import { withoutRepeats } from '../../meta/repeats.ts';
import { callEvents, callStatus } from './calls.ts';
import { customerOf, namedBy, NOBODY } from './customers.ts';
import { eventOf, notUnderstood } from './events.ts';
import { historyEvents, historyFile } from './history.ts';
import { echoedMessage, inboundMessage } from './messages.ts';
import { placesIn, type Place } from './places.ts';
import { statusEvents } from './statuses.ts';
import { userIdUpdate, userPreference } from './system.ts';

/** @throws Unparsable for what is no JSON, or neither an object nor a list */
export function parseWhatsappCloud(request: RawRequest): Parsed {
  if (request.method.toUpperCase() === 'GET') return { events: [], files: [] };
  const body = cleaned(readJson(request.body));
  if (!isObject(body) && !Array.isArray(body)) throw new Unparsable('The body is JSON, but neither an object nor a list.');
  return { events: withoutRepeats(placesIn(body).flatMap(eventsAt)), files: [] };
}

type Reader = (place: Place, item: unknown) => InboundEvent[];

/** By the list of a change's value in which an item stands, whatever the field is called. */
const LISTS = new Map<string, Reader>([
  ['messages', (place, message) => (place.field === 'history' ? historyFile(place, message) : inboundMessage(place, message))],
  ['message_echoes', echoedMessage],
  ['statuses', (place, status) => (textOf(at(status, 'type')) === 'call' ? callStatus(place, status) : statusEvents(place, status))],
  ['calls', callEvents],
  ['user_id_update', userIdUpdate],
  ['user_preferences', userPreference],
  ['history', historyEvents],
  ['state_sync', (place, item) => [contactOfApp(place, item)]],
  ['groups', (place, group) => [groupChange(place, group)]],
  ['errors', (place, error) => [fault(place, error)]],
]);

/** What goes with each of these, and tells nothing by itself. */
const BESIDE = new Set(['messaging_product', 'metadata', 'contacts', 'object', 'id', 'time', 'entry']);

function eventsAt(place: Place): InboundEvent[] {
  const read = [...LISTS].filter(([name]) => at(place.value, name) !== undefined);
  if (read.length > 0) return read.flatMap(([name, reader]) => listOf(at(place.value, name)).flatMap((item) => reader(place, item)));
  // A field that is known by its name only, or a body that holds nothing.
  if (place.field === null && (!isObject(place.value) || Object.keys(place.value).every((name) => BESIDE.has(name)))) return [];
  return [OF_THE_BUSINESS.test(place.field ?? '') ? businessEvent(place) : notUnderstood(place, place.field === null ? 'not_understood' : `field_${place.field}`, rawOf(place), { occurredAt: momentOf(place.time) })];
}

const rawOf = ({ field, value, time }: Place): object => ({ ...(field === null ? {} : { field }), value, ...(time === undefined ? {} : { time }) });

/** Of the business account, its numbers and its templates. https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview#webhook-fields */
const OF_THE_BUSINESS = /^(account|business|phone_number|message_template|template|partner|security|payment|tracking|flows|group|automatic|messaging_handovers|standby)/;

function businessEvent(place: Place): InboundEvent {
  const said = ['event', 'decision', 'status', 'new_category', 'new_quality_score', 'reason'].flatMap((name) => textOf(at(place.value, name)) ?? []);
  return eventOf(place, 'customer', [], {
    kind: 'system', dedupeKey: `${place.field}:${digestOf(rawOf(place))}`, occurredAt: momentOf(place.time),
    system: { code: place.field!, text: said.length === 0 ? null : said.join(', '), data: place.value },
  });
}

/** An entry of the address book of WhatsApp's own app. It names a person, who says nothing by it. */
function contactOfApp(place: Place, item: unknown): InboundEvent {
  const contact = at(item, 'contact');
  const customer = customerOf(place.wabaId, { ...NOBODY, phone: idOf(at(contact, 'phone_number')) });
  return eventOf(place, 'customer', customer, {
    kind: 'system', dedupeKey: `state_sync:${digestOf(item)}`, occurredAt: momentOf(at(at(item, 'metadata'), 'timestamp')),
    system: { code: 'app_contact', text: textOf(at(item, 'action')), data: item },
  });
}

/** Who joined or left a group, or wants to; its name, its settings. */
function groupChange(place: Place, group: unknown): InboundEvent {
  const customer = customerOf(place.wabaId, namedBy(group, 'wa_id', 'user_id', 'parent_user_id'));
  return eventOf(place, 'customer', customer, {
    kind: 'system', dedupeKey: `group:${digestOf(group)}`, occurredAt: momentOf(at(group, 'timestamp')),
    system: { code: textOf(at(group, 'type')) ?? 'group', text: textOf(at(group, 'reason')), data: group },
  });
}

/** Meta could not hand something on, and doesn't say of whom. */
function fault(place: Place, error: unknown): InboundEvent {
  return eventOf(place, 'customer', [], {
    kind: 'system', dedupeKey: `error:${digestOf(error)}`, occurredAt: momentOf(place.time),
    system: { code: 'error', text: textOf(at(at(error, 'error_data'), 'details')) ?? textOf(at(error, 'title')) ?? textOf(at(error, 'message')), data: error },
  });
}
