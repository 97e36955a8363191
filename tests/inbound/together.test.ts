// Messages that are brought in together end as they would one after the other: the same people, conversations, reasons, counts and events.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectChannel } from '../../src/channels/accounts.ts';
import { setConversationStatus } from '../../src/conversations/actions.ts';
import { ingestMessages, type IngestMessage } from '../../src/inbound/ingest.ts';
import { setClock } from '../../src/platform/clock.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { Refusal } from '../../src/platform/errors.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { seedOfRun } from '../harness/seeded.ts';

const SEED = seedOfRun();
const RUNS = Number(process.env.RUNS ?? 15);
const NOON = Date.UTC(2026, 2, 5, 12);
const moment = (minute: number) => new Date(NOON + minute * 60_000).toISOString();

let db: TestDatabase;
let restore: () => void;
let looks = 0;
beforeAll(async () => {
  initSecrets('a secret of the tests, long enough for it');
  // Every look at it a millisecond later, so that what is written later has a later id.
  restore = setClock(() => NOON + 10 * 3_600_000 + (looks = (looks + 1) % 59_000));
  db = await testDatabase();
});
afterAll(async () => {
  restore();
  await db.close();
});

const PEOPLE: Record<'EMAIL' | 'SMS', { kind: string; values: string[] }> = {
  EMAIL: { kind: 'EMAIL', values: ['ada@x.example', 'ben@x.example', 'cleo@x.example'] },
  SMS: { kind: 'PHONE', values: ['+15035550142', '+15035550143', '+5511987654321', '+551187654321'] },
};

const message = fc.record({
  channel: fc.constantFrom('EMAIL' as const, 'SMS' as const), person: fc.nat(3), name: fc.option(fc.constantFrom('Ada', 'Ben', 'A. Lovelace')), outbound: fc.boolean(),
  minute: fc.nat(300), id: fc.option(fc.nat(15), { freq: 6 }), thread: fc.option(fc.nat(2)), answers: fc.option(fc.nat(15)), unfit: fc.nat(20),
});
type Said = typeof message extends fc.Arbitrary<infer T> ? T : never;

const ingested = (said: Said, place: number): IngestMessage => {
  const { kind, values } = PEOPLE[said.channel];
  return {
    channel: said.channel, accountId: null, address: { kind, value: values[said.person % values.length]!, displayName: said.name }, direction: said.outbound ? 'OUTBOUND' : 'INBOUND',
    text: said.unfit === 0 ? '' : `said ${place}`, subject: said.channel === 'EMAIL' ? `subject ${place}` : null,
    // What has no id is put in order by chance among the things of its moment: it gets one of its own.
    occurredAt: moment(said.minute + (said.id === null ? (place + 1) / 100 : 0)), externalId: said.id === null ? null : `id ${said.id}`,
    threadKey: said.thread === null ? null : `thread ${said.thread}`, inReplyTo: said.answers === null ? null : `id ${said.answers}`,
  };
};

function mailOf(person: number, minute: number, more: Partial<Said>): Said {
  return { channel: 'EMAIL', person, name: null, outbound: false, minute, id: null, thread: null, answers: null, unfit: 1, ...more };
}

interface Batch {
  mode: 'LIVE' | 'HISTORICAL';
  /** Afterwards an agent closes what is open. */
  closes: boolean;
  said: Said[];
}

/** Ben's answer opens Ada's matter again, so that she has two when the last of hers come. */
const OPENED_AGAIN: Batch[] = [
  { mode: 'LIVE', closes: true, said: [mailOf(0, 239, { id: null }), mailOf(1, 0, { id: 3 }), mailOf(0, 0, { id: 7, thread: 1 })] },
  { mode: 'LIVE', closes: false, said: [mailOf(1, 0, { id: null, thread: 1 }), mailOf(0, 239, { id: 14, thread: 1, answers: 3 }), mailOf(0, 0, { id: 2, thread: 1, outbound: true }), mailOf(0, 297, { id: 12, thread: 1 })] },
];

