import { createHmac, createPrivateKey, createPublicKey, createSecretKey, generateKeyPairSync } from 'node:crypto';
import { SignJWT, type JWK } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { viewerOf } from '../../src/access/keys.ts';
import { createMemberToken, createVisitorToken, MEMBER_TOKEN_MS_MAX, verifyToken, type IssuedToken } from '../../src/access/tokens.ts';
import { nowMs } from '../../src/platform/clock.ts';
import { inWorkspace } from '../../src/platform/db.ts';
import { newId } from '../../src/platform/ids.ts';
import { initSecrets, subkey } from '../../src/platform/secrets.ts';
import { createMember } from '../../src/workspaces/actions.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

const SECRET = 'a secret of the tests, long enough';
let db: TestDatabase;
let ours: { id: string; memberId: string; issued: IssuedToken; visitor: IssuedToken };
let theirs: { id: string; memberId: string; issued: IssuedToken };

beforeAll(async () => {
  initSecrets(SECRET);
  db = await testDatabase();
  ours = { ...(await workspaceWithMember()), visitor: null as never };
  const identityId = newId();
  ours.visitor = await inWorkspace(db.app, ours.id, (tx) =>
    createVisitorToken(tx, { workspaceId: ours.id, kind: 'SYSTEM', id: null }, { accountId: newId(), identityId }));
  theirs = await workspaceWithMember();
});
afterAll(() => db.close());

async function workspaceWithMember() {
  const { id, actor } = await db.workspace();
  return inWorkspace(db.app, id, async (tx) => {
    const { memberId } = await createMember(tx, actor, { name: 'Mia', email: 'mia@acme.example' });
    return { id, memberId, issued: await createMemberToken(tx, actor, { memberId }) };
  });
}

