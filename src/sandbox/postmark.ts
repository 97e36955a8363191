// Postmark, for development and tests: takes mails by its API with its checks and its errors, and posts the webhooks of a server's streams, with the
// credentials that stand in their address. Written from Postmark's documentation.
// https://postmarkapp.com/developer/api/overview · …/api/email-api · …/api/server-api · …/webhooks/webhooks-overview · …/webhooks/inbound-webhook
import { randomBytes, randomUUID } from 'node:crypto';
import { now } from '../platform/clock.ts';
import { callWebhook, openSandbox, type SandboxAnswer, type SandboxRequest, type Trouble, type Weather, type WebhookAnswer } from './sandbox.ts';

export interface PostmarkMessage {
  id: string;
  from: string;
  to: string[];
  replyTo: string | null;
  subject: string;
  textBody: string;
  htmlBody: string;
  /** As they reach the recipient: with Postmark's own Message-ID, unless ours is kept. */
  headers: Record<string, string>;
  attachments: { name: string; contentType: string; content: Buffer; contentId: string | null }[];
  metadata: Record<string, string>;
  stream: string;
  trackOpens: boolean;
  trackLinks: string;
}

export interface FakePostmark {
  /** What `apiBaseUrl` is set to. */
  url: string;
  serverToken: string;
  /** Confirmed sender signatures, addresses or domains; empty: any may send. */
  senders: Set<string>;
  /** Addresses that are suppressed. */
  inactive: Set<string>;
  streams: Set<string>;
  /** Every mail that was taken, in order. */
  messages: PostmarkMessage[];
  requests: SandboxRequest[];
  trouble(trouble: Trouble): void;
  /** Posts a report on a mail that was taken: of a RecordType, with fields beyond those that every one has. `webhook` may hold user and password. */
  report(webhook: string, id: string, record: string, fields?: Record<string, unknown>): Promise<WebhookAnswer>;
  /** A mail comes in and is posted, as its fields say. */
  receive(webhook: string, mail: Record<string, unknown>): Promise<WebhookAnswer>;
  close(): Promise<void>;
}

const MESSAGE_BYTES_MAX = 10 * 1024 * 1024;
const RECIPIENTS_MAX = 50;
const BODY_BYTES_MAX = 5 * 1024 * 1024;
const FORBIDDEN = /\.(?:vbs|exe|bin|bat|chm|com|cpl|crt|hlp|hta|inf|ins|isp|jse|lnk|mdb|msc|msi|pcd|pif|reg|scr|sct|shs|vbe|vba|wsf|wsh|wsl)$/i;

