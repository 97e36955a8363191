import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readText, withTargets } from '../../../src/channels/x/text.ts';

const SHORT = 'https://t.co/qL7vR2dZkA';
const media = (o: object = {}) => ({ url: SHORT, type: 'photo', ...o });
const entity = (o: object = {}) => ({ url: SHORT, expanded_url: 'https://twitter.com/messages/media/1899', display_url: 'pic.twitter.com/qL7vR2dZkA', ...o });
const read = (text: unknown, urls: unknown[] = [], of: Record<string, unknown> | null = null) => readText({ text, entities: { urls } }, of).text;

describe('escapes', () => {
  test.each([
    ['&lt;b&gt; &amp; more', '<b> & more'],
    ['&amp;lt;', '&lt;'],
    ['&amp;amp;amp;', '&amp;amp;'],
    ['&quot;yes&quot; it&#39;s &#x1F6B2;', '"yes" it\'s 🚲'],
    ['AT&T; &copy; & &; &#; &#xFFFFFF; &#99999999;', 'AT&T; &copy; & &; &#; &#xFFFFFF; &#99999999;'],
  ])('%s', (escaped, written) => expect(read(escaped)).toBe(written));

  test('whatever is escaped once comes back as it was', () => {
    const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
    const pieces = fc.array(fc.oneof(fc.constantFrom('&', '<', '>', '&amp;', '&lt;', '&#60;', ';', 'amp'), fc.string({ unit: 'grapheme', maxLength: 4 })), { minLength: 1 });
    fc.assert(fc.property(pieces, (parts) => {
      expect(read(escape(parts.join('')))).toBe(parts.join(''));
    }));
  });
});

describe('the link of a picture', () => {
  test('is taken out where its indices point, which count code points of the escaped text', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.boolean(), (before, escaped) => {
      const front = `${before.replaceAll('&', '').replaceAll('<', '')}🚲${escaped ? '&amp;' : ''}`;
      const start = [...front].length + 1;
      // The customer typed the same address behind it: his stays.
      expect(read(`${front} ${SHORT} then ${SHORT}`, [entity({ indices: [start, start + SHORT.length] })], media())).toBe(`${front.replace('&amp;', '&')} then ${SHORT}`);
    }));
  });

  test('in the middle it leaves one blank', () => {
    expect(read(`see ${SHORT} there`, [entity({ indices: [4, 4 + SHORT.length] })], media())).toBe('see there');
  });

  test.each([
    ['indices of another text', [entity({ indices: [13, 36] })]],
    ['indices that are none', [entity({ indices: 'x' })]],
    ['no indices', [entity()]],
    ['no entities', []],
  ])('with %s it is taken at the end, where X puts it', (_, urls) => {
    expect(read(`Blue frame ${SHORT}`, urls, media())).toBe('Blue frame');
    expect(read(` ${SHORT}`, urls, media())).toBe('');
    expect(read(`${SHORT} is typed, ${SHORT}`, urls, media())).toBe(`${SHORT} is typed,`);
  });

  test('of an attachment that does not name it, the last short link is taken when nothing says that it leads elsewhere', () => {
    expect(read(`Hi ${SHORT}`, [], media({ url: undefined }))).toBe('Hi');
    expect(read(`Hi ${SHORT}`, [entity()], media({ url: undefined }))).toBe('Hi');
    const elsewhere = entity({ expanded_url: 'https://larkspur.example/', display_url: 'larkspur.example' });
    expect(read(`Hi ${SHORT}`, [elsewhere], media({ url: undefined }))).toBe(`Hi ${SHORT}`);
  });

  test('a text without it is not touched, and other links stay', () => {
    expect(read('Blue frame', [entity({ indices: [13, 36] })], media())).toBe('Blue frame');
    const other = { url: 'https://t.co/Other12345', expanded_url: 'https://larkspur.example/', display_url: 'larkspur.example', indices: [4, 27] };
    expect(read(`See https://t.co/Other12345 ${SHORT}`, [other, entity({ indices: [28, 51] })], media())).toBe('See https://t.co/Other12345');
    // No attachment: it is a link that somebody typed.
    expect(read(`See ${SHORT}`, [entity({ indices: [4, 27] })])).toBe(`See ${SHORT}`);
  });
});

test('links are shown as what was typed', () => {
  const said = readText({ text: 'A https://t.co/a1 and https://t.co/b2 &amp; c', entities: { urls: [
    { url: 'https://t.co/a1', expanded_url: 'https://one.example/$&?x=1' }, { url: 'https://t.co/b2' }, { url: 7 }, null,
  ] } }, null);
  expect(said.text).toBe('A https://t.co/a1 and https://t.co/b2 & c');
  expect(withTargets(said)).toBe('A https://one.example/$&?x=1 and https://t.co/b2 & c');
});
