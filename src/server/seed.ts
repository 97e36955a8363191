// Fills a workspace with invented customers and their conversations: for trying out, for tests of size and for the benches. Everything follows
// from the row's number, so the same numbers give the same data. It is history: no events, nothing is routed, nobody waits unless it says OPEN.
import { NOT_WAITING } from '../../schema/conversations.ts';
import { inWorkspace, type Sql, type Tx } from '../platform/db.ts';

export interface SeedSize {
  customers: number;
  messages: number;
  /** Default and least: 10. A divisor of 5,000, so that no conversation lies in two batches. */
  messagesPerConversation?: number;
}
export interface SeedProgress {
  done: number;
  total: number;
}

type Fragment = ReturnType<Tx>;

const CUSTOMERS_AT_ONCE = 2_000;
const MESSAGES_AT_ONCE = 5_000;
const BATCHES_AT_ONCE = 2;
/** Messages of a conversation, unless more are asked for; the last one takes what is left. */
const MESSAGES_PER_CONVERSATION = 10;
/** The first moment of the data; the last message is some two years later. */
const EPOCH = '2024-01-01T00:00:00.000Z';
/** Numbers are milliseconds after the epoch in ids: 100 days of them. */
const NUMBERS_MAX = 100 * 86_400_000;
const SPAN_MS = 2 * 365 * 86_400_000;

/**
 * Adds customers (each with a self identity, an e-mail address and a phone number), conversations of 10 messages, or as many as are asked for, and their timelines.
 * Numbers go on after what an earlier seed of the workspace made. Throws when the workspace has no account of LIVE_CHAT, EMAIL and SMS.
 */
export async function seed(app: Sql, workspaceId: string, size: SeedSize, progress: (p: SeedProgress) => void): Promise<void> {
  const total = size.customers + size.messages;
  let done = 0;
  const report = (more: number) => progress({ done: (done += more), total });
  const first = await inWorkspace(app, workspaceId, async (tx) => {
    const [row] = await tx<{ n: number }[]>`
      select count(*)::int as n from identities where workspace_id = ${workspaceId} and kind = 'EMAIL' and value like 'seed-%@customers.example'`;
    return row!.n;
  });
  const accounts = await inWorkspace(app, workspaceId, (tx) => tx<{ channel: string; id: string }[]>`
    select distinct on (channel) channel, id from channel_accounts where workspace_id = ${workspaceId} and channel in ('LIVE_CHAT', 'EMAIL', 'SMS')
    order by channel, created_at, id`);
  const base = await inWorkspace(app, workspaceId, (tx) => nextMessage(tx, workspaceId));
  if (accounts.length < 3) throw new Error('Seeding needs an account of LIVE_CHAT, EMAIL and SMS in the workspace; connect them first.');

  await inBatches(app, workspaceId, { total: size.customers, atOnce: CUSTOMERS_AT_ONCE, report }, (tx, from, count) => seedCustomers(tx, workspaceId, first + from, count));
  await inBatches(app, workspaceId, { total: size.messages, atOnce: MESSAGES_AT_ONCE, report }, (tx, from, count) =>
    seedMessages(tx, workspaceId, { first, customers: size.customers, base, perConversation: size.messagesPerConversation ?? MESSAGES_PER_CONVERSATION, from: base + from, count }));
}

/** Runs batches side by side, each in a transaction: of rows that nobody shares, and in the order of their numbers where they share a conversation. */
async function inBatches(
  app: Sql, workspaceId: string, o: { total: number; atOnce: number; report: (done: number) => void }, work: (tx: Tx, from: number, count: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < o.total) {
      const from = next;
      next += o.atOnce;
      const count = Math.min(o.atOnce, o.total - from);
      await inWorkspace(app, workspaceId, async (tx) => {
        // Data that can be made again need not survive a power cut at once; and text is indexed in large strides.
        await tx`select set_config('synchronous_commit', 'off', true), set_config('gin_pending_list_limit', '131072', true)`;
        await work(tx, from, count);
      });
      o.report(count);
    }
  };
  await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, worker));
}

