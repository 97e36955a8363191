// Every place of the API that takes an id, a cursor, an address or a name of somebody's, found in the schema and filled by samples.ts.
import { getNamedType, type GraphQLField, type GraphQLInputObjectType, type GraphQLSchema } from 'graphql';
import { randomUUID } from 'node:crypto';
import type { Permission } from '../../src/access/permissions.ts';
import { entities } from '../../src/graphql/entity.ts';
import type { Peer } from '../harness/server.ts';
import { call, documentOf, isConnection, nodeOf, rootOf, selectionOf, type Kind } from './documents.ts';
import { credentialOf, FILTERS, PARENTS, type Caller, type Sample } from './samples.ts';
import type { World } from './world.ts';

/** One value, of one argument, of one field. */
export interface Place {
  name: string;
  kind: Kind;
  as: Caller | undefined;
  document: string;
  /** B's own values, and the same with one of them taken from a world. */
  own: () => Record<string, unknown>;
  with: (w: World) => Record<string, unknown>;
  /** B's own with the one value replaced. */
  put: (value: unknown) => Record<string, unknown>;
  /** The paths of the schema that it covers. */
  covers: string;
}

/** A world that looks like `b` and has nothing that exists. */
export function phantom(b: World, mark: string, phone: string): World {
  const ids = Object.fromEntries(Object.entries(b.ids).map(([name, id]) => [name, id.replace(/[0-9a-f]{32}$/, randomUUID().replaceAll('-', ''))]));
  return { ...b, ids, mark, email: `ada.${mark.toLowerCase()}@customers.example`, phone, cursor: forged(b.cursor), statsCursor: NO_CURSOR, hexIds: new Set() };
}
const NO_CURSOR = 'bm9ib2R5';
const forged = (cursor: string) => cursor.slice(0, -1) + (cursor.endsWith('A') ? 'B' : 'A');

type Path = (string | number)[];
const leaves = (value: unknown, path: Path = []): Path[] =>
  value !== null && typeof value === 'object' ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, Array.isArray(value) ? Number(key) : key])) : [path];
const at = (value: unknown, path: Path): unknown => path.reduce((inner, key) => (inner as Record<string | number, unknown>)[key], value);
function put(value: unknown, path: Path, leaf: unknown): Record<string, unknown> {
  const copy = structuredClone(value) as Record<string, unknown>;
  (at(copy, path.slice(0, -1)) as Record<string | number, unknown>)[path.at(-1)!] = leaf;
  return copy;
}

/** `CRAWL=all`: every place by every way; otherwise some of the ways of what is asked more than once. */
export const CRAWLS_ALL = process.env.CRAWL === 'all';

/** A filter is asked for itself, and within what joins filters. */
const WRAPS: [name: string, wrap: (filter: Record<string, unknown>) => Record<string, unknown>][] = [
  ['', (filter) => filter], [' in and', (filter) => ({ and: [filter] })], [' in or', (filter) => ({ or: [filter, filter] })], [' in not', (filter) => ({ not: { not: filter } })],
];

/** Of what a mutation changed, which it is: what it shows besides is asked for by queries. */
export const shallow = (schema: GraphQLSchema, type: Parameters<typeof selectionOf>[1]): string =>
  selectionOf(schema, type, 1).replaceAll(/ \{ __typename [^{}]*?\bid\b[^{}]*\}/g, ' { __typename id }');

export class Places {
  /** The place at the end of the first row of each list, of A's and B's own. */
  private readonly cursors = new Map<string, { a?: string; b?: string }>();

  /** `nobody` is the phantom of `b`. */
  constructor(
    private readonly schema: GraphQLSchema,
    private readonly peer: Pick<Peer, 'query'>,
    private readonly a: World,
    private readonly b: World,
    private readonly nobody: World,
  ) {}

  private deep(type: Parameters<typeof selectionOf>[1]): string {
    return isConnection(type) ? ` { totalCount { count } pageInfo { endCursor } nodes${selectionOf(this.schema, nodeOf(type), 1)} }` : selectionOf(this.schema, type, 1);
  }

  /** Of a root type's fields, by the samples of how they are asked. */
  placesOf(kind: Kind, samples: Record<string, Sample[]>): Place[] {
    const places: Place[] = [];
    for (const field of Object.values(rootOf(this.schema, kind).getFields())) {
      const type = getNamedType(field.type);
      if (isConnection(type)) places.push(...this.listPlaces(field, field.name, 'query', undefined, (text) => text));
      else {
        const mine = samples[field.name];
        if (!mine) throw new Error(`samples.ts does not say how ${kind} ${field.name} is asked.`);
        for (const sample of mine) places.push(...this.samplePlaces(kind, field, sample, kind === 'query' ? this.deep(type) : shallow(this.schema, type)));
      }
    }
    return places;
  }

  /** The same, asking for what the permissions allow. */
  placesFor(kind: Kind, samples: Record<string, Sample[]>, may: ReadonlySet<Permission>): Place[] {
    return Object.values(rootOf(this.schema, kind).getFields()).flatMap((field) => {
      const type = getNamedType(field.type);
      if (isConnection(type)) return this.listPlaces(field, field.name, 'query', undefined, (text) => text, ` { nodes${selectionOf(this.schema, nodeOf(type), 0, may)} }`);
      return samples[field.name]!.flatMap((sample) => this.samplePlaces(kind, field, sample, selectionOf(this.schema, type, 0, may)));
    });
  }

