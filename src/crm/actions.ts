// What agents write down of a customer or a conversation: notes, in versions, pinned, linked to records of other systems.
import type { Actor } from '../access/viewer.ts';
import { lockOwner } from '../conversations/rows.ts';
import { appendEvents, putTimelineEntry } from '../events/append.ts';
import { now } from '../platform/clock.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { anchorOfConversation, anchorOfCustomer, type Anchor } from './anchors.ts';
import { LINKS_MAX, noteBody } from './content.ts';

/**
 * Writes a note on a customer (it hangs on the customer's `self` identity) or on a conversation (on the identity that opened it), and links
 * it to `externalRecordIds`. Emits `note.added`. Locks the customer, then the conversation.
 * @returns the note's id
 * @throws Refusal INVALID_INPUT, NOT_FOUND (customer, conversation, record)
 */
export async function addNote(
  tx: Tx,
  actor: Actor,
  o: { customerId?: string | null; conversationId?: string | null; body: string; pinned?: boolean; externalRecordIds?: string[] },
): Promise<string> {
  const { workspaceId } = actor;
  const body = noteBody(o.body);
  const anchor = await anchorOf(tx, workspaceId, o);
  const links = await checkedLinks(tx, workspaceId, o.externalRecordIds ?? []);
  const id = newId();
  const at = now();
  const pinned = o.pinned ?? false;
  await tx`insert into notes ${tx({
    workspaceId, id, identityId: anchor.identityId, conversationId: anchor.conversationId, authorKind: actor.kind, authorId: actor.id, body,
    pinnedAt: pinned ? at : null, pinnedByKind: pinned ? actor.kind : null, pinnedById: pinned ? actor.id : null, createdAt: at,
  })}`;
  await insertVersion(tx, actor, { noteId: id, version: 1, body, at });
  await insertLinks(tx, workspaceId, id, links, at);
  await putOnTimeline(tx, workspaceId, {
    id, identityId: anchor.identityId, conversationId: anchor.conversationId, authorKind: actor.kind, authorId: actor.id, createdAt: at, version: 1, pinned,
  });
  await appendEvents(tx, workspaceId, [{
    kind: 'note.added', actor, conversationId: anchor.conversationId,
    data: { noteId: id, customerId: anchor.customerId, identityId: anchor.identityId, version: 1, pinned, externalRecordIds: links },
  }]);
  return id;
}

/**
 * Replaces a note's text by a new version; the earlier ones stay (`note_versions`). The same text again changes nothing. Emits
 * `note.updated`. Locks customer, conversation, note.
 * @throws Refusal INVALID_INPUT, NOT_FOUND, CONFLICT
 */
export async function editNote(tx: Tx, actor: Actor, o: { noteId: string; body: string; expectedVersion?: number | null }): Promise<void> {
  const body = noteBody(o.body);
  const note = await lockNote(tx, actor.workspaceId, o.noteId);
  if (o.expectedVersion != null && o.expectedVersion !== note.version) {
    throw new Refusal('CONFLICT', `The note is at version ${note.version}, not ${o.expectedVersion}: it was edited meanwhile.`, { field: ['expectedVersion'] });
  }
  if (body === note.body) return;
  const at = now();
  note.version += 1;
  await tx`
    update notes set body = ${body}, edited_at = ${at}, version = ${note.version}
    where workspace_id = ${actor.workspaceId} and id = ${note.id}`;
  await insertVersion(tx, actor, { noteId: note.id, version: note.version, body, at });
  await changed(tx, actor, note, { change: 'EDITED' });
}

/** Pins a note to the top, or unpins it; pinning is no new version. Emits `note.updated` when anything changed. @throws Refusal NOT_FOUND */
export async function pinNote(tx: Tx, actor: Actor, o: { noteId: string; pinned: boolean }): Promise<void> {
  const note = await lockNote(tx, actor.workspaceId, o.noteId);
  if (note.pinned === o.pinned) return;
  note.pinned = o.pinned;
  await tx`
    update notes set pinned_at = ${o.pinned ? now() : null}, pinned_by_kind = ${o.pinned ? actor.kind : null}, pinned_by_id = ${o.pinned ? actor.id : null}
    where workspace_id = ${actor.workspaceId} and id = ${note.id}`;
  await changed(tx, actor, note, { change: o.pinned ? 'PINNED' : 'UNPINNED' });
}

/**
 * Adds and takes away links between a note and records of other systems. Emits `note.updated` when anything changed.
 * @throws Refusal NOT_FOUND (note, record), INVALID_INPUT
 */
