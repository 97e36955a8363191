// `throughline channels`: connecting and mending the accounts by which a workspace is reached, for whoever operates the server.
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { systemActor } from '../../access/viewer.ts';
import { accountById, connectChannel, disconnectChannel, rotateSecrets, setAccountFault, setAccountState, type Channel, type ConnectInput } from '../../channels/accounts.ts';
import { checkCredential, faultOf } from '../../channels/check.ts';
import { findProvider, PROVIDERS } from '../../channels/registry.ts';
import { initWebhookUrls, webhookUrl } from '../../channels/webhook-url.ts';
import { inWorkspace, type Tx } from '../../platform/db.ts';
import { Refusal, refusalsIn } from '../../platform/errors.ts';
import type { HttpClient } from '../../platform/http.ts';
import { publicId } from '../../platform/ids.ts';
import { uuidFrom } from '../../workspaces/input.ts';
import { outgoingClient } from '../outgoing-client.ts';
import { chosenWorkspace, UsageError, withDatabase, type Command } from './command.ts';

export const channelsCommand: Command = {
  name: 'channels',
  usage: `providers | list | connect --channel CHANNEL --provider PROVIDER --name NAME [--address ADDRESS] [--settings JSON] [--secrets FILE] [--endpoint ID] [--default] [--no-check]
    | setup ID | check ID | rotate ID --secrets FILE [--forget-previous] | enable ID | disable ID | disconnect ID  [--workspace NAME]`,
  summary: 'Connect, check, rotate and end channel accounts. Secrets are read from a file of JSON, or from standard input (`--secrets -`), so that no list of processes shows them.',
  run(args) {
    const { values, positionals: [act, id] } = parseArgs({ args, allowPositionals: true, options: OPTIONS });
    if (act === 'providers') return Promise.resolve(providers());
    return withDatabase(async (pools, config) => {
      initWebhookUrls(config.publicUrl);
      const workspace = await chosenWorkspace(pools, values.workspace);
      const within = <T>(work: (tx: Tx) => Promise<T>) => inWorkspace(pools.app, workspace.id, work);
      const given: Given = { workspaceId: workspace.id, within, http: outgoingClient(config), values };
      try {
        if (act === 'list') return await list(given);
        if (act === 'connect') return await connect(given);
        if (act && id && ACTS[act]) return await ACTS[act](given, uuidFrom('cha', id, 'ID'));
      } catch (error) {
        // Every field that is wrong, a line each; one alone is said by whoever called.
        if (error instanceof Refusal && refusalsIn(error).length > 1) throw new Error(`\n${refusalsIn(error).map(lineOf).join('\n')}`, { cause: error });
        throw error;
      }
      throw new UsageError(act && ACTS[act] ? `Which account? \`channels list\` shows their ids: channels ${act} cha_…` : `Say providers, list, connect, ${Object.keys(ACTS).join(', ')}.`);
    });
  },
};

const OPTIONS = {
  workspace: { type: 'string' }, channel: { type: 'string' }, provider: { type: 'string' }, name: { type: 'string' }, address: { type: 'string' }, settings: { type: 'string' }, secrets: { type: 'string' }, endpoint: { type: 'string' },
  default: { type: 'boolean' }, 'no-check': { type: 'boolean' }, 'forget-previous': { type: 'boolean' },
} as const;
type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

interface Given {
  workspaceId: string;
  within: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
  http: HttpClient;
  values: Values;
}

const ACTS: Record<string, (given: Given, accountId: string) => Promise<number>> = {
  setup: async ({ workspaceId, within }, accountId) => {
    const { provider, channel, endpointId } = await within((tx) => accountById(tx, workspaceId, accountId));
    console.log(stepsOf(provider, channel, endpointId));
    return 0;
  },
  check: async ({ workspaceId, within, http }, accountId) => {
    const fault = await faultOf(await within((tx) => accountById(tx, workspaceId, accountId)), http);
    await within((tx) => setAccountFault(tx, systemActor(workspaceId), accountId, fault));
    console.log(fault ?? 'The credential is good.');
    return fault === null ? 0 : 1;
  },
  rotate: async ({ workspaceId, within, values }, accountId) => {
    const secrets = await secretsFrom(values.secrets);
    await within((tx) => rotateSecrets(tx, systemActor(workspaceId), { accountId, secrets, forgetPrevious: values['forget-previous'] ?? false }));
    console.log(values['forget-previous'] ? 'The new secrets count; those before no longer do.' : 'The new secrets count; what comes in signed with those before is taken until the next rotation.');
    return 0;
  },
  enable: state('ACTIVE', 'It takes in and sends.'),
  disable: state('DISABLED', 'It sends nothing until it is enabled; what its provider delivers is still taken in.'),
  disconnect: async ({ workspaceId, within }, accountId) => {
    await within((tx) => disconnectChannel(tx, systemActor(workspaceId), { accountId }));
    console.log('Disconnected; its history stays, and connecting the same address again brings it back.');
    return 0;
  },
};

