// Asking a provider whether a credential is good: before an account is connected by it, and whenever somebody wants to know.
import type { HttpClient } from '../platform/http.ts';
import { Refusal } from '../platform/errors.ts';
import { addressOf, type ConnectedAccount, type ConnectInput } from './accounts.ts';
import type { CredentialCheck } from './channel.ts';
import { findProvider } from './registry.ts';

const ADDRESSES_SHOWN_MAX = 10;

/**
 * Asks the provider whether the credential that an account is to be connected with is good, and good for its address. Asks nothing where the provider can't
 * be asked, where an endpoint is used that has its credential already, and where the input is wrong, which `connectChannel` says better.
 * @throws Refusal INVALID_INPUT (`secrets`, or `address`, naming those that the credential is for), PROVIDER_UNREACHABLE
 */
export async function checkCredential(input: ConnectInput, http: HttpClient): Promise<void> {
  const provider = findProvider(input.provider, input.channel.toLowerCase());
  if (!provider?.check || input.endpointId != null) return;
  const settings = provider.settings.safeParse(input.settings ?? {});
  const secrets = provider.secrets.safeParse(input.secrets ?? {});
  if (!settings.success || !secrets.success) return;
  const address = addressOrNull(() => addressOf(provider, input.address, ''));
  if (address === null) return;
  const check = await provider.check({ address, settings: settings.data, secrets: secrets.data }, http);
  const nevertheless = 'To connect it all the same, give `check: false`.';
  if (!check.ok) throw check.retryable ? unreachable(check, nevertheless) : new Refusal('INVALID_INPUT', `${check.reason} ${nevertheless}`, { field: ['secrets'] });
  const good = check.accounts.filter(({ channel }) => channel === provider.channel).map((account) => account.address);
  if (check.accounts.length === 0 || good.includes(address)) return;
  const shown = good.slice(0, ADDRESSES_SHOWN_MAX).join(', ');
  throw new Refusal('INVALID_INPUT', `The credential is not good for ${address}${shown === '' ? '' : `, but for ${shown}`}. ${nevertheless}`, { field: ['address'] });
}

/**
 * What the provider says of an account that is connected: null when all is well, else its fault.
 * @throws Refusal INVALID_TRANSITION when it is disconnected, or its provider can't be asked; PROVIDER_UNREACHABLE
 */
export async function faultOf(account: ConnectedAccount, http: HttpClient): Promise<string | null> {
  const provider = findProvider(account.provider, account.channel.toLowerCase());
  if (account.state === 'DISCONNECTED') throw new Refusal('INVALID_TRANSITION', 'The account is disconnected: it has no credential any more.', { field: ['accountId'] });
  if (!provider?.check) throw new Refusal('INVALID_TRANSITION', `\`${account.provider}\` can't be asked whether a credential is good.`, { field: ['accountId'] });
  const check = await provider.check({ address: account.address, settings: account.settings, secrets: account.secrets }, http);
  if (check.ok) {
    const isThere = check.accounts.length === 0 || check.accounts.some(({ channel, address }) => channel === provider.channel && address === account.address);
    return isThere ? null : `The credential is not good for ${account.address} any more.`;
  }
  if (check.retryable) throw unreachable(check, 'Nothing was changed.');
  return check.reason;
}

const unreachable = (check: Extract<CredentialCheck, { ok: false }>, more: string): Refusal => new Refusal('PROVIDER_UNREACHABLE', `${check.reason} ${more}`);

function addressOrNull(address: () => string): string | null {
  try {
    return address();
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}
