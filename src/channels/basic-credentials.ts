// HTTP Basic (RFC 7617), for who signs nothing: a name and a password that were typed in at the provider.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { RawRequest, Verification } from './channel.ts';

export interface Credentials {
  username: string;
  password: string;
}

/** Whether the request carries one of them (two while one is rotated), in constant time. One that carries none is asked for them, by 401. */
export function verifyBasic(request: RawRequest, accepted: readonly Credentials[]): Verification {
  const given = /^basic\s+([a-z0-9+/_-]+=*)\s*$/i.exec(request.headers.authorization ?? '')?.[1];
  if (given === undefined) return { ok: false, status: 401, reason: 'The request carries no HTTP Basic credentials.', challenge: 'Basic realm="callbacks", charset="UTF-8"' };
  const digest = digestOf(Buffer.from(given, 'base64'));
  let valid = false;
  for (const { username, password } of accepted) {
    // No early end: how long it takes doesn't tell which was right.
    valid = timingSafeEqual(digest, digestOf(Buffer.from(`${username}:${password}`, 'utf8'))) || valid;
  }
  return valid ? { ok: true } : { ok: false, status: 403, reason: 'The credentials are not the ones of this endpoint.' };
}

/** Of texts of any length: their digests are compared. */
const digestOf = (text: Buffer): Buffer => createHash('sha256').update(text).digest();
