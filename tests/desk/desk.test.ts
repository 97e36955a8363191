import { readFileSync, readdirSync } from 'node:fs';
import { parse, type OperationDefinitionNode } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addNote } from '../../src/crm/actions.ts';
import { upsertExternalRecord } from '../../src/crm/records.ts';
import { openLog } from '../../src/events/log.ts';
import type { Tx } from '../../src/platform/db.ts';
import { newId, publicId } from '../../src/platform/ids.ts';
import { act, person } from '../crm/people.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { desk, viewerOf, type Desk } from './graph.ts';
import { world, type World } from './world.ts';

let db: TestDatabase;
let d: Desk;
beforeAll(async () => {
  db = await testDatabase();
  await openLog(db.app);
  d = await desk(db);
});
afterAll(async () => {
  await d.close();
  await db.close();
});

const operation = (name: string) => readFileSync(new URL(`../../schema/operations/${name}.graphql`, import.meta.url), 'utf8');

/** Ada typed her address in chat, an order is noted, she mails, and calls. */
async function journey(): Promise<{ w: World; adaId: string; conversationId: string; chat: { customerId: string }; recordId: string; noteId: string }> {
  const w = await world(db);
  const mail = await w.say('EMAIL', 'ada@example.com', 'Where is my parcel? It was order #48821.', { subject: 'Parcel', name: 'Ada Lovelace', at: '2026-03-05T10:00:00.000Z' });
  const [{ customerId: adaId }] = (await db.owner`select customer_id from identities where id = ${mail.identityId}`) as unknown as [{ customerId: string }];
  const said = await w.say('LIVE_CHAT', 'visitor-1', 'Hello, my parcel is lost', { claims: 'Ada@Example.com', at: '2026-03-02T09:00:00.000Z' });
  const [{ customerId }] = (await db.owner`select customer_id from identities where id = ${said.identityId}`) as unknown as [{ customerId: string }];
  const { recordId } = await act(db.app, w.actor, (tx) => upsertExternalRecord(tx, w.actor, { system: 'shopify', type: 'order', externalId: '1', number: '#48821', status: 'shipped', owner: { address: { kind: 'EMAIL', value: 'ada@example.com' } } }));
  const noteId = await act(db.app, w.actor, (tx) => addNote(tx, w.actor, { conversationId: mail.conversationId!, body: 'Tracking stopped in Utrecht.', externalRecordIds: [recordId!] }));
  return { w, adaId, conversationId: mail.conversationId!, chat: { customerId }, recordId: recordId!, noteId };
}

describe('agentWorkspace', () => {
  test('one request, one statement: profile, addresses, history, the claimed chat in its place, the order and the note', async () => {
    const j = await journey();
    const data = await d.ask(viewerOf(j.w.actor), operation('agent-workspace'), { conversationId: publicId('cnv', j.conversationId) });
    const { agentWorkspace: screen } = data;
    expect(screen.customer).toMatchObject({ id: publicId('cus', j.adaId), name: 'Ada Lovelace' });
    expect(screen.identities.nodes.map((i: any) => i.value)).toEqual(['ada@example.com']);
    expect(screen.history.nodes.map((c: any) => c.id)).toEqual([publicId('cnv', j.conversationId)]);
    expect(screen.externalRecords.nodes).toMatchObject([{ number: '#48821', status: 'shipped' }]);
    expect(screen.notes.nodes).toMatchObject([{ body: 'Tracking stopped in Utrecht.', externalRecords: [{ number: '#48821' }] }]);
    const messages = screen.timeline.nodes.filter((e: any) => e.kind === 'MESSAGE');
    expect(messages.map((e: any) => [e.channel, e.claimed, e.subject.text])).toEqual([
      ['EMAIL', false, 'Where is my parcel? It was order #48821.'],
      ['LIVE_CHAT', true, 'Hello, my parcel is lost'],
    ]);
    expect(screen.timeline.nodes.map((e: any) => e.kind)).toEqual(expect.arrayContaining(['NOTE', 'RECORD_CHANGE', 'CLAIM', 'CONVERSATION_OPENED']));
    for (const entry of screen.timeline.nodes) {
      expect(entry.summary).toMatch(/^[A-Z]/);
      expect(entry.summary).not.toMatch(/ada|example|utrecht|48821/i);
      expect(entry.subject).not.toBeNull();
    }
  });

  test('a conversation of nobody or of another workspace is null, and an id of another type is refused', async () => {
    const j = await journey();
    const other = await world(db);
    const query = '{ agentWorkspace(conversationId: "ID") { customer { id } } }';
    for (const [viewer, id] of [[viewerOf(j.w.actor), newId()], [viewerOf(other.actor), j.conversationId]] as const) {
      expect(await d.ask(viewer, query.replace('ID', publicId('cnv', id)))).toEqual({ agentWorkspace: null });
    }
    const refused = await d.answer(viewerOf(j.w.actor), query.replace('ID', publicId('cus', j.adaId)));
    expect(refused.errors[0]).toMatchObject({ code: 'INVALID_ID' });
  });
});

