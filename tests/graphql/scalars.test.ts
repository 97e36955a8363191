import fc from 'fast-check';
import { expect, it } from 'vitest';
import { moment, SCALARS } from '../../src/graphql/scalars.ts';

it('a moment with any offset is the same moment in UTC with milliseconds', () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date('0001-01-02T00:00:00Z'), max: new Date('9999-12-30T00:00:00Z'), noInvalidDate: true }),
      fc.integer({ min: -14 * 60, max: 14 * 60 }),
      (date, minutes) => {
        const local = new Date(date.getTime() + minutes * 60_000).toISOString().replace('Z', '');
        const sign = minutes < 0 ? '-' : '+';
        const two = (n: number) => String(Math.floor(Math.abs(n))).padStart(2, '0');
        expect(moment(`${local}${sign}${two(minutes / 60)}:${two(Math.abs(minutes) % 60)}`)).toBe(date.toISOString());
      },
    ),
  );
});
it('finer than a millisecond is cut off, not rounded', () => {
  expect(moment('2026-01-01T00:00:00.9999999Z')).toBe('2026-01-01T00:00:00.999Z');
});
it.each([
  '2026-02-30T00:00:00Z',
  '2025-02-29T00:00:00Z',
  '1900-02-29T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T00:60:00Z',
  '2026-01-01',
  '2026-01-01T00:00:00',
  '20260101T000000Z',
  '+012026-01-01T00:00:00Z',
  '',
  'now',
  '2026-01-01T00:00:00Z\n',
])('%j is no moment', (text) => expect(() => moment(text)).toThrow());
it.each(['2024-02-29T00:00:00Z', '2000-02-29T23:59:59.999-11:30', '2026-12-31t23:59:59z'])('%s is a moment', (text) =>
  expect(moment(text)).toMatch(/^\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z$/),
);
it('durations and sizes are safe integers', () => {
  for (const scalar of [SCALARS.Milliseconds, SCALARS.Bytes]) {
    expect(scalar.parseValue(2 ** 53 - 1)).toBe(2 ** 53 - 1);
    for (const value of [2 ** 53, 1.5, '1', NaN, null]) expect(() => scalar.parseValue(value)).toThrow();
  }
});
