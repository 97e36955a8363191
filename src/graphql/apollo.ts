// The graph behind Apollo Server, which speaks HTTP (methods, media types, CSRF prevention) and nothing more: documents are read and
// operations run by the graph, so that the limits are those of WebSocket too.
import { HeaderMap, type ApolloServerOptions, type ApolloServerPlugin } from '@apollo/server';
import { ApolloServerPluginCacheControlDisabled, ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { GraphQLError, parse, type DocumentNode } from 'graphql';
import { REFUSED_COST } from '../access/budget.ts';
import type { Viewer } from '../access/viewer.ts';
import { bodyOf, type Answer, type Graph } from './execute.ts';
import { formatted, shown } from './faults.ts';
import { LIMITS } from './limits.ts';

export interface HttpContext {
  viewer: Viewer;
  /** As of a `Request`; also called with REFUSED_COST for a document that is refused before it has a cost. */
  spend?: (cost: number) => number;
  /** The operation is only priced. */
  costOnly?: boolean;
}

class Body {
  constructor(readonly text: string) {}
}
const DOCUMENTS_MAX = 2_000;

/** Options for `new ApolloServer({ ...apolloOptions(graph, log) })`; the context of a request is an HttpContext. */
export function apolloOptions(graph: Graph, log: (id: string, error: unknown) => void): ApolloServerOptions<HttpContext> {
  const byHash = new Map<string, DocumentNode>();
  const refusals = new WeakMap<DocumentNode, readonly GraphQLError[]>();
  const keep = (hash: string, document: DocumentNode) => {
    byHash.delete(hash);
    byHash.set(hash, document);
    if (byHash.size > DOCUMENTS_MAX) byHash.delete(byHash.keys().next().value!);
  };

  const answer = async (
    document: DocumentNode,
    operationName: string | null | undefined,
    variables: Record<string, unknown> | undefined,
    context: HttpContext,
  ): Promise<Answer> => {
    const { viewer, spend, costOnly } = context;
    const request = { document, operationName, variables, viewer, spend };
    try {
      const errors = refusals.get(document);
      if (errors || costOnly) spend?.(REFUSED_COST);
      if (errors) return graph.refuse(errors);
      if (!costOnly) return await graph.execute(request);
      const cost = { requested: graph.price(request), actual: 0, limit: graph.costMax };
      return { data: 'null', errors: [], cost, status: null, headers: new Map(), path: 'refused' };
    } catch (error) {
      return graph.refuse([error]);
    }
  };

  const plugin: ApolloServerPlugin<HttpContext> = {
    async requestDidStart() {
      return {
        async didResolveSource({ source, queryHash }) {
          const read = await graph.readInTurn(source);
          if (read.document) return keep(queryHash, read.document);
          const stand = parse('{ __typename }');
          refusals.set(stand, read.errors);
          keep(queryHash, stand);
        },
        async responseForOperation({ document, request, contextValue }) {
          const given = await answer(document, request.operationName, request.variables, contextValue);
          const status = given.status ?? 200;
          return {
            body: { kind: 'single', singleResult: { data: new Body(bodyOf(given)) as unknown as Record<string, unknown> } },
            http: { status, headers: new HeaderMap(given.headers) },
          };
        },
      };
    },
  };
  return {
    schema: graph.schema,
    introspection: true,
    csrfPrevention: true,
    allowBatchedHttpRequests: LIMITS.batchMax > 1,
    stopOnTerminationSignals: false,
    includeStacktraceInErrorResponses: false,
    parseOptions: { maxTokens: LIMITS.tokensMax },
    persistedQueries: false,
    documentStore: {
      // Keys are a prefix of Apollo's and the hash of the text.
      get: async (key) => byHash.get(key.slice(-64)),
      set: async () => {},
      delete: async (key) => byHash.delete(key.slice(-64)),
    },
    // What Apollo words itself: a body that is no request, a method that is none.
    formatError: (_formatted, error) =>
      formatted(error instanceof GraphQLError ? shown(error, log) : shown(new GraphQLError('', { originalError: error as Error }), log)),
    stringifyResult: (result) => {
      const { data } = result as { data?: unknown };
      return data instanceof Body ? data.text : JSON.stringify(result);
    },
    plugins: [ApolloServerPluginCacheControlDisabled(), ApolloServerPluginLandingPageDisabled(), plugin],
  };
}
