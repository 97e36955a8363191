// Connecting, changing and ending the accounts by which a workspace is reached.
import type { ACCOUNT_STATES } from '../../schema/channels.ts';
import { enumeration, idOf } from '../graphql/entity.ts';
import { mutation } from '../graphql/mutation.ts';
import { uuidFrom } from '../workspaces/input.ts';
import type { HttpClient } from '../platform/http.ts';
import { accountById, connectChannel, disconnectChannel, rotateSecrets, setAccountFault, setAccountState, updateChannelAccount } from './accounts.ts';
import { checkCredential, faultOf } from './check.ts';
import { Channel, ChannelAccount } from './fields.ts';
import { PROVIDERS } from './registry.ts';

const payload = { channelAccount: { type: () => ChannelAccount, description: 'The account as it is now.' } };
const accountId = { type: idOf('cha'), required: true, description: 'The account.' } as const;
const idFrom = (input: { accountId: string }): string => uuidFrom('cha', input.accountId, 'accountId');

mutation('connectChannel', {
  description: 'Connects a number, a mailbox or a chat. An account that was disconnected comes back with its history. Then give `webhookUrl` to the provider.',
  permission: 'channels:write',
  idempotent: true,
  input: {
    channel: { type: Channel, required: true, description: 'Its channel.' },
    provider: { type: 'String', required: true, description: `Who carries it: ${PROVIDERS.map(({ provider, channel }) => `\`${provider}\` (${channel.toUpperCase()})`).join(', ')}.` },
    name: { type: 'String', required: true, description: 'What the team calls it.' },
    address: { type: 'String', description: 'Our side, as the provider names it: the number with its country (`+31201234567`), the mailbox, the Page\'s, Instagram account\'s or X account\'s id. Left out for a chat, which is known by its own id.' },
    settings: { type: 'JSON', description: 'Settings of the provider; `userErrors` names every field that is wrong.' },
    secrets: { type: 'JSON', description: 'Secrets of the provider. They are kept sealed and never shown again; `userErrors` names every field that is wrong, not its value.' },
    endpointId: { type: idOf('end'), description: 'The credential of an account that is connected already (a second number of one Twilio account), in place of `secrets`.' },
    isDefault: { type: 'Boolean', description: 'New conversations of the channel go out by it. Left out: when it is the channel’s first.' },
    check: { type: 'Boolean', default: true, description: 'Asks the provider first whether the secrets are good, and for this address, where it can be asked; they are refused in its words. False: connects unasked.' },
  },
  payload,
  before: async ({ parts }, input) => {
    if (input.check !== false) await checkCredential(input, parts.http as HttpClient);
  },
  run: async (tx, { actor }, input) => {
    const endpointId = input.endpointId == null ? null : uuidFrom('end', input.endpointId, 'endpointId');
    return { channelAccount: (await connectChannel(tx, actor, { ...input, isDefault: input.isDefault ?? undefined, endpointId })).accountId };
  },
});

mutation('updateChannelAccount', {
  description: 'Changes an account; what is left out stays.',
  permission: 'channels:write',
  input: {
    accountId,
    name: { type: 'String', description: 'What the team calls it.' },
    settings: { type: 'JSON', description: 'All settings of the provider, in place of those before.' },
    isDefault: { type: 'Boolean', description: 'True: new conversations of the channel go out by it from now on. False is refused for the default: make another one it.' },
  },
  payload,
  run: async (tx, { actor }, input) => {
    await updateChannelAccount(tx, actor, { ...input, accountId: idFrom(input) });
    return { channelAccount: idFrom(input) };
  },
});

mutation('checkChannelAccount', {
  description: 'Asks the provider whether the credential of an account is still good. What it says stands in `fault` then, or takes a fault away. PROVIDER_UNREACHABLE when it does not answer.',
  permission: 'channels:write',
  input: { accountId },
  payload,
  before: async ({ viewer, parts, read }, input): Promise<{ fault: string | null }> => {
    const account = await read((tx) => accountById(tx, viewer.workspaceId, idFrom(input)));
    return { fault: await faultOf(account, parts.http as HttpClient) };
  },
  run: async (tx, { actor }, input, { fault }: { fault: string | null }) => {
    await setAccountFault(tx, actor, idFrom(input), fault);
    return { channelAccount: idFrom(input) };
  },
});

mutation('rotateChannelSecrets', {
  description: 'Gives the credential of an account, and so of all accounts under it, new secrets. What comes in signed with the ones before is taken until the next rotation.',
  permission: 'channels:write',
  input: {
    accountId,
    secrets: { type: 'JSON', required: true, description: 'All secrets of the provider.' },
    forgetPrevious: { type: 'Boolean', default: false, description: 'The secrets before end at once: for those that leaked.' },
  },
  payload,
  run: async (tx, { actor }, input) => {
    await rotateSecrets(tx, actor, { accountId: idFrom(input), secrets: input.secrets, forgetPrevious: input.forgetPrevious ?? false });
    return { channelAccount: idFrom(input) };
  },
});

const UsedState = enumeration('ChannelAccountUse', 'Whether a connected account is to be used.', ['ACTIVE', 'DISABLED'] satisfies (typeof ACCOUNT_STATES)[number][], {
  ACTIVE: 'Takes in and sends.',
  DISABLED: 'Sends nothing, and no chat can begin.',
});

mutation('setChannelAccountState', {
  description: 'Takes an account out of use, or back into it.',
  permission: 'channels:write',
  input: { accountId, state: { type: UsedState, required: true, description: 'Whether it is to be used.' } },
  payload,
  run: async (tx, { actor }, input) => {
    await setAccountState(tx, actor, { accountId: idFrom(input), state: input.state });
    return { channelAccount: idFrom(input) };
  },
});

mutation('disconnectChannel', {
  description: 'Ends an account: nothing comes in or goes out by it any more; its history stays. The last account of a credential takes the secrets with it.',
  permission: 'channels:write',
  input: { accountId },
  payload,
  run: async (tx, { actor }, input) => {
    await disconnectChannel(tx, actor, { accountId: idFrom(input) });
    return { channelAccount: idFrom(input) };
  },
});
