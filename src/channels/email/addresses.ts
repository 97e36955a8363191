// Who wrote a mail, to whom, and which of our mailboxes it came to. Headers are claims; only authenticate.ts makes more of one.
import { normalAddress } from '../../identities/address.ts';
import type { ObservedAddress } from '../channel.ts';
import type { Mail, Mailbox } from './mime.ts';
import { splitReplyAddress } from './reply-address.ts';

/** The mailbox in its normal form, or null when the text is no address. */
export const mailboxAddress = (text: string | null): string | null =>
  text === null ? null : (normalAddress({ kind: 'email', value: withoutRoute(text) })?.value ?? null);

/** `@relay.example:ada@acme.example` -> `ada@acme.example`: RFC 5322, 4.4 asks to ignore the route. */
const withoutRoute = (text: string): string => text.trimStart().replace(/^(?:<\s*)?@[^:\s]{1,500}:/, '');

/** An observed address of kind email; null when the text is none. `valueRaw` keeps a reply token, `value` never has one. */
export function observed(mailbox: Mailbox, trust: ObservedAddress['trust'] = 'claimed'): ObservedAddress | null {
  const address = normalAddress({ kind: 'email', value: withoutRoute(mailbox.address) });
  if (!address) return null;
  return {
    kind: 'email',
    namespace: '',
    value: splitReplyAddress(address.value).mailbox,
    valueRaw: address.valueRaw,
    trust,
    displayName: mailbox.name.replace(/^["'\s]+|(?<!["'\s])["'\s]+$/g, '') || null,
  };
}

/**
 * Headers that name the mailbox a server delivered to, the surest first. What stands on top was written last, by the server nearest to
 * us.
 */
const DELIVERED_HEADERS = [
  'delivered-to', 'x-original-to', 'x-forwarded-to', 'envelope-to', 'x-envelope-to', 'x-delivered-to', 'original-recipient',
  'x-forwarded-for',
];
const deliveredTo = (mail: Mail, name: string): string | null =>
  mail.first(name)?.split(/[\s,]+/).find((word) => word.includes('@'))?.replace(/^rfc822;/i, '') ?? null;

/**
 * Our mailbox that the mail was sent to, without a reply token: the envelope's recipient, else what a delivering server wrote, else the
 * first of To and Cc.
 * Null when none of them holds an address.
 */
export function accountOf(mail: Mail, envelopeTo: string | null): string | null {
  const candidates = [
    envelopeTo,
    ...DELIVERED_HEADERS.map((name) => deliveredTo(mail, name)),
    ...mail.mailboxes('to').map(({ address }) => address),
    ...mail.mailboxes('cc').map(({ address }) => address),
  ];
  for (const candidate of candidates) {
    const address = mailboxAddress(candidate);
    if (address !== null) return splitReplyAddress(address).mailbox;
  }
  return null;
}

/** To and Cc, then the envelope's recipient when they don't name it (a blind copy, a reply address); none twice. */
export function recipientsOf(mail: Mail, envelopeTo: string | null): ObservedAddress[] {
  const boxes = [...mail.mailboxes('to'), ...mail.mailboxes('cc'), ...(envelopeTo === null ? [] : [{ name: '', address: envelopeTo }])];
  const byRaw = new Map<string, ObservedAddress>();
  for (const box of boxes) {
    const address = observed(box);
    const key = address && (mailboxAddress(address.valueRaw) ?? address.value);
    if (address && key && !byRaw.has(key)) byRaw.set(key, address);
  }
  return [...byRaw.values()];
}

/**
 * The true sender first. From, except where it isn't the person's:
 *   a mailing list put its own address there (X-Original-Sender, X-Original-From, or "Ada via List" with Reply-To: Ada);
 *   a form or a shop's system sends from our own or a no-reply mailbox and names the customer in Reply-To;
 *   the person asks in Reply-To to be written to elsewhere.
 * In the last case From follows, claimed: `attested` holds for From alone, and what Reply-To says is never more than a claim.
 */
export function sendersOf(mail: Mail, o: { account: string | null; attestedFrom: string | null }): ObservedAddress[] {
  const trustOf = (address: string): ObservedAddress['trust'] =>
    o.attestedFrom !== null && mailboxAddress(address) === o.attestedFrom ? 'attested' : 'claimed';
  const from = valid(mail.mailboxes('from')) ?? valid(mail.mailboxes('sender'));
  const original = valid(['x-original-sender', 'x-original-from'].map((name) => ({ name: '', address: mail.first(name) ?? '' })));
  if (original && (!from || mailboxAddress(original.address) !== mailboxAddress(from.address))) {
    const name = from ? from.name.replace(/(?<!\s)\s+via\s[^]*$/i, '') : '';
    return known([observed({ name: name !== from?.name ? name : '', address: original.address })]);
  }

  const replyTo = mail.mailboxes('reply-to').filter(({ address }) => mailboxAddress(address) !== null);
  const [answerTo] = replyTo;
  if (!from) return known([answerTo ? observed(answerTo) : null]);
  const written = observed(from, trustOf(from.address));
  const answersElsewhere = answerTo && replyTo.length === 1 && mailboxAddress(answerTo.address) !== written?.value && !isOurs(answerTo, mail, o.account);
  if (!answersElsewhere) return known([written]);
  const isList = mail.names().some((name) => name.startsWith('list-') || name === 'mailing-list');
  const isRewritten = /\svia\s/i.test(from.name);
  if (isList && !isRewritten) return known([written]);
  const named = { name: answerTo.name || (isRewritten ? from.name.replace(/(?<!\s)\s+via\s[^]*$/i, '') : from.name), address: answerTo.address };
  const fromIsPersons = !isRewritten && !MACHINE.test(from.address.slice(0, 1_000)) && !isOurs(from, mail, o.account);
  return known([observed(named), fromIsPersons ? observed(from) : null]);
}

const MACHINE = /(?:^|[+._-])(?:no-?_?reply|do-?_?not-?_?reply|mailer-?daemon|postmaster|notifications?)(?:[+._-][^@]*)?@/i;

const valid = (boxes: Mailbox[]): Mailbox | null => boxes.find(({ address }) => mailboxAddress(address) !== null) ?? null;
const known = (addresses: (ObservedAddress | null)[]): ObservedAddress[] => addresses.filter((address) => address !== null);

/** Our mailbox, by the envelope; a reply address of ours; or a mailbox that the mail itself was sent to. */
function isOurs(box: Mailbox, mail: Mail, account: string | null): boolean {
  const address = mailboxAddress(box.address);
  if (address === null) return false;
  const { mailbox, token } = splitReplyAddress(address);
  return token !== null || mailbox === account || [...mail.mailboxes('to'), ...mail.mailboxes('cc')].some((other) => mailboxAddress(other.address) === address);
}
