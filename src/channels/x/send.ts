// One Direct Message by X's API v2. https://docs.x.com/x-api/direct-messages/manage/integrate
import type { HttpClient } from '../../platform/http.ts';
import type { Account, OutboundMessage, SendResult } from '../channel.ts';
import { laneKey, USER_ID, type XSecrets, type XSettings } from './account.ts';
import { callX } from './api.ts';
import { fieldsOf, idOf } from './payload.ts';
import { unfit, upload } from './upload.ts';

/** Characters of a message. */
export const TEXT_MAX = 10_000;

/**
 * Sends one message, with one file at the most. X has no key by which it would know a message that comes twice, and gives no reference of ours back:
 * what may have reached it without an answer is `unknown`, and is settled by the echo that X delivers of everything the account sends.
 */
export async function sendX(message: OutboundMessage, account: Account<XSettings, XSecrets>, http: HttpClient): Promise<SendResult> {
  const refusal = refusedByUs(message);
  if (refusal) return refusal;
  const [file] = message.files;
  const uploaded = file === undefined ? null : await upload(file, account, http);
  if (uploaded !== null && !('mediaId' in uploaded)) return uploaded;
  const text = message.text.trim() === '' ? {} : { text: message.text };
  const attachments = uploaded === null ? {} : { attachments: [{ media_id: uploaded.mediaId }] };
  const answer = await callX({ method: 'POST', path: `/2/dm_conversations/with/${message.to.value}/messages`, json: { ...text, ...attachments } }, account.settings, account.secrets, http);
  if (answer.outcome === 'answered') {
    const id = idOf(fieldsOf(answer.body.data).dm_event_id);
    // It was taken, by whom we don't know: nothing names the message.
    if (id === null) return { outcome: 'unknown', reason: 'The answer names no message.' };
    return { outcome: 'accepted', providerMessageId: id, threadKeys: [laneKey(account.address, message.to.value)], state: 'sent' };
  }
  const { errorCode, reason, retryable } = answer;
  if (answer.outcome === 'lost') return answer.maybeReceived ? { outcome: 'unknown', reason } : { outcome: 'failed', errorCode, reason, retryable };
  return { outcome: 'failed', errorCode, reason, retryable, ...(answer.retryAfterMs === undefined ? {} : { retryAfterMs: answer.retryAfterMs }) };
}

function refusedByUs(message: OutboundMessage): SendResult | null {
  const refused = (errorCode: string, reason: string): SendResult => ({ outcome: 'failed', errorCode, reason, retryable: false });
  if (message.to.kind !== 'x_user_id' || !USER_ID.test(message.to.value)) return refused('RECIPIENT', `A Direct Message goes to an X user's numeric id, and the recipient is a ${message.to.kind}.`);
  if (message.template !== null) return refused('TEMPLATE', 'X has no templates: Direct Messages are free text.');
  if (message.files.length > 1) return refused('ATTACHMENTS', `A Direct Message takes one file, and there are ${message.files.length}.`);
  if (message.files.length === 0 && message.text.trim() === '') return refused('EMPTY', 'A Direct Message needs a text or a file.');
  const characters = [...message.text].length;
  if (characters > TEXT_MAX) return refused('354', `The text has ${characters} characters; X takes ${TEXT_MAX}.`);
  return message.files[0] === undefined ? null : unfit(message.files[0]);
}
