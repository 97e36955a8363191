// The telephone system of the house, whichever it is: an adapter of a few lines tells us of its calls, in our words (README.md).
import { z } from 'zod';
import type { Provider } from '../channel.ts';
import { parseTelephony } from './event.ts';
import { SIGNATURE_HEADER, verifySigned } from './signature.ts';

export const telephonySettings = z.strictObject({});
export type TelephonySettings = z.infer<typeof telephonySettings>;
export const telephonySecrets = z.strictObject({ signingKey: z.string().min(32, 'A secret of at least 32 characters, by which your adapter signs.').max(512) });
export type TelephonySecrets = z.infer<typeof telephonySecrets>;

export const telephony: Provider<TelephonySettings, TelephonySecrets> = {
  channel: 'voice',
  provider: 'telephony',
  settings: telephonySettings,
  secrets: telephonySecrets,
  capabilities: { textMax: 0, subject: false, html: false, attachments: null, canStart: false, window: null, sendsPerSecond: null },
  addressKinds: ['phone', 'sip_uri'],
  verify: (request, { secrets }) => verifySigned(request, secrets.map(({ signingKey }) => signingKey)),
  parse: parseTelephony,
  respond: () => ({ status: 202, headers: { 'content-type': 'application/json' }, body: '{"accepted":true}' }),
  setup: ({ url }) => [
    `Let your telephone system, or an adapter beside it, POST its events as JSON to ${url}`,
    `Sign each request: ${SIGNATURE_HEADER}: t=SECONDS,v1=HEX, where HEX is the HMAC-SHA256 of "SECONDS." and the body, by the signing key.`,
    'Send again whatever was not answered by 2xx, with the same ids: the same again changes nothing.',
  ],
};
