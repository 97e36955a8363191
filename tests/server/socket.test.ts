// Over WebSocket: who is let in, with which close code one is shown out, and that a socket never outlives its key.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createMemberToken, createVisitorToken } from '../../src/access/tokens.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { within } from '../events/make.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';

let server: TestServer;
let ours: TestWorkspace;
let theirs: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer();
  [ours, theirs] = [await server.workspace('Ours'), await server.workspace('Theirs')];
});
afterAll(() => server.stop());

const VIEWER = '{ viewer { role } }';
const EVENTS = 'subscription ($after: Cursor) { events(after: $after) { cursor event { kind } } }';
const TAG = 'mutation ($name: String!) { createTeam(input: { name: $name }) { team { id } userErrors { code } } }';

/** A socket without a client's manners: what it is sent, and how it ends. */
function raw(o: { protocol?: string | string[]; headers?: Record<string, string>; path?: string } = {}) {
  const socket = new WebSocket(`${server.address.replace('http', 'ws')}${o.path ?? '/graphql'}`, o.protocol ?? 'graphql-transport-ws', { headers: o.headers });
  const got: any[] = [];
  const waits: (() => void)[] = [];
  socket.on('message', (data) => {
    got.push(JSON.parse(data.toString()));
    waits.splice(0).forEach((wake) => wake());
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() })));
  const refused = new Promise<number>((resolve) => socket.on('unexpected-response', (_request, response) => (resolve(response.statusCode!), socket.terminate())));
  socket.on('error', () => {});
  const opened = new Promise<void>((resolve) => socket.on('open', resolve));
  return {
    socket, closed, opened, refused,
    send: async (...messages: unknown[]) => {
      await opened;
      for (const message of messages) socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
    },
    next: async () => {
      while (got.length === 0) await within(5_000, 'A message', new Promise<void>((resolve) => waits.push(resolve)));
      return got.shift();
    },
  };
}
const init = (key: string) => ({ type: 'connection_init', payload: { Authorization: `Bearer ${key}` } });

describe('coming in', () => {
  test('a socket is who its key or token is, and carries queries, mutations and subscriptions', async () => {
    for (const [role, key] of [...Object.entries(ours.keys), ['AGENT', ours.member.token], ['VISITOR', ours.visitor.token]] as const) {
      const socket = server.socket(key);
      expect((await socket.run(VIEWER)).data.viewer.role).toBe(role);
      await socket.close();
    }
    const socket = server.socket(ours.keys.ADMIN);
    const { cursor } = (await socket.run('{ cursor }')).data;
    expect((await socket.run(TAG, { name: 'Made over a socket' })).data.createTeam.userErrors).toEqual([]);
    expect((await socket.subscribe(EVENTS, { after: cursor }).next()).events.event.kind).toBeTruthy();
    await socket.close();
  });
  test('a bad key is shown out with 4401, which clients do not try again', async () => {
    for (const key of [null, 'nothing', `tl_${'0'.repeat(32)}_${'x'.repeat(43)}`]) {
      const { code, reason } = await within(5_000, 'The close', server.socket(key).closed);
      expect(code).toBe(4401);
      expect(reason).toMatch(/^Unauthorized/);
    }
    for (const parameters of [{ Authorization: 5 }, { Authorization: null }, { Authorization: [ours.keys.ADMIN] }, { token: ours.keys.ADMIN }]) {
      expect((await within(5_000, 'The close', server.socket('x', { parameters }).closed)).code).toBe(4401);
    }
  });
  test('the key may stand in the header of the upgrade, for clients that can set one', async () => {
    const socket = server.socket(null, { parameters: {}, headers: { authorization: `Bearer ${ours.keys.AGENT}` } });
    expect((await socket.run(VIEWER)).data.viewer.role).toBe('AGENT');
    await socket.close();
  });
  test('what a role may not do is refused by the same words as over HTTP, and the socket stays', async () => {
    for (const document of ['{ apiKeys { nodes { id } } }', 'mutation { updateWorkspace(input: { name: "Mine" }) { userErrors { code } } }', EVENTS]) {
      const socket = server.socket(ours.visitor.token);
      const { errors } = await socket.run(document);
      const http = await server.query(document, null, ours.visitor.token);
      expect(errors).toHaveLength(1);
      expect(errors![0].extensions).toMatchObject({ code: 'FORBIDDEN' });
      if (document !== EVENTS) expect(http.errors).toEqual(errors);
      expect((await socket.run(VIEWER)).data.viewer.role).toBe('VISITOR');
      await socket.close();
    }
  });
  test('pages of an origin that the workspace does not allow are shown out', async () => {
    await server.ask('mutation { updateWorkspace(input: { allowedOrigins: ["https://shop.acme.example"] }) { userErrors { code } } }', null, ours.keys.ADMIN);
    const from = (key: string, origin: string) => server.socket(key, { headers: { origin } });
    const allowed = from(ours.keys.AGENT, 'https://shop.acme.example');
    expect((await allowed.run(VIEWER)).data.viewer.role).toBe('AGENT');
    await allowed.close();
    for (const [key, origin] of [[ours.keys.AGENT, 'https://evil.example'], [theirs.keys.AGENT, 'https://shop.acme.example'], [ours.keys.AGENT, 'null']] as const) {
      const { code, reason } = await within(5_000, 'The close', from(key, origin).closed);
      expect(code, origin).toBe(4401);
      expect(reason).toContain('origin');
    }
  });
});

