// What the load does. Each act has a mark of its own, which stands in what it leaves behind, and is the same request however often it is sent.
import { createTransport } from 'nodemailer';
import { createHash } from 'node:crypto';
import { newSid, twilioSignature } from '../../src/sandbox/twilio.ts';

export interface Person {
  email: string;
  phone: string;
  conversationId: string;
  visitor: string;
}
/** Of a server: where clients and providers reach it. */
export interface Door {
  address: string;
  smtpPort: number;
}
export interface World {
  people: Person[];
  keys: { AGENT: string; ADMIN: string; INTEGRATOR: string };
  hooks: { sms: string; mail: string };
  mailSecret: string;
  mailbox: string;
  number: string;
  twilio: { accountSid: string; authToken: string };
  /** To whom conversations are given. */
  memberIds: string[];
  queueIds: string[];
}
/** What a client knows of what it asked for: unknown is what no answer came to. */
export interface Answer {
  outcome: 'acknowledged' | 'refused' | 'unknown';
  said?: string;
}
export type Send = (door: Door) => Promise<Answer>;

/** How long a client waits for an answer; then it doesn't know. */
const PATIENCE_MS = 10_000;

async function post(url: string, headers: Record<string, string>, body: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(PATIENCE_MS) });
  return { status: response.status, text: await response.text() };
}

const answered = ({ status, text }: { status: number; text: string }): Answer => ({
  outcome: status < 300 ? 'acknowledged' : status < 500 && status !== 429 ? 'refused' : 'unknown', said: `${status} ${text.slice(0, 200)}`,
});

interface Refusal {
  code?: string;
  message: string;
  extensions?: { code?: string; retryable?: boolean };
}

function mutate(document: string, input: object, key: string): Send {
  return async ({ address }) => {
    const { status, text } = await post(`${address}/graphql`, { 'content-type': 'application/json', authorization: `Bearer ${key}` }, JSON.stringify({ query: document, variables: { input } }));
    const { data, errors = [] } = JSON.parse(text) as { data?: Record<string, { userErrors?: Refusal[]; messages?: { userErrors: Refusal[] }[] }> | null; errors?: Refusal[] };
    const refusals = [...errors, ...Object.values(data ?? {}).flatMap((payload) => [...(payload?.userErrors ?? []), ...(payload?.messages ?? []).flatMap((row) => row.userErrors)])];
    const said = refusals.length > 0 ? `${status} ${JSON.stringify(refusals).slice(0, 300)}` : '';
    if (refusals.length === 0 && status < 300 && data) return { outcome: 'acknowledged' };
    const again = status >= 500 || status === 429 || refusals.some(({ extensions }) => extensions?.retryable === true);
    return { outcome: again ? 'unknown' : 'refused', said };
  };
}

type Act = (person: Person, mark: string, world: World) => Send;

const head = (email: string, mark: string, mailbox: string): string[] =>
  [`From: ${email}`, `To: ${mailbox}`, 'Subject: Hello', `Message-ID: <${mark}@customers.example>`, 'Date: Thu, 05 Mar 2026 10:00:00 +0100'];
const letter = (email: string, mark: string, mailbox: string): string => [...head(email, mark, mailbox), '', mark].join('\r\n');

/** Above what the database keeps of a delivery itself (inbound/receive.ts): it lies in the blob store, and so does what is attached. */
const LARGE_BYTES = 300 * 1024;
/** The same for the same mark, and unlike any other. */
const largeLetter = (email: string, mark: string, mailbox: string): string => {
  const file = Buffer.alloc(LARGE_BYTES, createHash('sha512').update(mark).digest()).toString('base64').replace(/.{76}/g, '$&\r\n');
  return [
    ...head(email, mark, mailbox), 'MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary="cut"', '', '--cut', 'Content-Type: text/plain', '', mark,
    '--cut', 'Content-Type: application/octet-stream; name="scan.bin"', 'Content-Disposition: attachment; filename="scan.bin"', 'Content-Transfer-Encoding: base64', '', file, '--cut--', '',
  ].join('\r\n');
};

