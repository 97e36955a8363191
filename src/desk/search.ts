// The search's SQL: the three index searches of migrations/0005_search.sql (people: 0019_search_by_index.sql), which read the workspace from the transaction's context.

export const SEARCH_KINDS = ['CUSTOMER', 'EXTERNAL_RECORD', 'MESSAGE'] as const;
export type SearchKind = (typeof SEARCH_KINDS)[number];

const FUNCTIONS: Record<SearchKind, { name: string; column: string }> = {
  CUSTOMER: { name: 'search_customers', column: 'customer_id' },
  EXTERNAL_RECORD: { name: 'search_external_records', column: 'external_record_id' },
  MESSAGE: { name: 'search_messages', column: 'message_id' },
};

/**
 * The best `first` of `kinds` taken in turn: columns kind, score, customer_id, external_record_id, message_id. Parameters: typed, first.
 * The statement names the workspace too: what was found under another context than its own isn't shown.
 */
export function searchSql(kinds: readonly SearchKind[], param: (name: string) => string, workspace: string): string {
  const found = kinds.map((kind, order) => {
    const columns = SEARCH_KINDS.map((k) => `${k === kind ? 'f.id' : 'null::uuid'} as ${FUNCTIONS[k].column}`).join(', ');
    return `select '${kind}' as kind, f.score::float8 as score, f.rank, ${order} as turn, ${columns}
      from ${FUNCTIONS[kind].name}(${param('typed')}, ${param('first')}) with ordinality as f (id, score, rank)`;
  });
  return `select * from (${found.join(' union all ')}) x where context_workspace() = ${workspace} order by x.rank, x.turn limit ${param('first')}`;
}
