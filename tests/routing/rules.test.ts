import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHANNELS } from '../../schema/channels.ts';
import { decide, ruleActions, ruleConditions, type Facts, type Rule, type RuleConditions } from '../../src/routing/rules.ts';

const QUEUE_A = '0190a000-0000-7000-8000-00000000000a';
const DEFAULT = '0190a000-0000-7000-8000-00000000000d';
const HOURS = '0190a000-0000-7000-8000-0000000000cc';

const facts = (more: Partial<Facts> = {}): Facts => ({
  channel: 'EMAIL', tier: 'gold', language: 'en-GB', text: 'Where is my Refund?', tags: ['VIP'],
  calendars: new Map([[HOURS, { timeZone: 'Europe/Amsterdam', hours: [{ day: 1, from: '09:00', to: '17:00' }] }]]),
  now: '2026-03-09T10:00:00.000Z', ...more,
});
const rule = (conditions: RuleConditions, more: Partial<Rule> = {}): Rule => ({ id: 'r1', name: 'Rule', version: 3, enabled: true, conditions, actions: { queueId: QUEUE_A }, ...more });
const matches = (conditions: RuleConditions, f = facts()) => decide([rule(conditions)], f, DEFAULT).ruleId !== null;

describe('conditions', () => {
  test.each<[string, RuleConditions, boolean]>([
    ['the channel is one of them', { channelIn: ['SMS', 'EMAIL'] }, true],
    ['the channel is none of them', { channelIn: ['SMS'] }, false],
    ['the tier, any case', { tierIn: ['GOLD'] }, true],
    ['another tier', { tierIn: ['silver'] }, false],
    ['a language holds for its regions', { languageIn: ['EN'] }, true],
    ['a region does not hold for another', { languageIn: ['en-US'] }, false],
    ['a language is no prefix of another word', { languageIn: ['e'] }, false],
    ['the text has a word, any case', { textContainsAny: ['invoice', 'REFUND'] }, true],
    ['a pattern is literal', { textContainsAny: ['re.*und'] }, false],
    ['the tag, any case', { tagsAny: ['vip'] }, true],
    ['another tag', { tagsAny: ['vi'] }, false],
    ['open hours', { businessHours: { id: HOURS, state: 'OPEN' } }, true],
    ['closed hours', { businessHours: { id: HOURS, state: 'CLOSED' } }, false],
    ['hours that are gone', { businessHours: { id: QUEUE_A, state: 'CLOSED' } }, false],
    ['all that hold', { channelIn: ['EMAIL'], tierIn: ['gold'], tagsAny: ['vip'] }, true],
    ['one that fails among those that hold', { channelIn: ['EMAIL'], tierIn: ['silver'] }, false],
    ['no condition', {}, true],
  ])('%s', (_, conditions, expected) => {
    expect(matches(conditions)).toBe(expected);
  });

  test('what is not known matches no list', () => {
    for (const c of [{ channelIn: [...CHANNELS] }, { tierIn: ['gold'] }, { languageIn: ['en'] }] satisfies RuleConditions[]) {
      expect(matches(c, facts({ channel: null, tier: null, language: null }))).toBe(false);
    }
  });

  test('composed and decomposed accents are the same word', () => {
    expect(matches({ textContainsAny: ['CAFE\u0301'] }, facts({ text: 'caf\u00e9' }))).toBe(true);
  });

  test('shapes with unknown conditions or actions are refused', () => {
    expect(ruleConditions.safeParse({ chanelIn: ['EMAIL'] }).success).toBe(false);
    expect(ruleConditions.safeParse({ channelIn: [] }).success).toBe(false);
    expect(ruleConditions.safeParse({ textContainsAny: ['  '] }).success).toBe(false);
    expect(ruleActions.safeParse({ queue: QUEUE_A }).success).toBe(false);
  });
});

