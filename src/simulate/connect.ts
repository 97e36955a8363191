// Connects the accounts of sandbox providers, by the API and as an integrator would: asked at the provider first, then its webhook set.
import type { Offer, OfferedAccount } from '../sandbox/offer.ts';
import type { Api } from './api.ts';

interface Known {
  id: string;
  channel: string;
  provider: string;
  address: string;
  name: string;
  state: string;
  endpointId: string;
  webhookUrl: string;
}
const KNOWN = 'id channel provider address name state endpointId webhookUrl';
const ACCOUNTS = `query SandboxAccounts($after: String) { channelAccounts(first: 100, after: $after) { nodes { ${KNOWN} } pageInfo { hasNextPage endCursor } } }`;
const CONNECT = `mutation ConnectSandbox($input: ConnectChannelInput!) { connectChannel(input: $input) { channelAccount { ${KNOWN} } userErrors { code message field } } }`;
const UPDATE = 'mutation UpdateSandbox($input: UpdateChannelAccountInput!) { updateChannelAccount(input: $input) { userErrors { code message field } } }';
const ROTATE = 'mutation RotateSandbox($input: RotateChannelSecretsInput!) { rotateChannelSecrets(input: $input) { userErrors { code message field } } }';
const ENABLE = 'mutation EnableSandbox($input: SetChannelAccountStateInput!) { setChannelAccountState(input: $input) { userErrors { code message field } } }';
const CHECK = 'mutation CheckSandbox($input: CheckChannelAccountInput!) { checkChannelAccount(input: $input) { channelAccount { fault } userErrors { code message field } } }';

export async function accountsOf(api: Api): Promise<Known[]> {
  const accounts: Known[] = [];
  for (let after: string | null = null; ;) {
    const { nodes, pageInfo } = (await api.ask(ACCOUNTS, { after })).channelAccounts as { nodes: Known[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
    accounts.push(...nodes);
    if (!pageInfo.hasNextPage) return accounts;
    after = pageInfo.endCursor;
  }
}

/** `connectChannel`'s variables for the accounts of a provider: the first with the secrets, the others under the endpoint that it made. */
export function connectInput(offer: Offer, account: OfferedAccount, endpointId?: string): Record<string, unknown> {
  const { channel, name, address, settings } = account;
  return { channel, provider: offer.provider, name, address, settings, ...(endpointId === undefined ? { secrets: offer.secrets } : { endpointId }) };
}

/**
 * Connects the provider's accounts and has it deliver to them. Accounts that an earlier run connected are used again: they get its present address, and are
 * asked for. Gives their ids by channel. @throws ApiRefused, Error
 */
export async function connectOffer(api: Api, offer: Offer): Promise<Map<string, string>> {
  const known = (await accountsOf(api)).filter(({ provider, state }) => provider === offer.provider && state !== 'DISCONNECTED');
  const connected = new Map<string, Known>();
  for (const account of offer.accounts) {
    const old = known.find(({ channel, address }) => channel === account.channel && address === account.address);
    if (old) await renew(api, offer, account, old);
    const endpointId = [...connected.values()][0]?.endpointId ?? known.find(({ address }) => offer.accounts.some((one) => one.address === address))?.endpointId;
    connected.set(account.channel, old ?? ((await api.ask(CONNECT, { input: connectInput(offer, account, endpointId) })).connectChannel.channelAccount as Known));
  }
  const [first] = [...connected.values()];
  await offer.deliverTo(new URL(first!.webhookUrl, api.address).href);
  return new Map([...connected].map(([channel, { id }]) => [channel, id]));
}

async function renew(api: Api, offer: Offer, account: OfferedAccount, { id, state }: Known): Promise<void> {
  await api.ask(UPDATE, { input: { accountId: id, settings: account.settings } });
  await api.ask(ROTATE, { input: { accountId: id, secrets: offer.secrets } });
  if (state === 'DISABLED') await api.ask(ENABLE, { input: { accountId: id, state: 'ACTIVE' } });
  const { fault } = (await api.ask(CHECK, { input: { accountId: id } })).checkChannelAccount.channelAccount as { fault: string | null };
  if (fault !== null) throw new Error(`${offer.title}: ${fault}`);
}
