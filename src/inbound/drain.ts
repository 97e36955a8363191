// Applies what the doors stored, lane by lane: events of one lane in the order in which they came, lanes side by side, messages of many lanes in one
// transaction. A failing event is tried again with growing waits and holds up its own lane only; after the last try it is DEAD, listed, and the lane goes on.
import type { InboundEvent } from '../channels/channel.ts';
import type { Arriving } from '../messages/arriving.ts';
import { after, now } from '../platform/clock.ts';
import { isConnectionLost } from '../platform/connection-lost.ts';
import { inWorkspace, type Sql, type Tx } from '../platform/db.ts';
import { sqlState } from '../platform/sql-state.ts';
import { Refusal } from '../platform/errors.ts';
import { applyEvent, applyMessages, isMessage, type Applied } from './apply.ts';

/** Tries before an event is set aside; they span about half a minute. */
export const TRIES_MAX = 5;
const BACKOFF_BASE_MS = 1_000;
/** Nobody waits longer for the next try: what says so was written by a clock that was wrong. */
const BACKOFF_MS_MAX = BACKOFF_BASE_MS * 2 ** (TRIES_MAX - 1);
const LANES_AT_ONCE = 4;
const LANES_PER_ROUND = 256;
/** Of one transaction. */
const LANES_TOGETHER_MAX = 50;
const EVENTS_TOGETHER_MAX = 150;
const POLL_MS = 500;

export interface DrainContext {
  app: Sql;
  system: Sql;
  /** Called after something was applied, so that the log's readers hear of it at once. */
  wake: () => void;
  report: (message: string, error: unknown) => void;
}

interface Head {
  id: string;
  deliveryId: string;
  ordinal: number;
  accountId: string;
  channel: Arriving['channel'];
  event: InboundEvent;
  attempts: number;
  nextAttemptAt: string;
  receivedAt: string;
  historical: boolean;
}
export type LaneStep = 'APPLIED' | 'EMPTY' | 'BUSY' | 'WAITING' | 'FAILED';

/**
 * Applies the oldest pending event of a lane, when no other process is at that lane.
 * WAITING: its next try is later. FAILED: this try failed and was written down.
 */
export async function stepLane(context: Pick<DrainContext, 'app' | 'report'>, workspaceId: string, lane: string): Promise<{ step: LaneStep; eventId?: string; applied?: Applied }> {
  let head: Head | undefined;
  try {
    return await inWorkspace(context.app, workspaceId, async (tx) => {
      head = undefined;
      const [lock] = await tx<{ held: boolean }[]>`select pg_try_advisory_xact_lock(${laneKey(tx, workspaceId, lane)}) as held`;
      if (!lock!.held) return { step: 'BUSY' as const };
      head = await headOf(tx, workspaceId, lane);
      if (!head) return { step: 'EMPTY' as const };
      if (head.attempts > 0 && head.nextAttemptAt > now() && head.nextAttemptAt <= after(BACKOFF_MS_MAX)) return { step: 'WAITING' as const };
      return { step: 'APPLIED' as const, eventId: head.id, applied: await applyHead(tx, workspaceId, head) };
    });
  } catch (error) {
    // A database that is away is nobody's poison: the event waits for it, and no try is counted.
    if (!head || isOutage(error)) throw error;
    await writeFailure(context, workspaceId, head, error);
    return { step: 'FAILED', eventId: head.id };
  }
}

/**
 * Applies an event that this very transaction stored, ahead of the drain. Waits for whoever is at its lane. Null when it isn't the lane's next,
 * or can't be applied: it stays pending, and the drain comes to it (and counts its tries).
 * @throws Refusal, and what makes the transaction run again (a deadlock).
 */
