// WhatsApp's Cloud API with one number.
import { type Act, type Offer, type OfferOptions, sandboxSecret, toldBy, unable } from '../offer.ts';
import { openWhatsappCloud } from '../whatsapp-cloud.ts';

const NUMBER = { id: '106540000000077', displayNumber: '+49 30 901820012', verifiedName: 'Larkspur Ceramics' };
const BUSINESS = '102290000000077';
const CAN: ReadonlySet<Act['kind'] | 'file'> = new Set(['message', 'file', 'reaction'] as const);

export async function whatsappCloudOffer(o: OfferOptions): Promise<Offer> {
  const [appSecret, verifyToken, accessToken] = ['app', 'verify', 'access'].map((name) => sandboxSecret('whatsapp', name)) as [string, string, string];
  const templates = [{ name: 'order_update', language: 'en', parameters: 1 }];
  const cloud = await openWhatsappCloud({ ...o, appSecret, accessToken, businessAccountId: BUSINESS, numbers: [NUMBER], templates });
  /** What stands under its type, in the webhook. */
  const contentOf = (act: Act): object | null => {
    if (act.kind === 'reaction') return { type: 'reaction', reaction: { message_id: act.about, emoji: act.emoji } };
    if (act.kind !== 'message') return null;
    return act.file ? { type: 'image', image: { ...cloud.file(act.file), caption: act.text } } : { type: 'text', text: { body: act.text } };
  };
  return {
    provider: 'meta_cloud', title: 'Meta: WhatsApp', url: cloud.url, secrets: { appSecret, verifyToken, accessToken },
    accounts: [{ channel: 'WHATSAPP', name: 'WhatsApp (sandbox)', address: NUMBER.id, settings: { businessAccountId: BUSINESS, apiBaseUrl: cloud.url } }],
    deliverTo: async (webhook) => {
      const { status, body } = await cloud.connect(webhook, verifyToken);
      if (status !== 200) throw new Error(`${webhook} did not answer Meta's handshake, but ${status}: ${body.slice(0, 200)}`);
    },
    can: () => CAN,
    tell: async (channel, from, act) => {
      const content = contentOf(act);
      if (content === null) throw unable('WhatsApp', channel, act);
      const wamid = `wamid.${Buffer.from(act.id, 'hex').toString('base64')}`;
      const { delivered } = await cloud.writes(NUMBER.id, { phone: from.address.replace('+', ''), name: from.name }, { id: wamid, ...content });
      return toldBy(act.kind === 'reaction' ? act.about : wamid, delivered ? [delivered.answer] : []);
    },
    sent: () => cloud.sent.map(({ id, to, content }) => ({ id, channel: 'WHATSAPP' as const, from: NUMBER.id, to: `+${to}`, text: String(content.body ?? content.caption ?? '') })),
    settle: async (id) => {
      for (const status of ['sent', 'delivered', 'read'] as const) await cloud.reports(id, status);
    },
    close: () => cloud.close(),
  };
}
