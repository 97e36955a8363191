// Mutation and subscription fields: `<Name>Input`, `<Name>Payload`, user errors, idempotency. What a payload shows is read afresh, after
// the commit, by the loaders.
import { createHash } from 'node:crypto';
import { Kind, type GraphQLResolveInfo } from 'graphql';
import type { Viewer } from '../access/viewer.ts';
import { sourceOf } from '../events/source.ts';
import { now } from '../platform/clock.ts';
import { inWorkspace, type Tx } from '../platform/db.ts';
import { ERROR_CODES, Refusal, refusalsIn } from '../platform/errors.ts';
import type { GraphContext } from './context.ts';
import type { Argument, Entity, Leaf, Union } from './entity.ts';
import { refusalOf } from './faults.ts';
import { mutations, TOGETHER_WEIGHT_MAX, type BulkRow, type Mutation, type MutationContext, type PayloadField } from './mutation.ts';
import { rowOfId } from './rows.ts';
import type { Outputs } from './schema.ts';
import { subscriptions, type Subscription, type Told } from './subscription.ts';
import { fromCompute } from './text.ts';
import { Gathering } from '../platform/gathering.ts';
import { mapped, type Types } from './types.ts';

/* eslint-disable @typescript-eslint/no-explicit-any -- the types are made from declarations at run time, where Pothos can infer none */

interface UserError {
  code: string;
  message: string;
  field: string[] | null;
  retryable: boolean;
}
interface Payload {
  values: Record<string, unknown>;
  userErrors: UserError[];
  cursor?: string;
  /** What it names was written by this very call: it is there. */
  isFresh?: boolean;
}

const IDEMPOTENCY_KEY: Argument = {
  type: 'String',
  description:
    'Made by you, once an intention: the same key with the same input has its effect once and answers the same, for at least 7 days. 1 to 200 characters.',
};
const EXPECTED_VERSION: Argument = {
  type: 'Int',
  description: 'The `version` that you read: CONFLICT when it is no longer the current one. Without it the last writer wins.',
};

export function addMutations(types: Types, outputs: Outputs): void {
  if (Object.keys(mutations).length === 0) return;
  types.builder.mutationType({
    description: 'What can be done. Each is one transaction: all of it or nothing.',
    fields: (t: any) =>
      mapped(mutations, (declared, name) => {
        const typeName = name[0]!.toUpperCase() + name.slice(1);
        const fields = { ...declared.input };
        if (declared.idempotent) fields.idempotencyKey = IDEMPOTENCY_KEY;
        if (declared.versioned) fields.expectedVersion = EXPECTED_VERSION;
        const input = types.inputObject({ kind: 'input', name: `${typeName}Input`, description: `Input of \`${name}\`.`, fields });
        return t.field({
          type: payloadType(types, outputs, {
            name: `${typeName}Payload`,
            description: `What \`${name}\` answers.`,
            fields: declared.payload,
            withErrors: true,
            withCursor: false,
          }),
          nullable: false,
          description: declared.description,
          args: { input: t.arg({ type: input, required: true, description: 'What to do.' }) },
          extensions: { permission: declared.permission, declared },
          resolve: (_root: unknown, args: any, context: GraphContext) => act(name, declared, args.input, context),
        });
      }),
  });
}

export function addSubscriptions(types: Types, outputs: Outputs): void {
  if (Object.keys(subscriptions).length === 0) return;
  types.builder.subscriptionType({
    description:
      'What can be followed, over WebSocket (graphql-ws). Those with `after` are told from the log: nothing is missed between two connections.',
    fields: (t: any) =>
      mapped(subscriptions, (declared, name) => {
        const typeName = name[0]!.toUpperCase() + name.slice(1);
        return t.field({
          type: payloadType(types, outputs, {
            name: `${typeName}Payload`,
            description: `What \`${name}\` tells.`,
            fields: declared.payload,
            withErrors: false,
            withCursor: declared.fromLog,
          }),
          nullable: false,
          description: declared.description,
          args: types.arguments(t, { ...declared.args, ...(declared.fromLog ? { after: AFTER } : {}) }),
          extensions: { permission: declared.permission, declared },
          subscribe: (_root: unknown, args: any, context: GraphContext & { signal?: AbortSignal }) => listen(declared, args, context),
          resolve: (told: Told): Payload => ({ values: told.values, userErrors: [], cursor: told.cursor }),
        });
      }),
  });
}
const AFTER: Argument = {
  type: 'Cursor',
  description:
    'Begins after this place in the log, from `Query.cursor` or a payload; without it with what happens from now on. RESYNC when the log no longer reaches back to it.',
};

async function listen(declared: Subscription, args: any, context: GraphContext & { signal?: AbortSignal }): Promise<AsyncIterable<Told>> {
  return declared.subscribe(args, { viewer: context.viewer, parts: context.parts, signal: context.signal ?? new AbortController().signal });
}

