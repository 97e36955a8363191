// One logger for the process. A log line may be read by people who must not know the customers: it carries ids, codes, counts and times,
// and never a secret, a message or a person's name or address. What could hold one is taken out here, once, for every caller.
import { pino, type Logger } from 'pino';

export type { Logger };
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
export const LOG_LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** Names of properties whose value is never logged, at whatever depth, compared without case, `_` and `-`. */
const PRIVATE = new Set(
  ('authorization cookie setcookie password passwd secret secrets secretkey token accesstoken refreshtoken apikey adminapikey key keys signature ' +
    'xtwiliosignature xapikey connectionstring databaseurl migrationdatabaseurl url uri query variables input body rawbody raw html text textbody subject summary ' +
    'content message messages payload data detail where parameters args name displayname firstname lastname email emails phone phones from to cc bcc replyto ' +
    'address addresses value valueraw ip remoteaddress hostname transcript note').split(' '),
);

/**
 * A logger that writes one line of JSON an event to `destination` (default: standard output).
 * Write `log.info({ conversationId, ms }, 'sentence')`: the sentence is constant, what varies is in the object.
 */
export function createLog(options: { level: LogLevel; destination?: { write(line: string): void } }): Logger {
  const settings = {
    level: options.level,
    base: undefined,
    timestamp: () => `,"time":"${new Date(performance.timeOrigin + performance.now()).toISOString()}"`,
    messageKey: 'msg',
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (line: Record<string, unknown>) => withoutPrivate(line, 0) as Record<string, unknown>,
    },
    // pino's own error serialiser writes the message and every property of the error, such as Postgres' `detail`.
    serializers: { err: (value: unknown) => value, error: (value: unknown) => value },
  };
  return options.destination ? pino(settings, options.destination) : pino(settings);
}

/** A copy in which private properties are `[hidden]`, errors are what `describeError` says and strings are scrubbed. */
function withoutPrivate(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return scrub(value);
  if (value === null || typeof value !== 'object') return typeof value === 'bigint' ? String(value) : value;
  if (value instanceof Error) return describeError(value);
  if (depth > 6) return '[deep]';
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => withoutPrivate(item, depth + 1));
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  return Object.fromEntries(
    Object.entries(value).map(([property, inside]) => [
      property,
      isPrivate(property) && inside !== null && inside !== undefined ? '[hidden]' : withoutPrivate(inside, depth + 1),
    ]),
  );
}

const isPrivate = (property: string): boolean => PRIVATE.has(property.toLowerCase().replace(/[_-]/g, ''));

export interface ErrorDescription {
  type: string;
  code?: string;
  /** What Postgres names apart from values. */
  table?: string;
  constraint?: string;
  routine?: string;
  message?: string;
  stack?: string[];
  cause?: ErrorDescription;
}

// Their messages quote the input: Postgres' `invalid input syntax for type uuid: "…"`, JSON's `Unexpected token 'A', "Ada …"`.
const QUOTES_INPUT = new Set(['PostgresError', 'SyntaxError', 'ZodError', 'Refusal', 'GraphQLError', 'URIError']);

/** What may be said of an error: its type and code, where it was thrown, and its message when that isn't made of input. */
export function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error };
  const of = error as Error & { code?: unknown; table_name?: string; constraint_name?: string; routine?: string };
  const type = error.name || error.constructor.name;
  return {
    type,
    ...(typeof of.code === 'string' || typeof of.code === 'number' ? { code: String(of.code) } : {}),
    ...(of.table_name ? { table: of.table_name } : {}),
    ...(of.constraint_name ? { constraint: of.constraint_name } : {}),
    ...(of.routine ? { routine: of.routine } : {}),
    ...(QUOTES_INPUT.has(type) ? {} : { message: scrub(error.message) }),
    stack: frames(error),
    ...(error.cause instanceof Error && depth < 3 ? { cause: describeError(error.cause, depth + 1) } : {}),
  };
}

/** The lines of a stack that name files; the first lines are the message. */
const frames = (error: Error): string[] =>
  (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 12)
    .map((line) => line.trim().slice(3));

const HIDDEN: [RegExp, string][] = [
  [/\btl_[\w-]+/g, '[key]'],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, '[token]'],
  [/\b(Bearer|Basic)\s+\S+/gi, '$1 [hidden]'],
  [/\/\/[^\s/@]+@/g, '//[hidden]@'],
  [/[^\s<>"'(),;:@=]+@[^\s<>"'(),;:@]+/g, '[address]'],
  // A telephone number; ids are hexadecimal words, times have letters or colons, so neither matches.
  [/(?<![\w.:-])\+?\d[\d ().-]{6,}\d(?![\w:-])/g, '[number]'],
  [/"[^"\n]{3,}"|'[^'\n]{3,}'|`[^`\n]{3,}`/g, '"[hidden]"'],
];

/** The text without keys, tokens, credentials, mail addresses, telephone numbers and whatever it quotes; at most 500 characters. */
export const scrub = (text: string): string => HIDDEN.reduce((clean, [pattern, by]) => clean.replace(pattern, by), text.slice(0, 2_000)).slice(0, 500);
