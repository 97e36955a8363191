// Whether a callback is Bandwidth's: by the name and password that were typed in at the application. Nothing is signed.
import { verifyBasic } from '../../basic-credentials.ts';
import type { RawRequest, Verification } from '../../channel.ts';
import type { BandwidthSecrets } from './settings.ts';

/**
 * Bandwidth's first request of every callback carries no credentials: it waits for a 401 that asks for them, and then sends the callback with them.
 * Without the challenge it would give up. https://dev.bandwidth.com/docs/numbers/webhooks#authentication
 */
export const verifyBandwidth = (request: RawRequest, secrets: readonly BandwidthSecrets[]): Verification =>
  verifyBasic(request, secrets.map(({ callbackUsername, callbackPassword }) => ({ username: callbackUsername, password: callbackPassword })));
