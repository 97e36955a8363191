// How fast messages go out by an account: at the pace that its provider declares, and not while the provider asked to wait. The account's row holds the next
// slot, so that all servers together keep to it.
import { after, now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';

/** A provider that asks for more is asked again after this. */
const PAUSE_MS_MAX = 3_600_000;

/** Takes the account's next slot. @returns when it is: now, or later when slots before it were taken */
export async function takeSlot(tx: Tx, workspaceId: string, accountId: string, sendsPerSecond: number): Promise<string> {
  const [row] = await tx<{ slot: string }[]>`
    update channel_accounts set send_slot_at = greatest(coalesce(send_slot_at, ${now()}::timestamptz), ${now()}::timestamptz) + make_interval(secs => ${betweenMs(sendsPerSecond) / 1_000}::float8)
    where workspace_id = ${workspaceId} and id = ${accountId} returning send_slot_at as slot`;
  return row!.slot;
}

/** Whole milliseconds, never faster than the pace. */
export const betweenMs = (sendsPerSecond: number): number => Math.ceil(1_000 / sendsPerSecond);

/** The provider asked to wait: no message goes out by the account until then. */
export async function pauseAccount(tx: Tx, workspaceId: string, accountId: string, forMs: number): Promise<void> {
  const until = after(Math.min(forMs, PAUSE_MS_MAX));
  await tx`
    update channel_accounts set send_paused_until = greatest(coalesce(send_paused_until, ${until}::timestamptz), ${until}::timestamptz) where workspace_id = ${workspaceId} and id = ${accountId}`;
}
