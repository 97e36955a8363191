// What pages of other origins may do here: those that a workspace allows (origins.ts), with a token of that workspace.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Viewer } from '../access/viewer.ts';
import { Refusal } from '../platform/errors.ts';
import type { Origins } from './origins.ts';

/** Lets a page of an allowed origin read the answer, whatever it is: that its token expired, too. */
export async function letRead(origins: Origins, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
  const { origin, host } = request.headers;
  if (!origin || !(await origins.anyAllows(origin, host))) return false;
  reply.header('access-control-allow-origin', origin).header('access-control-expose-headers', 'retry-after, ratelimit, ratelimit-policy').header('vary', 'origin');
  return true;
}

export async function preflight(origins: Origins, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  if (await letRead(origins, request, reply)) {
    reply
      .header('access-control-allow-methods', 'GET, POST')
      .header('access-control-allow-headers', 'authorization, content-type, x-throughline-cost, apollo-require-preflight')
      .header('access-control-max-age', '600');
  }
  return reply.code(204).send();
}

/** @throws Refusal FORBIDDEN when the page's origin is not one of the viewer's workspace */
export async function mustBeAllowed(origins: Origins, viewer: Pick<Viewer, 'workspaceId'>, request: FastifyRequest): Promise<void> {
  const { origin, host } = request.headers;
  if (!(await origins.allows(viewer, origin, host))) {
    throw new Refusal('FORBIDDEN', `Pages of ${origin!.slice(0, 200)} may not call this workspace; add the origin with updateWorkspace (allowedOrigins).`);
  }
}
