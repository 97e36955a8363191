// Pure: how the events of a call fold into one call. Any order and any repetition of the same events ends the same.
import type { InboundEvent } from '../channels/channel.ts';
import type { CALL_DISPOSITIONS, CALL_STATES, CALL_STEPS } from '../../schema/calls.ts';

export interface CallFacts {
  state: (typeof CALL_STATES)[number];
  disposition: (typeof CALL_DISPOSITIONS)[number] | null;
  startedAt: string;
  ringingAt: string | null;
  answeredAt: string | null;
  endedAt: string | null;
  ringMs: number | null;
  talkMs: number | null;
  /** What the provider said of it; else it is counted from the steps. */
  reportedHoldMs: number | null;
  holdMs: number | null;
  queueMs: number | null;
  endCause: string | null;
}

const RANK: Record<CallFacts['state'], number> = { RINGING: 0, IN_PROGRESS: 1, ENDED: 2 };
/**
 * Of several ends the most telling one stands. A bare ANSWERED is the least telling: a provider says it as soon as its own announcement picked
 * up, and then how the call to our phones ended.
 */
const TELLING: (CallFacts['disposition'] | null)[] = [null, 'ANSWERED', 'MISSED', 'NO_ANSWER', 'CANCELED', 'FAILED', 'REJECTED', 'BUSY', 'ABANDONED', 'VOICEMAIL'];

export const newCall = (at: string): CallFacts => ({
  state: 'RINGING', disposition: null, startedAt: at, ringingAt: null, answeredAt: null, endedAt: null, ringMs: null, talkMs: null, reportedHoldMs: null, holdMs: null, queueMs: null, endCause: null,
});

/**
 * Folds one event, which happened at `at`. A child leg (`isLeg`) can answer the call, not end it. `legAnswered`: whether, of all the events
 * seen so far, one said that a child leg was answered; then somebody talked, whatever else was tried before. `steps`: all that were seen so far.
 */
export function foldCall(before: CallFacts, call: NonNullable<InboundEvent['call']>, at: string, isLeg: boolean, legAnswered: boolean, steps: readonly CallStep[]): CallFacts {
  const after: CallFacts = { ...before, startedAt: min(before.startedAt, at) };
  const reach = (state: CallFacts['state']) => {
    if (RANK[state] > RANK[after.state]) after.state = state;
  };
  switch (call.phase) {
    case 'ringing':
      after.ringingAt = min(before.ringingAt, at);
      break;
    case 'answered':
      after.answeredAt = min(before.answeredAt, at);
      reach('IN_PROGRESS');
      break;
    case 'ended':
      if (isLeg) break;
      after.endedAt = min(before.endedAt, at);
      after.endCause = call.endCause ?? before.endCause;
      if (call.talkMs !== null && (before.talkMs === null || call.talkMs > before.talkMs)) after.talkMs = call.talkMs;
      reach('ENDED');
      break;
    case 'recording':
    case 'transcript':
    case 'progress':
      break;
  }
  if (call.disposition !== null && !isLeg) after.disposition = tellingOf(after.disposition, call.disposition.toUpperCase() as CallFacts['disposition']);
  // Answered by a machine that takes a message is voicemail, whatever the provider calls the end.
  if (call.recording?.kind === 'voicemail') after.disposition = 'VOICEMAIL';
  if (legAnswered && after.disposition !== null && after.disposition !== 'VOICEMAIL') after.disposition = 'ANSWERED';
  if (after.ringingAt !== null) {
    const until = after.answeredAt ?? after.endedAt;
    after.ringMs = until === null ? null : Math.max(0, Date.parse(until) - Date.parse(after.ringingAt));
  }
  if (after.talkMs === null && after.answeredAt !== null && after.endedAt !== null) {
    after.talkMs = Math.max(0, Date.parse(after.endedAt) - Date.parse(after.answeredAt));
  }
  if (!isLeg && call.holdMs != null) after.reportedHoldMs = Math.max(before.reportedHoldMs ?? 0, call.holdMs);
  after.holdMs = after.reportedHoldMs ?? between(steps, 'HELD', ['RESUMED'], after.endedAt);
  after.queueMs = between(steps, 'QUEUED', ['DEQUEUED'], earliest(after.answeredAt, after.endedAt));
  return after;
}

export interface CallStep {
  kind: (typeof CALL_STEPS)[number];
  occurredAt: string;
}

/** Milliseconds from each beginning to the next end, or to `until`; null when it never began, or goes on. */
function between(steps: readonly CallStep[], beginning: CallStep['kind'], ends: readonly CallStep['kind'][], until: string | null): number | null {
  let [sum, since] = [null as number | null, null as string | null];
  // An end and a beginning of one moment: it ended.
  const order = ({ kind }: CallStep): number => (kind === beginning ? 0 : 1);
  for (const step of [...steps].sort((a, b) => (a.occurredAt === b.occurredAt ? order(a) - order(b) : a.occurredAt < b.occurredAt ? -1 : 1))) {
    if (step.kind === beginning) since ??= step.occurredAt;
    else if (ends.includes(step.kind) && since !== null) {
      sum = (sum ?? 0) + Date.parse(step.occurredAt) - Date.parse(since);
      since = null;
    }
  }
  if (since === null) return sum;
  return until === null ? sum : (sum ?? 0) + Math.max(0, Date.parse(until) - Date.parse(since));
}
const earliest = (a: string | null, b: string | null): string | null => (a === null || b === null ? (a ?? b) : a < b ? a : b);

/** Whether an event says that a child leg was answered. */
export const answersLeg = (call: NonNullable<InboundEvent['call']>): boolean => call.parentCallId !== null && (call.phase === 'answered' || call.disposition === 'answered');

const min = (a: string | null, b: string): string => (a === null || b < a ? b : a);
const tellingOf = (a: CallFacts['disposition'], b: CallFacts['disposition']): CallFacts['disposition'] => (TELLING.indexOf(b) > TELLING.indexOf(a) ? b : a);
