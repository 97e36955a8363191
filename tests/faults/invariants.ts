// What must be so whatever was broken: held against the database, the provider and what the followers saw. Each thing that isn't is a sentence.
import { verifyChain, verifyLog } from '../../src/events/chain.ts';
import { publicId } from '../../src/platform/ids.ts';
import { AT_ONCE, CHANGES, TAGS, type World } from './acts.ts';
import { MAIL_SECRET, MAILBOX, type Cluster } from './cluster.ts';
import type { Act, Fleet } from './fleet.ts';
import { lostChanges, type Parts } from './changes.ts';
import { copyOf, differences, Fold, freshState, type State } from './fold.ts';
import { deliveryReport } from './mailbox.ts';
import { marksOf, notOnce } from './marks.ts';

const QUIET_MS = 90_000;
const CATCH_UP_MS = 30_000;
/** Sessions that one server may hold: its pools, its jobs', its bus and watches. */
const SESSIONS_MAX = 45;
/** For how long a server may hold a connection that is dead without a word: HTTP's idle ones are kept for 72 s, SMTP's for 60. */
const HELD_MS_MAX = 100_000;
/** Of what asks for nothing but to be answered. */
const REPORT_MS_MAX = 10_000;
const SHOWN_MAX = 5;
/** Sends that one server has under way at most (server/start.ts). */
const SENDS_AT_ONCE = 4;

export interface Tally {
  lost: number;
  doubled: number;
  disordered: number;
  /** Sentences. */
  faults: string[];
}

export class Invariants {
  readonly tally: Tally = { lost: 0, doubled: 0, disordered: 0, faults: [] };
  /** Sent by us, and never taken by a provider: interrupted between what was written down and the call. */
  unconfirmed = 0;
  /** As many as the interruptions can have caught. */
  unconfirmedMax = 0;
  settledUnknown = 0;
  checks = 0;
  events = 0;
  readonly #reported = new Set<string>();
  /** One a follower. */
  readonly #folds: Fold[] = [];
  #compared = 0;
  #position: number;

  private constructor(private readonly cluster: Cluster, private readonly fleet: Fleet, private readonly world: World, private readonly start: { position: number; state: State }) {
    this.#position = start.position;
  }

  /** Begins with the state of this moment, when nothing is under way. The followers begin here as well. */
  static async begin(cluster: Cluster, fleet: Fleet, world: World): Promise<Invariants> {
    const [row] = await cluster.owner<{ position: number }[]>`select coalesce(max(position), 0) as position from events`;
    return new Invariants(cluster, fleet, world, { position: row!.position, state: await freshState(cluster.apis[0].peer, cluster.ws.keys.ADMIN) });
  }

