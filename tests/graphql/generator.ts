// Operations over whatever schema is registered: any field, argument, fragment, directive and variable that it has, with ids, cursors and texts that
// its answers told; and the variables of operations that somebody wrote.
import {
  getNamedType, getNullableType, isEnumType, isInputObjectType, isInputType, isInterfaceType, isLeafType, isListType, isNonNullType, isObjectType, isUnionType, Kind, parse, print, typeFromAST, TypeInfo, visit, visitWithTypeInfo,
  type GraphQLArgument, type GraphQLField, type GraphQLInputType, type GraphQLNamedType, type GraphQLSchema,
} from 'graphql';
import { tagOf } from '../../src/graphql/cursors.ts';
import { entities, type Entity, type Field, type RootField } from '../../src/graphql/entity.ts';

export interface Sources {
  seed: number;
  /** Ids that are not the viewers': another workspace's. */
  foreignIds?: string[];
  /** Names of texts and enums, and what of them finds something. */
  texts?: Record<string, string[]>;
  /** Public ids that exist, the viewers' own. */
  ids?: string[];
  /** Root fields to leave out (e.g. those whose answer is of the moment). */
  without?: string[];
  /** `Type.field`s that mostly end in an error, so that answers are worth comparing. */
  rarely?: string[];
}

interface Variable {
  name: string;
  type: GraphQLInputType;
  make: () => unknown;
  hasDefault: boolean;
  first: unknown;
}
export interface Operation {
  source: string;
  variables: Variable[];
  uncompilable: string | null;
}
interface Draft {
  variables: Variable[];
  definitions: string[];
  fragments: string[];
  names: number;
  uncompilable: string | null;
}

