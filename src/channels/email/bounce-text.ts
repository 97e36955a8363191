// Bounces that follow no form: whether a mail is one, where the returned mail begins in its text, and whom it speaks of.
import type { Mail } from './mime.ts';
import { words } from './words.ts';

const TEXT_MAX = 100_000;

/** The server's own words: the text up to where it quotes the returned mail. */
export function bounceText(text: string): string {
  const lines = text.slice(0, TEXT_MAX).split('\n');
  let length = 0;
  for (let i = 0; i < lines.length; i++) {
    if (i > 0 && (ORIGINAL_BEGINS.test(lines[i]!) || headersBegin(lines, i))) return text.slice(0, length);
    length += lines[i]!.length + 1;
  }
  return text.slice(0, TEXT_MAX);
}

/** Lines by which mail servers announce the returned mail. One run of ornaments and blanks at each end: a line of dashes alone is as long as its sender likes. */
const ORIGINAL_BEGINS = words`
  ^[\s*>[=_-]*(?:this is a copy of (?:the|your) (?:message|header)|original message(?:\s+(?:follows|headers|
  header))?[-:*.\s]*$|(?:the )?headers? of the original message|message headers? follows?|included is a copy of the message|
  below this line is a copy of the message|unsent message follows|unsent message below|undelivered message follows|
  returned message follows|the original message follows|your (?:original )?message (?:is )?(?:follows|below)|
  text of (?:the )?message follows|copy of the original message|original message headers|received message follows|
  \[?message headers?\]?\s*$)`;

const HEADER_LINE = words`
  ^(?:received|return-path|from|to|cc|message-id|date|mime-version|subject|content-type|content-transfer-encoding|
  dkim-signature|x-[\w-]+|delivered-to|reply-to|sender|user-agent|in-reply-to|references|organization|importance|thread-\w+|
  arc-[\w-]+|authentication-results|received-spf|list-[\w-]+):(?:\s|$)`;

/** Three headers among eight lines, the first of them here and not indented: a mail begins, announced or not. */
function headersBegin(lines: string[], at: number): boolean {
  if (!HEADER_LINE.test(lines[at]!)) return false;
  let headers = 0;
  for (let i = at; i < Math.min(at + 8, lines.length); i++) if (HEADER_LINE.test(lines[i]!)) headers++;
  return headers >= 3;
}

const DAEMON = /^(?:mailer-?daemon|mail-?daemon|post_?master|mail-?delivery|mdaemon|bounces?)(?:[+._-][^@]*)?(?:@|$)/i;
const DAEMON_NAME = words`
  mail(?:er)? (?:delivery|daemon)|mail system|postmaster|mailer-daemon|delivery (?:subsystem|system|agent)|mail administrator`;
const BOUNCE_SUBJECT = words`
  undeliver|loop alert: duplicated|delivery (?:status|failure|failed|report|problem|has failed|notification|incomplete|delayed)|
  deliver(?:y|ed)? error|mail (?:delivery )?(?:failure|failed|error|system error)|returned mail|returned to sender|
  returning message to sender|failure notice|could not be delivered|can(?:not|'t) be delivered|not delivered|non-?delivery|
  unzustellbar|non remis|no entregado|message not delivered|bounced? (?:mail|message)|undeliverable|mail failure|failed mail|
  delivery delayed|still being retried|are not (?:a )?member|メールエラー|配信(?:エラー|不能|失敗)|送信できませんでした|宛先不明|エラー通知`;
/** What servers say in the text. Any of them, beside a sender or subject of the kind, makes a bounce. */
const BOUNCE_TEXT = words`
  duplicated message-id|error message below|is disabled|mailbox is full|could ?n[o']t be delivered|cannot be delivered|
  could not (?:be )?deliver|unable to (?:be )?deliver|was(?: not|n't) (?:able to be )?deliver|undeliverable|
  delivery (?:to the following|failed|has failed|attempts?|has been delayed|was delayed|incomplete|status)|
  error (?:while )?deliver|did not reach|failed to deliver|failure notice|has been rejected|was rejected|rejected by|
  permanent(?:ly)? (?:error|failure|fail)|recipients? (?:of your message )?(?:was|were|had|could)|returned to (?:you|sender)|
  returning (?:it|message|the message|your)|user unknown|unknown user|no such user|
  mailbox (?:is )?(?:full|unavailable|not found)|does(?: not|n't) exist|not (?:a )?members? of|delivery problems|
  giv(?:e|ing) up|too many (?:hops|attempts)|group.{0,80}(?:not exist|permission)|groups\.google|送信できません|配信でき|届けることができ|投稿する権限|
  存在しない|not be (?:sent|processed)|undeliver|delivery errors?|(?:message|mail) (?:you sent|that you sent|to)\x20`;

/**
 * Whether a mail without a delivery-status group reports a failure. `formal`: its content type says so. Otherwise who sent it or its
 * subject must be a bounce's, and its text too; an absence note names addresses as well, but isn't about delivery.
 */
