// Who may search for what, and the search's SQL: the three index searches of migrations/0005_search.sql (people: 0030_search_by_permission.sql), which read the
// workspace from the transaction's context.
import type { Permission } from '../access/permissions.ts';
import { Refusal } from '../platform/errors.ts';

export const SEARCH_KINDS = ['CUSTOMER', 'EXTERNAL_RECORD', 'MESSAGE'] as const;
export type SearchKind = (typeof SEARCH_KINDS)[number];

const FUNCTIONS: Record<SearchKind, { name: string; column: string; permission: Permission; more?: string }> = {
  CUSTOMER: { name: 'search_customers', column: 'customer_id', permission: 'customers:read', more: 'by_addresses' },
  EXTERNAL_RECORD: { name: 'search_external_records', column: 'external_record_id', permission: 'records:read' },
  MESSAGE: { name: 'search_messages', column: 'message_id', permission: 'messages:read' },
};

/** The kinds to search: those asked for, or all that may be read. @throws Refusal FORBIDDEN naming the permission of a kind that was asked for and may not be read */
export function searchKinds(asked: readonly SearchKind[] | null | undefined, permissions: ReadonlySet<Permission>): SearchKind[] {
  for (const kind of asked ?? []) {
    const { permission } = FUNCTIONS[kind];
    if (!permissions.has(permission)) throw new Refusal('FORBIDDEN', `To search for ${kind}, the permission ${permission} is needed.`, { field: ['kinds'] });
  }
  return SEARCH_KINDS.filter((kind) => (asked?.length ? asked.includes(kind) : permissions.has(FUNCTIONS[kind].permission)));
}

/**
 * The best `first` of `kinds` taken in turn: columns kind, score, customer_id, external_record_id, message_id. Parameters: typed, first, by_addresses (whether people are found by their addresses too).
 * The statement names the workspace too: what was found under another context than its own isn't shown.
 */
export function searchSql(kinds: readonly SearchKind[], param: (name: string) => string, workspace: string): string {
  const found = kinds.map((kind, order) => {
    const { name, more } = FUNCTIONS[kind];
    const columns = SEARCH_KINDS.map((k) => `${k === kind ? 'f.id' : 'null::uuid'} as ${FUNCTIONS[k].column}`).join(', ');
    return `select '${kind}' as kind, f.score::float8 as score, f.rank, ${order} as turn, ${columns}
      from ${name}(${[param('typed'), param('first'), ...(more ? [param(more)] : [])].join(', ')}) with ordinality as f (id, score, rank)`;
  });
  return `select * from (${found.join(' union all ')}) x where context_workspace() = ${workspace} order by x.rank, x.turn limit ${param('first')}`;
}