/** Brings the batches in, each together or one by one, in a workspace of its own; gives what is there then. */
async function live(batches: Batch[], together: boolean): Promise<unknown> {
  looks = 0;
  const { id: workspaceId, actor } = await db.workspace();
  await inWorkspace(db.app, workspaceId, async (tx) => {
    await connectChannel(tx, actor, { channel: 'EMAIL', provider: 'mime', name: 'Mail', address: 'support@acme.example', settings: { host: 'localhost', from: 'support@acme.example' }, secrets: { inbound: 'a-secret-for-the-door' } });
    await connectChannel(tx, actor, { channel: 'SMS', provider: 'twilio', name: 'SMS', address: '+4930123456', settings: { accountSid: `AC${'0'.repeat(32)}` }, secrets: { authToken: '1'.repeat(32) } });
  });
  const results: unknown[] = [];
  let place = 0;
  for (const { mode, closes, said } of batches) {
    const messages = said.map((one) => ingested(one, place++));
    for (const some of together ? [messages] : messages.map((one) => [one])) {
      const made = await inWorkspace(db.app, workspaceId, (tx) => ingestMessages(tx, actor, some, mode));
      results.push(...made.map((one) => (one instanceof Refusal ? one.message : one.state)));
    }
    if (!closes) continue;
    for (const { id } of await db.owner`select id from conversations where workspace_id = ${workspaceId} and status <> 'CLOSED' order by id`) {
      await inWorkspace(db.app, workspaceId, (tx) => setConversationStatus(tx, actor, { conversationId: id, status: 'CLOSED', snoozedUntil: null }));
    }
  }
  return { results, ...(await ending(workspaceId)) };
}

/** A message is called by its text, a conversation by the first message of it, a customer by his addresses. */
async function ending(workspaceId: string) {
  const { owner } = db;
  const named = owner`
    with m as (select * from messages where workspace_id = ${workspaceId}),
    c as (select conversations.*, (select text from m where m.conversation_id = conversations.id order by substr(text, 6)::int limit 1) as called from conversations where workspace_id = ${workspaceId})`;
  const messages = await owner`${named}
    select m.text, m.subject, m.channel, m.direction, m.author_kind, m.occurred_at, m.tie <> 0 as tied, m.provider_message_id, m.delivery_state, m.sender_trust, m.historical, m.join_reason,
      (select j.text from m j where j.id = m.join_message_id) as joined, (select j.text from m j where j.id = m.in_reply_to_message_id) as answers, m.join_after_channel, c.called, i.value,
      (select array_agg(p.kind || p.text order by ordinal) from message_parts p where p.message_id = m.id) as parts
    from m join c on c.id = m.conversation_id join identities i on i.id = m.identity_id order by m.text`;
  const conversations = await owner`${named}
    select c.called, c.subject, c.status, date_trunc('minute', c.closed_at) as closed_at, c.channels, c.last_inbound_channel, c.waiting_since, c.waiting_order, l.text as last_message, c.last_message_at, date_trunc('minute', c.last_activity_at) as last_activity_at, c.message_count,
      c.first_inbound_at, c.first_response_at, c.reopen_count, c.seq, c.version, c.created_at, r.called as related, i.value,
      (select array_agg(distinct pi.value order by pi.value) from conversation_participants p join identities pi on pi.id = p.identity_id where p.conversation_id = c.id) as participants,
      (select array_agg(e.kind order by e.conversation_seq) from event_outbox e where e.conversation_id = c.id and e.kind <> 'message.updated') as events,
      -- That a message shows what it quotes is told once all are here.
      (select count(*)::int from event_outbox e where e.conversation_id = c.id and e.kind = 'message.updated') as updated
    from c left join c r on r.id = c.related_conversation_id left join m l on l.id = c.last_message_id join identities i on i.id = c.identity_id order by c.called`;
  const customers = await owner`
    select u.name, u.last_activity_at, (select array_agg(i.kind || coalesce(nullif(i.value, u.id::text), '') || coalesce(i.display_name, '') || i.first_seen_at || i.last_seen_at order by i.kind, i.value) from identities i where i.customer_id = u.id) as identities
    from customers u where workspace_id = ${workspaceId} order by identities`;
  const timeline = await owner`${named}
    select t.kind, date_trunc('minute', t.occurred_at) as at, c.called, m.text, i.value, t.data - 'relatedConversationId' - 'viaIdentityId' as data from timeline_entries t left join c on c.id = t.conversation_id left join m on m.id = t.ref_id
    join identities i on i.id = t.identity_id where t.workspace_id = ${workspaceId} order by at, t.kind, m.text, c.called, i.value, t.data::text`;
  const threads = await owner`${named} select t.key, t.kind, m.text, c.called from threads t left join m on m.id = t.message_id join c on c.id = t.conversation_id where t.workspace_id = ${workspaceId} order by t.key, c.called`;
  return { messages, conversations, customers, timeline, threads };
}

