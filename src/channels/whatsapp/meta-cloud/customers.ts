// Pure: who the customer is. By his number while WhatsApp shows it, by the id that Meta gave him for this business, mostly by both.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
import { foldingKey, normalAddress } from '../../../identities/address.ts';
import type { ObservedAddress } from '../../channel.ts';
import { at, idOf, listOf, textOf } from '../../meta/messaging-read.ts';

/** `US.…`, of one business portfolio; `US.ENT.…`, of several that belong together. */
const USER_ID = /^[A-Z]{2}\.[A-Za-z0-9]{1,128}$/;
const PARENT_USER_ID = /^[A-Z]{2}\.ENT\.[A-Za-z0-9]{1,128}$/;
const PHONE = /^\+?\d{3,15}$/;

export interface Named {
  /** A number without its plus; it can hold a user id too. */
  phone: string | null;
  userId: string | null;
  parentUserId: string | null;
}
export const NOBODY: Named = { phone: null, userId: null, parentUserId: null };

/** By three fields of one object, whose names differ from place to place. */
export const namedBy = (value: unknown, phone: string, userId: string, parentUserId: string): Named => ({
  phone: idOf(at(value, phone)), userId: idOf(at(value, userId)), parentUserId: idOf(at(value, parentUserId)),
});

/**
 * The customer's addresses, the number first, since it finds his other channels. `contacts`: what the same delivery says of people; the one that is meant
 * completes him and gives his name. Meta signs all of them together, so they are one person's. An id that isn't formed as one is left out where there is
 * another address, and else kept: a message is never dropped for the form of an id. None when nobody is named.
 */
export function customerOf(wabaId: string | null, named: Named, contacts: unknown = null): ObservedAddress[] {
  const contact = contactOf(named, listOf(contacts));
  const { phone, userId, parentUserId } = completed(named, contact);
  const displayName = textOf(at(at(contact, 'profile'), 'name'));
  const username = (textOf(at(at(contact, 'profile'), 'username')) ?? textOf(at(contact, 'username')))?.replace(/^@/, '') || null;
  const scope = wabaId ?? '';
  const ids = [userId, phone].filter((id) => id !== null && USER_ID.test(id));
  const addresses = [
    ...(phone !== null && PHONE.test(phone) ? [address('phone', '', `+${phone.replace('+', '')}`, phone, displayName)] : []),
    ...ids.map((id) => address('wa_bsuid', scope, id!, id!, displayName)),
    // No payload names the parent business, and within one portfolio the id would say nothing that the other doesn't: it is for finding him across them.
    ...(parentUserId !== null && PARENT_USER_ID.test(parentUserId) ? [address('wa_parent_bsuid', '', parentUserId, parentUserId, displayName)] : []),
  ].filter((one) => one !== null);
  if (addresses.length === 0) {
    const odd = userId !== null ? address('wa_bsuid', scope, userId, userId, displayName) : phone !== null ? address('external_id', 'whatsapp_id', phone, phone, displayName) : null;
    if (odd !== null) addresses.push(odd);
  }
  const unique = addresses.filter((one, i) => addresses.findIndex(({ kind, value }) => kind === one.kind && value === one.value) === i);
  // The handle is shown in the number's place, so it belongs to the id where there is one.
  const shown = unique.find(({ kind }) => kind === 'wa_bsuid') ?? unique[0];
  return username === null ? unique : unique.map((one) => (one === shown ? { ...one, username } : one));
}

/** The contact with his number or id; with neither alike, the only one there is: older numbers of some countries are written in two ways. */
function contactOf({ phone, userId }: Named, contacts: unknown[]): unknown {
  const alike = contacts.find((contact) => {
    const [waId, id] = [idOf(at(contact, 'wa_id')), idOf(at(contact, 'user_id'))];
    return (waId !== null && waId === phone) || (id !== null && (id === userId || id === phone));
  });
  return alike ?? (contacts.length === 1 ? contacts[0] : undefined);
}

/** By what only the contact says of him, unless its id or its number is somebody else's. */
function completed(named: Named, contact: unknown): Named {
  const own = namedBy(contact, 'wa_id', 'user_id', 'parent_user_id');
  const alike = named.userId !== null && own.userId !== null ? named.userId === own.userId : named.phone === null || own.phone === null || numberOf(named.phone) === numberOf(own.phone);
  return alike ? { phone: named.phone ?? own.phone, userId: named.userId ?? own.userId, parentUserId: named.parentUserId ?? own.parentUserId } : named;
}

/** Equal for two spellings of one number. */
const numberOf = (phone: string): string => (PHONE.test(phone) ? foldingKey('PHONE', `+${phone.replace('+', '')}`) : phone);

/** Signed by Meta, so it is attested. Null for what can't be an address. */
export function address(kind: ObservedAddress['kind'], namespace: string, value: string, valueRaw = value, displayName: string | null = null): ObservedAddress | null {
  const normal = normalAddress({ kind, namespace, value });
  return normal && { kind, namespace: normal.namespace, value: normal.value, valueRaw, trust: 'attested', displayName };
}
