// What the Cloud API takes, judged before anything is sent. https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media
import type { Capabilities, OutboundMessage, SendResult } from '../../channel.ts';

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;

export const TEXT_MAX = 4_096;
/** Characters of the text beside a file. */
export const CAPTION_MAX = 1_024;
/** Each file is a message of its own. */
const FILES_MAX = 10;

export type FileType = 'image' | 'video' | 'audio' | 'document';

/** What a file goes as: the first that fits. As a document WhatsApp takes any. */
const FILES: readonly { mime: RegExp; type: FileType; bytesMax: number }[] = [
  { mime: /^image\/(?:jpeg|png)$/, type: 'image', bytesMax: 5 * MIB },
  { mime: /^video\/(?:mp4|3gpp)$/, type: 'video', bytesMax: 16 * MIB },
  { mime: /^audio\/(?:aac|amr|mpeg|mp4|ogg)$/, type: 'audio', bytesMax: 16 * MIB },
  { mime: /^/, type: 'document', bytesMax: 100 * MIB },
];

export const cloudCapabilities: Capabilities = {
  textMax: TEXT_MAX, subject: false, html: false, attachments: { countMax: FILES_MAX, bytesMax: 100 * MIB }, canStart: true, groups: true,
  window: { ms: DAY_MS, beyond: { how: 'TEMPLATE' } },
  // A number's own pace. https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput
  sendsPerSecond: 80,
};

/** By its type, and by its size: what is too large for a picture or a film still goes as a document. */
export const typeOf = ({ mime, content }: OutboundMessage['files'][number]): FileType => {
  const bare = mime.split(';', 1)[0]!.trim().toLowerCase();
  return FILES.find((file) => file.mime.test(bare) && content.length <= file.bytesMax)?.type ?? 'document';
};

export const RECIPIENTS = ['phone', 'wa_bsuid', 'wa_parent_bsuid'] as const;

/** Why Meta would refuse it; null when it is fine as far as can be told here. Whether the window is open, Meta says. */
export function refusedByUs(message: OutboundMessage): SendResult | null {
  const refused = (errorCode: string, reason: string): SendResult => ({ outcome: 'failed', errorCode, reason, retryable: false });
  if (!RECIPIENTS.some((kind) => kind === message.to.kind)) return refused('RECIPIENT', `A WhatsApp message goes to a number or a WhatsApp user id, and the recipient is a ${message.to.kind}.`);
  if (message.reaction) return null;
  if (message.template !== null) return templateRefused(message.template, message, refused);
  if (message.text.trim() === '' && message.files.length === 0) return refused('EMPTY', 'A message needs a text or a file.');
  if (message.text.length > TEXT_MAX) return refused('TEXT_LENGTH', `The text has ${message.text.length} characters; WhatsApp takes ${TEXT_MAX}.`);
  if (message.files.length > FILES_MAX) return refused('ATTACHMENTS', `The message has ${message.files.length} files; ${FILES_MAX} are sent at the most.`);
  for (const file of message.files) {
    if (file.content.length > 100 * MIB) return refused('ATTACHMENT_SIZE', `${file.filename} is larger than the 100 MB that WhatsApp takes.`);
    if (file.content.length === 0) return refused('ATTACHMENT_SIZE', `${file.filename} is empty.`);
  }
  return null;
}

function templateRefused({ name, language, parameters }: NonNullable<OutboundMessage['template']>, { files }: OutboundMessage, refused: (code: string, reason: string) => SendResult): SendResult | null {
  if (!/^[a-z0-9_]{1,512}$/.test(name)) return refused('TEMPLATE', 'A template is named by small letters, digits and underscores, as in WhatsApp Manager.');
  if (!/^[a-z]{2,3}(?:[_-][A-Za-z]{2,4})?$/.test(language)) return refused('TEMPLATE', 'A template\'s language is written like `en` or `en_US`, as in WhatsApp Manager.');
  if (parameters.some((parameter) => parameter.trim() === '')) return refused('TEMPLATE', 'A parameter of the template is empty, which WhatsApp refuses.');
  if (files.length > 0) return refused('TEMPLATE', 'A template goes without files of its own here.');
  return null;
}
