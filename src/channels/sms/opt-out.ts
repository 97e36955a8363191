// Pure: the words by which who is texted ends it, or lets it begin again.
import type { InboundEvent } from '../channel.ts';

export type ConsentState = NonNullable<InboundEvent['consent']>['state'];

/**
 * The words that carriers and providers act by (CTIA, Messaging Principles and Best Practices, 5.1); the message must be the one word. YES, which
 * lifts a STOP too, is left out: it answers most questions, and here nobody knows whether there was a STOP.
 */
const KEYWORDS = new Map<string, ConsentState>([
  ...['STOP', 'STOPALL', 'UNSUBSCRIBE', 'CANCEL', 'END', 'QUIT', 'OPTOUT', 'REVOKE'].map((word): [string, ConsentState] => [word, 'withdrawn']),
  ...['START', 'UNSTOP'].map((word): [string, ConsentState] => [word, 'given']),
]);

export const consentByWord = (text: string | null): ConsentState | undefined => KEYWORDS.get(text?.trim().toUpperCase().replace(/\.$/, '') ?? '');
