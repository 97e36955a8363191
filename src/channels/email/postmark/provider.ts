// E-mail by Postmark: its webhooks in, its API out.
import type { Provider } from '../../channel.ts';
import { shownSecret, verifySecret } from '../door-secret.ts';
import { readMailRequest } from '../parse-pool.ts';
import { checkPostmark, FILES_BYTES_MAX, postmarkSecrets, postmarkSettings, sendByPostmark, type PostmarkSecrets, type PostmarkSettings } from './send.ts';

export const emailPostmark: Provider<PostmarkSettings, PostmarkSecrets> = {
  channel: 'email',
  provider: 'postmark',
  parsesAs: ['postmark_inbound', 'postmark_webhooks'],
  settings: postmarkSettings as Provider<PostmarkSettings, PostmarkSecrets>['settings'],
  secrets: postmarkSecrets as Provider<PostmarkSettings, PostmarkSecrets>['secrets'],
  capabilities: { textMax: null, subject: true, html: true, attachments: { countMax: 20, bytesMax: FILES_BYTES_MAX }, canStart: true, window: null, sendsPerSecond: null },
  // Files of 35 MB come twice in one webhook, in base64: in the raw mail, and taken out of it.
  requestBytesMax: 110 * 1024 * 1024,
  addressKinds: ['email'],
  // Basic, as Postmark makes it of `https://user:secret@…`; or the secret as `?secret=`, where a proxy drops that header.
  verify: (request, { secrets }) =>
    verifySecret(shownSecret(request.headers.authorization) ?? secretInUrl(request.url), secrets.map(({ webhookSecret }) => webhookSecret), 'Put the webhook secret of this mailbox into the address: `https://postmark:SECRET@…`.'),
  parse: (request) => readMailRequest('postmark', request),
  respond: () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: '{"accepted":true}' }),
  check: checkPostmark,
  setup: ({ url }) => {
    const address = url.replace(/^(https?:\/\/)/, '$1postmark:SECRET@');
    return [
      'In the addresses below, SECRET is the `webhookSecret` among the secrets that the mailbox was connected with.',
      `In Postmark, open the server, its inbound message stream, Settings: put ${address} into "Webhook" and switch on "Include raw email content in JSON payload".`,
      'Forward the mailbox to the inbound address that Postmark shows there, or let the MX record of its domain lead to inbound.postmarkapp.com.',
      `Open the outbound (transactional) message stream, Webhooks, and add ${address} with Delivery, Bounce, Spam Complaint and Subscription Change.`,
      'Add the address that the mailbox sends from, or its domain with DKIM and Return-Path, under Sender Signatures.',
    ];
  },
  send: (message, account, http) => sendByPostmark(message, account, http),
};

function secretInUrl(url: string): string | null {
  try {
    return new URL(url).searchParams.get('secret') || null;
  } catch {
    return null;
  }
}
