// Whether a callback is Bandwidth's: HTTP Basic (RFC 7617), by the name and password that were typed in at the application. Nothing is signed.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { RawRequest, Verification } from '../../channel.ts';
import type { BandwidthSecrets } from './settings.ts';

/**
 * Bandwidth's first request of every callback carries no credentials: it waits for a 401 that asks for them, and then sends the callback with them.
 * Without the challenge it would give up. https://dev.bandwidth.com/docs/numbers/webhooks#authentication
 * Two passwords count while one is rotated; in constant time.
 */
export function verifyBandwidth(request: RawRequest, secrets: readonly BandwidthSecrets[]): Verification {
  const given = /^basic\s+([a-z0-9+/_-]+=*)\s*$/i.exec(request.headers.authorization ?? '')?.[1];
  if (given === undefined) return { ok: false, status: 401, reason: 'The callback carries no HTTP Basic credentials.', challenge: 'Basic realm="callbacks", charset="UTF-8"' };
  const digest = digestOf(Buffer.from(given, 'base64'));
  let valid = false;
  for (const { callbackUsername, callbackPassword } of secrets) {
    // No early end: how long it takes doesn't tell which was right.
    valid = timingSafeEqual(digest, digestOf(Buffer.from(`${callbackUsername}:${callbackPassword}`, 'utf8'))) || valid;
  }
  return valid ? { ok: true } : { ok: false, status: 403, reason: 'The callback\'s credentials are not the ones of this endpoint.' };
}

/** Of texts of any length: their digests are compared. */
const digestOf = (text: Buffer): Buffer => createHash('sha256').update(text).digest();
