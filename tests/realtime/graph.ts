// The whole graph over a test database, live: what server/ puts together, without HTTP.
import type { Viewer } from '../../src/access/viewer.ts';
import { permissionsOf } from '../../src/access/permissions.ts';
import { openBus } from '../../src/events/bus.ts';
import { sequenceAll, startSequencer } from '../../src/events/sequencer.ts';
import { Signals } from '../../src/events/signals.ts';
import { LogStream } from '../../src/events/stream.ts';
import { makeGraph, type Graph, type Request } from '../../src/graphql/execute.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { LiveExecutor, type Frames } from '../../src/realtime/execute.ts';
import { Frame } from '../../src/realtime/frames.ts';
import { Facts, type Live } from '../../src/realtime/live.ts';
import '../../src/realtime/fields.ts';
import '../../src/realtime/mutations.ts';
import type { TestDatabase } from '../harness/database.ts';
import { within } from '../events/make.ts';

export interface LiveGraph {
  graph: Graph;
  executor: LiveExecutor;
  /** The data of a query or mutation; throws what went wrong. By both paths where it compiles, which must agree. */
  run(viewer: Viewer, text: string, variables?: Record<string, unknown>): Promise<any>;
  subscribe(viewer: Viewer, text: string, variables?: Record<string, unknown>, signal?: AbortSignal): Promise<Frames>;
  /** The code and message that refuse it. */
  refusal(viewer: Viewer, text: string, variables?: Record<string, unknown>): Promise<{ code: string; message: string } | null>;
  sequenced(): Promise<number>;
  close(): Promise<void>;
}

export async function liveGraph(db: TestDatabase): Promise<LiveGraph> {
  initSecrets('a secret key of the tests, long enough');
  const bus = openBus(db.system);
  const stream = new LogStream({ system: db.system, app: db.app, bus });
  await stream.start();
  const sequencer = startSequencer(db.system, { bus });
  const signals = new Signals(bus);
  const live: Live = { log: stream, signals, facts: new Facts(db.app) };
  const options = { read: db.app, write: db.app, parts: { live } };
  const [graph, loaders] = [await makeGraph(options), await makeGraph({ ...options, path: 'loaders' })];
  const executor = new LiveExecutor(graph);
  const request = (viewer: Viewer, text: string, variables: Record<string, unknown> = {}): Request => {
    const read = graph.read(text);
    if (!read.document) throw new Error(JSON.stringify(read.errors));
    return { document: read.document, variables, viewer };
  };
  return {
    graph,
    executor,
    async run(viewer, text, variables) {
      const asked = request(viewer, text, variables);
      const answer = await graph.execute(asked);
      if (answer.errors.length > 0) throw new Error(JSON.stringify(answer.errors));
      if (!text.startsWith('mutation')) {
        if (answer.path !== 'compiled') throw new Error(`It was answered by ${answer.path}.`);
        const other = await loaders.execute(asked);
        if (other.data !== answer.data) throw new Error(`The loaders say ${other.data} ${JSON.stringify(other.errors)}, the statement ${answer.data}.`);
      }
      return JSON.parse(answer.data!);
    },
    async subscribe(viewer, text, variables, signal) {
      const frames = await executor.subscribe(request(viewer, text, variables), signal);
      if (frames instanceof Frame) throw new Error(frames.text);
      return frames;
    },
    async refusal(viewer, text, variables) {
      const frames = await executor.subscribe(request(viewer, text, variables));
      if (!(frames instanceof Frame)) {
        await frames.return();
        return null;
      }
      const [error] = JSON.parse(frames.text).errors;
      return { code: error.extensions.code, message: error.message };
    },
    sequenced: () => sequenceAll(db.system),
    async close() {
      signals.close();
      await sequencer.close();
      await stream.close();
      await bus.close();
    },
  };
}

export function viewer(workspaceId: string, over: Partial<Viewer> = {}): Viewer {
  const role = over.role ?? 'ADMIN';
  return {
    workspaceId, role, permissions: permissionsOf(role, []), actor: { workspaceId, kind: 'API_KEY', id: null }, memberId: null, identityIds: [], accountId: null,
    permissionKey: role, expiresAtMs: null, ...over,
  };
}

/** The data of the next frame. */
export async function next(frames: Frames): Promise<any> {
  const frame = await within(5_000, 'An event', frames.next());
  const { data, errors } = JSON.parse(frame.value!.text);
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}
