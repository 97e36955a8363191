// How Twilio writes who is at the other end, in our words.
import type { ObservedAddress } from '../channel.ts';
import { observed, telephoneForm, type AddressForm } from '../telephone.ts';

export interface AddressContext {
  /** Scopes the names that a Twilio account gives out. */
  accountSid: string | null;
  trust: ObservedAddress['trust'];
  displayName?: string | null;
}

/**
 * The address as one that a message can be anchored to; null when it is empty. What isn't a telephone number (see `telephoneForm`):
 *   `twilio_client:AC…`   a browser or app, by the name that the Twilio account gave it.
 *   `whatsapp:US.…`       a WhatsApp user without a number, by the id that Meta gave him for the business portfolio. Twilio doesn't name the portfolio:
 *                         the Twilio account stands for it, and a parent id (`US.ENT.…`, of several portfolios) likewise.
 */
export function observedAddress(raw: string | null, context: AddressContext): ObservedAddress | null {
  const form = (text: string): AddressForm => FORMS.find(({ pattern }) => pattern.test(text))?.read(text, context) ?? telephoneForm(text);
  return observed(raw, form, { trust: context.trust, displayName: context.displayName ?? null });
}

// The first that matches.
const FORMS: { pattern: RegExp; read(text: string, context: AddressContext): AddressForm }[] = [
  { pattern: /^sips?:/i, read: () => ({ kind: 'sip_uri' }) },
  {
    pattern: /^client:./i,
    read: (text, { accountSid }) => ({ kind: 'external_id', namespace: `twilio_client:${accountSid ?? ''}`, value: text.slice('client:'.length) }),
  },
  { pattern: /^whatsapp:\+/i, read: () => ({ kind: 'phone' }) },
  {
    pattern: /^whatsapp:./i,
    read: (text, { accountSid }) => {
      const value = text.slice('whatsapp:'.length);
      return { kind: /^[a-z]{2}\.ENT\./i.test(value) ? 'wa_parent_bsuid' : 'wa_bsuid', namespace: accountSid ?? '', value };
    },
  },
];
