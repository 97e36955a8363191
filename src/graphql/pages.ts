// Which rows of a list are asked for: its arguments, checked and brought to one form for both paths.
import { Refusal } from '../platform/errors.ts';
import { uuidOf } from '../platform/ids.ts';
import type { Catalogue } from './catalogue.ts';
import { readCursor } from './cursors.ts';
import type { Many, Order } from './entity.ts';
import { filterOf, type Filter } from './filters.ts';

export const PAGE_DEFAULT = 20;
export const PAGE_MAX = 100;
/** `totalCount` is exact up to here. */
export const COUNT_MAX = 10_000;

export interface Page {
  take: number;
  /** From the end: `last` without `first`. */
  backward: boolean;
  /** Name of the order. */
  order: string;
  /** Order values of the rows between which the page lies. */
  after?: string[];
  before?: string[];
  /** UUID of the row in whose middle the page stands. */
  around?: string;
  filter: Filter;
}

/** @throws Refusal INVALID_INPUT, INVALID_CURSOR, INVALID_ID */
export function pageOf(list: Many, args: Record<string, any>, catalogue: Catalogue): Page {
  const { first, last, after, before, around } = args;
  if (first != null && last != null) throw new Refusal('INVALID_INPUT', 'Give first or last, not both.', { field: ['last'] });
  const take = first ?? last ?? PAGE_DEFAULT;
  if (take < 0 || take > PAGE_MAX)
    throw new Refusal('INVALID_INPUT', `${take} is not between 0 and ${PAGE_MAX}.`, { field: [first != null ? 'first' : 'last'] });
  const order = args.orderBy ?? Object.keys(list.orders)[0]!;
  const page: Page = { take, backward: first == null && last != null, order, filter: filterOf(list, args.filter) };
  if (around != null) {
    if (last != null || after != null || before != null)
      throw new Refusal('INVALID_INPUT', 'Give around with first only.', { field: ['around'] });
    const prefix = list.target().prefix;
    const uuid = prefix && uuidOf(prefix, String(around));
    if (!uuid)
      throw new Refusal('INVALID_ID', `around takes an id like '${prefix}_…', and '${String(around).slice(0, 100)}' is none.`, {
        field: ['around'],
      });
    page.around = uuid;
  }
  if (after != null) page.after = readCursor(list, list.orders[order]!, after, catalogue);
  if (before != null) page.before = readCursor(list, list.orders[order]!, before, catalogue);
  return page;
}

export const orderOf = (list: Many, page: Page): Order => list.orders[page.order]!;

/** Pages of one shape are the same statement with other parameters. */
export const pageShape = (page: Page): string =>
  `${page.backward ? 'b' : 'f'}${page.after ? 'a' : ''}${page.before ? 'z' : ''}${page.around ? 'm' : ''} ${page.order} ${page.filter.shape}`;

/**
 * Rows are numbered in the list's order: from 1 forward, from -1 backward, and around a row (0) to both sides. The page is what lies
 * between these bounds; one row beyond a bound says that there is more.
 */
export function boundsOf(page: Page): { low: number; high: number } {
  if (page.around !== undefined) {
    const before = Math.floor(page.take / 2);
    return { low: page.take === 0 ? 0 : -before, high: page.take - 1 - before };
  }
  return page.backward ? { low: -page.take, high: -1 } : { low: 1, high: page.take };
}
