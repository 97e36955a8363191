// Direct Messages of X: in by the Account Activity API or the X Activity API, which come to one address; out by API v2.
import type { z } from 'zod';
import type { Provider } from '../channel.ts';
import { xSecrets, xSettings, type XSecrets, type XSettings } from './account.ts';
import { isCredentialFault } from './codes.ts';
import { checkX, setupX } from './connect.ts';
import { mediaX } from './media.ts';
import { parseX } from './parse.ts';
import { sendX, TEXT_MAX } from './send.ts';
import { respondToX, verifyX } from './signature.ts';
import { UPLOAD_BYTES_MAX } from './upload.ts';

export const xAccountActivity: Provider<XSettings, XSecrets> = {
  channel: 'x',
  provider: 'x_account_activity',
  settings: xSettings as z.ZodType<XSettings>,
  secrets: xSecrets,
  capabilities: {
    textMax: TEXT_MAX, subject: false, html: false, attachments: { countMax: 1, bytesMax: UPLOAD_BYTES_MAX },
    // A stranger can be written to only when he lets anybody write, which X says by refusing. There is no window: a conversation stays open.
    canStart: true, window: null,
    // X counts by the quarter of an hour (15 messages of an account) and by the day (1,440), more by contract: a burst is let through, and X says when the next may come.
    sendsPerSecond: 1,
  },
  addressKinds: ['x_user_id'],
  verify: (request, { secrets }) => verifyX(request, secrets),
  parse: parseX,
  respond: (request, _parsed, context) => respondToX(request, context?.secrets ?? []),
  check: checkX,
  setup: setupX,
  media: mediaX,
  isAccountFault: isCredentialFault,
  send: sendX,
};
