import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Viewer } from '../../src/access/viewer.ts';
import { addNote } from '../../src/crm/actions.ts';
import { upsertExternalRecord } from '../../src/crm/records.ts';
import { openLog } from '../../src/events/log.ts';
import { confirmClaim } from '../../src/identities/claims.ts';
import { newId, publicId } from '../../src/platform/ids.ts';
import { act } from '../crm/people.ts';
import { desk, viewerOf, type Desk } from '../desk/graph.ts';
import { world, type World } from '../desk/world.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let d: Desk;
let w: World;
let viewer: Viewer;
let ada: string;
let conversationId: string;
beforeAll(async () => {
  db = await testDatabase();
  await openLog(db.app);
  d = await desk(db);
  w = await world(db);
  viewer = viewerOf(w.actor);
  // Nine messages, three of them at the same moment, and some of another customer.
  for (let i = 0; i < 9; i++) {
    const said = await w.say('EMAIL', 'ada@example.com', `mail ${i}`, { at: new Date(Date.parse('2026-03-01T00:00:00.000Z') + (i - (i % 3 === 2 ? 1 : 0)) * 60_000).toISOString() });
    conversationId = said.conversationId!;
    ada = await customerOf(said.identityId!);
  }
  await w.say('SMS', '+31612345678', 'somebody else');
});
afterAll(async () => {
  await d.close();
  await db.close();
});

const customerOf = async (identityId: string) => (await db.owner`select customer_id from identities where id = ${identityId}`)[0]!.customerId as string;
const list = async (args: string, customer = ada, as = viewer) =>
  (await d.ask(as, `{ customer(id: "${publicId('cus', customer)}") { timeline(${args}) { nodes { id kind channel occurredAt claimed summary subject { __typename ... on Message { text } } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount { count } } } }`)).customer?.timeline;
const MESSAGES = 'filter: { kind: MESSAGE }';

