// E-mail: raw mail by HTTP, by our SMTP receiver (receiver.ts) or from files; answers by SMTP.
import type { Provider } from '../channel.ts';
import { shownSecret, verifySecret } from './door-secret.ts';
import { readMailRequest } from './parse-pool.ts';
import { emailSecrets, emailSettings, sendMail, type EmailSecrets, type EmailSettings } from './send.ts';

export const emailMime: Provider<EmailSettings, EmailSecrets> = {
  channel: 'email',
  provider: 'mime',
  settings: emailSettings as Provider<EmailSettings, EmailSecrets>['settings'],
  secrets: emailSecrets as Provider<EmailSettings, EmailSecrets>['secrets'],
  capabilities: { textMax: null, subject: true, html: true, attachments: { countMax: 20, bytesMax: 20 * 1024 * 1024 }, canStart: true, window: null, sendsPerSecond: null },
  // Files of 35 MB, in base64.
  requestBytesMax: 50 * 1024 * 1024,
  addressKinds: ['email'],
  verify: (request, { secrets }) =>
    verifySecret(shownSecret(request.headers.authorization), secrets.map(({ inbound }) => inbound), 'Show the secret of this mailbox: `Authorization: Bearer …`, or Basic with it as the password.'),
  parse: (request) => readMailRequest('mime', request),
  respond: () => ({ status: 202, headers: { 'content-type': 'application/json' }, body: '{"accepted":true}' }),
  setup: ({ url }) => [
    `Let your mail server post each mail, as it is, to ${url} with \`Authorization: Bearer SECRET\`, the \`inbound\` among the secrets that the mailbox was connected with, and name the envelope's recipient in \`X-Envelope-To\`.`,
    'Or start the server with SMTP_PORT and forward the mailbox to it (or let the MX record of its domain lead there). Gmail asks first: its code and link are shown on the account.',
  ],
  // RFC 4954: the mail server refuses the user or the password.
  isAccountFault: (errorCode) => errorCode === '534' || errorCode === '535',
  send: (message, account, http) => sendMail(message, account, http),
};
