// Connecting the world: accounts (a number, a mailbox, a widget) under endpoints (one credential of a provider, with the address that the
// provider calls). Credentials are sealed for their workspace and endpoint, so that a row copied elsewhere doesn't open.
import type { ACCOUNT_STATES, CHANNELS } from '../../schema/channels.ts';
import type { z } from 'zod';
import { allowPublishableKey } from '../access/tokens.ts';
import type { Actor } from '../access/viewer.ts';
import { appendEvents } from '../events/append.ts';
import { normalAddress } from '../identities/address.ts';
import { now } from '../platform/clock.ts';
import { found, type Sql, type Tx } from '../platform/db.ts';
import { Refusal, Refusals, together } from '../platform/errors.ts';
import { newId, publicId } from '../platform/ids.ts';
import { isSealedAnew, open, seal } from '../platform/secrets.ts';
import { lineOf } from '../workspaces/input.ts';
import type { Account, ChannelName, Provider } from './channel.ts';
import type { EmailSecrets, EmailSettings } from './email/send.ts';
import { withoutAnyWay } from './email/ways.ts';
import { OWN_CHANNELS } from './live-chat/delivery.ts';
import { findProvider, PROVIDERS } from './registry.ts';

export type Channel = (typeof CHANNELS)[number];
export type AccountState = (typeof ACCOUNT_STATES)[number];

/** An account ready to be used: its secrets are open, the current ones only. */
export interface ConnectedAccount extends Account {
  endpointId: string;
  channel: Channel;
  provider: string;
  state: AccountState;
  isDefault: boolean;
  /** Since when nothing can be sent by it; null while all is well. */
  faultAt: string | null;
}

export interface ConnectInput {
  channel: Channel;
  provider: string;
  name: string;
  /** Our number, our mailbox; for live chat left out: it is the account's own id. */
  address?: string | null;
  settings?: unknown;
  /** Left out with `endpointId`. */
  secrets?: unknown;
  /** A further account under a credential that is connected already (a second number of one Twilio account). */
  endpointId?: string | null;
  /** What new conversations of the channel go out by. The first account of a channel is the default anyhow. */
  isDefault?: boolean;
}

/**
 * Connects an account; one that was disconnected comes back with its history. Emits `channel.changed`.
 * Locks the workspace's row, so that the default of a channel stays one.
 * @throws Refusal INVALID_INPUT (all wrong fields at once, `Refusals`); ALREADY_EXISTS; NOT_FOUND (the endpoint)
 */
export async function connectChannel(tx: Tx, actor: Actor, input: ConnectInput): Promise<{ accountId: string; endpointId: string }> {
  const { workspaceId } = actor;
  const provider = findProvider(input.provider, input.channel.toLowerCase());
  if (!provider) throw new Refusal('INVALID_INPUT', `There is no provider \`${input.provider.slice(0, 60)}\` of the channel ${input.channel}; there are ${PROVIDERS.map((p) => `${p.provider} (${p.channel.toUpperCase()})`).join(', ')}.`, { field: ['provider'] });
  const newAccountId = newId();
  const { name, settings, address, secrets } = judged(provider, input, newAccountId);

  await lockAccounts(tx, workspaceId);
  const [old] = await tx<{ id: string; state: AccountState }[]>`select id, state from channel_accounts
    where workspace_id = ${workspaceId} and channel = ${input.channel} and provider = ${input.provider} and address = ${address} for update`;
  if (old && old.state !== 'DISCONNECTED') throw new Refusal('ALREADY_EXISTS', `\`${address}\` is connected already.`, { field: ['address'] });
  const endpointId = input.endpointId == null ? await createEndpoint(tx, workspaceId, provider, secrets) : await usedEndpoint(tx, workspaceId, provider, input);

  const [standing] = await tx`select id from channel_accounts
    where workspace_id = ${workspaceId} and channel = ${input.channel} and is_default and state <> 'DISCONNECTED' and id <> ${old?.id ?? newAccountId}`;
  const isDefault = input.isDefault ?? !standing;
  if (isDefault) await noDefault(tx, workspaceId, input.channel);
  const json = JSON.stringify(settings);
  const accountId = old?.id ?? newAccountId;
  if (old) {
    await tx`update channel_accounts set endpoint_id = ${endpointId}, name = ${name}, settings = ${json}::text::jsonb, state = 'ACTIVE', is_default = ${isDefault}, disconnected_at = null, fault_at = null, fault = null
      where workspace_id = ${workspaceId} and id = ${accountId}`;
  } else {
    await tx`insert into channel_accounts (workspace_id, id, endpoint_id, channel, provider, name, address, settings, is_default, created_at)
      values (${workspaceId}, ${accountId}, ${endpointId}, ${input.channel}, ${input.provider}, ${name}, ${address}, ${json}::text::jsonb, ${isDefault}, ${now()})`;
  }
  if (isOurOwn(input.channel)) await allowPublishableKey(tx, workspaceId, accountId, true);
  await changed(tx, actor, accountId, 'ACTIVE');
  return { accountId, endpointId };
}