interface PayloadType {
  name: string;
  description: string;
  fields: Record<string, PayloadField>;
  /** A mutation's, or a row of one: every field is null when there are userErrors. */
  withErrors: boolean;
  withCursor: boolean;
}
function payloadType(types: Types, outputs: Outputs, declared: PayloadType): any {
  return types.once(declared.name, declared.fields, () =>
    types.builder.objectRef(declared.name).implement({
      description: declared.description,
      extensions: { inherits: true },
      fields: (t: any) => {
        const fields = mapped(declared.fields, (field, name) => {
          const type = payloadFieldType(types, outputs, field);
          return t.field({
            type: field.list ? [type] : type,
            nullable: declared.withErrors || (field.nullable ?? false),
            description: field.description,
            resolve: async (payload: Payload, _args: unknown, context: GraphContext, info: GraphQLResolveInfo) => {
              const value = payload.values[name];
              if (value == null) return null;
              const show = (one: unknown) => (payload.isFresh && asksForId(field.type, info) ? rowOfId((field.type as () => Entity)(), one as string) : shownAs(field.type, one, context, payload.isFresh));
              return field.list ? Promise.all((value as unknown[]).map(show)) : show(value);
            },
          });
        });
        if (declared.withErrors) {
          fields.userErrors = t.field({
            type: [userErrorType(types)],
            nullable: false,
            description: 'What kept it from being done; empty when it was done.',
            resolve: (payload: Payload) => payload.userErrors,
          });
        }
        if (declared.withCursor)
          fields.cursor = t.field({
            type: 'Cursor',
            nullable: false,
            description: 'The place in the log after this event: give it as `after` to continue.',
            resolve: (payload: Payload) => payload.cursor,
          });
        return fields;
      },
    }),
  );
}
function payloadFieldType(types: Types, outputs: Outputs, field: PayloadField): any {
  if (isBulk(field.type))
    return payloadType(types, outputs, {
      name: field.type.name,
      description: field.type.description,
      fields: field.type.fields,
      withErrors: true,
      withCursor: false,
    });
  return typeof field.type === 'function' ? outputs.object(field.type()) : types.leaf(field.type);
}
const isBulk = (type: PayloadField['type']): type is BulkRow => typeof type === 'object' && type.kind === 'row';

/** Whether nothing but the id is asked for of a thing that was written a moment ago: nothing has to be read of it. */
function asksForId(type: PayloadField['type'], { fieldNodes }: GraphQLResolveInfo): boolean {
  if (typeof type !== 'function') return false;
  const target = type();
  if (target.kind !== 'entity' || target.prefix === null || target.fields.id || target.scope) return false;
  return fieldNodes.every(({ selectionSet }) => selectionSet!.selections.every((each) => each.kind === Kind.FIELD && (each.name.value === 'id' || each.name.value === '__typename')));
}

function shownAs(type: PayloadField['type'], value: any, context: GraphContext, isFresh?: boolean): unknown {
  if (isBulk(type)) {
    const { userErrors, ...values } = value;
    return { values, userErrors: userErrors ?? [], isFresh } satisfies Payload;
  }
  if (typeof type !== 'function') return fromCompute(type as Leaf, value);
  const target: Entity | Union = type();
  if (target.kind === 'entity') return context.loaders.byId(target, value);
  const member = target.members[value.member]?.();
  return member ? context.loaders.byId(member, value.id) : null;
}

function userErrorType(types: Types): any {
  const codes = types.once('ErrorCode', ERROR_CODES, () =>
    types.builder.enumType('ErrorCode', {
      description: 'What can go wrong on purpose; also the `code` in the extensions of an error.',
      values: mapped(ERROR_CODES as Record<string, { meaning: string; retryable: boolean }>, (code, name) => ({
        value: name,
        description: `${code.meaning}${code.retryable ? ' The same request can be tried again.' : ''}`,
      })),
    }),
  );
  return types.once('UserError', ERROR_CODES, () =>
    types.builder.objectRef('UserError').implement({
      description: 'Why something was not done.',
      extensions: { inherits: true },
      fields: (t: any) => ({
        code: t.field({ type: codes, nullable: false, description: 'For programs.', resolve: (e: UserError) => e.code }),
        message: t.string({
          nullable: false,
          description: 'A sentence for people: the value, what was expected, the remedy.',
          resolve: (e: UserError) => e.message,
        }),
        field: t.field({
          type: ['String'],
          nullable: true,
          description: 'The path of the input field at fault; null when it is none.',
          resolve: (e: UserError) => e.field,
        }),
        retryable: t.boolean({
          nullable: false,
          description: 'Whether the same request may succeed later.',
          resolve: (e: UserError) => e.retryable,
        }),
      }),
    }),
  );
}
const userError = (refusal: Refusal): UserError => ({
  code: refusal.code,
  message: refusal.message,
  field: refusal.details.field ?? null,
  retryable: refusal.retryable,
});
/** These aren't about the input: they stand at the top of the answer, with their HTTP status. */
const NOT_THE_USERS = new Set(['OVERLOADED', 'TIMED_OUT', 'UNAUTHENTICATED', 'FORBIDDEN', 'INTERNAL', 'RATE_LIMITED']);

