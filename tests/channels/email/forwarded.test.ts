// Whose mail was handed on: each forward is written in the way of the program that it names.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inboundEvent, type InboundEvent } from '../../../src/channels/channel.ts';
import { contextOf } from '../../../src/channels/email/context.ts';
import { parseMail } from '../../../src/channels/email/parse.ts';
import { mail } from './builders.ts';

const COLLEAGUE = { From: 'Bob Agent <bob@acme.example>', To: 'support@acme.example', Subject: 'Fwd: Broken plate', 'Message-ID': '<f1@acme.example>' };
const read = async (headers: Record<string, string>, body: string, to = 'support@acme.example'): Promise<InboundEvent> => {
  const { events } = await parseMail(mail(headers, body), contextOf({ 'x-envelope-to': to }));
  expect(events).toHaveLength(1);
  expect(inboundEvent.parse(events[0])).toEqual(events[0]);
  return events[0]!;
};
const ada = { kind: 'email', namespace: '', value: 'ada@customer.example', valueRaw: 'ada@customer.example', trust: 'claimed', displayName: 'Ada Lovelace' };

const PROGRAMS: [name: string, headers: Record<string, string>, body: string, original: object][] = [
  ['Gmail', {}, 'Can you take this?\n\n---------- Forwarded message ---------\nFrom: Ada Lovelace <ada@customer.example>\nDate: Mon, Jun 2, 2025 at 10:00 AM\nSubject: Broken plate\nTo: Bob <bob@acme.example>\n\n\nThe plate broke.', { subject: 'Broken plate', sentAt: null }],
  ['Gmail, in German', { Subject: 'Fwd: Teller' }, '---------- Forwarded message ---------\nVon: Ada Lovelace <ada@customer.example>\nDate: Mo., 2. Juni 2025 um 10:00 Uhr\nSubject: Teller\nTo: <bob@acme.example>\n\n\nKaputt.', { subject: 'Teller' }],
  ['Apple Mail', {}, 'FYI\n\nBegin forwarded message:\n\n> From: Ada Lovelace <ada@customer.example>\n> Subject: Broken plate\n> Date: 2 June 2025 at 10:00:00 CEST\n> To: bob@acme.example\n> \n> The plate broke.', { subject: 'Broken plate' }],
  ['Apple Mail, in French', { Subject: 'TR : Assiette' }, 'Début du message réexpédié :\n\n> De: Ada Lovelace <ada@customer.example>\n> Objet: Assiette\n> Date: 2 juin 2025 à 10:00:00 UTC+2\n> À: bob@acme.example\n> \n> Cassée.', { subject: 'Assiette' }],
  ['Outlook', { Subject: 'FW: Broken plate' }, 'Please handle.\n\nFrom: Ada Lovelace <ada@customer.example>\nSent: Monday, June 2, 2025 10:00 AM\nTo: Bob Agent <bob@acme.example>\nCc: Carol <carol@acme.example>\nSubject: Broken plate\n\nThe plate broke.', { subject: 'Broken plate' }],
  ['Outlook, in Dutch', { Subject: 'FW: Bord' }, '________________________________\nVan: Ada Lovelace <ada@customer.example>\nVerzonden: maandag 2 juni 2025 10:00\nAan: Bob\nOnderwerp: Bord\n\nKapot.', { subject: 'Bord' }],
  ['old Outlook', { Subject: 'WG: Teller' }, '-----Ursprüngliche Nachricht-----\nVon: Ada Lovelace [mailto:ada@customer.example]\nGesendet: Montag, 2. Juni 2025 10:00\nAn: Bob\nBetreff: Teller\n\nKaputt.', { subject: 'Teller' }],
  ['Thunderbird', {}, '\n\n-------- Forwarded Message --------\nSubject: \tBroken plate\nDate: \tMon, 02 Jun 2025 10:00:00 +0200\nFrom: \tAda Lovelace <ada@customer.example>\nTo: \tbob@acme.example\n\n\n\nThe plate broke.', { subject: 'Broken plate', sentAt: '2025-06-02T08:00:00.000Z' }],
  ['Yahoo', { Subject: 'Fw: Broken plate' }, '----- Forwarded Message -----\nFrom: Ada Lovelace <ada@customer.example>\nTo: "bob@acme.example" <bob@acme.example>\nSent: Monday, June 2, 2025 at 10:00:00 AM GMT+2\nSubject: Broken plate\nThe plate broke.', { subject: 'Broken plate' }],
  ['a program that folds addresses', {}, '---------- Forwarded message ---------\nFrom: Ada Lovelace\n <ada@customer.example>\nTo: Bob <bob@acme.example>,\n Carol <carol@acme.example>\nSubject: Broken plate\n\nThe plate broke.', { subject: 'Broken plate' }],
  ['Japanese', { Subject: '=?UTF-8?B?6Lui6YCBOiDnmr8=?=' }, '---------- 転送されたメッセージ ---------\n差出人：Ada Lovelace <ada@customer.example>\n日付：2025年6月2日\n件名：皿\n宛先：bob@acme.example\n\n割れました。', { subject: '皿' }],
  ['Gmail, HTML alone', { 'Content-Type': 'text/html; charset=utf-8' }, '<div>Can you?</div><div class="gmail_quote"><div dir="ltr" class="gmail_attr">---------- Forwarded message ---------<br>From: <b>Ada Lovelace</b> <span dir="auto">&lt;<a href="mailto:ada@customer.example">ada@customer.example</a>&gt;</span><br>Date: Mon, Jun 2<br>Subject: Broken plate<br>To: &lt;bob@acme.example&gt;<br></div>The plate broke.</div>', { subject: 'Broken plate' }],
  ['Outlook, HTML alone', { Subject: 'FW: Broken plate', 'Content-Type': 'text/html; charset=utf-8' }, '<p>Please handle.</p><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>From:</b> Ada Lovelace &lt;ada@customer.example&gt;<br><b>Sent:</b> Monday<br><b>To:</b> Bob<br><b>Subject:</b> Broken plate</p></div><p>The plate broke.</p>', { subject: 'Broken plate' }],
];