/** What was given, in the form that is kept. @throws Refusal for every field that is wrong, together */
function judged(provider: Provider, input: ConnectInput, newAccountId: string): { name: string; settings: unknown; address: string; secrets: unknown } {
  const all = together();
  const name = all.check(() => lineOf(input.name, 'name'));
  const address = all.check(() => addressOf(provider, input.address, newAccountId));
  const settings = all.check(() => checked(provider.settings, input.settings ?? {}, 'settings'));
  const isNew = input.endpointId == null;
  const secrets = all.check(() => {
    if (isNew) return checked(provider.secrets, input.secrets ?? {}, 'secrets');
    if (input.secrets == null) return null;
    throw new Refusal('INVALID_INPUT', 'The endpoint has secrets already; change them with rotateChannelSecrets.', { field: ['secrets'] });
  });
  all.end();
  const without = isNew && provider.provider === 'mime' ? withoutAnyWay(settings as EmailSettings, secrets as EmailSecrets) : null;
  if (without) throw new Refusal('INVALID_INPUT', without, { field: ['secrets', 'inbound'] });
  return { name: name!, settings, address: address!, secrets };
}

/** Changes name, settings or which account is the default; settings are replaced as a whole. @throws Refusal INVALID_INPUT, NOT_FOUND */
export async function updateChannelAccount(
  tx: Tx,
  actor: Actor,
  input: { accountId: string; name?: string; settings?: unknown; isDefault?: boolean },
): Promise<void> {
  const { workspaceId } = actor;
  await lockAccounts(tx, workspaceId);
  const account = await accountRow(tx, workspaceId, input.accountId);
  const provider = findProvider(account.provider, account.channel.toLowerCase())!;
  const name = input.name == null ? account.name : lineOf(input.name, 'name');
  const settings = input.settings == null ? account.settings : checked(provider.settings, input.settings, 'settings');
  if (input.isDefault === false && account.isDefault) {
    throw new Refusal('INVALID_INPUT', 'New conversations must go out by some account: make another one the default instead.', { field: ['isDefault'] });
  }
  if (input.isDefault && account.state === 'DISCONNECTED') throw new Refusal('INVALID_TRANSITION', 'The account is disconnected, so it cannot be the default.', { field: ['isDefault'] });
  if (input.isDefault && !account.isDefault) await noDefault(tx, workspaceId, account.channel);
  await tx`update channel_accounts set name = ${name}, settings = ${JSON.stringify(settings)}::text::jsonb, is_default = ${input.isDefault ?? account.isDefault},
      fault_at = case when ${input.settings == null} then fault_at end, fault = case when ${input.settings == null} then fault end
    where workspace_id = ${workspaceId} and id = ${account.id}`;
  await changed(tx, actor, account.id, account.state);
}

/**
 * Gives the account's endpoint (and with it every account under it) new secrets. What comes in may still be signed with the ones before,
 * until the next rotation: `forgetPrevious` ends them at once, for secrets that leaked.
 * @throws Refusal INVALID_INPUT (names the field), NOT_FOUND
 */
