// One message or call explained from end to end: door -> signature -> raw -> parse -> customer (why) -> conversation (why) -> event -> routing
// -> delivery. For the CLI and for support: ids, states and reasons; addresses are shown in part only, texts not at all.
import { explainJoin, type Channel, type JoinReason } from '../conversations/continuity.ts';
import type { Tx } from '../platform/db.ts';
import { publicId, uuidOf } from '../platform/ids.ts';
import type { Reason } from '../routing/rules.ts';

export interface Trace {
  /** Null when what the provider sent made no message or call (yet): `arrivals` say why. */
  subject: Subject | null;
  /** Every delivery that spoke of it, redeliveries and receipts among them, the first first. Empty once retention dropped them. */
  arrivals: Arrival[];
  identity: Identified | null;
  conversation: Joined | null;
  /** What the log tells of it. `position` is null until the sequencer has numbered it. */
  events: TracedEvent[];
  routing: Routed | null;
  attempts: { number: number; state: string; startedAt: string; finishedAt: string | null; errorCode: string | null; errorReason: string | null }[];
  receipts: { state: string; occurredAt: string | null; receivedAt: string; appliedAt: string | null; errorCode: string | null }[];
}
interface Subject {
  kind: 'MESSAGE' | 'CALL';
  id: string;
  channel: string;
  direction: string;
  state: string;
  occurredAt: string;
  receivedAt: string;
  providerId: string | null;
  senderTrust: string | null;
  historical: boolean;
}
interface Arrival {
  deliveryId: string;
  source: string;
  provider: string;
  receivedAt: string;
  method: string | null;
  /** Without its query, which may hold a secret. */
  path: string | null;
  bodyBytes: number;
  bodySha256: string | null;
  eventId: string;
  ordinal: number;
  kind: string | null;
  state: string;
  attempts: number;
  error: string | null;
  appliedAt: string | null;
}
interface Identified {
  id: string;
  customerId: string;
  kind: string;
  shown: string;
  trust: string;
  reason: string | null;
  linkedViaIdentityId: string | null;
  pendingClaims: number;
}
interface Joined {
  id: string;
  status: string;
  why: string;
}
interface TracedEvent {
  id: string;
  kind: string;
  position: number | null;
  conversationSeq: number | null;
  occurredAt: string;
}
interface Routed {
  decisionId: string;
  queueId: string | null;
  queueName: string | null;
  decidedAt: string;
  /** The decision was taken for an earlier message of the conversation, and stood. */
  earlier: boolean;
  reasons: Reason[];
}

/**
 * Explains what `reference` names: our id (`msg_…`, `cal_…`) or a provider's (a Message-ID with or without its angle brackets, a MessageSid, a
 * CallSid). A provider's id can stand on several accounts, so there can be several; none when the workspace never heard of it.
 * Reads only. Without an index by a provider's id alone: seconds on a large workspace.
 */
export async function trace(tx: Tx, workspaceId: string, reference: string): Promise<Trace[]> {
  const ours = { message: uuidOf('msg', reference), call: uuidOf('cal', reference) };
  const bare = reference.replace(/^<|>$/g, '');
  const spellings = [...new Set([reference, bare, `<${bare}>`])];
  const subjects = await tx<SubjectRow[]>`
    select 'MESSAGE' as kind, id, channel, direction, delivery_state as state, occurred_at, received_at, provider_message_id as provider_id, sender_trust, historical,
      account_id, identity_id, conversation_id, join_reason, join_message_id, join_after_channel
    from messages where workspace_id = ${workspaceId} and (id = ${ours.message}::uuid or provider_message_id = any(${spellings}::text[]))
    union all
    select 'CALL', id, 'VOICE', direction, coalesce(chosen_disposition, disposition, state), started_at, created_at, provider_call_id, null, false,
      account_id, identity_id, conversation_id, null, null, null
    from calls where workspace_id = ${workspaceId} and (id = ${ours.call}::uuid or provider_call_id = any(${spellings}::text[]))
    order by occurred_at, id`;
  if (subjects.length > 0) return Promise.all(subjects.map((subject) => ofSubject(tx, workspaceId, subject)));
  const arrivals = await arrivalsOf(tx, workspaceId, { messageId: null, accountId: null, spellings });
  return arrivals.length === 0 ? [] : [{ subject: null, arrivals, identity: null, conversation: null, events: [], routing: null, attempts: [], receipts: [] }];
}

interface SubjectRow extends Subject {
  accountId: string | null;
  identityId: string;
  conversationId: string;
  joinReason: JoinReason | null;
  joinMessageId: string | null;
  joinAfterChannel: Channel | null;
}

