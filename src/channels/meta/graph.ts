// One call of Meta's Graph API, and what came of it: for Messenger, Instagram and WhatsApp, each with its own table of what errors mean.
// https://developers.facebook.com/docs/graph-api/guides/error-handling
import { OutgoingError, type HttpClient, type HttpResponse } from '../../platform/http.ts';
import type { CredentialCheck } from '../channel.ts';
import { readJson } from '../json.ts';
import { at, idOf, isTrue, textOf } from './messaging-read.ts';

/** https://developers.facebook.com/docs/graph-api/changelog */
export const GRAPH_VERSION = 'v25.0';
export const GRAPH_FACEBOOK = 'https://graph.facebook.com';
/** For accounts that were connected by Instagram Login, without a Page. */
export const GRAPH_INSTAGRAM = 'https://graph.instagram.com';

export interface Meaning {
  /** A sentence for the agent. */
  reason: string;
  retryable: boolean;
  /** Meta answers this although it has sent the message. */
  maybeSent?: true;
}
/** What Meta itself said of an error; `transient`: it says, or its status does, that the same call may succeed later. */
export interface Said {
  message: string | null;
  /** Which field was wrong, and how (`error_data.details`): of WhatsApp mostly. */
  details: string | null;
  transient: boolean;
}
/** `subcode`: null where Meta gave none. For a code that isn't in the channel's table: by what Meta said. */
export type MeaningOf = (code: string, subcode: string | null, said: Said) => Meaning;

export interface Graph {
  baseUrl: string;
  /** Default: GRAPH_VERSION. */
  version?: string;
  accessToken: string;
  http: HttpClient;
  meaningOf: MeaningOf;
}

export type Called =
  | { outcome: 'answered'; answer: unknown }
  /** `errorCode`: code/subcode; `message`: Meta's own words. */
  | { outcome: 'refused'; errorCode: string; meaning: Meaning; message: string | null; retryAfterMs?: number }
  /** Surely nothing reached Meta. */
  | { outcome: 'unreached'; errorCode: string; reason: string; retryable: boolean }
  | { outcome: 'unknown'; reason: string };

/** The token goes as a header, so that no address holds it. A body that is an object is sent as JSON. */
export async function callGraph(graph: Graph, method: 'GET' | 'POST', path: string, o: { body?: object | FormData; timeoutMs?: number } = {}): Promise<Called> {
  try {
    return calledOf(await graph.http.request({
      method, url: `${graph.baseUrl.replace(/(?<!\/)\/+$/, '')}/${graph.version ?? GRAPH_VERSION}/${path}`, ...(await sent(graph.accessToken, o.body)),
      timeoutMs: o.timeoutMs ?? 15_000, responseBytesMax: 1024 * 1024,
    }), graph.meaningOf);
  } catch (error) {
    if (error instanceof OutgoingError && !error.maybeReceived) {
      const retryable = error.code !== 'INVALID_URL' && error.code !== 'PRIVATE_ADDRESS';
      return { outcome: 'unreached', errorCode: error.code, reason: `Meta was not reached: ${error.message}`, retryable };
    }
    return { outcome: 'unknown', reason: `Meta gave no answer: ${error instanceof Error ? error.message : String(error)}` };
  }
}

async function sent(accessToken: string, body: object | FormData | undefined): Promise<{ headers: Record<string, string>; body?: string | Buffer }> {
  const headers = { authorization: `Bearer ${accessToken}`, accept: 'application/json' };
  if (body === undefined) return { headers };
  if (!(body instanceof FormData)) return { headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) };
  // The platform's own encoder knows how names of files are escaped.
  const encoded = new Response(body);
  return { headers: { ...headers, 'content-type': encoded.headers.get('content-type')! }, body: Buffer.from(await encoded.arrayBuffer()) };
}

function calledOf(response: HttpResponse, meaningOf: MeaningOf): Called {
  const answer = answerOf(response);
  const error = at(answer, 'error');
  if (error === undefined && response.status >= 200 && response.status < 300) return { outcome: 'answered', answer };
  const waiting = retryAfter(response);
  const code = idOf(at(error, 'code'));
  if (code === null) {
    // A gateway gave up waiting for Meta, which may have gone on with it.
    if (response.status === 502 || response.status === 504) return { outcome: 'unknown', reason: `A gateway before Meta answered ${response.status}.` };
    return { outcome: 'refused', errorCode: `HTTP_${response.status}`, message: null, meaning: { reason: `Meta answered with HTTP status ${response.status}.`, retryable: passes(response.status) }, ...waiting };
  }
  // Meta gives subcodes of 0 and of -1 where there is none.
  const subcode = idOf(at(error, 'error_subcode'))?.replace(/^(0|-1)$/, '') || null;
  const message = textOf(at(error, 'message'));
  const details = textOf(at(at(error, 'error_data'), 'details'));
  const meaning = meaningOf(code, subcode, { message, details, transient: isTrue(at(error, 'is_transient')) || passes(response.status) });
  return { outcome: 'refused', errorCode: subcode === null ? code : `${code}/${subcode}`, message, meaning, ...waiting };
}

const passes = (status: number): boolean => status === 408 || status === 425 || status === 429 || status >= 500;

/** Anything but JSON (a proxy's page) says nothing. */
function answerOf(response: HttpResponse): unknown {
  try {
    return readJson(response.body);
  } catch {
    return undefined;
  }
}

const WAIT_MS_MAX = 3_600_000;

/** Retry-After in seconds, or what Meta's own header of usage says, in minutes; an hour at the most, whatever they say. */
function retryAfter({ headers }: HttpResponse): { retryAfterMs?: number } {
  const seconds = /^\s*(\d{1,6})\s*$/.exec(headers['retry-after'] ?? '')?.[1];
  if (seconds !== undefined) return { retryAfterMs: Math.min(Number(seconds) * 1_000, WAIT_MS_MAX) };
  const minutes = [...(headers['x-business-use-case-usage'] ?? '').matchAll(/"estimated_time_to_regain_access"\s*:\s*(\d{1,6})/g)].map((found) => Number(found[1]));
  const longest = Math.max(0, ...minutes);
  return longest > 0 ? { retryAfterMs: Math.min(longest * 60_000, WAIT_MS_MAX) } : {};
}

/** Why a call that was to read something has no answer, for who connects an account. */
export function refused(called: Exclude<Called, { outcome: 'answered' }>): Extract<CredentialCheck, { ok: false }> {
  if (called.outcome !== 'refused') return { ok: false, reason: called.reason, retryable: called.outcome === 'unknown' || called.retryable };
  const { meaning, message } = called;
  return { ok: false, reason: message === null ? meaning.reason : `${meaning.reason} Meta says: ${message}`, retryable: meaning.retryable };
}

/** The token ended, or was taken back: 190 and its subcodes. */
export const isTokenFault = (errorCode: string): boolean => /^190(?:$|\D)/.test(errorCode);