export async function rotateSecrets(tx: Tx, actor: Actor, input: { accountId: string; secrets: unknown; forgetPrevious?: boolean }): Promise<void> {
  const { workspaceId } = actor;
  const account = await accountRow(tx, workspaceId, input.accountId);
  const provider = findProvider(account.provider, account.channel.toLowerCase())!;
  const current = checked(provider.secrets, input.secrets, 'secrets');
  const [endpoint] = await tx<{ secrets: Buffer }[]>`
    select secrets from channel_endpoints where workspace_id = ${workspaceId} and id = ${account.endpointId} for update`;
  const [before] = openSecrets(workspaceId, account.endpointId, endpoint!.secrets);
  const kept = input.forgetPrevious ? { current } : { current, previous: before };
  await tx`update channel_endpoints set secrets = ${sealSecrets(workspaceId, account.endpointId, kept)}, rotated_at = ${now()}
    where workspace_id = ${workspaceId} and id = ${account.endpointId}`;
  // What was at fault under the secrets before is tried again under these.
  await tx`update channel_accounts set fault_at = null, fault = null where workspace_id = ${workspaceId} and endpoint_id = ${account.endpointId}`;
  await changed(tx, actor, account.id, account.state);
}

/** Seals the workspace's secrets under the present SECRET_KEY; how many weren't yet. @throws Error when one was sealed under a key that isn't known */
export async function resealSecrets(tx: Tx, workspaceId: string): Promise<number> {
  const endpoints = await tx<{ id: string; secrets: Buffer }[]>`select id, secrets from channel_endpoints where workspace_id = ${workspaceId} order by id for update`;
  const older = endpoints.filter(({ secrets }) => !isSealedAnew(secrets));
  for (const { id, secrets } of older) {
    const place = boundTo(workspaceId, id);
    await tx`update channel_endpoints set secrets = ${seal(open(secrets, place), place)} where workspace_id = ${workspaceId} and id = ${id}`;
  }
  return older.length;
}

/**
 * ACTIVE takes in and sends; DISABLED keeps what comes in out of conversations until it is ACTIVE again.
 * @throws Refusal NOT_FOUND; INVALID_TRANSITION when it is disconnected (connect it again instead).
 */
export async function setAccountState(tx: Tx, actor: Actor, input: { accountId: string; state: 'ACTIVE' | 'DISABLED' }): Promise<void> {
  await lockAccounts(tx, actor.workspaceId);
  const account = await accountRow(tx, actor.workspaceId, input.accountId);
  if (account.state === 'DISCONNECTED') throw new Refusal('INVALID_TRANSITION', 'The account is disconnected; connect it again with connectChannel.');
  if (account.state !== input.state) await putState(tx, actor, account, input.state);
}

/**
 * Ends an account: nothing comes in or goes out any more, its history stays. The last account of an endpoint takes the endpoint's
 * credential with it. Twice is once. @throws Refusal NOT_FOUND
 */
export async function disconnectChannel(tx: Tx, actor: Actor, input: { accountId: string }): Promise<void> {
  await lockAccounts(tx, actor.workspaceId);
  const account = await accountRow(tx, actor.workspaceId, input.accountId);
  if (account.state !== 'DISCONNECTED') await putState(tx, actor, account, 'DISCONNECTED');
}

async function putState(tx: Tx, actor: Actor, account: AccountRow, state: AccountState): Promise<void> {
  const { workspaceId } = actor;
  await tx`update channel_accounts set state = ${state}, disconnected_at = ${state === 'DISCONNECTED' ? now() : null},
      is_default = is_default and ${state !== 'DISCONNECTED'}
    where workspace_id = ${workspaceId} and id = ${account.id}`;
  if (isOurOwn(account.channel)) await allowPublishableKey(tx, workspaceId, account.id, state === 'ACTIVE');
  const [used] = await tx`select id from channel_accounts
    where workspace_id = ${workspaceId} and endpoint_id = ${account.endpointId} and state <> 'DISCONNECTED' limit 1`;
  if (!used) {
    // Nothing of a credential that isn't used any more is kept.
    await tx`update channel_endpoints set disabled_at = ${now()}, secrets = ${sealSecrets(workspaceId, account.endpointId, { current: null })}
      where workspace_id = ${workspaceId} and id = ${account.endpointId}`;
  }
  await changed(tx, actor, account.id, state);
}

/** Nothing can be sent by the account until somebody mends it (`fault`: what its provider said); null: it works again. Emits `channel.changed` when that is new. */
export async function setAccountFault(tx: Tx, actor: Actor, accountId: string, fault: string | null): Promise<void> {
  const [row] = await tx<{ state: AccountState }[]>`
    update channel_accounts set fault_at = ${fault === null ? null : now()}, fault = ${fault}
    where workspace_id = ${actor.workspaceId} and id = ${accountId} and (fault_at is null) <> ${fault === null} returning state`;
  if (row) await changed(tx, actor, accountId, row.state);
}

