// How each fault is done, and what it met. What meets nothing proves nothing: it is told, and done again.
import postgres from 'postgres';
import { readdirSync, readFileSync } from 'node:fs';
import { processLives } from '../../src/platform/server-lock.ts';
import { seeded } from '../harness/seeded.ts';
import type { Api, Cluster } from './cluster.ts';
import { machineMs } from './client.ts';
import type { Fleet } from './fleet.ts';
import { lookAt, PHASES, type Look, type Phase } from './phases.ts';
import type { Jump } from './refusals.ts';
import type { Fault } from './schedule.ts';

/** From when PostgreSQL takes connections to when both servers acknowledge a write. */
export const RECOVERY_MS_MAX = 5_000;
/** From when the connections of a wire are dead, and nobody said so, or from when a wire is whole again, to the same. */
export const NET_MS_MAX = 10_000;
/** Askings at the same time: as many as a pool has connections, and half as many again. */
const AT_ONCE = 15;
/** For what must be there for a fault to meet it: a connection, a piece of data. The load goes on meanwhile. */
const MEET_MS_MAX = 20_000;

export interface Broken {
  detail: string;
  /** Null: it met something. Else what it did not meet. */
  missed: string | null;
}

export interface BreakerOptions {
  /** How many acknowledgements a fault waits for that lasts as long as these take. */
  acks: number;
  /** Resolves once so many more acts are acknowledged. */
  acknowledged(more: number): Promise<void>;
  /** Starts servers again that ended by themselves. */
  unexpectedEnds(): Promise<void>;
  fault(sentence: string): void;
}

export class Breaker {
  readonly phases = Object.fromEntries(PHASES.map((phase) => [phase, 0])) as Record<Phase, number>;
  /** In ms, one a fault. */
  readonly recovery: number[] = [];
  readonly netRecovery: number[] = [];
  readonly abandoned: number[] = [];
  /** Askings under way at each kill. */
  readonly underWay: number[] = [];
  readonly jumps: Jump[] = [];
  /** Processes that were ended by us. */
  readonly ended = new Set<Api['process']>();
  /** How often what a server was doing was interrupted, a server each. */
  interrupted = 0;
  #probes = 0;

  constructor(private readonly o: BreakerOptions, private readonly cluster: Cluster, private readonly fleet: Fleet) {}

  break(fault: Fault): Promise<Broken> {
    // Some calls of the provider, and some mails, end without an answer, as they do; not those that a kill is to meet after the provider's answer.
    if (fault.seed % 4 === 0 && fault.kind !== 'api kill') this.cluster.twilio.trouble({ cut: 'after' });
    if (fault.seed % 4 === 1) this.cluster.mailbox.cutNext();
    return this.#ways[fault.kind](fault);
  }

  readonly #ways: Record<Fault['kind'], (fault: Fault) => Promise<Broken>> = {
    'api kill': async (fault) => {
      const { apis } = this.cluster;
      const victims = fault.how === 'both killed' ? [apis[0], apis[1]] : [apis[fault.victim]];
      const looks: Look[] = [];
      for (const victim of victims) {
        const look = await this.#freeze(victim, fault);
        if (look === null) return { detail: `server ${victim.index}`, missed: 'it was never found there, with something under way' };
        looks.push(look);
        if (fault.how === 'stopped, then killed') await wait(fault.ms);
        this.ended.add(victim.process);
        victim.process!.kill('SIGKILL');
        await victim.process!.exited;
        this.interrupted++;
        for (const phase of look.phases) this.phases[phase]++;
      }
      this.underWay.push(...looks.map(({ underWay }) => underWay));
      await Promise.all(victims.map(({ index }) => this.cluster.start(index)));
      return { detail: looks.map((look, n) => `server ${victims[n]!.index}, ${look.underWay} under way, ${[...look.phases].join(' + ')}`).join('; '), missed: null };
    },

