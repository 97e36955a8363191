import fc from 'fast-check';
import { createHmac } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { RawRequest } from '../../../src/channels/channel.ts';
import { xAccountActivity } from '../../../src/channels/x/provider.ts';
import { respondToX, verifyX, type SigningSecrets } from '../../../src/channels/x/signature.ts';
import { json, sharedFiles } from '../requests.ts';

const APP: SigningSecrets = { consumerSecret: 'consumer-secret-1' };
const HOOK = 'https://desk.example/hooks/x_account_activity/end_00000000000000000000000000000001';
const signed = (secret: string, body: string | Buffer): string => `sha256=${createHmac('sha256', secret).update(body).digest('base64')}`;
const posted = (body: string, headers: Record<string, string>): RawRequest => json(body, { url: HOOK, headers });
const asked = (query: string): RawRequest => ({ method: 'GET', url: `${HOOK}${query}`, headers: {}, body: Buffer.alloc(0) });
const challenged = (token: string): RawRequest => asked(`?crc_token=${encodeURIComponent(token)}&nonce=abc`);
const verify = (body: string, headers: Record<string, string>, secrets: SigningSecrets[] = [APP]) => verifyX(posted(body, headers), secrets);

describe('the vendor\'s vectors', () => {
  // xdevplatform/autohook, test/signature.js
  test.each([
    ['test=1&other_test=2', 'sha256=25Cu3iwbbiqBTwQRzcKJZwisjf736V2Q8UaTlkfLSoc='],
    ['{"test_number":1,"test_string":"two"}', 'sha256=YWHphPn/JFq43jkF0y4/w8R/SelmLjvpunhVFY8JhlI='],
  ])('%s', (body, signature) => {
    expect(verify(body, { 'x-twitter-webhooks-signature': signature }, [{ consumerSecret: 'test' }])).toEqual({ ok: true });
    expect(verify(`${body} `, { 'x-twitter-webhooks-signature': signature }, [{ consumerSecret: 'test' }])).toMatchObject({ ok: false, status: 403 });
  });

  test.for(sharedFiles('signatures/vectors') ?? [])('every shared vector of X verifies: $name', ({ body }) => {
    const vectors = (JSON.parse(body.toString('utf8')) as { provider: string; signature: string; input: { consumerSecret?: string; rawBody?: string; crcToken?: string; token?: string } }[]).filter(({ provider }) => provider === 'x');
    expect(vectors.length).toBeGreaterThan(0);
    for (const { input, signature } of vectors) {
      const secrets = [{ consumerSecret: input.consumerSecret! }];
      if (input.rawBody === undefined) expect(JSON.parse(respondToX(challenged(input.crcToken ?? input.token!), secrets).body)).toEqual({ response_token: signature });
      else expect(verify(input.rawBody, { 'x-twitter-webhooks-signature': signature }, secrets)).toEqual({ ok: true });
    }
  });

  test('a challenge is answered as others answer it', () => {
    const request = challenged('test token');
    expect(verifyX(request, [{ consumerSecret: 'apiSecret' }])).toEqual({ ok: true });
    const reply = respondToX(request, [{ consumerSecret: 'apiSecret' }]);
    expect(reply).toMatchObject({ status: 200, headers: { 'content-type': 'application/json; charset=utf-8' } });
    expect(JSON.parse(reply.body)).toEqual({ response_token: 'sha256=O5hJl2njQRIa4vsumZ+3oom9ECR5m3aQLRZkPoYelp0=' });
  });

  const ORACLES = fileURLToPath(new URL('../../../../shared/fixtures/x-dm/x-account-activity/courier/_oracle/', import.meta.url));
  test.skipIf(!existsSync(ORACLES)).each(['04_webhook_verification', '05_webhook_verification_error'])('and as another project expects: %s', (name) => {
    const { expect: oracle } = JSON.parse(readFileSync(`${ORACLES}${name}.expect.json`, 'utf8')) as { expect: { URL: string; ExpectedRespStatus: number; ExpectedBodyContains: string } };
    const request = asked(new URL(oracle.URL, HOOK).search);
    const verified = verifyX(request, [{ consumerSecret: 'apiSecret' }]);
    expect(verified.ok ? 200 : verified.status).toBe(oracle.ExpectedRespStatus);
    if (verified.ok) expect(respondToX(request, [{ consumerSecret: 'apiSecret' }]).body).toContain(oracle.ExpectedBodyContains);
    else expect(verified.reason).toContain('crc_token');
  });
});

