// The graph's statistics: figures by channel, day and queue, each with its definition, and the rows behind each.
import { Channel } from '../channels/fields.ts';
import { Conversation } from '../conversations/fields.ts';
import { Customer } from '../customers/fields.ts';
import { column, entity, enumeration, idOf, inputObject, one, query, rows, type Argument } from '../graphql/entity.ts';
import { Message } from '../messages/fields.ts';
import { Refusal } from '../platform/errors.ts';
import { timeZoneOf, uuidFrom } from '../workspaces/input.ts';
import { Queue } from '../workspaces/fields.ts';
import { FIGURES, type Figure } from './figures.ts';
import { GROUPS, rowsBehindSql, statisticsSql, type Group, type Narrowing } from './statistics.ts';

const DAY_MS = 86_400_000;
const DAYS_BY_DAY_MAX = 366;
const DAYS_MAX = 3_660;
const ROWS_MAX = 500;

export const StatsGroup = enumeration('StatsGroup', 'What conversation statistics are split by.', GROUPS, {
  CHANNEL: 'A message\'s own channel; for a conversation, the channel that it began by.',
  DAY: 'The local day, in the statistics\' time zone, on which the counted thing happened.',
  QUEUE: 'The queue that the conversation is in now.',
});

export const ConversationFigure = enumeration('ConversationFigure', 'A figure of the conversation statistics. Imported history is counted like everything else.', FIGURES, {
  MESSAGES_IN: 'Messages that customers wrote in the range.',
  MESSAGES_OUT: 'Messages to customers that were written in the range, whatever became of them.',
  CONVERSATIONS_OPENED: 'Conversations that began in the range.',
  UNIQUE_CUSTOMERS: 'Customers who wrote at least one of MESSAGES_IN, each once; merged customers are one.',
  OPEN_BACKLOG: 'Conversations that were not closed at the end of the range, or of the day. Imported ones count once they were opened again.',
  FIRST_RESPONSE: 'Conversations whose customer was first answered, by a member or a bot, in the range; measured from his first message.',
  RESOLUTION: 'Closings in the range, each measured from its conversation\'s beginning; one that was opened again and closed again has two.',
});

const DateTimeRange = inputObject('DateTimeRange', 'From a moment, included, to a later one, excluded.', {
  from: { type: 'DateTime', required: true, description: 'The first moment that counts.' },
  to: { type: 'DateTime', required: true, description: 'The first moment that counts no more.' },
});

export const ConversationStatsRow = entity('ConversationStatsRow', {
  prefix: null, table: '', permission: 'statistics:read',
  description: 'The figures of one group. Each is what `conversationStatsRows` lists for the same range, time zone and group; durations are measured over those rows.',
  fields: {
    channel: column(Channel, 'channel', 'The channel; null when not grouped by CHANNEL, and for conversations in which nothing was said yet.', { nullable: true }),
    day: column('String', 'day', 'The local day as `2026-03-29`; null when not grouped by DAY.', { nullable: true }),
    queue: one(() => Queue, 'queue_id', 'The queue; null when not grouped by QUEUE, and for conversations in no queue.', { nullable: true, permission: 'workspace:read' }),
    messagesIn: column('Int', 'messages_in', 'Messages that customers wrote (MESSAGES_IN).'),
    messagesOut: column('Int', 'messages_out', 'Messages to customers, whatever became of them (MESSAGES_OUT).'),
    conversationsOpened: column('Int', 'conversations_opened', 'Conversations that began (CONVERSATIONS_OPENED).'),
    uniqueCustomers: column('Int', 'unique_customers', 'Customers who wrote, each once (UNIQUE_CUSTOMERS). Groups don\'t add up: a customer can be in several.'),
    openBacklog: column('Int', 'open_backlog', 'Conversations not closed at the end of the day or, without DAY, of the range (OPEN_BACKLOG).'),
    medianFirstResponse: column('Milliseconds', 'median_first_response', 'Half of the first responses (FIRST_RESPONSE) took no longer; between two, their mean. Null without any.', { nullable: true }),
    p90FirstResponse: column('Milliseconds', 'p90_first_response', 'Nine tenths of the first responses took no longer, interpolated between the two nearest. Null without any.', { nullable: true }),
    medianResolution: column('Milliseconds', 'median_resolution', 'Half of the resolutions (RESOLUTION) took no longer; between two, their mean. Null without any.', { nullable: true }),
    p90Resolution: column('Milliseconds', 'p90_resolution', 'Nine tenths of the resolutions took no longer, interpolated between the two nearest. Null without any.', { nullable: true }),
  },
});

export const ConversationStatsItem = entity('ConversationStatsItem', {
  prefix: null, table: '', permission: 'statistics:read', description: 'One of the things that a figure counts.',
  fields: {
    cursor: column('String', 'cursor', 'Its place in the list, for `after`. Opaque.'),
    at: column('DateTime', 'at', 'When it happened: what puts it into the range and on its day. For a customer, the first time; for the backlog, since when the conversation has been open.'),
    duration: column('Milliseconds', 'ms', 'How long it took; null unless the figure is a duration.', { nullable: true }),
    conversation: one(() => Conversation, 'conversation_id', 'The conversation that is counted, or that the counted message stands in; null for customers.', { nullable: true, permission: 'conversations:read' }),
    message: one(() => Message, 'message_id', 'The message that is counted; null unless the figure counts messages.', { nullable: true, permission: 'messages:read' }),
    customer: one(() => Customer, 'customer_id', 'Whose it is.', { permission: 'customers:read' }),
  },
});

