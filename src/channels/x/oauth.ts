// A request signed for one user of X: OAuth 1.0a with HMAC-SHA1, as RFC 5849 has it.
// https://docs.x.com/fundamentals/authentication/oauth-1-0a/creating-a-signature
import { createHmac, randomBytes } from 'node:crypto';
import { nowMs } from '../../platform/clock.ts';
import type { XSecrets } from './account.ts';

export type OauthKeys = Pick<XSecrets, 'consumerKey' | 'consumerSecret' | 'accessToken' | 'accessTokenSecret'>;

/** What no two requests share: who gives one, fixes the signature. */
export interface Once {
  nonce: string;
  /** Seconds since 1970. */
  timestamp: number;
}

/**
 * The `Authorization` of a request. `form`: the body's parameters, only where it is urlencoded: JSON and multipart bodies aren't part of the signature
 * (RFC 5849, 3.4.1.3.1).
 */
export function authorization(request: { method: string; url: string; form?: Iterable<[string, string]> }, keys: OauthKeys, once: Once = fresh()): string {
  const url = new URL(request.url);
  const oauth: [string, string][] = [
    ['oauth_consumer_key', keys.consumerKey], ['oauth_nonce', once.nonce], ['oauth_signature_method', 'HMAC-SHA1'], ['oauth_timestamp', String(once.timestamp)],
    ['oauth_token', keys.accessToken], ['oauth_version', '1.0'],
  ];
  const parameters = [...oauth, ...url.searchParams, ...(request.form ?? [])]
    .map(([name, value]): [string, string] => [encoded(name), encoded(value)])
    // By name, then by value, in the order of their bytes; encoded, they are ASCII (3.4.1.3.2).
    .sort(([a, x], [b, y]) => (a === b ? compared(x, y) : compared(a, b)));
  const base = [request.method.toUpperCase(), `${url.origin}${url.pathname}`, parameters.map((pair) => pair.join('=')).join('&')].map(encoded).join('&');
  const signature = createHmac('sha1', `${encoded(keys.consumerSecret)}&${encoded(keys.accessTokenSecret)}`).update(base).digest('base64');
  return `OAuth ${[...oauth, ['oauth_signature', signature] as const].map(([name, value]) => `${encoded(name)}="${encoded(value)}"`).join(', ')}`;
}

const fresh = (): Once => ({ nonce: randomBytes(16).toString('hex'), timestamp: Math.floor(nowMs() / 1_000) });

const compared = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** RFC 3986's unreserved characters stay, and no others (3.6). */
const encoded = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
