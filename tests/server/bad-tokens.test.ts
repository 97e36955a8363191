// G22 by both doors: one verifier. Whatever is wrong with a key or token, HTTP says 401 and a socket is shown out with 4401, in the same words for all.
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { subkey } from '../../src/platform/secrets.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';

let server: TestServer;
let ours: TestWorkspace;
let theirs: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer();
  [ours, theirs] = [await server.workspace(), await server.workspace()];
});
afterAll(() => server.stop());

type Json = Record<string, unknown>;
const b64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const partOf = (token: string, part: 0 | 1): Json => JSON.parse(Buffer.from(token.split('.')[part]!, 'base64url').toString()) as Json;
/** Signed with our very key: only what is changed can be what is refused. */
function changed(token: string, o: { header?: Json; claims?: Json; key?: Buffer }): string {
  const body = `${b64({ ...partOf(token, 0), ...o.header })}.${b64({ ...partOf(token, 1), ...o.claims })}`;
  return `${body}.${createHmac('sha256', o.key ?? subkey('tokens')).update(body).digest('base64url')}`;
}
const seconds = (): number => Math.floor(Date.now() / 1000);

/** Of a member's and of a visitor's token, and of a key. */
function bad(): [string, string][] {
  const found: [string, string][] = [];
  for (const [who, token, other] of [['member', ours.member.token, theirs.member.token], ['visitor', ours.visitor.token, theirs.visitor.token]] as const) {
    const { ws, sub, jti } = partOf(other, 1);
    const [head, claims, signature] = token.split('.');
    const ways: Record<string, string> = {
      'expired': changed(token, { claims: { iat: seconds() - 600, exp: seconds() - 1 } }),
      'expires now': changed(token, { claims: { iat: seconds() - 600, exp: seconds() } }),
      'never expires': changed(token, { claims: { exp: undefined } }),
      'lives too long': changed(token, { claims: { exp: seconds() + 400 * 86_400 } }),
      'not yet': changed(token, { claims: { nbf: seconds() + 600 } }),
      'issued tomorrow': changed(token, { claims: { iat: seconds() + 86_400, exp: seconds() + 90_000 } }),
      'alg none': changed(token, { header: { alg: 'none' } }),
      'alg none, unsigned': `${b64({ ...partOf(token, 0), alg: 'none' })}.${claims}.`,
      'alg HS512': changed(token, { header: { alg: 'HS512' } }),
      'alg RS256': changed(token, { header: { alg: 'RS256' } }),
      'another typ': changed(token, { header: { typ: 'JWT' } }),
      'another key': changed(token, { key: Buffer.alloc(32, 1) }),
      'a kid': changed(token, { header: { kid: '../../dev/null' }, key: Buffer.alloc(0) }),
      'another issuer': changed(token, { claims: { iss: 'x' } }),
      'another audience': changed(token, { claims: { aud: 'x' } }),
      'the other audience': changed(token, { claims: { aud: who === 'member' ? 'throughline/visitor' : 'throughline/api' } }),
      'another workspace': changed(token, { claims: { ws } }),
      'another subject': changed(token, { claims: { sub } }),
      'another id': changed(token, { claims: { jti } }),
      'an id of nobody': changed(token, { claims: { jti: 'f'.repeat(32) } }),
      'an id that is SQL': changed(token, { claims: { jti: "' or 1=1 --" } }),
      'cut off': token.slice(0, -2),
      'longer': `${token}x`,
      'another signature': `${head}.${claims}.${other.split('.')[2]}`,
      'other claims': `${head}.${other.split('.')[1]}.${signature}`,
      'four parts': `${token}.e30`,
    };
    for (const [how, text] of Object.entries(ways)) found.push([`${who}: ${how}`, text]);
  }
  const key = ours.keys.ADMIN;
  const ways = {
    'cut off': key.slice(0, -1), 'longer': `${key}x`, 'of another workspace': key.replace(/^tl_[0-9a-f]{32}/, theirs.keys.ADMIN.slice(0, 35)), 'upper case': key.toUpperCase(), 'nothing': 'x', 'no secret': key.slice(0, 36),
    'a hash': createHmac('sha256', 'x').update(key).digest('hex'), 'publishable of nobody': `tlp_${'0'.repeat(32)}_${'0'.repeat(32)}`, 'long': 'x'.repeat(9_000),
  };
  for (const [how, text] of Object.entries(ways)) found.push([`key: ${how}`, text]);
  return found;
}

test('the controls come in by both doors', async () => {
  for (const token of [changed(ours.member.token, {}), changed(ours.visitor.token, {}), ours.keys.ADMIN]) {
    expect((await server.query('{ viewer { role } }', null, token)).status).toBe(200);
    const socket = server.socket(token);
    await socket.open;
    await socket.close();
  }
});

test('40 and more bad tokens are refused by HTTP and WebSocket alike, in the same words', async () => {
  const all = bad();
  expect(all.length).toBeGreaterThanOrEqual(40);
  const words = new Set<string>();
  for (const [name, text] of all) {
    const [http, socket] = await Promise.all([server.query('{ viewer { role } }', null, text), server.socket(text).closed]);
    expect([http.status, http.data, http.errors[0]?.extensions.code, socket.code], name).toEqual([401, null, 'UNAUTHENTICATED', 4401]);
    words.add(`${http.errors[0]!.message} ${socket.reason}`);
  }
  expect(words.size).toBe(1);
});