  /**
   * Pauses the load, waits until nothing is under way, and looks at everything. `when` stands in what it finds. `interrupted`: how often what a server was
   * doing was, so far.
   */
  async check(when: string, { interrupted }: { interrupted: number }): Promise<void> {
    const { fleet, cluster, tally } = this;
    const fault = (what: string, found: readonly unknown[]) => {
      if (found.length === 0) return;
      tally.faults.push(`${when}: ${what}: ${found.length}, ${JSON.stringify(found.slice(0, SHOWN_MAX))}`);
    };
    await fleet.say('pause');
    fault('stuck', await quiet(cluster));
    fleet.readLedger();
    const acts = [...fleet.acts.values()];
    const of = (outcome: Act['outcome']) => acts.filter((act) => act.outcome === outcome && !CHANGES.has(act.kind));

    // G1: acknowledged ⊆ database ⊆ acknowledged ∪ unknown.
    const first = await marksOf(cluster);
    const lost = of('acknowledged').filter(({ mark }) => !first.has(mark));
    tally.lost += lost.length;
    fault('acknowledged and lost', lost.map(told));
    const refused = new Set(of('refused').map(({ mark }) => mark));
    fault('in the database though refused or never asked', [...first.keys()].filter((mark) => refused.has(mark) || !fleet.acts.has(mark)));
    // What is unknown, asked again, is there once.
    const unknown = acts.filter(({ outcome }) => outcome === 'unknown').length;
    const left = await fleet.say('settle');
    if (left > 0) tally.faults.push(`${when}: ${left} acts stayed unknown however often they were asked again.`);
    this.settledUnknown += unknown;
    fault('stuck after asking again', await quiet(cluster));
    await this.#report();
    fault('stuck after the reports', await quiet(cluster));
    fleet.readLedger();
    const last = await marksOf(cluster);
    const missing = of('acknowledged').filter(({ mark }) => !last.has(mark));
    tally.lost += missing.filter((act) => !lost.includes(act)).length;
    fault('asked again, acknowledged and not there', missing.map(told));
    // G2: once, here and at the provider's.
    const doubled = notOnce(last, fleet.acts);
    const sent = counted([...cluster.twilio.messages.map(({ body }) => body), ...cluster.mailbox.mails.map(({ text }) => text)]);
    const sentTwice = [...sent, ...counted(cluster.mailbox.mails.map(({ messageId }) => messageId))].filter(([, count]) => count !== 1);
    tally.doubled += doubled.length + sentTwice.length;
    fault('not there as one', doubled);
    fault('sent to a provider more than once', sentTwice);
    const changes = await this.#changes();
    tally.lost += changes.length;
    fault('changes that were acknowledged and lost', changes);
    await this.#noneLeftOver(fault, sent);
    this.unconfirmedMax = SENDS_AT_ONCE * interrupted;
    if (this.unconfirmed > this.unconfirmedMax) fault(`acknowledged and never sent, though only ${interrupted} times something was interrupted`, [this.unconfirmed]);
    await this.#order(fault, acts);
    await this.#followers(when, fault);
    await this.#healthy(fault);
    this.checks++;
  }

  /** The providers report each message that they took, once, also those whose answer nobody heard. */
  async #report(): Promise<void> {
    const { twilio, mailbox, apis, hooks } = this.cluster;
    const todo = [
      ...twilio.messages.map(({ sid }) => ({ id: sid, report: () => twilio.report(sid, 'delivered') })),
      ...mailbox.mails.map((mail) => ({
        id: mail.messageId,
        report: () => fetch(apis[0].peer.address + hooks.mail, { method: 'POST', headers: { authorization: `Bearer ${MAIL_SECRET}`, 'content-type': 'message/rfc822' }, body: deliveryReport(mail, MAILBOX) }),
      })),
    ].filter(({ id }) => !this.#reported.has(id));
    await Promise.all(Array.from({ length: 4 }, async () => {
      for (let next = todo.shift(); next; next = todo.shift()) {
        for (let tries = 0; ; tries++) {
          const late = new Promise<number>((resolve) => setTimeout(resolve, REPORT_MS_MAX, 0).unref());
          const status = await Promise.race([next.report().then((answer) => answer.status, () => 0), late]);
          if (status >= 200 && status < 300) break;
          if (tries > 50) throw new Error(`A report was answered with ${status}.`);
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
        this.#reported.add(next.id);
      }
    }));
  }

  async #changes(): Promise<string[]> {
    const { owner, ws } = this.cluster;
    const rows = await owner<{ id: string; subject: string | null; priority: string; assigneeId: string | null; queueId: string | null; status: string; tags: string[] }[]>`
      select id, subject, priority, assignee_id, queue_id, status, tags from conversations where workspace_id = ${ws.id}`;
    const byId = new Map(rows.map((row) => [publicId('cnv', row.id), row]));
    const states = new Map<number, Parts>(this.world.people.map(({ conversationId }, index) => {
      const { subject, priority, assigneeId, queueId, status, tags } = byId.get(conversationId)!;
      return [index, new Map([
        ['subject', subject], ['priority', priority], ['assignee', assigneeId && publicId('mem', assigneeId)], ['queue', queueId && publicId('que', queueId)], ['status', status],
        ...TAGS.map((name): [string, string] => [`tag ${name}`, tags.includes(name) ? 'on' : 'off']),
      ])];
    }));
    return lostChanges(states, this.fleet.acts, this.fleet.askings, this.world);
  }