describe('what is no conversation by graphql-transport-ws is ended with the code that says so', () => {
  test.each([
    ['a frame that is no JSON', ['{'], 4400],
    ['a message of no type', [{ type: 'start' }], 4400],
    ['JSON of another kind', ['[1]'], 4400],
    ['null', ['null'], 4400],
    ['an operation before the greeting', [{ type: 'subscribe', id: '1', payload: { query: VIEWER } }], 4401],
  ] as [string, unknown[], number][])('%s', async (_name, messages, code) => {
    const { send, closed } = raw();
    await send(...messages);
    expect((await within(5_000, 'The close', closed)).code).toBe(code);
  });
  test('a second greeting, two operations of one id, a payload without a document', async () => {
    const cases: [unknown[], number][] = [
      [[init(ours.keys.AGENT)], 4429],
      [[{ type: 'subscribe', id: '1', payload: { query: EVENTS } }, { type: 'subscribe', id: '1', payload: { query: EVENTS } }], 4409],
      [[{ type: 'subscribe', id: '1', payload: {} }], 4400],
      [[{ type: 'subscribe', id: 1, payload: { query: VIEWER } }], 4400],
      [[{ type: 'subscribe', id: '1', payload: { query: 7 } }], 4400],
      [[{ type: 'subscribe', id: '1', payload: { query: VIEWER, variables: 'x' } }], 4400],
      [['x'.repeat(300 * 1024)], 1009],
      [[Buffer.from([0xff, 0xfe, 0x00])], 1003],
      [[{ type: 'subscribe', id: 'x'.repeat(2_000), payload: { query: EVENTS } }, { type: 'subscribe', id: 'x'.repeat(2_000), payload: { query: EVENTS } }], 4409],
    ];
    for (const [messages, code] of cases) {
      const { send, closed, next } = raw();
      await send(init(ours.keys.AGENT));
      expect((await next()).type).toBe('connection_ack');
      await send(...messages);
      expect((await within(5_000, JSON.stringify(messages).slice(0, 80), closed)).code, JSON.stringify(messages).slice(0, 80)).toBe(code);
    }
  });
  test('a text frame that is no UTF-8 ends its own socket alone', async () => {
    const { socket, opened, closed } = raw();
    await opened;
    // A masked text frame of one byte 0xff: RFC 6455, 5.2.
    (socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]));
    expect((await within(5_000, 'The close', closed)).code).toBe(1007);
    expect((await server.query(VIEWER, null, ours.keys.AGENT)).status).toBe(200);
  });
  test('other protocols and other addresses have no sockets', async () => {
    expect((await within(5_000, 'The close', raw({ protocol: [] }).closed)).code).toBe(4406);
    expect(await within(5_000, 'The refusal', raw({ path: '/elsewhere' }).refused)).toBe(404);
    for (const path of ['//', '/graphql/../x', '/%ff']) expect(await within(5_000, path, raw({ path }).refused)).toBe(404);
    expect((await server.query(VIEWER, null, ours.keys.AGENT)).status).toBe(200);
  });
  test('one socket carries a hundred operations at once and refuses the next, which ends none of them', async () => {
    const socket = server.socket(ours.keys.AGENT);
    const subscriptions = Array.from({ length: 100 }, () => socket.subscribe(EVENTS));
    await socket.run(VIEWER).then(({ errors }) => expect(errors![0].extensions.code).toBe('TOO_EXPENSIVE'));
    subscriptions[0]!.stop();
    await expect.poll(async () => (await socket.run(VIEWER)).data?.viewer.role, { timeout: 5_000, interval: 20 }).toBe('AGENT');
    await server.ask(TAG, { name: 'Told to all' }, ours.keys.ADMIN);
    expect((await subscriptions[99]!.next()).events.event.kind).toBeTruthy();
    await socket.close();
  });
});

