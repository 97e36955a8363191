import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Actor } from '../../src/access/viewer.ts';
import { assignConversation, markRead, mergedTags, openConversation, routeConversation, setConversationStatus, tagConversation, updateConversation } from '../../src/conversations/actions.ts';
import { lockOwner } from '../../src/conversations/rows.ts';
import { Unit } from '../../src/conversations/unit.ts';
import { wakeSnoozed } from '../../src/conversations/timers.ts';
import { createCustomer } from '../../src/identities/customers.ts';
import { after, now, nowMs, setClock } from '../../src/platform/clock.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { newId } from '../../src/platform/ids.ts';
import { createMember, createQueue, createTeam, deactivateMember } from '../../src/workspaces/actions.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let actor: Actor;
let mira: Actor;
let conversationId: string;
let teamId: string;
let queueId: string;

const within = <T>(work: Parameters<typeof inWorkspace<T>>[2]) => inWorkspace(db.app, actor.workspaceId, work);
const row = async () => (await db.owner`select * from conversations where id = ${conversationId}`)[0]!;
const events = async () => (await db.owner`select kind, conversation_seq::int as seq, data from event_outbox where conversation_id = ${conversationId} order by conversation_seq`);

beforeAll(async () => {
  db = await testDatabase();
  ({ actor } = await db.workspace());
  await within(async (tx) => {
    mira = { ...actor, kind: 'MEMBER', id: (await createMember(tx, actor, { name: 'Mira', email: 'mira@acme.example' })).memberId };
    ({ teamId } = await createTeam(tx, actor, { name: 'Orders', memberIds: [mira.id!] }));
    ({ queueId } = await createQueue(tx, actor, { name: 'Delivery' }));
  });
});
afterAll(() => db.close());
beforeEach(async () => {
  conversationId = await within(async (tx) => {
    const { selfIdentityId } = await createCustomer(tx, { workspaceId: actor.workspaceId, actor, at: now(), identities: [] });
    await lockOwner(tx, actor.workspaceId, selfIdentityId);
    const unit = new Unit(tx, actor.workspaceId);
    const { id } = openConversation(unit, actor, { identityId: selfIdentityId, channel: 'SMS', subject: null, at: now(), inbound: true });
    await unit.write();
    return id;
  });
});