async function act(name: string, declared: Mutation, input: any, context: GraphContext): Promise<Payload> {
  const { idempotencyKey, ...given } = input;
  const { viewer } = context;
  try {
    const key = declared.idempotent ? idempotencyKey : null;
    const before = await declared.before?.({ ...contextOf(context), read: (work) => inWorkspace(context.write, viewer.workspaceId, work) }, given);
    const values = await (declared.together && key == null
      ? gatheringOf(name, declared).run(callerOf(viewer), { input: given, context })
      : inWorkspace(context.write, viewer.workspaceId, async (tx) => {
          const run = async () => plain(await declared.run(tx, contextOf(context), given, before));
          return key == null ? run() : once(tx, name, key, given, context, run);
        }, sourceOf(viewer)));
    context.renew();
    return { values, userErrors: [], isFresh: key == null };
  } catch (error) {
    const refusal = refusalOf(error);
    if (!refusal || NOT_THE_USERS.has(refusal.code)) throw error;
    context.renew();
    return { values: {}, userErrors: refusalsIn(refusal).map(userError) };
  }
}

const contextOf = ({ viewer, parts }: GraphContext): MutationContext => ({ actor: viewer.actor, viewer, parts });

interface Call {
  input: any;
  context: GraphContext;
}
const gatherings = new Map<string, Gathering<Call, Record<string, unknown>>>();

/** Of one process: whose pool it is doesn't matter, since callers are of one workspace, and a workspace of one database. */
function gatheringOf(name: string, { run, together }: Mutation): Gathering<Call, Record<string, unknown>> {
  let gathering = gatherings.get(name);
  if (!gathering) {
    const within = <T>({ write, viewer }: GraphContext, work: (tx: Tx) => Promise<T>) => inWorkspace(write, viewer.workspaceId, work, sourceOf(viewer));
    gathering = new Gathering(
      ({ input, context }) => within(context, async (tx) => plain(await run(tx, contextOf(context), input))),
      (calls) => {
        const { context } = calls[0]!;
        return within(context, async (tx) => (await together!.run(tx, contextOf(context), calls.map(({ input }) => input))).map(plain));
      },
      ({ input }) => together!.weight(input),
      TOGETHER_WEIGHT_MAX,
    );
    gatherings.set(name, gathering);
  }
  return gathering;
}

/** Who calls, and from where: what is written down of a call is true of all that run together. */
const callerOf = ({ workspaceId, actor, credential, address }: Viewer): string => [workspaceId, actor.kind, actor.id, credential?.kind, credential?.id, address].join(' ');

/** What `run` returned, as it can be stored: refusals of bulk rows become user errors. */
const plain = (value: any): any => {
  if (value instanceof Refusal) return userError(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) return mapped(value, plain);
  return value;
};

/** Keys without an id of their own (the system's) share this one. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/**
 * Runs once for (actor, key): the key's row is inserted in the action's own transaction, so a second caller waits for the first's end and
 * is then answered from what it stored; a first that failed leaves no row. @throws Refusal IDEMPOTENCY_MISMATCH when the input differs
 */
async function once(
  tx: Tx,
  name: string,
  key: string,
  input: unknown,
  { viewer }: GraphContext,
  run: () => Promise<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  if (key.length < 1 || key.length > 200)
    throw new Refusal('INVALID_INPUT', 'An idempotency key has 1 to 200 characters.', { field: ['idempotencyKey'] });
  const { workspaceId, kind, id } = viewer.actor;
  const hash = createHash('sha256')
    .update(JSON.stringify([name, canonical(input)]))
    .digest();
  const actorId = id ?? NOBODY;
  const inserted = await tx`
    insert into idempotency_keys (workspace_id, actor_kind, actor_id, key, request_hash, result, created_at)
    values (${workspaceId}, ${kind}, ${actorId}, ${key}, ${hash}, '{}', ${now()})
    on conflict do nothing returning key`;
  if (inserted.length === 0) {
    const [known] = await tx<{ requestHash: Buffer; result: Record<string, unknown> }[]>`
      select request_hash, result from idempotency_keys
      where workspace_id = ${workspaceId} and actor_kind = ${kind} and actor_id = ${actorId} and key = ${key}`;
    if (!known || !hash.equals(known.requestHash))
      throw new Refusal('IDEMPOTENCY_MISMATCH', 'This idempotency key was used with other input. Use a new key.', {
        field: ['idempotencyKey'],
      });
    return known.result;
  }
  const values = await run();
  await tx`
    update idempotency_keys set result = ${JSON.stringify(values)}::text::jsonb
    where workspace_id = ${workspaceId} and actor_kind = ${kind} and actor_id = ${actorId} and key = ${key}`;
  return values;
}
/** The same text for the same input, whatever the order of its fields. */
const canonical = (value: any): unknown => {
  if (Array.isArray(value)) return value.map(canonical);
  if (value && typeof value === 'object')
    return Object.fromEntries(
      Object.keys(value)
        .sort()
        .map((key) => [key, canonical(value[key])]),
    );
  return value;
};
