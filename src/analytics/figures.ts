// What each figure of the statistics counts, as SQL that gives the counted things one a row. A figure and the rows behind it are made of the
// same text, so that they can't tell different stories.
//
// A thing is counted on the day when it happened: a message when it was written, a first response when it was given, a resolution when the
// conversation was closed, each time that it was. So a past day's figures don't change because something happens later (but for the queue: a conversation counts
// for the queue that it is in now). Imported history is counted like everything else.

export const FIGURES = ['MESSAGES_IN', 'MESSAGES_OUT', 'CONVERSATIONS_OPENED', 'UNIQUE_CUSTOMERS', 'OPEN_BACKLOG', 'FIRST_RESPONSE', 'RESOLUTION'] as const;
export type Figure = (typeof FIGURES)[number];

/** Those that are counted in the range; the backlog is a state at its end (see `backlogChanges`). */
export type CountedFigure = Exclude<Figure, 'OPEN_BACKLOG' | 'UNIQUE_CUSTOMERS'>;

/** Between which moments things are looked for. `source` names what `from` (included) and `to` (excluded) are columns of, if they are. */
export interface Bounds {
  source: string;
  from: string;
  to: string;
}
/** The range, read as values and not joined: what is ordered by its moments stays so, and the first of it are all that is read. */
export const FROM = '(select f from p)';
export const TO = '(select t from p)';
const IN_RANGE: Bounds = { source: '', from: FROM, to: TO };
/**
 * Few and short pieces, rows (f, t) of the relation `name`. That they lie before TO as well is said for the planner: it takes every bound for
 * a two-hundredth, and so looks things up one by one where it would read a table.
 */
export const inPieces = (name: string): Bounds => ({ source: `${name} b, `, from: 'b.f', to: `least(b.t, ${TO})` });

const during = (at: string, { from, to }: Bounds): string => `${at} >= ${from} and ${at} < ${to}`;

/**
 * The things that `figure` counts within `bounds`, each once if they don't overlap:
 * columns at, id (of the thing), channel, queue_id, conversation_id, message_id, customer_id, ms (null unless a duration).
 */
export function counted(figure: CountedFigure, workspace: string, bounds = IN_RANGE): string {
  if (figure === 'MESSAGES_IN' || figure === 'MESSAGES_OUT') return messages(figure === 'MESSAGES_IN' ? 'INBOUND' : 'OUTBOUND', workspace, bounds);
  return figure === 'RESOLUTION' ? closings(workspace, bounds) : conversations(figure, workspace, bounds);
}

const messages = (direction: string, workspace: string, bounds: Bounds): string => `
  select m.occurred_at as at, m.id, m.channel, c.queue_id, m.conversation_id, m.id as message_id, i.customer_id, null::int8 as ms
  from ${bounds.source}messages m
  join conversations c on c.workspace_id = ${workspace} and c.id = m.conversation_id
  join identities i on i.workspace_id = ${workspace} and i.id = m.identity_id
  where m.workspace_id = ${workspace} and ${during('m.occurred_at', bounds)} and m.direction = '${direction}'`;

const MOMENTS: Record<Exclude<CountedFigure, 'MESSAGES_IN' | 'MESSAGES_OUT' | 'RESOLUTION'>, { at: string; since: string; and: string }> = {
  CONVERSATIONS_OPENED: { at: 'created_at', since: '', and: '' },
  FIRST_RESPONSE: { at: 'first_response_at', since: 'first_inbound_at', and: 'and c.first_response_at >= c.first_inbound_at' },
};

function conversations(figure: keyof typeof MOMENTS, workspace: string, bounds: Bounds): string {
  const { at, since, and } = MOMENTS[figure];
  return `
  select c.${at} as at, c.id, c.channels[1] as channel, c.queue_id, c.id as conversation_id, null::uuid as message_id, i.customer_id,
    ${since ? `round(extract(epoch from c.${at} - c.${since}) * 1000)::int8` : 'null::int8'} as ms
  from ${bounds.source}conversations c
  join identities i on i.workspace_id = ${workspace} and i.id = c.identity_id
  where c.workspace_id = ${workspace} and ${during(`c.${at}`, bounds)} ${and}`;
}

/**
 * Each closing is a thing, whatever became of its conversation since. The timeline keeps those of here. Imported history is born closed, by its
 * last message; one that was opened again has no `closed_at` of it any more.
 */
const closings = (workspace: string, bounds: Bounds): string => `
  select e.at, e.id, c.channels[1] as channel, c.queue_id, c.id as conversation_id, null::uuid as message_id, i.customer_id,
    round(extract(epoch from e.at - c.created_at) * 1000)::int8 as ms
  from (
    select t.occurred_at as at, t.id, t.conversation_id from ${bounds.source}timeline_entries t
    where t.workspace_id = ${workspace} and ${during('t.occurred_at', bounds)} and t.kind = 'STATUS_CHANGE' and t.data->>'to' = 'CLOSED' and t.data->>'from' <> 'CLOSED'
    union all
    select k.at, k.id, k.id from ${bounds.source}(${bounds === IN_RANGE ? bornClosed(workspace) : bornClosedOf(closedCandidates(workspace, bounds), workspace)}) k where ${during('k.at', bounds)}
  ) e join conversations c on c.workspace_id = ${workspace} and c.id = e.conversation_id and e.at >= c.created_at
  join identities i on i.workspace_id = ${workspace} and i.id = c.identity_id`;

