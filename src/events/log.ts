// The log, read: cursors, pages after a position, and the check that nothing in it was altered.
import { timingSafeEqual } from 'node:crypto';
import type { Sql } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { keyedHash } from '../platform/secrets.ts';
import type { EventKind, LogEvent } from './catalog.ts';

/** The number of the log that this program reads: cursors name theirs, so that workspaces can be spread over several. */
const LOG = 1;
const MAC_BYTES = 12;

let epoch: string | null = null;

/**
 * Learns which log this is, and notices a restored database. Call at start, before the first cursor is read or made.
 * @returns the position of the last event.
 */
export async function openLog(sql: Sql): Promise<number> {
  const [state] = await sql<{ position: number; epoch: string }[]>`select position, epoch from open_log()`;
  learnEpoch(state!.epoch);
  return state!.position;
}

/** The epoch that was read from `log_state`. Returns whether it is another one than before: every cursor made until now is void. */
export function learnEpoch(read: string): boolean {
  const changed = epoch !== null && epoch !== read;
  epoch = read;
  return changed;
}

/** `v1.<log>-<epoch>.<position>.<mac>`: opaque to clients, of one workspace and one log. 0 stands before the first event. */
export function encodeCursor(workspaceId: string, position: number): string {
  if (epoch === null) throw new Error('The log is not open: call openLog first.');
  return written(workspaceId, epoch, position);
}

/**
 * The position that a cursor names.
 * @throws Refusal INVALID_CURSOR when it isn't one of this workspace; RESYNC when it belongs to a database that was restored since.
 */
export function decodeCursor(workspaceId: string, cursor: string, field = 'after'): number {
  if (epoch === null) throw new Error('The log is not open: call openLog first.');
  const parts = /^v1\.1-([0-9a-f]{16})\.(0|[1-9][0-9]{0,15})\.[\w-]{16}$/.exec(cursor);
  const position = Number(parts?.[2]);
  if (!parts || !Number.isSafeInteger(position) || !equal(cursor, written(workspaceId, parts[1]!, position))) {
    throw new Refusal('INVALID_CURSOR', 'This is no cursor of this workspace. Begin at `Query.cursor`.', { field: [field] });
  }
  if (parts[1] !== epoch) throw resync();
  return position;
}

/** What a reader gets whose cursor the log can't continue from. */
export const resync = (): Refusal =>
  new Refusal('RESYNC', 'The database was restored since this cursor was given. Read afresh and continue from `Query.cursor`.', { field: ['after'] });

function written(workspaceId: string, ofEpoch: string, position: number): string {
  const text = `v1.${LOG}-${ofEpoch}.${position}`;
  return `${text}.${keyedHash(`cursor ${workspaceId} ${text}`).subarray(0, MAC_BYTES).toString('base64url')}`;
}

function equal(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

/** Which events of a workspace a reader wants; what is absent doesn't narrow. */
export interface LogFilter {
  conversationId?: string;
  kinds?: readonly EventKind[];
}

/**
 * At most `limit` events of the workspace after a position, in order. Fewer than `limit`: there were no more when it was read.
 * Runs under the workspace's policies; the context is part of the statement, so a pool of the app role needs no transaction.
 */
export async function readLog(sql: Sql, workspaceId: string, after: number, limit: number, filter: LogFilter = {}): Promise<LogEvent[]> {
  return sql<LogEvent[]>`
    select e.* from (select set_config('app.workspace_id', ${workspaceId}, true)::uuid as workspace_id offset 0) context
    cross join lateral (
      select workspace_id, position, id, kind, conversation_id, conversation_seq, actor_kind, actor_id, data, occurred_at
      from events
      where workspace_id = context.workspace_id and position > ${after}
        ${filter.conversationId ? sql`and conversation_id = ${filter.conversationId}` : sql``}
        ${filter.kinds ? sql`and kind = any(${filter.kinds as string[]}::text[])` : sql``}
      order by position limit ${limit}
    ) e`;
}

/** The position of the workspace's last event; 0 when it has none. */
export async function currentPosition(sql: Sql, workspaceId: string): Promise<number> {
  const [row] = await sql<{ position: number }[]>`
    select coalesce(e.position, 0) as position
    from (select set_config('app.workspace_id', ${workspaceId}, true)::uuid as workspace_id offset 0) context
    left join lateral (
      select position from events where workspace_id = context.workspace_id order by position desc limit 1
    ) e on true`;
  return row!.position;
}

/** The position of the log's last event, of whatever workspace. */
export async function logEnd(sql: Sql): Promise<number> {
  const [row] = await sql<{ position: number }[]>`select position from log_state where log = ${LOG}`;
  return row!.position;
}
