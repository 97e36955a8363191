// Calls of a FreeSWITCH of the house: while they happen by its event socket (mod_event_socket), and by the records that it posts when they ended (mod_json_cdr).
import { verifyBasic } from '../basic-credentials.ts';
import type { Provider } from '../channel.ts';
import { EventSocket, EventSocketError } from './event-socket.ts';
import { addressedSocket, listenTo } from './listen.ts';
import { parseFreeswitch } from './parse.ts';
import { freeswitchSecrets, freeswitchSettings, type FreeswitchSecrets, type FreeswitchSettings } from './settings.ts';

export const freeswitch: Provider<FreeswitchSettings, FreeswitchSecrets> = {
  channel: 'voice',
  provider: 'freeswitch',
  settings: freeswitchSettings,
  secrets: freeswitchSecrets,
  capabilities: { textMax: 0, subject: false, html: false, attachments: null, canStart: false, window: null, sendsPerSecond: null },
  addressKinds: ['phone', 'sip_uri'],
  verify: (request, { secrets }) => verifyBasic(request, secrets),
  parse: parseFreeswitch,
  // The module asks for nothing but 200; anything else is sent again, and written to its spool at last.
  respond: () => ({ status: 200, headers: {}, body: '' }),
  listen: listenTo,
  async check({ settings, secrets }, http) {
    if (!settings.eventSocket) return { ok: true, accounts: [] };
    try {
      (await EventSocket.open(await addressedSocket({ settings, secrets }, http))).close();
      return { ok: true, accounts: [] };
    } catch (error) {
      return { ok: false, reason: (error as Error).message, retryable: !(error instanceof EventSocketError && error.isRefusal) };
    }
  },
  setup: ({ url }) => [
    'In autoload_configs/json_cdr.conf.xml of FreeSWITCH set log-b-leg to true, encode to true, and retries to 5 with a delay of 5.',
    `Set url to ${url}, cred to the username and password that this account was connected with (USERNAME:PASSWORD), and auth-scheme to basic.`,
    'Load the module: `load mod_json_cdr`, and name it in modules.conf.xml.',
    'For calls while they ring: in autoload_configs/event_socket.conf.xml set listen-ip and listen-port to what this server reaches, a password of your own, and apply-inbound-acl to a list that has this server’s address; give them to the account as the setting eventSocket (host, port) and the secret eventSocketPassword.',
    'Where numbers come without their country, let the dialplan say which of yours was called: <action application="set" data="throughline_account=+493012345678"/>.',
  ],
};
