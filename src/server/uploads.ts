// `POST /uploads?filename=…`: a file that is to be sent, as it is, with its type as `content-type`. The answer names it for `sendMessage(files:)`, or for a
// visitor's `sendVisitorMessage(files:)`.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Budgets } from '../access/budget.ts';
import { enter } from '../access/entrance.ts';
import { storable } from '../identities/address.ts';
import { imageType } from '../messages/image-type.ts';
import { UPLOAD_BYTES_MAX, uploadText } from '../messages/uploads.ts';
import { keepBlob } from '../messages/files.ts';
import type { Blobs } from '../platform/blobs.ts';
import type { TrustProxy } from '../platform/config.ts';
import { inWorkspace, type Sql } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { callerAddress } from './caller.ts';
import { letRead, mustBeAllowed, preflight } from './cors.ts';
import type { Origins } from './origins.ts';
import { readBody } from './request-body.ts';

export interface Uploads {
  app: Sql;
  blobs: Blobs;
  budgets: Budgets;
  trustProxy: TrustProxy;
  origins: Origins;
}

const FILENAME_MAX = 200;
const MIME = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,60}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,100}$/;
/** What an upload costs of a credential's budget, beside what sending the message costs. */
const COST = 50;

export async function addUploads(server: FastifyInstance, uploads: Uploads): Promise<void> {
  await server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', readBody);
    scope.options('/uploads', (request, reply) => preflight(uploads.origins, request, reply));
    scope.post('/uploads', { bodyLimit: UPLOAD_BYTES_MAX, onRequest: (request, reply) => admitted(uploads, request, reply) }, (request, reply) => taken(uploads, request, reply));
  });
}

/** Before the body is read: a stranger's megabytes aren't. */
async function admitted({ app, budgets, trustProxy, origins }: Uploads, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  await letRead(origins, request, reply);
  const viewer = await enter(app, budgets, request.headers.authorization, callerAddress(request.raw, trustProxy));
  await mustBeAllowed(origins, viewer, request);
  const visitor = viewer.permissions.has('visitor:self') ? (viewer.identityIds[0] ?? null) : null;
  if (visitor === null && !viewer.permissions.has('messages:send')) throw new Refusal('FORBIDDEN', viewer.permissions.has('visitor:self') ? 'A publishable key uploads nothing: begin the chat, and use its token.' : 'The key lacks the permission messages:send.');
  budgets.spend(viewer, COST);
  uploaderOf.set(request, { workspaceId: viewer.workspaceId, visitor });
}
const uploaderOf = new WeakMap<FastifyRequest, { workspaceId: string; visitor: string | null }>();

async function taken({ app, blobs }: Uploads, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { workspaceId, visitor } = uploaderOf.get(request)!;
  const content = request.body;
  if (!Buffer.isBuffer(content) || content.length === 0) throw new Refusal('INVALID_INPUT', 'The body is empty; send the file\'s bytes, with its type as `content-type`.');
  const given = new URL(request.url, 'http://localhost').searchParams.get('filename') ?? '';
  const filename = storable(given).replace(/^.*[/\\]/, '').trim();
  if (filename === '' || filename.length > FILENAME_MAX) throw new Refusal('INVALID_INPUT', `\`?filename=\` has 1 to ${FILENAME_MAX} characters.`, { field: ['filename'] });
  const said = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  // An image is what its bytes say; of everything else the sender knows best.
  const mime = imageType(content) ?? (MIME.test(said) && !said.startsWith('image/') ? said : 'application/octet-stream');
  const sha256 = await blobs.put(workspaceId, content);
  await inWorkspace(app, workspaceId, (tx) => keepBlob(tx, workspaceId, { sha256, mime, content }));
  return reply.code(201).send({ file: uploadText({ workspaceId, visitor, sha256, mime, filename, size: content.length }), filename, mime, size: content.length });
}
