import { afterAll, beforeAll, expect, test } from 'vitest';
import { viewerOf } from '../../src/access/keys.ts';
import { makeGraph, type Graph } from '../../src/graphql/execute.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { initSecrets } from '../../src/platform/secrets.ts';
import { createApiKey } from '../../src/workspaces/keys.ts';
import '../../src/workspaces/actor.ts';
import '../../src/workspaces/fields.ts';
import '../../src/workspaces/mutations.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

let db: TestDatabase;
let graph: Graph;
let admin: string;
let keeper: string;
let other: string;

beforeAll(async () => {
  initSecrets('a secret of the tests, long enough');
  db = await testDatabase();
  graph = await makeGraph({ read: db.app, write: db.app });
  const [a, b] = [await db.workspace(), await db.workspace('Bolt')];
  const key = (w: typeof a, scopes: string[] = []) => inWorkspace(db.app, w.id, async (tx) => (await createApiKey(tx, w.actor, { name: 'k', role: 'ADMIN', scopes })).key);
  admin = await key(a);
  keeper = await key(a, ['keys:write', 'workspace:write', 'workspace:read']);
  other = await key(b);
});
afterAll(() => db.close());

async function ask(credential: string, text: string, variables: Record<string, unknown> = {}): Promise<any> {
  const answer = await graph.query(text, await viewerOf(db.app, `Bearer ${credential}`), variables);
  if (answer.errors.length > 0) return { code: answer.errors[0]!.extensions!.code, message: answer.errors[0]!.message };
  return JSON.parse(answer.data!);
}
const act = async (credential: string, name: string, selection: string, input: unknown) => {
  const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
  const answer = await ask(credential, `mutation ($input: ${type}!) { ${name}(input: $input) { ${selection} userErrors { code message field } } }`, { input });
  return answer[name] ?? answer;
};
const id = async (name: string, selection: string, input: unknown, credential = admin) => {
  const payload = await act(credential, name, `${selection} { id }`, input);
  expect(payload.userErrors).toEqual([]);
  return payload[selection].id as string;
};

test('a new key’s secret is shown once, opens what its role may, and is nowhere to be read again', async () => {
  const made = await act(admin, 'createApiKey', 'secret apiKey { id name role scopes hint revokedAt }', { name: 'CRM', role: 'INTEGRATOR', scopes: ['customers:read'] });
  expect(made.apiKey).toMatchObject({ name: 'CRM', role: 'INTEGRATOR', scopes: ['customers:read'], revokedAt: null });
  expect(await ask(made.secret, '{ viewer { role permissions expiresAt } }'))
    .toEqual({ viewer: { role: 'INTEGRATOR', permissions: ['any', 'customers:read'], expiresAt: null } });
  expect(JSON.stringify(await ask(admin, '{ apiKeys { nodes { id name hint } } }'))).not.toContain(made.secret.slice(-30));
  expect((await act(admin, 'revokeApiKey', 'apiKey { revokedAt }', { apiKeyId: made.apiKey.id })).apiKey.revokedAt).not.toBeNull();
});

test('nobody gives a key, a member or a token that may do more than himself', async () => {
  expect(await act(keeper, 'createApiKey', 'secret', { name: 'more', role: 'ADMIN' })).toMatchObject({ code: 'FORBIDDEN' });
  expect(await act(keeper, 'createMember', 'member { id }', { name: 'More', email: 'more@acme.example', role: 'ADMIN' })).toMatchObject({ code: 'FORBIDDEN' });
  expect((await act(keeper, 'createApiKey', 'secret', { name: 'same', role: 'ADMIN', scopes: ['workspace:read'] })).userErrors).toEqual([]);
  const memberId = await id('createMember', 'member', { name: 'Chief', email: 'chief@acme.example', role: 'ADMIN' });
  expect(await act(keeper, 'createMemberToken', 'token', { memberId })).toMatchObject({ code: 'FORBIDDEN' });
});

