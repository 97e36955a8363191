import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Unparsable } from '../../../src/channels/channel.ts';
import { observedAddress } from '../../../src/channels/twilio/address.ts';
import { readFields } from '../../../src/channels/twilio/form.ts';
import { HOOK, posted, wellFormed } from './requests.ts';

const json = (body: string) => readFields(posted(body, { headers: { 'content-type': 'application/json' } }));

test('a form keeps every value of a repeated name, keys without a value, and what is badly encoded', () => {
  expect(readFields(posted('A=1&A=2&B&C=&D=100%&E=%zz+x&=nameless&&F=a=b')).toObject()).toEqual({ A: ['1', '2'], B: '', C: '', D: '100%', E: '%zz x', '': 'nameless', F: 'a=b' });
});

test('an empty field reads as absent, a number only as a number', () => {
  const fields = readFields(posted('A=&N=12&M=-1&L=99999999999999999999'));
  expect([fields.text('A'), fields.text('Z'), fields.has('A'), fields.has('Z')]).toEqual([null, null, true, false]);
  expect([fields.count('N'), fields.count('M'), fields.count('L'), fields.count('A')]).toEqual([12, null, null, null]);
});

test('a plus that became a blank comes back in numbers, and nowhere else', () => {
  const fields = readFields(posted('From=+15035550142&To=whatsapp:+15035550142&Sip=sip:+1503@x&Name=+Ada&Body=+1+2'));
  expect(fields.phone('From')).toBe('+15035550142');
  expect(fields.phone('To')).toBe('whatsapp:+15035550142');
  expect(fields.phone('Sip')).toBe('sip:+1503@x');
  expect(fields.phone('Name')).toBe('Ada');
  expect(fields.text('Body')).toBe(' 1 2');
});

test('NUL, lone surrogates and broken UTF-8 are cleaned, astral characters stay', () => {
  expect(readFields(posted('Body=a%00b%F0%9F%93%A6%ED%A0%80%ff')).text('Body')).toMatch(/^ab📦\ufffd+$/);
  expect(json('{"Body":"a\\u0000b\\ud83d\\udce6\\ud800"}').text('Body')).toBe('ab📦\ufffd');
});

test('JSON is read like a form, whole numbers beyond 2^53 without rounding', () => {
  const body = '{"a":9223372036854775807,"b":"said 9223372036854775807","c":[1,2],"d":null,"e":{"f":true},"g":1.5,"__proto__":"x","h":false}';
  expect(json(body).toObject()).toEqual({
    a: '9223372036854775807', b: 'said 9223372036854775807', c: ['1', '2'], e: '{"f":true}', g: '1.5', ['__proto__']: 'x', h: 'false',
  });
  // A recorded body comes without its headers.
  expect(readFields(posted(' {"a":"b"}', { headers: {} })).text('a')).toBe('b');
  for (const bad of ['[]', '"x"', 'null', '{', '{"a":1}}', '']) expect(() => json(bad), bad).toThrow(Unparsable);
});

test('a webhook configured as GET carries its fields in the address', () => {
  expect(readFields(posted('', { method: 'GET', url: `${HOOK}?From=%2B1503&Body=a+b#x` })).toObject()).toEqual({ From: '+1503', Body: 'a b' });
});

test('any bytes are read or are unparsable', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom('application/json', 'application/x-www-form-urlencoded', undefined), (body, type) => {
    try {
      readFields(posted(Buffer.from(body), { headers: type ? { 'content-type': type } : {} })).toObject();
    } catch (error) {
      expect(error).toBeInstanceOf(Unparsable);
    }
  }));
  expect(() => readFields(posted('a&'.repeat(2_000)))).toThrow(Unparsable);
});

test('what a form holds is read as it was written', () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 5 }), fc.string({ unit: 'grapheme', maxLength: 20 })), { maxLength: 10 }), (pairs) => {
    const wanted = new Map<string, string[]>();
    for (const [name, value] of pairs) wanted.set(clean(name), [...(wanted.get(clean(name)) ?? []), clean(value)]);
    const got = readFields(posted(new URLSearchParams(pairs).toString())).toObject();
    expect(got).toEqual(Object.fromEntries([...wanted].map(([name, values]) => [name, values.length === 1 ? values[0] : values])));
  }));
});
const clean = (text: string): string => wellFormed(text.replaceAll('\0', ''));

test.for([
  ['+15035550142', 'phone', '', '+15035550142', 'attested'],
  ['15035550142', 'phone', '', '+15035550142', 'attested'],
  ['72345', 'external_id', 'short_code', '72345', 'attested'],
  ['PARCELCO', 'external_id', 'sender_id', 'PARCELCO', 'claimed'],
  ['client:ada', 'external_id', 'twilio_client:AC1', 'ada', 'attested'],
  ['sip:Ada@PBX.example.com:5060;transport=tls', 'sip_uri', '', 'sip:Ada@pbx.example.com', 'attested'],
  ['whatsapp:+15035550142', 'phone', '', '+15035550142', 'attested'],
  ['whatsapp:US.13491208655302741918', 'wa_bsuid', 'AC1', 'US.13491208655302741918', 'attested'],
] as const)('%s is a %s', ([raw, kind, namespace, value, trust]) => {
  expect(observedAddress(raw, { accountSid: 'AC1', trust: 'attested' })).toEqual({ kind, namespace, value, valueRaw: raw, trust, displayName: null });
});

test('no text makes an address fail', () => {
  expect(observedAddress('', { accountSid: null, trust: 'attested' })).toBeNull();
  expect(observedAddress(' ', { accountSid: null, trust: 'attested' })).toBeNull();
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (raw) => {
    const address = observedAddress(raw, { accountSid: 'AC1', trust: 'attested' });
    if (address !== null) expect(address.value).not.toBe('');
  }));
});
