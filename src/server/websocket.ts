// WebSocket at /graphql: graphql-ws carries it, the graph reads and runs. Sockets are let in by the same verifier as HTTP and asked again while they live.
import { setMaxListeners } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { GraphQLError, type ExecutionArgs, type ExecutionResult } from 'graphql';
import { CloseCode, makeServer, type ServerOptions } from 'graphql-ws';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Authorizer } from '../access/authorizer.ts';
import { REFUSED_COST, SOCKET_COST, type Budgets } from '../access/budget.ts';
import { enter } from '../access/entrance.ts';
import type { Viewer } from '../access/viewer.ts';
import { bodyOf, type Graph, type Request } from '../graphql/execute.ts';
import type { TrustProxy } from '../platform/config.ts';
import { refused } from '../graphql/faults.ts';
import type { Sql } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import { gauge } from '../platform/metrics.ts';
import { LiveExecutor } from '../realtime/execute.ts';
import { Frame, FrameSocket, onNext } from '../realtime/frames.ts';
import type { Admission } from './admission.ts';
import { callerAddress } from './caller.ts';
import { Crowd, type Entered } from './crowd.ts';
import type { Origins } from './origins.ts';
import { carry, OVERLOADED, type SocketExtra } from './socket.ts';

const MESSAGE_BYTES_MAX = 256 * 1024;
const OPERATIONS_PER_SOCKET_MAX = 100;
const INIT_MS_MAX = 5_000;
const KEEP_ALIVE_MS = 20_000;
const ANSWERING_MS_MAX = 10_000;
const CLOSING_MS_MAX = 2_000;

/** Its client tries again after 4403; after 4401 it gives up. */
const BAD_TOKEN = 4401;
const NOT_ALLOWED = CloseCode.Forbidden;
export const DRAINING = 1012;

export interface WebSocketParts {
  app: Sql;
  graph: Graph;
  authorizer: Authorizer;
  origins: Origins;
  trustProxy: TrustProxy;
  budgets: Budgets;
  admission: Admission;
  log: Logger;
}
interface Ours extends SocketExtra {
  entered: Entered;
  viewer?: Viewer;
  /** Ends every subscription of the socket. */
  ending?: AbortController;
  unwatch?: () => void;
  /** Queries and mutations under way, by their ids. */
  answering: Set<string>;
}
/** What graphql-ws hands from `onSubscribe` to `execute` and `subscribe`. */
interface Args extends ExecutionArgs {
  request: Request;
  signal: AbortSignal;
  /** It is a query or a mutation, and runs now. */
  begin: () => void;
}

export interface WebSockets {
  /** Answers what is under way, 10 s at most, tells every client to come again elsewhere, and waits until they are gone, 2 s at most. */
  drain(): Promise<void>;
}

/** One, but for a server that was stopped and started again in one process. */
const servers = new Set<WebSocketServer>();
gauge('websockets', 'Open sockets.', [], (g) => g.set([...servers].reduce((sum, { clients }) => sum + clients.size, 0)));

export function addWebSockets(server: Server, parts: WebSocketParts): WebSockets {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES_MAX, WebSocket: FrameSocket, handleProtocols: (protocols) => (protocols.has('graphql-transport-ws') ? 'graphql-transport-ws' : false) });
  const executor = new LiveExecutor(parts.graph);
  servers.add(sockets);
  const open = new Set<Ours>();
  const crowd = new Crowd();
  let draining: { idle: () => void } | null = null;
  const leaveIdle = (extra: Ours) => {
    if (extra.answering.size === 0) extra.socket.close(DRAINING, 'Restarting');
    if ([...open].every(({ answering }) => answering.size === 0)) draining?.idle();
  };
  const graphqlWs = makeServer(options(parts, executor, {
    isDraining: () => draining !== null,
    // When what graphql-ws sends after this has gone.
    answered: (extra) => void (draining && setImmediate(leaveIdle, extra)),
  }));

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    if (request.url !== '/graphql' && !request.url?.startsWith('/graphql?')) return void socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
    const entered = crowd.enter(callerAddress(request, parts.trustProxy));
    if (entered === 'ADDRESS') return void socket.end('HTTP/1.1 429 Too Many Requests\r\nretry-after: 5\r\nconnection: close\r\n\r\n');
    if (entered === 'ALL') return void socket.end('HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\n\r\n');
    socket.once('close', entered.left);
    sockets.handleUpgrade(request, socket, head, (opened: WebSocket) => {
      if (draining) return opened.close(DRAINING, 'Restarting');
      const extra: Ours = { socket: opened, request, entered, answering: new Set() };
      open.add(extra);
      opened.once('close', () => {
        open.delete(extra);
        if (draining) leaveIdle(extra);
      });
      carry(graphqlWs, extra, { keepAliveMs: KEEP_ALIVE_MS, log: parts.log });
    });
  });

  return {
    drain: async () => {
      await within(ANSWERING_MS_MAX, new Promise<void>((resolve) => {
        draining = { idle: resolve };
        if (open.size === 0) resolve();
        for (const extra of open) leaveIdle(extra);
      }));
      const gone = [...sockets.clients].map((client) => new Promise((resolve) => client.once('close', resolve)));
      for (const client of sockets.clients) client.close(DRAINING, 'Restarting');
      await within(CLOSING_MS_MAX, Promise.all(gone));
      for (const client of sockets.clients) client.terminate();
      sockets.close();
      servers.delete(sockets);
    },
  };
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

