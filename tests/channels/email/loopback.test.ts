// The receiver and the sender against each other, over real sockets.
import { generateKeyPairSync } from 'node:crypto';
import { connect as connectTo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Account, OutboundMessage } from '../../../src/channels/channel.ts';
import { authenticateMail, type Resolver } from '../../../src/channels/email/authenticate.ts';
import { contextOf, contextHeaders } from '../../../src/channels/email/context.ts';
import { parseMail } from '../../../src/channels/email/parse.ts';
import { startMailReceiver, type Envelope, type MailReceiver, type ReceiverOptions } from '../../../src/channels/email/receiver.ts';
import { provenAnswer } from '../../../src/channels/email/reply-address.ts';
import { emailMime } from '../../../src/channels/email/provider.ts';
import { sendMail, type EmailSecrets, type EmailSettings } from '../../../src/channels/email/send.ts';
import { outgoing } from '../../../src/platform/http.ts';
import { initSecrets } from '../../../src/platform/secrets.ts';
import { selfSigned } from '../../harness/certificate.ts';
import { outbound, signer, WORKSPACE } from './builders.ts';

const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.stop()));
});

async function receiver(options: Partial<ReceiverOptions> = {}): Promise<MailReceiver & { mails: { raw: Buffer; envelope: Envelope }[] }> {
  const mails: { raw: Buffer; envelope: Envelope }[] = [];
  const started = await startMailReceiver({
    port: 0,
    host: '127.0.0.1',
    accepts: async (recipient) => recipient.endsWith('@acme.example') || recipient.endsWith('@customer.example'),
    deliver: async (raw, envelope) => void mails.push({ raw, envelope }),
    ...options,
  });
  open.push(started);
  return { ...started, mails };
}

/** A server that speaks by a script: a function from the line that came to the answer, or null to hang up. */
async function scripted(answer: (line: string, inData: boolean) => string | null): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    let inData = false;
    let rest = '';
    const reply = (text: string | null) => (text === null ? socket.destroy() : text === '' ? undefined : socket.write(`${text}\r\n`));
    reply(answer('CONNECT', false));
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      rest += chunk.toString('latin1');
      for (let at = rest.indexOf('\r\n'); at >= 0; at = rest.indexOf('\r\n')) {
        const line = rest.slice(0, at);
        rest = rest.slice(at + 2);
        if (inData && line !== '.') continue;
        const text = answer(line, inData);
        inData = text?.startsWith('354') ?? false;
        reply(text);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  });
  return (server.address() as AddressInfo).port;
}

/** 250 to everything, but for what `exceptions` says of a command's beginning. */
const script = (exceptions: Record<string, string | null>) => (line: string, inData: boolean): string | null => {
  const key = Object.keys(exceptions).find((start) => (inData ? 'END' : line).toUpperCase().startsWith(start));
  if (key !== undefined) return exceptions[key]!;
  if (line === 'CONNECT') return '220 test';
  if (line.toUpperCase().startsWith('DATA')) return '354 go on';
  return line.toUpperCase().startsWith('QUIT') ? '221 bye' : '250 ok';
};

const account = (port: number, settings: Partial<EmailSettings> = {}): Account<EmailSettings, EmailSecrets> => ({
  id: '00000000-0000-7000-8000-0000000000aa',
  workspaceId: WORKSPACE,
  address: 'support@acme.example',
  name: 'Acme Support',
  settings: { host: '127.0.0.1', port, secure: 'none', replyTokens: true, ...settings },
  secrets: {},
});
const http = outgoing({ allowPrivate: true });
const send = (port: number, message: Partial<OutboundMessage> = {}, options = {}) => sendMail(outbound(message), account(port), http, { sign: signer, ...options });

