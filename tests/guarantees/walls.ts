// The second wall between workspaces, taken away: the predicates of the statements must hold alone.
import { expect } from 'vitest';
import type { TestDatabase } from '../harness/database.ts';

/** `work` while no table has row-level security. `workspaceId` has customers, who are seen without a context meanwhile. */
export async function withoutRowSecurity<T>({ owner, app }: Pick<TestDatabase, 'owner' | 'app'>, workspaceId: string, work: () => Promise<T>): Promise<T> {
  const tables = await owner<{ name: string }[]>`select relname as name from pg_class where relrowsecurity and relnamespace = 'public'::regnamespace`;
  for (const { name } of tables) await owner`alter table ${owner(name)} disable row level security`;
  try {
    const [open] = await app<{ n: number }[]>`select count(*)::int as n from customers where workspace_id = ${workspaceId}`;
    expect(open!.n).toBeGreaterThan(0);
    return await work();
  } finally {
    for (const { name } of tables) await owner`alter table ${owner(name)} enable row level security`;
  }
}
