// Leaves, arguments, inputs, filters and orders as types of the schema.
import type { Catalogue } from './catalogue.ts';
import type { Argument, Enumeration, InputObject, Leaf, Many } from './entity.ts';
import { SCALARS } from './scalars.ts';
import { COUNT_MAX, PAGE_DEFAULT, PAGE_MAX } from './pages.ts';

/* eslint-disable @typescript-eslint/no-explicit-any -- the types are made from declarations at run time, where Pothos can infer none */

/** Makes each type of the schema once, by name. */
export class Types {
  readonly #made = new Map<string, { ref: any; from: unknown }>();
  constructor(
    readonly builder: any,
    readonly catalogue: Catalogue,
  ) {
    for (const [name, scalar] of Object.entries(SCALARS)) this.builder.addScalarType(name, scalar);
  }

  /** The type under this name, made by `make` the first time. @throws when another declaration took the name */
  once(name: string, from: unknown, make: () => any): any {
    const known = this.#made.get(name);
    if (known) {
      if (known.from !== from) throw new Error(`Two declarations make the type ${name}.`);
      return known.ref;
    }
    const entry = { ref: undefined as any, from };
    this.#made.set(name, entry);
    entry.ref = make();
    return entry.ref;
  }

  leaf(type: Leaf): any {
    if (typeof type === 'string') return type;
    if (type.kind === 'id') return 'ID';
    if (type.kind === 'list') return [this.leaf(type.of)];
    return this.enumeration(type);
  }
  enumeration(type: Enumeration): any {
    return this.once(type.name, type, () =>
      this.builder.enumType(type.name, {
        description: type.description,
        values: Object.fromEntries(Object.entries(type.values).map(([name, description]) => [name, { value: name, description }])),
      }),
    );
  }

  inputObject(type: InputObject): any {
    return this.once(type.name, type, () =>
      this.builder.inputType(type.name, {
        description: type.description,
        fields: (t: any) => mapped(type.fields, (argument) => t.field(this.argumentOptions(argument))),
      }),
    );
  }
  argumentOptions(argument: Argument): any {
    const { type } = argument;
    const one = typeof type === 'object' && type.kind === 'input' ? this.inputObject(type) : this.leaf(type);
    return {
      type: argument.list ? [one] : one,
      required: argument.required ?? false,
      description: argument.description,
      ...(argument.default === undefined ? {} : { defaultValue: argument.default }),
    };
  }
  arguments(t: any, declared: Record<string, Argument> | undefined): any {
    return mapped(declared ?? {}, (argument) => t.arg(this.argumentOptions(argument)));
  }

  /** The arguments of a list: page, filter, order. `name` is the one of its types. */
  listArguments(t: any, list: Many, name: string): any {
    const args: any = {
      first: t.arg.int({ description: `How many, from the start (or after \`after\`): 0 to ${PAGE_MAX}, default ${PAGE_DEFAULT}.` }),
      after: t.arg.string({ description: 'The page begins after the row of this cursor.' }),
      last: t.arg.int({ description: `How many, from the end (or before \`before\`): 0 to ${PAGE_MAX}. Not together with \`first\`.` }),
      before: t.arg.string({ description: 'The page ends before the row of this cursor.' }),
    };
    if (list.around)
      args.around = t.arg.id({
        description:
          'The page in whose middle the row of this id stands; it is empty when the list does not have that row. Only together with `first`.',
      });
    if (list.filter)
      args.filter = t.arg({ type: this.filter(list, name), required: false, description: 'Which rows; all of them without it.' });
    const orders = Object.keys(list.orders);
    if (orders.length > 1)
      args.orderBy = t.arg({ type: this.order(list, name), required: false, description: `The order; default ${orders[0]}.` });
    return args;
  }
  filter(list: Many, name: string): any {
    const filterName = `${name}Filter`;
    return this.once(filterName, list.filter, () => {
      const ref = this.builder.inputRef(filterName);
      ref.implement({
        description:
          'What a row must satisfy: all that is given here. A field left out or null asks for nothing, unless its description says otherwise.',
        fields: (t: any) => ({
          ...mapped(list.filter!, (field) => {
            const type = this.leaf(field.type);
            return t.field({ type: field.list ? [type] : type, required: false, description: field.description });
          }),
          and: t.field({ type: [ref], required: false, description: 'All of these hold.' }),
          or: t.field({ type: [ref], required: false, description: 'One of these holds; with none given, no row does.' }),
          not: t.field({ type: ref, required: false, description: 'This does not hold.' }),
        }),
      });
      return ref;
    });
  }
  order(list: Many, name: string): any {
    return this.once(`${name}Order`, list.orders, () =>
      this.builder.enumType(`${name}Order`, {
        description: 'How the list is ordered; rows that tie are ordered by id.',
        values: mapped(list.orders, (order, key) => ({ value: key, description: order.description })),
      }),
    );
  }

  totalCount(): any {
    const precision = this.once('CountPrecision', 'CountPrecision', () =>
      this.builder.enumType('CountPrecision', {
        description: 'How exact a count is.',
        values: {
          EXACT: { value: 'EXACT', description: 'There are exactly so many.' },
          AT_LEAST: { value: 'AT_LEAST', description: 'There are so many or more.' },
        },
      }),
    );
    return this.once('TotalCount', 'TotalCount', () =>
      this.builder.objectRef('TotalCount').implement({
        description: `How many rows a list has, counted up to ${COUNT_MAX}.`,
        extensions: { inherits: true },
        fields: (t: any) => ({
          count: t.int({ nullable: false, description: `Rows; at most ${COUNT_MAX}.`, resolve: (c: any) => c.count }),
          precision: t.field({
            type: precision,
            nullable: false,
            description: `AT_LEAST when there are more than ${COUNT_MAX}.`,
            resolve: (c: any) => c.precision,
          }),
        }),
      }),
    );
  }
}

export const mapped = <V, R>(of: Record<string, V>, make: (value: V, key: string) => R): Record<string, R> =>
  Object.fromEntries(Object.entries(of).map(([key, value]) => [key, make(value, key)]));
