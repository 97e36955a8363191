// What clients see of customers, through the graph and both of its read paths.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import '../../src/workspaces/fields.ts';
import '../../src/workspaces/actor.ts';
import '../../src/identities/fields.ts';
import '../../src/identities/mutations.ts';
import '../../src/customers/fields.ts';
import '../../src/customers/mutations.ts';
import { permissionsOf, type ViewerRole } from '../../src/access/permissions.ts';
import type { Viewer } from '../../src/access/viewer.ts';
import { bodyOf, makeGraph, type Graph } from '../../src/graphql/execute.ts';
import { entities, valueTypes, enumerations, roots } from '../../src/graphql/entity.ts';
import { mutations } from '../../src/graphql/mutation.ts';
import { confirmClaim, recordClaim } from '../../src/identities/claims.ts';
import { appendObservations, projectCustomer, standingObservations } from '../../src/identities/customers.ts';
import { shownObservations } from '../../src/identities/survivorship.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { newId, publicId } from '../../src/platform/ids.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { AT, email, phone, resolve, seen, visitor } from '../identities/people.ts';

let db: TestDatabase;
let graph: Graph;
let ws: string;
beforeAll(async () => {
  db = await testDatabase();
  graph = await makeGraph({ read: db.app, write: db.app });
});
afterAll(() => db?.close());
beforeEach(async () => {
  ({ id: ws } = await db.workspace());
});

const keyId = newId();
const viewer = (role: ViewerRole = 'ADMIN', workspaceId = ws): Viewer => ({
  workspaceId, role, permissions: permissionsOf(role, []), actor: { workspaceId, kind: 'API_KEY', id: keyId }, memberId: null, identityIds: [], accountId: null,
  permissionKey: role, expiresAtMs: null,
});
async function ask<T = any>(text: string, variables: Record<string, unknown> = {}, as: Viewer = viewer()): Promise<{ data: T; errors?: any[]; path: string }> {
  const answer = await graph.query(text, as, variables);
  return { ...JSON.parse(bodyOf(answer)), path: answer.path };
}
const cus = (uuid: string) => publicId('cus', uuid);

const PROFILE = `query ($id: ID!) { customer(id: $id) { id name displayName language tier company tags attributes state version createdAt updatedAt lastActivityAt
  identities { nodes { id kind namespace value valueRaw trust displayName linkReason isShared verifiedAt validTo linkedVia { kind } verifiedBy { kind } customer { id } } }
  externalIds { system value } claims { nodes { state value claimant { kind } customer { id } addressOwner { id } decidedBy { kind } } }
  attributesWithSource { key value source actor { kind } observedAt identity { kind } } observations { nodes { key } } self { kind } } }`;

