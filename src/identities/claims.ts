// What a visitor says of himself. A claim occupies no address and merges nothing: it shows its visitor nothing, and an agent the visitor's
// conversation beside the owner's (`timeline_sources`). An agent's decision is reversible.
import type { CLAIM_STATES } from '../../schema/identities.ts';
import type { Actor } from '../access/viewer.ts';
import { appendEvents, putTimelineEntry } from '../events/append.ts';
import { now } from '../platform/clock.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { equivalents, foldingKey, normalAddress, rawForm, type Address, type AddressKind } from './address.ts';
import { addIdentities, createCustomer, lockOwners, ownersOf, type CustomerRow } from './customers.ts';
import { movedAt, moveIdentities } from './move.ts';
import { equivalently, exactly, identitiesAt, lockAddresses, type KnownIdentity } from './owners.ts';
import { standing } from './policy.ts';

type ClaimState = (typeof CLAIM_STATES)[number];

export interface Claim {
  id: string;
  claimantIdentityId: string;
  kind: AddressKind;
  value: string;
  valueRaw: string;
  state: ClaimState;
  decidedAt: string | null;
  confirmedCustomerId: string | null;
  previousCustomerId: string | null;
  version: number;
  createdAt: string;
}

/** Addresses of the world: what a person can know of himself and type. */
const CLAIMABLE = new Set<AddressKind>(['EMAIL', 'PHONE']);

/**
 * Keeps that the claimant says an address is his; saying it again changes nothing, nor does it reopen a decision. Locks the address when networks
 * spell it in several ways, so that its owner, seen first at that moment in another spelling, is found; see `lockClaimed`. Else takes no lock.
 * @returns null when there is nothing to claim: no e-mail address or number, a placeholder, an address that the claimant's customer has. Emits `claim.made` the first time.
 */
export async function recordClaim(
  tx: Tx,
  o: { workspaceId: string; actor: Actor; claimantIdentityId: string; kind: string; value: string; valueRaw?: string },
): Promise<{ claimId: string; created: boolean } | null> {
  const { workspaceId, actor, claimantIdentityId } = o;
  const address = normalAddress(o);
  if (!address || !CLAIMABLE.has(address.kind) || standing(address) === 'NOBODY') return null;
  const spellings = equivalents(address.kind, address.value);
  const [said] = await tx<{ id: string }[]>`
    select id from claims where workspace_id = ${workspaceId} and claimant_identity_id = ${claimantIdentityId} and kind = ${address.kind} and value = any(${spellings}::text[])`;
  if (said) return { claimId: said.id, created: false };

  // Under the lock of all its spellings: whoever has the address is seen here, and whoever gets it later (`addIdentities`) sees this claim.
  if (spellings.length > 1) await lockAddresses(tx, workspaceId, [address]);
  const customerId = (await ownersOf(tx, workspaceId, [claimantIdentityId])).get(claimantIdentityId) ?? null;
  const owner = ownerAt(await identitiesAt(tx, workspaceId, [address]), address);
  if (owner && owner.customerId === customerId) return null;
  const claimId = newId();
  const at = now();
  const value = owner?.value ?? foldingKey(address.kind, address.value);
  const inserted = await tx`
    insert into claims (workspace_id, id, claimant_identity_id, kind, value, value_raw, created_at)
    values (${workspaceId}, ${claimId}, ${claimantIdentityId}, ${address.kind}, ${value}, ${o.valueRaw === undefined ? address.valueRaw : rawForm(o.valueRaw)}, ${at})
    on conflict (workspace_id, claimant_identity_id, kind, value) do nothing returning id`;
  if (inserted.length === 0) return recordClaim(tx, o);
  await putTimelineEntry(tx, workspaceId, {
    identityId: claimantIdentityId, occurredAt: at, kind: 'CLAIM', refId: claimId, actor, data: { claimId, addressKind: address.kind, state: 'PENDING' },
  });
  await appendEvents(tx, workspaceId, [{ kind: 'claim.made', actor, data: { claimId, identityId: claimantIdentityId, customerId, addressKind: address.kind } }]);
  return { claimId, created: true };
}

/**
 * Locks what claims of these addresses will lock, together with everybody else's that the same delivery names: called before any customer is locked,
 * it keeps the order of locks.
 */
export async function lockClaimed(tx: Tx, workspaceId: string, claimed: readonly { kind: string; value: string }[], named: readonly { kind: string; namespace: string; value: string }[]): Promise<void> {
  const several = claimed.flatMap((one) => normalAddress(one) ?? []).filter(({ kind, value }) => CLAIMABLE.has(kind) && equivalents(kind, value).length > 1);
  if (several.length > 0) await lockAddresses(tx, workspaceId, [...several, ...named.flatMap((one) => normalAddress(one) ?? [])]);
}

