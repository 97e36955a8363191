// Before Gmail forwards somebody's mail to a mailbox of ours it writes to that mailbox: a code, and a link to agree by. Nobody is served by that
// mail as a conversation; who is setting the mailbox up has to see both.
import { htmlPieces } from './html-text.ts';
import type { Mail } from './mime.ts';

/** No document of Google's describes the mail; its sender, header, subject and links have been these for years, the words are in the user's language. */
const SENDER = 'forwarding-noreply@google.com';
const LINK = /https:\/\/mail(?:-settings)?\.google\.com\/mail\/(?:u\/\d{1,3}\/)?vf-[^\s<>"')]{1,1000}/;
const ADDRESS = /[^\s<>()"',;:：]{1,64}@[^\s<>()"',;:：]{1,255}(?<![.。])/;

export interface ForwardingConfirmation {
  code: string | null;
  url: string | null;
  /** Whose mail would be forwarded. */
  address: string | null;
}

/** Null when the mail is none, or holds neither a code nor a link of Google's. That it is Google's is From's claim, unless From is attested. */
export function gmailForwarding(mail: Mail): ForwardingConfirmation | null {
  if (mail.mailboxes('from')[0]?.address.toLowerCase() !== SENDER) return null;
  const subject = mail.subject ?? '';
  const text = (mail.text?.trim() ? mail.text : htmlPieces(mail.html ?? '').map((piece) => piece.text).join('')).slice(0, 20_000);
  const code =
    /^\s*(\d{4,12})\s*$/.exec(mail.first('x-google-address-confirmation') ?? '')?.[1] ??
    /\(#(\d{4,12})\)/.exec(subject)?.[1] ??
    /[:：]\s{0,5}(\d{6,12})\s*$/m.exec(text)?.[1] ??
    null;
  const url = (LINK.exec(text) ?? LINK.exec((mail.html ?? '').slice(0, 200_000)))?.[0].replace(/(?<![.,])[.,]+$/, '') ?? null;
  if (code === null && url === null) return null;
  return { code, url, address: (ADDRESS.exec(subject) ?? ADDRESS.exec(text))?.[0].toLowerCase() ?? null };
}
