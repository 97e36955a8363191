// What an action says it did: events for the log, and entries of the timeline. Both in the action's own transaction, so neither can be
// there without the other or without what they tell of.
import type { CHANNELS } from '../../schema/channels.ts';
import { eventOutbox, timelineEntries, type TIMELINE_KINDS } from '../../schema/events.ts';
import { now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { insertRows, rowsOf, type NewRow } from '../platform/insert.ts';
import type { ActorKind } from '../access/viewer.ts';
import type { NewEvent } from './catalog.ts';
import { expectEvents } from './sequencer.ts';

/**
 * Puts `events` into the outbox, in order, from which the sequencer gives them their positions after the commit. An event with a
 * `conversationId` gets the conversation's next `seq`, without gaps; the conversation's row stays locked until the commit.
 * Call it last, once, when every lock is held that the events' things need: the order of their ordinals is then the order of the commits.
 * `occurredAt` defaults to now. Of a transaction with a source (events/source.ts) each event keeps it. Locks conversations in id order.
 * @throws Refusal NOT_FOUND when a conversation isn't of the workspace; Error when `data` holds what may be a name, an address or text.
 */
export async function appendEvents(tx: Tx, workspaceId: string, events: NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  const counts = new Map<string, number>();
  for (const { conversationId: id } of events) if (id) counts.set(id, (counts.get(id) ?? 0) + 1);
  if (counts.size > 1) {
    const seqs = await raise(tx, workspaceId, counts);
    return appendNumbered(tx, workspaceId, events.map((event) => ({ ...event, conversationSeq: event.conversationId ? next(seqs, event.conversationId) : null })));
  }
  const [id = null, count = 0] = [...counts][0] ?? [];
  let number = 0;
  const rows = outgoing(events.map((event) => ({ ...event, conversationSeq: event.conversationId ? ++number : null })));
  const [result] = await tx<{ lost: number }[]>`
    with ${sourced(tx, workspaceId)}, raised as (
      update conversations c set seq = c.seq + ${count}::int where c.workspace_id = ${workspaceId} and c.id = ${id}::uuid returning c.id, c.seq - ${count}::int as before
    ), appended as (
      ${inserted(tx, workspaceId, rows, tx`r.before + i.conversation_seq`)} left join raised r on r.id = i.conversation_id
      order by i.nth returning conversation_id, conversation_seq
    )
    select count(*) filter (where conversation_id is not null and conversation_seq is null) as lost from appended`;
  if (result!.lost > 0) throw noConversation();
  expectEvents();
}

export type NumberedEvent = NewEvent & { conversationSeq: number | null };

/**
 * The same for events that have their numbers: the caller holds the conversations' locks, and writes their `seq` itself. Sent at once, without
 * waiting for statements before it.
 */
export async function appendNumbered(tx: Tx, workspaceId: string, events: readonly NumberedEvent[]): Promise<void> {
  if (events.length === 0) return;
  await tx`with ${sourced(tx, workspaceId)} ${inserted(tx, workspaceId, outgoing(events), tx`i.conversation_seq`)} order by i.nth`;
  expectEvents();
}

/** Raises the conversations' `seq`, locked in the order of their ids; gives what it was before. */
async function raise(tx: Tx, workspaceId: string, counts: ReadonlyMap<string, number>): Promise<Map<string, number>> {
  const ids = [...counts.keys()];
  const raised = await tx<{ id: string; before: number }[]>`
    with locked as materialized (
      select c.id from conversations c where c.workspace_id = ${workspaceId} and c.id = any(${ids}::uuid[]) order by c.id for no key update
    )
    update conversations c set seq = c.seq + n.events
    from unnest(${ids}::uuid[], ${[...counts.values()]}::int[]) n (id, events)
    where c.workspace_id = ${workspaceId} and c.id = any(${ids}::uuid[]) and c.id = n.id and (select count(*) from locked) = ${ids.length}
    returning c.id, c.seq - n.events as before`;
  if (raised.length < ids.length) throw noConversation();
  return new Map(raised.map(({ id, before }) => [id, before]));
}

const noConversation = (): Refusal => new Refusal('NOT_FOUND', 'There is no such conversation in this workspace.');

/** The next number of the conversation, which `seqs` knows the last one of. */
function next(seqs: Map<string, number>, conversationId: string): number {
  const seq = seqs.get(conversationId)! + 1;
  seqs.set(conversationId, seq);
  return seq;
}

const outgoing = (events: readonly NumberedEvent[]): NewRow[] => {
  const at = now();
  return events.map((event) => {
    refuseText(event);
    return {
      id: newId(), kind: event.kind, conversationId: event.conversationId ?? null, conversationSeq: event.conversationSeq, actorKind: event.actor.kind,
      actorId: event.actor.id, data: event.data, occurredAt: event.occurredAt ?? at,
    };
  });
};

/** From where the transaction's events come (CTE `origin`), kept once. */
const sourced = (tx: Tx, workspaceId: string) => tx`
  origin as (
    select s.* from jsonb_to_record(nullif(current_setting('app.source', true), '')::jsonb)
      as s (hash text, credential_kind text, credential_id uuid, identity_id uuid, address_hash text, salt text, address text)
    where s.hash is not null
  ), sourced as (
    insert into event_sources (workspace_id, hash, credential_kind, credential_id, identity_id, address_hash, salt, address, created_at)
    select ${workspaceId}, decode(hash, 'hex'), credential_kind, credential_id, identity_id, decode(address_hash, 'hex'), decode(salt, 'hex'), address, ${now()}
    from origin on conflict do nothing
  )`;

const inserted = (tx: Tx, workspaceId: string, rows: readonly NewRow[], seq: ReturnType<Tx>) => tx`
  insert into event_outbox (workspace_id, id, kind, conversation_id, conversation_seq, actor_kind, actor_id, data, occurred_at, source)
  select ${workspaceId}, i.id, i.kind, i.conversation_id, ${seq}, i.actor_kind, i.actor_id, i.data, i.occurred_at, (select decode(hash, 'hex') from origin)
  from ${rowsOf(tx, eventOutbox, rows)} i`;

export interface TimelineEntry {
  /** Whose timeline: the person's address that it happened with. */
  identityId: string;
  /** RFC 3339. For a message, the earlier of the provider's time and the receipt. */
  occurredAt: string;
  /** Orders entries of the same millisecond: a hash of the provider's event id, so that any order of arrival ends the same. Default 0. */
  tie?: number;
  kind: (typeof TIMELINE_KINDS)[number];
  /** The subject, in the table that `kind` names. */
  refId: string;
  conversationId?: string | null;
  channel?: (typeof CHANNELS)[number] | null;
  actor: { kind: ActorKind; id: string | null };
  /** Ids, enums and counts that the summary is made of. */
  data: Record<string, unknown>;
}

/** Puts an entry on the timeline, or changes it: one a thing and identity (`kind`, `refId`, `identityId`), whose id stays. */
export const putTimelineEntry = (tx: Tx, workspaceId: string, entry: TimelineEntry): Promise<void> => putTimelineEntries(tx, workspaceId, [entry]);

/** The same for many; of two for the same thing and identity the later stands. */
export async function putTimelineEntries(tx: Tx, workspaceId: string, entries: readonly TimelineEntry[]): Promise<void> {
  const rows = new Map(entries.map((entry) => [`${entry.kind} ${entry.refId} ${entry.identityId}`, {
    workspaceId, identityId: entry.identityId, occurredAt: entry.occurredAt, tie: entry.tie ?? 0, id: newId(), kind: entry.kind, refId: entry.refId,
    conversationId: entry.conversationId ?? null, channel: entry.channel ?? null, actorKind: entry.actor.kind, actorId: entry.actor.id, data: entry.data,
  }]));
  await insertRows(tx, timelineEntries, [...rows.values()], `
    on conflict (workspace_id, kind, ref_id, identity_id) do update set
      occurred_at = excluded.occurred_at, tie = excluded.tie, conversation_id = excluded.conversation_id, channel = excluded.channel,
      actor_kind = excluded.actor_kind, actor_id = excluded.actor_id, data = excluded.data`);
}

/** Ids, enums, counts, versions and moments. No blank, no `@`, no `+`: a name, an address or a sentence is a mistake of the caller. */
const PLAIN = /^[A-Za-z0-9_.:-]{0,64}$/;

/** The log is never updated, so nothing may enter it that an erase would have to take out again (G18). */
function refuseText(event: NewEvent): void {
  for (const [name, value] of Object.entries(event.data)) {
    const texts = Array.isArray(value) ? value : typeof value === 'string' ? [value] : [];
    if (!texts.every((text) => PLAIN.test(text))) {
      throw new Error(`The event ${event.kind} has text in data.${name}: the log takes ids, enums, counts and versions only.`);
    }
  }
}
