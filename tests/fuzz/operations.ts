// Operations made from the printed schema: valid ones over every field and argument, and ones that are almost valid.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  astFromValue, buildSchema, GraphQLBoolean, GraphQLNonNull, getNamedType, getNullableType, isAbstractType, isCompositeType, isEnumType, isInputObjectType, isListType, isNonNullType, isUnionType, print,
  type GraphQLField, type GraphQLInputType, type GraphQLInterfaceType, type GraphQLNamedType, type GraphQLObjectType, type GraphQLSchema,
} from 'graphql';
import { ROOT } from '../harness/server.ts';

export interface Operation {
  kind: 'query' | 'mutation' | 'subscription';
  document: string;
  variables: Record<string, unknown>;
}
export const schemaOf = (): GraphQLSchema => buildSchema(readFileSync(join(ROOT, 'schema/api.graphql'), 'utf8'));

const TEXTS = ['', ' ', 'plain', '"', "it's", '\\', '%', '_', 'a\nb', '\u2028', '😀', '\ud800', 'a\0b', "'; drop table customers; --", '$1', '{{x}}', '<script>', '__proto__', 'constructor', 'x'.repeat(3_000), 'ada@customers.example', '+4915112345678',
  'null', '-1', '1e999', '../../etc/passwd', 'Europe/Berlin', 'İ', '\u202e', 'EMAIL'];
