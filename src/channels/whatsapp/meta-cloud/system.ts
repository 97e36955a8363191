// Pure: what WhatsApp tells of a customer: another number, another id, another phone, no more advertising.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/system, …/reference/user_preferences
import type { InboundEvent, ObservedAddress } from '../../channel.ts';
import { at, digestOf, idOf, momentOf, textOf } from '../../meta/messaging-read.ts';
import { address, customerOf, namedBy, NOBODY } from './customers.ts';
import { eventOf } from './events.ts';
import type { Place } from './places.ts';

/** `customer`: whom the message names, if anybody. */
export function systemEvents(place: Place, message: unknown, customer: ObservedAddress[]): InboundEvent[] {
  const system = at(message, 'system');
  const type = textOf(at(system, 'type')) ?? '';
  const occurredAt = momentOf(at(message, 'timestamp'));
  const id = idOf(at(message, 'id')) ?? `system:${digestOf(message)}`;
  const changes = CHANGES.has(type) ? changesIn(place, message, customer) : [];
  if (changes.length > 0) return identityChanges(place, changes, { reason: type, key: id, occurredAt });
  const preference = PREFERENCES.get(textOf(at(system, 'marketing')) ?? '');
  if (type === 'user_preference_changed' && preference !== undefined && customer.length > 0) return [consent(place, customer, preference, { key: id, occurredAt })];
  // `customer_identity_changed`: the same number on another phone, or with somebody else; Meta can't tell.
  return [eventOf(place, 'customer', customer, { kind: 'system', dedupeKey: id, occurredAt, system: { code: type || 'system', text: textOf(at(system, 'body')), data: message } })];
}

/** `user_identity_changed` is what older versions called `customer_changed_number`'s companion: the phone's keys, and no other person's address. */
const CHANGES = new Set(['user_changed_number', 'customer_changed_number', 'user_changed_user_id']);

interface Change {
  from: ObservedAddress | null;
  to: ObservedAddress;
}

/** A new number also makes new ids. Older versions write `new_wa_id`, and the old number also as `customer`. */
function changesIn(place: Place, message: unknown, customer: ObservedAddress[]): Change[] {
  const system = at(message, 'system');
  const before = namedBy(system, 'customer', 'previous_user_id', 'previous_parent_user_id');
  const now = namedBy(system, 'wa_id', 'user_id', 'parent_user_id');
  const number = now.phone ?? idOf(at(system, 'new_wa_id'));
  const old = (kind: ObservedAddress['kind']) => customer.find((one) => one.kind === kind);
  return pairs(place, [
    [old('phone') ?? addressOf(place, { ...NOBODY, phone: before.phone }), addressOf(place, { ...NOBODY, phone: number })],
    [addressOf(place, { ...NOBODY, userId: before.userId }) ?? previousIn(place, system, now.userId), addressOf(place, { ...NOBODY, userId: now.userId })],
    [addressOf(place, { ...NOBODY, parentUserId: before.parentUserId }), addressOf(place, { ...NOBODY, parentUserId: now.parentUserId })],
  ]);
}

const addressOf = (place: Place, named: typeof NOBODY): ObservedAddress | null => customerOf(place.wabaId, named)[0] ?? null;

const pairs = (_place: Place, found: [ObservedAddress | null, ObservedAddress | null][]): Change[] =>
  found.flatMap(([from, to]) => (to === null || (from?.kind === to.kind && from.value === to.value) ? [] : [{ from, to }]));

/** Until August 2026 the id before stood only in the sentence. Its end is Meta's, whatever the customer calls himself. */
function previousIn(place: Place, system: unknown, now: string | null): ObservedAddress | null {
  const [, before, after] = /changed from ([A-Z]{2}\.[A-Za-z0-9]{1,128}) to ([A-Z]{2}\.[A-Za-z0-9]{1,128})\.?$/.exec(textOf(at(system, 'body')) ?? '') ?? [];
  return before !== undefined && after === now ? address('wa_bsuid', place.wabaId ?? '', before) : null;
}

/** One event each. The sender is who he was until now, by every address that is named. */
function identityChanges(place: Place, changes: Change[], o: { reason: string; key: string; occurredAt: string | null; also?: ObservedAddress[] }): InboundEvent[] {
  const before = [...(o.also ?? []), ...changes.flatMap(({ from }) => (from === null ? [] : [from]))];
  return changes.map(({ from, to }) => eventOf(place, 'customer', before, {
    kind: 'identity_change', dedupeKey: `${o.key}:${to.kind}`, occurredAt: o.occurredAt, identityChange: { from, to, reason: o.reason },
  }));
}

/** One of `user_id_update`: as the field is described by Meta's first documents of it; newer ones tell the same by a system message. */
export function userIdUpdate(place: Place, update: unknown): InboundEvent[] {
  const [ids, parents] = [at(update, 'user_id'), at(update, 'parent_user_id')];
  const id = (value: unknown, name: string, kind: 'userId' | 'parentUserId') => addressOf(place, { ...NOBODY, [kind]: idOf(at(value, name)) });
  const changes = pairs(place, [
    [id(ids, 'previous', 'userId'), id(ids, 'current', 'userId')], [id(parents, 'previous', 'parentUserId'), id(parents, 'current', 'parentUserId')],
  ]);
  const occurredAt = momentOf(at(update, 'timestamp'));
  const who = customerOf(place.wabaId, { ...NOBODY, phone: idOf(at(update, 'wa_id')) });
  if (changes.length === 0) return [eventOf(place, 'customer', who, { kind: 'system', dedupeKey: `user_id_update:${digestOf(update)}`, occurredAt, system: { code: 'user_id_update', text: textOf(at(update, 'detail')), data: update } })];
  return identityChanges(place, changes, { reason: 'user_id_update', key: `user_id_update:${digestOf(update)}`, occurredAt, also: who });
}

const PREFERENCES = new Map<string, NonNullable<InboundEvent['consent']>['state']>([['stop', 'withdrawn'], ['resume', 'given']]);

/** He wants no more advertising, or some again. Answers to what he asks are something else. */
export function userPreference(place: Place, preference: unknown): InboundEvent[] {
  const customer = customerOf(place.wabaId, namedBy(preference, 'wa_id', 'user_id', 'parent_user_id'), at(place.value, 'contacts'));
  const occurredAt = momentOf(at(preference, 'timestamp'));
  const state = textOf(at(preference, 'category')) === 'marketing_messages' ? PREFERENCES.get(textOf(at(preference, 'value')) ?? '') : undefined;
  const key = `user_preferences:${digestOf(preference)}`;
  if (state === undefined || customer.length === 0) {
    return [eventOf(place, 'customer', customer, { kind: 'system', dedupeKey: key, occurredAt, system: { code: 'user_preferences', text: textOf(at(preference, 'detail')), data: preference } })];
  }
  return [consent(place, customer, state, { key, occurredAt })];
}

export const consent = (place: Place, customer: ObservedAddress[], state: NonNullable<InboundEvent['consent']>['state'], o: { key: string; occurredAt: string | null }): InboundEvent =>
  eventOf(place, 'customer', customer, { kind: 'consent', dedupeKey: o.key, occurredAt: o.occurredAt, consent: { purpose: 'marketing', state, keyword: null } });
