// A file to X, before the message that names it. https://docs.x.com/x-api/media/quickstart/media-upload-chunked
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpClient } from '../../platform/http.ts';
import type { Account, OutboundMessage, SendResult } from '../channel.ts';
import type { XSecrets, XSettings } from './account.ts';
import { callX, type XAnswer, type XRequest } from './api.ts';
import { fieldsOf, idOf, textOf } from './payload.ts';

/** X takes 8 MB and asks for 5 at the most. */
const SEGMENT_BYTES = 4 * 1024 * 1024;
const MB = 1024 * 1024;
/** How long a file is waited for while X works on it, after which the whole message is tried again. */
const PROCESSING_MS_MAX = 60_000;

/** What a Direct Message takes: the type, X's word for its use, and its size. https://docs.x.com/x-api/media/quickstart/best-practices */
const CATEGORIES = new Map([
  ['image/jpeg', { category: 'dm_image', bytesMax: 5 * MB }], ['image/png', { category: 'dm_image', bytesMax: 5 * MB }], ['image/webp', { category: 'dm_image', bytesMax: 5 * MB }],
  ['image/gif', { category: 'dm_gif', bytesMax: 15 * MB }], ['video/mp4', { category: 'dm_video', bytesMax: 512 * MB }], ['video/quicktime', { category: 'dm_video', bytesMax: 512 * MB }],
]);
export const UPLOAD_BYTES_MAX = 512 * MB;

type File = OutboundMessage['files'][number];
type Failed = Extract<SendResult, { outcome: 'failed' }>;

/** Why X would not take the file; null when it may. */
export function unfit(file: File): Failed | null {
  const kind = CATEGORIES.get(typeOf(file));
  const refused = (reason: string): Failed => ({ outcome: 'failed', errorCode: 'ATTACHMENTS', reason, retryable: false });
  if (!kind) return refused(`X takes pictures (JPEG, PNG, WebP, GIF) and MP4 videos; "${file.filename.slice(0, 100)}" is ${file.mime.slice(0, 100)}.`);
  if (file.content.length > kind.bytesMax) return refused(`"${file.filename.slice(0, 100)}" has ${Math.ceil(file.content.length / MB)} MB; X takes ${kind.bytesMax / MB} of its kind.`);
  return null;
}

const typeOf = (file: File): string => file.mime.split(';')[0]!.trim().toLowerCase();

/**
 * Gives the file to X and waits until it can be sent; its id. Nothing reaches the customer by it, so whatever goes wrong can be tried again: there is
 * no outcome that isn't known.
 */
export async function upload(file: File, account: Account<XSettings, XSecrets>, http: HttpClient): Promise<{ mediaId: string } | Failed> {
  const call = (request: XRequest) => callX({ timeoutMs: 60_000, ...request }, account.settings, account.secrets, http);
  const type = typeOf(file);
  const begun = await call({ method: 'POST', path: '/2/media/upload/initialize', json: { media_type: type, total_bytes: file.content.length, media_category: CATEGORIES.get(type)!.category } });
  const mediaId = begun.outcome === 'answered' ? idOf(fieldsOf(begun.body.data).id) : null;
  if (mediaId === null || !/^\d{1,19}$/.test(mediaId)) return failed(begun);
  for (let index = 0; index * SEGMENT_BYTES < file.content.length; index++) {
    const segment = file.content.subarray(index * SEGMENT_BYTES, (index + 1) * SEGMENT_BYTES);
    const appended = await call({ method: 'POST', path: `/2/media/upload/${mediaId}/append`, body: multipart(index, segment) });
    if (appended.outcome !== 'answered') return failed(appended);
  }
  let state = await call({ method: 'POST', path: `/2/media/upload/${mediaId}/finalize` });
  for (let waitedMs = 0; ;) {
    if (state.outcome !== 'answered') return failed(state);
    const processing = fieldsOf(fieldsOf(state.body.data).processing_info);
    const step = textOf(processing.state);
    // Pictures need no work: there is no processing_info.
    if (step === null || step === 'succeeded') return { mediaId };
    if (step === 'failed') return { outcome: 'failed', errorCode: 'MEDIA_PROCESSING', reason: `X cannot use the file${said(processing.error)}.`, retryable: false };
    const waitMs = Math.max(Number(processing.check_after_secs) || 1, 0.1) * 1_000;
    waitedMs += waitMs;
    if (waitedMs > PROCESSING_MS_MAX) return { outcome: 'failed', errorCode: 'MEDIA_PROCESSING', reason: 'X is still working on the file.', retryable: true };
    await sleep(waitMs);
    state = await call({ method: 'GET', path: `/2/media/upload?command=STATUS&media_id=${mediaId}` });
  }
}

const said = (error: unknown): string => {
  const text = textOf(fieldsOf(error).message);
  return text === null ? '' : `: ${text.slice(0, 200).replace(/\.$/, '')}`;
};

function failed(answer: XAnswer): Failed {
  if (answer.outcome === 'answered') return { outcome: 'failed', errorCode: 'NO_ANSWER', reason: 'X took the file and gave it no id.', retryable: true };
  const { errorCode, reason, retryable } = answer;
  return { outcome: 'failed', errorCode, reason, retryable, ...(answer.outcome === 'refused' && answer.retryAfterMs !== undefined ? { retryAfterMs: answer.retryAfterMs } : {}) };
}

/** RFC 7578. The boundary is random, so that no file can hold it but by chance. */
function multipart(index: number, segment: Buffer): NonNullable<XRequest['body']> {
  const boundary = `throughline-${randomBytes(16).toString('hex')}`;
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="segment_index"\r\n\r\n${index}\r\n`
    + `--${boundary}\r\ncontent-disposition: form-data; name="media"; filename="segment"\r\ncontent-type: application/octet-stream\r\n\r\n`;
  return { type: `multipart/form-data; boundary=${boundary}`, content: Buffer.concat([Buffer.from(head), segment, Buffer.from(`\r\n--${boundary}--\r\n`)]) };
}
