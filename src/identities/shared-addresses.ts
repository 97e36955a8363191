// An address that many people use, by an agent's word. By itself it becomes one in resolve.ts (see QUARANTINE_CUSTOMERS).
import type { Actor } from '../access/viewer.ts';
import { appendEvents } from '../events/append.ts';
import { found, type Tx } from '../platform/db.ts';
import { lockOwners } from './customers.ts';

/**
 * Marks an address as used by many people, or as one person's again. A shared one still routes messages, but links nothing and shows nobody
 * who claims it. Locks its customer. Emits `identity.updated` when it changed.
 * @throws Refusal NOT_FOUND
 */
export async function setIdentityShared(tx: Tx, actor: Actor, o: { identityId: string; isShared: boolean }): Promise<{ identityId: string }> {
  const { workspaceId } = actor;
  const { owners } = await lockOwners(tx, workspaceId, [o.identityId]);
  const customerId = found(owners.get(o.identityId), 'identity');
  // What made it shared by itself is forgotten with the decision that it isn't, or the next message would make it so again.
  const changed = await tx`
    update identities set is_shared = ${o.isShared}, evidence = case when ${o.isShared} then evidence else evidence - 'contested' end
    where workspace_id = ${workspaceId} and id = ${o.identityId} and kind <> 'SELF' and is_shared <> ${o.isShared} returning id`;
  if (changed.length > 0) {
    await appendEvents(tx, workspaceId, [{ kind: 'identity.updated', actor, data: { customerId, identityId: o.identityId, isShared: o.isShared } }]);
  }
  return { identityId: o.identityId };
}
