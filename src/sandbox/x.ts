// X to develop and test with: Direct Messages and uploads of its API v2, the old addresses of pictures, and the webhooks of both of its APIs, signed, with
// the challenge. Written from X's documents. https://docs.x.com/x-api/direct-messages/manage/integrate · https://docs.x.com/x-api/webhooks/quickstart
import { createHmac, randomBytes } from 'node:crypto';
import { nowMs } from '../platform/clock.ts';
import { callWebhook, openSandbox, type Sandbox, type SandboxAnswer, type SandboxRequest, type Weather, type WebhookAnswer } from './sandbox.ts';
import { oauthFault, type OauthPair } from './x-oauth.ts';
import { xMedia, type XUpload } from './x-media.ts';

export interface XUser {
  id: string;
  name: string;
  username: string;
}
export interface XMessage {
  id: string;
  to: string;
  text: string | null;
  mediaId: string | null;
}
/** What comes to the account, or goes out by another client. */
export interface XDirectMessage {
  from: XUser;
  to: XUser;
  text: string;
  /** Further fields of X's `message_data`. */
  data?: Record<string, unknown>;
  id?: string;
  atMs?: number;
}
/** By which of X's two APIs a webhook is called, and what its headers are signed with. */
export interface Delivery {
  api?: 'account' | 'activity';
  sign?: 'consumer' | 'client' | 'both';
}

export interface XSandbox extends Sandbox {
  app: { consumerKey: string; consumerSecret: string; clientSecret: string };
  account: XUser & { accessToken: string; accessTokenSecret: string };
  /** Direct Messages that were taken, in order. X has no idempotency: what is sent twice stands here twice. */
  messages: XMessage[];
  uploads: Map<string, XUpload>;
  /** Users who take no Direct Messages from the account, and users that there are not. */
  closed: Set<string>;
  gone: Set<string>;
  /** How many messages are taken until `limit.resetAtMs`; null: any number. */
  limit: { remaining: number; resetAtMs: number } | null;
  /** What the access token may do, as X says it beside an answer. */
  accessLevel: string;
  /** How often an upload's state is `in_progress` before it is done, and whether it ends well. Pictures are done at once. */
  processing: { steps: number; ends: 'succeeded' | 'failed'; checkAfterSecs: number };
  /**
   * Has the webhook answer a challenge, as X does when it is registered and every hour. X itself calls `https://` addresses without a port only; on
   * loopback there are none.
   */
  challenge(webhook: string): Promise<{ valid: boolean; answer: WebhookAnswer }>;
  /** A Direct Message comes in, or (`from` is the account) was written in another client: the webhook is called. */
  deliver(webhook: string, message: XDirectMessage, how?: Delivery): Promise<WebhookAnswer & { id: string }>;
  /** The other one is typing, or has read up to a message. */
  typing(webhook: string, from: XUser, how?: Delivery): Promise<WebhookAnswer>;
  read(webhook: string, from: XUser, upTo: string, how?: Delivery): Promise<WebhookAnswer>;
  /** An encrypted chat's message: only X Activity has them. */
  chat(webhook: string, from: XUser, to: XUser): Promise<WebhookAnswer & { id: string }>;
  /** Any delivery, signed. */
  post(webhook: string, body: object | string, sign?: Delivery['sign']): Promise<WebhookAnswer>;
}

const EPOCH_MS = 1_288_834_974_657n;
let counter = 0n;
/** An id as X gives one: milliseconds in the upper bits, a counter in the lower. */
const newId = (atMs = nowMs()): string => (((BigInt(atMs) - EPOCH_MS) << 22n) | (counter++ & 0x3fffffn)).toString();

/** The documented signature of a webhook and of a challenge's answer: `sha256=` and base64(HMAC-SHA256(secret, bytes)). */
export const xSignature = (secret: string, bytes: string | Buffer): string => `sha256=${createHmac('sha256', secret).update(bytes).digest('base64')}`;

const random = (bytes = 24): string => randomBytes(bytes).toString('base64url');

