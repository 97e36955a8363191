// WhatsApp by Meta's Cloud API: one account is one number, by its phone number ID.
import type { Provider } from '../../channel.ts';
import { metaSecrets, respondToMeta, verifyMeta, type MetaSecrets } from '../../meta/signature.ts';
import { checkCloud, cloudSettings, setupCloud, type CloudSettings } from './account.ts';
import { isWhatsappAccountFault } from './codes.ts';
import { PROVIDER } from './events.ts';
import { cloudCapabilities, RECIPIENTS } from './limits.ts';
import { cloudMedia } from './media.ts';
import { parseWhatsappCloud } from './parse.ts';
import { acknowledgeCloud, sendWhatsappCloud } from './send.ts';

export const metaCloudWhatsapp: Provider<CloudSettings, MetaSecrets> = {
  channel: 'whatsapp',
  provider: PROVIDER,
  settings: cloudSettings as Provider<CloudSettings, MetaSecrets>['settings'],
  secrets: metaSecrets,
  capabilities: cloudCapabilities,
  addressKinds: RECIPIENTS,
  verify: (request, { secrets }) => verifyMeta(request, secrets),
  parse: parseWhatsappCloud,
  respond: respondToMeta,
  check: checkCloud,
  setup: setupCloud,
  media: cloudMedia,
  isAccountFault: isWhatsappAccountFault,
  acknowledge: acknowledgeCloud,
  send: sendWhatsappCloud,
};