export interface Decision {
  workspaceId: string;
  actor: Actor;
  claimId: string;
  /** null: whatever the version is. */
  expectedVersion?: number | null;
}

/**
 * An agent is satisfied that the visitor is who he says.
 * - The address has an owner: the visitor's identity moves to that customer; when nothing but its `self` was left on the visitor's customer (or an
 *   address that was taken back before anything came by it), that goes too, and with it its notes and its id.
 * - Nobody has it: it becomes an ATTESTED address of the visitor's own customer.
 * - It is the visitor's customer's own: only the decision is kept.
 * A rejected claim can be confirmed. Locks the address, then the customers. Emits `claim.confirmed` and what the change emits.
 * @throws Refusal NOT_FOUND, CONFLICT, INVALID_TRANSITION when it is confirmed already.
 */
export async function confirmClaim(tx: Tx, decision: Decision): Promise<{ claimId: string; customerId: string }> {
  const { workspaceId, actor } = decision;
  const { claim, owner, customers, claimantCustomerId } = await lockClaim(tx, decision);
  if (claim.state === 'CONFIRMED') throw new Refusal('INVALID_TRANSITION', 'The claim is confirmed already.', { field: ['claimId'] });

  if (owner && owner.customerId !== claimantCustomerId) {
    const identityIds = await withSelfIfAlone(tx, workspaceId, claimantCustomerId, claim.claimantIdentityId);
    const { at } = await moveIdentities(tx, {
      workspaceId, actor, identityIds, toCustomerId: owner.customerId, reason: 'CLAIM_CONFIRMED', evidence: { claimId: claim.id },
    });
    await decide(tx, decision, claim, { state: 'CONFIRMED', at, customerId: owner.customerId, confirmedCustomerId: owner.customerId, previousCustomerId: claimantCustomerId });
    return { claimId: claim.id, customerId: owner.customerId };
  }

  const at = now();
  if (!owner) {
    const address: Address = { kind: claim.kind, namespace: '', value: claim.value, valueRaw: claim.valueRaw };
    await addIdentities(tx, {
      workspaceId, actor, at, customer: customers.get(claimantCustomerId)!,
      identities: [{
        id: newId(), address, trust: 'ATTESTED', displayName: null, isShared: standing(address) === 'SHARED', linkedViaIdentityId: claim.claimantIdentityId,
        evidence: { reason: 'CLAIM_CONFIRMED', claimId: claim.id },
      }],
    });
  }
  await decide(tx, decision, claim, { state: 'CONFIRMED', at, customerId: claimantCustomerId, confirmedCustomerId: claimantCustomerId, previousCustomerId: null });
  return { claimId: claim.id, customerId: claimantCustomerId };
}

/**
 * An agent finds that the visitor isn't who he says; or takes a confirmation back, which undoes what it did: identities that it moved return to
 * the visitor's customer, wherever they are now; an address that it added is retired, or, when it has a history of its own by now, begins a
 * customer of its own. Locks and throws as `confirmClaim` does. Emits `claim.rejected` and what the change emits.
 */
export async function rejectClaim(tx: Tx, decision: Decision): Promise<{ claimId: string; customerId: string }> {
  const { workspaceId, actor } = decision;
  const { claim, claimantCustomerId } = await lockClaim(tx, decision);
  if (claim.state === 'REJECTED') throw new Refusal('INVALID_TRANSITION', 'The claim is rejected already.', { field: ['claimId'] });
  let customerId = claimantCustomerId;
  if (claim.state === 'CONFIRMED' && claim.previousCustomerId !== null) {
    const identityIds = await movedAt(tx, workspaceId, claim.previousCustomerId, claim.confirmedCustomerId!, claim.decidedAt!);
    await moveIdentities(tx, {
      workspaceId, actor, identityIds, toCustomerId: claim.previousCustomerId, reason: 'CLAIM_REJECTED', evidence: { claimId: claim.id },
    });
    customerId = claim.previousCustomerId;
  } else if (claim.state === 'CONFIRMED') await takeBackAddress(tx, decision, claim);
  await decide(tx, decision, claim, { state: 'REJECTED', at: now(), customerId, confirmedCustomerId: null, previousCustomerId: null });
  return { claimId: claim.id, customerId };
}

