// The three questions, as our clients ask them and as PostGraphile's would; and the one answer that all must give.
import { KEYS, WORKSPACE } from './data.ts';
import { request } from './load.ts';

export const QUESTIONS = ['q1', 'q2', 'q3'] as const;
export type Question = (typeof QUESTIONS)[number];

/** What each is, for people. */
export const TITLES: Record<Question, string> = {
  q1: 'a customer with his addresses, 10 conversations and 20 messages of each',
  q2: 'the inbox: 50 open conversations with customer and last message',
  q3: 'a timeline: the latest 50 entries over all addresses and channels',
};

const OURS: Record<Question, string> = {
  q1: `query Customer($id: ID!) { customer(id: $id) { id name identities(first: 20) { nodes { id kind value } }
    conversations(first: 10) { nodes { id status channels lastActivityAt messages(first: 20) { nodes { id channel direction occurredAt text } } } } } }`,
  q2: `query Inbox { conversations(first: 50, filter: { status: OPEN }) { nodes { id status channels lastActivityAt customer { id name } lastMessage { id direction text occurredAt } }
    pageInfo { hasNextPage } } }`,
  q3: `query Timeline($id: ID!) { customer(id: $id) { id timeline(first: 50) { nodes { id kind occurredAt channel
    subject { __typename ... on Message { id direction text } ... on Note { id body createdAt } } } pageInfo { hasNextPage } } } }`,
};

const PG_CUSTOMER = 'customer: customerByWorkspaceIdAndRowId(workspaceId: $workspace, rowId: $id)';
const POSTGRAPHILE: Record<Question, string> = {
  q1: `query Customer($workspace: UUID!, $id: UUID!) { ${PG_CUSTOMER} { id: rowId name
    identities: addresses(first: 20) { nodes { id: rowId kind value } }
    conversations: matters(first: 10) { nodes { id: rowId status channels lastActivityAt
      messages: messagesByWorkspaceIdAndConversationId(first: 20, orderBy: [OCCURRED_AT_DESC, TIE_DESC, ROW_ID_DESC]) { nodes { id: rowId channel direction occurredAt text } } } } } }`,
  q2: `query Inbox($workspace: UUID!) { conversations: allConversations(first: 50, condition: { workspaceId: $workspace, status: "OPEN" }, orderBy: [LAST_ACTIVITY_AT_DESC, ROW_ID_DESC]) {
    nodes { id: rowId status channels lastActivityAt
      identity: identityByWorkspaceIdAndIdentityId { customer: customerByWorkspaceIdAndCustomerId { id: rowId name } }
      lastMessage: messageByWorkspaceIdAndLastMessageId { id: rowId direction text occurredAt } }
    pageInfo { hasNextPage } } }`,
  q3: `query Timeline($workspace: UUID!, $id: UUID!) { ${PG_CUSTOMER} { id: rowId timeline: timeline(first: 50) { nodes { id: rowId kind occurredAt channel
      messageId direction text noteId body createdAt }
    pageInfo { hasNextPage } } } }`,
};

const cus = (id: string) => `cus_${id.replaceAll('-', '')}`;
const OPERATIONS: Record<Question, string> = { q1: 'Customer', q2: 'Inbox', q3: 'Timeline' };

/** The requests of a question, one for each customer; the inbox is one and the same for everybody. */
export const oursRequests = (question: Question, ids: readonly string[], key: string = KEYS.ADMIN): Buffer[] =>
  asked(question, ids).map((id) => request('/graphql', { authorization: `Bearer ${key}` }, {
    operationName: OPERATIONS[question], query: OURS[question], ...(id === null ? {} : { variables: { id: cus(id) } }),
  }));
export const postgraphileRequests = (question: Question, ids: readonly string[]): Buffer[] =>
  asked(question, ids).map((id) => request('/graphql', {}, {
    operationName: OPERATIONS[question], query: POSTGRAPHILE[question], variables: { workspace: WORKSPACE, ...(id === null ? {} : { id }) },
  }));
/** The limit is given the same body as we are, and reads as much of it as it must. */
export const limitRequests = (question: Question, ids: readonly string[]): Buffer[] => oursRequests(question, ids);

const asked = (question: Question, ids: readonly string[]): (string | null)[] => (question === 'q2' ? [null] : [...ids]);

// The declared normaliser. It may rename and re-encode, never drop: what one contender says and another doesn't is a difference.
// - an id: `cus_` and 32 digits, or a UUID -> the 32 digits
// - a moment: any spelling of it -> milliseconds
// - PostGraphile has no union here: what its entry says of a message or of a note, of which one is null, becomes `subject` with its type
// - PostGraphile reaches the customer through the address: `identity { customer }` -> `customer`
// - `extensions` (what an operation cost) stand beside the answer and are no part of it
const ID = /^(?:[a-z]{3}_([0-9a-f]{32})|([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12}))$/;
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

/** @throws Error when the answer isn't one, or has errors */
export function normalised(text: string): string {
  const body = JSON.parse(text) as { data?: unknown; errors?: unknown };
  if (body.errors || body.data == null) throw new Error(`No answer: ${text.slice(0, 600)}`);
  return JSON.stringify(sorted(body.data));
}

function sorted(value: unknown): unknown {
  if (typeof value === 'string') {
    const id = ID.exec(value);
    if (id) return id[1] ?? id.slice(2).join('');
    return MOMENT.test(value) ? Date.parse(value) : value;
  }
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const renamed = { ...(value as Record<string, unknown>) };
  if ('messageId' in renamed && 'noteId' in renamed) {
    const { messageId, direction, text, noteId, body, createdAt, ...entry } = renamed;
    if (messageId !== null && noteId !== null) throw new Error('An entry that tells of two things.');
    const subject = messageId !== null ? { __typename: 'Message', id: messageId, direction, text } : noteId !== null ? { __typename: 'Note', id: noteId, body, createdAt } : null;
    return sorted({ ...entry, subject });
  }
  if (isHop(renamed.identity)) {
    renamed.customer = renamed.identity.customer;
    delete renamed.identity;
  }
  return Object.fromEntries(Object.keys(renamed).sort().map((name) => [name, sorted(renamed[name])]));
}

const isHop = (value: unknown): value is { customer: unknown } => typeof value === 'object' && value !== null && Object.keys(value).join() === 'customer';
