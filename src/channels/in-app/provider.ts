// Messages inside the company's own app: live chat's protocol (channels/live-chat), for people whom the app knows. Nobody writes here who wasn't identified
// by a token of the company's backend, so whoever writes is the same on all of his devices.
import { z } from 'zod';
import type { Provider } from '../channel.ts';
import { identificationKey } from '../live-chat/identification.ts';
import { ownProtocol } from '../live-chat/protocol.ts';
import { ownSettings } from '../live-chat/provider.ts';

export const inAppSettings = z.strictObject(ownSettings);
export type InAppSettings = z.infer<typeof inAppSettings>;

export const inAppSecrets = z.strictObject({
  identification: identificationKey.describe('The key by which your backend signs the tokens of your app’s users.'),
});
export type InAppSecrets = z.infer<typeof inAppSecrets>;

export const inApp: Provider<InAppSettings, InAppSecrets> = {
  ...ownProtocol('in_app'),
  settings: inAppSettings as z.ZodType<InAppSettings>,
  secrets: inAppSecrets,
};
