import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OBSERVATION_SOURCES } from '../../schema/identities.ts';
import { saying, shownObservations, shownValues, type Observation } from '../../src/identities/survivorship.ts';

const AT = '2026-03-02T09:00:00.000Z';
let made = 0;
const o = (source: Observation['source'], value: unknown, more: Partial<Observation> = {}): Observation => ({
  id: String(++made).padStart(12, '0'), identityId: 'a', key: 'name', value, source, observedAt: AT, ...more,
});

const observations = fc.uniqueArray(
  fc.record({
    id: fc.uuid(),
    identityId: fc.constantFrom('a', 'b', 'c'),
    key: fc.constantFrom('name', 'tier', 'custom.plan', 'custom.__proto__', 'tag.vip', 'tag.new'),
    value: fc.oneof(fc.constantFrom('A', 'B', true, 3), fc.constant(null)),
    source: fc.constantFrom(...OBSERVATION_SOURCES),
    observedAt: fc.constantFrom('2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z', '2026-01-03T00:00:00.000Z'),
  }),
  { selector: (x) => x.id, maxLength: 40 },
).map((all) => all.map((x) => (x.key.startsWith('tag.') && x.value !== null ? { ...x, value: true } : x)));

describe('what is shown', () => {
  test('does not depend on the order in which it was told', () => {
    fc.assert(fc.property(observations.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))), ([all, shuffled]) => {
      expect(shownValues(shuffled)).toEqual(shownValues(all));
    }));
  });
  test('of two customers together shows nothing that neither was told, and every tag of both', () => {
    fc.assert(fc.property(observations, (all) => {
      const [left, right] = [all.filter((x) => x.identityId === 'a'), all.filter((x) => x.identityId !== 'a')];
      const [l, r, both] = [shownValues(left), shownValues(right), shownValues(all)];
      expect(both.tags).toEqual([...new Set([...l.tags, ...r.tags])].sort());
      for (const key of ['name', 'tier'] as const) expect([l[key], r[key]]).toContain(both[key]);
    }));
  });
  test('the better source wins, then the more recent, then nothing shown twice', () => {
    expect(shownValues([o('CRM', 'Crm'), o('AGENT', 'Agent', { observedAt: '2020-01-01T00:00:00.000Z' }), o('CHANNEL', 'Channel', { observedAt: '2027-01-01T00:00:00.000Z' })]).name).toBe('Agent');
    expect(shownValues([o('CRM', 'Old'), o('CRM', 'New', { identityId: 'b', observedAt: '2026-03-03T00:00:00.000Z' })]).name).toBe('New');
    expect(shownValues([o('VERIFIED', 'V'), o('AGENT', 'A')]).name).toBe('V');
  });
  test('what somebody says of himself is shown only when nobody else says anything, and never as a tier', () => {
    expect(shownValues([o('CLAIM', 'Me')]).name).toBe('Me');
    expect(shownValues([o('CLAIM', 'Me', { observedAt: '2027-01-01T00:00:00.000Z' }), o('CHANNEL', 'Channel')]).name).toBe('Channel');
    expect(shownValues([o('CLAIM', 'gold', { key: 'tier' })]).tier).toBeNull();
  });
  test('a value taken back lets the next best appear', () => {
    expect(shownValues([o('AGENT', 'Agent'), o('AGENT', null, { observedAt: '2026-03-03T00:00:00.000Z' }), o('CRM', 'Crm')]).name).toBe('Crm');
  });
  test('a tag that was taken from one is still the other\'s', () => {
    const vip = (identityId: string, value: unknown, day: number) => o('AGENT', value, { key: 'tag.vip', identityId, observedAt: `2026-03-0${day}T00:00:00.000Z` });
    expect(shownValues([vip('a', true, 1), vip('a', null, 3), vip('b', true, 2)]).tags).toEqual(['vip']);
    expect(shownValues([vip('a', true, 1), vip('a', null, 3)]).tags).toEqual([]);
  });
});

describe('saying', () => {
  const by = { identityId: 'a', source: 'AGENT' as const };
  const stored = (said: Omit<Observation, 'id'>[]) => said.map((x) => ({ ...x, id: String(++made).padStart(12, '0') }));
  test('what was said is shown of its source, and saying it again adds nothing', () => {
    fc.assert(fc.property(observations, fc.constantFrom('name', 'custom.plan', 'tag.vip'), fc.constantFrom('A', 'Z', null), (all, key, text) => {
      const value = key.startsWith('tag.') ? (text === null ? null : true) : text;
      const after = [...all, ...stored(saying(all, { ...by, key, value }, '2026-01-02T00:00:00.000Z'))];
      expect(saying(after, { ...by, key, value }, '2026-01-02T00:00:00.000Z')).toEqual([]);
      const own = after.filter((x) => key.startsWith('tag.') || x.source === 'AGENT');
      expect(shownObservations(own).get(key)?.value ?? null).toEqual(value);
    }));
  });
  test('objects that differ only in the order of their keys are the same', () => {
    const before = [o('AGENT', { b: 1, a: [1, { y: 2, x: 1 }] }, { key: 'custom.x' })];
    expect(saying(before, { ...by, key: 'custom.x', value: { a: [1, { x: 1, y: 2 }], b: 1 } }, AT)).toEqual([]);
  });
});
