import { expect, test } from 'vitest';
import { inboundEvent } from '../../../src/channels/channel.ts';
import { contextOf } from '../../../src/channels/email/context.ts';
import { parseMail } from '../../../src/channels/email/parse.ts';
import { mail } from './builders.ts';

const HEADERS = { From: 'Gmail Team <forwarding-noreply@google.com>', To: 'support@acme.example', 'Message-ID': '<c1@mail.gmail.com>', Received: 'by mx.acme.example; Mon, 02 Jun 2025 10:00:05 +0000' };
const LINK = 'https://mail-settings.google.com/mail/vf-%5BANGjdJ-x_y%5D-Zz01';
const TEXT = `shop@gmail.com has asked to forward mail to support@acme.example.\nConfirmation code: 246813579\n\nOpen this link to agree:\n\n${LINK}\n\nTo refuse, open https://mail-settings.google.com/mail/uf-%5BANGno%5D-No instead.\n`;
const read = async (headers: Record<string, string>, body: string) => (await parseMail(mail({ ...HEADERS, ...headers }, body), contextOf({ 'x-envelope-to': 'support@acme.example' }))).events;

test("Gmail's question whether it may forward is the account's affair: its code, its link and whose mail it is", async () => {
  const events = await read({ Subject: '(#246813579) Gmail Forwarding Confirmation - Receive Mail from shop@gmail.com' }, TEXT);
  expect(events).toEqual([{
    kind: 'system', direction: 'inbound', channel: 'email', provider: 'mime', account: 'support@acme.example', occurredAt: '2025-06-02T10:00:05.000Z', dedupeKey: expect.stringMatching(/^c1@mail\.gmail\.com sha256:/),
    senders: [expect.objectContaining({ value: 'forwarding-noreply@google.com', trust: 'claimed' })], recipients: [expect.objectContaining({ value: 'support@acme.example' })],
    system: { code: 'gmail_forwarding_confirmation', text: 'Gmail asks whether the mail of shop@gmail.com may be forwarded here.', data: { code: '246813579', url: LINK, address: 'shop@gmail.com' }, ofAccount: true },
  }]);
  expect(inboundEvent.parse(events[0])).toEqual(events[0]);
});

test.each([
  ['in German', { Subject: '(#246813579) Bestätigung der Gmail-Weiterleitung – E-Mails von shop@gmail.com empfangen', 'Content-Type': 'text/plain; charset=utf-8' }, `Bestätigungscode: 246813579\n${LINK}`, { code: '246813579', url: LINK, address: 'shop@gmail.com' }],
  ['without the code in its subject', { Subject: '(Gmail Forwarding Confirmation - Receive Mail from shop@gmail.com' }, TEXT, { code: '246813579', url: LINK, address: 'shop@gmail.com' }],
  ['with the code in a header alone', { Subject: 'x', 'X-Google-Address-Confirmation': '246813579' }, 'shop@gmail.com', { code: '246813579', url: null, address: 'shop@gmail.com' }],
  ['with a link alone, in HTML alone', { Subject: 'x', 'Content-Type': 'text/html' }, `<p>shop@gmail.com:</p><a href="${LINK}">Confirm</a>`, { code: null, url: LINK, address: 'shop@gmail.com' }],
  ['with the older link', { Subject: 'x' }, 'Link: https://mail.google.com/mail/vf-[ANG]-x.', { code: null, url: 'https://mail.google.com/mail/vf-[ANG]-x', address: null }],
])('%s', async (_name, headers, body, data) => {
  expect(await read(headers, body)).toMatchObject([{ kind: 'system', system: { data } }]);
});

test('what only looks like it stays a message: another sender, no code and no link, a link that leads elsewhere', async () => {
  const subject = { Subject: '(#246813579) Gmail Forwarding Confirmation - Receive Mail from shop@gmail.com' };
  for (const [headers, body] of [
    [{ ...subject, From: 'Gmail Team <forwarding-noreply@google.com.evil.example>' }, TEXT],
    [{ ...subject, From: '"forwarding-noreply@google.com" <eve@evil.example>' }, TEXT],
    [{ Subject: 'News from Gmail' }, 'Nothing to confirm.'],
    [{ Subject: 'Confirm' }, 'https://mail.google.com.evil.example/mail/vf-x and https://evil.example/mail/vf-x'],
  ] as const) {
    expect((await read(headers, body)).map(({ kind }) => kind)).toEqual(['message']);
  }
});