describe('what is sent is what is received', () => {
  test('a reply carries our Message-ID, the thread, our From and an address that proves what is answered', async () => {
    const server = await receiver();
    const files = [{ filename: 'invoice “März”.pdf', mime: 'application/pdf', content: Buffer.from('%PDF-1.7 test'), url: '' }];
    const result = await send(server.port, { subject: 'Order #48821', inReplyTo: 'b@customer.example', references: ['a@customer.example', 'b@customer.example'], html: '<p>On its <b>way</b> – ¡adiós!</p>', text: 'On its way – ¡adiós!', files });
    expect(result).toMatchObject({ outcome: 'accepted', state: 'sent' });

    const { raw, envelope } = server.mails[0]!;
    expect(envelope).toMatchObject({ from: 'support@acme.example', to: ['ada@customer.example'], remoteAddress: '127.0.0.1' });
    const { events, files: received } = await parseMail(raw, contextOf(contextHeaders({ envelopeTo: envelope.to[0], envelopeFrom: envelope.from, receivedAt: envelope.receivedAt })));
    const [event] = events;
    expect(event).toMatchObject({ kind: 'message', account: 'ada@customer.example', occurredAt: envelope.receivedAt });
    expect(event!.message).toMatchObject({ subject: 'Re: Order #48821', replyTo: 'b@customer.example', references: ['b@customer.example', 'a@customer.example'], autoGenerated: null });
    expect(event!.message!.providerMessageId).toBe((result as { providerMessageId: string }).providerMessageId);
    expect(event!.senders[0]).toMatchObject({ value: 'support@acme.example', displayName: 'Acme Support' });
    expect(event!.message!.parts).toMatchObject([{ type: 'text', text: 'On its way – ¡adiós!', html: expect.stringContaining('¡adiós!') }, { type: 'media', kind: 'document', filename: 'invoice “März”.pdf', size: 13 }]);
    expect(received[0]!.content).toEqual(files[0]!.content);

    // The customer's answer: to the reply address, or with our Message-ID alone.
    const replyTo = /^Reply-To: [^<]*<([^>]+)>/im.exec(raw.toString())![1]!;
    const answer = (headers: string) => parseMail(Buffer.from(`From: ada@customer.example\r\n${headers}\r\n\r\nThanks`)).then((parsed) => parsed.events[0]!);
    const byAddress = await answer(`To: ${replyTo}`);
    expect(byAddress.account).toBe('support@acme.example');
    expect(provenAnswer(signer, WORKSPACE, byAddress)).toBe(outbound().messageId);
    expect(provenAnswer(signer, WORKSPACE, await answer(`To: support@acme.example\r\nIn-Reply-To: <${event!.message!.providerMessageId}>`))).toBe(outbound().messageId);
    expect(provenAnswer(signer, '00000000-0000-7000-8000-00000000ffff', byAddress)).toBeNull();
  });

  test('mail that a machine of ours writes says so, and is known when it comes back', async () => {
    const server = await receiver();
    await send(server.port, { autoGenerated: true });
    const text = server.mails[0]!.raw.toString();
    expect(text).toMatch(/^Auto-Submitted: auto-replied\r$/m);
    expect(text).toMatch(/^X-Auto-Response-Suppress: All\r$/m);
    const { events } = await parseMail(server.mails[0]!.raw);
    expect(events[0]!.message!.autoGenerated).not.toBeNull();
  });

  test('no value can add a header or a line to the mail', async () => {
    const server = await receiver();
    const evil = 'x\r\nBcc: spy@evil.example\r\nX-Evil: 1\r\n\r\nbody';
    const result = await sendMail(
      outbound({ subject: evil, inReplyTo: evil, references: [evil, 'good@x'], to: { kind: 'email', value: 'ada@customer.example', displayName: evil }, files: [{ filename: evil, mime: `text/plain\r\nX-Evil: 1`, content: Buffer.from('x'), url: '' }] }),
      account(server.port, { fromName: evil }), http, { sign: signer });
    expect(result.outcome).toBe('accepted');
    const { raw, envelope } = server.mails[0]!;
    expect(envelope.to).toEqual(['ada@customer.example']);
    expect(raw.toString()).not.toMatch(/^(?:Bcc|X-Evil):/im);
    expect(raw.toString().toLowerCase()).not.toMatch(/\nx-evil/);
    for (const value of ['ada@x.example\r\nRCPT TO:<spy@evil.example>', 'ada@x.example>,<spy@evil.example', 'no address']) {
      expect(await sendMail(outbound({ to: { kind: 'email', value, displayName: null } }), account(server.port), http, { sign: signer })).toMatchObject({ outcome: 'failed', retryable: false });
    }
    expect(server.mails).toHaveLength(1);
  });
});

