// Builders for the tests of identities and customers: what a delivery says, and what the database holds after it.
import type { ObservedAddress } from '../../src/channels/channel.ts';
import { resolveIdentity, type Resolved } from '../../src/identities/resolve.ts';
import { inWorkspace, type Sql } from '../../src/platform/db.ts';
import type { TestDatabase } from '../harness/database.ts';

export const AT = '2026-03-02T09:00:00.000Z';

type Kind = ObservedAddress['kind'];
export const seen = (kind: Kind, value: string, more: Partial<ObservedAddress> = {}): ObservedAddress => ({
  kind, namespace: '', value, valueRaw: value, trust: 'attested', displayName: null, ...more,
});
export const email = (value: string, more?: Partial<ObservedAddress>) => seen('email', value, more);
export const phone = (value: string, more?: Partial<ObservedAddress>) => seen('phone', value, more);
export const visitor = (value: string, more?: Partial<ObservedAddress>) => seen('visitor', value, { namespace: 'chat', ...more });

/** Resolves in a transaction of its own, as a delivery does. */
export const resolve = (sql: Sql, workspaceId: string, addresses: ObservedAddress[], more: { at?: string; displayName?: string | null } = {}): Promise<Resolved> =>
  inWorkspace(sql, workspaceId, (tx) =>
    resolveIdentity(tx, { workspaceId, actor: { workspaceId, kind: 'SYSTEM', id: null }, addresses, accountId: null, at: more.at ?? AT, displayName: more.displayName }));

export interface StoredCustomer {
  name: string | null;
  state: string;
  tags: string[];
  version: number;
  /** `KIND value`, in order of text; without the self identity. */
  addresses: string[];
}

/** Every customer of a workspace by id. */
export async function customersOf(db: TestDatabase, workspaceId: string): Promise<Map<string, StoredCustomer>> {
  const rows = await db.owner<(StoredCustomer & { id: string })[]>`
    select c.id, c.name, c.state, c.tags, c.version,
      array(select i.kind || ' ' || i.value from identities i where i.workspace_id = c.workspace_id and i.customer_id = c.id and i.kind <> 'SELF' and i.valid_to is null order by 1) as addresses
    from customers c where c.workspace_id = ${workspaceId}`;
  return new Map(rows.map(({ id, ...row }) => [id, row]));
}

export const identityAt = async (db: TestDatabase, workspaceId: string, kind: string, value: string) =>
  (await db.owner`select * from identities where workspace_id = ${workspaceId} and kind = ${kind} and value = ${value} and valid_to is null`)[0]!;

/** Kinds of the events in the outbox, in order. */
export const eventsOf = async (db: TestDatabase, workspaceId: string): Promise<string[]> =>
  (await db.owner<{ kind: string }[]>`
    select kind from (select ordinal, kind from event_outbox where workspace_id = ${workspaceId}
      union all select position - 1000000, kind from events where workspace_id = ${workspaceId}) e order by ordinal`).map((row) => row.kind);
