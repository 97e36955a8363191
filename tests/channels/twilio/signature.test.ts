import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RawRequest, Verification } from '../../../src/channels/channel.ts';
import { verifyTwilio } from '../../../src/channels/twilio/signature.ts';
import { twilioSignature } from '../../../src/sandbox/twilio.ts';
import { form, HOOK, posted, sharedFiles, wellFormed } from './requests.ts';

const TOKEN = '12345';
const PARAMS = { CallSid: 'CA1234567890ABCDE', Caller: '+14158675309', Digits: '1234', From: '+14158675309', To: '+18005551212' };
const signed = (request: RawRequest, signature: string): RawRequest => ({ ...request, headers: { ...request.headers, 'x-twilio-signature': signature } });
const verify = (request: RawRequest, signature: string, tokens = [TOKEN]): Verification => verifyTwilio(signed(request, signature), tokens);
const at = (url: string, body: string | Buffer = form(PARAMS), o: Partial<RawRequest> = {}): RawRequest => posted(body, { url, ...o });

describe('the vendor\'s vectors', () => {
  const URL_ = 'https://mycompany.com/myapp.php?foo=1&bar=2';
  test('a form is signed over the address and the sorted fields', () => {
    expect(verify(at(URL_), 'RSOYDt4T1cUTdK1PDd93/VVr8B8=')).toEqual({ ok: true });
  });
  test('the documented example of another caller verifies', () => {
    // https://github.com/TwilioDevEd/api-snippets, security/signature_validation
    const params = { ...PARAMS, Caller: '+14158675310', From: '+14158675310' };
    expect(verify(at(URL_, form(params)), 'GvWf1cFY/Q7PnoempGyD5oXAezc=')).toEqual({ ok: true });
  });
  test('a port of the address counts, and a standard port is neither needed nor harmful', () => {
    expect(verify(at('http://mycompany.com:1234/myapp.php?foo=1&bar=2'), 'Zmvh+3yNM1Phv2jhDCwEM3q5ebU=')).toEqual({ ok: true });
    expect(verify(at('http://mycompany.com/myapp.php?foo=1&bar=2'), '0ZXoZLH/DfblKGATFgpif+LLRf4=')).toEqual({ ok: true });
    expect(verify(at('https://mycompany.com:443/myapp.php?foo=1&bar=2'), 'RSOYDt4T1cUTdK1PDd93/VVr8B8=')).toEqual({ ok: true });
  });
  test('credentials of the address are part of it, in the address or in the header that carries them to us', () => {
    const basic = (text: string) => ({ headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` } });
    expect(verify(at('https://user:pass@mycompany.com/myapp.php?foo=1&bar=2'), 'CukzLTc1tT5dXEDIHm/tKBanW10=')).toEqual({ ok: true });
    expect(verify(at(URL_, form(PARAMS), basic('user:pass')), 'CukzLTc1tT5dXEDIHm/tKBanW10=')).toEqual({ ok: true });
    expect(verify(at(URL_, form(PARAMS), basic('user:')), '2YRLlVAflCqxaNicjMpJcSTgzSs=')).toEqual({ ok: true });
    expect(verify(at('https://user:pass@mycompany.com/myapp.php?foo=1&bar=2'), 'ZQFR1PTIZXF2MXB8ZnKCvnnA+rI=')).toEqual({ ok: true });
    expect(verify(at(URL_, form(PARAMS), basic('user:wrong')), 'CukzLTc1tT5dXEDIHm/tKBanW10=').ok).toBe(false);
  });
  test('a repeated field counts each different value once, in order', () => {
    expect(verify(at(URL_, 'Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234'), 'IK+Dwps556ElfBT0I3Rgjkr1wJU=')).toEqual({ ok: true });
  });
  test('a JSON body is bound by its SHA-256 in the address', () => {
    const body = '{"property": "value", "boolean": true}';
    const sha = '0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620';
    const json = (url: string, content = body) => at(url, content, { headers: { 'content-type': 'application/json' } });
    expect(verify(json(`https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=${sha}`), 'a9nBmqA0ju/hNViExpshrM61xv4=')).toEqual({ ok: true });
    expect(verify(json(`https://mycompany.com/myapp.php?bodySHA256=${sha}`), 'y77kIzt2vzLz71DgmJGsen2scGs=')).toEqual({ ok: true });
    expect(verify(json(`https://mycompany.com/myapp.php?bodySHA256=${sha}`, body.replace('true', 'null')), 'y77kIzt2vzLz71DgmJGsen2scGs=')).toMatchObject({ ok: false, status: 403 });
  });
});

test.for([...(sharedFiles('signatures/vectors') ?? [])])('every shared vector of Twilio verifies: $name', ({ body }) => {
  const vectors = (JSON.parse(body.toString('utf8')) as { provider: string; signature: string; input: { authToken: string; signedUrl: string; params?: Record<string, string | string[]>; rawBody?: string } }[])
    .filter((vector) => vector.provider === 'twilio');
  expect(vectors.length).toBeGreaterThan(5);
  for (const { input, signature } of vectors) {
    const pairs = Object.entries(input.params ?? {}).flatMap(([name, values]) => [values].flat().map((value): [string, string] => [name, value]));
    const request = at(input.signedUrl, input.rawBody ?? new URLSearchParams(pairs).toString());
    expect(verify(request, signature, [input.authToken]), input.signedUrl).toEqual({ ok: true });
    expect(verify(request, signature, [`${input.authToken}6`]).ok, input.signedUrl).toBe(false);
  }
});

test('a missing signature is a 400, a wrong one a 403', () => {
  expect(verifyTwilio(at(HOOK), [TOKEN])).toMatchObject({ ok: false, status: 400 });
  expect(verify(at(HOOK), '')).toMatchObject({ ok: false, status: 400 });
  for (const wrong of ['x', 'RSOYDt4T1cUTdK1PDd93/VVr8B8=', 'ä'.repeat(28), 'a'.repeat(10_000)]) expect(verify(at(HOOK), wrong)).toMatchObject({ ok: false, status: 403 });
});

test('both tokens count while one is rotated, and neither when there is none', () => {
  const signature = twilioSignature('before', HOOK, PARAMS);
  expect(verify(at(HOOK), signature, ['after', 'before'])).toEqual({ ok: true });
  expect(verify(at(HOOK), signature, ['before', 'after'])).toEqual({ ok: true });
  expect(verify(at(HOOK), signature, ['after'])).toMatchObject({ ok: false, status: 403 });
  expect(verify(at(HOOK), signature, [])).toMatchObject({ ok: false, status: 403 });
});

test('a query that a library wrote anew still verifies', () => {
  const asSigned = `${HOOK}?name=It's%20here&empty=&list={}`;
  const legacy = `${HOOK}?name=It's%20here&empty=&list=%7B%7D`;
  const standard = `${HOOK}?name=It%27s%20here&empty=&list={}`;
  for (const url of [asSigned, legacy, standard]) expect(verify(at(asSigned), twilioSignature(TOKEN, url, PARAMS)), url).toEqual({ ok: true });
  expect(verify(at(asSigned), twilioSignature(TOKEN, `${HOOK}?name=It`, PARAMS)).ok).toBe(false);
});

test('unsigned JSON never passes on the signature of an empty request', () => {
  const signature = twilioSignature(TOKEN, HOOK, {});
  expect(verify(at(HOOK, ''), signature)).toEqual({ ok: true });
  expect(verify(at(HOOK, '{"Body":"forged"}', { headers: { 'content-type': 'application/json' } }), signature)).toMatchObject({ ok: false, status: 403 });
});

test('a webhook configured as GET is signed by its address alone', () => {
  const url = `${HOOK}?${form(PARAMS)}`;
  expect(verify(at(url, '', { method: 'GET' }), twilioSignature(TOKEN, url, {}))).toEqual({ ok: true });
  expect(verify(at(`${url}0`, '', { method: 'GET' }), twilioSignature(TOKEN, url, {})).ok).toBe(false);
});

test('bytes that are no UTF-8 are signed as they came', () => {
  // %E9 is é in Latin-1: decoded as UTF-8 it would be another text.
  const bytes = Buffer.concat([Buffer.from(`${HOOK}Body`), Buffer.from([0xe9])]);
  const signature = createHmac('sha1', TOKEN).update(bytes).digest('base64');
  expect(verify(at(HOOK, 'Body=%E9'), signature)).toEqual({ ok: true });
  expect(verify(at(HOOK, 'Body=%EF%BF%BD'), signature).ok).toBe(false);
});

test('in any order of its fields a request verifies, and with any one changed it does not', () => {
  const names = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,8}$/);
  fc.assert(fc.property(
    fc.dictionary(names, fc.string({ unit: 'binary', maxLength: 20 }), { minKeys: 1, maxKeys: 8, noNullPrototype: true }), fc.nat(), fc.string({ minLength: 1, maxLength: 5 }),
    (fields, seed, other) => {
      // Only what UTF-8 can carry goes over the wire.
      const sent = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, wellFormed(value)]));
      const signature = twilioSignature(TOKEN, HOOK, sent);
      const pairs = Object.entries(sent).sort(([a], [b]) => hash(a + seed).localeCompare(hash(b + seed)));
      expect(verify(at(HOOK, new URLSearchParams(pairs).toString()), signature)).toEqual({ ok: true });
      const [name, value] = pairs[seed % pairs.length]!;
      expect(verify(at(HOOK, form({ ...sent, [name]: value + wellFormed(other) })), signature).ok).toBe(false);
    },
  ));
});

test('no request makes it throw, and none verifies without the token', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), fc.string(), fc.constantFrom('GET', 'POST'), (body, url, signature, method) => {
    for (const address of [url, `https://h.example/${url}`]) {
      const result = verify({ method, url: address, headers: {}, body: Buffer.from(body) }, signature);
      expect(result.ok).toBe(false);
    }
  }));
  const many = Array.from({ length: 1_001 }, (_, i) => `a${i}=1`).join('&');
  expect(verify(at(HOOK, many), 'x')).toMatchObject({ ok: false, status: 400 });
  expect(verify(at(HOOK, Buffer.alloc(600_000, 97)), 'x')).toMatchObject({ ok: false, status: 400 });
});

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
