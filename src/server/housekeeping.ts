// What may be forgotten: idempotency keys and tokens that are long over. Deliveries stay, until their retention is a workspace's to choose.
import { after } from '../platform/clock.ts';
import type { Sql } from '../platform/db.ts';

const DAY_MS = 86_400_000;
/** The API promises 7 days. */
const IDEMPOTENCY_KEYS_DAYS = 30;
/** Over and past: kept a while, so that `trace` and the audit can name them. */
const TOKENS_DAYS = 30;
const AT_ONCE_MAX = 5_000;

/** Removes what is over, in small statements; gives how many rows. Any number of processes may run it. */
export async function forget(system: Sql): Promise<number> {
  const keys = await system`
    delete from idempotency_keys where ctid = any(array(select ctid from idempotency_keys where created_at < ${after(-IDEMPOTENCY_KEYS_DAYS * DAY_MS)} limit ${AT_ONCE_MAX}))`;
  const tokens = await system`
    delete from tokens where ctid = any(array(select ctid from tokens where expires_at < ${after(-TOKENS_DAYS * DAY_MS)} limit ${AT_ONCE_MAX}))`;
  return keys.count + tokens.count;
}