function state(to: 'ACTIVE' | 'DISABLED', says: string) {
  return async ({ workspaceId, within }: Given, accountId: string): Promise<number> => {
    await within((tx) => setAccountState(tx, systemActor(workspaceId), { accountId, state: to }));
    console.log(says);
    return 0;
  };
}

function providers(): number {
  for (const { channel, provider, check, setup } of PROVIDERS) console.log([channel.toUpperCase().padEnd(10), provider.padEnd(20), ...(check ? ['asked before it is connected'] : []), ...(setup ? ['tells its steps'] : [])].join('  '));
  return 0;
}

async function list({ workspaceId, within }: Given): Promise<number> {
  const rows = await within((tx) => tx<{ id: string; endpointId: string; channel: string; provider: string; address: string; name: string; state: string; fault: string | null; last: string | null; pending: number; dead: number }[]>`
    select a.id, a.endpoint_id, a.channel, a.provider, a.address, a.name, a.state, a.fault,
      (select max(d.received_at) from deliveries d where d.workspace_id = a.workspace_id and d.endpoint_id = a.endpoint_id) as last,
      (select count(*)::int from inbound_events e where e.workspace_id = a.workspace_id and e.account_id = a.id and e.state = 'PENDING') as pending,
      (select count(*)::int from inbound_events e where e.workspace_id = a.workspace_id and e.account_id = a.id and e.state = 'DEAD') as dead
    from channel_accounts a where a.workspace_id = ${workspaceId} order by a.created_at, a.id`);
  for (const row of rows) {
    console.log([publicId('cha', row.id), row.channel.padEnd(10), row.provider.padEnd(18), row.state.padEnd(12), row.address, row.name].join('  '));
    console.log(`    ${[`last delivery ${row.last ?? 'never'}`, `${row.pending} waiting`, `${row.dead} dead`, ...(row.fault === null ? [] : [`FAULT: ${row.fault}`])].join(', ')}`);
    if (row.state !== 'DISCONNECTED') console.log(`    ${webhookUrl(row.provider, row.endpointId)}`);
  }
  return 0;
}

async function connect({ workspaceId, within, http, values }: Given): Promise<number> {
  if (!values.channel || !values.provider || !values.name) throw new UsageError('Give --channel, --provider and --name; `channels providers` lists them.');
  const input: ConnectInput = {
    channel: values.channel.toUpperCase() as Channel, provider: values.provider, name: values.name, address: values.address ?? null, settings: jsonOf(values.settings ?? '{}', '--settings'),
    ...(values.endpoint ? { endpointId: uuidFrom('end', values.endpoint, '--endpoint') } : { secrets: values.secrets === undefined ? {} : await secretsFrom(values.secrets) }), ...(values.default ? { isDefault: true } : {}),
  };
  if (!values['no-check']) await checkCredential(input, http);
  const { accountId, endpointId } = await within((tx) => connectChannel(tx, systemActor(workspaceId), input));
  console.log(`${publicId('cha', accountId)} is connected (endpoint ${publicId('end', endpointId)}).\n${stepsOf(input.provider, input.channel, endpointId)}`);
  return 0;
}

/** The webhook's address, and what to do with it at the provider. */
function stepsOf(provider: string, channel: Channel, endpointId: string): string {
  const url = webhookUrl(provider, endpointId);
  return [url, ...(findProvider(provider, channel.toLowerCase())?.setup?.({ url }) ?? []).map((step, n) => `${n + 1}. ${step}`)].join('\n');
}

function lineOf({ message, details }: Refusal): string {
  const field = details.field?.join('.') ?? '';
  return message.startsWith(field) ? message : `${field}: ${message}`;
}

async function secretsFrom(file: string | undefined): Promise<unknown> {
  if (file === undefined) throw new UsageError('Give --secrets FILE, a file of JSON, or `-` for standard input.');
  return jsonOf(file === '-' ? await text(process.stdin) : await readFile(file, 'utf8'), '--secrets');
}

/** The error shows nothing of what was read: it may be a secret. */
function jsonOf(json: string, option: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    throw new UsageError(`${option} takes JSON, for instance {"authToken": "…"}.`);
  }
}
