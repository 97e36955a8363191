// WhatsApp by Twilio: under the same credential, and so the same endpoint, as Twilio's text messages and calls.
import type { Provider } from '../../channel.ts';
import { isTwilioAccountFault } from '../../twilio/codes.ts';
import { checkSenders } from '../../twilio/check.ts';
import { twilioMedia } from '../../twilio/media.ts';
import { TEXT_MAX } from '../../twilio/messages.ts';
import { twilioSecrets, verifyTwilio, type TwilioSecrets } from '../../twilio/signature.ts';
import { emptyTwiml } from '../../twilio/twiml.ts';
import { parseWhatsapp } from './parse.ts';
import { ATTACHMENTS, sendWhatsapp, whatsappSettings, type WhatsappSettings } from './send.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;

export const twilioWhatsapp: Provider<WhatsappSettings, TwilioSecrets> = {
  channel: 'whatsapp',
  provider: 'twilio',
  settings: whatsappSettings as Provider<WhatsappSettings, TwilioSecrets>['settings'],
  secrets: twilioSecrets,
  capabilities: {
    textMax: TEXT_MAX, subject: false, html: false, attachments: ATTACHMENTS, canStart: true, window: { ms: DAY_MS, beyond: { how: 'TEMPLATE' } },
    // WhatsApp's own pace of a sender (https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput).
    sendsPerSecond: 80,
  },
  addressKinds: ['phone', 'wa_bsuid', 'wa_parent_bsuid'],
  verify: (request, { secrets }) => verifyTwilio(request, secrets.map(({ authToken }) => authToken)),
  parse: parseWhatsapp,
  respond: () => emptyTwiml(),
  check: ({ address, settings, secrets }, http) => checkSenders({ address, settings, secrets, baseUrl: settings.sendersBaseUrl }, http),
  setup: ({ url }) => [
    'In Twilio\'s console open Messaging, Senders, WhatsApp senders, and choose the sender (to try it out: Messaging, Try it out, Send a WhatsApp message, Sandbox settings).',
    `Under Messaging Endpoint Configuration choose "Use webhook": as "Webhook URL for incoming messages" paste ${url} with HTTP POST, and the same as "Status callback URL".`,
    'Save. Templates are made in Messaging, Content Template Builder; one is sent by its Content SID (HX…), once WhatsApp approved it.',
  ],
  media: (part, account) => twilioMedia(part, account),
  isAccountFault: isTwilioAccountFault,
  send: sendWhatsapp,
};
