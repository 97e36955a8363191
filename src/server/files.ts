// `/files/<token>`: what customers and the team sent, to whoever was given a signed address (messages/file-url.ts). A stranger wrote it, so a
// browser may show only what its first bytes prove to be a plain image, and play what they prove to be sound; everything else is saved, whatever it is called.
import type { FastifyInstance } from 'fastify';
import { imageType } from '../messages/image-type.ts';
import { soundType } from '../messages/sound-type.ts';
import { readFileToken } from '../messages/file-url.ts';
import type { Blobs } from '../platform/blobs.ts';
import { nowMs } from '../platform/clock.ts';
import { inWorkspace, type Sql } from '../platform/db.ts';
import { refuse } from './doors.ts';

export interface Files {
  app: Sql;
  blobs: Blobs;
}

/** Every refusal is the same 404: whether a file exists is nobody's business. */
export function addFiles(server: FastifyInstance, { app, blobs }: Files): void {
  server.get('/files/:token', async (request, reply) => {
    const signed = readFileToken((request.params as { token: string }).token);
    const file = signed && (await storedFile(app, signed.workspaceId, signed.fileId));
    const content = file && (await blobs.get(signed.workspaceId, file.sha256));
    if (!content) return refuse(reply.header('cache-control', 'no-store'), 404, 'NOT_FOUND', 'There is no such file, or its address is over: ask for the message again to get a new one.');
    const image = imageType(content);
    const sound = image === null ? soundType(content) : null;
    return reply.headers({
      'content-type': image ?? sound?.mime ?? 'application/octet-stream',
      'content-disposition': disposition(image ? 'inline' : 'attachment', sound && file.filename ? named(file.filename, sound.extension) : file.filename),
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'cross-origin-resource-policy': 'cross-origin',
      'referrer-policy': 'no-referrer',
      'cache-control': `private, max-age=${Math.max(0, Math.floor((signed.expiresAtMs - nowMs()) / 1000))}`,
    }).send(content);
  });
}

/** A file of a message that its sender didn't take back, or a call's recording; undefined when there is none. */
async function storedFile(app: Sql, workspaceId: string, id: string): Promise<{ sha256: string; filename: string | null } | undefined> {
  const [row] = await inWorkspace(app, workspaceId, (tx) => tx<{ sha256: string; filename: string | null }[]>`
    select p.sha256, p.filename from message_parts p join messages m on m.workspace_id = p.workspace_id and m.id = p.message_id
    where p.workspace_id = ${workspaceId} and p.id = ${id} and p.media_state = 'STORED' and p.sha256 is not null and m.deleted_at is null
    union all
    select sha256, lower(kind) || ' ' || to_char(created_at at time zone 'UTC', 'YYYY-MM-DD HH24.MI') from recordings
    where workspace_id = ${workspaceId} and id = ${id} and media_state = 'STORED' and sha256 is not null`);
  return row;
}

/** A name that says what it is, whatever it said before. */
const named = (filename: string, extension: string): string => (filename.toLowerCase().endsWith(extension) ? filename : `${filename}${extension}`);

/** RFC 6266: a plain name for old clients, the whole one in RFC 5987's form. Neither can end the header or name a folder. */
function disposition(type: 'inline' | 'attachment', filename: string | null): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is taken out
  const name = (filename ?? '').normalize('NFC').replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/g, (c) => (c >= '\ud800' && c <= '\udfff' ? '_' : ''))
    .replace(/[/\\:*?"<>|]/g, '_').replace(/^[.\s]+|[.\s]+$/g, '').slice(0, 150) || 'file';
  const plain = name.replace(/[^\x20-\x7e]/g, '_').replace(/[%;]/g, '_');
  const whole = encodeURIComponent(name).replace(/['()*!]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return `${type}; filename="${plain}"${plain === name ? '' : `; filename*=UTF-8''${whole}`}`;
}
