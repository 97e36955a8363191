// Large mails, read in another thread.
import { createCipheriv, createHash, generateKeyPairSync } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, describe, expect, test } from 'vitest';
import { Unparsable, type RawRequest } from '../../../src/channels/channel.ts';
import { authenticateMail } from '../../../src/channels/email/authenticate.ts';
import { signedMail } from '../../../src/channels/email/dkim.ts';
import { APART_BYTES_MIN, authenticateApart, parseApart, poolState, readMailRequest } from '../../../src/channels/email/parse-pool.ts';
import { PARSERS } from '../../../src/channels/email/parsers.ts';
import { emailPostmark } from '../../../src/channels/email/postmark/provider.ts';
import { emailMime } from '../../../src/channels/email/provider.ts';
import { mail } from './builders.ts';

afterEach(() => expect(poolState().waiting).toBe(0));

/** Bytes without a pattern, the same each time. */
const bytes = (length: number, seed: string): Buffer => createCipheriv('aes-128-ctr', createHash('md5').update(seed).digest(), Buffer.alloc(16)).update(Buffer.alloc(length));
const base64 = (content: Buffer): string => content.toString('base64').replace(/.{76}/g, '$&\r\n');

/** A letter in two forms, two files and a mail that it hands on, of about so many MB. */
function large(megabytes: number, more: Record<string, string> = {}): Buffer {
  const head = Object.entries({
    From: 'Ada Lovelace <ada@customer.example>', To: 'support@acme.example', Subject: 'The photographs', 'Message-ID': '<large@customer.example>', Date: 'Mon, 02 Jun 2025 10:00:00 +0200',
    'In-Reply-To': '<before@acme.example>', 'MIME-Version': '1.0', 'Content-Type': 'multipart/mixed; boundary=B', ...more,
  }).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const part = (type: string, filename: string, content: Buffer) => `--B\r\nContent-Type: ${type}; name=${filename}\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(content)}\r\n`;
  return Buffer.from([
    head, '\r\n',
    '--B\r\nContent-Type: multipart/alternative; boundary=A\r\n\r\n--A\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße 😀\r\n> Send us photographs.\r\n--A\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Grüße <b>😀</b></p>\r\n--A--\r\n',
    part('image/jpeg', 'one.jpg', bytes(megabytes * 350_000, 'one')), part('application/pdf', 'two.pdf', bytes(megabytes * 390_000, 'two')), part('text/plain', 'empty.txt', Buffer.alloc(0)),
    '--B\r\nContent-Type: message/rfc822\r\n\r\nFrom: bob@customer.example\r\nSubject: inner\r\n\r\ninner text\r\n--B--\r\n',
  ].join(''));
}
const request = (body: Buffer, headers: Record<string, string> = {}): RawRequest => ({ method: 'POST', url: 'https://desk.example/hooks/mime/end_1', headers, body });

describe('a large mail', () => {
  test('of 20 MB gives the same events and files as a small one gives: those that it gives in this thread', async () => {
    const raw = large(20);
    expect(raw.length).toBeGreaterThan(20_000_000);
    const headers = { 'x-envelope-to': 'support@acme.example', 'x-received-at': '2025-06-02T08:00:00.000Z' };
    const apart = await emailMime.parse(request(raw, headers));
    const here = await PARSERS.mime(request(raw, headers));
    expect(apart.events).toEqual(here.events);
    expect(apart.events[0]!.message!.parts.map((part) => part.type)).toEqual(['text', 'media', 'media', 'media', 'media']);
    expect(apart.files.map(({ content, ...file }) => ({ ...file, bytes: content.length, equal: createHash('sha256').update(content).digest('hex') === file.sha256 && Buffer.isBuffer(content) })))
      .toEqual(here.files.map(({ content, ...file }) => ({ ...file, bytes: content.length, equal: true })));
    // Its bytes are still the caller's, who stores them.
    expect(raw.subarray(0, 5).toString()).toBe('From:');
  });

  test("comes by Postmark's webhook with the same events", async () => {
    const raw = large(10).toString();
    for (const payload of [{ From: 'ada@customer.example', OriginalRecipient: 'support@acme.example', MessageID: 'p1', RawEmail: raw }, { From: 'ada@customer.example', TextBody: 'Hello', Attachments: [{ Name: 'x.bin', Content: bytes(3_000_000, 'x').toString('base64') }] }]) {
      const one = request(Buffer.from(JSON.stringify(payload)));
      const [apart, here] = [await emailPostmark.parse(one), await PARSERS.postmark(one)];
      expect(apart.events).toEqual(here.events);
      expect(apart.files.map(({ sha256 }) => sha256)).toEqual(here.files.map(({ sha256 }) => sha256));
    }
  });

  test('never stops the event loop for as long as reading it takes', async () => {
    const raw = large(15);
    await parseApart('mime', request(mail({ From: 'a@b.example' })));
    const here = await longestStopMs(() => PARSERS.mime(request(raw)));
    const apart = await longestStopMs(() => readMailRequest('mime', request(raw)));
    console.log(`A mail of ${Math.round(raw.length / 1e6)} MB stops the event loop for ${apart} ms; read in this thread, for ${here} ms.`);
    expect(apart).toBeLessThan(here / 2);
  });

  test('that is none is refused with the same words', async () => {
    const binary = Buffer.alloc(APART_BYTES_MIN + 1);
    await expect(readMailRequest('mime', request(binary))).rejects.toThrow(Unparsable);
    const said = async (read: Promise<unknown>) => read.then(() => 'read', (error: Error) => error.message);
    expect(await said(parseApart('mime', request(binary)))).toBe(await said(PARSERS.mime(request(binary))));
    expect(await said(parseApart('postmark', request(binary)))).toBe(await said(PARSERS.postmark(request(binary))));
  });

  test('that takes too long is refused, and the next one is read', async () => {
    await expect(parseApart('mime', request(large(10)), { timeoutMs: 5 })).rejects.toThrow(new Unparsable('The mail took longer than 0.005 s to read.'));
    expect((await parseApart('mime', request(large(1)))).events[0]!.message!.subject).toBe('The photographs');
  });
});

