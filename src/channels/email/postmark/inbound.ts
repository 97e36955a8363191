// A mail that Postmark took apart (its inbound webhook without "Include raw email content") -> the same that reading raw mail gives, so that
// threads, senders, machines' marks, reports and quotes are found by one code. https://postmarkapp.com/developer/webhooks/inbound-webhook
import { oneLine } from '../clean.ts';
import { attachmentOf, headerMailboxes, type Mail, type Mailbox } from '../mime.ts';
import { fieldsOf, listOf, textOf, type Fields } from './json-fields.ts';

const HEADERS_MAX = 2_000;
const ADDRESSES_MAX = 500;
const ATTACHMENTS_MAX = 1_000;

export function mailOf(json: Fields): Mail {
  const boxes = {
    from: boxesOf([fieldsOf(json.FromFull)], textOf(json.From), textOf(json.FromName)),
    sender: [] as Mailbox[],
    'reply-to': headerMailboxes(textOf(json.ReplyTo) ?? ''),
    to: boxesOf(listOf(json.ToFull), textOf(json.To)),
    cc: boxesOf(listOf(json.CcFull), textOf(json.Cc)),
    bcc: boxesOf(listOf(json.BccFull), textOf(json.Bcc)),
  };
  const headers = headersOf(json, boxes.from);
  boxes.sender = headerMailboxes(headers.get('sender')?.[0] ?? '');
  const text = textOf(json.TextBody);
  const html = textOf(json.HtmlBody);
  return {
    all: (name) => headers.get(name) ?? [],
    first: (name) => headers.get(name)?.[0] ?? null,
    names: () => [...headers.keys()],
    mailboxes: (name) => boxes[name],
    subject: oneLine(textOf(json.Subject) ?? '') || null,
    text,
    html,
    attachments: listOf(json.Attachments).slice(0, ATTACHMENTS_MAX).map((attachment) =>
      attachmentOf({
        filename: textOf(attachment.Name), mimeType: textOf(attachment.ContentType), contentId: textOf(attachment.ContentID)?.replace(/^cid:/i, ''),
        // `Content` of real mails; Postmark's own test of a webhook says `Data`.
        content: Buffer.from(base64In(attachment.Content) ?? base64In(attachment.Data) ?? '', 'base64'),
      })),
    body: () => text ?? html ?? '',
  };
}

const base64In = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** The full fields, which are decoded; else the field that is written as a header. */
function boxesOf(full: Fields[], written: string | null, name: string | null = null): Mailbox[] {
  const boxes = full.slice(0, ADDRESSES_MAX).flatMap(({ Email, Name }) => {
    const address = textOf(Email);
    return address === null ? [] : [{ name: oneLine(textOf(Name) ?? '', 255), address: oneLine(address, 1_000) }];
  });
  if (boxes.length > 0) return boxes;
  return headerMailboxes(written ?? '').map((box, i) => ({ ...box, name: box.name || (i === 0 ? oneLine(name ?? '', 255) : '') }));
}

/** Postmark leaves out of Headers what has a field of its own; who asks for such a header finds that field. */
function headersOf(json: Fields, from: Mailbox[]): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const { Name, Value } of listOf(json.Headers).slice(0, HEADERS_MAX)) {
    const name = textOf(Name)?.trim().toLowerCase();
    if (name === undefined) continue;
    const value = typeof Value === 'string' ? (textOf(Value)?.trim() ?? '') : '';
    const values = headers.get(name);
    if (values) values.push(value);
    else headers.set(name, [value]);
  }
  const own: [name: string, value: string | null][] = [
    ['from', textOf(json.From) ?? (from[0]?.address || null)], ['to', textOf(json.To)], ['cc', textOf(json.Cc)], ['reply-to', textOf(json.ReplyTo)],
    ['subject', textOf(json.Subject)], ['date', textOf(json.Date)],
  ];
  for (const [name, value] of own) if (value !== null && !headers.has(name)) headers.set(name, [value]);
  return headers;
}
