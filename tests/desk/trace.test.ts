import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Actor } from '../../src/access/viewer.ts';
import { connectChannel } from '../../src/channels/accounts.ts';
import { renderTrace } from '../../src/desk/trace-text.ts';
import { trace } from '../../src/desk/trace.ts';
import type { LogEvent } from '../../src/events/catalog.ts';
import { openLog } from '../../src/events/log.ts';
import { sequenceOnce } from '../../src/events/sequencer.ts';
import { applyNow } from '../../src/inbound/drain.ts';
import { receiveDelivery } from '../../src/inbound/receive.ts';
import { folderBlobs } from '../../src/platform/blobs.ts';
import { newId, publicId } from '../../src/platform/ids.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { route } from '../../src/routing/route.ts';
import { act } from '../crm/people.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let actor: Actor;
let endpointId: string;
const folder = mkdtempSync(join(tmpdir(), 'trace-'));
beforeAll(async () => {
  initSecrets('a secret of the tests, long enough for it');
  db = await testDatabase();
  await openLog(db.app);
  ({ actor } = await db.workspace());
  ({ endpointId } = await act(db.app, actor, (tx) => connectChannel(tx, actor, {
    channel: 'EMAIL', provider: 'mime', name: 'Support', address: 'support@acme.example', settings: { host: 'localhost', from: 'support@acme.example' }, secrets: { inbound: 'a-secret-for-the-door' },
  })));
  await db.owner`insert into queues ${db.owner({ workspaceId: actor.workspaceId, id: newId(), name: 'Everything', isDefault: true, createdAt: '2026-01-01T00:00:00.000Z' })}`;
});
afterAll(async () => {
  await db.close();
  rmSync(folder, { recursive: true });
});

const mail = (id: string, body: string) => Buffer.from([
  'From: Ada Lovelace <ada.lovelace@example.com>', 'To: support@acme.example', `Message-ID: <${id}>`, 'Subject: Parcel', 'Date: Thu, 05 Mar 2026 10:00:00 +0000', 'Content-Type: text/plain; charset=utf-8', '', body, '',
].join('\r\n'));

async function deliver(content: Buffer): Promise<void> {
  const delivered = await receiveDelivery({ app: db.app, blobs: folderBlobs(folder) }, { workspaceId: actor.workspaceId, id: endpointId, provider: 'mime' }, {
    source: 'HTTP', request: { method: 'POST', url: 'https://acme.example/hooks/mime/end?secret=s3cret', headers: { 'content-type': 'message/rfc822' }, body: content },
  });
  for (const event of delivered.events) if (event.state === 'PENDING') await applyNow({ app: db.app, report: () => {} }, actor.workspaceId, event);
}
async function routeAll(): Promise<void> {
  while ((await sequenceOnce(db.system)) > 0);
  for (const event of await db.system<LogEvent[]>`select * from events where kind = 'message.received' and workspace_id = ${actor.workspaceId} order by position`) await act(db.app, actor, (tx) => route(tx, event));
  while ((await sequenceOnce(db.system)) > 0);
}
const ask = (reference: string, as = actor) => act(db.app, as, (tx) => trace(tx, as.workspaceId, reference));

test('a message is explained from the door to the routing decision, by our id and by the provider\'s, in any spelling', async () => {
  await deliver(mail('one@mail.example', 'Where is my parcel?'));
  await deliver(mail('one@mail.example', 'Where is my parcel?'));
  await routeAll();
  const [found, ...more] = await ask('<one@mail.example>');
  expect(more).toEqual([]);
  expect(found).toMatchObject({
    subject: { kind: 'MESSAGE', direction: 'INBOUND', channel: 'EMAIL', state: 'RECEIVED' },
    arrivals: [{ source: 'HTTP', provider: 'mime', method: 'POST', state: 'APPLIED' }, { state: 'DUPLICATE' }],
    identity: { kind: 'EMAIL', reason: 'FIRST_SEEN' },
    conversation: { status: 'OPEN', why: 'opened it: the customer had no open matter' },
    routing: { queueName: 'Everything', earlier: false, reasons: [{ matched: true }] },
  });
  expect(found!.events.map((event) => event.kind)).toEqual(['message.received']);
  expect(found!.events[0]!.position).toBeGreaterThan(0);
  expect(await ask('one@mail.example')).toEqual([found]);
  expect(await ask(publicId('msg', found!.subject!.id))).toEqual([found]);

  const text = renderTrace(found!);
  expect(text.split('\n').map((line) => line.split(' ')[0]).filter(Boolean)).toEqual(
    ['door', 'signature', 'raw', 'parse', 'door', 'signature', 'raw', 'parse', 'customer', 'conversation', 'message', 'event', 'routing']);
  // No address, no words of the customer, no secret of the door.
  for (const secret of ['lovelace', 'parcel', 's3cret']) expect(text.toLowerCase()).not.toContain(secret);
});

test('a later message says that it joined, and that the earlier decision stood', async () => {
  await deliver(mail('two@mail.example', 'And?'));
  await routeAll();
  const [found] = await ask('two@mail.example');
  expect(found).toMatchObject({ conversation: { why: 'open matter of the same customer, e-mail' }, routing: { earlier: true } });
});

test('what could not be applied is explained too, and what nobody heard of is nothing', async () => {
  await deliver(Buffer.from(mail('three@mail.example', 'Hi').toString().replace('To: support@acme.example', 'To: nobody@acme.example')));
  const found = await ask('three@mail.example');
  expect(found).toHaveLength(1);
  if (found[0]!.subject === null) expect(found[0]!.arrivals[0]!.state).not.toBe('APPLIED');
  expect(renderTrace(found[0]!)).toContain(found[0]!.arrivals[0]!.state);
  expect(await ask('never@mail.example')).toEqual([]);
  expect(await ask(publicId('msg', newId()))).toEqual([]);
  expect(await ask('<one@mail.example>', (await db.workspace()).actor)).toEqual([]);
});
