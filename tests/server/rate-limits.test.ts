// G19: what a caller may ask for in a minute is counted in points of cost, by credential, over every door; the answer tells what is left.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { publicId } from '../../src/platform/ids.ts';
import { setClock } from '../../src/platform/clock.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';

const BUDGET = 20_000;
const REFUSED = 5;
const DELIVERIES = 3;

let server: TestServer;
let ours: TestWorkspace;
let theirs: TestWorkspace;
let atMs = Date.now();
let restore: () => void;
beforeAll(async () => {
  server = await startTestServer({ config: { rateLimits: { costPerMinute: BUDGET, refusedPerMinute: REFUSED, deliveriesPerMinute: DELIVERIES } } });
  [ours, theirs] = [await server.workspace(), await server.workspace()];
});
afterAll(() => server.stop());
// The clock stands still, so that nothing comes back by itself; a test begins with every budget full.
beforeEach(() => {
  atMs += 61_000;
  restore = setClock(() => atMs);
});
afterEach(() => restore());

const VIEWER = '{ viewer { role } }';
const aliases = (n: number) => `{ ${Array.from({ length: n }, (_, i) => `a${i}: customers(first: 45) { nodes { id } }`).join(' ')} }`;
/** Spends a budget until not even little is left. */
async function drain(key: string): Promise<void> {
  for (const document of [DEAR, aliases(20), aliases(1), VIEWER]) for (let status = 200; status === 200; ) ({ status } = await server.query(document, null, key));
}
/** 100 customers of 100 conversations each: more than half of the budget. */
const DEAR = '{ customers(first: 100) { nodes { conversations(first: 100) { nodes { id } } } } }';
const costOf = async (document: string): Promise<number> => (await server.query(document, null, theirs.keys.ADMIN)).extensions.cost.requested;

