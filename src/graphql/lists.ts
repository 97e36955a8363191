// SQL of a list's rows: which belong to it, which of them the page holds, how many there are. Both paths read lists through here, so the
// workspace's predicate can't be forgotten and a page can't differ.
import type { Catalogue } from './catalogue.ts';
import { orderCasts, orderColumns } from './cursors.ts';
import type { Entity, List, Many, ViewerParams } from './entity.ts';
import { filterSql } from './filters.ts';
import { boundsOf, COUNT_MAX, orderOf, type Page } from './pages.ts';

// Aliases begin with an underscore: SQL of the declarations is put inside, and what it names its own tables must not hide them.

/** The statement that SQL is written into. */
export interface Place {
  catalogue: Catalogue;
  /** `$n::uuid` of the workspace. */
  workspace(): string;
  viewer: ViewerParams;
}
/** `$n::cast` of a value of the page. */
export type PageParam = (cast: string, read: (page: Page) => unknown) => string;

export interface Site {
  list: Many;
  page: Page;
  /** SQL of the parent's key; null at the root. */
  parent: string | null;
  place: Place;
  param: PageParam;
  /** Sizes stand in the text when the document fixes them. */
  isConstant: boolean;
}

/** `alias.workspace_id = $n::uuid`: the first wall. (The second are the policies of the database.) */
export const workspaceOf = (place: Place, alias: string): string => `${alias}.workspace_id = ${place.workspace()}`;

