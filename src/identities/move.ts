// The one way by which an identity changes its customer: a confirmed claim, its reversal, a merge. History follows, since it hangs on identities.
import type { Actor } from '../access/viewer.ts';
import { appendEvents } from '../events/append.ts';
import type { NewEvent } from '../events/catalog.ts';
import { after, now } from '../platform/clock.ts';
import { found, type Tx } from '../platform/db.ts';
import { lockOwners, projectCustomer } from './customers.ts';

export interface Move {
  workspaceId: string;
  actor: Actor;
  identityIds: readonly string[];
  toCustomerId: string;
  /** An enum's name, kept with the identity and in the event: CLAIM_CONFIRMED, CLAIM_REJECTED, MERGED … */
  reason: string;
  /** Ids of what it rests on, e.g. `{ claimId }`. */
  evidence: Record<string, string>;
}

/**
 * Moves identities to a customer: closes their intervals of `identity_owners` and begins new ones, derives the shown values of every customer
 * concerned anew, and marks a customer whose `self` left as MERGED (its id then means the customer that has its `self`), or ACTIVE again when it
 * comes back. What is there already stays. Locks the customers in id order; the caller may hold some of them. Emits `identity.moved` for each
 * and `customer.updated` for each customer whose shown values changed.
 * @returns when the intervals begin: `at` of a later `movedAt`.
 * @throws Refusal NOT_FOUND for an identity or a customer of another workspace.
 */
export async function moveIdentities(tx: Tx, move: Move): Promise<{ at: string; moved: { identityId: string; fromCustomerId: string }[] }> {
  const { workspaceId, actor, toCustomerId } = move;
  const { owners, customers } = await lockOwners(tx, workspaceId, move.identityIds, [toCustomerId]);
  found(customers.get(toCustomerId), 'customer');
  const moved = [...new Set(move.identityIds)]
    .map((identityId) => ({ identityId, fromCustomerId: found(owners.get(identityId), 'identity') }))
    .filter(({ fromCustomerId }) => fromCustomerId !== toCustomerId);
  const ids = moved.map(({ identityId }) => identityId);
  const at = await afterIntervals(tx, workspaceId, ids);
  if (moved.length === 0) return { at, moved };

  const evidence = JSON.stringify({ moved: { reason: move.reason, at, ...move.evidence } });
  await tx`
    update identities set customer_id = ${toCustomerId}, evidence = evidence || ${evidence}::text::jsonb
    where workspace_id = ${workspaceId} and id = any(${ids}::uuid[])`;
  await tx`update identity_owners set to_at = ${at} where workspace_id = ${workspaceId} and identity_id = any(${ids}::uuid[]) and to_at is null`;
  await tx`
    insert into identity_owners (workspace_id, identity_id, customer_id, from_at)
    select ${workspaceId}, id, ${toCustomerId}, ${at} from unnest(${ids}::uuid[]) id`;
  await tx`
    update customers c set state = case when s.customer_id = c.id then 'ACTIVE' else 'MERGED' end, version = c.version + 1, updated_at = ${at}
    from identities s
    where c.workspace_id = ${workspaceId} and s.workspace_id = ${workspaceId} and s.id = c.self_identity_id and s.id = any(${ids}::uuid[])
      and c.state <> 'ERASED'`;
  await tx`
    update customers c set last_activity_at = greatest(c.last_activity_at, seen.at)
    from (select max(last_seen_at) as at from identities where workspace_id = ${workspaceId} and id = any(${ids}::uuid[])) seen
    where c.workspace_id = ${workspaceId} and c.id = ${toCustomerId}`;

  const events: NewEvent[] = moved.map(({ identityId, fromCustomerId }) => ({
    kind: 'identity.moved', actor, data: { identityId, fromCustomerId, customerId: toCustomerId, reason: move.reason, ...move.evidence },
  }));
  for (const customerId of new Set([toCustomerId, ...moved.map(({ fromCustomerId }) => fromCustomerId)])) {
    const updated = await projectCustomer(tx, workspaceId, actor, customerId);
    if (updated) events.push(updated);
  }
  await appendEvents(tx, workspaceId, events);
  return { at, moved };
}

/** The identities that a move of `at` took from one customer to another, wherever they are now: what its reversal gives back. */
export async function movedAt(tx: Tx, workspaceId: string, fromCustomerId: string, toCustomerId: string, at: string): Promise<string[]> {
  const rows = await tx<{ identityId: string }[]>`
    select n.identity_id from identity_owners n
    join identity_owners p on p.workspace_id = n.workspace_id and p.identity_id = n.identity_id and p.to_at = n.from_at
    where n.workspace_id = ${workspaceId} and n.customer_id = ${toCustomerId} and n.from_at = ${at} and p.customer_id = ${fromCustomerId}`;
  return rows.map((row) => row.identityId);
}

/** Now, or a millisecond after the newest interval of the identities: two moves in one millisecond would be one interval. */
async function afterIntervals(tx: Tx, workspaceId: string, identityIds: readonly string[]): Promise<string> {
  const [row] = await tx<{ last: string | null }[]>`
    select max(from_at) as last from identity_owners where workspace_id = ${workspaceId} and identity_id = any(${[...identityIds]}::uuid[])`;
  const present = now();
  return row?.last && row.last >= present ? after(1, row.last) : present;
}
