// Proof that a workspace's log is what it was: each event's hash covers its content, its place and the hash before it (G17).
import type { Sql } from '../platform/db.ts';

const PAGE_EVENTS = 5_000;

/** The end of a workspace's chain. Noted elsewhere, it proves later that everything up to it is unchanged. */
export interface ChainHead {
  position: number;
  /** Hexadecimal SHA-256. */
  hash: string;
}
export type ChainVerdict =
  | { intact: true; events: number; head: ChainHead | null }
  | { intact: false; reason: 'CHANGED' | 'TRUNCATED'; /** The first event that doesn't fit, or where the log ends too early. */ position: number };

interface ChainPage {
  count: number;
  position: number;
  hash: string;
  changedAt: number | null;
  notedHash: string | null;
  endHash: string | null;
}

/**
 * Recomputes the chain of a workspace. CHANGED: an event was altered, removed, put in or moved, or says that it came from elsewhere; TRUNCATED:
 * the end is missing. An address that was erased is no change.
 * Who can rewrite the whole database can also make a chain that fits: only a `noted` head, kept elsewhere, shows that.
 */
export async function verifyChain(system: Sql, workspaceId: string, noted?: ChainHead): Promise<ChainVerdict> {
  // Before the events: the log goes on meanwhile, and what it says of its end must not be newer than what was read.
  const [end] = await system<ChainHead[]>`select position, encode(hash, 'hex') as hash from event_chains where workspace_id = ${workspaceId}`;
  let endSeen = false;
  let head = null as ChainHead | null;
  let events = 0;
  let notedSeen = noted === undefined;
  for (;;) {
    const [page]: ChainPage[] = await system<ChainPage[]>`
      with page as (
        select e as event, e.position, e.hash from events e
        where e.workspace_id = ${workspaceId} and e.position > ${head?.position ?? 0} order by e.position limit ${PAGE_EVENTS}
      ), recomputed as (
        select position, hash, event_source_intact(event) as source_intact, event_chain(
          coalesce(decode(${head?.hash ?? null}::text, 'hex'), event_chain_start(${workspaceId}::uuid)), event_content(event)
        ) over (order by position) as expected
        from page
      )
      select count(*) as count, max(position) as position,
        encode((array_agg(hash order by position desc))[1], 'hex') as hash,
        min(position) filter (where hash <> expected or not source_intact) as changed_at,
        encode((array_agg(hash) filter (where position = ${noted?.position ?? 0}))[1], 'hex') as noted_hash,
        encode((array_agg(hash) filter (where position = ${end?.position ?? 0}))[1], 'hex') as end_hash
      from recomputed`;
    if (page!.count === 0) break;
    if (page!.changedAt !== null) return { intact: false, reason: 'CHANGED', position: page!.changedAt };
    if (noted && page!.notedHash !== null) {
      if (page!.notedHash !== noted.hash) return { intact: false, reason: 'CHANGED', position: noted.position };
      notedSeen = true;
    }
    if (end && page!.endHash !== null) {
      if (page!.endHash !== end.hash) return { intact: false, reason: 'CHANGED', position: end.position };
      endSeen = true;
    }
    events += page!.count;
    head = { position: page!.position, hash: page!.hash };
  }
  if (end && !endSeen) return head === null || end.position > head.position
    ? { intact: false, reason: 'TRUNCATED', position: head?.position ?? 0 }
    : { intact: false, reason: 'CHANGED', position: end.position };
  if (!notedSeen) return { intact: false, reason: noted!.position > (head?.position ?? 0) ? 'TRUNCATED' : 'CHANGED', position: noted!.position };
  // The first events may have come since the end was read; a later verification sees them.
  if (head && !end && !(await hasEnd(system, workspaceId))) return { intact: false, reason: 'CHANGED', position: head.position };
  return { intact: true, events, head };
}

const hasEnd = async (system: Sql, workspaceId: string): Promise<boolean> =>
  (await system`select 1 from event_chains where workspace_id = ${workspaceId}`).length > 0;

/** Whether the log as a whole has every position once, up to its end: catches a truncation that a workspace's own chain can't show. */
export async function verifyLog(system: Sql): Promise<{ intact: boolean; events: number; end: number }> {
  const [row] = await system<{ events: number; first: number; last: number; end: number }[]>`
    select count(*) as events, coalesce(min(e.position), 1) as first, coalesce(max(e.position), 0) as last,
      (select position from log_state where log = 1) as end
    from events e`;
  const { events, first, last, end } = row!;
  return { intact: first === 1 && last === events && end === last, events, end };
}
