// Over HTTP: who is let in, from where, and what a request may be.
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reply, startTestServer, type Reply, type TestServer, type TestWorkspace } from '../harness/server.ts';

let server: TestServer;
let ours: TestWorkspace;
let theirs: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer();
  [ours, theirs] = [await server.workspace('Ours'), await server.workspace('Theirs')];
});
afterAll(() => server.stop());

const get = async (path: string, headers: Record<string, string> = {}): Promise<Reply> => reply(await fetch(server.address + path, { headers, redirect: 'manual' }));
const VIEWER = '{ viewer { role permissions } }';

describe('health', () => {
  test('a ready server says so, and counts itself', async () => {
    expect(await get('/healthz')).toMatchObject({ status: 200, text: '{"status":"alive"}' });
    expect(await get('/readyz')).toMatchObject({ status: 200, text: '{"status":"ready"}' });
    const { status, text } = await get('/metrics');
    expect(status).toBe(200);
    expect(text).toMatch(/^throughline_http_request_seconds_count\{.*route="\/readyz".*\} \d+$/m);
    expect(text).toMatch(/^throughline_websockets \d+$/m);
  });
  test('the front door leads to the IDE, which needs nothing of the internet', async () => {
    expect((await get('/')).headers.get('location')).toBe('/graphql');
    const page = await get('/graphql', { accept: 'text/html' });
    expect(page.status).toBe(200);
    expect(page.text).toContain('/graphql/ide/');
    expect(page.text).not.toMatch(/(src|href)="https?:/);
    const [file] = /[\w.-]+\.js/.exec(page.text)!;
    expect((await get(`/graphql/ide/${file}`)).status).toBe(200);
    for (const path of ['/graphql/ide/..%2f..%2fpackage.json', '/graphql/ide/%2e%2e/%2e%2e/package.json', '/graphql/ide/%00.js', '/graphql/ide/%ff', '/graphql/ide/%25', '/graphql/ide/%252e%252e%252fpackage.json', '/graphql/ide/x.js']) {
      const refused = await get(path);
      expect(refused.status, path).toSatisfy((status: number) => status === 404 || status === 400);
      expect(refused.headers.get('cache-control')).toBeNull();
    }
  });
  test('the demo\'s key stands in the page for who sits at the machine, and for nobody who comes by another name or through a proxy', async () => {
    const demo = await startTestServer({ demo: true });
    try {
      const { adminKey } = demo.server.demo!;
      const page = (headers: Record<string, string>) =>
        new Promise<string>((resolve, reject) => {
          const { hostname, port } = new URL(demo.address);
          request({ hostname, port, path: '/graphql', headers: { accept: 'text/html', ...headers } }, (response) => {
            let text = '';
            response.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => resolve(text));
          }).on('error', reject).end();
        });
      expect(await page({})).toContain(adminKey);
      expect(await page({ host: 'localhost:4000' })).toContain(adminKey);
      for (const headers of [{ host: 'rebound.example:4000' }, { host: 'localhost.example' }, { 'x-forwarded-for': '203.0.113.7' }, { forwarded: 'for=203.0.113.7' }, { host: '[' }] as Record<string, string>[]) {
        const shown = await page(headers);
        expect(shown, JSON.stringify(headers)).not.toContain(adminKey);
      }
    } finally {
      await demo.stop();
    }
  });
  test('what is not there is told as JSON', async () => {
    expect(await get('/nowhere')).toMatchObject({ status: 404, text: expect.stringContaining('NOT_FOUND') });
  });
});

