// Text messages by Twilio.
import type { Provider } from '../channel.ts';
import { emptyTwiml } from '../twilio/twiml.ts';
import { twilioSecrets, verifyTwilio, type TwilioSecrets } from '../twilio/signature.ts';
import { parseSms } from './parse.ts';
import { sendSms, smsSettings, TEXT_MAX, type SmsSettings } from './send.ts';

export const twilioSms: Provider<SmsSettings, TwilioSecrets> = {
  channel: 'sms',
  provider: 'twilio',
  settings: smsSettings as Provider<SmsSettings, TwilioSecrets>['settings'],
  secrets: twilioSecrets,
  capabilities: { textMax: TEXT_MAX, subject: false, html: false, attachments: null, canStart: true, window: null, sendsPerSecond: null },
  addressKinds: ['phone'],
  verify: (request, { secrets }) => verifyTwilio(request, secrets.map(({ authToken }) => authToken)),
  parse: parseSms,
  // "Nothing to say": an answer goes out by the API, where it has an id and reports. Also for reports, whose answer Twilio doesn't read.
  respond: () => emptyTwiml(),
  send: sendSms,
};
