// Mails of many megabytes, by every door, into a server of its own: they arrive whole. VERIFY=1 takes all of them, and holds the event loop to 100 ms:
// nobody else waits for them.
import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { proven } from '../harness/proven.ts';
import { ROOT, SECRET_KEY, spawnServer, testWorkspace, type Started, type TestWorkspace } from '../harness/server.ts';
import { publicId } from '../../src/platform/ids.ts';
import { testDatabase, type TestDatabase } from '../harness/database.ts';

const INBOUND = 'the-secret-of-the-mail-door';
const WEBHOOK = 'the-secret-of-the-webhooks';
const MB = 1024 * 1024;
/** Longer, and people who chat notice. */
const STOP_MS_MAX = 100;

let db: TestDatabase;
let dir: string;
let server: Started;
let ws: TestWorkspace;
let smtpPort: number;
let hooks: { mime: string; postmark: string };

beforeAll(async () => {
  db = await testDatabase();
  dir = await mkdtemp(join(tmpdir(), 'throughline-large-mail-'));
  smtpPort = await freePort();
  server = await spawnServer({
    DATABASE_URL: db.url, MIGRATION_DATABASE_URL: db.url, DATA_DIR: dir, PORT: '0', SMTP_PORT: String(smtpPort), SECRET_KEY, LOG_LEVEL: 'warn',
    NODE_OPTIONS: `--import ${join(ROOT, 'tests/harness/loop-probe.mjs')}`, LOOP_PROBE_FILE: join(dir, 'loop.json'),
  });
  ws = await testWorkspace(db);
  const mime = await ws.connect({ channel: 'EMAIL', provider: 'mime', name: 'Desk', address: 'desk@pottery.example', settings: { authservId: 'mx.pottery.example' }, secrets: { inbound: INBOUND } });
  const postmark = await ws.connect({ channel: 'EMAIL', provider: 'postmark', name: 'Sales', address: 'sales@pottery.example', settings: {}, secrets: { serverToken: 'the-server-token', webhookSecret: WEBHOOK } });
  hooks = { mime: `${server.address}/hooks/mime/${publicId('end', mime.endpointId)}`, postmark: `${server.address}/hooks/postmark/${publicId('end', postmark.endpointId)}` };
}, 60_000);
afterAll(async () => {
  server?.kill('SIGTERM');
  await server?.exited;
  await db?.close();
  await rm(dir, { recursive: true, force: true });
});

/** Bytes without a pattern, the same each time. */
const bytes = (length: number, seed: string): Buffer => createCipheriv('aes-128-ctr', createHash('md5').update(seed).digest(), Buffer.alloc(16)).update(Buffer.alloc(length));
const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

interface Letter {
  id: string;
  file: Buffer;
  raw: Buffer;
}
/** With one file of so many bytes. */
function letter(id: string, fileBytes: number, to: string): Letter {
  const file = bytes(fileBytes, id);
  const raw = Buffer.from([
    `From: Ada Lovelace <ada@customer.example>\r\nTo: ${to}\r\nSubject: Photographs ${id}\r\nMessage-ID: <${id}@customer.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n`,
    `--B\r\nContent-Type: text/plain\r\n\r\nPhotographs ${id}, of the broken teapot.\r\n`,
    `--B\r\nContent-Type: image/x-raw; name=teapot.raw\r\nContent-Disposition: attachment; filename=teapot.raw\r\nContent-Transfer-Encoding: base64\r\n\r\n${file.toString('base64').replace(/.{76}/g, '$&\r\n')}\r\n--B--\r\n`,
  ].join(''));
  return { id, file, raw };
}

async function bySmtp({ raw }: Letter): Promise<void> {
  const transport = createTransport({ host: '127.0.0.1', port: smtpPort, secure: false, ignoreTLS: true });
  await transport.sendMail({ envelope: { from: 'ada@customer.example', to: 'desk@pottery.example' }, raw });
  transport.close();
}