type Json = Record<string, unknown>;
const b64 = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const parts = (token: string) => token.split('.').map((part) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8') || 'null')) as [Json, Json];
const claimsOf = (issued: IssuedToken): Json => JSON.parse(Buffer.from(issued.token.split('.')[1]!, 'base64url').toString());
const HEADER = { alg: 'HS256', typ: 'throughline+jwt' };

/** Signs with our very key, so that nothing but the changed thing can be what is refused. */
function forged(header: unknown, claims: unknown, key: Buffer = subkey('tokens')): string {
  const body = `${b64(header)}.${b64(claims)}`;
  return `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`;
}
const withClaims = (change: Json, from = ours.issued) => forged(HEADER, { ...claimsOf(from), ...change });
const without = (claim: string) => {
  const { [claim]: _, ...rest } = claimsOf(ours.issued);
  return forged(HEADER, rest);
};
const seconds = (): number => Math.floor(nowMs() / 1000);
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const hexOf = (uuid: string): string => uuid.replaceAll('-', '');

test('a member token lets a front end act as the member, and a token forged the same way with our key is the same', async () => {
  const viewer = await viewerOf(db.app, `Bearer ${ours.issued.token}`);
  expect(viewer).toMatchObject({ workspaceId: ours.id, role: 'AGENT', memberId: ours.memberId, actor: { kind: 'MEMBER', id: ours.memberId } });
  expect(viewer.expiresAtMs).toBe(Date.parse(ours.issued.expiresAt));
  // The control of everything below: what `forged` makes is accepted when nothing is changed.
  expect((await viewerOf(db.app, `Bearer ${withClaims({})}`)).memberId).toBe(ours.memberId);
});

test('a visitor token gives the visitor role and its own identities only', async () => {
  const viewer = await viewerOf(db.app, `Bearer ${ours.visitor.token}`);
  expect([...viewer.permissions].sort()).toEqual(['any', 'visitor:self']);
  expect(viewer.identityIds).toHaveLength(1);
  expect(viewer.memberId).toBeNull();
});

/** name -> a token that must be refused. Made late, since they are built from what `beforeAll` made. */
const BAD: Record<string, () => string | Promise<string>> = {
  'alg none, no signature': () => `${b64({ ...HEADER, alg: 'none' })}.${b64(claimsOf(ours.issued))}.`,
  'alg none, with a signature': () => forged({ ...HEADER, alg: 'none' }, claimsOf(ours.issued)),
  'alg None': () => forged({ ...HEADER, alg: 'None' }, claimsOf(ours.issued)),
  'alg hs256 in lower case': () => forged({ ...HEADER, alg: 'hs256' }, claimsOf(ours.issued)),
  'alg HS512': () => {
    const body = `${b64({ ...HEADER, alg: 'HS512' })}.${b64(claimsOf(ours.issued))}`;
    return `${body}.${createHmac('sha512', subkey('tokens')).update(body).digest('base64url')}`;
  },
  'alg RS256 by a key of the attacker': () => new SignJWT(claimsOf(ours.issued)).setProtectedHeader({ alg: 'RS256', typ: HEADER.typ }).sign(rsa.privateKey),
  'alg RS256 in the header, HMAC in truth': () => forged({ ...HEADER, alg: 'RS256' }, claimsOf(ours.issued)),
  'alg as an array': () => forged({ ...HEADER, alg: ['HS256'] }, claimsOf(ours.issued)),
  'no alg': () => forged({ typ: HEADER.typ }, claimsOf(ours.issued)),
  'another key': () => forged(HEADER, claimsOf(ours.issued), Buffer.alloc(32, 7)),
  'the empty key': () => forged(HEADER, claimsOf(ours.issued), Buffer.alloc(0)),
  'SECRET_KEY itself as the key': () => forged(HEADER, claimsOf(ours.issued), Buffer.from(SECRET)),
  'the key of another purpose': () => forged(HEADER, claimsOf(ours.issued), subkey('hash')),
  'another typ': () => forged({ ...HEADER, typ: 'JWT' }, claimsOf(ours.issued)),
  'no typ': () => forged({ alg: 'HS256' }, claimsOf(ours.issued)),
  'an embedded jwk': async () => {
    const jwk = rsa.publicKey.export({ format: 'jwk' }) as JWK;
    return new SignJWT(claimsOf(ours.issued)).setProtectedHeader({ alg: 'RS256', typ: HEADER.typ, jwk }).sign(rsa.privateKey);
  },
  'a jku that points elsewhere': () =>
    new SignJWT(claimsOf(ours.issued)).setProtectedHeader({ alg: 'RS256', typ: HEADER.typ, jku: 'https://attacker.example/jwks.json' }).sign(rsa.privateKey),
  'a kid that is a path': () => forged({ ...HEADER, kid: '../../../../dev/null' }, claimsOf(ours.issued), Buffer.alloc(0)),
  'a kid that is SQL': () => forged({ ...HEADER, kid: "' union select 'k' --" }, claimsOf(ours.issued), Buffer.from('k')),
  'an unknown critical extension': () => forged({ ...HEADER, crit: ['exp2'], exp2: 1 }, claimsOf(ours.issued)),
  'an unencoded payload (b64 false)': () => forged({ ...HEADER, crit: ['b64'], b64: false }, claimsOf(ours.issued)),
  'no issuer': () => without('iss'),
  'another issuer': () => withClaims({ iss: 'https://idp.example' }),
  'issuers in a list': () => withClaims({ iss: ['throughline'] }),
  'no audience': () => without('aud'),
  'another audience': () => withClaims({ aud: 'another/api' }),
  'both audiences at once': () => withClaims({ aud: ['throughline/api', 'throughline/visitor'] }),
  'a visitor’s token for the members’ audience': () => withClaims({ aud: 'throughline/api' }, ours.visitor),
  'a member’s token for the visitors’ audience': () => withClaims({ aud: 'throughline/visitor' }),
  'no exp': () => without('exp'),
  'expired a second ago': () => withClaims({ exp: seconds() - 1, iat: seconds() - 60 }),
  'expires this very second': () => withClaims({ exp: seconds(), iat: seconds() - 60 }),
  'exp as text': () => withClaims({ exp: String(seconds() + 60) }),
  'exp null': () => withClaims({ exp: null }),
  'exp in a year': () => withClaims({ exp: seconds() + 365 * 86_400 }),
  'exp infinite (1e999)': () => forged(HEADER, JSON.stringify(claimsOf(ours.issued)).replace(/"exp":\d+/, '"exp":1e999')),
  'exp with a fraction': () => withClaims({ exp: seconds() + 60.5 }),
  'exp in milliseconds': () => withClaims({ exp: nowMs() + 60_000 }),
  'a member’s for 13 hours': () => withClaims({ exp: seconds() + 46_800, iat: seconds() }),
  'no iat': () => without('iat'),
  'iat in the future': () => withClaims({ iat: seconds() + 3_600, exp: seconds() + 7_200 }),
  'nbf in the future': () => withClaims({ nbf: seconds() + 3_600 }),
  'nbf as text': () => withClaims({ nbf: 'now' }),
  'no jti': () => without('jti'),
  'a jti that nobody gave out': () => withClaims({ jti: hexOf(newId()) }),
  'a jti that is SQL': () => withClaims({ jti: "'; drop table tokens; --" }),
  'the jti of another workspace': () => withClaims({ jti: claimsOf(theirs.issued).jti }),
  'our jti in another workspace': () => withClaims({ ws: hexOf(theirs.id) }),
  'workspace and jti of another, our subject': () => withClaims({ ws: hexOf(theirs.id), jti: claimsOf(theirs.issued).jti }),
  'no workspace': () => without('ws'),
  'no subject': () => without('sub'),
  'another member as the subject': () => withClaims({ sub: hexOf(theirs.memberId) }),
  'a subject of another type': () => withClaims({ sub: { $ne: null } }),
  'another identity as the visitor': () => withClaims({ sub: hexOf(newId()) }, ours.visitor),
  'claims in a list': () => forged(HEADER, [claimsOf(ours.issued)]),
  'claims null': () => forged(HEADER, 'null'),
  'claims that are no JSON': () => forged(HEADER, '{"iss":'),
  'claims that are not UTF-8': () => {
    const body = `${b64(HEADER)}.${Buffer.from([0x7b, 0xff, 0xfe, 0x7d]).toString('base64url')}`;
    return `${body}.${createHmac('sha256', subkey('tokens')).update(body).digest('base64url')}`;
  },
  'without its signature': () => ours.issued.token.split('.').slice(0, 2).join('.'),
  'with an empty signature': () => `${ours.issued.token.split('.').slice(0, 2).join('.')}.`,
  'cut off by one character': () => ours.issued.token.slice(0, -1),
  'cut off in the middle': () => ours.issued.token.slice(0, 60),
  'a character more': () => `${ours.issued.token}A`,
  'a fourth part': () => `${ours.issued.token}.e30`,
  'five parts (encrypted)': () => `${ours.issued.token}.e30.e30`,
  'one claim changed, the signature kept': () => {
    const [head, , signature] = ours.issued.token.split('.');
    return `${head}.${b64({ ...claimsOf(ours.issued), sub: hexOf(theirs.memberId) })}.${signature}`;
  },
  'another token’s signature': () => [...ours.issued.token.split('.').slice(0, 2), theirs.issued.token.split('.')[2]].join('.'),
  'base64 instead of base64url': () => `${ours.issued.token.slice(0, -4)}+/==`,
  'a letter that only looks like ASCII': () => ours.issued.token.replace('e', 'е'),
  'a NUL inside': () => `${ours.issued.token.slice(0, 20)}\0${ours.issued.token.slice(20)}`,
  'a line break inside': () => `${ours.issued.token.slice(0, 20)}\r\nX: y${ours.issued.token.slice(20)}`,
  'a lone surrogate': () => `${ours.issued.token}\ud800`,
  'a megabyte': () => forged(HEADER, { ...claimsOf(ours.issued), pad: 'x'.repeat(1_000_000) }),
  'a little over the limit': () => forged(HEADER, { ...claimsOf(ours.issued), pad: 'x'.repeat(4_096) }),
};

describe('a token is refused', () => {
  test('by at least forty ways of being bad', () => expect(Object.keys(BAD).length).toBeGreaterThanOrEqual(40));
  test.each(Object.keys(BAD))('%s', async (name) => {
    const error = await viewerOf(db.app, `Bearer ${await BAD[name]!()}`).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED', message: 'Send a valid key or token, not expired and not revoked: `Authorization: Bearer …`.' });
  });
});

test('a member token lives 12 hours at most, and a deactivated member gets none', async () => {
  const actor = { workspaceId: ours.id, kind: 'SYSTEM', id: null } as const;
  await inWorkspace(db.app, ours.id, async (tx) => {
    await expect(createMemberToken(tx, actor, { memberId: ours.memberId, ttlMs: MEMBER_TOKEN_MS_MAX + 1 })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(createMemberToken(tx, actor, { memberId: ours.memberId, ttlMs: Number.NaN })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(createMemberToken(tx, actor, { memberId: theirs.memberId })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await tx`update members set deactivated_at = created_at where workspace_id = ${ours.id} and id = ${ours.memberId}`;
    await expect(createMemberToken(tx, actor, { memberId: ours.memberId })).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { field: ['memberId'] } });
    await tx`update members set deactivated_at = null where workspace_id = ${ours.id} and id = ${ours.memberId}`;
  });
});

describe('a token of somebody else’s backend', () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const hmac = createSecretKey(Buffer.alloc(32, 3));
  const claims = () => ({ sub: 'u1', aud: 'cha_1', iat: seconds(), exp: seconds() + 600 });
  const expected = { audience: 'cha_1', lifetimeMsMax: 86_400_000 };

  test.each([
    ['HS256', hmac, hmac],
    ['RS256', rsa.privateKey, rsa.publicKey],
    ['ES256', ec.privateKey, ec.publicKey],
  ] as const)('%s is taken under its key', async (algorithm, sign, key) => {
    const token = await new SignJWT(claims()).setProtectedHeader({ alg: algorithm, kid: 'any' }).sign(sign);
    expect(await verifyToken(token, { ...expected, key, algorithm })).toMatchObject({ sub: 'u1' });
  });

  test('an HMAC made with the text of the public key is not a signature of its private one', async () => {
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string;
    for (const alg of ['HS256', 'RS256']) {
      const token = forged({ alg }, claims(), Buffer.from(pem));
      await expect(verifyToken(token, { ...expected, key: createPublicKey(pem), algorithm: 'RS256' })).rejects.toMatchObject({ name: 'BadToken' });
    }
  });

  test('the algorithm is the account’s, not the token’s', async () => {
    const token = await new SignJWT(claims()).setProtectedHeader({ alg: 'PS256' }).sign(createPrivateKey(rsa.privateKey.export({ type: 'pkcs8', format: 'pem' })));
    await expect(verifyToken(token, { ...expected, key: rsa.publicKey, algorithm: 'RS256' })).rejects.toMatchObject({ name: 'BadToken' });
  });

  test('an ECDSA signature of zeros (CVE-2022-21449) is none', async () => {
    const token = `${b64({ alg: 'ES256' })}.${b64(claims())}.${Buffer.alloc(64).toString('base64url')}`;
    await expect(verifyToken(token, { ...expected, key: ec.publicKey, algorithm: 'ES256' })).rejects.toMatchObject({ name: 'BadToken' });
  });
});

test('what parts() shows of a token holds no secret and no name', () => {
  const [header, claims] = parts(ours.issued.token.split('.').slice(0, 2).join('.'));
  expect(header).toEqual(HEADER);
  expect(Object.keys(claims).sort()).toEqual(['aud', 'exp', 'iat', 'iss', 'jti', 'sub', 'ws']);
});
