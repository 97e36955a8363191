// Rolls up the statistics of days that are over, so that what is asked by day reads a few rows a day instead of every message.
//
// Right at every moment, however late something is written: who writes what is counted on a day that is over for an hour leaves a mark (triggers),
// and a marked day is counted from its rows until it is rolled up again. A day is rolled up only when every transaction that could have written
// into it without a mark has ended (`statistics_horizon`).
import { inSnapshot, type Sql, type Tx } from '../platform/db.ts';
import { sqlState } from '../platform/sql-state.ts';
import { FIGURE_COLUMNS, rollupsSql } from './statistics.ts';

const SPLITS = ['', 'CHANNEL', 'QUEUE', 'CHANNEL,QUEUE'] as const;
const DAYS_AT_ONCE = 31;
/** Older days are counted from their rows: one message of 1970 isn't to make twenty thousand days. */
const DAYS_BACK_MAX = 3_660;
/** unique_violation and serialization_failure. */
const TAKEN_MEANWHILE = new Set(['23505', '40001']);
const QUERY_CANCELED = '57014';

interface Day {
  day: string;
  startsAt: string;
  endsAt: string;
}

/**
 * Rolls up what can be, of every workspace (or of those that have marks), oldest first; gives how many days it was. Any number of processes may
 * do it: what another has at work is left to it. Ends soon after `signal` is aborted.
 * @throws AggregateError of the workspaces that could not be; the others were
 */
export async function rollUpStatistics(o: { system: Sql; app: Sql; marked?: boolean; signal?: AbortSignal }): Promise<number> {
  const [{ passedAt }] = await o.system<[{ passedAt: string | null }]>`select move_statistics_horizon() as passed_at`;
  if (passedAt === null) return 0;
  const workspaces = await (o.marked ? o.system<{ id: string }[]>`select distinct workspace_id as id from statistics_stale` : o.system<{ id: string }[]>`select id from workspaces`);
  let all = 0;
  const faults: unknown[] = [];
  const large = new Set<string>();
  // A batch of each in turn, so that a large one holds up none of the others.
  for (let turn = workspaces.map(({ id }) => id); turn.length > 0; ) {
    const more: string[] = [];
    for (const id of turn) {
      if (o.signal?.aborted) return all;
      const daysMax = large.has(id) ? 1 : DAYS_AT_ONCE;
      try {
        const days = await inSnapshot(o.app, id, (tx) => rollUp(tx, id, daysMax, o.signal));
        all += days;
        if (days === daysMax) more.push(id);
      } catch (error) {
        const state = sqlState(error) ?? '';
        if (state === QUERY_CANCELED && !large.has(id)) more.push(large.add(id) && id);
        else if (!TAKEN_MEANWHILE.has(state) && !o.signal?.aborted) faults.push(error);
      }
    }
    turn = more;
  }
  if (faults.length > 0) throw new AggregateError(faults, 'The statistics of some workspaces could not be rolled up.');
  return all;
}

/** Rolls up at most `daysMax` days of one workspace, and takes away the marks of what holds again; gives how many days it was. */
async function rollUp(tx: Tx, workspaceId: string, daysMax: number, signal?: AbortSignal): Promise<number> {
  const [lock] = await tx<{ free: boolean }[]>`select pg_try_advisory_xact_lock(hashtextextended('statistics of ' || ${workspaceId}, 0)) as free`;
  const [of] = await tx<{ timeZone: string | null; passedAt: string | null }[]>`select (select time_zone from workspaces where id = ${workspaceId}) as time_zone, passed_at from statistics_horizon`;
  const { timeZone, passedAt } = of!;
  if (!lock!.free || passedAt === null) return 0;
  if (timeZone === null) {
    await tx`delete from statistics_stale where workspace_id = ${workspaceId}`;
    return 0;
  }
  const [moved] = await tx<{ any: boolean }[]>`select exists (select from statistics_days where workspace_id = ${workspaceId} and time_zone <> ${timeZone}) as any`;
  if (moved!.any) {
    await tx`delete from statistics_days where workspace_id = ${workspaceId}`;
    await tx`delete from statistics_rollups where workspace_id = ${workspaceId}`;
  }
  const days = await daysToRollUp(tx, workspaceId, timeZone, passedAt, daysMax);
  const names = days.map(({ day }) => day);
  if (days.length > 0) {
    await tx`delete from statistics_rollups where workspace_id = ${workspaceId} and day = any(${names}::date[])`;
    await tx`delete from statistics_days where workspace_id = ${workspaceId} and day = any(${names}::date[])`;
    await tx`insert into statistics_days ${tx(days.map((day) => ({ workspaceId, timeZone, ...day })))}`;
    for (const run of inRuns(days)) {
      for (const split of SPLITS) {
        signal?.throwIfAborted();
        await writeRollups(tx, workspaceId, split, run, timeZone);
      }
    }
  }
  // The marks that are seen are of what is seen, so what is rolled up now has it, and what is later will have. Left are those of days that hold no more.
  await tx`
    delete from statistics_stale s where s.workspace_id = ${workspaceId} and not exists (
      select from statistics_days d
      where d.workspace_id = ${workspaceId} and d.day in ((s.at at time zone ${timeZone})::date, ((s.at + interval '15 minutes') at time zone ${timeZone})::date) and d.day <> all(${names}::date[]))`;
  return days.length;
}

