// Calls of a FreeSWITCH of the house, by the records that it posts when they end (mod_json_cdr).
import { z } from 'zod';
import { verifyBasic } from '../basic-credentials.ts';
import type { Provider } from '../channel.ts';
import { parseCdr } from './parse.ts';

export const freeswitchSettings = z.strictObject({});
export type FreeswitchSettings = z.infer<typeof freeswitchSettings>;
export const freeswitchSecrets = z.strictObject({
  username: z.string().regex(/^[^:\s]+$/, 'A name of your own, without a colon or blanks: the part of `cred` before the colon.'),
  password: z.string().min(12, 'A password of your own, at least 12 characters: the part of `cred` after the colon.'),
});
export type FreeswitchSecrets = z.infer<typeof freeswitchSecrets>;

export const freeswitch: Provider<FreeswitchSettings, FreeswitchSecrets> = {
  channel: 'voice',
  provider: 'freeswitch',
  settings: freeswitchSettings,
  secrets: freeswitchSecrets,
  capabilities: { textMax: 0, subject: false, html: false, attachments: null, canStart: false, window: null, sendsPerSecond: null },
  addressKinds: ['phone', 'sip_uri'],
  verify: (request, { secrets }) => verifyBasic(request, secrets),
  parse: parseCdr,
  // The module asks for nothing but 200; anything else is sent again, and written to its spool at last.
  respond: () => ({ status: 200, headers: {}, body: '' }),
  setup: ({ url }) => [
    'In autoload_configs/json_cdr.conf.xml of FreeSWITCH set log-b-leg to true, encode to true, and retries to 5 with a delay of 5.',
    `Set url to ${url}, cred to the username and password that this account was connected with (USERNAME:PASSWORD), and auth-scheme to basic.`,
    'Load the module: `load mod_json_cdr`, and name it in modules.conf.xml.',
    'Where numbers come without their country, let the dialplan say which of yours was called: <action application="set" data="throughline_account=+493012345678"/>.',
  ],
};
