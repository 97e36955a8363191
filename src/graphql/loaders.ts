// The other path: one statement a form and page for all rows of a level, through DataLoader. It words every error, and it is the oracle
// that the compiled statements are compared with.
import DataLoader from 'dataloader';
import type { Viewer } from '../access/viewer.ts';
import { Refusal } from '../platform/errors.ts';
import type { Catalogue } from './catalogue.ts';
import { cursorSql } from './cursors.ts';
import type { Entity, Expression, List, Many, One, RootLeaf, Rows } from './entity.ts';
import { countSql, listRows, pageRows, reference, type Place, type Site } from './lists.ts';
import { boundsOf, COUNT_MAX, orderOf, pageOf, pageShape, type Page } from './pages.ts';
import type { Operation } from './reader.ts';
import { rowOf, selection, type FieldNames, type Row } from './rows.ts';
import { arrayText, wire } from './text.ts';

export interface Connection {
  edges: { cursor: string; node: Row }[];
  nodes: Row[];
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
  totalCount: () => Promise<{ count: number; precision: 'EXACT' | 'AT_LEAST' }>;
}

/** The parameters of one statement, and the place that it is written into. */
class Values {
  readonly all: unknown[] = [];
  readonly place: Place;
  readonly #known = new Map<string, string>();
  constructor(catalogue: Catalogue, viewer: Viewer) {
    const known = (name: string, cast: string, value: unknown) => {
      let text = this.#known.get(name);
      if (!text) this.#known.set(name, (text = this.add(cast, value)));
      return text;
    };
    this.place = {
      catalogue,
      workspace: () => known('workspace', 'uuid', viewer.workspaceId),
      viewer: {
        memberId: () => known('member', 'uuid', viewer.memberId),
        identityIds: () => known('identities', 'uuid[]', arrayText(viewer.identityIds)),
        accountId: () => known('account', 'uuid', viewer.accountId),
      },
    };
  }
  add(cast: string, value: unknown): string {
    return `$${this.all.push(value)}::${cast}`;
  }
}

/** New for every operation and every event, since it keeps what it has read. Everything rejects, nothing throws (see `schema.ts`). */
export class Loaders {
  readonly #loaders = new Map<string, DataLoader<string, any>>();
  constructor(
    private readonly operation: Operation,
    private readonly catalogue: Catalogue,
    private readonly viewer: Viewer,
    /** What rows are read of. */
    private readonly names: FieldNames,
  ) {}

