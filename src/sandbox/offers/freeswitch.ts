// A FreeSWITCH of the house with one number: its event socket tells of calls while they happen, its records when they ended.
import { toldBy, unable, type Act, type Offer, type OfferOptions, type Told, type Writer } from '../offer.ts';
import { fakeFreeswitch } from '../freeswitch.ts';
import { nowMs } from '../../platform/clock.ts';

const NUMBER = '+4930901820040';
const EXTENSION = '204';

export async function freeswitchOffer(o: OfferOptions): Promise<Offer> {
  const credentials = { username: 'freeswitch', password: o.secret('records') };
  // A call of minutes is told within a moment: the clock is put forward by it.
  let aheadMs = 0;
  const freeswitch = await fakeFreeswitch({ port: o.port, password: o.secret('socket'), now: () => nowMs() + aheadMs });

  async function call(from: Writer, { id, talkSeconds, voicemailSeconds }: Extract<Act, { kind: 'call' }>): Promise<Told> {
    const lasts = ((talkSeconds ?? 20) + (voicemailSeconds ?? 0) + 8) * 1_000;
    aheadMs = -lasts;
    const pass = (seconds: number): void => void (aheadMs += seconds * 1_000);
    const uuid = id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    const ringing = freeswitch.ring({ from: from.address, to: NUMBER, name: from.name, uuid });
    const phone = ringing.put(EXTENSION);
    pass(8);
    if (talkSeconds !== null) {
      phone.answer();
      pass(talkSeconds);
    } else {
      pass(20);
      if (voicemailSeconds !== null) {
        ringing.machine(voicemailSeconds);
        pass(voicemailSeconds);
      }
    }
    const answers = await ringing.hangUp();
    aheadMs = 0;
    return toldBy(uuid, answers);
  }

  return {
    provider: 'freeswitch', title: 'FreeSWITCH', url: `tcp://127.0.0.1:${freeswitch.port}`, secrets: { ...credentials, eventSocketPassword: freeswitch.password },
    accounts: [{ channel: 'VOICE', name: 'The house’s telephones (sandbox)', address: NUMBER, settings: { eventSocket: { host: '127.0.0.1', port: freeswitch.port } } }],
    deliverTo: (webhook) => {
      freeswitch.records = { url: webhook, ...credentials };
      return Promise.resolve();
    },
    can: (channel) => new Set(channel === 'VOICE' ? ['call' as const] : []),
    tell: (channel, from, act) => (act.kind === 'call' && channel === 'VOICE' ? call(from, act) : Promise.reject(unable('FreeSWITCH', channel, act))),
    sent: () => [],
    settle: () => Promise.resolve(),
    close: () => freeswitch.close(),
  };
}
