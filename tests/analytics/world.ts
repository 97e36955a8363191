// A generated workspace of conversations, written to the database as it is generated, and statements run over it as the server runs them.
import fc from 'fast-check';
import { rollUpStatistics } from '../../src/analytics/rollups.ts';
import { newId } from '../../src/platform/ids.ts';
import type { TestDatabase } from '../harness/database.ts';

// Zones whose clocks change within the generated weeks (Europe 2026-03-29, Cairo at midnight of 2026-04-24, Lord Howe by half an hour on
// 2026-04-05), and one that is a day ahead.
export const ZONES = ['UTC', 'Europe/Amsterdam', 'Africa/Cairo', 'Australia/Lord_Howe', 'Pacific/Kiritimati', 'America/St_Johns'];
export const START = Date.parse('2026-03-25T00:00:00.000Z');
export const DAY_MS = 86_400_000;

export interface World {
  queues: string[];
  customers: string[];
  conversations: {
    id: string; customer: number; queue: number | null; channels: string[]; createdAt: number; changes: { at: number; from: string; to: string }[];
    born: string; status: string; firstInboundAt: number | null; firstResponseAt: number | null; closedAt: number | null; historyEndedAt: number | null;
    messages: { id: string; at: number; direction: string; channel: string; customer: number }[];
  }[];
}

export const CHANNELS = ['EMAIL', 'SMS', 'LIVE_CHAT'];
export const moment = fc.oneof(
  fc.integer({ min: 0, max: 12 * DAY_MS }),
  // The very edges of local days, where an off-by-one shows.
  fc.tuple(fc.integer({ min: 0, max: 12 * 48 }), fc.integer({ min: -1, max: 1 })).map(([half, ms]) => Math.max(0, half * 1_800_000 + ms)),
).map((ms) => START + ms);

export const world: fc.Arbitrary<World> = fc
  .array(
    fc.record({
      customer: fc.nat(2),
      queue: fc.option(fc.nat(1)),
      createdAt: moment,
      historical: fc.boolean(),
      steps: fc.array(fc.tuple(fc.integer({ min: 0, max: 6 * DAY_MS }), fc.constantFrom('OPEN', 'PENDING', 'CLOSED')), { maxLength: 4 }),
      messages: fc.array(fc.record({ at: moment, direction: fc.constantFrom('INBOUND', 'OUTBOUND'), channel: fc.constantFrom(...CHANNELS), customer: fc.nat(2) }), { minLength: 1, maxLength: 5, size: 'max' }),
      response: fc.option(fc.tuple(moment, fc.integer({ min: -1000, max: 3 * DAY_MS }))),
    }),
    { minLength: 4, maxLength: 12, size: 'max' },
  )
  .map((drafts) => ({
    queues: [newId(), newId()],
    customers: [newId(), newId(), newId()],
    conversations: drafts.map((d) => {
      let status = d.historical ? 'CLOSED' : 'OPEN';
      const born = status;
      let closedAt: number | null = d.historical ? d.createdAt : null;
      let at = d.createdAt;
      const changes: { at: number; from: string; to: string }[] = [];
      for (const [after, to] of d.steps) {
        if (to === status) continue;
        at += after;
        changes.push({ at, from: status, to });
        closedAt = to === 'CLOSED' ? at : null;
        status = to;
      }
      return {
        id: newId(), customer: d.customer, queue: d.queue, createdAt: d.createdAt, changes, born, status, closedAt, historyEndedAt: d.historical ? d.createdAt : null,
        firstInboundAt: d.response ? d.response[0] : null, firstResponseAt: d.response ? d.response[0] + d.response[1] : null,
        channels: [...new Set(d.messages.map((m) => m.channel))], messages: d.messages.map((m) => ({ ...m, id: newId() })),
      };
    }),
  }));

export const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

