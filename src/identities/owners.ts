// Which identity stands at an address now, and the locks by which two transactions can't both decide that none does.
import { createHash } from 'node:crypto';
import type { Tx } from '../platform/db.ts';
import { equivalents, foldingKey, type Address, type IdentityKind } from './address.ts';
import type { Trust } from './customers.ts';
import { POLICIES } from './policy.ts';

export interface KnownIdentity {
  id: string;
  customerId: string;
  kind: IdentityKind;
  namespace: string;
  value: string;
  trust: Trust;
  displayName: string | null;
  username: string | null;
  isShared: boolean;
  evidence: { contested?: string[] } & Record<string, unknown>;
  lastSeenAt: string;
  createdAt: string;
}

/**
 * Locks addresses until the transaction ends: advisory locks on 64 bits of a hash of workspace, kind, namespace and folding key, so that two
 * spellings of one telephone share one. In sorted order; taken before any customer's lock (decisions: lock order). Two addresses whose hashes
 * collide only wait for each other.
 */
export async function lockAddresses(tx: Tx, workspaceId: string, addresses: readonly Address[]): Promise<void> {
  if (addresses.length === 0) return;
  const keys = [...new Set(addresses.map((address) => lockKey(workspaceId, address)))];
  // The order is that of the inner query, fenced: the locks are taken in it.
  await tx`select pg_advisory_xact_lock(k) from (select k from unnest(${keys}::text[]::int8[]) k order by k offset 0) sorted`;
}

const lockKey = (workspaceId: string, { kind, namespace, value }: Address): string =>
  createHash('sha256').update(JSON.stringify([workspaceId, kind, namespace, foldingKey(kind, value)])).digest().readBigInt64BE(0).toString();

/** The current identities at the addresses and at their equivalents (see `equivalents`). One index look-up an address; takes no lock. */
export async function identitiesAt(tx: Tx, workspaceId: string, addresses: readonly Address[]): Promise<KnownIdentity[]> {
  const places = addresses.flatMap((a) => equivalents(a.kind, a.value).map((value) => ({ ...a, value })));
  if (places.length === 0) return [];
  return tx<KnownIdentity[]>`
    select i.id, i.customer_id, i.kind, i.namespace, i.value, i.trust, i.display_name, i.username, i.is_shared, i.evidence, i.last_seen_at, i.created_at
    from (select distinct * from unnest(${places.map((p) => p.kind)}::text[], ${places.map((p) => p.namespace)}::text[], ${places.map((p) => p.value)}::text[])
      as p (kind, namespace, value)) p
    join identities i on i.workspace_id = ${workspaceId} and i.kind = p.kind and i.namespace = p.namespace and i.value = p.value and i.valid_to is null
    order by i.created_at, i.id`;
}

/** The one of `known` that stands at exactly this address. */
export const exactly = (known: readonly KnownIdentity[], address: Address): KnownIdentity | undefined =>
  known.find((k) => k.kind === address.kind && k.namespace === address.namespace && k.value === address.value);

/** The one of `known` that is the same telephone in another spelling. */
export const equivalently = (known: readonly KnownIdentity[], address: Address): KnownIdentity | undefined => {
  const [, ...others] = equivalents(address.kind, address.value);
  return known.find((k) => k.kind === address.kind && k.namespace === address.namespace && others.includes(k.value));
};

/** Whether one more address of its kind fits to the customer, by its kind's policy. */
export async function roomAt(tx: Tx, workspaceId: string, customerId: string): Promise<(address: Address) => boolean> {
  const counts = await tx<{ kind: string; namespace: string; count: number }[]>`
    select kind, namespace, count(*)::int as count from identities
    where workspace_id = ${workspaceId} and customer_id = ${customerId} and valid_to is null group by kind, namespace`;
  return ({ kind, namespace }) => {
    const ofKind = counts.filter((row) => row.kind === kind);
    if (POLICIES[kind].unique && ofKind.some((row) => row.namespace === namespace)) return false;
    return ofKind.reduce((sum, row) => sum + row.count, 0) < POLICIES[kind].limit;
  };
}