describe('customer', () => {
  test('shows who somebody is, compiled to one statement', async () => {
    const { customerId } = await resolve(db.app, ws, [email('Ada@x.example', { displayName: 'Ada' }), seen('external_id', '7', { namespace: 'crm' })]);
    const { data, errors, path } = await ask(PROFILE, { id: cus(customerId) });
    expect(errors).toBeUndefined();
    expect(path).toBe('compiled');
    expect(data.customer).toMatchObject({
      id: cus(customerId), name: 'Ada', displayName: 'Ada', tags: [], attributes: {}, state: 'ACTIVE', version: 1, self: { kind: 'SELF' }, externalIds: [{ system: 'crm', value: '7' }],
      attributesWithSource: [{ key: 'name', value: 'Ada', source: 'CHANNEL', actor: { kind: 'SYSTEM' }, identity: { kind: 'EMAIL' }, observedAt: AT }],
    });
    expect(data.customer.identities.nodes.map((i: any) => [i.kind, i.value, i.linkReason]).sort()).toEqual([
      ['EMAIL', 'ada@x.example', 'FIRST_SEEN'], ['EXTERNAL_ID', '7', 'ATTESTED_TOGETHER'],
    ]);
  });

  test('is found by any spelling of an address, and by the id of one who turned out to be him', async () => {
    const ada = await resolve(db.app, ws, [phone('+5531988888888')]);
    const byNumber = (value: string) => ask('query ($v: String!) { customer(identity: { kind: PHONE, value: $v }) { id } }', { v: value });
    for (const value of ['+55 31 98888-8888', '+553188888888', 'tel:+5531988888888']) expect((await byNumber(value)).data.customer).toEqual({ id: cus(ada.customerId) });
    expect((await byNumber('+4915112345678')).data.customer).toBeNull();
    const guest = await resolve(db.app, ws, [visitor('v')]);
    const claim = await inWorkspace(db.app, ws, (tx) => recordClaim(tx, { workspaceId: ws, actor: viewer().actor, claimantIdentityId: guest.identityId, kind: 'phone', value: '+5531988888888' }));
    const before = await ask(PROFILE, { id: cus(ada.customerId) });
    expect(before.data.customer.claims.nodes).toMatchObject([{ state: 'PENDING', claimant: { kind: 'VISITOR' }, customer: { id: cus(guest.customerId) }, addressOwner: { id: cus(ada.customerId) }, decidedBy: null }]);
    await inWorkspace(db.app, ws, (tx) => confirmClaim(tx, { workspaceId: ws, actor: viewer().actor, claimId: claim!.claimId }));
    expect((await ask('query ($id: ID!) { customer(id: $id) { id } }', { id: cus(guest.customerId) })).data.customer).toEqual({ id: cus(ada.customerId) });
    expect((await ask('{ customers { nodes { id } } }')).data.customers.nodes).toEqual([{ id: cus(ada.customerId) }]);
  });

  test('of another workspace does not exist; wrong arguments are refused by their code', async () => {
    const other = await db.workspace();
    const theirs = await resolve(db.app, other.id, [email('ada@x.example')]);
    expect((await ask('query ($id: ID!) { customer(id: $id) { id } }', { id: cus(theirs.customerId) })).data.customer).toBeNull();
    expect((await ask('{ customer(identity: { kind: EMAIL, value: "ada@x.example" }) { id } }')).data.customer).toBeNull();
    const code = async (query: string, as = viewer()) => (await ask(query, {}, as)).errors?.[0]?.extensions?.code;
    expect(await code('{ customer(id: "cnv_1") { id } }')).toBe('INVALID_ID');
    expect(await code('{ customer { id } }')).toBe('INVALID_INPUT');
    expect(await code('{ customer(identity: { kind: EMAIL, value: "x" }) { id } }')).toBe('INVALID_INPUT');
    expect(await code('{ customer(identity: { kind: EMAIL, value: "ada@x.example" }) { id } }', viewer('REPORTING'))).toBe('FORBIDDEN');
    expect(await code(`{ customer(id: "${cus(newId())}") { identities { nodes { value } } } }`, viewer('REPORTING'))).toBe('FORBIDDEN');
  });

  test('shows of each key the observation that survivorship chooses', async () => {
    const { customerId, identityId } = await resolve(db.app, ws, [email('ada@x.example', { displayName: 'Mail' })]);
    const guest = await resolve(db.app, ws, [visitor('v', { displayName: 'Chat' })]);
    const claim = await inWorkspace(db.app, ws, (tx) => recordClaim(tx, { workspaceId: ws, actor: viewer().actor, claimantIdentityId: guest.identityId, kind: 'email', value: 'ada@x.example' }));
    await inWorkspace(db.app, ws, (tx) => confirmClaim(tx, { workspaceId: ws, actor: viewer().actor, claimId: claim!.claimId }));
    // A fixed sequence of small numbers, dense enough that sources, moments and identities tie in every way.
    let state = 12345;
    const next = (below: number) => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 16) % below;
    const sources = ['AGENT', 'CRM', 'CLAIM'] as const;
    await inWorkspace(db.app, ws, async (tx) => {
      for (const key of ['name', 'tier', 'company', 'tag.vip', 'tag.old', ...Array.from({ length: 12 }, (_, n) => `custom.k${n}`)]) {
        for (let n = 0; n < 6; n++) {
          const value = next(4) === 0 ? null : key.startsWith('tag.') ? true : `v${n}`;
          const observedAt = new Date(Date.parse(AT) + next(4) * 1000).toISOString();
          await appendObservations(tx, ws, viewer().actor, [{ identityId: next(2) ? identityId : guest.identityId, key, value, source: key === 'tier' ? 'CLAIM' : sources[next(3)]! }], observedAt);
        }
      }
      await projectCustomer(tx, ws, viewer().actor, customerId);
    });
    const standing = await inWorkspace(db.app, ws, (tx) => standingObservations(tx, ws, customerId));
    const chosen = [...shownObservations(standing).values()].map((o) => ({ key: o.key, value: o.value, source: o.source })).sort((a, b) => (a.key < b.key ? -1 : 1));
    const { data } = await ask('query ($id: ID!) { customer(id: $id) { name tier tags attributesWithSource { key value source } observations(first: 100) { nodes { key } } } }', { id: cus(customerId) });
    expect(data.customer.attributesWithSource).toEqual(chosen);
    expect(chosen.length).toBeGreaterThan(8);
    expect(data.customer.tier).toBeNull();
    expect(data.customer.observations.nodes.length).toBeGreaterThan(chosen.length);
    expect(data.customer.name).toBe(chosen.find((o) => o.key === 'name')?.value ?? null);
  });
});

