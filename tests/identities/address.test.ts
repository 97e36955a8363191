import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IDENTITY_KINDS } from '../../schema/identities.ts';
import { equivalents, foldingKey, normalAddress, type AddressKind } from '../../src/identities/address.ts';
import { POLICIES, standing } from '../../src/identities/policy.ts';

const value = (kind: string, text: string | number | bigint, country?: string) => normalAddress({ kind, value: text }, { country })?.value ?? null;
const kinds = IDENTITY_KINDS.filter((kind) => kind !== 'SELF') as AddressKind[];
const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(...'+0159()- .:;@<>?=ext', 'tel:', 'sip:', 'mailto:', 'whatsapp:', '00', '+55', '+521', '+549', 'ß', 'Σ', 'İ', '٤', '\0', '\ud800') }),
  fc.emailAddress(),
);

describe('every kind', () => {
  test('the normal form of a normal form is itself, whatever the input', () => {
    fc.assert(fc.property(fc.constantFrom(...kinds), texts, fc.constantFrom(undefined, 'US', 'BR', 'DE', 'AR'), (kind, text, country) => {
      const once = normalAddress({ kind, namespace: text, value: text }, { country });
      if (once === null) return;
      const twice = normalAddress(once, { country });
      expect(twice).toEqual({ ...once, valueRaw: once.value });
      expect(once.value).not.toBe('');
      expect(once.value.length).toBeLessThanOrEqual(320);
      expect(once.value.includes('\0')).toBe(false);
      expect(Buffer.from(once.value, 'utf8').toString()).toBe(once.value);
      expect(() => standing(once)).not.toThrow();
    }), { numRuns: 3_000 });
  });
  test('kinds are taken in upper and lower case, and what is no kind of address is none', () => {
    expect(value('email', 'a@b.example')).toBe(value('EMAIL', 'a@b.example'));
    expect(value('self', 'x')).toBeNull();
    expect(value('constructor', 'x')).toBeNull();
  });
  test('a long value is cut without making two of them the same', () => {
    const [a, b] = ['x', 'y'].map((end) => value('external_id', 'n'.repeat(5_000) + end)!);
    expect(a.length).toBe(320);
    expect(a).not.toBe(b);
  });
  test('each kind has its policy', () => expect(Object.keys(POLICIES).sort()).toEqual([...kinds].sort()));
});

describe('e-mail', () => {
  test('the case of both parts is folded and the domain is punycode', () => {
    expect(value('email', ' Ada.L+shop@BÜCHER.example. ')).toBe('ada.l+shop@xn--bcher-kva.example');
    expect(value('email', 'Ada Lovelace <mailto:ADA@x.example>')).toBe('ada@x.example');
  });
  test('letters that only look alike stay apart: no NFKC in the local part', () => {
    expect(value('email', 'ﬁn@x.example')).toBe('ﬁn@x.example');
  });
  test('dots and plus tags are kept, even at Gmail', () => {
    expect(value('email', 'a.d.a+1@gmail.com')).toBe('a.d.a+1@gmail.com');
  });
  test('a domain of digits is not made an IPv4 address', () => expect(value('email', 'a@1.2')).toBe('a@1.2'));
  test('what has no mailbox or no domain is no address', () => {
    for (const text of ['', ' ', 'ada', '@x.example', 'ada@', 'undisclosed recipients:;', '<>', 'a b@x.example']) expect(value('email', text)).toBeNull();
    expect(value('email', '"a b"@x.example')).toBe('"a b"@x.example');
  });
});

