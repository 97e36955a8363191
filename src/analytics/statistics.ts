// The SQL of the statistics: figures by channel, day and queue in one statement, and the rows behind one of them.
import { backlogChanges, counted, FROM, localDay, period, TO, type CountedFigure, type Figure } from './figures.ts';

export const GROUPS = ['CHANNEL', 'DAY', 'QUEUE'] as const;
export type Group = (typeof GROUPS)[number];
type Param = (name: string) => string;

/**
 * One row a combination of the groups that occurs; by DAY, every such combination has a row for every local day of the range. Without groups
 * it is exactly one row. Columns: channel, day, queue_id (null where not grouped), the counts, and the durations in milliseconds
 * (null where nothing was measured). Parameters: from, to, timeZone.
 */
export function statisticsSql(by: readonly Group[], param: Param, workspace: string): string {
  const key = (group: Group, sql: string, type: string): string => (by.includes(group) ? sql : `null::${type}`);
  const keys = (day: string): string => `${key('CHANNEL', 'x.channel', 'text')} as channel, ${key('QUEUE', 'x.queue_id', 'uuid')} as queue_id, ${key('DAY', day, 'date')} as day`;
  const facts = (figures: readonly CountedFigure[]): string => figures.map((figure) => `select '${figure}' as figure, f.* from (${counted(figure, workspace)}) f`).join(' union all ');
  const count = (figure: Figure): string => `coalesce(sum(things) filter (where figure = '${figure}'), 0)::int`;
  const percentile = (fraction: number, figure: Figure): string =>
    `round(percentile_cont(${fraction}) within group (order by x.ms) filter (where x.figure = '${figure}'))::int8`;
  // Things are first counted by customer: hashed, where counting distinct customers would sort every message.
  return `
with ${period(param, workspace)},
tallied as (
  select x.figure, ${keys(localDay('x.at'))}, x.customer_id, count(*) as things
  from (${facts(['MESSAGES_IN', 'MESSAGES_OUT', 'CONVERSATIONS_OPENED'])}) x group by 1, 2, 3, 4, 5
),
measured as (
  select channel, queue_id, day, ${count('MESSAGES_IN')} as messages_in, ${count('MESSAGES_OUT')} as messages_out, ${count('CONVERSATIONS_OPENED')} as conversations_opened,
    count(*) filter (where figure = 'MESSAGES_IN')::int as unique_customers
  from tallied group by 1, 2, 3
),
timed as (
  select ${keys(localDay('x.at'))}, ${percentile(0.5, 'FIRST_RESPONSE')} as median_first_response, ${percentile(0.9, 'FIRST_RESPONSE')} as p90_first_response,
    ${percentile(0.5, 'RESOLUTION')} as median_resolution, ${percentile(0.9, 'RESOLUTION')} as p90_resolution
  from (${facts(['FIRST_RESPONSE', 'RESOLUTION'])}) x group by 1, 2, 3
),
changed as (
  select ${keys(`greatest(${localDay('x.at')}, ${localDay(FROM)})`)}, sum(x.change)::int as change
  from (${backlogChanges(workspace)}) x group by 1, 2, 3
),
days as (${
    by.includes('DAY')
      ? `select d::date as day from generate_series(${localDay(FROM)}, ${localDay(`(${TO} - interval '1 ms')`)}, interval '1 day') d`
      : 'select null::date as day'
  }),
groups as (${
    by.some((group) => group !== 'DAY')
      ? 'select channel, queue_id from measured union select channel, queue_id from timed union select channel, queue_id from changed'
      : 'select null::text as channel, null::uuid as queue_id'
  }),
together as (
  select channel, queue_id, day, messages_in, messages_out, conversations_opened, unique_customers,
    null::int8 as median_first_response, null::int8 as p90_first_response, null::int8 as median_resolution, null::int8 as p90_resolution, 0 as change from measured
  union all select channel, queue_id, day, 0, 0, 0, 0, median_first_response, p90_first_response, median_resolution, p90_resolution, 0 from timed
  union all select channel, queue_id, day, 0, 0, 0, 0, null, null, null, null, change from changed
  union all select g.channel, g.queue_id, d.day, 0, 0, 0, 0, null, null, null, null, 0 from groups g cross join days d
)
select channel, queue_id, to_char(day, 'YYYY-MM-DD') as day, max(messages_in) as messages_in, max(messages_out) as messages_out,
  max(conversations_opened) as conversations_opened, max(unique_customers) as unique_customers,
  (sum(sum(change)) over (partition by channel, queue_id order by together.day))::int as open_backlog,
  max(median_first_response) as median_first_response, max(p90_first_response) as p90_first_response,
  max(median_resolution) as median_resolution, max(p90_resolution) as p90_resolution
from together group by channel, queue_id, together.day order by together.day, channel, queue_id`;
}

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