const CONVERSATION = 'conversation { id } userErrors { code message }';
/** One of several, the same for the same mark. */
const oneOf = <T>(of: readonly T[], mark: string): T => of[createHash('sha256').update(mark).digest()[0]! % of.length]!;
export const TAGS = ['parcel', 'invoice', 'return', 'praise', 'broken'];
const PRIORITIES = ['LOW', 'NORMAL', 'HIGH', 'URGENT'];
const STATUSES = ['OPEN', 'PENDING'];
const tagsOf = (mark: string) => ({ add: [oneOf(TAGS, mark)], remove: [oneOf(TAGS, `${mark} not`)] });
const givenTo = (mark: string, { memberIds, queueIds }: Pick<World, 'memberIds' | 'queueIds'>) => ({ assigneeId: oneOf([...memberIds, null], mark), queueId: oneOf(queueIds, `${mark} queue`) });

export const ACTS: Record<string, Act> = {
  sendMessage: ({ conversationId }, mark, { keys }) =>
    mutate('mutation ($input: SendMessageInput!) { sendMessage(input: $input) { message { id } userErrors { code message } } }', { conversationId, channel: 'SMS', text: mark, idempotencyKey: mark }, keys.AGENT),
  ingestMessages: ({ email }, mark, { keys }) =>
    mutate('mutation ($input: IngestMessagesInput!) { ingestMessages(input: $input) { messages { result userErrors { code message } } userErrors { code message } } }',
      { messages: [{ channel: 'EMAIL', address: { kind: 'EMAIL', value: email }, text: mark, externalId: mark }] }, keys.INTEGRATOR),
  sendMail: ({ conversationId }, mark, { keys }) =>
    mutate('mutation ($input: SendMessageInput!) { sendMessage(input: $input) { message { id } userErrors { code message } } }', { conversationId, channel: 'EMAIL', text: mark, idempotencyKey: mark }, keys.AGENT),
  addNote: ({ conversationId }, mark, { keys }) =>
    mutate('mutation ($input: AddNoteInput!) { addNote(input: $input) { note { id } userErrors { code message } } }', { conversationId, body: mark, idempotencyKey: mark }, keys.AGENT),
  upsertCustomer: (_person, mark, { keys }) =>
    mutate('mutation ($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { id } userErrors { code message } } }',
      { identity: { kind: 'EMAIL', value: `${mark}@new.example` }, name: mark, idempotencyKey: mark }, keys.ADMIN),
  chat: ({ visitor }, mark) =>
    mutate('mutation ($input: SendVisitorMessageInput!) { sendVisitorMessage(input: $input) { message { id } userErrors { code message } } }', { clientId: mark, text: mark }, visitor),
  sms: ({ phone }, mark, { twilio, number, hooks }) => {
    const sid = newSid('SM');
    const fields = { MessageSid: sid, SmsSid: sid, SmsStatus: 'received', AccountSid: twilio.accountSid, From: phone, To: number, Body: mark, NumMedia: '0', ApiVersion: '2010-04-01' };
    return async ({ address }) => {
      const url = address + hooks.sms;
      const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8', 'x-twilio-signature': twilioSignature(twilio.authToken, url, fields) };
      return answered(await post(url, headers, new URLSearchParams(fields).toString()));
    };
  },
  mailByHttp: ({ email }, mark, { hooks, mailSecret, mailbox }) => async ({ address }) =>
    answered(await post(address + hooks.mail, { authorization: `Bearer ${mailSecret}`, 'content-type': 'message/rfc822' }, letter(email, mark, mailbox))),
  largeMail: ({ email }, mark, { hooks, mailSecret, mailbox }) => async ({ address }) =>
    answered(await post(address + hooks.mail, { authorization: `Bearer ${mailSecret}`, 'content-type': 'message/rfc822' }, largeLetter(email, mark, mailbox))),
  retitle: ({ conversationId }, mark, { keys }) =>
    mutate(`mutation ($input: UpdateConversationInput!) { updateConversation(input: $input) { ${CONVERSATION} } }`, { conversationId, subject: mark, priority: oneOf(PRIORITIES, mark) }, keys.AGENT),
  assign: ({ conversationId }, mark, { keys, memberIds, queueIds }) =>
    mutate(`mutation ($input: AssignConversationInput!) { assignConversation(input: $input) { ${CONVERSATION} } }`, { conversationId, ...givenTo(mark, { memberIds, queueIds }) }, keys.AGENT),
  tag: ({ conversationId }, mark, { keys }) =>
    mutate(`mutation ($input: TagInput!) { tag(input: $input) { ${CONVERSATION} } }`, { conversationId, ...tagsOf(mark) }, keys.AGENT),
  wait: ({ conversationId }, mark, { keys }) =>
    mutate(`mutation ($input: SetConversationStatusInput!) { setConversationStatus(input: $input) { ${CONVERSATION} } }`, { conversationId, status: oneOf(STATUSES, mark) }, keys.AGENT),
  mailBySmtp: ({ email }, mark, { mailbox }) => async ({ smtpPort }) => {
    const transport = createTransport({ host: '127.0.0.1', port: smtpPort, secure: false, ignoreTLS: true, connectionTimeout: PATIENCE_MS, greetingTimeout: PATIENCE_MS, socketTimeout: PATIENCE_MS });
    try {
      await transport.sendMail({ envelope: { from: email, to: [mailbox] }, raw: letter(email, mark, mailbox) });
      return { outcome: 'acknowledged' };
    } catch (error) {
      // 4xx: come again. Whatever ended without an answer may have been stored.
      const { responseCode } = error as { responseCode?: number };
      return { outcome: responseCode !== undefined && responseCode >= 500 ? 'refused' : 'unknown', said: String(error).slice(0, 200) };
    } finally {
      transport.close();
    }
  },
};