export async function applyWithin(tx: Tx, workspaceId: string, event: { id: string; lane: string }): Promise<Applied | null> {
  await lockLane(tx, workspaceId, event.lane);
  const head = await headOf(tx, workspaceId, event.lane);
  if (head?.id !== event.id) return null;
  try {
    return (await tx.savepoint((inner) => applyHead(inner, workspaceId, head))) as Applied;
  } catch (error) {
    if (error instanceof Refusal || isOutage(error) || /^40/.test(sqlState(error) ?? '')) throw error;
    return null;
  }
}

/**
 * Applies the first messages of many lanes in one transaction, all of them or none; lanes that another process is at, or that begin with something
 * else or with what was tried before, are passed over.
 * @returns how many were applied
 */
async function stepTogether(context: Pick<DrainContext, 'app'>, workspaceId: string, lanes: readonly string[]): Promise<number> {
  return inWorkspace(context.app, workspaceId, async (tx) => {
    const free = await tx<{ lane: string }[]>`
      select lane from unnest(${[...lanes].sort()}::text[]) lane where pg_try_advisory_xact_lock(hashtextextended(${workspaceId}::text || ' ' || lane, 7))`;
    const heads = await tx<(Head & { lane: string })[]>`
      select l.lane, e.id, e.delivery_id, e.ordinal, e.account_id, a.channel, e.event, e.attempts, e.next_attempt_at, d.received_at,
        coalesce((d.request ->> 'historical')::boolean, false) as historical
      from unnest(${free.map(({ lane }) => lane)}::bigint[]) l (lane)
      cross join lateral (
        select * from inbound_events where workspace_id = ${workspaceId} and lane = l.lane and state = 'PENDING'
        order by delivery_id, ordinal limit ${Math.max(1, Math.floor(EVENTS_TOGETHER_MAX / Math.max(1, free.length)))} for update) e
      join deliveries d on d.workspace_id = e.workspace_id and d.id = e.delivery_id
      join channel_accounts a on a.workspace_id = e.workspace_id and a.id = e.account_id
      order by l.lane, e.delivery_id, e.ordinal`;
    // Of each lane as far as there are messages, and nothing that failed before.
    const ended = new Set<string>();
    const first = heads.filter((head) => {
      if (head.attempts > 0 || !isMessage(head)) ended.add(head.lane);
      return !ended.has(head.lane);
    });
    if (first.length === 0) return 0;
    const applied = await applyMessages(tx, first.map((head) => arrivingOf(workspaceId, head)));
    await tx`
      update inbound_events e set state = r.state, identity_id = r.identity_id, message_id = r.message_id, applied_at = ${now()}, error = null, waits_for = null
      from unnest(${first.map(({ id }) => id)}::uuid[], ${applied.map(({ state }) => state)}::text[], ${applied.map(({ identityId }) => identityId)}::uuid[], ${applied.map(({ messageId }) => messageId)}::uuid[])
        as r (id, state, identity_id, message_id)
      where e.workspace_id = ${workspaceId} and e.id = r.id`;
    return first.length;
  });
}

const arrivingOf = (workspaceId: string, { accountId, channel, event, receivedAt, historical }: Head): Arriving => ({ workspaceId, accountId, channel, event, receivedAt, historical });

async function applyHead(tx: Tx, workspaceId: string, head: Head): Promise<Applied> {
  const applied = await applyEvent(tx, arrivingOf(workspaceId, head));
  await tx`
    update inbound_events set state = ${applied.state}, identity_id = ${applied.identityId}, message_id = ${applied.messageId}, applied_at = ${applied.waitsFor === undefined ? now() : null},
      waits_for = ${applied.waitsFor ?? null}, error = ${applied.waitsFor === undefined ? (applied.reason ?? null) : `Nothing has been heard of ${applied.waitsFor} yet.`}
    where workspace_id = ${workspaceId} and id = ${head.id}`;
  return applied;
}

/** One key a lane, for who waits for it and who passes on when it is taken. */
const laneKey = (tx: Tx, workspaceId: string, lane: string) => tx`hashtextextended(${`${workspaceId} ${lane}`}, 7)`;