  /** The entity's row; null when there is none in this workspace (or it is out of the entity's scope). */
  async byId(entity: Entity, id: string): Promise<Row | null> {
    return this.#batched(entity.name, id, async (keys) => {
      const values = this.#values();
      const selected = selection(entity, '_t', values.place, this.names);
      const conditions = [`_t.id = any(${values.add('uuid[]', arrayText(keys))})`, ...reference(entity, '_t', values.place)];
      const rows = await this.#read(`select ${list(selected)} from ${entity.table} _t where ${conditions.join(' and ')}`, values);
      const found = new Map(rows.map((row) => [row[0], rowOf(entity, selected, row)]));
      return keys.map((key) => found.get(key) ?? null);
    });
  }

  async expression(entity: Entity, name: string, field: Expression, id: string): Promise<unknown> {
    return this.#batched(`${entity.name}.${name}`, id, async (keys) => {
      const values = this.#values();
      const conditions = [`_t.id = any(${values.add('uuid[]', arrayText(keys))})`, ...reference(entity, '_t', values.place)];
      const rows = await this.#read(
        `select _t.id::text, ${wire(field.type, field.sql('_t', values.place.viewer))} from ${entity.table} _t where ${conditions.join(' and ')}`,
        values,
      );
      const found = new Map(rows.map((row) => [row[0], row[1]]));
      return keys.map((key) => found.get(key) ?? null);
    });
  }

  /** A relation whose key is SQL over its parent's row. */
  async one(entity: Entity, name: string, field: One, id: string): Promise<Row | null> {
    return this.#batched(`${entity.name}.${name}`, id, async (keys) => {
      const target = field.target() as Entity;
      const values = this.#values();
      const selected = selection(target, '_t', values.place, this.names);
      // Fenced: `t.id = (select …)` isn't leakproof, so under a policy no index may use it (200 ms for 50 keys).
      const parents = this.#parents(entity, keys, (field.key as Exclude<One['key'], string>)('_p', values.place.viewer), values);
      const conditions = reference(target, '_t', values.place)
        .map((condition) => ` and ${condition}`)
        .join('');
      const rows = await this.#read(
        `select _k.id, ${list(selected)} from (${parents}) _k join ${target.table} _t on _t.id = _k.k${conditions}`,
        values,
      );
      const found = new Map(rows.map((row) => [row[0], rowOf(target, selected, row, 1)]));
      return keys.map((key) => found.get(key) ?? null);
    });
  }

  /** A page of a list. `parent`: the entity whose row it belongs to, and that row's id or (`isKey`) the list's key itself. @throws as `pageOf` */
  async many(
    name: string,
    field: Many,
    args: Record<string, any>,
    parent: { entity: Entity; id: string; isKey: boolean } | null,
  ): Promise<Connection> {
    const page = pageOf(field, args, this.catalogue);
    const target = field.target();
    const order = orderOf(field, page);
    const selectedOf = (place: Place) => [
      ...selection(target, '_y', place, this.names),
      { path: ['~cursor'], sql: cursorSql(field, order, '_y', this.catalogue) },
      { path: ['~rn'], sql: '_y._rn::int4' },
    ];
    const source = (values: Values, parentSql: string | null) => pageRows(sited(field, page, parentSql, values), true);
    const totalCount = () => this.#count(name, field, page, parent);
    if (!parent) {
      const values = this.#values();
      const selected = selectedOf(values.place);
      const rows = await this.#read(`select ${list(selected)} from (${source(values, null)}) _y`, values);
      return connection(
        rows.map((row) => rowOf(target, selected, row)),
        page,
        totalCount,
      );
    }
    return this.#batched(`${name}(${pageShape(page)} ${JSON.stringify(page)})`, parent.id, async (keys) => {
      const values = this.#values();
      const selected = selectedOf(values.place);
      const rows = await this.#read(
        `select _k.id, ${list(selected)} from (${this.#keys(parent, field, keys, values)}) _k cross join lateral (${source(values, '_k.k')}) _y`,
        values,
      );
      const groups = new Map<string, Row[]>(keys.map((key) => [key, []]));
      for (const row of rows) groups.get(row[0] as string)!.push(rowOf(target, selected, row, 1));
      return keys.map((key) => groups.get(key)!);
    }).then((rows: Row[]) => connection(rows, page, totalCount));
  }

  async #count(name: string, field: Many, page: Page, parent: { entity: Entity; id: string; isKey: boolean } | null) {
    const sql = (values: Values, parentSql: string | null) => countSql(sited(field, page, parentSql, values));
    let count: number;
    if (parent) {
      count = await this.#batched(`${name}#(${page.filter.shape} ${JSON.stringify(page.filter.values)})`, parent.id, async (keys) => {
        const values = this.#values();
        const rows = await this.#read(
          `select _k.id, ${sql(values, '_k.k')}::int4 from (${this.#keys(parent, field, keys, values)}) _k`,
          values,
        );
        const counts = new Map(rows.map((row) => [row[0], row[1]]));
        return keys.map((key) => counts.get(key));
      });
    } else {
      const values = this.#values();
      count = (await this.#read(`select ${sql(values, null)}::int4`, values))[0]![0] as number;
    }
    return count > COUNT_MAX ? { count: COUNT_MAX, precision: 'AT_LEAST' as const } : { count, precision: 'EXACT' as const };
  }

  async list(name: string, field: List, parent: { entity: Entity; id: string; isKey: boolean }): Promise<Row[]> {
    const target = field.target();
    return this.#batched(name, parent.id, async (keys) => {
      const values = this.#values();
      const selected = selection(target, '_y', values.place, this.names);
      const rows = await this.#read(
        `select _k.id, ${list(selected)} from (${this.#keys(parent, field, keys, values)}) _k cross join lateral (${listRows(field, '_k.k', values.place)}) _y`,
        values,
      );
      const groups = new Map<string, Row[]>(keys.map((key) => [key, []]));
      for (const row of rows) groups.get(row[0] as string)!.push(rowOf(target, selected, row, 1));
      return keys.map((key) => groups.get(key)!);
    });
  }

  /** Rows that hand-written SQL gives. @throws what its `prepare` throws */
  async rows(field: Rows, args: unknown): Promise<Row[] | Row | null> {
    const target = field.target();
    const prepared = field.prepare(args, this.viewer);
    const values = this.#values();
    const selected = selection(target, '_y', values.place, this.names);
    const known = new Map<string, string>();
    const param = (name: string) => {
      const given = prepared.values[name];
      if (!given) throw new Error(`${target.name}: the statement names the parameter ${name}, which prepare doesn't give.`);
      if (!known.has(name)) known.set(name, values.add(given.cast, given.value));
      return known.get(name)!;
    };
    const sql = field.sql(prepared.shape, param, values.place.workspace());
    const rows = (await this.#read(`select ${list(selected)} from (${sql}) _y`, values)).map((row) => rowOf(target, selected, row));
    if (!field.single) return rows;
    if (rows.length > 1) throw new Error(`${target.name}: a single row was promised, there are ${rows.length}.`);
    return rows[0] ?? null;
  }

  async rootLeaf(field: RootLeaf): Promise<unknown> {
    const values = this.#values();
    const sql = field.sql(values.place.workspace());
    const [[value]] = (await this.#read(`select ${field.compute ? `to_json(${sql})` : wire(field.type, sql)}`, values)) as [[unknown]];
    return field.compute ? field.compute(value, this.viewer) : value;
  }

  #values(): Values {
    return new Values(this.catalogue, this.viewer);
  }
  async #read(text: string, values: Values): Promise<unknown[][]> {
    return this.operation.read(text, values.all);
  }
  #batched(name: string, key: string, batch: (keys: readonly string[]) => Promise<any[]>): Promise<any> {
    let loader = this.#loaders.get(name);
    if (!loader) this.#loaders.set(name, (loader = new DataLoader<string, any>(batch)));
    return loader.load(key);
  }
  /** `id, k` of the parents: the key of the list, computed over the parent's row where it isn't its id. */
  #keys(parent: { entity: Entity; isKey: boolean }, field: Many | List, keys: readonly string[], values: Values): string {
    if (!field.parentKey || parent.isKey) return `select k::text as id, k from unnest(${values.add('uuid[]', arrayText(keys))}) k`;
    return this.#parents(parent.entity, keys, field.parentKey('_p', values.place.viewer), values);
  }
  #parents(entity: Entity, keys: readonly string[], key: string, values: Values): string {
    const conditions = [`_p.id = any(${values.add('uuid[]', arrayText(keys))})`, ...reference(entity, '_p', values.place)];
    return `select _p.id::text as id, (${key}) as k from ${entity.table} _p where ${conditions.join(' and ')} offset 0`;
  }
}

