// What overtakes what it speaks of: an edit its message, a report the message that we sent.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Actor } from '../../src/access/viewer.ts';
import { connectChannel, endpointById, type Endpoint } from '../../src/channels/accounts.ts';
import { messageKey, type ChatDelivery } from '../../src/channels/live-chat/delivery.ts';
import { startDrain } from '../../src/inbound/drain.ts';
import { receiveDelivery, type DoorContext } from '../../src/inbound/receive.ts';
import { replayInboundEvent } from '../../src/inbound/replay.ts';
import { folderBlobs } from '../../src/platform/blobs.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { publicId } from '../../src/platform/ids.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let actor: Actor;
let door: DoorContext;
let dir: string;
let chat: Endpoint;
let chatAccount: string;

beforeAll(async () => {
  initSecrets('a secret of the tests, long enough for it');
  db = await testDatabase();
  ({ actor } = await db.workspace());
  dir = await mkdtemp(join(tmpdir(), 'throughline-blobs-'));
  door = { app: db.app, blobs: folderBlobs(dir) };
  const connected = await inWorkspace(db.app, actor.workspaceId, (tx) => connectChannel(tx, actor, { channel: 'LIVE_CHAT', provider: 'throughline', name: 'Chat' }));
  chatAccount = connected.accountId;
  chat = (await endpointById(db.app, connected.endpointId))!;
});
afterAll(async () => {
  await db.close();
  await rm(dir, { recursive: true });
});

const drained = async () => {
  const drain = startDrain({ app: db.app, system: db.system, wake: () => {}, report: () => {} });
  await drain.idle();
  await drain.stop();
};
type Said = ChatDelivery extends infer D ? (D extends ChatDelivery ? Omit<D, 'account' | 'visitor'> : never) : never;
/** The visitor's next thing by the chat's door; gives its event's id. */
const says = async (visitorId: string, what: Said): Promise<string> => {
  const body = Buffer.from(JSON.stringify({ account: publicId('cha', chatAccount), visitor: { id: visitorId, name: null }, ...what }));
  const { events, unparsed } = await receiveDelivery(door, chat, { source: 'HTTP', request: { method: 'POST', url: 'http://localhost/chat', headers: {}, body } });
  expect(unparsed).toBeNull();
  return events[0]!.id;
};
const eventRow = async (id: string) => (await db.owner`select state, error, waits_for, applied_at, message_id from inbound_events where id = ${id}`)[0]!;
const shown = async (visitorId: string, clientId: string) =>
  (await db.owner`select id, text, version, edited_at, deleted_at from messages where provider_message_id = ${messageKey(visitorId, clientId)}`)[0];

describe('an edit or a deletion of a chat message that comes before the message', () => {
  const changes = {
    edit: { what: { type: 'edit', target: 'm1', text: 'What I meant' } as const, seen: { text: 'What I meant', version: 2, editedAt: expect.any(String), deletedAt: null } },
    delete: { what: { type: 'delete', target: 'm1' } as const, seen: { text: null, version: 2, editedAt: null, deletedAt: expect.any(String) } },
  };

  it.each(['edit', 'delete'] as const)('(%s) waits, holds up nothing behind it, and takes effect once, when the message is there', async (kind) => {
    const visitor = randomUUID();
    const { what, seen } = changes[kind];
    const early = await says(visitor, { ...what, clientId: 'change' });
    const copy = await says(visitor, { ...what, clientId: 'change' });
    const behind = await says(visitor, { type: 'message', clientId: 'm2', text: 'Another thing', replyTo: null });
    await drained();
    for (const id of [early, copy]) {
      expect(await eventRow(id)).toMatchObject({ state: 'WAITING', waitsFor: messageKey(visitor, 'm1'), error: expect.stringContaining(messageKey(visitor, 'm1')), appliedAt: null, messageId: null });
    }
    expect(await eventRow(behind)).toMatchObject({ state: 'APPLIED' });
    expect(await shown(visitor, 'm1')).toBeUndefined();

    await says(visitor, { type: 'message', clientId: 'm1', text: 'What I wrote', replyTo: null });
    await drained();
    const message = await shown(visitor, 'm1');
    expect(message).toMatchObject(seen);
    expect(await eventRow(early)).toMatchObject({ state: 'APPLIED', messageId: message!.id, waitsFor: null, error: null, appliedAt: expect.any(String) });
    expect(await eventRow(copy)).toMatchObject({ state: 'DUPLICATE', waitsFor: null, error: null });
    expect(await shown(visitor, 'm2')).toMatchObject({ text: 'Another thing', version: 1 });
    const [first] = await db.owner`select text from message_parts where message_id = ${message!.id} and version = 1`;
    expect(first!.text).toBe('What I wrote');
  });

  it('waits for that message of that account only', async () => {
    const [visitor, other] = [randomUUID(), randomUUID()];
    const early = await says(visitor, { type: 'edit', target: 'm1', clientId: 'change', text: 'Mine' });
    await says(other, { type: 'message', clientId: 'm1', text: 'Somebody else’s', replyTo: null });
    await drained();
    expect(await eventRow(early)).toMatchObject({ state: 'WAITING' });
    expect(await shown(other, 'm1')).toMatchObject({ text: 'Somebody else’s', version: 1 });
  });

  it('waits on when an operator replays it too early', async () => {
    const visitor = randomUUID();
    const early = await says(visitor, { type: 'delete', target: 'm1', clientId: 'change' });
    await drained();
    await inWorkspace(db.app, actor.workspaceId, (tx) => replayInboundEvent(tx, actor.workspaceId, door.blobs, early));
    await drained();
    expect(await eventRow(early)).toMatchObject({ state: 'WAITING', waitsFor: messageKey(visitor, 'm1') });
  });
});
