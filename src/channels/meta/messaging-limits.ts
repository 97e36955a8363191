// What the Send API takes, judged before anything is sent. https://developers.facebook.com/docs/messenger-platform/reference/send-api,
// https://developers.facebook.com/documentation/business-messaging/instagram-messaging/features/send-message
import type { Capabilities, OutboundMessage, SendResult } from '../channel.ts';
import type { MessagingKind } from './messaging-parties.ts';

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;

interface Limits {
  name: string;
  /** Characters. */
  textMax: number;
  /** Bytes of UTF-8, where these are what counts. */
  textBytesMax: number | null;
  /** Files are sent as bytes; else by their address. */
  upload: boolean;
  /** What a type of file goes as: the first that fits. */
  files: readonly { mime: RegExp; type: 'image' | 'audio' | 'video' | 'file'; bytesMax: number }[];
  /** For the sentence about any other. */
  takes: string;
}

export const LIMITS: Record<MessagingKind['channel'], Limits> = {
  messenger: {
    name: 'Messenger', textMax: 2_000, textBytesMax: null, upload: true, takes: 'any file',
    files: [
      { mime: /^image\/(png|jpe?g|gif|webp)$/, type: 'image', bytesMax: 25 * MIB }, { mime: /^audio\//, type: 'audio', bytesMax: 25 * MIB },
      { mime: /^video\//, type: 'video', bytesMax: 25 * MIB }, { mime: /^/, type: 'file', bytesMax: 25 * MIB },
    ],
  },
  instagram: {
    name: 'Instagram', textMax: 1_000, textBytesMax: 1_000, upload: false, takes: 'images (PNG, JPEG, GIF), audio (AAC, M4A, WAV, MP4), video (MP4, OGG, AVI, MOV, WebM) and PDF',
    files: [
      { mime: /^image\/(png|jpe?g|gif)$/, type: 'image', bytesMax: 8 * MIB }, { mime: /^audio\/(aac|mp4|m4a|x-m4a|wav|x-wav|wave)$/, type: 'audio', bytesMax: 25 * MIB },
      { mime: /^video\/(mp4|ogg|avi|x-msvideo|quicktime|webm)$/, type: 'video', bytesMax: 25 * MIB }, { mime: /^application\/pdf$/, type: 'file', bytesMax: 25 * MIB },
    ],
  },
};

/** Each file is a message of its own. */
const FILES_MAX = 10;

export const messagingCapabilities = (channel: MessagingKind['channel'], sendsPerSecond: number): Capabilities => ({
  textMax: LIMITS[channel].textMax, ...(LIMITS[channel].textBytesMax === null ? {} : { textBytesMax: LIMITS[channel].textBytesMax }), subject: false, html: false,
  attachments: { countMax: FILES_MAX, bytesMax: 25 * MIB }, canStart: false, window: { ms: DAY_MS, beyond: { how: 'HUMAN_AGENT', ms: 7 * DAY_MS } }, sendsPerSecond,
});

const fitting = (kind: MessagingKind, mime: string) => LIMITS[kind.channel].files.find((file) => file.mime.test(mime.split(';', 1)[0]!.trim().toLowerCase()));

/** `type` of an attachment; null for a file that the channel doesn't take. */
export const typeOf = (kind: MessagingKind, mime: string): 'image' | 'audio' | 'video' | 'file' | null => fitting(kind, mime)?.type ?? null;

/** Why Meta would refuse it; null when it is fine as far as can be told here. Whether the window is open, Meta says. */
export function refusedByUs(kind: MessagingKind, message: OutboundMessage): SendResult | null {
  const { name, textMax, textBytesMax, takes } = LIMITS[kind.channel];
  const refused = (errorCode: string, reason: string): SendResult => ({ outcome: 'failed', errorCode, reason, retryable: false });
  if (message.to.kind !== kind.customer) return refused('RECIPIENT', `${name} writes to the id by which a customer wrote first, and the recipient is a ${message.to.kind}.`);
  if (message.template !== null) return refused('TEMPLATE', `${name} has no templates here.`);
  if (message.text.trim() === '' && message.files.length === 0) return refused('EMPTY', 'A message needs a text or a file.');
  if (message.text.length > textMax) return refused('TEXT_LENGTH', `The text has ${message.text.length} characters; ${name} takes ${textMax}.`);
  const bytes = Buffer.byteLength(message.text);
  if (textBytesMax !== null && bytes > textBytesMax) return refused('TEXT_LENGTH', `The text has ${bytes} bytes, since letters with accents and emoji take more than one; ${name} takes ${textBytesMax}.`);
  if (message.files.length > FILES_MAX) return refused('ATTACHMENTS', `The message has ${message.files.length} files; ${FILES_MAX} are sent at the most.`);
  for (const file of message.files) {
    const fits = fitting(kind, file.mime);
    if (fits === undefined) return refused('ATTACHMENT_TYPE', `${name} does not take ${file.filename} (${file.mime}). It takes ${takes}.`);
    if (file.content.length > fits.bytesMax) return refused('ATTACHMENT_SIZE', `${file.filename} is larger than the ${fits.bytesMax / MIB} MB that ${name} takes of it.`);
    if (file.content.length === 0) return refused('ATTACHMENT_SIZE', `${file.filename} is empty.`);
  }
  return null;
}
