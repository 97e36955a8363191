// Whether a request is Twilio's: X-Twilio-Signature, a base64 HMAC-SHA1 by the account's auth token over the address and the fields.
// https://www.twilio.com/docs/usage/security#validating-requests
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import querystring from 'node:querystring';
import { z } from 'zod';
import { Unparsable, type RawRequest, type Verification } from '../channel.ts';
import { rawPairs, type RawPair } from './form.ts';

/** Far above what Twilio sends. A forged request shall not cost a signature over megabytes, for every spelling of the address. */
const BODY_BYTES_MAX = 512 * 1024;

export const twilioSecrets = z.strictObject({
  authToken: z.string().regex(/^\S+$/, 'The auth token of the Twilio account that owns the number, without blanks: its webhooks are signed with it.'),
});
export type TwilioSecrets = z.infer<typeof twilioSecrets>;

/**
 * Accepts a request that was signed with one of `authTokens` (two while one is rotated). The fields are taken from the bytes as they came, in
 * constant time. Twilio signs no time: a request that is sent again is caught by its de-duplication key, not here.
 *
 * A JSON body isn't part of the signature; its SHA-256 stands in the address, as `bodySHA256`. Without that, the body is read as a form, so
 * unsigned JSON never passes.
 */
export function verifyTwilio(request: RawRequest, authTokens: readonly string[]): Verification {
  const given = request.headers['x-twilio-signature'];
  if (!given) return { ok: false, status: 400, reason: 'The header X-Twilio-Signature is missing.' };
  if (request.body.length > BODY_BYTES_MAX) return { ok: false, status: 400, reason: `The body has ${request.body.length} bytes; ${BODY_BYTES_MAX} are taken.` };
  let urls: string[];
  let signedFields: Buffer;
  try {
    urls = addresses(request);
    const bodySha256 = new URL(request.url).searchParams.get('bodySHA256');
    if (bodySha256 !== null && !same(createHash('sha256').update(request.body).digest('hex'), bodySha256.toLowerCase())) {
      return { ok: false, status: 403, reason: 'The body is not the one whose SHA-256 the address names.' };
    }
    const form = bodySha256 !== null || request.method.toUpperCase() === 'GET' ? '' : request.body.toString('latin1');
    signedFields = Buffer.from(joined(rawPairs(form)), 'latin1');
  } catch (error) {
    // TypeError: the address is no URL.
    if (!(error instanceof Unparsable || error instanceof TypeError)) throw error;
    return { ok: false, status: 400, reason: `The request can't be read: ${error.message}` };
  }
  let valid = false;
  for (const token of authTokens) {
    for (const url of urls) {
      const expected = createHmac('sha1', token).update(url).update(signedFields).digest('base64');
      // No early end: how long it takes doesn't tell which token or address was right.
      valid = same(given, expected) || valid;
    }
  }
  if (valid) return { ok: true };
  return { ok: false, status: 403, reason: 'X-Twilio-Signature is not made with this endpoint\'s auth token over this address and these fields.' };
}

/** By name in byte order, name and value run together. A repeated name: each different value once, in order, each behind the name. */
function joined(pairs: RawPair[]): string {
  const values = new Map<string, Set<string>>();
  for (const [name, value] of pairs) values.set(name, (values.get(name) ?? new Set()).add(value));
  return [...values.keys()].sort().map((name) => [...values.get(name)!].sort().map((value) => name + value).join('')).join('');
}

/**
 * The spellings of the address that Twilio may have signed: with and without the port (its own libraries differ by release and by scheme), with
 * the query as given and as an older encoder wrote it, as we were called and as the URL standard writes it (`'` is `%27`). Credentials of the
 * address are part of it; they reach us as a header.
 */
function addresses(request: RawRequest): string[] {
  const spellings = new Set<string>();
  for (const url of [request.url, new URL(request.url).href]) {
    const match = /^(https?):\/\/(?:([^/?#]*)@)?([^/?#@]*?)(?::(\d*))?([/?#].*)?$/is.exec(url);
    if (!match) continue;
    const [, scheme, credentials, host, port, rest = ''] = match;
    const queries = new Set([rest, reencoded(rest)]);
    for (const user of new Set([credentials ?? '', basicCredentials(request.headers.authorization)])) {
      const before = `${scheme}://${user === '' ? '' : `${user}@`}${host}`;
      const standardPort = scheme!.toLowerCase() === 'https' ? '443' : '80';
      for (const query of queries) spellings.add(`${before}${query}`).add(`${before}:${port || standardPort}${query}`);
    }
  }
  return [...spellings];
}

function reencoded(rest: string): string {
  const at = rest.indexOf('?');
  return at < 0 ? rest : `${rest.slice(0, at)}?${querystring.stringify(querystring.parse(rest.slice(at + 1)))}`;
}

function basicCredentials(authorization: string | undefined): string {
  const encoded = /^basic\s+([a-z0-9+/]+=*)\s*$/i.exec(authorization ?? '')?.[1];
  return encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8').replace(/:$/, '');
}

function same(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}