    'postgres kill': async (fault) => {
      const down = this.#lossOfPostgres();
      await down.held;
      const at = machineMs();
      this.interrupted += 2;
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
      const took = await this.#recovered(await this.cluster.postgresReady());
      this.#recoveredAfter(took, fault);
      const underWay = this.#underWayAt(at);
      if (underWay > 0) this.underWay.push(underWay);
      return { detail: `${underWay} under way, both servers write again ${Math.round(took)} ms after it is ready`, missed: underWay > 0 ? null : 'nothing was under way' };
    },

    'net fault': async (fault) => {
      const api = this.cluster.apis[fault.victim];
      const wire = api.wires[fault.wire];
      // Mail comes by connections of a moment.
      await until(() => wire.connections > 0);
      const { connections } = wire;
      if (fault.wire === 'postgres') this.interrupted++;
      if (fault.how === 'reset') wire.reset();
      else if (fault.how === 'reset in the middle') {
        wire.resetWithin(20 + (fault.seed % 200));
        await until(() => wire.touched > 0);
      } else {
        if (fault.how === 'abandoned') wire.abandon();
        else if (fault.how === 'trickle') wire.trickle();
        else if (fault.how === 'refused') wire.refuse();
        else wire.silence();
        if (fault.how !== 'abandoned') await wait(fault.ms);
        await until(() => wire.touched > 0);
        if (fault.how === 'half open, then reset') wire.reset();
      }
      let took: number;
      const { touched } = wire;
      if (fault.how === 'abandoned') {
        // Nobody ends them before it is over: who waits for an answer on one has to find out by himself.
        took = await this.#recovered(performance.now(), AT_ONCE);
        this.abandoned.push(took);
        wire.heal();
      } else {
        wire.heal();
        took = await this.#recovered(performance.now());
        this.netRecovery.push(took);
      }
      if (took > NET_MS_MAX) this.o.fault(`${Math.round(took)} ms until both servers served again after the ${fault.wire} connections of server ${fault.victim} were broken (${fault.how}).`);
      return { detail: `${fault.wire} of server ${fault.victim}, ${connections} connections, met ${touched}, whole again ${Math.round(took)} ms after`, missed: touched > 0 ? null : 'nothing passed over the wire' };
    },

    'api stop': async (fault) => {
      const victim = this.cluster.apis[fault.victim];
      const look = await this.#freeze(victim, fault);
      if (look === null) return { detail: `server ${fault.victim}`, missed: 'nothing was under way' };
      const until = performance.now() + fault.ms;
      const { acknowledged } = this.fleet;
      let sessions = 0;
      if (fault.how === 'for long, its sessions ended') {
        // As after a partition: the others take over what it held, and then it is back and goes on where it was.
        const rows = await this.cluster.owner`select pg_terminate_backend(pid) from pg_stat_activity where client_port = any(${victim.wires.postgres.farPorts()}::int[])`;
        sessions = rows.length;
        this.interrupted++;
      }
      await wait(until - performance.now());
      const others = this.fleet.acknowledged - acknowledged;
      victim.process!.kill('SIGCONT');
      const took = await this.#recovered(performance.now());
      const missed = fault.how === 'for long, its sessions ended' && sessions === 0 ? 'it had no sessions' : fault.ms > 10_000 && others === 0 ? 'the other server took nothing meanwhile' : null;
      return { detail: `server ${fault.victim} stood still for ${fault.ms} ms, ${look.underWay} under way, ${sessions} sessions ended, ${others} acknowledged by the other, both serve ${Math.round(took)} ms after`, missed };
    },

    'postgres stop': async (fault) => {
      const at = machineMs();
      const postmaster = this.cluster.postmaster();
      // The postmaster first: it makes no more children. Connections are taken by the system all the same, and not answered.
      process.kill(postmaster, 'SIGSTOP');
      const all = [postmaster, ...childrenOf(postmaster)];
      for (const pid of all.slice(1)) signal(pid, 'SIGSTOP');
      this.interrupted += 2;
      try {
        await wait(fault.ms);
      } finally {
        for (const pid of all.reverse()) signal(pid, 'SIGCONT');
      }
      const took = await this.#recovered(await this.cluster.postgresReady());
      this.#recoveredAfter(took, fault);
      const underWay = this.#underWayAt(at + fault.ms);
      return { detail: `${all.length} processes stood still for ${fault.ms} ms, ${underWay} under way, both servers write again ${Math.round(took)} ms after it is ready`, missed: underWay > 0 ? null : 'nothing was under way' };
    },

