// Meta with a Page and the Instagram account behind it.
import { openMetaMessaging } from '../meta-messaging.ts';
import type { Delivered } from '../meta-messaging-webhooks.ts';
import { type Act, type Offer, type OfferedChannel, type OfferOptions, sandboxSecret, toldBy, type Told, unable, type Writer } from '../offer.ts';

const PAGE = '104500000000077';
const INSTAGRAM = '17841400000000077';
const ACCOUNTS: Partial<Record<OfferedChannel, string>> = { MESSENGER: PAGE, INSTAGRAM };
/** Instagram has no edits of what customers wrote. */
const CAN: Partial<Record<OfferedChannel, ReadonlySet<Act['kind'] | 'file'>>> = { MESSENGER: new Set(['message', 'reaction', 'edit']), INSTAGRAM: new Set(['message', 'reaction']) };

export async function metaOffer(o: OfferOptions): Promise<Offer> {
  const [appSecret, verifyToken, accessToken] = ['app', 'verify', 'access'].map((name) => sandboxSecret('meta', name)) as [string, string, string];
  const meta = await openMetaMessaging({ ...o, appSecret, pages: [{ id: PAGE, name: 'Larkspur Ceramics', accessToken, instagram: { id: INSTAGRAM, username: 'larkspurceramics' } }] });
  const settings = { apiBaseUrl: meta.url };
  const told = (providerId: string, delivered: Delivered | null): Told => toldBy(providerId, delivered ? [delivered.answer] : []);

  async function tell(channel: OfferedChannel, from: Writer, act: Act): Promise<Told> {
    const account = ACCOUNTS[channel];
    if (account === undefined || !CAN[channel]!.has(act.kind)) throw unable('Meta', channel, act);
    if (act.kind === 'message') {
      const { mid, delivered } = await meta.writes(account, from.address, { mid: `${channel === 'INSTAGRAM' ? 'aWdf' : 'm_'}${act.id}`, text: act.text });
      return told(mid, delivered);
    }
    if (act.kind === 'reaction') return told(act.about, await meta.tells(account, from.address, { reaction: { mid: act.about, action: 'react', reaction: 'other', emoji: act.emoji } }));
    if (act.kind === 'edit') return told(act.about, await meta.tells(account, from.address, { message_edit: { mid: act.about, text: act.text, num_edit: 1 } }));
    throw unable('Meta', channel, act);
  }

  return {
    provider: 'meta', title: 'Meta: Messenger and Instagram', url: meta.url, secrets: { appSecret, verifyToken, accessToken },
    accounts: [
      { channel: 'MESSENGER', name: 'Messenger (sandbox)', address: PAGE, settings },
      { channel: 'INSTAGRAM', name: 'Instagram (sandbox)', address: INSTAGRAM, settings },
    ],
    deliverTo: async (webhook) => {
      const { status, body } = await meta.connect(webhook, verifyToken);
      if (status !== 200) throw new Error(`${webhook} did not answer Meta's handshake, but ${status}: ${body.slice(0, 200)}`);
    },
    can: (channel) => CAN[channel] ?? new Set(),
    tell,
    sent: () => meta.sent.map(({ mid, account, to, text }) => ({ id: mid, channel: account === PAGE ? 'MESSENGER' as const : 'INSTAGRAM' as const, from: account, to, text: text ?? '' })),
    settle: async (id) => {
      const message = meta.sent.find(({ mid }) => mid === id)!;
      for (const state of ['delivered', 'read'] as const) await meta.reports(message.account, message.to, state);
    },
    close: () => meta.close(),
  };
}
