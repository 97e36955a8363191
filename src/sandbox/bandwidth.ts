// Bandwidth's messaging, for development and tests: takes messages by its API with its checks and its errors, to one number or to a group, holds files,
// and sends callbacks as Bandwidth does: first without credentials, and with them when it is asked. Written from Bandwidth's documentation.
// https://dev.bandwidth.com/docs/messaging/createMessage · …/messaging/webhooks · …/messaging/errors · …/messaging/media · …/numbers/webhooks#authentication
import { randomBytes, randomUUID } from 'node:crypto';
import { now } from '../platform/clock.ts';
import { callWebhook, openSandbox, type SandboxAnswer, type SandboxRequest, type Trouble, type Weather, type WebhookAnswer } from './sandbox.ts';

export interface BandwidthMessage {
  id: string;
  owner: string;
  applicationId: string;
  time: string;
  segmentCount: number;
  direction: 'out';
  to: string[];
  from: string;
  text: string;
  media?: string[];
  tag?: string;
  priority: string;
}

export interface FakeBandwidth {
  /** What `apiBaseUrl` is set to. */
  url: string;
  accountId: string;
  applicationId: string;
  username: string;
  password: string;
  /** What the application was given for its callbacks; null: it sends none. */
  callback: { username: string; password: string } | null;
  /** Numbers of the account; empty: any may be sent from. A group message that came in is handed on once for each. */
  numbers: Set<string>;
  /** Every message that was taken, in order. */
  messages: BandwidthMessage[];
  requests: SandboxRequest[];
  trouble(trouble: Trouble): void;
  /** Reports on a message: one callback for everybody that it went to (`to`: for him alone). */
  report(webhook: string, id: string, type: string, o?: { to?: string; errorCode?: number; description?: string }): Promise<WebhookAnswer[]>;
  /** A message comes in; the answers, one for each number of ours among `to`. */
  receive(webhook: string, message: { id?: string; from: string; to: string[]; text: string; media?: string[] }): Promise<WebhookAnswer[]>;
  /** Keeps a file of a message that came in; gives the address that callbacks name. */
  keep(content: Buffer, filename: string): string;
  /** One request to the webhook, with the challenge that Bandwidth waits for. */
  post(webhook: string, callbacks: object[]): Promise<WebhookAnswer>;
  close(): Promise<void>;
}

/** Thirteen digits of the time and sixteen letters and digits, as Bandwidth's ids are. */
const newId = (): string => `${Date.parse(now())}${randomBytes(8).toString('hex')}`;

const E164 = /^\+[1-9]\d{1,14}$/;
/** A number or a short code. */
const OURS = /^(?:\+[1-9]\d{1,14}|\d{3,8})$/;
const TEXT_MAX = 2_048;
const GROUP_MAX = 10;
const TAG_MAX = 1_024;
/** GSM-7 characters and others, of one segment. */
const SEGMENT = { gsm: 160, ucs2: 70 };