describe('a customer\'s timeline', () => {
  test('is everything of theirs and nothing of others, newest first, and oldest first the same reversed', async () => {
    const newest = await list('first: 100');
    expect(newest.nodes.filter((e: any) => e.kind === 'MESSAGE')).toHaveLength(9);
    expect(newest.nodes.map((e: any) => e.subject.text)).not.toContain('somebody else');
    const times = newest.nodes.map((e: any) => e.occurredAt);
    expect(times).toEqual([...times].sort().reverse());
    const oldest = await list('first: 100, orderBy: OLDEST_FIRST');
    expect(oldest.nodes).toEqual([...newest.nodes].reverse());
    expect(newest.totalCount.count).toBe(newest.nodes.length);
  });

  test('pages forward and backward meet every entry once, in one order', async () => {
    const all = (await list('first: 100')).nodes.map((e: any) => e.id);
    for (const size of [1, 2, 4]) {
      const forward: string[] = [];
      for (let after = ''; ; ) {
        const page = await list(`first: ${size}${after}`);
        forward.push(...page.nodes.map((e: any) => e.id));
        if (!page.pageInfo.hasNextPage) break;
        after = `, after: "${page.pageInfo.endCursor}"`;
      }
      expect(forward).toEqual(all);
      const backward: string[] = [];
      for (let before = ''; ; ) {
        const page = await list(`last: ${size}${before}`);
        backward.unshift(...page.nodes.map((e: any) => e.id));
        if (!page.pageInfo.hasPreviousPage) break;
        before = `, before: "${page.pageInfo.startCursor}"`;
      }
      expect(backward).toEqual(all);
    }
  });

  test('around an entry is the page in whose middle it stands; around another customer\'s it is empty', async () => {
    const all = (await list('first: 100')).nodes.map((e: any) => e.id);
    const page = await list(`first: 5, around: "${all[5]}"`);
    expect(page.nodes.map((e: any) => e.id)).toEqual(all.slice(3, 8));
    expect(page.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
    const [other] = await db.owner`select t.id from timeline_entries t join identities i on i.id = t.identity_id where t.workspace_id = ${w.actor.workspaceId} and i.customer_id <> ${ada} limit 1`;
    expect((await list(`first: 5, around: "${publicId('tle', other!.id)}"`)).nodes).toEqual([]);
  });

  test('is filtered by kind, channel, conversation and time, one by one and together', async () => {
    const count = async (filter: string) => (await list(`first: 100, filter: ${filter}`)).nodes.length;
    expect(await count('{ kind: MESSAGE }')).toBe(9);
    expect(await count('{ kindIn: [MESSAGE, CONVERSATION_OPENED] }')).toBe(10);
    expect(await count('{ channel: SMS }')).toBe(0);
    expect(await count(`{ kind: MESSAGE, conversationId: "${publicId('cnv', conversationId)}" }`)).toBe(9);
    expect(await count(`{ conversationId: "${publicId('cnv', newId())}" }`)).toBe(0);
    expect(await count('{ kind: MESSAGE, occurredAfter: "2026-03-01T00:03:00.000Z" }')).toBe(6);
    expect(await count('{ kind: MESSAGE, occurredAfter: "2026-03-01T00:03:00.000Z", occurredBefore: "2026-03-01T00:06:00.000Z" }')).toBe(3);
    expect(await count('{ not: { kind: MESSAGE } }')).toBe((await list('first: 100')).nodes.length - 9);
  });

  test('another workspace has no such customer', async () => {
    expect(await list('first: 5', ada, viewerOf((await world(db)).actor))).toBeUndefined();
  });

  test('a conversation\'s timeline is what happened in it', async () => {
    const data = await d.ask(viewer, `{ conversation(id: "${publicId('cnv', conversationId)}") { timeline(first: 100, ${MESSAGES}) { nodes { id } } } }`);
    expect(data.conversation.timeline.nodes).toHaveLength(9);
  });
});

describe('what is claimed', () => {
  test('stands in its place on the owner\'s timeline, marked, and no longer marked once confirmed', async () => {
    const grace = await customerOf((await w.say('EMAIL', 'grace@example.com', 'It is me')).identityId!);
    const said = await w.say('LIVE_CHAT', 'visitor-7', 'I am Grace', { claims: 'grace@example.com', at: '2026-03-01T00:00:00.000Z' });
    const texts = async () => (await list(`first: 100, ${MESSAGES}`, grace)).nodes.map((e: any) => [e.subject.text, e.claimed]);
    expect(await texts()).toEqual([['It is me', false], ['I am Grace', true]]);
    // The visitor's own customer sees nothing of hers.
    const visitor = await customerOf(said.identityId!);
    expect((await list(`first: 100, ${MESSAGES}`, visitor)).nodes.map((e: any) => e.subject.text)).toEqual(['I am Grace']);
    const [claim] = await db.owner`select id from claims where claimant_identity_id = ${said.identityId}`;
    await act(db.app, w.actor, (tx) => confirmClaim(tx, { workspaceId: w.actor.workspaceId, actor: w.actor, claimId: claim!.id }));
    expect(await texts()).toEqual([['It is me', false], ['I am Grace', false]]);
  });
});

describe('subjects', () => {
  test('a record that went to somebody else is no longer shown to whom it was taken from', async () => {
    const [from, to] = [await customerOf((await w.say('EMAIL', 'from@example.com', 'a')).identityId!), await customerOf((await w.say('EMAIL', 'to@example.com', 'b')).identityId!)];
    const give = (customerId: string) => act(db.app, w.actor, (tx) => upsertExternalRecord(tx, w.actor, { system: 'shop', type: 'order', externalId: 'moved', owner: { customerId } }));
    const records = async (customer: string) => (await list('first: 10, filter: { kind: RECORD_CHANGE }', customer)).nodes.map((e: any) => e.subject?.__typename ?? null);
    await give(from);
    expect([await records(from), await records(to)]).toEqual([['ExternalRecord'], []]);
    await give(to);
    expect([await records(from), await records(to)]).toEqual([[null], ['ExternalRecord']]);
  });

  test('every kind that is written has its subject', async () => {
    await w.call('+31612345678', 'ringing');
    await act(db.app, w.actor, (tx) => addNote(tx, w.actor, { customerId: ada, body: 'x' }));
    const entries = await db.owner`select distinct on (kind) kind, id from timeline_entries t where workspace_id = ${w.actor.workspaceId}
      and (kind <> 'RECORD_CHANGE' or exists (select from external_records r where r.id = t.ref_id and r.identity_id = t.identity_id)) order by kind, id`;
    expect(entries.map((e) => e.kind)).toEqual(expect.arrayContaining(['CALL', 'CLAIM', 'CONVERSATION_OPENED', 'MESSAGE', 'NOTE', 'RECORD_CHANGE']));
    for (const { id, kind } of entries) {
      const { node } = await d.ask(viewer, `{ node(id: "${publicId('tle', id)}") { ... on TimelineEntry { kind summary subject { __typename } } } }`);
      expect([kind, node.subject?.__typename]).toEqual([kind, expect.any(String)]);
    }
  });
});
