// A real server under churn: people come, subscribe, write and go, round after round. After each round nobody is there, garbage is collected, and the
// server must hold what it held before.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { now } from '../../src/platform/clock.ts';
import { openPool } from '../../src/platform/db.ts';
import { newId } from '../../src/platform/ids.ts';
import { migrate } from '../../src/platform/migrate.ts';
import { seeded } from '../harness/seeded.ts';
import { SECRET_KEY, spawnServer, testWorkspace, type Started, type TestWorkspace } from '../harness/server.ts';
import { grows, slopeOf, type Slope } from './counts.ts';

const SOCKETS = 12;
/** The first rounds fill caches, compile code and open pools; what is measured begins after them. */
const WARM_UP_PART = 1 / 3;
const WARM_UP_ROUNDS_MIN = 3;
/** Pools close what is idle and open it again: so many sessions may be there at one moment and not at another. */
const SESSIONS_SLACK = 6;

const PROBE = fileURLToPath(new URL('probe.mjs', import.meta.url));

export interface SoakOptions {
  minutes: number;
  /** Acts a socket in one round. */
  acts: number;
  seed: number;
  /** Of a database that is there, and empty. */
  databaseUrl: string;
  say: (text: string) => void;
}
interface Sample {
  at: number;
  heapUsed: number;
  external: number;
  rss: number;
  listeners: number;
  sockets: number;
  handles: number;
  sessions: number;
}
export interface SoakResult {
  ok: boolean;
  seed: number;
  minutes: number;
  rounds: number;
  counts: { minutes: number; socketsOpened: number; subscriptions: number; eventsReceived: number; writes: number; failed: number };
  heap: Slope & { firstMb: number; lastMb: number };
  external: Slope;
  /** What they were after the warm-up and at the end. */
  base: Omit<Sample, 'at'>;
  end: Omit<Sample, 'at'>;
  faults: string[];
  samples: Sample[];
  at: string;
}

