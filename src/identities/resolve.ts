// From the addresses that a delivery names to the identity that the message hangs on and its customer, without two of anybody.
//
//   fast path   one index read: the anchor is known and nothing new is said. No lock, no write.
//   slow path   the addresses' locks (sorted) -> read again -> the customers' locks (id order) -> read again, start over if an owner changed
//               -> write. `on conflict do nothing` behind it, should somebody write without the locks.
import type { ObservedAddress } from '../channels/channel.ts';
import type { Actor } from '../access/viewer.ts';
import { appendEvents, putTimelineEntry } from '../events/append.ts';
import type { NewEvent } from '../events/catalog.ts';
import { now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { newId } from '../platform/ids.ts';
import {
  addIdentities, appendObservations, createCustomer, lockCustomers, projectCustomer, type CustomerRow, type NewIdentity, type NewObservation,
} from './customers.ts';
import { isSettled, personName, plan, usable, type Plan, type Seen } from './linking.ts';
import { identitiesAt, lockAddresses, roomAt, type KnownIdentity } from './owners.ts';
import type { ObservationSource } from './survivorship.ts';

export interface ResolveInput {
  workspaceId: string;
  actor: Actor;
  /** The first anchors: the message hangs on its identity whatever its trust. The others link when they and it are attested. */
  addresses: readonly ObservedAddress[];
  /** The channel account that heard of them; kept as evidence. */
  accountId: string | null;
  /** RFC 3339: when it was said. */
  at: string;
  /** What the sender calls himself; absent: the anchor's own `displayName`. */
  displayName?: string | null;
}
export interface Resolved {
  identityId: string;
  customerId: string;
  createdCustomer: boolean;
}

/**
 * The identity and customer of whoever sent something, made when nobody has the address. 32 clients at once over few people make one customer each.
 * - Further addresses are added to the same customer when one trusted source attests them and the anchor, and nobody has them; if the anchor
 *   is new and one of them is known, the anchor joins that customer. What is another customer's stays there, noted in `evidence.contested`.
 * - `anonymous` and the like occupy no address: when nothing else is given, a new customer is made each time and its `self` identity anchors.
 * - Claimed further addresses are ignored: see `recordClaim`.
 * Locks nothing when all is known; else advisory locks of the addresses, then customers in id order. Call it before any other lock. The customer
 * can change until the caller locks it. Emits `customer.created`, `identity.added`, `identity.updated`, `customer.updated`.
 */
export async function resolveIdentity(tx: Tx, input: ResolveInput): Promise<Resolved> {
  const { workspaceId, at } = input;
  const seen = usable(input.addresses);
  if (seen.length === 0) return resolveNobody(tx, input);
  const addresses = seen.map((s) => s.address);
  const name = nameOf(input, seen);

  const quick = plan(seen, await identitiesAt(tx, workspaceId, addresses), name, at);
  if (isSettled(quick)) return { identityId: quick.anchor!.id, customerId: quick.anchor!.customerId, createdCustomer: false };

  await lockAddresses(tx, workspaceId, addresses);
  for (;;) {
    const before = await identitiesAt(tx, workspaceId, addresses);
    if (before.length === 0) return carryOut(tx, input, seen, plan(seen, before, name, at), name, new Map());
    const customers = await lockCustomers(tx, workspaceId, before.map((identity) => identity.customerId));
    const known = await identitiesAt(tx, workspaceId, addresses);
    if (sameOwners(before, known)) return carryOut(tx, input, seen, plan(seen, known, name, at), name, customers);
  }
}

export const nameOf = (input: ResolveInput, seen: readonly Seen[]): string | null => personName(input.displayName, seen[0]!.address) ?? seen[0]!.displayName;

/** Nobody can be found again by this: a customer of its own, so that two anonymous callers don't share a conversation. */
async function resolveNobody(tx: Tx, input: ResolveInput): Promise<Resolved> {
  const { workspaceId, actor, at } = input;
  const name = personName(input.displayName);
  const { customerId, selfIdentityId } = await createCustomer(tx, {
    workspaceId, actor, at, identities: [],
    observe: (self) => (name ? [{ identityId: self, key: 'name', value: name, source: 'CLAIM' }] : []),
  });
  return { identityId: selfIdentityId, customerId, createdCustomer: true };
}

async function carryOut(tx: Tx, input: ResolveInput, seen: Seen[], todo: Plan, name: string | null, customers: Map<string, CustomerRow>): Promise<Resolved> {
  const { workspaceId, actor, at } = input;
  let add = todo.add;
  let customer = todo.customerId === null ? null : customers.get(todo.customerId)!;
  if (customer) {
    const room = await roomAt(tx, workspaceId, customer.id);
    const allowed = add.filter((item) => item.reason === 'SAME_NUMBER' || room(item.seen.address));
    // No room for the anchor itself: another record of the same system is another person.
    if (!todo.anchor && !allowed.some((item) => item.seen === seen[0])) {
      customer = null;
      add = add.filter((item) => item.seen === seen[0]).map((item) => ({ ...item, via: 'SELF', reason: 'FIRST_SEEN' }));
    } else add = allowed;
  }

  const identities = newIdentities(add, input, todo.anchor?.id ?? newId(), name, todo.anchor !== null);
  const anchorId = todo.anchor?.id ?? identities[0]!.id;
  const source = sourceOf(seen[0]!);
  const nameSaid = (): NewObservation[] => (name ? [{ identityId: anchorId, key: 'name', value: name, source }] : []);
  if (!customer) {
    const { customerId } = await createCustomer(tx, { workspaceId, actor, at, identities, observe: nameSaid });
    return { identityId: anchorId, customerId, createdCustomer: true };
  }

  await addIdentities(tx, { workspaceId, actor, at, customer, identities });
  for (const identity of identities) {
    await putTimelineEntry(tx, workspaceId, {
      identityId: identity.id, occurredAt: at, kind: 'IDENTITY_CHANGE', refId: identity.id, actor,
      data: { change: 'LINKED', identityKind: identity.address.kind, reason: identity.evidence.reason, viaIdentityId: identity.linkedViaIdentityId ?? null },
    });
  }
  const events: NewEvent[] = [...(await raise(tx, input, todo.raise)), ...(await contest(tx, input, todo.contest))];
  if (todo.rehandle) {
    await tx`update identities set username = ${todo.rehandle} where workspace_id = ${workspaceId} and id = ${anchorId}`;
    events.push({ kind: 'identity.updated', actor, data: { customerId: customer.id, identityId: anchorId, change: 'USERNAME' } });
  }
  if (todo.rename) await tx`update identities set display_name = ${todo.rename} where workspace_id = ${workspaceId} and id = ${anchorId}`;
  if (todo.rename || (!todo.anchor && name)) {
    await appendObservations(tx, workspaceId, actor, nameSaid(), at);
    const updated = await projectCustomer(tx, workspaceId, actor, customer.id);
    if (updated) events.push(updated);
  }
  await appendEvents(tx, workspaceId, events);
  return { identityId: anchorId, customerId: customer.id, createdCustomer: false };
}

function newIdentities(add: Plan['add'], input: ResolveInput, anchorId: string, name: string | null, anchorKnown: boolean): NewIdentity[] {
  return add.map(({ seen, via, reason, isShared }, index) => {
    const isAnchor = !anchorKnown && index === 0;
    return {
      id: isAnchor ? anchorId : newId(),
      address: seen.address,
      trust: seen.trust,
      displayName: isAnchor ? name : seen.displayName,
      username: seen.username,
      isShared,
      ...(via === 'SELF' ? {} : { linkedViaIdentityId: via === 'ANCHOR' ? anchorId : via.identityId }),
      evidence: { reason, accountId: input.accountId },
    };
  });
}

async function raise(tx: Tx, { workspaceId, actor }: ResolveInput, raises: Plan['raise']): Promise<NewEvent[]> {
  for (const { identity, trust } of raises) {
    await tx`
      update identities set trust = ${trust},
        verified_at = case when ${trust} = 'VERIFIED' then ${now()}::timestamptz else verified_at end,
        verified_by_kind = case when ${trust} = 'VERIFIED' then ${actor.kind} else verified_by_kind end,
        verified_by_id = case when ${trust} = 'VERIFIED' then ${actor.id}::uuid else verified_by_id end
      where workspace_id = ${workspaceId} and id = ${identity.id}`;
  }
  return raises.map(({ identity, trust }) => ({ kind: 'identity.updated', actor, data: { customerId: identity.customerId, identityId: identity.id, trust } }));
}

async function contest(tx: Tx, { workspaceId, actor }: ResolveInput, contests: Plan['contest']): Promise<NewEvent[]> {
  for (const { identity, customerIds, quarantine } of contests) {
    await tx`
      update identities set evidence = evidence || jsonb_build_object('contested', ${JSON.stringify(customerIds)}::text::jsonb), is_shared = is_shared or ${quarantine}
      where workspace_id = ${workspaceId} and id = ${identity.id}`;
  }
  return contests.filter(({ quarantine }) => quarantine).map(({ identity }) => ({
    kind: 'identity.updated', actor, data: { customerId: identity.customerId, identityId: identity.id, isShared: true, reason: 'QUARANTINED' },
  }));
}

/** What an address that isn't proven calls itself is shown only while nothing better is known. */
export const sourceOf = (seen: Seen): ObservationSource => (seen.trust === 'CLAIMED' ? 'CLAIM' : 'CHANNEL');

const sameOwners = (before: readonly KnownIdentity[], after: readonly KnownIdentity[]): boolean =>
  before.length === after.length && before.every((b) => after.some((a) => a.id === b.id && a.customerId === b.customerId));

