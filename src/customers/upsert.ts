// Customers as other systems give them: created or changed, one or many, each with its own result.
//
//   1. check    everything that can be refused by looking at the input alone
//   2. lock     every address (sorted), then every customer concerned (id order), for all rows at once
//   3. apply    row by row; a row refuses before its first write, so a refused row leaves nothing behind
import type { Actor } from '../access/viewer.ts';
import { putTimelineEntry } from '../events/append.ts';
import type { Address } from '../identities/address.ts';
import { addIdentities, createCustomer, currentCustomers, lockCustomers, type CustomerRow, type NewIdentity } from '../identities/customers.ts';
import { equivalently, exactly, identitiesAt, lockAddresses, roomAt, type KnownIdentity } from '../identities/owners.ts';
import { POLICIES, standing } from '../identities/policy.ts';
import { now } from '../platform/clock.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { addressOf, ATTRIBUTES_MAX, saidOf, TAGS_MAX, type GivenAddress, type Said, type Values } from './content.ts';
import { expectVersion, say, sourceOf } from './values.ts';

export const UPSERT_RESULTS = ['CREATED', 'UPDATED', 'NOOP'] as const;
export type UpsertResult = (typeof UPSERT_RESULTS)[number];
export const ERROR_POLICIES = ['ALL_OR_NOTHING', 'SKIP_FAILED'] as const;
export const CUSTOMERS_MAX = 500;
const IDENTITIES_MAX = 50;

/** Who is meant: by our id; else by another system's id; else by an address. When none is known, a customer is created. */
export interface CustomerInput extends Values {
  customerId?: string | null;
  externalId?: { system: string; value: string } | null;
  identity?: GivenAddress | null;
  /** Further addresses that are his. */
  identities?: readonly GivenAddress[] | null;
  expectedVersion?: number | null;
}
export interface Upserted {
  customerId: string;
  result: UpsertResult;
}
export interface UpsertedRow {
  index: number;
  /** null: refused, or rolled back with another row. */
  result: UpsertResult | null;
  customerId: string | null;
  refusal: Refusal | null;
}

/**
 * Creates a customer or changes the one who is meant. Values are said in the actor's name (an agent's over a program's), addresses are added.
 * NOOP: all of it was so already. An address that is shared (info@) and another's already stays there and is passed over.
 * Locks the addresses, then the customer. Emits `customer.created` or `customer.updated`, and `identity.added`.
 * @param at path of the input among the caller's, for `field`
 * @throws Refusal INVALID_INPUT, NOT_FOUND (of `customerId`), CONFLICT, ADDRESS_TAKEN, ALREADY_EXISTS (a second id of one system)
 */
export async function upsertCustomer(tx: Tx, actor: Actor, input: CustomerInput, at?: readonly string[]): Promise<Upserted> {
  const checked = check(input, at);
  await lockAll(tx, actor.workspaceId, [checked]);
  return apply(tx, actor, checked);
}

/**
 * The same for up to 500, each with its own result. ALL_OR_NOTHING: one refused row and nothing is written. SKIP_FAILED: the others are.
 * `dryRun` answers what would become of them and writes nothing. Rows are taken in order, so a later one sees what an earlier one made.
 * @throws Refusal TOO_LARGE
 */
export async function upsertCustomers(
  tx: Tx,
  actor: Actor,
  o: { customers: readonly CustomerInput[]; errorPolicy: (typeof ERROR_POLICIES)[number]; dryRun: boolean },
): Promise<UpsertedRow[]> {
  if (o.customers.length > CUSTOMERS_MAX) {
    throw new Refusal('TOO_LARGE', `There are ${o.customers.length} customers; at most ${CUSTOMERS_MAX} at once.`, { field: ['customers'] });
  }
  const rows: UpsertedRow[] = o.customers.map((_customer, index) => ({ index, result: null, customerId: null, refusal: null }));
  const checked = await Promise.all(rows.map((row) => attempt(row, async () => check(o.customers[row.index]!, ['customers', String(row.index)]))));
  const undone = await undoable(tx, async (inner) => {
    await lockAll(inner, actor.workspaceId, checked.filter((c) => c !== undefined));
    for (const row of rows) {
      const given = checked[row.index];
      if (given) await attempt(row, async () => Object.assign(row, await apply(inner, actor, given)));
    }
    return o.dryRun || (o.errorPolicy === 'ALL_OR_NOTHING' && rows.some((row) => row.refusal !== null));
  });
  if (!undone) return rows;
  // What was rolled back isn't there to be shown; of a dry run the outcome is what was asked for.
  return rows.map((row) => ({ ...row, result: o.dryRun ? row.result : null, customerId: row.result === 'CREATED' || !o.dryRun ? null : row.customerId }));
}

