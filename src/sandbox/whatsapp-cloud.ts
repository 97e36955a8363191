// Meta's Cloud API for WhatsApp, to develop and test with: numbers, customers who wrote, windows, templates, files and reports. Written from
// https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages, …/business-phone-numbers/media, …/support/error-codes,
// …/webhooks/reference/messages and https://developers.facebook.com/docs/graph-api/reference/whats-app-business-account/phone_numbers.
import { createHash } from 'node:crypto';
import { nowMs } from '../platform/clock.ts';
import { newId } from '../platform/ids.ts';
import { Webhooks, type Delivered } from './meta-messaging-webhooks.ts';
import { openSandbox, type Sandbox, type SandboxAnswer, type SandboxRequest, type Weather, type WebhookAnswer } from './sandbox.ts';
import { contentFault, failed, objectIn, recipientIn, refusal, templateFault } from './whatsapp-cloud-rules.ts';

export interface SandboxNumber {
  /** Phone number ID. */
  id: string;
  displayNumber: string;
  verifiedName: string;
}
/** Who writes: with a number, without its plus, or an id of his for this business, or both. */
export interface SandboxCustomer {
  phone?: string;
  userId?: string;
  name: string;
  username?: string;
}
export interface SandboxTemplate {
  name: string;
  language: string;
  /** Of its body. */
  parameters: number;
}
export interface SentWhatsapp {
  number: string;
  /** As the request named him: digits, a user id or a group. */
  to: string;
  id: string;
  type: string;
  /** What stands under the type. */
  content: Record<string, unknown>;
  replyTo: string | null;
  reference: string | null;
}
export interface WhatsappFile {
  id: string;
  mime: string;
  filename: string;
  content: Buffer;
}

export interface WhatsappCloudSandbox extends Sandbox {
  sent: SentWhatsapp[];
  uploads: WhatsappFile[];
  /** Marked as read, and whether an answer was said to be coming. */
  read: { messageId: string; typing: boolean }[];
  /** Who has no WhatsApp any more: the call succeeds, and the report says that it failed. */
  gone: Set<string>;
  webhooks: Delivered[];
  connect(url: string, verifyToken: string): Promise<WebhookAnswer>;
  /** A customer writes: his window is open from now on. `message` is as in the webhook (`type` and what stands under it), without sender and time; without an id it gets one. */
  writes(number: string, customer: SandboxCustomer, message: object): Promise<{ id: string; delivered: Delivered | null }>;
  /** A file of a customer's, for `writes`: what stands under `image`, `document` …. */
  file(o: { mime: string; content: Buffer }): { id: string; mime_type: string; sha256: string };
  /** WhatsApp reports on a message; `failed` with an error. */
  reports(id: string, status: 'sent' | 'delivered' | 'read' | 'played' | 'failed', error?: { code: number; title: string }): Promise<Delivered | null>;
  /** Whatever else a change can say, with the number's metadata where it is of one. */
  tells(field: string, value: object, number?: string): Promise<Delivered | null>;
  settled(): Promise<void>;
}

const DAY_MS = 86_400_000;
const FILE_ADDRESS_MS = 300_000;