test('customers are listed by activity and filtered', async () => {
  const make = (n: number, more: Record<string, unknown>) =>
    ask('mutation ($i: UpsertCustomerInput!) { upsertCustomer(input: $i) { customer { id } result userErrors { code message field } } }', { i: { externalId: { system: 'crm', value: String(n) }, ...more } });
  expect((await make(1, { tier: 'gold', tags: ['vip'], language: 'de' })).data.upsertCustomer).toMatchObject({ result: 'CREATED', userErrors: [] });
  await make(2, { tier: 'silver', company: 'Acme' });
  const list = async (filter: string) => (await ask(`{ customers(filter: ${filter}, orderBy: CREATED) { totalCount { count } nodes { externalIds { value } } } }`)).data.customers.nodes.map((c: any) => c.externalIds[0].value);
  expect(await list('{ tier: "gold" }')).toEqual(['1']);
  expect(await list('{ tag: "vip" }')).toEqual(['1']);
  expect(await list('{ language: null }')).toEqual(['2']);
  expect(await list('{ company: "Acme" }')).toEqual(['2']);
  expect((await ask('{ customers { nodes { displayName } } }')).data.customers.nodes[0].displayName).toMatch(/^Customer [0-9A-F]{6}$/);
});

describe('mutations', () => {
  test('answer what is wrong in userErrors, by field, and write nothing', async () => {
    const { data } = await ask('mutation { upsertCustomer(input: { identity: { kind: EMAIL, value: "x" } }) { customer { id } userErrors { code field } } }');
    expect(data.upsertCustomer).toEqual({ customer: null, userErrors: [{ code: 'INVALID_INPUT', field: ['identity', 'value'] }] });
    const bulk = await ask(`mutation { upsertCustomers(input: { errorPolicy: SKIP_FAILED, customers: [{ externalId: { system: "crm", value: "1" } }, { identity: { kind: PHONE, value: "0000000" } }] }) {
      rows { result customer { externalIds { value } } userErrors { code field } } userErrors { code } } }`);
    expect(bulk.data.upsertCustomers).toEqual({ userErrors: [], rows: [
      { result: 'CREATED', customer: { externalIds: [{ value: '1' }] }, userErrors: [] },
      { result: null, customer: null, userErrors: [{ code: 'INVALID_INPUT', field: ['customers', '1', 'identity', 'value'] }] },
    ] });
  });

  test('decide claims, add addresses, tag, and mark as shared', async () => {
    const ada = await resolve(db.app, ws, [email('ada@x.example')]);
    const guest = await resolve(db.app, ws, [visitor('v')]);
    const claim = await inWorkspace(db.app, ws, (tx) => recordClaim(tx, { workspaceId: ws, actor: viewer().actor, claimantIdentityId: guest.identityId, kind: 'email', value: 'ada@x.example' }));
    const id = publicId('clm', claim!.claimId);
    const decide = (name: string, version: number) =>
      ask(`mutation { ${name}(input: { claimId: "${id}", expectedVersion: ${version} }) { claim { state version decidedBy { kind } customer { id } } userErrors { code } } }`);
    expect((await decide('confirmClaim', 1)).data.confirmClaim).toEqual({ claim: { state: 'CONFIRMED', version: 2, decidedBy: { kind: 'API_KEY' }, customer: { id: cus(ada.customerId) } }, userErrors: [] });
    expect((await decide('rejectClaim', 1)).data.rejectClaim).toEqual({ claim: null, userErrors: [{ code: 'CONFLICT' }] });
    expect((await decide('rejectClaim', 2)).data.rejectClaim.claim).toMatchObject({ state: 'REJECTED', customer: { id: cus(guest.customerId) } });
    const added = await ask(`mutation { addIdentity(input: { customerId: "${cus(ada.customerId)}", identity: { kind: PHONE, value: "+49 151 12345678" } }) { identity { value linkReason customer { id } } userErrors { code } } }`);
    expect(added.data.addIdentity).toEqual({ identity: { value: '+4915112345678', linkReason: 'GIVEN', customer: { id: cus(ada.customerId) } }, userErrors: [] });
    const tagged = await ask(`mutation { tagCustomer(input: { customerId: "${cus(ada.customerId)}", add: ["vip"] }) { customer { tags version } userErrors { code } } }`);
    expect(tagged.data.tagCustomer.customer).toEqual({ tags: ['vip'], version: 2 });
    const shared = await ask(`mutation { setIdentityShared(input: { identityId: "${publicId('idn', ada.identityId)}", isShared: true }) { identity { isShared } userErrors { code } } }`);
    expect(shared.data.setIdentityShared).toEqual({ identity: { isShared: true }, userErrors: [] });
  });

  test('are refused to those who may only read, and with another workspace\'s ids', async () => {
    const ada = await resolve(db.app, ws, [email('ada@x.example')]);
    const text = `mutation { tagCustomer(input: { customerId: "${cus(ada.customerId)}", add: ["x"] }) { customer { id } userErrors { code } } }`;
    expect((await ask(text, {}, viewer('REPORTING'))).errors![0].extensions.code).toBe('FORBIDDEN');
    const other = await db.workspace();
    expect((await ask(text, {}, viewer('ADMIN', other.id))).data.tagCustomer).toEqual({ customer: null, userErrors: [{ code: 'NOT_FOUND' }] });
  });
});

