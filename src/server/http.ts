// HTTP: /graphql (API and IDE), the doors, health and metrics. Fastify carries it; Apollo speaks GraphQL over HTTP.
import { ApolloServer, HeaderMap } from '@apollo/server';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { budgetHeaders, type Budgets } from '../access/budget.ts';
import { enter } from '../access/entrance.ts';
import { apolloOptions, type HttpContext } from '../graphql/apollo.ts';
import { bodyOf, type Graph } from '../graphql/execute.ts';
import { refusalOf } from '../graphql/faults.ts';
import { hasTooManyValues, tooManyValues } from '../graphql/limits.ts';
import type { TrustProxy } from '../platform/config.ts';
import type { Sql } from '../platform/db.ts';
import { ERROR_CODES, Refusal, type ErrorCode } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import { counter, histogram, metrics } from '../platform/metrics.ts';
import { Turns } from '../platform/turns.ts';
import type { Admission } from './admission.ts';
import { callerAddress } from './caller.ts';
import { letRead, mustBeAllowed, preflight } from './cors.ts';
import { addDoors, type Doors } from './doors.ts';
import { addFiles } from './files.ts';
import { addIdeFiles, idePage, type IdeOptions } from './ide.ts';
import { addLivePage, type LivePageParts } from './live-page.ts';
import { isOnTheMachine } from './loopback.ts';
import type { Origins } from './origins.ts';
import { addUploads } from './uploads.ts';

/** A document and its variables; files don't come this way. */
const BODY_BYTES_MAX = 1024 * 1024;
const REQUEST_MS_MAX = 30_000;
const HEAD_MS_MAX = 10_000;
/** Of an answer of which nothing is read any more; Node looks twice. */
const UNREAD_MS_MAX = 15_000;
const CHECK_MS = 1_000;

export interface HttpParts {
  app: Sql;
  graph: Graph;
  doors: Doors;
  origins: Origins;
  trustProxy: TrustProxy;
  budgets: Budgets;
  admission: Admission;
  ide: () => Omit<IdeOptions, 'origin'>;
  /** The demo, when its keys may be shown. */
  demo: LivePageParts['demo'];
  /** Null: ready; else why not, for `/readyz`. */
  notReady: () => Promise<string | null>;
  log: Logger;
}

const requests = histogram('http_request_seconds', 'Seconds from a request\'s head to its answer.', ['route', 'status']);
const faults = counter('faults_total', 'Faults of ours, each logged under its id.');

export async function createHttp(parts: HttpParts): Promise<FastifyInstance> {
  const server = fastify({
    bodyLimit: BODY_BYTES_MAX, requestTimeout: REQUEST_MS_MAX, connectionTimeout: 0, keepAliveTimeout: 72_000, forceCloseConnections: 'idle',
    // Slow-loris: Node looks every 30 s by default.
    http: { headersTimeout: HEAD_MS_MAX, connectionsCheckingInterval: CHECK_MS },
    routerOptions: { maxParamLength: 200 }, logger: false, exposeHeadRoutes: false,
    // Of addresses that no route can be found for at all.
    frameworkErrors: (error, request, reply) => fail(parts, error, request, reply),
  });
  // Node forgets it by itself when the answer has gone: then a connection may be idle (keepAliveTimeout), or another request begins without it.
  server.addHook('onSend', async (request) => void request.raw.socket.setTimeout(UNREAD_MS_MAX));
  server.addHook('onResponse', async (request, reply) => {
    requests.observe({ route: request.routeOptions.url ?? 'none', status: `${Math.floor(reply.statusCode / 100)}xx` }, reply.elapsedTime / 1000);
    parts.log.debug({ route: request.routeOptions.url, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'A request was answered.');
  });
  server.setErrorHandler((error: unknown, request, reply) => fail(parts, error, request, reply));
  server.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: { code: 'NOT_FOUND', message: 'There is nothing here; the API is at /graphql.' } }));

  server.get('/healthz', async () => ({ status: 'alive' }));
  server.get('/readyz', async (_request, reply) => {
    const reason = await parts.notReady();
    return reason === null ? { status: 'ready' } : reply.code(503).header('retry-after', '1').send({ status: 'not ready', reason });
  });
  server.get('/metrics', async (_request, reply) => reply.header('content-type', metrics.contentType).send(await metrics.metrics()));
  server.get('/', async (_request, reply) => reply.redirect('/graphql'));
  await addGraphql(server, parts);
  addIdeFiles(server);
  addLivePage(server, parts);
  await addDoors(server, parts.doors);
  addFiles(server, parts.doors);
  await addUploads(server, { ...parts.doors, trustProxy: parts.trustProxy, origins: parts.origins });
  return server;
}

async function addGraphql(server: FastifyInstance, parts: HttpParts): Promise<void> {
  const apollo = new ApolloServer<HttpContext>(apolloOptions(parts.graph, (id, error) => logFault(parts, id, error)));
  await apollo.start();
  await server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.options('/graphql', (request, reply) => preflight(parts.origins, request, reply));
    scope.route({
      method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
      url: '/graphql',
      handler: async (request, reply) => {
        if (request.method === 'GET' && wantsPage(request)) return reply.header('content-type', 'text/html; charset=utf-8').header('content-security-policy', "frame-ancestors 'self'").send(idePage({ ...parts.ide(), ...(isOnTheMachine(request) ? {} : { demoKey: null }), origin: parts.doors.publicUrl ?? `http://${request.headers.host ?? 'localhost'}` }));
        await letRead(parts.origins, request, reply);
        // Now that its body is here: who sends by drops takes nobody's place.
        const leave = parts.admission.enter();
        try {
          return await answered(parts, apollo, request, reply);
        } finally {
          leave();
        }
      },
    });
  });
}