describe('screenPop', () => {
  const ask = async (w: World, channel: string, address: string) => (await d.ask(viewerOf(w.actor), operation('screen-pop'), { channel, address })).screenPop;

  test('any spelling of a number finds its customer and the open conversation', async () => {
    const w = await world(db);
    const { customerId } = await person(db.app, w.actor, { phone: '+31612345678', email: 'ada@example.com' }, 'Ada');
    const mail = await w.say('EMAIL', 'ada@example.com', 'Hi');
    for (const spelling of ['+31612345678', '+31 6 1234-5678', 'tel:+31612345678', '0031612345678']) {
      expect(await ask(w, 'VOICE', spelling)).toMatchObject({
        address: '+31612345678', customer: { id: publicId('cus', customerId) }, openConversation: { id: publicId('cnv', mail.conversationId!) }, claims: [],
      });
    }
  });

  test('an address that is only claimed shows who claims it, and no customer', async () => {
    const w = await world(db);
    await w.say('LIVE_CHAT', 'visitor-9', 'Hi', { claims: 'grace@example.com' });
    const pop = await ask(w, 'EMAIL', 'Grace@example.com');
    expect(pop).toMatchObject({ customer: null, identity: null, openConversation: null });
    expect(pop.claims.length).toBe(1);
  });

  test('odd addresses give an answer without a customer, never an error', async () => {
    const w = await world(db);
    const odd = ['', ' ', 'anonymous', '@', 'a@', '+', '+++', 'Restricted', '\'; drop table customers; --', '%', 'x'.repeat(5000), '💥', '9'.repeat(400), 'sip:', '"\\"@x', '{a,b}'];
    for (const channel of ['VOICE', 'SMS', 'EMAIL', 'WHATSAPP', 'X', 'LIVE_CHAT', 'IN_APP', 'MESSENGER', 'INSTAGRAM']) {
      for (const address of odd) expect(await ask(w, channel, address)).toMatchObject({ customer: null, claims: [] });
    }
  });

  test('another workspace sees nobody there', async () => {
    const w = await world(db);
    await w.say('EMAIL', 'ada@example.com', 'Hi');
    expect((await ask(w, 'EMAIL', 'ada@example.com')).customer).not.toBeNull();
    expect((await ask(await world(db), 'EMAIL', 'ada@example.com')).customer).toBeNull();
  });
});