describe('a mailbox with a key', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'der' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });
  const records = new Map([['desk._domainkey.acme.example', `v=DKIM1; k=rsa; p=${publicKey.toString('base64')}`], ['_dmarc.acme.example', 'v=DMARC1; p=reject']]);
  const resolver = (async (name: string, type: string) => {
    const record = type === 'TXT' ? records.get(name) : undefined;
    if (record === undefined) throw Object.assign(new Error(name), { code: 'ENOTFOUND' });
    return [[record]];
  }) as Resolver;
  const check = (raw: Buffer) => authenticateMail(raw, { resolver, remoteAddress: '192.0.2.1', helo: 'mx.acme.example', mailFrom: 'support@acme.example', receiver: 'mx.customer.example' });
  const keyed = (port: number, secrets: EmailSecrets = { dkimPrivateKey: privateKey }) => ({ ...account(port, { dkim: { domain: 'acme.example', selector: 'desk' } }), secrets });

  test('signs its mail for its domain: From, subject, thread, files and all', async () => {
    const server = await receiver();
    const files = [{ filename: 'a.pdf', mime: 'application/pdf', content: Buffer.alloc(300_000, 7), url: '' }];
    expect(await sendMail(outbound({ text: 'Grüße\n\n.\n', html: '<p>Grüße</p>', inReplyTo: 'a@customer.example', files }), keyed(server.port), http, { sign: signer })).toMatchObject({ outcome: 'accepted' });
    const { raw } = server.mails[0]!;
    expect(raw.toString()).toMatch(/^DKIM-Signature: v=1; a=rsa-sha256;/);
    expect(await check(raw)).toEqual({ trust: 'attested', domain: 'acme.example', reason: 'DMARC pass for acme.example by DKIM' });
    for (const [from, to] of [['Subject: Re: Your order', 'Subject: Re: Your crime'], ['In-Reply-To: <a@', 'In-Reply-To: <b@'], ['BwcH', 'CAgI']] as const) {
      const changed = Buffer.from(raw.toString('latin1').replace(from, to), 'latin1');
      expect(changed.equals(raw)).toBe(false);
      expect(await check(changed)).toMatchObject({ trust: 'claimed' });
    }
  });

  test('and without the key sends nothing rather than something unsigned', async () => {
    const server = await receiver();
    expect(await sendMail(outbound(), keyed(server.port, {}), http, { sign: signer })).toMatchObject({ outcome: 'failed', retryable: false, reason: expect.stringContaining('dkimPrivateKey') });
    expect(server.mails).toEqual([]);
    await send(server.port);
    expect(server.mails[0]!.raw.toString()).not.toMatch(/DKIM-Signature/i);
  });

  test('is refused a key that signs for nobody', () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 512 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    const curve = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
    for (const key of [small, curve, 'no key', '-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----']) expect(emailMime.secrets.safeParse({ dkimPrivateKey: key }).error?.issues).toMatchObject([{ path: ['dkimPrivateKey'], message: expect.stringContaining('RSA') }]);
    expect(emailMime.secrets.safeParse({ dkimPrivateKey: privateKey }).success).toBe(true);
    for (const dkim of [{ domain: 'acme', selector: 'a' }, { domain: 'acme.example', selector: 'a b' }, { domain: 'acme.example; s=x', selector: 'a' }, { domain: 'acme.example' }]) expect(emailMime.settings.safeParse({ dkim }).success).toBe(false);
    expect(emailMime.settings.parse({ dkim: { domain: 'Acme.example', selector: 's1.2025' } }).dkim).toEqual({ domain: 'acme.example', selector: 's1.2025' });
  });
});