export async function fakeBandwidth(o: { port?: number; weather?: Weather } = {}): Promise<FakeBandwidth> {
  const files = new Map<string, Buffer>();
  const sandbox = await openSandbox({ port: o.port, weather: o.weather, take, refusal: (status) => refusalOf(status) });
  const credentials = { username: `api-${randomBytes(4).toString('hex')}`, password: randomBytes(12).toString('hex') };

  const bandwidth: FakeBandwidth = {
    url: sandbox.url, accountId: '5500012', applicationId: randomUUID(), ...credentials, callback: { username: 'callbacks', password: randomBytes(12).toString('hex') },
    numbers: new Set(), messages: [], requests: sandbox.requests, trouble: (trouble) => sandbox.trouble(trouble),
    report: async (webhook, id, type, { to, errorCode, description = 'ok' } = {}) => {
      const message = bandwidth.messages.find((m) => m.id === id);
      if (!message) throw new Error(`No message ${id} was taken.`);
      const answers: WebhookAnswer[] = [];
      // The text isn't kept, so no callback has it.
      for (const recipient of to ? [to] : message.to) {
        answers.push(await bandwidth.post(webhook, [{ type, time: now(), description, to: recipient, ...(errorCode === undefined ? {} : { errorCode }), message: { ...message, text: '' } }]));
      }
      return answers;
    },
    receive: async (webhook, { id, from, to, text, media }) => {
      const ours = to.filter((number) => bandwidth.numbers.size === 0 || bandwidth.numbers.has(number));
      const answers: WebhookAnswer[] = [];
      for (const owner of ours) {
        const message = {
          id: id ?? newId(), owner, applicationId: bandwidth.applicationId, time: now(), segmentCount: media || to.length > 1 ? 1 : segmentsOf(text), direction: 'in', to, from, text, ...(media ? { media } : {}),
        };
        answers.push(await bandwidth.post(webhook, [{ type: 'message-received', time: now(), description: 'Incoming message received', to: owner, message }]));
      }
      return answers;
    },
    keep: (content, filename) => {
      const path = `${newId()}/0/${filename}`;
      files.set(path, content);
      return `${sandbox.url}/api/v2/users/${bandwidth.accountId}/media/${path}`;
    },
    post: async (webhook, callbacks) => {
      const headers = { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'BandwidthAPI/v2' };
      const body = JSON.stringify(callbacks);
      const first = await callWebhook(webhook, body, headers);
      // Without the challenge there is no second request.
      if (first.status !== 401 || !/^basic\b/i.test(first.headers['www-authenticate'] ?? '') || !bandwidth.callback) return first;
      const { username, password } = bandwidth.callback;
      return callWebhook(webhook, body, { ...headers, authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` });
    },
    close: () => sandbox.close(),
  };

  function take(request: SandboxRequest): SandboxAnswer {
    const given = Buffer.from((request.headers.authorization ?? '').replace(/^Basic /i, ''), 'base64').toString('utf8');
    if (given !== `${bandwidth.username}:${bandwidth.password}`) return refuse(401);
    const [, account, resource] = /^\/api\/v2\/users\/([^/?]+)\/([^?]*)/.exec(request.url) ?? [];
    if (account !== bandwidth.accountId) return refuse(account === undefined ? 404 : 403);
    if (request.method === 'POST' && resource === 'messages') return messageAnswer(request);
    if (request.method === 'GET' && resource === 'media') return { status: 200, body: [...files].map(([mediaName, content]) => ({ mediaName, contentLength: content.length, content: `${sandbox.url}/api/v2/users/${account}/media/${mediaName}` })) };
    const file = request.method === 'GET' && resource!.startsWith('media/') ? files.get(resource!.slice('media/'.length)) : undefined;
    return file ? { status: 200, headers: { 'content-type': 'application/octet-stream' }, body: file } : refuse(404);
  }

  function messageAnswer(request: SandboxRequest): SandboxAnswer {
    if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) return refuse(415);
    let asked: Record<string, unknown>;
    try {
      asked = JSON.parse(request.body.toString('utf8')) as Record<string, unknown>;
    } catch {
      return refuse(400);
    }
    const wrong = wrongFields(asked);
    if (wrong.length > 0) return { status: 400, body: { ...refusalOf(400), fieldErrors: wrong } };
    const { applicationId, from, to, text = '', media, tag, priority = 'default' } = asked as unknown as Omit<BandwidthMessage, 'to'> & { to: string | string[] };
    const message: BandwidthMessage = {
      id: newId(), owner: from, applicationId, time: now(), segmentCount: media ? 1 : segmentsOf(text), direction: 'out', to: [to].flat(), from, text, ...(media ? { media } : {}), ...(tag === undefined ? {} : { tag }), priority,
    };
    bandwidth.messages.push(message);
    return { status: 202, body: message };
  }

  function wrongFields({ applicationId, from, to, text, media, tag }: Record<string, unknown>): { fieldName: string; description: string }[] {
    const numbers = [to].flat();
    const hasMedia = Array.isArray(media) && media.length > 0;
    const rules: [boolean, string, string][] = [
      [applicationId !== bandwidth.applicationId, 'applicationId', `'${String(applicationId)}' is not a valid application id`],
      [typeof from !== 'string' || !OURS.test(from) || (bandwidth.numbers.size > 0 && !bandwidth.numbers.has(from)), 'from', `'${String(from)}' must be one of your numbers in E164 format`],
      [numbers.length === 0 || !numbers.every((number) => typeof number === 'string' && E164.test(number)), 'to', `'${numbers.join(',')}' must be in E164 format`],
      [numbers.length > GROUP_MAX, 'to', `a message can have at most ${GROUP_MAX} recipients`],
      [new Set(numbers).size < numbers.length || numbers.includes(from), 'to', 'recipients must be distinct, and not the sender'],
      [text !== undefined && (typeof text !== 'string' || text.length > TEXT_MAX), 'text', `must be a text of at most ${TEXT_MAX} characters`],
      [!hasMedia && (typeof text !== 'string' || text === ''), 'text', 'must not be empty'],
      [media !== undefined && (!hasMedia || media.length > 10 || !media.every((url) => typeof url === 'string' && /^https?:/.test(url) && URL.canParse(url))), 'media', 'must be up to 10 addresses'],
      [tag !== undefined && (typeof tag !== 'string' || tag.length > TAG_MAX), 'tag', `must be a text of at most ${TAG_MAX} characters`],
    ];
    return rules.flatMap(([isWrong, fieldName, description]) => (isWrong ? [{ fieldName, description }] : []));
  }

  return bandwidth;
}

// eslint-disable-next-line no-control-regex
const segmentsOf = (text: string): number => Math.max(1, Math.ceil(text.length / (/^[\x00-\x7f]*$/.test(text) ? SEGMENT.gsm : SEGMENT.ucs2)));

const WORDS = new Map<number, [type: string, description: string]>([
  [400, ['request-validation', 'Your request could not be accepted']],
  [401, ['unauthorized', 'Authentication Failed']],
  [403, ['forbidden', 'Access Denied']],
  [404, ['not-found', 'Not Found']],
  [415, ['unsupported-content-type', "Content type not supported. Please use 'application/json'"]],
  [429, ['max-message-queue-size-exceeded', 'The SMS queue for your account is full and cannot accept more messages right now.']],
]);

function refusalOf(status: number): { type: string; description: string } {
  const [type, description] = WORDS.get(status) ?? ['internal-server-error', 'Internal server error. No further information available'];
  return { type, description };
}

const refuse = (status: number): SandboxAnswer => ({ status, body: refusalOf(status) });
