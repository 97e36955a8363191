// Groups: what is written in one stands in a conversation of its own, with everybody in it, and is answered to all of them.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Actor } from '../../src/access/viewer.ts';
import { connectChannel } from '../../src/channels/accounts.ts';
import { parseBandwidth } from '../../src/channels/sms/bandwidth/parse.ts';
import { applyEvent, type Applied } from '../../src/inbound/apply.ts';
import { deliverMessage } from '../../src/messages/deliver.ts';
import { sendMessage } from '../../src/messages/send.ts';
import { splitConversation } from '../../src/parting/actions.ts';
import { now } from '../../src/platform/clock.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { outgoing } from '../../src/platform/http.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { fakeBandwidth, type FakeBandwidth } from '../../src/sandbox/bandwidth.ts';
import { createMember } from '../../src/workspaces/actions.ts';
import { noBlobs } from '../harness/blobs.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

const [OURS, OURS_TOO, LEO, MIA, ZOE] = ['+16145550133', '+16145550134', '+17345550171', '+17345550172', '+17345550173'] as const;
let db: TestDatabase;
let actor: Actor;
let mira: Actor;
let bandwidth: FakeBandwidth;
let accountId: string;
let count = 0;

const within = <T>(work: Parameters<typeof inWorkspace<T>>[2]) => inWorkspace(db.app, actor.workspaceId, work);
const one = async (rows: Promise<readonly unknown[]>) => (await rows)[0] as Record<string, any>;
const customersOf = async (conversationId: string) =>
  (await db.owner`select i.value from conversation_participants p join identities i on i.id = p.identity_id where p.conversation_id = ${conversationId} order by 1`).map((row) => row.value);
const deliver = (messageId: string) => deliverMessage({ app: db.app, blobs: noBlobs, http: outgoing({ allowPrivate: true, timeoutMs: 2_000 }), publicUrl: 'http://127.0.0.1:1' }, { workspaceId: actor.workspaceId, messageId });

/** A text as Bandwidth's callback tells it. */
async function text(from: string, to: string[], words: string, segmentCount = 1): Promise<Applied> {
  const message = { id: `1772463845678${String(++count).padStart(4, '0')}`, owner: OURS, applicationId: bandwidth.applicationId, time: now(), segmentCount, direction: 'in', to, from, text: words };
  const body = Buffer.from(JSON.stringify([{ type: 'message-received', time: now(), description: 'Incoming message received', to: OURS, message }]));
  const { events } = await parseBandwidth({ method: 'POST', url: '/', headers: {}, body });
  return within((tx) => applyEvent(tx, { workspaceId: actor.workspaceId, accountId, channel: 'SMS', event: events[0]!, receivedAt: now(), historical: false }));
}

beforeAll(async () => {
  initSecrets('a secret of the tests, long enough for it');
  db = await testDatabase();
  ({ actor } = await db.workspace());
  bandwidth = await fakeBandwidth();
  await within(async (tx) => {
    mira = { ...actor, kind: 'MEMBER', id: (await createMember(tx, actor, { name: 'Mira', email: 'mira@acme.example' })).memberId };
    const access = {
      settings: { accountId: bandwidth.accountId, applicationId: bandwidth.applicationId, apiBaseUrl: bandwidth.url },
      secrets: { username: bandwidth.username, password: bandwidth.password, callbackUsername: 'callbacks', callbackPassword: 'a-password-of-callbacks' },
    };
    ({ accountId } = await connectChannel(tx, actor, { channel: 'SMS', provider: 'bandwidth', name: 'Texts', address: OURS, ...access }));
    await connectChannel(tx, actor, { channel: 'SMS', provider: 'bandwidth', name: 'More texts', address: OURS_TOO, ...access });
  });
});
afterAll(async () => {
  await bandwidth.close();
  await db.close();
});

it('a group is one conversation with all of its members, whoever writes, and what one of them writes alone is another', async () => {
  const first = await text(LEO, [OURS, MIA, OURS_TOO], 'Shall we all come?', 2);
  const second = await text(MIA, [OURS, LEO, OURS_TOO], 'Friday is fine');
  const alone = await text(LEO, [OURS], 'Between us');
  const again = await text(LEO, [OURS, MIA, OURS_TOO], 'So Friday');
  expect([second.conversationId, again.conversationId]).toEqual([first.conversationId, first.conversationId]);
  expect(alone.conversationId).not.toBe(first.conversationId);
  expect(await customersOf(first.conversationId!)).toEqual([LEO, MIA]);
  expect(await one(db.owner`select group_id, segments, cardinality(other_identity_ids) as others from messages where id = ${first.messageId}`)).toEqual({ groupId: expect.stringMatching(/^group:/), segments: 2, others: 1 });
  expect(await one(db.owner`select group_id, segments, cardinality(other_identity_ids) as others from messages where id = ${alone.messageId}`)).toEqual({ groupId: null, segments: null, others: 0 });
  // Our second number is in the group, and is nobody's customer.
  expect(await db.owner`select 1 from identities where value = ${OURS_TOO}`).toHaveLength(0);
});

it('an answer goes to everybody in the group, and to him alone who wrote alone', async () => {
  const group = await text(LEO, [OURS, MIA, ZOE], 'And Zoe?');
  const { messageId } = await within((tx) => sendMessage(tx, mira, { conversationId: group.conversationId!, channel: null, text: 'All of you' }));
  await deliver(messageId);
  expect(bandwidth.messages.at(-1)!.to.toSorted()).toEqual([LEO, MIA, ZOE]);
  const answer = await text(ZOE, [OURS, LEO, MIA], 'Yes');
  expect(answer.conversationId).toBe(group.conversationId);

  const alone = await text(LEO, [OURS], 'Only you');
  const reply = await within((tx) => sendMessage(tx, mira, { conversationId: alone.conversationId!, channel: null, text: 'Only him' }));
  await deliver(reply.messageId);
  expect(bandwidth.messages.at(-1)!.to).toEqual([LEO]);
});

it('a group\'s matter that is parted is the group\'s, too, and never merges with one of a member alone', async () => {
  const group = await text(LEO, [OURS, MIA], 'One');
  const later = await text(MIA, [OURS, LEO], 'Two');
  const { toConversationId } = await within((tx) => splitConversation(tx, mira, { conversationId: group.conversationId!, messageIds: [later.messageId!], callIds: [], noteIds: [], subject: null }));
  expect(await customersOf(toConversationId)).toEqual([LEO, MIA]);
  expect((await text(LEO, [OURS, MIA], 'Three')).conversationId).toBe(toConversationId);
  const { messageId } = await within((tx) => sendMessage(tx, mira, { conversationId: toConversationId, channel: null, text: 'To both' }));
  await deliver(messageId);
  expect(bandwidth.messages.at(-1)!.to.toSorted()).toEqual([LEO, MIA]);
});