/**
 * The days before `passedAt`, since anything happened, that aren't rolled up or have a mark. Those are left out, for ever, at whose beginning or
 * end the clocks are changed: where midnight comes twice or never, a day isn't all that lies between two moments.
 */
const daysToRollUp = (tx: Tx, workspaceId: string, timeZone: string, passedAt: string, daysMax: number): Promise<Day[]> => tx<Day[]>`
  with first as (
    select least((select min(occurred_at) from messages where workspace_id = ${workspaceId}), (select min(created_at) from conversations where workspace_id = ${workspaceId}),
      (select min(first_response_at) from conversations where workspace_id = ${workspaceId})) as at
  ), midnights as (
    select m, m at time zone ${timeZone} as at,
      m at time zone ${timeZone} at time zone ${timeZone} = m
        and (m at time zone ${timeZone} + interval '61 minutes') at time zone ${timeZone} - (m at time zone ${timeZone} - interval '61 minutes') at time zone ${timeZone} = interval '122 minutes' as is_plain
    from first, generate_series(date_trunc('day', greatest(first.at, ${passedAt}::timestamptz - ${`${DAYS_BACK_MAX} days`}::interval) at time zone ${timeZone}),
      ${passedAt}::timestamptz at time zone ${timeZone}, interval '1 day') m
    where first.at is not null
  ), days as (
    select m::date as day, at as starts_at, lead(at) over by_time as ends_at, is_plain and lead(is_plain) over by_time as is_plain from midnights window by_time as (order by m)
  )
  select day::text, starts_at, ends_at from days d
  where is_plain and ends_at <= ${passedAt}
    and (not exists (select from statistics_days r where r.workspace_id = ${workspaceId} and r.day = d.day and r.starts_at = d.starts_at and r.ends_at = d.ends_at) or exists (
      select from statistics_stale s where s.workspace_id = ${workspaceId} and s.at > d.starts_at - interval '15 minutes' and s.at < d.ends_at))
  order by day limit ${daysMax}`;

/** Days of which each begins when the one before it ends. */
function inRuns(days: readonly Day[]): Day[][] {
  const runs: Day[][] = [];
  for (const day of days) {
    const last = runs.at(-1);
    if (last?.at(-1)!.endsAt === day.startsAt) last!.push(day);
    else runs.push([day]);
  }
  return runs;
}

async function writeRollups(tx: Tx, workspaceId: string, split: string, run: readonly Day[], timeZone: string): Promise<void> {
  const values: Record<string, unknown> = { from: run[0]!.startsAt, to: run.at(-1)!.endsAt, timeZone };
  const casts: Record<string, string> = { from: 'timestamptz', to: 'timestamptz', timeZone: 'text' };
  const names = Object.keys(values);
  const sql = rollupsSql(split, (name) => `$${names.indexOf(name) + 3}::${casts[name]}`, '$1::uuid');
  const columns = `channel, queue_id, day, ${FIGURE_COLUMNS.join(', ')}, change`;
  await tx.unsafe(`insert into statistics_rollups (workspace_id, split, ${columns}) select $1::uuid, $2::text, ${columns} from (${sql}) x`, [workspaceId, split, ...names.map((name) => values[name] as string)]);
}