export class Generator {
  #state: number;
  readonly #ids = new Map<string, string[]>();
  readonly #cursors = new Map<string, string[]>();
  /** Of which type the ids of the argument's fields are, by their names. */
  readonly #prefixes = new Map<string, string>();
  readonly #places: string[] = [];
  /** Of every type that queries lead to: its fields, and the fields that lead to it. */
  readonly #waysTo = new Map<string, { fields: GraphQLField<unknown, unknown>[]; from: { parent: string; field: GraphQLField<unknown, unknown>; isAbstract: boolean }[] }>();
  readonly #parents = new Map<GraphQLField<unknown, unknown>, string>();
  #may: ReadonlySet<string> = new Set();
  readonly #texts: string[] = ['', 'plain', '"', "it's", '\\', '\u2028', '😀', 'a\nb'];
  readonly #moments: string[] = ['2026-01-03T00:00:00.000Z', '2026-01-03T00:00:00.001+01:00', '1970-01-01T00:00:00Z'];
  readonly #known: Record<string, string[]>;
  private readonly foreignIds: string[];
  private readonly without: string[];
  private readonly rarely: string[];
  constructor(
    private readonly schema: GraphQLSchema,
    { seed, foreignIds = [], without = [], rarely = [], texts = {}, ids = [] }: Sources,
    /** The fields that answers held values of, and the arguments that were given: the others are asked for and given more often. */
    private readonly answered: ReadonlySet<string>,
    private readonly asked: ReadonlySet<string> = new Set(),
  ) {
    this.#state = (seed * 2654435761) >>> 0 || 1;
    this.#known = texts;
    this.foreignIds = foreignIds;
    this.without = without;
    this.rarely = rarely;
    this.learn(JSON.stringify(ids));
    for (const type of Object.values(schema.getTypeMap())) if (isObjectType(type) && !type.name.startsWith('__')) this.#waysTo.set(type.name, { fields: Object.values(type.getFields()), from: [] });
    for (const [name, { fields }] of this.#waysTo) for (const field of fields) this.#parents.set(field, name);
    for (const [parent, { fields }] of this.#waysTo) {
      for (const field of parent === 'Mutation' || parent === 'Subscription' ? [] : fields) {
        const named = getNamedType(field.type);
        const isAbstract = isUnionType(named) || isInterfaceType(named);
        if (isAbstract && !isUnionType(named)) continue;
        for (const type of isAbstract ? schema.getPossibleTypes(named) : isObjectType(named) ? [named] : []) this.#waysTo.get(type.name)!.from.push({ parent, field, isAbstract });
      }
    }
    const reached = new Set(['Query', ...[...entities.values()].map(({ name }) => name)]);
    for (const name of reached) for (const [type, { from }] of this.#waysTo) if (from.some(({ parent }) => parent === name)) reached.add(type);
    for (const name of this.#waysTo.keys()) if (!reached.has(name)) this.#waysTo.delete(name);
    for (const ways of this.#waysTo.values()) ways.from = ways.from.filter(({ parent }) => reached.has(parent));
  }

  // xorshift: the same seed, the same operations.
  #random(): number {
    let s = this.#state;
    s = (s ^ (s << 13)) >>> 0;
    s = (s ^ (s >>> 17)) >>> 0;
    s = (s ^ (s << 5)) >>> 0;
    this.#state = s;
    return s / 4294967296;
  }
  #int = (n: number): number => Math.floor(this.#random() * n);
  #pick = <T>(all: readonly T[]): T => all[this.#int(all.length)]!;
  #maybe = (p: number): boolean => this.#random() < p;

  /** Ids, cursors and texts of answers are the arguments of later operations. */
  learn(data: string | undefined): void {
    const keep = (map: Map<string, string[]>, key: string, value: string) => {
      const all = map.get(key) ?? [];
      map.set(key, all);
      if (all.includes(value)) return;
      if (all.length < 300) all.push(value);
      else all[this.#int(300)] = value;
    };
    for (const [, id] of data?.matchAll(/"([a-z]{3}_[0-9a-f]{32})"/g) ?? []) keep(this.#ids, id!.slice(0, 3), id!);
    for (const [, cursor] of data?.matchAll(/"([0-9a-f]{4}\.[0-9a-f.-]*[0-9a-f]{32})"/g) ?? []) keep(this.#cursors, cursor!.slice(0, 4), cursor!);
    for (const [, place] of data?.matchAll(/"(v1\.[\w.-]+)"/g) ?? []) if (this.#places.length < 100) this.#places.push(place!);
    for (const [, moment] of data?.matchAll(/"(\d{4}-\d\d-\d\dT[\d:.]+Z)"/g) ?? []) if (this.#moments.length < 100) this.#moments.push(moment!);
    if (this.#texts.length < 200) for (const [literal] of data?.matchAll(/"(?:[^"\\]|\\.){0,30}"/g) ?? []) if (this.#maybe(0.1)) this.#texts.push(JSON.parse(literal) as string);
  }

  operation(may: ReadonlySet<string>): Operation {
    this.#may = may;
    const draft: Draft = { variables: [], definitions: [], fragments: [], names: 0, uncompilable: null };
    const body = (this.#maybe(0.4) && this.#towards(draft)) || this.#selection(draft, this.schema.getQueryType()!, 5);
    const head = draft.definitions.length > 0 ? `(${draft.definitions.join(', ')})` : '';
    return { source: `query Q${head} { ${body} } ${draft.fragments.join(' ')}`, variables: draft.variables, uncompilable: draft.uncompilable };
  }

  /** One that somebody wrote: what its variables may hold. */
  written(source: string): Operation {
    const document = parse(source);
    const places = new Map<string, () => unknown>();
    const types = new TypeInfo(this.schema);
    visit(document, visitWithTypeInfo(types, {
      Variable: (node, key) => {
        const [argument, field] = [types.getArgument(), types.getFieldDef()];
        const isWhole = key === 'value' && argument && String(types.getInputType()) === String(argument.type);
        if (isWhole && field) places.set(node.name.value, () => this.#argument(argument, field.extensions.declared as Field | RootField | undefined, field));
      },
    }));
    const variables = document.definitions.flatMap((definition) => (definition.kind === Kind.OPERATION_DEFINITION ? (definition.variableDefinitions ?? []) : [])).map(({ variable, type: node, defaultValue }) => {
      const name = variable.name.value;
      const type = typeFromAST(this.schema, node as never);
      if (!isInputType(type)) throw new Error(`$${name}: ${print(node)} is no type of variables.`);
      const make = places.get(name) ?? (() => this.#value(type, name, 0));
      return { name, type, make, hasDefault: defaultValue !== undefined, first: make() };
    });
    return { source, variables, uncompilable: null };
  }

  /** Values of the variables: those of the draft, or others: null, left out, of the wrong type. */
  values(operation: Operation, anew: boolean): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    for (const { name, type, make, hasDefault, first } of operation.variables) {
      const isRequired = isNonNullType(type);
      if (!anew || this.#maybe(0.3)) {
        if (isRequired || !this.#maybe(0.1)) values[name] = first;
      } else if (this.#maybe(0.02)) {
        values[name] = this.#pick([{ no: 1 }, 'two', 3.5]);
      } else if (!isRequired && this.#maybe(0.2)) {
        values[name] = null;
      } else if ((isRequired && !hasDefault) || !this.#maybe(0.15)) {
        values[name] = make();
      }
    }
    return values;
  }

  /** `likely`: which member of the interface it probably is. */
  #selection(draft: Draft, type: GraphQLNamedType, depth: number, likely?: Entity): string {
    const out: string[] = [];
    if (isUnionType(type) || isInterfaceType(type)) {
      if (this.#maybe(0.8)) out.push('__typename');
      if (isInterfaceType(type) && this.#maybe(0.6)) out.push('id');
      const often = likely ? 0.05 : 0.5;
      for (const possible of this.schema.getPossibleTypes(type)) if (this.#maybe(possible.name === likely?.name ? 0.95 : often) && this.#allowed(possible)) out.push(this.#fragment(draft, possible, depth));
      return out.join(' ') || '__typename';
    }
    if (!isObjectType(type)) return '__typename';
    const fields = Object.values(type.getFields()).filter((field) => (type !== this.schema.getQueryType() || !this.without.includes(field.name)) && this.#allowed(field) && this.#allowed(getNamedType(field.type)));
    if (fields.length === 0) return '__typename';
    for (let n = 1 + this.#int(4); n > 0; n--) {
      if (this.#maybe(0.08)) {
        out.push(this.#maybe(0.3) ? `al${this.#int(3)}: __typename` : '__typename');
        continue;
      }
      if (this.#maybe(0.1)) {
        out.push(this.#fragment(draft, type, depth));
        continue;
      }
      const unheard = this.#maybe(0.4) ? fields.filter(({ name }) => !this.answered.has(`${type.name}.${name}`)) : [];
      const field = this.#pick(unheard.length > 0 ? unheard : fields);
      const named = getNamedType(field.type);
      if (!isLeafType(named) && depth <= 0) continue;
      if (this.rarely.includes(`${type.name}.${field.name}`) && !this.#maybe(0.1)) continue;
      const declared = field.extensions.declared as Field | RootField | undefined;
      const isUncompilable = declared?.form === 'custom' || (type === this.schema.getQueryType() && field.name === 'nodes');
      if (isUncompilable) {
        if (!this.#maybe(0.1)) continue;
        draft.uncompilable = `${type.name}.${field.name}`;
      }
      const alias = this.#maybe(0.25) ? `a${++draft.names}: ` : '';
      const likely = type === this.schema.getQueryType() && field.name === 'node' && this.#maybe(0.9) ? this.#node() : undefined;
      const within = () => (isLeafType(named) ? '' : ` { ${this.#selection(draft, named, depth - 1, likely)} }`);
      out.push(`${alias}${field.name}${this.#arguments(draft, field, declared, likely)}${this.#directive(draft)}${within()}`);
      if (!isLeafType(named) && field.args.length === 0 && this.#maybe(0.2)) out.push(`${alias}${field.name}${within()}`); // merged
    }
    return out.join(' ') || '__typename';
  }

  /** The way to a field that no answer held a value of yet, or that was never given one of its arguments, with whatever lies beside it; null where this viewer finds none. */
  #towards(draft: Draft): string | null {
    const unheard = [...this.#waysTo.keys()].flatMap((name) => {
      const { fields } = this.#waysTo.get(name)!;
      const missing = fields.filter((field) => (!this.answered.has(`${name}.${field.name}`) || field.args.some((argument) => this.#isUnasked(field, argument))) && (field.extensions.declared as Field | undefined)?.form !== 'custom' && field.name !== 'nodes' && this.#allowed(field) && this.#allowed(getNamedType(field.type)));
      return missing.length > 0 ? [{ name, missing }] : [];
    });
    if (unheard.length === 0) return null;
    const { name, missing } = this.#pick(unheard);
    let inner = missing.map((field) => `${field.name}${this.#given(draft, field)}${isLeafType(getNamedType(field.type)) ? '' : ` { ${this.#selection(draft, getNamedType(field.type), 1)} }`}`).join(' ');
    let type = name;
    for (let steps = 0; steps < 8; steps++) {
      if (type === 'Query') return inner;
      const entity = entities.get(type);
      if (entity?.prefix && this.#ids.has(entity.prefix) && this.#allowed({ extensions: { permission: entity.permission } }) && this.#maybe(0.7)) {
        return `node(id: ${JSON.stringify(this.#pick(this.#ids.get(entity.prefix)!))}) { __typename ... on ${type} { ${inner} } }`;
      }
      const ways = this.#waysTo.get(type)!.from.filter((way) => this.#allowed(way.field));
      const walked = ways.filter((way) => this.answered.has(`${way.parent}.${way.field.name}`));
      if (ways.length === 0) return null;
      const { parent, field, isAbstract } = this.#pick(walked.length > 0 && this.#maybe(0.8) ? walked : ways);
      inner = `${field.name}${this.#given(draft, field)} { ${isAbstract ? `__typename ... on ${type} { ${inner} }` : inner} }`;
      type = parent;
    }
    return null;
  }

  #isUnasked(field: GraphQLField<unknown, unknown>, argument: GraphQLArgument): boolean {
    return !this.asked.has(`${this.#parents.get(field)}.${field.name}(${argument.name})`);
  }

  /** Only the arguments that must be given, mostly, and enough rows. */
  #given(draft: Draft, field: GraphQLField<unknown, unknown>): string {
    if (this.#maybe(0.3) || field.args.some((argument) => this.#isUnasked(field, argument))) return this.#arguments(draft, field, field.extensions.declared as Field | RootField | undefined);
    const given = field.args.filter(({ name, type }) => isNonNullType(type) || name === 'first').map((argument) => `${argument.name}: ${argument.name === 'first' ? 3 + this.#int(8) : this.#plain(argument.type, this.#argument(argument, field.extensions.declared as Field | RootField | undefined, field))}`);
    return given.length > 0 ? `(${given.join(', ')})` : '';
  }

  /** What the viewer may ask for by its id, mostly of what answers didn't tell yet. */
  #node(): Entity | undefined {
    const nodes = [...entities.values()].filter((entity) => entity.prefix && this.#ids.has(entity.prefix) && this.#allowed({ extensions: { permission: entity.permission } }));
    const unheard = nodes.filter(({ name, fields }) => Object.keys(fields).some((field) => !this.answered.has(`${name}.${field}`)));
    return nodes.length === 0 ? undefined : this.#pick(unheard.length > 0 && this.#maybe(0.5) ? unheard : nodes);
  }

  /** Now and then also what the viewer may not ask for: refused by both paths. */
  #allowed({ extensions }: { extensions: { permission?: unknown } }): boolean {
    return !extensions.permission || this.#may.has(extensions.permission as string) || this.#maybe(0.0005);
  }

  #fragment(draft: Draft, type: GraphQLNamedType, depth: number): string {
    if (this.#maybe(0.3)) {
      const name = `F${++draft.names}`;
      draft.fragments.push(`fragment ${name} on ${type.name} { ${this.#selection(draft, type, depth)} }`);
      return `...${name}${this.#directive(draft)}`;
    }
    return `... on ${type.name}${this.#directive(draft)} { ${this.#selection(draft, type, depth)} }`;
  }

  #directive(draft: Draft): string {
    if (!this.#maybe(0.1)) return '';
    const directive = this.#pick(['@skip', '@include']);
    if (this.#maybe(0.4)) return ` ${directive}(if: ${this.#maybe(0.5)})`;
    const known = draft.variables.filter((variable) => String(variable.type) === 'Boolean!' && variable.name.startsWith('b'));
    if (known.length > 0 && this.#maybe(0.5)) return ` ${directive}(if: $${this.#pick(known).name})`;
    const name = `b${++draft.names}`;
    const type = this.schema.getDirective('skip')!.args[0]!.type;
    draft.definitions.push(`$${name}: Boolean!${this.#maybe(0.3) ? ' = true' : ''}`);
    draft.variables.push({ name, type, make: () => this.#maybe(0.5), hasDefault: false, first: this.#maybe(0.5) });
    return ` ${directive}(if: $${name})`;
  }

  #arguments(draft: Draft, field: GraphQLField<unknown, unknown>, declared: Field | RootField | undefined, likely?: Entity): string {
    const out: string[] = [];
    const isGiven = (name: string) => out.some((argument) => argument.startsWith(`${name}:`));
    const unasked = this.#maybe(0.5) ? field.args.filter((argument) => this.#isUnasked(field, argument)) : [];
    const wanted = unasked.length > 0 ? this.#pick(unasked) : null;
    for (const argument of field.args) {
      // Beside one that was never given, as little as can be: most pairs of them are refused.
      if (wanted && argument !== wanted && !isNonNullType(argument.type) && (argument.name !== 'first' || wanted.name === 'last')) continue;
      if (argument !== wanted && !isNonNullType(argument.type)) {
        if (argument.name === 'last' ? !this.#maybe(isGiven('first') ? 0.02 : 0.5) : !this.#maybe(argument.name === 'first' ? 0.6 : argument.name === 'filter' ? 0.4 : 0.2)) continue;
        if (argument.name === 'around' && (isGiven('after') || isGiven('last')) && !this.#maybe(0.05)) continue;
        if (argument.name === 'before' && isGiven('around') && !this.#maybe(0.05)) continue;
      }
      out.push(`${argument.name}: ${this.#written(draft, argument.type, () => this.#argument(argument, declared, field, likely))}`);
    }
    return out.length > 0 ? `(${out.join(', ')})` : '';
  }

  #argument(argument: GraphQLArgument, declared: Field | RootField | undefined, field: GraphQLField<unknown, unknown>, likely?: Entity): unknown {
    if (declared?.form === 'many') {
      if (argument.name === 'first' || argument.name === 'last') return this.#maybe(0.02) ? -1 : this.#maybe(0.02) ? 101 : this.#int(6);
      if (argument.name === 'after' || argument.name === 'before') {
        const orders = Object.values(declared.orders);
        const fitting = this.#cursors.get(tagOf(declared, this.#maybe(0.8) ? orders[0]! : this.#pick(orders)));
        if (fitting && this.#maybe(0.97)) return this.#pick(fitting);
        return this.#maybe(0.1) ? this.#pick(['', 'x', "1'; drop", '0000.20269999999999999.00', '…']) : null;
      }
      if (argument.name === 'around') return this.#id(declared.target().prefix);
    }
    if (argument.name === 'id' || argument.name === 'ids' || (declared?.form === 'byId' && argument.name === declared.argument)) {
      const typed = declared?.form === 'rows' ? declared.args[argument.name]?.type : null;
      const prefix = declared?.form === 'byId' ? (declared.prefix ?? declared.target().prefix) : typeof typed === 'object' && typed?.kind === 'id' ? typed.prefix : likely?.prefix;
      const one = () => this.#id(prefix ?? this.#pick([...entities.values()].map((entity) => entity.prefix).filter((p) => p !== null)));
      return field.name === 'nodes' ? [one(), one()] : one();
    }
    this.#prefixes.clear();
    const typed = declared?.form === 'many' && argument.name === 'filter' ? (declared.filter ?? {}) : declared?.form === 'rows' ? declared.args : {};
    for (const [name, { type }] of Object.entries(typed)) if (typeof type === 'object' && type.kind === 'id') this.#prefixes.set(name, type.prefix);
    return this.#value(argument.type, argument.name, 0);
  }

  #id(prefix: string | null): string {
    const known = prefix ? this.#ids.get(prefix) : undefined;
    if (known && this.#maybe(0.92)) return this.#pick(known);
    const foreign = this.foreignIds.filter((id) => this.#maybe(0.02) || id.startsWith(`${prefix}_`));
    if (foreign.length > 0 && this.#maybe(0.5)) return this.#pick(foreign);
    if (this.#maybe(0.93)) return `${prefix}_${'0'.repeat(31)}${this.#int(10)}`;
    return this.#pick(['', 'nonsense', `${prefix}_zz`, `xxx_${'0'.repeat(32)}`]);
  }

  #value(type: GraphQLInputType, name: string, depth: number): unknown {
    if (isNonNullType(type)) return this.#value(type.ofType, name, depth);
    if (isListType(type)) {
      const item = type.ofType as GraphQLInputType;
      return Array.from({ length: this.#int(3) }, () => this.#value(item, name, depth + 1));
    }
    const named = getNullableType(type);
    if (isEnumType(named)) return this.#known[name] && this.#maybe(0.8) ? this.#pick(this.#known[name]!) : this.#pick(named.getValues()).name;
    if (isInputObjectType(named)) {
      const value: Record<string, unknown> = {};
      for (const field of Object.values(named.getFields())) {
        const recursive = getNamedType(field.type) === named;
        if (isNonNullType(field.type) || (this.#maybe(recursive ? 0.15 : 0.25) && !(recursive && depth > 3))) {
          value[field.name] = this.#maybe(0.1) && !isNonNullType(field.type) ? null : this.#value(field.type, field.name, depth + 1);
        }
      }
      return value;
    }
    switch ((named as GraphQLNamedType).name) {
      case 'Int':
      case 'Milliseconds':
      case 'Bytes':
        return this.#pick([0, 1, 2, 3, 5, 100]);
      case 'Float':
        return this.#pick([0, 1.5, 0.1, -3, 1e21]);
      case 'Boolean':
        return this.#maybe(0.5);
      case 'DateTime':
        if ((name === 'from' || name === 'to') && this.#maybe(0.7)) return name === 'from' ? '2026-01-01T00:00:00.000Z' : '2027-02-01T12:30:00.000Z';
        return this.#pick(this.#moments);
      case 'JSON':
        return this.#pick<unknown>([{}, { a: 1 }, [1], 'text', 5, { b: [true] }]);
      case 'ID':
        return this.#id(this.#prefixes.get(name) ?? this.#pick([...this.#ids.keys(), 'xxx']));
      case 'Cursor':
        return this.#places.length > 0 && this.#maybe(0.9) ? this.#pick(this.#places) : this.#pick(this.#texts);
      default:
        if (name === 'timeZone' && this.#maybe(0.8)) return this.#pick(['Europe/Berlin', 'America/New_York', 'UTC']);
        return this.#pick(this.#known[name] && this.#maybe(0.8) ? this.#known[name]! : this.#texts);
    }
  }

  /** As a literal, with variables in the places of some of its parts. */
  #written(draft: Draft, type: GraphQLInputType, make: () => unknown): string {
    if (this.#maybe(0.4)) return this.#variable(draft, type, make);
    const nullable = !isNonNullType(type);
    if (nullable && this.#maybe(0.03)) return 'null';
    return this.#literal(draft, type, make());
  }
  #variable(draft: Draft, type: GraphQLInputType, make: () => unknown): string {
    const name = `v${++draft.names}`;
    const hasDefault = !isNonNullType(type) && this.#maybe(0.2);
    const first = make();
    draft.definitions.push(`$${name}: ${String(type)}${hasDefault ? ` = ${this.#maybe(0.3) ? 'null' : this.#plain(type, make())}` : ''}`);
    draft.variables.push({ name, type, make, hasDefault, first });
    return `$${name}`;
  }
  #literal(draft: Draft, type: GraphQLInputType, value: unknown): string {
    if (value === null) return 'null';
    const named = getNullableType(type);
    if (isInputObjectType(named)) {
      const fields = named.getFields();
      return `{${Object.entries(value as object)
        .map(([key, inner]) => `${key}: ${inner !== null && this.#maybe(0.15) ? this.#variable(draft, fields[key]!.type, () => this.#value(fields[key]!.type, key, 3)) : this.#literal(draft, fields[key]!.type, inner)}`)
        .join(', ')}}`;
    }
    if (isListType(named)) return `[${(value as unknown[]).map((item) => this.#literal(draft, named.ofType as GraphQLInputType, item)).join(', ')}]`;
    return this.#plain(type, value);
  }
  #plain(type: GraphQLInputType, value: unknown): string {
    if (value === null) return 'null';
    const named = getNullableType(type);
    if (isEnumType(named)) return String(value);
    if (isListType(named)) return `[${(value as unknown[]).map((item) => this.#plain(named.ofType as GraphQLInputType, item)).join(', ')}]`;
    if (isInputObjectType(named)) return `{${Object.entries(value as object).map(([key, inner]) => `${key}: ${this.#plain(named.getFields()[key]!.type, inner)}`).join(', ')}}`;
    if (Array.isArray(value)) return `[${value.map((item) => this.#plain(type, item)).join(', ')}]`;
    if (typeof value === 'object') return `{${Object.entries(value).map(([key, inner]) => `${key}: ${this.#plain(type, inner)}`).join(', ')}}`;
    return JSON.stringify(value);
  }
}
