// The server itself, for tests that come in by its doors: in this process over a test database, or as a process of its own.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { BlockList } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type Client } from 'graphql-ws';
import { WebSocket } from 'ws';
import { systemActor, type Actor } from '../../src/access/viewer.ts';
import { createMemberToken, createVisitorToken } from '../../src/access/tokens.ts';
import { connectChannel, type ConnectInput } from '../../src/channels/accounts.ts';
import { resolveIdentity } from '../../src/identities/resolve.ts';
import { now } from '../../src/platform/clock.ts';
import type { Config } from '../../src/platform/config.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { newId, publicId } from '../../src/platform/ids.ts';
import { createLog } from '../../src/platform/log.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { createMember } from '../../src/workspaces/actions.ts';
import { createApiKey } from '../../src/workspaces/keys.ts';
import { startServer, type Server } from '../../src/server/start.ts';
import { testDatabase, type TestDatabase } from './database.ts';

export const SECRET_KEY = 'a secret key of the tests, long enough for all';
/** Tests ask for more than people do. */
const UNLIMITED: Config['rateLimits'] = { costPerMinute: 1e12, refusedPerMinute: 1e12, deliveriesPerMinute: 1e12 };
export const ROOT = new URL('../..', import.meta.url).pathname;

export type Role = 'ADMIN' | 'AGENT' | 'INTEGRATOR' | 'REPORTING';

export interface TestWorkspace {
  id: string;
  actor: Actor;
  /** The text of an API key of each role. */
  keys: Record<Role, string>;
  /** Ids of these keys, `key_…`. */
  keyIds: Record<Role, string>;
  member: { id: string; token: string; tokenId: string };
  /** A visitor of the workspace's live chat. */
  visitor: { identityId: string; customerId: string; token: string; tokenId: string };
  chat: { accountId: string; endpointId: string };
  connect(input: ConnectInput): Promise<{ accountId: string; endpointId: string }>;
}

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  data: any;
  errors: { message: string; path?: (string | number)[]; extensions: { code: string } & Record<string, unknown> }[];
  extensions: any;
}

/** One who speaks to a server, wherever it runs. */
export interface Peer {
  address: string;
  /** Answers of `POST /graphql`, whatever they are. `key`: a key or token, none when null. */
  query(document: string, variables?: Record<string, unknown> | null, key?: string | null): Promise<Reply>;
  /** The data; throws what went wrong, userErrors included. */
  ask(document: string, variables?: Record<string, unknown> | null, key?: string | null): Promise<any>;
  socket(key: string | null, options?: SocketOptions): Socket;
}
export interface TestServer extends Peer {
  db: TestDatabase;
  dataDir: string;
  server: Server;
  /** A new workspace with everybody who may come in. */
  workspace(name?: string): Promise<TestWorkspace>;
  stop(): Promise<void>;
}

/**
 * A server in this process, on a port of its own. Without `db` it makes and drops its database; with it both are the caller's. `databaseUrl`
 * gives the way by which the server reaches the database; `config` replaces what the tests configure. With `demo` it is given once the log's
 * consumers have made of the demo what they make of it (routing), so that nothing changes but by the test.
 */
