import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Actor } from '../../src/access/viewer.ts';
import { connectChannel } from '../../src/channels/accounts.ts';
import { startDrain } from '../../src/inbound/drain.ts';
import { ingestMessage } from './ingest-one.ts';
import { receiveDelivery, storeDelivery } from '../../src/inbound/receive.ts';
import { replayInboundEvent } from '../../src/inbound/replay.ts';
import { folderBlobs, type Blobs } from '../../src/platform/blobs.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { mail } from '../channels/email/builders.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let actor: Actor;
let blobs: Blobs;
let dir: string;
let mailbox: string;
let twilio: string;
let second: string;

const within = <T>(work: Parameters<typeof inWorkspace<T>>[2]) => inWorkspace(db.app, actor.workspaceId, work);

beforeAll(async () => {
  initSecrets('a secret of the tests, long enough for it');
  db = await testDatabase();
  ({ actor } = await db.workspace());
  dir = await mkdtemp(join(tmpdir(), 'throughline-blobs-'));
  blobs = folderBlobs(dir);
  const settings = { accountSid: `AC${'0'.repeat(32)}` };
  await within(async (tx) => {
    mailbox = (await connectChannel(tx, actor, { channel: 'EMAIL', provider: 'mime', name: 'Support', address: 'support@acme.example', settings: {}, secrets: { inbound: 'a-secret-for-the-door' } })).endpointId;
    twilio = (await connectChannel(tx, actor, { channel: 'SMS', provider: 'twilio', name: 'First', address: '+4930123456', settings, secrets: { authToken: '1'.repeat(32) } })).endpointId;
    second = (await connectChannel(tx, actor, { channel: 'SMS', provider: 'twilio', name: 'Second', address: '+4930123457', endpointId: twilio, settings })).accountId;
  });
});
afterAll(async () => {
  await db.close();
  await rm(dir, { recursive: true });
});

/** As the door stored it when our parser could not read it yet. */
const unread = async (endpointId: string, body: Buffer) => {
  const request = { method: 'POST', url: 'http://localhost/hooks', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body };
  const { events } = await within((tx) => storeDelivery(tx, actor.workspaceId, { endpointId, source: 'HTTP', request, parsed: null, unparsed: 'Not understood yet.' }));
  expect(events).toMatchObject([{ state: 'UNPARSED' }]);
  return events[0]!.id;
};
const replay = (id: string) => within((tx) => replayInboundEvent(tx, actor.workspaceId, blobs, id));
const row = (id: string) => within(async (tx) => (await tx`select * from inbound_events where workspace_id = ${actor.workspaceId} and id = ${id}`)[0]!);

it('a mail that can be read now keeps its attachments, and is found by its sender\'s address, as one that was read at once', async () => {
  const letter = (id: string) => mail({ From: 'ada@example.com', To: 'support@acme.example', 'Message-ID': `<${id}@mail.example>`, 'MIME-Version': '1.0', 'Content-Type': 'multipart/mixed; boundary=B' }, [
    '--B', 'Content-Type: text/plain', '', 'See the file', '--B', 'Content-Type: application/pdf; name=a.pdf', 'Content-Disposition: attachment; filename=a.pdf', 'Content-Transfer-Encoding: base64', '', Buffer.from(`%PDF ${id}`).toString('base64'), '--B--',
  ].join('\n'));
  const id = await unread(mailbox, letter('late'));
  await replay(id);
  const drain = startDrain({ app: db.app, system: db.system, wake: () => {}, report: () => {} });
  await drain.idle();
  await drain.stop();

  const applied = await row(id);
  expect(applied).toMatchObject({ state: 'APPLIED', error: null });
  const [part] = await within((tx) => tx`select media_state, sha256 from message_parts where workspace_id = ${actor.workspaceId} and message_id = ${applied.messageId} and kind = 'MEDIA'`);
  expect(part!.mediaState).toBe('STORED');
  expect((await blobs.get(actor.workspaceId, part!.sha256))?.toString()).toBe('%PDF late');
  expect(await within((tx) => tx`select refs, mime from blobs where workspace_id = ${actor.workspaceId} and sha256 = ${part!.sha256}`)).toMatchObject([{ refs: 1, mime: 'application/pdf' }]);

  const endpoint = { workspaceId: actor.workspaceId, id: mailbox, provider: 'mime' };
  const atOnce = await receiveDelivery({ app: db.app, blobs }, endpoint, { source: 'HTTP', request: { method: 'POST', url: '', headers: {}, body: letter('early') } });
  expect(applied.addressHash).toEqual((await row(atOnce.events[0]!.id)).addressHash);
  expect(applied.addressHash).not.toBeNull();
});

it('a report that names no number of ours finds its account by the message that it speaks of', async () => {
  const sid = `SM${'a'.repeat(32)}`;
  await within((tx) => ingestMessage(tx, actor, { channel: 'SMS', accountId: second, address: { kind: 'PHONE', value: '+4915155550001' }, direction: 'OUTBOUND', text: 'hello', externalId: sid }, 'LIVE'));
  const id = await unread(twilio, Buffer.from(new URLSearchParams({ AccountSid: `AC${'0'.repeat(32)}`, MessageSid: sid, SmsSid: sid, MessageStatus: 'delivered', SmsStatus: 'delivered' }).toString()));
  await replay(id);
  expect(await row(id)).toMatchObject({ state: 'PENDING', accountId: second });
});
