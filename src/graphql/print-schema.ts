// The schema as text, for schema/api.graphql: what is asked first stands first, the rest by kind and name, fields as they were declared.
import {
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  isUnionType,
  printType,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql';

const HEAD = `# What clients may ask. Printed from the code by \`npm run schema:print\`; a test fails while this file is stale.`;

/** SDL with descriptions; the same for the same declarations. */
export function printedSchema(schema: GraphQLSchema): string {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].filter(
    (type) => type != null,
  ) as GraphQLNamedType[];
  const others = Object.values(schema.getTypeMap())
    .filter((type) => !roots.includes(type) && !isIntrospectionType(type) && !isSpecifiedScalarType(type))
    .sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
  return `${[HEAD, ...[...roots, ...others].map(printType)].join('\n\n')}\n`;
}

/** Interfaces, unions and objects; then lists, payloads; then inputs, enums and scalars. */
function rank(type: GraphQLNamedType): number {
  if (isInterfaceType(type)) return 0;
  if (isUnionType(type)) return 1;
  if (isObjectType(type)) return /(Connection|Edge)$/.test(type.name) ? 3 : type.name.endsWith('Payload') ? 4 : 2;
  return isInputObjectType(type) ? 5 : isEnumType(type) ? 6 : isScalarType(type) ? 7 : 8;
}

/** Types, fields, arguments and values without a description: everything that a client sees says what it is. */
export function undescribed(schema: GraphQLSchema): string[] {
  const missing: string[] = [];
  const check = (name: string, described: { description?: string | null }) => {
    if (!described.description?.trim()) missing.push(name);
  };
  for (const type of Object.values(schema.getTypeMap())) {
    if (isIntrospectionType(type) || isSpecifiedScalarType(type)) continue;
    check(type.name, type);
    if (isEnumType(type)) for (const value of type.getValues()) check(`${type.name}.${value.name}`, value);
    if (isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)) {
      for (const field of Object.values(type.getFields())) {
        check(`${type.name}.${field.name}`, field);
        for (const argument of 'args' in field ? field.args : []) check(`${type.name}.${field.name}(${argument.name}:)`, argument);
      }
    }
  }
  return missing;
}
