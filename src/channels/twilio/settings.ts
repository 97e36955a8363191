// What an account of any of Twilio's channels is set up with, beside its auth token (signature.ts).
import { z } from 'zod';

export const accountSid = z.string().regex(/^AC[0-9a-fA-F]{32}$/, 'The Account SID of the Twilio console: AC and 32 hexadecimal digits.');

export const apiBaseUrl = z
  .url({ protocol: /^https?$/ })
  .default('https://api.twilio.com')
  .describe('Where Twilio\'s API is: another region\'s, or a server that speaks its protocol.');

export const messagingServiceSid = z
  .string()
  .regex(/^MG[0-9a-fA-F]{32}$/, 'The SID of a Messaging Service: MG and 32 hexadecimal digits.')
  .optional()
  .describe('The Messaging Service that the number belongs to, for its opt-out words and its sending features.');

/** What every call of Twilio's API needs. */
export interface TwilioCredential {
  settings: { accountSid: string; apiBaseUrl: string };
  secrets: { authToken: string };
}

export const basicAuthorization = ({ settings, secrets }: TwilioCredential): string =>
  `Basic ${Buffer.from(`${settings.accountSid}:${secrets.authToken}`).toString('base64')}`;

export const withoutSlash = (url: string): string => url.replace(/(?<!\/)\/+$/, '');
