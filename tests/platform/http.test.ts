import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { BlockList, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isPublic, outgoing, type OutgoingError } from '../../src/platform/http.ts';

let server: Server;
let origin: string;
let other: Server;
let otherOrigin: string;
const seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = [];

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  seen.push({ method: request.method!, url: request.url!, headers: request.headers, body: Buffer.concat(chunks).toString() });
  const url = new URL(request.url!, origin);
  if (url.pathname === '/redirect') return void response.writeHead(Number(url.searchParams.get('status') ?? 302), { location: url.searchParams.get('to')! }).end();
  if (url.pathname === '/loop') return void response.writeHead(302, { location: '/loop' }).end();
  if (url.pathname === '/large') {
    response.on('error', () => {});
    for (let i = 0; i < 64; i++) response.write(Buffer.alloc(65_536));
    return void response.end();
  }
  if (url.pathname === '/never') return;
  if (url.pathname === '/trickle') return void response.writeHead(200).write('.');
  response.writeHead(201, { 'x-echo': 'yes' }).end(request.method);
}

const listening = (made: Server): Promise<string> =>
  new Promise((done) => made.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${(made.address() as AddressInfo).port}`)));

beforeAll(async () => {
  server = createServer((request, response) => void answer(request, response));
  other = createServer((request, response) => void answer(request, response));
  [origin, otherOrigin] = [await listening(server), await listening(other)];
});
afterAll(() => [server, other].forEach((made) => (made.closeAllConnections(), made.close())));

const local = outgoing({ allowPrivate: true });
const get = (client: ReturnType<typeof outgoing>, url: string, more: object = {}) => client.request({ method: 'GET', url, headers: {}, ...more });
const refusal = (promise: Promise<unknown>): Promise<OutgoingError> => promise.then(() => expect.unreachable('it was answered'), (error: OutgoingError) => error);

test('a request arrives as it was given, and any status is an answer', async () => {
  const response = await local.request({ method: 'POST', url: `${origin}/x?y=1`, headers: { 'content-type': 'application/json' }, body: '{"a":1}' });
  expect({ ...response, body: response.body.toString() }).toMatchObject({ status: 201, headers: { 'x-echo': 'yes' }, body: 'POST' });
  expect(seen.at(-1)).toMatchObject({ method: 'POST', url: '/x?y=1', body: '{"a":1}' });
});

const PRIVATE = [
  'http://127.0.0.1/', 'http://127.1/', 'http://2130706433/', 'http://0x7f000001/', 'http://0177.0.0.1/', 'http://0/', 'http://localhost/',
  'http://10.1.2.3/', 'http://172.16.0.1/', 'http://172.31.255.255/', 'http://192.168.1.1/', 'http://169.254.169.254/latest/meta-data/',
  'http://100.64.0.1/', 'http://198.18.0.1/', 'http://224.0.0.1/', 'http://255.255.255.255/', 'http://[::1]/', 'http://[::]/',
  'http://[::ffff:127.0.0.1]/', 'http://[::ffff:a9fe:a9fe]/', 'http://[fe80::1]/', 'http://[fc00::1]/', 'http://[fd12:3456::1]/',
  'http://[64:ff9b::7f00:1]/', 'http://[2002:7f00:1::]/', 'http://[ff02::1]/', 'http://[2001:db8::1]/',
];
test.each(PRIVATE)('%s is refused before anything is sent', async (url) => {
  expect(await refusal(get(outgoing(), url))).toMatchObject({ code: 'PRIVATE_ADDRESS', maybeReceived: false });
});

test.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700:4700::1111', '::ffff:8.8.8.8'])('%s is public', (address) => {
  expect(isPublic(address)).toBe(true);
});

test.each(['file:///etc/passwd', 'gopher://x/', 'nonsense', 'http://user:pw@example.com/'])('%s is refused as an address', async (url) => {
  expect(await refusal(get(outgoing(), url))).toMatchObject({ code: 'INVALID_URL', maybeReceived: false });
});

test('a name is resolved once, and the connection goes to the address that was judged', async () => {
  let asked = 0;
  const port = new URL(origin).port;
  const rebinding = outgoing({
    allowPrivate: true,
    resolve: async () => [{ address: ++asked === 1 ? '127.0.0.1' : '192.0.2.1', family: 4 }],
  });
  const response = await get(rebinding, `http://rebinding.example:${port}/`);
  expect(response.status).toBe(201);
  expect(asked).toBe(1);
  expect(seen.at(-1)!.headers.host).toBe(`rebinding.example:${port}`);
});

test('a name that has one private address among public ones is refused', async () => {
  const client = outgoing({ resolve: async () => [{ address: '8.8.8.8', family: 4 }, { address: '::ffff:127.0.0.1', family: 6 }] });
  expect(await refusal(get(client, 'http://mixed.example/'))).toMatchObject({ code: 'PRIVATE_ADDRESS' });
});

test('a redirect is an answer unless redirects are followed', async () => {
  const response = await get(local, `${origin}/redirect?to=${origin}/there`);
  expect(response).toMatchObject({ status: 302, headers: { location: `${origin}/there` } });
});

test('a redirect is judged again: from an allowed origin it leads to no other private one', async () => {
  const client = outgoing({ redirectsMax: 3, allowPrivate: [origin] });
  expect((await get(client, `${origin}/redirect?to=${origin}/there`)).status).toBe(201);
  const before = seen.length;
  for (const [to, code] of [[`${otherOrigin}/`, 'PRIVATE_ADDRESS'], ['http://[::ffff:127.0.0.1]/', 'PRIVATE_ADDRESS'], ['file:///etc/passwd', 'INVALID_URL'], ['http://user:pw@x/', 'INVALID_URL']] as const) {
    expect(await refusal(get(client, `${origin}/redirect?to=${to}`))).toMatchObject({ code, maybeReceived: true });
  }
  expect(seen.slice(before).filter(({ url }) => !url.startsWith('/redirect'))).toEqual([]);
});

