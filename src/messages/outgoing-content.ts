// Pure: whether a channel carries what somebody wants to send, and the parts that it becomes.
import type { Channel } from '../conversations/continuity.ts';
import type { Capabilities, OutboundMessage } from '../channels/channel.ts';
import { sanitizeHtml } from '../channels/email/sanitize.ts';
import { Refusal } from '../platform/errors.ts';
import { partRow, textPart, type PartRow } from './parts.ts';
import type { Upload } from './uploads.ts';

const TEXT_MAX = 100_000;
const FILES_MAX = 20;

export interface Content {
  text: string;
  html?: string | null;
  subject?: string | null;
  /** What goes out in place of `text`, which then says what it reads like. */
  template?: OutboundMessage['template'];
  files: readonly Upload[];
}

/** @throws Refusal INVALID_INPUT, which names the field and what the channel takes */
export function outgoingParts(channel: Channel, capabilities: Capabilities, o: Content): PartRow[] {
  const refuse = (field: string, message: string): never => {
    throw new Refusal('INVALID_INPUT', message, { field: [field] });
  };
  const textMax = capabilities.textMax ?? TEXT_MAX;
  if (o.text.trim() === '' && o.files.length === 0) refuse('text', 'The text is empty.');
  if (o.text.length > textMax) refuse('text', `The text has ${o.text.length} characters; ${channel} takes ${textMax}.`);
  const bytes = Buffer.byteLength(o.text);
  if (capabilities.textBytesMax != null && bytes > capabilities.textBytesMax) refuse('text', `The text has ${bytes} bytes; ${channel} takes ${capabilities.textBytesMax}.`);
  if (o.html != null && !capabilities.html) refuse('html', `${channel} carries no HTML; send \`text\` alone.`);
  if (o.subject != null && !capabilities.subject) refuse('subject', `${channel} has no subject.`);
  if (o.files.length > 0) {
    const { attachments } = capabilities;
    if (attachments === null) return refuse('files', `${channel} carries no files.`);
    const countMax = Math.min(attachments.countMax, FILES_MAX);
    const size = o.files.reduce((sum, file) => sum + file.size, 0);
    if (o.files.length > countMax) refuse('files', `There are ${o.files.length} files; ${channel} takes ${countMax} in a message.`);
    if (size > attachments.bytesMax) refuse('files', `The files have ${size} bytes together; ${channel} takes ${attachments.bytesMax}.`);
    if (o.template) refuse('files', 'A template carries no files beside it.');
  }
  return [
    ...(o.text.trim() === '' ? [] : [textPart(o.text, o.html == null ? null : sanitizeHtml(o.html))]),
    ...(o.template ? [partRow({ type: 'template', ...o.template })] : []),
    ...o.files.map(({ sha256, mime, filename, size }) => partRow({ type: 'media', kind: kindOf(mime), mime, filename, size, sha256, providerMediaId: null, url: null })),
  ];
}

const KINDS = new Map<string, 'image' | 'audio' | 'video'>([['image', 'image'], ['audio', 'audio'], ['video', 'video']]);
const kindOf = (mime: string) => KINDS.get(mime.split('/')[0]!) ?? ('document' as const);
