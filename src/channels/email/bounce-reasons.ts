// Why a mail wasn't delivered: mail servers' words -> one word of ours. The vocabulary is sisimai's (https://libsisimai.org/en/reason/),
// so that
// figures can be compared; the patterns are read off what servers write, and a status or an SMTP code decides where words don't.
import { PATTERNS, STATUS_REASONS } from './bounce-patterns.ts';
import { words } from './words.ts';

export const BOUNCE_REASONS = [
  'userunknown', 'hostunknown', 'hasmoved', 'mailboxfull', 'suspend', 'filtered', 'rejected', 'blocked', 'badreputation',
  'requireptr', 'authfailure', 'spamdetected', 'virusdetected',
  'contenterror', 'notcompliantrfc', 'policyviolation', 'securityerror', 'norelaying', 'notaccept', 'mesgtoobig', 'exceedlimit',
  'speeding', 'toomanyconn', 'systemfull', 'systemerror', 'mailererror',
  'networkerror', 'expired', 'failedstarttls', 'syntaxerror', 'onhold', 'undefined', 'delivered', 'feedback',
] as const;
export type BounceReason = (typeof BOUNCE_REASONS)[number];

interface Evidence {
  /** From the delivery-status part; null when there is none. */
  status: string | null;
  /** What the server said of this recipient. */
  diagnostic: string;
  /** The whole of the server's words. */
  written: string;
  success: boolean;
  delayed: boolean;
}

/** Characters of a diagnostic that are searched; a table of expressions runs over each. */
const SEARCHED_MAX = 4_000;

/** The reason, the RFC 3463 status (derived from the SMTP code, else from success, where none is given) and the SMTP code. */
export function bounceReason(evidence: Evidence): { reason: BounceReason; status: string | null; replyCode: string | null } {
  const diagnostic = plain(evidence.diagnostic);
  const written = plain(evidence.written);
  const said = diagnostic.trim() === '' ? written : diagnostic;
  const replyCode = smtpCode(diagnostic) ?? (evidence.success ? null : smtpCode(written));
  const status = statusOf(evidence, said, replyCode);
  if (evidence.success) return { reason: 'delivered', status, replyCode };
  const command = commandOf(said) ?? commandOf(written);
  const context = { status, command, replyCode };
  const candidates = [ofText(answerIn(diagnostic, replyCode), context), ofText(diagnostic, context)];
  if (GENERAL_STATUS.test(status) || diagnostic.trim() === '') candidates.push(ofText(written, context));
  candidates.push(STATUS_REASONS[status.slice(2)] ?? null, ofText(written, context));
  const reason = candidates.find((candidate) => candidate !== null) ?? (evidence.delayed || status.startsWith('4') ? 'expired' : 'undefined');
  return { reason: ofCommand(reason, command, replyCode), status, replyCode };
}

/** What the other server answered, from its code on: the words around it are the reporting server's own, the same in all of its reports. */
const answerIn = (text: string, replyCode: string | null): string => {
  const at = replyCode === null ? text.search(/(?:the response was|server returned was|remote server (?:was|said|returned))\s*:/i) : text.search(new RegExp(`\\b${replyCode}\\b`));
  return at < 0 ? '' : text.slice(at);
};

