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
