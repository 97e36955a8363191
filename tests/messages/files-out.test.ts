// Files that the team sends: uploaded first, then sent by what the channel carries, to each provider in its own way.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { publicId } from '../../src/platform/ids.ts';
import { fakeTwilio, type FakeTwilio } from '../../src/sandbox/twilio.ts';
import { quiet } from '../guarantees/world.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';
import { postOffice, type PostOffice } from '../journey/post-office.ts';

const NUMBER = '+442079460018';
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
let server: TestServer;
let ws: TestWorkspace;
let twilio: FakeTwilio;
let office: PostOffice;
let texting: string;
let mailing: string;

beforeAll(async () => {
  [server, twilio, office] = await Promise.all([startTestServer(), fakeTwilio(), postOffice()]);
  ws = await server.workspace();
  const sms = await ws.connect({ channel: 'SMS', provider: 'twilio', name: 'Texts', address: NUMBER, settings: { accountSid: twilio.accountSid, apiBaseUrl: twilio.url }, secrets: { authToken: twilio.authToken } });
  const mail = await ws.connect({ channel: 'EMAIL', provider: 'mime', name: 'Mail', address: 'support@acme.example', settings: { host: '127.0.0.1', port: office.port, secure: 'none' }, secrets: { inbound: 'secret-of-the-mail-door' } });
  const hook = (provider: string, id: string) => `${server.address}/hooks/${provider}/${publicId('end', id)}`;
  await twilio.text(hook('twilio', sms.endpointId), { from: '+447946000001', to: NUMBER, body: 'Hi' });
  await fetch(hook('mime', mail.endpointId), {
    method: 'POST', headers: { authorization: 'Bearer secret-of-the-mail-door', 'content-type': 'message/rfc822' },
    body: 'From: Ada <ada@customers.example>\r\nTo: support@acme.example\r\nSubject: Hi\r\nMessage-ID: <hi@customers.example>\r\n\r\nHi\r\n',
  });
  await quiet(server);
  const { conversations } = await server.ask('{ conversations { nodes { id channels } } }', null, ws.keys.AGENT);
  const of = (channel: string): string => conversations.nodes.find((one: { channels: string[] }) => one.channels.includes(channel)).id;
  [texting, mailing] = [of('SMS'), of('EMAIL')];
});
afterAll(async () => {
  await server.stop();
  await Promise.all([twilio.close(), office.close()]);
});

const put = (content: Buffer, o: { filename?: string | null; mime?: string; key?: string } = {}) =>
  fetch(`${server.address}/uploads${o.filename === null ? '' : `?filename=${encodeURIComponent(o.filename ?? 'a file.pdf')}`}`, {
    method: 'POST', headers: { authorization: `Bearer ${o.key ?? ws.keys.AGENT}`, 'content-type': o.mime ?? 'application/pdf' }, body: content,
  });
async function uploaded(content: Buffer, filename: string, mime = 'application/pdf'): Promise<string> {
  const answer = await put(content, { filename, mime });
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { file: string }).file;
}
interface Sent {
  message: { parts: { kind: string; filename: string | null; mime: string | null; size: number | null; fileUrl: string | null }[] } | null;
  userErrors: { field: string[]; message: string }[];
}
async function send(conversationId: string, text: string, files: string[]): Promise<Sent> {
  const query = 'mutation ($input: SendMessageInput!) { sendMessage(input: $input) { message { parts { kind filename mime size fileUrl } } userErrors { field message } } }';
  const answer = await fetch(`${server.address}/graphql`, {
    method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${ws.keys.AGENT}` }, body: JSON.stringify({ query, variables: { input: { conversationId, text, files } } }),
  });
  const { sendMessage } = ((await answer.json()) as { data: { sendMessage: Sent } }).data;
  return sendMessage;
}

test('by e-mail: as an attachment, beside the text, with its name and bytes', async () => {
  const content = Buffer.from('%PDF-1.7 the bill of March');
  const { message } = await send(mailing, 'Your bill.', [await uploaded(content, 'bill März.pdf')]);
  expect(message!.parts).toMatchObject([{ kind: 'TEXT' }, { kind: 'MEDIA', filename: 'bill März.pdf', mime: 'application/pdf', size: content.length }]);
  const { raw } = await office.next();
  expect(raw).toContain(content.toString('base64'));
  expect(raw).toMatch(/filename\*0?\*?=utf-8''bill%20M%C3%A4rz\.pdf/i);
  const shown = await fetch(new URL(message!.parts[1]!.fileUrl!, server.address));
  expect(Buffer.from(await shown.arrayBuffer()).equals(content)).toBe(true);
});

test('by SMS: at an address of ours that the provider fetches it from, without text too', async () => {
  await send(texting, '', [await uploaded(PNG, 'parcel.png', 'application/x-lie')]);
  await quiet(server);
  const taken = twilio.messages.at(-1)!;
  expect(taken.mediaUrls).toHaveLength(1);
  const file = await fetch(taken.mediaUrls[0]!);
  expect([file.status, file.headers.get('content-type')]).toEqual([200, 'image/png']);
  expect(Buffer.from(await file.arrayBuffer()).equals(PNG)).toBe(true);
});

describe('what is refused, in words', () => {
  test('a file that is none, of another workspace, or changed', async () => {
    const file = await uploaded(PNG, 'a.png');
    const other = await server.workspace();
    const elsewhere = (await (await put(PNG, { key: other.keys.AGENT })).json()) as { file: string };
    for (const wrong of ['', 'upl_x', `${file.slice(0, -2)}AA`, elsewhere.file, `upl_${'A'.repeat(5_000)}.${'A'.repeat(43)}`]) {
      const { message, userErrors } = await send(texting, 'x', [wrong]);
      expect(message).toBeNull();
      expect(userErrors).toEqual([{ field: ['files', '0'], message: expect.stringContaining('POST /uploads') }]);
    }
  });
  test('more files, or more bytes, than the channel carries', async () => {
    const small = await uploaded(PNG, 'a.png');
    const { userErrors } = await send(texting, 'x', Array.from({ length: 11 }, () => small));
    expect(userErrors).toEqual([{ field: ['files'], message: 'There are 11 files; SMS takes 10 in a message.' }]);
    const large = await uploaded(Buffer.alloc(6 * 1024 * 1024, 1), 'large.bin', 'application/octet-stream');
    expect((await send(texting, 'x', [large])).userErrors).toEqual([{ field: ['files'], message: expect.stringMatching(/^The files have 6291456 bytes together; SMS takes \d+\.$/) }]);
  });
  test('an upload of nobody, of a key that may not send, without a name, or of nothing', async () => {
    const refused = async (answer: Promise<Response>) => [(await answer).status, ((await (await answer).json()) as { error: { code: string } }).error.code];
    expect(await refused(put(PNG, { key: 'tl_no_key' }))).toEqual([401, 'UNAUTHENTICATED']);
    expect(await refused(put(PNG, { key: ws.keys.REPORTING }))).toEqual([403, 'FORBIDDEN']);
    expect(await refused(put(PNG, { filename: null }))).toEqual([400, 'INVALID_INPUT']);
    expect(await refused(put(Buffer.alloc(0)))).toEqual([400, 'INVALID_INPUT']);
    expect(await refused(put(Buffer.alloc(41 * 1024 * 1024)))).toEqual([413, 'TOO_LARGE']);
  });
});
