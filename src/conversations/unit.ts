// What one transaction will have written of conversations: collected as it is decided, thing by thing, and written set by set, so that a hundred
// messages cost the statements of one.
import { conversationParticipants, conversations, NOT_WAITING } from '../../schema/conversations.ts';
import { appendEvents, appendNumbered, putTimelineEntries, type NumberedEvent, type TimelineEntry } from '../events/append.ts';
import type { NewEvent } from '../events/catalog.ts';
import { now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { insertRows, rowsOf } from '../platform/insert.ts';
import type { ConversationRow } from './rows.ts';

/** What an opened conversation has that never changes. */
export interface Opening {
  subject: string | null;
  relatedConversationId: string | null;
  groupId: string | null;
  createdAt: string;
}

/**
 * Conversations that the caller has locked (or opened), as they will be. Nothing is in the database before `write`, which may be called more than
 * once: after it, the unit is empty and its rows are what is stored. A row that is in a unit must not be changed by other statements.
 */
export class Unit {
  private readonly opened = new Map<ConversationRow, Opening>();
  private readonly changed = new Set<ConversationRow>();
  /** Every row that was in it, by its id. */
  private readonly rows = new Map<string, ConversationRow>();
  private participants: { conversationId: string; identityId: string }[] = [];
  private entries: TimelineEntry[] = [];
  private events: NewEvent[] = [];

  constructor(
    readonly tx: Tx,
    readonly workspaceId: string,
  ) {}

  open(conversation: ConversationRow, opening: Opening): void {
    this.opened.set(conversation, opening);
    this.rows.set(conversation.id, conversation);
  }

  /** The row was changed in memory: its version is raised, and it is written. */
  change(conversation: ConversationRow): void {
    conversation.version += 1;
    this.rows.set(conversation.id, conversation);
    if (!this.opened.has(conversation)) this.changed.add(conversation);
  }

  /** The database numbered an event of the conversation, which the unit didn't tell itself. */
  protected raise(conversationId: string): void {
    const row = this.rows.get(conversationId);
    if (row) row.seq += 1;
  }

  /** They wrote in the conversation or were written to. */
  join(conversationId: string, identityIds: readonly string[]): void {
    for (const identityId of identityIds) this.participants.push({ conversationId, identityId });
  }

  show(entry: TimelineEntry): void {
    this.entries.push(entry);
  }

  say(event: NewEvent): void {
    this.events.push(event);
  }

  /** @throws what the statements throw; 40001 (retried by `inWorkspace`) when another transaction took what this one counted on. */
  async write(): Promise<void> {
    const { tx, workspaceId } = this;
    const { opened, changed, participants, entries, events } = this;
    const before = new Map([...opened.keys(), ...changed].map((row) => [row.id, row.seq]));
    const numbered = this.numbered();
    const seqOf = (row: ConversationRow) => (numbered ? row.seq : before.get(row.id)!);
    const opening = [...opened].map(([row, given]) => ({ ...stored(row), ...given, workspaceId, id: row.id, seq: seqOf(row), identityId: row.identityId, priority: row.priority, tags: row.tags }));
    await Promise.all([
      insertRows(tx, conversations, opening),
      ...this.writeContents(),
      insertRows(tx, conversationParticipants, unique(participants).map((row) => ({ workspaceId, ...row, joinedAt: now() })), 'on conflict do nothing'),
      putTimelineEntries(tx, workspaceId, entries),
      this.writeChanges([...changed].map((row) => ({ row, seq: seqOf(row), before: before.get(row.id)! }))),
      // Last: it numbers the events of conversations that are there.
      numbered ? appendNumbered(tx, workspaceId, numbered) : appendEvents(tx, workspaceId, events),
    ]);
    opened.clear();
    changed.clear();
    this.participants = [];
    this.entries = [];
    this.events = [];
  }

  /** What stands in the conversations: written after they are there. */
  protected writeContents(): Promise<unknown>[] {
    return [];
  }

  /**
   * The events with their numbers, when the unit writes every row that they are numbered by (a second update of a row costs as much as the first);
   * null when the database must number them. The rows are raised either way.
   */
  private numbered(): NumberedEvent[] | null {
    const rows = new Map([...this.opened.keys(), ...this.changed].map((row) => [row.id, row]));
    let isWhole = true;
    const events = this.events.map((event) => {
      if (!event.conversationId) return { ...event, conversationSeq: null };
      const row = rows.get(event.conversationId);
      isWhole &&= row !== undefined;
      return { ...event, conversationSeq: row ? (row.seq += 1) : null };
    });
    return isWhole ? events : null;
  }

  private async writeChanges(changes: { row: ConversationRow; seq: number; before: number }[]): Promise<void> {
    if (changes.length === 0) return;
    const { tx, workspaceId } = this;
    const written = await tx`
      update conversations c set status = r.status, status_changed_at = r.status_changed_at, status_changed_by_kind = r.status_changed_by_kind,
        status_changed_by_id = r.status_changed_by_id, snoozed_until = r.snoozed_until, closed_at = r.closed_at, history_ended_at = r.history_ended_at, channels = r.channels,
        last_inbound_channel = r.last_inbound_channel, waiting_since = r.waiting_since, waiting_order = r.waiting_order, last_message_id = r.last_message_id,
        last_message_at = r.last_message_at, message_count = r.message_count, last_activity_at = r.last_activity_at, first_inbound_at = r.first_inbound_at,
        first_response_at = r.first_response_at, reopen_count = r.reopen_count, merged_into_id = r.merged_into_id, version = r.version, seq = r.seq
      from ${rowsOf(tx, conversations, changes.map(({ row, seq, before }) => ({ id: row.id, seq, before, ...stored(row) })), { before: 'bigint' })} r
      where c.workspace_id = ${workspaceId} and c.id = r.id and c.seq = r.before`;
    if (written.count !== changes.length) throw new Error('A conversation of a unit was changed by another statement.');
  }
}

const stored = (row: ConversationRow) => ({
  status: row.status, statusChangedAt: row.statusChangedAt, statusChangedByKind: row.statusChangedByKind, statusChangedById: row.statusChangedById,
  snoozedUntil: row.snoozedUntil, closedAt: row.closedAt, historyEndedAt: row.historyEndedAt, channels: row.channels, lastInboundChannel: row.lastInboundChannel, waitingSince: row.waitingSince,
  waitingOrder: row.waitingSince ?? NOT_WAITING, lastMessageId: row.lastMessageId, lastMessageAt: row.lastMessageAt, messageCount: row.messageCount,
  lastActivityAt: row.lastActivityAt, firstInboundAt: row.firstInboundAt, firstResponseAt: row.firstResponseAt, reopenCount: row.reopenCount, mergedIntoId: row.mergedIntoId, version: row.version,
});

const unique = <T extends { conversationId: string; identityId: string }>(rows: readonly T[]): T[] =>
  [...new Map(rows.map((row) => [`${row.conversationId} ${row.identityId}`, row])).values()];
