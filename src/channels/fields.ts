// The graph's types of channels and of the accounts by which a workspace is reached.
import { ACCOUNT_STATES, CHANNELS } from '../../schema/channels.ts';
import { publishableKey } from '../access/tokens.ts';
import { column, computed, entity, enumeration, expression, idOf, listOf, many, query } from '../graphql/entity.ts';
import { isOurOwn } from './accounts.ts';
import { findProvider } from './registry.ts';
import { webhookUrl } from './webhook-url.ts';

export const Channel = enumeration('Channel', 'How a message or call travels.', CHANNELS, {
  LIVE_CHAT: 'The chat on your own pages.',
  EMAIL: 'E-mail.',
  VOICE: 'Telephone calls.',
  SMS: 'Text messages.',
  WHATSAPP: 'WhatsApp.',
  MESSENGER: 'Facebook Messenger.',
  INSTAGRAM: 'Direct messages on Instagram.',
  X: 'Direct messages on X.',
  IN_APP: 'Messages inside your own app.',
});
export const AccountState = enumeration('AccountState', 'Whether a channel account is in use.', ACCOUNT_STATES, {
  ACTIVE: 'Takes in and sends.',
  DISABLED: 'Sends nothing, and no chat can begin. What a provider delivers is still taken in, since it would be lost.',
  DISCONNECTED: 'Ended; its history stays. Connecting the same address again makes it ACTIVE.',
});

const delivered = (a: string, state: string): string =>
  `(select count(*)::int from inbound_events e where e.workspace_id = ${a}.workspace_id and e.account_id = ${a}.id and e.state = '${state}')`;

export const ChannelAccount = entity('ChannelAccount', {
  description: 'A number, mailbox or chat widget of the workspace. Its secrets are never shown.',
  prefix: 'cha',
  table: 'channel_accounts',
  permission: 'channels:read',
  fields: {
    channel: column(Channel, 'channel', 'Its channel.'),
    provider: column('String', 'provider', 'Who carries it: `twilio`, `mime` (mail), `throughline` (our own chat).'),
    name: column('String', 'name', 'What the team calls it.'),
    address: column('String', 'address', 'The number in E.164 form, the mailbox, or for a chat the account’s own id.'),
    state: column(AccountState, 'state', 'Whether it is in use.'),
    isDefault: column('Boolean', 'is_default', 'New conversations of the channel go out by it. One account of a channel is the default.'),
    settings: column('JSON', 'settings', 'Settings of its provider, by their names in the provider’s description. Never secrets.', { permission: 'channels:write' }),
    endpointId: column(idOf('end'), 'endpoint_id', 'The credential that it is under: give it to `connectChannel` for a second account of the same credential.', { permission: 'channels:write' }),
    webhookUrl: computed('String', ['provider', 'endpoint_id'], webhookUrl, 'Where the provider has to deliver to. A path only, when the server has no PUBLIC_URL.', { permission: 'channels:write' }),
    setupSteps: computed(
      listOf('String'),
      ['channel', 'provider', 'endpoint_id'],
      (channel: string, provider: string, endpointId: string) => findProvider(provider, channel.toLowerCase())?.setup?.({ url: webhookUrl(provider, endpointId) }) ?? [],
      'What to do at the provider so that its deliveries come here, a sentence a step, with the address to paste; empty where there is nothing to do.',
      { permission: 'channels:write' },
    ),
    publishableKey: computed(
      'String',
      ['channel', 'workspace_id', 'id'],
      (channel: string, workspaceId: string, id: string) => (isOurOwn(channel) ? publishableKey(workspaceId, id) : null),
      'What a web page or an app sends as its `Authorization: Bearer` to begin a chat: it opens nothing else and may be public. Valid while the account is ACTIVE. Null for channels other than LIVE_CHAT and IN_APP.',
      { nullable: true },
    ),
    lastDeliveryAt: expression(
      'DateTime',
      (a) => `(select d.received_at from deliveries d where d.workspace_id = ${a}.workspace_id and d.endpoint_id = ${a}.endpoint_id order by d.received_at desc limit 1)`,
      'When its endpoint was last delivered to; null when nothing came yet, or so long ago that it is no longer kept.',
      { nullable: true },
    ),
    faultAt: column('DateTime', 'fault_at', 'Since when nothing can be sent by it; null while its provider takes what is sent. New secrets or settings try it again.', { nullable: true }),
    fault: column('String', 'fault', 'What its provider said then; null while it takes what is sent.', { nullable: true }),
    noticeAt: column('DateTime', 'notice_at', 'When something was last said of the account itself; null when nothing was.', { nullable: true }),
    notice: column('String', 'notice', 'What was said, in a sentence: Gmail asks whether mail may be forwarded here, a provider warns of a limit. Null when nothing was.', { nullable: true, permission: 'channels:write' }),
    noticeDetails: column('JSON', 'notice_details', 'Its facts by name: of Gmail’s question the `code` to type there and the `url` that confirms it. Null when there are none.', { nullable: true, permission: 'channels:write' }),
    pendingCount: expression('Int', (a) => delivered(a, 'PENDING'), 'How many deliveries wait to be applied, those among them that are tried again.'),
    deadCount: expression('Int', (a) => delivered(a, 'DEAD'), 'How many deliveries could not be applied and wait for somebody to look at them.'),
    createdAt: column('DateTime', 'created_at', 'When it was first connected.'),
    disconnectedAt: column('DateTime', 'disconnected_at', 'When it was disconnected; null unless it is.', { nullable: true }),
  },
});

query({
  channelAccounts: many(() => ChannelAccount, 'The accounts by which the workspace is reached, oldest first.', {
    orders: {
      CREATED: { description: 'Oldest first.', columns: ['created_at'], descending: false },
      NAME: { description: 'By name.', columns: ['name'], descending: false },
    },
    filter: {
      channel: { type: Channel, column: 'channel', list: true, description: 'Of one of these channels.' },
      state: { type: AccountState, column: 'state', list: true, description: 'In one of these states.' },
    },
  }),
});