export async function fakePostmark(o: { port?: number; weather?: Weather } = {}): Promise<FakePostmark> {
  const sandbox = await openSandbox({ port: o.port, weather: o.weather, take, refusal: (status) => REFUSALS.get(status) ?? { ErrorCode: 0, Message: 'Something went wrong.' } });
  const postmark: FakePostmark = {
    url: sandbox.url, serverToken: randomUUID(), senders: new Set(), inactive: new Set(), streams: new Set(['outbound', 'broadcast']), messages: [], requests: sandbox.requests,
    trouble: (trouble) => sandbox.trouble(trouble),
    report: (webhook, id, record, fields = {}) => {
      const message = postmark.messages.find((one) => one.id === id);
      if (!message) throw new Error(`No mail ${id} was taken.`);
      return post(webhook, { RecordType: record, MessageStream: message.stream, ServerID: 4242, MessageID: id, Tag: '', Metadata: message.metadata, ...fieldsOf(record, message), ...fields });
    },
    receive: (webhook, mail) => post(webhook, { MessageStream: 'inbound', MessageID: randomUUID(), MailboxHash: '', StrippedTextReply: '', Tag: '', Headers: [], Attachments: [], ...mail }),
    close: () => sandbox.close(),
  };

  function take(request: SandboxRequest): SandboxAnswer {
    if (request.headers['x-postmark-server-token'] !== postmark.serverToken) return refused(401, 10, 'The server token is missing or wrong.');
    if (request.method === 'GET' && request.url === '/server') {
      return { status: 200, body: { ID: 4242, Name: 'Sandbox', ApiTokens: [postmark.serverToken], InboundAddress: `${'0a'.repeat(16)}@inbound.postmarkapp.com`, TrackOpens: false, TrackLinks: 'None' } };
    }
    if (request.method !== 'POST' || request.url !== '/email') return refused(404, 0, 'There is nothing at this address.');
    if (request.body.length > MESSAGE_BYTES_MAX) return refused(413, 0, 'The message is larger than 10 MB.');
    if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '') || !/^application\/json\b/i.test(request.headers.accept ?? '')) return refused(422, 409, 'Content-Type and Accept must be application/json.');
    let mail: Record<string, unknown>;
    try {
      mail = JSON.parse(request.body.toString('utf8')) as Record<string, unknown>;
    } catch {
      return refused(422, 402, 'The JSON cannot be read.');
    }
    const wrong = faultOf(mail, postmark);
    return wrong ? refused(422, ...wrong) : taken(mail);
  }

  function taken(mail: Record<string, unknown>): SandboxAnswer {
    const id = randomUUID();
    const given = Object.fromEntries(((mail.Headers ?? []) as { Name: string; Value: string }[]).map(({ Name, Value }) => [Name, Value]));
    const { 'X-PM-KeepID': keep, ...headers } = given;
    if (keep !== 'true' || headers['Message-ID'] === undefined) headers['Message-ID'] = `<${id}@mtasv.net>`;
    postmark.messages.push({
      id, from: mail.From as string, to: addressesIn(mail.To as string), replyTo: (mail.ReplyTo as string | undefined) ?? null, subject: (mail.Subject as string | undefined) ?? '',
      textBody: (mail.TextBody as string | undefined) ?? '', htmlBody: (mail.HtmlBody as string | undefined) ?? '', headers,
      attachments: ((mail.Attachments ?? []) as Record<string, string>[]).map(({ Name, ContentType, Content, ContentID }) => ({ name: Name!, contentType: ContentType!, content: Buffer.from(Content!, 'base64'), contentId: ContentID ?? null })),
      metadata: (mail.Metadata ?? {}) as Record<string, string>, stream: (mail.MessageStream as string | undefined) ?? 'outbound', trackOpens: mail.TrackOpens === true, trackLinks: (mail.TrackLinks as string | undefined) ?? 'None',
    });
    return { status: 200, body: { To: mail.To, SubmittedAt: now(), MessageID: id, ErrorCode: 0, Message: 'OK' } };
  }
  return postmark;
}

type Fault = [code: number, message: string];

/** The first thing that is wrong with a mail, as Postmark's API would say it; null when it is taken. */
function faultOf(mail: Record<string, unknown>, { senders, inactive, streams }: FakePostmark): Fault | null {
  const [from] = addressesIn(mail.From);
  if (from === undefined) return [300, `Invalid 'From' address: '${String(mail.From)}'.`];
  if (senders.size > 0 && !senders.has(from) && !senders.has(from.slice(from.indexOf('@') + 1))) return [400, `The 'From' address you supplied (${from}) is not a Sender Signature on your account.`];
  const to = addressesIn(mail.To);
  if (to.length === 0) return [300, `Invalid 'To' address: '${String(mail.To)}'.`];
  if (to.length > RECIPIENTS_MAX) return [300, 'Too many recipients. The limit is 50.'];
  if (mail.ReplyTo !== undefined && addressesIn(mail.ReplyTo).length === 0) return [300, `Invalid 'ReplyTo' address: '${String(mail.ReplyTo)}'.`];
  const bodies = [mail.TextBody, mail.HtmlBody].filter((body) => typeof body === 'string' && body !== '') as string[];
  if (bodies.length === 0) return [300, 'Provide either email TextBody or HtmlBody or both.'];
  if (bodies.some((body) => Buffer.byteLength(body) > BODY_BYTES_MAX)) return [300, 'A body is larger than 5 MB.'];
  if (!streams.has((mail.MessageStream as string | undefined) ?? 'outbound')) return [1235, `The 'MessageStream' provided (${String(mail.MessageStream)}) does not exist on this server.`];
  if (!['None', 'HtmlAndText', 'HtmlOnly', 'TextOnly', undefined].includes(mail.TrackLinks as string)) return [300, "'TrackLinks' has no such value."];
  const fault = headerFault(mail.Headers) ?? metadataFault(mail.Metadata) ?? attachmentFault(mail.Attachments);
  if (fault) return fault;
  const dead = to.filter((address) => inactive.has(address.toLowerCase()));
  return dead.length === to.length ? [406, `You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: ${dead.join(', ')}.`] : null;
}

function headerFault(headers: unknown = []): Fault | null {
  const fine = Array.isArray(headers) && headers.every((one: Record<string, unknown>) => /^[!-9;-~]{1,100}$/.test(String(one.Name)) && typeof one.Value === 'string' && !/[\r\n]/.test(one.Value));
  return fine ? null : [300, 'A custom header is not valid.'];
}