interface Checked {
  customerId: string | null;
  /** By which an existing customer is found, best first; part of `addresses`. */
  keys: Given[];
  addresses: Given[];
  said: Said[];
  expectedVersion: number | null;
}
interface Given {
  address: Address;
  field: string[];
  isShared: boolean;
}

function check(input: CustomerInput, at: readonly string[] = []): Checked {
  const given = (address: GivenAddress, ...field: string[]): Given => {
    const normal = addressOf(address, [...at, ...field]);
    return { address: normal, field: [...at, ...field], isShared: standing(normal) === 'SHARED' };
  };
  const further = input.identities ?? [];
  if (further.length > IDENTITIES_MAX) throw new Refusal('INVALID_INPUT', `There are ${further.length} addresses; at most ${IDENTITIES_MAX}.`, { field: [...at, 'identities'] });
  const keys = [
    ...(input.externalId ? [given({ kind: 'EXTERNAL_ID', namespace: input.externalId.system, value: input.externalId.value }, 'externalId')] : []),
    ...(input.identity ? [given(input.identity, 'identity')] : []),
  ];
  const all = [...keys, ...further.map((address, index) => given(address, 'identities', String(index)))];
  const addresses = all.filter((g, index) => all.findIndex((other) => sameAddress(other.address, g.address)) === index);
  const said = saidOf(input, at);
  if (!input.customerId && addresses.length === 0 && said.every(({ value }) => value === null)) {
    throw new Refusal('INVALID_INPUT', 'Nothing says who is meant: give `customerId`, `externalId` or `identity`, or a value to create a customer with.', { field: [...at] });
  }
  return { customerId: input.customerId ?? null, keys, addresses, said, expectedVersion: input.expectedVersion ?? null };
}

/**
 * Locks the addresses of all rows, then the customers that they or an id name. An owner can change until its customer is locked: ends when all
 * whom the rows name are locked, so that none changes any more.
 */
async function lockAll(tx: Tx, workspaceId: string, rows: readonly Checked[]): Promise<void> {
  const addresses = rows.flatMap((row) => row.addresses.map(({ address }) => address));
  const ids = rows.flatMap(({ customerId }) => customerId ?? []);
  await lockAddresses(tx, workspaceId, addresses);
  const locked = new Set<string>();
  for (;;) {
    const named = [...(await currentCustomers(tx, workspaceId, ids)).values(), ...(await identitiesAt(tx, workspaceId, addresses)).map((identity) => identity.customerId)];
    const missing = named.filter((id) => !locked.has(id));
    if (missing.length === 0) return;
    await lockCustomers(tx, workspaceId, missing);
    for (const id of missing) locked.add(id);
  }
}

async function apply(tx: Tx, actor: Actor, row: Checked): Promise<Upserted> {
  const { workspaceId } = actor;
  const known = await identitiesAt(tx, workspaceId, row.addresses.map(({ address }) => address));
  const meant = await findMeant(tx, workspaceId, row, known);
  const customer = meant === null ? null : found((await lockCustomers(tx, workspaceId, [meant])).get(meant), 'customer');
  if (customer) expectVersion(customer.version, row.expectedVersion);
  else if (row.expectedVersion !== null) throw new Refusal('NOT_FOUND', 'There is no such customer yet, so it has no version.', { field: ['expectedVersion'] });
  const identities = await toAdd(tx, workspaceId, row, known, customer);
  if (customer) await checkRoom(tx, workspaceId, customer.id, row.said);

  const source = sourceOf(actor);
  if (!customer) {
    const { customerId } = await createCustomer(tx, {
      workspaceId, actor, at: now(), identities,
      observe: (identityId) => row.said.filter(({ value }) => value !== null).map(({ key, value }) => ({ identityId, key, value, source })),
    });
    return { customerId, result: 'CREATED' };
  }
  const at = now();
  await addIdentities(tx, { workspaceId, actor, at, customer, identities });
  for (const identity of identities) {
    await putTimelineEntry(tx, workspaceId, {
      identityId: identity.id, occurredAt: at, kind: 'IDENTITY_CHANGE', refId: identity.id, actor, data: { change: 'ADDED', identityKind: identity.address.kind },
    });
  }
  const said = await say(tx, actor, customer, row.said, source);
  return { customerId: customer.id, result: said || identities.length > 0 ? 'UPDATED' : 'NOOP' };
}

