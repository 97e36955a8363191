// A client that began with a state, was told events and asks nothing: what it knows in the end, held against what a client is told that begins now.
import type { Peer } from '../harness/server.ts';
import { SHOWN_CONVERSATION, SHOWN_MESSAGE, type SeenEvent, type ShownConversation, type ShownMessage } from './follower.ts';

/** What a client knows, by public ids. */
export interface State {
  messages: Map<string, string>;
  conversations: Map<string, Told>;
  notes: Set<string>;
  customers: Set<string>;
  /** What it shows of each, as it was read with the last event of it: the whole, as JSON. */
  shown: Map<string, string>;
}
/** Of a conversation, by what events say of themselves. */
interface Told {
  status: string;
  seq: number;
  assigneeId: string | null;
  teamId: string | null;
  queueId: string | null;
  priority: string;
  tagCount: number;
}

const PAGE = 100;
type Page<T> = { nodes: T[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
const INFO = 'pageInfo { hasNextPage endCursor }';

/** As a client that begins reads it, by the API. */
export async function freshState(peer: Peer, key: string): Promise<State> {
  const state: State = { messages: new Map(), conversations: new Map(), notes: new Set(), customers: new Set(), shown: new Map() };
  const all = async <T>(document: string, variables: Record<string, unknown>, page: (data: any) => Page<T>): Promise<T[]> => {
    const found: T[] = [];
    for (let after: string | null = null, more = true; more; ) {
      const { nodes, pageInfo }: Page<T> = page(await patiently(peer, document, { ...variables, after }, key));
      found.push(...nodes);
      [after, more] = [pageInfo.endCursor, pageInfo.hasNextPage];
    }
    return found;
  };
  for (const { id } of await all<{ id: string }>(`query ($after: String) { all: customers(first: ${PAGE}, after: $after) { nodes { id } ${INFO} } }`, {}, (data) => data.all)) state.customers.add(id);
  const conversations = await all<ShownConversation>(`query ($after: String) { all: conversations(first: ${PAGE}, after: $after) { nodes { ${SHOWN_CONVERSATION} } ${INFO} } }`, {}, (data) => data.all);
  for (const conversation of conversations) {
    const { id, status, eventCount, assignee, team, queue, priority, tags } = conversation;
    state.shown.set(id, JSON.stringify(conversation));
    state.conversations.set(id, { status, seq: eventCount, assigneeId: assignee?.id ?? null, teamId: team?.id ?? null, queueId: queue?.id ?? null, priority, tagCount: tags.length });
    const messages = await all<ShownMessage>(`query ($id: ID!, $after: String) { conversation(id: $id) { all: messages(first: ${PAGE}, after: $after) { nodes { ${SHOWN_MESSAGE} } ${INFO} } } }`, { id }, (data) => data.conversation.all);
    for (const message of messages) {
      state.shown.set(message.id, JSON.stringify(message));
      state.messages.set(message.id, `${message.deliveryState} ${message.conversation.id}`);
    }
    const notes = await all<{ id: string }>(`query ($id: ID!, $after: String) { conversation(id: $id) { all: notes(first: ${PAGE}, after: $after) { nodes { id } ${INFO} } } }`, { id }, (data) => data.conversation.all);
    for (const note of notes) state.notes.add(note.id);
  }
  return state;
}

/** A budget is there again in a moment. */
async function patiently(peer: Peer, document: string, variables: Record<string, unknown>, key: string): Promise<unknown> {
  for (let tries = 0; ; tries++) {
    const { data, errors, status, text } = await peer.query(document, variables, key);
    if (errors.length === 0 && data) return data;
    if (tries >= 100 || !errors.every(({ extensions }) => extensions.retryable)) throw new Error(`${status} ${text.slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

export class Fold {
  constructor(readonly state: State) {}

  take({ kind, details, conversation, conversationSeq, message }: SeenEvent): void {
    const { messages, conversations, notes, customers, shown } = this.state;
    const text = (name: string) => details[name] as string;
    const id = (name: string) => details[name] as string | null;
    if (conversation) {
      shown.set(conversation.id, JSON.stringify(conversation));
      const told = conversations.get(conversation.id) ?? { status: 'OPEN', seq: 0, assigneeId: null, teamId: null, queueId: null, priority: 'NORMAL', tagCount: 0 };
      conversations.set(conversation.id, told);
      told.seq = conversationSeq!;
      if (kind === 'CONVERSATION_OPENED') told.status = text('status');
      if (kind === 'CONVERSATION_STATUS_CHANGED') told.status = text('to');
      if (kind === 'CONVERSATION_ASSIGNED') Object.assign(told, { assigneeId: id('assigneeId'), teamId: id('teamId'), queueId: id('queueId') });
      if (kind === 'CONVERSATION_UPDATED') told.priority = text('priority');
      if (kind === 'CONVERSATION_ROUTED' && details.priority !== null) told.priority = text('priority');
      if (kind === 'CONVERSATION_TAGGED') told.tagCount = details.tagCount as number;
    }
    if (message) shown.set(message.id, JSON.stringify(message));
    if (kind === 'MESSAGE_RECEIVED') messages.set(text('messageId'), `RECEIVED ${conversation!.id}`);
    if (kind === 'MESSAGE_SENT') messages.set(text('messageId'), `${text('deliveryState') ?? 'QUEUED'} ${conversation!.id}`);
    if (kind === 'MESSAGE_UPDATED' && details.change === 'delivery') messages.set(text('messageId'), `${text('deliveryState')} ${conversation!.id}`);
    if (kind === 'NOTE_ADDED') notes.add(text('noteId'));
    if (kind === 'CUSTOMER_CREATED') customers.add(text('customerId'));
  }
}

export function differences(told: State, fresh: State): string[] {
  const of = (name: string, a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>) =>
    [...new Set([...a.keys(), ...b.keys()])].filter((id) => a.get(id) !== b.get(id)).map((id) => `${name} ${id}: told ${a.get(id) ?? 'nothing'}, is ${b.get(id) ?? 'not there'}`);
  const asMap = (ids: ReadonlySet<string>) => new Map([...ids].map((id) => [id, 'there']));
  const asText = (conversations: ReadonlyMap<string, Told>) => new Map([...conversations].map(([id, one]) => [id, JSON.stringify(one)]));
  return [
    ...of('message', told.messages, fresh.messages), ...of('conversation', asText(told.conversations), asText(fresh.conversations)),
    ...of('note', asMap(told.notes), asMap(fresh.notes)), ...of('customer', asMap(told.customers), asMap(fresh.customers)), ...of('shown', told.shown, fresh.shown),
  ];
}

/** A state of its own for each who begins with it. */
export const copyOf = ({ messages, conversations, notes, customers, shown }: State): State => ({
  messages: new Map(messages), conversations: new Map([...conversations].map(([id, one]) => [id, { ...one }])), notes: new Set(notes), customers: new Set(customers), shown: new Map(shown),
});
