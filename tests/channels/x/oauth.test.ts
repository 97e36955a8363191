import fc from 'fast-check';
import { expect, test } from 'vitest';
import { authorization } from '../../../src/channels/x/oauth.ts';
import { oauthFault } from '../../../src/sandbox/x-oauth.ts';

// https://docs.x.com/fundamentals/authentication/oauth-1-0a/creating-a-signature: keys that X printed there and made invalid.
const DOCUMENTED = {
  consumerKey: 'xvz1evFS4wEEPTGEFPHBog', consumerSecret: 'kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw',
  accessToken: '370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb', accessTokenSecret: 'LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE',
};
const ONCE = { nonce: 'kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg', timestamp: 1318622958 };

test('X\'s documented request has X\'s documented signature', () => {
  const header = authorization(
    { method: 'post', url: 'https://api.x.com/1.1/statuses/update.json?include_entities=true', form: [['status', 'Hello Ladies + Gentlemen, a signed OAuth request!']] }, DOCUMENTED, ONCE,
  );
  expect(header).toBe(
    'OAuth oauth_consumer_key="xvz1evFS4wEEPTGEFPHBog", oauth_nonce="kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", oauth_signature_method="HMAC-SHA1", '
    + 'oauth_timestamp="1318622958", oauth_token="370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb", oauth_version="1.0", oauth_signature="Ls93hJiZbQ3akF3HF3x1Bz8%2FzU4%3D"',
  );
});

test('a standard port and the letters of the host are no part of it; another port is', () => {
  const at = (url: string) => authorization({ method: 'GET', url }, DOCUMENTED, ONCE);
  expect(at('HTTPS://API.X.com:443/2/users/me')).toBe(at('https://api.x.com/2/users/me'));
  expect(at('https://api.x.com:444/2/users/me')).not.toBe(at('https://api.x.com/2/users/me'));
  expect(at('https://api.x.com/2/users/me#part')).toBe(at('https://api.x.com/2/users/me'));
});

test('any query and any keys are signed as the other side reads them', () => {
  const word = fc.string({ unit: 'grapheme', maxLength: 8 });
  const key = fc.stringMatching(/^[!-~]{1,12}$/);
  fc.assert(fc.property(fc.array(fc.tuple(word, word), { maxLength: 5 }), key, key, key, key, (pairs, consumerKey, consumerSecret, accessToken, accessTokenSecret) => {
    const url = new URL('https://api.x.com/2/media/upload');
    for (const [name, value] of pairs) url.searchParams.append(name, value);
    const header = authorization({ method: 'GET', url: url.href }, { consumerKey, consumerSecret, accessToken, accessTokenSecret });
    const pair = { consumerKey, consumerSecret, token: accessToken, tokenSecret: accessTokenSecret };
    expect(oauthFault({ method: 'GET', url, authorization: header }, pair, new Set())).toBeNull();
    expect(oauthFault({ method: 'POST', url, authorization: header }, pair, new Set())).toBe('The signature is another one.');
    expect(oauthFault({ method: 'GET', url, authorization: header }, { ...pair, tokenSecret: `${accessTokenSecret}x` }, new Set())).toBe('The signature is another one.');
  }));
});

test('no two requests have the same nonce', () => {
  const nonces = Array.from({ length: 50 }, () => /oauth_nonce="([^"]+)"/.exec(authorization({ method: 'GET', url: 'https://api.x.com/2/users/me' }, DOCUMENTED))![1]);
  expect(new Set(nonces).size).toBe(50);
});