async function ofSubject(tx: Tx, workspaceId: string, row: SubjectRow): Promise<Trace> {
  const { accountId, identityId, conversationId, joinReason, joinMessageId, joinAfterChannel, ...subject } = row;
  const isMessage = subject.kind === 'MESSAGE';
  const spellings = subject.providerId === null ? [] : [subject.providerId];
  const events = await eventsOf(tx, workspaceId, conversationId, subject);
  const [conversation] = await tx<{ id: string; status: string }[]>`select id, status from conversations where workspace_id = ${workspaceId} and id = ${conversationId}`;
  return {
    subject,
    arrivals: await arrivalsOf(tx, workspaceId, { messageId: isMessage ? subject.id : null, accountId, spellings }),
    identity: await identityOf(tx, workspaceId, identityId),
    conversation: conversation
      ? { ...conversation, why: joinReason ? explainJoin(joinReason, subject.channel as Channel, joinAfterChannel, joinMessageId && publicId('msg', joinMessageId)) : 'a call joins the open matter of its customer, or opens one' }
      : null,
    events,
    routing: await routingOf(tx, workspaceId, conversationId, events),
    attempts: isMessage
      ? await tx<Trace['attempts']>`select number, state, started_at, finished_at, error_code, error_reason from attempts
          where workspace_id = ${workspaceId} and message_id = ${subject.id} order by number`
      : [],
    receipts: isMessage
      ? await tx<Trace['receipts']>`select state, occurred_at, received_at, applied_at, error_code from receipts
          where workspace_id = ${workspaceId} and message_id = ${subject.id} order by received_at, id`
      : [],
  };
}

/** By the message that they made, and by the provider's id in what the parser read: redeliveries and receipts made no message. */
function arrivalsOf(tx: Tx, workspaceId: string, by: { messageId: string | null; accountId: string | null; spellings: string[] }): Promise<Arrival[]> {
  return tx<Arrival[]>`
    select d.id as delivery_id, d.source, p.provider, d.received_at, d.request->>'method' as method, split_part(d.request->>'url', '?', 1) as path, d.body_bytes, d.body_sha256,
      e.id as event_id, e.ordinal, e.event->>'kind' as kind, e.state, e.attempts, e.error, e.applied_at
    from inbound_events e
    join deliveries d on d.workspace_id = e.workspace_id and d.id = e.delivery_id
    join channel_endpoints p on p.workspace_id = d.workspace_id and p.id = d.endpoint_id
    where e.workspace_id = ${workspaceId} and (e.message_id = ${by.messageId}::uuid or (
      (${by.accountId}::uuid is null or e.account_id = ${by.accountId}) and (
        e.event->'message'->>'providerMessageId' = any(${by.spellings}::text[])
        or e.event->'call'->>'providerCallId' = any(${by.spellings}::text[])
        or e.event->'receipt'->'targets' ?| ${by.spellings}::text[])))
    order by d.received_at, d.id, e.ordinal`;
}

async function identityOf(tx: Tx, workspaceId: string, identityId: string): Promise<Identified | null> {
  const [row] = await tx<(Omit<Identified, 'shown'> & { value: string })[]>`
    select i.id, i.customer_id, i.kind, i.value, i.trust, coalesce(i.evidence #>> '{moved,reason}', i.evidence->>'reason') as reason, i.linked_via_identity_id,
      (select count(*)::int from claims c where c.workspace_id = i.workspace_id and c.claimant_identity_id = i.id and c.state = 'PENDING') as pending_claims
    from identities i where i.workspace_id = ${workspaceId} and i.id = ${identityId}`;
  if (!row) return null;
  const { value, ...identity } = row;
  return { ...identity, shown: value.length < 7 ? '…' : `${value.slice(0, 2)}…${value.slice(-2)}` };
}

function eventsOf(tx: Tx, workspaceId: string, conversationId: string, subject: Subject): Promise<TracedEvent[]> {
  const name = subject.kind === 'MESSAGE' ? 'messageId' : 'callId';
  return tx<TracedEvent[]>`
    select id, kind, position, conversation_seq, occurred_at from events
    where workspace_id = ${workspaceId} and conversation_id = ${conversationId} and data->>${name} = ${subject.id}
    union all
    select id, kind, null, conversation_seq, occurred_at from event_outbox
    where workspace_id = ${workspaceId} and conversation_id = ${conversationId} and data->>${name} = ${subject.id}
    order by conversation_seq`;
}

/** The decision that was taken for it, or else the latest before it, which stood. */
async function routingOf(tx: Tx, workspaceId: string, conversationId: string, events: readonly TracedEvent[]): Promise<Routed | null> {
  const positions = events.flatMap(({ position }) => (position === null ? [] : [position]));
  const last = Math.max(0, ...positions);
  const [row] = await tx<(Omit<Routed, 'earlier'> & { eventPosition: number })[]>`
    select d.id as decision_id, d.queue_id, q.name as queue_name, d.decided_at, d.reasons, d.event_position
    from routing_decisions d left join queues q on q.workspace_id = d.workspace_id and q.id = d.queue_id
    where d.workspace_id = ${workspaceId} and d.conversation_id = ${conversationId} and d.event_position <= ${last}
    order by d.event_position desc limit 1`;
  if (!row) return null;
  const { eventPosition, ...routed } = row;
  return { ...routed, earlier: !positions.includes(eventPosition) };
}
