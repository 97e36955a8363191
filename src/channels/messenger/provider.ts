// Messenger by Meta: the messages of a Facebook Page.
import type { Provider } from '../channel.ts';
import { checkMessaging, messengerSettings, type MessagingSettings } from '../meta/messaging-account.ts';
import { isTokenFault } from '../meta/graph.ts';
import { messagingCapabilities } from '../meta/messaging-limits.ts';
import { parseMessenger } from '../meta/messaging-parse.ts';
import { MESSENGER } from '../meta/messaging-parties.ts';
import { setupOf } from '../meta/messaging-setup.ts';
import { sendMessaging } from '../meta/messaging.ts';
import { metaSecrets, respondToMeta, verifyMeta, type MetaSecrets } from '../meta/signature.ts';

export const metaMessenger: Provider<MessagingSettings, MetaSecrets> = {
  channel: 'messenger',
  provider: 'meta',
  settings: messengerSettings as Provider<MessagingSettings, MetaSecrets>['settings'],
  secrets: metaSecrets,
  // Meta takes 300 a second; above 40 the Page's own inbox shows no new messages.
  capabilities: messagingCapabilities('messenger', 40),
  addressKinds: ['psid'],
  verify: (request, { secrets }) => verifyMeta(request, secrets),
  parse: parseMessenger,
  respond: respondToMeta,
  check: checkMessaging,
  setup: (webhook) => setupOf('messenger', webhook),
  isAccountFault: isTokenFault,
  send: (message, account, http) => sendMessaging(MESSENGER, message, account, http),
};
