import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Actor } from '../../src/access/viewer.ts';
import { addNote, editNote, linkNote, pinNote } from '../../src/crm/actions.ts';
import { upsertExternalRecord } from '../../src/crm/records.ts';
import { newId } from '../../src/platform/ids.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { act, conversation, person, refusal, type Person } from './people.ts';

let db: TestDatabase;
let actor: Actor;
let ada: Person;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  actor = (await db.workspace()).actor;
  ada = await person(db.app, actor, { email: 'ada@example.com' });
});

const note = async (id: string) => (await db.owner`select * from notes where id = ${id}`)[0]!;
const versions = async (id: string) => (await db.owner`select body from note_versions where note_id = ${id} order by version`).map((row) => row.body as string);
const events = async () => (await db.owner`select kind, conversation_id, data from event_outbox where workspace_id = ${actor.workspaceId} and kind like 'note.%' order by ordinal`);
const entries = async (id: string) => db.owner`select identity_id, conversation_id, occurred_at, data from timeline_entries where kind = 'NOTE' and ref_id = ${id}`;
const write = (o: Parameters<typeof addNote>[2]) => act(db.app, actor, (tx) => addNote(tx, actor, o));

describe('notes', () => {
  test('a note on a customer hangs on the self identity, is in the timeline and in the log', async () => {
    const id = await write({ customerId: ada.customerId, body: 'Parcel was lost.  \n' });
    expect(await note(id)).toMatchObject({ identityId: ada.selfIdentityId, conversationId: null, body: 'Parcel was lost.', version: 1, pinnedAt: null });
    expect(await versions(id)).toEqual(['Parcel was lost.']);
    expect(await entries(id)).toMatchObject([{ identityId: ada.selfIdentityId, conversationId: null }]);
    const [event] = await events();
    expect(event).toMatchObject({ kind: 'note.added', data: { noteId: id, customerId: ada.customerId, version: 1 } });
    expect(JSON.stringify(event)).not.toContain('Parcel');
  });

  test('a note on a conversation hangs on the identity that opened it, and numbers the conversation\'s events', async () => {
    const conversationId = await conversation(db.app, actor, ada.identityId);
    const id = await write({ conversationId, body: 'Called back.' });
    expect(await note(id)).toMatchObject({ identityId: ada.identityId, conversationId });
    expect(await entries(id)).toMatchObject([{ identityId: ada.identityId, conversationId }]);
    expect((await events())[0]).toMatchObject({ kind: 'note.added', conversationId });
    expect((await db.owner`select seq from conversations where id = ${conversationId}`)[0]!.seq).toBe(2);
  });

  test('an edit keeps what was written before, and the note stays where it was in time', async () => {
    const id = await write({ customerId: ada.customerId, body: 'first' });
    const [before] = await entries(id);
    await act(db.app, actor, (tx) => editNote(tx, actor, { noteId: id, body: 'second', expectedVersion: 1 }));
    expect(await note(id)).toMatchObject({ body: 'second', version: 2 });
    expect((await note(id)).editedAt).not.toBeNull();
    expect(await versions(id)).toEqual(['first', 'second']);
    expect(await entries(id)).toMatchObject([{ occurredAt: before!.occurredAt, data: { version: 2 } }]);
  });

  test('an edit of another version than the present one is a conflict and changes nothing', async () => {
    const id = await write({ customerId: ada.customerId, body: 'first' });
    await expect(act(db.app, actor, (tx) => editNote(tx, actor, { noteId: id, body: 'mine', expectedVersion: 2 }))).rejects.toMatchObject(refusal('CONFLICT'));
    expect(await versions(id)).toEqual(['first']);
  });

  test('the same text again is no new version and no event', async () => {
    const id = await write({ customerId: ada.customerId, body: 'same' });
    await act(db.app, actor, (tx) => editNote(tx, actor, { noteId: id, body: 'same  ' }));
    expect(await versions(id)).toEqual(['same']);
    expect((await events()).length).toBe(1);
  });

  test('of edits at the same moment that saw the same version, one wins', async () => {
    const id = await write({ customerId: ada.customerId, body: 'first' });
    const tried = await Promise.allSettled(['a', 'b', 'c', 'd'].map((body) => act(db.app, actor, (tx) => editNote(tx, actor, { noteId: id, body, expectedVersion: 1 }))));
    expect(tried.filter((t) => t.status === 'fulfilled').length).toBe(1);
    expect((await versions(id)).length).toBe(2);
  });

  test('pinning says who and when, twice is once, and unpinning takes it away', async () => {
    const id = await write({ customerId: ada.customerId, body: 'Careful.' });
    await act(db.app, actor, (tx) => pinNote(tx, actor, { noteId: id, pinned: true }));
    await act(db.app, actor, (tx) => pinNote(tx, actor, { noteId: id, pinned: true }));
    expect(await note(id)).toMatchObject({ pinnedByKind: 'SYSTEM', version: 1 });
    expect((await note(id)).pinnedAt).not.toBeNull();
    await act(db.app, actor, (tx) => pinNote(tx, actor, { noteId: id, pinned: false }));
    expect(await note(id)).toMatchObject({ pinnedAt: null, pinnedByKind: null });
    expect((await events()).map((event) => event.data.change ?? 'ADDED')).toEqual(['ADDED', 'PINNED', 'UNPINNED']);
  });

  test('a note is linked to records, and links can be added and taken away', async () => {
    const record = async (externalId: string) =>
      (await act(db.app, actor, (tx) => upsertExternalRecord(tx, actor, { system: 'shop', type: 'order', externalId }))).recordId!;
    const [a, b] = [await record('1'), await record('2')];
    const id = await write({ customerId: ada.customerId, body: 'About order 1', externalRecordIds: [a, a] });
    const links = async () => (await db.owner`select external_record_id from note_links where note_id = ${id} order by external_record_id`).map((row) => row.externalRecordId);
    expect(await links()).toEqual([a]);
    await act(db.app, actor, (tx) => linkNote(tx, actor, { noteId: id, add: [b], remove: [a] }));
    expect(await links()).toEqual([b]);
    await expect(write({ customerId: ada.customerId, body: 'x', externalRecordIds: [newId()] })).rejects.toMatchObject(refusal('NOT_FOUND'));
  });

  test('what no note can be is refused with the reason', async () => {
    const bad: [Parameters<typeof addNote>[2], string][] = [
      [{ customerId: ada.customerId, body: ' \n ' }, 'INVALID_INPUT'],
      [{ customerId: ada.customerId, body: 'a\0b' }, 'INVALID_INPUT'],
      [{ customerId: ada.customerId, body: 'half \ud800 a pair' }, 'INVALID_INPUT'],
      [{ customerId: ada.customerId, body: 'x'.repeat(20_001) }, 'INVALID_INPUT'],
      [{ body: 'x' }, 'INVALID_INPUT'],
      [{ customerId: newId(), body: 'x' }, 'NOT_FOUND'],
      [{ conversationId: newId(), body: 'x' }, 'NOT_FOUND'],
    ];
    for (const [input, code] of bad) await expect(write(input)).rejects.toMatchObject(refusal(code));
    expect((await db.owner`select 1 from notes where workspace_id = ${actor.workspaceId}`).length).toBe(0);
  });

  test('another workspace\'s customer, conversation, note and record are not found', async () => {
    const id = await write({ customerId: ada.customerId, body: 'mine' });
    const conversationId = await conversation(db.app, actor, ada.identityId);
    const { recordId } = await act(db.app, actor, (tx) => upsertExternalRecord(tx, actor, { system: 'shop', type: 'order', externalId: '9' }));
    const other = (await db.workspace()).actor;
    const bob = await person(db.app, other, { email: 'bob@example.com' });
    const tries = [
      () => act(db.app, other, (tx) => addNote(tx, other, { customerId: ada.customerId, body: 'x' })),
      () => act(db.app, other, (tx) => addNote(tx, other, { conversationId, body: 'x' })),
      () => act(db.app, other, (tx) => addNote(tx, other, { customerId: bob.customerId, body: 'x', externalRecordIds: [recordId!] })),
      () => act(db.app, other, (tx) => editNote(tx, other, { noteId: id, body: 'x' })),
      () => act(db.app, other, (tx) => pinNote(tx, other, { noteId: id, pinned: true })),
      () => act(db.app, other, (tx) => linkNote(tx, other, { noteId: id, add: [], remove: [] })),
    ];
    for (const attempt of tries) await expect(attempt()).rejects.toMatchObject(refusal('NOT_FOUND'));
  });
});
