// What Postmark reports of mails that went out. https://postmarkapp.com/developer/webhooks/webhooks-overview: a page a RecordType.
import type { InboundEvent, ObservedAddress } from '../../channel.ts';
import { mailboxAddress, observed } from '../addresses.ts';
import { bounceReason } from '../bounce-reasons.ts';
import { isoMoment } from '../moments.ts';
import { BOUNCE_TYPES, TYPE_OF_CODE, WISHES, type BounceMeaning } from './bounce-types.ts';
import { fieldsOf, idOf, textOf, type Fields } from './json-fields.ts';
import { ourReference } from './metadata.ts';

/** RecordType -> the events of one webhook. */
const RECORDS = new Map<string, (report: Report) => InboundEvent[]>([
  ['Delivery', delivered],
  ['Bounce', bounced],
  ['SpamComplaint', complained],
  ['Open', readBy],
  ['Click', readBy],
  ['SubscriptionChange', suppressed],
]);

/** Null when the webhook is of no kind that is documented. */
export function reportEvents(json: Fields): InboundEvent[] | null {
  const record = textOf(json.RecordType)?.trim();
  const read = record === undefined ? undefined : RECORDS.get(record);
  return read ? read(reportOf(json, record!)) : null;
}

interface Report {
  json: Fields;
  record: string;
  recipient: ObservedAddress | null;
  target: string | null;
  base: Pick<InboundEvent, 'channel' | 'provider' | 'account'>;
  ours: ObservedAddress[];
  attemptId: string | null;
}

function reportOf(json: Fields, record: string): Report {
  const { attemptId, account, messageId } = ourReference(fieldsOf(json.Metadata));
  const ours = mailboxAddress(account ?? textOf(json.From));
  return {
    json, record, attemptId,
    recipient: observed({ name: '', address: textOf(json.Email) ?? textOf(json.Recipient) ?? '' }, 'attested'),
    // A mail of ours is known by its Message-ID, whichever way it goes out; Postmark's id stands for those that others send by the same server.
    target: messageId ?? idOf(json.MessageID),
    base: { channel: 'email', provider: 'postmark', account: ours },
    ours: ours === null ? [] : [observed({ name: '', address: ours })!],
  };
}

const receipt = (report: Report, at: unknown, key: string, o: Pick<NonNullable<InboundEvent['receipt']>, 'state' | 'errorCode' | 'reason' | 'statusClass'>): InboundEvent => ({
  kind: 'receipt', direction: 'outbound', ...report.base, dedupeKey: key, occurredAt: isoMoment(textOf(at)),
  senders: report.ours, recipients: report.recipient ? [report.recipient] : [],
  receipt: { targets: report.target === null ? [] : [report.target], ...o, recipient: report.recipient?.value ?? null, reference: report.attemptId },
});

/** It comes from the person whose address it is. */
const consent = (report: Report, at: unknown, key: string, state: 'given' | 'withdrawn', keyword: string | null): InboundEvent => ({
  kind: 'consent', direction: 'inbound', ...report.base, dedupeKey: key, occurredAt: isoMoment(textOf(at)),
  senders: report.recipient ? [report.recipient] : [], recipients: report.ours, consent: { purpose: 'messages', state, keyword },
});

/** Of reports without an id of their own: what tells them apart. A webhook that is sent again has the same. */
const keyOf = ({ record, json }: Report, ...more: unknown[]): string =>
  [record, idOf(json.MessageID) ?? '', (textOf(json.Recipient) ?? textOf(json.Email) ?? '').toLowerCase(), ...more.map((value) => idOf(value) ?? String(value ?? ''))].join(' ');

const bounceKey = (report: Report): string => {
  const id = idOf(report.json.ID);
  return id === null ? keyOf(report, report.json.Type, report.json.BouncedAt) : `${report.record} ${id}`;
};