/** On one line; addresses' local parts and web addresses would be taken for words. */
const plain = (text: string): string =>
  text
    .slice(0, SEARCHED_MAX)
    .replace(/https?:\/\/(?!\S*(?:spf|rbl|dnsbl|groups\.google))\S+/gi, ' ')
    .replace(/recipient address rejected:(?=\s*(?!access denied)\S)/gi, '')
    .replace(/[^\s<>"'():;,]{1,64}@/g, '@')
    // The code is repeated on each line of an answer: in the middle of a sentence, once it is told on one line.
    .replace(/\b([245]\d\d)-((?:[245]\.\d{1,3}\.\d{1,3} )?)([^\n]*)\n\s*\1[- ]\2/g, '$1 $2$3 ')
    .replace(/\s+/g, ' ');

const smtpCode = (text: string): string | null => CODES.map((form) => form.exec(text)?.[1]).find((code) => code !== undefined) ?? null;
const CODES = [
  /\b([245]\d\d)[ -]+'?#?[245]\.\d{1,3}\.\d{1,3}\b/,
  /(?:said|<<<|\]|command|failed with|failure|message|reason|data|was|-code: smtp)(?:\s*[:;])?\s+<?([45]\d\d)[ :-]/i,
  /^\s*([245]\d\d)[ :-]/,
  /[:;.({<]\s*([45]\d\d)[ -](?=\D)/,
  /\b([45]\d\d)-'/,
  /\b(4[25]\d|5[0-5]\d)(?= (?:- )?[<"'a-z])/i,
];

/** RFC 3463, 2: class 5 holds for good, 4 for now. `x.0.0` says nothing; then what the server's words hold counts. */
function statusOf({ status, success, delayed }: Evidence, said: string, replyCode: string | null): string {
  if (status !== null && !GENERAL_STATUS.test(status)) return status;
  const inText =
    /\b[245]\d\d[ -]+'?#?([245]\.\d{1,3}\.\d{1,3})\b/.exec(said)?.[1] ?? [...said.matchAll(/(?<![\d.])([45]\.[1-7]\.\d{1,3})(?![\d.])/g)].map((found) => found[1]!).at(-1);
  if (inText !== undefined && !(success && !inText.startsWith('2'))) return inText;
  if (status !== null) return status;
  const digit = success ? '2' : (replyCode?.[0] ?? (delayed ? '4' : '5'));
  return `${digit}.0.0`;
}
const GENERAL_STATUS = /^[245]\.(?:0|[1-7])\.0$/;

/**
 * Which command the server answered: what is refused after RCPT TO is the recipient, before it the sender or his server, after it the
 * content.
 */
type Command = 'CONN' | 'MAIL' | 'RCPT' | 'DATA';
function commandOf(text: string): Command | null {
  const found = ANSWERED.exec(text) ?? />>>\s*(helo|ehlo|mail from|rcpt to|data)\b/i.exec(text);
  const name = found?.[1]?.toLowerCase();
  if (name) return /initial|helo|ehlo/.test(name) ? 'CONN' : name.startsWith('mail') ? 'MAIL' : name.startsWith('rcpt') ? 'RCPT' : 'DATA';
  // Gmail numbers the states of its session.
  const state = /\(state (\d{1,2})\)/.exec(text)?.[1];
  return state === undefined ? null : (GMAIL_STATES[state] ?? null);
}
const ANSWERED = words`
  (?:after|in reply to|in response to|response to|reply to|did not like our|error (?:from|for)|rejected during|command:?)\s+
  (?:the\s+)?(?:pipelined\s+|sending\s+|end of\s+|final\s+|remote server for\s+)?
  (initial connection|helo|ehlo|mail from|mail|rcpt to|rcpt|data|text command|dot|end-of-data|message body|sending data)`;
const GMAIL_STATES: Record<string, Command> = { 5: 'CONN', 6: 'MAIL', 8: 'MAIL', 9: 'MAIL', 12: 'MAIL', 13: 'RCPT', 14: 'RCPT', 15: 'RCPT', 17: 'DATA', 18: 'DATA' };

/** Before MAIL FROM nobody but the connecting server can be meant, before RCPT TO nobody but the sender: "no such domain" is his then. */
function ofCommand(reason: BounceReason, command: Command | null, replyCode: string | null): BounceReason {
  if (replyCode === null) return reason;
  if (command === 'CONN') return ABOUT_RECIPIENT.has(reason) ? 'blocked' : reason;
  return command === 'MAIL' && ABOUT_RECIPIENT.has(reason) && reason !== 'securityerror' ? 'rejected' : reason;
}
const ABOUT_RECIPIENT = new Set<BounceReason>(['userunknown', 'hostunknown', 'filtered', 'securityerror', 'undefined']);

function ofText(text: string, { status, command, replyCode }: { status: string; command: Command | null; replyCode: string | null }): BounceReason | null {
  const found = PATTERNS.find(([, pattern]) => pattern.test(text))?.[0] ?? null;
  if (found !== 'userunknown') return found;
  // "Unknown user" in answer to anything but RCPT TO, or without a status that says so, is a filter's way to refuse (sisimai: filtered).
  if (/\.1\.(?:[013]|10)$/.test(status) || command === 'RCPT' || replyCode === null) return 'userunknown';
  return command === 'DATA' || command === null ? (CERTAINLY_UNKNOWN.test(text) ? 'userunknown' : 'filtered') : 'userunknown';
}
const CERTAINLY_UNKNOWN = /RecipNotFound|address rejected: access denied|user doesn't have a|invalid recipient|user not exist|in (?:virtual|local|relay) (?:mailbox|recipient|alias)/i;
