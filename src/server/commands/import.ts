// `throughline import`: mail of years past, from .eml files or an mbox, onto the timelines of those who wrote it.
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { systemActor } from '../../access/viewer.ts';
import { connectChannel } from '../../channels/accounts.ts';
import { sequenceAll } from '../../events/sequencer.ts';
import { normalAddress } from '../../identities/address.ts';
import { folderBlobs } from '../../platform/blobs.ts';
import { inWorkspace, type Sql } from '../../platform/db.ts';
import { chosenWorkspace, progressBar, UsageError, withDatabase, type Command } from './command.ts';
import { mailFiles } from './import-files.ts';
import { importMail, type ImportSummary, type Mailbox } from './import-mail.ts';

export const importCommand: Command = {
  name: 'import',
  usage: '--channel email --account support@acme.example [--workspace NAME] [--connect] [--live] [--json] [--rejects FILE] DIR|FILE',
  summary: `Import mails: the .eml files and mboxes of a folder, or one file. Again changes nothing; broken off, it goes on.
--connect  connect the mailbox first, when it isn't
--live     as if they came now (they are routed, customers wait), instead of as history
--rejects  where mails that are on no timeline are listed with the reason; else beside DIR or FILE`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args, allowPositionals: true,
      options: {
        channel: { type: 'string' }, account: { type: 'string' }, workspace: { type: 'string' }, connect: { type: 'boolean' }, live: { type: 'boolean' }, json: { type: 'boolean' },
        rejects: { type: 'string' },
      },
    });
    if (values.channel !== 'email') throw new UsageError('Mail is what can be imported: --channel email. Other history goes by the mutation ingestMessages.');
    const address = normalAddress({ kind: 'EMAIL', value: values.account ?? '' })?.value;
    if (!address) throw new UsageError('Give --account, the address of the mailbox that the mails came to.');
    if (positionals.length !== 1) throw new UsageError('Name one folder or file.');
    const path = resolve(positionals[0]!);
    const found = await mailFiles(path);
    return withDatabase(async (pools, config) => {
      const workspace = await chosenWorkspace(pools, values.workspace);
      const mailbox = await mailboxOf(pools.app, workspace, address, values.connect === true);
      const summary = await importMail({ ...pools, blobs: folderBlobs(join(config.dataDir, 'blobs')) }, mailbox, found, {
        live: values.live === true, progress: progressBar(`Importing into ${workspace.name}`),
      });
      // Readers of the log see it although no server may run.
      await sequenceAll(pools.system);
      const listed = await writeList(values.rejects ?? `${path}.not-shown.jsonl`, summary);
      console.log(values.json ? JSON.stringify(summary) : told(summary, found.passedOver, listed));
      return 0;
    });
  },
};

/** @throws UsageError when it isn't connected, or not in use */
async function mailboxOf(app: Sql, workspace: { id: string; name: string }, address: string, connect: boolean): Promise<Mailbox> {
  const workspaceId = workspace.id;
  return inWorkspace(app, workspaceId, async (tx) => {
    const accounts = await tx<{ endpointId: string; address: string; state: string; settings: { authservId?: string | null } }[]>`
      select endpoint_id, address, state, settings from channel_accounts
      where workspace_id = ${workspaceId} and channel = 'EMAIL' and provider = 'mime' and state <> 'DISCONNECTED' order by created_at, id`;
    const account = accounts.find((one) => one.address === address);
    if (account && account.state !== 'ACTIVE') throw new UsageError(`The mailbox ${address} is ${account.state.toLowerCase()}; make it active first.`);
    if (account) return { workspaceId, endpointId: account.endpointId, address, authservId: account.settings.authservId ?? null };
    if (!connect) {
      const others = accounts.length > 0 ? ` Connected are ${accounts.map((one) => one.address).join(', ')}.` : '';
      throw new UsageError(`${workspace.name} has no mailbox ${address}: connect it, or give --connect.${others}`);
    }
    const { endpointId } = await connectChannel(tx, systemActor(workspaceId), {
      channel: 'EMAIL', provider: 'mime', name: address, address, settings: {}, secrets: { inbound: randomBytes(24).toString('base64url') },
    });
    console.error(`Connected ${address}. It takes imports; give it an SMTP server and a secret of its own (updateChannelAccount, rotateChannelSecrets) to send and to receive.`);
    return { workspaceId, endpointId, address, authservId: null };
  });
}

/** A line of JSON a mail. Gives the file's name; null when there was nothing to list, or it could not be written. */
async function writeList(file: string, { rejected, unshown }: ImportSummary): Promise<string | null> {
  const lines = [...rejected.map((one) => ({ ...one, rejected: true })), ...unshown.map((one) => ({ ...one, rejected: false }))];
  if (lines.length === 0) {
    await rm(file, { force: true });
    return null;
  }
  try {
    await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return file;
  } catch (error) {
    console.error(`The list could not be written to ${file} (${(error as Error).message}); --rejects names another place.`);
    return null;
  }
}

const SHOWN_MAX = 20;

function told(s: ImportSummary, passedOver: number, listed: string | null): string {
  const lines = [
    `${s.files} mails in ${s.seconds} s: ${s.messages} messages, ${s.receipts} delivery reports, ${s.others} others, ${s.duplicates} duplicates, ${s.rejected.length} rejected.`,
    ...(s.before > 0 ? [`${s.before} were there before.`] : []),
    ...(passedOver > 0 ? [`${passedOver} files that are neither .eml nor .mbox were passed over.`] : []),
    ...s.rejected.slice(0, SHOWN_MAX).map(({ file, reason }) => `  ${file}: ${reason}`),
    ...(s.rejected.length > SHOWN_MAX ? [`  … and ${s.rejected.length - SHOWN_MAX} more.`] : []),
    ...(s.unshown.length > 0 ? [`${s.unshown.length} were understood and are on no timeline.`] : []),
    ...(listed ? [`Listed with the reasons in ${listed}`] : []),
  ];
  return lines.join('\n');
}
