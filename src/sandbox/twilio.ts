// Twilio's messages, for development and tests: takes them by its API with its checks and its error bodies, for telephone numbers and for WhatsApp
// with its 24 hours, holds files, lists numbers and senders, and calls webhooks as Twilio does, signed. Written from Twilio's documentation.
// https://www.twilio.com/docs/messaging/api/message-resource · …/docs/messaging/guides/webhook-request · …/docs/usage/security
import { createHmac, randomBytes } from 'node:crypto';
import { nowMs } from '../platform/clock.ts';
import { callWebhook, openSandbox, type Sandbox, type SandboxAnswer, type SandboxRequest, type Trouble, type Weather, type WebhookAnswer } from './sandbox.ts';

export interface TwilioMessage {
  sid: string;
  to: string;
  from: string;
  body: string;
  mediaUrls: string[];
  contentSid: string | null;
  contentVariables: string | null;
  messagingServiceSid: string | null;
  statusCallback: string | null;
  status: string;
}

/** What the next requests meet instead of an answer; beside the sandbox's own, a refusal by one of Twilio's codes. */
export type TwilioTrouble = Trouble | { status: number; code?: number; message?: string; retryAfterSeconds?: number; times?: number };

export interface FakeTwilio {
  /** What `apiBaseUrl` is set to; the Senders API is here too. */
  url: string;
  accountSid: string;
  authToken: string;
  /** Numbers that the account may send texts from; empty: any. */
  numbers: Set<string>;
  /** WhatsApp senders of the account, `+…`; empty: any. */
  senders: Set<string>;
  /** Content SIDs of templates that WhatsApp approved; empty: any. */
  templates: Set<string>;
  /** Recipients that sent STOP: 21610. */
  optedOut: Set<string>;
  /** Every message that was taken, in order. Twilio has no idempotency: what is sent twice stands here twice. */
  messages: TwilioMessage[];
  /** Requests that reached the API, taken or not. */
  readonly requestCount: number;
  requests: SandboxRequest[];
  trouble(trouble: TwilioTrouble): void;
  /** Awaited between taking a message and answering: what another request of the provider brings first. */
  beforeAnswer: ((message: TwilioMessage) => Promise<void>) | null;
  /** Moves a message on and reports it to its StatusCallback. */
  report(sid: string, status: string, fields?: Record<string, string>): Promise<WebhookAnswer>;
  /** What becomes of a message: sent and delivered; of a free WhatsApp message beyond the 24 hours: failed with 63016. The last report's answer. */
  settle(sid: string): Promise<WebhookAnswer>;
  /** A message comes in: the number's webhook is called. Gives its MessageSid beside the answer. One from `whatsapp:…` opens the 24 hours. */
  text(webhook: string, message: { from: string; to: string; body?: string } & Record<string, string>): Promise<WebhookAnswer & { sid: string }>;
  /** Keeps a file as one of a message that came in; gives its MediaUrl. */
  keep(content: Buffer, mime: string): string;
  /** Any webhook: `fields` posted as a form, signed. */
  post(webhook: string, fields: Record<string, string>, o?: { authToken?: string; headers?: Record<string, string> }): Promise<WebhookAnswer>;
  close(): Promise<void>;
}

/** A new SID: the prefix of its kind and 32 hex digits. */
export const newSid = (prefix: string): string => prefix + randomBytes(16).toString('hex');

/** The documented signature: base64(HMAC-SHA1(token, address + each name and value, sorted by name)). */
export function twilioSignature(authToken: string, url: string, fields: Record<string, string>): string {
  const data = url + Object.keys(fields).sort().map((name) => name + fields[name]).join('');
  return createHmac('sha1', authToken).update(Buffer.from(data, 'utf8')).digest('base64');
}

const WINDOW_MS = 24 * 60 * 60 * 1_000;
const WHATSAPP = 'whatsapp:';

