// Pure: what Twilio's messaging webhooks have in common, text messages and WhatsApp: a message that came in, or a report on one that went out.
// https://www.twilio.com/docs/messaging/guides/webhook-request (incoming), …/guides/outbound-message-status-in-status-callbacks (reports)
import { OfAnotherChannel, Unparsable, type ChannelName, type InboundEvent, type ObservedAddress, type RawRequest } from '../channel.ts';
import { observedAddress } from './address.ts';
import { meaningOf } from './codes.ts';
import { ownParameter, readFields, type Fields } from './form.ts';

export interface MessageWebhook {
  fields: Fields;
  url: string;
  /** The message's. A fallback delivery (`ErrorCode`, `ErrorUrl`) has the same: it is the same message. */
  sid: string;
  status: string | null;
  /** It comes in; else this is a report. */
  arriving: boolean;
  /** What stands before the addresses (`whatsapp`); null for telephone numbers, and where there are none (a report that isn't at an address of ours). */
  network: string | null;
  /** Our side and the other, as Twilio writes them. */
  ours: string | null;
  theirs: string | null;
}

/** @throws Unparsable when it names no message */
export function readMessageWebhook(request: RawRequest): MessageWebhook {
  const fields = readFields(request);
  // Three names of one id, for webhooks of three ages.
  const sid = fields.text('MessageSid') ?? fields.text('SmsSid') ?? fields.text('SmsMessageSid');
  if (sid === null) {
    if (fields.text('CallSid') !== null) throw new OfAnotherChannel('It is about a call, not about a message.');
    throw new Unparsable('It names no message: MessageSid, SmsSid and SmsMessageSid are missing.');
  }
  const status = (fields.text('MessageStatus') ?? fields.text('SmsStatus'))?.toLowerCase() ?? null;
  const arriving = status === null || ARRIVING.has(status);
  const [from, to, named] = [fields.phone('From'), fields.phone('To'), ownParameter(request.url, 'account')];
  const [ours, theirs] = arriving ? [to ?? named, from] : [from ?? named, to];
  const network = networkOf(from) ?? networkOf(to) ?? networkOf(named) ?? fields.text('ChannelPrefix')?.toLowerCase() ?? null;
  return { fields, url: request.url, sid, status, arriving, network, ours, theirs };
}

const networkOf = (address: string | null): string | null => /^([a-z]+):/i.exec(address ?? '')?.[1]?.toLowerCase() ?? null;

/** The states of a message that is coming in. */
const ARRIVING = new Set(['received', 'receiving']);
/** MessageStatus (on old callbacks SmsStatus) -> how far the message came. */
const STATES = new Map<string, NonNullable<InboundEvent['receipt']>['state']>([
  ['accepted', 'accepted'], ['scheduled', 'accepted'], ['queued', 'accepted'], ['sending', 'sending'], ['sent', 'sent'], ['delivered', 'delivered'],
  ['read', 'read'], ['undelivered', 'failed'], ['failed', 'failed'], ['canceled', 'failed'],
]);
/** Twilio's refusal to send to somebody who sent STOP. */
const OPTED_OUT = '21610';

/** Where the number is said to be (FromCity, FromZip …) is a guess by its prefix, wrong for ported numbers, and isn't taken. */
export const addressOf = ({ fields }: MessageWebhook, raw: string | null, displayName: string | null = null): ObservedAddress | null =>
  observedAddress(raw, { accountSid: fields.text('AccountSid'), trust: 'attested', displayName });

export const present = <T>(value: T | null): T[] => (value === null ? [] : [value]);

/** What is true of a message that came in, before its content. @throws Unparsable when it names no sender */
export function arrival(webhook: MessageWebhook, o: { channel: ChannelName; account: string | null; senders: ObservedAddress[] }) {
  if (o.senders.length === 0) throw new Unparsable('It names no sender: From is missing.');
  return { ...o, direction: 'inbound' as const, provider: 'twilio', occurredAt: null, recipients: present(addressOf(webhook, webhook.ours)) };
}

/**
 * A report, and the consent that it tells of. `recipients`: the customer's addresses, the one written to first.
 * @throws Unparsable for a status that Twilio doesn't document
 */
export function reports(webhook: MessageWebhook, o: { channel: ChannelName; account: string | null; recipients: ObservedAddress[] }): InboundEvent[] {
  const { fields, url, sid, status } = webhook;
  const state = STATES.get(status!);
  if (state === undefined) throw new Unparsable(`The status "${status!.slice(0, 40)}" is not one that Twilio documents.`);
  const given = fields.text('ErrorCode');
  const errorCode = given === '0' ? null : given;
  const [recipient] = o.recipients;
  const reason = errorCode === null ? (FAILED_WITHOUT_CODE.get(status!) ?? null) : meaningOf(errorCode, fields.text('ErrorMessage')).reason;
  const base = { channel: o.channel, provider: 'twilio', account: o.account, occurredAt: null };
  const ourselves = present(addressOf(webhook, webhook.ours));
  const receipt: InboundEvent = {
    ...base, kind: 'receipt', direction: 'outbound', dedupeKey: `${sid}:${status}`, senders: ourselves, recipients: o.recipients,
    receipt: { targets: [sid], state, errorCode, reason, recipient: recipient?.value ?? null, reference: ownParameter(url, 'attempt') },
  };
  if (errorCode !== OPTED_OUT || recipient === undefined) return [receipt];
  // What it says of the recipient comes from him: he sent a STOP before.
  return [receipt, {
    ...base, kind: 'consent', direction: 'inbound', dedupeKey: `${sid}:consent`, senders: o.recipients, recipients: ourselves,
    consent: { purpose: 'messages', state: 'withdrawn', keyword: null },
  }];
}

const FAILED_WITHOUT_CODE = new Map([
  ['undelivered', 'The carrier did not deliver the message and does not say why.'],
  ['failed', 'Twilio could not send the message and does not say why.'],
  ['canceled', 'The message was canceled before it was sent.'],
]);
