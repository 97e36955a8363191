// Postmark with one mailbox.
import { Door, type Offer, type OfferOptions, sandboxSecret, toldBy, unable } from '../offer.ts';
import { fakePostmark } from '../postmark.ts';

const MAILBOX = 'help@larkspur.example';
/** Who checked the sender before Postmark took the mail. */
const CHECKED_BY = 'mx.larkspur.example';
const CAN = new Set(['message', 'file'] as const);

export async function postmarkOffer(o: OfferOptions): Promise<Offer> {
  const door = new Door();
  const postmark = await fakePostmark(o);
  const webhookSecret = sandboxSecret('postmark', 'webhook');
  postmark.serverToken = sandboxSecret('postmark', 'server');
  return {
    provider: 'postmark', title: 'Postmark', url: postmark.url, secrets: { serverToken: postmark.serverToken, webhookSecret },
    accounts: [{ channel: 'EMAIL', name: 'Mailbox (sandbox)', address: MAILBOX, settings: { fromName: 'Larkspur Ceramics', authservId: CHECKED_BY, apiBaseUrl: postmark.url } }],
    deliverTo: (webhook) => Promise.resolve(door.set(webhook.replace(/^(https?:\/\/)/, `$1postmark:${webhookSecret}@`))),
    can: () => CAN,
    tell: async (channel, from, act) => {
      if (act.kind !== 'message') throw unable('Postmark', channel, act);
      const messageId = `${act.id}@${from.address.split('@')[1]}`;
      const answer = await postmark.receive(door.url, {
        From: from.address, FromName: from.name, FromFull: { Email: from.address, Name: from.name, MailboxHash: '' }, To: MAILBOX, ToFull: [{ Email: MAILBOX, Name: '', MailboxHash: '' }],
        OriginalRecipient: MAILBOX, Subject: act.subject ?? '', TextBody: act.text, MessageID: act.id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
        Headers: [{ Name: 'Message-ID', Value: `<${messageId}>` }, { Name: 'Authentication-Results', Value: `${CHECKED_BY}; dmarc=pass header.from=${from.address.split('@')[1]}` }],
        Attachments: act.file ? [{ Name: act.file.filename, ContentType: act.file.mime, Content: act.file.content.toString('base64'), ContentLength: act.file.content.length }] : [],
      });
      return toldBy(messageId, [answer]);
    },
    sent: () => postmark.messages.map(({ id, from, to, textBody }) => ({ id, channel: 'EMAIL' as const, from, to: to.join(','), text: textBody })),
    settle: async (id) => void (await postmark.report(door.url, id, 'Delivery')),
    close: () => postmark.close(),
  };
}
