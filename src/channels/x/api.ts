// One signed request to X's API, and what its answer says.
import { nowMs } from '../../platform/clock.ts';
import { OutgoingError, type HttpClient, type HttpResponse } from '../../platform/http.ts';
import { readJson } from '../json.ts';
import type { XSecrets, XSettings } from './account.ts';
import { meaningOf } from './codes.ts';
import { authorization } from './oauth.ts';
import { fieldsOf, idOf, listOf, textOf, type Fields } from './payload.ts';

export interface XRequest {
  method: 'GET' | 'POST';
  /** Path and query. */
  path: string;
  json?: object;
  /** Of another type than JSON: never part of the signature. */
  body?: { type: string; content: Buffer };
  timeoutMs?: number;
}

export type XAnswer =
  | { outcome: 'answered'; body: Fields; headers: Record<string, string> }
  | { outcome: 'refused'; status: number; errorCode: string; reason: string; retryable: boolean; retryAfterMs?: number }
  /** `maybeReceived`: X may have taken the request, and done what it asks. */
  | { outcome: 'lost'; maybeReceived: boolean; errorCode: string; reason: string; retryable: boolean };

const RESPONSE_BYTES_MAX = 256 * 1024;

/** Calls X in the name of the account. Any answer of X's is an outcome; nothing throws. */
export async function callX(request: XRequest, settings: XSettings, secrets: XSecrets, http: HttpClient): Promise<XAnswer> {
  const url = `${settings.apiBaseUrl.replace(/(?<!\/)\/+$/, '')}${request.path}`;
  const body = request.json ? { type: 'application/json', content: Buffer.from(JSON.stringify(request.json)) } : request.body;
  try {
    const response = await http.request({
      method: request.method, url,
      headers: {
        authorization: authorization({ method: request.method, url }, secrets), accept: 'application/json',
        ...(body ? { 'content-type': body.type } : request.method === 'POST' ? { 'content-length': '0' } : {}),
      },
      ...(body ? { body: body.content } : {}),
      timeoutMs: request.timeoutMs ?? 15_000, responseBytesMax: RESPONSE_BYTES_MAX,
    });
    return answerOf(response);
  } catch (error) {
    if (!(error instanceof OutgoingError)) throw error;
    const passing = error.code !== 'INVALID_URL' && error.code !== 'PRIVATE_ADDRESS';
    return { outcome: 'lost', maybeReceived: error.maybeReceived, errorCode: error.code, reason: `X ${error.maybeReceived ? 'gave no answer' : 'was not reached'}: ${error.message}`, retryable: passing };
  }
}

function answerOf(response: HttpResponse): XAnswer {
  const { status } = response;
  const body = bodyOf(response);
  const ok = status >= 200 && status < 300;
  // An answer may be 200 and hold nothing but errors.
  if (ok && (body === null || fieldsOf(body).errors === undefined || fieldsOf(body).data !== undefined)) {
    return body === null
      ? { outcome: 'lost', maybeReceived: true, errorCode: 'NO_ANSWER', reason: `The answer ${status} is not X's.`, retryable: true }
      : { outcome: 'answered', body, headers: response.headers };
  }
  // A gateway gave up waiting for what stands behind it, which may have gone on.
  if (status === 502 || status === 504) return { outcome: 'lost', maybeReceived: true, errorCode: `HTTP_${status}`, reason: `A gateway of X answered ${status}.`, retryable: true };
  const { names, said } = refusalOf(fieldsOf(body), status);
  return { outcome: 'refused', status, ...meaningOf(names, status, said), ...retryAfter(status, response.headers) };
}

function bodyOf(response: HttpResponse): Fields | null {
  // Appending to an upload and the like are answered with nothing.
  if (response.body.length === 0) return {};
  try {
    const body = readJson(response.body);
    return typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Fields) : null;
  } catch {
    return null;
  }
}

/** The names of a refusal, the most exact first, and what X says of it in words. */
function refusalOf(body: Fields, status: number): { names: string[]; said: string | null } {
  const errors = listOf(body.errors).map(fieldsOf);
  const problems = [body, ...errors].map(({ type }) => /\/problems\/([\w-]+)$/.exec(textOf(type) ?? '')?.[1]);
  const names = [...errors.map(({ code }) => idOf(code)), ...problems].filter((name): name is string => typeof name === 'string');
  const said = [body.detail, ...errors.flatMap(({ message, detail }) => [message, detail]), body.title].map(textOf).find((text) => text !== null) ?? null;
  return { names: [...names, `HTTP_${status}`], said: said?.slice(0, 500) ?? null };
}

/** Limits of a quarter of an hour, and of a day for the account and for the app: each says when it begins anew, in seconds since 1970. */
const LIMITS = ['x-rate-limit', 'x-user-limit-24hour', 'x-app-limit-24hour'];
const WAIT_MS_MAX = 86_400_000;

function retryAfter(status: number, headers: Record<string, string>): { retryAfterMs?: number } {
  if (status !== 429 && status !== 503) return {};
  const resets = LIMITS.filter((limit) => headers[`${limit}-remaining`] === undefined || headers[`${limit}-remaining`] === '0')
    .flatMap((limit) => (/^\d{1,12}$/.test(headers[`${limit}-reset`] ?? '') ? [Number(headers[`${limit}-reset`]) * 1_000 - nowMs()] : []));
  const seconds = /^\s*(\d{1,6})\s*$/.exec(headers['retry-after'] ?? '')?.[1];
  const waits = [...resets, ...(seconds === undefined ? [] : [Number(seconds) * 1_000])];
  return waits.length === 0 ? {} : { retryAfterMs: Math.min(Math.max(...waits, 1_000), WAIT_MS_MAX) };
}
