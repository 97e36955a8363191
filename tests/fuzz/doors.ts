// Every door that providers deliver to: how each is connected and signed, and what comes by it, ours and, where they are there, the recorded payloads.
import { createHmac } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { Unparsable, type ChannelName } from '../../src/channels/channel.ts';
import { findParser } from '../../src/channels/registry.ts';
import { SIGNATURE_HEADER } from '../../src/channels/telephony/signature.ts';
import { nowMs } from '../../src/platform/clock.ts';
import { publicId } from '../../src/platform/ids.ts';
import { ROOT, type TestWorkspace } from '../harness/server.ts';
import { ownMails } from '../journey/mails.ts';
import { bodyOf, signature } from '../journey/payloads.ts';

const OWN = join(ROOT, 'tests/fixtures');
const SHARED = join(ROOT, '../shared/fixtures');
const NOBODY = 'http://127.0.0.1:9';
const SECRET = 'a-secret-of-this-door-alone';
const TWILIO_ACCOUNT = `AC${'1'.repeat(32)}`;
const MAILBOX = 'support@acme.example';
const basic = (name: string) => ({ authorization: `Basic ${Buffer.from(`${name}:${SECRET}`).toString('base64')}` });
const hmac = (body: Buffer, encoding: 'hex' | 'base64') => `sha256=${createHmac('sha256', SECRET).update(body).digest(encoding)}`;

interface Way {
  provider: string;
  /** A channel and where its payloads are; `as`: by which name their parser goes, where it isn't the provider's. */
  folders: { channel: ChannelName; folder: string }[];
  settings: Record<string, unknown>;
  /** Of an account. */
  secrets: (address: string) => Record<string, unknown>;
  headers: (url: string, body: Buffer) => Record<string, string>;
  /** One account an endpoint. */
  isAlone?: boolean;
}
const json = { 'content-type': 'application/json' };
const WAYS: readonly Way[] = [
  {
    provider: 'mime', folders: [{ channel: 'email', folder: 'email/mime' }, { channel: 'email', folder: 'email/helpdesk' }, { channel: 'email', folder: 'email/dsn' }],
    settings: { host: '127.0.0.1', port: 9, secure: 'none' }, secrets: () => ({ inbound: SECRET }), headers: () => ({ authorization: `Bearer ${SECRET}`, 'content-type': 'message/rfc822' }),
  },
  {
    provider: 'postmark', folders: [{ channel: 'email', folder: 'email/postmark' }, { channel: 'email', folder: 'email/postmark-inbound' }, { channel: 'email', folder: 'email/postmark-webhooks' }],
    settings: { apiBaseUrl: NOBODY }, secrets: () => ({ serverToken: SECRET, webhookSecret: SECRET }), headers: () => ({ ...json, ...basic('postmark') }), isAlone: true,
  },
  {
    provider: 'twilio', folders: [{ channel: 'sms', folder: 'sms/twilio' }, { channel: 'voice', folder: 'voice/twilio' }, { channel: 'whatsapp', folder: 'whatsapp/twilio' }],
    settings: { accountSid: TWILIO_ACCOUNT, apiBaseUrl: NOBODY }, secrets: () => ({ authToken: SECRET }),
    // A form is text: what Twilio signs is the form as it is read.
    headers: (url, body) => ({ 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature(SECRET, url, body.toString('latin1')) }),
  },
  {
    provider: 'bandwidth', folders: [{ channel: 'sms', folder: 'sms/bandwidth' }], settings: { accountId: '9900000', applicationId: '93de2206-9669-4e07-948d-329f4b722ee2', apiBaseUrl: NOBODY },
    secrets: () => ({ username: 'api', password: SECRET, callbackUsername: 'bandwidth', callbackPassword: SECRET }), headers: () => ({ ...json, ...basic('bandwidth') }),
  },
  {
    provider: 'freeswitch', folders: [{ channel: 'voice', folder: 'voice/freeswitch' }], settings: {}, secrets: () => ({ username: 'freeswitch', password: SECRET }), headers: () => ({ ...json, ...basic('freeswitch') }),
  },
  {
    provider: 'telephony', folders: [{ channel: 'voice', folder: 'voice/telephony' }], settings: {}, secrets: () => ({ signingKey: SECRET.repeat(2) }),
    headers: (_url, body) => {
      const seconds = Math.floor(nowMs() / 1_000);
      return { ...json, [SIGNATURE_HEADER]: `t=${seconds},v1=${createHmac('sha256', SECRET.repeat(2)).update(`${seconds}.`).update(body).digest('hex')}` };
    },
  },
  {
    provider: 'meta', folders: [{ channel: 'messenger', folder: 'messenger/meta' }, { channel: 'instagram', folder: 'instagram/meta' }], settings: { apiBaseUrl: NOBODY },
    secrets: () => ({ appSecret: SECRET, verifyToken: SECRET, accessToken: SECRET }), headers: (_url, body) => ({ ...json, 'x-hub-signature-256': hmac(body, 'hex') }),
  },
  {
    provider: 'meta_cloud', folders: [{ channel: 'whatsapp', folder: 'whatsapp/meta-cloud' }, { channel: 'whatsapp', folder: 'whatsapp/360dialog-cloud' }], settings: { apiBaseUrl: NOBODY },
    secrets: () => ({ appSecret: SECRET, verifyToken: SECRET, accessToken: SECRET }), headers: (_url, body) => ({ ...json, 'x-hub-signature-256': hmac(body, 'hex') }),
  },
  {
    provider: 'x_account_activity', folders: [{ channel: 'x', folder: 'x/x_account_activity' }, { channel: 'x', folder: 'x-dm/x-account-activity' }], settings: { apiBaseUrl: NOBODY },
    secrets: (address) => ({ consumerKey: SECRET, consumerSecret: SECRET, accessToken: `${address}-${SECRET}`, accessTokenSecret: SECRET }),
    headers: (_url, body) => ({ ...json, 'x-twitter-webhooks-signature': hmac(body, 'base64') }), isAlone: true,
  },
];

