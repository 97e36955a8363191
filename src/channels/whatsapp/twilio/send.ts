// One WhatsApp message by Twilio. https://www.twilio.com/docs/whatsapp/api · https://www.twilio.com/docs/content/send-templates-created-with-the-content-template-builder
import { z } from 'zod';
import type { HttpClient } from '../../../platform/http.ts';
import type { Account, OutboundMessage, SendResult } from '../../channel.ts';
import { laneKey } from '../../telephone.ts';
import { createMessage, refused, refusedContent } from '../../twilio/messages.ts';
import { accountSid, apiBaseUrl, messagingServiceSid } from '../../twilio/settings.ts';
import type { TwilioSecrets } from '../../twilio/signature.ts';

/** https://www.twilio.com/docs/whatsapp/guidance-whatsapp-media-messages: one file of 16 MB, a picture of 5. */
export const ATTACHMENTS = { countMax: 1, bytesMax: 16 * 1024 * 1024 };
const PICTURE_BYTES_MAX = 5 * 1024 * 1024;

export const whatsappSettings = z.strictObject({
  accountSid,
  messagingServiceSid,
  apiBaseUrl,
  sendersBaseUrl: z
    .url({ protocol: /^https?$/ })
    .default('https://messaging.twilio.com')
    .describe('Where Twilio\'s Senders API is, which is asked for the WhatsApp senders when the account is connected.'),
});
export type WhatsappSettings = z.infer<typeof whatsappSettings>;

const KINDS = new Set(['phone', 'wa_bsuid', 'wa_parent_bsuid']);

/**
 * A template by its Content SID (`template.name`), which goes out at any time, or text and a file within 24 hours after the customer wrote. Twilio's API
 * can't quote a message, so an answer goes out without what it answers.
 */
export async function sendWhatsapp(message: OutboundMessage, account: Account<WhatsappSettings, TwilioSecrets>, http: HttpClient): Promise<SendResult> {
  if (!KINDS.has(message.to.kind)) return refused('21211', `A WhatsApp message goes to a number or a WhatsApp user id, and the recipient is a ${message.to.kind}.`);
  const content = message.template === null ? freeContent(message) : templateContent(message.template);
  if (!Array.isArray(content)) return content;
  return createMessage(message, account, http, {
    from: `whatsapp:${account.address}`, to: `whatsapp:${message.to.value}`, content, lane: laneKey(account.address, message.to.value),
  });
}

type Content = [name: string, value: string][];

/** Twilio takes nothing beside a template: neither text nor files. Its variables are numbered from 1. */
function templateContent({ name, parameters }: NonNullable<OutboundMessage['template']>): Content | SendResult {
  if (!/^HX[0-9a-fA-F]{32}$/.test(name)) return refused('21655', 'A template is named by its Content SID: HX and 32 hexadecimal digits.');
  if (parameters.some((parameter) => parameter === '')) return refused('21656');
  if (parameters.length === 0) return [['ContentSid', name]];
  return [['ContentSid', name], ['ContentVariables', JSON.stringify(Object.fromEntries(parameters.map((parameter, i) => [String(i + 1), parameter])))]];
}

function freeContent(message: OutboundMessage): Content | SendResult {
  const refusal = refusedContent(message, ATTACHMENTS);
  if (refusal) return refusal;
  const [file] = message.files;
  const hasText = message.text.trim() !== '';
  if (file && /^image\//i.test(file.mime) && file.content.length > PICTURE_BYTES_MAX) {
    return refused('11751', `The picture has ${file.content.length} bytes; WhatsApp carries ${PICTURE_BYTES_MAX}.`);
  }
  // It would be taken, and its text lost on the way.
  if (file && hasText && !/^(?:image|video)\//i.test(file.mime)) return refused('CAPTION', 'WhatsApp by Twilio shows no text beside a document or a sound: send them as two messages.');
  return [...(hasText ? [['Body', message.text] as [string, string]] : []), ...(file ? [['MediaUrl', file.url] as [string, string]] : [])];
}
