// What the schema says of itself is the same, byte for byte, as graphql-js would say it.
import fc from 'fast-check';
import { buildSchema, execute, getIntrospectionQuery, getNamedType, isObjectType, Kind, parse, validate, type GraphQLObjectType, type OperationDefinitionNode } from 'graphql';
import { describe, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { introspectedText } from '../../src/graphql/introspect.ts';
import { ROOT } from '../harness/server.ts';

const schema = buildSchema(readFileSync(join(ROOT, 'schema/api.graphql'), 'utf8'));
const small = buildSchema(`
  directive @weight(of: Int = 3, names: [String!] = ["a\\"b", "c"]) repeatable on FIELD_DEFINITION | ENUM_VALUE
  interface Thing @deprecated_not_allowed_here_is_fine { id: ID! } directive @deprecated_not_allowed_here_is_fine on INTERFACE
  "Says «what» it is"
  type Query { all(first: Int = 10, of: [[Kind!]] = [[A], null], by: By = { size: 1.5, deep: { size: 2, kind: B } }): [[Thing!]!] old: String @deprecated(reason: "Use \`all\`.\\n\\"Really\\".") }
  enum Kind { A "the second" B @deprecated }
  input By { size: Float! deep: By kind: Kind = A }
  scalar When @specifiedBy(url: "https://when.example")
  union Some = One | Two
  type One implements Thing { id: ID! when: When }
  type Two { some: Some one: [One] }
  type Subscription { one(kind: Kind! = B): One! }`);

function bothWays(of: typeof schema, text: string): [ours: string, theirs: string] {
  const document = parse(text);
  expect(validate(of, document), text).toEqual([]);
  const operation = document.definitions.find((definition): definition is OperationDefinitionNode => definition.kind === Kind.OPERATION_DEFINITION)!;
  const result = execute({ schema: of, document }) as { data?: unknown; errors?: unknown };
  expect(result.errors).toBeUndefined();
  return [introspectedText(of, document, operation), JSON.stringify(result.data)];
}

test.each([
  ['everything', getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true, schemaDescription: true, directiveIsRepeatable: true })],
  ['a type that there is, and one that there isn’t', '{ a: __type(name: "Query") { name kind __typename } b: __type(name: "No \\" such") { name } }'],
  ['the same fields more than once', '{ __schema { types { name fields { name } } ...F } __schema { ...F types { kind fields { type { name } name } } } } fragment F on __Schema { types { fields { args { name } } } queryType { name } }'],
  ['what is left out', '{ __schema { types @skip(if: true) { name } queryType @include(if: false) { name } directives @include(if: true) { name @skip(if: false) } } }'],
])('%s', (_, text) => {
  for (const of of [schema, small]) {
    const [ours, theirs] = bothWays(of, text);
    expect(ours === theirs, ours.slice(0, 300)).toBe(true);
  }
});

describe('whatever is asked', () => {
  /** A selection of a type of introspection, of so many levels. */
  const selection = (type: GraphQLObjectType, levels: number): fc.Arbitrary<string> => {
    const fields = Object.values(type.getFields()).filter(({ type: of }) => levels > 0 || !isObjectType(getNamedType(of)));
    const one = fc.constantFrom(...fields, null).chain((field) => {
      if (!field) return fc.constant('__typename');
      const of = getNamedType(field.type);
      const args = field.args.some(({ name }) => name === 'includeDeprecated') ? fc.constantFrom('', '(includeDeprecated: true)', '(includeDeprecated: false)') : fc.constant('');
      const directive = fc.constantFrom('', '', '', ' @skip(if: false)', ' @include(if: false)');
      return fc.tuple(args, directive, isObjectType(of) ? selection(of, levels - 1) : fc.constant(''), fc.nat(1_000)).map(([given, left, inside, n]) => `f${n}_${field.name}: ${field.name}${given}${left}${inside}`);
    });
    const wrapped = one.chain((text) => fc.constantFrom(text, text, `... { ${text} }`, `... on ${type.name} { ${text} }`, `... @include(if: true) { __typename ${text} }`));
    return fc.array(wrapped, { minLength: 1, maxLength: 4 }).map((parts) => ` { ${parts.join(' ')} }`);
  };
  test('is said by the same bytes', () => {
    const roots = fc.oneof(selection(schema.getType('__Schema') as GraphQLObjectType, 3).map((inside) => `__schema${inside}`), selection(schema.getType('__Type') as GraphQLObjectType, 3).map((inside) => `a: __type(name: "Query")${inside}`));
    fc.assert(fc.property(roots, (root) => {
      // graphql-js limits how deep lists may stand in lists.
      fc.pre(validate(small, parse(`{ ${root} }`)).length === 0);
      const [ours, theirs] = bothWays(small, `{ ${root} }`);
      expect(ours).toBe(theirs);
    }), { numRuns: 300 });
  });
});
