// G17: from where what was done was done.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyChain } from '../../src/events/chain.ts';
import { sequenceAll } from '../../src/events/sequencer.ts';
import { eraseSources } from '../../src/events/source.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';

let server: TestServer;
let at: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer({ config: { trustProxy: 1 } });
  at = await server.workspace();
});
afterAll(() => server.stop());

const UPSERT = `mutation ($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { id } userErrors { message } } }`;
const newCustomer = (n: number) => ({ input: { identities: [{ kind: 'EMAIL', value: `source${n}@example.com` }] } });
const post = async (key: string, forwarded: string, query: string, variables: unknown): Promise<any> => {
  const response = await fetch(`${server.address}/graphql`, {
    method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, 'x-forwarded-for': forwarded }, body: JSON.stringify({ query, variables }),
  });
  return response.json();
};
const SOURCES = `{ changes(first: 100) { kind sourceAddress credentialId actor { kind } } }`;
const sources = async (kind: string, key = at.keys.ADMIN): Promise<any[]> => {
  await sequenceAll(server.db.system);
  return (await server.ask(SOURCES, null, key)).changes.filter((event: { kind: string }) => event.kind === kind);
};

test('what a key, a member and a visitor do over HTTP keeps the address and the credential by which they came', async () => {
  expect((await post(at.keys.AGENT, '6.6.6.6, 203.0.113.5', UPSERT, newCustomer(1))).data.upsertCustomer.userErrors).toEqual([]);
  expect((await post(at.member.token, '203.0.113.6', UPSERT, newCustomer(2))).data.upsertCustomer.userErrors).toEqual([]);
  await post(at.visitor.token, '203.0.113.7', `mutation { sendVisitorMessage(input: { clientId: "one", text: "Hello" }) { userErrors { message } } }`, {});
  const created = await sources('CUSTOMER_CREATED');
  expect(created).toContainEqual({ kind: 'CUSTOMER_CREATED', sourceAddress: '203.0.113.5', credentialId: at.keyIds.AGENT, actor: { kind: 'API_KEY' } });
  expect(created).toContainEqual({ kind: 'CUSTOMER_CREATED', sourceAddress: '203.0.113.6', credentialId: at.member.tokenId, actor: { kind: 'MEMBER' } });
  expect(await sources('MESSAGE_RECEIVED')).toEqual([
    { kind: 'MESSAGE_RECEIVED', sourceAddress: '203.0.113.7', credentialId: at.visitor.tokenId, actor: { kind: 'CUSTOMER' } },
  ]);
});

test('what is done over a socket keeps them too', async () => {
  const socket = server.socket(at.keys.INTEGRATOR, { headers: { 'x-forwarded-for': '203.0.113.8' } });
  const answer = await socket.run(UPSERT, newCustomer(3));
  expect(answer.data.upsertCustomer.userErrors).toEqual([]);
  await socket.close();
  expect(await sources('CUSTOMER_CREATED')).toContainEqual({ kind: 'CUSTOMER_CREATED', sourceAddress: '203.0.113.8', credentialId: at.keyIds.INTEGRATOR, actor: { kind: 'API_KEY' } });
});

test('what no caller does has no source, and only an administrator is shown one', async () => {
  expect((await sources('CHANNEL_CHANGED')).every(({ sourceAddress, credentialId }) => sourceAddress === null && credentialId === null)).toBe(true);
  const refused = await server.query(SOURCES, null, at.keys.AGENT);
  expect(refused.errors[0]!.extensions.code).toBe('FORBIDDEN');
});

test('another address or credential is noticed, an erased address is not, and nothing of it is left', async () => {
  const intact = async () => (await verifyChain(server.db.system, at.id)).intact;
  await sequenceAll(server.db.system);
  expect(await intact()).toBe(true);
  const { owner } = server.db;
  const kept = await owner`select * from event_sources where workspace_id = ${at.id} and address = '203.0.113.5'`;
  expect(kept).toHaveLength(1);
  const { hash, credentialId, addressHash, salt } = kept[0]!;
  const changes = [
    () => owner`update event_sources set address = '203.0.113.99' where hash = ${hash}`,
    () => owner`update event_sources set credential_id = gen_random_uuid() where hash = ${hash}`,
    () => owner`update event_sources set credential_kind = 'MEMBER_TOKEN' where hash = ${hash}`,
    () => owner`update event_sources set address_hash = sha256('x') where hash = ${hash}`,
    () => owner`update event_sources set address = null where hash = ${hash}`,
    () => owner`update event_sources set hash = sha256('x') where hash = ${hash}`,
  ];
  for (const change of changes) {
    await change();
    expect(await intact()).toBe(false);
    await owner`update event_sources set hash = ${hash}, address = '203.0.113.5', credential_kind = 'API_KEY', credential_id = ${credentialId}, address_hash = ${addressHash}
      where workspace_id = ${at.id} and salt = ${salt}`;
    expect(await intact()).toBe(true);
  }
  const [{ ids }] = (await owner`select array_agg(id) as ids from events where source = ${hash}`) as unknown as [{ ids: string[] }];
  await owner`update events set source = (select hash from event_sources where workspace_id = ${at.id} and hash <> ${hash} limit 1) where source = ${hash}`;
  expect(await intact()).toBe(false);
  await owner`update events set source = ${hash} where workspace_id = ${at.id} and id = any(${ids}::uuid[])`;
  expect(await intact()).toBe(true);

  await inWorkspace(server.db.app, at.id, (tx) => eraseSources(tx, at.id, [at.visitor.identityId]));
  expect(await intact()).toBe(true);
  expect(await sources('MESSAGE_RECEIVED')).toMatchObject([{ sourceAddress: null, credentialId: at.visitor.tokenId }]);
  expect(await owner`select 1 from event_sources where workspace_id = ${at.id} and address = '203.0.113.7'`).toHaveLength(0);
  expect(await owner`select 1 from event_sources where workspace_id = ${at.id} and identity_id = ${at.visitor.identityId} and salt is not null`).toHaveLength(0);
  // The others' are still there.
  expect(await sources('CUSTOMER_CREATED')).toContainEqual(expect.objectContaining({ sourceAddress: '203.0.113.5' }));
});
