// SECRET_KEY can be changed: nothing that was kept, given out or known before is lost.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { viewerOf } from '../../src/access/keys.ts';
import { endpointById } from '../../src/channels/accounts.ts';
import { loadHashKey } from '../../src/platform/hash-key.ts';
import { publicId } from '../../src/platform/ids.ts';
import { initSecrets, keyedHash } from '../../src/platform/secrets.ts';
import { throughline } from '../cli/run.ts';
import { quiet } from '../guarantees/world.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';
import { SECRET_KEY, startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';

const NEW = 'another secret key, as long as the one before it';
const DOOR = 'the-secret-of-the-mail-door';
const MAIL = ['From: Ada <ada@example.com>', 'To: support@acme.example', 'Subject: Once', 'Message-ID: <once@example.com>', '', 'Only once, please.', ''].join('\r\n');
let db: TestDatabase;
let ws: TestWorkspace;
let endpointId: string;
let hash: Buffer;
let cursor: string;
beforeAll(async () => {
  db = await testDatabase();
  // As a database of before: hashed under what SECRET_KEY gave, with no key of its own.
  initSecrets(SECRET_KEY);
  hash = keyedHash('ada@example.com');
  await served({}, async (server) => {
    ws = await server.workspace();
    ({ endpointId } = await ws.connect({ channel: 'EMAIL', provider: 'mime', name: 'Mail', address: 'support@acme.example', settings: {}, secrets: { inbound: DOOR } }));
    expect((await post(server)).ok).toBe(true);
    await quiet(server);
    ({ cursor } = await server.ask('{ cursor }', null, ws.keys.ADMIN));
  });
});
afterAll(() => db.close());

async function served(config: { secretKey?: string; secretKeyPrevious?: string[] }, work: (server: TestServer) => Promise<void>): Promise<void> {
  const server = await startTestServer({ db, config });
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}
const post = (server: TestServer): Promise<Response> => fetch(`${server.address}/hooks/mime/${publicId('end', endpointId)}`, {
  method: 'POST', headers: { 'content-type': 'message/rfc822', authorization: `Bearer ${DOOR}` }, body: MAIL,
});
const messages = async (): Promise<number> => (await db.owner`select 1 from messages where workspace_id = ${ws.id}`).length;

test('with the key before beside it, a new one opens what was sealed, knows redeliveries, and takes tokens and cursors of before', async () => {
  expect(await messages()).toBe(1);
  await served({ secretKey: NEW, secretKeyPrevious: [SECRET_KEY] }, async (server) => {
    expect(keyedHash('ada@example.com')).toEqual(hash);
    expect((await post(server)).ok).toBe(true);
    await quiet(server);
    expect(await messages()).toBe(1);
    expect((await db.owner`select state from inbound_events where workspace_id = ${ws.id} order by id`).map(({ state }) => state)).toEqual(['APPLIED', 'DUPLICATE']);
    expect((await server.query('query ($after: Cursor) { changes(after: $after) { kind } }', { after: cursor }, ws.member.token)).errors).toEqual([]);
  });
});

test('after rotate-secret the old key is no longer needed, nor of use', async () => {
  const env = { DATABASE_URL: db.url, SECRET_KEY: NEW, SECRET_KEY_PREVIOUS: SECRET_KEY };
  // The endpoints of mail and chat, and the hash key.
  const first = await throughline(['keys', 'rotate-secret'], env);
  expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining('3 sealed anew') });
  expect(await throughline(['keys', 'rotate-secret'], env)).toMatchObject({ code: 0, stdout: expect.stringContaining('0 sealed anew') });
  await served({ secretKey: NEW }, async (server) => {
    expect(keyedHash('ada@example.com')).toEqual(hash);
    expect((await endpointById(db.app, endpointId))!.secrets).toEqual([{ inbound: DOOR }]);
    expect((await post(server)).ok).toBe(true);
    await quiet(server);
    expect(await messages()).toBe(1);
    expect((await server.query('query ($after: Cursor) { changes(after: $after) { kind } }', { after: cursor }, ws.keys.ADMIN)).errors).toEqual([]);
    expect((await server.query('{ cursor }', null, ws.member.token)).status).toBe(401);
  });
  initSecrets(SECRET_KEY);
  await expect(viewerOf(db.app, `Bearer ${ws.keys.ADMIN}`)).resolves.toMatchObject({ role: 'ADMIN' });
  await expect(endpointById(db.app, endpointId)).rejects.toThrow(/SECRET_KEY_PREVIOUS/);
});

test('a server that is given another key than the database was used with does not start', async () => {
  await expect(served({ secretKey: 'a key that somebody made up just now, long enough' }, async () => {})).rejects.toThrow(/another SECRET_KEY/);
  initSecrets(SECRET_KEY);
  await expect(loadHashKey(db.system)).rejects.toThrow(/another SECRET_KEY/);
});
