// Pure: one message, of a customer or (an echo) of the team -> events.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages, …/reference/smb_message_echoes
import type { InboundEvent, ObservedAddress } from '../../channel.ts';
import { at, digestOf, idOf, isObject, isTrue, momentOf, textOf } from '../../meta/messaging-read.ts';
import { customerOf, namedBy } from './customers.ts';
import { eventOf, messageOf, notUnderstood, type By } from './events.ts';
import { partsOf, typeOf } from './parts.ts';
import type { Place } from './places.ts';
import { systemEvents } from './system.ts';

/** A message that a customer sent. */
export const inboundMessage = (place: Place, message: unknown): InboundEvent[] =>
  messageEvents(place, message, 'customer', customerOf(place.wabaId, namedBy(message, 'from', 'from_user_id', 'from_parent_user_id'), at(place.value, 'contacts')));

/** One that the team sent in WhatsApp's own app. */
export const echoedMessage = (place: Place, message: unknown): InboundEvent[] =>
  messageEvents(place, message, 'team', customerOf(place.wabaId, namedBy(message, 'to', 'to_user_id', 'to_parent_user_id'), at(place.value, 'contacts')));

interface Context {
  place: Place;
  message: unknown;
  by: By;
  customer: ObservedAddress[];
  id: string | null;
  occurredAt: string | null;
}

export function messageEvents(place: Place, message: unknown, by: By, customer: ObservedAddress[]): InboundEvent[] {
  const type = typeOf(message);
  const context: Context = { place, message, by, customer, id: idOf(at(message, 'id')), occurredAt: momentOf(at(message, 'timestamp')) };
  if (type === 'system') return systemEvents(place, message, customer);
  // Nobody's message is none.
  if (!isObject(message) || (customer.length === 0 && groupOf(context) === null)) return [keptAsUnknown(context, type)];
  const read = READERS.get(type) ?? written;
  const events = read(context);
  return events.length > 0 ? events : [keptAsUnknown(context, type)];
}

const keptAsUnknown = ({ place, message, by, customer, occurredAt }: Context, type: string): InboundEvent =>
  notUnderstood(place, `message_${type || 'empty'}`, message, { customer, occurredAt, direction: by === 'customer' ? 'inbound' : 'echo_external' });

const groupOf = ({ message }: Context): string | null => idOf(at(message, 'group_id'));

/** By `type`: what isn't a message of its own. */
const READERS = new Map<string, (context: Context) => InboundEvent[]>([
  ['edit', edited], ['revoke', revoked], ['reaction', reaction], ['request_welcome', (context) => opened(context)],
  // The customer may be called, or not. https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/user-call-permissions
  ['interactive', (context) => callPermission(context) ?? written(context)],
]);

function written({ place, message, by, customer, id, occurredAt, ...context }: Context): InboundEvent[] {
  const quoted = at(message, 'context');
  const forwarded = isTrue(at(quoted, 'forwarded')) || isTrue(at(quoted, 'frequently_forwarded'));
  const referral = referralOf(at(message, 'referral'), at(quoted, 'referred_product'));
  return [eventOf(place, by, customer, {
    kind: 'message', dedupeKey: id ?? `message:${digestOf(message)}`, occurredAt,
    message: {
      ...messageOf(place, customer, { providerMessageId: id, groupId: groupOf({ place, message, by, customer, id, occurredAt, ...context }), parts: partsOf(message) }),
      replyTo: idOf(at(quoted, 'id')), ...(forwarded ? { forwarded } : {}),
    },
    ...(referral === null ? {} : { referral }),
  })];
}

/** The advertisement or post that he came by, or the product of the catalogue that he asks about. */
function referralOf(referral: unknown, product: unknown): InboundEvent['referral'] | null {
  if (isObject(referral)) {
    return {
      source: textOf(at(referral, 'source_type')) ?? 'ad', ref: textOf(at(referral, 'ctwa_clid')), id: idOf(at(referral, 'source_id')), url: textOf(at(referral, 'source_url')),
      headline: textOf(at(referral, 'headline')) ?? textOf(at(referral, 'body')),
    };
  }
  if (!isObject(product)) return null;
  return { source: 'product', ref: idOf(at(product, 'catalog_id')), id: idOf(at(product, 'product_retailer_id')), url: null, headline: null };
}

/** The new content stands whole in `edit.message`. */
function edited({ place, message, by, customer, id, occurredAt }: Context): InboundEvent[] {
  const edit = at(message, 'edit');
  const original = idOf(at(edit, 'original_message_id'));
  if (original === null) return [];
  const content = at(edit, 'message') ?? edit;
  return [eventOf(place, by, customer, {
    kind: 'message_edit', dedupeKey: id ?? `${original}:edit:${digestOf(message)}`, occurredAt,
    message: {
      ...messageOf(place, customer, { providerMessageId: original, groupId: idOf(at(message, 'group_id')), parts: partsOf(content) }), replyTo: idOf(at(at(content, 'context'), 'id')),
    },
  })];
}

function revoked({ place, message, by, customer, occurredAt }: Context): InboundEvent[] {
  const original = idOf(at(at(message, 'revoke'), 'original_message_id'));
  if (original === null) return [];
  return [eventOf(place, by, customer, {
    kind: 'message_delete', dedupeKey: `${original}:deleted`, occurredAt, message: messageOf(place, customer, { providerMessageId: original, groupId: idOf(at(message, 'group_id')), parts: [] }),
  })];
}

/** Taken back, the emoji is empty, or missing. */
function reaction({ place, message, by, customer, id, occurredAt }: Context): InboundEvent[] {
  const content = at(message, 'reaction');
  const target = idOf(at(content, 'message_id'));
  if (target === null) return [];
  const emoji = textOf(at(content, 'emoji'));
  return [eventOf(place, by, customer, {
    kind: 'reaction', dedupeKey: id ?? `${target}:reaction:${customer[0]?.value ?? ''}:${occurredAt ?? ''}:${emoji ?? 'removed'}`, occurredAt,
    message: { ...messageOf(place, customer, { providerMessageId: id, groupId: idOf(at(message, 'group_id')), parts: [{ type: 'reaction', emoji, target }] }), replyTo: target },
  })];
}

const CALL_PERMISSIONS = new Map<string, NonNullable<InboundEvent['consent']>['state']>([['accept', 'given'], ['reject', 'withdrawn']]);

function callPermission({ place, message, by, customer, id, occurredAt }: Context): InboundEvent[] | null {
  const reply = at(at(message, 'interactive'), 'call_permission_reply');
  const state = CALL_PERMISSIONS.get(textOf(at(reply, 'response')) ?? '');
  if (state === undefined || by === 'team') return null;
  return [eventOf(place, by, customer, { kind: 'consent', dedupeKey: id ?? `calls:${digestOf(message)}`, occurredAt, consent: { purpose: 'calls', state, keyword: null } })];
}

/** He opened the chat for the first time, and has written nothing yet. */
const opened = ({ place, message, by, customer, id, occurredAt }: Context): InboundEvent[] =>
  [eventOf(place, by, customer, { kind: 'system', dedupeKey: id ?? `opened:${digestOf(message)}`, occurredAt, system: { code: 'chat_opened', text: null, data: message } })];
