// Meta's Send API for Messenger and Instagram, to develop and test with: Pages with their Instagram accounts, customers who wrote, windows, echoes and
// receipts. Written from https://developers.facebook.com/docs/messenger-platform/reference/send-api, …/reference/attachment-upload-api,
// …/instagram/features/send-message, …/error-codes and https://developers.facebook.com/docs/graph-api/reference/user/accounts.
import { nowMs } from '../platform/clock.ts';
import { newId } from '../platform/ids.ts';
import { entryOf, Webhooks, type Delivered } from './meta-messaging-webhooks.ts';
import { openSandbox, type Sandbox, type SandboxAnswer, type SandboxRequest, type Weather, type WebhookAnswer } from './sandbox.ts';

export interface SandboxPage {
  id: string;
  name: string;
  accessToken: string;
  /** The professional account behind the Page, which is written to by the Page's token. */
  instagram?: { id: string; username: string };
}
/** An Instagram account that was connected without a Page. `appScopedId` is what `/me` gives as `id`; webhooks name `userId`. */
export interface SandboxInstagramLogin {
  userId: string;
  appScopedId: string;
  username: string;
  accessToken: string;
}

export interface SentMessage {
  account: string;
  to: string;
  mid: string;
  at: number;
  text: string | null;
  attachment: { type: string; payload: { url?: string; attachment_id?: string } } | null;
  metadata: string | null;
  replyTo: string | null;
  tag: string | null;
}
export interface Uploaded {
  id: string;
  pageId: string;
  type: string;
  filename: string;
  mime: string;
  content: Buffer;
}

export interface MetaMessagingSandbox extends Sandbox {
  sent: SentMessage[];
  uploads: Uploaded[];
  /** When a sent message's echo comes: before the call is answered, after it, or not at all. */
  echoes: 'before' | 'after' | 'none';
  /** Who can't be written to any more. */
  blocked: Set<string>;
  webhooks: Delivered[];
  connect(url: string, verifyToken: string): Promise<WebhookAnswer>;
  /** A customer writes to a Page or Instagram account: his window is open from now on. `message` is as in the webhook; without a `mid` it gets one. */
  writes(account: string, customer: string, message: object, o?: { standby?: boolean }): Promise<{ mid: string; delivered: Delivered | null }>;
  /** Whatever else stands under `messaging` (`postback`, `reaction`, `read` …), with sender, recipient and time filled in. */
  tells(account: string, customer: string, item: object, o?: { standby?: boolean; fromAccount?: boolean }): Promise<Delivered | null>;
  /** The customer's app reports on everything that was sent to him so far: by a watermark; Instagram says only what was read, by the last id. */
  reports(account: string, customer: string, state: 'delivered' | 'read'): Promise<Delivered | null>;
  /** A field of the Page or account that changed (`feed`, `comments` …). */
  changes(account: string, field: string, value: object): Promise<Delivered | null>;
  /** Until every echo was delivered. */
  settled(): Promise<void>;
}

const DAY_MS = 86_400_000;
const UPLOAD_BYTES_MAX = 25 * 1024 * 1024;
const TAGS = new Set(['HUMAN_AGENT']);
const ATTACHMENTS = new Set(['image', 'audio', 'video', 'file']);

