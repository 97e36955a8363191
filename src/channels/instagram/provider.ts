// Instagram's direct messages by Meta: those of a professional account, connected by its Page or by Instagram Login.
import type { Provider } from '../channel.ts';
import { checkMessaging, instagramSettings, type MessagingSettings } from '../meta/messaging-account.ts';
import { isTokenFault } from '../meta/graph.ts';
import { messagingCapabilities } from '../meta/messaging-limits.ts';
import { parseInstagram } from '../meta/messaging-parse.ts';
import { INSTAGRAM } from '../meta/messaging-parties.ts';
import { setupOf } from '../meta/messaging-setup.ts';
import { sendMessaging } from '../meta/messaging.ts';
import { metaSecrets, respondToMeta, verifyMeta, type MetaSecrets } from '../meta/signature.ts';

export const metaInstagram: Provider<MessagingSettings, MetaSecrets> = {
  channel: 'instagram',
  provider: 'meta',
  settings: instagramSettings as Provider<MessagingSettings, MetaSecrets>['settings'],
  secrets: metaSecrets,
  // 72,000 messages an hour, both ways, before Instagram's own inbox stops; this leaves room for what comes in.
  capabilities: messagingCapabilities('instagram', 10),
  addressKinds: ['igsid'],
  verify: (request, { secrets }) => verifyMeta(request, secrets),
  parse: parseInstagram,
  respond: respondToMeta,
  check: checkMessaging,
  setup: (webhook) => setupOf('instagram', webhook),
  isAccountFault: isTokenFault,
  send: (message, account, http) => sendMessaging(INSTAGRAM, message, account, http),
};