/** Waits for a lane, until the transaction ends. Before any lock of a person: who is at a lane waits for people. */
export const lockLane = (tx: Tx, workspaceId: string, lane: string) => tx`select pg_advisory_xact_lock(${laneKey(tx, workspaceId, lane)})`;

async function headOf(tx: Tx, workspaceId: string, lane: string): Promise<Head | undefined> {
  const [head] = await tx<Head[]>`
    select e.id, e.delivery_id, e.ordinal, e.account_id, a.channel, e.event, e.attempts, e.next_attempt_at, d.received_at,
      coalesce((d.request ->> 'historical')::boolean, false) as historical
    from inbound_events e
    join deliveries d on d.workspace_id = e.workspace_id and d.id = e.delivery_id
    join channel_accounts a on a.workspace_id = e.workspace_id and a.id = e.account_id
    where e.workspace_id = ${workspaceId} and e.lane = ${lane} and e.state = 'PENDING'
    order by e.delivery_id, e.ordinal limit 1 for update of e`;
  return head;
}

async function writeFailure(context: Pick<DrainContext, 'app' | 'report'>, workspaceId: string, head: Head, error: unknown): Promise<void> {
  const attempts = head.attempts + 1;
  const dead = attempts >= TRIES_MAX;
  const reason = (error instanceof Error ? error.message : String(error)).replaceAll('\0', '').slice(0, 500);
  context.report(dead ? 'An inbound event is dead after its last try.' : 'An inbound event could not be applied; it is tried again.', error);
  await inWorkspace(context.app, workspaceId, (tx) => tx`
    update inbound_events set attempts = ${attempts}, error = ${reason}, state = ${dead ? 'DEAD' : 'PENDING'},
      next_attempt_at = ${after(BACKOFF_BASE_MS * 2 ** (attempts - 1))}
    where workspace_id = ${workspaceId} and id = ${head.id} and state = 'PENDING'`);
}

/**
 * Connection failures, shut-downs and a full disk: PostgreSQL's classes 08, 53, 57P, 58 and what the driver says of a lost connection. A statement
 * that took too long (57014) is the event's own fault; 0A000 isn't: it was planned before a migration by another process changed what it gives.
 */
const isOutage = (error: unknown): boolean => isConnectionLost(error) || /^(53|57P|58|0A000)|^(CONNECTION_|ENOTFOUND)/.test(sqlState(error) ?? '');

/**
 * Applies one event now, ahead of the drain: everything before it in its lane first. Gives what became of it, or null when it did not come to it
 * (its lane waits for a retry, or another process is at it).
 */
export async function applyNow(context: Pick<DrainContext, 'app' | 'report'>, workspaceId: string, event: { id: string; lane: string }): Promise<Applied | null> {
  for (let steps = 0; steps < STEPS_AHEAD_MAX; steps++) {
    const { step, eventId, applied } = await stepLane(context, workspaceId, event.lane);
    if (step === 'APPLIED' && eventId === event.id) return applied!;
    if (step === 'BUSY') {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const outcome = await outcomeOf(context.app, workspaceId, event.id);
      if (outcome) return outcome;
    } else if (step !== 'APPLIED') {
      return outcomeOf(context.app, workspaceId, event.id);
    }
  }
  return null;
}
const STEPS_AHEAD_MAX = 200;

const outcomeOf = (app: Sql, workspaceId: string, id: string): Promise<Applied | null> =>
  inWorkspace(app, workspaceId, async (tx) => {
    const [row] = await tx<(Omit<Applied, 'conversationId' | 'state'> & { state: string; conversationId: string | null })[]>`
      select e.state, e.identity_id, e.message_id, m.conversation_id from inbound_events e
      left join messages m on m.workspace_id = e.workspace_id and m.id = e.message_id
      where e.workspace_id = ${workspaceId} and e.id = ${id} and e.state in ('APPLIED', 'DUPLICATE', 'IGNORED')`;
    return (row as Applied | undefined) ?? null;
  });

