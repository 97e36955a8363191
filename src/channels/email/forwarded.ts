// A mail that hands another one on: whose that one was, by what the forwarding program wrote above it, or by the whole of it, attached. What a
// forward says is its writer's word and no more.
import type { ObservedAddress } from '../channel.ts';
import { mailboxAddress, observed } from './addresses.ts';
import { oneLine } from './clean.ts';
import { htmlPieces } from './html-text.ts';
import { messageId } from './message-ids.ts';
import { mailMoment } from './moments.ts';
import { decodedLine, headerMailboxes, type Mail } from './mime.ts';
import { words } from './words.ts';

export interface ForwardedMail {
  sender: ObservedAddress;
  subject: string | null;
  /** Null also where the program wrote it without a time zone. */
  sentAt: string | null;
  providerMessageId: string | null;
}

/** Before a subject, by the languages of mail programs. An answer to a forward quotes it, and forwards nothing. */
const ANSWER = /^\s{0,20}(?:re|aw|antw|sv|vs|odp|res?p|rif|回复|答复)\s{0,5}(?:\[\d{1,3}\])?[:：]/i;
const SUBJECT = /^\s{0,20}(?:fwd?|wg|tr|rv|enc|i|fs|vl|doorst|pd|továbbítás|ilt|yml|转发|轉寄|転送|전달)\s{0,5}[:：]/i;

/** The line above a forwarded mail, which no program writes above a quote. */
const ANNOUNCED = words`
  ^[\s>*_-]{0,40}(?:(?:begin )?forwarded message|weitergeleitete nachricht|(?:anfang der )weitergeleiteten (?:nachricht|e-mail)|
  (?:début du )?message (?:transféré|réexpédié)|(?:inicio del )?mensaje reenviado|(?:inizio )?messaggio inoltrato|
  mensagem (?:encaminhada|reencaminhada)|(?:begin )?doorgestuurd bericht|vidarebefordrat (?:brev|meddelande)|
  (?:start på )?videresen(?:dt|dte) (?:besked|melding|meddelelse|e-mail)|välitetty viesti|edelleenlähetetty viesti|
  treść przekazanej wiadomości|przekazana wiadomość|wiadomość przekazana|továbbított (?:üzenet|levél)|iletilen ileti|
  přeposlaná zpráva|пересылаемое (?:сообщение|письмо)|начало переадресованного сообщения|転送されたメッセージ|転送メッセージ|
  转发的邮件|已转发邮件|轉寄郵件|轉寄的郵件|전달된 메시지|전달한 메일)[\s:：>*_-]{0,40}$`;

/** What programs call the four fields, in their languages: the same words in forwards and in quotes. */
type Field = 'from' | 'date' | 'subject' | 'other';
const FIELDS: [field: Field, label: RegExp][] = [
  ['from', words`^(?:from|von|de|expéditeur|remitente|da|mittente|van|afzender|från|fra|lähettäjä|od|feladó|kimden|gönderen|от|от кого|发件人|寄件者|寄件人|差出人|보낸 사람|보낸사람)$`],
  ['date', words`^(?:date|sent|datum|gesendet|envoyé|fecha|enviado(?: el| em)?|data|inviato|verzonden|skickat|sendt|dato|päiväys|lähetetty|wysłano|dátum|elküldve|tarih|gönderildi|datum|odesláno|дата|отправлено|日期|发送时间|寄件日期|日付|送信日時|날짜|보낸 날짜)$`],
  ['subject', words`^(?:subject|betreff|objet|asunto|oggetto|assunto|onderwerp|ämne|emne|aihe|temat|tárgy|konu|předmět|тема|主题|主旨|件名|제목)$`],
  ['other', words`^(?:to|cc|an|kopie|à|a|para|aan|till|til|kopi|vastaanottaja|kopio|do|dw|címzett|másolat|kime|bilgi|komu|кому|копия|收件人|抄送|副本|宛先|받는 사람|참조|reply-to|antwort an|répondre à|importance|organization)$`],
];

const HTML_MAX = 300_000;
const TEXT_MAX = 60_000;
const LINES_MAX = 2_000;
/** Lines of a block of fields, empty ones and folded addresses among them. */
const BLOCK_LINES_MAX = 24;

