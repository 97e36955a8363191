// WebSocket at /graphql: graphql-ws carries it, the graph reads and runs. Sockets are let in by the same verifier as HTTP and asked again while they live.
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { GraphQLError, type ExecutionArgs, type ExecutionResult } from 'graphql';
import { CloseCode, type Context, type ServerOptions } from 'graphql-ws';
import { useServer, type Extra } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import type { Authorizer } from '../access/authorizer.ts';
import { viewerOf } from '../access/keys.ts';
import type { Viewer } from '../access/viewer.ts';
import { bodyOf, type Graph, type Request } from '../graphql/execute.ts';
import type { Sql } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import { gauge } from '../platform/metrics.ts';
import { LiveExecutor } from '../realtime/execute.ts';
import { Frame, FrameSocket, onNext } from '../realtime/frames.ts';
import type { Origins } from './origins.ts';

const MESSAGE_BYTES_MAX = 256 * 1024;
const SOCKETS_MAX = 20_000;
const OPERATIONS_PER_SOCKET_MAX = 100;
const INIT_MS_MAX = 5_000;
const KEEP_ALIVE_MS = 20_000;

/** Its client tries again after 4403; after 4401 it gives up. */
const BAD_TOKEN = 4401;
const NOT_ALLOWED = CloseCode.Forbidden;
const OVERLOADED = 1013;
export const DRAINING = 1012;

export interface WebSocketParts {
  app: Sql;
  graph: Graph;
  authorizer: Authorizer;
  origins: Origins;
  log: Logger;
}
interface Ours extends Extra {
  viewer?: Viewer;
  /** Ends every subscription of the socket. */
  ending?: AbortController;
  unwatch?: () => void;
}
type Live = Context<Record<string, unknown>, Extra & Partial<Record<PropertyKey, never>>>;
/** What graphql-ws hands from `onSubscribe` to `execute` and `subscribe`. */
interface Args extends ExecutionArgs {
  request: Request;
  signal: AbortSignal;
}

export interface WebSockets {
  /** Tells every client to come again elsewhere, and waits until they are gone, 2 s at most. */
  drain(): Promise<void>;
}

export function addWebSockets(server: Server, parts: WebSocketParts): WebSockets {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES_MAX, WebSocket: FrameSocket, handleProtocols: (protocols) => (protocols.has('graphql-transport-ws') ? 'graphql-transport-ws' : false) });
  const executor = new LiveExecutor(parts.graph);
  gauge('websockets', 'Open sockets.', [], (g) => g.set(sockets.clients.size));
  let draining = false;

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    if (new URL(request.url ?? '/', 'http://localhost').pathname !== '/graphql') return void socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
    sockets.handleUpgrade(request, socket, head, (opened) => {
      if (draining) return opened.close(DRAINING, 'Restarting');
      if (sockets.clients.size > SOCKETS_MAX) return opened.close(OVERLOADED, 'Too many connections');
      sockets.emit('connection', opened, request);
    });
  });

  const cleanup = useServer(options(parts, executor) as never, sockets, KEEP_ALIVE_MS);
  return {
    drain: async () => {
      draining = true;
      for (const client of sockets.clients) client.close(DRAINING, 'Restarting');
      const deadline = new Promise<void>((resolve) => setTimeout(resolve, 2_000).unref());
      await Promise.race([cleanup.dispose(), deadline]);
      for (const client of sockets.clients) client.terminate();
      sockets.close();
    },
  };
}

function options(parts: WebSocketParts, executor: LiveExecutor): ServerOptions<Record<string, unknown>, Extra> {
  const extraOf = (context: { extra: unknown }) => context.extra as Ours;
  return {
    connectionInitWaitTimeout: INIT_MS_MAX,
    onConnect: async (context) => {
      const extra = extraOf(context);
      const parameters = (context.connectionParams ?? {}) as Record<string, unknown>;
      const authorization = parameters.Authorization ?? parameters.authorization ?? extra.request.headers.authorization;
      let viewer: Viewer;
      try {
        viewer = await viewerOf(parts.app, authorization);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        extra.socket.close(BAD_TOKEN, 'Unauthorized: send { Authorization: "Bearer …" } as connection parameters');
        return false;
      }
      if (!(await parts.origins.allows(viewer, extra.request.headers.origin, extra.request.headers.host))) {
        extra.socket.close(BAD_TOKEN, 'This origin may not call this workspace');
        return false;
      }
      extra.viewer = viewer;
      extra.ending = new AbortController();
      extra.unwatch = await parts.authorizer.watch(authorization, viewer, (ending) => {
        extra.ending?.abort();
        extra.socket.close(NOT_ALLOWED, ending === 'EXPIRED' ? 'Token expired' : ending === 'REVOKED' ? 'Key revoked' : 'Permissions changed');
      });
      return true;
    },
    onDisconnect: (context) => leave(extraOf(context)),
    onClose: (context) => leave(extraOf(context)),
    onSubscribe: (context, _id, payload) => {
      const { viewer, ending } = extraOf(context);
      if (!viewer || !ending) return [refusal('UNAUTHENTICATED', 'Say connection_init first.')];
      if (Object.keys((context as Live).subscriptions).length > OPERATIONS_PER_SOCKET_MAX) {
        return [refusal('TOO_EXPENSIVE', `A socket carries at most ${OPERATIONS_PER_SOCKET_MAX} operations at once.`)];
      }
      const read = parts.graph.read(payload.query);
      if (!read.document) return read.errors as readonly GraphQLError[];
      const request: Request = { document: read.document, operationName: payload.operationName, variables: payload.variables ?? undefined, viewer };
      return { schema: parts.graph.schema, document: read.document, operationName: payload.operationName, variableValues: payload.variables, request, signal: ending.signal } as unknown as ExecutionArgs;
    },
    execute: async (args) => new Frame(bodyOf(await parts.graph.execute((args as unknown as Args).request))) as unknown as ExecutionResult,
    subscribe: (args) => executor.subscribe((args as unknown as Args).request, (args as unknown as Args).signal) as never,
    onNext: onNext as never,
    onError: (_context, _id, _payload, errors) => parts.graph.refuse(errors).errors,
  };
}

function leave(extra: Ours): void {
  extra.ending?.abort();
  extra.unwatch?.();
}

const refusal = (code: string, message: string): GraphQLError => new GraphQLError(message, { extensions: { code } });
