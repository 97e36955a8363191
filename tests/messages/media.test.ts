// Files of messages: fetched from the provider by a job, once, kept and served; or the reason why not.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId } from '../../src/platform/ids.ts';
import { fakeTwilio, newSid, type FakeTwilio } from '../../src/sandbox/twilio.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../harness/server.ts';

const NUMBER = '+442079460018';
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
let server: TestServer;
let ws: TestWorkspace;
let twilio: FakeTwilio;
let hook: string;
let people = 0;

beforeAll(async () => {
  [server, twilio] = await Promise.all([startTestServer(), fakeTwilio()]);
  ws = await server.workspace();
  const { endpointId } = await ws.connect({ channel: 'SMS', provider: 'twilio', name: 'Texts', address: NUMBER, settings: { accountSid: twilio.accountSid, apiBaseUrl: twilio.url }, secrets: { authToken: twilio.authToken } });
  hook = `${server.address}/hooks/twilio/${publicId('end', endpointId)}`;
});
afterAll(async () => {
  await server.stop();
  await twilio.close();
});

interface Part {
  kind: string;
  mediaState: string | null;
  sha256: string | null;
  size: number | null;
  mime: string | null;
  fileUrl: string | null;
}
/** The parts of what a new person sent, once none is PENDING any more. */
async function partsOf(files: Record<string, string>): Promise<Part[]> {
  const from = `+4479460${String(++people).padStart(5, '0')}`;
  const { status } = await twilio.text(hook, { from, to: NUMBER, NumMedia: String(Object.keys(files).length / 2), ...files });
  expect(status).toBe(200);
  for (;;) {
    const { customer } = await server.ask(
      `query ($value: String!) { customer(identity: { kind: PHONE, value: $value }) { conversations { nodes { messages { nodes { parts { kind mediaState sha256 size mime fileUrl } } } } } } }`, { value: from }, ws.keys.AGENT);
    const parts: Part[] = customer?.conversations.nodes[0]?.messages.nodes[0]?.parts ?? [];
    if (parts.length > 0 && parts.every(({ mediaState }) => mediaState !== 'PENDING')) return parts;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
const named = (url: string, mime: string) => ({ MediaUrl0: url, MediaContentType0: mime });
const unknown = () => `${twilio.url}/2010-04-01/Accounts/${twilio.accountSid}/Messages/${newSid('MM')}/Media/${newSid('ME')}`;

test('a picture is fetched with the account\'s credentials, over the redirect to the storage, and served from here', async () => {
  const [part] = await partsOf(named(twilio.keep(PNG, 'image/png'), 'image/png'));
  expect(part).toMatchObject({ kind: 'MEDIA', mediaState: 'STORED', sha256: createHash('sha256').update(PNG).digest('hex'), size: PNG.length, mime: 'image/png' });
  const file = await fetch(new URL(part!.fileUrl!, server.address));
  expect([file.status, file.headers.get('content-type')]).toEqual([200, 'image/png']);
  expect(Buffer.from(await file.arrayBuffer()).equals(PNG)).toBe(true);
});

test('one that the provider has no longer is EXPIRED; the message stands all the same', async () => {
  const [part] = await partsOf({ ...named(unknown(), 'image/jpeg') });
  expect(part).toMatchObject({ mediaState: 'EXPIRED', sha256: null, fileUrl: null });
});

test('an address inside of our own network, or of no web at all, is FAILED and never asked', async () => {
  const [part] = await partsOf(named('ftp://files.example/a.jpg', 'image/jpeg'));
  expect(part).toMatchObject({ mediaState: 'FAILED', sha256: null });
});

test('what fails for a moment is fetched at the next try', async () => {
  twilio.trouble({ status: 503 });
  const [part] = await partsOf(named(twilio.keep(Buffer.from('%PDF-1.7 a file'), 'application/pdf'), 'application/pdf'));
  expect(part).toMatchObject({ mediaState: 'STORED', mime: 'application/pdf' });
});

test('subscribers hear of it, and the same file twice is kept once', async () => {
  const content = Buffer.from(`%PDF-1.7 ${newSid('')}`);
  const [one] = await partsOf(named(twilio.keep(content, 'application/pdf'), 'application/pdf'));
  const [other] = await partsOf(named(twilio.keep(content, 'application/pdf'), 'application/pdf'));
  expect(other!.sha256).toBe(one!.sha256);
  const [{ refs }] = (await server.db.owner`select refs from blobs where workspace_id = ${ws.id} and sha256 = ${one!.sha256}`) as unknown as [{ refs: number }];
  expect(refs).toBe(2);
  const [{ told }] = (await server.db.owner`select count(*)::int as told from events where workspace_id = ${ws.id} and kind = 'message.updated' and data ->> 'change' = 'media'`) as unknown as [{ told: number }];
  expect(told).toBeGreaterThanOrEqual(2);
});
