// Whether a request is by who holds the endpoint's secret, and of now: `x-throughline-signature: t=SECONDS,v1=HEX`, an HMAC-SHA256 of `SECONDS.` and the raw body.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { nowMs } from '../../platform/clock.ts';
import type { RawRequest, Verification } from '../channel.ts';

export const SIGNATURE_HEADER = 'x-throughline-signature';
/** How far the sender's clock may be from ours, and how long a request can be sent again as it is. */
const AGE_MS_MAX = 5 * 60_000;

/** In constant time, with every secret (two while one is rotated). */
export function verifySigned(request: RawRequest, keys: readonly string[]): Verification {
  const given = request.headers[SIGNATURE_HEADER];
  if (given === undefined) return { ok: false, status: 400, reason: `The header ${SIGNATURE_HEADER} is missing: \`t=SECONDS,v1=HEX\`, an HMAC-SHA256 of \`SECONDS.\` and the body.` };
  const [, seconds, hex] = /^t=(\d{1,12}),\s*v1=([0-9a-f]{64})$/i.exec(given.trim()) ?? [];
  if (seconds === undefined || hex === undefined) return { ok: false, status: 400, reason: `The header ${SIGNATURE_HEADER} is not of the form \`t=SECONDS,v1=HEX\` (64 hex digits).` };
  const signature = Buffer.from(hex, 'hex');
  let valid = false;
  // No early end: how long it takes doesn't tell which secret was right.
  for (const key of keys) valid = timingSafeEqual(signature, createHmac('sha256', key).update(`${seconds}.`).update(request.body).digest()) || valid;
  if (!valid) return { ok: false, status: 403, reason: 'The signature is not made with this endpoint\'s secret over these bytes.' };
  return Math.abs(nowMs() - Number(seconds) * 1_000) <= AGE_MS_MAX ? { ok: true } : { ok: false, status: 403, reason: 'It was signed more than five minutes from now: set the clock, and sign again what is sent again.' };
}