/** Accounts that are connected of a provider, at most: some recorded payloads have one of their own each. */
const ACCOUNTS_MAX = 12;
/** A spoiled payload is no larger; what large ones cost is measured elsewhere. */
export const BYTES_MAX = 200_000;

export interface Sample {
  provider: string;
  body: Buffer;
  url: string;
  headers: (body: Buffer) => Record<string, string>;
}

/** Connects every provider in the workspace, with the accounts that its payloads are for. */
export async function openDoors(ws: TestWorkspace, address: string, scratch: string): Promise<Sample[]> {
  if (!existsSync(SHARED)) console.log('The recorded payloads are not beside the project; its own are spoiled.');
  const samples: Sample[] = [];
  for (const way of WAYS) {
    const payloads = way.folders.flatMap(({ channel, folder }) => [join(OWN, folder), join(SHARED, folder), ...(folder === 'email/mime' ? [ownMails(scratch)] : [])]
      .flatMap((path) => bodiesUnder(path)).map((body) => ({ channel, body })));
    if (payloads.length === 0) throw new Error(`There are no payloads of ${way.provider}.`);
    const urls = new Map<string, string>();
    let endpointId: string | undefined;
    for (const { channel, account } of await accountsIn(way, payloads)) {
      const { endpointId: made } = await ws.connect({
        channel: channel.toUpperCase(), provider: way.provider, name: `${channel} ${account}`, address: account, settings: way.settings,
        ...(endpointId === undefined || way.isAlone ? { secrets: way.secrets(account) } : { endpointId }),
      } as Parameters<TestWorkspace['connect']>[0]);
      endpointId = made;
      urls.set(account, `${address}/hooks/${way.provider}/${publicId('end', made)}`);
    }
    for (const { channel, body } of payloads) {
      const url = [...await namesOf(way, channel, body)].map((account) => urls.get(account)).find(Boolean) ?? [...urls.values()][0]!;
      samples.push({ provider: way.provider, body, url, headers: (spoiled) => way.headers(url, spoiled) });
    }
  }
  return samples;
}

function bodiesUnder(folder: string): Buffer[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => ['.eml', '.form', '.json', '.txt'].includes(extname(name)) && !/(^|\/)_(oracle|outbound)\//.test(name)).sort()
    .map((name) => {
      const content = readFileSync(join(folder, name));
      const isForm = /\/twilio(\/|$)/.test(folder);
      return isForm ? Buffer.from(bodyOf(content.toString('utf8'), extname(name)).replace(/\bAC[0-9a-fA-FXx]{32}\b/g, TWILIO_ACCOUNT)) : content;
    })
    .filter(({ length }) => length > 0 && length < BYTES_MAX);
}

/** The accounts of ours that the payloads name, the most frequent ones. */
async function accountsIn(way: Way, payloads: readonly { channel: ChannelName; body: Buffer }[]): Promise<{ channel: ChannelName; account: string }[]> {
  if (way.folders[0]!.channel === 'email') return [{ channel: 'email', account: way.provider === 'mime' ? MAILBOX : `${way.provider}@acme.example` }];
  const found = new Map<string, { channel: ChannelName; account: string; n: number }>();
  for (const { channel, body } of payloads) {
    for (const account of await namesOf(way, channel, body)) {
      const known = found.get(`${channel} ${account}`) ?? { channel, account, n: 0 };
      known.n++;
      found.set(`${channel} ${account}`, known);
    }
  }
  // A short code or a name is an account elsewhere; here they stay unknown, which is to be told as well.
  const isAddress = ({ account }: { account: string }) => /^\+\d{8,15}$|^\d{5,25}$/.test(account);
  return [...found.values()].filter(isAddress).sort((a, b) => b.n - a.n || (a.account < b.account ? -1 : 1)).slice(0, ACCOUNTS_MAX);
}

async function namesOf(way: Way, channel: ChannelName, body: Buffer): Promise<Set<string>> {
  try {
    const { events } = await findParser(way.provider, channel)!.parse({ method: 'POST', url: 'https://desk.example/hooks', headers: way.headers('https://desk.example/hooks', body), body });
    return new Set(events.flatMap((event) => event.account ?? []));
  } catch (error) {
    if (error instanceof Unparsable) return new Set();
    throw error;
  }
}
