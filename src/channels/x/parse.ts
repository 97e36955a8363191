// Pure: X's webhooks -> events. Two APIs come to one address and are told apart by their form.
//   Account Activity   { for_user_id, <kind>_events: [ … ], users }         https://docs.x.com/x-api/account-activity/introduction
//   X Activity         { data: { event_uuid, event_type, filter, payload } } https://docs.x.com/x-api/activity/event-payloads
import { Unparsable, type InboundEvent, type Parsed, type RawRequest } from '../channel.ts';
import { BASE, messageEvent, type Around } from './message.ts';
import { digestOf, fieldsOf, idOf, isFields, listOf, momentOf, readPayload, type Fields } from './payload.ts';
import { peopleOf } from './people.ts';
import { chatEvent, NO_MESSAGE, readEvent, typingEvent } from './signals.ts';

type Reader = (item: unknown, around: Around) => InboundEvent;

/** Lists of Account Activity that hold what was said and done in Direct Messages. */
const READERS = new Map<string, Reader>([
  ['direct_message_events', messageEvent], ['direct_message_indicate_typing_events', typingEvent], ['direct_message_mark_read_events', readEvent],
]);
/** Fields of Account Activity that say something about the events beside them. */
const CONTEXT = new Set(['users', 'apps']);
/** The other lists: what the account and others did in public, and what X tells of the subscription. */
const NOTICES = new Map<string, 'system' | 'unknown'>([
  ...['tweet_create_events', 'tweet_delete_events', 'favorite_events'].map((word): [string, 'unknown'] => [word, 'unknown']),
  ...['follow_events', 'unfollow_events', 'block_events', 'unblock_events', 'mute_events', 'unmute_events', 'spaces_events', 'user_event', 'replay_job_status', 'replay_event']
    .map((word): [string, 'system'] => [word, 'system']),
]);

/** `event_type` of X Activity -> the list in its payload, where it has one, and who reads it. */
const ACTIVITIES = new Map<string, { list: string | null; read: Reader; sent: boolean }>([
  ['dm.received', { list: 'direct_message_events', read: messageEvent, sent: false }],
  ['dm.sent', { list: 'direct_message_events', read: messageEvent, sent: true }],
  ['dm.read', { list: 'direct_message_mark_read_events', read: readEvent, sent: false }],
  ['dm.indicate_typing', { list: 'direct_message_indicate_typing_events', read: typingEvent, sent: false }],
  ['chat.received', { list: null, read: chatEvent, sent: false }],
  ['chat.sent', { list: null, read: chatEvent, sent: true }],
]);
/** Other types, by what stands before the first point. Posts and likes are what people say in public; the rest tells of accounts. */
const ACTIVITY_NOTICES = new Map<string, 'system' | 'unknown'>([
  ...['chat', 'oauth', 'follow', 'block', 'mute', 'profile', 'spaces'].map((area): [string, 'system'] => [area, 'system']),
  ...['post', 'like', 'news'].map((area): [string, 'unknown'] => [area, 'unknown']),
]);

/** What an operator must know. */
const SENTENCES = new Map([
  ['x_user_event', 'The owner of the X account took away the app\'s access: nothing comes in until it is connected again.'],
  ['x_oauth.revoke', 'The owner of the X account took away the app\'s access: nothing comes in until it is connected again.'],
]);

/** @throws Unparsable when it is no JSON object, or when everything in it says of nobody who sent it */
export function parseX(request: RawRequest): Parsed {
  // The challenge: it is answered, and says nothing.
  if (request.method.toUpperCase() === 'GET') return { events: [], files: [] };
  const payload = readPayload(request.body);
  const activities = listOf(payload.data).filter((one): one is Fields => isFields(one) && typeof one.event_type === 'string');
  return { events: settled(activities.length > 0 ? activities.flatMap(ofActivity) : ofAccount(payload)), files: [] };
}

/** Something that is read by itself: what can't be doesn't take the rest of the delivery with it. */
interface Item {
  word: string;
  raw: unknown;
  around: Around;
  read: Reader;
}

