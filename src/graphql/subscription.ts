// How realtime/ declares a subscription field: a payload like a mutation's and, when it is told from the log, the cursor after it.
import type { Permission } from '../access/permissions.ts';
import type { Viewer } from '../access/viewer.ts';
import type { Argument } from './entity.ts';
import type { PayloadField } from './mutation.ts';

/** One event as the subscriber gets it: UUIDs and leaves by payload field, as a mutation's `run` returns them. */
export interface Told {
  /** The place in the log after this event; none for what isn't logged (typing, presence). */
  cursor?: string;
  values: Record<string, unknown>;
}
export interface SubscriptionContext {
  viewer: Viewer;
  /** What server/ handed to the graph: the log's stream and the like. */
  parts: Record<string, unknown>;
  /** Ends when the client leaves, its key dies or the server drains. */
  signal: AbortSignal;
}
export interface Subscription {
  description: string;
  permission: Permission;
  args: Record<string, Argument>;
  /** The fields of `<Name>Payload`; nullable ones say when. */
  payload: Record<string, PayloadField>;
  /** It is told from the log: it takes `after`, and its payload has `cursor`. */
  fromLog: boolean;
  /**
   * The events for these arguments (`after` among them), from now on or after the cursor. What it throws before the first event refuses
   * the subscription (a Refusal as its code), later ends it. The ids in `args` are public ids.
   */
  subscribe: (args: any, context: SubscriptionContext) => AsyncIterable<Told> | Promise<AsyncIterable<Told>>;
}

export const subscriptions: Record<string, Subscription> = {};

export function subscription(name: string, declared: Subscription): void {
  if (subscriptions[name]) throw new Error(`Subscription.${name} is declared twice.`);
  if (declared.fromLog && (declared.args.after || declared.payload.cursor))
    throw new Error(`Subscription.${name} declares \`after\` or \`cursor\`, which are added.`);
  subscriptions[name] = declared;
}
