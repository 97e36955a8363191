// Bandwidth with one number for texts.
import { fakeBandwidth } from '../bandwidth.ts';
import { Door, type Offer, type OfferOptions, sandboxSecret, toldBy, unable } from '../offer.ts';

const NUMBER = '+19195550160';
const CAN = new Set(['message', 'file'] as const);

export async function bandwidthOffer(o: OfferOptions): Promise<Offer> {
  const door = new Door();
  const bandwidth = await fakeBandwidth(o);
  const callback = { username: 'callbacks', password: sandboxSecret('bandwidth', 'callbacks') };
  Object.assign(bandwidth, { username: 'api', password: sandboxSecret('bandwidth', 'password'), applicationId: '5d3a7c10-0b52-4d6e-9f5e-2f0c6a1b7e44', callback });
  bandwidth.numbers.add(NUMBER);
  return {
    provider: 'bandwidth', title: 'Bandwidth', url: bandwidth.url,
    secrets: { username: bandwidth.username, password: bandwidth.password, callbackUsername: callback.username, callbackPassword: callback.password },
    accounts: [{ channel: 'SMS', name: 'Texts by Bandwidth (sandbox)', address: NUMBER, settings: { accountId: bandwidth.accountId, applicationId: bandwidth.applicationId, apiBaseUrl: bandwidth.url } }],
    deliverTo: (webhook) => Promise.resolve(door.set(webhook)),
    can: () => CAN,
    tell: async (channel, from, act) => {
      if (act.kind !== 'message') throw unable('Bandwidth', channel, act);
      const media = act.file ? { media: [bandwidth.keep(act.file.content, act.file.filename)] } : {};
      return toldBy(act.id, await bandwidth.receive(door.url, { id: act.id, from: from.address, to: [NUMBER], text: act.text, ...media }));
    },
    sent: () => bandwidth.messages.map(({ id, from, to, text }) => ({ id, channel: 'SMS' as const, from, to: to.join(','), text })),
    settle: async (id) => {
      for (const type of ['message-sending', 'message-delivered']) await bandwidth.report(door.url, id, type);
    },
    close: () => bandwidth.close(),
  };
}