test('a missing signature is a 400, a wrong one a 403', () => {
  expect(verify('{}', {})).toMatchObject({ ok: false, status: 400 });
  expect(verify('{}', { 'x-twitter-webhooks-signature': '' })).toMatchObject({ ok: false, status: 400 });
  const right = signed(APP.consumerSecret, '{}');
  for (const wrong of ['x', right.slice('sha256='.length), right.toLowerCase(), `${right} `, 'ä'.repeat(44), 'a'.repeat(10_000)]) {
    expect(verify('{}', { 'x-twitter-webhooks-signature': wrong }), wrong).toMatchObject({ ok: false, status: 403 });
  }
  expect(verify('{}', { 'x-twitter-webhooks-signature': right })).toEqual({ ok: true });
  const large = `{"a":"${'x'.repeat(2 * 1024 * 1024)}"}`;
  expect(verify(large, { 'x-twitter-webhooks-signature': signed(APP.consumerSecret, large) })).toMatchObject({ ok: false, status: 400 });
});

test('both secrets count while one is rotated, and neither when there is none', () => {
  const headers = { 'x-twitter-webhooks-signature': signed('before', '{}') };
  expect(verify('{}', headers, [{ consumerSecret: 'after' }, { consumerSecret: 'before' }])).toEqual({ ok: true });
  expect(verify('{}', headers, [{ consumerSecret: 'before' }, { consumerSecret: 'after' }])).toEqual({ ok: true });
  expect(verify('{}', headers, [{ consumerSecret: 'after' }])).toMatchObject({ ok: false, status: 403 });
  expect(verify('{}', headers, [])).toMatchObject({ ok: false, status: 403 });
});

test('an app with a client secret is believed by either header, each with its own secret', () => {
  const both: SigningSecrets[] = [{ consumerSecret: 'consumer', clientSecret: 'client' }];
  const newer = { 'x-twitter-webhooks-signature-oauth2': signed('client', '{}') };
  const older = { 'x-twitter-webhooks-signature': signed('consumer', '{}') };
  for (const headers of [newer, older, { ...newer, ...older }]) expect(verify('{}', headers, both)).toEqual({ ok: true });
  expect(verify('{}', { 'x-twitter-webhooks-signature-oauth2': signed('consumer', '{}') }, both)).toMatchObject({ ok: false, status: 403 });
  expect(verify('{}', { 'x-twitter-webhooks-signature': signed('client', '{}') }, both)).toMatchObject({ ok: false, status: 403 });
  // The endpoint doesn't have it yet: its operator is told what is missing.
  expect(verify('{}', newer)).toMatchObject({ ok: false, status: 403, reason: expect.stringContaining('clientSecret') });
  expect(verify('{}', { ...newer, ...older }, [{ consumerSecret: 'consumer' }])).toEqual({ ok: true });
  expect(JSON.parse(respondToX(challenged('abc'), both).body)).toEqual({ response_token: signed('client', 'abc') });
});

test('a challenge is answered with the current secret', () => {
  expect(JSON.parse(respondToX(challenged('abc'), [{ consumerSecret: 'after' }, { consumerSecret: 'before' }]).body)).toEqual({ response_token: signed('after', 'abc') });
});

test('nobody can have a delivery signed by asking for it as a challenge', () => {
  const forged = JSON.stringify({ for_user_id: '77120045', direct_message_events: [] });
  for (const token of [forged, ` ${forged}`, '[1]', '"x"', '{', 'a'.repeat(513), 'ä', 'a\nb', '']) {
    const request = challenged(token);
    expect(verifyX(request, [APP]), token).toMatchObject({ ok: false, status: 400 });
    expect(respondToX(request, [APP]).body, token).not.toContain('sha256=');
  }
  fc.assert(fc.property(fc.json({ maxDepth: 2 }).map((value) => JSON.stringify({ value })), (body) => {
    expect(verifyX(challenged(body), [APP]).ok).toBe(false);
    expect(respondToX(challenged(body), [APP]).body).not.toContain('sha256=');
  }));
  for (const token of ['MDU4ZjE1ZTAtZGE2Mi00', 'challenge_string', 'a-b_c.d:e~f/g+h=', '9b4507b3-9040-4669-9ca3-6b94edb50553']) expect(verifyX(challenged(token), [APP]), token).toEqual({ ok: true });
});

test('no request makes it throw, and none verifies without the secret', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), fc.string(), fc.string(), (body, url, signature) => {
    for (const address of [url, `${HOOK}${url}`]) {
      expect(verifyX({ method: 'POST', url: address, headers: { 'x-twitter-webhooks-signature': signature }, body: Buffer.from(body) }, [APP]).ok).toBe(false);
      const get = { method: 'GET', url: address, headers: {}, body: Buffer.alloc(0) };
      expect(verifyX(get, [APP]).ok).toBe(respondToX(get, [APP]).status === 200);
    }
  }));
});

test('a delivery is acknowledged with an empty 200; a challenge without a secret to answer it is not', () => {
  expect(xAccountActivity.respond(posted('{}', {}), null)).toEqual({ status: 200, headers: {}, body: '' });
  expect(xAccountActivity.respond(challenged('abc'), null, { secrets: [{ ...APP }] as never }).status).toBe(200);
  expect(xAccountActivity.respond(challenged('abc'), null).status).toBe(400);
});