test('a member token acts as the member until it is revoked', async () => {
  const memberId = await id('createMember', 'member', { name: 'Mia', email: 'mia@acme.example' });
  const { token, tokenId } = await act(admin, 'createMemberToken', 'token tokenId expiresAt', { memberId, ttlMs: 60_000 });
  expect(await ask(token, '{ viewer { role member { id name } apiKey { id } } }')).toEqual({ viewer: { role: 'AGENT', member: { id: memberId, name: 'Mia' }, apiKey: null } });
  expect(await act(token, 'createApiKey', 'secret', { name: 'x', role: 'AGENT' })).toMatchObject({ code: 'FORBIDDEN' });
  expect((await act(other, 'revokeToken', 'tokenId', { tokenId })).userErrors[0].code).toBe('NOT_FOUND');
  expect((await act(admin, 'revokeToken', 'tokenId', { tokenId })).tokenId).toBe(tokenId);
});

test('teams, queues and hours are shown as they were made, and are another workspace’s nothing', async () => {
  const memberId = await id('createMember', 'member', { name: 'Tom', email: 'tom@acme.example' });
  const teamId = await id('createTeam', 'team', { name: 'Billing', memberIds: [memberId] });
  const businessHoursId = await id('createBusinessHours', 'businessHours', { name: 'Office', timeZone: 'Europe/Berlin', hours: [{ day: 2, from: '09:00', to: '17:00' }, { day: 1, from: '09:00', to: '17:00' }] });
  const queueId = await id('createQueue', 'queue', { name: 'Bills', businessHoursId });
  expect(await ask(admin, '{ teams { nodes { name memberCount members { nodes { name teams { nodes { id } } } } } } queues { nodes { id name isDefault businessHours { name hours } } } }')).toEqual({
    teams: { nodes: [{ name: 'Billing', memberCount: 1, members: { nodes: [{ name: 'Tom', teams: { nodes: [{ id: teamId }] } }] } }] },
    queues: { nodes: [{ id: queueId, name: 'Bills', isDefault: false, businessHours: { name: 'Office', hours: [{ day: 1, from: '09:00', to: '17:00' }, { day: 2, from: '09:00', to: '17:00' }] } }] },
  });
  expect(await ask(other, `{ nodes(ids: ["${teamId}", "${queueId}", "${memberId}", "${businessHoursId}"]) { id } teams { nodes { id } } }`)).toEqual({ nodes: [null, null, null, null], teams: { nodes: [] } });
  for (const [name, input] of Object.entries({
    setTeamMembers: { teamId, memberIds: [] }, updateQueue: { queueId, name: 'Mine' }, deactivateMember: { memberId }, createMemberToken: { memberId },
    createTeam: { name: 'Theirs', memberIds: [memberId] }, createQueue: { name: 'Theirs', businessHoursId },
  })) expect(`${name} ${(await act(other, name, '__typename', input)).userErrors[0].code}`).toBe(`${name} NOT_FOUND`);
});

test('the workspace is its own only, and swaps by version', async () => {
  const read = async (credential: string) => (await ask(credential, '{ workspace { id name timeZone version allowedOrigins } }')).workspace;
  const mine = await read(admin);
  const theirs = await read(other);
  expect(mine.id).not.toBe(theirs.id);
  expect(await ask(other, `{ node(id: "${mine.id}") { id } }`)).toEqual({ node: null });
  const update = (input: object) => act(admin, 'updateWorkspace', 'workspace { name timeZone version }', input);
  expect((await update({ timeZone: 'Europe/Amsterdam', expectedVersion: mine.version })).workspace).toEqual({ name: 'Acme', timeZone: 'Europe/Amsterdam', version: mine.version + 1 });
  expect((await update({ name: 'Late', expectedVersion: mine.version })).userErrors[0].code).toBe('CONFLICT');
  expect((await update({ timeZone: 'Mars/Olympus' })).userErrors).toEqual([{ code: 'INVALID_INPUT', message: expect.any(String) as string, field: ['timeZone'] }]);
  expect((await read(other)).name).toBe('Bolt');
});

test.each([
  ['an id of another type', 'deactivateMember', { memberId: `que_${'0'.repeat(32)}` }],
  ['an id that is none', 'revokeApiKey', { apiKeyId: 'key_1' }],
])('%s is named as such', async (_name, mutation, input) => {
  const answer = await act(admin, mutation, '__typename', input);
  expect(answer.code ?? answer.userErrors[0].code).toBe('INVALID_ID');
});
