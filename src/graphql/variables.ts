// The values of an operation's variables, before anything is made of them.
import { coerceInputValue, type GraphQLError, typeFromAST, type GraphQLInputType, type GraphQLSchema, type OperationDefinitionNode } from 'graphql';
import { Refusal } from '../platform/errors.ts';
import { checkValue, type Seen } from './limits.ts';

/** graphql-js shows a whole value in each of up to fifty errors of it: a megabyte fifty times, in seconds. Larger ones than these are looked at here. */
const SHOWN_VALUES_MAX = 100;
const SHOWN_CHARACTERS_MAX = 2_000;
const MESSAGE_MAX = 300;

/** @throws Refusal INVALID_INPUT for values that can't be stored, are nested too deep or are too many; of large ones also for those of the wrong type */
export function checkVariables(schema: GraphQLSchema, { variableDefinitions }: OperationDefinitionNode, variables: Readonly<Record<string, unknown>>): void {
  if (!variableDefinitions?.length) return;
  const seen: Seen = { values: 0, characters: 0 };
  for (const [name, value] of Object.entries(variables)) checkValue(value, `$${name}`, seen);
  if (seen.values <= SHOWN_VALUES_MAX && seen.characters <= SHOWN_CHARACTERS_MAX) return;
  for (const { variable, type } of variableDefinitions) {
    const name = variable.name.value;
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    // What is missing is told by name alone.
    if (value !== undefined && value !== null) coerceInputValue(value, typeFromAST(schema, type as never) as GraphQLInputType, (path, _value, error) => refuse(name, path, error));
  }
}

function refuse(name: string, path: readonly (string | number)[], error: GraphQLError): never {
  const at = path.reduce<string>((text, key) => text + (typeof key === 'number' ? `[${key}]` : `.${key}`), name);
  throw new Refusal('INVALID_INPUT', `Variable "$${name}" got an invalid value at "${at.slice(0, MESSAGE_MAX)}"; ${error.message.slice(0, MESSAGE_MAX)}`);
}
