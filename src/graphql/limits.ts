// What a document may be, decided before it is validated: validation itself takes quadratic time on documents that are made for it, and
// neither Apollo's rules nor graphql-ws limit that. Both transports read documents through documents.ts, so they share these limits.
import { type GraphQLError, Kind, type DocumentNode, type FieldNode, type FragmentDefinitionNode, type SelectionSetNode } from 'graphql';
import { Refusal } from '../platform/errors.ts';
import { refused } from './faults.ts';

export const LIMITS = {
  /** Characters of the document. */
  sourceLengthMax: 60_000,
  tokensMax: 2_500,
  operationsMax: 20,
  depthMax: 16,
  /** Fields, fragments counted wherever they are spread. */
  fieldsMax: 1_000,
  /** How often one response name may be asked for in one place (its selections are merged, pair by pair). */
  sameNameMax: 20,
  /** How often one root field may be asked for under different names. */
  rootAliasesMax: 20,
  /** Operations in one HTTP request. */
  batchMax: 1,
  /** Depth of a variable's value. */
  variableDepthMax: 40,
  /** Items and keys of all variables together. */
  variableValuesMax: 50_000,
  /** Errors of validation that are shown: each may look for similar names in the whole schema. */
  validationErrorsMax: 10,
} as const;

const tooMuch = (message: string): GraphQLError => refused(new Refusal('TOO_EXPENSIVE', message));

/** What is too much about the document; null when nothing is. Linear in its size. */
export function excessOf(document: DocumentNode): GraphQLError | null {
  const fragments = new Map<string, FragmentDefinitionNode>();
  const operations: SelectionSetNode[] = [];
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
    else if (definition.kind === Kind.OPERATION_DEFINITION) operations.push(definition.selectionSet);
  }
  if (operations.length > LIMITS.operationsMax)
    return tooMuch(`The document has ${operations.length} operations, at most ${LIMITS.operationsMax}.`);

  const sizes = new Map<string, { fields: number; depth: number }>();
  const open = new Set<string>();
  let recursive: string | null = null;
  const sizeOf = (set: SelectionSetNode): { fields: number; depth: number } => {
    let fields = 0;
    let depth = 0;
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) {
        const within = selection.selectionSet ? sizeOf(selection.selectionSet) : { fields: 0, depth: 0 };
        fields += 1 + within.fields;
        depth = Math.max(depth, 1 + within.depth);
      } else {
        const within = selection.kind === Kind.INLINE_FRAGMENT ? sizeOf(selection.selectionSet) : sizeOfFragment(selection.name.value);
        fields += within.fields;
        depth = Math.max(depth, within.depth);
      }
    }
    return { fields, depth };
  };
  const sizeOfFragment = (name: string): { fields: number; depth: number } => {
    const known = sizes.get(name);
    if (known) return known;
    const fragment = fragments.get(name);
    if (!fragment) return { fields: 0, depth: 0 };
    if (open.has(name)) {
      recursive = name;
      return { fields: 0, depth: 0 };
    }
    open.add(name);
    const size = sizeOf(fragment.selectionSet);
    open.delete(name);
    sizes.set(name, size);
    return size;
  };
  let fields = 0;
  let depth = 0;
  for (const set of [...operations, ...[...fragments.values()].map((fragment) => fragment.selectionSet)]) {
    const size = sizeOf(set);
    fields += size.fields;
    depth = Math.max(depth, size.depth);
  }
  if (recursive !== null) return refused(new Refusal('INVALID_INPUT', `The fragment ${recursive as string} spreads itself.`));
  if (depth > LIMITS.depthMax) return tooMuch(`The document is ${depth} levels deep, at most ${LIMITS.depthMax}.`);
  if (fields > LIMITS.fieldsMax) return tooMuch(`The document asks for ${fields} fields, at most ${LIMITS.fieldsMax}.`);
  for (const set of operations) {
    const excess = repeated(set, fragments);
    if (excess) return excess;
  }
  return null;
}

