// What the acts left behind: each has a mark, and each row that it makes, and each event of that, must be there once.
import type { Cluster } from './cluster.ts';
import type { Act } from './fleet.ts';

/** Mark → what carries it, and how often. */
export type Marks = Map<string, Map<string, number>>;

/** What an act of a kind leaves; one that isn't here leaves a message. */
const LEAVES: Record<string, readonly string[]> = { addNote: ['note'], upsertCustomer: ['address', 'customer', 'name'] };

export async function marksOf({ owner, ws }: Cluster): Promise<Marks> {
  const found = await owner<{ mark: string; what: string; count: number }[]>`
    select mark, what, count(*)::int as count from (
      select trim(text) as mark, 'message' as what from messages where workspace_id = ${ws.id} and text like 'act-%'
      union all select v.body, 'note' from note_versions v where v.workspace_id = ${ws.id} and v.body like 'act-%'
      union all select split_part(value, '@', 1), 'address' from identities where workspace_id = ${ws.id} and kind = 'EMAIL' and value like 'act-%@new.example'
      union all select name, 'customer' from customers where workspace_id = ${ws.id} and name like 'act-%'
      union all select value #>> '{}', 'name' from attribute_observations where workspace_id = ${ws.id} and key = 'name' and value #>> '{}' like 'act-%'
    ) said group by mark, what`;
  const marks: Marks = new Map();
  for (const { mark, what, count } of found) marks.set(mark, (marks.get(mark) ?? new Map<string, number>()).set(what, count));
  return marks;
}

/** Marks of which something is there twice, or a part only. */
export const notOnce = (marks: Marks, acts: ReadonlyMap<string, Act>): string[] =>
  [...marks].filter(([mark, carried]) => {
    const leaves = LEAVES[acts.get(mark)?.kind ?? ''] ?? ['message'];
    return carried.size !== leaves.length || leaves.some((what) => carried.get(what) !== 1);
  }).map(([mark, carried]) => `${mark}: ${[...carried].map(([what, count]) => `${count} ${what}`).join(', ')}`);
