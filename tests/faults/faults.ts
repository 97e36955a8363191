// The run: load by processes of its own, one fault after another, and after every few of them a look at everything that must hold.
import postgres from 'postgres';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { now } from '../../src/platform/clock.ts';
import { processLives } from '../../src/platform/server-lock.ts';
import { seeded } from '../harness/seeded.ts';
import type { Peer, TestWorkspace } from '../harness/server.ts';
import type { Person, World } from './acts.ts';
import { MAIL_SECRET, MAILBOX, NUMBER, openCluster, type Api, type Cluster } from './cluster.ts';
import { machineMs } from './client.ts';
import { Fleet } from './fleet.ts';
import { Invariants, quiet } from './invariants.ts';
import { lookAt, PHASES, type Look, type Phase } from './phases.ts';
import { FAULT_KINDS, schedule, type Counts, type Fault } from './schedule.ts';

const RECOVERY_MS_MAX = 5_000;
const CLIENTS = 2;

export interface FaultOptions {
  counts: Counts;
  seed: number;
  /** Acknowledged writes before every fault, at least. */
  acks: number;
  /** A look at everything after so many faults. */
  every: number;
  people: number;
  /** Askings at the same time, of each of the two clients. */
  workers: number;
  /** The run ends there, undone. */
  secondsMax: number;
  say: (text: string) => void;
}

export interface FaultResult {
  ok: boolean;
  seed: number;
  asked: Counts;
  done: Counts;
  /** Why some could not be done here. */
  skipped: string[];
  counts: Record<string, number>;
  /** How often a kill of a server hit which moment; one kill can hit several. */
  phases: Record<Phase, number>;
  /** From when PostgreSQL took connections to when both servers acknowledged a write. */
  recoveryMs: { kills: number; p50: number; max: number; barMs: number };
  /** From when a wire was whole again to the same. */
  netRecoveryMs: { faults: number; p50: number; max: number };
  faults: string[];
  /** What was broken, in order, with what came of it. */
  log: string[];
  seconds: number;
  at: string;
}

export async function runFaults(o: FaultOptions): Promise<FaultResult> {
  const began = performance.now();
  const cluster = await openCluster({ disk: o.counts['disk full'] > 0, say: o.say });
  const fleet = new Fleet();
  try {
    return await new Run(o, cluster, fleet, began).result();
  } finally {
    fleet.end();
    await cluster.close();
  }
}

class Run {
  readonly #done: Counts = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as Counts;
  readonly #phases = Object.fromEntries(PHASES.map((phase) => [phase, 0])) as Record<Phase, number>;
  readonly #recovery: number[] = [];
  readonly #netRecovery: number[] = [];
  readonly #skipped = new Set<string>();
  readonly #faults: string[] = [];
  readonly #log: string[] = [];
  #underWay: number[] = [];
  #acksBetween: number[] = [];
  #probes = 0;
  #expected = new Set<Api['process']>();

  constructor(private readonly o: FaultOptions, private readonly cluster: Cluster, private readonly fleet: Fleet, private readonly began: number) {}

  async result(): Promise<FaultResult> {
    const { o, cluster, fleet } = this;
    const invariants = await this.#begin();
    const faults = schedule(o.seed, o.counts);
    try {
      let last = 0;
      await fleet.say('go');
      for (const [n, fault] of faults.entries()) {
        if (performance.now() - this.began > o.secondsMax * 1_000) {
          this.#faults.push(`Out of time after ${n} of ${faults.length} faults.`);
          break;
        }
        const before = fleet.acknowledged;
        await this.#acknowledged(last + o.acks + fault.moreAcks);
        this.#acksBetween.push(fleet.acknowledged - last);
        last = fleet.acknowledged;
        const text = await this.#break(fault);
        this.#log.push(`${n + 1} ${text}`);
        o.say(`${n + 1}/${faults.length} ${text}; ${fleet.acknowledged} acknowledged (${fleet.acknowledged - before} since the last)`);
        await this.#unexpectedEnds();
        if ((n + 1) % o.every === 0 && n + 1 < faults.length) {
          await invariants.check(`after fault ${n + 1}`);
          o.say(`${n + 1}/${faults.length} everything looked at: ${invariants.tally.faults.length === 0 ? 'holds' : invariants.tally.faults.at(-1)}`);
          await fleet.say('go');
        }
      }
      await this.#acknowledged(fleet.acknowledged + Math.min(50, o.acks));
      for (const { index } of cluster.apis) cluster.setClock(index, 0);
      await invariants.check('at the end');
    } catch (error) {
      this.#faults.push(`The run ended: ${error instanceof Error ? error.stack : String(error)}`);
    }
    return this.#told(invariants);
  }