/** What was said of the account itself; what came later stays. Emits `channel.changed` when it is new. */
export async function noteNotice(tx: Tx, actor: Actor, accountId: string, notice: { at: string; text: string; details: unknown }): Promise<void> {
  const [row] = await tx<{ state: AccountState }[]>`
    update channel_accounts set notice_at = ${notice.at}, notice = ${notice.text}, notice_details = ${JSON.stringify(notice.details ?? null)}::text::jsonb
    where workspace_id = ${actor.workspaceId} and id = ${accountId} and (notice_at is null or notice_at < ${notice.at}::timestamptz) returning state`;
  if (row) await changed(tx, actor, accountId, row.state);
}

/** @throws Refusal NOT_FOUND */
export async function accountById(tx: Tx, workspaceId: string, accountId: string): Promise<ConnectedAccount> {
  const row = await accountRow(tx, workspaceId, accountId);
  const [endpoint] = await tx<{ secrets: Buffer }[]>`
    select secrets from channel_endpoints where workspace_id = ${workspaceId} and id = ${row.endpointId}`;
  return { ...row, workspaceId, secrets: openSecrets(workspaceId, row.endpointId, endpoint!.secrets)[0] ?? null };
}

/** The secrets of an endpoint, the current ones first, then those before, while they count. @throws Refusal NOT_FOUND */
export async function secretsOf(tx: Tx, workspaceId: string, endpointId: string): Promise<unknown[]> {
  const [row] = await tx<{ secrets: Buffer }[]>`select secrets from channel_endpoints where workspace_id = ${workspaceId} and id = ${endpointId}`;
  return openSecrets(workspaceId, endpointId, found(row, 'endpoint').secrets);
}

/** By which new conversations of the channel go out: the default, else the oldest that is active; null when there is none. */
export async function defaultAccount(tx: Tx, workspaceId: string, channel: Channel): Promise<AccountRow | null> {
  const [row] = await tx<AccountRow[]>`
    select id, endpoint_id, channel, provider, name, address, settings, state, is_default, fault_at from channel_accounts
    where workspace_id = ${workspaceId} and channel = ${channel} and state = 'ACTIVE'
    order by is_default desc, created_at, id limit 1`;
  return row ?? null;
}

export interface Endpoint {
  workspaceId: string;
  id: string;
  provider: string;
  /** The current secrets first, then the ones before, while they count. */
  secrets: unknown[];
}

/** For doors, before the workspace is known; null when there is none, or it has no account any more. `sql` is a pool of the app role. */
export async function endpointById(sql: Sql, endpointId: string): Promise<Endpoint | null> {
  const [row] = await sql<{ workspaceId: string; id: string; provider: string; secrets: Buffer; disabledAt: string | null }[]>`
    select * from find_endpoint(${endpointId}::uuid)`;
  if (!row || row.disabledAt !== null) return null;
  return { workspaceId: row.workspaceId, id: row.id, provider: row.provider, secrets: openSecrets(row.workspaceId, row.id, row.secrets) };
}

interface AccountRow {
  id: string;
  endpointId: string;
  channel: Channel;
  provider: string;
  name: string;
  address: string;
  settings: unknown;
  state: AccountState;
  isDefault: boolean;
  faultAt: string | null;
}

async function accountRow(tx: Tx, workspaceId: string, accountId: string): Promise<AccountRow> {
  const [row] = await tx<AccountRow[]>`
    select id, endpoint_id, channel, provider, name, address, settings, state, is_default, fault_at from channel_accounts
    where workspace_id = ${workspaceId} and id = ${accountId}`;
  return found(row, 'channel account');
}

async function createEndpoint(tx: Tx, workspaceId: string, provider: Provider, secrets: unknown): Promise<string> {
  const endpointId = newId();
  const sealed = sealSecrets(workspaceId, endpointId, { current: secrets });
  await tx`insert into channel_endpoints (workspace_id, id, provider, secrets, created_at)
    values (${workspaceId}, ${endpointId}, ${provider.provider}, ${sealed}, ${now()})`;
  return endpointId;
}