export async function soak(o: SoakOptions): Promise<SoakResult> {
  const dir = await mkdtemp(join(tmpdir(), 'throughline-soak-'));
  const owner = openPool({ url: o.databaseUrl, max: 1, applicationName: 'soak owner' });
  const app = openPool({ url: o.databaseUrl, role: 'throughline_app', max: 1, applicationName: 'soak app' });
  const probeFile = join(dir, 'probe.jsonl');
  let server: Started | null = null;
  try {
    await migrate(o.databaseUrl);
    await writeFile(probeFile, '');
    const ws = await testWorkspace({
      url: o.databaseUrl, app, owner, system: owner, close: async () => {},
      workspace: async (name = 'Acme') => {
        const id = newId();
        await owner`insert into workspaces (id, name, created_at, updated_at) values (${id}, ${name}, ${now()}, ${now()})`;
        return { id, actor: { workspaceId: id, kind: 'SYSTEM', id: null } };
      },
    });
    await ws.connect({ channel: 'EMAIL', provider: 'mime', name: 'Mail', address: 'support@acme.example', settings: { host: '127.0.0.1', port: 9, secure: 'none' }, secrets: { inbound: 'a-secret-for-the-door' } });
    server = await spawnServer({
      DATABASE_URL: o.databaseUrl, SECRET_KEY, DATA_DIR: join(dir, 'data'), PORT: '0', LOG_LEVEL: 'error', NODE_OPTIONS: `--import ${PROBE}`, PROBE_FILE: probeFile,
    }, { timeoutMs: 120_000 });
    const began = performance.now();
    const churn = new Churn(server, ws, o.seed, o.acts);
    const samples: Sample[] = [];
    let read = 0;
    const look = async (): Promise<void> => {
      server!.kill('SIGUSR2');
      let lines: string[] = [];
      for (const until = performance.now() + 30_000; lines.length <= read; lines = (await readFile(probeFile, 'utf8')).trimEnd().split('\n').filter(Boolean)) {
        if (performance.now() > until) throw new Error(`The server did not answer the probe: ${server!.output().slice(-500)}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      read = lines.length;
      const { resources, ...held } = JSON.parse(lines.at(-1)!) as Omit<Sample, 'at'> & { resources: Record<string, number> };
      const [row] = await owner<{ n: number }[]>`select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name like 'throughline%'`;
      // Timers come and go with what waits; what stays open is what a leak is made of.
      const sockets = (resources.TCPSocketWrap ?? 0) + (resources.TCPWRAP ?? 0) + (resources.TLSWrap ?? 0);
      const handles = Object.entries(resources).reduce((sum, [name, n]) => (/Timeout|Immediate/.test(name) ? sum : sum + n), 0);
      samples.push({ at: (performance.now() - began) / 60_000, ...held, sockets, handles, sessions: row!.n });
    };
    while (performance.now() - began < o.minutes * 60_000 || samples.length < WARM_UP_ROUNDS_MIN + 3) {
      await churn.round();
      await look();
      const { heapUsed, sockets, sessions } = samples.at(-1)!;
      o.say(`round ${samples.length}, ${(samples.at(-1)!.at).toFixed(1)} of ${o.minutes} min: heap ${(heapUsed / 1e6).toFixed(1)} MB, ${sockets} sockets, ${sessions} sessions, ${churn.counts.eventsReceived} events`);
    }
    return judged(o, samples, churn.counts);
  } finally {
    server?.kill('SIGTERM');
    await server?.exited;
    await Promise.all([owner.end({ timeout: 2 }), app.end({ timeout: 2 })]);
    await rm(dir, { recursive: true, force: true });
  }
}

function judged(o: SoakOptions, samples: readonly Sample[], counts: Churn['counts']): SoakResult {
  const warm = samples.slice(Math.max(WARM_UP_ROUNDS_MIN, Math.floor(samples.length * WARM_UP_PART)));
  const slope = (name: 'heapUsed' | 'external') => slopeOf(warm.map((sample) => ({ at: sample.at, value: sample[name] })));
  const [heap, external] = [slope('heapUsed'), slope('external')];
  const without = ({ at: _at, ...sample }: Sample) => sample;
  const [base, end] = [without(warm[0]!), without(warm.at(-1)!)];
  const faults: string[] = [];
  if (grows(heap)) faults.push(`The heap grows by ${kb(heap.perMinute)} a minute; its noise is ${kb(heap.noisePerMinute)}.`);
  if (grows(external)) faults.push(`Memory outside of the heap grows by ${kb(external.perMinute)} a minute; its noise is ${kb(external.noisePerMinute)}.`);
  const back = (name: 'sockets' | 'handles' | 'listeners' | 'sessions', slack: number) => {
    if (end[name] > base[name] + slack) faults.push(`${name}: ${base[name]} at first, ${end[name]} at the end.`);
  };
  back('sockets', SESSIONS_SLACK);
  back('handles', SESSIONS_SLACK);
  back('sessions', SESSIONS_SLACK);
  back('listeners', 0);
  if (counts.failed > counts.writes / 100) faults.push(`${counts.failed} of ${counts.writes} writes failed.`);
  if (counts.eventsReceived === 0) faults.push('No subscription was told anything.');
  return {
    ok: faults.length === 0, seed: o.seed, minutes: o.minutes, rounds: samples.length, counts: { minutes: Math.floor(samples.at(-1)!.at * 100) / 100, ...counts },
    heap: { ...heap, firstMb: base.heapUsed / 1e6, lastMb: end.heapUsed / 1e6 }, external, base, end, faults, samples: [...samples], at: now(),
  };
}
export const kb = (bytes: number): string => `${(bytes / 1_000).toFixed(1)} KB`;

const EVENTS = 'subscription ($after: Cursor) { events(after: $after) { cursor event { id kind } } }';
const MESSAGES = 'subscription ($conversationId: ID!) { messageAdded(conversationId: $conversationId) { cursor message { id text } } }';
const INGEST = 'mutation ($i: IngestMessagesInput!) { ingestMessages(input: $i) { messages { conversation { id } userErrors { message } } userErrors { message } } }';
const NOTE = 'mutation ($i: AddNoteInput!) { addNote(input: $i) { note { id } userErrors { message } } }';
const CLOSE = 'mutation ($i: SetConversationStatusInput!) { setConversationStatus(input: $i) { userErrors { message } } }';
const READ = 'query ($id: ID!) { conversation(id: $id) { id status messages(first: 10) { nodes { id text } } } }';

class Churn {
  readonly counts = { socketsOpened: 0, subscriptions: 0, eventsReceived: 0, writes: 0, failed: 0 };
  readonly #random: () => number;
  #number = 0;
  constructor(private readonly server: Started, private readonly ws: TestWorkspace, seed: number, private readonly acts: number) {
    this.#random = seeded(seed);
  }

  /** Everybody comes, acts and goes: some in order, some cut off, some with subscriptions left open. */
  async round(): Promise<void> {
    const before = this.counts.eventsReceived;
    await Promise.all(Array.from({ length: SOCKETS }, () => this.#visit()));
    if (this.counts.eventsReceived === before) this.counts.failed++;
  }

  async #visit(): Promise<void> {
    const { server, ws, counts } = this;
    const conversationId = await this.#write(INGEST, (n) => ({ messages: [{ channel: 'EMAIL', address: { kind: 'EMAIL', value: `soak${n % 200}@customers.example` }, text: `Hello ${n}`, externalId: `soak ${n}` }] }))
      .then((data) => data?.ingestMessages.messages[0]?.conversation?.id as string | undefined);
    if (!conversationId) return;
    const socket = server.socket(ws.keys.ADMIN);
    await socket.open;
    counts.socketsOpened++;
    const subscriptions = [
      socket.subscribe(EVENTS), socket.subscribe(EVENTS, { after: (await socket.run('{ cursor }')).data.cursor }), socket.subscribe(MESSAGES, { conversationId }),
    ];
    counts.subscriptions += subscriptions.length;
    for (let n = 0; n < this.acts; n++) {
      await this.#write(NOTE, (mark) => ({ conversationId, body: `Note ${mark}`, idempotencyKey: `note ${mark}` }));
      await socket.run(READ, { id: conversationId });
      if (this.#random() < 0.2) subscriptions[0]!.stop();
    }
    await subscriptions[1]!.next().catch(() => {});
    if (this.#random() < 0.5) await this.#write(CLOSE, () => ({ conversationId, status: 'CLOSED' }));
    for (const { waiting } of subscriptions) counts.eventsReceived += waiting.length;
    counts.eventsReceived++;
    const how = this.#random();
    if (how < 0.3) socket.cut();
    else if (how < 0.6) for (const subscription of subscriptions) subscription.stop();
    await socket.close();
  }

  async #write(document: string, input: (n: number) => object): Promise<any> {
    this.counts.writes++;
    const { data, errors } = await this.server.query(document, { i: input(++this.#number) }, this.ws.keys.ADMIN);
    const refused = Object.values((data ?? {}) as Record<string, { userErrors?: unknown[] } | null>).some((payload) => (payload?.userErrors ?? []).length > 0);
    if (errors.length > 0 || refused) this.counts.failed++;
    return data;
  }
}