    'backend kill': async (fault) => {
      const random = seeded(fault.seed);
      const sessions = await this.cluster.owner<{ pid: number }[]>`
        select pid from pg_stat_activity where datname = current_database() and application_name like 'throughline%' order by application_name, backend_start, pid`;
      const chosen = sessions.filter(() => random() < 0.5).map(({ pid }) => pid);
      const answers = await this.cluster.owner<{ ended: boolean }[]>`select pg_terminate_backend(pid) as ended from unnest(${chosen}::int[]) pid`;
      const ended = answers.filter((answer) => answer.ended);
      this.interrupted += 2;
      const took = await this.#recovered(performance.now());
      return { detail: `${ended.length} of ${sessions.length} sessions, whole again ${Math.round(took)} ms after`, missed: ended.length > 0 ? null : 'no session was chosen' };
    },

    'disk full': async (fault) => {
      const { disk } = this.cluster;
      if (!disk) throw new Error('There is no small disk.');
      const at = machineMs();
      const down = this.#noRoom(at);
      disk.fill();
      this.interrupted += 2;
      try {
        await wait(fault.ms);
        // Until somebody was refused for it: room that is left over is used up by and by.
        await until(() => down() > 0);
      } finally {
        disk.empty();
      }
      const failed = down();
      const took = await this.#recovered(await this.cluster.postgresReady());
      return { detail: `${failed} askings failed for it, both servers write again ${Math.round(took)} ms after there is room`, missed: failed > 0 ? null : 'nothing needed room' };
    },

