// The doors by which providers come in: `/hooks/<provider>/<endpoint>`. A request is verified on its raw bytes, stored, and only then acknowledged.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Budgets } from '../access/budget.ts';
import type { Endpoint } from '../channels/accounts.ts';
import type { HttpReply, RawRequest, Verification } from '../channels/channel.ts';
import { EndpointCache } from '../channels/endpoint-cache.ts';
import { contextHeaders } from '../channels/email/context.ts';
import { looksLikeMail } from '../channels/email/looks-like-mail.ts';
import { providerNamed, PROVIDERS } from '../channels/registry.ts';
import { receiveDelivery, type DoorContext } from '../inbound/receive.ts';
import { inWorkspace } from '../platform/db.ts';
import { ERROR_CODES, type ErrorCode } from '../platform/errors.ts';
import { publicId, uuidOf } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import { counter } from '../platform/metrics.ts';
import { readBody } from './request-body.ts';

/** Webhooks are far smaller; who sends more says so (`requestBytesMax`). */
const BODY_BYTES_MAX = 40 * 1024 * 1024;

export interface Doors extends DoorContext {
  /** Our public address, without a slash at the end; null: whatever address the request named. */
  publicUrl: string | null;
  /** Something was stored: apply it. */
  arrived: () => void;
  budgets: Budgets;
  log: Logger;
}

const deliveries = counter('deliveries_total', 'Deliveries of providers that were stored, by whether they could be read.', ['provider', 'outcome']);
const refused = counter('deliveries_refused_total', 'Deliveries that were refused before anything was stored.', ['provider', 'status']);

/** Adds the doors to `server`. Every answer to a refused request is JSON: `{ error: { code, message } }`. */
export async function addDoors(server: FastifyInstance, doors: Doors): Promise<void> {
  const endpoints = new EndpointCache(doors.app);
  await server.register(async (scope) => {
    // Signatures are over the bytes: nothing may be parsed before they are checked.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', readBody);
    const handler = (request: FastifyRequest, reply: FastifyReply) => enter(doors, endpoints, request, reply);
    scope.route({ method: ['GET', 'POST'], url: '/hooks/:provider/:endpoint', bodyLimit: BODY_BYTES_MAX, handler });
    for (const { provider, requestBytesMax: bodyLimit } of PROVIDERS) {
      if (bodyLimit === undefined) continue;
      const onRequest = async (request: FastifyRequest, reply: FastifyReply) => {
        Object.assign(request.params as object, { provider });
        await admitLarge(doors, endpoints, request, reply);
      };
      scope.route({ method: 'POST', url: `/hooks/${provider}/:endpoint`, bodyLimit, handler, onRequest });
    }
  });
}

/** Before a body that large, or of a length that isn't told, is read: it is read only from who holds the secret. */
async function admitLarge(doors: Doors, endpoints: EndpointCache, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (Number(request.headers['content-length'] ?? Infinity) <= BODY_BYTES_MAX) return;
  const entered = await verifiedAt(endpoints, request, rawRequest(doors, request));
  if (!entered) return void refuse(reply, 404, 'NOT_FOUND', 'No channel is connected at this address.');
  const { verified } = entered;
  if (!verified.ok) refuse(reply, verified.status, verified.status === 403 ? 'FORBIDDEN' : verified.status === 401 ? 'UNAUTHENTICATED' : 'INVALID_INPUT', verified.reason);
}

/** The endpoint of a request's address, and whether the request is its provider's: by secrets of this moment, should those of a moment ago not do. Null: there is none. */
async function verifiedAt(endpoints: EndpointCache, request: FastifyRequest, raw: RawRequest): Promise<{ endpoint: Endpoint; verified: Verification } | null> {
  const { provider, endpoint: text } = request.params as { provider: string; endpoint: string };
  const id = uuidOf('end', text);
  const known = id === null ? null : await endpoints.get(id);
  if (known?.endpoint.provider !== provider) return null;
  const verify = async (endpoint: Endpoint) => ({ endpoint, verified: await providerNamed(provider).verify(raw, { secrets: endpoint.secrets }) });
  const first = await verify(known.endpoint);
  // A handshake (X's challenge) is answered with the secret itself, so one of a moment ago doesn't do.
  if ((first.verified.ok && raw.method === 'POST') || known.isFresh) return first;
  const fresh = await endpoints.fresh(known.endpoint.id);
  return fresh && verify(fresh);
}