async function posted(url: string, body: Buffer | string, headers: Record<string, string>): Promise<void> {
  const answer = await fetch(url, { method: 'POST', body, headers });
  expect(answer.status, await answer.text()).toBeLessThan(300);
}
const byHttp = ({ raw }: Letter) => posted(hooks.mime, raw, { 'content-type': 'message/rfc822', authorization: `Bearer ${INBOUND}` });
const byPostmark = (withRaw: boolean) => ({ id, file, raw }: Letter) =>
  posted(hooks.postmark, JSON.stringify({
    From: 'ada@customer.example', FromFull: { Email: 'ada@customer.example', Name: 'Ada Lovelace' }, To: 'sales@pottery.example', ToFull: [{ Email: 'sales@pottery.example' }], OriginalRecipient: 'sales@pottery.example',
    Subject: `Photographs ${id}`, MessageID: `pm-${id}`, TextBody: `Photographs ${id}, of the broken teapot.`, Headers: [{ Name: 'Message-ID', Value: `<${id}@customer.example>` }],
    Attachments: [{ Name: 'teapot.raw', ContentType: 'image/x-raw', Content: file.toString('base64') }], ...(withRaw && { RawEmail: raw.toString('latin1') }),
  }), { 'content-type': 'application/json', authorization: `Basic ${Buffer.from(`postmark:${WEBHOOK}`).toString('base64')}` });

type Case = [name: string, fileBytes: number, send: (given: Letter) => Promise<void>];
const SMALL: Case[] = [['of 10 MB by HTTP', 7 * MB, byHttp], ['with a file of 30 MB by SMTP', 30 * MB, bySmtp], ['with a file of 30 MB by Postmark, raw beside', 30 * MB, byPostmark(true)]];
const ALL: Case[] = [
  ...SMALL, ['of 10 MB by SMTP', 7 * MB, bySmtp], ['of 10 MB by Postmark', 7 * MB, byPostmark(false)], ['with a file of 30 MB by HTTP', 30 * MB, byHttp], ['with a file of 30 MB by Postmark', 30 * MB, byPostmark(false)],
];
const slowest: number[] = [];
afterAll(() => proven({ mails: slowest.length, loopMsMax: Math.max(...slowest) }));

test.each(process.env.VERIFY ? ALL : SMALL)('a mail %s arrives whole', async (name, fileBytes, send) => {
  const id = name.replace(/\W+/g, '-');
  const given = letter(id, fileBytes, name.includes('Postmark') ? 'sales@pottery.example' : 'desk@pottery.example');
  await seen();
  await send(given);
  const url = await expect.poll(() => fileUrl(id), { timeout: 20_000, interval: 50 }).toBeTruthy().then(() => fileUrl(id));
  const arrived = await seen();
  expect(sha256(Buffer.from(await (await fetch(new URL(url!, server.address))).arrayBuffer()))).toBe(sha256(given.file));
  const fetched = await seen();
  console.log(`${name}: ${told(arrived)}; fetched: ${told(fetched)}`);
  slowest.push(Math.max(arrived.ms, fetched.ms));
  if (process.env.VERIFY) expect([arrived, fetched].filter(({ ms }) => ms >= STOP_MS_MAX).map(told)).toEqual([]);
}, 60_000);

/** The address of the mail's file, once it is on the timeline. */
async function fileUrl(id: string): Promise<string | undefined> {
  const [row] = await db.owner<{ id: string }[]>`select id from messages where provider_message_id = ${`${id}@customer.example`}`;
  if (!row) return undefined;
  const { node } = await server.ask('query ($id: ID!) { node(id: $id) { ... on Message { parts { fileUrl } } } }', { id: publicId('msg', row.id) }, ws.keys.ADMIN);
  return node.parts.find((part: any) => part.fileUrl)?.fileUrl;
}

interface Seen {
  /** The longest that the loop stood still by its own doing: what the thread waited for a processor is another process's. */
  ms: number;
  delayMs: number;
  stops: { ms: number; waitedMs: number | null }[];
}
/** What the probe saw since this was asked before. */
async function seen(): Promise<Seen> {
  await rm(join(dir, 'loop.json'), { force: true });
  process.kill(server.pid, 'SIGUSR2');
  const text = await expect.poll(() => readFile(join(dir, 'loop.json'), 'utf8').catch(() => ''), { timeout: 5_000, interval: 10 }).not.toBe('').then(() => readFile(join(dir, 'loop.json'), 'utf8'));
  const { delayMs, stops } = JSON.parse(text) as Omit<Seen, 'ms'>;
  return { delayMs, stops, ms: Math.max(0, ...stops.map((stop) => stop.ms - (stop.waitedMs ?? 0))) };
}
const told = ({ ms, delayMs, stops }: Seen): string => `${ms} ms (${delayMs} ms by the clock; ${stops.map((stop) => `${stop.ms}-${stop.waitedMs}`).join(' ')})`;

async function freePort(): Promise<number> {
  const one = createServer().listen(0, '127.0.0.1');
  await once(one, 'listening');
  const { port } = one.address() as { port: number };
  one.close();
  return port;
}
