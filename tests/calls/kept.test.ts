// What is kept of a call besides its events: its recordings, fetched from the provider and given out by addresses of our own, and what the team says of how it ended.
import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';

const KEY = 'a signing key of the desk phones, long enough';
/** A recording of half a second, and its eight bits of silence. */
const SOUND = Buffer.concat([Buffer.from('RIFF\x24\x10\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00data\x00\x10\x00\x00', 'latin1'), Buffer.alloc(4_096, 128)]);
const CALL = { id: 'c1', direction: 'inbound', from: '+12025550142', to: '+493012345678' };

let server: TestServer;
let ws: TestWorkspace;
let url: string;
let phones: Server;
/** By path: what the telephone system answers, one after the other, the last one again and again. */
const shelf = new Map<string, { status: number; body?: Buffer }[]>();
beforeAll(async () => {
  server = await startTestServer();
  ws = await server.workspace();
  const { connectChannel } = await server.ask('mutation ($i: ConnectChannelInput!) { connectChannel(input: $i) { channelAccount { webhookUrl } userErrors { message } } }',
    { i: { channel: 'VOICE', provider: 'telephony', name: 'Desk phones', address: '+493012345678', secrets: { signingKey: KEY } } }, ws.keys.ADMIN);
  url = new URL(connectChannel.channelAccount.webhookUrl, server.address).href;
  phones = createServer((request, response) => {
    const answers = shelf.get(request.url!) ?? [{ status: 404 }];
    const { status, body } = answers.length > 1 ? answers.shift()! : answers[0]!;
    response.writeHead(status, { 'content-type': 'audio/x-wav' }).end(body);
  });
  await new Promise<void>((resolve) => phones.listen(0, '127.0.0.1', resolve));
}, 60_000);
afterAll(async () => {
  phones.close();
  await server.stop();
});

const post = async (type: string, more: object): Promise<void> => {
  const seconds = Math.floor(Date.now() / 1_000);
  const text = JSON.stringify({ id: `${type} ${JSON.stringify(more)}`.replace(/[^\w]/g, '-').slice(0, 190), type, at: '2026-03-05T14:00:00Z', call: CALL, ...more });
  const { status } = await fetch(url, { method: 'POST', headers: { 'x-throughline-signature': `t=${seconds},v1=${createHmac('sha256', KEY).update(`${seconds}.${text}`).digest('hex')}` }, body: text });
  expect(status).toBe(202);
};
const recorded = (id: string, path: string) => post('recording', { recording: { id, url: `http://127.0.0.1:${(phones.address() as AddressInfo).port}${path}`, kind: id.startsWith('voicemail') ? 'voicemail' : 'call' } });
const CALLS = `{ conversations(first: 5) { nodes { calls(first: 5) { nodes { id state disposition wrapUpCode version recordings { state mediaState mime size fileUrl } } } } } }`;
const calls = async (call = 'c1'): Promise<any> => {
  const { conversations } = await server.ask(CALLS, {}, ws.keys.ADMIN);
  const [row] = await server.db.owner<{ id: string }[]>`select id from calls where provider_call_id = ${call}`;
  return conversations.nodes.flatMap((node: any) => node.calls.nodes).find(({ id }: { id: string }) => id.endsWith(row?.id.replaceAll('-', '') ?? 'none'));
};

test('a recording is fetched, also when it is announced before it is there, and heard by a signed address of ours', async () => {
  shelf.set('/first.wav', [{ status: 503 }, { status: 200, body: SOUND }]);
  await post('ringing', {});
  await recorded('r1', '/first.wav');
  await recorded('r2', '/gone.wav');
  await vi.waitFor(async () => expect((await calls()).recordings.map(({ mediaState }: any) => mediaState).sort()).toEqual(['EXPIRED', 'STORED']), { timeout: 15_000, interval: 100 });
  const { recordings } = await calls();
  const kept = recordings.find(({ mediaState }: any) => mediaState === 'STORED');
  expect(kept).toMatchObject({ state: 'COMPLETED', mime: 'audio/x-wav', size: SOUND.length });
  expect(recordings.find(({ mediaState }: any) => mediaState === 'EXPIRED').fileUrl).toBeNull();
  const heard = await fetch(new URL(new URL(kept.fileUrl, server.address).pathname, server.address));
  expect([heard.status, heard.headers.get('content-type'), heard.headers.get('x-content-type-options')]).toEqual([200, 'audio/wav', 'nosniff']);
  expect(heard.headers.get('content-disposition')).toMatch(/^attachment; filename="call \d{4}-\d\d-\d\d \d\d\.\d\d\.wav"$/);
  expect(Buffer.from(await heard.arrayBuffer())).toEqual(SOUND);
  // Another workspace's number in the address is nobody's.
  const token = new URL(kept.fileUrl, server.address).pathname;
  expect((await fetch(new URL(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`, server.address))).status).toBe(404);
});

test('what the team says of how a call ended stands before what the provider says, whenever that comes, until it is taken back', async () => {
  const set = (input: object) => server.query('mutation ($i: SetCallDispositionInput!) { setCallDisposition(input: $i) { call { disposition wrapUpCode version } userErrors { code field } } }', { i: input }, ws.keys.AGENT).then(({ data }) => (data as any).setCallDisposition);
  const { id } = await calls();
  expect(await set({ callId: id, disposition: 'VOICEMAIL' })).toMatchObject({ call: null, userErrors: [{ code: 'INVALID_TRANSITION', field: ['disposition'] }] });
  await post('ended', { at: '2026-03-05T14:01:00Z', disposition: 'missed' });
  await vi.waitFor(async () => expect(await calls()).toMatchObject({ state: 'ENDED', disposition: 'MISSED' }), { timeout: 10_000, interval: 50 });
  const { version } = await calls();
  expect((await set({ callId: id, disposition: 'ANSWERED', wrapUpCode: ' callback-agreed ', expectedVersion: version })).call).toEqual({ disposition: 'ANSWERED', wrapUpCode: 'callback-agreed', version: version + 1 });
  expect(await set({ callId: id, disposition: 'BUSY', expectedVersion: version })).toMatchObject({ call: null, userErrors: [{ code: 'CONFLICT' }] });
  expect(await set({ callId: id, wrapUpCode: ' ' })).toMatchObject({ userErrors: [{ code: 'INVALID_INPUT', field: ['wrapUpCode'] }] });
  // The provider thinks again.
  await post('ended', { at: '2026-03-05T14:01:30Z', disposition: 'abandoned' });
  await vi.waitFor(async () => expect((await calls()).version).toBe(version + 2), { timeout: 10_000, interval: 50 });
  expect(await calls()).toMatchObject({ disposition: 'ANSWERED', wrapUpCode: 'callback-agreed' });
  expect((await set({ callId: id, disposition: null })).call).toMatchObject({ disposition: 'ABANDONED', wrapUpCode: 'callback-agreed' });
  const { customers } = await server.ask('{ customers(first: 5) { nodes { timeline(first: 5) { nodes { kind summary } } } } }', {}, ws.keys.ADMIN);
  expect(JSON.stringify(customers)).toContain(' and hung up while waiting');
});
