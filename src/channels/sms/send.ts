// One text or picture message by Twilio.
import { z } from 'zod';
import type { HttpClient } from '../../platform/http.ts';
import type { Account, OutboundMessage, SendResult } from '../channel.ts';
import { laneKey } from '../telephone.ts';
import { createMessage, refused, refusedContent } from '../twilio/messages.ts';
import { accountSid, apiBaseUrl, messagingServiceSid } from '../twilio/settings.ts';
import type { TwilioSecrets } from '../twilio/signature.ts';

/** https://www.twilio.com/docs/messaging/api/media-resource: ten files of 5 MB in all. */
export const ATTACHMENTS = { countMax: 10, bytesMax: 5 * 1024 * 1024 };

export const smsSettings = z.strictObject({ accountSid, messagingServiceSid, apiBaseUrl });
export type SmsSettings = z.infer<typeof smsSettings>;

/** With files it goes out as MMS, which Twilio carries in the United States, Canada and Australia; elsewhere it refuses them, or sends their addresses. */
export async function sendSms(message: OutboundMessage, account: Account<SmsSettings, TwilioSecrets>, http: HttpClient): Promise<SendResult> {
  if (message.to.kind !== 'phone') return refused('21211', `A text message goes to a telephone number, and the recipient is a ${message.to.kind}.`);
  const refusal = refusedContent(message, ATTACHMENTS);
  if (refusal) return refusal;
  const content: [string, string][] = [
    ...(message.text.trim() === '' ? [] : [['Body', message.text] as [string, string]]),
    ...message.files.map(({ url }): [string, string] => ['MediaUrl', url]),
  ];
  return createMessage(message, account, http, { from: account.address, to: message.to.value, content, lane: laneKey(account.address, message.to.value) });
}
