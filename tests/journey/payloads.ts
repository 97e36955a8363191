// Recorded requests of Twilio, ready to be posted, and which numbers of ours they are for.
import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';

export interface Payload {
  file: string;
  channel: 'SMS' | 'VOICE';
  /** What is posted, as it was recorded. */
  body: string;
}

/** Every payload under a folder; what another project expects of them, and what it sent, isn't one. */
export const payloadsUnder = (root: string, folder: string, channel: Payload['channel']): Payload[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => ['.form', '.json'].includes(extname(name)) && !/(^|\/)_(oracle|outbound)\//.test(name))
    .sort()
    .map((name) => ({ file: relative(root, join(root, folder, name)), channel, body: bodyOf(readFileSync(join(root, folder, name), 'utf8'), extname(name)) }));

/** What was posted: a form as it is, or made of a recording. */
export function bodyOf(text: string, type: string): string {
  if (type === '.form') return text.trim();
  if (text.trim() === '') return '';
  const recorded = JSON.parse(text) as Record<string, string>;
  // A request with its path and headers, or the parameters that a framework made of one.
  return 'body' in recorded ? recorded.body! : new URLSearchParams(recorded).toString();
}

/** The number of ours that a request is about; null when it doesn't say. */
export function ourNumber({ body, channel }: Payload): string | null {
  const fields = new URLSearchParams(body);
  const isOurs = channel === 'SMS' ? !['received', 'receiving', null].includes(fields.get('SmsStatus')) || fields.has('MessageStatus') : (fields.get('Direction') ?? '').startsWith('outbound');
  return (isOurs ? fields.get('From') : (fields.get('To') ?? fields.get('Called')))?.trim().replace(/^(?=\d{10,})/, '+') ?? null;
}

/** As Twilio sends them: what names no number of ours speaks of a call or message before it. */
export const inOrder = (payloads: readonly Payload[]): Payload[] => [...payloads.filter((one) => ourNumber(one) !== null), ...payloads.filter((one) => ourNumber(one) === null)];

/** Twilio's documented signature: over the address, then every name and its value, in order of the names; values of one name in order, each once. */
export function signature(authToken: string, url: string, body: string): string {
  const fields = new URLSearchParams(body);
  const names = [...new Set(fields.keys())].sort();
  const text = names.flatMap((name) => [...new Set(fields.getAll(name))].sort().map((value) => name + value)).join('');
  return createHmac('sha1', authToken).update(url + text).digest('base64');
}