    'clock jump': async (fault) => {
      const byMs = (fault.how === 'forward' ? 1 : -1) * (30_000 + (fault.seed % 3_600_000));
      const jump: Jump = { door: fault.victim, from: machineMs(), to: Infinity };
      this.jumps.push(jump);
      this.cluster.setClock(fault.victim, byMs);
      await this.o.acknowledged(this.o.acks);
      this.cluster.setClock(fault.victim, 0);
      // The server looks at its clock's file twenty times a second.
      await wait(200);
      jump.to = machineMs();
      this.fleet.readLedger();
      const met = this.fleet.askings.filter(({ door, from, to }) => door === fault.victim && from > jump.from + 200 && to !== null).length;
      return { detail: `server ${fault.victim} was wrong by ${Math.round(byMs / 1_000)} s for ${met} askings, and is right again`, missed: met > 0 ? null : 'it was asked nothing meanwhile' };
    },
  };

  /**
   * Stops the victim in the middle of work: where the fault is to meet it, and there the first, second or third time, by its seed. Null: it was not found
   * there, and goes on.
   */
  async #freeze(victim: Api, fault: Fault): Promise<Look | null> {
    const { twilio } = this.cluster;
    const random = seeded(fault.seed);
    const wanted = PHASES.find((phase) => phase === fault.how);
    let passed = Math.floor(random() * 3);
    for (const until = performance.now() + MEET_MS_MAX; performance.now() < until; ) {
      const taken = twilio.messages.length;
      const isSending = wanted === 'after the provider\'s answer';
      const end = performance.now() + (isSending ? 3_000 : random() * 30);
      const sends = () => isSending && twilio.messages.slice(taken).some(({ statusCallback }) => statusCallback?.startsWith(victim.peer.address));
      while (performance.now() < end && !sends()) await new Promise((resolve) => setImmediate(resolve));
      victim.process!.kill('SIGSTOP');
      const look = await lookAt(victim, this.cluster, this.fleet);
      if (look.underWay > 0 && (!wanted || look.phases.has(wanted)) && passed-- <= 0) return look;
      victim.process!.kill('SIGCONT');
    }
    return null;
  }

  #underWayAt(at: number): number {
    this.fleet.readLedger();
    return this.fleet.underWay(at, null).length;
  }

  /** How many askings since then were told that the server can't. */
  #noRoom(since: number): () => number {
    const first = this.fleet.askings.length;
    return () => {
      this.fleet.readLedger();
      return this.fleet.askings.slice(first).filter(({ from, outcome, said }) => from >= since && outcome === 'unknown' && /^5\d\d |\b4[25]\d\b/.test(said)).length;
    };
  }

  #recoveredAfter(took: number, fault: Fault): void {
    this.recovery.push(took);
    if (took > RECOVERY_MS_MAX) this.o.fault(`${Math.round(took)} ms until both servers took writes again after PostgreSQL was ready (${fault.kind}, ${fault.how}).`);
  }

  /** A session that is held, and lost with PostgreSQL: so nobody takes the one that still goes down for the one that is back. */
  #lossOfPostgres(): { held: Promise<unknown>; lost: Promise<void> } {
    const one = postgres(this.cluster.postgres.url, { max: 1, onnotice: () => {}, backoff: () => 60 });
    const held = one`select 1`;
    const lost = held.then(() => one`select pg_sleep(120)`).then(() => {}, () => {}).then(() => one.end({ timeout: 0 }));
    return { held, lost };
  }

  /** How long after `since` both servers had acknowledged so many writes, and answered as many reads, at the same time by their own wires. */
  async #recovered(since: number, atOnce = 1): Promise<number> {
    const deadline = performance.now() + 60_000;
    const one = async (api: Api): Promise<number> => {
      const keys = Array.from({ length: atOnce }, () => `probe-${++this.#probes}`);
      for (;;) {
        const said = await Promise.all(keys.map((key) => this.#probe(api, key)));
        const wrong = said.find((text) => text !== null);
        if (wrong === undefined) return performance.now() - since;
        if (performance.now() > deadline) throw new Error(`Server ${api.index} did not serve for 60 s: ${wrong}. It wrote: ${lastWords(api)}`);
        await this.o.unexpectedEnds();
        await wait(20);
      }
    };
    return Math.max(...(await Promise.all(this.cluster.apis.map(one))));
  }

  /** A write, and then a read. Null: both were answered; else what was said. */
  async #probe({ peer }: Api, key: string): Promise<string | null> {
    const { keys } = this.cluster.ws;
    const ask = (by: string, body: object) =>
      fetch(`${peer.address}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${by}` }, signal: AbortSignal.timeout(2_000), body: JSON.stringify(body) })
        .then(async (answer) => ({ status: answer.status, text: await answer.text() }), (error: unknown) => ({ status: 0, text: String(error) }));
    const input = { messages: [{ channel: 'EMAIL', address: { kind: 'EMAIL', value: 'probe@customers.example' }, text: key, externalId: key }] };
    for (const [by, body] of [
      [keys.INTEGRATOR, { query: 'mutation ($input: IngestMessagesInput!) { ingestMessages(input: $input) { messages { result userErrors { code } } userErrors { code } } }', variables: { input } }],
      [keys.AGENT, { query: '{ teams { nodes { name } } customers(first: 1) { nodes { id } } }' }],
    ] as const) {
      const { status, text } = await ask(by, body);
      if (status !== 200 || /"errors"|"code"/.test(text)) return `${status} ${text}`;
    }
    return null;
  }
}

export const lastWords = ({ process: child }: Api): string => child!.output().slice(-2_000);

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** Until it is so, or nobody expects it any more. */
async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + MEET_MS_MAX;
  while (!isSo() && performance.now() < end) await wait(10);
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((one) => {
    try {
      // The fourth field; the second, a name in brackets, may hold anything.
      return Number(readFileSync(`/proc/${one}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')[1]) === pid;
    } catch {
      return false;
    }
  });
}
/** One that ended meanwhile needs none. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone.
  }
}