/** The customer who is meant; null when it is to be created. */
async function findMeant(tx: Tx, workspaceId: string, row: Checked, known: readonly KnownIdentity[]): Promise<string | null> {
  if (row.customerId !== null) return found((await currentCustomers(tx, workspaceId, [row.customerId])).get(row.customerId), 'customer');
  for (const key of row.keys) {
    const identity = exactly(known, key.address) ?? equivalently(known, key.address);
    if (!identity?.isShared && !key.isShared) {
      if (identity) return identity.customerId;
    } else if (row.keys.length === 1) {
      throw new Refusal('INVALID_INPUT', 'Several people use this address, so it does not say who is meant; give `externalId` or `customerId`.', { field: key.field });
    }
  }
  return null;
}

/** The addresses that the customer doesn't have yet. @throws Refusal ADDRESS_TAKEN, ALREADY_EXISTS, INVALID_INPUT */
async function toAdd(tx: Tx, workspaceId: string, row: Checked, known: readonly KnownIdentity[], customer: CustomerRow | null): Promise<NewIdentity[]> {
  const identities: NewIdentity[] = [];
  const room = customer ? await roomAt(tx, workspaceId, customer.id) : () => true;
  for (const { address, field, isShared } of row.addresses) {
    const identity = exactly(known, address) ?? equivalently(known, address);
    if (identity && (identity.customerId === customer?.id || identity.isShared)) continue;
    if (identity) throw new Refusal('ADDRESS_TAKEN', 'The address belongs to another customer.', { field });
    const isSecond = identities.some((other) => other.address.kind === address.kind && other.address.namespace === address.namespace);
    if (!room(address) || (POLICIES[address.kind].unique && isSecond)) {
      if (POLICIES[address.kind].unique) throw new Refusal('ALREADY_EXISTS', `The customer has another id in \`${address.namespace}\`.`, { field });
      throw new Refusal('INVALID_INPUT', `The customer has ${POLICIES[address.kind].limit} addresses of kind ${address.kind}, which is the most.`, { field });
    }
    identities.push({ id: newId(), address, trust: 'ATTESTED', displayName: null, isShared, evidence: { reason: 'GIVEN' } });
  }
  return identities;
}

/** A customer's tags and attributes have a limit over all upserts. @throws Refusal INVALID_INPUT */
async function checkRoom(tx: Tx, workspaceId: string, customerId: string, said: readonly Said[]): Promise<void> {
  if (!said.some(({ key }) => key.startsWith('tag.') || key.startsWith('custom.'))) return;
  const [row] = await tx<{ tags: string[]; attributes: Record<string, unknown> }[]>`
    select tags, attributes from customers where workspace_id = ${workspaceId} and id = ${customerId}`;
  for (const [prefix, max, present] of [['tag.', TAGS_MAX, row!.tags], ['custom.', ATTRIBUTES_MAX, Object.keys(row!.attributes)]] as const) {
    const all = new Set([...present.map((name) => prefix + name), ...said.filter(({ key, value }) => key.startsWith(prefix) && value !== null).map(({ key }) => key)]);
    if (all.size > max) throw new Refusal('INVALID_INPUT', `The customer would have ${all.size} ${prefix === 'tag.' ? 'tags' : 'attributes'}; at most ${max}.`);
  }
}

const sameAddress = (a: Address, b: Address): boolean => a.kind === b.kind && a.namespace === b.namespace && a.value === b.value;

async function attempt<T>(row: UpsertedRow, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    row.refusal = error;
    return undefined;
  }
}

class Undo extends Error {}

/** Runs `work` and takes back what it wrote when it answers true; answers the same. */
async function undoable(tx: Tx, work: (inner: Tx) => Promise<boolean>): Promise<boolean> {
  try {
    await tx.savepoint(async (inner) => {
      if (await work(inner)) throw new Undo();
    });
    return false;
  } catch (error) {
    if (error instanceof Undo) return true;
    throw error;
  }
}