describe('over HTTP', () => {
  test('every answer tells what is left, in the cost and as RateLimit headers', async () => {
    const cost = await costOf(VIEWER);
    const answers = [await server.query(VIEWER, null, ours.keys.ADMIN), await server.query(VIEWER, null, ours.keys.ADMIN)];
    expect(answers.map(({ extensions }) => extensions.cost.remaining)).toEqual([BUDGET - cost, BUDGET - 2 * cost]);
    expect(answers[0]!.headers.get('ratelimit-policy')).toBe(`"cost";q=${BUDGET};w=60`);
    expect(answers[0]!.headers.get('ratelimit')).toBe(`"cost";r=${BUDGET - cost};t=1`);
  });

  test('over the budget: 429, RATE_LIMITED, when to come again; then it goes on', async () => {
    const cost = await costOf(DEAR);
    expect(cost).toBeGreaterThan(BUDGET / 2);
    expect((await server.query(DEAR, null, ours.keys.ADMIN)).status).toBe(200);
    const refused = await server.query(DEAR, null, ours.keys.ADMIN);
    const seconds = Math.ceil(((2 * cost - BUDGET) / BUDGET) * 60);
    expect(refused).toMatchObject({ status: 429, data: null, errors: [{ extensions: { code: 'RATE_LIMITED', retryable: true, retryAfterSeconds: seconds, cost: { requested: cost, remaining: BUDGET - cost } } }] });
    expect(refused.headers.get('retry-after')).toBe(String(seconds));
    expect(refused.headers.get('ratelimit')).toBe(`"cost";r=${BUDGET - cost};t=${Math.ceil((cost / BUDGET) * 60)}`);
    // What is small still gets in, and so does every other key.
    expect((await server.query(VIEWER, null, ours.keys.ADMIN)).status).toBe(200);
    expect((await server.query(DEAR, null, ours.keys.AGENT)).status).toBe(200);
    expect((await server.query(DEAR, null, ours.member.token)).status).toBe(200);
    atMs += (seconds + 1) * 1000;
    expect((await server.query(DEAR, null, ours.keys.ADMIN)).status).toBe(200);
  });

  test('a flood of aliases pays for each; a batch is refused whole', async () => {
    const [one, twenty] = [await costOf(aliases(1)), await costOf(aliases(20))];
    expect(twenty).toBeGreaterThan(19 * one);
    for (let spent = twenty; spent <= BUDGET; spent += twenty) expect((await server.query(aliases(20), null, ours.keys.ADMIN)).status).toBe(200);
    expect((await server.query(aliases(20), null, ours.keys.ADMIN)).status).toBe(429);
    const batch = await fetch(`${server.address}/graphql`, {
      method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${ours.keys.AGENT}` }, body: JSON.stringify(Array.from({ length: 50 }, () => ({ query: VIEWER }))),
    });
    expect(batch.status).toBe(400);
  });

  test('what is refused before it runs pays for having been read: an endless row of bad documents ends in 429', async () => {
    await server.query(DEAR, null, ours.keys.ADMIN);
    for (let status = 200; status === 200; ) ({ status } = await server.query(aliases(20), null, ours.keys.ADMIN));
    const left = (await server.query(VIEWER, null, ours.keys.ADMIN)).extensions.cost.remaining;
    const statuses: number[] = [];
    for (let i = 0; i <= left / 10; i++) statuses.push((await server.query(`{ nothing${i} }`, null, ours.keys.ADMIN)).status);
    expect(statuses).toEqual([...Array<number>(Math.floor(left / 10)).fill(400), 429]);
  });

  test('a mutation that cannot be paid for changes nothing', async () => {
    await drain(ours.keys.ADMIN);
    expect((await server.query('mutation { createTeam(input: { name: "Unpaid" }) { userErrors { code } } }', null, ours.keys.ADMIN)).status).toBe(429);
    expect(await server.db.owner`select 1 from teams where name = 'Unpaid'`).toHaveLength(0);
  });
});

describe('over a socket', () => {
  test('the same budget is spent: operations and subscriptions are refused with the same words, and the socket stays', async () => {
    const socket = server.socket(ours.keys.ADMIN);
    await socket.open;
    const { data, extensions } = (await socket.run(DEAR)) as { data: unknown; extensions: { cost: { requested: number; remaining: number } } };
    expect(data).toBeTruthy();
    expect(extensions.cost.remaining).toBe(BUDGET - extensions.cost.requested - 10);
    for (const document of [DEAR, 'subscription { inbox { conversation { customer { conversations(first: 100) { nodes { messages(first: 95) { nodes { id } } } } } } } }']) {
      const { errors } = await socket.run(document);
      expect(errors, document).toMatchObject([{ extensions: { code: 'RATE_LIMITED', retryable: true } }]);
      expect(errors![0].extensions.retryAfterSeconds).toBeGreaterThan(0);
    }
    expect((await server.query(DEAR, null, ours.keys.ADMIN)).status).toBe(429);
    expect((await socket.run(VIEWER)).data).toEqual({ viewer: { role: 'ADMIN' } });
    await socket.close();
  });

  test('bad documents pay there too', async () => {
    const socket = server.socket(ours.keys.INTEGRATOR);
    await socket.open;
    const bad = async (n: number) => (await socket.run(`{ nothing${n} }`)).errors![0].extensions.code;
    expect(await bad(1)).toBe('GRAPHQL_VALIDATION_FAILED');
    await drain(ours.keys.INTEGRATOR);
    expect(await bad(2)).toBe('RATE_LIMITED');
    await socket.close();
  });

  test('opening sockets pays: whom the budget does not let in is closed with a code that clients retry', async () => {
    await drain(ours.keys.REPORTING);
    const { code, reason } = await server.socket(ours.keys.REPORTING).closed;
    expect([code, reason]).toEqual([1013, expect.stringContaining('Try again in')]);
  });
});

describe('refused credentials', () => {
  test('an address that shows too many is refused with 429 before anybody is asked, but whoever was let in before still is', async () => {
    expect((await server.query(VIEWER, null, ours.keys.ADMIN)).status).toBe(200);
    const statuses: number[] = [];
    for (let i = 0; i < REFUSED + 2; i++) statuses.push((await server.query(VIEWER, null, i % 2 ? null : `tl_${'0'.repeat(32)}_${'x'.repeat(40)}${i}`)).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
    expect((await server.socket('nothing').closed).code).toBe(1013);
    expect((await server.query(VIEWER, null, ours.keys.ADMIN)).status).toBe(200);
    const unknown = await server.query(VIEWER, null, (await server.workspace()).keys.ADMIN);
    expect([unknown.status, unknown.headers.get('retry-after')]).toEqual([429, '12']);
    atMs += 61_000;
    expect((await server.query(VIEWER, null, null)).status).toBe(401);
  });
});

test('deliveries are counted by endpoint, once they are verified; over it the door answers 429 and stores nothing', async () => {
  const secret = 'the-secret-of-the-mail-door';
  const { endpointId } = await ours.connect({ channel: 'EMAIL', provider: 'mime', name: 'Mail', address: 'support@acme.example', settings: { host: '127.0.0.1', port: 9, secure: 'none' }, secrets: { inbound: secret } });
  const post = (n: number, authorization = `Bearer ${secret}`) => fetch(`${server.address}/hooks/mime/${publicId('end', endpointId)}`, {
    method: 'POST', headers: { authorization, 'content-type': 'message/rfc822' }, body: `From: ada@customers.example\r\nTo: support@acme.example\r\nMessage-ID: <${n}@x>\r\n\r\nHello ${n}`,
  });
  // Strangers use up nothing.
  for (let n = 0; n < DELIVERIES + 1; n++) expect((await post(n, 'Bearer wrong')).status).toBe(403);
  for (let n = 0; n < DELIVERIES; n++) expect((await post(n)).status).toBe(202);
  const refused = await post(9);
  expect([refused.status, refused.headers.get('retry-after'), ((await refused.json()) as { error: { code: string } }).error.code]).toEqual([429, '20', 'RATE_LIMITED']);
  expect(await server.db.owner`select 1 from deliveries where workspace_id = ${ours.id}`).toHaveLength(DELIVERIES);
  atMs += 21_000;
  expect((await post(9)).status).toBe(202);
});
