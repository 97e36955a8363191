import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { firstHashKey, initSecrets, isSealedAnew, keyedHash, open, seal, subkey, subkeys, useHashKey } from '../../src/platform/secrets.ts';

const KEY = 'k'.repeat(32);
beforeEach(() => initSecrets(KEY));

test('what was sealed opens at its place and nowhere else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), fc.string(), (plain, place, other) => {
      const sealed = seal(Buffer.from(plain), place);
      expect(open(sealed, place)).toEqual(Buffer.from(plain));
      if (other !== place) expect(() => open(sealed, other)).toThrow();
    }),
  );
});

test('a change of any bit is noticed', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 0, max: 7 }), (at, bit) => {
      const sealed = seal('a token', 'ws/acc');
      sealed[at % sealed.length]! ^= 1 << bit;
      expect(() => open(sealed, 'ws/acc')).toThrow();
    }),
  );
});

test('the same text is never sealed to the same bytes, and its letters are not among them', () => {
  const [a, b] = [seal('EAAG-token-of-a-page', 'p'), seal('EAAG-token-of-a-page', 'p')];
  expect(a).not.toEqual(b);
  expect(a.includes('EAAG')).toBe(false);
});

test('after the key was changed the old one still opens when it is named, and not otherwise', () => {
  const sealed = seal('kept', 'p');
  initSecrets('n'.repeat(40), [KEY]);
  expect(open(sealed, 'p').toString()).toBe('kept');
  const anew = seal('kept', 'p');
  initSecrets('n'.repeat(40));
  expect(open(anew, 'p').toString()).toBe('kept');
  expect(() => open(sealed, 'p')).toThrow(/another SECRET_KEY/);
});

test('hashes depend on the text and on the key; purposes have keys of their own', () => {
  const hash = keyedHash('ada@example.com');
  expect(hash).toHaveLength(32);
  expect(keyedHash('ada@example.com')).toEqual(hash);
  expect(keyedHash('ada@example.org')).not.toEqual(hash);
  expect(subkey('cursor')).not.toEqual(subkey('token'));
  initSecrets('n'.repeat(40));
  expect(keyedHash('ada@example.com')).not.toEqual(hash);
});

test('beside an older key, hashes begin as the older one’s, and keys for signing are the present one’s first', () => {
  const [hash, key] = [keyedHash('x'), subkey('token')];
  const sealed = seal('x', 'p');
  expect(isSealedAnew(sealed)).toBe(true);
  initSecrets('n'.repeat(40), [KEY]);
  expect(keyedHash('x')).toEqual(hash);
  expect(subkeys('token')).toEqual([subkey('token'), key]);
  expect(subkey('token')).not.toEqual(key);
  expect(isSealedAnew(sealed)).toBe(false);
});

test('a database’s own hash key is used whatever the secret is', () => {
  const kept = firstHashKey();
  const hash = keyedHash('x');
  initSecrets('n'.repeat(40));
  useHashKey(kept);
  expect(keyedHash('x')).toEqual(hash);
});

test.each([Buffer.alloc(0), Buffer.from('plain text that was never sealed, long enough'), Buffer.alloc(40)])('what was never sealed is refused', (bytes) => {
  expect(() => open(bytes, 'p')).toThrow();
});
