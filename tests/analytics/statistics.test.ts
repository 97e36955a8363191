import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FIGURES, type Figure } from '../../src/analytics/figures.ts';
import { rowsBehindSql, statisticsSql, type Group, type Narrowing } from '../../src/analytics/statistics.ts';
import { newId } from '../../src/platform/ids.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { DAY_MS, iso, moment, rolledUp, run, START, store, world, ZONES, type World } from './world.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());

interface Range { from: number; to: number; zone: string }
interface Thing { at: number; channel: string | null; queue: string | null; customer: string; ms: number | null }

const dayOf = (zone: string) => {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
  return (at: number) => format.format(at);
};

/** The recount: the definitions of the schema, in TypeScript, over the generated world. */
function things(w: World, figure: Figure, r: Range): Thing[] {
  const within = (at: number | null): at is number => at !== null && at >= r.from && at < r.to;
  const of = (c: World['conversations'][number]) => ({ channel: c.channels[0] ?? null, queue: c.queue === null ? null : w.queues[c.queue]!, customer: w.customers[c.customer]! });
  return w.conversations.flatMap((c): Thing[] => {
    switch (figure) {
      case 'CONVERSATIONS_OPENED':
        return within(c.createdAt) ? [{ ...of(c), at: c.createdAt, ms: null }] : [];
      case 'FIRST_RESPONSE':
        return within(c.firstResponseAt) && c.firstResponseAt >= c.firstInboundAt! ? [{ ...of(c), at: c.firstResponseAt, ms: c.firstResponseAt - c.firstInboundAt! }] : [];
      case 'RESOLUTION':
        return [...(c.historyEndedAt === null ? [] : [c.historyEndedAt]), ...c.changes.filter(({ to }) => to === 'CLOSED').map(({ at }) => at)]
          .filter(within).map((at) => ({ ...of(c), at, ms: at - c.createdAt }));
      case 'OPEN_BACKLOG':
        return [];
      default: {
        const direction = figure === 'MESSAGES_OUT' ? 'OUTBOUND' : 'INBOUND';
        return c.messages.filter((m) => m.direction === direction && within(m.at)).map((m) => ({ ...of(c), channel: m.channel, customer: w.customers[m.customer]!, at: m.at, ms: null }));
      }
    }
  });
}

function backlog(w: World, until: (at: number) => boolean, channel: (c: string | null) => boolean, queue: (q: string | null) => boolean): number {
  return w.conversations.filter((c) => {
    if (!channel(c.channels[0] ?? null) || !queue(c.queue === null ? null : w.queues[c.queue]!) || !until(c.createdAt)) return false;
    const past = c.changes.filter((change) => until(change.at));
    return (past.at(-1)?.to ?? c.born) !== 'CLOSED';
  }).length;
}

/** Linear between the two nearest, as the schema says. */
function percentile(values: number[], fraction: number): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const at = fraction * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  return Math.round(low + (sorted[Math.ceil(at)]! - low) * (at - Math.floor(at)));
}

const closeTo = (actual: number | null, expected: number | null) => {
  if (actual === null || expected === null) expect(actual).toBe(expected);
  else expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1); // a half millisecond is rounded either way
};

const range: fc.Arbitrary<Range> = fc
  .tuple(moment, fc.integer({ min: 1, max: 12 * DAY_MS }), fc.constantFrom(...ZONES))
  .map(([from, length, zone]) => ({ from, to: from + length, zone }));
const groupings: fc.Arbitrary<Group[]> = fc.subarray(['CHANNEL', 'DAY', 'QUEUE'] as Group[]);