describe('keys', () => {
  test.each([
    ['none', null],
    ['one that never was', `tl_${'0'.repeat(32)}_${'x'.repeat(43)}`],
    ['one of no form', 'hello'],
    ['a token that nobody signed', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.'],
    ['one with a blank in it', 'a b'],
  ])('no key but a valid one is let in: %s', async (_name, key) => {
    const answer = await server.query(VIEWER, null, key);
    expect(answer).toMatchObject({ status: 401, data: null });
    expect(answer.errors[0]!.extensions.code).toBe('UNAUTHENTICATED');
  });
  test('the secret of one workspace under the name of another is no key', async () => {
    const secret = ours.keys.ADMIN.split('_').slice(2).join('_');
    expect((await server.query(VIEWER, null, `tl_${theirs.id.replaceAll('-', '')}_${secret}`)).status).toBe(401);
  });
  test('each key and token is who it is', async () => {
    const roles: [string, string][] = [...Object.entries(ours.keys), ['AGENT', ours.member.token], ['VISITOR', ours.visitor.token]];
    for (const [role, key] of roles) expect((await server.ask(VIEWER, null, key)).viewer.role).toBe(role);
    const { viewer } = await server.ask('{ viewer { member { id } apiKey { id } } }', null, ours.member.token);
    expect(viewer).toEqual({ member: { id: ours.member.id }, apiKey: null });
  });
  test('what a role may not do is refused with the permission that it lacks, before anything is done', async () => {
    const refused: [string, string, string][] = [
      [ours.keys.REPORTING, '{ customers { nodes { identities { nodes { value } } } } }', 'customers:contact'],
      [ours.keys.REPORTING, '{ events: changes { id } }', 'events:read'],
      [ours.keys.INTEGRATOR, '{ conversationStats(by: [DAY], range: { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" }) { messagesIn } }', 'statistics:read'],
      [ours.keys.AGENT, 'mutation { updateWorkspace(input: { name: "Mine now" }) { workspace { name } userErrors { code } } }', 'workspace:write'],
      [ours.member.token, '{ apiKeys { nodes { id } } }', 'keys:write'],
      [ours.visitor.token, '{ customers { nodes { id } } }', 'customers:read'],
      [ours.visitor.token, '{ workspace { name } }', 'workspace:read'],
      [ours.visitor.token, `{ node(id: "${ours.member.id}") { id } }`, 'workspace:read'],
    ];
    for (const [key, document, permission] of refused) {
      const answer = await server.query(document, null, key);
      expect(answer, document).toMatchObject({ status: 403, data: null });
      expect(answer.errors[0]!.extensions).toMatchObject({ code: 'FORBIDDEN', permission });
      expect(answer.errors[0]!.message).toContain(permission);
    }
    expect((await server.ask('{ workspace { name } }', null, ours.keys.ADMIN)).workspace.name).toBe('Ours');
  });
  test('ids of another workspace are as if they did not exist', async () => {
    const unknown = await server.query('query ($id: ID!) { node(id: $id) { id } }', { id: `mem_${'0'.repeat(32)}` }, theirs.keys.ADMIN);
    const foreign = await server.query('query ($id: ID!) { node(id: $id) { id } }', { id: ours.member.id }, theirs.keys.ADMIN);
    expect(foreign.text).toBe(unknown.text);
    expect(foreign.data).toEqual({ node: null });
  });
  test('a revoked key is refused', async () => {
    const { createApiKey } = await server.ask('mutation { createApiKey(input: { name: "Short", role: AGENT }) { apiKey { id } secret userErrors { code } } }', null, ours.keys.ADMIN);
    await server.ask('mutation ($id: ID!) { revokeApiKey(input: { apiKeyId: $id }) { userErrors { code } } }', { id: createApiKey.apiKey.id }, ours.keys.ADMIN);
    expect((await server.query(VIEWER, null, createApiKey.secret)).status).toBe(401);
  });
});

describe('pages of other origins', () => {
  const SHOP = 'https://shop.acme.example';
  const from = async (origin: string | null, key: string, headers: Record<string, string> = {}) =>
    reply(await fetch(`${server.address}/graphql`, {
      method: 'POST', body: JSON.stringify({ query: VIEWER }),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...(origin === null ? {} : { origin }), ...headers },
    }));
  const preflight = (origin: string) =>
    fetch(`${server.address}/graphql`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' } });

  beforeAll(async () => {
    await server.ask('mutation ($origins: [String!]) { updateWorkspace(input: { allowedOrigins: $origins }) { userErrors { code } } }', { origins: [SHOP] }, ours.keys.ADMIN);
  });
  test('a preflight is answered for origins that a workspace allows, and for no others', async () => {
    const allowed = await preflight(SHOP);
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe(SHOP);
    expect(allowed.headers.get('access-control-allow-headers')).toContain('authorization');
    expect(allowed.headers.get('access-control-allow-credentials')).toBeNull();
    for (const origin of ['https://evil.example', 'null', `${SHOP}.evil.example`, 'http://shop.acme.example']) expect((await preflight(origin)).headers.get('access-control-allow-origin'), origin).toBeNull();
  });
  test('only the workspace that allows an origin answers it', async () => {
    const answer = await from(SHOP, ours.keys.AGENT);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBe(SHOP);
    expect(answer.headers.get('vary')).toContain('origin');
    const other = await from(SHOP, theirs.keys.AGENT);
    expect(other).toMatchObject({ status: 403, data: null });
    for (const origin of ['https://evil.example', 'null', '', 'not an origin']) expect((await from(origin, ours.keys.AGENT)).status, origin).toBe(403);
  });
  test('a page can read that its token is no longer valid, and other pages can read nothing', async () => {
    const answer = await from(SHOP, 'over');
    expect(answer.status).toBe(401);
    expect(answer.headers.get('access-control-allow-origin')).toBe(SHOP);
    expect((await from('https://evil.example', 'over')).headers.get('access-control-allow-origin')).toBeNull();
    expect((await from('https://evil.example', ours.keys.AGENT)).headers.get('access-control-allow-origin')).toBeNull();
  });
  test('our own pages and what is no browser may call', async () => {
    expect((await from(server.address, ours.keys.AGENT)).status).toBe(200);
    expect((await from(null, ours.keys.AGENT)).status).toBe(200);
  });
});

describe('cost', () => {
  test('every answer says what it cost, and cost=only prices without running', async () => {
    const { extensions } = await server.query('{ members(first: 5) { nodes { name } } }', null, ours.keys.ADMIN);
    expect(extensions.cost).toMatchObject({ requested: expect.any(Number), limit: expect.any(Number) });
    const document = 'mutation { createTeam(input: { name: "Never made" }) { team { id } userErrors { code } } }';
    for (const [path, headers] of [['/graphql?cost=only', {}], ['/graphql', { 'x-throughline-cost': 'only' }]] as const) {
      const priced = await reply(await fetch(server.address + path, {
        method: 'POST', body: JSON.stringify({ query: document }), headers: { 'content-type': 'application/json', authorization: `Bearer ${ours.keys.ADMIN}`, ...headers },
      }));
      expect(priced).toMatchObject({ status: 200, data: null });
      expect(priced.extensions.cost.requested).toBeGreaterThan(0);
    }
    expect((await server.ask('{ teams { nodes { name } } }', null, ours.keys.ADMIN)).teams.nodes).toEqual([]);
  });
});
