// Whether a request is Meta's: X-Hub-Signature-256, a hex HMAC-SHA256 of the raw body by the app's secret; and the handshake of a new address.
// https://developers.facebook.com/docs/graph-api/webhooks/getting-started
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { HttpReply, RawRequest, Verification } from '../channel.ts';

/** Meta documents 3 MB at the most. */
const BODY_BYTES_MAX = 4 * 1024 * 1024;

export const metaSecrets = z.strictObject({
  appSecret: z.string().regex(/^\S+$/, 'The app secret (App settings, Basic): webhooks are signed with it.'),
  verifyToken: z.string().min(8, 'A text of your own, at least 8 characters, that you also type in where Meta asks for the verify token.'),
  accessToken: z.string().regex(/^\S+$/, 'An access token that may send: of a system user (WhatsApp) or of the Page (Messenger, Instagram).'),
});
export type MetaSecrets = z.infer<typeof metaSecrets>;

/**
 * Accepts a POST that was signed with one of the app secrets (two while one is rotated), and a GET that knows one of the verify tokens. Over the raw
 * bytes, in constant time. The older X-Hub-Signature (SHA-1) counts only where the newer is missing.
 */
export function verifyMeta(request: RawRequest, secrets: readonly MetaSecrets[]): Verification {
  if (request.method.toUpperCase() === 'GET') return verifyHandshake(request, secrets);
  const [name, algorithm] = request.headers['x-hub-signature-256'] !== undefined ? ['x-hub-signature-256', 'sha256'] as const : ['x-hub-signature', 'sha1'] as const;
  const given = request.headers[name];
  if (!given) return { ok: false, status: 400, reason: 'The header X-Hub-Signature-256 is missing.' };
  if (request.body.length > BODY_BYTES_MAX) return { ok: false, status: 400, reason: `The body has ${request.body.length} bytes; ${BODY_BYTES_MAX} are taken.` };
  let valid = false;
  for (const { appSecret } of secrets) {
    // No early end: how long it takes doesn't tell which secret was right.
    valid = same(given, `${algorithm}=${createHmac(algorithm, appSecret).update(request.body).digest('hex')}`) || valid;
  }
  return valid ? { ok: true } : { ok: false, status: 403, reason: 'The signature is not made with this endpoint\'s app secret over these bytes.' };
}

function verifyHandshake(request: RawRequest, secrets: readonly MetaSecrets[]): Verification {
  const asked = new URL(request.url).searchParams;
  const token = asked.get('hub.verify_token');
  if (asked.get('hub.mode') !== 'subscribe' || token === null || asked.get('hub.challenge') === null) {
    return { ok: false, status: 400, reason: 'A GET here is Meta\'s handshake: hub.mode=subscribe, hub.verify_token and hub.challenge.' };
  }
  let valid = false;
  for (const { verifyToken } of secrets) valid = same(token, verifyToken) || valid;
  return valid ? { ok: true } : { ok: false, status: 403, reason: 'hub.verify_token is not the verify token of this endpoint.' };
}

/** The challenge, as text; to deliveries an empty 200. */
export function respondToMeta(request: RawRequest): HttpReply {
  const challenge = request.method.toUpperCase() === 'GET' ? (new URL(request.url).searchParams.get('hub.challenge') ?? '') : '';
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }, body: challenge.slice(0, 1_000) };
}

/** Of texts of any length: their digests are compared. */
const same = (a: string, b: string): boolean => timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
