// The SQL of the statistics: figures by channel, day and queue in one statement, and the rows behind one of them. Figures by day are read from the
// rollups of days that are over (rollups.ts) where there are such, and counted from the rows elsewhere; which of it changes no figure.
import { backlogChanges, backlogChangesIn, counted, FROM, localDay, period, TO, type CountedFigure, type Figure } from './figures.ts';

export const GROUPS = ['CHANNEL', 'DAY', 'QUEUE'] as const;
export type Group = (typeof GROUPS)[number];
type Param = (name: string) => string;

/** So many pieces of a range are counted from the rows beside what is rolled up, and half of its length; of more, everything is. */
const PIECES_MAX = 32;
/** What a row of rollups is split by besides its day, as `statistics_rollups.split` says it. */
export const splitOf = (by: readonly Group[]): string => GROUPS.filter((group) => group !== 'DAY' && by.includes(group)).join();
/** The columns of figures that `statistics_rollups` holds, beside `change`. */
export const FIGURE_COLUMNS = ['messages_in', 'messages_out', 'conversations_opened', 'unique_customers', 'median_first_response', 'p90_first_response', 'median_resolution', 'p90_resolution'] as const;
const NO_FIGURES = '0 as messages_in, 0 as messages_out, 0 as conversations_opened, 0 as unique_customers, null::int8 as median_first_response, null::int8 as p90_first_response, null::int8 as median_resolution, null::int8 as p90_resolution';

/**
 * One row a combination of the groups that occurs; by DAY, every such combination has a row for every local day of the range. Without groups
 * it is exactly one row. Columns: channel, day, queue_id (null where not grouped), the counts, and the durations in milliseconds
 * (null where nothing was measured). Parameters: from, to, timeZone.
 */
export function statisticsSql(by: readonly Group[], param: Param, workspace: string): string {
  const byDay = by.includes('DAY');
  const things = (figures: readonly CountedFigure[]): string =>
    byDay ? `${whenWhole(facts(figures, workspace))} union all ${facts(figures, workspace, 'pieces')}` : facts(figures, workspace);
  const changes = 'select x.at, x.channel, x.queue_id, x.change from';
  return `
with ${period(param, workspace)},
${byDay ? `${rolledUp(workspace)},` : ''}
${tallies(by, things, byDay ? `${whenWhole(`${changes} (${backlogChanges(workspace)}) x`)} union all ${changes} (${backlogChangesIn('earlier', workspace)}) x` : backlogChanges(workspace))},
days as (${
    byDay
      ? `select d::date as day from generate_series(${localDay(FROM)}, ${localDay(`(${TO} - interval '1 ms')`)}, interval '1 day') d`
      : 'select null::date as day'
  }),
counted as (${counts(byDay ? [rollups(by, workspace)] : [])}),
groups as (${splitOf(by) ? 'select channel, queue_id from counted group by 1, 2' : 'select null::text as channel, null::uuid as queue_id'}),
together as (
  select * from counted
  union all select g.channel, g.queue_id, d.day, ${NO_FIGURES}, 0 as change from groups g cross join days d
)
select channel, queue_id, to_char(day, 'YYYY-MM-DD') as day, ${greatestOf(FIGURE_COLUMNS)},
  (sum(sum(change)) over (partition by channel, queue_id order by together.day))::int as open_backlog
from together group by channel, queue_id, together.day order by together.day, channel, queue_id`;
}

/** The rows of `statistics_rollups`, but for workspace and split, of the local days that the range consists of. Parameters: from, to, timeZone. */
export function rollupsSql(split: string, param: Param, workspace: string): string {
  const by = [...GROUPS.filter((group) => split.split(',').includes(group)), 'DAY' as const];
  return `
with ${period(param, workspace)},
${tallies(by, (figures) => facts(figures, workspace, 'p'), backlogChangesIn('p', workspace))}
select channel, queue_id, day, ${greatestOf(FIGURE_COLUMNS)}, sum(change)::int as change from (${counts([])}) x group by 1, 2, 3`;
}

const facts = (figures: readonly CountedFigure[], workspace: string, pieces?: string): string =>
  figures.map((figure) => `select '${figure}' as figure, f.at, f.channel, f.queue_id, f.customer_id, f.ms from (${counted(figure, workspace, pieces ? { pieces } : 'RANGE')}) f`).join(' union all ');
