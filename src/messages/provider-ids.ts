// The ids by which providers name messages: the lock under which one is given to a message, and who hears that it was.
import { createHash } from 'node:crypto';
import type { Tx } from '../platform/db.ts';

export interface KnownMessage {
  workspaceId: string;
  accountId: string;
  providerMessageId: string;
  messageId: string;
  /** The message that had the id before, and is gone: the same one, as its provider echoed it. */
  replacedMessageId?: string;
}

/**
 * Waits until nobody else is about to give these ids to a message, or to find that no message has them; until the transaction ends. So a report, an
 * echo and the answer to a send, which come at the same moment, see each other. Taken in sorted order, before any lock of a person or conversation.
 */
export async function lockProviderIds(tx: Tx, workspaceId: string, ids: readonly { accountId: string; providerMessageId: string }[]): Promise<void> {
  if (ids.length === 0) return;
  const keys = [...new Set(ids.map(({ accountId, providerMessageId }) =>
    createHash('sha256').update(`${workspaceId} ${accountId} ${providerMessageId}`).digest().readBigInt64BE(0).toString()))];
  await tx`select pg_advisory_xact_lock(k) from (select k from unnest(${keys}::text[]::int8[]) k order by k offset 0) sorted`;
}

type Listener = (tx: Tx, known: KnownMessage) => Promise<void>;
const listeners: Listener[] = [];

/** Calls `listener` in the transaction in which a message that we sent gets its provider's id; for later rooms, at their import. */
export const whenKnown = (listener: Listener): void => void listeners.push(listener);

/** Tells that a message of ours has its provider's id now. The caller holds the id's lock. */
export async function becameKnown(tx: Tx, known: KnownMessage): Promise<void> {
  for (const listener of listeners) await listener(tx, known);
}