describe('search', () => {
  const ask = async (w: World, query: string, more: object = {}) => (await d.ask(viewerOf(w.actor), operation('search'), { query, ...more })).search;
  const found = (results: any[]) => results.map((r) => r.customer?.displayName ?? r.externalRecord?.number ?? r.message?.text);

  test('finds people by name and address, orders by number and messages by text, each as itself', async () => {
    const { w } = await journey();
    await person(db.app, w.actor, { phone: '+31612345678' }, 'Grace Hopper');
    expect(found(await ask(w, 'lovel'))).toEqual(['Ada Lovelace']);
    expect(found(await ask(w, 'Lovelase'))).toEqual(['Ada Lovelace']);
    expect(found(await ask(w, 'ADA@example'))).toEqual(['Ada Lovelace']);
    for (const typed of ['06 1234 5678', '+31 (6) 1234-5678', '345678']) expect(found(await ask(w, typed))).toEqual(['Grace Hopper']);
    expect(found(await ask(w, '06 1234 5679'))).toEqual([]);
    expect(found(await ask(w, 'gr'))).toEqual(['Grace Hopper']);
    expect(found(await ask(w, '#48821', { kinds: ['EXTERNAL_RECORD'] }))).toEqual(['#48821']);
    expect(found(await ask(w, '4882', { kinds: ['EXTERNAL_RECORD'] }))).toEqual(['#48821']);
    expect(found(await ask(w, 'parcel order', { kinds: ['MESSAGE'] }))).toEqual(['Where is my parcel? It was order #48821.']);
    expect(found(await ask(w, 'parcel -order'))).toEqual(['Hello, my parcel is lost']);
    expect(found(await ask(w, '"my parcel is"'))).toEqual(['Hello, my parcel is lost']);
    const mixed = await ask(w, '48821');
    expect(mixed.map((r: any) => r.kind)).toEqual(['EXTERNAL_RECORD', 'MESSAGE']);
    expect(await ask(w, 'parcel', { first: 1 })).toHaveLength(1);
  });

  test('who may not see addresses finds nobody by one, and nobody finds what he may not read', async () => {
    const { w } = await journey();
    await person(db.app, w.actor, { phone: '+31612345678' }, 'Grace Hopper');
    const by = async (query: string, scopes: string[]) =>
      (await d.ask(viewerOf(w.actor, 'AGENT', scopes), 'query ($query: String!) { search(query: $query) { kind } }', { query })).search.map(({ kind }: any) => kind);
    for (const typed of ['ada@example.com', 'ADA@example', '06 1234 5678', '345678']) {
      expect(await by(typed, ['messages:read', 'customers:read', 'customers:contact'])).toEqual(['CUSTOMER']);
      expect(await by(typed, ['messages:read', 'customers:read'])).toEqual([]);
    }
    expect(await by('lovel', ['messages:read', 'customers:read'])).toEqual(['CUSTOMER']);
    expect(await by('lovel', ['messages:read'])).toEqual([]);
    expect(await by('48821', ['messages:read', 'customers:read'])).toEqual(['MESSAGE']);
    const { errors } = await d.answer(viewerOf(w.actor, 'AGENT', ['messages:read']), '{ search(query: "lovel", kinds: [CUSTOMER]) { kind } }');
    expect(errors).toMatchObject([{ code: 'FORBIDDEN', message: expect.stringContaining('customers:read') }]);
  });

  test('what is typed is no pattern, and odd input finds nothing or something but never fails', async () => {
    const { w } = await journey();
    for (const query of ['%', '%%%', '_d_', '\\', '\\\\%', '', ' ', ':*', '&|!()', '"', '- -', '💥💥', '<b>', 'a', '#', '....', '+']) {
      expect(found(await ask(w, query))).toEqual([]);
    }
    for (const query of ['x'.repeat(201), '\0', '\ud800']) {
      expect((await d.answer(viewerOf(w.actor), operation('search'), { query })).errors[0]!.code).toBe('INVALID_INPUT');
    }
  });

  test('another workspace finds nothing of it, and the functions name no workspace but the context\'s', async () => {
    const { w } = await journey();
    const other = await world(db);
    for (const query of ['Lovelace', 'ada@example.com', '48821', 'parcel']) {
      expect((await ask(w, query)).length).toBeGreaterThan(0);
      expect(await ask(other, query)).toEqual([]);
    }
    // Without a context, as on a fresh connection, they find nothing at all.
    for (const name of ['search_customers', 'search_external_records', 'search_messages']) {
      const rest = name === 'search_customers' ? db.app`, true` : db.app``;
      expect(await db.app`select * from ${db.app(name)}('parcel', 10${rest})`).toEqual([]);
    }
    const [{ open }] = (await db.owner`
      select count(*)::int as open from pg_proc p where p.proname like 'search_%' and (not p.prosecdef or p.proconfig is null or has_function_privilege('public', p.oid, 'execute'))`) as unknown as [{ open: number }];
    expect(open).toBe(0);
  });

  test('each search reads an index', async () => {
    const { actor } = await world(db);
    const { workspaceId } = actor;
    const at = '2026-01-01T00:00:00.000Z';
    const { identityId } = await person(db.app, actor, { email: 'first@example.com' });
    await db.owner`insert into conversations (workspace_id, id, identity_id, status_changed_at, status_changed_by_kind, waiting_order, last_activity_at, created_at)
      values (${workspaceId}, ${newId()}, ${identityId}, ${at}, 'SYSTEM', ${at}, ${at}, ${at})`;
    await db.owner`insert into customers (workspace_id, id, self_identity_id, name, last_activity_at, created_at, updated_at)
      select ${workspaceId}, gen_random_uuid(), gen_random_uuid(), md5(n::text), ${at}, ${at}, ${at} from generate_series(1, 4000) n`;
    await db.owner`insert into identities (workspace_id, id, customer_id, kind, value, value_raw, trust, first_seen_at, last_seen_at, created_at)
      select ${workspaceId}, gen_random_uuid(), c.id, 'EMAIL', c.name || '@example.com', '', 'ATTESTED', ${at}, ${at}, ${at} from customers c where c.name is not null and c.workspace_id = ${workspaceId}`;
    await db.owner`insert into messages (workspace_id, id, conversation_id, identity_id, channel, direction, author_kind, occurred_at, received_at, text, delivery_state, join_reason, created_at)
      select ${workspaceId}, gen_random_uuid(), c.id, c.identity_id, 'SMS', 'INBOUND', 'CUSTOMER', ${at}, ${at}, md5(n::text), 'RECEIVED', 'EXPLICIT', ${at}
      from conversations c, generate_series(1, 4000) n where c.workspace_id = ${workspaceId}`;
    await db.owner`insert into external_records (workspace_id, id, system, type, external_id, number, created_at, updated_at)
      select ${workspaceId}, gen_random_uuid(), 's', 't', n::text, '#' || n, ${at}, ${at} from generate_series(1, 4000) n`;
    for (const table of ['customers', 'identities', 'messages', 'external_records']) await db.owner`vacuum analyze ${db.owner(table)}`;
    for (const [sql, index] of [
      [`select id from customers where workspace_id = $1 and name ilike '%lovel%'`, 'customers_search'],
      [`select id from identities where workspace_id = $1 and kind not in ('SELF', 'VISITOR') and valid_to is null and value ilike '%lovel%'`, 'identities_search'],
      [`select id from messages where workspace_id = $1 and to_tsvector('simple', coalesce(subject, '') || ' ' || coalesce(text, '')) @@ websearch_to_tsquery('simple', 'parcel')`, 'messages_search'],
      [`select id from external_records where workspace_id = $1 and lower(ltrim(number, '#')) like '48821%'`, 'external_records_search'],
    ] as const) {
      const plan = await db.owner.unsafe(`explain ${sql}`, [workspaceId]);
      expect(plan.map((row) => Object.values(row)[0]).join('\n')).toContain(index);
    }
  });

  test('however many messages there are, a rare word, one that stands nowhere and one of every day are found by few of them, the newest first', async () => {
    const { actor } = await world(db);
    const { workspaceId } = actor;
    const at = '2026-01-01T00:00:00.000Z';
    const { identityId } = await person(db.app, actor, { email: 'many@example.com' });
    await db.owner`insert into conversations (workspace_id, id, identity_id, status_changed_at, status_changed_by_kind, waiting_order, last_activity_at, created_at)
      values (${workspaceId}, ${newId()}, ${identityId}, ${at}, 'SYSTEM', ${at}, ${at}, ${at})`;
    // Few words, each in very many messages: what the planner takes for the way of all words.
    await db.owner`insert into messages (workspace_id, id, conversation_id, identity_id, channel, direction, author_kind, occurred_at, received_at, text, delivery_state, join_reason, created_at)
      select ${workspaceId}, gen_random_uuid(), c.id, c.identity_id, 'SMS', 'INBOUND', 'CUSTOMER', ${at}::timestamptz + n * interval '1 second', ${at},
        case when n in (7, 900) then 'a giraffe' when n % 2 = 0 then 'my parcel' when n % 3 = 0 then 'the invoice' else 'good morning' end, 'RECEIVED', 'EXPLICIT', ${at}
      from conversations c, generate_series(1, 8000) n where c.workspace_id = ${workspaceId}`;
    await db.owner`vacuum analyze messages`;
    const readBy = async (tx: Tx) =>
      Number((await tx`select idx_tup_fetch + seq_tup_read as read from pg_stat_xact_user_tables where relname = 'messages'`)[0]!.read);
    const looked = (typed: string) => db.owner.begin(async (tx) => {
      const before = await readBy(tx);
      await tx`select set_config('app.workspace_id', ${workspaceId}, true)`;
      const ids = (await tx<{ id: string }[]>`select id from search_messages(${typed}, 20)`).map(({ id }) => id);
      const read = (await readBy(tx)) - before;
      const times = await tx<{ id: string; occurredAt: string }[]>`select id, occurred_at from messages where workspace_id = ${workspaceId} and id = any(${ids}::uuid[])`;
      return { read, times: ids.map((id) => times.find((each) => each.id === id)!.occurredAt) };
    });
    for (const typed of ['giraffe', 'elephant', 'parcel', 'invoice', 'parcel -my', 'parcel or giraffe']) {
      const { read, times } = await looked(typed);
      const expected = await db.owner<{ occurredAt: string }[]>`select occurred_at from messages where workspace_id = ${workspaceId} and to_tsvector('simple', text) @@ websearch_to_tsquery('simple', ${typed})
        order by occurred_at desc limit 20`;
      expect(times, typed).toEqual(expected.map(({ occurredAt }) => occurredAt));
      expect(read, typed).toBeLessThan(1_100);
    }
  });
});

