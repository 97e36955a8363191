// Twilio with one number, which takes texts and calls, and a WhatsApp sender.
import { type Act, Door, type Offer, type OfferOptions, sandboxSecret, toldBy, type Told, unable, type Writer } from '../offer.ts';
import { fakeTwilio } from '../twilio.ts';

const NUMBER = '+4930901820010';
const SENDER = '+4930901820011';
const CAN = {
  SMS: new Set(['message', 'file'] as const), WHATSAPP: new Set(['message', 'file'] as const), VOICE: new Set(['call'] as const),
};
type TwilioChannel = keyof typeof CAN;

export async function twilioOffer(o: OfferOptions): Promise<Offer> {
  const door = new Door();
  const twilio = await fakeTwilio({ ...o, accountSid: `AC${sandboxSecret('twilio', 'account')}`, authToken: sandboxSecret('twilio', 'token') });
  twilio.numbers.add(NUMBER);
  twilio.senders.add(SENDER);
  const settings = { accountSid: twilio.accountSid, apiBaseUrl: twilio.url };
  const channelOf = (from: string): TwilioChannel => (from.startsWith('whatsapp:') ? 'WHATSAPP' : 'SMS');

  async function message(channel: TwilioChannel, from: Writer, act: Extract<Act, { kind: 'message' }>): Promise<Told> {
    const [prefix, ours] = channel === 'WHATSAPP' ? ['whatsapp:', SENDER] : ['', NUMBER];
    const sid = `${act.file ? 'MM' : 'SM'}${act.id}`;
    const media: Record<string, string> = act.file ? { NumMedia: '1', MediaUrl0: twilio.keep(act.file.content, act.file.mime), MediaContentType0: act.file.mime } : {};
    const profile: Record<string, string> = channel === 'WHATSAPP' ? { ProfileName: from.name } : {};
    const answer = await twilio.text(door.url, { from: prefix + from.address, to: prefix + ours, body: act.text, MessageSid: sid, SmsSid: sid, SmsMessageSid: sid, ...media, ...profile });
    return toldBy(sid, [answer]);
  }

  /** Rings, is answered or not, and ends; who meets the machine leaves a recording. https://www.twilio.com/docs/voice/twiml#request-parameters */
  async function call(from: Writer, { id, talkSeconds, voicemailSeconds }: Extract<Act, { kind: 'call' }>): Promise<Told> {
    const sid = `CA${id}`;
    const fields = { CallSid: sid, AccountSid: twilio.accountSid, ApiVersion: '2010-04-01', Direction: 'inbound', From: from.address, To: NUMBER, Caller: from.address, Called: NUMBER };
    const post = (more: Record<string, string>) => twilio.post(door.url, { ...fields, ...more });
    const answers = [await post({ CallStatus: 'ringing' })];
    if (voicemailSeconds !== null) {
      const url = twilio.keep(Buffer.from('RIFF'), 'audio/x-wav');
      answers.push(await post({ CallStatus: 'completed', RecordingSid: `RE${id}`, RecordingUrl: url, RecordingDuration: String(voicemailSeconds), Digits: 'hangup' }));
    }
    const ended: Record<string, string> = talkSeconds === null && voicemailSeconds === null ? { CallStatus: 'no-answer' } : { CallStatus: 'completed', CallDuration: String((talkSeconds ?? 0) + (voicemailSeconds ?? 0)) };
    answers.push(await post({ ...ended, CallbackSource: 'call-progress-events', SequenceNumber: '0' }));
    return toldBy(sid, answers);
  }

  return {
    provider: 'twilio', title: 'Twilio', url: twilio.url, secrets: { authToken: twilio.authToken },
    accounts: [
      { channel: 'SMS', name: 'Texts (sandbox)', address: NUMBER, settings },
      { channel: 'VOICE', name: 'Telephone (sandbox)', address: NUMBER, settings },
      { channel: 'WHATSAPP', name: 'WhatsApp by Twilio (sandbox)', address: SENDER, settings: { ...settings, sendersBaseUrl: twilio.url } },
    ],
    deliverTo: (webhook) => Promise.resolve(door.set(webhook)),
    can: (channel) => CAN[channel as TwilioChannel] ?? new Set(),
    tell: async (channel, from, act) => {
      if (act.kind === 'message' && channel !== 'VOICE') return message(channel as TwilioChannel, from, act);
      if (act.kind === 'call' && channel === 'VOICE') return call(from, act);
      throw unable('Twilio', channel, act);
    },
    sent: () => twilio.messages.map(({ sid, from, to, body }) => ({ id: sid, channel: channelOf(from), from: from.replace('whatsapp:', ''), to: to.replace('whatsapp:', ''), text: body })),
    settle: async (id) => {
      // Without a StatusCallback nobody wants to know.
      if (!twilio.messages.find(({ sid }) => sid === id)?.statusCallback) return;
      await twilio.settle(id);
      if (id.startsWith('SM') && twilio.messages.find(({ sid }) => sid === id)?.from.startsWith('whatsapp:')) await twilio.report(id, 'read');
    },
    close: () => twilio.close(),
  };
}
