// Pure: what Meta tells of a conversation or of the account beside what a customer does.
// https://developers.facebook.com/docs/messenger-platform/reference/webhook-events: messaging_handovers, messaging_policy_enforcement,
// messaging_account_linking, messaging_payments …
import type { InboundEvent } from '../channel.ts';
import { at, textOf } from './messaging-read.ts';

interface Notice {
  /** Or by the value of a field. */
  code: string | { field: string; codes: Map<string, string>; otherwise: string };
  /** The field that a person can read. */
  text?: string;
  /** Said of the account itself. */
  ofAccount?: true;
}

/** By the field of the item; the whole of it stays in `data`. */
export const NOTICES = new Map<string, Notice>([
  // Which app answers the conversation: several can be connected to one Page.
  ['pass_thread_control', { code: 'thread_passed', text: 'metadata' }],
  ['take_thread_control', { code: 'thread_taken', text: 'metadata' }],
  ['request_thread_control', { code: 'thread_requested', text: 'metadata' }],
  ['app_roles', { code: 'app_roles' }],
  ['policy_enforcement', {
    code: { field: 'action', codes: new Map([['block', 'policy_blocked'], ['unblock', 'policy_unblocked'], ['warning', 'policy_warned']]), otherwise: 'policy_enforcement' }, text: 'reason', ofAccount: true,
  }],
  // The customer logged in at the company's own page. The code that comes with it is that page's, for that page: it names no account, so nothing is
  // linked by it. The company's backend, which can tell whose it is, links by an API call or a signed token.
  ['account_linking', { code: { field: 'status', codes: new Map([['linked', 'account_linked'], ['unlinked', 'account_unlinked']]), otherwise: 'account_linking' } }],
  ['response_feedback', { code: 'response_feedback', text: 'feedback' }],
  ['payment', { code: 'payment' }], ['pre_checkout', { code: 'pre_checkout' }], ['checkout_update', { code: 'checkout_update' }],
  ['game_play', { code: 'game_play' }], ['branded_camera', { code: 'branded_camera' }],
]);

export function noticeOf({ code, text, ofAccount }: Notice, content: unknown): NonNullable<InboundEvent['system']> {
  const named = typeof code === 'string' ? code : (code.codes.get((textOf(at(content, code.field)) ?? '').toLowerCase()) ?? code.otherwise);
  return { code: named, text: text === undefined ? null : textOf(at(content, text)), data: content, ...(ofAccount && { ofAccount }) };
}