  async #begin(): Promise<Invariants> {
    const { o, cluster, fleet } = this;
    const { ws, apis } = cluster;
    const people: Person[] = [];
    for (let index = 0; index < o.people; index++) people.push(await person(apis[0].peer, ws, index));
    await quiet(cluster);
    const { cursor } = await apis[0].peer.ask('{ cursor }', null, ws.keys.ADMIN);
    const invariants = await Invariants.begin(cluster, fleet);
    const world: World = {
      people, keys: ws.keys, hooks: cluster.hooks, mailSecret: MAIL_SECRET, mailbox: MAILBOX, number: NUMBER,
      twilio: { accountSid: cluster.twilio.accountSid, authToken: cluster.twilio.authToken },
    };
    const dir = join(cluster.dir, 'ledgers');
    await mkdir(dir);
    const doors = apis.map(({ peer, wires }) => ({ address: peer.address, smtpPort: wires.smtp.port })) as [never, never];
    for (let n = 0; n < CLIENTS; n++) await fleet.addClient({ world, doors, seed: o.seed + n, name: `${o.seed}-${n}`, workers: o.workers }, dir);
    await fleet.addFollower({ addresses: [apis[0].peer.address, apis[1].peer.address], key: ws.keys.ADMIN, cursor, seed: o.seed }, dir, 2);
    return invariants;
  }

  async #acknowledged(count: number): Promise<void> {
    const until = performance.now() + 60_000;
    while (this.fleet.acknowledged < count) {
      if (performance.now() > until) throw new Error(`Only ${this.fleet.acknowledged} of ${count} acts were acknowledged in 60 s.`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async #break(fault: Fault): Promise<string> {
    // Some calls of the provider end without an answer, as they do.
    if (fault.seed % 4 === 0) this.cluster.twilio.trouble({ cut: 'after' });
    const detail = await this.#breakers[fault.kind](fault);
    if (detail === null) return `${fault.kind} skipped`;
    this.#done[fault.kind]++;
    return `${fault.kind} (${fault.how}): ${detail}`;
  }

  readonly #breakers: Record<Fault['kind'], (fault: Fault) => Promise<string | null>> = {
    'api kill': async (fault) => {
      const { apis } = this.cluster;
      const victims = fault.how === 'both killed' ? [apis[0], apis[1]] : [apis[fault.victim]];
      if (fault.how === 'stopped, then killed') {
        victims[0]!.process!.kill('SIGSTOP');
        await wait(fault.ms);
      }
      const looks: Look[] = [];
      for (const victim of victims) {
        const look = await this.#freeze(victim, fault);
        looks.push(look);
        this.#expected.add(victim.process);
        victim.process!.kill('SIGKILL');
        await victim.process!.exited;
        for (const phase of look.phases) this.#phases[phase]++;
      }
      this.#underWay.push(Math.max(...looks.map(({ underWay }) => underWay)));
      await Promise.all(victims.map(({ index }) => this.cluster.start(index)));
      return looks.map(({ phases, underWay }, n) => `server ${victims[n]!.index}, ${underWay} under way, ${[...phases].join(' + ')}`).join('; ');
    },
    'postgres kill': async (fault) => {
      const down = this.#lossOfPostgres();
      await down.held;
      const at = machineMs();
      if (fault.how === 'one backend killed') {
        const [row] = await this.cluster.owner<{ pid: number }[]>`
          select pid from pg_stat_activity where datname = current_database() and application_name like 'throughline actions%' order by backend_xid is null, state = 'active' desc limit 1`;
        process.kill(row!.pid, 'SIGKILL');
      } else {
        const postmaster = this.cluster.postmaster();
        process.kill(postmaster, fault.how === 'immediate stop' ? 'SIGQUIT' : 'SIGKILL');
        while (processLives(postmaster)) await wait(2);
      }
      await down.lost;
      const ready = await this.cluster.postgresReady();
      const took = await this.#recovered(ready);
      this.#recovery.push(took);
      if (took > RECOVERY_MS_MAX) this.#faults.push(`Fault of seed ${this.o.seed}: ${Math.round(took)} ms until both servers took writes again after PostgreSQL was ready (${fault.how}).`);
      this.fleet.readLedger();
      const underWay = this.fleet.underWay(at, null).length;
      this.#underWay.push(underWay);
      return `${underWay} under way, both servers write again ${Math.round(took)} ms after it is ready`;
    },
    'net fault': async (fault) => {
      const api = this.cluster.apis[fault.victim];
      const wire = api.wires[fault.wire];
      const connections = wire.connections;
      if (fault.how === 'reset') wire.reset();
      else if (fault.how === 'reset in the middle') {
        wire.resetWithin(20 + (fault.seed % 200));
        await wait(fault.ms / 4);
      } else {
        if (fault.how === 'trickle') wire.trickle();
        else if (fault.how === 'refused') wire.refuse();
        else wire.silence();
        await wait(fault.ms);
        if (fault.how === 'half open, then reset') wire.reset();
      }
      wire.heal();
      const took = await this.#recovered(performance.now());
      this.#netRecovery.push(took);
      return `${fault.wire} of server ${fault.victim}, ${connections} connections, whole again ${Math.round(took)} ms after`;
    },
    'api stop': async (fault) => {
      const victim = this.cluster.apis[fault.victim];
      victim.process!.kill('SIGSTOP');
      await wait(fault.ms);
      victim.process!.kill('SIGCONT');
      return `server ${fault.victim} stood still for ${fault.ms} ms`;
    },
    'backend kill': async () => {
      const [row] = await this.cluster.owner<{ n: number }[]>`
        select count(pg_terminate_backend(pid))::int as n from pg_stat_activity where datname = current_database() and application_name like 'throughline%' and random() < 0.5`;
      const took = await this.#recovered(performance.now());
      return `${row!.n} sessions, whole again ${Math.round(took)} ms after`;
    },
    'disk full': async (fault) => {
      const { disk } = this.cluster;
      if (!disk) {
        this.#skipped.add('disk full: no tmpfs can be mounted here (it takes root, or CAP_SYS_ADMIN)');
        return null;
      }
      disk.fill();
      await wait(fault.ms);
      disk.empty();
      const ready = await this.cluster.postgresReady();
      const took = await this.#recovered(ready);
      return `for ${fault.ms} ms, both servers write again ${Math.round(took)} ms after there is room`;
    },
    'clock jump': async (fault) => {
      const byMs = (fault.how === 'forward' ? 1 : -1) * (30_000 + (fault.seed % 3_600_000));
      this.cluster.setClock(fault.victim, byMs);
      await this.#acknowledged(this.fleet.acknowledged + this.o.acks);
      this.cluster.setClock(fault.victim, 0);
      return `server ${fault.victim} was wrong by ${Math.round(byMs / 1_000)} s, and right again`;
    },
  };

  /** Stops the victim in the middle of work, and says where. It is let go on when nothing is asked of it at that moment. */
  async #freeze(victim: Api, fault: Fault): Promise<Look> {
    const { twilio } = this.cluster;
    const random = seeded(fault.seed);
    for (let tries = 0; ; tries++) {
      const taken = twilio.messages.length;
      const until = performance.now() + (fault.how === 'killed while it sends' ? 3_000 : random() * 30);
      const sends = () => fault.how === 'killed while it sends' && twilio.messages.slice(taken).some(({ statusCallback }) => statusCallback?.startsWith(victim.peer.address));
      while (performance.now() < until && !sends()) await new Promise((resolve) => setImmediate(resolve));
      victim.process!.kill('SIGSTOP');
      const look = await lookAt(victim, this.cluster, this.fleet);
      if (look.underWay > 0 || fault.how === 'stopped, then killed' || tries >= 100) return look;
      victim.process!.kill('SIGCONT');
    }
  }

  /** A session that is held, and lost with PostgreSQL: so nobody takes the one that still goes down for the one that is back. */
  #lossOfPostgres(): { held: Promise<unknown>; lost: Promise<void> } {
    const one = postgres(this.cluster.postgres.url, { max: 1, onnotice: () => {}, backoff: () => 60 });
    const held = one`select 1`;
    const lost = held.then(() => one`select pg_sleep(120)`).then(() => {}, () => {}).then(() => one.end({ timeout: 0 }));
    return { held, lost };
  }

  /** How long after `since` both servers had acknowledged a write by their own wires. */
  async #recovered(since: number): Promise<number> {
    const { apis, ws } = this.cluster;
    const deadline = performance.now() + 60_000;
    const one = async ({ peer, index }: Api): Promise<number> => {
      const key = `probe-${++this.#probes}`;
      for (;;) {
        const response = await fetch(`${peer.address}/graphql`, {
          method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${ws.keys.INTEGRATOR}` }, signal: AbortSignal.timeout(2_000),
          body: JSON.stringify({
            query: 'mutation ($input: IngestMessagesInput!) { ingestMessages(input: $input) { messages { result userErrors { code } } userErrors { code } } }',
            variables: { input: { messages: [{ channel: 'EMAIL', address: { kind: 'EMAIL', value: 'probe@customers.example' }, text: key, externalId: key }] } },
          }),
        }).then(async (answer) => ({ status: answer.status, text: await answer.text() }), () => null);
        if (response?.status === 200 && !/"errors"|"code"/.test(response.text)) return performance.now() - since;
        if (performance.now() > deadline) throw new Error(`Server ${index} did not take a write for 60 s: ${response?.text ?? 'no answer'}. It wrote: ${this.#lastWords(index)}`);
        await this.#unexpectedEnds();
        await wait(20);
      }
    };
    return Math.max(...(await Promise.all(apis.map(one))));
  }

  #lastWords = (index: 0 | 1): string => this.cluster.apis[index].process!.output().slice(-2_000);

  /** A server that ended without being killed by us is a fault, and is started again. */
  async #unexpectedEnds(): Promise<void> {
    for (const { process: child, index } of this.cluster.apis) {
      const ended = await Promise.race([child!.exited, new Promise<null>((resolve) => setImmediate(resolve, null))]);
      if (!ended || this.#expected.has(child)) continue;
      this.#expected.add(child);
      this.#faults.push(`Server ${index} ended by itself (${ended.code ?? ended.signal}): ${this.#lastWords(index)}`);
      await this.cluster.start(index);
    }
  }

  async #told(invariants: Invariants): Promise<FaultResult> {
    const { o, fleet, cluster } = this;
    const { tally } = invariants;
    fleet.readLedger();
    const outcomes = { acknowledged: 0, refused: 0, unknown: 0 };
    for (const act of fleet.acts.values()) outcomes[act.outcome]++;
    const followers = await fleet.followers().catch(() => ({ drops: [] as number[] }));
    const refused = [...fleet.acts.values()].filter(({ outcome }) => outcome === 'refused');
    // A clock that is wrong may refuse tokens that are not yet, or no longer, valid; nothing else may.
    if (refused.length > 0 && o.counts['clock jump'] === 0) this.#faults.push(`${refused.length} acts were refused, such as ${refused[0]!.kind}: ${refused[0]!.said}`);
    const idle = this.#underWay.filter((n) => n === 0).length;
    if (idle > 0) this.#faults.push(`${idle} kills hit nothing that was under way.`);
    const faults = [...this.#faults, ...tally.faults];
    return {
      ok: faults.length === 0, seed: o.seed, asked: o.counts, done: this.#done, skipped: [...this.#skipped],
      counts: {
        acts: fleet.acts.size, askings: fleet.askings.length, ...outcomes, unknownAskedAgain: invariants.settledUnknown,
        acksBeforeAFaultMin: Math.min(...this.#acksBetween), underWayAtAKillMin: Math.min(...this.#underWay), checks: invariants.checks,
        events: invariants.events, seen: fleet.seen().reduce((sum, { length }) => sum + length, 0), followerDrops: followers.drops.reduce((sum, n) => sum + n, 0),
        sentToProvider: cluster.twilio.messages.length, unconfirmed: invariants.unconfirmed, lost: tally.lost, doubled: tally.doubled, disordered: tally.disordered,
      },
      phases: this.#phases,
      recoveryMs: { kills: this.#recovery.length, ...spread(this.#recovery), barMs: RECOVERY_MS_MAX },
      netRecoveryMs: { faults: this.#netRecovery.length, ...spread(this.#netRecovery) },
      faults, log: this.#log, seconds: Math.round((performance.now() - this.began) / 100) / 10, at: now(),
    };
  }
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function spread(values: readonly number[]): { p50: number; max: number } {
  const sorted = [...values].sort((a, b) => a - b);
  return { p50: Math.round(sorted[Math.floor((sorted.length - 1) / 2)] ?? 0), max: Math.round(sorted.at(-1) ?? 0) };
}

/** A customer with an address of every kind, one matter, and a chat. */
async function person(server: Peer, ws: TestWorkspace, index: number): Promise<Person> {
  const [email, phone] = [`customer${index}@customers.example`, `+4915112340${String(index).padStart(3, '0')}`];
  await server.ask('mutation ($i: UpsertCustomerInput!) { upsertCustomer(input: $i) { userErrors { message } } }', { i: { identity: { kind: 'EMAIL', value: email }, identities: [{ kind: 'PHONE', value: phone }] } }, ws.keys.ADMIN);
  const { ingestMessages } = await server.ask('mutation ($i: IngestMessagesInput!) { ingestMessages(input: $i) { messages { conversation { id } userErrors { message } } userErrors { message } } }',
    { i: { messages: [{ channel: 'SMS', address: { kind: 'PHONE', value: phone }, text: `first of ${index}`, externalId: `first ${index}` }] } }, ws.keys.INTEGRATOR);
  const { startChat } = await server.ask('mutation { startChat(input: {}) { token userErrors { message } } }', null, `tlp_${ws.id.replaceAll('-', '')}_${ws.chat.accountId.replaceAll('-', '')}`);
  return { email, phone, conversationId: ingestMessages.messages[0].conversation.id, visitor: startChat.token };
}
