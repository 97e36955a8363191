import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isOpen, isTimeZone, openingHours, type Calendar } from '../../src/routing/calendar.ts';

const weekdays = (timeZone: string): Calendar => ({ timeZone, hours: [1, 2, 3, 4, 5].map((day) => ({ day, from: '09:00', to: '17:30' })) });

describe('business hours', () => {
  test.each([
    ['2026-03-09T08:00:00.000Z', true, 'Monday 09:00 in Amsterdam, winter: the first minute is included'],
    ['2026-03-09T07:59:59.999Z', false, 'a millisecond earlier'],
    ['2026-03-09T16:29:59.999Z', true, 'Monday 17:29'],
    ['2026-03-09T16:30:00.000Z', false, 'Monday 17:30: the end is excluded'],
    ['2026-03-30T07:00:00.000Z', true, 'the Monday after the clock change, 09:00 in summer time'],
    ['2026-03-30T06:59:00.000Z', false, 'the Monday after the clock change, 08:59'],
    ['2026-03-08T10:00:00.000Z', false, 'Sunday'],
  ])('%s is open: %s (%s)', (at, open) => {
    expect(isOpen(weekdays('Europe/Amsterdam'), at)).toBe(open);
  });

  test('midnight is 00:00 of the new day, never 24:00 of the old one', () => {
    const night: Calendar = { timeZone: 'UTC', hours: [{ day: 2, from: '00:00', to: '00:01' }] };
    expect(isOpen(night, '2026-03-10T00:00:00.000Z')).toBe(true);
    expect(isOpen({ timeZone: 'UTC', hours: [{ day: 1, from: '23:59', to: '24:00' }] }, '2026-03-09T23:59:59.999Z')).toBe(true);
  });

  test('in UTC it agrees with plain arithmetic at any moment', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000_000 }), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 1439 }), fc.integer({ min: 1, max: 1440 }), (ms, day, from, to) => {
        fc.pre(from < to);
        const text = (minutes: number) => `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
        const minute = Math.floor(ms / 60_000) % 1440;
        const weekday = ((Math.floor(ms / 86_400_000) + 3) % 7) + 1; // 1970-01-01 was a Thursday
        const open = weekday === day && from <= minute && minute < to;
        expect(isOpen({ timeZone: 'UTC', hours: [{ day, from: text(from), to: text(to) }] }, new Date(ms).toISOString())).toBe(open);
      }),
    );
  });

  test('a week that is open all day, every day, is open at any moment in any zone', () => {
    const zones = ['America/St_Johns', 'Africa/Cairo', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Apia', 'Europe/London'];
    fc.assert(
      fc.property(fc.integer({ min: 1_000_000_000_000, max: 2_000_000_000_000 }), fc.constantFrom(...zones), (ms, timeZone) => {
        const hours = [1, 2, 3, 4, 5, 6, 7].map((day) => ({ day, from: '00:00', to: '24:00' }));
        expect(isOpen({ timeZone, hours }, new Date(ms).toISOString())).toBe(true);
        expect(isOpen({ timeZone, hours: [] }, new Date(ms).toISOString())).toBe(false);
      }),
    );
  });

  test('hours that end before they begin, and times that are none, are refused', () => {
    for (const hours of [[{ day: 1, from: '17:00', to: '09:00' }], [{ day: 8, from: '09:00', to: '17:00' }], [{ day: 1, from: '9:00', to: '17:00' }], [{ day: 1, from: '09:00', to: '24:30' }]]) {
      expect(openingHours.safeParse(hours).success).toBe(false);
    }
    expect(openingHours.safeParse(weekdays('UTC').hours).success).toBe(true);
  });

  test('a time zone is one that this process knows', () => {
    expect(isTimeZone('Europe/Amsterdam')).toBe(true);
    expect(isTimeZone('Mars/Olympus')).toBe(false);
    expect(isTimeZone('')).toBe(false);
  });
});
