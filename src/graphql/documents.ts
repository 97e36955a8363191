// From the text of a document to one that may be run: limited, parsed, validated, once a text. Apollo and graphql-ws are both given what
// stands here, so neither parses or validates by itself.
import {
  getOperationAST,
  GraphQLError,
  Kind,
  parse,
  specifiedRules,
  validate,
  type ASTNode,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type StringValueNode,
} from 'graphql';
import { Refusal } from '../platform/errors.ts';
import { needsOf, type Needs } from './access.ts';
import { Compiled } from './compile.ts';
import type { Catalogue } from './catalogue.ts';
import { refused } from './faults.ts';
import { checkValue, excessOf, LIMITS } from './limits.ts';

/** One operation of a document, and what is known of it. */
export interface Operation {
  document: DocumentNode;
  node: OperationDefinitionNode;
  needs: Needs;
  /** Null for what isn't a query. */
  compiled: Compiled | null;
  /** It asks for the schema alone. */
  isIntrospection: boolean;
}
export type Read = { document: DocumentNode; errors: null } | { document: null; errors: readonly GraphQLError[] };

const DOCUMENTS_MAX = 1_000;
/** Together, as lengths of their texts. */
const DOCUMENTS_LENGTH_MAX = 8_000_000;

export class Documents {
  readonly #read = new Map<string, Read>();
  #length = 0;
  readonly #operations = new WeakMap<DocumentNode, Map<string, Operation>>();
  constructor(
    private readonly schema: GraphQLSchema,
    private readonly catalogue: Catalogue,
  ) {}

  /** What is remembered of the text; null when nothing is. */
  known(source: string): Read | null {
    const known = this.#read.get(source);
    if (!known) return null;
    this.#read.delete(source);
    this.#read.set(source, known);
    return known;
  }

  /** The document, or why it is none. Remembers both, for the texts that were used last. */
  read(source: string): Read {
    const known = this.known(source);
    if (known) return known;
    const made = this.#make(source);
    this.#read.set(source, made);
    this.#length += source.length;
    for (const oldest of this.#read.keys()) {
      if (this.#read.size <= DOCUMENTS_MAX && this.#length <= DOCUMENTS_LENGTH_MAX) break;
      this.#read.delete(oldest);
      this.#length -= oldest.length;
    }
    return made;
  }

  #make(source: string): Read {
    const fail = (...errors: GraphQLError[]): Read => ({ document: null, errors });
    if (source.length > LIMITS.sourceLengthMax)
      return fail(refused(new Refusal('TOO_LARGE', `The document has ${source.length} characters, at most ${LIMITS.sourceLengthMax}.`)));
    let document: DocumentNode;
    try {
      document = parse(source, { maxTokens: LIMITS.tokensMax });
      checkLiterals(document.definitions);
    } catch (error) {
      if (error instanceof Refusal) return fail(refused(error));
      if (!(error instanceof GraphQLError)) return fail(refused(new Refusal('TOO_EXPENSIVE', 'The document is nested too deep.')));
      // graphql-js says "contains more that 4000 tokens".
      if (/contains more tha[nt] \d+ tokens/.test(error.message))
        return fail(refused(new Refusal('TOO_EXPENSIVE', `The document has more than ${LIMITS.tokensMax} tokens.`)));
      return fail(
        new GraphQLError(error.message, {
          source: error.source,
          positions: error.positions,
          extensions: { code: 'INVALID_INPUT', retryable: false, http: { status: 400 } },
        }),
      );
    }
    const excess = excessOf(document);
    if (excess) return fail(excess);
    const errors = validate(this.schema, document, specifiedRules, { maxErrors: LIMITS.validationErrorsMax });
    if (errors.length === 0) return { document, errors: null };
    return fail(
      ...errors.map(
        (error) =>
          new GraphQLError(error.message, { nodes: error.nodes, extensions: { code: 'GRAPHQL_VALIDATION_FAILED', http: { status: 400 } } }),
      ),
    );
  }

  /** The operation of that name (the only one without). @throws Refusal INVALID_INPUT when the document has none such */
  operation(document: DocumentNode, name: string | null | undefined): Operation {
    let operations = this.#operations.get(document);
    if (!operations) this.#operations.set(document, (operations = new Map()));
    const known = operations.get(name ?? '');
    if (known) return known;
    const node = getOperationAST(document, name);
    if (!node)
      throw new Refusal(
        'INVALID_INPUT',
        name ? `The document has no operation ${name.slice(0, 100)}.` : 'The document has several operations: say which by operationName.',
      );
    const made: Operation = {
      document,
      node,
      needs: needsOf(this.schema, document, node),
      compiled: node.operation === 'query' ? new Compiled(this.schema, this.catalogue, document, node) : null,
      isIntrospection:
        node.operation === 'query' &&
        node.selectionSet.selections.every((selection) => selection.kind === Kind.FIELD && /^__(schema|type)$/.test(selection.name.value)),
    };
    operations.set(name ?? '', made);
    return made;
  }
}

/** Texts that can't be stored, and literals nested as deep as no variable may be. */
function checkLiterals(node: unknown, depth = 0): void {
  if (Array.isArray(node)) {
    for (const item of node) checkLiterals(item, depth);
  } else if (node && typeof node === 'object' && 'kind' in node) {
    const { kind } = node as ASTNode;
    if (kind === Kind.STRING) return checkValue((node as StringValueNode).value, 'A text of the document');
    const below = kind === Kind.LIST || kind === Kind.OBJECT ? depth + 1 : depth;
    if (below > LIMITS.variableDepthMax)
      throw new Refusal('INVALID_INPUT', `A value of the document is nested more than ${LIMITS.variableDepthMax} deep.`);
    for (const [key, value] of Object.entries(node)) if (key !== 'loc' && typeof value === 'object') checkLiterals(value, below);
  }
}
