// Text messages by Bandwidth.
import { OutgoingError, type HttpClient } from '../../../platform/http.ts';
import type { CredentialCheck, Provider } from '../../channel.ts';
import { REFUSALS } from './codes.ts';
import { bandwidthMedia } from './media.ts';
import { parseBandwidth } from './parse.ts';
import { ATTACHMENTS, sendBandwidth, TEXT_MAX } from './send.ts';
import { apiAddress, bandwidthSecrets, bandwidthSettings, basicAuthorization, type BandwidthAccess, type BandwidthSecrets, type BandwidthSettings } from './settings.ts';
import { verifyBandwidth } from './verify.ts';

export const bandwidthSms: Provider<BandwidthSettings, BandwidthSecrets> = {
  channel: 'sms',
  provider: 'bandwidth',
  settings: bandwidthSettings as Provider<BandwidthSettings, BandwidthSecrets>['settings'],
  secrets: bandwidthSecrets,
  // No pace of ours: Bandwidth queues a quarter of an hour of messages at the account's own pace, and says when that is full (429).
  capabilities: { textMax: TEXT_MAX, subject: false, html: false, attachments: ATTACHMENTS, canStart: true, groups: true, window: null, sendsPerSecond: null },
  addressKinds: ['phone'],
  verify: (request, { secrets }) => verifyBandwidth(request, secrets),
  parse: parseBandwidth,
  // Any 2xx within ten seconds; the body isn't read.
  respond: () => ({ status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: '' }),
  check,
  setup: ({ url }) => [
    'In Bandwidth\'s dashboard open Applications, and the messaging application of the number (or create one, and give it to the number\'s location).',
    `As callback URL paste ${url} for both, inbound and status callbacks.`,
    'Tick "Use a username/password for callbacks" and type in the callbackUsername and callbackPassword that you connected with.',
    'Under the status callback types choose message-delivered, message-failed and message-sending, and save.',
    'Ask Bandwidth\'s support to enable delivery receipts of MMS, if you want to know more of pictures than that the carrier has them.',
  ],
  media: (part, account) => bandwidthMedia(part, account),
  isAccountFault: (errorCode) => errorCode === 'unauthorized',
  send: sendBandwidth,
};

/** By a request that changes nothing. Which numbers there are, this API doesn't tell. */
async function check({ settings, secrets }: BandwidthAccess, http: HttpClient): Promise<CredentialCheck> {
  try {
    const { status } = await http.request({ method: 'GET', url: apiAddress(settings, 'media'), headers: { authorization: basicAuthorization(secrets), accept: 'application/json' } });
    if (status === 200) return { ok: true, accounts: [] };
    return { ok: false, reason: REFUSALS.get(status)?.reason ?? `Bandwidth answered with HTTP status ${status}.`, retryable: status >= 500 || status === 429 };
  } catch (error) {
    // A list longer than what is read: the credential is good.
    if (error instanceof OutgoingError && error.code === 'TOO_LARGE') return { ok: true, accounts: [] };
    if (error instanceof OutgoingError) return { ok: false, reason: `Bandwidth was not reached: ${error.message}`, retryable: true };
    throw error;
  }
}