describe("what the server's answers mean", () => {
  const cases: [string, Record<string, string | null>, object][] = [
    ['an unknown recipient is failed for good', { RCPT: '550 5.1.1 no such user' }, { outcome: 'failed', errorCode: '550', retryable: false }],
    ['greylisting is tried again', { RCPT: '451 4.7.1 try later' }, { outcome: 'failed', errorCode: '451', retryable: true }],
    ['a refused sender is failed for good', { MAIL: '553 not yours' }, { outcome: 'failed', errorCode: '553', retryable: false }],
    ['a content refused after DATA is failed for good', { END: '554 5.7.1 spam' }, { outcome: 'failed', errorCode: '554', retryable: false }],
    ['a full queue after DATA is tried again', { END: '452 4.3.1 full' }, { outcome: 'failed', errorCode: '452', retryable: true }],
    ['a server that refuses DATA took nothing', { DATA: '554 no' }, { outcome: 'failed', errorCode: '554', retryable: false }],
    ['a connection lost before DATA is tried again', { RCPT: null }, { outcome: 'failed', retryable: true }],
    ['a connection lost after DATA is unknown, never sent again by itself', { END: null }, { outcome: 'unknown' }],
    ['a server that is closing is tried again', { CONNECT: '421 restarting' }, { outcome: 'failed', retryable: true }],
    ['TLS that is demanded and not offered fails', { STARTTLS: '502 not here' }, { outcome: 'failed', retryable: false }],
  ];
  test.each(cases)('%s', async (name, exceptions, expected) => {
    const port = await scripted(script(exceptions));
    const settings = name.startsWith('TLS') ? { secure: 'starttls' as const } : {};
    expect(await sendMail(outbound(), account(port, settings), http, { sign: signer })).toMatchObject(expected);
  });

  test('no answer to the finished mail in time is unknown', async () => {
    const port = await scripted(script({ END: '' }));
    expect(await send(port, {}, { answerMs: 300 })).toMatchObject({ outcome: 'unknown' });
  });

  test.each([
    ['an account whose secrets are gone', null],
    ['a log-in that the client library chokes on', { user: 'u', password: { toString: () => { throw new TypeError('no text'); } } }],
  ])('%s is failed and throws in no callback', async (_name, secrets) => {
    const port = await scripted(script({ EHLO: '250 AUTH PLAIN' }));
    expect(await sendMail(outbound(), { ...account(port), secrets: secrets as never }, http, { sign: signer })).toMatchObject({ outcome: 'failed' });
  });

  test('nobody listening is tried again; no server configured is not', async () => {
    const gone = await receiver();
    await gone.stop();
    expect(await send(gone.port)).toMatchObject({ outcome: 'failed', errorCode: 'ESOCKET', retryable: true });
    expect(await sendMail(outbound(), account(0, { host: undefined }), http, { sign: signer })).toMatchObject({ outcome: 'failed', errorCode: 'NOT_CONFIGURED', retryable: false });
  });
});

