// The figures of days that are over, counted once. What changes such a day afterwards leaves a mark, and the day is counted anew.
import { bigint, date, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { moment, workspaceId } from './columns.ts';

/** A local day of the workspace whose figures `statistics_rollups` holds, from `starts_at` (included) to `ends_at` (excluded). */
export const statisticsDays = pgTable('statistics_days', {
  workspaceId: workspaceId(),
  day: date().notNull(),
  /** The zone in which it is a day; after the workspace's own has changed, it counts for nothing. */
  timeZone: text().notNull(),
  startsAt: moment().notNull(),
  endsAt: moment().notNull(),
}, (t) => [primaryKey({ columns: [t.workspaceId, t.day] })]);

/** The figures of a day and group, as `conversationStats` gives them; no row where there is nothing. */
export const statisticsRollups = pgTable('statistics_rollups', {
  workspaceId: workspaceId(),
  /** What it is split by besides the day: `` (nothing), `CHANNEL`, `QUEUE` or `CHANNEL,QUEUE`. */
  split: text().notNull(),
  day: date().notNull(),
  channel: text(),
  queueId: uuid(),
  messagesIn: integer().notNull(),
  messagesOut: integer().notNull(),
  conversationsOpened: integer().notNull(),
  uniqueCustomers: integer().notNull(),
  medianFirstResponse: bigint({ mode: 'number' }),
  p90FirstResponse: bigint({ mode: 'number' }),
  medianResolution: bigint({ mode: 'number' }),
  p90Resolution: bigint({ mode: 'number' }),
  /** By how many the backlog grew on the day; null when nothing was opened or closed. */
  change: integer(),
}, (t) => [index('statistics_rollups_by_day').on(t.workspaceId, t.split, t.day)]);

/**
 * Something that is counted at `at` (to the quarter of an hour) was written or changed by transaction `xact` when `at` was past for an hour or
 * more: the days that it can be of are counted from the rows themselves until they are rolled up again. Written by triggers.
 */
export const statisticsStale = pgTable('statistics_stale', {
  workspaceId: workspaceId(),
  at: moment().notNull(),
  xact: bigint({ mode: 'number' }).notNull(),
}, (t) => [primaryKey({ columns: [t.workspaceId, t.at, t.xact] })]);

/**
 * One row: every transaction that could still write into the time before `passed_at` without leaving a mark has ended. The next such moment is
 * `next_at`, once all transactions up to `next_xact` have ended.
 */
export const statisticsHorizon = pgTable('statistics_horizon', {
  id: integer().primaryKey(),
  passedAt: moment(),
  nextAt: moment().notNull(),
  nextXact: bigint({ mode: 'number' }).notNull(),
  /** The log's epoch: numbers of transactions say nothing to a database that was restored elsewhere. */
  epoch: text().notNull(),
});
