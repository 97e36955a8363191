// One message to Twilio's API, of whichever channel. https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
import { z } from 'zod';
import { OutgoingError, type HttpClient, type HttpResponse } from '../../platform/http.ts';
import type { Account, OutboundMessage, SendResult } from '../channel.ts';
import { meaningOf } from './codes.ts';
import { basicAuthorization, withoutSlash } from './settings.ts';
import type { TwilioSecrets } from './signature.ts';

/** Characters of a message (UTF-16 units, as Twilio counts), in every channel. */
export const TEXT_MAX = 1_600;

export interface MessageSettings {
  accountSid: string;
  apiBaseUrl: string;
  messagingServiceSid?: string;
}

/**
 * Posts one message. Twilio has no idempotency key: whatever may have reached it and has no answer is `unknown`, and is settled by the report that
 * comes to the StatusCallback address, which carries the attempt.
 *
 * `from` and `to` as Twilio writes them (`whatsapp:+…`); `content` is the rest of what the channel sends; `lane` is the thread that an answer comes in.
 */
export async function createMessage(
  message: Pick<OutboundMessage, 'attemptId' | 'callbackUrl'>,
  account: Account<MessageSettings, TwilioSecrets>,
  http: HttpClient,
  o: { from: string; to: string; content: [name: string, value: string][]; lane: string },
): Promise<SendResult> {
  const { accountSid, apiBaseUrl, messagingServiceSid } = account.settings;
  const fields = new URLSearchParams([['To', o.to], ['From', o.from], ...o.content, ['StatusCallback', statusCallback(message, o.from)]]);
  // Beside From, the service lends its features and the number stays ours.
  if (messagingServiceSid) fields.set('MessagingServiceSid', messagingServiceSid);
  try {
    const response = await http.request({
      method: 'POST',
      url: `${withoutSlash(apiBaseUrl)}/2010-04-01/Accounts/${accountSid}/Messages.json`,
      headers: { authorization: basicAuthorization(account), 'content-type': 'application/x-www-form-urlencoded; charset=utf-8', accept: 'application/json' },
      body: fields.toString(),
      timeoutMs: 15_000,
      responseBytesMax: 256 * 1024,
    });
    return outcomeOf(response, o.lane);
  } catch (error) {
    if (error instanceof OutgoingError && !error.maybeReceived) {
      const passing = error.code !== 'INVALID_URL' && error.code !== 'PRIVATE_ADDRESS';
      return { outcome: 'failed', errorCode: error.code, reason: `Twilio was not reached: ${error.message}`, retryable: passing };
    }
    return { outcome: 'unknown', reason: `Twilio gave no answer: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** A refusal of our own, by the code that Twilio would give: nothing was sent. */
export const refused = (errorCode: string, reason: string = meaningOf(errorCode).reason): SendResult => ({ outcome: 'failed', errorCode, reason, retryable: false });

/** Why the text or the files of a message can't be sent at all; null when they can. */
export function refusedContent(message: OutboundMessage, attachments: { countMax: number; bytesMax: number }): SendResult | null {
  const { text, files } = message;
  if (text.trim() === '' && files.length === 0) return refused('21602');
  if (text.length > TEXT_MAX) return refused('21617', `The text has ${text.length} characters; Twilio takes ${TEXT_MAX}.`);
  if (files.length > attachments.countMax) return refused('21623', `The message has ${files.length} files; ${attachments.countMax} can be sent.`);
  const bytes = files.reduce((sum, { content }) => sum + content.length, 0);
  if (bytes > attachments.bytesMax) return refused('11751', `The files have ${bytes} bytes; ${attachments.bytesMax} can be sent.`);
  // Twilio fetches them: it needs an address that the internet reaches.
  if (files.some(({ url }) => !/^https?:\/\//i.test(url))) return refused('21620');
  return null;
}

/** The reports' address: it brings back the attempt, and the account for the callbacks that don't name it. */
function statusCallback({ callbackUrl, attemptId }: Pick<OutboundMessage, 'attemptId' | 'callbackUrl'>, address: string): string {
  const url = new URL(callbackUrl);
  url.searchParams.set('attempt', attemptId);
  url.searchParams.set('account', address);
  return url.href;
}

const answer = z.object({
  sid: z.string().min(1).optional(),
  status: z.union([z.string(), z.number()]).optional(),
  error_code: z.union([z.number(), z.string()]).nullish(),
  error_message: z.string().nullish(),
  code: z.union([z.number(), z.string()]).optional(),
  message: z.string().optional(),
});

function outcomeOf(response: HttpResponse, lane: string): SendResult {
  const said = answerOf(response);
  if (response.status >= 200 && response.status < 300) {
    // It was taken, by whom we don't know: nothing names the message.
    if (said.sid === undefined) return { outcome: 'unknown', reason: `The answer ${response.status} names no message.` };
    if (said.status === 'failed' || said.status === 'undelivered') {
      const code = String(said.error_code ?? said.status);
      return { outcome: 'failed', errorCode: code, reason: meaningOf(code, said.error_message ?? null).reason, retryable: false };
    }
    return { outcome: 'accepted', providerMessageId: said.sid, threadKeys: [lane], state: SENT_STATES.get(String(said.status)) ?? 'accepted' };
  }
  // A gateway gave up waiting for Twilio, which may have gone on with it.
  if (response.status === 502 || response.status === 504) {
    return { outcome: 'unknown', reason: `A gateway before Twilio answered ${response.status}.` };
  }
  const code = said.code === undefined ? `HTTP_${response.status}` : String(said.code);
  const { reason, retryable } = meaningOf(code, said.message ?? `Twilio answered with HTTP status ${response.status}.`);
  const byStatus = response.status === 408 || response.status === 425 || response.status === 429 || response.status >= 500;
  return { outcome: 'failed', errorCode: code, reason, retryable: retryable || byStatus, ...retryAfter(response.headers['retry-after']) };
}

const SENT_STATES = new Map<string, 'sending' | 'sent'>([['sending', 'sending'], ['sent', 'sent'], ['delivered', 'sent']]);

/** Anything but the JSON that Twilio documents (a proxy's page) says nothing. */
function answerOf(response: HttpResponse): z.infer<typeof answer> {
  try {
    const parsed = answer.safeParse(JSON.parse(response.body.toString('utf8')));
    return parsed.success ? parsed.data : {};
  } catch {
    return {};
  }
}

/** Seconds, as Twilio writes it; an hour at the most, whatever it says. */
function retryAfter(header: string | undefined): { retryAfterMs?: number } {
  const seconds = /^\s*(\d{1,6})(?:\.\d+)?\s*$/.exec(header ?? '')?.[1];
  return seconds === undefined ? {} : { retryAfterMs: Math.min(Number(seconds), 3_600) * 1_000 };
}
