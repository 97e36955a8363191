// One answer to a customer, by SMTP: our Message-ID, the thread's headers, our own From, and a reply address that proves which message is
// answered.
import { isIP } from 'node:net';
import { Readable } from 'node:stream';
import MailComposer from 'nodemailer/lib/mail-composer';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { z } from 'zod';
import { nowMs } from '../../platform/clock.ts';
import { OutgoingError, type HttpClient } from '../../platform/http.ts';
import { keyedHash } from '../../platform/secrets.ts';
import type { Account, OutboundMessage, SendResult } from '../channel.ts';
import { LOOP_HEADER } from './auto-generated.ts';
import { oneLine } from './clean.ts';
import { mintMessageId, mintToken, replyAddress, type Sign } from './reply-address.ts';

const address = z.string().trim().max(320).regex(/^[^\s<>@,;:"()]+@[^\s<>@,;:"()]+$/, 'A mail address such as support@acme.example.');

export const emailSettings = z.strictObject({
  host: z.string().trim().min(1).max(253).regex(/^[^\s/@]+$/, 'A host name or IP address.').optional()
    .describe('SMTP server that takes our mail, at a public address, or one that OUTGOING_ALLOW lists, unless this server is itself reached on loopback only. Without it the mailbox only receives.'),
  port: z.number().int().min(1).max(65535).default(587).describe('Its port; 587 unless said otherwise.'),
  secure: z.enum(['tls', 'starttls', 'none']).default('starttls')
    .describe('`tls` from the first byte (port 465), `starttls` (required, port 587), or `none` for a server on the same machine.'),
  fromName: z.string().trim().max(200).optional().describe("The name that customers see; else the account's."),
  from: address.optional().describe("The From address; else the account's own."),
  authservId: z.string().trim().toLowerCase().max(253).nullish()
    .describe('Name by which the server in front of this mailbox signs its `Authentication-Results`. Only its word counts; without it our own verifier decides.'),
  replyTokens: z.boolean().default(true).describe('Answers go to support+tl-…@…; turn it off where the mail server knows no plus-addresses.'),
});
export type EmailSettings = z.infer<typeof emailSettings>;

export const emailSecrets = z.strictObject({
  inbound: z.string().min(12).max(500).optional()
    .describe('Who posts raw mail to the door shows it (Bearer, or as Basic password). Without it that door is closed.'),
  user: z.string().min(1).max(320).optional().describe('Log-in at the SMTP server.'),
  password: z.string().min(1).max(1000).optional().describe('Its password.'),
});
export type EmailSecrets = z.infer<typeof emailSecrets>;

const CONNECT_MS = 15_000;
const ANSWER_MS = 60_000;
const REFERENCES_MAX = 50;

export interface SendOptions {
  sign?: Sign;
  /** Certificates to trust beside the system's (tests). */
  tls?: { ca?: string; rejectUnauthorized?: boolean };
  answerMs?: number;
}

/**
 * Hands one message to the account's SMTP server. 2xx: accepted, with our Message-ID, which is made of our message's id and is the same
 * for every
 * attempt. 5xx: failed for good; 4xx, or no connection: failed, to be tried again. The connection lost after DATA began: unknown, since
 * the server
 * may have taken it. The host is typed in by whoever connects a mailbox: `http` judges its address once, and the connection goes to that one.
 * Never throws for what a server or the network does.
 */
export async function sendMail(
  message: OutboundMessage, account: Account<EmailSettings, EmailSecrets>, http: Pick<HttpClient, 'addressOf'>, options: SendOptions = {},
): Promise<SendResult> {
  const { settings } = account;
  if (!settings.host) return failed('NOT_CONFIGURED', 'The mailbox has no SMTP server; set `host` in its settings.', false);
  const from = settings.from ?? account.address;
  if (!address.safeParse(from).success) return failed('INVALID_FROM', 'The From address of the mailbox is none.', false);
  if (!address.safeParse(message.to.value).success) return failed('INVALID_RECIPIENT', 'The recipient is not a mail address.', false);
  const composed = composeMail(message, account, options.sign ?? keyedHash);
  const raw = await composed.raw;
  let host: string;
  try {
    host = await http.addressOf(settings.host, { timeoutMs: CONNECT_MS });
  } catch (error) {
    if (!(error instanceof OutgoingError)) throw error;
    return failed(error.code, error.message, error.code !== 'PRIVATE_ADDRESS');
  }
  return transmit(raw, { host, from, to: message.to.value, messageId: composed.messageId }, account, options);
}

/**
 * The mail's bytes and its Message-ID (without angle brackets). No value can add a header: line ends and control characters become
 * blanks.
 */