export async function fakeTwilio(o: { accountSid?: string; authToken?: string; port?: number; weather?: Weather } = {}): Promise<FakeTwilio> {
  const accountSid = o.accountSid ?? newSid('AC');
  const authToken = o.authToken ?? randomBytes(16).toString('hex');
  /** The codes that troubles name, in their order, each as often as it is met. */
  const refusals: { code?: number; message?: string }[] = [];
  const files = new Map<string, { content: Buffer; mime: string }>();
  /** When a WhatsApp user last wrote to a sender, by both addresses. */
  const lastWritten = new Map<string, number>();

  const sandbox: Sandbox = await openSandbox({
    port: o.port, weather: o.weather, take,
    refusal: (status) => {
      const { code = TROUBLE_CODES[status] ?? 20500, message = 'Refused by the test.' } = refusals.shift() ?? {};
      return errorBody(status, code, message);
    },
  });

  // A server of its own, as Twilio's storage is: credentials meant for the API must not arrive here.
  const storage = await openSandbox({ take: fileAnswer, refusal: () => ({}) });

  const twilio: FakeTwilio = {
    url: sandbox.url, accountSid, authToken, numbers: new Set(), senders: new Set(), templates: new Set(), optedOut: new Set(), messages: [], requests: sandbox.requests, beforeAnswer: null,
    get requestCount() {
      return sandbox.requests.length;
    },
    trouble: (trouble) => {
      if ('status' in trouble) for (let i = 0; i < (trouble.times ?? 1); i++) refusals.push('code' in trouble ? { code: trouble.code, message: trouble.message } : {});
      sandbox.trouble(trouble);
    },
    report: async (sid, status, fields = {}) => {
      const message = twilio.messages.find((m) => m.sid === sid);
      if (!message?.statusCallback) throw new Error(`No message ${sid} with a StatusCallback was taken.`);
      message.status = status;
      return twilio.post(message.statusCallback, {
        SmsSid: sid, SmsStatus: status, MessageStatus: status, To: message.to, From: message.from, MessageSid: sid, AccountSid: accountSid, ApiVersion: '2010-04-01',
        ...(message.from.startsWith(WHATSAPP) ? { ChannelPrefix: 'whatsapp', ChannelToAddress: message.to.slice(WHATSAPP.length), EventType: status.toUpperCase() } : {}), ...fields,
      });
    },
    settle: async (sid) => {
      const message = twilio.messages.find((m) => m.sid === sid);
      if (message && outsideWindow(message)) return twilio.report(sid, 'failed', { ErrorCode: '63016' });
      await twilio.report(sid, 'sent');
      return twilio.report(sid, 'delivered');
    },
    text: async (webhook, { from, to, body, ...fields }) => {
      const sid = newSid(fields.NumMedia ? 'MM' : 'SM');
      if (from.startsWith(WHATSAPP)) lastWritten.set(`${to} ${from}`, nowMs());
      const answer = await twilio.post(webhook, {
        ...(from.startsWith(WHATSAPP) ? whatsappFields(from) : NUMBER_FIELDS), SmsMessageSid: sid, NumMedia: '0', SmsSid: sid, SmsStatus: 'received',
        ...(body === undefined ? {} : { Body: body }), To: to, NumSegments: '1', MessageSid: sid, AccountSid: accountSid, From: from, ApiVersion: '2010-04-01', ...fields,
      });
      return { ...answer, sid };
    },
    keep: (content, mime) => {
      const sid = newSid('ME');
      files.set(sid, { content, mime });
      return `${sandbox.url}/2010-04-01/Accounts/${accountSid}/Messages/${newSid('MM')}/Media/${sid}`;
    },
    post: (webhook, fields, { authToken: token = authToken, headers = {} } = {}) => callWebhook(webhook, new URLSearchParams(fields).toString(), {
      'content-type': 'application/x-www-form-urlencoded; charset=UTF-8', 'user-agent': 'TwilioProxy/1.1', 'x-twilio-signature': twilioSignature(token, webhook, fields),
      'i-twilio-idempotency-token': newSid(''), ...headers,
    }),
    close: async () => void (await Promise.all([sandbox.close(), storage.close()])),
  };

  async function take(request: SandboxRequest): Promise<SandboxAnswer> {
    const [path, query] = [request.url.split('?')[0]!, new URLSearchParams(request.url.split('?')[1] ?? '')];
    const account = /^\/2010-04-01\/Accounts\/(AC[0-9a-f]{32})\//.exec(path)?.[1];
    const credentials = Buffer.from((request.headers.authorization ?? '').replace(/^Basic /, ''), 'base64').toString('utf8');
    if (credentials !== `${accountSid}:${authToken}` || (account !== undefined && account !== accountSid)) return refuse(401, 20003, 'Authenticate');
    const resource = `${request.method} ${path.replace(/^\/2010-04-01\/Accounts\/AC[0-9a-f]{32}\//, '')}`;
    if (resource === 'POST Messages.json') return messageAnswer(request);
    if (resource === 'GET IncomingPhoneNumbers.json') return numbersAnswer(path, query);
    if (resource === 'GET /v2/Channels/Senders') return sendersAnswer();
    const media = /^GET Messages\/MM[0-9a-f]{32}\/Media\/(ME[0-9a-f]{32})$/.exec(resource)?.[1];
    if (media !== undefined && files.has(media)) return { status: 307, headers: { location: `${storage.url}/${media}` }, body: '' };
    return refuse(404, 20404, `The requested resource ${path} was not found`);
  }

  /** Its addresses are signed, and who brings credentials beside is refused. */
  function fileAnswer(request: SandboxRequest): SandboxAnswer {
    const file = files.get(request.url.slice(1));
    if (request.headers.authorization !== undefined || !file) return { status: 400, headers: { 'content-type': 'application/xml' }, body: '<Error><Code>InvalidArgument</Code></Error>' };
    return { status: 200, headers: { 'content-type': file.mime }, body: file.content };
  }

  async function messageAnswer(request: SandboxRequest): Promise<SandboxAnswer> {
    const message = check(request);
    if ('refusal' in message) return message.refusal;
    twilio.messages.push(message);
    await twilio.beforeAnswer?.(message);
    return {
      status: 201,
      body: {
        sid: message.sid, account_sid: accountSid, api_version: '2010-04-01', body: message.body, direction: 'outbound-api', error_code: null, error_message: null, from: message.from,
        to: message.to, messaging_service_sid: message.messagingServiceSid, num_media: String(message.mediaUrls.length), num_segments: '1', status: message.status,
        uri: `/2010-04-01/Accounts/${accountSid}/Messages/${message.sid}.json`,
      },
    };
  }

  function check(request: SandboxRequest): TwilioMessage | { refusal: SandboxAnswer } {
    const no = (status: number, code: number, message: string) => ({ refusal: refuse(status, code, message) });
    if (!/^application\/x-www-form-urlencoded/.test(request.headers['content-type'] ?? '')) return no(400, 20001, 'The body is not a form.');
    const form = new URLSearchParams(request.body.toString('utf8'));
    const [to, from, text, callback] = ['To', 'From', 'Body', 'StatusCallback'].map((name) => form.get(name) ?? '') as [string, string, string, string];
    const [service, contentSid, contentVariables, mediaUrls] = [form.get('MessagingServiceSid'), form.get('ContentSid'), form.get('ContentVariables'), form.getAll('MediaUrl')];
    const isWhatsApp = to.startsWith(WHATSAPP);
    if (to === '') return no(400, 21604, "A 'To' phone number is required.");
    if (!(isWhatsApp ? /^whatsapp:(\+[1-9]\d{6,14}|[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128})$/ : /^\+[1-9]\d{6,14}$/).test(to)) return no(400, 21211, `Invalid 'To' Phone Number: ${to}`);
    if (from === '' && service === null) return no(400, 21603, "A 'From' phone number is required.");
    if (from === to) return no(400, 21266, "'To' and 'From' number cannot be the same");
    if (from !== '' && from.startsWith(WHATSAPP) !== isWhatsApp) return no(400, 21910, "Invalid 'From' and 'To' pair. 'From' and 'To' should be of the same channel");
    if (isWhatsApp && twilio.senders.size > 0 && !twilio.senders.has(from.slice(WHATSAPP.length))) return no(400, 63007, 'Twilio could not find a Channel with the specified From address');
    if (!isWhatsApp && twilio.numbers.size > 0 && from !== '' && !twilio.numbers.has(from)) return no(400, 21659, `'From' ${from} is not a Twilio phone number`);
    if (contentVariables !== null && contentSid === null) return no(400, 21654, 'ContentSid Required');
    if (contentSid !== null && (!/^HX[0-9a-fA-F]{32}$/.test(contentSid) || (twilio.templates.size > 0 && !twilio.templates.has(contentSid)))) return no(400, 21655, 'The ContentSid is Invalid');
    if (contentVariables !== null && !validVariables(contentVariables)) return no(400, 21656, 'The Content Variables parameter is invalid.');
    if (text === '' && mediaUrls.length === 0 && contentSid === null) return no(400, 21602, 'Message body is required.');
    if (text.length > 1600) return no(400, 21617, 'The concatenated message body exceeds the 1600 character limit');
    if (mediaUrls.length > 10) return no(400, 21623, 'Number of media files exceeds allowed limit');
    if (mediaUrls.some((url) => !URL.canParse(url))) return no(400, 21620, 'Invalid media URL(s)');
    if (callback !== '' && !URL.canParse(callback)) return no(400, 21609, 'The StatusCallback URL is not a valid URL.');
    if (twilio.optedOut.has(to)) return no(400, 21610, 'Attempt to send to unsubscribed recipient');
    return {
      sid: newSid(mediaUrls.length > 0 ? 'MM' : 'SM'), to, from, body: text, mediaUrls, contentSid, contentVariables, messagingServiceSid: service,
      statusCallback: callback === '' ? null : callback, status: 'queued',
    };
  }

  /** WhatsApp takes a template at any time, everything else only within 24 hours after the user wrote. */
  function outsideWindow({ from, to, contentSid }: TwilioMessage): boolean {
    return from.startsWith(WHATSAPP) && contentSid === null && nowMs() - (lastWritten.get(`${from} ${to}`) ?? -Infinity) > WINDOW_MS;
  }

  /** In pages, as Twilio lists; of the number that is asked for, only that. */
  function numbersAnswer(path: string, query: URLSearchParams): SandboxAnswer {
    const wanted = query.get('PhoneNumber');
    const all = [...twilio.numbers].filter((number) => wanted === null || number === wanted);
    const [page, size] = [Number(query.get('Page') ?? 0), Math.min(Number(query.get('PageSize') ?? 50), 1_000, PAGE_SIZE_MAX)];
    const hasMore = (page + 1) * size < all.length;
    return {
      status: 200,
      body: {
        incoming_phone_numbers: all.slice(page * size, (page + 1) * size).map((number) => ({
          sid: newSid('PN'), account_sid: accountSid, phone_number: number, friendly_name: `Number ${number}`, capabilities: { voice: true, sms: true, mms: true, fax: false },
        })),
        page, page_size: size, next_page_uri: hasMore ? `${path}?PageSize=${size}&Page=${page + 1}` : null,
      },
    };
  }

  const sendersAnswer = (): SandboxAnswer => ({
    status: 200,
    body: { senders: [...twilio.senders].map((number) => ({ sid: newSid('XE'), status: 'ONLINE', sender_id: WHATSAPP + number, profile: { name: `Sender ${number}` } })), meta: { next_page_url: null } },
  });

  return twilio;
}

const PAGE_SIZE_MAX = 3;
const TROUBLE_CODES: Record<number, number> = { 401: 20003, 404: 20404, 429: 20429, 500: 20500, 503: 20503 };
const NUMBER_FIELDS = { ToCountry: 'US', ToState: '', ToCity: '', FromZip: '', FromState: '', FromCity: '', FromCountry: 'US', ToZip: '' };

const whatsappFields = (from: string): Record<string, string> => ({
  ProfileName: 'A customer', MessageType: 'text', Forwarded: 'false', FrequentlyForwarded: 'false', ReferralNumMedia: '0',
  ...(from.startsWith(`${WHATSAPP}+`) ? { WaId: from.slice(WHATSAPP.length + 1) } : { ExternalUserId: from }),
});

/** A JSON object whose values are texts, none of them empty. */
function validVariables(json: string): boolean {
  try {
    const values: unknown = JSON.parse(json);
    return typeof values === 'object' && values !== null && !Array.isArray(values) && Object.values(values).every((value) => typeof value === 'string' && value !== '');
  } catch {
    return false;
  }
}

const errorBody = (status: number, code: number, message: string) => ({ code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status });

const refuse = (status: number, code: number, message: string): SandboxAnswer => ({ status, body: errorBody(status, code, message) });