function delivered(report: Report): InboundEvent[] {
  const status = /\b(2\.\d{1,3}\.\d{1,3})\b/.exec(textOf(report.json.Details) ?? '')?.[1] ?? null;
  return [receipt(report, report.json.DeliveredAt, keyOf(report, report.json.DeliveredAt), { state: 'delivered', errorCode: null, reason: null, statusClass: status })];
}

/** Opened, or a link in it followed: it was read. Each time is one report. */
function readBy(report: Report): InboundEvent[] {
  const key = keyOf(report, report.json.ReceivedAt, report.json.OriginalLink);
  return [receipt(report, report.json.ReceivedAt, key, { state: 'read', errorCode: null, reason: null, statusClass: null })];
}

function bounced(report: Report): InboundEvent[] {
  const { json } = report;
  const type = textOf(json.Type)?.trim() ?? TYPE_OF_CODE.get(idOf(json.TypeCode) ?? '') ?? 'Unknown';
  if (type === 'SpamComplaint') return complained(report);
  const wish = WISHES.get(type);
  if (wish) return [consent(report, json.BouncedAt, bounceKey(report), wish, type)];
  if (type === 'InboundError') {
    const text = textOf(json.Details) ?? textOf(json.Description) ?? 'Postmark could not hand a mail over.';
    return [{
      // From is who wrote the mail that did not get through to us.
      kind: 'system', direction: 'inbound', ...report.base, account: null, dedupeKey: bounceKey(report), occurredAt: isoMoment(textOf(json.BouncedAt)), senders: [], recipients: [],
      system: { code: 'postmark_inbound_error', text, data: { messageId: idOf(json.MessageID), from: textOf(json.From) } },
    }];
  }
  return [receipt(report, json.BouncedAt, bounceKey(report), bounceOutcome(BOUNCE_TYPES.get(type) ?? BOUNCE_TYPES.get('Unknown')!, textOf(json.Details)))];
}

/** What the other server said is more exact than the type, where it says anything. */
function bounceOutcome({ state, reason, status }: BounceMeaning, details: string | null): Parameters<typeof receipt>[3] {
  if (state === 'delivered') return { state, errorCode: null, reason, statusClass: status };
  const diagnostic = (details ?? '').replace(/^\s{0,20}[\w-]{1,20}\s{0,5};\s{0,5}/, '');
  const said = bounceReason({ status: null, diagnostic, written: '', success: false, delayed: state === 'sending' });
  // "Unknown user" without a status could be a filter's way to refuse; the type says that it isn't.
  const vague = said.reason === 'undefined' || said.reason === 'expired' || (said.reason === 'filtered' && reason === 'userunknown');
  const exact = said.status !== null && !said.status.endsWith('.0.0') ? said.status : said.replyCode === null ? status : (said.status ?? status);
  return { state, errorCode: said.replyCode ?? exact, reason: vague || diagnostic === '' ? reason : said.reason, statusClass: exact };
}

function complained(report: Report): InboundEvent[] {
  const key = bounceKey(report);
  return [
    receipt(report, report.json.BouncedAt, key, { state: 'failed', errorCode: null, reason: 'feedback', statusClass: null }),
    ...(report.recipient ? [consent(report, report.json.BouncedAt, `${key} consent`, 'withdrawn', 'abuse')] : []),
  ];
}

/**
 * An address was put on the list of those that Postmark doesn't send to, or taken from it. After a hard bounce that is nobody's wish; the mail has
 * failed. A manual suppression is an unsubscribing, by the recipient or by whoever runs the server for him.
 */
function suppressed(report: Report): InboundEvent[] {
  const { json } = report;
  const reason = textOf(json.SuppressionReason)?.trim() ?? null;
  const stops = json.SuppressSending === true || json.SuppressSending === 'true';
  const key = keyOf(report, json.ChangedAt, stops);
  if (stops && reason === 'HardBounce') return [receipt(report, json.ChangedAt, key, { state: 'failed', errorCode: '5.0.0', reason: 'userunknown', statusClass: '5.0.0' })];
  return [consent(report, json.ChangedAt, key, stops ? 'withdrawn' : 'given', reason)];
}
