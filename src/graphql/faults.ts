// Errors on their way out: a Refusal keeps its code and sentence, anything else is a fault of ours, logged under an id and shown without
// its inside. Both transports use this.
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { isConnectionLost } from '../platform/connection-lost.ts';
import { sqlState } from '../platform/sql-state.ts';
import { ERROR_CODES, Refusal, type ErrorCode } from '../platform/errors.ts';
import { newId, publicId } from '../platform/ids.ts';

/** A GraphQLError with the code, its HTTP status and what the refusal tells besides. */
export function refused(refusal: Refusal, at: { nodes?: GraphQLError['nodes']; path?: GraphQLError['path'] } = {}): GraphQLError {
  const { field, ...details } = refusal.details;
  const waitSeconds = typeof details.retryAfterSeconds === 'number' ? details.retryAfterSeconds : 1;
  return new GraphQLError(refusal.message, {
    ...at,
    originalError: refusal,
    extensions: {
      code: refusal.code,
      retryable: refusal.retryable,
      ...(field ? { field } : {}),
      ...details,
      http: { status: refusal.httpStatus, ...(refusal.retryable ? { headers: new Map([['retry-after', String(waitSeconds)]]) } : {}) },
    },
  });
}

/** What PostgreSQL or the connection to it said, where that is an expected outcome; null when it is a fault of ours. */
export function refusalOf(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error;
  const state = sqlState(error);
  if (typeof state !== 'string') return null;
  if (state === '57014') return new Refusal('TIMED_OUT', 'The database took longer than the limit. Ask for less, or try again.');
  if (state === '22021' || state === '22P05') return new Refusal('INVALID_INPUT', 'A text holds a character that cannot be stored (NUL).');
  if (state === '40001' || state === '40P01') return new Refusal('OVERLOADED', 'Others were changing the same rows. Try again.');
  // CONNECTION_ENDED: the pool was closed, at the end.
  if (isConnectionLost(error) || /^(53...|57P0.|CONNECTION_)/.test(state))
    return new Refusal('OVERLOADED', 'The database cannot be reached at the moment. Try again.');
  return null;
}

/** Told of every fault of ours: the id that the client sees, and the error. */
export type FaultLog = (id: string, error: unknown) => void;

const APOLLO_CODES: Record<string, ErrorCode> = { GRAPHQL_PARSE_FAILED: 'INVALID_INPUT', BAD_USER_INPUT: 'INVALID_INPUT' };
/** Codes of the transport itself, which graphql-http's audits and clients know. */
const TRANSPORT = new Set([
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_REQUEST',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
]);

/** An error as graphql-js or Apollo gives it, with our code; a bug becomes INTERNAL under an id. */
export function shown(error: GraphQLError, log: FaultLog): GraphQLError {
  let cause: unknown = error;
  while (cause instanceof GraphQLError && cause.originalError && cause.originalError !== cause) cause = cause.originalError;
  const refusal = refusalOf(cause);
  if (refusal) return error.extensions.code === refusal.code ? error : refused(refusal, { nodes: error.nodes, path: error.path });
  const code = error.extensions.code as string | undefined;
  if (code !== undefined && TRANSPORT.has(code)) return error;
  const ours = code !== undefined && (code in ERROR_CODES ? (code as ErrorCode) : APOLLO_CODES[code]);
  if (ours && ours !== 'INTERNAL') {
    const { stacktrace: _, ...extensions } = error.extensions;
    return new GraphQLError(error.message, {
      nodes: error.nodes,
      source: error.source,
      positions: error.positions,
      path: error.path,
      extensions: { ...extensions, code: ours, retryable: ERROR_CODES[ours].retryable },
    });
  }
  // graphql-js' own errors about the request (a variable of the wrong type, an unknown operation) have no other cause and no path.
  if (cause instanceof GraphQLError && !error.path && code !== 'INTERNAL_SERVER_ERROR') {
    return new GraphQLError(error.message, {
      nodes: error.nodes,
      source: error.source,
      positions: error.positions,
      extensions: { code: 'INVALID_INPUT', retryable: false, http: { status: 400 } },
    });
  }
  if (cause instanceof GraphQLError && /^(Argument|Variable) /.test(cause.message)) {
    return new GraphQLError(error.message, {
      nodes: error.nodes,
      path: error.path,
      extensions: { code: 'INVALID_INPUT', retryable: false, http: { status: 400 } },
    });
  }
  const id = publicId('err', newId());
  log(id, cause);
  return new GraphQLError(`A fault of ours, logged as ${id}.`, {
    nodes: error.nodes,
    path: error.path,
    extensions: { code: 'INTERNAL', retryable: true, id, http: { status: 500 } },
  });
}

/** The error as it goes over the wire: without what is meant for the transport. */
export function formatted(error: GraphQLError): GraphQLFormattedError {
  const { http: _, stacktrace: __, ...extensions } = error.extensions as Record<string, unknown>;
  const { message, locations, path } = error.toJSON();
  return { message, ...(locations ? { locations } : {}), ...(path ? { path } : {}), extensions };
}