const greatestOf = (columns: readonly string[]): string => columns.map((column) => `max(${column}) as ${column}`).join(', ');

/** What `things` (of some figures) and `changes` (of the backlog) come to, as relations `measured`, `timed` and `changed` of channel, queue_id and day. */
function tallies(by: readonly Group[], things: (figures: readonly CountedFigure[]) => string, changes: string): string {
  const key = (group: Group, sql: string, type: string): string => (by.includes(group) ? sql : `null::${type}`);
  const keys = (day: string): string => `${key('CHANNEL', 'x.channel', 'text')} as channel, ${key('QUEUE', 'x.queue_id', 'uuid')} as queue_id, ${key('DAY', day, 'date')} as day`;
  const count = (figure: Figure): string => `coalesce(sum(things) filter (where figure = '${figure}'), 0)::int`;
  const percentile = (fraction: number, figure: Figure): string =>
    `round(percentile_cont(${fraction}) within group (order by x.ms) filter (where x.figure = '${figure}'))::int8`;
  // Things are first counted by customer: hashed, where counting distinct customers would sort every message.
  return `
tallied as (
  select x.figure, ${keys(localDay('x.at'))}, x.customer_id, count(*) as things
  from (${things(['MESSAGES_IN', 'MESSAGES_OUT', 'CONVERSATIONS_OPENED'])}) x group by 1, 2, 3, 4, 5
),
measured as (
  select channel, queue_id, day, ${count('MESSAGES_IN')} as messages_in, ${count('MESSAGES_OUT')} as messages_out, ${count('CONVERSATIONS_OPENED')} as conversations_opened,
    count(*) filter (where figure = 'MESSAGES_IN')::int as unique_customers
  from tallied group by 1, 2, 3
),
timed as (
  select ${keys(localDay('x.at'))}, ${percentile(0.5, 'FIRST_RESPONSE')} as median_first_response, ${percentile(0.9, 'FIRST_RESPONSE')} as p90_first_response,
    ${percentile(0.5, 'RESOLUTION')} as median_resolution, ${percentile(0.9, 'RESOLUTION')} as p90_resolution
  from (${things(['FIRST_RESPONSE', 'RESOLUTION'])}) x group by 1, 2, 3
),
changed as (
  select ${keys(`greatest(${localDay('x.at')}, ${localDay(FROM)})`)}, sum(x.change)::int as change
  from (${changes}) x group by 1, 2, 3
)`;
}

/** All tallies, and `more`, as rows of channel, queue_id, day, FIGURE_COLUMNS and change. */
const counts = (more: readonly string[]): string => `
  select channel, queue_id, day, messages_in, messages_out, conversations_opened, unique_customers,
    null::int8 as median_first_response, null::int8 as p90_first_response, null::int8 as median_resolution, null::int8 as p90_resolution, null::int as change from measured
  union all select channel, queue_id, day, 0, 0, 0, 0, median_first_response, p90_first_response, median_resolution, p90_resolution, null from timed
  union all select channel, queue_id, day, ${NO_FIGURES}, change from changed
  ${more.map((rows) => `union all ${rows}`).join(' ')}`;

/** That a day of `statistics_days` lies where it lay: the rules of its time zone may have changed since. */
const stillLies = (d: string): string =>
  `${d}.starts_at = ${d}.day::timestamp at time zone ${d}.time_zone and ${d}.ends_at = (${d}.day + 1)::timestamp at time zone ${d}.time_zone`;

/**
 * Relations: `settled`, the days before TO whose rollups hold; `pieces` (f, t), what is left of the range beside those of it, and `earlier` (f, t),
 * what is left of everything before TO, both empty unless little is left; `way` (whole), true then: all is to be counted from the rows.
 */