/** The first message number, of a new conversation, that no earlier seed of the workspace used. Seeded ids lie before those of the application. */
async function nextMessage(tx: Tx, workspaceId: string): Promise<number> {
  const seededBefore = `${(Date.parse(EPOCH) + NUMBERS_MAX).toString(16).padStart(12, '0')}${'0'.repeat(20)}`;
  const [last] = await tx<{ id: string }[]>`
    select id from messages where workspace_id = ${workspaceId} and id < ${seededBefore}::uuid order by id desc limit 1`;
  return last ? Math.ceil((Number.parseInt(last.id.slice(-12), 16) + 1) / MESSAGES_PER_CONVERSATION) * MESSAGES_PER_CONVERSATION : 0;
}

/** SQL of a UUIDv7 of a kind and a number: sorts by number, never meets one that the application made. */
const id = (tx: Tx, kind: number, n: Fragment, salt: number) =>
  tx`(lpad(to_hex(${Date.parse(EPOCH)}::int8 + ${n}), 12, '0') || '7' || lpad(to_hex(${kind}::int), 3, '0') || 'b' || lpad(to_hex(${salt}::int8 % 4096), 3, '0') || lpad(to_hex(${n}), 12, '0'))::uuid`;

async function seedCustomers(tx: Tx, workspaceId: string, first: number, count: number): Promise<void> {
  const salt = saltOf(workspaceId);
  await tx`
    with n as (select g::int8 as n, (${EPOCH}::timestamptz + (g % 700) * interval '1 day') as at from generate_series(${first}::int, ${first + count - 1}::int) g),
    made as (
      insert into customers (workspace_id, id, self_identity_id, name, language, tier, last_activity_at, created_at, updated_at)
      select ${workspaceId}, ${id(tx, 1, tx`n`, salt)}, ${id(tx, 2, tx`n`, salt)},
        (array['Amara', 'Bence', 'Chiara', 'Dilan', 'Edda', 'Farid', 'Greta', 'Hamza', 'Ines', 'Jonas', 'Keiko', 'Luca', 'Mina', 'Noor', 'Oskar', 'Petra'])[1 + n % 16] || ' ' ||
        (array['Abela', 'Brandt', 'Costa', 'Demir', 'Eriksen', 'Fontaine', 'Gruber', 'Haddad', 'Ivanova', 'Jansen', 'Kovacs', 'Lindqvist', 'Moreau'])[1 + n / 16 % 13] || ' ' || n,
        (array['en', 'de', 'fr', 'es'])[1 + n % 4], (array['standard', 'standard', 'gold', 'platinum'])[1 + n / 4 % 4], at, at, at
      from n
    )
    insert into identities (workspace_id, id, customer_id, kind, namespace, value, value_raw, trust, linked_via_identity_id, first_seen_at, last_seen_at, created_at)
    select ${workspaceId}, case k when 'SELF' then ${id(tx, 2, tx`n`, salt)} when 'EMAIL' then ${id(tx, 3, tx`n`, salt)} else ${id(tx, 4, tx`n`, salt)} end, ${id(tx, 1, tx`n`, salt)}, k, '',
      v, v, 'ATTESTED', case k when 'SELF' then null else ${id(tx, 2, tx`n`, salt)} end, at, at, at
    from n cross join lateral (values ('SELF', ${id(tx, 1, tx`n`, salt)}::text), ('EMAIL', 'seed-' || n || '@customers.example'), ('PHONE', '+49151' || lpad(n::text, 8, '0'))) a (k, v)`;
  await tx`
    insert into identity_owners (workspace_id, identity_id, customer_id, from_at)
    select workspace_id, id, customer_id, created_at from identities
    where workspace_id = ${workspaceId} and customer_id in (select ${id(tx, 1, tx`g::int8`, salt)} from generate_series(${first}::int, ${first + count - 1}::int) g)`;
  // What is shown of a customer is derived from these; without them the next thing that is observed would clear it.
  await tx`
    insert into attribute_observations (workspace_id, id, identity_id, key, value, source, actor_kind, observed_at)
    select ${workspaceId}, o.id, c.self_identity_id, o.key, to_jsonb(o.value), 'CRM', 'SYSTEM', c.created_at
    from generate_series(${first}::int8, ${first + count - 1}::int8) n
    join customers c on c.workspace_id = ${workspaceId} and c.id = ${id(tx, 1, tx`n`, salt)}
    cross join lateral (values (${id(tx, 9, tx`n`, salt)}, 'name', c.name), (${id(tx, 10, tx`n`, salt)}, 'language', c.language), (${id(tx, 11, tx`n`, salt)}, 'tier', c.tier)) o (id, key, value)`;
}

