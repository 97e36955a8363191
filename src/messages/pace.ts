// Whether a message may go out now, by its account's pace (channels/pace.ts); else its job comes again.
import type { ChannelName } from '../channels/channel.ts';
import { takeSlot } from '../channels/pace.ts';
import { providerNamed } from '../channels/registry.ts';
import { after, now } from '../platform/clock.ts';
import { inWorkspace, type Sql } from '../platform/db.ts';
import { enqueue } from '../platform/jobs.ts';

/** So much of the pace may go out at once. */
const BURST_MS = 1_000;

export interface DeliveryJob {
  workspaceId: string;
  messageId: string;
  /** It waited for its slot, which has come. */
  paced?: boolean;
}

/** Whether the message may be handed to its provider now; when it may not, its job comes again when it may. Takes a slot of the account's pace. */
export async function mayGo(app: Sql, { workspaceId, messageId, paced }: DeliveryJob): Promise<boolean> {
  return inWorkspace(app, workspaceId, async (tx) => {
    const [account] = await tx<{ id: string; channel: string; provider: string; sendPausedUntil: string | null }[]>`
      select a.id, a.channel, a.provider, a.send_paused_until from messages m join channel_accounts a on a.workspace_id = m.workspace_id and a.id = m.account_id
      where m.workspace_id = ${workspaceId} and m.id = ${messageId} and m.delivery_state = 'QUEUED'`;
    // Nothing will be sent: whoever delivers finds that out.
    if (!account) return true;
    const again = (runAt: string, more: { paced?: true }) => enqueue(tx, 'deliver_message', { workspaceId, messageId, ...more }, { jobKey: `deliver:${messageId}:paced`, runAt });
    if (account.sendPausedUntil !== null && account.sendPausedUntil > now()) {
      await again(account.sendPausedUntil, {});
      return false;
    }
    const { sendsPerSecond } = providerNamed(account.provider, account.channel.toLowerCase() as ChannelName).capabilities;
    if (sendsPerSecond === null || paced) return true;
    const startAt = after(-BURST_MS, await takeSlot(tx, workspaceId, account.id, sendsPerSecond));
    if (startAt <= now()) return true;
    await again(startAt, { paced: true });
    return false;
  });
}