export function looksLikeBounce(mail: Mail, text: string, formal: boolean): boolean {
  if (mail.first('x-failed-recipients') !== null || formal) return true;
  const from = mail.first('from') ?? '';
  const daemon =
    mail.mailboxes('from').some(({ address, name }) => DAEMON.test(address) || DAEMON_NAME.test(name)) ||
    DAEMON.test(from.replace(/^[<"\s]+/, '')) ||
    DAEMON_NAME.test(from);
  const subject = BOUNCE_SUBJECT.test(mail.subject ?? '');
  const nullSender = /^\s*<\s*>/.test(mail.first('return-path') ?? '');
  const replied = mail.names().some((name) => name.startsWith('x-autore')) || /^auto(?:matic)?\b/i.test(mail.subject ?? '');
  if (replied && !daemon) return false;
  const returned = mail.attachments.some(({ mime }) => mime === 'message/rfc822');
  if (daemon && subject) return true;
  if (!daemon && !(subject && nullSender) && !((subject || returned) && FAILURE_ONLY.test(text))) return false;
  return BOUNCE_TEXT.test(bounceText(text));
}

/**
 * A person's mail may have "delivery failed" as its subject: without a daemon's address or the null sender the text must be a server's,
 * too.
 */
const FAILURE_ONLY = words`
  duplicated message-id in|could not be delivered to\s*:|送信できませんでした|you are not a member of|
  following (?:recipient|address)(?:es|s|\(s\)|\(es\))?.{0,60}(?:fail|reject|undeliver|problem)|
  this (?:message|mail|is an?) (?:was|is|automatic)[^\n]{0,40}(?:created|generated|automatic|sent)|
  automatically (?:generated|created)|SMTP error|did not reach the following`;

export interface Failure {
  recipient: string | null;
  diagnostic: string;
  delayed: boolean;
}

const ADDRESS = /[^\s<>"'(),;:[\]|=]{1,64}@(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.)+[a-z][a-z0-9-]{1,62}/gi;
/** A line that begins with an address is about that recipient, and so are the lines below it. */
const LEADING = words`
  ^[\s\-*•>]{0,12}["'<]*(?:(?:smtp|rfc822|rcpt to|recipient(?: address)?|user|unknown user|user unknown|unknown local-part|
  failed recipient|
  final-recipient)\s*[:;]\s*(?:rfc822;\s*)?)?["'<]{0,3}([^\s<>"'(),;:[\]|=]{1,64}@[^\s<>"'(),;:[\]|=]{1,255}?)["'>]*(?=\s*[:;,(|]|
  \s+on\s|\s*$|\s*[-–]\s|\.\.\.|\.?\s)`;
const DELAYED = words`
  has not (?:yet )?been delivered|(?:will|shall) (?:continue|keep) (?:to )?(?:try|retry|attempt)|
  delivery (?:has been |is |was )?delayed|still (?:being )?retr|no action is required|warning message only|
  not required to do anything|delivery to the following recipients? has been delayed`;
const NOBODY = /^(?:postmaster|mailer-daemon|abuse|support|help(?:desk)?|hostmaster|webmaster)@/i;

/**
 * Each recipient that the text names with the lines that are about it. `named`: X-Failed-Recipients, which is sure. Without any: the
 * addresses of
 * `To` of the returned mail; without those one failure of nobody.
 */
export function failuresInText(text: string, o: { named: string[]; sender: string[]; originalTo: string[] }): Failure[] {
  const delayed = DELAYED.test(text);
  const lines = text.split('\n');
  const blocks = new Map<string, string[]>();
  const order: string[] = [];
  let current: string | null = null;
  for (const line of lines) {
    const address = LEADING.exec(line)?.[1]?.toLowerCase() ?? null;
    if (address !== null && isAddress(address) && !NOBODY.test(address) && (o.named.length === 0 || o.named.includes(address))) {
      if (!blocks.has(address)) {
        blocks.set(address, []);
        order.push(address);
      }
      current = address;
    }
    if (current !== null) blocks.get(current)!.push(line);
  }
  const foreign = order.filter((address) => !o.sender.includes(address));
  let recipients = o.named.length ? [...new Set(o.named)] : foreign;
  // Nearly every text speaks of recipients of the returned mail: when some are, the others are bystanders (a contact, a forwarder's own
  // address).
  const known = recipients.filter((address) => o.originalTo.includes(address));
  if (o.named.length === 0 && known.length > 0) {
    const saysMore = (address: string) => (blocks.get(address)?.join('').trim().length ?? 0) > address.length + 20;
    recipients = recipients.filter((address) => known.includes(address) || saysMore(address));
  }
  if (recipients.length === 0) {
    const anywhere = [...text.matchAll(ADDRESS)]
      .map(([address]) => address.toLowerCase())
      .filter((address) => !o.sender.includes(address) && !NOBODY.test(address));
    const expected = anywhere.find((address) => o.originalTo.includes(address));
    recipients = expected ? [expected] : anywhere.length ? [anywhere[0]!] : order.length ? order.slice(0, 1) : o.originalTo.slice(0, 1);
  }
  if (recipients.length === 0) return [{ recipient: null, diagnostic: text, delayed }];
  return recipients.map((recipient) => {
    const own = blocks.get(recipient)?.join('\n') ?? '';
    const rest = own.toLowerCase().replaceAll(recipient, '').replace(/[^\p{L}]/gu, '');
    return { recipient, diagnostic: rest.length >= 8 ? own : text, delayed };
  });
}

const isAddress = (text: string): boolean => new RegExp(`^${ADDRESS.source}$`, 'i').test(text);
