// One answer to a customer by Postmark's API. https://postmarkapp.com/developer/api/email-api#send-a-single-email
import { z } from 'zod';
import { OutgoingError, type HttpClient, type HttpResponse } from '../../../platform/http.ts';
import { keyedHash } from '../../../platform/secrets.ts';
import type { Account, CredentialCheck, OutboundMessage, SendResult } from '../../channel.ts';
import { compose, refusedAddress, senderSettings, type Composed } from '../compose.ts';
import { SECRET_LENGTH } from '../door-secret.ts';
import type { Sign } from '../reply-address.ts';
import { meaningOf } from './codes.ts';
import { metadataOf } from './metadata.ts';

/** Of the text, and of the HTML. */
const BODY_BYTES_MAX = 5 * 1024 * 1024;
/** Of all together, files in base64. https://postmarkapp.com/support/article/1056-what-are-the-attachment-and-email-size-limits */
const MESSAGE_BYTES_MAX = 10 * 1024 * 1024;
/** What is left for files when a third is added and texts are short. */
export const FILES_BYTES_MAX = 7 * 1024 * 1024;

export const postmarkSettings = z.strictObject({
  ...senderSettings,
  messageStream: z.string().trim().max(64).regex(/^[a-z0-9_-]+$/, 'The id of a message stream as Postmark shows it, such as outbound.').default('outbound')
    .describe('The transactional message stream that answers go out by.'),
  apiBaseUrl: z.url({ protocol: /^https?$/ }).default('https://api.postmarkapp.com').describe("Where Postmark's API is, or a server that speaks it."),
});
export type PostmarkSettings = z.infer<typeof postmarkSettings>;

export const postmarkSecrets = z.strictObject({
  serverToken: z.string().trim().min(8, "The server's API token: in Postmark, the server, API Tokens.").max(200)
    .describe("The API token of the Postmark server: in Postmark, the server, API Tokens."),
  webhookSecret: z.string().min(SECRET_LENGTH.min, 'A secret of at least 12 characters.').max(SECRET_LENGTH.max).regex(/^[\w.~-]+$/, 'Letters, digits, _ . ~ and - only: it stands in an address.')
    .describe("Stands as the password in the webhooks' address, since Postmark signs nothing: make one with `openssl rand -hex 24`."),
});
export type PostmarkSecrets = z.infer<typeof postmarkSecrets>;

type PostmarkAccount = Account<PostmarkSettings, PostmarkSecrets>;

/**
 * Hands one message to Postmark, under the Message-ID and the reply address that mail by SMTP has too. Postmark has no idempotency key: whatever may
 * have reached it without an answer is `unknown`, and is settled by the report that brings the attempt back.
 */