async function enter(doors: Doors, endpoints: EndpointCache, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { provider: providerName } = request.params as { provider: string };
  const raw = rawRequest(doors, request);
  const entered = await verifiedAt(endpoints, request, raw);
  if (!entered) return refuse(reply, 404, 'NOT_FOUND', 'No channel is connected at this address.');
  const { endpoint, verified } = entered;
  const provider = providerNamed(endpoint.provider);
  if (!verified.ok) {
    refused.inc({ provider: providerName, status: String(verified.status) });
    // Who is asked for credentials has done nothing wrong yet: its provider sends the delivery once more, with them.
    if (verified.challenge === undefined) doors.log.warn({ provider: providerName, endpointId: endpoint.id, status: verified.status }, 'A delivery was refused: it is not proven to be its provider\'s.');
    else reply.header('www-authenticate', verified.challenge);
  }
  if (!verified.ok) return refuse(reply, verified.status, verified.status === 403 ? 'FORBIDDEN' : verified.status === 401 ? 'UNAUTHENTICATED' : 'INVALID_INPUT', verified.reason);
  if (request.method === 'GET' && raw.body.length === 0 && !raw.url.includes('?')) return answer(reply, { status: 200, headers: {}, body: '' });

  if (endpoint.provider === 'mime' && !looksLikeMail(raw.body)) {
    return refuse(reply, 422, 'INVALID_INPUT', 'This is no mail: expected its raw bytes (RFC 5322), header fields such as From: first.');
  }
  // Verified: nobody else can use up a provider's budget. It sends again what is refused here.
  doors.budgets.deliver(endpoint.id);
  const delivered = await receiveDelivery(doors, endpoint, { source: providerName === 'mime' ? 'HTTP' : 'WEBHOOK', request: await withMailContext(doors, endpoint, raw) });
  deliveries.inc({ provider: providerName, outcome: delivered.unparsed === null ? 'stored' : 'unparsed' });
  doors.arrived();
  if (delivered.unparsed !== null) {
    const kept = publicId('inb', delivered.events[0]!.id);
    // A phone system that hears an error plays it to the caller: it is answered as its provider would, and told by a header.
    if (delivered.parsed === null && provider.channel === 'voice') return answer(reply.header('x-throughline-unparsed', kept), provider.respond(raw, null, { secrets: endpoint.secrets }));
    return refuse(reply, 422, 'INVALID_INPUT', `${delivered.unparsed} It is kept as ${kept} and can be replayed (replayInboundEvent).`);
  }
  return answer(reply, provider.respond(raw, delivered.parsed, { secrets: endpoint.secrets }));
}

/** The request as its provider sent it: the address is the public one, since Twilio signs it. */
function rawRequest(doors: Doors, request: FastifyRequest): RawRequest {
  const headers = Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) => (value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value]])),
  ) as Record<string, string>;
  const origin = doors.publicUrl ?? `http://${headers.host ?? 'localhost'}`;
  return { method: request.method, url: origin + request.url, headers, body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0) };
}

/**
 * What our own door knows of a mail beside its bytes. Who may post mail by this door holds the endpoint's secret; whose word on authentication
 * counts is the account's setting, never the client's header.
 */
async function withMailContext(doors: Doors, endpoint: Endpoint, raw: RawRequest): Promise<RawRequest> {
  if (providerNamed(endpoint.provider).channel !== 'email') return raw;
  const { 'x-authserv-id': _authserv, 'x-dmarc-domain': _dmarc, 'x-import': _import, ...headers } = raw.headers;
  const to = headers['x-envelope-to']?.toLowerCase().replace(/[<>\s]/g, '');
  const accounts = await inWorkspace(doors.app, endpoint.workspaceId, (tx) => tx<{ address: string; settings: { authservId?: string | null } }[]>`
    select address, settings from channel_accounts where workspace_id = ${endpoint.workspaceId} and endpoint_id = ${endpoint.id} and channel = 'EMAIL' order by created_at, id`);
  const account = accounts.find((a) => a.address === to) ?? (accounts.length === 1 ? accounts[0] : undefined);
  return { ...raw, headers: { ...headers, ...contextHeaders({ authservId: account?.settings.authservId ?? null, envelopeTo: to ?? account?.address ?? null }) } };
}

const answer = (reply: FastifyReply, { status, headers, body }: HttpReply): FastifyReply => reply.code(status).headers(headers).send(body);

export function refuse(reply: FastifyReply, status: number, code: ErrorCode, message: string): FastifyReply {
  if (ERROR_CODES[code].retryable) reply.header('retry-after', '5');
  return reply.code(status).send({ error: { code, message } });
}
