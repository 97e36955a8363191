// Telephone calls by Twilio: what happens to them comes in, and stays on the call that it belongs to. Calls aren't made from here.
import { z } from 'zod';
import type { Provider } from '../channel.ts';
import { checkNumbers } from '../twilio/check.ts';
import { twilioMedia } from '../twilio/media.ts';
import { accountSid, apiBaseUrl } from '../twilio/settings.ts';
import { twilioSecrets, verifyTwilio, type TwilioSecrets } from '../twilio/signature.ts';
import { parseVoice } from './parse.ts';
import { respondVoice } from './respond.ts';

export const voiceSettings = z.strictObject({ accountSid, apiBaseUrl });
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
  check: checkNumbers,
  setup: ({ url }) => [
    'In Twilio\'s console open Phone Numbers, Manage, Active numbers, and choose the number.',
    `Under Voice Configuration, "A call comes in": choose Webhook and HTTP POST, and paste ${url} with what is to be done with calls behind it, such as ?forward=%2B15551234567&voicemail=Please+leave+a+message (forward, voicemail, record=true, transcribe=true). Without any, calls are rejected.`,
    `Under "Call status changes" choose HTTP POST and paste ${url}`,
    'Save.',
  ],
  // Recordings: their address without an ending gives WAV.
  media: (part, account) => twilioMedia(part, account),
};