export async function openMetaMessaging(o: {
  port?: number;
  weather?: Weather;
  appId?: string;
  appSecret: string;
  pages: SandboxPage[];
  /** A person's token: it lists the Pages, and sends for none. */
  userToken?: string;
  instagramLogins?: SandboxInstagramLogin[];
  webhookUrl?: string | null;
}): Promise<MetaMessagingSandbox> {
  const appId = o.appId ?? '880000000000001';
  const webhooks = new Webhooks({ url: o.webhookUrl ?? null, appSecret: o.appSecret });
  /** By account and customer: when he wrote last, and the ids of what was said. */
  const threads = new Map<string, { wroteAt: number; mids: Set<string> }>();
  const threadOf = (account: string, customer: string) => threads.get(`${account} ${customer}`);
  const isInstagram = (account: string): boolean => o.pages.some((page) => page.instagram?.id === account) || (o.instagramLogins ?? []).some((login) => login.userId === account);
  const objectOf = (account: string) => (isInstagram(account) ? 'instagram' as const : 'page' as const);

  const base = await openSandbox({ port: o.port, weather: o.weather, take, refusal });
  const sandbox: MetaMessagingSandbox = Object.assign(base, {
    sent: [] as SentMessage[], uploads: [] as Uploaded[], echoes: 'after' as const, blocked: new Set<string>(), webhooks: webhooks.delivered,
    connect: (url: string, verifyToken: string) => webhooks.connect(url, verifyToken),
    settled: () => webhooks.settled(),
    async writes(account: string, customer: string, message: object, { standby = false } = {}) {
      const mid = (message as { mid?: string }).mid ?? midOf(account);
      const thread = threadOf(account, customer) ?? { wroteAt: 0, mids: new Set<string>() };
      thread.wroteAt = nowMs();
      thread.mids.add(mid);
      threads.set(`${account} ${customer}`, thread);
      return { mid, delivered: await sandbox.tells(account, customer, { message: { mid, ...message } }, { standby }) };
    },
    tells: (account: string, customer: string, item: object, { standby = false, fromAccount = false } = {}) =>
      webhooks.deliver(objectOf(account), [entryOf(account, { [standby ? 'standby' : 'messaging']: [between(account, customer, item, fromAccount)] })]),
    reports: (account: string, customer: string, state: 'delivered' | 'read') => {
      const told = sandbox.sent.filter((message) => message.account === account && message.to === customer);
      if (isInstagram(account)) return state === 'read' && told.length > 0 ? sandbox.tells(account, customer, { read: { mid: told.at(-1)!.mid } }) : Promise.resolve(null);
      const watermark = Math.max(nowMs(), ...told.map(({ at }) => at));
      return sandbox.tells(account, customer, state === 'read' ? { read: { watermark } } : { delivery: { mids: told.map(({ mid }) => mid), watermark } });
    },
    changes: (account: string, field: string, value: object) => webhooks.deliver(objectOf(account), [entryOf(account, { changes: [{ field, value }] })]),
  });
  return sandbox;

  function midOf(account: string): string {
    return `${isInstagram(account) ? 'aWdf' : 'm_'}${newId().replaceAll('-', '')}`;
  }

  function between(account: string, customer: string, item: object, fromAccount: boolean): object {
    const [sender, recipient] = fromAccount ? [account, customer] : [customer, account];
    return { sender: { id: sender }, recipient: { id: recipient }, timestamp: nowMs(), ...item };
  }

  async function take(request: SandboxRequest): Promise<SandboxAnswer> {
    const url = new URL(request.url, 'http://graph');
    const [, version, node, edge] = url.pathname.split('/');
    if (!/^v\d+\.\d+$/.test(version ?? '')) return failed(400, 2500, 'An active access token must be used to query information about the current user.');
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? url.searchParams.get('access_token');
    const page = o.pages.find(({ accessToken }) => accessToken === token);
    const login = o.instagramLogins?.find(({ accessToken }) => accessToken === token);
    const isUser = o.userToken !== undefined && token === o.userToken;
    if (!page && !login && !isUser) return failed(401, 190, 'Invalid OAuth access token - Cannot parse access token');
    const fields = (url.searchParams.get('fields') ?? '').split(/,(?![^{]*\})/);
    if (request.method === 'GET' && node === 'me') {
      if (edge === 'accounts') return isUser ? accounts(fields, url) : failed(400, 100, '(#100) Tried accessing nonexisting field (accounts) on node type (Page)');
      if (login) return { status: 200, body: picked({ id: login.appScopedId, user_id: login.userId, username: login.username }, fields) };
      return { status: 200, body: page ? pageAs(page, fields) : { id: 'user', name: 'Page administrator' } };
    }
    if (request.method !== 'POST' || (edge !== 'messages' && edge !== 'message_attachments')) return failed(400, 2500, `Unknown path components: ${url.pathname}`);
    if (isUser) return failed(400, 190, '(#190) This method must be called with a Page Access Token');
    const ours = page ? [page.id, ...(page.instagram ? [page.instagram.id] : [])] : [login!.userId];
    if (node !== 'me' && !ours.includes(node ?? '')) return failed(400, 100, `Unsupported post request. Object with ID '${node}' does not exist`, 33);
    const given = await bodyOf(request);
    if (!given) return failed(400, 100, '(#100) The body could not be read.');
    return edge === 'messages' ? send(given, ours) : upload(given, ours[0]!);
  }

  function accounts(fields: string[], url: URL): SandboxAnswer {
    const from = Number(url.searchParams.get('after') ?? 0);
    const limit = Number(url.searchParams.get('limit') ?? 25);
    const data = o.pages.slice(from, from + limit).map((page) => pageAs(page, fields));
    const next = from + limit < o.pages.length;
    return { status: 200, body: { data, paging: { cursors: { before: String(from), after: String(from + data.length) }, ...(next ? { next: `${base.url}/next` } : {}) } } };
  }

  async function send(given: Given, ours: string[]): Promise<SandboxAnswer> {
    const recipient = objectIn(given.fields.recipient);
    const message = objectIn(given.fields.message);
    const to = typeof recipient?.id === 'string' ? recipient.id : null;
    if (to === null) return failed(400, 100, '(#100) The parameter recipient is required');
    if (!message) return failed(400, 100, '(#100) The parameter message is required');
    const account = ours.find((one) => threadOf(one, to) !== undefined);
    if (account === undefined) return failed(400, 100, '(#100) No matching user found', 2018001);
    const thread = threadOf(account, to)!;
    if (sandbox.blocked.has(to)) return failed(400, 551, '(#551) This person isn\'t available right now.', 1545041);
    const wrong = messageFault(message, isInstagram(account)) ?? typeFault(given.fields) ?? attachmentFault(message, ours);
    if (wrong) return wrong;
    const replyTo = objectIn(given.fields.reply_to)?.mid;
    if (replyTo !== undefined && (typeof replyTo !== 'string' || !thread.mids.has(replyTo))) return failed(400, 100, '(#100) Invalid parameter reply_to: there is no such message in this thread.');
    const allowedMs = given.fields.tag === 'HUMAN_AGENT' ? 7 * DAY_MS : DAY_MS;
    if (nowMs() - thread.wroteAt > allowedMs) {
      return failed(isInstagram(account) ? 403 : 400, 10, '(#10) This message is sent outside of allowed window.', isInstagram(account) ? 2534022 : 2018278);
    }
    const sent: SentMessage = {
      account, to, mid: midOf(account), at: nowMs(), text: (message.text as string | undefined) ?? null, attachment: (message.attachment as SentMessage['attachment'] | undefined) ?? null,
      metadata: (message.metadata as string | undefined) ?? null, replyTo: replyTo ?? null, tag: (given.fields.tag as string | undefined) ?? null,
    };
    sandbox.sent.push(sent);
    thread.mids.add(sent.mid);
    const echo = entryOf(account, { messaging: [between(account, to, { message: echoOf(sent) }, true)] });
    if (sandbox.echoes === 'before') await webhooks.deliver(objectOf(account), [echo]);
    if (sandbox.echoes === 'after') webhooks.later(objectOf(account), [echo]);
    return { status: 200, body: { recipient_id: to, message_id: sent.mid } };
  }

  function echoOf(sent: SentMessage): object {
    const content = sent.attachment ? { attachments: [{ type: sent.attachment.type, payload: { url: sent.attachment.payload.url ?? `https://cdn.sandbox.example/${sent.attachment.payload.attachment_id}` } }] } : { text: sent.text };
    // Instagram's documents name neither the app nor the metadata.
    if (isInstagram(sent.account)) return { mid: sent.mid, is_echo: true, ...content };
    return { mid: sent.mid, is_echo: true, app_id: Number(appId), ...(sent.metadata === null ? {} : { metadata: sent.metadata }), ...content };
  }

  function attachmentFault(message: Record<string, unknown>, ours: string[]): SandboxAnswer | null {
    if (message.attachment === undefined) return null;
    const attachment = objectIn(message.attachment);
    const payload = objectIn(attachment?.payload);
    if (!attachment || !payload || typeof attachment.type !== 'string' || !ATTACHMENTS.has(attachment.type)) return failed(400, 100, '(#100) Param message[attachment][type] must be one of {IMAGE, VIDEO, AUDIO, FILE}');
    if (typeof payload.url === 'string') return /^https?:\/\//.test(payload.url) ? null : failed(400, 100, '(#100) Failed to fetch the file from the url', 2018008);
    const uploaded = sandbox.uploads.find(({ id, pageId }) => id === payload.attachment_id && ours.includes(pageId));
    return uploaded && uploaded.type === attachment.type ? null : failed(400, 100, '(#100) Invalid attachment_id', 2018074);
  }

  function upload(given: Given, pageId: string): SandboxAnswer {
    const attachment = objectIn(objectIn(given.fields.message)?.attachment);
    const file = given.files.filedata;
    if (!attachment || typeof attachment.type !== 'string' || !ATTACHMENTS.has(attachment.type) || !file) return failed(400, 100, '(#100) Upload attachment failure.', 2018047);
    if (file.content.length > UPLOAD_BYTES_MAX) return failed(400, 100, '(#100) Attachment size exceeds allowable limit', 2018109);
    const id = String(1_800_000_000_000_000 + sandbox.uploads.length);
    sandbox.uploads.push({ id, pageId, type: attachment.type, ...file });
    return { status: 200, body: { attachment_id: id } };
  }
}

