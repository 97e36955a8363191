// A trace as text for the terminal (pure): a line a step, in the order in which things happened.
import { publicId } from '../platform/ids.ts';
import type { Trace } from './trace.ts';

const WIDTH = 13;

/** Ends without a newline. */
export function renderTrace(trace: Trace): string {
  const lines: string[] = [];
  const say = (step: string, text: string): number => lines.push(`${step.padEnd(WIDTH)}${text}`);

  for (const a of trace.arrivals) {
    say('door', `${a.receivedAt}  ${a.source}  ${publicId('dlv', a.deliveryId)}`);
    say('signature', a.source === 'WEBHOOK' ? `verified by ${a.provider} before it was stored` : SIGNATURES[a.source] ?? 'not told');
    say('raw', `${[a.method, a.path].filter(Boolean).join(' ') || 'no request line'}, ${a.bodyBytes} bytes${a.bodySha256 ? `, sha256 ${a.bodySha256.slice(0, 12)}…` : ''}`);
    const tried = a.attempts > 0 ? `, failed ${a.attempts} times` : '';
    say('parse', `${publicId('inb', a.eventId)}  no. ${a.ordinal}  ${a.kind ?? 'not readable'}: ${a.state}${a.appliedAt ? ` at ${a.appliedAt}` : ''}${tried}${a.error ? ` (${a.error})` : ''}`);
  }
  if (trace.arrivals.length === 0) say('door', 'no delivery: written here, brought in by the API, or dropped by retention since');

  const { subject, identity, conversation, routing } = trace;
  if (!subject) {
    say('message', 'none was made of it');
    return lines.join('\n');
  }
  if (identity) {
    say('customer', `${publicId('cus', identity.customerId)} by ${publicId('idn', identity.id)}  ${identity.kind} ${identity.shown}, ${identity.trust}`);
    const via = identity.linkedViaIdentityId ? ` through ${publicId('idn', identity.linkedViaIdentityId)}` : '';
    const claims = identity.pendingClaims > 0 ? `; claims ${identity.pendingClaims} other address(es), undecided` : '';
    say('', `because ${identity.reason ?? 'it is the customer as such'}${via}${claims}`);
  }
  if (conversation) say('conversation', `${publicId('cnv', conversation.id)}  ${conversation.status}: ${conversation.why}`);
  const name = subject.kind === 'MESSAGE' ? 'message' : 'call';
  const trust = subject.senderTrust ? `, sender ${subject.senderTrust}` : '';
  say(name, `${publicId(subject.kind === 'MESSAGE' ? 'msg' : 'cal', subject.id)}  ${subject.direction} ${subject.channel} at ${subject.occurredAt}, here ${subject.receivedAt}: ${subject.state}${trust}${subject.historical ? ', history' : ''}`);
  for (const event of trace.events) {
    const place = event.position === null ? 'not numbered yet' : `position ${event.position}`;
    say('event', `${publicId('evt', event.id)}  ${event.kind}  ${place}, no. ${event.conversationSeq ?? '-'} of the conversation, ${event.occurredAt}`);
  }
  if (routing) {
    say('routing', `${publicId('rtd', routing.decisionId)}  to ${routing.queueName ?? 'no queue'}${routing.earlier ? ', decided for an earlier message' : ''}`);
    for (const reason of routing.reasons) say('', `${reason.matched ? 'yes' : 'no '}  ${reason.name}: ${reason.because.join('; ')}`);
  } else {
    say('routing', subject.direction === 'OUTBOUND' ? 'not routed: the team wrote it' : subject.historical ? 'not routed: history' : 'no decision');
  }
  for (const a of trace.attempts) say('delivery', `attempt ${a.number}  ${a.state}  ${a.startedAt}${a.finishedAt ? ` to ${a.finishedAt}` : ''}${a.errorCode ? `  ${a.errorCode}` : ''}${a.errorReason ? ` ${a.errorReason}` : ''}`);
  for (const r of trace.receipts) say('receipt', `${r.state}  ${r.occurredAt ?? r.receivedAt}${r.appliedAt ? '' : ', not applied yet'}${r.errorCode ? `  ${r.errorCode}` : ''}`);
  return lines.join('\n');
}

const SIGNATURES: Record<string, string> = {
  SMTP: 'mail: none at the door; the sender is believed as far as `sender` says below',
  HTTP: 'the caller\'s key or token',
  IMPORT: 'imported by the operator',
};
