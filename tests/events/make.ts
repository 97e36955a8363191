// Builders for the tests of the log.
import type { Sql } from '../../src/platform/db.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { now } from '../../src/platform/clock.ts';
import { newId } from '../../src/platform/ids.ts';
import { appendEvents } from '../../src/events/append.ts';
import type { NewEvent } from '../../src/events/catalog.ts';

const SYSTEM = { kind: 'SYSTEM', id: null } as const;

/** A conversation with its customer and identity. */
export async function conversation(owner: Sql, workspaceId: string): Promise<{ id: string; customerId: string; identityId: string }> {
  const [id, customerId, identityId, at] = [newId(), newId(), newId(), now()];
  await owner.begin(async (tx) => {
    await tx`set constraints all deferred`;
    await tx`
      insert into customers (workspace_id, id, self_identity_id, last_activity_at, created_at, updated_at)
      values (${workspaceId}, ${customerId}, ${identityId}, ${at}, ${at}, ${at})`;
    await tx`
      insert into identities (workspace_id, id, customer_id, kind, value, value_raw, trust, first_seen_at, last_seen_at, created_at)
      values (${workspaceId}, ${identityId}, ${customerId}, 'SELF', ${identityId}, '', 'VERIFIED', ${at}, ${at}, ${at})`;
    await tx`
      insert into conversations (workspace_id, id, identity_id, status_changed_at, status_changed_by_kind, waiting_order, last_activity_at, created_at)
      values (${workspaceId}, ${id}, ${identityId}, ${at}, 'SYSTEM', ${at}, ${at}, ${at})`;
  });
  return { id, customerId, identityId };
}

/** An event that names a number, so that a test knows it again. */
export const numbered = (number: number, conversationId: string | null = null, data: NewEvent['data'] = {}): NewEvent => ({
  kind: conversationId ? 'message.received' : 'customer.updated',
  actor: SYSTEM,
  conversationId,
  data: { number, ...data },
});

/** One action: one transaction that appends these events. */
export const act = (app: Sql, workspaceId: string, ...events: NewEvent[]): Promise<void> =>
  inWorkspace(app, workspaceId, (tx) => appendEvents(tx, workspaceId, events));

/** Ends a wait for something that doesn't come, with a sentence that says what. */
export async function within<T>(ms: number, what: string, wait: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms.`)), ms);
  });
  return Promise.race([wait, late]).finally(() => clearTimeout(timer));
}

/** The next `count` of an endless run. */
export async function take<T>(count: number, from: AsyncIterator<T>): Promise<T[]> {
  const taken: T[] = [];
  while (taken.length < count) {
    const next = await within(10_000, `Event ${taken.length + 1} of ${count}`, from.next());
    if (next.done) break;
    taken.push(next.value);
  }
  return taken;
}