export async function startTestServer(o: { db?: TestDatabase; demo?: boolean; config?: Partial<Config>; databaseUrl?: (url: string) => string } = {}): Promise<TestServer> {
  const db = o.db ?? (await testDatabase());
  const dataDir = await mkdtemp(join(tmpdir(), 'throughline-server-'));
  const config: Config = {
    port: 0, host: '127.0.0.1', databaseUrl: null, migrationDatabaseUrl: null, dataDir, adminApiKey: null, publicUrl: 'http://127.0.0.1:0', secretKey: SECRET_KEY, logLevel: 'silent', smtpPort: null, smtpTls: null, rateLimits: UNLIMITED, trustProxy: null, secretKeyPrevious: [], outgoingAllow: { hosts: new Set(), networks: new BlockList() },
    ...o.config,
  };
  const server = await startServer({
    config, log: createLog({ level: 'silent' }), demo: o.demo ?? false,
    database: { url: o.databaseUrl?.(db.url) ?? db.url, migrationUrl: db.url, announce: async () => {}, close: async () => {} },
  });
  if (o.demo) await caughtUp(db);
  return {
    ...peerAt(server.address), db, dataDir, server,
    workspace: (name) => testWorkspace(db, name),
    stop: async () => {
      await server.stop();
      if (!o.db) await db.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Waits until the log has every event, and every consumer has taken them: nothing more comes but what somebody does. */
export async function caughtUp({ owner }: Pick<TestDatabase, 'owner'>): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const [row] = await owner<{ done: boolean | null }[]>`
      select bool_and(position = (select position from log_state)) and not exists (select from event_outbox) as done from consumers`;
    if (row!.done) return;
    if (performance.now() > deadline) throw new Error('The log’s consumers had not taken everything within 20 s.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A workspace with a key of every role, a member who acts by a token, and a visitor of its chat. */
export async function testWorkspace(db: TestDatabase, name?: string): Promise<TestWorkspace> {
  initSecrets(SECRET_KEY);
  const { id } = await db.workspace(name);
  const actor = systemActor(id);
  return inWorkspace(db.app, id, async (tx) => {
    const keys = {} as TestWorkspace['keys'];
    const keyIds = {} as TestWorkspace['keyIds'];
    for (const role of ['ADMIN', 'AGENT', 'INTEGRATOR', 'REPORTING'] as const) {
      const made = await createApiKey(tx, actor, { name: role, role });
      keys[role] = made.key;
      keyIds[role] = publicId('key', made.apiKeyId);
    }
    const { memberId } = await createMember(tx, actor, { name: 'Mira', email: `mira@${id}.example`, role: 'AGENT' });
    const member = await createMemberToken(tx, actor, { memberId });
    const chat = await connectChannel(tx, actor, { channel: 'LIVE_CHAT', provider: 'throughline', name: 'Chat', secrets: {} });
    const namespace = publicId('cha', chat.accountId);
    const value = newId().replaceAll('-', '');
    const { identityId, customerId } = await resolveIdentity(tx, {
      workspaceId: id, actor, accountId: chat.accountId, at: now(), addresses: [{ kind: 'visitor', namespace, value, valueRaw: value, trust: 'attested', displayName: null }],
    });
    const visitor = await createVisitorToken(tx, actor, { accountId: chat.accountId, identityId });
    return {
      id, actor, keys, keyIds, chat,
      member: { id: publicId('mem', memberId), token: member.token, tokenId: publicId('tok', member.tokenId) },
      visitor: { identityId, customerId, token: visitor.token, tokenId: publicId('tok', visitor.tokenId) },
      connect: (input) => inWorkspace(db.app, id, (own) => connectChannel(own, actor, input)),
    };
  });
}

export function peerAt(address: string): Peer {
  const query: Peer['query'] = async (document, variables, key) =>
    reply(await fetch(`${address}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key == null ? {} : { authorization: `Bearer ${key}` }) },
      body: JSON.stringify({ query: document, ...(variables ? { variables } : {}) }),
    }));
  return {
    address,
    query,
    ask: async (document, variables, key) => {
      const { data, errors, status } = await query(document, variables, key);
      const refused = Object.values((data ?? {}) as Record<string, { userErrors?: unknown[] } | null>).flatMap((payload) => payload?.userErrors ?? []);
      if (errors.length + refused.length > 0) throw new Error(`${status} ${JSON.stringify([...errors, ...refused])}`);
      return data;
    },
    socket: (key, options) => openSocket(address, key, options),
  };
}

/** What came back, be it JSON or not. */
export async function reply(response: Response): Promise<Reply> {
  const text = await response.text();
  let body: Partial<Reply> = {};
  try {
    body = JSON.parse(text) as Partial<Reply>;
  } catch {
    // Told by `text`.
  }
  return { status: response.status, headers: response.headers, text, data: body.data ?? null, errors: body.errors ?? [], extensions: body.extensions ?? null };
}

export interface SocketOptions {
  /** Connection parameters instead of the key's. */
  parameters?: Record<string, unknown>;
  headers?: Record<string, string>;
  /** How often a lost connection is tried again; 0. */
  retries?: number;
}
export interface Socket {
  client: Client;
  /** Why and how it was closed. */
  closed: Promise<{ code: number; reason: string }>;
  /** Resolves when the server has let it in. */
  open: Promise<void>;
  /** The answer of a query or mutation. */
  run(document: string, variables?: Record<string, unknown>): Promise<{ data?: any; errors?: any[] }>;
  subscribe(document: string, variables?: Record<string, unknown>): Subscription;
  /** Cuts the connection without a word, as a lost network does. */
  cut(): void;
  close(): Promise<void>;
}
export interface Subscription {
  /** The data of the next event. Rejects with its errors, or when none came in 10 s. */
  next(): Promise<any>;
  /** What came and was not asked for yet. */
  waiting: any[];
  /** Ends with the subscription: null, or what ended it. */
  ended: Promise<unknown>;
  stop(): void;
}

/** A client of graphql-ws over a real socket. */
export function openSocket(address: string, key: string | null, options: SocketOptions = {}): Socket {
  let live: WebSocket | null = null;
  let onClosed: (event: { code: number; reason: string }) => void;
  let onOpen: () => void;
  const closed = new Promise<{ code: number; reason: string }>((resolve) => (onClosed = resolve));
  const open = new Promise<void>((resolve) => (onOpen = resolve));
  class Wire extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols, { headers: options.headers });
    }
  }
  const client = createClient({
    url: `${address.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: Wire,
    connectionParams: options.parameters ?? (key === null ? {} : { Authorization: `Bearer ${key}` }),
    lazy: false,
    retryAttempts: options.retries ?? 0,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, 20)),
    shouldRetry: () => true,
    onNonLazyError: () => {},
    on: {
      opened: (socket) => (live = socket as WebSocket),
      connected: () => onOpen(),
      closed: (event) => onClosed({ code: (event as CloseEvent).code, reason: (event as CloseEvent).reason }),
    },
  });
  return {
    client,
    closed,
    open,
    run: (document, variables) =>
      new Promise((resolve, reject) => {
        let answer: { data?: any; errors?: any[] } = {};
        client.subscribe({ query: document, variables }, { next: (value) => (answer = value as typeof answer), error: (error) => (Array.isArray(error) ? resolve({ errors: error }) : reject(asError(error))), complete: () => resolve(answer) });
      }),
    subscribe: (document, variables) => subscribe(client, document, variables),
    cut: () => live?.terminate(),
    close: async () => {
      await client.dispose();
    },
  };
}

type CloseEvent = { code: number; reason: string };
const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(JSON.stringify({ code: (error as CloseEvent)?.code, reason: (error as CloseEvent)?.reason, error })));

function subscribe(client: Client, query: string, variables?: Record<string, unknown>): Subscription {
  const waiting: any[] = [];
  let failure: unknown = null;
  let rouse: () => void = () => {};
  let onEnd: (why: unknown) => void;
  const ended = new Promise<unknown>((resolve) => (onEnd = resolve));
  const stop = client.subscribe({ query, variables }, {
    next: (value) => {
      if (value.errors) failure = value.errors;
      else waiting.push(value.data);
      rouse();
    },
    error: (error) => {
      failure = error ?? new Error('The subscription failed.');
      onEnd(failure);
      rouse();
    },
    complete: () => {
      onEnd(null);
      rouse();
    },
  });
  return {
    waiting,
    ended,
    stop,
    next: async () => {
      const deadline = performance.now() + 10_000;
      while (waiting.length === 0) {
        if (failure) throw asError(failure);
        const left = deadline - performance.now();
        if (left <= 0) throw new Error('No event came within 10 s.');
        let timer: NodeJS.Timeout;
        await Promise.race([new Promise<void>((resolve) => (rouse = resolve)), new Promise((resolve) => (timer = setTimeout(resolve, left)))]).finally(() => clearTimeout(timer));
      }
      return waiting.shift();
    },
  };
}

export interface Started extends Peer {
  /** The child's process id; npm's when it was started by npm. */
  pid: number;
  /** Everything that it wrote so far. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/**
 * The real process. `npm`: as a newcomer starts it; else node itself, which is the one that is killed. `env` comes on top of PATH and HOME alone.
 * Resolves when it has announced itself; rejects with what it wrote when it ends before.
 */
export async function spawnServer(env: Record<string, string>, o: { npm?: boolean; cwd?: string; timeoutMs?: number } = {}): Promise<Started> {
  const child = spawnMain(env, o);
  const deadline = o.timeoutMs ?? 30_000;
  let timer: NodeJS.Timeout;
  const address = await Promise.race([
    child.said(/API and IDE\s+(http:\/\/\S+)\/graphql/),
    child.exited.then(({ code }) => Promise.reject(new Error(`It ended with ${code}: ${child.output()}`))),
    new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new Error(`It did not start within ${deadline} ms: ${child.output()}`));
      }, deadline);
    }),
  ]).finally(() => clearTimeout(timer));
  return { ...peerAt(address), ...child };
}