test('everything that these folders add to the graph is described', () => {
  const undescribed: string[] = [];
  const look = (at: string, thing: { description?: string } | undefined) => {
    if (!thing?.description || thing.description.length < 5) undescribed.push(at);
  };
  for (const name of ['Customer', 'Identity', 'Claim', 'ExternalId', 'AttributeObservation']) {
    look(name, entities.get(name));
    for (const [field, declared] of Object.entries(entities.get(name)!.fields)) look(`${name}.${field}`, declared);
  }
  for (const name of ['IdentityKind', 'Trust', 'ClaimState', 'ObservationSource', 'LinkReason', 'CustomerState', 'UpsertResult', 'ErrorPolicy']) {
    look(name, enumerations.get(name));
    for (const [value, description] of Object.entries(enumerations.get(name)!.values)) look(`${name}.${value}`, { description });
  }
  for (const name of ['customer', 'customers', 'identity', 'claim']) look(`Query.${name}`, roots[name]);
  for (const name of ['upsertCustomer', 'upsertCustomers', 'addIdentity', 'tagCustomer', 'confirmClaim', 'rejectClaim', 'setIdentityShared']) {
    look(name, mutations[name]);
    for (const [field, declared] of Object.entries({ ...mutations[name]!.input, ...mutations[name]!.payload })) look(`${name}.${field}`, declared as { description: string });
  }
  expect(undescribed).toEqual([]);
  expect(valueTypes.get('Actor')).toBeDefined();
});