/** Null when the mail forwards none, or doesn't say whose. A quote below an answer is none: the subject or the line above tells. */
export function forwardedMail(mail: Mail): ForwardedMail | null {
  if (ANSWER.test(mail.subject ?? '')) return null;
  const bySubject = SUBJECT.test(mail.subject ?? '');
  const text = mail.text?.trim() ? mail.text : htmlPieces((mail.html ?? '').slice(0, HTML_MAX)).map((piece) => piece.text).join('');
  const lines = text.slice(0, TEXT_MAX).split(/\r?\n/).slice(0, LINES_MAX);
  const announced = lines.findIndex((line) => line.length < 200 && ANNOUNCED.test(line));
  if (announced >= 0) {
    const found = blockAt(lines, announced + 1);
    if (found) return found;
  }
  const attached = mail.attachments.filter(({ mime }) => mime === 'message/rfc822');
  if (attached.length > 0 && (bySubject || text.trim() === '')) return ofHeaders(attached[0]!.content);
  if (!bySubject) return null;
  for (let i = 0; i < lines.length; i++) {
    const found = fieldIn(bare(lines[i]!))?.field === 'from' ? blockAt(lines, i) : null;
    if (found) return found;
  }
  return null;
}

/** The block of fields that begins at this line or a few empty ones further; null without a sender and another field. */
function blockAt(lines: string[], from: number): ForwardedMail | null {
  const values = new Map<Field, string>();
  let open: Field | null = null;
  for (let i = from; i < Math.min(from + BLOCK_LINES_MAX, lines.length); i++) {
    const text = bare(lines[i]!);
    const found = fieldIn(text);
    if (found) {
      open = values.has(found.field) ? null : found.field;
      if (open !== null) values.set(open, found.value);
    } else if (text !== '') {
      // Only addresses are long enough to go on in the next line.
      if (open !== 'from' && open !== 'other') break;
      values.set(open, `${values.get(open)} ${text}`);
    } else if (values.size > 0 && !fieldIn(bare(lines[i + 1] ?? ''))) break;
  }
  const sender = senderIn(values.get('from') ?? '');
  if (!sender || values.size < 2) return null;
  return { sender, subject: oneLine(values.get('subject') ?? '') || null, sentAt: zoned(values.get('date') ?? null), providerMessageId: null };
}

/** `From: Ada`, `*Von:* Ada`, `发件人：Ada`. */
function fieldIn(text: string): { field: Field; value: string } | null {
  const found = /^([^:：]{1,24})[:：]([^]*)$/.exec(text);
  if (!found) return null;
  const label = found[1]!.replace(/[*_]/g, '').trim();
  const field = FIELDS.find(([, pattern]) => pattern.test(label))?.[0];
  return field ? { field, value: found[2]!.replace(/^[\s*_]{1,40}/, '') } : null;
}

/** A line without the marks of a quote. */
const bare = (line: string): string => line.slice(0, 2_000).replace(/^[\s>|*\u00a0]{1,40}/, '').trim();

/** `Ada <ada@x>`, `Ada [mailto:ada@x]`, `ada@x (https://…)`, `Ada <ada@x<mailto:ada@x>>`. */
function senderIn(value: string): ObservedAddress | null {
  const address = /[^\s<>()[\]"',;:|]{1,64}@[^\s<>()[\]"',;:|]{1,255}/.exec(value.slice(0, 1_000));
  if (!address || mailboxAddress(address[0]) === null) return null;
  return observed({ name: oneLine(withoutOpening(value.slice(0, address.index)).replace(/^["'*\s]+/, ''), 255), address: address[0] });
}

/** Without what opens an address at its end. */
function withoutOpening(text: string): string {
  const shorter = text.trimEnd().replace(/(?:mailto:|[<(["'*])$/i, '');
  return shorter === text ? text : withoutOpening(shorter);
}

/** Programs write the reader's local time; only one that says its zone is a moment. */
const zoned = (value: string | null): string | null => (value !== null && /[+-]\d{2}:?\d{2}\b|\b(?:GMT|UTC)\b/.test(value.slice(0, 300)) ? mailMoment(value) : null);

/** The headers of a mail that is attached whole. */
function ofHeaders(content: Buffer): ForwardedMail | null {
  const headers = new Map<string, string>();
  let last: string | null = null;
  for (const line of content.subarray(0, 65_536).toString('utf8').split(/\r?\n/)) {
    if (line === '') break;
    const found = /^([!-9;-~]{1,78}):([^]*)$/.exec(line);
    if (found) {
      last = found[1]!.toLowerCase();
      if (headers.has(last)) last = null;
      else headers.set(last, found[2]!.trim());
    } else if (last !== null && /^[ \t]/.test(line)) headers.set(last, `${headers.get(last)} ${line.trim()}`);
  }
  const sender = headerMailboxes(headers.get('from') ?? '').map((box) => observed(box)).find((address) => address !== null);
  return sender
    ? { sender, subject: decodedLine(headers.get('subject') ?? ''), sentAt: mailMoment(headers.get('date') ?? null), providerMessageId: messageId(headers.get('message-id') ?? null) }
    : null;
}
