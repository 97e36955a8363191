// The log as the graph shows it: one type for every event, the change feed and the place where a client starts.
import { Call } from '../calls/fields.ts';
import { Conversation } from '../conversations/fields.ts';
import { ExternalRecord, Note } from '../crm/fields.ts';
import { Customer } from '../customers/fields.ts';
import { EVENT_KINDS, type EventKind } from '../events/catalog.ts';
import { decodeCursor, encodeCursor } from '../events/log.ts';
import { column, computed, embed, entity, enumeration, expression, one, query, rootLeaf, rows, type RowSql } from '../graphql/entity.ts';
import { Identity } from '../identities/fields.ts';
import { Message } from '../messages/fields.ts';
import { ConversationChange } from '../parting/fields.ts';
import { Refusal } from '../platform/errors.ts';
import { publicId } from '../platform/ids.ts';
import { Actor } from '../workspaces/actor.ts';

const CHANGES_DEFAULT = 50;
const CHANGES_MAX = 100;

/** `message.received` -> `MESSAGE_RECEIVED`. */
export const shownKind = (kind: string): string => kind.toUpperCase().replace('.', '_');
const STORED_KINDS = new Map((Object.keys(EVENT_KINDS) as EventKind[]).map((kind) => [shownKind(kind), kind]));

export const EventKindType = enumeration(
  'EventKind',
  'What happened. Kinds are added over time: a client passes over those that it does not know.',
  [...STORED_KINDS.keys()],
  Object.fromEntries([...STORED_KINDS].map(([shown, kind]) => [shown, EVENT_KINDS[kind]])),
);
/** The kinds of the log that were asked for by their GraphQL names. */
export const storedKinds = (shown: readonly string[]): EventKind[] => shown.map((name) => STORED_KINDS.get(name)!);

/** What an id of `data` is an id of. Those that aren't here have no type in the graph and are left out of `details`. */
const PREFIXES: Record<string, string> = {
  accountId: 'cha', apiKeyId: 'key', assigneeId: 'mem', callId: 'cal', changeId: 'ccg', claimantIdentityId: 'idn', conversationId: 'cnv', customerId: 'cus',
  externalRecordId: 'rec', externalRecordIds: 'rec', fromConversationId: 'cnv', fromCustomerId: 'cus', identityId: 'idn', linkedViaIdentityId: 'idn', memberId: 'mem',
  claimId: 'clm', decisionId: 'rtd', messageId: 'msg', noteId: 'nte', routingRuleId: 'rul', queueId: 'que', referralId: 'rfr', replacedByIdentityId: 'idn', relatedConversationId: 'cnv', teamId: 'tea', toConversationId: 'cnv', toCustomerId: 'cus', viaIdentityId: 'idn',
};
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** `data` with public ids. */
export function detailsOf(data: Record<string, unknown>): Record<string, unknown> {
  const details: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(data)) {
    const prefix = PREFIXES[name];
    const shown = (one: unknown) => (prefix && typeof one === 'string' && UUID.test(one) ? publicId(prefix, one) : one);
    const isHidden = !prefix && [value].flat().some((one) => typeof one === 'string' && UUID.test(one));
    if (!isHidden) details[name] = Array.isArray(value) ? value.map(shown) : shown(value);
  }
  return details;
}

const idIn = (name: string): RowSql => (row) => `(${row}.data->>'${name}')::uuid`;

const fromSource = (row: string, sql: string): string => `(select ${sql} from event_sources s where s.workspace_id = ${row}.workspace_id and s.hash = ${row}.source)`;

