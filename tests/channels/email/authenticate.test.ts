// DMARC by our own verifier, with keys made here and a resolver that knows nothing else, and by the word of a trusted server.
import { generateKeyPairSync } from 'node:crypto';
import { dkimSign } from 'mailauth';
import { describe, expect, test } from 'vitest';
import { authenticateMail, authenticationResults, type Resolver } from '../../../src/channels/email/authenticate.ts';
import { contextOf } from '../../../src/channels/email/context.ts';
import { parseMail } from '../../../src/channels/email/parse.ts';
import { mail } from './builders.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
const RECORDS: Record<string, string> = {
  's._domainkey.customer.example': `v=DKIM1; k=rsa; p=${key}`,
  's._domainkey.evil.example': `v=DKIM1; k=rsa; p=${key}`,
  '_dmarc.customer.example': 'v=DMARC1; p=reject',
  'customer.example': 'v=spf1 ip4:192.0.2.7 -all',
  'evil.example': 'v=spf1 +all',
};
const resolver: Resolver = async (domain, type) => {
  const found = type === 'TXT' ? RECORDS[domain] : undefined;
  if (found) return [[found]];
  throw Object.assign(new Error(`no ${type} of ${domain}`), { code: 'ENOTFOUND' });
};

const HEADERS = { From: 'Ada <ada@customer.example>', To: 'support@acme.example', Subject: 'Hi', Date: 'Mon, 02 Jun 2025 10:00:00 +0000', 'Message-ID': '<a@customer.example>' };
async function signed(domain: string, headers: Record<string, string | string[]> = HEADERS, more: object = {}): Promise<Buffer> {
  const raw = mail(headers);
  const { signatures } = await dkimSign(raw, { signatureData: [{ signingDomain: domain, selector: 's', privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), ...more }] } as never);
  return Buffer.concat([Buffer.from(signatures), raw]);
}
const check = (raw: Buffer, mailFrom = 'ada@other.example', remoteAddress = '198.51.100.1') => authenticateMail(raw, { resolver, remoteAddress, helo: 'mx.other.example', mailFrom, receiver: 'mx.acme.example' });

describe('our own verifier', () => {
  test('attests From by an aligned DKIM signature', async () => {
    expect(await check(await signed('customer.example'))).toMatchObject({ trust: 'attested', domain: 'customer.example' });
  });
  test('attests From by aligned SPF, whatever IPv6 form the address has', async () => {
    expect(await check(mail(HEADERS), 'ada@customer.example', '::ffff:192.0.2.7')).toMatchObject({ trust: 'attested', domain: 'customer.example' });
  });
  test('leaves it claimed: no signature, a stranger\'s, a changed body, two From headers, no DMARC record', async () => {
    const good = await signed('customer.example');
    const cases = [
      mail(HEADERS),
      await signed('evil.example'),
      Buffer.from(good.toString().replace('Hello', 'Hullo')),
      Buffer.concat([Buffer.from('From: ceo@acme.example\r\n'), good]),
      await signed('evil.example', { ...HEADERS, From: 'x@evil.example' }),
    ];
    for (const raw of cases) expect(await check(raw)).toMatchObject({ trust: 'claimed', domain: null });
    expect(await check(mail(HEADERS), 'x@evil.example')).toMatchObject({ trust: 'claimed' });
    expect(await check(mail(HEADERS), 'ada@customer.example', '198.51.100.1')).toMatchObject({ trust: 'claimed' });
  });
  test('leaves it claimed when DNS does not answer, and when the bytes are no mail', async () => {
    const failing: Resolver = () => Promise.reject(Object.assign(new Error('timed out'), { code: 'ETIMEOUT' }));
    const o = { resolver: failing, remoteAddress: '192.0.2.7', helo: null, mailFrom: 'ada@customer.example', receiver: 'mx.acme.example' };
    expect(await authenticateMail(await signed('customer.example'), o)).toMatchObject({ trust: 'claimed' });
    expect(await authenticateMail(Buffer.from([0, 1, 2]), o)).toMatchObject({ trust: 'claimed' });
  });
});

describe("a trusted server's word", () => {
  const trust = async (headers: Record<string, string | string[]>, context: Record<string, string> = { 'x-authserv-id': 'mx.acme.example' }) =>
    (await parseMail(mail({ ...headers, ...HEADERS, ...('From' in headers ? { From: headers.From! } : {}) }), contextOf(context))).events[0]!.senders[0]!.trust;
  const pass = 'mx.acme.example; spf=pass smtp.mailfrom=x@y; dmarc=pass (p=REJECT sp=REJECT) header.from=customer.example';

  test('attests the From domain that it names', async () => {
    expect(await trust({ 'Authentication-Results': pass })).toBe('attested');
    expect(await trust({ 'Authentication-Results': 'MX.Acme.Example 1; dmarc = pass header.from=CUSTOMER.example' })).toBe('attested');
  });
  test('counts only in its topmost header; a forged one below is ignored', async () => {
    expect(await trust({ 'Authentication-Results': ['mx.acme.example; dmarc=fail header.from=customer.example', pass] })).toBe('claimed');
    expect(await trust({ 'Authentication-Results': ['mx.acme.example; spf=pass', pass] })).toBe('claimed');
    expect(await trust({ 'Authentication-Results': ['other.example; dmarc=fail', pass] })).toBe('attested');
  });
  test('counts for nothing when it is another server\'s, of another domain, hidden in a comment, or doubled', async () => {
    for (const value of [
      pass.replace('mx.acme.example', 'mx.evil.example'),
      pass.replace('customer.example', 'evil.example'),
      'mx.evil.example (mx.acme.example; dmarc=pass header.from=customer.example)',
      'mx.acme.example; none (dmarc=pass header.from=customer.example)',
      'mx.acme.example; spf=pass smtp.mailfrom="x; dmarc=pass header.from=customer.example"',
      'mx.acme.example; dmarc=fail header.from=customer.example; dmarc=pass header.from=customer.example',
      'mx.acme.example; dmarc=pass',
      'mx.acme.example',
      '',
    ]) expect(await trust({ 'Authentication-Results': value }), value).toBe('claimed');
    expect(await trust({ 'Authentication-Results': pass }, {})).toBe('claimed');
  });
  test('says nothing of Reply-To, nor of a mail with two senders', async () => {
    expect(await trust({ 'Authentication-Results': pass, 'Reply-To': 'ceo@acme-partner.example' })).toBe('claimed');
    expect(await trust({ 'Authentication-Results': pass, From: ['ada@customer.example', 'eve@evil.example'] })).toBe('claimed');
    expect(await trust({ 'Authentication-Results': pass, From: 'ada@customer.example, eve@evil.example' })).toBe('claimed');
  });
  test("our verifier's domain attests that domain only", async () => {
    expect(await trust({}, { 'x-dmarc-domain': 'customer.example' })).toBe('attested');
    expect(await trust({}, { 'x-dmarc-domain': 'example' })).toBe('claimed');
  });
  test('is read by its grammar', () => {
    expect(authenticationResults('a.example (c (n) ;x); dkim=pass/1 header.d="b c.example" ; x/1=none')).toEqual({
      authservId: 'a.example', methods: [{ name: 'x', result: 'none', properties: {} }],
    });
    expect(authenticationResults('(only a comment)')).toBeNull();
  });
});
