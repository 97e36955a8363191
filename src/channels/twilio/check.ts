// Whether a Twilio credential is good, and for which numbers and WhatsApp senders.
import { z } from 'zod';
import { OutgoingError, type HttpClient } from '../../platform/http.ts';
import type { ChannelName, CredentialCheck } from '../channel.ts';
import { meaningOf } from './codes.ts';
import { basicAuthorization, withoutSlash, type TwilioCredential } from './settings.ts';

type Listed = Extract<CredentialCheck, { ok: true }>['accounts'];

const PAGES_MAX = 10;

const number = z.object({
  phone_number: z.string(),
  friendly_name: z.string().nullish(),
  capabilities: z.object({ sms: z.boolean().optional(), voice: z.boolean().optional() }).nullish(),
});
const numbersPage = z.object({ incoming_phone_numbers: z.array(number), next_page_uri: z.string().nullish() });

/**
 * The account's numbers, an entry for each channel that a number can do. A number that is asked for must be among them; a short code or a sender name
 * isn't listed by Twilio, so it is believed. https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource#read-multiple-incomingphonenumber-resources
 */
export async function checkNumbers({ address, ...credential }: TwilioCredential & { address: string | null }, http: HttpClient): Promise<CredentialCheck> {
  const wanted = address?.startsWith('+') ? address : null;
  const base = withoutSlash(credential.settings.apiBaseUrl);
  const query = new URLSearchParams({ PageSize: '1000', ...(wanted === null ? {} : { PhoneNumber: wanted }) });
  return listed(credential, http, `${base}/2010-04-01/Accounts/${credential.settings.accountSid}/IncomingPhoneNumbers.json?${query}`, (page) => {
    const { incoming_phone_numbers: numbers, next_page_uri: next } = numbersPage.parse(page);
    return { accounts: numbers.flatMap(accountsOf), next: next ? new URL(next, base).href : null };
  }, wanted === null ? null : { address: wanted, missing: `The Twilio account has no number ${wanted}.` });
}

function accountsOf({ phone_number: address, friendly_name: name, capabilities }: z.infer<typeof number>): Listed {
  const channels: ChannelName[] = [...(capabilities?.sms === false ? [] : ['sms' as const]), ...(capabilities?.voice === false ? [] : ['voice' as const])];
  return channels.map((channel) => ({ channel, address, name: name || address }));
}

/** Documented in both spellings. */
const sender = z.looseObject({ sender_id: z.string().optional(), senderId: z.string().optional(), status: z.string().nullish(), profile: z.looseObject({ name: z.string().nullish() }).nullish() });
const sendersPage = z.object({ senders: z.array(sender), meta: z.object({ next_page_url: z.string().nullish() }).optional() });

/**
 * The account's WhatsApp senders that are online. https://www.twilio.com/docs/whatsapp/api/senders
 * `baseUrl`: where that API is, which has a host of its own.
 */
export async function checkSenders({ address, baseUrl, ...credential }: TwilioCredential & { address: string | null; baseUrl: string }, http: HttpClient): Promise<CredentialCheck> {
  const base = withoutSlash(baseUrl);
  return listed(credential, http, `${base}/v2/Channels/Senders?${new URLSearchParams({ Channel: 'whatsapp', PageSize: '100' })}`, (page) => {
    const { senders, meta } = sendersPage.parse(page);
    const next = meta?.next_page_url ? new URL(meta.next_page_url, base) : null;
    const accounts = senders.flatMap(({ sender_id: id, senderId, status, profile }): Listed => {
      const number = (id ?? senderId ?? '').replace(/^whatsapp:/i, '');
      return number === '' || !(status ?? 'ONLINE').startsWith('ONLINE') ? [] : [{ channel: 'whatsapp', address: number, name: profile?.name || number }];
    });
    return { accounts, next: next?.href ?? null };
  }, address === null ? null : { address, missing: `The Twilio account has no WhatsApp sender ${address} that is online.` });
}

async function listed(
  credential: TwilioCredential,
  http: HttpClient,
  first: string,
  read: (page: unknown) => { accounts: Listed; next: string | null },
  wanted: { address: string; missing: string } | null,
): Promise<CredentialCheck> {
  const accounts: Listed = [];
  try {
    let url: string | null = first;
    for (let page = 0; url !== null && page < PAGES_MAX; page++) {
      const response = await http.request({ method: 'GET', url, headers: { authorization: basicAuthorization(credential), accept: 'application/json' }, responseBytesMax: 4 * 1024 * 1024 });
      const body: unknown = JSON.parse(response.body.toString('utf8'));
      if (response.status !== 200) return { ok: false, reason: refusalOf(body, response.status), retryable: response.status >= 500 || response.status === 429 };
      const { accounts: found, next } = read(body);
      accounts.push(...found);
      // The credentials follow no address to another host.
      url = next !== null && new URL(next).origin === new URL(first).origin ? next : null;
    }
  } catch (error) {
    if (error instanceof OutgoingError) return { ok: false, reason: `Twilio was not reached: ${error.message}`, retryable: true };
    return { ok: false, reason: 'What answers at this address is not Twilio\'s API.' };
  }
  if (wanted && !accounts.some(({ address }) => address === wanted.address)) return { ok: false, reason: wanted.missing };
  return { ok: true, accounts };
}

function refusalOf(body: unknown, status: number): string {
  const said = z.object({ code: z.union([z.number(), z.string()]), message: z.string().optional() }).safeParse(body);
  return said.success ? meaningOf(String(said.data.code), said.data.message ?? null).reason : `Twilio answered with HTTP status ${status}.`;
}
