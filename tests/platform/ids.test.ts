import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { after, now, nowMs, setClock } from '../../src/platform/clock.ts';
import { newId, publicId, uuidOf } from '../../src/platform/ids.ts';

let restore = (): void => {};
afterEach(() => restore());

test('ids are UUIDs of version 7, never the same, and later ones sort later', () => {
  let ms = Date.parse('2026-03-01T10:00:00.000Z');
  restore = setClock(() => ms++);
  const ids = Array.from({ length: 2_000 }, newId);
  expect(new Set(ids).size).toBe(ids.length);
  expect([...ids].sort()).toEqual(ids);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Number.parseInt(ids[0]!.replace('-', '').slice(0, 12), 16)).toBe(Date.parse('2026-03-01T10:00:00.000Z'));
});

test('also those of one millisecond, and while the clock steps back a little', () => {
  const start = Date.parse('2026-03-01T10:00:00.000Z');
  let calls = 0;
  restore = setClock(() => start + [0, 0, 1, 0, 0][Math.floor(calls++ / 3_000) % 5]!);
  const ids = Array.from({ length: 15_000 }, newId);
  expect(new Set(ids).size).toBe(ids.length);
  expect([...ids].sort()).toEqual(ids);
  // Set right by an hour it is believed: an id says when it was made.
  restore = setClock(() => start - 3_600_000);
  expect(Number.parseInt(newId().replace('-', '').slice(0, 12), 16)).toBe(start - 3_600_000);
});

test('a public id and its UUID are the same thing; of another prefix it is none', () => {
  fc.assert(
    fc.property(fc.uuid(), fc.constantFrom('cus', 'cnv', 'msg'), (uuid, prefix) => {
      expect(uuidOf(prefix, publicId(prefix, uuid))).toBe(uuid);
      expect(uuidOf('idn', publicId(prefix, uuid))).toBeNull();
    }),
  );
});

test('whatever else is no id', () => {
  fc.assert(fc.property(fc.string(), (text) => uuidOf('cus', text) === null));
  for (const text of ['cus_', `cus_${'g'.repeat(32)}`, `cus_${'A'.repeat(32)}`, `cus_${'a'.repeat(33)}`, `cus_${'a'.repeat(31)}\n`]) expect(uuidOf('cus', text)).toBeNull();
});

test('the clock can be set, and put back', () => {
  restore = setClock(() => Date.parse('2031-05-06T07:08:09.010Z'));
  expect(now()).toBe('2031-05-06T07:08:09.010Z');
  expect(after(86_400_000)).toBe('2031-05-07T07:08:09.010Z');
  restore();
  expect(Math.abs(nowMs() - (performance.timeOrigin + performance.now()))).toBeLessThan(60_000);
});