export async function sendByPostmark(message: OutboundMessage, account: PostmarkAccount, http: HttpClient, options: { sign?: Sign } = {}): Promise<SendResult> {
  const refused = refusedAddress(message, account);
  if (refused) return { outcome: 'failed', ...refused, retryable: false };
  const composed = compose(message, account, options.sign ?? keyedHash);
  const body = JSON.stringify(bodyOf(composed, message, account));
  const size = refusedSize(composed, body);
  if (size) return { outcome: 'failed', errorCode: 'TOO_LARGE', reason: size, retryable: false };
  try {
    return outcomeOf(await http.request({ method: 'POST', url: `${baseUrl(account)}/email`, headers: headersOf(account), body, timeoutMs: 30_000, responseBytesMax: 256 * 1024 }), composed.messageId);
  } catch (error) {
    if (error instanceof OutgoingError && !error.maybeReceived) {
      const passing = error.code !== 'INVALID_URL' && error.code !== 'PRIVATE_ADDRESS';
      return { outcome: 'failed', errorCode: error.code, reason: `Postmark was not reached: ${error.message}`, retryable: passing };
    }
    return { outcome: 'unknown', reason: `Postmark gave no answer: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Asks for the server that the token is of. Its senders are the account's affair: a server token can't list them. */
export async function checkPostmark(given: { settings: PostmarkSettings; secrets: PostmarkSecrets }, http: HttpClient): Promise<CredentialCheck> {
  try {
    const response = await http.request({ method: 'GET', url: `${baseUrl(given)}/server`, headers: headersOf(given), timeoutMs: 15_000, responseBytesMax: 256 * 1024 });
    if (response.status === 200) return { ok: true, accounts: [] };
    const { code, said } = answerOf(response);
    return { ok: false, reason: meaningOf(response.status, code, said).reason };
  } catch (error) {
    return { ok: false, reason: `Postmark was not reached: ${error instanceof Error ? error.message : String(error)}` };
  }
}

const baseUrl = ({ settings }: Pick<PostmarkAccount, 'settings'>): string => settings.apiBaseUrl.replace(/(?<!\/)\/+$/, '');

const headersOf = ({ secrets }: Pick<PostmarkAccount, 'secrets'>): Record<string, string> => ({
  'x-postmark-server-token': secrets.serverToken, 'content-type': 'application/json', accept: 'application/json',
});

function bodyOf(composed: Composed, message: OutboundMessage, { address, settings }: PostmarkAccount): object {
  const { messageId, from, to, replyTo, subject, inReplyTo, references, text, html, files, headers } = composed;
  const all = {
    'Message-ID': `<${messageId}>`,
    // Or Postmark puts one of its own in its place, and no answer would find home.
    'X-PM-KeepID': 'true',
    ...(inReplyTo !== null && { 'In-Reply-To': `<${inReplyTo}>` }),
    ...(references.length > 0 && { References: references.map((id) => `<${id}>`).join(' ') }),
    ...headers,
  };
  return {
    From: boxed(from), To: boxed(to), ...(replyTo && { ReplyTo: boxed(replyTo) }), Subject: subject,
    // A body may not be empty.
    TextBody: text === '' ? ' ' : text, ...(html !== null && { HtmlBody: html }),
    Headers: Object.entries(all).map(([Name, Value]) => ({ Name, Value })),
    ...(files.length > 0 && { Attachments: files.map(({ filename, mime, content }) => ({ Name: filename, Content: content.toString('base64'), ContentType: mime })) }),
    Metadata: metadataOf({ attemptId: message.attemptId, account: address, messageId }),
    TrackOpens: false, TrackLinks: 'None', MessageStream: settings.messageStream,
  };
}

/** Names are always quoted: punctuation in one that isn't is error 300. */
const boxed = ({ name, address }: { name: string; address: string }): string =>
  name === '' ? address : `"${name.replace(/["\\]/g, '\\$&')}" <${address}>`;

function refusedSize({ text, html }: Composed, body: string): string | null {
  if (Buffer.byteLength(text) > BODY_BYTES_MAX || Buffer.byteLength(html ?? '') > BODY_BYTES_MAX) return 'The text is longer than the 5 MB that Postmark takes.';
  return Buffer.byteLength(body) > MESSAGE_BYTES_MAX ? 'The mail with its files is larger than the 10 MB that Postmark takes.' : null;
}

const answer = z.object({
  ErrorCode: z.union([z.number(), z.string()]).optional(),
  Message: z.string().optional(),
  MessageID: z.string().optional(),
});

/** Anything but the JSON that Postmark documents (a proxy's page) says nothing. */
function answerOf({ body }: HttpResponse): { code: string | null; said: string | null; id: string | null } {
  try {
    const { ErrorCode, Message, MessageID } = answer.parse(JSON.parse(body.toString('utf8')));
    return { code: ErrorCode === undefined ? null : String(ErrorCode), said: Message?.slice(0, 500) ?? null, id: MessageID ?? null };
  } catch {
    return { code: null, said: null, id: null };
  }
}

function outcomeOf(response: HttpResponse, messageId: string): SendResult {
  const { code, said, id } = answerOf(response);
  if (response.status >= 200 && response.status < 300) {
    if (id !== null && (code === null || code === '0')) return { outcome: 'accepted', providerMessageId: messageId, threadKeys: [messageId], state: 'accepted' };
    if (code === null || code === '0') return { outcome: 'unknown', reason: `The answer ${response.status} is not Postmark's.` };
  } else if (response.status === 502 || response.status === 504) {
    return { outcome: 'unknown', reason: `A gateway before Postmark answered ${response.status}.` };
  }
  const { reason, retryable } = meaningOf(response.status, code, said);
  const byStatus = response.status === 408 || response.status === 429 || response.status >= 500;
  return { outcome: 'failed', errorCode: code ?? `HTTP_${response.status}`, reason, retryable: retryable || byStatus, ...retryAfter(response.headers['retry-after']) };
}

/** Seconds; an hour at the most, whatever it says. */
function retryAfter(header: string | undefined): { retryAfterMs?: number } {
  const seconds = /^\s{0,5}(\d{1,6})\s{0,5}$/.exec(header ?? '')?.[1];
  return seconds === undefined ? {} : { retryAfterMs: Math.min(Number(seconds), 3_600) * 1_000 };
}
