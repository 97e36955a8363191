// What one transaction will have written of messages, beside the conversations that they stand in.
import { threads as threadsTable } from '../../schema/conversations.ts';
import { messageParts, messages as messagesTable, referrals as referralsTable } from '../../schema/messages.ts';
import { Unit } from '../conversations/unit.ts';
import { touchActivities } from '../identities/customers.ts';
import { now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { newId } from '../platform/ids.ts';
import { insertRows, type NewRow } from '../platform/insert.ts';
import { sqlState } from '../platform/sql-state.ts';
import type { PartRow } from './parts.ts';
import { showToQuoting, type Quotable } from './quotes.ts';

/** A key by which a later message finds its conversation. MESSAGE: one message's own id. STANDING: a lane that goes on, and is repointed. */
export interface ThreadKey {
  key: string;
  kind: 'MESSAGE' | 'STANDING';
}

export class MessageUnit extends Unit {
  private messages: NewRow[] = [];
  private parts: NewRow[] = [];
  private threads = new Map<string, NewRow & Quotable & Pick<ThreadKey, 'kind'>>();
  private referrals: NewRow[] = [];
  private heard: { identityId: string; at: string }[] = [];

  /** `row` has every column that a new message has. */
  put(row: NewRow & { id: string }, parts: readonly PartRow[]): void {
    this.messages.push(row);
    this.parts.push(...partRows(this.workspaceId, row.id, 1, parts));
  }

  /** The first to name a message's own key has it; a standing lane is repointed to where it goes on now. */
  thread(accountId: string, conversationId: string, messageId: string, keys: readonly ThreadKey[]): void {
    for (const { key, kind } of keys) {
      const place = `${accountId} ${key}`;
      const before = this.threads.get(place);
      if (before && before.kind === 'MESSAGE') continue;
      this.threads.set(place, { workspaceId: this.workspaceId, accountId, key, kind: before?.kind ?? kind, conversationId, messageId, createdAt: now() });
    }
  }

  /** By what the sender of a message came. */
  refer(row: NewRow): void {
    this.referrals.push(row);
  }

  /** Something of the identity's person came at that moment. */
  hear(identityId: string, at: string): void {
    this.heard.push({ identityId, at });
  }

  override async write(): Promise<void> {
    try {
      await super.write();
    } catch (error) {
      // Another transaction stored a message under this provider's id at the same moment: what depends on it is decided anew.
      if (sqlState(error) === '23505' && (error as { constraint_name?: string }).constraint_name === 'messages_by_provider_id') {
        throw Object.assign(new Error('Another transaction stored a message of the same id.'), { code: '40001' });
      }
      throw error;
    }
  }

  protected override writeContents(): Promise<unknown>[] {
    const { tx, workspaceId, messages, parts, threads, referrals, heard } = this;
    this.messages = [];
    this.parts = [];
    this.threads = new Map();
    this.referrals = [];
    this.heard = [];
    return [
      insertRows(tx, messagesTable, messages),
      insertRows(tx, messageParts, parts),
      insertThreads(tx, [...threads.values()]),
      insertRows(tx, referralsTable, referrals),
      touchActivities(tx, workspaceId, heard),
      // Told behind what the unit tells; its rows go on with that.
      showToQuoting(tx, workspaceId, [...threads.values()].filter(({ kind }) => kind === 'MESSAGE')).then((told) => told.forEach((id) => this.raise(id))),
    ];
  }
}

/** Parts of one version of a message. */
export const storeParts = (tx: Tx, workspaceId: string, messageId: string, version: number, parts: readonly PartRow[]): Promise<unknown> =>
  insertRows(tx, messageParts, partRows(workspaceId, messageId, version, parts));

const partRows = (workspaceId: string, messageId: string, version: number, parts: readonly PartRow[]): NewRow[] =>
  parts.map((part, ordinal) => ({ ...part, workspaceId, id: newId(), messageId, version, ordinal }));

/** A message's own key is new, or belongs to it already; a standing lane is repointed to where it now goes on. */
export const putThreads = (
  tx: Tx, workspaceId: string, accountId: string, conversationId: string, messageId: string | null, keys: readonly ThreadKey[],
): Promise<unknown> => insertThreads(tx, keys.map(({ key, kind }) => ({ workspaceId, accountId, key, kind, conversationId, messageId, createdAt: now() })));

/** In order of their keys, so that two transactions with the same ones wait for each other instead of deadlocking. */
const insertThreads = (tx: Tx, rows: readonly NewRow[]): Promise<unknown> =>
  insertRows(tx, threadsTable, [...new Map(rows.map((row) => [`${row.accountId} ${row.key}`, row]))].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row), `
    on conflict (workspace_id, account_id, key) do update set conversation_id = excluded.conversation_id, message_id = excluded.message_id
    where threads.kind = 'STANDING'`);