describe('phone', () => {
  test.each([
    ['+1 (415) 867-5309', '+14158675309'],
    ['+44 (0)20 7946 0958', '+442079460958'],
    ['+٤٤٢٠٧٩٤٦٠٩٥٨', '+442079460958'],
    ['0044 20 7946 0958', '+442079460958'],
    ['whatsapp:+4915112345678', '+4915112345678'],
    ['tel:+1-415-867-5309;ext=12', '+14158675309'],
    ['384387', '384387'],
    ['AMAZON', 'AMAZON'],
    ['+266696687', '+266696687'],
    ['+999 123 456', '+999123456'],
  ])('%s is %s', (given, normal) => expect(value('phone', given)).toBe(normal));
  test('a number without a country is read by the default country only, and never guessed at', () => {
    expect(value('phone', '07946 095812', 'GB')).toBe('+447946095812');
    expect(value('phone', '(415) 867-5309', 'us')).toBe('+14158675309');
    expect(value('phone', '415 867 5309')).toBe('4158675309');
    expect(value('phone', '72000', 'US')).toBe('72000');
  });
  test.each([
    ['Brazil, with and without the 9', '+5531988888888', '+553188888888'],
    ['Mexico, with and without the 1', '+528112345678', '+5218112345678'],
    ['Argentina, with and without the 9', '+5491123456789', '+541123456789'],
  ])('%s, is one telephone', (_name, a, b) => {
    expect(value('phone', a)).toBe(a);
    expect(value('phone', b)).toBe(b);
    expect(foldingKey('PHONE', a)).toBe(foldingKey('PHONE', b));
    expect(equivalents('PHONE', a)).toEqual([a, b]);
    expect(equivalents('PHONE', b)).toEqual([b, a]);
  });
  test('a Brazilian landline never becomes a mobile', () => {
    expect(equivalents('PHONE', '+551133334444')).toEqual(['+551133334444']);
    expect(foldingKey('PHONE', '+551133334444')).not.toBe(foldingKey('PHONE', '+5511933334444'));
  });
  test('folding is an equivalence: all spellings of one number have one key, which is one of them', () => {
    const numbers = fc.tuple(fc.constantFrom('+55', '+52', '+521', '+54', '+549', '+5531', '+55319', '+49'), fc.stringMatching(/^\d{8,10}$/)).map((parts) => parts.join(''));
    fc.assert(fc.property(numbers, (number) => {
      const spellings = equivalents('PHONE', number);
      for (const spelling of spellings) {
        expect([...equivalents('PHONE', spelling)].sort()).toEqual([...spellings].sort());
        expect(foldingKey('PHONE', spelling)).toBe(foldingKey('PHONE', number));
      }
      expect(spellings).toContain(foldingKey('PHONE', number));
    }));
    expect(foldingKey('EMAIL', '+5531988888888@x.example')).toBe('+5531988888888@x.example');
  });
});

describe('ids', () => {
  test('ids are kept digit by digit, and one that JavaScript already rounded is refused', () => {
    expect(value('psid', 9007199254740993n)).toBe('9007199254740993');
    expect(value('psid', '00123456789012345678901')).toBe('00123456789012345678901');
    expect(value('x_user_id', 12345)).toBe('12345');
    expect(value('psid', 9007199254740994)).toBeNull();
  });
  test('ids of providers keep their case and their namespace; addresses of the world have none', () => {
    expect(normalAddress({ kind: 'wa_bsuid', namespace: ' p1 ', value: ' US.AbC ' })).toEqual({ kind: 'WA_BSUID', namespace: 'p1', value: 'US.AbC', valueRaw: ' US.AbC ' });
    expect(normalAddress({ kind: 'email', namespace: 'p1', value: 'a@b.example' })!.namespace).toBe('');
  });
  test('a SIP address is the user at a host, not the way there', () => {
    expect(value('sip_uri', '"Bob" <sips:Bob@PBX.Example:5061;transport=tls>;tag=1')).toBe('sip:Bob@pbx.example');
    expect(value('sip_uri', 'sip:bob:secret@pbx.example:5080')).toBe('sip:bob@pbx.example:5080');
    expect(value('sip_uri', 'client:alice')).toBe('client:alice');
  });
});

describe('standing', () => {
  const of = (kind: string, text: string) => standing(normalAddress({ kind, value: text })!);
  test.each([
    ['phone', 'anonymous'], ['phone', '0000000'], ['phone', '+1 000 000 0000'], ['phone', '+266696687'], ['phone', '1234567890'], ['phone', '+'],
    ['sip_uri', 'sip:anonymous@anonymous.invalid'], ['email', 'x@unknown.invalid'], ['external_id', 'null'], ['visitor', 'undefined'], ['psid', '0'],
  ])('%s %s is nobody', (kind, text) => expect(of(kind, text)).toBe('NOBODY'));
  test.each(['noreply@x.example', 'no-reply+7@x.example', 'MAILER-DAEMON@x.example', 'info@x.example', 'bounce-17@x.example'])('%s is shared', (text) => {
    expect(of('email', text)).toBe('SHARED');
  });
  test.each([['phone', '+14158675309'], ['phone', 'AMAZON'], ['phone', '384387'], ['email', 'ada@x.example'], ['email', 'information@x.example'], ['psid', '1000000000000001']])(
    '%s %s is a key', (kind, text) => expect(of(kind, text)).toBe('KEY'),
  );
});
