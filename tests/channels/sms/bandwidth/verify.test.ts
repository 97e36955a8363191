import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HttpReply, RawRequest } from '../../../../src/channels/channel.ts';
import { verifyBandwidth } from '../../../../src/channels/sms/bandwidth/verify.ts';
import { fakeBandwidth, type FakeBandwidth } from '../../../../src/sandbox/bandwidth.ts';
import { hook, type Hook } from '../../hook.ts';
import { json } from '../../requests.ts';

const secret = (callbackPassword: string, callbackUsername = 'desk') => ({ username: 'api', password: 'api-password', callbackUsername, callbackPassword });
const basic = (text: string) => `Basic ${Buffer.from(text, 'utf8').toString('base64')}`;
const verify = (authorization: string | undefined, ...passwords: string[]) =>
  verifyBandwidth(json([], { headers: authorization === undefined ? {} : { authorization } }), (passwords.length > 0 ? passwords : ['a-long-password']).map((password) => secret(password)));

describe('a callback', () => {
  test('with the application\'s name and password is Bandwidth\'s', () => {
    for (const given of [basic('desk:a-long-password'), basic('desk:a-long-password').replace('Basic', 'basic'), `${basic('desk:a-long-password')} `]) expect(verify(given)).toEqual({ ok: true });
  });

  test('without credentials is asked for them', () => {
    for (const given of [undefined, '', 'Basic', 'Basic ', 'Bearer abc', 'Basic {}', basic('desk:a-long-password').slice(6)]) {
      expect(verify(given), given).toEqual({ ok: false, status: 401, reason: expect.stringMatching(/no HTTP Basic/), challenge: expect.stringMatching(/^Basic realm="/) });
    }
  });

  test('with others is refused, and is not asked again', () => {
    for (const given of ['desk:a-long-passwor', 'desk:a-long-password ', 'Desk:a-long-password', 'desk:', ':a-long-password', 'desk', 'api:api-password', 'desk:a-long-password\0']) {
      expect(verify(basic(given)), given).toEqual({ ok: false, status: 403, reason: expect.any(String) });
    }
  });

  test('may have either password while one is changed', () => {
    for (const password of ['a-newer-password', 'a-long-password']) expect(verify(basic(`desk:${password}`), 'a-newer-password', 'a-long-password')).toEqual({ ok: true });
    expect(verifyBandwidth(json([], { headers: { authorization: basic('desk:a-long-password') } }), [])).toMatchObject({ ok: false, status: 403 });
  });

  test('may have any password, with colons and letters of any script', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'grapheme', minLength: 1 }), (right, other) => {
      fc.pre(Buffer.from(right).toString('hex') !== Buffer.from(other).toString('hex'));
      expect(verify(basic(`desk:${right}`), right)).toEqual({ ok: true });
      expect(verify(basic(`desk:${other}`), right)).toMatchObject({ ok: false, status: 403 });
    }));
  });

  test('any header is an answer, not an error', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (given) => {
      for (const header of [given, `Basic ${given}`]) expect(verify(header).ok).toBe(false);
    }));
  });
});

describe('as Bandwidth calls', () => {
  let bandwidth: FakeBandwidth;
  let ours: Hook;
  beforeAll(async () => {
    [bandwidth, ours] = await Promise.all([fakeBandwidth(), hook()]);
  });
  afterAll(() => Promise.all([bandwidth.close(), ours.close()]));

  const door = (password: string) => (request: RawRequest): HttpReply => {
    const verified = verifyBandwidth(request, [secret(password, 'callbacks')]);
    if (verified.ok) return { status: 200, headers: {}, body: '' };
    return { status: verified.status, headers: verified.challenge ? { 'www-authenticate': verified.challenge } : {}, body: '' };
  };
  const receive = () => bandwidth.receive(ours.url, { from: '+17345550171', to: ['+16145550133'], text: 'Hi' });

  test('its first request has no credentials, its second has', async () => {
    ours.answer = door(bandwidth.callback!.password);
    expect((await receive()).map(({ status }) => status)).toEqual([200]);
    expect(ours.received.map(({ headers }) => headers.authorization !== undefined)).toEqual([false, true]);
    expect(ours.received[0]!.body).toEqual(ours.received[1]!.body);
  });

  test('an application with no password, or a wrong one, stays outside', async () => {
    ours.answer = door('another-password');
    expect((await receive()).map(({ status }) => status)).toEqual([403]);
    const { callback } = bandwidth;
    bandwidth.callback = null;
    expect((await receive()).map(({ status }) => status)).toEqual([401]);
    bandwidth.callback = callback;
  });
});