const anyConditions: fc.Arbitrary<RuleConditions> = fc.record(
  {
    channelIn: fc.uniqueArray(fc.constantFrom(...CHANNELS), { minLength: 1 }),
    tierIn: fc.array(fc.constantFrom('gold', 'Silver', 'bronze'), { minLength: 1, maxLength: 3 }),
    languageIn: fc.array(fc.constantFrom('en', 'nl', 'en-GB'), { minLength: 1, maxLength: 2 }),
    textContainsAny: fc.array(fc.constantFrom('refund', 'a', '.*', 'ß'), { minLength: 1, maxLength: 3 }),
    tagsAny: fc.array(fc.constantFrom('vip', 'x'), { minLength: 1, maxLength: 2 }),
    businessHours: fc.record({ id: fc.constantFrom(HOURS, QUEUE_A), state: fc.constantFrom('OPEN' as const, 'CLOSED' as const) }),
  },
  { requiredKeys: [] },
);
const anyRules: fc.Arbitrary<Rule[]> = fc
  .array(fc.tuple(anyConditions, fc.boolean(), fc.option(fc.constant(QUEUE_A), { nil: undefined })), { maxLength: 8 })
  .map((list) => list.map(([conditions, enabled, queueId], i) => rule(conditions, { id: `r${i}`, enabled, actions: queueId ? { queueId } : { priority: 'HIGH' } })));
const anyFacts: fc.Arbitrary<Facts> = fc
  .record({
    channel: fc.option(fc.constantFrom(...CHANNELS)),
    tier: fc.option(fc.string()),
    language: fc.option(fc.constantFrom('en', 'NL', 'en-gb', 'de')),
    text: fc.oneof(fc.string({ unit: 'binary' }), fc.constant('A refund, please')),
    tags: fc.array(fc.constantFrom('VIP', 'y')),
    now: fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 }).map((ms) => new Date(ms).toISOString()),
  })
  .map((f) => facts(f));

describe('decisions', () => {
  test('the first enabled rule that matches alone decides, and only what was looked at is in the reasons', () => {
    fc.assert(
      fc.property(anyRules, anyFacts, (rules, f) => {
        const enabled = rules.filter((r) => r.enabled);
        const first = enabled.findIndex((r) => decide([r], f, null).ruleId !== null);
        const decision = decide(rules, f, DEFAULT);
        expect(decision.ruleId).toBe(first < 0 ? null : enabled[first]!.id);
        expect(decision.queueId).toBe(first < 0 ? DEFAULT : (enabled[first]!.actions.queueId ?? DEFAULT));
        const looked = first < 0 ? enabled : enabled.slice(0, first + 1);
        expect(decision.reasons.map((r) => r.ruleId)).toEqual([...looked.map((r) => r.id), ...(first < 0 ? [null] : [])]);
        expect(decision.reasons.map((r) => r.matched)).toEqual(decision.reasons.map((_, i) => i === decision.reasons.length - 1));
        for (const reason of decision.reasons) expect(reason.because.length).toBeGreaterThan(0);
      }),
    );
  });

  test('a rule matches exactly when each of its conditions alone does', () => {
    fc.assert(
      fc.property(anyConditions, anyFacts, (conditions, f) => {
        const alone = Object.entries(conditions).map(([name, c]) => matches({ [name]: c }, f));
        expect(matches(conditions, f)).toBe(alone.every(Boolean));
      }),
    );
  });

  test('a rule that fails names what failed, and nothing of what the customer wrote', () => {
    const { reasons } = decide([rule({ channelIn: ['EMAIL'], textContainsAny: ['invoice'] })], facts({ text: 'my number is 12345' }), DEFAULT);
    expect(reasons[0]!.because).toEqual(['the text has none of "invoice"']);
    expect(JSON.stringify(reasons)).not.toContain('12345');
  });

  test('without a matching rule the default queue takes it, or none', () => {
    expect(decide([], facts(), DEFAULT).queueId).toBe(DEFAULT);
    expect(decide([], facts(), null)).toMatchObject({ queueId: null, ruleId: null, priority: null, tags: [] });
  });
});
