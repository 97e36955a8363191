// A chat over a test database: the graph, live, and who takes part in it.
import { expect } from 'vitest';
import { viewerOf } from '../../src/access/keys.ts';
import { publishableKey } from '../../src/access/tokens.ts';
import type { Actor, Viewer } from '../../src/access/viewer.ts';
import { connectChannel, type ConnectInput } from '../../src/channels/accounts.ts';
import { openBus } from '../../src/events/bus.ts';
import { startSequencer } from '../../src/events/sequencer.ts';
import { Signals } from '../../src/events/signals.ts';
import { LogStream } from '../../src/events/stream.ts';
import { makeGraph, type Graph } from '../../src/graphql/execute.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { LiveExecutor } from '../../src/realtime/execute.ts';
import { Facts } from '../../src/realtime/live.ts';
import { createQueue } from '../../src/workspaces/actions.ts';
import { createApiKey } from '../../src/workspaces/keys.ts';
import '../../src/messages/mutations.ts';
import '../../src/conversations/mutations.ts';
import '../../src/identities/mutations.ts';
import '../../src/customers/mutations.ts';
import '../../src/inbound/fields.ts';
import '../../src/realtime/fields.ts';
import '../../src/realtime/mutations.ts';
import '../../src/visitors/fields.ts';
import '../../src/visitors/mutations.ts';
import '../../src/visitors/subscriptions.ts';
import '../../src/workspaces/mutations.ts';
import '../../src/channels/mutations.ts';
import type { TestDatabase } from '../harness/database.ts';

export const COMPANY_SECRET = 'the company’s own secret, 32 characters or more';

export interface Chats {
  graph: Graph;
  executor: LiveExecutor;
  /** The data of an operation by whoever holds the credential; throws the errors. */
  run(credential: string, text: string, variables?: Record<string, unknown>): Promise<any>;
  /** The code of the error or user error that it gives. */
  refusal(credential: string, text: string, variables?: Record<string, unknown>): Promise<string>;
  viewer(credential: string): Promise<Viewer>;
  /** A workspace with a chat. */
  shop(connect?: Partial<ConnectInput>): Promise<Shop>;
  close(): Promise<void>;
}
export interface Shop {
  id: string;
  actor: Actor;
  accountId: string;
  /** `cha_…` */
  account: string;
  publishable: string;
  admin: string;
}

export async function chats(db: TestDatabase): Promise<Chats> {
  initSecrets('a secret of the tests, long enough');
  const bus = openBus(db.system);
  const log = new LogStream({ system: db.system, app: db.app, bus });
  await log.start();
  const sequencer = startSequencer(db.system, { bus });
  const signals = new Signals(bus);
  const faults: unknown[] = [];
  const graph = await makeGraph({
    read: db.app, write: db.app, parts: { live: { log, signals, facts: new Facts(db.app) }, visitors: { log, signals, app: db.app } },
    log: (_id: string, error: unknown) => void faults.push(error),
  });
  const answer = async (credential: string, text: string, variables?: Record<string, unknown>) => {
    const result = await graph.query(text, await viewerOf(db.app, `Bearer ${credential}`), variables);
    if (faults.length > 0) throw faults.pop();
    return { errors: result.errors, data: result.data === undefined ? null : JSON.parse(result.data) };
  };
  return {
    graph,
    executor: new LiveExecutor(graph),
    viewer: (credential) => viewerOf(db.app, `Bearer ${credential}`),
    async run(credential, text, variables) {
      const { data, errors } = await answer(credential, text, variables);
      if (errors.length > 0) throw new Error(JSON.stringify(errors));
      for (const payload of Object.values(data)) if ((payload as any)?.userErrors?.length) throw new Error(JSON.stringify((payload as any).userErrors));
      return data;
    },
    async refusal(credential, text, variables) {
      const { data, errors } = await answer(credential, text, variables);
      if (errors.length > 0) return errors[0]!.extensions!.code as string;
      const codes = Object.values(data).flatMap((payload: any) => payload?.userErrors?.map((e: any) => e.code as string) ?? []);
      expect(codes).toHaveLength(1);
      return codes[0]!;
    },
    async shop(connect = {}) {
      const { id, actor } = await db.workspace();
      return inWorkspace(db.app, id, async (tx) => {
        await createQueue(tx, actor, { name: 'General', isDefault: true });
        const { accountId } = await connectChannel(tx, actor, { channel: 'LIVE_CHAT', provider: 'throughline', name: 'Shop chat', ...connect });
        const { key } = await createApiKey(tx, actor, { name: 'admin', role: 'ADMIN' });
        return { id, actor, accountId, account: `cha_${accountId.replaceAll('-', '')}`, publishable: publishableKey(id, accountId), admin: key };
      });
    },
    async close() {
      signals.close();
      await sequencer.close();
      await log.close();
      await bus.close();
    },
  };
}
