// What happens on a visitor's side, live: told from the log, like everything that is, and nothing of anybody else's.
import type { LogEvent, EventKind } from '../events/catalog.ts';
import { decodeCursor, encodeCursor } from '../events/log.ts';
import type { Signals } from '../events/signals.ts';
import type { LogStream } from '../events/stream.ts';
import { enumeration, idOf } from '../graphql/entity.ts';
import { subscription, type SubscriptionContext, type Told } from '../graphql/subscription.ts';
import { inWorkspace, type Sql } from '../platform/db.ts';
import { uuidFrom } from '../workspaces/input.ts';
import { mustTakePart } from './actions.ts';
import { VisitorConversation, VisitorMessage } from './fields.ts';

/** What server/ hands to the graph as the part `visitors`. */
export interface VisitorParts {
  log: LogStream;
  signals: Signals;
  app: Sql;
}

const KINDS: readonly EventKind[] = ['message.received', 'message.sent', 'message.updated', 'message.deleted', 'messages.moved', 'conversation.status_changed'];

const VisitorEventKind = enumeration('VisitorEventKind', 'What happened on a visitor’s side. Kinds are added over time: a client passes over those that it does not know.', ['MESSAGE', 'MESSAGE_CHANGED', 'CONVERSATION_CHANGED'], {
  MESSAGE: 'A message is new: his own, from whatever page, or one of the team.',
  MESSAGE_CHANGED: 'A message was edited, deleted or seen.',
  CONVERSATION_CHANGED: 'A matter was closed or opened again, or messages went from it to another one or came to it: read it anew.',
});

subscription('visitorEvents', {
  description: 'What happens on the visitor’s side. Read the history and `Query.cursor` in one operation, subscribe after that cursor, and after a lost connection with the last payload’s.',
  permission: 'visitor:self',
  fromLog: true,
  args: {},
  payload: {
    kind: { type: VisitorEventKind, description: 'What happened.' },
    message: { type: () => VisitorMessage, description: 'The message as it is now; null when it is about none.', nullable: true },
    conversation: { type: () => VisitorConversation, description: 'The matter as it is now; null when it is no longer his.', nullable: true },
  },
  subscribe: async ({ after }: { after?: string | null }, context) => {
    const { workspaceId, identityIds } = context.viewer;
    const { log, app } = partsOf(context);
    const events = log.events(workspaceId, after == null ? null : decodeCursor(workspaceId, after), context.signal, { kinds: KINDS });
    // After attaching: a matter that begins in between is among these, or comes with its first message.
    const own = new Set(await conversationsOf(app, workspaceId, identityIds));
    return (async function* (): AsyncGenerator<Told> {
      try {
        for await (const event of events) {
          const values = await told(app, event, identityIds, own);
          if (values) yield { cursor: encodeCursor(workspaceId, event.position), values };
        }
      } finally {
        await events.return();
      }
    })();
  },
});

subscription('teamTyping', {
  description: 'Whether somebody of the team types to the visitor. Never stored: it begins with how it is now.',
  permission: 'visitor:self',
  fromLog: false,
  args: { conversationId: { type: idOf('vcn'), required: true, description: 'The matter.' } },
  payload: { isTyping: { type: 'Boolean', description: 'Whether anybody does.' } },
  subscribe: async (args: { conversationId: string }, context) => {
    const { viewer, signal } = context;
    const { signals, app } = partsOf(context);
    const conversationId = uuidFrom('vcn', args.conversationId, 'conversationId');
    await inWorkspace(app, viewer.workspaceId, (tx) => mustTakePart(tx, viewer, conversationId));
    return (async function* (): AsyncGenerator<Told> {
      const typing = new Set<string>();
      for await (const { actor, isTyping } of signals.typing(viewer.workspaceId, conversationId, signal)) {
        if (actor.kind === 'CUSTOMER') continue;
        const before = typing.size > 0;
        if (isTyping) typing.add(`${actor.kind} ${actor.id}`);
        else typing.delete(`${actor.kind} ${actor.id}`);
        if (typing.size > 0 !== before) yield { values: { isTyping: typing.size > 0 } };
      }
    })();
  },
});

/** What the event means to the visitor; null when it is none of his. `own` learns his matters as they begin. */
async function told(app: Sql, event: LogEvent, identityIds: readonly string[], own: Set<string>): Promise<Record<string, unknown> | null> {
  const { conversationId, kind, data } = event;
  if (conversationId === null) return null;
  if (kind === 'message.received' || kind === 'message.sent') {
    if (!identityIds.includes(data.identityId as string)) return null;
    own.add(conversationId);
    return { kind: 'MESSAGE', message: data.messageId, conversation: conversationId };
  }
  if (kind === 'messages.moved' && (own.has(data.fromConversationId as string) || own.has(data.toConversationId as string))) {
    // A matter that was made of his is among his from now on, and one that everything of his left isn't any more.
    for (const id of await conversationsOf(app, event.workspaceId, identityIds)) own.add(id);
    return own.has(conversationId) ? { kind: 'CONVERSATION_CHANGED', message: null, conversation: conversationId } : null;
  }
  if (!own.has(conversationId)) return null;
  if (kind === 'conversation.status_changed') return { kind: 'CONVERSATION_CHANGED', message: null, conversation: conversationId };
  if (!(await isOwnMessage(app, event.workspaceId, data.messageId as string, identityIds))) return null;
  return { kind: 'MESSAGE_CHANGED', message: data.messageId, conversation: conversationId };
}

// Both with the workspace's context in the statement itself, so that they need no transaction.
const conversationsOf = async (app: Sql, workspaceId: string, identityIds: readonly string[]): Promise<string[]> =>
  (await app<{ id: string }[]>`
    select t.id from (select set_config('app.workspace_id', ${workspaceId}, true)::uuid as workspace_id offset 0) context cross join lateral (
      select distinct conversation_id as id from conversation_participants
      where workspace_id = context.workspace_id and identity_id = any(${[...identityIds]}::uuid[])
    ) t`).map((row) => row.id);

const isOwnMessage = async (app: Sql, workspaceId: string, messageId: string, identityIds: readonly string[]): Promise<boolean> =>
  (await app`
    select t.id from (select set_config('app.workspace_id', ${workspaceId}, true)::uuid as workspace_id offset 0) context cross join lateral (
      select id from messages where workspace_id = context.workspace_id and id = ${messageId} and identity_id = any(${[...identityIds]}::uuid[])
    ) t`).length > 0;

function partsOf(context: SubscriptionContext): VisitorParts {
  const parts = context.parts.visitors as VisitorParts | undefined;
  if (!parts) throw new Error('The part `visitors` is missing: server/ opens it.');
  return parts;
}
