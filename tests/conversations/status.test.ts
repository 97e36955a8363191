import { describe, expect, it } from 'vitest';
import { CONVERSATION_STATUSES } from '../../schema/conversations.ts';
import { checkTransition } from '../../src/conversations/status.ts';
import { type Refusal } from '../../src/platform/errors.ts';

const NOW = '2026-03-05T12:00:00.000Z';
const LATER = '2026-03-06T12:00:00.000Z';
const check = (from: string, to: string, until: string | null = to === 'SNOOZED' ? LATER : null, current: string | null = from === 'SNOOZED' ? LATER : null) =>
  checkTransition(from as never, to as never, { until, current, now: NOW });
const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as Refusal).code;
  }
  return 'ALLOWED';
};

describe('status of a conversation', () => {
  it('every pair of states is allowed or refused as the table says', () => {
    const refused = new Set(['CLOSED SNOOZED', 'CLOSED PENDING']);
    for (const from of CONVERSATION_STATUSES) {
      for (const to of CONVERSATION_STATUSES) {
        expect(codeOf(() => check(from, to)), `${from} -> ${to}`).toBe(refused.has(`${from} ${to}`) ? 'INVALID_TRANSITION' : 'ALLOWED');
      }
    }
  });

  it('asking for the state that it has changes nothing, but a new snooze time does', () => {
    expect(check('OPEN', 'OPEN')).toBe(false);
    expect(check('SNOOZED', 'SNOOZED', LATER, LATER)).toBe(false);
    expect(check('SNOOZED', 'SNOOZED', '2026-03-07T00:00:00.000Z', LATER)).toBe(true);
    expect(check('OPEN', 'CLOSED')).toBe(true);
  });

  it('a snooze needs a moment in the future, within a year, and nothing else takes one', () => {
    expect(codeOf(() => check('OPEN', 'SNOOZED', null))).toBe('INVALID_INPUT');
    expect(codeOf(() => check('OPEN', 'SNOOZED', NOW))).toBe('INVALID_INPUT');
    expect(codeOf(() => check('OPEN', 'SNOOZED', '2027-03-07T12:00:01.000Z'))).toBe('INVALID_INPUT');
    expect(codeOf(() => check('OPEN', 'CLOSED', LATER))).toBe('INVALID_INPUT');
  });
});