test('credentials stay with their origin, and a 303 becomes a GET without a body', async () => {
  const client = outgoing({ allowPrivate: true, redirectsMax: 2 });
  const request = { method: 'POST', headers: { Authorization: 'Bearer x', 'Content-Type': 'text/plain' }, body: 'b' };
  await client.request({ ...request, url: `${origin}/redirect?status=303&to=${otherOrigin}/elsewhere` });
  expect(seen.at(-1)).toMatchObject({ method: 'GET', url: '/elsewhere', body: '' });
  expect(seen.at(-1)!.headers).not.toHaveProperty('authorization');
  await client.request({ ...request, url: `${origin}/redirect?status=307&to=${origin}/same` });
  expect(seen.at(-1)).toMatchObject({ method: 'POST', url: '/same', body: 'b', headers: { authorization: 'Bearer x' } });
});

test('redirects end', async () => {
  const before = seen.length;
  expect(await refusal(get(outgoing({ allowPrivate: true, redirectsMax: 3 }), `${origin}/loop`))).toMatchObject({ code: 'TOO_MANY_REDIRECTS' });
  expect(seen).toHaveLength(before + 4);
});

test('an answer larger than the limit is cut off', async () => {
  expect(await refusal(get(local, `${origin}/large`, { responseBytesMax: 100_000 }))).toMatchObject({ code: 'TOO_LARGE', maybeReceived: true });
});

test.each(['/never', '/trickle'])('%s: one time limit for everything, and the request may have been received', async (path) => {
  expect(await refusal(get(local, origin + path, { timeoutMs: 150 }))).toMatchObject({ code: 'TIMED_OUT', maybeReceived: true });
});

test('a name that takes too long to resolve, or that there is not, surely sent nothing', async () => {
  const slow = outgoing({ resolve: () => new Promise(() => {}) });
  expect(await refusal(get(slow, 'http://slow.example/', { timeoutMs: 50 }))).toMatchObject({ code: 'TIMED_OUT', maybeReceived: false });
  const none = outgoing({ resolve: () => Promise.reject(new Error('ENOTFOUND')) });
  expect(await refusal(get(none, 'http://none.example/'))).toMatchObject({ code: 'UNREACHABLE', maybeReceived: false });
});

test('a refused connection surely sent nothing; one that broke after the request may have', async () => {
  const closing = createTcpServer((socket) => socket.once('data', () => socket.destroy()));
  await new Promise<void>((done) => closing.listen(0, '127.0.0.1', done));
  const { port } = closing.address() as AddressInfo;
  expect(await refusal(get(local, `http://127.0.0.1:${port}/`))).toMatchObject({ code: 'UNREACHABLE', maybeReceived: true });
  await new Promise((done) => closing.close(done));
  expect(await refusal(get(local, `http://127.0.0.1:${port}/`))).toMatchObject({ code: 'UNREACHABLE', maybeReceived: false });
});

test('for another protocol a name is judged by the same rules, once, and its address is what may be connected to', async () => {
  const resolve = async (name: string) => [{ address: name === 'public.example' ? '8.8.8.8' : '10.0.0.8', family: 4 }];
  expect(await outgoing({ resolve }).addressOf('public.example')).toBe('8.8.8.8');
  expect(await outgoing({ resolve, allowPrivate: true }).addressOf('private.example')).toBe('10.0.0.8');
  for (const [name, allowPrivate] of [['private.example', false], ['private.example', ['http://private.example']], ['127.0.0.1', false], ['::1', false]] as const) {
    expect(await refusal(outgoing({ resolve, allowPrivate }).addressOf(name))).toMatchObject({ code: 'PRIVATE_ADDRESS', maybeReceived: false });
  }
  const slow = outgoing({ resolve: () => new Promise(() => {}) });
  expect(await refusal(slow.addressOf('slow.example', { timeoutMs: 50 }))).toMatchObject({ code: 'TIMED_OUT', maybeReceived: false });
});

test('what an administrator lists may be private: by the name that is written, or by the network of every address; nothing else may', async () => {
  const networks = new BlockList();
  networks.addSubnet('10.1.0.0', 16, 'ipv4');
  const leads: Record<string, string[]> = { 'mail.internal': ['10.9.0.1'], 'relay.example': ['10.1.0.8'], 'half.example': ['10.1.0.8', '10.2.0.8'], 'evil.example': ['10.9.0.1'] };
  const resolve = async (name: string) => leads[name.toLowerCase().replace(/\.$/, '')]!.map((address) => ({ address, family: 4 }));
  const client = outgoing({ resolve, allow: { hosts: new Set(['mail.internal']), networks } });
  expect(await client.addressOf('Mail.Internal.')).toBe('10.9.0.1');
  expect(await client.addressOf('relay.example')).toBe('10.1.0.8');
  expect(await client.addressOf('10.1.255.255')).toBe('10.1.255.255');
  for (const name of ['half.example', 'evil.example', '10.2.0.1', '127.0.0.1', '::1', '169.254.169.254']) {
    expect(await refusal(client.addressOf(name))).toMatchObject({ code: 'PRIVATE_ADDRESS' });
  }
  const server = new URL(origin);
  const loopback = new BlockList();
  loopback.addAddress('127.0.0.1');
  expect((await outgoing({ allow: { hosts: new Set(), networks: loopback } }).request({ method: 'GET', url: server.href, headers: {} })).status).toBeGreaterThan(0);
});