export interface Drain {
  /** There may be work: look at once. */
  wake(): void;
  /** Resolves when nothing is pending that could be applied now. */
  idle(): Promise<void>;
  /** Finishes the lanes that are under way. */
  stop(): Promise<void>;
}

/** Lanes of one workspace, shared among those who apply them. */
function chunks(lanes: readonly { workspaceId: string; lane: string }[]): { workspaceId: string; lanes: string[] }[] {
  const size = Math.min(LANES_TOGETHER_MAX, Math.ceil(lanes.length / LANES_AT_ONCE));
  const byWorkspace = new Map<string, string[]>();
  for (const { workspaceId, lane } of lanes) byWorkspace.set(workspaceId, [...(byWorkspace.get(workspaceId) ?? []), lane]);
  return [...byWorkspace].flatMap(([workspaceId, all]) => Array.from({ length: Math.ceil(all.length / size) }, (_, i) => ({ workspaceId, lanes: all.slice(i * size, (i + 1) * size) })));
}

/** Starts draining; every process may, since a lane is one process's at a time. */
export function startDrain(context: DrainContext): Drain {
  let stopped = false;
  let woken = false;
  let timer: NodeJS.Timeout | undefined;
  let signal: (() => void) | undefined;
  const idlers: (() => void)[] = [];

  /** Messages together, while there are some; then what is left of each lane. */
  const apply = async (workspaceId: string, lanes: string[]): Promise<number> => {
    let applied = 0;
    try {
      for (let more = lanes.length > 1; more && !stopped; ) {
        const together = await stepTogether(context, workspaceId, lanes);
        applied += together;
        more = together > 0;
      }
    } catch (error) {
      // Nothing of that transaction took effect. Whose fault it was shows when each goes alone.
      if (isOutage(error)) throw error;
    }
    for (const lane of lanes) {
      for (let steps = 0; steps < STEPS_AHEAD_MAX && !stopped; steps++) {
        const { step } = await stepLane(context, workspaceId, lane);
        if (step !== 'APPLIED') break;
        applied++;
      }
    }
    return applied;
  };

  const round = async (): Promise<number> => {
    // By their heads: a lane whose first event waits for its next try has no work, however much stands behind it.
    const lanes = await context.system<{ workspaceId: string; lane: string }[]>`
      select workspace_id, lane::text as lane from (
        select distinct on (lane, workspace_id) workspace_id, lane, delivery_id, attempts, next_attempt_at from inbound_events
        where state = 'PENDING' order by lane, workspace_id, delivery_id, ordinal
      ) heads where attempts = 0 or next_attempt_at <= ${now()} or next_attempt_at > ${after(BACKOFF_MS_MAX)} order by delivery_id limit ${LANES_PER_ROUND}`;
    const queue = chunks(lanes);
    let applied = 0;
    await Promise.all(
      Array.from({ length: LANES_AT_ONCE }, async () => {
        for (let next = queue.shift(); next && !stopped; next = queue.shift()) applied += await apply(next.workspaceId, next.lanes);
      }),
    );
    return applied;
  };

  const running = (async () => {
    while (!stopped) {
      woken = false;
      let applied = 0;
      try {
        applied = await round();
        if (applied > 0) context.wake();
      } catch (error) {
        context.report('The inbound drain could not read its work; it goes on.', error);
      }
      if (applied === 0 && !woken) {
        for (const idler of idlers.splice(0)) idler();
        await new Promise<void>((resolve) => {
          signal = resolve;
          timer = setTimeout(resolve, POLL_MS);
        });
        clearTimeout(timer);
      }
    }
    for (const idler of idlers.splice(0)) idler();
  })();

  const wake = () => {
    woken = true;
    signal?.();
  };
  return {
    wake,
    idle: () =>
      new Promise((resolve) => {
        idlers.push(resolve);
        wake();
      }),
    stop: async () => {
      stopped = true;
      wake();
      await running;
    },
  };
}