/** Walks the selections as they are merged. Their number was limited before, so it ends soon. */
function repeated(root: SelectionSetNode, fragments: ReadonlyMap<string, FragmentDefinitionNode>): GraphQLError | null {
  const merge = (sets: SelectionSetNode[], isRoot: boolean): GraphQLError | null => {
    const groups = new Map<string, FieldNode[]>();
    const seen = new Set<string>();
    const collect = (set: SelectionSetNode): void => {
      for (const selection of set.selections) {
        if (selection.kind === Kind.FIELD) {
          const name = selection.alias?.value ?? selection.name.value;
          const group = groups.get(name);
          if (group) group.push(selection);
          else groups.set(name, [selection]);
        } else if (selection.kind === Kind.INLINE_FRAGMENT) {
          collect(selection.selectionSet);
        } else if (!seen.has(selection.name.value)) {
          seen.add(selection.name.value);
          const fragment = fragments.get(selection.name.value);
          if (fragment) collect(fragment.selectionSet);
        }
      }
    };
    sets.forEach(collect);
    if (isRoot) {
      const uses = new Map<string, number>();
      for (const [field] of groups.values()) {
        const name = field!.name.value;
        const count = (uses.get(name) ?? 0) + 1;
        const max = name === '__schema' ? 1 : LIMITS.rootAliasesMax;
        if (count > max) return tooMuch(`${name} is asked for under more than ${max} names.`);
        uses.set(name, count);
      }
    }
    for (const [name, group] of groups) {
      if (group.length > LIMITS.sameNameMax) return tooMuch(`${name} is asked for more than ${LIMITS.sameNameMax} times in one place.`);
      const within = group.flatMap((field) => field.selectionSet ?? []);
      const excess = within.length > 0 ? merge(within, false) : null;
      if (excess) return excess;
    }
    return null;
  };
  return merge([root], true);
}

/** Small enough to be read whatever is in it. */
const ANY_VALUES_BYTES = 100_000;
const [QUOTE, BACKSLASH, COMMA, LIST, OBJECT] = [0x22, 0x5c, 0x2c, 0x5b, 0x7b];

/**
 * Whether a body of JSON has more values than its variables may have, told by its commas and what it opens before it is read: an object of a hundred
 * thousand keys takes the parser a hundred times as long as a text of its size, half a million lists in lists forty milliseconds.
 */
export function hasTooManyValues(json: Uint8Array): boolean {
  if (json.length < ANY_VALUES_BYTES) return false;
  let values = 0;
  let isText = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i];
    if (isText) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) isText = false;
    } else if (byte === QUOTE) isText = true;
    else if ((byte === COMMA || byte === LIST || byte === OBJECT) && ++values > LIMITS.variableValuesMax) return true;
  }
  return false;
}

export const tooManyValues = (): Refusal => new Refusal('INVALID_INPUT', `The variables hold more than ${LIMITS.variableValuesMax} values.`);

export interface Seen {
  values: number;
  characters: number;
}
/** @throws Refusal INVALID_INPUT for values that can't be stored (NUL, half a surrogate pair), are nested too deep, or are too many with those `seen` before */
export function checkValue(value: unknown, at: string, seen: Seen = { values: 0, characters: 0 }, depth = 0): void {
  if (typeof value === 'string') {
    seen.characters += value.length;
    if (value.includes('\0') || !(value as unknown as { isWellFormed(): boolean }).isWellFormed()) {
      throw new Refusal('INVALID_INPUT', `${at} holds a character that is none (NUL, or half of a surrogate pair).`);
    }
  } else if (value && typeof value === 'object') {
    if (depth >= LIMITS.variableDepthMax) throw new Refusal('INVALID_INPUT', `${at} is nested more than ${LIMITS.variableDepthMax} deep.`);
    const keys = Array.isArray(value) ? null : Object.keys(value);
    seen.values += (keys ?? (value as unknown[])).length;
    if (seen.values > LIMITS.variableValuesMax) throw tooManyValues();
    if (keys === null) for (const item of value as unknown[]) checkValue(item, at, seen, depth + 1);
    else {
      for (const key of keys) {
        checkValue(key, at, seen, depth);
        checkValue((value as Record<string, unknown>)[key], at, seen, depth + 1);
      }
    }
  }
}