  private samplePlaces(kind: Kind, field: GraphQLField<unknown, unknown>, sample: Sample, selection: string): Place[] {
    const { declared, text } = call(field, Object.keys(sample.args(this.b)), selection);
    const document = documentOf(kind, declared, text);
    return leaves(sample.args(this.b)).filter((path) => at(sample.args(this.a), path) !== at(sample.args(this.nobody), path)).map((path) => ({
      kind, document, as: sample.as, name: `${kind} ${field.name} ${path.join('.')}`,
      own: () => sample.args(this.b),
      with: (w) => put(sample.args(this.b), path, at(sample.args(w), path)),
      put: (value) => put(sample.args(this.b), path, value),
      covers: [field.name, ...path.filter((key) => typeof key === 'string')].join('.'),
    }));
  }

  private listPlaces(field: GraphQLField<unknown, unknown>, path: string, kind: Kind, caller: Caller | undefined, within: (text: string, w: World) => string, selection = this.deep(getNamedType(field.type))): Place[] {
    const type = getNamedType(field.type);
    const entity = [...entities.values()].find(({ name }) => name === nodeOf(type).name);
    const values: [string, (w: World) => Record<string, unknown>][] = [];
    for (const { name, type: of } of field.args) {
      const filter = FILTERS[getNamedType(of).name];
      if (name === 'filter' && filter) for (const [index, value] of filter(this.b).entries()) for (const [wrapped, wrap] of (getNamedType(of) as GraphQLInputObjectType).getFields().and ? WRAPS.filter((_, n) => CRAWLS_ALL || n === 0 || n === 1 + (index % 3)) : WRAPS.slice(0, 1)) values.push([`filter.${Object.keys(value)[0]}${wrapped}`, (w) => ({ filter: wrap(filter(w)[index]!) })]);
      if (name === 'around') values.push(['around', (w) => ({ around: w.ids[entity!.prefix!] })]);
      if (name === 'after' || name === 'before') values.push([name, (w) => ({ [name]: w === this.nobody ? NO_CURSOR : this.cursors.get(path)?.[w === this.a ? 'a' : 'b'] })]);
    }
    return values.map(([name, args]) => {
      const size = name === 'before' ? 'last' : 'first';
      const { declared, text } = call(field, [...Object.keys(args(this.b)), size], selection);
      const variables = (w: World) => ({ ...args(w), [size]: 3 });
      const changed = (): Path => leaves(variables(this.b)).find((leaf) => at(variables(this.b), leaf) !== at(variables(this.nobody), leaf))!;
      return {
        kind, as: caller, document: documentOf(kind, declared, within(text, this.b)), name: `${kind} ${path} ${name}`, covers: `${path.split('.').at(-1)}.${name.replace(/ .*/, '')}`,
        own: () => variables(this.b), with: variables, put: (value) => put(variables(this.b), changed(), value),
      };
    });
  }

  /** Of the fields of what is found by others. */
  nestedPlaces(): Place[] {
    const places: Place[] = [];
    for (const type of Object.values(this.schema.getTypeMap())) {
      if (!('getInterfaces' in type) || type.name.startsWith('__') || ['Query', 'Mutation', 'Subscription'].includes(type.name)) continue;
      for (const field of Object.values(type.getFields()) as GraphQLField<unknown, unknown>[]) {
        if (field.args.length === 0) continue;
        const parent = PARENTS[type.name];
        if (!parent || !isConnection(getNamedType(field.type))) throw new Error(`samples.ts does not say where ${type.name}.${field.name} is found.`);
        places.push(...this.listPlaces(field, `${type.name}.${field.name}`, 'query', parent.as, (text, w) => `${parent.open(w)} ${text} } }`));
      }
    }
    return places;
  }

  /** The first cursor of every list, as A and as B. */
  async learnCursors(): Promise<void> {
    const learn = async (field: GraphQLField<unknown, unknown>, path: string, caller: Caller | undefined, within: (text: string, w: World) => string) => {
      if (!isConnection(getNamedType(field.type))) return;
      const known: { a?: string; b?: string } = {};
      for (const [name, w] of [['a', this.a], ['b', this.b]] as const) {
        const { text } = await this.peer.query(documentOf('query', [], within(`${field.name}(first: 1) { pageInfo { endCursor } }`, w)), null, credentialOf(w, caller));
        known[name] = /"endCursor":"([^"]+)"/.exec(text)?.[1];
      }
      this.cursors.set(path, known);
    };
    for (const field of Object.values(rootOf(this.schema, 'query').getFields())) await learn(field, field.name, undefined, (text) => text);
    for (const [name, { open, as }] of Object.entries(PARENTS)) {
      for (const field of Object.values((this.schema.getType(name) as ReturnType<typeof rootOf>).getFields())) await learn(field, `${name}.${field.name}`, as, (text, w) => `${open(w)} ${text} } }`);
    }
  }
}
