// Pure: what a call of the Graph API that sent nothing means for the message, of which other parts may have gone out before.
import type { SendResult } from '../channel.ts';
import type { Called } from './graph.ts';

/** Once a part has gone out nothing is tried again by itself: the customer would have that part twice. The agent is told what is missing. */
export function notSent(called: Called, sent: string[], what: string): Extract<SendResult, { outcome: 'failed' | 'unknown' }> {
  const before = sent.length === 0 ? '' : `The customer has ${sent.join(', ')}, but ${what} was not sent. `;
  // It was taken, by whom we don't know: nothing names the message.
  if (called.outcome === 'answered') return { outcome: 'unknown', reason: `${before}Meta's answer names no message.` };
  if (called.outcome === 'unknown') return { outcome: 'unknown', reason: before.replace('was not sent', 'may not have been sent') + called.reason };
  if (called.outcome === 'unreached') return { outcome: 'failed', errorCode: called.errorCode, reason: before + called.reason, retryable: called.retryable && sent.length === 0 };
  if (called.meaning.maybeSent) return { outcome: 'unknown', reason: before + called.meaning.reason };
  const retryable = called.meaning.retryable && sent.length === 0;
  return { outcome: 'failed', errorCode: called.errorCode, reason: before + called.meaning.reason, retryable, ...(retryable && called.retryAfterMs !== undefined ? { retryAfterMs: called.retryAfterMs } : {}) };
}
