// How Twilio writes who is at the other end, in our words.
import { normalAddress } from '../../identities/address.ts';
import type { ObservedAddress } from '../channel.ts';

export interface AddressContext {
  /** Scopes the names that a Twilio account gives out. */
  accountSid: string | null;
  trust: ObservedAddress['trust'];
  displayName?: string | null;
}

/**
 * The address as one that a message can be anchored to; null when it is empty. What isn't a telephone number is `external_id`, by a namespace:
 *   `short_code`            three to eight digits. No E.164 number: a country's operators give them out, and nobody is called on one.
 *   `sender_id`             letters ("ACME"). Whoever sends may write what he likes there, so it is only claimed.
 *   `twilio_client:AC…`     a browser or app, by the name that the Twilio account gave it.
 */
export function observedAddress(raw: string | null, context: AddressContext): ObservedAddress | null {
  if (raw === null || raw.trim() === '') return null;
  const form = FORMS.find(({ pattern }) => pattern.test(raw.trim()))!;
  const { kind, namespace = '', value = raw.trim(), trust = context.trust } = form.read(raw.trim(), context);
  const address = normalAddress({ kind, namespace, value });
  return address && { kind, namespace: address.namespace, value: address.value, valueRaw: raw, trust, displayName: context.displayName ?? null };
}

interface Read {
  kind: ObservedAddress['kind'];
  namespace?: string;
  value?: string;
  trust?: ObservedAddress['trust'];
}

// The first that matches.
const FORMS: { pattern: RegExp; read(text: string, context: AddressContext): Read }[] = [
  { pattern: /^sips?:/i, read: () => ({ kind: 'sip_uri' }) },
  {
    pattern: /^client:./i,
    read: (text, { accountSid }) => ({ kind: 'external_id', namespace: `twilio_client:${accountSid ?? ''}`, value: text.slice('client:'.length) }),
  },
  { pattern: /^(?:whatsapp:)?\+/i, read: () => ({ kind: 'phone' }) },
  // A WhatsApp user without a number: a business-scoped id.
  {
    pattern: /^whatsapp:./i,
    read: (text, { accountSid }) => ({ kind: 'wa_bsuid', namespace: accountSid ?? '', value: text.slice('whatsapp:'.length) }),
  },
  { pattern: /^\d{3,8}$/, read: () => ({ kind: 'external_id', namespace: 'short_code' }) },
  // A number whose plus was lost on the way: Twilio has no national ones.
  { pattern: /^\d{9,15}$/, read: (text) => ({ kind: 'phone', value: `+${text}` }) },
  { pattern: /^/, read: () => ({ kind: 'external_id', namespace: 'sender_id', trust: 'claimed' }) },
];
