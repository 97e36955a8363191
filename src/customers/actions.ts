// What is done to a customer that exists: something is observed of him, tags change, an address is added. `upsert.ts` makes customers.
import type { Actor } from '../access/viewer.ts';
import { appendEvents } from '../events/append.ts';
import { appendObservations, lockOwners, projectCustomer } from '../identities/customers.ts';
import { equivalently, exactly, identitiesAt } from '../identities/owners.ts';
import { canonical, type ObservationSource } from '../identities/survivorship.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { addressOf, observable, TAGS_MAX, tagsOf, type GivenAddress } from './content.ts';
import { upsertCustomer } from './upsert.ts';
import { lockCustomer, say, sourceOf } from './values.ts';

export interface Said {
  actor: Actor;
  identityId: string;
  /** Of an observation: `name`, `language`, `custom.<key>` … */
  key: string;
  value: unknown;
  source: ObservationSource;
  /** When it was said. */
  observedAt: string;
}

/**
 * Keeps what was said of identities, in order. What was said before costs one read, whatever their number, and locks nothing.
 * See `observe`.
 */
export async function observeAll(tx: Tx, workspaceId: string, said: readonly Said[]): Promise<void> {
  if (said.length === 0) return;
  const standing = await tx<{ at: number; value: unknown }[]>`
    select s.at::int4, p.value from unnest(${said.map((s) => s.identityId)}::uuid[], ${said.map((s) => s.key)}::text[], ${said.map((s) => s.source)}::text[],
      ${said.map((s) => s.observedAt)}::timestamptz[]) with ordinality as s (identity_id, key, source, observed_at, at)
    cross join lateral (
      select value from attribute_observations p
      where p.workspace_id = ${workspaceId} and p.identity_id = s.identity_id and p.key = s.key and p.source = s.source and p.observed_at <= s.observed_at
      order by p.observed_at desc, p.id desc limit 1) p`;
  const values = new Map(standing.map(({ at, value }) => [at - 1, canonical(value)]));
  // After something new of an identity, what was read of it before is no longer what stands.
  const changed = new Set<string>();
  for (const [i, { actor, ...rest }] of said.entries()) {
    const about = `${rest.identityId} ${rest.key} ${rest.source}`;
    if (!changed.has(about) && values.get(i) === canonical(observable(rest.key, rest.value))) continue;
    changed.add(about);
    await observe(tx, actor, rest);
  }
}

/**
 * Keeps what was said of an identity, and shows it where nothing better is known. Saying the same again costs one read and locks nothing;
 * nor does a name that is only the address, or another person's name on a shared address, change anything.
 * Locks the identity's customer. Emits `customer.updated` when a shown value changed.
 */
export async function observe(
  tx: Tx,
  actor: Actor,
  o: Omit<Said, 'actor'>,
): Promise<void> {
  const { workspaceId } = actor;
  const { identityId, key, source, observedAt } = o;
  const value = observable(key, o.value);
  if (value === null && o.value !== null) return;
  const [identity] = await tx<{ value: string; valueRaw: string; isShared: boolean; said: { value: unknown } | null; isNamed: boolean }[]>`
    select i.value, i.value_raw, i.is_shared, c.name is not null as is_named,
      (select jsonb_build_object('value', p.value) from attribute_observations p
       where p.workspace_id = i.workspace_id and p.identity_id = i.id and p.key = ${key} and p.source = ${source} and p.observed_at <= ${observedAt}
       order by p.observed_at desc, p.id desc limit 1) as said
    from identities i join customers c on c.workspace_id = i.workspace_id and c.id = i.customer_id
    where i.workspace_id = ${workspaceId} and i.id = ${identityId}`;
  found(identity, 'identity');
  if (canonical(identity!.said?.value ?? null) === canonical(value)) return;
  if (key === 'name' && (source === 'CHANNEL' || source === 'CLAIM')) {
    const isAddress = typeof value === 'string' && [identity!.value, identity!.valueRaw.trim()].some((text) => text.toLowerCase() === value.toLowerCase());
    if (isAddress || (identity!.isShared && identity!.isNamed)) return;
  }
  const { owners } = await lockOwners(tx, workspaceId, [identityId]);
  await appendObservations(tx, workspaceId, actor, [{ identityId, key, value, source }], observedAt);
  const updated = await projectCustomer(tx, workspaceId, actor, owners.get(identityId)!);
  if (updated) await appendEvents(tx, workspaceId, [updated]);
}

/**
 * Adds and removes tags. Locks the customer. Emits `customer.updated` when one changed.
 * @throws Refusal NOT_FOUND, CONFLICT, INVALID_INPUT (also when there would be more than 50)
 */
export async function tagCustomer(
  tx: Tx,
  actor: Actor,
  o: { customerId: string; add: readonly string[]; remove: readonly string[]; expectedVersion?: number | null },
): Promise<{ customerId: string }> {
  const { workspaceId } = actor;
  const add = tagsOf(o.add, ['add']);
  const remove = tagsOf(o.remove, ['remove']).filter((tag) => !add.includes(tag));
  const customer = await lockCustomer(tx, workspaceId, o.customerId, o.expectedVersion);
  const [row] = await tx<{ tags: string[] }[]>`select tags from customers where workspace_id = ${workspaceId} and id = ${customer.id}`;
  const after = new Set([...row!.tags.filter((tag) => !remove.includes(tag)), ...add]);
  if (after.size > TAGS_MAX) throw new Refusal('INVALID_INPUT', `The customer would have ${after.size} tags; at most ${TAGS_MAX}.`, { field: ['add'] });
  const said = [...add.map((tag) => ({ key: `tag.${tag}`, value: true as unknown })), ...remove.map((tag) => ({ key: `tag.${tag}`, value: null }))];
  await say(tx, actor, customer, said, sourceOf(actor));
  return { customerId: customer.id };
}

/**
 * Adds an address to a customer; one that it has already stays as it is. Locks the address, then the customer. Emits `identity.added`.
 * @throws Refusal NOT_FOUND, INVALID_INPUT, ALREADY_EXISTS (a second id of one system), ADDRESS_TAKEN, which doesn't say whose it is
 */
export async function addIdentity(
  tx: Tx,
  actor: Actor,
  o: { customerId: string; identity: GivenAddress; expectedVersion?: number | null },
): Promise<{ customerId: string; identityId: string }> {
  const { workspaceId } = actor;
  const address = addressOf(o.identity, ['identity']);
  const { customerId } = await upsertCustomer(tx, actor, { customerId: o.customerId, identities: [o.identity], expectedVersion: o.expectedVersion }).catch((error) => {
    const isOfAddress = error instanceof Refusal && error.details.field?.[0] === 'identities';
    throw isOfAddress ? new Refusal(error.code, error.message, { field: ['identity'] }) : error;
  });
  const known = await identitiesAt(tx, workspaceId, [address]);
  const identity = exactly(known, address) ?? equivalently(known, address);
  if (identity?.customerId !== customerId) throw new Refusal('ADDRESS_TAKEN', 'The address belongs to another customer.', { field: ['identity'] });
  return { customerId, identityId: identity.id };
}
