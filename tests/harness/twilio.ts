// A Twilio for tests: a real HTTP server on loopback that takes messages by Twilio's API, with its checks and its error bodies, and that calls
// webhooks as Twilio does, signed. Written from Twilio's documentation; it shares no code with what it tests.
// https://www.twilio.com/docs/messaging/api/message-resource · https://www.twilio.com/docs/usage/security
import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TwilioMessage {
  sid: string;
  to: string;
  from: string;
  body: string;
  messagingServiceSid: string | null;
  statusCallback: string | null;
  status: string;
}

/** What the next requests meet instead of an answer. Each is used once, or `times` times. */
export type Trouble =
  | { status: number; code?: number; message?: string; retryAfterSeconds?: number; times?: number }
  /** The connection is cut: before the message was taken, or after, when the client can't know that it was. */
  | { cut: 'before' | 'after'; times?: number }
  /** The message is taken and the answer is not Twilio's. */
  | { answer: string; contentType?: string; times?: number };

export interface FakeTwilio {
  /** What `apiBaseUrl` is set to. */
  url: string;
  accountSid: string;
  authToken: string;
  /** Numbers that the account may send from; empty: any. */
  numbers: Set<string>;
  /** Recipients that sent STOP: 21610. */
  optedOut: Set<string>;
  /** Every message that was taken, in order. Twilio has no idempotency: what is sent twice stands here twice. */
  messages: TwilioMessage[];
  /** Requests that reached the API, taken or not. */
  requestCount: number;
  trouble(trouble: Trouble): void;
  /** Awaited between taking a message and answering: what another request of the provider brings first. */
  beforeAnswer: ((message: TwilioMessage) => Promise<void>) | null;
  /** Moves a message on and reports it to its StatusCallback. */
  report(sid: string, status: string, fields?: Record<string, string>): Promise<WebhookAnswer>;
  /** A text message comes in: the number's webhook is called. Gives its MessageSid beside the answer. */
  text(webhook: string, message: { from: string; to: string; body?: string } & Record<string, string>): Promise<WebhookAnswer & { sid: string }>;
  /** Any webhook: `fields` posted as a form, signed. */
  post(webhook: string, fields: Record<string, string>, o?: { authToken?: string; headers?: Record<string, string> }): Promise<WebhookAnswer>;
  close(): Promise<void>;
}
export interface WebhookAnswer {
  status: number;
  body: string;
  contentType: string | null;
}

/** A new SID: the prefix of its kind and 32 hex digits. */
export const newSid = (prefix: string): string => prefix + randomBytes(16).toString('hex');

/** The documented signature: base64(HMAC-SHA1(token, address + each name and value, sorted by name)). */
export function twilioSignature(authToken: string, url: string, fields: Record<string, string>): string {
  const data = url + Object.keys(fields).sort().map((name) => name + fields[name]).join('');
  return createHmac('sha1', authToken).update(Buffer.from(data, 'utf8')).digest('base64');
}

