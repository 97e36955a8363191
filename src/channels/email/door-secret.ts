// Doors whose caller proves himself by a secret that he was given, since his mail or webhook is not signed.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Verification } from '../channel.ts';

/** A secret of a door, as it is set. */
export const SECRET_LENGTH = { min: 12, max: 500 };

/** Of `Authorization: Bearer <secret>`, or Basic with the secret as password and any user; null when neither was shown. */
export function shownSecret(authorization: string | undefined): string | null {
  const [, scheme, value] = /^\s*(bearer|basic)\s+(\S+)\s*$/i.exec(authorization ?? '') ?? [];
  if (!scheme || !value) return null;
  if (scheme.toLowerCase() === 'bearer') return value;
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? null : text.slice(colon + 1);
}

/**
 * 401 when none was shown (`missing` says how to), 403 when it is a wrong one. Every secret in force is compared, each in constant time; their
 * lengths don't show either, since digests are compared.
 */
export function verifySecret(shown: string | null, secrets: (string | undefined)[], missing: string): Verification {
  if (shown === null) return { ok: false, status: 401, reason: missing };
  let ok = false;
  for (const secret of secrets) {
    if (secret !== undefined && timingSafeEqual(digest(shown), digest(secret))) ok = true;
  }
  return ok ? { ok: true } : { ok: false, status: 403, reason: 'This is not the secret of this mailbox.' };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
