// Rows of `customers`: made, locked, and kept equal to what was observed of the person.
import { customers as customersTable } from '../../schema/identities.ts';
import type { Actor } from '../access/viewer.ts';
import { appendEvents } from '../events/append.ts';
import type { NewEvent } from '../events/catalog.ts';
import { now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { newId } from '../platform/ids.ts';
import { insertRows } from '../platform/insert.ts';
import { equivalents, type Address, type IdentityKind } from './address.ts';
import { sameShown, shownValues, type Observation, type ObservationSource, type Shown } from './survivorship.ts';

export type Trust = 'CLAIMED' | 'ATTESTED' | 'VERIFIED';

/** An identity to be. `id` is given by the caller, so that another can name it. */
export interface NewIdentity {
  id: string;
  address: Address;
  trust: Trust;
  displayName: string | null;
  /** The handle that the network shows for it: no key. */
  username?: string | null;
  isShared: boolean;
  /** Absent: the customer's `self`. */
  linkedViaIdentityId?: string;
  evidence: Record<string, unknown>;
}

/** A value that a source gives; null takes back what it gave before. */
export interface NewObservation {
  identityId: string;
  key: string;
  value: unknown;
  source: ObservationSource;
  /** Absent: the moment that is given for all. */
  observedAt?: string;
}

export interface CustomerRow {
  id: string;
  selfIdentityId: string;
  state: 'ACTIVE' | 'MERGED' | 'ERASED';
  version: number;
}

export interface NewCustomer {
  /** When the person was first heard of (an import's is in the past). */
  at: string;
  identities: readonly NewIdentity[];
  /** What is known of it; told the new `self` identity's id. */
  observe?: (selfIdentityId: string) => NewObservation[];
}

/** `createCustomers` for one. */
export const createCustomer = async (
  tx: Tx, { workspaceId, actor, ...customer }: { workspaceId: string; actor: Actor } & NewCustomer,
): Promise<{ customerId: string; selfIdentityId: string }> => (await createCustomers(tx, workspaceId, actor, [customer]))[0]!;

/**
 * Creates customers, each with its `self` identity, the given identities and what is known of it. Emits `customer.created` and an `identity.added` for
 * each address. The caller holds the addresses' locks (`lockAddresses`). @returns their ids, in order.
 * @throws 40001 (retried by `inWorkspace`) when another transaction took an address meanwhile.
 */
export async function createCustomers(
  tx: Tx, workspaceId: string, actor: Actor, customers: readonly NewCustomer[],
): Promise<{ customerId: string; selfIdentityId: string }[]> {
  if (customers.length === 0) return [];
  const createdAt = now();
  const made = customers.map(({ at, identities, observe }) => {
    const customerId = newId();
    const selfIdentityId = newId();
    const observations = stamped(observe?.(selfIdentityId) ?? [], at);
    const self: StoredIdentity = {
      id: selfIdentityId, customerId, at, kind: 'SELF', namespace: '', value: customerId, valueRaw: customerId, trust: 'VERIFIED', displayName: null, isShared: false,
      linkedViaIdentityId: null, evidence: {},
    };
    return { customerId, selfIdentityId, at, identities, observations, stored: [self, ...identities.map((identity) => stored(identity, { customerId, selfIdentityId, at }))] };
  });
  await insertRows(tx, customersTable, made.map(({ customerId, selfIdentityId, at, observations }) => {
    const { name, language, tier, company, tags, attributes } = shownValues(observations);
    return { workspaceId, id: customerId, selfIdentityId, name, language, tier, company, tags, attributes, lastActivityAt: at, state: 'ACTIVE', version: 1, createdAt, updatedAt: createdAt };
  }));
  await insertIdentities(tx, { workspaceId, actor }, made.flatMap((one) => one.stored));
  await insertObservations(tx, workspaceId, actor, made.flatMap((one) => one.observations));
  await appendEvents(tx, workspaceId, made.flatMap(({ customerId, identities }): NewEvent[] => [
    { kind: 'customer.created', actor, data: { customerId } },
    ...identities.map((identity) => identityAdded(actor, customerId, identity)),
  ]));
  return made.map(({ customerId, selfIdentityId }) => ({ customerId, selfIdentityId }));
}

/**
 * Adds addresses to a customer whose lock and whose addresses' locks the caller holds. Emits `identity.added` for each.
 * @throws 40001 (retried by `inWorkspace`) when another transaction took an address meanwhile.
 */
export async function addIdentities(
  tx: Tx,
  o: { workspaceId: string; actor: Actor; at: string; customer: CustomerRow; identities: readonly NewIdentity[] },
): Promise<void> {
  if (o.identities.length === 0) return;
  const of = { customerId: o.customer.id, selfIdentityId: o.customer.selfIdentityId, at: o.at };
  await insertIdentities(tx, o, o.identities.map((identity) => stored(identity, of)));
  await appendEvents(tx, o.workspaceId, o.identities.map((identity) => identityAdded(o.actor, o.customer.id, identity)));
}

/** Locks customers in id order (FOR NO KEY UPDATE: what hangs on them may be inserted meanwhile) and gives those that exist. */
export async function lockCustomers(tx: Tx, workspaceId: string, ids: readonly string[]): Promise<Map<string, CustomerRow>> {
  if (ids.length === 0) return new Map();
  const rows = await tx<CustomerRow[]>`
    select id, self_identity_id, state, version from customers
    where workspace_id = ${workspaceId} and id = any(${[...new Set(ids)]}::uuid[]) order by id for no key update`;
  return new Map(rows.map((row) => [row.id, row]));
}

/**
 * Locks the customers who own the identities now, and `alsoCustomerIds`; starts again when one was moved meanwhile. An identity that isn't of the
 * workspace is left out of `owners`.
 */
export async function lockOwners(
  tx: Tx,
  workspaceId: string,
  identityIds: readonly string[],
  alsoCustomerIds: readonly string[] = [],
): Promise<{ owners: Map<string, string>; customers: Map<string, CustomerRow> }> {
  for (;;) {
    const owners = await ownersOf(tx, workspaceId, identityIds);
    const customers = await lockCustomers(tx, workspaceId, [...owners.values(), ...alsoCustomerIds]);
    const after = await ownersOf(tx, workspaceId, identityIds);
    if ([...after].every(([id, owner]) => owners.get(id) === owner) && after.size === owners.size) return { owners, customers };
  }
}

/** Whose each identity is now. */
export async function ownersOf(tx: Tx, workspaceId: string, identityIds: readonly string[]): Promise<Map<string, string>> {
  if (identityIds.length === 0) return new Map();
  const rows = await tx<{ id: string; customerId: string }[]>`
    select id, customer_id from identities where workspace_id = ${workspaceId} and id = any(${[...new Set(identityIds)]}::uuid[])`;
  return new Map(rows.map((row) => [row.id, row.customerId]));
}

/**
 * The customers that ids mean now: after a merge or a confirmed claim, the ones that their `self` identities went to. What the workspace doesn't
 * have is left out.
 */
export async function currentCustomers(tx: Tx, workspaceId: string, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await tx<{ id: string; customerId: string }[]>`
    select c.id, s.customer_id from customers c join identities s on s.workspace_id = c.workspace_id and s.id = c.self_identity_id
    where c.workspace_id = ${workspaceId} and c.id = any(${[...new Set(ids)]}::uuid[])`;
  return new Map(rows.map((row) => [row.id, row.customerId]));
}

/**
 * Keeps observations. Append-only; the shown values follow by `projectCustomer`. `at` is when it was said.
 */
export async function appendObservations(tx: Tx, workspaceId: string, actor: Actor, observations: readonly NewObservation[], at: string): Promise<void> {
  await insertObservations(tx, workspaceId, actor, stamped(observations, at));
}

/**
 * Writes the shown values of a customer anew from all that was observed of its identities. The caller holds the customer's lock.
 * @returns the event `customer.updated` for the caller to append, or null when nothing that is shown changed.
 */
export async function projectCustomer(tx: Tx, workspaceId: string, actor: Actor, customerId: string): Promise<NewEvent | null> {
  const [before] = await tx<(Shown & { version: number })[]>`
    select name, language, tier, company, tags, attributes, version from customers where workspace_id = ${workspaceId} and id = ${customerId}`;
  if (!before) return null;
  const shown = shownValues(await standingObservations(tx, workspaceId, customerId));
  const { version, ...values } = before;
  if (sameShown(shown, values)) return null;
  await tx`
    update customers set name = ${shown.name}, language = ${shown.language}, tier = ${shown.tier}, company = ${shown.company},
      tags = ${shown.tags}::text[], attributes = ${JSON.stringify(shown.attributes)}::text::jsonb, version = ${version + 1}, updated_at = ${now()}
    where workspace_id = ${workspaceId} and id = ${customerId}`;
  const fields = (['name', 'language', 'tier', 'company', 'tags', 'attributes'] as const).filter((field) =>
    !sameShown({ ...values, [field]: shown[field] }, values));
  return { kind: 'customer.updated', actor, data: { customerId, version: version + 1, fields } };
}

/** The last thing that each source said by each identity of the customer, of each key: all that survivorship needs. */
export async function standingObservations(tx: Tx, workspaceId: string, customerId: string): Promise<Observation[]> {
  return tx<Observation[]>`
    select distinct on (o.identity_id, o.key, o.source) o.id, o.identity_id, o.key, o.value, o.source, o.observed_at
    from identities i join attribute_observations o on o.workspace_id = i.workspace_id and o.identity_id = i.id
    where i.workspace_id = ${workspaceId} and i.customer_id = ${customerId}
    order by o.identity_id, o.key, o.source, o.observed_at desc, o.id desc`;
}

/**
 * Says that something was heard of identities, each at a moment: their customers move up in lists, their first and last moments widen. At most one
 * write a minute each, so that a chat's messages don't rewrite two rows each. Call it after the customers' locks, whose order the writes keep.
 */
export async function touchActivities(tx: Tx, workspaceId: string, heard: readonly { identityId: string; at: string }[]): Promise<void> {
  if (heard.length === 0) return;
  const last = tx`
    (select i.customer_id, i.id, min(h.at) as first, max(h.at) as last
     from unnest(${heard.map((h) => h.identityId)}::uuid[], ${heard.map((h) => h.at)}::timestamptz[]) as h (id, at)
     join identities i on i.workspace_id = ${workspaceId} and i.id = h.id group by i.customer_id, i.id)`;
  await Promise.all([
    tx`
      update customers c set last_activity_at = h.last from (select customer_id, max(last) as last from ${last} each group by customer_id) h
      where c.workspace_id = ${workspaceId} and c.id = h.customer_id and c.last_activity_at < h.last - interval '1 minute'`,
    tx`
      update identities i set first_seen_at = least(i.first_seen_at, h.first), last_seen_at = greatest(i.last_seen_at, h.last) from ${last} h
      where i.workspace_id = ${workspaceId} and i.id = h.id and (i.last_seen_at < h.last - interval '1 minute' or i.first_seen_at > h.first)`,
  ]);
}

interface StoredIdentity {
  id: string;
  customerId: string;
  at: string;
  kind: IdentityKind;
  namespace: string;
  value: string;
  valueRaw: string;
  trust: Trust;
  displayName: string | null;
  isShared: boolean;
  linkedViaIdentityId: string | null;
  evidence: Record<string, unknown>;
}

const stored = ({ address, ...rest }: NewIdentity, of: { customerId: string; selfIdentityId: string; at: string }): StoredIdentity => ({
  ...rest, ...address, customerId: of.customerId, at: of.at, linkedViaIdentityId: rest.linkedViaIdentityId ?? of.selfIdentityId,
});

async function insertIdentities(tx: Tx, o: { workspaceId: string; actor: Actor }, identities: readonly StoredIdentity[]): Promise<void> {
  const createdAt = now();
  const inserted = await tx`
    with given as (
      select * from jsonb_to_recordset(${JSON.stringify(identities)}::text::jsonb) as g (id uuid, "customerId" uuid, at timestamptz, kind text, namespace text, value text,
        "valueRaw" text, trust text, "displayName" text, username text, "isShared" boolean, "linkedViaIdentityId" uuid, evidence jsonb)
    ), added as (
      insert into identities (workspace_id, id, customer_id, kind, namespace, value, value_raw, trust, display_name, username, linked_via_identity_id, evidence,
        is_shared, verified_at, verified_by_kind, verified_by_id, first_seen_at, last_seen_at, created_at)
      select ${o.workspaceId}, id, "customerId", kind, namespace, value, "valueRaw", trust, "displayName", username, "linkedViaIdentityId", evidence, "isShared",
        case when trust = 'VERIFIED' and kind <> 'SELF' then ${createdAt}::timestamptz end,
        case when trust = 'VERIFIED' and kind <> 'SELF' then ${o.actor.kind} end,
        case when trust = 'VERIFIED' and kind <> 'SELF' then ${o.actor.id}::uuid end,
        at, at, ${createdAt}
      from given on conflict do nothing returning id, customer_id, first_seen_at
    )
    -- An owner's interval begins with what is known of him, so that imported history has an owner too.
    insert into identity_owners (workspace_id, identity_id, customer_id, from_at)
    select ${o.workspaceId}, id, customer_id, least(first_seen_at, ${createdAt}) from added returning identity_id`;
  if (inserted.length < identities.length) throw Object.assign(new Error('An address was taken by another transaction.'), { code: '40001' });
  await adoptClaims(tx, o.workspaceId, identities);
}

/**
 * A claim of a telephone takes the spelling under which its owner appears, so that the two are found by one equality (`timeline_sources`). Only
 * numbers that have two spellings cost a statement.
 */
async function adoptClaims(tx: Tx, workspaceId: string, identities: readonly StoredIdentity[]): Promise<void> {
  for (const { kind, value } of identities) {
    const [, ...others] = kind === 'SELF' ? [] : equivalents(kind, value);
    if (others.length === 0) continue;
    await tx`update claims set value = ${value} where workspace_id = ${workspaceId} and kind = ${kind} and value = any(${others}::text[])`;
  }
}

const stamped = (observations: readonly NewObservation[], observedAt: string): Observation[] =>
  observations.map((observation) => ({ ...observation, id: newId(), observedAt: observation.observedAt ?? observedAt }));

async function insertObservations(tx: Tx, workspaceId: string, actor: Actor, observations: readonly Observation[]): Promise<void> {
  if (observations.length === 0) return;
  await tx`
    insert into attribute_observations (workspace_id, id, identity_id, key, value, source, actor_kind, actor_id, observed_at)
    select ${workspaceId}, id, "identityId", key, nullif(value, 'null'::jsonb), source, ${actor.kind}, ${actor.id}::uuid, "observedAt"
    from jsonb_to_recordset(${JSON.stringify(observations)}::text::jsonb)
      as g (id uuid, "identityId" uuid, key text, value jsonb, source text, "observedAt" timestamptz)`;
}

const identityAdded = (actor: Actor, customerId: string, identity: NewIdentity): NewEvent => ({
  kind: 'identity.added', actor, data: { customerId, identityId: identity.id, identityKind: identity.address.kind, trust: identity.trust },
});
