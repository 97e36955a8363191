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

/** The range, read as values and not joined: what is ordered by its moments stays so, and the first of it are all that is read. */
export const FROM = '(select f from p)';
export const TO = '(select t from p)';
/** Where things are looked for: in the whole range, or in few and short pieces of time that don't overlap, rows (f, t) of a relation. */
export type Where = 'RANGE' | { pieces: string };

/** Rows of `table`, as `alias`, of which `at` lies there. Pieces are gone through one by one, by an index: planned as a join, a table could be read for each. */
function rowsOf(table: string, alias: string, at: string, and: string, where: Where, workspace: string): string {
  const found = (from: string, to: string): string => `select * from ${table} where workspace_id = ${workspace} and ${at} >= ${from} and ${at} < ${to} ${and}`;
  return where === 'RANGE' ? `(${found(FROM, TO)}) ${alias}` : `${where.pieces} piece cross join lateral (${found('piece.f', 'piece.t')} offset 0) ${alias}`;
}
/** Joins the row of `table`, as `alias`, that `id` names: of pieces each by itself, for the same reason. */
function joined(table: string, alias: string, id: string, where: Where, workspace: string): string {
  const found = `workspace_id = ${workspace} and id = ${id}`;
  return where === 'RANGE' ? `join ${table} ${alias} on ${alias}.workspace_id = ${workspace} and ${alias}.id = ${id}` : `cross join lateral (select * from ${table} where ${found} limit 1) ${alias}`;
}

/**
 * The things that `figure` counts there:
 * columns at, id (of the thing), channel, queue_id, conversation_id, message_id, customer_id, ms (null unless a duration).
 */
export function counted(figure: CountedFigure, workspace: string, where: Where = 'RANGE'): string {
  if (figure === 'MESSAGES_IN' || figure === 'MESSAGES_OUT') return messages(figure === 'MESSAGES_IN' ? 'INBOUND' : 'OUTBOUND', workspace, where);
  return figure === 'RESOLUTION' ? closings(workspace, where) : conversations(figure, workspace, where);
}

const messages = (direction: string, workspace: string, where: Where): string => `
  select m.occurred_at as at, m.id, m.channel, c.queue_id, m.conversation_id, m.id as message_id, i.customer_id, null::int8 as ms
  from ${rowsOf('messages', 'm', 'occurred_at', `and direction = '${direction}'`, where, workspace)}
  ${joined('conversations', 'c', 'm.conversation_id', where, workspace)}
  ${joined('identities', 'i', 'm.identity_id', where, workspace)}`;

const MOMENTS: Record<Exclude<CountedFigure, 'MESSAGES_IN' | 'MESSAGES_OUT' | 'RESOLUTION'>, { at: string; since: string; and: string }> = {
  CONVERSATIONS_OPENED: { at: 'created_at', since: '', and: '' },
  FIRST_RESPONSE: { at: 'first_response_at', since: 'first_inbound_at', and: 'and first_response_at >= first_inbound_at' },
};

function conversations(figure: keyof typeof MOMENTS, workspace: string, where: Where): string {
  const { at, since, and } = MOMENTS[figure];
  return `
  select c.${at} as at, c.id, c.channels[1] as channel, c.queue_id, c.id as conversation_id, null::uuid as message_id, i.customer_id,
    ${since ? `round(extract(epoch from c.${at} - c.${since}) * 1000)::int8` : 'null::int8'} as ms
  from ${rowsOf('conversations', 'c', at, and, where, workspace)}
  ${joined('identities', 'i', 'c.identity_id', where, workspace)}`;
}

/** Each closing is a thing, whatever became of its conversation since; but not of one that is closed since all of it went into another. The timeline keeps those of here; imported history is born closed, when it ended. */
const closings = (workspace: string, where: Where): string => `
  select e.at, e.id, c.channels[1] as channel, c.queue_id, c.id as conversation_id, null::uuid as message_id, i.customer_id,
    round(extract(epoch from e.at - c.created_at) * 1000)::int8 as ms
  from (
    select t.occurred_at as at, t.id, t.conversation_id
    from ${rowsOf('timeline_entries', 't', 'occurred_at', "and kind = 'STATUS_CHANGE' and data->>'to' = 'CLOSED' and data->>'from' <> 'CLOSED' and data->>'mergedIntoId' is null", where, workspace)}
    union all
    select h.history_ended_at, h.id, h.id from ${rowsOf('conversations', 'h', 'history_ended_at', '', where, workspace)}
  ) e ${joined('conversations', 'c', 'e.conversation_id', where, workspace)}
  ${joined('identities', 'i', 'c.identity_id', where, workspace)}
  where e.at >= c.created_at`;

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

/** Those of them within the pieces: columns at, channel, queue_id, change. */
export const backlogChangesIn = (pieces: string, workspace: string): string => `
  select c.created_at as at, c.channels[1] as channel, c.queue_id, (c.status <> 'CLOSED')::int - coalesce(s.change, 0) as change
  from ${rowsOf('conversations', 'c', 'created_at', '', { pieces }, workspace)}
  left join lateral (${changesByConversation(workspace, 't.conversation_id = c.id')}) s on true
  where (c.status <> 'CLOSED')::int <> coalesce(s.change, 0)
  union all
  select c.created_at, c.channels[1], c.queue_id, x.change
  from ${rowsOf('conversations', 'c', 'created_at', '', { pieces }, workspace)}
  cross join lateral (${statusChanges(workspace, 't.conversation_id = c.id')}) x
  where x.at < c.created_at
  union all
  select t.occurred_at, c.channels[1], c.queue_id, ${CHANGE}
  from ${rowsOf('timeline_entries', 't', 'occurred_at', "and kind = 'STATUS_CHANGE'", { pieces }, workspace)}
  ${joined('conversations', 'c', 't.conversation_id', { pieces }, workspace)}
  where t.occurred_at >= c.created_at and ${CHANGE} <> 0`;

/** By how much a status change `t` changes the backlog. */
const CHANGE = "((t.data->>'to' <> 'CLOSED')::int - (t.data->>'from' <> 'CLOSED')::int)";
const statusChanges = (workspace: string, and = 'true'): string => `
  select t.conversation_id, t.occurred_at as at, ${CHANGE} as change
  from timeline_entries t
  where t.workspace_id = ${workspace} and ${and} and t.kind = 'STATUS_CHANGE' and ${CHANGE} <> 0`;

const changesByConversation = (workspace: string, and = 'true'): string => `select conversation_id, sum(change)::int as change from (${statusChanges(workspace, and)}) x group by 1`;

/** The range and the time zone, which everything above reads: columns f, t, tz (the workspace's own when none is given). */
export const period = (param: (name: string) => string, workspace: string): string =>
  `p as materialized (select ${param('from')} as f, ${param('to')} as t, coalesce(${param('timeZone')}, (select w.time_zone from workspaces w where w.id = ${workspace})) as tz)`;

/** The local day of a moment, as a date. */
export const localDay = (at: string): string => `(${at} at time zone (select tz from p))::date`;