describe('conversationStats', () => {
  test('every figure equals a recount, in any time zone, range and grouping, rolled up or not, and lists exactly the rows behind it', async () => {
    await fc.assert(
      fc.asyncProperty(world, range, groupings, fc.boolean(), async (w, r, by, isRolledUp) => {
        const { id: workspaceId } = await db.workspace();
        // Something stands on each side of either end of the range.
        const edges = [r.from - 1, r.from, r.to - 1, r.to].map((at) => ({ id: newId(), at, direction: 'INBOUND', channel: 'SMS', customer: 1 }));
        w.conversations[0]!.messages.push(...edges);
        await store(db, workspaceId, w);
        if (isRolledUp) await rolledUp(db, workspaceId, r.zone);
        const period: Record<string, [string, unknown]> = { from: ['timestamptz', iso(r.from)], to: ['timestamptz', iso(r.to)], timeZone: ['text', r.zone] };
        const rows = await run(db, workspaceId, (param, ws) => statisticsSql(by, param, ws), period);
        const day = dayOf(r.zone);
        const keyOf = (t: { channel: string | null; queue: string | null; at: number }) =>
          JSON.stringify([by.includes('CHANNEL') ? t.channel : null, by.includes('QUEUE') ? t.queue : null, by.includes('DAY') ? day(t.at) : null]);

        // No row is missing: every counted thing has its group among the rows, and by DAY every day has a row.
        const groups = new Set(rows.map((row) => JSON.stringify([row.channel, row.queueId, row.day])));
        expect(groups.size).toBe(rows.length);
        for (const figure of FIGURES) for (const thing of things(w, figure, r)) expect(groups.has(keyOf(thing))).toBe(true);
        if (by.length === 0) expect(rows.length).toBe(1);

        for (const row of rows) {
          const key = JSON.stringify([row.channel, row.queueId, row.day]);
          const behind = (figure: Figure) => things(w, figure, r).filter((t) => keyOf(t) === key);
          const durations = (figure: Figure) => behind(figure).map((t) => t.ms!);
          const customers = new Set(behind('MESSAGES_IN').map((t) => t.customer));
          const open = backlog(
            w,
            (at) => at < r.to && (row.day === null || day(at) <= row.day),
            (channel) => !by.includes('CHANNEL') || channel === row.channel,
            (queue) => !by.includes('QUEUE') || queue === row.queueId,
          );
          expect(row).toMatchObject({
            messagesIn: behind('MESSAGES_IN').length, messagesOut: behind('MESSAGES_OUT').length, conversationsOpened: behind('CONVERSATIONS_OPENED').length,
            uniqueCustomers: customers.size, openBacklog: open,
          });
          closeTo(row.medianFirstResponse, percentile(durations('FIRST_RESPONSE'), 0.5));
          closeTo(row.p90FirstResponse, percentile(durations('FIRST_RESPONSE'), 0.9));
          closeTo(row.medianResolution, percentile(durations('RESOLUTION'), 0.5));
          closeTo(row.p90Resolution, percentile(durations('RESOLUTION'), 0.9));

          const narrowing: Narrowing = {
            channel: !by.includes('CHANNEL') ? 'ANY' : row.channel === null ? 'NONE' : 'GIVEN',
            queue: !by.includes('QUEUE') ? 'ANY' : row.queueId === null ? 'NONE' : 'GIVEN',
            day: by.includes('DAY'), after: false,
          };
          const values: Record<string, [string, unknown]> = { ...period, channel: ['text', row.channel], queueId: ['uuid', row.queueId], day: ['date', row.day], first: ['int', 1000] };
          const list = (figure: Figure) => run(db, workspaceId, (param, ws) => rowsBehindSql(figure, narrowing, param, ws), values);
          const figures = { MESSAGES_IN: row.messagesIn, MESSAGES_OUT: row.messagesOut, CONVERSATIONS_OPENED: row.conversationsOpened, UNIQUE_CUSTOMERS: row.uniqueCustomers, OPEN_BACKLOG: row.openBacklog, FIRST_RESPONSE: durations('FIRST_RESPONSE').length, RESOLUTION: durations('RESOLUTION').length };
          // Every figure of the first rows; of the many that follow, the backlog and the busiest.
          for (const figure of rows.indexOf(row) < 3 ? FIGURES : (['OPEN_BACKLOG'] as const)) {
            const listed = await list(figure);
            expect(listed.length).toBe(figures[figure]);
            expect(new Set(listed.map((item) => item.id)).size).toBe(listed.length);
            if (figure === 'FIRST_RESPONSE' || figure === 'RESOLUTION') expect(listed.map((item) => item.ms).sort((a, b) => a - b)).toEqual(durations(figure).sort((a, b) => a - b));
          }
        }
      }),
      { numRuns: 15 },
    );
  }, 60_000);

  test('a past day’s resolutions stay when the conversation is opened again, also of imported history', async () => {
    const { id: workspaceId } = await db.workspace();
    const closed = START + DAY_MS;
    const conversation = (born: string) => ({
      id: newId(), customer: 0, queue: null, channels: ['SMS'], createdAt: START, born, status: 'CLOSED', firstInboundAt: null, firstResponseAt: null, closedAt: closed, historyEndedAt: born === 'CLOSED' ? closed : null,
      changes: born === 'CLOSED' ? [] : [{ at: closed, from: 'OPEN', to: 'CLOSED' }], messages: [{ id: newId(), at: closed, direction: 'INBOUND', channel: 'SMS', customer: 0 }],
    });
    const w: World = { queues: [newId(), newId()], customers: [newId(), newId(), newId()], conversations: [conversation('OPEN'), conversation('CLOSED')] };
    await store(db, workspaceId, w);
    const values: Record<string, [string, unknown]> = { from: ['timestamptz', iso(START)], to: ['timestamptz', iso(START + 2 * DAY_MS)], timeZone: ['text', 'UTC'], first: ['int', 10] };
    const read = async () => [
      await run(db, workspaceId, (param, ws) => statisticsSql(['DAY'], param, ws), values),
      await run(db, workspaceId, (param, ws) => rowsBehindSql('RESOLUTION', { channel: 'ANY', queue: 'ANY', day: false, after: false }, param, ws), values),
    ];
    const [days, rows] = await read();
    expect(days!.map((row) => row.medianResolution)).toEqual([null, DAY_MS]);
    expect(rows!.map((row) => [row.at, row.ms])).toEqual([[iso(closed), DAY_MS], [iso(closed), DAY_MS]]);
    for (const { id } of w.conversations) {
      await db.owner`update conversations set status = 'OPEN', closed_at = null where workspace_id = ${workspaceId} and id = ${id}`;
      await db.owner`insert into timeline_entries ${db.owner({
        workspaceId, id: newId(), identityId: (await db.owner`select identity_id from conversations where id = ${id}`)[0]!.identityId, occurredAt: iso(START + 3 * DAY_MS)!, kind: 'STATUS_CHANGE', refId: newId(),
        conversationId: id, actorKind: 'SYSTEM', data: db.owner.json({ from: 'CLOSED', to: 'OPEN' }),
      })}`;
    }
    expect((await read())[1]).toEqual(rows);
    expect((await read())[0]!.map((row) => row.medianResolution)).toEqual([null, DAY_MS]);
  });

  test('the rows behind a figure come in pages without gaps or doubles', async () => {
    const { id: workspaceId } = await db.workspace();
    const at = START + DAY_MS;
    const w: World = {
      queues: [newId(), newId()], customers: [newId(), newId(), newId()],
      conversations: [{
        id: newId(), customer: 0, queue: null, channels: ['SMS'], createdAt: START, changes: [], born: 'OPEN', status: 'OPEN', firstInboundAt: null, firstResponseAt: null, closedAt: null, historyEndedAt: null,
        messages: Array.from({ length: 7 }, (_, i) => ({ id: newId(), at: at + Math.floor(i / 3), direction: 'INBOUND', channel: 'SMS', customer: 0 })),
      }],
    };
    await store(db, workspaceId, w);
    const seen: string[] = [];
    let after: { at: string; id: string } | null = null;
    for (;;) {
      const values: Record<string, [string, unknown]> = { from: ['timestamptz', iso(START)], to: ['timestamptz', iso(at + DAY_MS)], timeZone: ['text', null], first: ['int', 2], afterAt: ['timestamptz', after?.at], afterId: ['uuid', after?.id] };
      const page = await run(db, workspaceId, (param, ws) => rowsBehindSql('MESSAGES_IN', { channel: 'ANY', queue: 'ANY', day: false, after: after !== null }, param, ws), values);
      if (page.length === 0) break;
      expect(page.length).toBeLessThanOrEqual(2);
      seen.push(...page.map((row) => row.id as string));
      after = page.at(-1);
    }
    expect(seen.length).toBe(7);
    expect(new Set(seen)).toEqual(new Set(w.conversations[0]!.messages.map((m) => m.id)));
  });

  test('another workspace counts nothing of it', async () => {
    const mine = await db.workspace();
    const theirs = await db.workspace();
    const w: World = {
      queues: [newId(), newId()], customers: [newId(), newId(), newId()],
      conversations: [{
        id: newId(), customer: 0, queue: 0, channels: ['SMS'], createdAt: START, changes: [], born: 'OPEN', status: 'OPEN', firstInboundAt: START, firstResponseAt: START + 5, closedAt: null, historyEndedAt: null,
        messages: [{ id: newId(), at: START, direction: 'INBOUND', channel: 'SMS', customer: 0 }],
      }],
    };
    await store(db, mine.id, w);
    const period: Record<string, [string, unknown]> = { from: ['timestamptz', iso(START)], to: ['timestamptz', iso(START + DAY_MS)], timeZone: ['text', null] };
    const [own] = await run(db, mine.id, (param, ws) => statisticsSql([], param, ws), period);
    const [other] = await run(db, theirs.id, (param, ws) => statisticsSql([], param, ws), period);
    expect(own).toMatchObject({ messagesIn: 1, conversationsOpened: 1, openBacklog: 1, uniqueCustomers: 1, medianFirstResponse: 5 });
    expect(other).toMatchObject({ messagesIn: 0, conversationsOpened: 0, openBacklog: 0, uniqueCustomers: 0, medianFirstResponse: null });
  });
});