export async function fakeTwilio(o: { accountSid?: string; authToken?: string } = {}): Promise<FakeTwilio> {
  const accountSid = o.accountSid ?? newSid('AC');
  const authToken = o.authToken ?? randomBytes(16).toString('hex');
  const troubles: Trouble[] = [];

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const twilio: FakeTwilio = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, accountSid, authToken, numbers: new Set(), optedOut: new Set(), messages: [], requestCount: 0, beforeAnswer: null,
    trouble: (trouble) => void troubles.push({ ...trouble }),
    report: async (sid, status, fields = {}) => {
      const message = twilio.messages.find((m) => m.sid === sid);
      if (!message?.statusCallback) throw new Error(`No message ${sid} with a StatusCallback was taken.`);
      message.status = status;
      return twilio.post(message.statusCallback, {
        SmsSid: sid, SmsStatus: status, MessageStatus: status, To: message.to, From: message.from, MessageSid: sid, AccountSid: accountSid, ApiVersion: '2010-04-01', ...fields,
      });
    },
    text: async (webhook, { from, to, body, ...fields }) => {
      const sid = newSid('SM');
      const answer = await twilio.post(webhook, {
        ToCountry: 'US', ToState: '', SmsMessageSid: sid, NumMedia: '0', ToCity: '', FromZip: '', SmsSid: sid, FromState: '', SmsStatus: 'received', FromCity: '',
        ...(body === undefined ? {} : { Body: body }), FromCountry: 'US', To: to, ToZip: '', NumSegments: '1', MessageSid: sid, AccountSid: accountSid, From: from,
        ApiVersion: '2010-04-01', ...fields,
      });
      return { ...answer, sid };
    },
    post: async (webhook, fields, { authToken: token = authToken, headers = {} } = {}) => {
      const response = await fetch(webhook, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded; charset=UTF-8', 'user-agent': 'TwilioProxy/1.1', 'x-twilio-signature': twilioSignature(token, webhook, fields),
          'i-twilio-idempotency-token': newSid(''), ...headers,
        },
        body: new URLSearchParams(fields).toString(),
      });
      return { status: response.status, body: await response.text(), contentType: response.headers.get('content-type') };
    },
    close: () =>
      new Promise((resolve, reject) => {
        server.closeAllConnections();
        server.close((error) => (error ? reject(error) : resolve()));
      }),
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    twilio.requestCount++;
    const body = await bodyOf(request);
    const trouble = nextTrouble();
    if (trouble && 'status' in trouble) {
      const headers: Record<string, string> = trouble.retryAfterSeconds === undefined ? {} : { 'retry-after': String(trouble.retryAfterSeconds) };
      return refuse(response, trouble.status, trouble.code ?? TROUBLE_CODES[trouble.status] ?? 20500, trouble.message ?? 'Refused by the test.', headers);
    }
    if (trouble && 'cut' in trouble && trouble.cut === 'before') return void request.socket.destroy();
    const message = check(request, body);
    if ('code' in message) return refuse(response, message.status, message.code, message.message);
    twilio.messages.push(message);
    await twilio.beforeAnswer?.(message);
    if (trouble && 'cut' in trouble) return void request.socket.destroy();
    if (trouble && 'answer' in trouble) return void response.writeHead(200, { 'content-type': trouble.contentType ?? 'text/html' }).end(trouble.answer);
    response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify({
      sid: message.sid, account_sid: accountSid, api_version: '2010-04-01', body: message.body, direction: 'outbound-api', error_code: null, error_message: null,
      from: message.from, to: message.to, messaging_service_sid: message.messagingServiceSid, num_media: '0', num_segments: '1', status: message.status,
      uri: `/2010-04-01/Accounts/${accountSid}/Messages/${message.sid}.json`,
    }));
  }

  function nextTrouble(): Trouble | undefined {
    const trouble = troubles[0];
    if (trouble && (trouble.times = (trouble.times ?? 1) - 1) <= 0) troubles.shift();
    return trouble;
  }

  function check(request: IncomingMessage, body: string): TwilioMessage | { status: number; code: number; message: string } {
    const no = (status: number, code: number, message: string) => ({ status, code, message });
    const account = /^\/2010-04-01\/Accounts\/(AC[0-9a-f]{32})\/Messages\.json$/.exec(request.url ?? '')?.[1];
    if (request.method !== 'POST' || account === undefined) return no(404, 20404, `The requested resource ${request.url} was not found`);
    const credentials = Buffer.from((request.headers.authorization ?? '').replace(/^Basic /, ''), 'base64').toString('utf8');
    if (account !== accountSid || credentials !== `${accountSid}:${authToken}`) return no(401, 20003, 'Authenticate');
    if (!/^application\/x-www-form-urlencoded/.test(request.headers['content-type'] ?? '')) return no(400, 20001, 'The body is not a form.');
    const form = new URLSearchParams(body);
    const [to, from, text, callback] = ['To', 'From', 'Body', 'StatusCallback'].map((name) => form.get(name) ?? '') as [string, string, string, string];
    const service = form.get('MessagingServiceSid');
    if (to === '') return no(400, 21604, "A 'To' phone number is required.");
    if (!/^\+[1-9]\d{6,14}$/.test(to)) return no(400, 21211, `Invalid 'To' Phone Number: ${to}`);
    if (from === '' && service === null) return no(400, 21603, "A 'From' phone number is required.");
    if (from === to) return no(400, 21266, "'To' and 'From' number cannot be the same");
    if (twilio.numbers.size > 0 && from !== '' && !twilio.numbers.has(from)) return no(400, 21659, `'From' ${from} is not a Twilio phone number`);
    if (text === '') return no(400, 21602, 'Message body is required.');
    if (text.length > 1600) return no(400, 21617, 'The concatenated message body exceeds the 1600 character limit');
    if (callback !== '' && !URL.canParse(callback)) return no(400, 21609, 'The StatusCallback URL is not a valid URL.');
    if (twilio.optedOut.has(to)) return no(400, 21610, 'Attempt to send to unsubscribed recipient');
    return { sid: newSid('SM'), to, from, body: text, messagingServiceSid: service, statusCallback: callback === '' ? null : callback, status: 'queued' };
  }

  return twilio;
}

const TROUBLE_CODES: Record<number, number> = { 401: 20003, 404: 20404, 429: 20429, 500: 20500, 503: 20503 };

function refuse(response: ServerResponse, status: number, code: number, message: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify({ code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status }));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