export function composeMail(
  message: OutboundMessage, account: Account<EmailSettings, EmailSecrets>, sign: Sign,
): { raw: Promise<Buffer>; messageId: string } {
  const { settings, workspaceId } = account;
  const from = settings.from ?? account.address;
  const messageId = mintMessageId(sign, workspaceId, message.messageId, from.slice(from.lastIndexOf('@') + 1));
  const chain = [...message.references, ...(message.inReplyTo === null ? [] : [message.inReplyTo])].map(bareId).filter((id) => id !== null);
  const references = [...new Set(chain.reverse())].reverse();
  const name = oneLine(settings.fromName ?? account.name, 200);
  const answerTo = settings.replyTokens === false ? null : replyAddress(account.address, mintToken(sign, workspaceId, message.messageId));
  const mail = new MailComposer({
    disableFileAccess: true,
    disableUrlAccess: true,
    messageId: `<${messageId}>`,
    date: new Date(nowMs()),
    from: { name, address: from },
    to: { name: oneLine(message.to.displayName ?? '', 200), address: message.to.value },
    ...(answerTo !== null && { replyTo: { name, address: answerTo } }),
    subject: subjectOf(message, name),
    ...(message.inReplyTo !== null && bareId(message.inReplyTo) !== null && { inReplyTo: `<${bareId(message.inReplyTo)}>` }),
    ...(references.length > 0 && { references: [references[0]!, ...references.slice(1).slice(-REFERENCES_MAX)].map((id) => `<${id}>`).join(' ') }),
    text: message.text,
    ...(message.html !== null && { html: message.html }),
    attachments: message.files.map(({ filename, mime, content }) => ({
      filename: oneLine(filename, 255) || 'file',
      contentType: /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(mime) ? mime : 'application/octet-stream',
      content,
    })),
    headers: message.autoGenerated ? { 'Auto-Submitted': 'auto-replied', 'X-Auto-Response-Suppress': 'All', [LOOP_HEADER]: 'yes' } : {},
  });
  return { raw: mail.compile().build(), messageId };
}

/** `Re: ` once, whatever languages the subject went through. */
function subjectOf({ subject, inReplyTo, text }: OutboundMessage, name: string): string {
  const own = oneLine(subject ?? '', 500);
  if (own === '') return inReplyTo === null ? oneLine(text, 60) || name : `Re: ${name}`;
  return inReplyTo === null || /^\s*(?:re|aw|sv|vs|antw|odp|res?p|rif|ref|回复|答复)(?:\[\d+\])?\s*[:：]/i.test(own) ? own : `Re: ${own}`;
}

const bareId = (id: string): string | null => /^<?([^\s<>]{1,998})>?$/.exec(id.trim())?.[1] ?? null;

function transmit(
  raw: Buffer,
  o: { host: string; from: string; to: string; messageId: string },
  { settings, secrets }: Account<EmailSettings, EmailSecrets>,
  options: SendOptions,
): Promise<SendResult> {
  const secure = settings.secure ?? 'starttls';
  const connection = new SMTPConnection({
    // The certificate is the name's, the connection the address's that was judged.
    host: o.host, ...(isIP(settings.host!) === 0 && { servername: settings.host }),
    port: settings.port ?? 587, secure: secure === 'tls', requireTLS: secure === 'starttls', ignoreTLS: secure === 'none',
    connectionTimeout: CONNECT_MS, greetingTimeout: CONNECT_MS, dnsTimeout: CONNECT_MS, socketTimeout: options.answerMs ?? ANSWER_MS,
    socketCloseTimeout: 1_000, logger: false, tls: { ...options.tls },
  });
  // The body is read only once the server has answered DATA with 354: from then on it may have the mail.
  let begun = false;
  const body = Readable.from(
    (function* () {
      begun = true;
      yield raw;
    })(),
  );
  return new Promise((resolve) => {
    let done = false;
    const finish = (result: SendResult) => {
      if (done) return;
      done = true;
      resolve(result);
      if (result.outcome === 'accepted') connection.quit();
      else connection.close();
    };
    const fail = (error: SmtpFailure) => finish(resultOf(error, begun));
    // What throws in a callback of a socket ends the process: it is a failure of this mail instead.
    const safely = <A extends unknown[]>(step: (...given: A) => void) => (...given: A): void => {
      try {
        step(...given);
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    };
    connection.on('error', safely(fail));
    connection.on('end', safely(() => fail(new Error('The server closed the connection.'))));
    const send = () =>
      connection.send({ from: o.from, to: [o.to], size: raw.length }, body, safely((error: SmtpFailure | null) =>
        error ? fail(error) : finish({ outcome: 'accepted', providerMessageId: o.messageId, threadKeys: [o.messageId], state: 'sent' })));
    const connected = safely((error?: SmtpFailure | null) => {
      if (error) return fail(error);
      if (secrets.user === undefined || secrets.password === undefined) return send();
      const credentials = { user: secrets.user, pass: secrets.password };
      connection.login({ ...credentials, credentials }, safely((refused?: SmtpFailure | null) => (refused ? fail(refused) : send())));
    });
    safely(() => connection.connect(connected))();
  });
}

type SmtpFailure = Error & { code?: string; responseCode?: number; response?: string };

/** RFC 5321, 4.2.1: a 4yz answer holds for now, a 5yz one for good. 421 on a line without a mail under way is a restart. */
function resultOf(error: SmtpFailure, begun: boolean): SendResult {
  // What isn't SMTP isn't repeated: a mailbox's settings are no way to read another service's greeting.
  const foreign = error.responseCode === undefined && error.response;
  const reason = foreign ? 'What listens there does not speak SMTP.' : oneLine(error.response ?? error.message, 500);
  if (error.responseCode !== undefined && error.responseCode >= 400) return failed(String(error.responseCode), reason, error.responseCode < 500);
  if (begun) return { outcome: 'unknown', reason: `The connection was lost before the server answered: ${reason}` };
  return failed(error.code ?? 'ECONNECTION', reason, !PERMANENT.has(error.code ?? ''));
}
/** Faults of our own settings or message: trying again changes nothing. */
const PERMANENT = new Set(['ETLS', 'EREQUIRETLS', 'EENVELOPE', 'EMESSAGE', 'ENOAUTH', 'ECONFIG']);

const failed = (errorCode: string, reason: string, retryable: boolean): SendResult => ({ outcome: 'failed', errorCode, reason, retryable });
