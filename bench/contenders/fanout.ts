// Two WebSocket servers over one graph in one process: ours, and graphql-ws as its documentation sets it up (`useServer`), which executes and
// serialises for each subscriber. `emit N K [E]` appends K events to each of the first N conversations (to every E-th of them) and is answered once they
// are committed; `behind` is answered with how many subscribers haven't taken what was written to them.
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { ExecutionArgs } from 'graphql';
import { WebSocketServer } from 'ws';
import '../../src/server/graph.ts';
import { Authorizer } from '../../src/access/authorizer.ts';
import { Budgets } from '../../src/access/budget.ts';
import { viewerOf } from '../../src/access/keys.ts';
import { systemActor, type Viewer } from '../../src/access/viewer.ts';
import { appendEvents } from '../../src/events/append.ts';
import { openBus } from '../../src/events/bus.ts';
import { startSequencer } from '../../src/events/sequencer.ts';
import { Signals } from '../../src/events/signals.ts';
import { LogStream } from '../../src/events/stream.ts';
import { makeGraph } from '../../src/graphql/execute.ts';
import { readConfig } from '../../src/platform/config.ts';
import { inWorkspace, openPool } from '../../src/platform/db.ts';
import { createLog } from '../../src/platform/log.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { Facts, type Live } from '../../src/realtime/live.ts';
import { Admission } from '../../src/server/admission.ts';
import { Origins } from '../../src/server/origins.ts';
import { addWebSockets } from '../../src/server/websocket.ts';
import { ROOT, WORKSPACE } from '../data.ts';

// Of the program's own packages: bench/ has a graphql of PostGraphile's, and a schema belongs to the one that made it.
const packages = createRequire(`${ROOT}/package.json`);
const { createSourceEventStream, execute } = packages('graphql') as typeof import('graphql');
const { useServer } = packages('graphql-ws/use/ws') as typeof import('graphql-ws/use/ws');

const config = readConfig(process.env);
initSecrets(config.secretKey);
const log = createLog({ level: config.logLevel });
const onError = (error: unknown) => log.error({ err: error }, 'It goes on.');
const pool = (role: 'throughline_app' | 'throughline_system', max: number) => openPool({ url: config.databaseUrl!, role, max, applicationName: 'bench fanout' });
const [app, read, system] = [pool('throughline_app', 10), pool('throughline_app', 10), pool('throughline_system', 4)];
const bus = openBus(system, onError);
const stream = new LogStream({ system, app, bus, onError });
await stream.start();
const sequencer = startSequencer(system, { bus, onError });
const signals = new Signals(bus);
const live: Live = { log: stream, signals, facts: new Facts(app) };
const parts = { live };
// Who executes for each of 5,000 subscribers has his last statement wait longer than a server would let it.
const graph = await makeGraph({ read, write: app, parts, waitMs: 120_000, log: (_id, error) => onError(error) });

const ours = createServer();
addWebSockets(ours, {
  app, graph, log, authorizer: new Authorizer(app, { onError }), origins: new Origins(system), budgets: new Budgets(config.rateLimits), admission: new Admission(), trustProxy: config.trustProxy,
});

const sockets = new Set<Socket>();
ours.on('connection', (socket: Socket) => {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
});

const stock = createServer();
interface Extra {
  viewer?: Viewer;
}
useServer({
  schema: graph.schema,
  onConnect: async ({ connectionParams, extra }) => {
    (extra as Extra).viewer = await viewerOf(app, connectionParams?.authorization);
  },
  context: ({ extra }) => ({ viewer: (extra as Extra).viewer, parts, signal: new AbortController().signal }),
  subscribe: async (args: ExecutionArgs) => {
    const events = await createSourceEventStream(args);
    if (!(Symbol.asyncIterator in events)) return events;
    const { viewer } = args.contextValue as { viewer: Viewer };
    return (async function* () {
      for await (const rootValue of events) {
        // Loaders of its own for each event, as they must be: what they remember is of that moment.
        const contextValue = graph.context(viewer);
        try {
          yield await execute({ ...args, rootValue, contextValue });
        } finally {
          void contextValue.close();
        }
      }
    })();
  },
}, new WebSocketServer({ server: stock, path: '/graphql' }));

const listening = (server: Server) => new Promise<string>((resolve) => server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)));

const conversations = await inWorkspace(app, WORKSPACE, (tx) => tx<{ id: string }[]>`select id from conversations where workspace_id = ${WORKSPACE} order by id limit 500`);
async function emit(count: number, each: number, every: number): Promise<void> {
  const told = conversations.slice(0, count).filter((_, i) => i % every === 0);
  await inWorkspace(app, WORKSPACE, (tx) => appendEvents(tx, WORKSPACE, Array.from({ length: each }, () => told.map(({ id }) => (
    { kind: 'conversation.updated' as const, actor: systemActor(WORKSPACE), conversationId: id, data: {} }))).flat()));
  sequencer.wake();
}
createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'behind') return console.log(`done ${[...sockets].filter(({ writableLength }) => writableLength > 0).length}`);
  const [, count, each, every = 1] = line.split(' ').map(Number);
  emit(count!, each!, every).then(() => console.log('done 0'), (error: Error) => console.log(`error ${error.message}`));
});
console.log(`ready ${await listening(ours)} ${await listening(stock)}`);
process.on('SIGTERM', () => process.exit(0));
