// What the subscription fields are made of: the log's stream, and look-ups about an event that every subscriber of it shares.
import type { SubscriptionContext, Told } from '../graphql/subscription.ts';
import type { LogEvent } from '../events/catalog.ts';
import { decodeCursor, encodeCursor, type LogFilter } from '../events/log.ts';
import type { Signals } from '../events/signals.ts';
import type { LogStream } from '../events/stream.ts';
import type { Sql } from '../platform/db.ts';
import { found } from '../platform/db.ts';
import { uuidFrom } from '../workspaces/input.ts';

/** What server/ hands to the graph as the part `live`. */
export interface Live {
  log: LogStream;
  signals: Signals;
  facts: Facts;
}

export function liveOf(context: SubscriptionContext): Live {
  const live = context.parts.live as Live | undefined;
  if (!live) throw new Error('The part `live` is missing: server/ opens it.');
  return live;
}

/**
 * The workspace's events that `tell` says something about, each with the cursor behind it. Attaches to the log before it returns, so that
 * nothing is missed between the subscription and its first `next`. @throws Refusal INVALID_CURSOR, RESYNC
 */
export function follow(
  context: SubscriptionContext,
  after: string | null | undefined,
  filter: LogFilter,
  tell: (event: LogEvent) => Record<string, unknown> | null | Promise<Record<string, unknown> | null>,
): AsyncIterable<Told> {
  const { workspaceId } = context.viewer;
  const from = after == null ? null : decodeCursor(workspaceId, after);
  const events = liveOf(context).log.events(workspaceId, from, context.signal, filter);
  return (async function* () {
    try {
      for await (const event of events) {
        const values = await tell(event);
        if (values) yield { cursor: encodeCursor(workspaceId, event.position), values };
      }
    } finally {
      await events.return();
    }
  })();
}

/** A conversation of the workspace. @throws Refusal INVALID_ID, NOT_FOUND */
export async function conversationOf(context: SubscriptionContext, id: string): Promise<string> {
  const conversationId = uuidFrom('cnv', id, 'conversationId');
  await liveOf(context).facts.mustExist(context.viewer.workspaceId, 'conversation', conversationId);
  return conversationId;
}

/** Who had a conversation at an event, and who before it. */
export interface Assignment {
  assigneeId: string | null;
  teamId: string | null;
  queueId: string | null;
}
const NOBODY: Assignment = { assigneeId: null, teamId: null, queueId: null };
const KEPT_MAX = 2_000;

/** Look-ups that many subscribers make of one event: each is made once a process. Under the workspace's policies. */
export class Facts {
  private readonly kept = new Map<string, Promise<unknown>>();

  constructor(private readonly app: Sql) {}

  /** @throws Refusal NOT_FOUND */
  async mustExist(workspaceId: string, what: 'conversation' | 'customer', id: string): Promise<void> {
    const { app } = this;
    const [row] = await app`
      select 1 from ${this.context(workspaceId)} join lateral (
        select 1 from ${app(what === 'conversation' ? 'conversations' : 'customers')} where workspace_id = context.workspace_id and id = ${id}
      ) t on true`;
    found(row, what);
  }

  /** The customer who owns the event's address now; null when it has none. */
  ownerOf(event: LogEvent): Promise<string | null> {
    const { identityId } = event.data;
    if (typeof identityId !== 'string') return Promise.resolve(null);
    return this.once(`owner ${event.id}`, async () => {
      const [row] = await this.app<{ customerId: string }[]>`
        select t.customer_id from ${this.context(event.workspaceId)} join lateral (
          select customer_id from identities where workspace_id = context.workspace_id and id = ${identityId}
        ) t on true`;
      return row?.customerId ?? null;
    });
  }

  /** Whose the conversation was right after the event and right before it, by the log alone: the same now and at a replay. */
  assignmentAt(event: LogEvent): Promise<{ after: Assignment; before: Assignment }> {
    return this.once(`assignment ${event.id}`, async () => {
      const rows = await this.app<{ conversationSeq: number; data: Assignment }[]>`
        select t.* from ${this.context(event.workspaceId)} join lateral (
          select conversation_seq, data from events
          where workspace_id = context.workspace_id and conversation_id = ${event.conversationId}
            and conversation_seq <= ${event.conversationSeq} and kind = 'conversation.assigned'
          order by conversation_seq desc limit 2
        ) t on true order by t.conversation_seq desc`;
      const [latest, previous] = rows.map(({ data }) => data);
      const after = latest ?? NOBODY;
      return { after, before: rows[0]?.conversationSeq === event.conversationSeq ? (previous ?? NOBODY) : after };
    });
  }

  /** The workspace's context as part of the statement itself, so that it needs no transaction. */
  private context(workspaceId: string) {
    return this.app`(select set_config('app.workspace_id', ${workspaceId}, true)::uuid as workspace_id offset 0) context`;
  }

  private once<T>(key: string, look: () => Promise<T>): Promise<T> {
    const known = this.kept.get(key) as Promise<T> | undefined;
    if (known) return known;
    const made = look();
    this.kept.set(key, made);
    // A failure is for those who asked now; whoever asks next looks again.
    made.catch(() => this.kept.delete(key));
    if (this.kept.size > KEPT_MAX) this.kept.delete(this.kept.keys().next().value!);
    return made;
  }
}