describe('the server that the settings name', () => {
  test.each(['127.0.0.1', 'localhost', '2130706433', '::1', '::ffff:127.0.0.1', '169.254.169.254', '10.0.0.1', '100.64.0.1'])('%s is refused before anything is sent', async (host) => {
    initSecrets('a secret of the tests, long enough for it');
    const lines: string[] = [];
    const port = await scripted((line, inData) => (lines.push(line), script({})(line, inData)));
    expect(await emailMime.send!(outbound(), account(port, { host }), outgoing())).toMatchObject({ outcome: 'failed', errorCode: 'PRIVATE_ADDRESS', retryable: false });
    expect(lines).toEqual([]);
  });

  test('is resolved once, and the connection goes to the address that was judged', async () => {
    const server = await receiver();
    const asked: string[] = [];
    const resolve = async (name: string) => [{ address: asked.push(name) === 1 ? '127.0.0.1' : '192.0.2.1', family: 4 }];
    const result = await sendMail(outbound(), account(server.port, { host: 'smtp.acme.example' }), outgoing({ allowPrivate: true, resolve }), { sign: signer });
    expect([result.outcome, asked]).toEqual(['accepted', ['smtp.acme.example']]);
    expect(server.mails).toHaveLength(1);
  });

  test('shows the certificate of its name, not of its address', async () => {
    const names: string[] = [];
    const server = createTlsServer({ SNICallback: (name, done) => (names.push(name), done(new Error('none'))) }).on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ stop: () => new Promise((resolve) => server.close(() => resolve())) });
    const named = outgoing({ allowPrivate: true, resolve: async () => [{ address: '127.0.0.1', family: 4 }] });
    const { port } = server.address() as AddressInfo;
    expect(await sendMail(outbound(), account(port, { host: 'smtp.acme.example', secure: 'tls' }), named, { sign: signer })).toMatchObject({ outcome: 'failed' });
    expect(names).toEqual(['smtp.acme.example']);
  });

  test('a name that there is not is tried again; what speaks no SMTP is not repeated', async () => {
    const none = outgoing({ allowPrivate: true, resolve: () => Promise.reject(new Error('ENOTFOUND')) });
    expect(await sendMail(outbound(), account(1, { host: 'none.example' }), none, { sign: signer })).toMatchObject({ outcome: 'failed', errorCode: 'UNREACHABLE', retryable: true });
    const port = await scripted(script({ CONNECT: 'SSH-2.0-OpenSSH_9.2 secret-banner' }));
    const result = await send(port);
    expect(result).toMatchObject({ outcome: 'failed' });
    expect(JSON.stringify(result)).not.toMatch(/SSH|banner/);
  });
});

