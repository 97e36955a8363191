// The run: load by processes of its own, one fault after another, and after every few of them a look at everything that must hold.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { now } from '../../src/platform/clock.ts';
import type { Peer, TestWorkspace } from '../harness/server.ts';
import type { Person, World } from './acts.ts';
import { Breaker, lastWords, NET_MS_MAX, RECOVERY_MS_MAX } from './breaker.ts';
import { MAIL_SECRET, MAILBOX, NUMBER, openCluster, type Cluster } from './cluster.ts';
import { Fleet } from './fleet.ts';
import { Invariants, quiet } from './invariants.ts';
import type { Phase } from './phases.ts';
import { unexcused } from './refusals.ts';
import { FAULT_KINDS, schedule, type Counts, type Fault } from './schedule.ts';

const CLIENTS = 2;
/** Of them, every other one drops its connection itself, again and again. */
const FOLLOWERS = 3;
/** How often a fault is done again that met nothing. */
const TRIES_MAX = 10;

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
  /** Ends the run before its end, and everything that it started. */
  signal?: AbortSignal;
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
  netRecoveryMs: { faults: number; p50: number; max: number; barMs: number };
  /** From when the connections of a wire were dead without a word. */
  abandonedMs: { faults: number; p50: number; max: number; barMs: number };
  faults: string[];
  /** What was broken, in order, with what came of it. */
  log: string[];
  seconds: number;
  at: string;
}

/** @throws Error when it was stopped */
export async function runFaults(o: FaultOptions): Promise<FaultResult> {
  const began = performance.now();
  const cluster = await openCluster({ disk: o.counts['disk full'] > 0, say: o.say });
  const fleet = new Fleet();
  try {
    const stopped = new Promise<never>((_, reject) => o.signal?.addEventListener('abort', () => reject(new Error('The run was stopped.')), { once: true }));
    return await Promise.race([new Run(o, cluster, fleet, began).result(), stopped]);
  } finally {
    fleet.end();
    await cluster.close();
  }
}

class Run {
  readonly #done: Counts = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as Counts;
  readonly #skipped = new Set<string>();
  readonly #faults: string[] = [];
  readonly #log: string[] = [];
  readonly #breaker: Breaker;
  readonly #acksBetween: number[] = [];
  #missed = 0;