describe('a conversation', () => {
  it('keeps who changed its status and when, and numbers an event for each change', async () => {
    await within((tx) => setConversationStatus(tx, mira, { conversationId, status: 'CLOSED', snoozedUntil: null }));
    expect(await row()).toMatchObject({ status: 'CLOSED', statusChangedByKind: 'MEMBER', statusChangedById: mira.id, closedAt: expect.any(String) });
    await within((tx) => setConversationStatus(tx, mira, { conversationId, status: 'OPEN', snoozedUntil: null }));
    expect(await row()).toMatchObject({ status: 'OPEN', closedAt: null, reopenCount: 1 });
    expect((await events()).map((e) => [e.seq, e.kind])).toEqual([[1, 'conversation.opened'], [2, 'conversation.status_changed'], [3, 'conversation.status_changed']]);
  });

  it('changes nothing and says nothing when it is so already', async () => {
    await within((tx) => setConversationStatus(tx, mira, { conversationId, status: 'OPEN', snoozedUntil: null }));
    await within((tx) => assignConversation(tx, mira, { conversationId }));
    await within((tx) => tagConversation(tx, mira, { conversationId, add: [], remove: ['absent'] }));
    expect(await events()).toHaveLength(1);
    expect((await row()).version).toBe(1);
  });

  it('is refused a change that was decided on an older version', async () => {
    await within((tx) => tagConversation(tx, mira, { conversationId, add: ['vip'], remove: [], expectedVersion: 1 }));
    await expect(within((tx) => setConversationStatus(tx, mira, { conversationId, status: 'CLOSED', snoozedUntil: null, expectedVersion: 1 }))).rejects.toMatchObject({ code: 'CONFLICT' });
    await within((tx) => updateConversation(tx, mira, { conversationId, subject: 'Where is it?', priority: 'HIGH', expectedVersion: 2 }));
    expect(await row()).toMatchObject({ subject: 'Where is it?', priority: 'HIGH', version: 3 });
  });

  it('is assigned to a member, a team and a queue; what is not named stays, null takes away', async () => {
    await within((tx) => assignConversation(tx, mira, { conversationId, assigneeId: mira.id, teamId, queueId }));
    await within((tx) => assignConversation(tx, mira, { conversationId, teamId: null }));
    expect(await row()).toMatchObject({ assigneeId: mira.id, teamId: null, queueId });
  });

  it('is not assigned to nobody\'s id, another workspace\'s member, or one who left', async () => {
    const other = await db.workspace();
    const stranger = await inWorkspace(db.app, other.id, async (tx) => (await createMember(tx, other.actor, { name: 'X', email: 'x@other.example' })).memberId);
    const left = await within(async (tx) => {
      const { memberId } = await createMember(tx, actor, { name: 'Left', email: `left-${newId()}@acme.example` });
      await deactivateMember(tx, actor, { memberId });
      return memberId;
    });
    for (const [assigneeId, code] of [[newId(), 'NOT_FOUND'], [stranger, 'NOT_FOUND'], [left, 'INVALID_INPUT']] as const) {
      await expect(within((tx) => assignConversation(tx, mira, { conversationId, assigneeId }))).rejects.toMatchObject({ code });
    }
    await expect(inWorkspace(db.app, other.id, (tx) => setConversationStatus(tx, other.actor, { conversationId, status: 'CLOSED', snoozedUntil: null }))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('that is snoozed opens by itself when its time comes, once, and not before', async () => {
    await within((tx) => setConversationStatus(tx, mira, { conversationId, status: 'SNOOZED', snoozedUntil: after(60_000) }));
    await wakeSnoozed(db.app, db.system);
    expect(await row()).toMatchObject({ status: 'SNOOZED' });
    const at = nowMs() + 61_000;
    const restore = setClock(() => at);
    try {
      await Promise.all([wakeSnoozed(db.app, db.system), wakeSnoozed(db.app, db.system)]);
    } finally {
      restore();
    }
    expect(await row()).toMatchObject({ status: 'OPEN', snoozedUntil: null, statusChangedByKind: 'SYSTEM' });
    expect((await events()).filter((e) => e.kind === 'conversation.status_changed')).toHaveLength(2);
  });

  it('is read by members, not by keys', async () => {
    await within((tx) => markRead(tx, mira, { conversationId }));
    await within((tx) => markRead(tx, mira, { conversationId }));
    const [read] = await db.owner`select member_id, seq::int as seq from conversation_reads where conversation_id = ${conversationId}`;
    expect(read).toMatchObject({ memberId: mira.id });
    await expect(within((tx) => markRead(tx, { ...actor, kind: 'API_KEY', id: newId() }, { conversationId }))).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('is routed without overruling a queue that somebody chose by hand', async () => {
    await within((tx) => routeConversation(tx, actor, { conversationId, queueId, priority: 'URGENT', tags: ['delivery'], decisionId: newId() }));
    expect(await row()).toMatchObject({ queueId, priority: 'URGENT', tags: ['delivery'] });
    const chosen = await within(async (tx) => (await createQueue(tx, actor, { name: 'By hand' })).queueId);
    await within((tx) => assignConversation(tx, mira, { conversationId, queueId: chosen }));
    await within((tx) => routeConversation(tx, actor, { conversationId, queueId, priority: null, tags: [], decisionId: newId() }));
    expect(await row()).toMatchObject({ queueId: chosen, priority: 'URGENT' });
  });
});

describe('tags', () => {
  it('that differ only in case are one, keep their first spelling and order, and have bounds', () => {
    expect(mergedTags(['VIP'], ['vip', ' new '], [])).toEqual(['VIP', 'new']);
    expect(mergedTags(['VIP', 'new'], ['later'], ['vip'])).toEqual(['new', 'later']);
    expect(() => mergedTags([], ['x'.repeat(65)], [])).toThrow(/64/);
    expect(() => mergedTags(Array.from({ length: 50 }, (_, i) => `t${i}`), ['one more'], [])).toThrow(/50/);
  });
});
