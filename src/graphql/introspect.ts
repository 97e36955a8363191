// What is asked of the schema itself, written straight as text. graphql-js takes 25 ms for what an IDE asks, all of which nobody else is answered; most of
// it are the same types again and again, which are written once here.
import {
  getArgumentValues, getDirectiveValues, getNullableType, GraphQLIncludeDirective, GraphQLSkipDirective, isListType, isObjectType, isType, Kind, SchemaMetaFieldDef, TypeMetaFieldDef, TypeNameMetaFieldDef,
  type DocumentNode, type FieldNode, type FragmentDefinitionNode, type GraphQLField, type GraphQLObjectType, type GraphQLOutputType, type GraphQLResolveInfo, type GraphQLSchema, type OperationDefinitionNode,
  type SelectionNode, type SelectionSetNode,
} from 'graphql';

/**
 * `data` of a validated query that has no variables and whose root fields are `__schema` and `__type`: the same bytes as by graphql-js.
 * @throws whatever the resolver of a field does
 */
export const introspectedText = (schema: GraphQLSchema, document: DocumentNode, { selectionSet }: OperationDefinitionNode): string => new Introspection(schema, document).object(schema.getQueryType()!, undefined, [selectionSet]);

type Fields = Map<string, FieldNode[]>;

class Introspection {
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #fields = new Map<SelectionSetNode, Fields>();
  /** Of types, by what is asked of them and their names: `[Customer!]!` is one, however often it stands in the schema. */
  readonly #types = new Map<SelectionSetNode, Map<string, string>>();
  readonly #arguments = new Map<FieldNode, Record<string, unknown>>();

  constructor(private readonly schema: GraphQLSchema, document: DocumentNode) {
    this.#fragments = new Map(document.definitions.flatMap((definition) => (definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition]] : [])));
  }

  object(type: GraphQLObjectType, source: unknown, sets: readonly SelectionSetNode[]): string {
    const known = sets.length === 1 && isType(source) ? this.#knownOf(sets[0]!) : null;
    const text = known?.get(String(source));
    if (text !== undefined) return text;
    const parts: string[] = [];
    for (const [name, nodes] of this.#collected(type, sets)) parts.push(`${JSON.stringify(name)}:${this.#field(type, source, nodes)}`);
    const made = `{${parts.join(',')}}`;
    known?.set(String(source), made);
    return made;
  }

  #knownOf(set: SelectionSetNode): Map<string, string> {
    let known = this.#types.get(set);
    if (!known) this.#types.set(set, (known = new Map()));
    return known;
  }

  #field(type: GraphQLObjectType, source: unknown, nodes: readonly FieldNode[]): string {
    const [node] = nodes as [FieldNode];
    const name = node.name.value;
    const field = this.#definition(type, name);
    const value: unknown = field.resolve ? field.resolve(source, this.#argumentsOf(field, node), undefined, { schema: this.schema, parentType: type } as GraphQLResolveInfo) : (source as Record<string, unknown>)[name];
    return this.#value(field.type, value, nodes);
  }

  #definition(type: GraphQLObjectType, name: string): GraphQLField<unknown, unknown> {
    if (name === TypeNameMetaFieldDef.name) return TypeNameMetaFieldDef;
    if (type === this.schema.getQueryType()) return name === SchemaMetaFieldDef.name ? SchemaMetaFieldDef : TypeMetaFieldDef;
    return type.getFields()[name]!;
  }

  #argumentsOf(field: GraphQLField<unknown, unknown>, node: FieldNode): Record<string, unknown> {
    let values = this.#arguments.get(node);
    if (!values) this.#arguments.set(node, (values = getArgumentValues(field, node)));
    return values;
  }

  #value(type: GraphQLOutputType, value: unknown, nodes: readonly FieldNode[]): string {
    if (value === null || value === undefined) return 'null';
    const nullable = getNullableType(type) as GraphQLOutputType;
    if (isListType(nullable)) return `[${Array.from(value as Iterable<unknown>, (item) => this.#value(nullable.ofType, item, nodes)).join(',')}]`;
    if (isObjectType(nullable)) return this.object(nullable, value, nodes.flatMap(({ selectionSet }) => (selectionSet ? [selectionSet] : [])));
    return JSON.stringify((nullable as { serialize: (value: unknown) => unknown }).serialize(value));
  }

  /** As they stand in the answer: by their names there, in the order in which they are first asked for. A selection belongs to one type only. */
  #collected(type: GraphQLObjectType, sets: readonly SelectionSetNode[]): Fields {
    const known = sets.length === 1 ? this.#fields.get(sets[0]!) : undefined;
    if (known) return known;
    const fields: Fields = new Map();
    const passed = new Set<string>();
    for (const { selections } of sets) this.#collect(type, selections, fields, passed);
    if (sets.length === 1) this.#fields.set(sets[0]!, fields);
    return fields;
  }

  #collect(type: GraphQLObjectType, selections: readonly SelectionNode[], fields: Fields, passed: Set<string>): void {
    for (const selection of selections) {
      if (!isIncluded(selection)) continue;
      if (selection.kind === Kind.FIELD) {
        const name = (selection.alias ?? selection.name).value;
        const nodes = fields.get(name);
        if (nodes) nodes.push(selection);
        else fields.set(name, [selection]);
        continue;
      }
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        if (passed.has(selection.name.value)) continue;
        passed.add(selection.name.value);
      }
      const { typeCondition, selectionSet } = selection.kind === Kind.FRAGMENT_SPREAD ? this.#fragments.get(selection.name.value)! : selection;
      if (!typeCondition || typeCondition.name.value === type.name) this.#collect(type, selectionSet.selections, fields, passed);
    }
  }
}

const isIncluded = (node: SelectionNode): boolean => getDirectiveValues(GraphQLSkipDirective, node)?.if !== true && getDirectiveValues(GraphQLIncludeDirective, node)?.if !== false;
