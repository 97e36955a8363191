// Which fields an answer holds values of: what was only asked for, below a null or in an empty list, proves nothing of them.
import { getNamedType, isLeafType, isObjectType, Kind, type DocumentNode, type FragmentDefinitionNode, type GraphQLNamedType, type GraphQLSchema, type SelectionSetNode } from 'graphql';

/** `Type.field`, as the types are where the answer says them; below a union or interface without `__typename` nothing is told. */
export function answeredFields(schema: GraphQLSchema, document: DocumentNode, data: string): Set<string> {
  const found = new Set<string>();
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  const walk = (type: GraphQLNamedType | undefined, set: SelectionSetNode, value: Record<string, unknown>): void => {
    const concrete = isObjectType(type) ? type : typeof value.__typename === 'string' ? schema.getType(value.__typename) : undefined;
    if (!isObjectType(concrete)) return;
    for (const selection of set.selections) {
      if (selection.kind !== Kind.FIELD) {
        const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(selection.name.value)!;
        const on = fragment.typeCondition?.name.value;
        if (on === undefined || on === concrete.name || !isObjectType(schema.getType(on))) walk(concrete, fragment.selectionSet, value);
        continue;
      }
      const field = concrete.getFields()[selection.name.value];
      const inner = value[(selection.alias ?? selection.name).value];
      if (!field || inner == null) continue;
      const items = (Array.isArray(inner) ? inner : [inner]).filter((item) => item !== null);
      if (items.length > 0 || isLeafType(getNamedType(field.type))) found.add(`${concrete.name}.${field.name}`);
      if (selection.selectionSet) for (const item of items) walk(getNamedType(field.type), selection.selectionSet, item as Record<string, unknown>);
    }
  };
  for (const definition of document.definitions) if (definition.kind === Kind.OPERATION_DEFINITION) walk(schema.getQueryType()!, definition.selectionSet, JSON.parse(data) as Record<string, unknown>);
  return found;
}
