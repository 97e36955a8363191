// One person, whose addresses the shop knows, on every channel that there is.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHANNELS } from '../../schema/channels.ts';
import type { Offer } from '../../src/sandbox/offer.ts';
import { apiAt, type Api } from '../../src/simulate/api.ts';
import { countTimeline, introduce } from '../../src/simulate/desk.ts';
import { idOf, personOf } from '../../src/simulate/people.ts';
import { shopIdentity, type Way } from '../../src/simulate/way.ts';
import { connectWays, SIMULATED_CHANNELS } from '../../src/simulate/ways.ts';
import { startTestServer, type TestServer } from '../harness/server.ts';

let server: TestServer;
let api: Api;
let ways: Way[];
let offers: Offer[];
beforeAll(async () => {
  server = await startTestServer();
  api = apiAt(server.address, (await server.workspace()).keys.ADMIN);
  ({ ways, offers } = await connectWays(api, SIMULATED_CHANNELS));
});
afterAll(() => Promise.all([server.stop(), ...offers.map((offer) => offer.close())]));

const TEXT = 'Where is my order? The tracking does not move.';

test('the same text over the nine channels: one customer, one timeline, an entry each, one row of the inbox', async () => {
  expect([...new Set(ways.map(({ channel }) => channel))].sort()).toEqual([...CHANNELS].sort());
  const person = personOf(1, 1);
  await introduce(api, person, ways);
  const names: string[] = [];
  for (const [n, way] of ways.entries()) {
    const id = idOf(`the same text ${n}`);
    const told = await way.tell(person, way.can.has('call') ? { kind: 'call', id, talkSeconds: 61, voicemailSeconds: null } : { kind: 'message', id, text: TEXT, subject: 'My order' });
    expect([way.channel, told.status]).toEqual([way.channel, expect.toSatisfy((status: number) => status >= 200 && status < 300)]);
    names.push(told.providerId);
  }
  await expect.poll(async () => {
    const there = await countTimeline(api, shopIdentity(person));
    return names.map((name) => there.get(name));
  }, { timeout: 20_000 }).toEqual(ways.map(() => 1));

  const { customer, customers, conversations } = await api.ask(
    `query ($identity: IdentityInput!) {
      customer(identity: $identity) { id name timeline(first: 100, filter: { kindIn: [MESSAGE, CALL] }) { nodes { channel customer { id } subject { ... on Message { text } } } } }
      customers(first: 10) { nodes { id name } }
      conversations(first: 10) { nodes { customer { id } channels } }
    }`,
    { identity: shopIdentity(person) },
  );
  expect(customer.timeline.nodes.map(({ channel }: { channel: string }) => channel).sort()).toEqual(ways.map(({ channel }) => channel).sort());
  for (const { customer: owner, subject } of customer.timeline.nodes) {
    expect(owner.id).toBe(customer.id);
    if (subject.text !== undefined) expect(subject.text).toBe(TEXT);
  }
  expect(conversations.nodes).toEqual([{ customer: { id: customer.id }, channels: expect.arrayContaining([...new Set(ways.map(({ channel }) => channel))]) }]);
  // The harness has a visitor of its own, who never wrote.
  expect(customers.nodes.filter(({ name }: { name: string | null }) => name !== null)).toEqual([{ id: customer.id, name: person.name }]);
});