/** Locks, in order: the address, the customers (the claimant's, the owner's, the one before), the claim. Starts again when an owner changed. */
async function lockClaim(
  tx: Tx,
  { workspaceId, claimId, expectedVersion }: Decision,
): Promise<{ claim: Claim; owner: KnownIdentity | undefined; customers: Map<string, CustomerRow>; claimantCustomerId: string }> {
  const read = async (): Promise<Claim> => found((await tx<Claim[]>`
    select id, claimant_identity_id, kind, value, value_raw, state, decided_at, confirmed_customer_id, previous_customer_id, version, created_at
    from claims where workspace_id = ${workspaceId} and id = ${claimId}`)[0], 'claim');
  const before = await read();
  const address: Address = { kind: before.kind, namespace: '', value: before.value, valueRaw: before.valueRaw };
  await lockAddresses(tx, workspaceId, [address]);
  for (;;) {
    const seen = ownerAt(await identitiesAt(tx, workspaceId, [address]), address);
    const also = [seen?.customerId, before.previousCustomerId, before.confirmedCustomerId].filter((id) => id != null);
    const { owners, customers } = await lockOwners(tx, workspaceId, [before.claimantIdentityId], also);
    const owner = ownerAt(await identitiesAt(tx, workspaceId, [address]), address);
    if (owner?.customerId !== seen?.customerId) continue;
    await tx`select 1 from claims where workspace_id = ${workspaceId} and id = ${claimId} for update`;
    const claim = await read();
    if (expectedVersion != null && expectedVersion !== claim.version) {
      throw new Refusal('CONFLICT', `The claim is at version ${claim.version}, not ${expectedVersion}: it was decided meanwhile.`, { field: ['expectedVersion'] });
    }
    return { claim, owner, customers, claimantCustomerId: found(owners.get(claim.claimantIdentityId), 'identity') };
  }
}

async function decide(
  tx: Tx,
  { workspaceId, actor }: Decision,
  claim: Claim,
  to: { state: 'CONFIRMED' | 'REJECTED'; at: string; customerId: string; confirmedCustomerId: string | null; previousCustomerId: string | null },
): Promise<void> {
  await tx`
    update claims set state = ${to.state}, decided_at = ${to.at}, decided_by_kind = ${actor.kind}, decided_by_id = ${actor.id},
      confirmed_customer_id = ${to.confirmedCustomerId}, previous_customer_id = ${to.previousCustomerId}, version = version + 1
    where workspace_id = ${workspaceId} and id = ${claim.id}`;
  await putTimelineEntry(tx, workspaceId, {
    identityId: claim.claimantIdentityId, occurredAt: claim.createdAt, kind: 'CLAIM', refId: claim.id, actor,
    data: { claimId: claim.id, addressKind: claim.kind, state: to.state },
  });
  await appendEvents(tx, workspaceId, [{
    kind: to.state === 'CONFIRMED' ? 'claim.confirmed' : 'claim.rejected', actor,
    data: { claimId: claim.id, identityId: claim.claimantIdentityId, customerId: to.customerId, version: claim.version + 1 },
  }]);
}

const ownerAt = (known: readonly KnownIdentity[], address: Address): KnownIdentity | undefined => exactly(known, address) ?? equivalently(known, address);

/** The claimant; and all that its customer has when that is nothing but its `self` and addresses that were taken back before anything came by them. */
async function withSelfIfAlone(tx: Tx, workspaceId: string, customerId: string, claimantIdentityId: string): Promise<string[]> {
  const all = await tx<{ id: string; isEmpty: boolean }[]>`
    select i.id, i.id = c.self_identity_id
      or (i.valid_to is not null and not exists (select from timeline_entries e where e.workspace_id = i.workspace_id and e.identity_id = i.id)) as is_empty
    from identities i join customers c on c.workspace_id = i.workspace_id and c.id = i.customer_id
    where i.workspace_id = ${workspaceId} and i.customer_id = ${customerId}`;
  const others = all.filter(({ id }) => id !== claimantIdentityId);
  return [claimantIdentityId, ...(others.every(({ isEmpty }) => isEmpty) ? others.map(({ id }) => id) : [])];
}

/** The address that the confirmation added, if it did, is no longer the visitor's. */
async function takeBackAddress(tx: Tx, { workspaceId, actor }: Decision, claim: Claim): Promise<void> {
  const [added] = await tx<{ id: string; customerId: string; hasHistory: boolean }[]>`
    select i.id, i.customer_id,
      exists (select from timeline_entries e where e.workspace_id = i.workspace_id and e.identity_id = i.id) as has_history
    from identities i
    where i.workspace_id = ${workspaceId} and i.kind = ${claim.kind} and i.namespace = '' and i.value = ${claim.value} and i.valid_to is null
      and i.evidence ->> 'claimId' = ${claim.id}`;
  if (!added) return;
  if (added.hasHistory) {
    const { customerId } = await createCustomer(tx, { workspaceId, actor, at: now(), identities: [] });
    await moveIdentities(tx, { workspaceId, actor, identityIds: [added.id], toCustomerId: customerId, reason: 'CLAIM_REJECTED', evidence: { claimId: claim.id } });
    return;
  }
  await tx`update identities set valid_to = ${now()} where workspace_id = ${workspaceId} and id = ${added.id}`;
  await appendEvents(tx, workspaceId, [{
    kind: 'identity.updated', actor, data: { customerId: added.customerId, identityId: added.id, retired: true, reason: 'CLAIM_REJECTED' },
  }]);
}