export async function linkNote(tx: Tx, actor: Actor, o: { noteId: string; add: string[]; remove: string[] }): Promise<void> {
  const { workspaceId } = actor;
  const note = await lockNote(tx, workspaceId, o.noteId);
  const add = await checkedLinks(tx, workspaceId, o.add);
  const removed = await tx`
    delete from note_links where workspace_id = ${workspaceId} and note_id = ${note.id} and external_record_id = any(${o.remove}::uuid[]) returning 1`;
  const added = await insertLinks(tx, workspaceId, note.id, add.filter((id) => !o.remove.includes(id)), now());
  const [{ links }] = (await tx<{ links: number }[]>`
    select count(*)::int as links from note_links where workspace_id = ${workspaceId} and note_id = ${note.id}`) as unknown as [{ links: number }];
  if (links > LINKS_MAX) throw new Refusal('INVALID_INPUT', `The note would be linked to ${links} records; at most ${LINKS_MAX}.`, { field: ['add'] });
  if (added + removed.length > 0) await changed(tx, actor, note, { change: 'LINKED', links });
}

interface NoteRow {
  id: string;
  identityId: string;
  conversationId: string | null;
  authorKind: Actor['kind'];
  authorId: string | null;
  createdAt: string;
  version: number;
  pinned: boolean;
}

async function anchorOf(tx: Tx, workspaceId: string, o: { customerId?: string | null; conversationId?: string | null }): Promise<Anchor> {
  if (!!o.customerId === !!o.conversationId) {
    throw new Refusal('INVALID_INPUT', 'A note is on a customer or on a conversation: give `customerId` or `conversationId`, one of them.', { field: ['customerId'] });
  }
  return o.customerId ? anchorOfCustomer(tx, workspaceId, o.customerId) : anchorOfConversation(tx, workspaceId, o.conversationId!);
}

/** The note, after the locks of its customer and conversation (the order in which every action takes them). */
async function lockNote(tx: Tx, workspaceId: string, id: string): Promise<NoteRow & { body: string; customerId: string }> {
  const [named] = await tx<{ identityId: string; conversationId: string | null }[]>`
    select identity_id, conversation_id from notes where workspace_id = ${workspaceId} and id = ${id}`;
  const { identityId, conversationId } = found(named, 'note');
  const { customerId } = conversationId ? await anchorOfConversation(tx, workspaceId, conversationId) : { customerId: await lockOwner(tx, workspaceId, identityId) };
  const [note] = await tx<(NoteRow & { body: string })[]>`
    select id, identity_id, conversation_id, author_kind, author_id, created_at, version, pinned_at is not null as pinned, body
    from notes where workspace_id = ${workspaceId} and id = ${id} for update`;
  return { ...note!, customerId };
}

/** The records' ids, each once. @throws Refusal NOT_FOUND, INVALID_INPUT */
async function checkedLinks(tx: Tx, workspaceId: string, ids: readonly string[]): Promise<string[]> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return [];
  if (wanted.length > LINKS_MAX) throw new Refusal('INVALID_INPUT', `A note is linked to at most ${LINKS_MAX} records.`, { field: ['externalRecordIds'] });
  const there = await tx`select 1 from external_records where workspace_id = ${workspaceId} and id = any(${wanted}::uuid[])`;
  if (there.length < wanted.length) throw new Refusal('NOT_FOUND', 'There is no such external record in this workspace.', { field: ['externalRecordIds'] });
  return wanted;
}

async function insertLinks(tx: Tx, workspaceId: string, noteId: string, recordIds: readonly string[], at: string): Promise<number> {
  if (recordIds.length === 0) return 0;
  const added = await tx`
    insert into note_links (workspace_id, note_id, external_record_id, linked_at)
    select ${workspaceId}, ${noteId}, r, ${at} from unnest(${[...recordIds]}::uuid[]) r on conflict do nothing returning 1`;
  return added.length;
}

async function insertVersion(tx: Tx, actor: Actor, o: { noteId: string; version: number; body: string; at: string }): Promise<void> {
  await tx`insert into note_versions ${tx({
    workspaceId: actor.workspaceId, noteId: o.noteId, version: o.version, body: o.body, writtenByKind: actor.kind, writtenById: actor.id, writtenAt: o.at,
  })}`;
}

async function changed(tx: Tx, actor: Actor, note: NoteRow & { customerId: string }, more: Record<string, string | number>): Promise<void> {
  await putOnTimeline(tx, actor.workspaceId, note);
  await appendEvents(tx, actor.workspaceId, [{
    kind: 'note.updated', actor, conversationId: note.conversationId,
    data: { noteId: note.id, customerId: note.customerId, identityId: note.identityId, version: note.version, pinned: note.pinned, ...more },
  }]);
}

/** A note stands where it was written, whoever edits it later. */
async function putOnTimeline(tx: Tx, workspaceId: string, note: NoteRow): Promise<void> {
  await putTimelineEntry(tx, workspaceId, {
    identityId: note.identityId, occurredAt: note.createdAt, kind: 'NOTE', refId: note.id, conversationId: note.conversationId,
    actor: { kind: note.authorKind, id: note.authorId }, data: { version: note.version, pinned: note.pinned },
  });
}
