// The sandbox's other side of OAuth 1.0a: whether a request is signed for a user by an app. RFC 5849, 3.2 and 3.4.
import { createHmac } from 'node:crypto';
import { nowMs } from '../platform/clock.ts';

export interface OauthPair {
  consumerKey: string;
  consumerSecret: string;
  token: string;
  tokenSecret: string;
}

/** How far a request's time may be from ours; X gives some minutes. */
const CLOCK_SECONDS_MAX = 300;

/** What is wrong with a request's `Authorization`; null when nothing is. A nonce counts once. */
export function oauthFault(request: { method: string; url: URL; authorization: string }, pair: OauthPair, nonces: Set<string>): string | null {
  if (!request.authorization.startsWith('OAuth ')) return 'The request is not signed by OAuth 1.0a.';
  const given = new Map(request.authorization.slice('OAuth '.length).split(',').map((field) => {
    const [name = '', value = ''] = field.trim().split('=', 2);
    return [decodeURIComponent(name), decodeURIComponent(value.replace(/^"|"$/g, ''))];
  }));
  const signature = given.get('oauth_signature');
  given.delete('oauth_signature');
  if (given.get('oauth_consumer_key') !== pair.consumerKey || given.get('oauth_token') !== pair.token) return 'The key or the token is not known.';
  if (given.get('oauth_signature_method') !== 'HMAC-SHA1' || (given.get('oauth_version') ?? '1.0') !== '1.0') return 'The method or the version is not taken.';
  if (Math.abs(Number(given.get('oauth_timestamp')) - nowMs() / 1_000) > CLOCK_SECONDS_MAX) return 'The timestamp is out of bounds.';
  const nonce = given.get('oauth_nonce') ?? '';
  if (nonce === '' || nonces.has(nonce)) return 'The nonce was used before.';
  nonces.add(nonce);
  // By name, and only then by value: `=` stands behind some characters of a name.
  const all = [...given, ...request.url.searchParams].map(([name, value]) => [escaped(name), escaped(value)]).sort(([a, x], [b, y]) => (a! < b! || (a === b && x! < y!) ? -1 : 1));
  const text = `${request.method}&${escaped(request.url.origin + request.url.pathname)}&${escaped(all.map((field) => field.join('=')).join('&'))}`;
  const expected = createHmac('sha1', `${escaped(pair.consumerSecret)}&${escaped(pair.tokenSecret)}`).update(text).digest('base64');
  return signature === expected ? null : 'The signature is another one.';
}

const UNRESERVED = /[A-Za-z0-9\-._~]/;
const escaped = (text: string): string =>
  [...Buffer.from(text, 'utf8')].map((byte) => (UNRESERVED.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)).join('');