const MOMENTS = ['2026-01-03T00:00:00Z', '2026-02-30T00:00:00Z', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z', '+275760-09-13T00:00:00Z', 'now', '', '2026-01-03', '2026-01-03T00:00:00.1234567+14:00'];
const NUMBERS = [0, 1, -1, 5, 100, 101, 2_147_483_647, -2_147_483_648, 2_147_483_648, 9_007_199_254_740_993, 1.5, 1e300, -0];
const TAME_TEXTS = ['plain', 'Ada', 'order 48821', 'ada@customers.example', '+4915112345678', 'Zoë'];
const PREFIXES: Record<string, string> = { customer: 'cus', conversation: 'cnv', message: 'msg', member: 'mem', assignee: 'mem', account: 'cha', identity: 'idn', around: 'tle', queue: 'que', team: 'tea', note: 'nte' };
const VISITORS = /visitor|chat|teamTyping/i;
const DEPTH_MAX = 3;

/** Null: it can't be written down as a value of that type. */
function literalOf(value: unknown, type: GraphQLInputType): string | null {
  try {
    const ast = value === undefined ? null : astFromValue(value, type);
    return ast ? print(ast) : null;
  } catch {
    return null;
  }
}

/** `random` decides everything: the same numbers, the same operations. `ids`: what is known to exist, learned from answers. */
export class OperationMaker {
  readonly #ids = new Map<string, string[]>();
  readonly #cursors: string[] = [];
  /** Of the operation that is being made. */
  #made: { declared: string[]; variables: Record<string, unknown>; fragments: string[] } = { declared: [], variables: {}, fragments: [] };
  /** Values that nobody would give; else only the right ones. */
  #wild = false;
  constructor(private readonly schema: GraphQLSchema, private readonly random: () => number) {}

  #int = (n: number): number => Math.floor(this.random() * n);
  #pick = <T>(all: readonly T[]): T => all[this.#int(all.length)]!;
  #maybe = (p: number): boolean => this.random() < p;

  /** Others ask from now on, of another workspace. */
  forget(): void {
    this.#ids.clear();
    this.#cursors.length = 0;
  }

  learn(text: string): void {
    for (const [, id] of text.matchAll(/"([a-z]{3}_[0-9a-f]{32})"/g)) {
      const all = this.#ids.get(id!.slice(0, 3)) ?? [];
      this.#ids.set(id!.slice(0, 3), all);
      if (all.length < 50) all.push(id!);
      else all[this.#int(50)] = id!;
    }
    for (const [, cursor] of text.matchAll(/[cC]ursor":"([^"]{1,200})"/g)) this.#cursors[this.#int(100)] = cursor!;
  }

  /** `side`: whose fields it mostly asks for. */
  next(side: 'team' | 'visitor'): Operation {
    this.#wild = this.#maybe(0.35);
    const kind = this.#maybe(0.6) ? 'query' : this.#maybe(0.8) ? 'mutation' : 'subscription';
    const root = this.schema.getRootType(kind as never)!;
    const { declared, variables, fragments } = (this.#made = { declared: [], variables: {}, fragments: [] });
    const own = Object.values(root.getFields()).filter(({ name }) => this.#wild || VISITORS.test(name) === (side === 'visitor'));
    const fields = Array.from({ length: kind === 'query' ? 1 + this.#int(2) : 1 }, (_, i) => `${i > 0 ? `r${i}: ` : ''}${this.#field(this.#pick(own), 0, kind === 'query')}`);
    const document = `${kind} Fuzz${declared.length > 0 ? `(${declared.join(', ')})` : ''} { ${fields.join(' ')} }${fragments.join('')}`;
    const operation: Operation = { kind, document, variables };
    return this.#maybe(0.3) ? this.#spoiled(operation) : operation;
  }

  #field(field: GraphQLField<unknown, unknown>, depth: number, mayBeLeftOut = true): string {
    const args = field.args.flatMap((argument) => {
      if (!isNonNullType(argument.type) && !this.#maybe(this.#wild ? 0.4 : /^(?:last|after|before|around)$/.test(argument.name) ? 0 : 0.3)) return [];
      return [`${argument.name}: ${this.#given(argument.type, this.#value(argument.type, argument.name === 'id' ? field.name : argument.name, 0))}`];
    });
    return `${field.name}${args.length > 0 ? `(${args.join(', ')})` : ''}${mayBeLeftOut ? this.#directives() : ''}${this.#selection(getNamedType(field.type), depth)}`;
  }

  /** As a variable, as the default of one, or as it stands. */
  #given(type: GraphQLInputType, value: unknown): string {
    const { declared, variables } = this.#made;
    const name = `v${declared.length}`;
    const way = this.#int(10);
    const literal = way < 3 ? literalOf(value, type) : null;
    if (literal !== null && way < 2) return literal;
    declared.push(`$${name}: ${String(type)}${literal === null ? '' : ` = ${literal}`}`);
    if (value !== undefined && literal === null) variables[name] = value;
    return `$${name}`;
  }

  #directives(): string {
    if (!this.#maybe(0.06)) return '';
    const one = () => ` @${this.#pick(['include', 'skip'])}(if: ${this.#given(new GraphQLNonNull(GraphQLBoolean), this.#maybe(0.5))})`;
    return this.#wild && this.#maybe(0.1) ? one() + one() : one();
  }

  #selection(type: GraphQLNamedType, depth: number): string {
    if (!isCompositeType(type)) return '';
    const selected = isUnionType(type) ? ['__typename'] : this.#selected(type, depth);
    if (isAbstractType(type)) {
      const members = this.schema.getPossibleTypes(type).filter(() => this.#maybe(0.4));
      selected.push('__typename', ...members.map((member) => `... on ${member.name}${this.#directives()}${this.#selection(member, depth + 1)}`));
    }
    return ` { ${this.#gathered(type, selected).join(' ') || '__typename'} }`;
  }

  #selected(type: GraphQLInterfaceType | GraphQLObjectType, depth: number): string[] {
    const fields = Object.values(type.getFields());
    const parts: string[] = [];
    for (let n = 1 + this.#int(5); n > 0; n--) {
      const field = this.#pick(fields);
      if (isCompositeType(getNamedType(field.type)) && depth >= DEPTH_MAX) continue;
      parts.push(`f${parts.length}_${depth}: ${this.#field(field, depth + 1)}`);
    }
    if (type.getFields().id) parts.push('id');
    return parts;
  }

  /** Some of them in a fragment: inline, without a type, or with a name; one inside another, or the same one twice. */
  #gathered(type: GraphQLNamedType, selected: string[]): string[] {
    if (selected.length === 0 || !this.#maybe(0.12)) return selected;
    const from = this.#int(selected.length);
    const [kept, moved] = [selected.slice(0, from), selected.slice(from).join(' ')];
    const { fragments } = this.#made;
    switch (this.#int(4)) {
      case 0: return [...kept, `... on ${type.name}${this.#directives()} { ${moved} }`];
      case 1: return [...kept, `...${this.#directives()} { ${moved} }`];
      default: {
        const name = `F${fragments.length}`;
        fragments.push(` fragment ${name} on ${type.name} { ${moved}${this.#wild && this.#maybe(0.1) ? ` ...F${this.#int(fragments.length + 2)}` : ''} }`);
        const spread = `...${name}${this.#directives()}`;
        return this.#maybe(0.2) ? [...kept, spread, `...${name}`] : [...kept, spread];
      }
    }
  }

  #value(type: GraphQLInputType, name: string, depth: number): unknown {
    if (isNonNullType(type)) return this.#value(type.ofType as GraphQLInputType, name, depth) ?? (this.#wild ? this.#pick(TEXTS) : this.#value(type.ofType as GraphQLInputType, name, depth));
    if (this.#wild && this.#maybe(0.05)) return null;
    if (this.#wild && this.#maybe(0.05)) return this.#pick<unknown>([{}, [], [null], { a: { b: [1] } }, true, 7, 'x']);
    if (isListType(type)) return Array.from({ length: depth > 6 ? 0 : this.#wild && this.#maybe(0.01) ? 150 : this.#int(depth > 2 ? 2 : 4) }, () => this.#value(type.ofType as GraphQLInputType, name, depth + 1));
    const named = getNullableType(type);
    if (isEnumType(named)) return this.#wild && this.#maybe(0.05) ? 'NEVER' : this.#pick(named.getValues()).name;
    if (isInputObjectType(named)) {
      const value: Record<string, unknown> = {};
      for (const field of Object.values(named.getFields()))
        if (isNonNullType(field.type) || (depth < 7 && this.#maybe(!this.#wild ? 0.15 : depth > 2 ? 0.1 : 0.45))) value[field.name] = this.#value(field.type, field.name, depth + 1);
      return value;
    }
    switch (String(named)) {
      case 'ID': return this.#id(name);
      case 'Boolean': return this.#maybe(0.5);
      case 'Int': return !this.#wild || this.#maybe(0.7) ? 1 + this.#int(9) : this.#pick(NUMBERS);
      case 'Float': case 'Milliseconds': case 'Bytes': return this.#wild ? this.#pick(NUMBERS) : this.#int(10_000);
      case 'DateTime': return this.#wild ? this.#pick(MOMENTS) : name === 'to' ? '2026-02-01T00:00:00Z' : MOMENTS[0];
      case 'Cursor': return this.#cursors.length > 0 && this.#maybe(0.8) ? (this.#pick(this.#cursors) ?? 'x') : this.#pick(TEXTS);
      case 'JSON': case 'JSONObject': return this.#pick<unknown>([{}, { a: 1 }, { [this.#pick(TEXTS)]: this.#pick(TEXTS) }, [1, [2]], 'x', 5]);
      default: return !this.#wild ? this.#pick(TAME_TEXTS) : (name === 'after' || name === 'before') && this.#maybe(0.6) ? this.#pick([...this.#cursors, 'x']) : this.#pick(TEXTS);
    }
  }

  #id(name: string): string {
    const prefixes = [...this.#ids.keys()];
    const named = PREFIXES[Object.keys(PREFIXES).find((word) => name.toLowerCase().startsWith(word)) ?? ''];
    if (!this.#wild && named) return this.#ids.has(named) ? this.#pick(this.#ids.get(named)!) : `${named}_${'0'.repeat(32)}`;
    const fitting = prefixes.filter((prefix) => name.toLowerCase().startsWith(prefix) || this.#maybe(0.1));
    if (prefixes.length > 0 && this.#maybe(0.8)) return this.#pick(this.#ids.get(this.#pick(fitting.length > 0 ? fitting : prefixes))!);
    return this.#pick(['', 'x', `cus_${'0'.repeat(32)}`, `cnv_${'f'.repeat(32)}`, `msg_${'0'.repeat(31)}1`, 'cus_zz', `zzz_${'0'.repeat(32)}`, '9223372036854775808', 'cus_\0']);
  }

  /** As a hand that slips: a character, a word or a value of it is another. */
  #spoiled(operation: Operation): Operation {
    const { document } = operation;
    const at = this.#int(document.length);
    const word = /\w+/g;
    word.lastIndex = at;
    const found = word.exec(document);
    const other = this.#pick(['id', 'Int', '$v0', '{', '}', '...', '@skip(if: true)', '@nothing', 'null', '"', '"""', '#', '\u0000', '...F', '__schema { types { name } }', '[', '1e999', 'on Customer']);
    const spoil: (() => Partial<Operation>)[] = [
      () => ({ document: document.slice(0, at) + document.slice(at + 1) }),
      () => ({ document: document.slice(0, at) + other + document.slice(at) }),
      () => ({ document: document.slice(0, at) }),
      () => ({ document: found ? document.slice(0, found.index) + other + document.slice(found.index + found[0].length) : document }),
      () => ({ document: found ? document.slice(0, found.index) + found[0].slice(1) + document.slice(found.index + found[0].length) : document }),
      () => ({ variables: {} }),
      () => ({ variables: Object.fromEntries(Object.keys(operation.variables).map((name) => [name, this.#pick<unknown>([null, 0, '', [], {}, [[]], 1e300, '\ud800', { toString: 1 }])])) }),
      () => ({ document: document.replaceAll(/"?[A-Z][a-z]+"?/g, (name) => (this.#maybe(0.2) ? 'String' : name)) }),
    ];
    return { ...operation, ...this.#pick(spoil)() };
  }
}
