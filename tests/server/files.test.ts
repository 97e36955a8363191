// G13: files of strangers: whoever was given the address gets the file, nobody else, and no browser runs it.
import fc from 'fast-check';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { viewerOf } from '../../src/access/keys.ts';
import { makeGraph } from '../../src/graphql/execute.ts';
import { fileUrl, readFileToken, FILE_URL_MS_MAX } from '../../src/messages/file-url.ts';
import { imageType } from '../../src/messages/image-type.ts';
import { folderBlobs } from '../../src/platform/blobs.ts';
import { nowMs, setClock } from '../../src/platform/clock.ts';
import { newId, publicId, uuidOf } from '../../src/platform/ids.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';
import { quiet } from '../guarantees/world.ts';

const SECRET = 'the-secret-of-the-mail-door';
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const HTML = '<!DOCTYPE html><script>alert(1)</script>';
const SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>';
const FILES: [filename: string, type: string, content: Buffer][] = [
  ['photo.png', 'image/png', PNG], ['page.png', 'image/png', Buffer.from(HTML)], ['page.html', 'text/html', Buffer.from(HTML)], ['drawing.svg', 'image/svg+xml', Buffer.from(SVG)],
  ['letter.pdf', 'application/pdf', Buffer.from('%PDF-1.7 hello')], ['../../etc/"pass;wd".txt', 'text/plain', Buffer.from('hello')], ['Grüße 你好.txt', 'text/plain', Buffer.from('hello')],
];
let server: TestServer;
let ws: TestWorkspace;
let parts: { filename: string; fileUrl: string | null; mediaState: string | null; kind: string }[];
beforeAll(async () => {
  server = await startTestServer();
  ws = await server.workspace();
  const { endpointId } = await ws.connect({ channel: 'EMAIL', provider: 'mime', name: 'Mail', address: 'support@acme.example', settings: { host: '127.0.0.1', port: 9, secure: 'none' }, secrets: { inbound: SECRET } });
  const mail = ['From: Ada <ada@example.com>', 'To: support@acme.example', 'Subject: Files', 'Message-ID: <files@example.com>', 'MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary=B', '',
    '--B', 'Content-Type: text/plain', '', 'See the files.',
    ...FILES.flatMap(([filename, type, content]) => ['--B', `Content-Type: ${type}`, `Content-Disposition: attachment; filename*=UTF-8''${encodeURIComponent(filename)}`, 'Content-Transfer-Encoding: base64', '', content.toString('base64')]),
    '--B--', ''].join('\r\n');
  const posted = await fetch(`${server.address}/hooks/mime/${publicId('end', endpointId)}`, {
    method: 'POST', headers: { 'content-type': 'message/rfc822', authorization: `Basic ${Buffer.from(`mail:${SECRET}`).toString('base64')}` }, body: mail,
  });
  expect(posted.ok).toBe(true);
  await quiet(server);
  const { conversations } = await server.ask('{ conversations { nodes { messages { nodes { parts { kind filename fileUrl mediaState } } } } } }', null, ws.keys.AGENT);
  parts = conversations.nodes.flatMap((c: any) => c.messages.nodes).find((m: any) => m.parts.length > 1).parts;
});
afterAll(() => server.stop());

const get = (url: string): Promise<Response> => fetch(url.startsWith('/') ? `${server.address}${url}` : url);
const urlOf = (filename: string): string => parts.find((part) => part.filename === filename)!.fileUrl!;
const notFound = async (url: string): Promise<void> => {
  const response = await get(url);
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ error: { code: 'NOT_FOUND' } });
};

test('each attachment of a mail has an address by which its very bytes come without a key; a text has none', async () => {
  expect(parts.filter((part) => part.kind === 'MEDIA')).toHaveLength(FILES.length);
  expect(parts.find((part) => part.kind === 'TEXT')).toMatchObject({ fileUrl: null });
  const media = parts.filter((part) => part.kind === 'MEDIA');
  for (const [i, [, , content]] of FILES.entries()) {
    expect(media[i]!.fileUrl).toMatch(new RegExp(`^${server.address}/files/[A-Za-z0-9_-]{94}$`));
    const response = await get(media[i]!.fileUrl!);
    expect(response.status).toBe(200);
    expect(Buffer.from(await response.arrayBuffer())).toEqual(content);
    expect(Object.fromEntries(response.headers)).toMatchObject({ 'x-content-type-options': 'nosniff', 'content-security-policy': "default-src 'none'; sandbox", 'cache-control': expect.stringMatching(/^private, max-age=\d{3}$/) });
  }
});

