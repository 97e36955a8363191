import { describe, expect, test } from 'vitest';
import { emailMime } from '../../../src/channels/email/provider.ts';
import { mail } from './builders.ts';

const secrets = [{ inbound: 'the present secret' }, { inbound: 'the former secret' }];
const request = (authorization?: string) => ({ method: 'POST', url: 'https://x.example/hooks/mime/end_1', headers: authorization === undefined ? {} as Record<string, string> : { authorization }, body: mail({ From: 'ada@customer.example', To: 'support@acme.example' }) });
const verify = (authorization?: string, held: object[] = secrets) => emailMime.verify(request(authorization), { secrets: held as never });

describe('the door for raw mail', () => {
  test('opens to the secret, as Bearer or as Basic password, the former one too', () => {
    for (const { inbound } of secrets) {
      expect(verify(`Bearer ${inbound.replaceAll(' ', '')}`, [{ inbound: inbound.replaceAll(' ', '') }])).toEqual({ ok: true });
      expect(verify(`Basic ${Buffer.from(`mail:${inbound}`).toString('base64')}`)).toEqual({ ok: true });
    }
  });
  test('stays shut: 401 without a secret, 403 with a wrong one', () => {
    for (const none of [undefined, '', 'Bearer', 'Digest x', `Basic ${Buffer.from('nocolon').toString('base64')}`]) expect(verify(none)).toMatchObject({ ok: false, status: 401 });
    for (const wrong of ['Bearer x', 'Bearer the', `Basic ${Buffer.from('the present secret:').toString('base64')}`, `Basic ${Buffer.from('mail:the present secret ').toString('base64')}`]) expect(verify(wrong)).toMatchObject({ ok: false, status: 403 });
    expect(verify('Bearer undefined', [{}])).toMatchObject({ ok: false, status: 403 });
    expect(verify('Bearer x', [])).toMatchObject({ ok: false, status: 403 });
  });
  test('reads the mail and acknowledges it', async () => {
    const parsed = await emailMime.parse(request());
    expect(parsed.events[0]).toMatchObject({ kind: 'message', account: 'support@acme.example' });
    expect(emailMime.respond(request(), parsed).status).toBe(202);
  });
});

describe('settings', () => {
  test('have believable defaults and refuse what is wrong by name', () => {
    expect(emailMime.settings.parse({ host: 'smtp.acme.example' })).toMatchObject({ port: 587, secure: 'starttls', replyTokens: true });
    expect(emailMime.settings.parse({})).toMatchObject({ port: 587 });
    for (const [field, value] of [['host', 'https://x'], ['port', 0], ['secure', 'maybe'], ['from', 'no address'], ['unknown', 1]] as const) {
      const { error } = emailMime.settings.safeParse({ [field]: value });
      expect(JSON.stringify(error?.issues)).toContain(field);
    }
    expect(emailMime.secrets.safeParse({ inbound: 'short' }).success).toBe(false);
    expect(emailMime.secrets.safeParse({}).success).toBe(true);
  });
});