describe('the receiver', () => {
  test('refuses unknown mailboxes with 550 and takes the mail for the others', async () => {
    const server = await receiver();
    expect(await sendMail(outbound({ to: { kind: 'email', value: 'nobody@elsewhere.example', displayName: null } }), account(server.port), http, { sign: signer })).toMatchObject({ outcome: 'failed', errorCode: '550', reason: expect.stringMatching(/^550 5\.1\.1 <nobody/), retryable: false });
    expect(server.mails).toHaveLength(0);
  });

  test('answers 250 only after the mail was delivered, 451 when that failed', async () => {
    let stored = false;
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const slow = await receiver({
      deliver: async () => {
        await gate;
        stored = true;
      },
    });
    const sent = send(slow.port).then((result) => ({ result, storedBefore: stored }));
    setImmediate(release);
    expect(await sent).toMatchObject({ result: { outcome: 'accepted' }, storedBefore: true });

    const reports: unknown[] = [];
    const failing = await receiver({ deliver: () => Promise.reject(new Error('the disk is full: /secret/path')), report: (_message, error) => reports.push(error) });
    const result = await send(failing.port);
    expect(result).toMatchObject({ outcome: 'failed', errorCode: '451', retryable: true });
    expect(JSON.stringify(result)).not.toContain('secret');
    expect(reports).toHaveLength(1);
  });

  test('answers 552 to what is too large, whether its size was announced or not', async () => {
    const server = await receiver({ bytesMax: 10_000 });
    expect(await send(server.port, { text: 'x'.repeat(20_000) })).toMatchObject({ outcome: 'failed', retryable: false });
    const lines = await dialogue(server.port, ['EHLO me', 'MAIL FROM:<a@b.example>', 'RCPT TO:<support@acme.example>', 'DATA', `${'y'.repeat(900)}\r\n`.repeat(30) + '.', 'QUIT']);
    expect(lines.some((line) => line.startsWith('552'))).toBe(true);
    expect(server.mails).toHaveLength(0);
  });

  test('keeps the bytes as they came: dots, 8-bit and bare line feeds', async () => {
    const server = await receiver();
    await dialogue(server.port, ['EHLO me', 'MAIL FROM:<>', 'RCPT TO:<support+tl-x@acme.example>', 'DATA', 'Subject: a\r\n\r\n..leading dot\r\nz\u00e9\u00ff\r\n.', 'QUIT']);
    expect(server.mails[0]!.raw.toString('latin1')).toBe('Subject: a\r\n\r\n.leading dot\r\nz\u00e9\u00ff\r\n');
    expect(server.mails[0]!.envelope).toMatchObject({ from: '', to: ['support+tl-x@acme.example'], helo: 'me' });
  });

  const TLS = selfSigned('localhost');

  test('with a certificate takes mail encrypted: who demands it gets it, from that name', async () => {
    const server = await receiver({ tls: TLS });
    const account_ = account(server.port, { host: 'localhost', secure: 'starttls' });
    expect(await sendMail(outbound(), account_, http, { sign: signer, tls: { ca: TLS.cert } })).toMatchObject({ outcome: 'accepted' });
    expect(server.mails).toHaveLength(1);
    // A certificate that nobody vouches for is refused, before anything is said.
    expect(await sendMail(outbound(), account_, http, { sign: signer })).toMatchObject({ outcome: 'failed' });
    expect(server.mails).toHaveLength(1);
    // Who asks for nothing is served in the clear, as mail between servers is.
    expect(await send(server.port)).toMatchObject({ outcome: 'accepted' });
  });

  test('without one does not offer what it cannot keep', async () => {
    expect(await spoken(await receiver(), ['EHLO me', 'STARTTLS', 'QUIT'])).not.toMatch(/250[ -]STARTTLS/);
    expect(await spoken(await receiver({ tls: TLS }), ['EHLO me', 'QUIT'])).toMatch(/250[ -]STARTTLS/);
    expect(await spoken(await receiver(), ['EHLO me', 'STARTTLS', 'QUIT'])).toMatch(/\n50[02] /);
  });

  test('takes a hundred recipients of one mail and tells the rest to come in another', async () => {
    const server = await receiver();
    const recipients = Array.from({ length: 101 }, (_, i) => `RCPT TO:<r${i}@acme.example>`);
    const lines = await dialogue(server.port, ['EHLO me', 'MAIL FROM:<a@b.example>', ...recipients, 'DATA', 'Subject: a\r\n\r\nb\r\n.', 'QUIT']);
    expect(lines.filter((line) => line.startsWith('452'))).toHaveLength(1);
    expect(server.mails[0]!.envelope.to).toHaveLength(100);
  });

  test('tells a connection beyond its number to come again, and closes one that says nothing', async () => {
    const server = await receiver({ clientsMax: 1, idleMs: 300 });
    const silent = connectTo(server.port, '127.0.0.1');
    await new Promise((resolve) => silent.once('data', resolve));
    expect((await dialogue(server.port, ['EHLO me', 'QUIT']))[0]).toMatch(/^421 /);
    await new Promise((resolve) => silent.once('close', resolve));
    expect(await send(server.port)).toMatchObject({ outcome: 'accepted' });
  });

  /** Says `begin` line by line, then a drop of something every 20 ms, until it is shown out; in ms. */
  function trickle(port: number, begin: string[], drop: string): Promise<number> {
    const began = performance.now();
    return new Promise((resolve) => {
      let drops: NodeJS.Timeout | undefined;
      const socket = connectTo(port, '127.0.0.1').on('error', () => {}).on('close', () => {
        clearInterval(drops);
        resolve(performance.now() - began);
      });
      socket.on('data', (chunk) => {
        if (drops || !/(?:^|\n)\d{3} [^\n]*\r\n$/.test(chunk.toString('latin1'))) return;
        const next = begin.shift();
        if (next !== undefined) socket.write(`${next}\r\n`);
        else drops = setInterval(() => socket.write(drop), 20);
      });
    });
  }
  const ENVELOPE = ['EHLO me', 'MAIL FROM:<a@b.example>', 'RCPT TO:<support@acme.example>'];

  test.each([
    ['a command', [], 'X'],
    ['commands that lead nowhere', ['EHLO me'], 'NOOP\r\n'],
    ['beginnings of mails', ['EHLO me'], 'MAIL FROM:<a@b.example>\r\nRSET\r\n'],
    ['a mail', [...ENVELOPE, 'DATA'], 'x'],
  ])('who sends %s by drops is shown out, however many do so, and others are let in', async (_, begin, drop) => {
    const server = await receiver({ clientsMax: 10, clientsPerAddressMax: 10, stepMs: 600, idleMs: 60_000 });
    const slow = Array.from({ length: 10 }, () => trickle(server.port, [...begin], drop));
    await expect.poll(() => send(server.port), { timeout: 15_000 }).toMatchObject({ outcome: 'accepted' });
    await Promise.all(slow);
    expect(server.mails).toHaveLength(1);
  });

  test('a mail that takes longer than a step, at a pace, is taken', async () => {
    const server = await receiver({ stepMs: 300, bytesPerSecondMin: 100 });
    const lines = await new Promise<string>((resolve, reject) => {
      let said = '';
      const begin = [...ENVELOPE, 'DATA'];
      const socket = connectTo(server.port, '127.0.0.1').on('error', reject).on('close', () => resolve(said));
      socket.on('data', (chunk) => {
        said += chunk.toString('latin1');
        if (!/(?:^|\n)\d{3} [^\n]*\r\n$/.test(said)) return;
        const next = begin.shift();
        if (next !== undefined) return void socket.write(`${next}\r\n`);
        if (!said.includes('354 ') || said.includes('Stored')) return void socket.end();
        let left = 20;
        const drops = setInterval(() => {
          socket.write(left-- > 0 ? `${'x'.repeat(50)}\r\n` : '.\r\n');
          if (left < 0) clearInterval(drops);
        }, 50);
      });
    });
    expect(lines).toMatch(/250 Stored/);
    expect(server.mails).toHaveLength(1);
  });

  test('one address has some of the connections, not all', async () => {
    const server = await receiver({ clientsMax: 10, clientsPerAddressMax: 2 });
    const held = await Promise.all([0, 1].map(() => new Promise<Socket>((resolve) => {
      const socket = connectTo(server.port, '127.0.0.1').once('data', () => resolve(socket));
    })));
    expect((await dialogue(server.port, ['EHLO me', 'QUIT']))[0]).toMatch(/^421 .*your address/);
    for (const socket of held) socket.destroy();
    await expect.poll(() => send(server.port)).toMatchObject({ outcome: 'accepted' });
  });

  test('stopping lets a mail that is being stored be answered', async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    let begun = () => {};
    const started = new Promise<void>((resolve) => (begun = resolve));
    const server = await receiver({
      deliver: () => {
        begun();
        return gate;
      },
    });
    const sent = send(server.port);
    await started;
    const stopped = server.stop();
    release();
    expect(await sent).toMatchObject({ outcome: 'accepted' });
    await stopped;
    expect(await send(server.port)).toMatchObject({ outcome: 'failed', retryable: true });
  });
});