export const Event = entity('Event', {
  prefix: 'evt',
  table: 'events',
  permission: 'events:read',
  description: 'Something that happened, as the log keeps it: ids and states, never names, addresses or text. What it is about is read as it is now.',
  fields: {
    kind: expression(EventKindType, (row) => `upper(replace(${row}.kind, '.', '_'))`, 'What happened.'),
    occurredAt: column('DateTime', 'occurred_at', 'When it happened. The log’s own order is that of `cursor`.'),
    actor: embed(() => Actor, { kind: 'actor_kind', id: 'actor_id' }, 'Who did it.'),
    cursor: computed('Cursor', ['workspace_id', 'position'], (workspaceId: string, position: number) => encodeCursor(workspaceId, position),
      'Its place in the log: the `after` that continues behind it, in `changes` and in every subscription that is told from the log.'),
    conversation: one(() => Conversation, 'conversation_id', 'The conversation that it belongs to; null when it belongs to none.', { nullable: true, permission: 'conversations:read' }),
    conversationSeq: expression('Int', (row) => `${row}.conversation_seq::int4`,
      'Its number among the conversation’s events, from 1 without gaps; null outside of conversations.', { nullable: true }),
    customer: one(() => Customer, (row) => `(select coalesce(
        (select owner.customer_id from identities owner where owner.workspace_id = ${row}.workspace_id and owner.id = (${row}.data->>'identityId')::uuid),
        (${row}.data->>'customerId')::uuid))`,
      'Whom it is about: who owns the address now, or the customer that it named. Null when it is about nobody.', { nullable: true, permission: 'customers:read' }),
    identity: one(() => Identity, idIn('identityId'), 'The address that it came by or is about; null when there is none.', { nullable: true, permission: 'customers:contact' }),
    message: one(() => Message, idIn('messageId'), 'The message; null unless it is about one.', { nullable: true, permission: 'messages:read' }),
    call: one(() => Call, idIn('callId'), 'The call; null unless it is about one.', { nullable: true, permission: 'messages:read' }),
    note: one(() => Note, idIn('noteId'), 'The note; null unless it is about one.', { nullable: true, permission: 'notes:read' }),
    conversationChange: one(() => ConversationChange, idIn('changeId'), 'What was moved between conversations; null unless it is about that.', { nullable: true, permission: 'conversations:read' }),
    externalRecord: one(() => ExternalRecord, idIn('externalRecordId'), 'The record of another system; null unless it is about one.', { nullable: true, permission: 'records:read' }),
    sourceAddress: expression('String', (row) => fromSource(row, 's.address'),
      'The network address that it was done from. Null when nobody called (a timer, a delivery of a provider), when it was erased, and for what is older than this.',
      { nullable: true, permission: 'keys:write' }),
    credentialId: expression('String', (row) => fromSource(row, `case s.credential_kind when 'API_KEY' then 'key_' when 'PUBLISHABLE_KEY' then 'cha_' else 'tok_' end || replace(s.credential_id::text, '-', '')`),
      'What let in who did it: the API key (`key_…`), the member’s or visitor’s token (`tok_…`), or the chat of a publishable key (`cha_…`). Null when nobody called.',
      { nullable: true, permission: 'keys:write' }),
    details: computed('JSON', ['data'], detailsOf, 'The other facts of its kind: ids, states, counts and versions by name.'),
  },
});

query({
  cursor: rootLeaf('Cursor', (workspace) => `(select json_build_array(${workspace}, coalesce(max(e.position), 0)) from events e where e.workspace_id = ${workspace})`,
    'The end of the log, at the very moment that the rest of this operation was read: give it as `after` to a subscription or to `changes`, and nothing is missed in between.', {
      permission: 'any',
      compute: ([workspaceId, position]: [string, number]) => encodeCursor(workspaceId, position),
    }),
  changes: rows(() => Event, 'What happened after a place in the log, in order: the change feed. The last event’s `cursor` continues it; a page that is not full reached the end.', {
    permission: 'events:read',
    args: {
      after: { type: 'Cursor', description: 'Begins after this place. Without it, with the first event there is. RESYNC when the database was restored since.' },
      first: { type: 'Int', default: CHANGES_DEFAULT, description: `How many events: 1 to ${CHANGES_MAX}, default ${CHANGES_DEFAULT}.` },
      kinds: { type: EventKindType, list: true, description: 'Only these kinds; all without it.' },
    },
    prepare: ({ after, first, kinds }: { after?: string | null; first?: number | null; kinds?: string[] | null }, viewer) => {
      const limit = first ?? CHANGES_DEFAULT;
      if (limit < 1 || limit > CHANGES_MAX) throw new Refusal('INVALID_INPUT', `\`first\` is ${limit}, not 1 to ${CHANGES_MAX}.`, { field: ['first'] });
      return {
        shape: kinds ? 'kinds' : 'all',
        values: {
          after: { cast: 'int8', value: after == null ? 0 : decodeCursor(viewer.workspaceId, after) },
          first: { cast: 'int4', value: limit },
          ...(kinds ? { kinds: { cast: 'text[]', value: storedKinds(kinds) } } : {}),
        },
      };
    },
    sql: (shape, param, workspace) => `select e.* from events e where e.workspace_id = ${workspace} and e.position > ${param('after')}
      ${shape === 'kinds' ? `and e.kind = any(${param('kinds')})` : ''} order by e.position limit ${param('first')}`,
  }),
});
