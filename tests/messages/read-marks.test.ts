// What an agent read is shown to the customer where his channel can, and what was said before the account was connected calls for nothing.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Actor } from '../../src/access/viewer.ts';
import { connectChannel } from '../../src/channels/accounts.ts';
import type { InboundEvent } from '../../src/channels/channel.ts';
import type { MetaSecrets } from '../../src/channels/meta/signature.ts';
import { providerNamed } from '../../src/channels/registry.ts';
import { markRead } from '../../src/conversations/actions.ts';
import { applyEvent } from '../../src/inbound/apply.ts';
import { tellRead, tellTyping } from '../../src/messages/acknowledge.ts';
import { after, now, nowMs, setClock } from '../../src/platform/clock.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { outgoing } from '../../src/platform/http.ts';
import { newId } from '../../src/platform/ids.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { openWhatsappCloud, type WhatsappCloudSandbox } from '../../src/sandbox/whatsapp-cloud.ts';
import { createMember } from '../../src/workspaces/actions.ts';
import { openReceiver, type Receiver } from '../channels/meta/receiver.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

const NUMBER = '330000000000017';
const MIRA = { phone: '31612345678', name: 'Mira Okafor' };
const SECRETS: MetaSecrets = { appSecret: 'sandbox-app-secret', verifyToken: 'our-own-words', accessToken: 'system-user-token' };
let db: TestDatabase;
let actor: Actor;
let agent: Actor;
let meta: WhatsappCloudSandbox;
let door: Receiver;
let accountId: string;

const within = <T>(work: Parameters<typeof inWorkspace<T>>[2]) => inWorkspace(db.app, actor.workspaceId, work);
const apply = (event: InboundEvent) => within((tx) => applyEvent(tx, { workspaceId: actor.workspaceId, accountId, channel: 'WHATSAPP', event, receivedAt: now(), historical: false }));
const jobs = async () => (await db.owner<{ payload: object }[]>`
  select p.payload from graphile_worker._private_jobs p join graphile_worker._private_tasks t on t.id = p.task_id where t.identifier = 'tell_read'`).map((row) => row.payload);

beforeAll(async () => {
  initSecrets('a secret of the tests, long enough for it');
  db = await testDatabase();
  ({ actor } = await db.workspace());
  door = await openReceiver(providerNamed('meta_cloud'), [SECRETS]);
  meta = await openWhatsappCloud({
    appSecret: SECRETS.appSecret, accessToken: SECRETS.accessToken, businessAccountId: '220000000000091', numbers: [{ id: NUMBER, displayNumber: '+31 20 555 0142', verifiedName: 'Spoke and Chain' }],
  });
  await meta.connect(door.url, SECRETS.verifyToken);
  await within(async (tx) => {
    agent = { ...actor, kind: 'MEMBER', id: (await createMember(tx, actor, { name: 'Tom', email: 'tom@acme.example' })).memberId };
    ({ accountId } = await connectChannel(tx, actor, { channel: 'WHATSAPP', provider: 'meta_cloud', name: 'WhatsApp', address: NUMBER, settings: { apiBaseUrl: meta.url }, secrets: { ...SECRETS } }));
  });
});
afterAll(async () => {
  await meta.settled();
  await meta.close();
  await door.close();
  await db.close();
});
beforeEach(() => {
  door.events.length = 0;
  meta.read.length = 0;
});

test('an agent\'s reading is told of the latest message, once for each reading of something new', async () => {
  await meta.writes(NUMBER, MIRA, { type: 'text', text: { body: 'Is it ready?' } });
  const { id } = await meta.writes(NUMBER, MIRA, { type: 'text', text: { body: 'And what does it cost?' } });
  let conversationId = '';
  // WhatsApp's times are whole seconds: within one of them neither is the latest.
  for (const [n, event] of door.events.entries()) conversationId = (await apply({ ...event, occurredAt: after(n) })).conversationId!;
  await within((tx) => markRead(tx, agent, { conversationId }));
  await within((tx) => markRead(tx, agent, { conversationId }));
  const told = await jobs();
  expect(told).toEqual([{ workspaceId: actor.workspaceId, conversationId }]);
  await tellRead({ app: db.app, http: outgoing({ allowPrivate: true }) }, { workspaceId: actor.workspaceId, conversationId });
  expect(meta.read).toEqual([{ messageId: id, typing: false }]);
});

test('that an agent types is told once while the provider shows it, however often he says so', async () => {
  await meta.writes(NUMBER, { phone: '31612345677', name: 'Eva' }, { type: 'text', text: { body: 'Hello?' } });
  const { conversationId } = await apply(door.events[0]!);
  const conversation = { id: conversationId!, lastInboundChannel: 'WHATSAPP' };
  const type = async () => {
    await within((tx) => tellTyping(tx, actor.workspaceId, conversation));
    return (await jobs()).filter((job) => 'typing' in job);
  };
  expect(await type()).toEqual([{ workspaceId: actor.workspaceId, conversationId, typing: true }]);
  await db.owner`delete from graphile_worker._private_jobs`;
  expect(await type()).toEqual([]);
  const at = nowMs() + 21_000;
  const restore = setClock(() => at);
  expect(await type().finally(restore)).toHaveLength(1);
  await tellRead({ app: db.app, http: outgoing({ allowPrivate: true }) }, { workspaceId: actor.workspaceId, conversationId: conversationId!, typing: true });
  expect(meta.read.map(({ typing }) => typing)).toEqual([true]);
});

test('what its provider brings along from before keeps its time, opens nothing that anybody waits in, and is never told as read', async () => {
  await meta.writes(NUMBER, { phone: '31612345679', name: 'Ben' }, { type: 'text', text: { body: 'Long ago' } });
  const occurredAt = after(-40 * 86_400_000);
  const applied = await apply({ ...door.events[0]!, occurredAt, dedupeKey: newId(), historical: true });
  const [conversation] = await db.owner`select status, waiting_since, created_at from conversations where id = ${applied.conversationId}`;
  expect(conversation).toEqual({ status: 'CLOSED', waitingSince: null, createdAt: occurredAt });
  const [message] = await db.owner`select occurred_at, historical from messages where id = ${applied.messageId}`;
  expect(message).toEqual({ occurredAt, historical: true });
  await tellRead({ app: db.app, http: outgoing({ allowPrivate: true }) }, { workspaceId: actor.workspaceId, conversationId: applied.conversationId! });
  expect(meta.read).toEqual([]);
});