/** What every reference to an entity's rows carries: the workspace, and the entity's own scope. */
export function reference(entity: Entity, alias: string, place: Place): string[] {
  const conditions: string[] = [];
  if (place.catalogue.has(entity.table, 'workspace_id')) conditions.push(workspaceOf(place, alias));
  else if (entity.table === 'workspaces') conditions.push(`${alias}.id = ${place.workspace()}`);
  if (entity.scope) conditions.push(`(${entity.scope(alias, place.viewer)})`);
  return conditions;
}
const where = (conditions: string[]): string => (conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`);

/** Conditions on a row for being in the list at all; in a list through a table, the row `hop` of that table leads to it. */
function membership(site: Omit<Site, 'page' | 'param' | 'isConstant'>, row = '_t', hop = '_h'): string[] {
  const { list, parent, place } = site;
  const conditions = reference(list.target(), row, place);
  if (list.through) conditions.push(`${row}.${list.through.key} = ${hop}.${list.through.via ?? 'id'}`);
  else if (list.key && parent) conditions.push(`${row}.${list.key} = ${parent}`);
  if (list.among) conditions.push(`${row}.id in (${list.among(parent ?? 'null', (alias) => workspaceOf(place, alias))})`);
  if (list.where) conditions.push(`(${list.where(row, place.viewer)})`);
  return conditions;
}
const hops = (site: Pick<Site, 'list' | 'parent' | 'place'>, hop = '_h'): string[] => [
  workspaceOf(site.place, hop),
  `${hop}.${site.list.through!.parent} = ${site.parent}`,
];

function filters(site: Site): string[] {
  const { list, page, param } = site;
  const sql = filterSql(list, page.filter.condition, '_t', (at, cast) => param(cast, (p) => p.filter.values[at]));
  return sql ? [`(${sql})`] : [];
}

/**
 * The list's rows that satisfy `conditions` too, in the given direction, at most `limit`. When through: of the `limit` identities whose first row comes
 * first (none of another's can be among the result) a top-N each, merged. A person of a thousand addresses costs a look at each, not its rows.
 */
function ordered(site: Site, conditions: string[], reversed: boolean, limit: string): string {
  const { list, page } = site;
  const order = orderOf(list, page);
  const way = order.descending !== reversed ? ' desc' : '';
  const names = orderColumns(order);
  const by = (alias: string) => names.map((name) => `${alias}.${name}${way}`).join(', ');
  const from = `${list.target().table} _t${where([...membership(site), ...filters(site), ...conditions])} order by ${by('_t')}`;
  const rows = `select _t.* from ${from} limit ${limit}`;
  if (!list.through) return rows;
  const { table, via = 'id' } = list.through;
  const first = `select ${names.map((name) => `_t.${name}`).join(', ')} from ${from} limit 1`;
  const leading = `select _h.${via} from ${table} _h cross join lateral (${first}) _f${where(hops(site))} order by ${by('_f')} limit ${limit}`;
  return `select _y.* from (${leading}) _h cross join lateral (${rows}) _y order by ${by('_y')} limit ${limit}`;
}

const size = (site: Site, read: (page: Page) => number): string => (site.isConstant ? String(read(site.page)) : site.param('int4', read));

/** The page's rows and, when `counted`, the one beyond each end that says that there is more; with `_rn`, the row's number (`boundsOf`). */
export function pageRows(site: Site, counted: boolean): string {
  const { list, page, place } = site;
  const order = orderOf(list, page);
  const names = orderColumns(order);
  const tuple = `(${names.map((name) => `_t.${name}`).join(', ')})`;
  if (page.around !== undefined) {
    const anchor = site.param('uuid', (p) => p.around);
    const anchorPlace = `(select ${names.map((name) => `_a.${name}`).join(', ')} from ${list.target().table} _a where _a.id = ${anchor} and ${reference(list.target(), '_a', place).join(' and ')})`;
    const [near, far] = order.descending ? ['>=', '<'] : ['<=', '>'];
    // The anchor must be of this very list: another customer's entry gives an empty page.
    const inList = list.through
      ? `exists (select from ${list.through.table} _g join ${list.target().table} _m on true${where([...hops(site, '_g'), `_m.id = ${anchor}`, ...membership(site, '_m', '_g')])})`
      : `exists (select from ${list.target().table} _m${where([`_m.id = ${anchor}`, ...membership(site, '_m')])})`;
    const part = (compare: string, reversed: boolean, limit: string, number: string) =>
      `select _y.*, ${number} as _rn from (${ordered(site, [`${tuple} ${compare} ${anchorPlace}`], reversed, limit)}) _y where ${inList}`;
    const before = part(
      near!,
      true,
      size(site, (p) => 2 - boundsOf(p).low),
      '1 - row_number() over ()',
    );
    const after = part(
      far!,
      false,
      size(site, (p) => boundsOf(p).high + 1),
      'row_number() over ()',
    );
    return `(${before}) union all (${after})`;
  }
  const casts = orderCasts(list, order, place.catalogue);
  const beyond = (compare: string, which: 'after' | 'before') =>
    `${tuple} ${compare} (${casts.map((cast, i) => site.param(cast, (p) => p[which]![i])).join(', ')})`;
  const conditions: string[] = [];
  if (page.after) conditions.push(beyond(order.descending ? '<' : '>', 'after'));
  if (page.before) conditions.push(beyond(order.descending ? '>' : '<', 'before'));
  const rows = ordered(
    site,
    conditions,
    page.backward,
    size(site, (p) => p.take + (counted ? 1 : 0)),
  );
  return counted || page.backward ? `select _y.*, ${page.backward ? '-' : ''}row_number() over () as _rn from (${rows}) _y` : rows;
}

/** The lower and the upper bound of `_rn`, as SQL; each is written when it is first read, since what it names must stand in the statement. */
export function boundSql(site: Site): { low: () => string; high: () => string } {
  const isAround = site.page.around !== undefined;
  const once = (write: () => string): (() => string) => {
    let written: string | undefined;
    return () => (written ??= write());
  };
  return {
    low: once(() => (site.page.backward || isAround ? size(site, (p) => boundsOf(p).low) : '1')),
    high: once(() => (site.page.backward ? '-1' : size(site, (p) => boundsOf(p).high))),
  };
}

/** SQL of how many rows of the list satisfy the filter, counting no further than one beyond `COUNT_MAX`. */
export function countSql(site: Site): string {
  const { list } = site;
  const rows = `select from ${list.target().table} _t${where([...membership(site), ...filters(site)])}`;
  const limited = list.through ? `select from ${list.through.table} _h cross join lateral (${rows}) _y${where(hops(site))}` : rows;
  return `(select count(*) from (${limited} limit ${COUNT_MAX + 1}) _q)`;
}

/** The rows of a short plain list, in its order. */
export function listRows(list: List, parent: string | null, place: Place): string {
  const target = list.target();
  const conditions = reference(target, '_t', place);
  if (list.key && parent) conditions.push(`_t.${list.key} = ${parent}`);
  if (list.among) conditions.push(`_t.id in (${list.among(parent ?? 'null', (alias) => workspaceOf(place, alias))})`);
  if (list.where) conditions.push(`(${list.where('_t', place.viewer)})`);
  return `select _t.* from ${target.table} _t${where(conditions)} order by ${list.order} limit ${list.max}`;
}