function metadataFault(metadata: unknown = {}): Fault | null {
  const entries = Object.entries(metadata as Record<string, unknown>);
  const fine = entries.length <= 10 && entries.every(([name, value]) => name.length <= 20 && typeof value === 'string' && value.length <= 80) && new Set(entries.map(([name]) => name.toLowerCase())).size === entries.length;
  return fine ? null : [300, 'Metadata takes 10 fields, of names up to 20 and values up to 80 characters.'];
}

function attachmentFault(attachments: unknown = []): Fault | null {
  for (const { Name, Content, ContentType } of attachments as Record<string, unknown>[]) {
    if (typeof Name !== 'string' || Name === '' || typeof Content !== 'string' || !/^[\w.+-]+\/[\w.+-]+/.test(String(ContentType))) return [300, 'An attachment lacks its name, its content or a valid content type.'];
    if (Buffer.from(Content, 'base64').toString('base64') !== Content) return [300, `The content of ${Name} is not base64.`];
    if (FORBIDDEN.test(Name)) return [411, `The attachment ${Name} is of a type that is not allowed.`];
  }
  return null;
}

/** What every report of a kind says beside the mail's id. */
function fieldsOf(record: string, { to, from, subject }: PostmarkMessage): Record<string, unknown> {
  const [address] = to;
  const at = now();
  const bounce = { ID: Number.parseInt(randomBytes(5).toString('hex'), 16), Email: address, From: addressesIn(from)[0], BouncedAt: at, Subject: subject, Inactive: true, CanActivate: true };
  switch (record) {
    case 'Delivery': return { Recipient: address, DeliveredAt: at, Details: 'smtp;250 2.0.0 OK' };
    case 'Bounce': return { ...bounce, Type: 'HardBounce', TypeCode: 1, Name: 'Hard bounce', Details: 'smtp;550 5.1.1 The account does not exist.' };
    case 'SpamComplaint': return { ...bounce, Type: 'SpamComplaint', TypeCode: 512, Name: 'Spam complaint', Details: '' };
    case 'Open': return { Recipient: address, ReceivedAt: at, FirstOpen: true };
    case 'Click': return { Recipient: address, ReceivedAt: at, OriginalLink: 'https://pottery.example/' };
    case 'SubscriptionChange': return { Recipient: address, ChangedAt: at, Origin: 'Recipient', SuppressSending: true, SuppressionReason: 'ManualSuppression' };
    default: return {};
  }
}

/** The addresses of a header value; none when one of them is not one, or a name with punctuation isn't quoted. */
function addressesIn(value: unknown): string[] {
  if (typeof value !== 'string') return [];
  const boxes = value.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? [];
  const addresses = boxes.map(addressIn);
  return addresses.every((address) => address !== null && /^[a-z0-9.!#$%&'`*+\-/=^_{}|~]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i.test(address)) ? (addresses as string[]) : [];
}

/** `ada@x`, `Ada <ada@x>`, `"Lovelace, Ada" <ada@x>`. */
function addressIn(text: string): string | null {
  const box = text.trim();
  if (!box.endsWith('>')) return box;
  const opens = box.lastIndexOf('<');
  const name = box.slice(0, opens).trim();
  const isNamed = name.startsWith('"') ? name.length > 1 && name.endsWith('"') && !/["\\]/.test(name.slice(1, -1).replace(/\\./g, '')) : /^[\w .'-]*$/.test(name);
  return opens >= 0 && isNamed ? box.slice(opens + 1, -1) : null;
}

/** User and password in the address go as Basic, as Postmark sends them. */
function post(webhook: string, body: object): Promise<WebhookAnswer> {
  const url = new URL(webhook);
  const credentials = url.username === '' ? null : `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = url.password = '';
  return callWebhook(url.href, JSON.stringify(body), {
    'content-type': 'application/json', 'user-agent': 'Postmark', ...(credentials !== null && { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }),
  });
}

const REFUSALS = new Map<number, object>([
  [401, { ErrorCode: 10, Message: 'The server token is missing or wrong.' }],
  [422, { ErrorCode: 300, Message: 'The request is not valid.' }],
  [429, { ErrorCode: 429, Message: 'Rate limit exceeded.' }],
  [500, { ErrorCode: 0, Message: 'Internal server error.' }],
  [503, { ErrorCode: 100, Message: 'Maintenance.' }],
]);

const refused = (status: number, ErrorCode: number, Message: string): SandboxAnswer => ({ status, body: { ErrorCode, Message } });
