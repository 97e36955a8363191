// The canonical client operations (schema/operations) with what they are asked of the benches' data.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Kind, parse, print, visit } from 'graphql';
import { ROOT, type Data } from './data.ts';

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
  return queries().map(({ name, source }) => {
    const variables = asked[name];
    if (!variables) throw new Error(`bench/canonical.ts doesn't say with which variables ${name} is asked.`);
    return { name, source, variables, byVisitor: name.startsWith('Visitor') };
  });
}

/** Each operation alone, with the fragments that it spreads. */
function queries(): { name: string; source: string }[] {
  const folder = join(ROOT, 'schema/operations');
  return readdirSync(folder).filter((file) => file.endsWith('.graphql')).sort().flatMap((file) => {
    const { definitions } = parse(readFileSync(join(folder, file), 'utf8'));
    const fragments = new Map(definitions.flatMap((each) => (each.kind === Kind.FRAGMENT_DEFINITION ? [[each.name.value, each] as const] : [])));
    return definitions.flatMap((each) => {
      if (each.kind !== Kind.OPERATION_DEFINITION || each.operation !== 'query') return [];
      const spread = new Set<string>();
      const follow = (node: object) => visit(node as never, {
        FragmentSpread({ name }) {
          if (spread.has(name.value)) return;
          spread.add(name.value);
          follow(fragments.get(name.value)!);
        },
      });
      follow(each);
      return [{ name: each.name!.value, source: [each, ...[...spread].map((name) => fragments.get(name)!)].map((node) => print(node)).join('\n') }];
    });
  });
}
