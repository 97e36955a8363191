// What an operator does at Meta so that the webhooks of a Page, or of an Instagram account, come to us.
import type { MessagingKind } from './messaging-parties.ts';

/** Without the echoes, what the team writes in Meta's own inbox is missing, and an answer that was lost stays unconfirmed. */
const MESSENGER_FIELDS = [
  'messages', 'message_echoes', 'message_edits', 'message_reactions', 'message_deliveries', 'message_reads', 'messaging_postbacks', 'messaging_referrals', 'messaging_optins',
  'messaging_handovers', 'messaging_policy_enforcement', 'messaging_account_linking', 'standby',
];
/** Instagram sends echoes with `messages`. */
const INSTAGRAM_FIELDS = ['messages', 'message_reactions', 'messaging_seen', 'messaging_postbacks', 'messaging_referral', 'messaging_handover', 'standby'];

export function setupOf(channel: MessagingKind['channel'], { url }: { url: string }): string[] {
  const [object, fields] = channel === 'messenger' ? ['Page', MESSENGER_FIELDS] : ['Instagram', INSTAGRAM_FIELDS];
  return [
    'Open your app at https://developers.facebook.com/apps and go to Webhooks.',
    `Choose the object ${object}, then "Subscribe to this object".`,
    `Callback URL: ${url}`,
    'Verify token: the `verifyToken` among the secrets that the account was connected with.',
    `Subscribe to the fields: ${fields.join(', ')}.`,
    channel === 'messenger'
      ? `Connect each Page to the app: POST /{page id}/subscribed_apps?subscribed_fields=${fields.join(',')} with the Page's access token (or Messenger, Settings, Webhooks, "Add subscriptions").`
      : 'Connect the account: with a Page, POST /{page id}/subscribed_apps?subscribed_fields=messages with the Page\'s access token; by Instagram Login, POST /me/subscribed_apps with the same fields as above. In the Instagram app, allow connected tools to read messages (Settings, Messages, Connected tools).',
    'To answer later than 24 hours after the customer\'s last message, request the permission Human Agent in App Review.',
  ];
}