/** The same for a start that is to fail: what it ended with and what it wrote. */
export async function failingStart(env: Record<string, string>, o: { npm?: boolean; cwd?: string } = {}): Promise<{ code: number | null; output: string }> {
  const child = spawnMain(env, o);
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const { code } = await child.exited.finally(() => clearTimeout(timer));
  return { code, output: child.output() };
}

function spawnMain(env: Record<string, string>, o: { npm?: boolean; cwd?: string }) {
  const [command, args] = o.npm ? ['npm', ['start', '--silent']] as const : [process.execPath, ['bin/throughline.mjs', 'start']] as const;
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(command, args, { cwd: o.cwd ?? ROOT, env: { PATH, HOME, NODE_ENV: 'production', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      for (const listener of listeners) listener();
    });
  }
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
    child.once('error', (error) => {
      output += error.message;
      resolve({ code: -1, signal: null });
    });
  });
  return {
    pid: child.pid!,
    output: () => output,
    kill: (signal: NodeJS.Signals) => void child.kill(signal),
    exited,
    said: (pattern: RegExp) =>
      new Promise<string>((resolve) => {
        const look = () => {
          const found = pattern.exec(output);
          if (!found) return;
          listeners.delete(look);
          resolve(found[1] ?? found[0]);
        };
        listeners.add(look);
        look();
      }),
  };
}
