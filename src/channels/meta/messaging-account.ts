// The settings of Messenger's and Instagram's accounts, and what a token is good for.
import { z } from 'zod';
import type { HttpClient } from '../../platform/http.ts';
import type { CredentialCheck } from '../channel.ts';
import { callGraph, GRAPH_FACEBOOK, GRAPH_INSTAGRAM, type Called, type Graph } from './messaging-call.ts';
import { at, idOf, listOf, textOf } from './messaging-read.ts';
import type { MetaSecrets } from './signature.ts';

const apiBaseUrl = z.url({ protocol: /^https?$/, error: 'An http or https address: where Meta\'s Graph API is, or a server that speaks its protocol.' });

export const messengerSettings = z.strictObject({
  apiBaseUrl: apiBaseUrl.default(GRAPH_FACEBOOK).describe('Where Meta\'s Graph API is.'),
});
export const instagramSettings = z
  .strictObject({
    login: z
      .enum(['facebook', 'instagram'], 'How the account was connected to the Meta app: `facebook` (by its Page, with the Page\'s token) or `instagram` (by Instagram Login, with a token of its own).')
      .default('facebook')
      .describe('By a Page (`facebook`) or by Instagram Login (`instagram`).'),
    apiBaseUrl: apiBaseUrl.optional().describe('Where Meta\'s Graph API is; by default as the login needs it.'),
  })
  .transform((given) => ({ ...given, apiBaseUrl: given.apiBaseUrl ?? (given.login === 'instagram' ? GRAPH_INSTAGRAM : GRAPH_FACEBOOK) }));

export interface MessagingSettings {
  apiBaseUrl: string;
  login?: 'facebook' | 'instagram';
}

const PAGE_FIELDS = encodeURIComponent('id,name,instagram_business_account{id,username}');
const TOKEN_FIELDS = encodeURIComponent('id,access_token,instagram_business_account{id}');
/** Of 100 Pages. */
const LISTS_MAX = 10;

/**
 * The Pages that the token reaches and the Instagram accounts behind them, which are written to by the same token; a Page's own token reaches that
 * one. By Instagram Login: the account alone, by the id that its webhooks name (`user_id`; `id` is another number, of this app only).
 */
export async function checkMessaging(given: { settings: MessagingSettings; secrets: MetaSecrets }, http: HttpClient): Promise<CredentialCheck> {
  const graph: Graph = { baseUrl: given.settings.apiBaseUrl, accessToken: given.secrets.accessToken, http };
  if (given.settings.login === 'instagram') {
    const called = await callGraph(graph, 'GET', 'me?fields=user_id,username');
    if (called.outcome !== 'answered') return refused(called);
    const address = idOf(at(called.answer, 'user_id'));
    if (address === null) return { ok: false, reason: 'The token names no Instagram account.' };
    return { ok: true, accounts: [{ channel: 'instagram', address, name: instagramName(called.answer, address) }] };
  }
  const pages = await pagesOf(graph, PAGE_FIELDS);
  if (pages.outcome === 'found') {
    if (pages.pages.length === 0) return { ok: false, reason: 'The token reaches no Page. Its user needs a task on the Page, and pages_show_list must be granted.' };
    return { ok: true, accounts: pages.pages.flatMap(accountsOf) };
  }
  if (!pages.isPage) return refused(pages.called);
  const own = await callGraph(graph, 'GET', `me?fields=${PAGE_FIELDS}`);
  if (own.outcome !== 'answered') return refused(own);
  const accounts = accountsOf(own.answer);
  return accounts.length > 0 ? { ok: true, accounts } : { ok: false, reason: 'The token names no Page.' };
}

/** The token of the Page that the account is, or is behind; null when the given token doesn't reach it. */
export async function pageToken(graph: Graph, address: string): Promise<{ token: string | null; called: Exclude<Called, { outcome: 'answered' }> | null }> {
  const pages = await pagesOf(graph, TOKEN_FIELDS);
  if (pages.outcome !== 'found') return { token: null, called: pages.called };
  const page = pages.pages.find((one) => idOf(at(one, 'id')) === address || idOf(at(at(one, 'instagram_business_account'), 'id')) === address);
  return { token: textOf(at(page, 'access_token')), called: null };
}

type Pages = { outcome: 'found'; pages: unknown[] } | { outcome: 'not_found'; isPage: boolean; called: Exclude<Called, { outcome: 'answered' }> };

/** https://developers.facebook.com/docs/graph-api/reference/user/accounts */
async function pagesOf(graph: Graph, fields: string): Promise<Pages> {
  const pages: unknown[] = [];
  let after = '';
  for (let list = 0; list < LISTS_MAX; list++) {
    const called = await callGraph(graph, 'GET', `me/accounts?fields=${fields}&limit=100${after}`);
    // A Page has no accounts: (#100) Tried accessing nonexisting field (accounts) on node type (Page).
    if (called.outcome !== 'answered') return { outcome: 'not_found', isPage: called.outcome === 'refused' && called.errorCode.split('/')[0] === '100', called };
    pages.push(...listOf(at(called.answer, 'data')));
    const paging = at(called.answer, 'paging');
    const cursor = textOf(at(at(paging, 'cursors'), 'after'));
    if (cursor === null || at(paging, 'next') === undefined) break;
    after = `&after=${encodeURIComponent(cursor)}`;
  }
  return { outcome: 'found', pages };
}

function accountsOf(page: unknown): { channel: 'messenger' | 'instagram'; address: string; name: string }[] {
  const [pageId, instagram] = [idOf(at(page, 'id')), at(page, 'instagram_business_account')];
  const instagramId = idOf(at(instagram, 'id'));
  return [
    ...(pageId === null ? [] : [{ channel: 'messenger' as const, address: pageId, name: textOf(at(page, 'name')) ?? pageId }]),
    ...(instagramId === null ? [] : [{ channel: 'instagram' as const, address: instagramId, name: instagramName(instagram, instagramId) }]),
  ];
}

function instagramName(account: unknown, id: string): string {
  const username = textOf(at(account, 'username'));
  return username === null ? id : `@${username}`;
}

function refused(called: Exclude<Called, { outcome: 'answered' }>): CredentialCheck {
  if (called.outcome !== 'refused') return { ok: false, reason: called.reason, retryable: called.outcome === 'unknown' || called.retryable };
  const { meaning, message } = called;
  return { ok: false, reason: message === null ? meaning.reason : `${meaning.reason} Meta says: ${message}`, retryable: meaning.retryable };
}