async function usedEndpoint(tx: Tx, workspaceId: string, provider: Provider, input: ConnectInput): Promise<string> {
  const [row] = await tx<{ provider: string; disabledAt: string | null }[]>`
    select provider, disabled_at from channel_endpoints where workspace_id = ${workspaceId} and id = ${input.endpointId!} for share`;
  const endpoint = found(row, 'endpoint');
  if (endpoint.provider !== provider.provider || endpoint.disabledAt !== null) {
    throw new Refusal('INVALID_INPUT', `The endpoint is ${endpoint.disabledAt ? 'not in use any more' : `of ${endpoint.provider}`}.`, { field: ['endpointId'] });
  }
  return input.endpointId!;
}

async function lockAccounts(tx: Tx, workspaceId: string): Promise<void> {
  await tx`select id from workspaces where id = ${workspaceId} for no key update`;
}

async function noDefault(tx: Tx, workspaceId: string, channel: Channel): Promise<void> {
  await tx`update channel_accounts set is_default = false where workspace_id = ${workspaceId} and channel = ${channel} and is_default`;
}

const changed = (tx: Tx, actor: Actor, accountId: string, state: AccountState): Promise<void> =>
  appendEvents(tx, actor.workspaceId, [{ kind: 'channel.changed', actor: { kind: actor.kind, id: actor.id }, data: { accountId, state } }]);

/** Of our own protocol: people begin by a key that may be public, and the account is known by its own id. `channel` in either spelling. */
export const isOurOwn = (channel: string): boolean => (OWN_CHANNELS as readonly string[]).includes(channel.toLowerCase());

/** The kind of address by which the account itself is known to its channel. */
const OWN_ADDRESS: Partial<Record<ChannelName | `${ChannelName} ${string}`, 'EMAIL' | 'PHONE'>> = { email: 'EMAIL', sms: 'PHONE', voice: 'PHONE', 'whatsapp twilio': 'PHONE' };

/** The account's own address in the form that is kept. @throws Refusal INVALID_INPUT */
export function addressOf(provider: Provider, address: string | null | undefined, accountId: string): string {
  if (isOurOwn(provider.channel)) {
    if (address != null) throw new Refusal('INVALID_INPUT', 'An account of our own protocol is known by its own id: leave the address out.', { field: ['address'] });
    return publicId('cha', accountId);
  }
  const line = lineOf(address ?? '', 'address', 320);
  const kind = OWN_ADDRESS[provider.channel] ?? OWN_ADDRESS[`${provider.channel} ${provider.provider}`];
  if (!kind) return line;
  const normal = normalAddress({ kind, value: line })?.value;
  // Short codes and sender names are numbers of no country.
  const sender = provider.channel === 'sms' && /^(\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11})$/.test(line) ? line : undefined;
  const own = kind === 'PHONE' && !/^\+\d{6,15}$/.test(normal ?? '') ? sender : (normal ?? sender);
  if (own === undefined) {
    const expected = kind === 'EMAIL' ? 'an e-mail address' : 'a telephone number with its country, like `+31201234567`';
    throw new Refusal('INVALID_INPUT', `\`${line.slice(0, 60)}\` is not ${expected}.`, { field: ['address'] });
  }
  return own;
}

/** Names every field that is wrong, never its value: it may be a secret. */
function checked<T>(shape: z.ZodType<T>, given: unknown, field: 'settings' | 'secrets'): T {
  const result = shape.safeParse(given);
  if (result.success) return result.data;
  const refusals = result.error.issues.flatMap((issue) => {
    const path = issue.path.map(String);
    const paths = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path];
    return paths.map((where) => new Refusal('INVALID_INPUT', `${[field, ...where].join('.')}: ${issue.code === 'unrecognized_keys' ? 'There is no such field.' : issue.message}`, { field: [field, ...where] }));
  });
  throw new Refusals(refusals as [Refusal, ...Refusal[]]);
}

interface Kept {
  current: unknown;
  previous?: unknown;
}

const boundTo = (workspaceId: string, endpointId: string): string => `channel_endpoints ${workspaceId} ${endpointId}`;

const sealSecrets = (workspaceId: string, endpointId: string, kept: Kept): Buffer => seal(JSON.stringify(kept), boundTo(workspaceId, endpointId));

function openSecrets(workspaceId: string, endpointId: string, sealed: Buffer): unknown[] {
  const kept = JSON.parse(open(sealed, boundTo(workspaceId, endpointId)).toString('utf8')) as Kept;
  // A disconnected account's are gone.
  return [kept.current, kept.previous].filter((secrets) => secrets != null);
}
