// Pure: which states a conversation can go to, and why not to others.
import { Refusal } from '../platform/errors.ts';
import type { ConversationStatus } from './continuity.ts';

const SNOOZE_DAYS_MAX = 366;

/**
 * Checks a change of status. OPEN, PENDING and SNOOZED go anywhere (SNOOZED also to a new time); CLOSED can only be opened again.
 * @returns whether anything changes (asking for the state that it has is no change).
 * @throws Refusal INVALID_TRANSITION, INVALID_INPUT with a sentence that says why.
 */
export function checkTransition(from: ConversationStatus, to: ConversationStatus, snooze: { until: string | null; current: string | null; now: string }): boolean {
  if (to !== 'SNOOZED' && snooze.until !== null) {
    throw new Refusal('INVALID_INPUT', `\`snoozedUntil\` goes with SNOOZED, not with ${to}.`, { field: ['snoozedUntil'] });
  }
  if (to === 'SNOOZED') {
    if (from === 'CLOSED') throw new Refusal('INVALID_TRANSITION', 'A closed conversation has nothing to wait for: open it before snoozing it.', { field: ['status'] });
    if (snooze.until === null) throw new Refusal('INVALID_INPUT', 'SNOOZED needs `snoozedUntil`: the moment at which it opens again.', { field: ['snoozedUntil'] });
    if (snooze.until <= snooze.now) throw new Refusal('INVALID_INPUT', `\`snoozedUntil\` is ${snooze.until}, which is past; give a moment in the future.`, { field: ['snoozedUntil'] });
    const days = (Date.parse(snooze.until) - Date.parse(snooze.now)) / 86_400_000;
    if (days > SNOOZE_DAYS_MAX) throw new Refusal('INVALID_INPUT', `\`snoozedUntil\` is ${Math.round(days)} days away; at most ${SNOOZE_DAYS_MAX}.`, { field: ['snoozedUntil'] });
    return from !== 'SNOOZED' || snooze.current !== snooze.until;
  }
  if (from === 'CLOSED' && to === 'PENDING') {
    throw new Refusal('INVALID_TRANSITION', 'A closed conversation waits for nobody: open it before setting it pending.', { field: ['status'] });
  }
  return from !== to;
}