  constructor(private readonly o: FaultOptions, private readonly cluster: Cluster, private readonly fleet: Fleet, private readonly began: number) {
    this.#breaker = new Breaker({
      acks: o.acks, acknowledged: (more) => this.#acknowledged(fleet.acknowledged + more), unexpectedEnds: () => this.#unexpectedEnds(),
      fault: (sentence) => void this.#faults.push(`${sentence} (--seed ${o.seed})`),
    }, cluster, fleet);
  }

  async result(): Promise<FaultResult> {
    const { o, cluster, fleet } = this;
    const invariants = await this.#begin();
    const faults = schedule(o.seed, o.counts);
    const check = (when: string) => invariants.check(when, { interrupted: this.#breaker.interrupted });
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
          await check(`after fault ${n + 1}`);
          o.say(`${n + 1}/${faults.length} everything looked at: ${invariants.tally.faults.length === 0 ? 'holds' : invariants.tally.faults.at(-1)}`);
          await fleet.say('go');
        }
      }
      await this.#acknowledged(fleet.acknowledged + Math.min(50, o.acks));
      for (const { index } of cluster.apis) cluster.setClock(index, 0);
      await check('at the end');
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
    const queueIds: string[] = [];
    for (const name of ['Parcels', 'Invoices', 'Everything else']) {
      const { createQueue } = await apis[0].peer.ask('mutation ($name: String!) { createQueue(input: { name: $name }) { queue { id } userErrors { message } } }', { name }, ws.keys.ADMIN);
      queueIds.push(createQueue.queue.id);
    }
    await quiet(cluster);
    const { cursor } = await apis[0].peer.ask('{ cursor }', null, ws.keys.ADMIN);
    const world: World = {
      people, keys: ws.keys, hooks: cluster.hooks, mailSecret: MAIL_SECRET, mailbox: MAILBOX, number: NUMBER, memberIds: [ws.member.id], queueIds,
      twilio: { accountSid: cluster.twilio.accountSid, authToken: cluster.twilio.authToken },
    };
    const invariants = await Invariants.begin(cluster, fleet, world);
    const dir = join(cluster.dir, 'ledgers');
    await mkdir(dir);
    const doors = apis.map(({ peer, wires }) => ({ address: peer.address, smtpPort: wires.smtp.port })) as [never, never];
    for (let n = 0; n < CLIENTS; n++) await fleet.addClient({ world, doors, seed: o.seed + n, name: `${o.seed}-${n}`, workers: o.workers }, dir);
    await fleet.addFollower({ addresses: [apis[0].peer.address, apis[1].peer.address], key: ws.keys.ADMIN, cursor, seed: o.seed }, dir, FOLLOWERS);
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
    if (fault.kind === 'disk full' && !this.cluster.disk) {
      this.#skipped.add('disk full: no tmpfs can be mounted here (it takes root, or CAP_SYS_ADMIN)');
      return `${fault.kind} skipped`;
    }
    const told: string[] = [];
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      // Another moment, by the same seed.
      const { detail, missed } = await this.#breaker.break({ ...fault, seed: fault.seed + tries });
      told.push(missed === null ? detail : `${detail} (${missed})`);
      if (missed === null) {
        this.#done[fault.kind]++;
        return `${fault.kind} (${fault.how}): ${told.join('; again: ')}`;
      }
      this.#missed++;
    }
    this.#faults.push(`${fault.kind} (${fault.how}) met nothing in ${TRIES_MAX} tries: ${told.join('; ')} (--seed ${this.o.seed})`);
    return `${fault.kind} (${fault.how}) met nothing`;
  }

  /** A server that ended without being killed by us is a fault, and is started again. */
  async #unexpectedEnds(): Promise<void> {
    for (const api of this.cluster.apis) {
      const { process: child, index } = api;
      const ended = await Promise.race([child!.exited, new Promise<null>((resolve) => setImmediate(resolve, null))]);
      if (!ended || this.#breaker.ended.has(child)) continue;
      this.#breaker.ended.add(child);
      this.#faults.push(`Server ${index} ended by itself (${ended.code ?? ended.signal}): ${lastWords(api)}`);
      await this.cluster.start(index);
    }
  }

  async #told(invariants: Invariants): Promise<FaultResult> {
    const { o, fleet, cluster } = this;
    const { tally } = invariants;
    const { phases, recovery, netRecovery, abandoned, underWay, jumps, interrupted } = this.#breaker;
    fleet.readLedger();
    const outcomes = { acknowledged: 0, refused: 0, unknown: 0 };
    for (const act of fleet.acts.values()) outcomes[act.outcome]++;
    const followers = await fleet.followers().catch(() => ({ drops: [] as number[] }));
    const refused = unexcused(fleet.askings, jumps);
    if (refused.length > 0) this.#faults.push(`${refused.length} askings were refused, such as ${fleet.acts.get(refused[0]!.mark)!.kind} by server ${refused[0]!.door}: ${refused[0]!.said}`);
    const faults = [...this.#faults, ...tally.faults];
    return {
      ok: faults.length === 0, seed: o.seed, asked: o.counts, done: this.#done, skipped: [...this.#skipped],
      counts: {
        acts: fleet.acts.size, askings: fleet.askings.length, ...outcomes, unknownAskedAgain: invariants.settledUnknown,
        acksBeforeAFaultMin: Math.min(...this.#acksBetween), underWayAtAKillMin: Math.min(...underWay), metNothing: this.#missed, checks: invariants.checks,
        events: invariants.events, seen: fleet.seen().reduce((sum, { length }) => sum + length, 0), followerDrops: followers.drops.reduce((sum, n) => sum + n, 0),
        sentToProvider: cluster.twilio.messages.length, mailsSent: cluster.mailbox.mails.length, interrupted, unconfirmed: invariants.unconfirmed, unconfirmedAtMost: invariants.unconfirmedMax,
        lost: tally.lost, doubled: tally.doubled, disordered: tally.disordered,
      },
      phases,
      recoveryMs: { kills: recovery.length, ...spread(recovery), barMs: RECOVERY_MS_MAX },
      netRecoveryMs: { faults: netRecovery.length, ...spread(netRecovery), barMs: NET_MS_MAX },
      abandonedMs: { faults: abandoned.length, ...spread(abandoned), barMs: NET_MS_MAX },
      faults, log: this.#log, seconds: Math.round((performance.now() - this.began) / 100) / 10, at: now(),
    };
  }
}

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
