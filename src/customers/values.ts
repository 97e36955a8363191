// Values of a customer, said in somebody's name, under the customer's lock.
import type { Actor } from '../access/viewer.ts';
import { appendEvents } from '../events/append.ts';
import { appendObservations, currentCustomers, lockCustomers, projectCustomer, standingObservations, type CustomerRow } from '../identities/customers.ts';
import { saying, type ObservationSource } from '../identities/survivorship.ts';
import { now } from '../platform/clock.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import type { Said } from './content.ts';

/** Whose word an actor's is: an agent knows better than a program, a program better than what the customer says. */
export const sourceOf = (actor: Actor): ObservationSource =>
  ({ MEMBER: 'AGENT', API_KEY: 'CRM', EXTERNAL: 'CRM', CUSTOMER: 'CLAIM', BOT: 'INFERRED', SYSTEM: 'CHANNEL' } as const)[actor.kind];

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
 * Locks the customer that an id means now (after a merge, the survivor).
 * @throws Refusal NOT_FOUND; CONFLICT when `expectedVersion` isn't its version
 */
export async function lockCustomer(tx: Tx, workspaceId: string, id: string, expectedVersion?: number | null): Promise<CustomerRow> {
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