describe('messages that are brought in together', () => {
  test(`end as they would one after the other (SEED=${SEED}, ${RUNS} runs)`, { timeout: 60_000 + RUNS * 1_000 }, async () => {
    const batch = fc.record({ mode: fc.constantFrom('LIVE' as const, 'LIVE' as const, 'HISTORICAL' as const), closes: fc.boolean(), said: fc.array(message, { minLength: 1, maxLength: 12 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 3 }), async (batches) => {
        expect(await live(batches, true)).toEqual(await live(batches, false));
      }),
      { seed: SEED, numRuns: RUNS, endOnFailure: true, examples: [[OPENED_AGAIN]] },
    );
  });

  test('and have no moment of their own stand in their order, the last one now', async () => {
    const { id: workspaceId, actor } = await db.workspace();
    await inWorkspace(db.app, workspaceId, (tx) => connectChannel(tx, actor, { channel: 'SMS', provider: 'twilio', name: 'SMS', address: '+4930123456', settings: { accountSid: `AC${'0'.repeat(32)}` }, secrets: { authToken: '1'.repeat(32) } }));
    const texts = Array.from({ length: 60 }, (_, i) => `text ${i}`);
    await inWorkspace(db.app, workspaceId, (tx) => ingestMessages(tx, actor, texts.map((text, i) => ({ channel: 'SMS', accountId: null, address: { kind: 'PHONE', value: '+15035550142' }, direction: 'INBOUND', text, externalId: `x${i}` })), 'LIVE'));
    const stored = await db.owner<{ text: string }[]>`select text from messages where workspace_id = ${workspaceId} order by occurred_at, tie, id`;
    expect(stored.map(({ text }) => text)).toEqual(texts);
    const [conversation] = await db.owner`select m.text, c.message_count from conversations c join messages m on m.id = c.last_message_id where c.workspace_id = ${workspaceId}`;
    expect(conversation).toEqual({ text: 'text 59', messageCount: 60 });
  });

  test('cost the same number of statements whatever their number', async () => {
    const { id: workspaceId, actor } = await db.workspace();
    await inWorkspace(db.app, workspaceId, (tx) => connectChannel(tx, actor, { channel: 'SMS', provider: 'twilio', name: 'SMS', address: '+4930123456', settings: { accountSid: `AC${'0'.repeat(32)}` }, secrets: { authToken: '1'.repeat(32) } }));
    let minute = 0;
    const texts = (count: number): IngestMessage[] =>
      Array.from({ length: count }, (_, i) => ({ channel: 'SMS', accountId: null, address: { kind: 'PHONE', value: `+1503555${1000 + i}` }, direction: 'INBOUND', text: `text ${i}`, occurredAt: moment(minute++) }));
    const statements = (count: number) => inWorkspace(db.app, workspaceId, async (tx) => {
      let run = 0;
      const counting = new Proxy(tx, {
        apply: (target, self, args) => {
          const query = Reflect.apply(target as never, self, args) as { execute?: () => unknown; then?: unknown };
          if (Array.isArray(args[0]) && 'raw' in args[0] && /^\s*(select|insert|update|delete|with)\b/.test(args[0][0] as string)) run++;
          return query;
        },
        get: (target, name) => (name === 'savepoint' ? (work: (inner: unknown) => unknown) => work(counting) : Reflect.get(target, name)),
      });
      await ingestMessages(counting as never, actor, texts(count), 'LIVE');
      return run;
    });
    await statements(50);
    expect(await statements(50)).toBe(await statements(2));
  });
});
