// Why Postmark says that a mail bounced -> our words. https://postmarkapp.com/developer/api/bounce-api#bounce-types
import type { BounceReason } from '../bounce-reasons.ts';

export interface BounceMeaning {
  /** `sending`: the server goes on trying, or waits for the sender. `delivered`: it arrived, and something answered. */
  state: 'failed' | 'sending' | 'delivered';
  /** What the type alone says; what the other server said (Details) is more exact. */
  reason: BounceReason | null;
  /** RFC 3463. Where the type names no cause, only the class: `x.0.0`. */
  status: string | null;
}

const gone = (reason: BounceReason, status: string): BounceMeaning => ({ state: 'failed', reason, status });
const later = (reason: BounceReason, status: string): BounceMeaning => ({ state: 'sending', reason, status });

/** By `Type`. Of the four that are missing here, three are no bounces (below), and a complaint has a webhook of its own. */
export const BOUNCE_TYPES = new Map<string, BounceMeaning>([
  ['HardBounce', gone('userunknown', '5.0.0')],
  ['Transient', later('expired', '4.0.0')],
  ['AutoResponder', { state: 'delivered', reason: null, status: null }],
  ['AddressChange', { state: 'delivered', reason: 'hasmoved', status: null }],
  ['DnsError', later('networkerror', '4.4.3')],
  ['SpamNotification', gone('spamdetected', '5.7.1')],
  ['OpenRelayTest', gone('undefined', '5.0.0')],
  ['Unknown', gone('undefined', '5.0.0')],
  ['SoftBounce', gone('mailboxfull', '4.0.0')],
  ['VirusNotification', gone('virusdetected', '5.7.0')],
  ['ChallengeVerification', later('onhold', '4.7.0')],
  ['BadEmailAddress', gone('userunknown', '5.1.3')],
  ['ManuallyDeactivated', gone('suspend', '5.2.1')],
  ['Unconfirmed', gone('onhold', '5.7.0')],
  ['Blocked', gone('blocked', '5.7.1')],
  ['SMTPApiError', gone('systemerror', '5.3.0')],
  ['DMARCPolicy', gone('authfailure', '5.7.1')],
  ['TemplateRenderingFailed', gone('contenterror', '5.6.0')],
]);

/** Mails that were taken for a wish about further mail. */
export const WISHES = new Map<string, 'given' | 'withdrawn'>([['Unsubscribe', 'withdrawn'], ['Subscribe', 'given']]);

/** `TypeCode`, for a webhook that lacks `Type`. 512 is a complaint's too: its RecordType tells. */
export const TYPE_OF_CODE = new Map<string, string>([
  ['1', 'HardBounce'], ['2', 'Transient'], ['16', 'Unsubscribe'], ['32', 'Subscribe'], ['64', 'AutoResponder'], ['128', 'AddressChange'], ['256', 'DnsError'],
  ['512', 'SpamNotification'], ['1024', 'OpenRelayTest'], ['2048', 'Unknown'], ['4096', 'SoftBounce'], ['8192', 'VirusNotification'],
  ['16384', 'ChallengeVerification'], ['100000', 'BadEmailAddress'], ['100001', 'SpamComplaint'], ['100002', 'ManuallyDeactivated'],
  ['100003', 'Unconfirmed'], ['100006', 'Blocked'], ['100007', 'SMTPApiError'], ['100008', 'InboundError'], ['100009', 'DMARCPolicy'],
  ['100010', 'TemplateRenderingFailed'],
]);
