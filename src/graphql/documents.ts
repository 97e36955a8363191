// From the text of a document to one that may be run: limited, parsed, validated, once a text. Apollo and graphql-ws are both given what
// stands here, so neither parses or validates by itself.
import { getOperationAST, GraphQLError, parse, specifiedRules, validate, visit, type DocumentNode, type GraphQLSchema, type OperationDefinitionNode } from 'graphql';
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

  /** The document, or why it is none. Remembers both, for the texts that were used last. */
  read(source: string): Read {
    const known = this.#read.get(source);
    if (known) {
      this.#read.delete(source);
      this.#read.set(source, known);
      return known;
    }
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
    if (source.length > LIMITS.sourceLengthMax) return fail(refused(new Refusal('TOO_LARGE', `The document has ${source.length} characters, at most ${LIMITS.sourceLengthMax}.`)));
    let document: DocumentNode;
    try {
      document = parse(source, { maxTokens: LIMITS.tokensMax });
      checkStrings(document);
    } catch (error) {
      if (error instanceof Refusal) return fail(refused(error));
      if (!(error instanceof GraphQLError)) return fail(refused(new Refusal('TOO_EXPENSIVE', 'The document is nested too deep.')));
      const code = /more tokens than/.test(error.message) || /that limit/.test(error.message) ? 'TOO_EXPENSIVE' : 'INVALID_INPUT';
      return fail(new GraphQLError(error.message, { source: error.source, positions: error.positions, extensions: { code, retryable: false, http: { status: 400 } } }));
    }
    const excess = excessOf(document);
    if (excess) return fail(excess);
    const errors = validate(this.schema, document, specifiedRules, { maxErrors: LIMITS.validationErrorsMax });
    if (errors.length === 0) return { document, errors: null };
    return fail(...errors.map((error) => new GraphQLError(error.message, { nodes: error.nodes, extensions: { code: 'GRAPHQL_VALIDATION_FAILED', http: { status: 400 } } })));
  }

  /** The operation of that name (the only one without). @throws Refusal INVALID_INPUT when the document has none such */
  operation(document: DocumentNode, name: string | null | undefined): Operation {
    let operations = this.#operations.get(document);
    if (!operations) this.#operations.set(document, (operations = new Map()));
    const known = operations.get(name ?? '');
    if (known) return known;
    const node = getOperationAST(document, name);
    if (!node) throw new Refusal('INVALID_INPUT', name ? `The document has no operation ${name.slice(0, 100)}.` : 'The document has several operations: say which by operationName.');
    const made: Operation = {
      document,
      node,
      needs: needsOf(this.schema, document, node),
      compiled: node.operation === 'query' ? new Compiled(this.schema, this.catalogue, document, node) : null,
    };
    operations.set(name ?? '', made);
    return made;
  }
}

function checkStrings(document: DocumentNode): void {
  visit(document, { StringValue: (node) => checkValue(node.value, 'A text of the document') });
}
