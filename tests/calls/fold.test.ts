import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answersLeg, foldCall, newCall, type CallFacts, type CallStep } from '../../src/calls/fold.ts';
import type { InboundEvent } from '../../src/channels/channel.ts';

type Call = NonNullable<InboundEvent['call']>;
const T0 = Date.parse('2026-03-05T12:00:00.000Z');
const at = (s: number) => new Date(T0 + s * 1000).toISOString();
const call = (phase: Call['phase'], more: Partial<Call> = {}): Call => ({
  providerCallId: 'CA1', parentCallId: null, phase, sequence: null, from: null, to: null, disposition: null, endCause: null, talkMs: null, recording: null, transcript: null, ...more,
});
const events: [Call, string, boolean][] = [
  [call('ringing'), at(0), false],
  [call('answered'), at(8), false],
  [call('ended', { disposition: 'answered', endCause: 'completed', talkMs: 49_000 }), at(57), false],
  [call('answered', { providerCallId: 'CA2', parentCallId: 'CA1' }), at(9), true],
  [call('ended', { providerCallId: 'CA2', parentCallId: 'CA1', disposition: 'failed' }), at(20), true],
  [call('recording', { recording: { id: 'RE1', kind: 'call', state: 'completed', durationMs: 49_000, channels: 1, url: null, startedAt: null } }), at(80), false],
];
const fold = (list: typeof events): CallFacts => {
  let legAnswered = false;
  const steps = new Map<string, CallStep>();
  return list.reduce((facts, [c, t, leg]) => {
    if (c.step) steps.set(`${c.step.kind} ${t}`, { kind: c.step.kind.toUpperCase() as CallStep['kind'], occurredAt: t });
    return foldCall(facts, c, t, leg, (legAnswered ||= answersLeg(c)), [...steps.values()]);
  }, newCall(list[0]![1]));
};

describe('folding of a call', () => {
  it('any order and any repetition of its events ends in the same call', () => {
    const expected = fold(events);
    expect(expected).toMatchObject({ state: 'ENDED', disposition: 'ANSWERED', startedAt: at(0), ringMs: 8000, talkMs: 49_000, endedAt: at(57) });
    fc.assert(fc.property(fc.shuffledSubarray([...events, ...events], { minLength: events.length * 2 }), (shuffled) => {
      expect(fold(shuffled)).toEqual(expected);
    }));
  });

  const step = (kind: NonNullable<Call['step']>['kind'], s: number): (typeof events)[0] => [call('progress', { step: { kind, party: null } }), at(s), false];
  it('holds and waits are counted from their steps, in any order; an end closes what is open, and what the provider says of holds stands', () => {
    const held = [...events.slice(0, 3), step('queued', 1), step('dequeued', 6), step('held', 20), step('resumed', 25), step('held', 50)];
    fc.assert(fc.property(fc.shuffledSubarray([...held, ...held], { minLength: held.length * 2 }), (shuffled) => {
      expect(fold(shuffled)).toMatchObject({ holdMs: 12_000, queueMs: 5_000 });
    }));
    const reported: (typeof events)[0] = [call('ended', { disposition: 'answered', holdMs: 11_000 }), at(57), false];
    fc.assert(fc.property(fc.shuffledSubarray([...held, reported], { minLength: held.length + 1 }), (shuffled) => {
      expect(fold(shuffled).holdMs).toBe(11_000);
    }));
    // Answered without anybody saying that he left the queue.
    expect(fold([events[0]!, step('queued', 1), events[1]!])).toMatchObject({ queueMs: 7_000, holdMs: null });
  });

  it('a leg that ends does not end the call', () => {
    expect(fold([events[0]!, events[4]!]).state).toBe('RINGING');
  });

  it('a bare end says less than how the call to our phones ended, unless one of them was answered', () => {
    const missed: (typeof events)[0] = [call('ended', { disposition: 'missed' }), at(30), false];
    const bare: (typeof events)[0] = [call('ended', { disposition: 'answered' }), at(31), false];
    const picked: (typeof events)[0] = [call('ended', { providerCallId: 'CA3', parentCallId: 'CA1', disposition: 'answered' }), at(29), true];
    expect(fold([missed, bare]).disposition).toBe('MISSED');
    expect(fold([bare, missed]).disposition).toBe('MISSED');
    for (const order of [[missed, bare, picked], [picked, bare, missed], [bare, picked, missed]]) expect(fold(order).disposition).toBe('ANSWERED');
  });

  it('a message left on the machine is voicemail, whatever the provider calls the end', () => {
    const voicemail = call('recording', { recording: { id: 'RE2', kind: 'voicemail', state: 'completed', durationMs: 5000, channels: 1, url: null, startedAt: null } });
    expect(fold([events[0]!, events[2]!, [voicemail, at(90), false]]).disposition).toBe('VOICEMAIL');
    expect(fold([[voicemail, at(90), false], events[2]!]).disposition).toBe('VOICEMAIL');
  });
});
