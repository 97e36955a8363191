// A provider says that a person has another address from now on (a new number, a new id of his account): he goes on as the same customer. What was the
// old address is retired, since its number may be anybody's tomorrow; an agent can take the change back.
import type { ObservedAddress } from '../channels/channel.ts';
import type { Actor } from '../access/viewer.ts';
import { appendEvents, putTimelineEntry } from '../events/append.ts';
import type { NewEvent } from '../events/catalog.ts';
import { now } from '../platform/clock.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { foldingKey, type Address } from './address.ts';
import { recordClaim } from './claims.ts';
import { addIdentities, createCustomer, lockCustomers, lockOwners, type CustomerRow } from './customers.ts';
import { usable, type Seen } from './linking.ts';
import { moveIdentities } from './move.ts';
import { equivalently, exactly, identitiesAt, lockAddresses, type KnownIdentity } from './owners.ts';

export interface Replacement {
  workspaceId: string;
  actor: Actor;
  /** Whom the provider names, by every address that he had until now. */
  known: readonly ObservedAddress[];
  from: ObservedAddress;
  to: ObservedAddress;
  accountId: string;
  /** RFC 3339: when it was said. */
  at: string;
}

/** REPLACED: he has the new address. CONTESTED: somebody else has it; he keeps his history, and people decide. UNKNOWN: nobody is known by what he had. */
export type Replaced = { outcome: 'REPLACED' | 'CONTESTED'; identityId: string } | { outcome: 'UNKNOWN' };

/**
 * Gives the customer who has `from` (else who is known by another of `known`) the address `to`, and retires `from`. An address that is another
 * customer's stays there: of a telephone it becomes a claim, which an agent confirms when both are one person; of an id it is noted on both
 * (`evidence.contested`). A shared address is nobody's to replace. Locks the addresses, then the customers; call it before any other lock. Emits
 * `identity.added`, `identity.updated` for what is retired, and what the claim emits.
 */
export async function replaceAddress(tx: Tx, replacement: Replacement): Promise<Replaced> {
  const { workspaceId, at } = replacement;
  const [from] = usable([replacement.from]);
  const [to] = usable([replacement.to]);
  if (!from || !to || to.trust === 'CLAIMED' || isSame(from.address, to.address)) return { outcome: 'UNKNOWN' };
  const before = usable([replacement.from, ...replacement.known]).filter((seen) => !isSame(seen.address, to.address));
  const { identities, customers } = await locked(tx, workspaceId, [...before, to]);
  const old = standingAt(identities, from.address).filter((identity) => !identity.isShared);
  const person = old[0] ?? before.flatMap((seen) => standingAt(identities, seen.address)).find((identity) => !identity.isShared);
  if (!person) return { outcome: 'UNKNOWN' };
  const customer = customers.get(person.customerId)!;
  const retired = old.filter((identity) => identity.customerId === customer.id);
  const [holder] = standingAt(identities, to.address);

  if (holder && holder.customerId !== customer.id) {
    await retire(tx, replacement, retired, holder.id);
    await contest(tx, replacement, person, holder);
    return { outcome: 'CONTESTED', identityId: person.id };
  }
  const identityId = holder && exactly([holder], to.address) ? holder.id : await add(tx, replacement, customer, person, to);
  await retire(tx, replacement, retired, identityId);
  await putTimelineEntry(tx, workspaceId, {
    identityId, occurredAt: at, kind: 'IDENTITY_CHANGE', refId: identityId, actor: replacement.actor, data: { change: 'REPLACED', identityKind: to.address.kind, reason: REASON, viaIdentityId: person.id },
  });
  return { outcome: 'REPLACED', identityId };
}

const REASON = 'ADDRESS_REPLACED';

/**
 * Takes a replacement back: the retired address is his again. What was added for it is retired, or, when something came by it, begins a customer of
 * its own. Emits `identity.updated` and what the move emits.
 * @throws Refusal NOT_FOUND; INVALID_TRANSITION when the address wasn't replaced; CONFLICT when somebody else has it by now.
 */
export async function undoReplacement(tx: Tx, actor: Actor, o: { identityId: string }): Promise<void> {
  const { workspaceId } = actor;
  const read = async () => found((await tx<(Address & { customerId: string; replacedById: string | null })[]>`
    select kind, namespace, value, value_raw, customer_id, replaced_by_id from identities where workspace_id = ${workspaceId} and id = ${o.identityId}`)[0], 'identity');
  const address = await read();
  await lockAddresses(tx, workspaceId, [address]);
  const successor = address.replacedById;
  await lockOwners(tx, workspaceId, [o.identityId, ...(successor === null ? [] : [successor])]);
  const { replacedById, customerId } = await read();
  if (replacedById === null) throw new Refusal('INVALID_TRANSITION', 'This address was not replaced by another one.', { field: ['identityId'] });
  if (standingAt(await identitiesAt(tx, workspaceId, [address]), address).length > 0) throw new Refusal('CONFLICT', 'Somebody has this address by now: it can\'t be given back.', { field: ['identityId'] });
  await tx`update identities set valid_to = null, replaced_by_id = null where workspace_id = ${workspaceId} and id = ${o.identityId}`;
  await appendEvents(tx, workspaceId, [{ kind: 'identity.updated', actor, data: { customerId, identityId: o.identityId, retired: false, reason: 'REPLACEMENT_UNDONE' } }]);
  await giveUp(tx, actor, replacedById, o.identityId);
}

