// The canonical client operations (schema/operations) with what they are asked of the benches' data.
import { CANONICAL } from '../tests/judges/canonical.ts';
import type { Data } from './data.ts';

export interface Canonical {
  name: string;
  source: string;
  /** One a request; by other people each. */
  variables: Record<string, unknown>[];
  /** Asked by an end customer with his own token, not by an agent's key. */
  byVisitor: boolean;
}

const id = (prefix: string, uuid: string) => `${prefix}_${uuid.replaceAll('-', '')}`;
/** Two weeks in the middle of the data. */
const RANGE = { from: '2025-03-01T00:00:00.000Z', to: '2025-03-15T00:00:00.000Z' };
const NAMES = ['Jonas', 'Keiko', 'Abela', 'Moreau', 'parcel', 'invoice', 'Greta Brandt'];

/** Every canonical query. A new one must be given its variables here. */
export function canonicalQueries(data: Data): Canonical[] {
  const people = data.customerIds.slice(0, 50);
  const conversations = data.conversationIds.slice(0, 50).map((each) => id('cnv', each));
  const asked: Record<string, Record<string, unknown>[]> = {
    AgentWorkspace: conversations.map((conversationId) => ({ conversationId })),
    AnswerScreen: conversations.map((conversationId) => ({ conversationId })),
    Changes: [{}],
    Conversation: conversations.map((each) => ({ id: each })),
    ConversationStats: [{ by: ['DAY'], range: RANGE }],
    ConversationStatsRows: [{ figure: 'MESSAGES_IN', range: RANGE }],
    CustomerProfile: people.map((each) => ({ id: id('cus', each) })),
    Inbox: [{ filter: { status: 'OPEN' } }, { filter: { status: 'OPEN' }, orderBy: 'WAITING_LONGEST' }],
    ScreenPop: data.phones.slice(0, 50).map((address) => ({ channel: 'SMS', address })),
    Search: NAMES.map((query) => ({ query })),
    Setup: [{}],
    Timeline: people.map((each) => ({ customerId: id('cus', each) })),
    VisitorHistory: [{}],
  };
  return CANONICAL.filter(({ kind }) => kind === 'query').map(({ name, text: source }) => {
    const variables = asked[name];
    if (!variables) throw new Error(`bench/canonical.ts doesn't say with which variables ${name} is asked.`);
    return { name, source, variables, byVisitor: name.startsWith('Visitor') };
  });
}
