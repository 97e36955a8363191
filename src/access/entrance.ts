// Who comes in by HTTP or WebSocket: the one verifier, and a limit to how often one address may be refused.
import type { Sql } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import type { Budgets } from './budget.ts';
import { isRemembered, viewerOf } from './keys.ts';
import type { Viewer } from './viewer.ts';

/**
 * The viewer of an `Authorization` text, with the address that he comes from. An address that was refused too often is asked for nothing new: no
 * statement is made for it. Who was let in before still comes in, so that nobody can lock out others behind the same address.
 * @throws Refusal UNAUTHENTICATED, RATE_LIMITED
 */
export async function enter(sql: Sql, budgets: Budgets, authorization: unknown, address: string | null): Promise<Viewer> {
  const exhausted = address === null ? null : budgets.exhausted(address);
  if (exhausted && !isRemembered(sql, authorization)) throw exhausted;
  try {
    return { ...(await viewerOf(sql, authorization)), address };
  } catch (error) {
    if (address !== null && error instanceof Refusal && error.code === 'UNAUTHENTICATED') budgets.refused(address);
    throw error;
  }
}