/** The address that was added in place of `replacedId` is no longer this customer's. One that he had by itself stays. */
async function giveUp(tx: Tx, actor: Actor, identityId: string, replacedId: string): Promise<void> {
  const { workspaceId } = actor;
  const [added] = await tx<{ customerId: string; hasHistory: boolean }[]>`
    select i.customer_id, exists (select from timeline_entries e where e.workspace_id = i.workspace_id and e.identity_id = i.id and e.kind <> 'IDENTITY_CHANGE') as has_history
    from identities i where i.workspace_id = ${workspaceId} and i.id = ${identityId} and i.valid_to is null
      and i.evidence ->> 'reason' = ${REASON} and i.evidence ->> 'replacesIdentityId' = ${replacedId}`;
  if (!added) return;
  if (added.hasHistory) {
    const { customerId } = await createCustomer(tx, { workspaceId, actor, at: now(), identities: [] });
    await moveIdentities(tx, { workspaceId, actor, identityIds: [identityId], toCustomerId: customerId, reason: 'REPLACEMENT_UNDONE', evidence: { identityId: replacedId } });
    return;
  }
  await tx`update identities set valid_to = ${now()} where workspace_id = ${workspaceId} and id = ${identityId}`;
  await appendEvents(tx, workspaceId, [{ kind: 'identity.updated', actor, data: { customerId: added.customerId, identityId, retired: true, reason: 'REPLACEMENT_UNDONE' } }]);
}

async function locked(tx: Tx, workspaceId: string, seen: readonly Seen[]): Promise<{ identities: KnownIdentity[]; customers: Map<string, CustomerRow> }> {
  const addresses = seen.map(({ address }) => address);
  await lockAddresses(tx, workspaceId, addresses);
  for (;;) {
    const first = await identitiesAt(tx, workspaceId, addresses);
    const customers = await lockCustomers(tx, workspaceId, first.map((identity) => identity.customerId));
    const identities = await identitiesAt(tx, workspaceId, addresses);
    if (identities.every(({ customerId }) => customers.has(customerId))) return { identities, customers };
  }
}

/** Whoever stands at the address, in any of its spellings, the same spelling first. */
const standingAt = (known: readonly KnownIdentity[], address: Address): KnownIdentity[] =>
  [exactly(known, address), equivalently(known, address)].filter((identity) => identity !== undefined);

const isSame = (a: Address, b: Address): boolean => a.kind === b.kind && a.namespace === b.namespace && foldingKey(a.kind, a.value) === foldingKey(b.kind, b.value);

async function add(tx: Tx, { workspaceId, actor, accountId, at }: Replacement, customer: CustomerRow, person: KnownIdentity, to: Seen): Promise<string> {
  const id = newId();
  await addIdentities(tx, {
    workspaceId, actor, at, customer,
    identities: [{
      id, address: to.address, trust: to.trust, displayName: to.displayName ?? person.displayName, isShared: to.shared, linkedViaIdentityId: person.id,
      evidence: { reason: REASON, accountId, replacesIdentityId: person.id },
    }],
  });
  return id;
}

async function retire(tx: Tx, { workspaceId, actor }: Replacement, identities: readonly KnownIdentity[], replacedById: string): Promise<void> {
  const ids = identities.map((identity) => identity.id).filter((id) => id !== replacedById);
  if (ids.length === 0) return;
  await tx`update identities set valid_to = ${now()}, replaced_by_id = ${replacedById} where workspace_id = ${workspaceId} and id = any(${ids}::uuid[])`;
  await appendEvents(tx, workspaceId, identities.filter(({ id }) => ids.includes(id)).map(({ id, customerId }): NewEvent => ({
    kind: 'identity.updated', actor, data: { customerId, identityId: id, retired: true, reason: REASON, replacedByIdentityId: replacedById },
  })));
}

/** Both may be one person, and the provider says so; but nobody loses an address by that. */
async function contest(tx: Tx, { workspaceId, actor, to }: Replacement, person: KnownIdentity, holder: KnownIdentity): Promise<void> {
  const claim = await recordClaim(tx, { workspaceId, actor, claimantIdentityId: person.id, kind: to.kind, value: to.value || to.valueRaw, valueRaw: to.valueRaw });
  if (claim) return;
  for (const [identity, beside] of [[person, holder], [holder, person]] as const) {
    const contested = [...new Set([...(identity.evidence.contested ?? []), beside.customerId])];
    await tx`
      update identities set evidence = evidence || jsonb_build_object('contested', ${JSON.stringify(contested)}::text::jsonb) where workspace_id = ${workspaceId} and id = ${identity.id}`;
  }
}
