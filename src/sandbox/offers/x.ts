// X with one account for Direct Messages.
import { Door, type Offer, type OfferOptions, sandboxSecret, toldBy, unable } from '../offer.ts';
import { openXSandbox } from '../x.ts';

const ACCOUNT = { id: '77120045', name: 'Larkspur Ceramics', username: 'larkspurceramics' };
const CAN = new Set(['message'] as const);

export async function xOffer(o: OfferOptions): Promise<Offer> {
  const door = new Door();
  const x = await openXSandbox({ ...o, account: ACCOUNT });
  const [consumerKey, consumerSecret, clientSecret, accessTokenSecret] = ['consumer', 'consumer secret', 'client', 'token secret'].map((name) => sandboxSecret('x', name)) as [string, string, string, string];
  Object.assign(x.app, { consumerKey, consumerSecret, clientSecret });
  Object.assign(x.account, { accessToken: `${ACCOUNT.id}-${sandboxSecret('x', 'token')}`, accessTokenSecret });
  return {
    provider: 'x_account_activity', title: 'X', url: x.url,
    secrets: { consumerKey, consumerSecret, clientSecret, accessToken: x.account.accessToken, accessTokenSecret },
    accounts: [{ channel: 'X', name: 'X (sandbox)', address: ACCOUNT.id, settings: { apiBaseUrl: x.url } }],
    deliverTo: async (webhook) => {
      const { valid, answer } = await x.challenge(webhook);
      if (!valid) throw new Error(`${webhook} did not answer X's challenge rightly, but ${answer.status}: ${answer.body.slice(0, 200)}`);
      door.set(webhook);
    },
    can: () => CAN,
    tell: async (channel, from, act) => {
      if (act.kind !== 'message') throw unable('X', channel, act);
      // An id of X has 19 digits at the most and grows with time.
      const id = (10n ** 18n + (BigInt(`0x${act.id.slice(0, 14)}`) % 10n ** 17n)).toString();
      const writer = { id: from.address, name: from.name, username: `u${from.address}` };
      return toldBy(id, [await x.deliver(door.url, { from: writer, to: x.account, text: act.text, id }, { api: 'activity' })]);
    },
    sent: () => x.messages.map(({ id, to, text }) => ({ id, channel: 'X' as const, from: ACCOUNT.id, to, text: text ?? '' })),
    settle: async (id) => {
      const { to } = x.messages.find((message) => message.id === id)!;
      await x.read(door.url, { id: to, name: to, username: `u${to}` }, id, { api: 'activity' });
    },
    close: () => x.close(),
  };
}
