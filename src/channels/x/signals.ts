// Pure: what isn't a message that can be read -> events: that somebody is typing, that he read, and encrypted chats.
import { Unparsable, type InboundEvent } from '../channel.ts';
import { laneKey } from './account.ts';
import { BASE, type Around } from './message.ts';
import { digestOf, fieldsOf, idOf, momentOf, textOf } from './payload.ts';
import { observedUser, present } from './people.ts';

/** Who did something to whom, as both typing and reading say it. */
function between(item: unknown, around: Around) {
  const event = fieldsOf(item);
  const [from, to] = [idOf(event.sender_id), idOf(fieldsOf(event.target).recipient_id)];
  const sender = observedUser(from, around.people);
  if (sender === null) throw new Unparsable(`It names no X user who did it: sender_id is ${from === null ? 'missing' : `"${from.slice(0, 40)}"`}.`);
  const account = around.account ?? to;
  return {
    event, sender, account, recipients: present(observedUser(to, around.people)), occurredAt: momentOf(event.created_timestamp), isOurs: sender.value === account,
    when: idOf(event.created_timestamp) ?? around.uuid ?? digestOf(item),
  };
}

/** @throws Unparsable when it names no user */
export function typingEvent(item: unknown, around: Around): InboundEvent {
  const { sender, account, recipients, occurredAt, isOurs, when } = between(item, around);
  return {
    ...BASE, kind: 'typing', direction: isOurs ? 'echo_external' : 'inbound', account, dedupeKey: `typing ${sender.value} ${when}`, occurredAt, senders: [sender], recipients, typing: { state: 'on' },
  };
}

/**
 * He read everything up to a message. X names the message; the moment is taken from its id, so that it also holds for a message which nobody here
 * knows by its id. @throws Unparsable when it names no user
 */
export function readEvent(item: unknown, around: Around): InboundEvent {
  const { event, sender, account, recipients, occurredAt, isOurs, when } = between(item, around);
  const upTo = idOf(event.last_read_event_id);
  const base = { ...BASE, account, occurredAt, dedupeKey: `read ${sender.value} ${upTo ?? when}` };
  // Somebody of the team read the customer's message in X's own app: no report of anything that we sent.
  if (isOurs) return { ...base, kind: 'system', direction: 'echo_external', senders: [sender], recipients, system: { code: 'x_read_elsewhere', text: null, data: { upTo } } };
  const watermark = (upTo === null ? null : momentOfId(upTo)) ?? (upTo === null ? occurredAt : null);
  return {
    // The messages that it speaks of went to him, and he is who reports.
    ...base, kind: 'receipt', direction: 'outbound', senders: [sender], recipients: [sender],
    receipt: { state: 'read', errorCode: null, reason: null, recipient: sender.value, ...(upTo === null ? {} : { upTo }), ...(watermark === null ? {} : { watermark }) },
  };
}

/**
 * When X gave out an id: milliseconds since 4 November 2010 in its upper bits. A Direct Message's `created_timestamp` says the same moment. Null for ids
 * from before, which only count. https://docs.x.com/fundamentals/x-ids
 */
export function momentOfId(id: string): string | null {
  if (!/^\d{12,19}$/.test(id)) return null;
  return momentOf(Number((BigInt(id) >> 22n) + 1_288_834_974_657n));
}

/**
 * An XChat message: encrypted from end to end, so that nothing but who and when can be read. It is shown as such: a customer wrote.
 * @throws Unparsable when it names no user
 */
export function chatEvent(item: unknown, around: Around): InboundEvent {
  const payload = fieldsOf(item);
  const from = idOf(payload.sender_id);
  const sender = observedUser(from, around.people);
  if (sender === null) throw new Unparsable(`It names no X user who wrote it: sender_id is ${from === null ? 'missing' : `"${from.slice(0, 40)}"`}.`);
  const conversation = textOf(payload.conversation_id);
  const pair = /^(\d+):(\d+)$/.exec(conversation ?? '')?.slice(1);
  const account = around.account ?? (around.sent ? sender.value : (pair?.find((id) => id !== sender.value) ?? null));
  const isEcho = around.sent || sender.value === account;
  const id = idOf(payload.id);
  const base = { ...BASE, account, occurredAt: momentOf(payload.created_at_msec), dedupeKey: id ?? around.uuid ?? digestOf(item), senders: [sender] };
  const other = isEcho ? (pair?.find((one) => one !== account) ?? null) : account;
  const recipients = present(observedUser(other, around.people));
  if (isEcho && recipients.length === 0) {
    // To a group, whose members it doesn't name: there is nobody's conversation that it belongs to.
    return { ...base, kind: 'unknown', direction: 'echo_external', recipients, message: { ...NO_MESSAGE, providerMessageId: id, parts: [{ type: 'unsupported', code: 'x_chat_sent', raw: item }] } };
  }
  return {
    ...base, kind: 'message', direction: isEcho ? 'echo_external' : 'inbound', recipients,
    message: {
      ...NO_MESSAGE, providerMessageId: id, parts: [{ type: 'encrypted', scheme: 'xchat' }],
      ...(pair || conversation === null ? { threadKey: laneKey(account, isEcho ? other! : sender.value) } : { threadKey: laneKey(account, conversation), groupId: conversation }),
    },
  };
}

export const NO_MESSAGE = { providerMessageId: null, threadKey: null, replyTo: null, subject: null, autoGenerated: null };