describe('a colleague hands a customer’s mail on', () => {
  test.each(PROGRAMS)('%s: it is from the customer, and the colleague is named beside', async (_name, headers, body, original) => {
    const event = await read({ ...COLLEAGUE, 'Content-Type': 'text/plain; charset=utf-8', ...headers }, body);
    expect(event.senders).toEqual([ada]);
    expect(event.message).toMatchObject({ forwarded: true, original: { sender: ada, ...original }, forwardedBy: { value: 'bob@acme.example', displayName: 'Bob Agent' }, autoGenerated: null });
  });

  test('attached as a whole: by its own headers', async () => {
    const body = ['--B', 'Content-Type: text/plain', '', 'See attached.', '--B', 'Content-Type: message/rfc822', '', 'From: =?UTF-8?Q?Ada_L=C3=B6velace?=', ' <ada@customer.example>', 'Subject: Broken', ' plate', 'Date: Mon, 02 Jun 2025 10:00:00 +0200', 'Message-ID: <a1@customer.example>', '', 'The plate broke.', '--B--'].join('\n');
    const event = await read({ ...COLLEAGUE, 'MIME-Version': '1.0', 'Content-Type': 'multipart/mixed; boundary=B' }, body);
    expect(event.senders).toEqual([{ ...ada, displayName: 'Ada Lövelace' }]);
    expect(event.message!.original).toEqual({ sender: event.senders[0], subject: 'Broken plate', sentAt: '2025-06-02T08:00:00.000Z', providerMessageId: 'a1@customer.example' });
  });

  test('from the mailbox itself: no mail of a machine', async () => {
    const event = await read({ ...COLLEAGUE, From: 'support@acme.example' }, PROGRAMS[0]![2]);
    expect(event.senders).toEqual([ada]);
    expect(event.message!.autoGenerated).toBeNull();
  });
});

describe('what is no such forward keeps its sender', () => {
  const body = PROGRAMS[0]![2];
  const sender = async (headers: Record<string, string>, text = body, to?: string) => (await read({ ...COLLEAGUE, ...headers }, text, to)).senders.map(({ value }) => value);

  test('a customer who forwards what somebody wrote to him', async () => {
    const event = await read({ ...COLLEAGUE, From: 'Eve <eve@other.example>' }, body);
    expect(event.senders).toMatchObject([{ value: 'eve@other.example' }]);
    expect(event.message).toMatchObject({ forwarded: true, original: { sender: ada }, forwardedBy: null });
  });
  test('whoever shares a public provider’s domain with the mailbox', async () => {
    expect(await sender({ From: 'eve@gmail.com', To: 'acme.support@gmail.com' }, body, 'acme.support@gmail.com')).toEqual(['eve@gmail.com']);
  });
  test('a colleague who forwards a colleague’s mail', async () => {
    expect(await sender({}, body.replace('ada@customer.example', 'carol@acme.example'))).toEqual(['bob@acme.example']);
  });
  test('an answer that quotes, also one that quotes a forward', async () => {
    const quote = 'Yes.\n\nFrom: Ada Lovelace <ada@customer.example>\nSent: Monday\nTo: Bob\nSubject: Broken plate\n\nThe plate broke.';
    for (const Subject of ['Re: Broken plate', 'AW: Teller', 'Broken plate']) expect((await read({ ...COLLEAGUE, Subject }, quote)).message!.forwarded).toBeUndefined();
    expect((await read({ ...COLLEAGUE, Subject: 'Re: Fwd: Broken plate' }, `Done.\n\n> ${body.replaceAll('\n', '\n> ')}`)).message!.forwarded).toBeUndefined();
  });
  test('a mail that is called a forward and says nothing of whose', async () => {
    for (const text of ['See below.', '---------- Forwarded message ---------\n\nThe plate broke.', '---------- Forwarded message ---------\nFrom: Ada Lovelace\nSubject: x\n\nhi', 'From: nobody\nFrom: here']) {
      const event = await read(COLLEAGUE, text);
      expect(event.senders).toMatchObject([{ value: 'bob@acme.example' }]);
      expect(event.message!.forwarded).toBeUndefined();
    }
  });
});

test('any text is read, and what is found is an address', async () => {
  const line = fc.constantFrom('---------- Forwarded message ---------', 'From: Ada <ada@customer.example>', 'From: ', '*From:* x', '> Von: a@b.example', 'Date: x', 'To: a,', ' b', '', 'Subject: y', 'text', 'Begin forwarded message:');
  await fc.assert(fc.asyncProperty(fc.array(fc.oneof(line, fc.string()), { maxLength: 40 }), async (lines) => {
    const { events } = await parseMail(mail({ ...COLLEAGUE, 'Content-Type': 'text/plain; charset=utf-8' }, lines.join('\n')));
    for (const event of events) expect(inboundEvent.safeParse(event).error?.issues).toBeUndefined();
  }), { numRuns: 200 });
  for (const text of ['From: a@b.example\n'.repeat(40_000), `From: ${'a@'.repeat(200_000)}`, `${'-'.repeat(100_000)} forwarded message`, 'to:\n'.repeat(49_000), `${'From: x\n\n'.repeat(10_000)}`]) {
    // What would be read over and over would not end within the test's time.
    expect((await parseMail(mail(COLLEAGUE, text))).events).toHaveLength(1);
  }
}, 60_000);
