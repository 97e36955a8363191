// Pure: how telephone networks write who is at the other end of a text message, in our words.
import { normalAddress } from '../identities/address.ts';
import type { ObservedAddress } from './channel.ts';

/** What a spelling says of an address, before its normal form. */
export interface AddressForm {
  kind: ObservedAddress['kind'];
  namespace?: string;
  value?: string;
  trust?: ObservedAddress['trust'];
}

/**
 * What isn't a telephone number is `external_id`, by a namespace:
 *   `short_code`   three to eight digits. No E.164 number: a country's operators give them out, and nobody is called on one.
 *   `sender_id`    letters ("ACME"). Whoever sends may write what he likes there, so it is only claimed.
 */
export function telephoneForm(text: string): AddressForm {
  if (text.startsWith('+')) return { kind: 'phone' };
  if (/^\d{3,8}$/.test(text)) return { kind: 'external_id', namespace: 'short_code' };
  // A number whose plus was lost on the way: the networks behind these APIs have no national ones.
  if (/^\d{9,15}$/.test(text)) return { kind: 'phone', value: `+${text}` };
  return { kind: 'external_id', namespace: 'sender_id', trust: 'claimed' };
}

/** The address as one that a message can be anchored to; null when it is empty. */
export function observed(raw: string | null, formOf: (text: string) => AddressForm, o: { trust: ObservedAddress['trust']; displayName: string | null }): ObservedAddress | null {
  const text = raw?.trim() ?? '';
  if (text === '') return null;
  const { kind, namespace = '', value = text, trust = o.trust } = formOf(text);
  const address = normalAddress({ kind, namespace, value });
  return address && { kind, namespace: address.namespace, value: address.value, valueRaw: raw!, trust, displayName: o.displayName };
}

/** Standing thread of a pair of numbers: everything between them. Sending makes the same key, so that an answer finds its conversation. */
export const laneKey = (account: string | null, counterpart: string): string => `${account ?? ''} ${counterpart}`;