/** All that the server says, the lines of one answer too. */
async function spoken(server: MailReceiver, lines: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const socket = connectTo(server.port, '127.0.0.1').on('error', reject).on('close', () => resolve(said));
    socket.on('data', (chunk) => {
      said += chunk.toString('latin1');
      if (/(?:^|\n)\d{3} [^\n]*\r\n$/.test(said)) {
        const next = lines.shift();
        if (next !== undefined) socket.write(`${next}\r\n`);
      }
    });
  });
}

/** Sends each line after the answer to the one before; gives the answers. */
async function dialogue(port: number, lines: string[]): Promise<string[]> {
  const answers: string[] = [];
  return new Promise((resolve, reject) => {
    const socket = connectTo(port, '127.0.0.1');
    let rest = '';
    socket.on('error', reject);
    socket.on('close', () => resolve(answers));
    socket.on('data', (chunk) => {
      rest += chunk.toString('latin1');
      for (let at = rest.indexOf('\r\n'); at >= 0; at = rest.indexOf('\r\n')) {
        const line = rest.slice(0, at);
        rest = rest.slice(at + 2);
        if (/^\d{3}-/.test(line)) continue;
        answers.push(line);
        const next = lines.shift();
        if (next === undefined) socket.end();
        else socket.write(Buffer.from(`${next}\r\n`, 'latin1'));
      }
    });
  });
}
