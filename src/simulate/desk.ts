// The desk's side of a simulated day: the shop tells it of its customers, agents answer, and what stands on the timelines is looked up.
import type { Api } from './api.ts';
import type { Person } from './people.ts';
import { SHOP, shopIdentity, type Identity, type Way } from './way.ts';

const UPSERT = 'mutation Known($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { userErrors { code message field } } }';
const TIMELINE = `query SimulatedTimeline($identity: IdentityInput!, $after: String, $n: Int!) { customer(identity: $identity) { id timeline(first: $n, after: $after) { nodes { subject {
  ... on Message { id providerMessageId direction deliveryState conversation { id } }
  ... on Call { id legs { providerLegId } } } } pageInfo { hasNextPage endCursor } } } }`;
const SEND = 'mutation Answer($input: SendMessageInput!) { sendMessage(input: $input) { message { id } userErrors { code message field } } }';
const MESSAGE = 'query Answered($id: ID!) { node(id: $id) { ... on Message { providerMessageId deliveryState errorReason } } }';

const PAGE = 100;
const LATEST = 20;
const LOOK_MS = 200;
const PATIENCE_MS = 20_000;

/** The shop knows all addresses of its customer, as a shop does. */
export async function introduce(api: Api, person: Person, ways: readonly Way[]): Promise<void> {
  const unique = new Map(ways.map((way) => way.identityOf(person)).filter(({ kind }) => kind !== 'EXTERNAL_ID').map((identity) => [`${identity.kind} ${identity.namespace ?? ''}`, identity]));
  await api.ask(UPSERT, { input: { externalId: { system: SHOP, value: person.shopId }, name: person.name, language: 'en', identities: [...unique.values()] } });
}

interface Entry {
  id?: string;
  providerMessageId?: string | null;
  direction?: 'INBOUND' | 'OUTBOUND';
  deliveryState?: string;
  conversation?: { id: string };
  legs?: { providerLegId: string | null }[];
}

/** By how many names an entry is known: the desk's id, a visitor's id of the same message, the provider's of message or call. */
const namesOf = ({ id, providerMessageId, legs }: Entry): string[] =>
  [...new Set([...(id ? [id, id.replace(/^msg_/, 'vmg_')] : []), ...(providerMessageId ? [providerMessageId] : []), ...(legs ?? []).flatMap(({ providerLegId }) => providerLegId ?? [])])];

/** How often each name stands on a person's timeline. */
export async function countTimeline(api: Api, identity: Identity): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (let after: string | null = null; ;) {
    const { entries, next } = await page(api, identity, PAGE, after);
    for (const name of entries.flatMap(namesOf)) counts.set(name, (counts.get(name) ?? 0) + 1);
    if (next === null) return counts;
    after = next;
  }
}

async function page(api: Api, identity: Identity, n: number, after: string | null): Promise<{ entries: Entry[]; next: string | null }> {
  const { customer } = (await api.ask(TIMELINE, { identity, n, after })) as { customer: { timeline: { nodes: { subject: Entry | null }[]; pageInfo: { hasNextPage: boolean; endCursor: string } } } | null };
  if (!customer) return { entries: [], next: null };
  const { nodes, pageInfo } = customer.timeline;
  return { entries: nodes.flatMap(({ subject }) => subject ?? []), next: pageInfo.hasNextPage ? pageInfo.endCursor : null };
}

/** An agent answers a message where it stands, by the channel that it came by. Gives the answer's id. @throws ApiRefused; Error when the message doesn't appear */
export async function answer(api: Api, way: Way, person: Person, o: { about: string; id: string; text: string }): Promise<string> {
  const found = await until(async () => (await page(api, shopIdentity(person), LATEST, null)).entries.find((entry) => namesOf(entry).includes(o.about)));
  if (!found?.conversation) throw new Error(`${o.about} did not appear on the timeline within ${PATIENCE_MS / 1_000} s.`);
  const { message } = (await api.ask(SEND, { input: { conversationId: found.conversation.id, channel: way.channel, text: o.text, clientId: o.id } })).sendMessage as { message: { id: string } };
  return message.id;
}

/** The provider's id of an answer once it was sent; null when it wasn't in time. */
export async function providerIdOf(api: Api, messageId: string): Promise<string | null> {
  return (await until(async () => (await stateOf(api, messageId)).providerMessageId ?? undefined)) ?? null;
}

export async function stateOf(api: Api, messageId: string): Promise<{ providerMessageId: string | null; deliveryState: string; errorReason: string | null }> {
  return (await api.ask(MESSAGE, { id: messageId })).node as { providerMessageId: string | null; deliveryState: string; errorReason: string | null };
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T | undefined> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined || performance.now() > deadline) return found;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
