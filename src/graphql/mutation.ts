// How a domain's mutations.ts declares a mutation: one `input`, one payload with the changed objects and `userErrors`.
import type { Permission } from '../access/permissions.ts';
import type { Actor, Viewer } from '../access/viewer.ts';
import type { Tx } from '../platform/db.ts';
import type { Argument, Entity, Leaf, Union } from './entity.ts';

/**
 * What a payload's field is, and what `run` returns for it: an entity (its UUID), a union (`{ member, id }`: a key of its members and the
 * UUID), a leaf, a bulk row (an object by its field names, and `userErrors: Refusal[]`), or a list of one of these.
 */
export interface PayloadField {
  type: (() => Entity | Union) | Leaf | BulkRow;
  description: string;
  list?: boolean;
  nullable?: boolean;
}
export interface MutationContext {
  actor: Actor;
  viewer: Viewer;
  /** What server/ handed to the graph, by name. */
  parts: Record<string, unknown>;
}
export interface BeforeContext extends MutationContext {
  /** A short transaction of its own, for what has to be read first. */
  read: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
}
/** One row of a bulk mutation: its own result or its own errors (`userErrors` is added). Make it with `bulkRow`. */
export interface BulkRow {
  kind: 'row';
  name: string;
  description: string;
  fields: Record<string, PayloadField>;
}
export interface Mutation {
  description: string;
  permission: Permission;
  /** The fields of `<Name>Input`. `idempotencyKey` is added to what creates or sends, `expectedVersion` where `versioned`. */
  input: Record<string, Argument>;
  /** The fields of `<Name>Payload`, all nullable (null when there are userErrors); `userErrors` is added. */
  payload: Record<string, PayloadField>;
  /** It creates or sends: it takes `idempotencyKey`, and the same key answers the same. */
  idempotent?: boolean;
  /** It updates: it takes `expectedVersion`, handed to `run` in the input. */
  versioned?: boolean;
  /**
   * What has to be asked of others first, a provider for instance, while no transaction waits for it; `run` is handed what it gives. A Refusal becomes a
   * userError. It changes nothing: with an idempotency key that was used before it is called again.
   */
  before?: (context: BeforeContext, input: any) => Promise<unknown>;
  /**
   * The action, in one transaction of the workspace. Ids in `input` are still public ids (`cus_…`): read them with `uuidOf`.
   * Returns UUIDs (or leaves) by payload field; a Refusal becomes a userError and rolls back.
   */
  run: (tx: Tx, context: MutationContext, input: any, before?: any) => Promise<Record<string, unknown>>;
  /**
   * `run` for several calls of one caller that are waiting at the same moment, with the end that they have one after the other: what is called much
   * shares a transaction. One that would be refused may throw; then each runs alone.
   */
  together?: {
    run: (tx: Tx, context: MutationContext, inputs: any[]) => Promise<Record<string, unknown>[]>;
    /** How much a call weighs; those that share a transaction weigh at most `TOGETHER_WEIGHT_MAX`. */
    weight: (input: any) => number;
  };
}

/** Every thing that is written holds locks until the transaction ends, and a server has room for some thousands. */
export const TOGETHER_WEIGHT_MAX = 200;

export const mutations: Record<string, Mutation> = {};

export function mutation(name: string, declared: Mutation): void {
  if (mutations[name]) throw new Error(`Mutation.${name} is declared twice.`);
  mutations[name] = declared;
}

export const bulkRow = (name: string, description: string, fields: Record<string, PayloadField>): BulkRow => ({
  kind: 'row',
  name,
  description,
  fields,
});