/** When and which conversations were born closed, of all that there are. `c` and `s`: a conversation and its status changes. */
const bornClosedAt = (workspace: string): string => `case when s.conversation_id is null then c.closed_at else greatest(c.created_at, (
  select max(m.occurred_at) from messages m where m.workspace_id = ${workspace} and m.conversation_id = c.id and m.historical)) end`;
const BORN_CLOSED = "(c.status <> 'CLOSED')::int = coalesce(s.change, 0)";
const bornClosed = (workspace: string): string => `
  select ${bornClosedAt(workspace)} as at, c.id
  from conversations c
  left join (${changesByConversation(workspace)}) s on s.conversation_id = c.id
  where c.workspace_id = ${workspace} and ${BORN_CLOSED}`;
/** The same of those that `candidates` names, looked up one by one. */
const bornClosedOf = (candidates: string, workspace: string): string => `
  select ${bornClosedAt(workspace)} as at, c.id
  from (${candidates}) d
  join conversations c on c.workspace_id = ${workspace} and c.id = d.id
  left join lateral (${changesByConversation(workspace, 't.conversation_id = c.id')}) s on true
  where ${BORN_CLOSED}`;
/** Every conversation that may have been born closed within the bounds: its closing is `closed_at`, its beginning or an imported message. */
const closedCandidates = (workspace: string, bounds: Bounds): string => `
  select c.id from ${bounds.source}conversations c where c.workspace_id = ${workspace} and ${during('c.closed_at', bounds)}
  union select c.id from ${bounds.source}conversations c where c.workspace_id = ${workspace} and ${during('c.created_at', bounds)}
  union select m.conversation_id from ${bounds.source}messages m where m.workspace_id = ${workspace} and ${during('m.occurred_at', bounds)} and m.historical`;

/**
 * What changed the backlog before TO: columns at, id (of the conversation), channel, queue_id, customer_id, change (+1 when it came to be
 * open, -1 when it was closed). How many conversations were open at a moment is the sum of the changes before it. A conversation's first
 * state is its present one with every later change taken back, so imported history, which is born closed, never was in the backlog.
 */
export const backlogChanges = (workspace: string): string => `
  select e.at, e.id, e.channel, e.queue_id, i.customer_id, e.change
  from (
    select c.created_at as at, c.id, c.channels[1] as channel, c.queue_id, c.identity_id, (c.status <> 'CLOSED')::int - coalesce(s.change, 0) as change
    from conversations c
    left join (${changesByConversation(workspace)}) s on s.conversation_id = c.id
    where c.workspace_id = ${workspace}
    union all
    select greatest(x.at, c.created_at), c.id, c.channels[1], c.queue_id, c.identity_id, x.change
    from (${statusChanges(workspace)}) x
    join conversations c on c.workspace_id = ${workspace} and c.id = x.conversation_id
  ) e
  join identities i on i.workspace_id = ${workspace} and i.id = e.identity_id
  where e.change <> 0 and e.at < ${TO}`;

/** Those of them within the pieces, looked up one by one: columns at, channel, queue_id, change. */
export const backlogChangesIn = (workspace: string, bounds: Bounds): string => `
  select c.created_at as at, c.channels[1] as channel, c.queue_id, (c.status <> 'CLOSED')::int - coalesce(s.change, 0) as change
  from ${bounds.source}conversations c
  left join lateral (${changesByConversation(workspace, 't.conversation_id = c.id')}) s on true
  where c.workspace_id = ${workspace} and ${during('c.created_at', bounds)} and (c.status <> 'CLOSED')::int <> coalesce(s.change, 0)
  union all
  select c.created_at, c.channels[1], c.queue_id, x.change
  from ${bounds.source}conversations c
  cross join lateral (${statusChanges(workspace, 't.conversation_id = c.id')}) x
  where c.workspace_id = ${workspace} and ${during('c.created_at', bounds)} and x.at < c.created_at
  union all
  select x.at, c.channels[1], c.queue_id, x.change
  from ${bounds.source}(${statusChanges(workspace)}) x
  join conversations c on c.workspace_id = ${workspace} and c.id = x.conversation_id and x.at >= c.created_at
  where ${during('x.at', bounds)}`;

const statusChanges = (workspace: string, and = 'true'): string => `
  select t.conversation_id, t.occurred_at as at, (t.data->>'to' <> 'CLOSED')::int - (t.data->>'from' <> 'CLOSED')::int as change
  from timeline_entries t
  where t.workspace_id = ${workspace} and ${and} and t.kind = 'STATUS_CHANGE' and (t.data->>'to' = 'CLOSED') <> (t.data->>'from' = 'CLOSED')`;

const changesByConversation = (workspace: string, and = 'true'): string => `select conversation_id, sum(change)::int as change from (${statusChanges(workspace, and)}) x group by 1`;

/** The range and the time zone, which everything above reads: columns f, t, tz (the workspace's own when none is given). */
export const period = (param: (name: string) => string, workspace: string): string =>
  `p as materialized (select ${param('from')} as f, ${param('to')} as t, coalesce(${param('timeZone')}, (select w.time_zone from workspaces w where w.id = ${workspace})) as tz)`;

/** The local day of a moment, as a date. */
export const localDay = (at: string): string => `(${at} at time zone (select tz from p))::date`;