test('a PNG is shown; HTML, HTML that is called a PNG, SVG and everything else is saved, as bytes', async () => {
  const heads = await Promise.all(parts.filter((part) => part.kind === 'MEDIA').map(async ({ fileUrl: url }) => (await get(url!)).headers));
  expect(heads.map((headers) => [headers.get('content-type'), headers.get('content-disposition')!.split(';')[0]])).toEqual(
    FILES.map((_file, i) => (i === 0 ? ['image/png', 'inline'] : ['application/octet-stream', 'attachment'])),
  );
  const names = heads.map((headers) => headers.get('content-disposition')!);
  for (const name of names) expect(name).toMatch(/^(inline|attachment); filename="[^"\\/;%\r\n]+"(; filename\*=UTF-8''[A-Za-z0-9._%~-]+)?$/);
  expect(decodeURIComponent(names[6]!.split("UTF-8''")[1]!)).toBe('Grüße 你好.txt');
});

test('an address that was changed in any bit, or made up, is none', async () => {
  const token = new URL(urlOf('photo.png')).pathname.split('/').pop()!;
  const bytes = Buffer.from(token, 'base64url');
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    expect(readFileToken(changed.toString('base64url'))).toBeNull();
  }
  fc.assert(fc.property(fc.oneof(fc.string(), fc.uint8Array({ minLength: 70, maxLength: 70 }).map((made) => Buffer.from(made).toString('base64url'))), (text) => {
    expect(readFileToken(text)).toBeNull();
  }));
  await notFound(`/files/${Buffer.alloc(70).toString('base64url')}`);
  await notFound(`/files/${token}A`);
  await notFound(`/files/${token.slice(0, 60)}`);
  await notFound('/files/..%2f..%2fetc%2fpasswd');
});

test('an address lives 5 to 10 minutes and is the same for some; then it is over', async () => {
  const [workspaceId, fileId] = [newId(), newId()];
  const token = () => fileUrl('API', workspaceId, fileId).split('/').pop()!;
  let at = Date.parse('2026-11-22T10:00:00Z');
  const restore = setClock(() => at);
  try {
    const first = token();
    at += 4 * 60_000;
    expect(token()).toBe(first);
    expect(readFileToken(first)).toEqual({ workspaceId, fileId, viewer: 'API', expiresAtMs: Date.parse('2026-11-22T10:10:00Z') });
    at = Date.parse('2026-11-22T10:09:59.999Z');
    expect(readFileToken(first)).not.toBeNull();
    at += 1;
    expect(readFileToken(first)).toBeNull();
    fc.assert(fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (seconds) => {
      at = seconds * 1000;
      const left = readFileToken(token())!.expiresAtMs - at;
      expect(left).toBeGreaterThan(FILE_URL_MS_MAX / 2 - 1);
      expect(left).toBeLessThanOrEqual(FILE_URL_MS_MAX);
    }));
  } finally {
    restore();
  }
});

test('another workspace’s part is none, a deleted message’s neither, and a file that is gone is a 404', async () => {
  const other = await server.workspace();
  const signed = readFileToken(new URL(urlOf('letter.pdf')).pathname.split('/').pop()!)!;
  await notFound(new URL(fileUrl('API', other.id, signed.fileId)).pathname);
  expect((await get(fileUrl('API', ws.id, signed.fileId))).status).toBe(200);
  await server.db.owner`update messages set deleted_at = occurred_at where id = (select message_id from message_parts where id = ${signed.fileId})`;
  await notFound(urlOf('letter.pdf'));
  await server.db.owner`update messages set deleted_at = null where workspace_id = ${ws.id}`;
  await server.db.owner`update message_parts set sha256 = repeat('0', 64) where id = ${signed.fileId}`;
  await notFound(urlOf('letter.pdf'));
});