export async function store(db: TestDatabase, workspaceId: string, w: World): Promise<void> {
  const at = iso(START)!;
  const sql = db.owner;
  const selves = w.customers.map(() => newId());
  await sql`insert into queues ${sql(w.queues.map((id) => ({ workspaceId, id, name: id, createdAt: at })))}`;
  await sql`insert into customers ${sql(w.customers.map((id, i) => ({ workspaceId, id, selfIdentityId: selves[i]!, lastActivityAt: at, createdAt: at, updatedAt: at })))}`;
  await sql`insert into identities ${sql(w.customers.map((customerId, i) => ({
    workspaceId, id: selves[i]!, customerId, kind: 'SELF', value: customerId, valueRaw: customerId, trust: 'VERIFIED', firstSeenAt: at, lastSeenAt: at, createdAt: at,
  })))}`;
  for (const c of w.conversations) {
    await sql`insert into conversations ${sql({
      workspaceId, id: c.id, identityId: selves[c.customer]!, status: c.status, statusChangedAt: at, statusChangedByKind: 'SYSTEM', closedAt: iso(c.closedAt), historyEndedAt: iso(c.historyEndedAt), channels: c.channels,
      queueId: c.queue === null ? null : w.queues[c.queue]!, waitingOrder: at, lastActivityAt: at, firstInboundAt: iso(c.firstInboundAt), firstResponseAt: iso(c.firstResponseAt), createdAt: iso(c.createdAt)!,
    })}`;
    for (const change of c.changes) {
      await sql`insert into timeline_entries ${sql({
        workspaceId, id: newId(), identityId: selves[c.customer]!, occurredAt: iso(change.at)!, kind: 'STATUS_CHANGE', refId: newId(), conversationId: c.id, actorKind: 'SYSTEM',
        data: sql.json({ from: change.from, to: change.to }),
      })}`;
    }
    if (c.messages.length) {
      await sql`insert into messages ${sql(c.messages.map((m) => ({
        workspaceId, id: m.id, conversationId: c.id, identityId: selves[m.customer]!, channel: m.channel, direction: m.direction, authorKind: 'CUSTOMER', occurredAt: iso(m.at)!, receivedAt: iso(m.at)!,
        deliveryState: 'RECEIVED', joinReason: 'EXPLICIT', createdAt: at,
      })))}`;
    }
  }
}

/** Runs a statement as the server does: under the role and the policies of the workspace. */
export async function run(db: TestDatabase, workspaceId: string, write: (param: (name: string) => string, workspace: string) => string, values: Record<string, [cast: string, value: unknown]>): Promise<any[]> {
  const bound: unknown[] = [workspaceId];
  const names: string[] = [];
  const text = write((name) => {
    if (!names.includes(name)) {
      names.push(name);
      bound.push(values[name]![1]);
    }
    return `$${names.indexOf(name) + 2}::${values[name]![0]}`;
  }, '$1::uuid');
  return db.app.begin(async (tx) => {
    await tx`select set_config('app.workspace_id', ${workspaceId}, true)`;
    return tx.unsafe(text, bound as never[]);
  }) as Promise<any[]>;
}

/** Rolls up all that can be, in days of `zone` for the workspace. The horizon moves only while no other transaction of the server writes. */
export async function rolledUp(db: TestDatabase, workspaceId: string, zone: string): Promise<void> {
  await db.owner`update workspaces set time_zone = ${zone} where id = ${workspaceId}`;
  const has = async () => (await db.owner`select from statistics_horizon where passed_at is not null`).length > 0;
  const deadline = performance.now() + 50_000;
  for (await rollUpStatistics(db); !(await has()); await rollUpStatistics(db)) {
    if (performance.now() < deadline) continue;
    // Transactions of other databases count too.
    const writers = await db.owner`select datname, application_name, state, now() - xact_start as since, query from pg_stat_activity where backend_xid is not null`;
    throw new Error(`The horizon waits for ${JSON.stringify(writers)}.`);
  }
  await rollUpStatistics(db);
}