/** Those whose effect stands when they are acknowledged, in the order in which the clients did them; the others are only stored by then. */
export const AT_ONCE = new Set(['sendMessage', 'sendMail', 'ingestMessages', 'addNote', 'chat']);
/** Those that change what is there and leave no row of their own: what another one did after them takes their place. */
export const CHANGES = new Set(['retitle', 'assign', 'tag', 'wait']);
/** An act gave it and took it: which of the two came last is the server's. */
export const EITHER = '?';
/** What a change sets, part by part (changes.ts). */
export function effectOf(kind: string, mark: string, world: Pick<World, 'memberIds' | 'queueIds'>): Map<string, string | null> {
  const { add, remove } = tagsOf(mark);
  const { assigneeId, queueId } = givenTo(mark, world);
  switch (kind) {
    case 'retitle': return new Map([['subject', mark], ['priority', oneOf(PRIORITIES, mark)]]);
    case 'assign': return new Map([['assignee', assigneeId], ['queue', queueId]]);
    case 'tag': return new Map(add[0] === remove[0] ? [[`tag ${add[0]}`, EITHER]] : [[`tag ${add[0]}`, 'on'], [`tag ${remove[0]}`, 'off']]);
    case 'wait': return new Map([['status', oneOf(STATUSES, mark)]]);
    default: return new Map();
  }
}
/** How often each is done, beside the others. */
const SHARES: Record<keyof typeof ACTS, number> = { sendMessage: 3, sms: 3, ingestMessages: 3, sendMail: 2, addNote: 2, upsertCustomer: 2, chat: 2, mailByHttp: 2, mailBySmtp: 2, largeMail: 1, retitle: 1, assign: 1, tag: 1, wait: 1 };
/** Each as often as its share. */
export const KINDS: readonly string[] = Object.entries(SHARES).flatMap(([kind, share]) => Array<string>(share).fill(kind));