export async function openXSandbox(o: { port?: number; account?: XUser; weather?: Weather } = {}): Promise<XSandbox> {
  const account = { id: '77120045', name: 'Larkspur Bikes', username: 'larkspurbikes', ...o.account, accessToken: '', accessTokenSecret: random() };
  account.accessToken = `${account.id}-${random()}`;
  const app = { consumerKey: random(18), consumerSecret: random(36), clientSecret: random(36) };
  const nonces = new Set<string>();
  const base = await openSandbox({ port: o.port, weather: o.weather, take, refusal: (status) => problem(status).body as object });
  const media = xMedia(() => sandbox.processing, () => newId());
  const sandbox: XSandbox = Object.assign(base, {
    app, account, messages: [], uploads: media.uploads, closed: new Set<string>(), gone: new Set<string>(), limit: null, accessLevel: 'read-write-directmessages',
    processing: { steps: 1, ends: 'succeeded' as const, checkAfterSecs: 0.1 },
    challenge, deliver, typing, read, chat, post,
  });

  function take(request: SandboxRequest): SandboxAnswer {
    const url = new URL(request.url, sandbox.url);
    const keys: OauthPair = { consumerKey: app.consumerKey, consumerSecret: app.consumerSecret, token: account.accessToken, tokenSecret: account.accessTokenSecret };
    const fault = oauthFault({ method: request.method, url, authorization: request.headers.authorization ?? '' }, keys, nonces);
    if (fault !== null) return problem(401, 'Unauthorized', 'about:blank', 'Unauthorized');
    const route = `${request.method} ${url.pathname}`;
    const headers = { 'x-access-level': sandbox.accessLevel };
    if (route === 'GET /2/users/me') return { status: 200, headers, body: { data: { id: account.id, name: account.name, username: account.username } } };
    const recipient = /^POST \/2\/dm_conversations\/with\/([^/]+)\/messages$/.exec(route)?.[1];
    if (recipient !== undefined) return { headers, ...takeMessage(recipient, request) };
    return media.take(request, url) ?? problem(404, 'Not Found');
  }

  function takeMessage(to: string, request: SandboxRequest): SandboxAnswer {
    const limit = sandbox.limit;
    if (limit && limit.resetAtMs > nowMs() && limit.remaining <= 0) {
      return { ...problem(429, 'Too Many Requests'), headers: { 'x-rate-limit-limit': '15', 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': String(Math.ceil(limit.resetAtMs / 1_000)) } };
    }
    const body = jsonOf(request);
    if (!/^\d{1,19}$/.test(to) || body === null) return invalid('The `participant_id` or the body is not of the documented form.');
    const unknown = Object.keys(body).find((name) => name !== 'text' && name !== 'attachments');
    if (unknown !== undefined) return invalid(`[${unknown}] is not one of [text,attachments].`);
    const { text = null, attachments = [] } = body as { text?: string | null; attachments?: { media_id: string }[] };
    if (text !== null && (typeof text !== 'string' || text === '')) return invalid('`text` must be a string of at least one character.');
    if (!Array.isArray(attachments) || attachments.length > 1) return invalid('Only one attachment is supported.');
    if (text === null && attachments.length === 0) return invalid('One of `text` and `attachments` is required.');
    if (text !== null && [...text].length > 10_000) return refused(403, 354, 'The text of your direct message is over the max character limit.');
    const mediaId = attachments[0]?.media_id ?? null;
    if (mediaId !== null && sandbox.uploads.get(mediaId)?.state !== 'succeeded') return refused(400, 325, 'A media id was not found.');
    if (sandbox.gone.has(to)) return problem(404, 'Not Found Error', 'https://api.x.com/2/problems/resource-not-found', `Could not find user with id: [${to}].`);
    if (sandbox.closed.has(to)) return refused(403, 349, 'You cannot send messages to this user.');
    if (limit) limit.remaining -= 1;
    const id = newId();
    sandbox.messages.push({ id, to, text, mediaId });
    return { status: 201, body: { data: { dm_conversation_id: [account.id, to].sort().join('-'), dm_event_id: id } } };
  }

  async function challenge(webhook: string): Promise<{ valid: boolean; answer: WebhookAnswer }> {
    const token = random(32);
    const answer = await callWebhook(`${webhook}?crc_token=${token}&nonce=${random(12)}`, '', {}, 'GET');
    let given: unknown;
    try {
      given = (JSON.parse(answer.body) as { response_token?: unknown }).response_token;
    } catch {
      given = undefined;
    }
    return { valid: answer.status === 200 && [app.clientSecret, app.consumerSecret].some((secret) => given === xSignature(secret, token)), answer };
  }

  async function deliver(webhook: string, { from, to, text, data = {}, id = newId(), atMs = nowMs() }: XDirectMessage, how: Delivery = {}) {
    const event = {
      type: 'message_create', id, created_timestamp: String(atMs),
      message_create: {
        target: { recipient_id: to.id }, sender_id: from.id,
        message_data: { text: text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'), entities: { hashtags: [], symbols: [], user_mentions: [], urls: [] }, ...data },
      },
    };
    return { ...(await send(webhook, from.id === account.id ? 'dm.sent' : 'dm.received', 'direct_message_events', event, [from, to], how)), id };
  }

  function typing(webhook: string, from: XUser, how: Delivery = {}) {
    return send(webhook, 'dm.indicate_typing', 'direct_message_indicate_typing_events', toUs(from), [from, account], how);
  }

  function read(webhook: string, from: XUser, upTo: string, how: Delivery = {}) {
    return send(webhook, 'dm.read', 'direct_message_mark_read_events', { ...toUs(from), last_read_event_id: upTo }, [from, account], how);
  }

  const toUs = (from: XUser) => ({ created_timestamp: String(nowMs()), sender_id: from.id, target: { recipient_id: account.id } });

  async function chat(webhook: string, from: XUser, to: XUser) {
    const id = `${randomBytes(4).toString('hex')}-0000-4000-8000-${randomBytes(6).toString('hex')}`;
    const payload = {
      id, created_at_msec: String(nowMs()), sender_id: from.id, conversation_id: [from.id, to.id].sort().join(':'),
      conversation_token: random(), conversation_key_version: '1', encoded_event: random(), message_event_signature: { public_key_version: '1', signature: random(), signature_version: '7', signing_public_key: random() },
    };
    return { ...(await post(webhook, activity(from.id === account.id ? 'chat.sent' : 'chat.received', payload))), id };
  }

  function send(webhook: string, type: string, list: string, event: object, users: XUser[], { api = 'account', sign }: Delivery): Promise<WebhookAnswer> {
    if (api === 'activity') {
      return post(webhook, activity(type, { [list]: [event], users: Object.fromEntries(users.map(({ id, name, username }) => [id, { data: { id, name, username } }])) }), sign);
    }
    const known = Object.fromEntries(users.map(({ id, name, username }) => [id, { id, created_timestamp: '1301236201000', name, screen_name: username, protected: false, verified: false }]));
    return post(webhook, { for_user_id: account.id, [list]: [event], users: known }, sign);
  }

  const activity = (type: string, payload: object) => ({
    data: { event_uuid: randomBytes(8).readBigInt64BE().toString(), filter: { user_id: account.id }, event_type: type, tag: 'sandbox', payload },
  });

  function post(webhook: string, body: object | string, sign: Delivery['sign'] = 'consumer'): Promise<WebhookAnswer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return callWebhook(webhook, text, {
      'content-type': 'application/json',
      ...(sign === 'client' ? {} : { 'x-twitter-webhooks-signature': xSignature(app.consumerSecret, text) }),
      ...(sign === 'consumer' ? {} : { 'x-twitter-webhooks-signature-oauth2': xSignature(app.clientSecret, text) }),
    });
  }
  return sandbox;
}

function jsonOf(request: SandboxRequest): Record<string, unknown> | null {
  try {
    const body: unknown = JSON.parse(request.body.toString('utf8'));
    return typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

const TITLES = new Map([[401, 'Unauthorized'], [403, 'Forbidden'], [404, 'Not Found'], [429, 'Too Many Requests'], [500, 'Internal Server Error'], [503, 'Service Unavailable']]);

/** A refusal as API v2 writes it (RFC 7807). */
function problem(status: number, title = TITLES.get(status) ?? 'Error', type = 'about:blank', detail = title): SandboxAnswer {
  return { status, headers: { 'content-type': 'application/problem+json' }, body: { title, type, status, detail } };
}
const invalid = (message: string): SandboxAnswer =>
  ({ status: 400, body: { errors: [{ message }], title: 'Invalid Request', detail: 'One or more parameters to your request was invalid.', type: 'https://api.x.com/2/problems/invalid-request' } });

/** The same with a number of the older API, as Direct Messages still have them. */
const refused = (status: number, code: number, message: string): SandboxAnswer => ({ status, body: { errors: [{ code, message }] } });