export async function openWhatsappCloud(o: {
  port?: number;
  weather?: Weather;
  appSecret: string;
  accessToken: string;
  businessAccountId: string;
  numbers: SandboxNumber[];
  templates?: SandboxTemplate[];
  webhookUrl?: string | null;
}): Promise<WhatsappCloudSandbox> {
  const webhooks = new Webhooks({ url: o.webhookUrl ?? null, appSecret: o.appSecret });
  const files = new Map<string, WhatsappFile>();
  const addresses = new Map<string, { file: WhatsappFile; endsAt: number }>();
  /** By number and customer, under each of his addresses: when he wrote last. */
  const wroteAt = new Map<string, number>();
  const known = new Set<string>();
  const changeOf = (field: string, value: object) => ({ id: o.businessAccountId, changes: [{ value, field }] });
  const placed = (number: string, value: object) => ({ messaging_product: 'whatsapp', metadata: { display_phone_number: numberOf(number).displayNumber, phone_number_id: number }, ...value });
  const seconds = () => String(Math.floor(nowMs() / 1_000));
  const numberOf = (id: string): SandboxNumber => o.numbers.find((number) => number.id === id)!;
  const wamid = () => `wamid.${Buffer.from(newId()).toString('base64')}`;

  const base = await openSandbox({ port: o.port, weather: o.weather, take, refusal });
  const sandbox: WhatsappCloudSandbox = Object.assign(base, {
    sent: [] as SentWhatsapp[], uploads: [] as WhatsappFile[], read: [] as { messageId: string; typing: boolean }[], gone: new Set<string>(), webhooks: webhooks.delivered,
    connect: (url: string, verifyToken: string) => webhooks.connect(url, verifyToken),
    settled: () => webhooks.settled(),
    async writes(number: string, customer: SandboxCustomer, message: object) {
      const id = (message as { id?: string }).id ?? wamid();
      known.add(id);
      for (const address of [customer.phone, customer.userId]) if (address !== undefined) wroteAt.set(`${number} ${address}`, nowMs());
      const contact = {
        profile: { name: customer.name, ...(customer.username === undefined ? {} : { username: customer.username }) }, ...(customer.phone === undefined ? {} : { wa_id: customer.phone }),
        ...(customer.userId === undefined ? {} : { user_id: customer.userId }),
      };
      const from = { ...(customer.phone === undefined ? {} : { from: customer.phone }), ...(customer.userId === undefined ? {} : { from_user_id: customer.userId }) };
      const value = placed(number, { contacts: [contact], messages: [{ ...from, id, timestamp: seconds(), ...message }] });
      return { id, delivered: await webhooks.deliver('whatsapp_business_account', [changeOf('messages', value)]) };
    },
    file({ mime, content }: { mime: string; content: Buffer }) {
      const file = keep({ mime, filename: 'file', content });
      return { id: file.id, mime_type: mime, sha256: sha256(content) };
    },
    reports: (id: string, status: string, error?: { code: number; title: string }) => webhooks.deliver('whatsapp_business_account', [report(id, status, error)]),
    tells: (field: string, value: object, number?: string) => webhooks.deliver('whatsapp_business_account', [changeOf(field, number === undefined ? value : placed(number, value))]),
  });
  return sandbox;

  function report(id: string, status: string, error?: { code: number; title: string }): object {
    const sent = sandbox.sent.find((one) => one.id === id)!;
    return changeOf('messages', placed(sent.number, {
      statuses: [{
        id, status, timestamp: seconds(), ...(/^\d+$/.test(sent.to) ? { recipient_id: sent.to } : { recipient_user_id: sent.to }), ...(sent.reference === null ? {} : { biz_opaque_callback_data: sent.reference }),
        ...(error === undefined ? {} : { errors: [{ code: error.code, title: error.title, message: error.title, error_data: { details: error.title } }] }),
      }],
    }));
  }

  function keep(file: Omit<WhatsappFile, 'id'>): WhatsappFile {
    const kept = { id: String(900_000_000_000_000 + files.size), ...file };
    files.set(kept.id, kept);
    return kept;
  }

  async function take(request: SandboxRequest): Promise<SandboxAnswer> {
    const url = new URL(request.url, 'http://graph');
    if (/^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] !== o.accessToken) return failed(401, 190, 'Error validating access token');
    const address = addresses.get(url.pathname);
    if (address) return address.endsAt > nowMs() ? { status: 200, headers: { 'content-type': address.file.mime }, body: address.file.content } : { status: 404, body: '' };
    const [, version, node = '', edge] = url.pathname.split('/');
    if (!/^v\d+\.\d+$/.test(version ?? '')) return failed(400, 2500, 'Unknown path components');
    if (request.method === 'GET') return readNode(node, edge, url);
    if (!numberOf(node)) return failed(400, 100, `Unsupported post request. Object with ID '${node}' does not exist`, { subcode: 33 });
    if (edge === 'media') return upload(request);
    return edge === 'messages' && request.method === 'POST' ? send(node, request) : failed(400, 2500, `Unknown path components: /${edge}`);
  }

  function readNode(node: string, edge: string | undefined, url: URL): SandboxAnswer {
    const fieldsOf = (number: SandboxNumber) => ({ id: number.id, display_phone_number: number.displayNumber, verified_name: number.verifiedName });
    if (node === 'me') return { status: 200, body: { id: '122100000000000001' } };
    if (node === o.businessAccountId && edge === 'phone_numbers') {
      const [from, limit] = [Number(url.searchParams.get('after') ?? 0), Number(url.searchParams.get('limit') ?? 25)];
      const data = o.numbers.slice(from, from + limit);
      const more = from + limit < o.numbers.length;
      return { status: 200, body: { data: data.map(fieldsOf), paging: { cursors: { before: String(from), after: String(from + data.length) }, ...(more ? { next: `${base.url}/next` } : {}) } } };
    }
    const number = numberOf(node);
    if (number && edge === undefined) return { status: 200, body: fieldsOf(number) };
    const file = files.get(node);
    if (!file) return failed(400, 100, `Unsupported get request. Object with ID '${node}' does not exist, cannot be loaded due to missing permissions, or does not support this operation`, { subcode: 33 });
    const path = `/whatsapp_business/attachments/${newId()}`;
    addresses.set(path, { file, endsAt: nowMs() + FILE_ADDRESS_MS });
    return { status: 200, body: { messaging_product: 'whatsapp', url: base.url + path, mime_type: file.mime, sha256: sha256(file.content), file_size: String(file.content.length), id: file.id } };
  }

  async function upload(request: SandboxRequest): Promise<SandboxAnswer> {
    const form = await new Response(new Uint8Array(request.body), { headers: { 'content-type': request.headers['content-type'] ?? '' } }).formData().catch(() => null);
    const file = form?.get('file');
    if (!form || form.get('messaging_product') !== 'whatsapp' || !file || typeof file === 'string') return failed(400, 100, '(#100) The parameter messaging_product or file is required.');
    if (file.type !== form.get('type')) return failed(400, 131053, '(#131053) Media upload error', { details: 'The file is of another type than was said.' });
    const kept = keep({ mime: file.type, filename: file.name, content: Buffer.from(await file.arrayBuffer()) });
    sandbox.uploads.push(kept);
    return { status: 200, body: { id: kept.id } };
  }

  function send(number: string, request: SandboxRequest): SandboxAnswer {
    const given = bodyOf(request);
    if (given?.messaging_product !== 'whatsapp') return failed(400, 100, '(#100) The parameter messaging_product is required.');
    if (given.status !== undefined) return markRead(given);
    const recipient = recipientIn(given);
    if ('fault' in recipient) return recipient.fault;
    const [to, type] = [recipient.to, (given.type as string | undefined) ?? 'text'];
    const content = objectIn(given[type]);
    const fault = contentFault(type, content, { isUploaded: (id) => files.has(id), isKnown: (id) => known.has(id) }) ?? referenceFault(given);
    if (fault) return fault;
    if (type === 'template') {
      const wrong = templateFault(content!, o.templates ?? []);
      if (wrong) return wrong;
    } else if (nowMs() - (wroteAt.get(`${number} ${to}`) ?? 0) > DAY_MS) {
      return failed(400, 131047, '(#131047) Re-engagement message', { details: 'Message failed to send because more than 24 hours have passed since the customer last replied to this number.' });
    }
    const sent: SentWhatsapp = { number, to, id: wamid(), type, content: content!, replyTo: (objectIn(given.context)?.message_id as string | undefined) ?? null, reference: (given.biz_opaque_callback_data as string | undefined) ?? null };
    sandbox.sent.push(sent);
    known.add(sent.id);
    if (sandbox.gone.has(to)) webhooks.later('whatsapp_business_account', [report(sent.id, 'failed', { code: 131026, title: 'Message undeliverable' })]);
    const contact = /^\d+$/.test(to) ? { input: to, wa_id: to } : { input: to, user_id: to };
    return { status: 200, body: { messaging_product: 'whatsapp', contacts: [contact], messages: [{ id: sent.id, ...(type === 'template' ? { message_status: 'accepted' } : {}) }] } };
  }

  function referenceFault({ biz_opaque_callback_data: reference, context }: Record<string, unknown>): SandboxAnswer | null {
    if (reference !== undefined && (typeof reference !== 'string' || reference.length > 512)) return failed(400, 131009, '(#131009) Parameter value is not valid', { details: 'biz_opaque_callback_data is a text of at most 512 characters.' });
    const quoted = objectIn(context)?.message_id;
    return context !== undefined && typeof quoted !== 'string' ? failed(400, 131009, '(#131009) Parameter value is not valid', { details: 'context.message_id is required.' }) : null;
  }

  function markRead(given: Record<string, unknown>): SandboxAnswer {
    const id = given.message_id;
    if (given.status !== 'read' || typeof id !== 'string' || !known.has(id)) return failed(400, 131009, '(#131009) Parameter value is not valid', { details: 'message_id names no message that was received.' });
    sandbox.read.push({ messageId: id, typing: objectIn(given.typing_indicator)?.type === 'text' });
    return { status: 200, body: { success: true } };
  }
}

function bodyOf(request: SandboxRequest): Record<string, unknown> | null {
  try {
    return objectIn(JSON.parse(request.body.toString('utf8')));
  } catch {
    return null;
  }
}

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('base64');
