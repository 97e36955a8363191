// By which channels a customer can be answered now: pure cases of the rules, and `sendMessage` beside what the graph says.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PROVIDERS } from '../../src/channels/registry.ts';
import { REPLY_FORMS, REPLY_REFUSALS, replyOptions, type RouteFacts } from '../../src/messages/reply-options.ts';

const AT = '2026-03-10T12:00:00.000Z';
const facts = (o: Partial<RouteFacts> = {}): RouteFacts => ({
  channel: 'SMS', accountId: 'a', provider: 'twilio', accountName: 'Texts', accountState: 'ACTIVE', faultAt: null, fault: null, identityId: 'i', address: '+15035550142', trust: 'ATTESTED',
  claimed: null, lastInboundAt: null, wroteHereAt: null, consent: null, consentAt: null, groupId: null, ...o,
});
const only = (o: Partial<RouteFacts>) => replyOptions([facts(o)], AT)[0]!;

describe('one channel', () => {
  test.for<[string, Partial<RouteFacts>, object]>([
    ['can be written to', {}, { form: 'FREE', refusal: null, until: null, recommended: true }],
    ['without an address can\'t', { identityId: null }, { form: null, refusal: 'NO_ADDRESS', recommended: false, recommendation: null }],
    ['with an address that he only says is his can\'t', { identityId: null, claimed: '+15035550142' }, { form: null, refusal: 'UNVERIFIED', explanation: 'The customer says that +15035550142 is his; nobody has confirmed it.' }],
    ['that is switched off can\'t', { accountState: 'DISABLED' }, { form: null, refusal: 'ACCOUNT_DISABLED' }],
    ['whose provider refuses us can\'t', { faultAt: AT, fault: 'The token ended.' }, { form: null, refusal: 'ACCOUNT_UNHEALTHY', explanation: 'Nothing can be sent by Texts since 2026-03-10 12:00 UTC: The token ended.' }],
    ['that he opted out of can\'t', { consent: 'withdrawn', consentAt: AT }, { form: null, refusal: 'OPTED_OUT' }],
    ['that he used in a group can\'t, where its provider writes to nobody but one', { groupId: 'group:1' }, { form: null, refusal: 'NO_GROUPS' }],
    ['that he used in a group can, where its provider writes to groups', { groupId: 'group:1', provider: 'bandwidth' }, { form: 'FREE' }],
    ['that he opted out of and into again can', { consent: 'given', consentAt: AT }, { form: 'FREE' }],
  ])('%s', ([, given, expected]) => {
    expect(only(given)).toMatchObject(expected);
  });
});

describe('which one to take', () => {
  const CHAT: Partial<RouteFacts> = { channel: 'LIVE_CHAT', provider: 'throughline' };
  const MAIL: Partial<RouteFacts> = { channel: 'EMAIL', provider: 'mime' };
  const recommended = (...all: Partial<RouteFacts>[]) => replyOptions(all.map(facts), AT).find((each) => each.recommended);

  test('the one that he wrote by last here, though he wrote elsewhere since', () => {
    const option = recommended({ ...MAIL, lastInboundAt: '2026-03-10T11:00:00Z' }, { ...CHAT, wroteHereAt: '2026-03-09T09:00:00Z', lastInboundAt: '2026-03-09T09:00:00Z' });
    expect(option).toMatchObject({ channel: 'LIVE_CHAT', recommendation: 'He wrote by chat in this conversation.' });
  });
  test('another one, which says so, where that one is not possible', () => {
    const option = recommended({ wroteHereAt: AT, consent: 'withdrawn', consentAt: AT }, { ...MAIL, trust: 'VERIFIED' });
    expect(option).toMatchObject({ channel: 'EMAIL', recommendation: 'A proven address of his is known there, since SMS is not possible.' });
  });
  test('none, where none is possible', () => {
    expect(recommended({ identityId: null }, { ...MAIL, accountState: 'DISABLED' })).toBeUndefined();
  });
});

const moment = fc.integer({ min: -400, max: 400 }).map((hours) => new Date(Date.parse(AT) + hours * 3_600_000).toISOString());
const anyFacts = fc.record<RouteFacts>({
  channel: fc.constant('SMS'), provider: fc.constant('twilio'), accountId: fc.uuid(), accountName: fc.string(), accountState: fc.constantFrom('ACTIVE', 'DISABLED'), faultAt: fc.option(moment), fault: fc.constant('The token ended.'),
  identityId: fc.option(fc.uuid()), address: fc.string(), trust: fc.constantFrom('ATTESTED', 'VERIFIED', null), claimed: fc.option(fc.string()), lastInboundAt: fc.option(moment), wroteHereAt: fc.option(moment),
  consent: fc.constantFrom('given', 'withdrawn', null), consentAt: moment, groupId: fc.option(fc.constant('group:1')),
});
const everyWay = fc.tuple(...PROVIDERS.map(({ channel, provider }) => anyFacts.map((one): RouteFacts => ({ ...one, channel: channel.toUpperCase() as RouteFacts['channel'], provider }))));

test('whatever is known: either a form or a refusal, each with a sentence; one that is possible is recommended, and none that isn\'t', () => {
  fc.assert(fc.property(everyWay, (all) => {
    const options = replyOptions(all, AT);
    expect(options.map(({ channel }) => channel)).toEqual(all.map(({ channel }) => channel));
    for (const { form, refusal, explanation, until } of options) {
      expect((form === null) !== (refusal === null)).toBe(true);
      if (form !== null) expect(REPLY_FORMS).toContain(form);
      if (refusal !== null) expect(REPLY_REFUSALS).toContain(refusal);
      expect(explanation).toMatch(/\.$/);
      if (until !== null) expect(until > AT).toBe(true);
    }
    const taken = options.filter(({ recommended }) => recommended);
    expect(taken).toHaveLength(options.some(({ form }) => form !== null) ? 1 : 0);
    for (const { form, recommendation } of taken) {
      expect(form).not.toBeNull();
      expect(recommendation).toMatch(/\.$/);
    }
  }));
});