test('a visitor is given the files of his own messages and of no other chat', async () => {
  const said = await server.ask('mutation { sendVisitorMessage(input: { clientId: "f1", text: "Look" }) { message { id } userErrors { message } } }', null, ws.visitor.token);
  const messageId = uuidOf('vmg', said.sendVisitorMessage.message.id)!;
  const sha256 = await folderBlobs(join(server.dataDir, 'blobs')).put(ws.id, PNG);
  await server.db.owner`insert into message_parts (workspace_id, id, message_id, version, ordinal, kind, mime, filename, size, sha256, media_state)
    values (${ws.id}, ${newId()}, ${messageId}, 1, 1, 'MEDIA', 'image/png', 'mine.png', ${PNG.length}, ${sha256}, 'STORED')`;
  const QUERY = '{ visitor { conversations { nodes { messages { nodes { files { filename mime size url } } } } } } }';
  const filesOf = async (token: string) => (await server.ask(QUERY, null, token)).visitor.conversations.nodes.flatMap((c: any) => c.messages.nodes).flatMap((m: any) => m.files);
  const mine = await filesOf(ws.visitor.token);
  expect(mine).toMatchObject([{ filename: 'mine.png', mime: 'image/png', size: PNG.length }]);
  expect(Buffer.from(await (await get(mine[0].url)).arrayBuffer())).toEqual(PNG);
  expect(readFileToken(new URL(mine[0].url).pathname.split('/').pop()!)).toMatchObject({ viewer: 'VISITOR', workspaceId: ws.id });

  const { publishableKey } = (await server.ask('{ channelAccounts(filter: { channel: [LIVE_CHAT] }) { nodes { publishableKey } } }', null, ws.keys.ADMIN)).channelAccounts.nodes[0];
  const stranger = (await server.ask('mutation { startChat(input: {}) { token userErrors { message } } }', null, publishableKey)).startChat.token;
  await server.ask('mutation { sendVisitorMessage(input: { clientId: "f2", text: "Me too" }) { message { id } userErrors { message } } }', null, stranger);
  expect(await filesOf(stranger)).toEqual([]);
  const peeked = await server.query(`{ node(id: "${publicId('prt', readFileToken(new URL(mine[0].url).pathname.split('/').pop()!)!.fileId)}") { id ... on MessagePart { fileUrl } } }`, null, stranger);
  expect(JSON.stringify(peeked.data ?? null)).not.toContain('/files/');
  // Both read paths give the same addresses.
  await agree(ws.visitor.token, QUERY);
  await agree(ws.keys.AGENT, '{ conversations { nodes { messages { nodes { parts { filename fileUrl } } } } } }');
  // What a visitor took back is gone, for whoever kept the address too.
  await server.ask(`mutation { deleteVisitorMessage(input: { clientId: "f3", messageId: "${publicId('vmg', messageId)}" }) { message { id } userErrors { message } } }`, null, ws.visitor.token);
  await notFound(mine[0].url);
});

async function agree(key: string, text: string): Promise<void> {
  const options = { read: server.db.app, write: server.db.app };
  const [compiled, loaders] = [await makeGraph(options), await makeGraph({ ...options, path: 'loaders' })];
  const at = nowMs();
  const restore = setClock(() => at);
  try {
    const viewer = await viewerOf(server.db.app, `Bearer ${key}`);
    const [one, other] = [await compiled.query(text, viewer), await loaders.query(text, viewer)];
    expect([one.path, other.path]).toEqual(['compiled', 'loaders']);
    expect(one.data).toContain('/files/');
    expect(one.data).toBe(other.data);
  } finally {
    restore();
  }
}

test('an image is what its first bytes say', () => {
  expect([PNG, Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.from('GIF89a..'), Buffer.from('RIFF....WEBPVP8 ')].map(imageType)).toEqual(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);
  for (const other of [HTML, SVG, 'RIFF....WAVE', 'GIF87', '', 'BM..', '<?xml version="1.0"?>', '%PDF-']) expect(imageType(Buffer.from(other))).toBeNull();
});
