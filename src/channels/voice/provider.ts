// Telephone calls by Twilio: what happens to them comes in, and stays on the call that it belongs to. Calls aren't made from here.
import { z } from 'zod';
import type { Provider } from '../channel.ts';
import { twilioSecrets, verifyTwilio, type TwilioSecrets } from '../twilio/signature.ts';
import { parseVoice } from './parse.ts';
import { respondVoice } from './respond.ts';

export const voiceSettings = z.strictObject({
  accountSid: z.string().regex(/^AC[0-9a-fA-F]{32}$/, 'The Account SID of the Twilio console: AC and 32 hexadecimal digits.'),
  apiBaseUrl: z.url({ protocol: /^https?$/ }).default('https://api.twilio.com').describe('Where Twilio\'s API is; recordings lie there.'),
});
export type VoiceSettings = z.infer<typeof voiceSettings>;

export const twilioVoice: Provider<VoiceSettings, TwilioSecrets> = {
  channel: 'voice',
  provider: 'twilio',
  settings: voiceSettings as Provider<VoiceSettings, TwilioSecrets>['settings'],
  secrets: twilioSecrets,
  capabilities: { textMax: 0, subject: false, html: false, attachments: null, canStart: false, window: null, sendsPerSecond: null },
  addressKinds: ['phone', 'sip_uri'],
  verify: (request, { secrets }) => verifyTwilio(request, secrets.map(({ authToken }) => authToken)),
  parse: parseVoice,
  respond: (request) => respondVoice(request),
};
