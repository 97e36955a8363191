// One answer to a customer by the Send API, of Messenger and of Instagram.
// https://developers.facebook.com/docs/messenger-platform/reference/send-api, …/docs/messenger-platform/instagram/features/send-message,
// …/docs/messenger-platform/reference/attachment-upload-api
import { createHash } from 'node:crypto';
import type { HttpClient } from '../../platform/http.ts';
import type { Account, OutboundMessage, SendResult } from '../channel.ts';
import type { Called } from './graph.ts';
import { pageToken, type MessagingSettings } from './messaging-account.ts';
import { callGraph, type Graph } from './messaging-call.ts';
import { LIMITS, refusedByUs, typeOf } from './messaging-limits.ts';
import { laneKey, type MessagingKind } from './messaging-parties.ts';
import { at, idOf } from './messaging-read.ts';
import { notSent } from './not-sent.ts';
import type { MetaSecrets } from './signature.ts';

/**
 * Sends one answer. Meta takes a text or one file at a time, so a text with files goes as several messages, the text first; files are uploaded
 * before anything is sent, so that one which Meta doesn't take fails the whole. Every message carries the attempt as its `metadata`, which comes
 * back with its echo: an answer that was lost is settled by it.
 */
export async function sendMessaging(kind: MessagingKind, message: OutboundMessage, account: Account<MessagingSettings, MetaSecrets>, http: HttpClient): Promise<SendResult> {
  const refusal = refusedByUs(kind, message);
  if (refusal) return refusal;
  const sender = new Sender(kind, account, http);
  const contents: Content[] = message.text.trim() === '' ? [] : [{ what: 'the text', content: { text: message.text } }];
  for (const file of message.files) {
    const attached = await attachment(sender, kind, file);
    // Nothing was sent yet, and what is uploaded twice is seen by nobody.
    if ('failed' in attached) return attached.failed;
    contents.push(attached);
  }
  const ids: string[] = [];
  for (const [index, { what, content }] of contents.entries()) {
    const called = await sender.call('me/messages', {
      recipient: { id: message.to.value },
      ...(message.humanAgent ? { messaging_type: 'MESSAGE_TAG', tag: 'HUMAN_AGENT' } : { messaging_type: 'RESPONSE' }),
      message: { ...content, ...(account.settings.login === 'instagram' ? {} : { metadata: message.attemptId }) },
      ...(index === 0 && message.inReplyTo !== null ? { reply_to: { mid: message.inReplyTo } } : {}),
    });
    const id = called.outcome === 'answered' ? idOf(at(called.answer, 'message_id')) : null;
    if (id === null) return notSent(called, contents.slice(0, index).map((sent) => sent.what), what);
    ids.push(id);
  }
  return { outcome: 'accepted', providerMessageId: ids[0]!, ...(ids.length > 1 ? { furtherIds: ids.slice(1) } : {}), threadKeys: [laneKey(account.address, message.to.value)], state: 'sent' };
}

interface Content {
  /** For a sentence about what was sent and what wasn't. */
  what: string;
  content: object;
}

const UPLOAD_TIMEOUT_MS = 90_000;

/** Messenger takes the bytes; Instagram fetches files itself, from our public address (of images it takes nothing else). */
async function attachment(sender: Sender, kind: MessagingKind, file: OutboundMessage['files'][number]): Promise<Content | { failed: SendResult }> {
  const type = typeOf(kind, file.mime)!;
  const what = `the file ${file.filename}`;
  if (!LIMITS[kind.channel].upload) return { what, content: { attachment: { type, payload: { url: file.url } } } };
  const body = new FormData();
  body.set('message', JSON.stringify({ attachment: { type, payload: { is_reusable: true } } }));
  body.set('filedata', new Blob([new Uint8Array(file.content)], { type: file.mime }), file.filename);
  const called = await sender.call('me/message_attachments', body, UPLOAD_TIMEOUT_MS);
  const id = called.outcome === 'answered' ? idOf(at(called.answer, 'attachment_id')) : null;
  if (id !== null) return { what, content: { attachment: { type, payload: { attachment_id: id } } } };
  const result = notSent(called, [], what);
  return { failed: result.outcome === 'unknown' ? { outcome: 'failed', errorCode: 'UPLOAD', reason: `${sentence(what)} could not be uploaded. ${result.reason}`, retryable: true } : result };
}

const sentence = (what: string): string => what[0]!.toUpperCase() + what.slice(1);

/**
 * Calls with the Page's token. The token that was given may be a person's or a system user's, good for many Pages: Meta refuses it, having sent
 * nothing, and the Page's own is asked for by it, once as long as the process lives.
 */
class Sender {
  readonly #graph: Graph;
  readonly #address: string;
  readonly #cacheKey: string;

  constructor(kind: MessagingKind, { settings, secrets, address }: Account<MessagingSettings, MetaSecrets>, http: HttpClient) {
    this.#graph = { baseUrl: settings.apiBaseUrl, accessToken: secrets.accessToken, http };
    this.#address = address;
    this.#cacheKey = createHash('sha256').update(`${settings.apiBaseUrl} ${kind.channel} ${address} ${secrets.accessToken}`).digest('hex');
  }

  async call(path: string, body: object | FormData, timeoutMs?: number): Promise<Called> {
    const send = (accessToken: string): Promise<Called> => callGraph({ ...this.#graph, accessToken }, 'POST', path, { body, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
    const known = pageTokens.get(this.#cacheKey);
    const called = await send(known ?? this.#graph.accessToken);
    if (known !== undefined) {
      // Withdrawn, or another one now: the next try asks again.
      if (called.outcome === 'refused' && called.errorCode.split('/')[0] === '190') {
        pageTokens.delete(this.#cacheKey);
        return { ...called, meaning: { ...called.meaning, retryable: true } };
      }
      return called;
    }
    if (!wantsPageToken(called)) return called;
    const { token, called: asked } = await pageToken(this.#graph, this.#address);
    // Whatever came of asking, nothing was sent.
    if (asked?.outcome === 'unknown') return { outcome: 'unreached', errorCode: 'PAGE_TOKEN', reason: asked.reason, retryable: true };
    if (asked !== null) return asked;
    if (token === null) return called;
    if (pageTokens.size >= PAGE_TOKENS_MAX) pageTokens.clear();
    pageTokens.set(this.#cacheKey, token);
    return send(token);
  }
}

/** Tokens of Pages, by a digest of the account and the token that they were asked for with. */
const pageTokens = new Map<string, string>();
const PAGE_TOKENS_MAX = 1_000;

/** "(#190) This method must be called with a Page Access Token"; "(#210) A page access token is required to request this resource." */
const wantsPageToken = (called: Called): boolean =>
  called.outcome === 'refused' && (called.errorCode.split('/')[0] === '210' || (called.errorCode.split('/')[0] === '190' && /page access token/i.test(called.message ?? '')));
