// What an account of Bandwidth's messaging is set up with.
import { z } from 'zod';

export const bandwidthSettings = z.strictObject({
  accountId: z.string().regex(/^\d{1,20}$/, 'The account id of Bandwidth\'s dashboard: digits (Account, at the top right).'),
  applicationId: z
    .string()
    .regex(/^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/, 'The application id of the messaging application that the number belongs to (dashboard, Applications), a UUID.'),
  apiBaseUrl: z
    .url({ protocol: /^https?$/ })
    .default('https://messaging.bandwidth.com')
    .describe('Where Bandwidth\'s messaging API is, or a server that speaks its protocol.'),
});
export type BandwidthSettings = z.infer<typeof bandwidthSettings>;

const userName = (expected: string) => z.string().regex(/^[^:\s]+$/, expected);

export const bandwidthSecrets = z.strictObject({
  username: userName('The name of the API user (dashboard, Users), without a colon or blanks.'),
  password: z.string().min(1, 'The password of the API user.'),
  callbackUsername: userName('A name of your own, without a colon or blanks, that you also type in at the application ("Use a username/password for callbacks").'),
  callbackPassword: z.string().min(12, 'A password of your own, at least 12 characters, that you also type in at the application: by it Bandwidth\'s callbacks are known.'),
});
export type BandwidthSecrets = z.infer<typeof bandwidthSecrets>;

export interface BandwidthAccess {
  settings: BandwidthSettings;
  secrets: Pick<BandwidthSecrets, 'username' | 'password'>;
}

export const basicAuthorization = ({ username, password }: BandwidthAccess['secrets']): string => `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;

/** An address of the messaging API, below the account. */
export const apiAddress = ({ apiBaseUrl, accountId }: BandwidthSettings, path: string): string => `${apiBaseUrl.replace(/(?<!\/)\/+$/, '')}/api/v2/users/${accountId}/${path}`;