const sited = (list: Many, page: Page, parent: string | null, values: Values): Site => ({
  list,
  page,
  parent,
  place: values.place,
  isConstant: false,
  param: (cast, read) => values.add(cast, read(page)),
});

const list = (selected: readonly { sql: string }[]): string => selected.map(({ sql }) => sql).join(', ') || 'true';

function connection(all: Row[], page: Page, totalCount: Connection['totalCount']): Connection {
  const { low, high } = boundsOf(page);
  const sorted = [...all].sort((a, b) => a['~rn'] - b['~rn']);
  const nodes = sorted.filter((row) => row['~rn'] >= low && row['~rn'] <= high);
  const after = sorted.some((row) => row['~rn'] > high);
  const before = sorted.some((row) => row['~rn'] < low);
  const both = page.around !== undefined;
  return {
    nodes,
    edges: nodes.map((node) => ({ cursor: node['~cursor'], node })),
    pageInfo: {
      hasNextPage: page.backward && !both ? page.before !== undefined : after,
      hasPreviousPage: page.backward || both ? before : page.after !== undefined,
      startCursor: nodes[0]?.['~cursor'] ?? null,
      endCursor: nodes.at(-1)?.['~cursor'] ?? null,
    },
    totalCount,
  };
}
/** For resolvers that were given an id of no entity. */
export const noSuchId = (id: string): Refusal =>
  new Refusal('INVALID_ID', `'${id.slice(0, 100)}' is no id of this API; they look like 'cus_' and 32 hexadecimal digits.`);
