// One text message to Twilio's API. https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
import { z } from 'zod';
import { OutgoingError, type HttpClient, type HttpResponse } from '../../platform/http.ts';
import type { Account, OutboundMessage, SendResult } from '../channel.ts';
import { meaningOf } from '../twilio/codes.ts';
import type { TwilioSecrets } from '../twilio/signature.ts';
import { laneKey } from './parse.ts';

/** Characters of a message (UTF-16 units, as Twilio counts). */
export const TEXT_MAX = 1_600;

export const smsSettings = z.strictObject({
  accountSid: z.string().regex(/^AC[0-9a-fA-F]{32}$/, 'The Account SID of the Twilio console: AC and 32 hexadecimal digits.'),
  messagingServiceSid: z
    .string()
    .regex(/^MG[0-9a-fA-F]{32}$/, 'The SID of a Messaging Service: MG and 32 hexadecimal digits.')
    .optional()
    .describe('The Messaging Service that the number belongs to, for its opt-out words and its sending features.'),
  apiBaseUrl: z
    .url({ protocol: /^https?$/ })
    .default('https://api.twilio.com')
    .describe('Where Twilio\'s API is: another region\'s, or a server that speaks its protocol.'),
});
export type SmsSettings = z.infer<typeof smsSettings>;

/**
 * Sends one text. Twilio has no idempotency key: whatever may have reached it and has no answer is `unknown`, and is settled by the report that
 * comes to the StatusCallback address, which carries the attempt.
 */
export async function sendSms(message: OutboundMessage, account: Account<SmsSettings, TwilioSecrets>, http: HttpClient): Promise<SendResult> {
  const refusal = refusedByUs(message);
  if (refusal) return refusal;
  const { accountSid, apiBaseUrl, messagingServiceSid } = account.settings;
  const fields = new URLSearchParams({
    To: message.to.value, From: account.address, Body: message.text, StatusCallback: statusCallback(message, account.address),
  });
  // Beside From, the service lends its features and the number stays ours.
  if (messagingServiceSid) fields.set('MessagingServiceSid', messagingServiceSid);
  try {
    const response = await http.request({
      method: 'POST',
      url: `${apiBaseUrl.replace(/(?<!\/)\/+$/, '')}/2010-04-01/Accounts/${accountSid}/Messages.json`,
      headers: {
        authorization: `Basic ${Buffer.from(`${accountSid}:${account.secrets.authToken}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
        accept: 'application/json',
      },
      body: fields.toString(),
      timeoutMs: 15_000,
      responseBytesMax: 256 * 1024,
    });
    return outcomeOf(response, laneKey(account.address, message.to.value));
  } catch (error) {
    if (error instanceof OutgoingError && !error.maybeReceived) {
      const passing = error.code !== 'INVALID_URL' && error.code !== 'PRIVATE_ADDRESS';
      return { outcome: 'failed', errorCode: error.code, reason: `Twilio was not reached: ${error.message}`, retryable: passing };
    }
    return { outcome: 'unknown', reason: `Twilio gave no answer: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function refusedByUs(message: OutboundMessage): SendResult | null {
  const refused = (errorCode: string, reason: string): SendResult => ({ outcome: 'failed', errorCode, reason, retryable: false });
  if (message.to.kind !== 'phone') return refused('21211', `A text message goes to a telephone number, and the recipient is a ${message.to.kind}.`);
  if (message.files.length > 0) return refused('ATTACHMENTS', 'Files cannot be sent by text message.');
  if (message.text.trim() === '') return refused('21602', meaningOf('21602').reason);
  if (message.text.length > TEXT_MAX) return refused('21617', `The text has ${message.text.length} characters; Twilio takes ${TEXT_MAX}.`);
  return null;
}

/** The reports' address: it brings back the attempt, and the account for the callbacks that don't name it. */
function statusCallback(message: OutboundMessage, address: string): string {
  const url = new URL(message.callbackUrl);
  url.searchParams.set('attempt', message.attemptId);
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