function messageFault(message: Record<string, unknown>, instagram: boolean): SandboxAnswer | null {
  const { text, attachment, metadata } = message;
  if ((text === undefined) === (attachment === undefined)) return failed(400, 100, '(#100) Must specify exactly one of text and attachment.');
  if (metadata !== undefined && (typeof metadata !== 'string' || metadata.length > 1_000)) return failed(400, 100, '(#100) Param message[metadata] must be a string of at most 1000 characters.');
  if (text === undefined) return null;
  if (typeof text !== 'string' || text.trim() === '') return failed(400, 100, '(#100) Message cannot be empty, must provide valid attachment or text', 2018034);
  const tooLong = instagram ? Buffer.byteLength(text) > 1_000 : [...text].length > 2_000;
  return tooLong ? failed(400, 100, `(#100) Length of param message[text] must be less than or equal to ${instagram ? 1_000 : 2_000}`) : null;
}

function typeFault({ messaging_type: type, tag }: Record<string, unknown>): SandboxAnswer | null {
  if (type !== undefined && !['RESPONSE', 'UPDATE', 'MESSAGE_TAG', 'UTILITY'].includes(type as string)) return failed(400, 100, '(#100) Param messaging_type must be one of {RESPONSE, UPDATE, MESSAGE_TAG, UTILITY}');
  if ((type === 'MESSAGE_TAG') !== (tag !== undefined)) return failed(400, 100, '(#100) A tag goes with messaging_type MESSAGE_TAG.');
  return tag !== undefined && !TAGS.has(tag as string) ? failed(400, 100, '(#100) Param tag must be one of {HUMAN_AGENT}') : null;
}