describe('canonical operations', () => {
  const texts = readdirSync(new URL('../../schema/operations/', import.meta.url)).filter((name) => /^(agent-workspace|timeline|customer|inbox|conversation|screen-pop|search|stats|changes)\.graphql$/.test(name));
  const range = { from: '2026-03-01T00:00:00.000Z', to: '2026-03-31T00:00:00.000Z' };

  test('each is one statement, says what the loaders say, and is affordable at its full size', async () => {
    const j = await journey();
    await j.w.call('+31612345678', 'ringing');
    const variables: Record<string, object> = {
      AgentWorkspace: { conversationId: publicId('cnv', j.conversationId) },
      Timeline: { customerId: publicId('cus', j.adaId) },
      CustomerProfile: { id: publicId('cus', j.adaId) },
      Inbox: {},
      Conversation: { id: publicId('cnv', j.conversationId) },
      ScreenPop: { channel: 'VOICE', address: '+31612345678' },
      Search: { query: 'parcel' },
      ConversationStats: { range, by: ['CHANNEL', 'DAY', 'QUEUE'], timeZone: 'Europe/Amsterdam' },
      ConversationStatsRows: { range, figure: 'MESSAGES_IN' },
      Changes: {},
    };
    const viewer = viewerOf(j.w.actor);
    const asked = new Set<string>();
    for (const name of texts) {
      const document = parse(operation(name.replace('.graphql', '')));
      for (const node of document.definitions.filter((def): def is OperationDefinitionNode => def.kind === 'OperationDefinition')) {
        const operationName = node.name!.value;
        const before = d.graph.pool.statements;
        const answer = await d.graph.query(operation(name.replace('.graphql', '')), viewer, variables[operationName] as never, operationName);
        expect([operationName, answer.errors, answer.path, d.graph.pool.statements - before]).toEqual([operationName, [], 'compiled', 1]);
        expect(answer.cost!.requested).toBeLessThan(d.graph.costMax / 2);
        asked.add(operationName);
      }
    }
    expect([...asked].sort()).toEqual(Object.keys(variables).sort());
  });
});
