// Text messages by Twilio.
import type { Provider } from '../channel.ts';
import { isTwilioAccountFault } from '../twilio/codes.ts';
import { checkNumbers } from '../twilio/check.ts';
import { twilioMedia } from '../twilio/media.ts';
import { TEXT_MAX } from '../twilio/messages.ts';
import { twilioSecrets, verifyTwilio, type TwilioSecrets } from '../twilio/signature.ts';
import { emptyTwiml } from '../twilio/twiml.ts';
import { parseSms } from './parse.ts';
import { ATTACHMENTS, sendSms, smsSettings, type SmsSettings } from './send.ts';

export const twilioSms: Provider<SmsSettings, TwilioSecrets> = {
  channel: 'sms',
  provider: 'twilio',
  settings: smsSettings as Provider<SmsSettings, TwilioSecrets>['settings'],
  secrets: twilioSecrets,
  // No pace of ours: Twilio takes messages as fast as they come and sends them at the pace of the number that they go out by (a long code's is one
  // segment a second, a short code's a hundred), which it knows and we don't. What its queue can't hold it refuses to be tried again (21611, 20429).
  capabilities: { textMax: TEXT_MAX, subject: false, html: false, attachments: ATTACHMENTS, canStart: true, window: null, sendsPerSecond: null },
  addressKinds: ['phone'],
  verify: (request, { secrets }) => verifyTwilio(request, secrets.map(({ authToken }) => authToken)),
  parse: parseSms,
  // "Nothing to say": an answer goes out by the API, where it has an id and reports. Also for reports, whose answer Twilio doesn't read.
  respond: () => emptyTwiml(),
  check: checkNumbers,
  setup: ({ url }) => [
    'In Twilio\'s console open Phone Numbers, Manage, Active numbers, and choose the number.',
    `Under Messaging Configuration, "A message comes in": choose Webhook and HTTP POST, and paste ${url}`,
    'If the number belongs to a Messaging Service, open that instead (Messaging, Services, Integration), choose "Send a webhook" and paste the same address as the request URL.',
    'Save. Reports of delivery need no entry: every message names this address for them.',
  ],
  media: (part, account) => twilioMedia(part, account),
  isAccountFault: isTwilioAccountFault,
  send: sendSms,
};