// What each of them waits for is time.
describe.concurrent('a socket ends with its key (at most 5 s later)', () => {
  test('keys, member tokens and visitor tokens that are revoked; others go on', async () => {
    const { createApiKey } = await server.ask('mutation { createApiKey(input: { name: "Short", role: AGENT }) { apiKey { id } secret userErrors { code } } }', null, ours.keys.ADMIN);
    const [member, visitor] = await inWorkspace(server.db.app, ours.id, async (tx) => [
      await createMemberToken(tx, ours.actor, { memberId: idOf(ours.member.id) }),
      await createVisitorToken(tx, ours.actor, { accountId: ours.chat.accountId, identityId: ours.visitor.identityId }),
    ]);
    const sockets = [server.socket(createApiKey.secret), server.socket(member!.token), server.socket(visitor!.token), server.socket(ours.keys.AGENT)];
    await Promise.all(sockets.map((socket) => socket.open));
    const subscription = sockets[0]!.subscribe(EVENTS);
    const began = performance.now();
    await server.ask('mutation ($id: ID!) { revokeApiKey(input: { apiKeyId: $id }) { userErrors { code } } }', { id: createApiKey.apiKey.id }, ours.keys.ADMIN);
    for (const { tokenId } of [member!, visitor!]) {
      await server.ask('mutation ($id: ID!) { revokeToken(input: { tokenId: $id }) { userErrors { code } } }', { id: `tok_${tokenId.replaceAll('-', '')}` }, ours.keys.ADMIN);
    }
    for (const socket of sockets.slice(0, 3)) expect(await within(6_000, 'The close', socket.closed)).toEqual({ code: 4403, reason: 'Key revoked' });
    expect(performance.now() - began).toBeLessThan(5_000);
    await within(1_000, 'The end of the subscription', subscription.ended);
    expect((await sockets[3]!.run(VIEWER)).data.viewer.role).toBe('AGENT');
    await sockets[3]!.close();
  });
  test('a token whose time comes, and a member who was deactivated', async () => {
    const { token } = await inWorkspace(server.db.app, ours.id, (tx) => createMemberToken(tx, ours.actor, { memberId: idOf(ours.member.id), ttlMs: 4_000 }));
    const { createMember } = await server.ask('mutation { createMember(input: { name: "Gone", email: "gone@acme.example" }) { member { id } userErrors { code } } }', null, ours.keys.ADMIN);
    const { createMemberToken: other } = await server.ask(
      'mutation ($id: ID!) { createMemberToken(input: { memberId: $id }) { token userErrors { code } } }', { id: createMember.member.id }, ours.keys.ADMIN,
    );
    const [expiring, leaving] = [server.socket(token), server.socket(other.token)];
    await Promise.all([expiring.open, leaving.open]);
    await server.ask('mutation ($id: ID!) { deactivateMember(input: { memberId: $id }) { userErrors { code } } }', { id: createMember.member.id }, ours.keys.ADMIN);
    expect(await within(6_000, 'The close', leaving.closed)).toEqual({ code: 4403, reason: 'Key revoked' });
    expect(await within(9_000, 'The close', expiring.closed)).toEqual({ code: 4403, reason: 'Token expired' });
  });
});

const idOf = (publicId: string): string => publicId.slice(4).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
