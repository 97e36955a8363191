// Connecting an X account: whose credentials these are, and what to do at X.
import type { HttpClient } from '../../platform/http.ts';
import type { CredentialCheck } from '../channel.ts';
import type { XSecrets, XSettings } from './account.ts';
import { callX } from './api.ts';
import { fieldsOf, idOf, textOf } from './payload.ts';

/** Asks X whose access token it is. https://docs.x.com/x-api/users/user-lookup-me */
export async function checkX(given: { address: string | null; settings: XSettings; secrets: XSecrets }, http: HttpClient): Promise<CredentialCheck> {
  const answer = await callX({ method: 'GET', path: '/2/users/me' }, given.settings, given.secrets, http);
  if (answer.outcome !== 'answered') return { ok: false, reason: answer.reason, retryable: answer.retryable };
  const data = fieldsOf(answer.body.data);
  const id = idOf(data.id);
  if (id === null) return { ok: false, reason: 'X does not say whose access token this is.' };
  const username = textOf(data.username);
  // Said of the token beside every answer, in no document of the present API: it counts only where it is there.
  const level = answer.headers['x-access-level'];
  if (level !== undefined && !/directmessages/i.test(level)) {
    return { ok: false, reason: `The access token may not use Direct Messages (it has "${level.slice(0, 60)}"). Give the app "Read and write and Direct message", then make the access token again.` };
  }
  const whose = username === null ? id : `@${username}, whose id is ${id}`;
  if (given.address !== null && given.address !== id) return { ok: false, reason: `The address of an X account is its numeric id. The access token is of ${whose}, and the address given is ${given.address.slice(0, 60)}.` };
  return { ok: true, accounts: [{ channel: 'x', address: id, name: textOf(data.name) ?? (username === null ? id : `@${username}`) }] };
}

/** https://docs.x.com/x-api/webhooks/quickstart · https://docs.x.com/x-api/activity/quickstart · https://docs.x.com/x-api/account-activity/quickstart */
export function setupX({ url }: { url: string }): string[] {
  const address = URL.canParse(url) ? new URL(url) : null;
  const fits = address !== null && address.protocol === 'https:' && address.port === '';
  return [
    ...(fits ? [] : [`X does not take the address ${url}: it must begin with https:// and must not name a port. Put this server behind a public address without one, set PUBLIC_URL to it, then begin here.`]),
    'In X\'s developer console (https://console.x.com), in the app\'s user authentication settings, choose the permission "Read and write and Direct message". An access token that was made before has the old permission: make it again.',
    `Register the webhook with the app's bearer token: POST https://api.x.com/2/webhooks with {"url": "${url}"}. X calls the address at once with a challenge, which is answered here; "valid": true says that it was right. Keep the id that X gives it.`,
    'Subscribe the account by the X Activity API: for each of dm.received, dm.sent, dm.read, dm.indicate_typing, chat.received and chat.sent one POST https://api.x.com/2/activity/subscriptions with {"event_type": …, "filter": {"user_id": "<the account\'s id>"}, "webhook_id": "<the webhook\'s id>"}. These are private events: the account\'s owner must have authorised the app (OAuth 2.0, scopes dm.read, tweet.read and users.read).',
    'Or, where the app has the older Account Activity API: POST https://api.x.com/2/account_activity/webhooks/<the webhook\'s id>/subscriptions/all, signed with the account\'s own access token (OAuth 1.0a). Both together do no harm: a message that comes by both is one.',
    'X sends the challenge again every hour or so, and stops delivering while it is answered wrongly. After the app\'s secret was changed at X, change it here too, then have X check the webhook: PUT https://api.x.com/2/webhooks/<the webhook\'s id>.',
    'Write a Direct Message to the account from another one: it appears here within seconds.',
  ];
}
