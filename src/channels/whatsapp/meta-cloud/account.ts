// The settings of a number at the Cloud API, what a token is good for, and what an operator does at Meta.
import { z } from 'zod';
import type { HttpClient } from '../../../platform/http.ts';
import type { Account, CredentialCheck } from '../../channel.ts';
import { callGraph, GRAPH_FACEBOOK, refused, type Graph } from '../../meta/graph.ts';
import { at, idOf, listOf, textOf } from '../../meta/messaging-read.ts';
import type { MetaSecrets } from '../../meta/signature.ts';
import { meaningOf } from './codes.ts';

export const cloudSettings = z.strictObject({
  businessAccountId: z
    .string()
    .regex(/^\d+$/, 'Digits: the WhatsApp Business Account ID, in the Meta app under WhatsApp, API Setup.')
    .optional()
    .describe('The WhatsApp business account (WABA) that the number belongs to; with it every number of it is listed when the account is connected.'),
  apiBaseUrl: z
    .url({ protocol: /^https?$/, error: 'An http or https address: where Meta\'s Graph API is, or a server that speaks its protocol.' })
    .default(GRAPH_FACEBOOK)
    .describe('Where Meta\'s Graph API is.'),
});
export type CloudSettings = z.infer<typeof cloudSettings>;
export type CloudAccount = Pick<Account<CloudSettings, MetaSecrets>, 'settings' | 'secrets'>;

export const graphOf = ({ settings, secrets }: CloudAccount, http: HttpClient): Graph => ({ baseUrl: settings.apiBaseUrl, accessToken: secrets.accessToken, http, meaningOf });

const FIELDS = 'fields=id,display_phone_number,verified_name';
/** Of 100 numbers. */
const LISTS_MAX = 10;

/**
 * The numbers that the token may write from: all of the business account that is named, or the one that is to be connected. A token alone names none:
 * which accounts a system user was assigned can't be asked for with it.
 */
export async function checkCloud({ address, settings, secrets }: { address: string | null; settings: CloudSettings; secrets: MetaSecrets }, http: HttpClient): Promise<CredentialCheck> {
  const graph = graphOf({ settings, secrets }, http);
  if (settings.businessAccountId !== undefined) return numbersOf(graph, settings.businessAccountId);
  if (address !== null && !/^\d+$/.test(address)) return { ok: false, reason: 'The address of a WhatsApp account is its phone number ID: digits, in the Meta app under WhatsApp, API Setup. It isn\'t the number itself.' };
  const called = await callGraph(graph, 'GET', address === null ? 'me?fields=id' : `${address}?${FIELDS}`);
  if (called.outcome !== 'answered') return refused(called);
  return { ok: true, accounts: address === null ? [] : numbersIn([called.answer]) };
}

/** https://developers.facebook.com/docs/graph-api/reference/whats-app-business-account/phone_numbers */
async function numbersOf(graph: Graph, businessAccountId: string): Promise<CredentialCheck> {
  const numbers: unknown[] = [];
  let after = '';
  for (let list = 0; list < LISTS_MAX; list++) {
    const called = await callGraph(graph, 'GET', `${businessAccountId}/phone_numbers?${FIELDS}&limit=100${after}`);
    if (called.outcome !== 'answered') return refused(called);
    numbers.push(...listOf(at(called.answer, 'data')));
    const paging = at(called.answer, 'paging');
    const cursor = textOf(at(at(paging, 'cursors'), 'after'));
    if (cursor === null || at(paging, 'next') === undefined) break;
    after = `&after=${encodeURIComponent(cursor)}`;
  }
  const accounts = numbersIn(numbers);
  return accounts.length > 0 ? { ok: true, accounts } : { ok: false, reason: 'The WhatsApp business account has no number.' };
}

const numbersIn = (numbers: unknown[]): { channel: 'whatsapp'; address: string; name: string }[] =>
  numbers.flatMap((number) => {
    const id = idOf(at(number, 'id'));
    const name = [textOf(at(number, 'verified_name')), textOf(at(number, 'display_phone_number'))].filter((one) => one !== null).join(', ');
    return id === null ? [] : [{ channel: 'whatsapp' as const, address: id, name: name || id }];
  });

/** Without the echoes, what the team writes in WhatsApp's own app is missing; the last two tell of other ids and of no more advertising. */
const WEBHOOK_FIELDS = ['messages', 'smb_message_echoes', 'history', 'calls', 'account_update', 'phone_number_quality_update', 'message_template_status_update', 'user_id_update', 'user_preferences'];

export const setupCloud = ({ url }: { url: string }): string[] => [
  'Open your app at https://developers.facebook.com/apps, then WhatsApp, Configuration.',
  `Callback URL: ${url}`,
  'Verify token: the `verifyToken` among the secrets that the account was connected with.',
  `Subscribe to the fields: ${WEBHOOK_FIELDS.join(', ')} (those that the app is offered).`,
  'Connect the WhatsApp business account to the app: POST /{WhatsApp business account ID}/subscribed_apps with the access token.',
  'The access token should be a system user\'s without an end (Business settings, Users, System users), with whatsapp_business_messaging and whatsapp_business_management, who was assigned the app and the WhatsApp account.',
  'Templates are made in WhatsApp Manager, Message templates; one is sent by its name and language, once it is approved.',
];