interface PeriodArgs {
  range: { from: string; to: string };
  timeZone?: string | null;
}
const PERIOD: Record<string, Argument> = {
  range: { type: DateTimeRange, required: true, description: 'What is looked at: at most 3,660 days, by DAY at most 366.' },
  timeZone: { type: 'String', description: 'IANA name of the time zone in which days begin, e.g. `Europe/Amsterdam`; left out: the workspace\'s.' },
};

/** @throws Refusal INVALID_INPUT */
function periodOf({ range, timeZone }: PeriodArgs, daysMax: number): Record<string, { cast: string; value: unknown }> {
  const days = (Date.parse(range.to) - Date.parse(range.from)) / DAY_MS;
  if (days <= 0) throw new Refusal('INVALID_INPUT', 'The range ends before it begins: `to` must be after `from`.', { field: ['range', 'to'] });
  if (days > daysMax) throw new Refusal('INVALID_INPUT', `The range has ${Math.ceil(days)} days; at most ${daysMax}.`, { field: ['range'] });
  return {
    from: { cast: 'timestamptz', value: range.from },
    to: { cast: 'timestamptz', value: range.to },
    timeZone: { cast: 'text', value: timeZone == null ? null : timeZoneOf(timeZone, 'timeZone') },
  };
}

/** `<milliseconds>.<32 hex>` @throws Refusal INVALID_CURSOR */
function placeOf(after: string): { at: string; id: string } {
  const parts = /^(\d{1,15})\.([0-9a-f]{32})$/.exec(after);
  if (!parts || Number(parts[1]) > 8.64e15) throw new Refusal('INVALID_CURSOR', 'This is no cursor of this list. Begin without it.', { field: ['after'] });
  return { at: new Date(Number(parts[1])).toISOString(), id: parts[2]! };
}

query({
  conversationStats: rows(() => ConversationStatsRow, 'Volume, customers, backlog and response times, split as asked, ordered by day, channel and queue. By DAY, every group has a row for every day of the range; in the workspace\'s own time zone days that are over are kept counted, so that many messages cost no more than few. Without `by`, one row.', {
    permission: 'statistics:read',
    args: {
      by: { type: StatsGroup, list: true, default: [], description: 'What the figures are split by; each at most once, in any order.' },
      ...PERIOD,
    },
    prepare: (args: PeriodArgs & { by?: Group[] | null }) => {
      const by = GROUPS.filter((group) => args.by?.includes(group));
      return { shape: by.join(), values: periodOf(args, by.includes('DAY') ? DAYS_BY_DAY_MAX : DAYS_MAX) };
    },
    sql: (shape, param, workspace) => statisticsSql(shape.split(',').filter(Boolean) as Group[], param, workspace),
  }),
  conversationStatsRows: rows(() => ConversationStatsItem, 'What a figure of `conversationStats` counts, one by one, in order of time: as many rows as the figure says.', {
    permission: 'statistics:read',
    args: {
      figure: { type: ConversationFigure, required: true, description: 'The figure.' },
      ...PERIOD,
      channel: { type: Channel, description: 'Of this channel, as in a row grouped by CHANNEL; null: of none; left out: of any.' },
      queueId: { type: idOf('que'), description: 'Of this queue, as in a row grouped by QUEUE; null: of none; left out: of any.' },
      day: { type: 'String', description: 'On this local day (`2026-03-29`), as in a row grouped by DAY; for OPEN_BACKLOG, at its end. Left out: in the whole range.' },
      first: { type: 'Int', default: 100, description: 'How many at most; 1 to 500.' },
      after: { type: 'String', description: 'Those after this `cursor`; left out: from the beginning.' },
    },
    prepare: (args: PeriodArgs & { figure: Figure; channel?: string | null; queueId?: string | null; day?: string | null; first?: number | null; after?: string | null }) => {
      const first = args.first ?? 100;
      if (first < 1 || first > ROWS_MAX) throw new Refusal('INVALID_INPUT', `\`first\` is ${first}; it is 1 to ${ROWS_MAX}.`, { field: ['first'] });
      if (args.day != null && !isDay(args.day)) throw new Refusal('INVALID_INPUT', 'A day is written like `2026-03-29`.', { field: ['day'] });
      const kind = (value: unknown): Narrowing['channel'] => (value === undefined ? 'ANY' : value === null ? 'NONE' : 'GIVEN');
      const narrowing: Narrowing = { channel: kind(args.channel), queue: kind(args.queueId), day: args.day != null, after: args.after != null };
      const place = args.after == null ? null : placeOf(args.after);
      return {
        shape: JSON.stringify([args.figure, narrowing]),
        values: {
          ...periodOf(args, DAYS_MAX),
          channel: { cast: 'text', value: args.channel ?? null },
          queueId: { cast: 'uuid', value: args.queueId == null ? null : uuidFrom('que', args.queueId, 'queueId') },
          day: { cast: 'date', value: args.day ?? null },
          first: { cast: 'int4', value: first },
          afterAt: { cast: 'timestamptz', value: place?.at ?? null },
          afterId: { cast: 'uuid', value: place?.id ?? null },
        },
      };
    },
    sql: (shape, param, workspace) => {
      const [figure, narrowing] = JSON.parse(shape) as [Figure, Narrowing];
      return `select z.*, round(extract(epoch from z.at) * 1000)::int8 || '.' || replace(z.id::text, '-', '') as cursor
        from (${rowsBehindSql(figure, narrowing, param, workspace)}) z order by z.at, z.id`;
    },
  }),
});

const isDay = (text: string): boolean => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text);