function settled(items: Item[]): InboundEvent[] {
  const refusals: Unparsable[] = [];
  const events = items.map(({ word, raw, around, read }) => {
    try {
      return read(raw, around);
    } catch (error) {
      if (!(error instanceof Unparsable)) throw error;
      // Another type of event is nothing that went wrong: it is kept as what it is.
      if (isMessage(raw)) refusals.push(error);
      return notUnderstood(word, raw, around);
    }
  });
  if (refusals.length > 0 && refusals.length === events.length) throw refusals[0]!;
  return events;
}

const isMessage = (raw: unknown): boolean => isFields(raw) && (raw.type === 'message_create' || raw.sender_id !== undefined);

function ofAccount(payload: Fields): Item[] {
  const around: Around = { account: idOf(payload.for_user_id), people: peopleOf(payload.users), uuid: null, sent: false };
  // A word or a number beside the lists says something of the delivery; an event is an object.
  const words = Object.keys(payload).filter((word) => !CONTEXT.has(word) && typeof payload[word] === 'object');
  const items = words.flatMap((word) => listOf(payload[word]).map((raw): Item => {
    const code = `x_${word}`;
    return { word: code, raw, around: aboutWhom(raw, around), read: READERS.get(word) ?? notice(code, NOTICES.get(word) ?? 'unknown') };
  }));
  if (items.length > 0 && words.some((word) => READERS.has(word) || NOTICES.has(word))) return items;
  return [{ word: 'x_delivery', raw: payload, around, read: notice('x_delivery', 'unknown') }];
}

/** A revocation names the account inside. */
const aboutWhom = (raw: unknown, around: Around): Around => ({ ...around, account: around.account ?? idOf(fieldsOf(fieldsOf(fieldsOf(raw).revoke).source).user_id) });

function ofActivity(data: Fields): Item[] {
  const type = data.event_type as string;
  const known = ACTIVITIES.get(type);
  const payload = fieldsOf(data.payload);
  const around: Around = {
    account: idOf(fieldsOf(data.filter).user_id) ?? (known ? null : idOf(payload.user_id)), people: peopleOf(fieldsOf(data.includes).users, payload.users), uuid: idOf(data.event_uuid),
    sent: known?.sent ?? false,
  };
  const code = `x_${type.slice(0, 60)}`;
  if (!known) return [{ word: code, raw: data, around, read: notice(code, ACTIVITY_NOTICES.get(type.split('.')[0]!) ?? 'unknown') }];
  const listed = known.list === null ? [] : listOf(payload[known.list]);
  return (listed.length > 0 ? listed : [data.payload]).map((raw): Item => ({ word: code, raw, around, read: known.read }));
}

const notice = (code: string, kind: 'system' | 'unknown'): Reader => (raw, around) => {
  if (kind === 'unknown') return notUnderstood(code, raw, around);
  return { ...kept(code, raw, around), kind, system: { code, text: SENTENCES.get(code) ?? null, data: raw } };
};

function notUnderstood(code: string, raw: unknown, around: Around): InboundEvent {
  return { ...kept(code, raw, around), kind: 'unknown', message: { ...NO_MESSAGE, parts: [{ type: 'unsupported', code, raw: raw ?? null }] } };
}

function kept(code: string, raw: unknown, around: Around): Omit<InboundEvent, 'kind'> {
  const fields = fieldsOf(raw);
  const inner = fieldsOf(fields.payload ?? fields.revoke);
  const id = around.uuid ?? idOf(fields.id_str) ?? idOf(fields.id) ?? digestOf(raw);
  const at = momentOf(fields.created_timestamp) ?? momentOf(fields.timestamp_ms) ?? momentOf(fields.created_at) ?? momentOf(inner.timestamp_ms) ?? momentOf(inner.created_at) ?? momentOf(inner.date_time);
  return { ...BASE, direction: 'inbound', account: around.account, dedupeKey: `${code} ${id}`, occurredAt: at, senders: [], recipients: [] };
}

