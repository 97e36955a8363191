// Whether a request is X's: a base64 HMAC-SHA256 of the raw body by a secret of the app, and the challenge by which X checks that the address is ours.
// https://docs.x.com/x-api/webhooks/introduction#security
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { z } from 'zod';
import type { HttpReply, RawRequest, Verification } from '../channel.ts';
import type { xSecrets } from './account.ts';

export type SigningSecrets = Pick<z.infer<typeof xSecrets>, 'consumerSecret' | 'clientSecret'>;

/** Far above what X sends: the largest is a post with its users. */
const BODY_BYTES_MAX = 2 * 1024 * 1024;

/**
 * An app with a client secret (OAuth 2.0) is signed for by that, an older one by its consumer secret (OAuth 1.0a), and while an app moves from one to
 * the other X sends both headers.
 */
const SIGNATURES = [
  { header: 'x-twitter-webhooks-signature-oauth2', secret: 'clientSecret' },
  { header: 'x-twitter-webhooks-signature', secret: 'consumerSecret' },
] as const;

/**
 * What a challenge may look like. X signs deliveries and answers to challenges in the same way, so whoever knows this address could have a delivery
 * signed by asking for it as a challenge. A delivery that says anything is a JSON object: what could be one isn't answered.
 */
const CHALLENGE = /^[\w .:~=+/-]{1,512}$/;

/**
 * Accepts a POST that was signed with one of the secrets (two sets while one is rotated), over the raw bytes, in constant time; and a GET with a
 * challenge, which X doesn't sign.
 */
export function verifyX(request: RawRequest, secrets: readonly SigningSecrets[]): Verification {
  if (request.method.toUpperCase() === 'GET') return verifyChallenge(challengeOf(request));
  const given = SIGNATURES.filter(({ header }) => request.headers[header]);
  if (given.length === 0) return { ok: false, status: 400, reason: 'The header X-Twitter-Webhooks-Signature is missing.' };
  if (request.body.length > BODY_BYTES_MAX) return { ok: false, status: 400, reason: `The body has ${request.body.length} bytes; ${BODY_BYTES_MAX} are taken.` };
  let valid = false;
  for (const { header, secret } of given) {
    for (const { [secret]: key } of secrets) {
      // No early end: how long it takes doesn't tell which secret was right.
      if (key !== undefined) valid = same(request.headers[header]!, hmac(key, request.body)) || valid;
    }
  }
  if (valid) return { ok: true };
  const needsClientSecret = given.every(({ secret }) => secret === 'clientSecret') && secrets.every(({ clientSecret }) => clientSecret === undefined);
  return {
    ok: false, status: 403,
    reason: needsClientSecret
      ? 'X signs this app\'s deliveries with its OAuth 2.0 client secret, which this endpoint does not have: add it as clientSecret.'
      : 'The signature is not made with this endpoint\'s secrets over these bytes.',
  };
}

function verifyChallenge(challenge: string | null): Verification {
  if (challenge === null) return { ok: false, status: 400, reason: 'A GET here is X\'s challenge, and it is missing: crc_token.' };
  return CHALLENGE.test(challenge) ? { ok: true } : { ok: false, status: 400, reason: 'The crc_token is not of a form that X sends.' };
}

/** To a challenge its answer, made with the current secret; to deliveries an empty 200. */
export function respondToX(request: RawRequest, secrets: readonly SigningSecrets[]): HttpReply {
  if (request.method.toUpperCase() !== 'GET') return { status: 200, headers: {}, body: '' };
  const challenge = challengeOf(request);
  const [current] = secrets;
  if (!current || challenge === null || !CHALLENGE.test(challenge)) return { status: 400, headers: JSON_HEADERS, body: '{"error":"There is no crc_token that can be answered."}' };
  const token = hmac(current.clientSecret ?? current.consumerSecret, challenge);
  return { status: 200, headers: JSON_HEADERS, body: JSON.stringify({ response_token: token }) };
}

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8', 'x-content-type-options': 'nosniff' };

function challengeOf(request: RawRequest): string | null {
  try {
    return new URL(request.url).searchParams.get('crc_token') || null;
  } catch {
    return null;
  }
}

const hmac = (key: string, message: string | Buffer): string => `sha256=${createHmac('sha256', key).update(message).digest('base64')}`;

/** Of texts of any length: their digests are compared. */
const same = (a: string, b: string): boolean => timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