test('a small mail is read here: no thread is waited for', async () => {
  const before = poolState().workers;
  await Promise.all(Array.from({ length: 20 }, () => readMailRequest('mime', request(mail({ From: 'a@b.example' })))));
  expect(poolState().workers).toBe(before);
});

test('many large mails at once are read by two threads, each into its own events', async () => {
  const reading = Promise.all(Array.from({ length: 7 }, async (_, i) => (await readMailRequest('mime', request(large(1, { 'Message-ID': `<m${i}@x>` })))).events[0]!.message!.providerMessageId));
  expect(poolState()).toMatchObject({ workers: 2 });
  expect(await reading).toEqual(Array.from({ length: 7 }, (_, i) => `m${i}@x`));
});

describe('the signature of a large mail', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'der' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });
  const records = new Map([['key1._domainkey.customer.example', `v=DKIM1; p=${publicKey.toString('base64')}`], ['_dmarc.customer.example', 'v=DMARC1; p=reject']]);
  const asked: string[] = [];
  const resolver = (async (name: string, type: string) => {
    asked.push(`${type} ${name}`);
    const record = type === 'TXT' ? records.get(name) : undefined;
    if (record === undefined) throw Object.assign(new Error(`queryTxt ENOTFOUND ${name}`), { code: 'ENOTFOUND' });
    return [[record]];
  }) as Parameters<typeof authenticateMail>[1]['resolver'];
  const o = { resolver, remoteAddress: '192.0.2.1', helo: 'mx.customer.example', mailFrom: 'ada@customer.example', receiver: 'mx.acme.example' };
  const signed = () => signedMail(large(5), {
    id: '1', workspaceId: '1', address: 'ada@customer.example', name: 'Ada', settings: { dkim: { domain: 'customer.example', selector: 'key1' } }, secrets: { dkimPrivateKey: privateKey },
  });

  test('is checked there with the same result; DNS is asked here', async () => {
    const raw = await signed();
    const apart = await authenticateApart(raw, o);
    expect(apart).toEqual({ trust: 'attested', domain: 'customer.example', reason: 'DMARC pass for customer.example by DKIM' });
    expect(asked).toContain('TXT key1._domainkey.customer.example');
    expect(apart).toEqual(await authenticateMail(raw, o));
    const changed = Buffer.from(raw);
    changed[raw.length - 5_000] = changed[raw.length - 5_000]! ^ 1;
    expect(await authenticateApart(changed, o)).toMatchObject({ trust: 'claimed' });
  });

  test('is not believed when DNS does not answer', async () => {
    const silent = (async () => {
      throw Object.assign(new Error('queryTxt ESERVFAIL'), { code: 'ESERVFAIL' });
    }) as unknown as typeof resolver;
    expect(await authenticateApart(await signed(), { ...o, resolver: silent })).toMatchObject({ trust: 'claimed' });
  });
});

async function longestStopMs(work: () => unknown): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await work();
  await new Promise((resolve) => setTimeout(resolve, 50));
  delay.disable();
  return Math.round(delay.max / 1e6);
}