/** https://developers.facebook.com/docs/graph-api/guides/error-handling */
const failed = (status: number, code: number, message: string, subcode?: number, transient?: boolean): SandboxAnswer => ({
  status, body: { error: { message, type: 'OAuthException', code, ...(subcode === undefined ? {} : { error_subcode: subcode }), ...(transient ? { is_transient: true } : {}), fbtrace_id: 'Sandbox' } },
});

function refusal(status: number): object {
  const [code, message] = status === 429 ? [4, '(#4) Application request limit reached'] : status >= 500 ? [2, 'An unexpected error has occurred. Please retry your request later.'] : [1, 'An unknown error occurred'];
  return failed(status, code as number, message as string, undefined, status === 429 || status >= 500).body as object;
}

const pageAs = (page: SandboxPage, fields: string[]): object =>
  picked({ id: page.id, name: page.name, access_token: page.accessToken, ...(page.instagram ? { instagram_business_account: page.instagram } : {}) }, fields);

/** The fields that were asked for, and the id; of a field in braces too. */
function picked(whole: Record<string, unknown>, fields: string[]): object {
  return Object.fromEntries(['id', ...fields].flatMap((field) => {
    const [name, inner] = field.split(/[{}]/);
    if (whole[name!] === undefined) return [];
    return [[name!, inner === undefined ? whole[name!] : picked(whole[name!] as Record<string, unknown>, inner.split(','))]];
  }));
}

interface Given {
  fields: Record<string, unknown>;
  files: Record<string, { filename: string; mime: string; content: Buffer }>;
}

/** JSON, or a form whose values are JSON. */
async function bodyOf(request: SandboxRequest): Promise<Given | null> {
  const type = request.headers['content-type'] ?? '';
  try {
    if (/json/.test(type)) return { fields: objectIn(JSON.parse(request.body.toString('utf8'))) ?? {}, files: {} };
    const given: Given = { fields: {}, files: {} };
    for (const [name, value] of await new Response(new Uint8Array(request.body), { headers: { 'content-type': type } }).formData()) {
      if (typeof value === 'string') given.fields[name] = /^[{[]/.test(value) ? JSON.parse(value) : value;
      else given.files[name] = { filename: value.name, mime: value.type, content: Buffer.from(await value.arrayBuffer()) };
    }
    return given;
  } catch {
    return null;
  }
}

const objectIn = (value: unknown): Record<string, unknown> | null => (value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : null);
