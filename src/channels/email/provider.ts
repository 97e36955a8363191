// E-mail: raw mail by HTTP, by our SMTP receiver (receiver.ts) or from files; answers by SMTP.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Provider, RawRequest, Verification } from '../channel.ts';
import { contextOf } from './context.ts';
import { parseMail } from './parse.ts';
import { emailSecrets, emailSettings, sendMail, type EmailSecrets, type EmailSettings } from './send.ts';

export const emailMime: Provider<EmailSettings, EmailSecrets> = {
  channel: 'email',
  provider: 'mime',
  settings: emailSettings as Provider<EmailSettings, EmailSecrets>['settings'],
  secrets: emailSecrets as Provider<EmailSettings, EmailSecrets>['secrets'],
  capabilities: { textMax: null, subject: true, html: true, attachments: { countMax: 20, bytesMax: 20 * 1024 * 1024 }, canStart: true, window: null, sendsPerSecond: null },
  addressKinds: ['email'],
  verify: (request, { secrets }) => verifyDoor(request, secrets.map(({ inbound }) => inbound)),
  parse: (request) => parseMail(request.body, contextOf(request.headers)),
  respond: () => ({ status: 202, headers: { 'content-type': 'application/json' }, body: '{"accepted":true}' }),
  // RFC 4954: the mail server refuses the user or the password.
  isAccountFault: (errorCode) => errorCode === '534' || errorCode === '535',
  send: (message, account, http) => sendMail(message, account, http),
};

/**
 * `Authorization: Bearer <secret>`, or Basic with the secret as password and any user. Every secret in force is compared, each in
 * constant time;
 * their lengths don't show either, since digests are compared.
 */
function verifyDoor(request: RawRequest, secrets: (string | undefined)[]): Verification {
  const given = presented(request.headers.authorization);
  if (given === null) return { ok: false, status: 401, reason: 'Show the secret of this mailbox: `Authorization: Bearer …`, or Basic with it as the password.' };
  let ok = false;
  for (const secret of secrets) {
    if (secret !== undefined && timingSafeEqual(digest(given), digest(secret))) ok = true;
  }
  return ok ? { ok: true } : { ok: false, status: 403, reason: 'This is not the secret of this mailbox.' };
}

function presented(authorization: string | undefined): string | null {
  const [, scheme, value] = /^\s*(bearer|basic)\s+(\S+)\s*$/i.exec(authorization ?? '') ?? [];
  if (!scheme || !value) return null;
  if (scheme.toLowerCase() === 'bearer') return value;
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? null : text.slice(colon + 1);
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