  /** No orphan, no stuck job or lane, no attempt without an end. */
  async #noneLeftOver(fault: (what: string, found: readonly unknown[]) => void, sent: ReadonlyMap<string, number>): Promise<void> {
    const { owner, ws } = this.cluster;
    fault('inbound events not applied', await owner`select state, count(*)::int as n, min(error) as error from inbound_events where state not in ('APPLIED', 'DUPLICATE', 'IGNORED') group by state`);
    fault('attempts without an end', await owner`select id, state from attempts where state = 'STARTED' or finished_at is null`);
    fault('orphans', await owner`
      select 'message with ' || count(t.id) || ' entries' as what, m.id from messages m left join timeline_entries t on t.workspace_id = m.workspace_id and t.kind = 'MESSAGE' and t.ref_id = m.id group by m.id having count(t.id) <> 1
      union all select 'message without part', m.id from messages m where not exists (select from message_parts p where p.workspace_id = m.workspace_id and p.message_id = m.id)
      union all select 'message with ' || count(e.id) || ' events', m.id from messages m left join events e on e.workspace_id = m.workspace_id and e.kind in ('message.received', 'message.sent') and e.data ->> 'messageId' = m.id::text
        group by m.id having count(e.id) <> 1
      union all select 'message that was told ' || count(*) || ' times to be ' || (e.data ->> 'deliveryState'), e.ref from (
          select data, (data ->> 'messageId')::uuid as ref from events where kind = 'message.updated' and data ->> 'change' = 'delivery') e group by e.ref, e.data ->> 'deliveryState' having count(*) > 1
      union all select 'conversation with ' || count(e.id) || ' openings', c.id from conversations c left join events e on e.workspace_id = c.workspace_id and e.conversation_id = c.id and e.kind = 'conversation.opened'
        group by c.id having count(e.id) <> 1
      union all select 'event without message', e.id from events e left join messages m on m.workspace_id = e.workspace_id and m.id::text = e.data ->> 'messageId' where e.kind like 'message.%' and m.id is null
      union all select 'entry without message', t.id from timeline_entries t left join messages m on m.workspace_id = t.workspace_id and m.id = t.ref_id where t.kind = 'MESSAGE' and m.id is null
      union all select 'note without version', n.id from notes n where not exists (select from note_versions v where v.workspace_id = n.workspace_id and v.note_id = n.id)
      union all select 'note with ' || count(e.id) || ' events', n.id from notes n left join events e on e.workspace_id = n.workspace_id and e.kind = 'note.added' and e.data ->> 'noteId' = n.id::text group by n.id having count(e.id) <> 1
      union all select 'customer with ' || count(e.id) || ' events', c.id from customers c left join events e on e.workspace_id = c.workspace_id and e.kind = 'customer.created' and e.data ->> 'customerId' = c.id::text group by c.id having count(e.id) <> 1
      union all select 'delivery without event', d.id from deliveries d where not exists (select from inbound_events e where e.workspace_id = d.workspace_id and e.delivery_id = d.id)
      union all select 'customer without address', c.id from customers c where not exists (select from identities i where i.workspace_id = c.workspace_id and i.customer_id = c.id and i.kind <> 'SELF')
      union all select 'conversation that counts wrong', c.id from conversations c where c.message_count <> (select count(*) from messages m where m.workspace_id = c.workspace_id and m.conversation_id = c.id)
      union all select 'consumer behind', null from consumers c, log_state l where c.position < l.position
      union all select 'consumer that failed', null from consumer_failures
      union all select 'job', null from graphile_worker.jobs where locked_at is not null or run_at <= statement_timestamp()`);
    const outbound = await owner<{ text: string; state: string }[]>`select text, delivery_state as state from messages where workspace_id = ${ws.id} and direction = 'OUTBOUND'`;
    // What a provider took was reported delivered; what it never got was interrupted before, is said to be so, and is never sent blindly.
    fault('outbound messages in a wrong state', outbound.filter(({ text, state }) => state !== (sent.has(text) ? 'DELIVERED' : 'UNCONFIRMED')));
    this.unconfirmed = outbound.filter(({ state }) => state === 'UNCONFIRMED').length;
    fault('sent to a provider, and in no message', [...sent.keys()].filter((text) => !outbound.some((message) => message.text === text)));
  }

  /** G3: numbers without gaps, a dense log, whole chains; and who was answered before another asked stands before it. */
  async #order(fault: (what: string, found: readonly unknown[]) => void, acts: readonly Act[]): Promise<void> {
    const { owner, system, ws } = this.cluster;
    const count = (what: string, found: readonly unknown[]) => {
      this.tally.disordered += found.length;
      fault(what, found);
    };
    count('conversations whose events are not numbered 1, 2, 3', await owner`
      select e.conversation_id, count(*)::int as events, max(e.conversation_seq)::int as last, c.seq::int as seq from events e join conversations c on c.workspace_id = e.workspace_id and c.id = e.conversation_id
      group by e.conversation_id, c.seq having count(*) <> max(e.conversation_seq) or count(distinct e.conversation_seq) <> count(*) or c.seq <> count(*)`);
    count('events whose place in the log is before an earlier one of their conversation', await owner`
      select position from (select position, lag(position) over (partition by conversation_id order by conversation_seq) as before from events where conversation_id is not null) x where before > position`);
    const log = await verifyLog(system);
    if (!log.intact) count('the log is not dense', [log]);
    const chain = await verifyChain(system, ws.id);
    if (!chain.intact) count('the chain of hashes is broken', [chain]);
    this.events = log.events;
    const placed = await owner<{ mark: string; conversationId: string; seq: number }[]>`
      select m.text as mark, e.conversation_id, e.conversation_seq::int as seq from messages m
        join events e on e.workspace_id = m.workspace_id and e.kind in ('message.received', 'message.sent') and e.data ->> 'messageId' = m.id::text where m.text like 'act-%'
      union all select v.body, e.conversation_id, e.conversation_seq::int from note_versions v
        join events e on e.workspace_id = v.workspace_id and e.kind = 'note.added' and e.data ->> 'noteId' = v.note_id::text where v.body like 'act-%'
      order by 2, 3`;
    const byMark = new Map(acts.map((act) => [act.mark, act]));
    count('acts that stand before what was acknowledged before they were asked', overtaken(placed.flatMap(({ mark, conversationId }) => {
      const act = byMark.get(mark.trim());
      return act && AT_ONCE.has(act.kind) ? [{ conversationId, act }] : [];
    })));
  }

  /** G4: what a follower saw, over all its drops, is the log; and the state from before with these events is the state now. */
  async #followers(when: string, fault: (what: string, found: readonly unknown[]) => void): Promise<void> {
    const { cluster, fleet } = this;
    const log = await cluster.owner<{ id: string; position: number }[]>`select id, position from events where workspace_id = ${cluster.ws.id} and position > ${this.#position} order by position`;
    const until = performance.now() + CATCH_UP_MS;
    let seen = fleet.seen();
    while (seen.some((events) => events.length < this.#compared + log.length) && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      seen = fleet.seen();
    }
    const { trouble } = await fleet.followers();
    for (const [index, events] of seen.entries()) {
      const fresh = events.slice(this.#compared);
      const wrong = Array.from({ length: Math.max(fresh.length, log.length) }, (_, n) => n).find((n) => fresh[n]?.id !== (log[n] && publicId('evt', log[n]!.id)));
      if (wrong === undefined) continue;
      this.tally.disordered++;
      fault(`follower ${index} saw ${fresh.length} events of ${log.length}, the first that differs at ${wrong} (${trouble[index]})`, [fresh[wrong] ?? null, log[wrong] ?? null]);
    }
    // Now by one server, then by the other.
    const fresh = await freshState(cluster.apis[this.checks % 2]!.peer, cluster.ws.keys.ADMIN);
    for (const [index, events] of seen.entries()) {
      const fold = (this.#folds[index] ??= new Fold(copyOf(this.start.state)));
      for (const event of events.slice(this.#compared)) fold.take(event);
      fault(`the state from before with the events of follower ${index} is not the state ${when}`, differences(fold.state, fresh));
    }
    this.#compared += log.length;
    this.#position = log.at(-1)?.position ?? this.#position;
  }

  /** Both servers answer many at once, and hold no more sessions than their pools. */
  async #healthy(fault: (what: string, found: readonly unknown[]) => void): Promise<void> {
    const { apis, ws, owner } = this.cluster;
    for (const { peer, index, wires, process: child } of apis) {
      const answers = await Promise.all(Array.from({ length: 30 }, (_, n) =>
        Promise.race([
          n % 3 === 0 ? peer.query('mutation ($i: VisitorPageInput!) { visitorPage(input: $i) { userErrors { message } } }', { i: { clientId: `healthy ${this.checks} ${n}`, url: 'https://example.com/' } }, ws.visitor.token).then(({ status, text }) => ({ status, text }))
            : peer.query('{ teams { nodes { name } } customers(first: 3) { nodes { id } } }', null, ws.keys.ADMIN).then(({ status, text }) => ({ status, text })),
          new Promise<{ status: number; text: string }>((resolve) => setTimeout(resolve, 10_000, { status: 0, text: 'no answer in 10 s' }).unref()),
        ]).catch((error: unknown) => ({ status: 0, text: String(error) }))));
      fault(`server ${index} is not well`, answers.filter(({ status, text }) => status !== 200 && !/RATE_LIMITED/.test(text)));
      const sessions = await owner<{ state: string; seconds: number }[]>`
        select state, extract(epoch from statement_timestamp() - xact_start)::float8 as seconds from pg_stat_activity where client_port = any(${wires.postgres.farPorts()}::int[])`;
      if (sessions.length > SESSIONS_MAX) fault(`server ${index} holds ${sessions.length} sessions`, [sessions.length]);
      const own = [...child!.output().matchAll(/^.*"msg":"A fault of ours\."\}$/gm)].map(([line]) => line.slice(0, 400));
      fault(`server ${index} met faults of its own`, own);
      const held = [wires.http.held('far'), wires.smtp.held('far'), wires.postgres.held('near')].flat().filter((ms) => ms > HELD_MS_MAX);
      fault(`server ${index} holds on to connections that have been dead for long`, held);
      fault(`server ${index} left transactions open`, sessions.filter(({ state, seconds }) => state.startsWith('idle in transaction') && seconds > 5));
    }
  }
}

const told = ({ kind, mark, said }: Act): string => `${kind} ${mark} ${said}`;

/** Of rows in the order of their conversations: those of which a later one was acknowledged before they were first asked. */
export function overtaken(placed: readonly { conversationId: string; act: Act }[]): string[] {
  const found: string[] = [];
  let conversation = '';
  let latest: Act | null = null;
  for (const { conversationId, act } of placed) {
    if (conversationId !== conversation) [conversation, latest] = [conversationId, null];
    if (latest && act.acknowledgedAt !== null && act.acknowledgedAt < latest.askedAt) found.push(`${latest.kind} ${latest.mark} before ${act.kind} ${act.mark}`);
    if (!latest || act.askedAt > latest.askedAt) latest = act;
  }
  return found;
}

/** Waits until nothing is under way; gives what still is after the time. Jobs that wait for a later try are nobody's fault yet: the last check waits for them. */
export async function quiet({ owner }: Pick<Cluster, 'owner'>, withinMs = QUIET_MS): Promise<string[]> {
  const until = performance.now() + withinMs;
  for (;;) {
    const left = await owner<{ what: string; n: number }[]>`
      select * from (
        select 'inbound events ' || state || ', the next try ' || max(next_attempt_at)::text || ' ' || coalesce(min(error), '') as what, count(*)::int as n from inbound_events where state in ('PENDING', 'WAITING') group by state
        union all select 'events without a place', count(*)::int from event_outbox
        union all select 'jobs, the next at ' || min(run_at)::text || ' ' || coalesce(min(last_error), ''), count(*)::int from graphile_worker.jobs
        union all select 'consumers behind', count(*)::int from consumers c, log_state l where c.position < l.position
      ) x where n > 0`.catch((error: unknown) => [{ what: `no answer: ${String(error)}`, n: 1 }]);
    if (left.length === 0) return [];
    if (performance.now() > until) return left.map(({ what, n }) => `${n} ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function counted(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}
