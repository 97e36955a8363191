// Files on their way out: uploaded first (`POST /uploads`), named by a signed text when a message is sent. Pure but for the clock and SECRET_KEY.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { nowMs } from '../platform/clock.ts';
import { Refusal } from '../platform/errors.ts';
import { subkeys } from '../platform/secrets.ts';

/** For how long an uploaded file can be sent. */
export const UPLOAD_MS_MAX = 24 * 60 * 60_000;
/** More than any channel carries but WhatsApp's documents. */
export const UPLOAD_BYTES_MAX = 40 * 1024 * 1024;
const TEXT_MAX = 4_000;

/** `visitor`: whose it is, where an end customer uploaded it; only he can send it, and the team can't. */
const shape = z.strictObject({ workspaceId: z.uuid(), visitor: z.uuid().nullable().default(null), sha256: z.string().regex(/^[0-9a-f]{64}$/), mime: z.string(), filename: z.string(), size: z.number().int(), expiresAtMs: z.number().int() });
export type Upload = z.infer<typeof shape>;

/** The text by which `sendMessage` is told of the file. */
export function uploadText(file: Omit<Upload, 'expiresAtMs'>): string {
  const said = Buffer.from(JSON.stringify({ ...file, expiresAtMs: nowMs() + UPLOAD_MS_MAX })).toString('base64url');
  return `upl_${said}.${tagsOf(said)[0]!.toString('base64url')}`;
}

/** What such a text says; null when it isn't of this workspace, was changed, or is over. */
function readUpload(workspaceId: string, text: string): Upload | null {
  const [, said, tag] = /^upl_([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/.exec(text.slice(0, TEXT_MAX)) ?? [];
  if (said === undefined || !tagsOf(said).some((expected) => timingSafeEqual(expected, Buffer.from(tag!, 'base64url')))) return null;
  const upload = shape.parse(JSON.parse(Buffer.from(said, 'base64url').toString('utf8')));
  return upload.workspaceId === workspaceId && upload.expiresAtMs > nowMs() ? upload : null;
}

/**
 * The files that were uploaded: by the team (`visitors` null), or by the visitor who is one of these identities.
 * @throws Refusal INVALID_INPUT for a text that names none of theirs
 */
export const uploadedBy = (workspaceId: string, visitors: readonly string[] | null, texts: readonly string[]): Upload[] => texts.map((text, at) => {
  const upload = readUpload(workspaceId, text);
  const isTheirs = upload && (visitors === null ? upload.visitor === null : upload.visitor !== null && visitors.includes(upload.visitor));
  if (!isTheirs) throw new Refusal('INVALID_INPUT', 'This names no file that you uploaded, or one of longer than a day ago; upload it (POST /uploads) and give what that answers as `file`.', { field: ['files', String(at)] });
  return upload;
});

const tagsOf = (said: string): Buffer[] => subkeys('uploads').map((key) => createHmac('sha256', key).update(said).digest());