/** Messages `from` … of all; those of one conversation stand in a row, and conversations go round the customers. */
async function seedMessages(tx: Tx, workspaceId: string, o: { first: number; customers: number; base: number; perConversation: number; from: number; count: number }): Promise<void> {
  const salt = saltOf(workspaceId);
  // No conversation is shorter, so these numbers are nobody's.
  const firstConversation = o.base / MESSAGES_PER_CONVERSATION;
  const conversationOf = (message: number) => firstConversation + Math.floor((message - o.base) / o.perConversation);
  const rows = (columns: ReturnType<Tx>) => tx`
    select ${columns} from (
      select m, c, ${o.first}::int8 + c % ${o.customers}::int8 as cust, k,
        ${EPOCH}::timestamptz + (((c * 7919 + 13) % 1000003)::float8 / 1000003 * ${SPAN_MS}::float8 + k * 240000) * interval '1 ms' as at,
        (array['LIVE_CHAT', 'EMAIL', 'SMS'])[1 + (c + k / 5) % 3] as channel,
        case when m % 2 = 0 or (c % 10 = 0 and m % 10 = 9) then 'INBOUND' else 'OUTBOUND' end as direction,
        (array['My parcel has not moved for three days.', 'Thank you, I have asked the carrier and will come back to you today.', 'Could the delivery go to my neighbour instead?',
          'Yes, I changed that for you just now.', 'The invoice shows the old address.', 'Here is the corrected invoice.', 'It arrived, but one cup is broken.',
          'I am sorry to hear that. A new one leaves our warehouse tomorrow.', 'That was quick, thanks!', 'With pleasure. Have a good day.'])[1 + m % 10] || ' (' || m || ')' as body
      from (select g::int8 as m, ${firstConversation}::int8 + (g - ${o.base}::int8) / ${o.perConversation}::int8 as c, (g - ${o.base}::int8) % ${o.perConversation}::int8 as k
        from generate_series(${o.from}::int8, ${o.from + o.count - 1}::int8) g) numbers
    ) s`;
  const identity = tx`case channel when 'EMAIL' then ${id(tx, 3, tx`cust`, salt)} when 'SMS' then ${id(tx, 4, tx`cust`, salt)} else ${id(tx, 2, tx`cust`, salt)} end`;
  await tx`
    insert into conversations (workspace_id, id, identity_id, status, status_changed_at, status_changed_by_kind, closed_at, history_ended_at, channels, last_inbound_channel, waiting_order,
      last_activity_at, first_inbound_at, created_at)
    ${rows(tx`${workspaceId}, ${id(tx, 5, tx`c`, salt)}, ${identity}, case when c % 5 = 0 then 'OPEN' else 'CLOSED' end, at, 'SYSTEM',
      case when c % 5 = 0 then null else at + interval '1 hour' end, case when c % 5 = 0 then null else at end, array[channel], channel, ${NOT_WAITING}::timestamptz, at, at, at`)}
    where k = 0 on conflict do nothing`;
  await tx`
    insert into conversation_participants (workspace_id, conversation_id, identity_id, joined_at)
    ${rows(tx`distinct ${workspaceId}::uuid, ${id(tx, 5, tx`c`, salt)}, ${identity}, ${EPOCH}::timestamptz`)} on conflict do nothing`;
  await tx`
    insert into messages (workspace_id, id, conversation_id, identity_id, account_id, channel, direction, author_kind, author_id, occurred_at, tie, received_at, text, delivery_state,
      sender_trust, historical, join_reason, created_at)
    ${rows(tx`${workspaceId}, ${id(tx, 6, tx`m`, salt)}, ${id(tx, 5, tx`c`, salt)}, ${identity},
      (select a.id from channel_accounts a where a.workspace_id = ${workspaceId} and a.channel = s.channel order by a.created_at, a.id limit 1), channel, direction,
      case direction when 'INBOUND' then 'CUSTOMER' else 'SYSTEM' end, case direction when 'INBOUND' then ${identity} end, at, 0, at, body,
      case direction when 'INBOUND' then 'RECEIVED' else 'DELIVERED' end, case direction when 'INBOUND' then 'ATTESTED' end, true,
      case when k = 0 then 'NEW_CONVERSATION' when direction = 'INBOUND' then 'OPEN_MATTER' else 'SENT_BY_AGENT' end, at`)}`;
  await tx`
    insert into message_parts (workspace_id, id, message_id, version, ordinal, kind, text, visible_text)
    ${rows(tx`${workspaceId}, ${id(tx, 7, tx`m`, salt)}, ${id(tx, 6, tx`m`, salt)}, 1, 0, 'TEXT', body, body`)}`;
  await tx`
    insert into timeline_entries (workspace_id, identity_id, occurred_at, tie, id, kind, ref_id, conversation_id, channel, actor_kind, actor_id, data)
    ${rows(tx`${workspaceId}, ${identity}, at, 0, ${id(tx, 8, tx`m`, salt)}, 'MESSAGE', ${id(tx, 6, tx`m`, salt)}, ${id(tx, 5, tx`c`, salt)}, channel,
      case direction when 'INBOUND' then 'CUSTOMER' else 'SYSTEM' end, case direction when 'INBOUND' then ${identity} end,
      jsonb_build_object('direction', direction, 'parts', array['TEXT'], 'autoGenerated', false)`)}`;
  // The last message of the batch's conversations; one that goes over the batch's end is seen again with the next.
  await tx`
    update conversations t set last_message_id = l.id, last_message_at = l.at, last_activity_at = l.at, message_count = l.number, channels = l.channels,
      first_response_at = coalesce(t.first_response_at, l.first_response), closed_at = case when t.status = 'CLOSED' then l.at end, history_ended_at = case when t.status = 'CLOSED' then l.at end,
      waiting_since = case when l.waits and t.status = 'OPEN' then l.at end, waiting_order = case when l.waits and t.status = 'OPEN' then l.at else ${NOT_WAITING} end
    from (
      select m.conversation_id, (array_agg(m.id order by m.occurred_at desc))[1] as id, max(m.occurred_at) as at, count(*)::int as number,
        array_agg(distinct m.channel) as channels,
        (array_agg(m.direction order by m.occurred_at desc))[1] = 'INBOUND' as waits, min(m.occurred_at) filter (where m.direction = 'OUTBOUND') as first_response
      from messages m where m.workspace_id = ${workspaceId}
        and m.conversation_id in (select ${id(tx, 5, tx`g::int8`, salt)} from generate_series(${conversationOf(o.from)}::int8, ${conversationOf(o.from + o.count - 1)}::int8) g)
      group by 1
    ) l where t.workspace_id = ${workspaceId} and t.id = l.conversation_id`;
}

/** Ids of two workspaces' seeds differ, though rows of two workspaces could be named alike. */
const saltOf = (workspaceId: string): number => Number.parseInt(workspaceId.slice(-3), 16);
