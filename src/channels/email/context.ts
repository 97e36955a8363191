// What the door knows of a mail beside its bytes, as headers of the request. Our own doors write them; of those that a client sends,
// the account's door keeps only the envelope ones (provider.ts says which).
import { isoMoment } from './moments.ts';

export interface MailContext {
  /** SMTP's MAIL FROM: '' is the null sender of bounces; null: unknown. */
  envelopeFrom: string | null;
  /** The one mailbox of ours that it was delivered to. */
  envelopeTo: string | null;
  /** When our SMTP receiver, or the client's, took it. */
  receivedAt: string | null;
  /** The account's trusted authserv-id (RFC 8601, 2.5): whose `Authentication-Results` count. */
  authservId: string | null;
  /** The domain for which our own verifier found DMARC aligned. */
  dmarcDomain: string | null;
  /** An import of old mail: `Date` is the best time there is when no server wrote one. */
  imported: boolean;
}

export const NO_CONTEXT: MailContext = { envelopeFrom: null, envelopeTo: null, receivedAt: null, authservId: null, dmarcDomain: null, imported: false };

/** Reads `x-envelope-from`, `x-envelope-to`, `x-received-at` (RFC 3339), `x-authserv-id`, `x-dmarc-domain`, `x-import: true`. */
export function contextOf(headers: Record<string, string>): MailContext {
  const from = headers['x-envelope-from'];
  return {
    envelopeFrom: from === undefined ? null : bare(from),
    envelopeTo: bare(headers['x-envelope-to']?.split(',')[0] ?? '') || null,
    receivedAt: isoMoment(headers['x-received-at'] ?? null),
    authservId: headers['x-authserv-id']?.trim().toLowerCase() || null,
    dmarcDomain: headers['x-dmarc-domain']?.trim().toLowerCase() || null,
    imported: headers['x-import']?.trim().toLowerCase() === 'true',
  };
}

/** The same, for whoever hands a mail on to `parse`. */
export function contextHeaders(context: Partial<MailContext>): Record<string, string> {
  return {
    ...(context.envelopeFrom != null && { 'x-envelope-from': context.envelopeFrom }),
    ...(context.envelopeTo != null && { 'x-envelope-to': context.envelopeTo }),
    ...(context.receivedAt != null && { 'x-received-at': context.receivedAt }),
    ...(context.authservId != null && { 'x-authserv-id': context.authservId }),
    ...(context.dmarcDomain != null && { 'x-dmarc-domain': context.dmarcDomain }),
    ...(context.imported && { 'x-import': 'true' }),
  };
}

const bare = (text: string): string => text.trim().replace(/^<|>$/g, '').trim();