interface Leaving {
  isDraining(): boolean;
  /** Told of each query and mutation that was answered. */
  answered(extra: Ours): void;
}

function options(parts: WebSocketParts, executor: LiveExecutor, leaving: Leaving): ServerOptions<Record<string, unknown>, Ours> {
  return {
    connectionInitWaitTimeout: INIT_MS_MAX,
    onConnect: async ({ extra, connectionParams }) => {
      const parameters = (connectionParams ?? {}) as Record<string, unknown>;
      const authorization = parameters.Authorization ?? parameters.authorization ?? extra.request.headers.authorization;
      let viewer: Viewer;
      try {
        viewer = await enter(parts.app, parts.budgets, authorization, callerAddress(extra.request, parts.trustProxy));
        parts.budgets.spend(viewer, SOCKET_COST);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (error.code === 'RATE_LIMITED') {
          extra.socket.close(OVERLOADED, error.message);
          return false;
        }
        extra.socket.close(BAD_TOKEN, 'Unauthorized: send { Authorization: "Bearer …" } as connection parameters');
        return false;
      }
      if (!(await parts.origins.allows(viewer, extra.request.headers.origin, extra.request.headers.host))) {
        extra.socket.close(BAD_TOKEN, 'This origin may not call this workspace');
        return false;
      }
      extra.viewer = viewer;
      extra.entered.known();
      extra.ending = new AbortController();
      // Every subscription of the socket listens.
      setMaxListeners(0, extra.ending.signal);
      extra.unwatch = await parts.authorizer.watch(authorization, viewer, (ending) => {
        extra.ending?.abort();
        extra.socket.close(NOT_ALLOWED, ending === 'EXPIRED' ? 'Token expired' : ending === 'REVOKED' ? 'Key revoked' : 'Permissions changed');
      });
      // It closed meanwhile, and `onClose` had nothing to leave yet.
      if (extra.socket.readyState !== extra.socket.OPEN) leave(extra);
      return true;
    },
    onDisconnect: ({ extra }) => leave(extra),
    onClose: ({ extra }) => leave(extra),
    onSubscribe: async ({ extra, subscriptions }, id, payload) => {
      const { viewer, ending } = extra;
      if (!viewer || !ending) return [refusal('UNAUTHENTICATED', 'Say connection_init first.')];
      if (Object.keys(subscriptions).length > OPERATIONS_PER_SOCKET_MAX) {
        return [refusal('TOO_EXPENSIVE', `A socket carries at most ${OPERATIONS_PER_SOCKET_MAX} operations at once.`)];
      }
      const spend = (cost: number) => parts.budgets.spend(viewer, cost).remaining;
      const read = await parts.graph.readInTurn(payload.query);
      // It isn't begun: after the close its client asks again, elsewhere.
      if (leaving.isDraining()) return new Promise<never>(() => {});
      if (!read.document) return unlessLimited(() => spend(REFUSED_COST)) ?? (read.errors as readonly GraphQLError[]);
      const request: Request = { document: read.document, operationName: payload.operationName, variables: payload.variables ?? undefined, viewer, spend };
      return { schema: parts.graph.schema, document: read.document, operationName: payload.operationName, variableValues: payload.variables, request, signal: ending.signal, begin: () => extra.answering.add(id) } as unknown as ExecutionArgs;
    },
    execute: async (args) => {
      const { request, begin } = args as unknown as Args;
      begin();
      let leave: () => void;
      try {
        leave = parts.admission.enter();
      } catch (error) {
        return new Frame(bodyOf(parts.graph.refuse([error]))) as unknown as ExecutionResult;
      }
      return new Frame(bodyOf(await parts.graph.execute(request).finally(leave))) as unknown as ExecutionResult;
    },
    onComplete: ({ extra }, id) => {
      if (extra.answering.delete(id)) leaving.answered(extra);
    },
    subscribe: (args) => executor.subscribe((args as unknown as Args).request, (args as unknown as Args).signal) as never,
    onNext: onNext as never,
    onError: (_context, _id, _payload, errors) => parts.graph.refuse(errors).errors,
  };
}

function leave(extra: Ours): void {
  extra.ending?.abort();
  extra.unwatch?.();
}

/** The refusal of `pay`, if it refuses. */
function unlessLimited(pay: () => void): readonly GraphQLError[] | null {
  try {
    pay();
    return null;
  } catch (error) {
    if (error instanceof Refusal) return [refused(error)];
    throw error;
  }
}

const refusal = (code: string, message: string): GraphQLError => new GraphQLError(message, { extensions: { code } });
