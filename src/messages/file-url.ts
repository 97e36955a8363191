// Addresses of stored files: short-lived, signed, and good for whoever holds one, so that a browser can show an image and save a file without
// sending a key. Pure but for the clock and SECRET_KEY.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { publicAddress } from '../channels/webhook-url.ts';
import { nowMs } from '../platform/clock.ts';
import { subkeys } from '../platform/secrets.ts';

/** For how long an address is good, at most; half of it at least. */
export const FILE_URL_MS_MAX = 10 * 60_000;
const BUCKET_MS = FILE_URL_MS_MAX / 2;

/** To whom it was given: an agent or program, or the end customer. Neither's address is the other's. */
export const FILE_VIEWERS = ['API', 'VISITOR'] as const;
export type FileViewer = (typeof FILE_VIEWERS)[number];

export interface SignedFile {
  workspaceId: string;
  fileId: string;
  viewer: FileViewer;
  expiresAtMs: number;
}

const FORMAT = 1;
/** Format, viewer, seconds of the end since 1970, workspace, part or recording. */
const HEAD_BYTES = 1 + 1 + 4 + 16 + 16;
const TAG_BYTES = 32;

/**
 * `https://support.example.com/files/<token>` for a part of a message, or a recording, whose file is here. The same within some minutes, so that both read paths give the same
 * bytes, and a browser's cache is of use.
 */
export function fileUrl(viewer: FileViewer, workspaceId: string, fileId: string): string {
  const head = Buffer.alloc(HEAD_BYTES);
  head[0] = FORMAT;
  head[1] = FILE_VIEWERS.indexOf(viewer);
  head.writeUInt32BE((Math.floor(nowMs() / BUCKET_MS) + 2) * (BUCKET_MS / 1000), 2);
  bytesOf(workspaceId).copy(head, 6);
  bytesOf(fileId).copy(head, 22);
  return publicAddress(`/files/${Buffer.concat([head, tagsOf(head)[0]!]).toString('base64url')}`);
}

/** What a token says; null when it isn't ours, was changed, or is over. */
export function readFileToken(token: string): SignedFile | null {
  if (!/^[A-Za-z0-9_-]{94}$/.test(token)) return null;
  const bytes = Buffer.from(token, 'base64url');
  // More than one text can stand for the same bytes; only the one that was given counts.
  if (bytes.length !== HEAD_BYTES + TAG_BYTES || bytes.toString('base64url') !== token) return null;
  const head = bytes.subarray(0, HEAD_BYTES);
  if (!tagsOf(head).some((tag) => timingSafeEqual(tag, bytes.subarray(HEAD_BYTES))) || head[0] !== FORMAT) return null;
  const viewer = FILE_VIEWERS[head[1]!];
  const expiresAtMs = head.readUInt32BE(2) * 1000;
  if (viewer === undefined || expiresAtMs <= nowMs()) return null;
  return { workspaceId: uuidAt(head, 6), fileId: uuidAt(head, 22), viewer, expiresAtMs };
}

/** By the present key first. */
const tagsOf = (head: Buffer): Buffer[] => subkeys('files').map((key) => createHmac('sha256', key).update(head).digest());
const bytesOf = (uuid: string): Buffer => Buffer.from(uuid.replaceAll('-', ''), 'hex');
const uuidAt = (bytes: Buffer, at: number): string => bytes.toString('hex', at, at + 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
