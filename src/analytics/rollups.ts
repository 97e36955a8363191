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
 * do it: what another has at work is left to it. Ends after the transaction under way when `signal` is aborted.
 * @throws AggregateError of the workspaces that could not be; the others were
 */
export async function rollUpStatistics(o: { system: Sql; app: Sql; marked?: boolean; signal?: AbortSignal }): Promise<number> {
  const [{ passedAt }] = await o.system<[{ passedAt: string | null }]>`select move_statistics_horizon() as passed_at`;
  if (passedAt === null) return 0;
  const workspaces = await (o.marked ? o.system<{ id: string }[]>`select distinct workspace_id as id from statistics_stale` : o.system<{ id: string }[]>`select id from workspaces`);
  let all = 0;
  const faults: unknown[] = [];
  for (const { id } of workspaces) {
    try {
      all += await rollUpWorkspace(o, id, passedAt, DAYS_AT_ONCE).catch((error: unknown) => {
        if (sqlState(error) !== QUERY_CANCELED) throw error;
        // Too many messages for one statement.
        return rollUpWorkspace(o, id, passedAt, 1);
      });
    } catch (error) {
      faults.push(error);
    }
  }
  if (faults.length > 0) throw new AggregateError(faults, 'The statistics of some workspaces could not be rolled up.');
  return all;
}

async function rollUpWorkspace(o: { app: Sql; signal?: AbortSignal }, id: string, passedAt: string, daysAtOnce: number): Promise<number> {
  let all = 0;
  for (let days = daysAtOnce; days === daysAtOnce && !o.signal?.aborted; all += days) {
    days = await inSnapshot(o.app, id, (tx) => rollUp(tx, id, passedAt, daysAtOnce)).catch((error: unknown) => {
      if (TAKEN_MEANWHILE.has(sqlState(error) ?? '')) return 0;
      throw error;
    });
  }
  return all;
}

/** Rolls up at most `daysMax` days of one workspace; gives how many. */
async function rollUp(tx: Tx, workspaceId: string, passedAt: string, daysMax: number): Promise<number> {
  const [lock] = await tx<{ free: boolean }[]>`select pg_try_advisory_xact_lock(hashtextextended('statistics of ' || ${workspaceId}, 0)) as free`;
  if (!lock!.free) return 0;
  const [workspace] = await tx<{ timeZone: string }[]>`select time_zone from workspaces where id = ${workspaceId}`;
  const { timeZone } = workspace!;
  const moved = await tx`delete from statistics_days where workspace_id = ${workspaceId} and time_zone <> ${timeZone}`;
  if (moved.count > 0) await tx`delete from statistics_rollups where workspace_id = ${workspaceId}`;
  const days = await daysToRollUp(tx, workspaceId, timeZone, passedAt, daysMax);
  const names = days.map(({ day }) => day);
  if (days.length > 0) {
    await tx`delete from statistics_rollups where workspace_id = ${workspaceId} and day = any(${names}::date[])`;
    await tx`delete from statistics_days where workspace_id = ${workspaceId} and day = any(${names}::date[])`;
    await tx`insert into statistics_days ${tx(days.map((day) => ({ workspaceId, timeZone, ...day })))}`;
    for (const run of inRuns(days)) for (const split of SPLITS) await writeRollups(tx, workspaceId, split, run, timeZone);
  }
  // The marks that are seen are of what is seen, so what is rolled up now has it, and what is later will have. Left are those of days that hold no more.
  await tx`
    delete from statistics_stale s where s.workspace_id = ${workspaceId} and not exists (
      select from statistics_days d
      where d.workspace_id = ${workspaceId} and d.starts_at < s.at + interval '15 minutes' and d.ends_at > s.at and d.day <> all(${names}::date[]))`;
  return days.length;
}

/**
 * The days before `passedAt`, since anything happened, that aren't rolled up or have a mark. Those are left out, for ever, at whose beginning or
 * end the clocks are changed: where midnight comes twice or never, a day isn't all that lies between two moments.
 */
const daysToRollUp = (tx: Tx, workspaceId: string, timeZone: string, passedAt: string, daysMax: number): Promise<Day[]> => tx<Day[]>`
  with first as (
    select least((select min(occurred_at) from messages where workspace_id = ${workspaceId}), (select min(created_at) from conversations where workspace_id = ${workspaceId}),
      (select min(first_response_at) from conversations where workspace_id = ${workspaceId}), (select min(closed_at) from conversations where workspace_id = ${workspaceId})) as at
  ), midnights as (
    select m, m at time zone ${timeZone} as at,
      m at time zone ${timeZone} at time zone ${timeZone} = m
        and (m at time zone ${timeZone} + interval '61 minutes') at time zone ${timeZone} - (m at time zone ${timeZone} - interval '61 minutes') at time zone ${timeZone} = interval '122 minutes' as is_plain
    from first, generate_series(date_trunc('day', greatest(first.at, ${passedAt}::timestamptz - ${`${DAYS_BACK_MAX} days`}::interval) at time zone ${timeZone}), ${passedAt}::timestamptz at time zone ${timeZone}, interval '1 day') m
  ), days as (
    select m::date as day, at as starts_at, lead(at) over by_time as ends_at, is_plain and lead(is_plain) over by_time as is_plain from midnights window by_time as (order by m)
  )
  select day::text, starts_at, ends_at from days d
  where is_plain and ends_at <= ${passedAt}
    and (not exists (select from statistics_days r where r.workspace_id = ${workspaceId} and r.day = d.day) or exists (
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
