// How fast messages go out by an account: at the pace that its provider declares, and not while the provider asked to wait. The account's row holds the next
// slot, so that all servers together keep to it.
import type { ChannelName } from '../channels/channel.ts';
import { providerNamed } from '../channels/registry.ts';
import { after, now } from '../platform/clock.ts';
import { inWorkspace, type Sql } from '../platform/db.ts';
import { enqueue } from '../platform/jobs.ts';

/** So much of the pace may go out at once. */
const BURST_MS = 1_000;
/** A provider that asks for more is asked again after this. */
const PAUSE_MS_MAX = 3_600_000;

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
    const [row] = await tx<{ slot: string }[]>`
      update channel_accounts set send_slot_at = greatest(coalesce(send_slot_at, ${now()}::timestamptz), ${now()}::timestamptz) + make_interval(secs => ${betweenMs(sendsPerSecond) / 1_000}::float8)
      where workspace_id = ${workspaceId} and id = ${account.id} returning send_slot_at as slot`;
    const startAt = after(-BURST_MS, row!.slot);
    if (startAt <= now()) return true;
    await again(startAt, { paced: true });
    return false;
  });
}

/** Whole milliseconds, never faster than the pace. */
export const betweenMs = (sendsPerSecond: number): number => Math.ceil(1_000 / sendsPerSecond);

/** The provider asked to wait: no message goes out by the account until then. */
export async function pauseAccount(app: Sql, workspaceId: string, accountId: string, forMs: number): Promise<void> {
  const until = after(Math.min(forMs, PAUSE_MS_MAX));
  await inWorkspace(app, workspaceId, (tx) => tx`
    update channel_accounts set send_paused_until = greatest(coalesce(send_paused_until, ${until}::timestamptz), ${until}::timestamptz) where workspace_id = ${workspaceId} and id = ${accountId}`);
}
