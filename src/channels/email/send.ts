// One answer to a customer, by the mailbox's own SMTP server.
import { isIP } from 'node:net';
import { Readable } from 'node:stream';
import MailComposer from 'nodemailer/lib/mail-composer';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { z } from 'zod';
import { nowMs } from '../../platform/clock.ts';
import { OutgoingError, type HttpClient } from '../../platform/http.ts';
import { keyedHash } from '../../platform/secrets.ts';
import type { Account, OutboundMessage, SendResult } from '../channel.ts';
import { oneLine } from './clean.ts';
import { compose, refusedAddress, senderSettings, type Composed } from './compose.ts';
import { dkimPrivateKey, dkimSettings, signedMail } from './dkim.ts';
import type { Sign } from './reply-address.ts';

export const emailSettings = z.strictObject({
  host: z.string().trim().min(1).max(253).regex(/^[^\s/@]+$/, 'A host name or IP address.').optional()
    .describe('SMTP server that takes our mail, at a public address, or one that OUTGOING_ALLOW lists, unless this server is itself reached on loopback only. Without it the mailbox only receives.'),
  port: z.number().int().min(1).max(65535).default(587).describe('Its port; 587 unless said otherwise.'),
  secure: z.enum(['tls', 'starttls', 'none']).default('starttls')
    .describe('`tls` from the first byte (port 465), `starttls` (required, port 587), or `none` for a server on the same machine.'),
  ...senderSettings,
  dkim: dkimSettings.optional(),
});
export type EmailSettings = z.infer<typeof emailSettings>;

export const emailSecrets = z.strictObject({
  inbound: z.string().min(12).max(500).optional()
    .describe('Who posts raw mail to the door shows it (Bearer, or as Basic password). Without it that door is closed.'),
  user: z.string().min(1).max(320).optional().describe('Log-in at the SMTP server.'),
  password: z.string().min(1).max(1000).optional().describe('Its password.'),
  dkimPrivateKey: dkimPrivateKey.optional(),
});
export type EmailSecrets = z.infer<typeof emailSecrets>;

const CONNECT_MS = 15_000;
const ANSWER_MS = 60_000;

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
  const refused = refusedAddress(message, account);
  if (refused) return failed(refused.errorCode, refused.reason, false);
  const composed = compose(message, account, options.sign ?? keyedHash);
  let raw: Buffer;
  try {
    raw = await signedMail(await written(composed), account);
  } catch (error) {
    return failed('NOT_WRITTEN', `The mail could not be written: ${error instanceof Error ? error.message : String(error)}`, false);
  }
  let host: string;
  try {
    host = await http.addressOf(settings.host, { timeoutMs: CONNECT_MS });
  } catch (error) {
    if (!(error instanceof OutgoingError)) throw error;
    return failed(error.code, error.message, error.code !== 'PRIVATE_ADDRESS');
  }
  return transmit(raw, { host, from: composed.from.address, to: composed.to.address, messageId: composed.messageId }, account, options);
}

/** The mail's bytes, not signed. */
function written({ messageId, from, to, replyTo, subject, inReplyTo, references, text, html, files, headers }: Composed): Promise<Buffer> {
  const mail = new MailComposer({
    disableFileAccess: true,
    disableUrlAccess: true,
    messageId: `<${messageId}>`,
    date: new Date(nowMs()),
    from,
    to,
    ...(replyTo && { replyTo }),
    subject,
    ...(inReplyTo !== null && { inReplyTo: `<${inReplyTo}>` }),
    ...(references.length > 0 && { references: references.map((id) => `<${id}>`).join(' ') }),
    text,
    ...(html !== null && { html }),
    attachments: files.map(({ filename, mime, content }) => ({ filename, contentType: mime, content })),
    headers,
  });
  return mail.compile().build();
}

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