async function answered(parts: HttpParts, apollo: ApolloServer<HttpContext>, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const viewer = await enter(parts.app, parts.budgets, request.headers.authorization, callerAddress(request.raw, parts.trustProxy));
  await mustBeAllowed(parts.origins, viewer, request);
  const headers = new HeaderMap();
  for (const [name, value] of Object.entries(request.headers)) if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  if (((request.body as Buffer | undefined)?.length ?? 0) > LARGE_BODY_BYTES) await largeBodies.next();
  const url = new URL(request.url, 'http://localhost');
  const costOnly = url.searchParams.get('cost') === 'only' || request.headers['x-throughline-cost'] === 'only';
  const answer = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method: request.method, headers, search: url.search, body: bodyOfRequest(request) },
    context: async () => ({ viewer, costOnly, spend: (cost) => parts.budgets.spend(viewer, cost).remaining }),
  });
  for (const [name, value] of answer.headers) reply.header(name, value);
  reply.headers(budgetHeaders(parts.budgets.left(viewer))).code(answer.status ?? 200);
  if (answer.body.kind === 'complete') return reply.send(answer.body.string);
  throw new Error('An answer in several parts, which no operation asks for.');
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
/** From here on parsing a body, and looking through what it holds, takes milliseconds. */
const LARGE_BODY_BYTES = 64 * 1024;
const largeBodies = new Turns();

/** The parsed body. What isn't JSON is refused here with what was expected. */
function bodyOfRequest(request: FastifyRequest): unknown {
  if (request.method !== 'POST') return undefined;
  const body = request.body as Buffer | undefined;
  const [type, ...parameters] = (request.headers['content-type'] ?? '').split(';').map((part) => part.trim().toLowerCase());
  const encoding = request.headers['content-encoding'] ?? 'identity';
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice(8).replaceAll('"', '') ?? 'utf-8';
  if (encoding !== 'identity' || !/^utf-?8$/.test(charset)) throw new Refusal('INVALID_INPUT', 'The body must be UTF-8, and not compressed.');
  if (type !== 'application/json' && !type!.endsWith('+json')) {
    throw new Refusal('INVALID_INPUT', `The body must be JSON with \`content-type: application/json\`, not ${type ? type.slice(0, 100) : 'without a content-type'}.`);
  }
  if (body && hasTooManyValues(body)) throw tooManyValues();
  try {
    return JSON.parse(utf8.decode(body));
  } catch {
    throw new Refusal('INVALID_INPUT', 'The body is not JSON in UTF-8; expected { "query": "…", "variables": { … } }.');
  }
}

const wantsPage = (request: FastifyRequest): boolean => (request.headers.accept ?? '').includes('text/html') && !/[?&](query|extensions)=/.test(request.url);

/** Fastify's own refusals, by their codes. */
const FASTIFY_CODES: Record<string, [ErrorCode, string]> = {
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['INVALID_INPUT', 'Content-Length is not the length of the body.'],
};

function fail(parts: HttpParts, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const code = (error as { code?: string }).code ?? '';
  const bytesMax = request.routeOptions.bodyLimit ?? BODY_BYTES_MAX;
  const known: [ErrorCode, string] | undefined = code === 'FST_ERR_CTP_BODY_TOO_LARGE' ? ['TOO_LARGE', `The body is larger than this address takes: at most ${bytesMax} bytes.`] : FASTIFY_CODES[code];
  const clientFault = known ?? ((error as { statusCode?: number }).statusCode ?? 500) < 500;
  // What the database, or the disk of our files, can't do now it may do in a moment: providers send again.
  const outage = error instanceof Refusal ? null : (refusalOf(error) ?? (/^(ENOSPC|EDQUOT|EROFS)$/.test(code) ? new Refusal('OVERLOADED', 'The server cannot store anything at the moment. Try again.') : null));
  if (outage) parts.log.warn({ err: error, route: request.routeOptions.url }, 'A request could not be answered for want of the database or the disk.');
  const refusal = error instanceof Refusal ? error : outage ?? (known ? new Refusal(known[0], known[1]) : clientFault ? new Refusal('INVALID_INPUT', 'The request is malformed.') : null);
  if (request.url.startsWith('/graphql')) {
    const answer = parts.graph.refuse([refusal ?? error]);
    for (const [name, value] of answer.headers) reply.header(name, value);
    return reply.code(answer.status ?? 500).header('content-type', 'application/json; charset=utf-8').send(bodyOf(answer));
  }
  if (refusal) {
    if (refusal.retryable) reply.header('retry-after', String(refusal.details.retryAfterSeconds ?? 5));
    return reply.code(ERROR_CODES[refusal.code].http).send({ error: { code: refusal.code, message: refusal.message } });
  }
  const id = newId();
  logFault(parts, id, error);
  return reply.code(500).send({ error: { code: 'INTERNAL', message: `A fault of ours, logged as ${id}.` } });
}

export function logFault(parts: Pick<HttpParts, 'log'>, id: string, error: unknown): void {
  faults.inc();
  parts.log.error({ faultId: id, err: error }, 'A fault of ours.');
}
