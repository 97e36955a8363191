// Twilio with one number, which takes texts and calls, and a WhatsApp sender.
import { type Act, Door, type Offer, type OfferOptions, sandboxSecret, toldBy, type Told, unable, type Writer } from '../offer.ts';
import { fakeTwilio } from '../twilio.ts';

const NUMBER = '+4930901820010';
const SENDER = '+4930901820011';
const CAN = {
  SMS: new Set(['message', 'file'] as const), WHATSAPP: new Set(['message', 'file'] as const), VOICE: new Set(['call'] as const),
};
type TwilioChannel = keyof typeof CAN;
/** A tenth of a second of 8 kHz, 16 bits: a WAV file. http://soundfile.sapp.org/doc/WaveFormat/ */
const SILENCE = wav(Buffer.alloc(1_600));

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

  /**
   * Rings, is put through to an agent's telephone, and ends; whom nobody answered may speak to the machine.
   * https://www.twilio.com/docs/voice/twiml#request-parameters · …/voice/twiml/dial#action · …/voice/twiml/record#action
   */
  async function call(from: Writer, { id, talkSeconds, voicemailSeconds }: Extract<Act, { kind: 'call' }>): Promise<Told> {
    const sid = `CA${id}`;
    const fields = { CallSid: sid, AccountSid: twilio.accountSid, ApiVersion: '2010-04-01', Direction: 'inbound', From: from.address, To: NUMBER, Caller: from.address, Called: NUMBER };
    const post = (more: Record<string, string>) => twilio.post(door.url, { ...fields, ...more });
    const leg = { DialCallSid: `CA${[...id].reverse().join('')}`, DialCallStatus: talkSeconds === null ? 'no-answer' : 'completed', ...(talkSeconds === null ? {} : { DialCallDuration: String(talkSeconds) }) };
    const answers = [await post({ CallStatus: 'ringing' }), await post({ CallStatus: 'in-progress', ...leg })];
    if (voicemailSeconds !== null) {
      const url = twilio.keep(SILENCE, 'audio/x-wav');
      answers.push(await post({ CallStatus: 'completed', RecordingSid: `RE${id}`, RecordingUrl: url, RecordingDuration: String(voicemailSeconds), Digits: 'hangup' }));
    }
    answers.push(await post({ CallStatus: 'completed', CallDuration: String((talkSeconds ?? 20) + (voicemailSeconds ?? 0)), CallbackSource: 'call-progress-events', SequenceNumber: '0' }));
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

function wav(samples: Buffer): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + samples.length, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  // PCM, one channel.
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8_000, 24);
  header.writeUInt32LE(16_000, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(samples.length, 40);
  return Buffer.concat([header, samples]);
}