const rolledUp = (workspace: string): string => {
  const left = (whole: string, and: string): string =>
    `select coalesce(lower(r), '-infinity') as f, upper(r) as t from unnest(tstzmultirange(${whole}) - coalesce((select range_agg(tstzrange(d.starts_at, d.ends_at)) from settled d ${and}), '{}')) r`;
  return `
settled as materialized (
  select d.day, d.starts_at, d.ends_at from statistics_days d
  where d.workspace_id = ${workspace} and d.time_zone = (select tz from p) and ${stillLies('d')} and d.ends_at <= ${TO} and not exists (
    select from statistics_stale s where s.workspace_id = ${workspace} and s.at > d.starts_at - interval '15 minutes' and s.at < d.ends_at)
),
left_of_range as materialized (${left(`tstzrange(${FROM}, ${TO})`, `where d.starts_at >= ${FROM}`)}),
left_of_all as materialized (${left(`tstzrange(null, ${TO})`, '')}),
way as materialized (
  select not coalesce((select count(*) <= ${PIECES_MAX} and coalesce(sum(t - f), '0') * 2 <= ${TO} - ${FROM} from left_of_range)
    and (select count(*) <= ${PIECES_MAX} from left_of_all), false) as whole
),
pieces as materialized (select f, t from left_of_range where not (select whole from way)),
earlier as materialized (select f, t from left_of_all where not (select whole from way))`;
};
const whenWhole = (sql: string): string => `select * from (${sql}) y where (select whole from way)`;

/** What is rolled up, in the form of `counts`: of the range's days, and by how much the backlog grew on those before it. */
const rollups = (by: readonly Group[], workspace: string): string => `
  select r.channel, r.queue_id, r.day, ${FIGURE_COLUMNS.map((column) => `r.${column}`).join(', ')}, r.change
  from settled d join statistics_rollups r on r.workspace_id = ${workspace} and r.split = '${splitOf(by)}' and r.day = d.day
  where not (select whole from way) and d.starts_at >= ${FROM}
  union all
  select r.channel, r.queue_id, ${localDay(FROM)}, ${NO_FIGURES}, sum(r.change)::int
  from settled d join statistics_rollups r on r.workspace_id = ${workspace} and r.split = '${splitOf(by)}' and r.day = d.day
  where not (select whole from way) and d.starts_at < ${FROM} and r.change is not null group by 1, 2`;

/** What narrows the rows behind a figure: a value of a group; NONE: the things that have none. */
export interface Narrowing {
  channel: 'ANY' | 'NONE' | 'GIVEN';
  queue: 'ANY' | 'NONE' | 'GIVEN';
  day: boolean;
  after: boolean;
}

/**
 * The things that `figure` counts, at most `first`, ordered by (at, id): columns at, id, conversation_id, message_id, customer_id, ms.
 * Parameters: from, to, timeZone, first; and channel, queueId, day, afterAt, afterId as the narrowing has it.
 */
export function rowsBehindSql(figure: Figure, narrowing: Narrowing, param: Param, workspace: string): string {
  const where: string[] = [];
  if (narrowing.channel !== 'ANY') where.push(narrowing.channel === 'NONE' ? 'x.channel is null' : `x.channel = ${param('channel')}`);
  if (narrowing.queue !== 'ANY') where.push(narrowing.queue === 'NONE' ? 'x.queue_id is null' : `x.queue_id = ${param('queueId')}`);
  // A state at the end of a day is made by everything up to it; what is counted happened on it.
  if (narrowing.day) where.push(`${localDay('x.at')} ${figure === 'OPEN_BACKLOG' ? '<=' : '='} ${param('day')}`);
  const narrowed = where.length ? `where ${where.join(' and ')}` : '';
  const things =
    figure === 'OPEN_BACKLOG'
      ? `select max(x.at) as at, x.id, x.id as conversation_id, null::uuid as message_id, x.customer_id, null::int8 as ms
         from (${backlogChanges(workspace)}) x ${narrowed} group by x.id, x.customer_id having sum(x.change) > 0`
      : figure === 'UNIQUE_CUSTOMERS'
        ? `select min(x.at) as at, x.customer_id as id, null::uuid as conversation_id, null::uuid as message_id, x.customer_id, null::int8 as ms
           from (${counted('MESSAGES_IN', workspace)}) x ${narrowed} group by x.customer_id`
        : `select x.at, x.id, x.conversation_id, x.message_id, x.customer_id, x.ms from (${counted(figure, workspace)}) x ${narrowed}`;
  return `
with ${period(param, workspace)}
select y.* from (${things}) y ${narrowing.after ? `where (y.at, y.id) > (${param('afterAt')}, ${param('afterId')})` : ''}
order by y.at, y.id limit ${param('first')}`;
}
