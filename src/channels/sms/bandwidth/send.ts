// One text or picture message to Bandwidth's API. https://dev.bandwidth.com/docs/messaging/createMessage
import { z } from 'zod';
import { OutgoingError, type HttpClient, type HttpResponse } from '../../../platform/http.ts';
import type { Account, OutboundMessage, SendResult } from '../../channel.ts';
import { REFUSALS } from './codes.ts';
import { GROUP_MAX, groupIdOf, groupLaneKey } from './group.ts';
import { apiAddress, basicAuthorization, type BandwidthSecrets, type BandwidthSettings } from './settings.ts';

/** Characters of a message. */
export const TEXT_MAX = 2_048;
/** What Bandwidth fetches; carriers take less (some 1 MB), and what they refuse comes back as a report. */
export const ATTACHMENTS = { countMax: 10, bytesMax: 3_500_000 };

/**
 * Sends one message, to a group when there are others. Bandwidth has no idempotency key: whatever may have reached it and has no answer is `unknown`, and
 * is settled by the report on it, which brings back the `tag`: the attempt.
 */
export async function sendBandwidth(message: OutboundMessage, account: Account<BandwidthSettings, BandwidthSecrets>, http: HttpClient): Promise<SendResult> {
  const to = [...new Set([message.to.value, ...(message.alsoTo ?? [])])];
  const refusal = refusedByUs(message, to);
  if (refusal) return refusal;
  const { settings, secrets, address } = account;
  const lane = groupLaneKey(address, groupIdOf([address, ...to]), message.to.value);
  const body = {
    applicationId: settings.applicationId, to, from: address, text: message.text.trim() === '' ? '' : message.text,
    ...(message.files.length > 0 ? { media: message.files.map(({ url }) => url) } : {}), tag: message.attemptId,
  };
  try {
    const response = await http.request({
      method: 'POST',
      url: apiAddress(settings, 'messages'),
      headers: { authorization: basicAuthorization(secrets), 'content-type': 'application/json; charset=utf-8', accept: 'application/json' },
      body: JSON.stringify(body),
      timeoutMs: 15_000,
      responseBytesMax: 256 * 1024,
    });
    return outcomeOf(response, lane);
  } catch (error) {
    if (error instanceof OutgoingError && !error.maybeReceived) {
      const passing = error.code !== 'INVALID_URL' && error.code !== 'PRIVATE_ADDRESS';
      return { outcome: 'failed', errorCode: error.code, reason: `Bandwidth was not reached: ${error.message}`, retryable: passing };
    }
    return { outcome: 'unknown', reason: `Bandwidth gave no answer: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function refusedByUs({ to: { kind }, text, files }: OutboundMessage, to: readonly string[]): SendResult | null {
  const refused = (errorCode: string, reason: string): SendResult => ({ outcome: 'failed', errorCode, reason, retryable: false });
  if (kind !== 'phone') return refused('4303', `A text message goes to a telephone number, and the recipient is a ${kind}.`);
  if (to.length > GROUP_MAX) return refused('4435', `The group has ${to.length} people; a message can go to ${GROUP_MAX}.`);
  if (text.trim() === '' && files.length === 0) return refused('EMPTY', 'A message needs a text or a file.');
  if (text.length > TEXT_MAX) return refused('TOO_LONG', `The text has ${text.length} characters; Bandwidth takes ${TEXT_MAX}.`);
  if (files.length > ATTACHMENTS.countMax) return refused('ATTACHMENTS', `The message has ${files.length} files; ${ATTACHMENTS.countMax} can be sent.`);
  const bytes = files.reduce((sum, { content }) => sum + content.length, 0);
  if (bytes > ATTACHMENTS.bytesMax) return refused('4411', `The files have ${bytes} bytes; ${ATTACHMENTS.bytesMax} can be sent.`);
  // Bandwidth fetches them: it needs an address that the internet reaches.
  if (files.some(({ url }) => !/^https?:\/\//i.test(url))) return refused('4410', 'The files have no public address. Set PUBLIC_URL to an address that is reachable from the internet.');
  return null;
}

const answer = z.object({
  id: z.string().min(1).optional(),
  type: z.string().optional(),
  description: z.string().optional(),
  fieldErrors: z.array(z.object({ fieldName: z.string().optional(), description: z.string().optional() })).optional(),
});

function outcomeOf(response: HttpResponse, lane: string): SendResult {
  const said = answerOf(response);
  const { status } = response;
  if (status >= 200 && status < 300) {
    // It was taken, by whom we don't know: nothing names the message.
    if (said.id === undefined) return { outcome: 'unknown', reason: `The answer ${status} names no message.` };
    return { outcome: 'accepted', providerMessageId: said.id, threadKeys: [lane], state: 'accepted' };
  }
  // A gateway gave up waiting for Bandwidth, which may have gone on with it.
  if (status === 502 || status === 504) return { outcome: 'unknown', reason: `A gateway before Bandwidth answered ${status}.` };
  const known = REFUSALS.get(status) ?? { errorCode: `HTTP_${status}`, reason: `Bandwidth answered with HTTP status ${status}.`, retryable: status >= 500 || status === 408 || status === 425 };
  const fields = (said.fieldErrors ?? []).map(({ fieldName, description }) => [fieldName, description].filter(Boolean).join(': ')).filter(Boolean).join('; ');
  // What is wrong with a request, only Bandwidth's own words say.
  const detail = status === 400 ? fields || said.description : undefined;
  return {
    outcome: 'failed', errorCode: said.type ?? known.errorCode, reason: detail ? `${known.reason} It says: ${detail.slice(0, 300)}` : known.reason, retryable: known.retryable,
    ...retryAfter(response.headers['retry-after']),
  };
}

/** Anything but the JSON that Bandwidth documents (a proxy's page) says nothing. */
function answerOf(response: HttpResponse): z.infer<typeof answer> {
  try {
    const parsed = answer.safeParse(JSON.parse(response.body.toString('utf8')));
    return parsed.success ? parsed.data : {};
  } catch {
    return {};
  }
}

/** Seconds; an hour at the most, whatever it says. */
function retryAfter(header: string | undefined): { retryAfterMs?: number } {
  const seconds = /^\s*(\d{1,6})(?:\.\d+)?\s*$/.exec(header ?? '')?.[1];
  return seconds === undefined ? {} : { retryAfterMs: Math.min(Number(seconds), 3_600) * 1_000 };
}
