// What is done to a customer that exists: something is observed, tags change, an address is marked as shared. `upsert.ts` makes them and adds to them.
import type { Actor } from '../access/viewer.ts';
import { appendEvents } from '../events/append.ts';
import { appendObservations, currentCustomers, lockCustomers, lockOwners, projectCustomer, standingObservations } from '../identities/customers.ts';
import { canonical, saying, type ObservationSource } from '../identities/survivorship.ts';
import { now } from '../platform/clock.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { observable, TAGS_MAX, tagsOf, type Said } from './content.ts';

/** Whose word an actor's is: an agent knows better than a program, a program better than what the customer says. */
export const sourceOf = (actor: Actor): ObservationSource =>
  ({ MEMBER: 'AGENT', API_KEY: 'CRM', EXTERNAL: 'CRM', CUSTOMER: 'CLAIM', BOT: 'INFERRED', SYSTEM: 'CHANNEL' } as const)[actor.kind];

/**
 * Keeps what was said of an identity, and shows it where nothing better is known. Saying the same again costs one read and locks nothing;
 * nor does a name that is only the address, or another person's name on a shared address, change anything.
 * `key` is that of an observation (`name`, `language`, `custom.<key>` …); `observedAt` is when it was said.
 * Locks the identity's customer. Emits `customer.updated` when a shown value changed.
 */
export async function observe(
  tx: Tx,
  actor: Actor,
  o: { identityId: string; key: string; value: unknown; source: ObservationSource; observedAt: string },
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
 * Says values of a customer whose lock the caller holds, in the name of `source`, from now on; on its `self` identity.
 * @returns whether anything was said that the source didn't say already. Emits `customer.updated` when a shown value changed.
 */
export async function say(
  tx: Tx,
  actor: Actor,
  customer: { id: string; selfIdentityId: string },
  said: readonly Said[],
  source: ObservationSource,
): Promise<boolean> {
  if (said.length === 0) return false;
  const { workspaceId } = actor;
  const at = now();
  const standing = await standingObservations(tx, workspaceId, customer.id);
  const observations = said.flatMap(({ key, value }) => saying(standing, { identityId: customer.selfIdentityId, key, value, source }, at));
  if (observations.length === 0) return false;
  await appendObservations(tx, workspaceId, actor, observations, at);
  const updated = await projectCustomer(tx, workspaceId, actor, customer.id);
  if (updated) await appendEvents(tx, workspaceId, [updated]);
  return true;
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

/**
 * Locks the customer that an id means now (after a merge, the survivor).
 * @throws Refusal NOT_FOUND; CONFLICT when `expectedVersion` isn't its version
 */
export async function lockCustomer(tx: Tx, workspaceId: string, id: string, expectedVersion?: number | null) {
  for (;;) {
    const current = found((await currentCustomers(tx, workspaceId, [id])).get(id), 'customer');
    const customer = (await lockCustomers(tx, workspaceId, [current])).get(current);
    if ((await currentCustomers(tx, workspaceId, [id])).get(id) !== current) continue;
    expectVersion(found(customer, 'customer').version, expectedVersion);
    return customer!;
  }
}

/** @throws Refusal CONFLICT */
export function expectVersion(version: number, expected: number | null | undefined): void {
  if (expected == null || expected === version) return;
  throw new Refusal('CONFLICT', `The customer is at version ${version}, not ${expected}: somebody changed it. Read it again, then decide.`, { field: ['expectedVersion'], version });
}
