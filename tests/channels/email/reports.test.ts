// Reports about our own mail, written for these tests after RFC 3464, 5965 and 8098 and the forms that servers use without them.
import { describe, expect, test } from 'vitest';
import type { InboundEvent } from '../../../src/channels/channel.ts';
import { parseMail } from '../../../src/channels/email/parse.ts';
import { mail } from './builders.ts';

const DAEMON = { 'Return-Path': '<>', From: 'Mail Delivery System <MAILER-DAEMON@mx.acme.example>', To: 'support@acme.example', Subject: 'Undelivered Mail Returned to Sender', 'Message-ID': '<bounce1@mx.acme.example>', 'Auto-Submitted': 'auto-replied' };
const ORIGINAL = 'Message-ID: <ours@acme.example>\nFrom: support@acme.example\nTo: ada@customer.example, bob@customer.example\nSubject: Re: order\n\nHello';
const report = (type: string, parts: [string, string][]) =>
  mail({ ...DAEMON, 'MIME-Version': '1.0', 'Content-Type': `multipart/report; report-type=${type}; boundary="=B="` }, `${parts.map(([mime, body]) => `--=B=\nContent-Type: ${mime}\n\n${body}\n`).join('')}--=B=--`);
const receipts = async (raw: Buffer): Promise<InboundEvent['receipt'][]> => (await parseMail(raw)).events.filter((event) => event.kind === 'receipt').map((event) => event.receipt);

describe('delivery reports', () => {
  test('tell of each recipient by itself; what is delayed has not failed', async () => {
    const raw = report('delivery-status', [
      ['text/plain', 'This is the mail system.'],
      ['message/delivery-status', ['Reporting-MTA: dns; mx.acme.example', '',
        'Final-Recipient: rfc822; Ada@customer.example', 'Action: failed', 'Status: 5.1.1', 'Diagnostic-Code: smtp; 550 5.1.1 <ada@customer.example>: User unknown', '  in virtual mailbox table', '',
        'Final-Recipient: rfc822; bob@customer.example', 'Action: delayed', 'Status: 4.2.2', 'Diagnostic-Code: smtp; 452 4.2.2 Over quota', '',
        'Original-Recipient: rfc822;cy@customer.example', 'Final-Recipient: local; cy', 'Action: delivered', 'Status: 2.0.0', '',
        'Final-Recipient: rfc822; di@customer.example', 'Action: relayed', 'Status: 2.0.0'].join('\n')],
      ['text/rfc822-headers', ORIGINAL]]);
    const base = { targets: ['ours@acme.example'] };
    expect(await receipts(raw)).toEqual([
      { ...base, state: 'failed', errorCode: '550', reason: 'userunknown', statusClass: '5.1.1', recipient: 'ada@customer.example' },
      { ...base, state: 'sending', errorCode: '452', reason: 'mailboxfull', statusClass: '4.2.2', recipient: 'bob@customer.example' },
      { ...base, state: 'delivered', errorCode: '2.0.0', reason: 'delivered', statusClass: '2.0.0', recipient: 'cy@customer.example' },
      { ...base, state: 'sent', errorCode: '2.0.0', reason: 'delivered', statusClass: '2.0.0', recipient: 'di@customer.example' },
    ]);
    const { events } = await parseMail(raw);
    expect(events.map(({ dedupeKey }) => dedupeKey)).toEqual([0, 1, 2, 3].map((i) => expect.stringMatching(new RegExp(`^bounce1@mx\\.acme\\.example sha256:[0-9a-f]{64}#${i}$`))));
    expect(events[0]).toMatchObject({ account: 'support@acme.example', direction: 'inbound' });
  });

  test('with an empty delivery-status part are read by their words (Gmail)', async () => {
    const raw = report('delivery-status', [['text/plain', "Your message wasn't delivered to ada@customer.example because the address couldn't be found."], ['message/delivery-status', ''], ['message/rfc822', ORIGINAL]]);
    expect(await receipts(raw)).toMatchObject([{ targets: ['ours@acme.example'], state: 'failed', recipient: 'ada@customer.example', reason: 'userunknown' }]);
  });

  const WORDS: [string, Record<string, string>, string, object[]][] = [
    ['Exim', { 'X-Failed-Recipients': 'ada@customer.example, bob@customer.example' }, `This message was created automatically by mail delivery software.\n\nThe following address(es) failed:\n\n  ada@customer.example\n    host mx [192.0.2.1]: 550 5.2.2 Mailbox full\n  bob@customer.example\n    Unrouteable address\n\n------ This is a copy of your message, including all the headers. ------\n\n${ORIGINAL}`,
      [{ recipient: 'ada@customer.example', reason: 'mailboxfull', statusClass: '5.2.2' }, { recipient: 'bob@customer.example', reason: 'hostunknown', statusClass: '5.0.0' }]],
    ['qmail', { Subject: 'failure notice' }, `Hi. This is the qmail-send program at mx.acme.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n\n<ada@customer.example>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 no mailbox here by that name\nGiving up on 192.0.2.1.\n\n--- Below this line is a copy of the message.\n\n${ORIGINAL}`,
      [{ recipient: 'ada@customer.example', reason: 'userunknown', statusClass: '5.1.1', errorCode: '550' }]],
    ['Postfix without a report part', {}, `This is the mail system at host mx.acme.example.\n\n<ada@customer.example>: host mx.customer.example[192.0.2.1] said: 552 5.3.4 Message size\n    exceeds fixed limit (in reply to MAIL FROM command)\n\n${ORIGINAL}`,
      [{ recipient: 'ada@customer.example', reason: 'mesgtoobig', statusClass: '5.3.4' }]],
    ['sendmail', { Subject: 'Returned mail: see transcript for details' }, `The original message was received at Mon, 2 Jun 2025 10:00:00 GMT\n\n   ----- The following addresses had permanent fatal errors -----\n<ada@customer.example>\n    (reason: 550 5.1.1 User unknown)\n\n   ----- Transcript of session follows -----\n... while talking to mx.customer.example.:\n>>> DATA\n<<< 550 5.1.1 User unknown\n`,
      [{ recipient: 'ada@customer.example', reason: 'userunknown', statusClass: '5.1.1' }]],
    ['a warning', { Subject: 'Warning: message 1abc delayed 24 hours' }, 'This message was created automatically by mail delivery software.\nA message that you sent has not yet been delivered to one or more of its recipients.\n\n  ada@customer.example\n    Delay reason: connection timed out\n\nNo action is required on your part.',
      [{ recipient: 'ada@customer.example', state: 'sending', reason: 'expired', statusClass: '4.0.0' }]],
  ];
  test.each(WORDS)('without a form: %s', async (_name, headers, body, expected) => {
    const found = await receipts(mail({ ...DAEMON, ...headers }, body));
    expect(found).toMatchObject(expected);
    expect(found).toHaveLength(expected.length);
  });

  test('a person who writes of a failed delivery is a person; so is an absence note', async () => {
    const person = { From: 'Ada <ada@customer.example>', To: 'support@acme.example', Subject: 'Delivery failed?', 'Message-ID': '<p@x>' };
    for (const raw of [
      mail(person, 'My parcel could not be delivered to my address. It was returned to sender. Please write to bob@customer.example.'),
      mail({ ...person, 'Return-Path': '<>', Subject: 'Auto: out of office', 'Auto-Submitted': 'auto-replied' }, 'I am away until Monday; mail is not delivered to me. Write to bob@customer.example.'),
    ]) expect((await parseMail(raw)).events.map(({ kind }) => kind)).toEqual(['message']);
  });
});

describe('complaints and readings', () => {
  test('a complaint names the mail and withdraws the consent of who complained', async () => {
    const { events } = await parseMail(report('feedback-report', [
      ['text/plain', 'This is an abuse report.'],
      ['message/feedback-report', 'Feedback-Type: abuse\nUser-Agent: FBL/1.0\nVersion: 1\nOriginal-Rcpt-To: <Ada@customer.example>'],
      ['message/rfc822', ORIGINAL]]));
    expect(events).toMatchObject([
      { kind: 'receipt', receipt: { targets: ['ours@acme.example'], reason: 'feedback', recipient: 'ada@customer.example' } },
      { kind: 'consent', senders: [{ value: 'ada@customer.example', trust: 'claimed' }], consent: { purpose: 'messages', state: 'withdrawn', keyword: 'abuse' } },
    ]);
    expect(new Set(events.map(({ dedupeKey }) => dedupeKey)).size).toBe(2);
  });

  test('what says that a mail was no spam, or failed authentication, withdraws nothing', async () => {
    for (const type of ['not-spam', 'auth-failure']) {
      const { events } = await parseMail(report('feedback-report', [['message/feedback-report', `Feedback-Type: ${type}\nOriginal-Rcpt-To: ada@customer.example`], ['message/rfc822', ORIGINAL]]));
      expect(events.map(({ kind }) => kind)).toEqual(['receipt']);
    }
  });

  test('a reading says read when it was displayed, delivered when it was only processed', async () => {
    const reading = (disposition: string) => report('disposition-notification', [['text/plain', 'Your message was displayed.'], ['message/disposition-notification', `Final-Recipient: rfc822;ada@customer.example\nOriginal-Message-ID: <ours@acme.example>\nDisposition: ${disposition}`]]);
    expect(await receipts(reading('manual-action/MDN-sent-manually; displayed'))).toEqual([{ targets: ['ours@acme.example'], state: 'read', errorCode: null, reason: null, statusClass: null, recipient: 'ada@customer.example' }]);
    expect(await receipts(reading('automatic-action/MDN-sent-automatically; deleted'))).toMatchObject([{ state: 'delivered' }]);
  });

  test("Amazon's notices by mail, wrapped by SNS or bare", async () => {
    const notice = { notificationType: 'Bounce', bounce: { bounceType: 'Permanent', bouncedRecipients: [{ emailAddress: 'Ada <ada@customer.example>', action: 'failed', status: '5.1.1', diagnosticCode: 'smtp; 550 5.1.1 user unknown' }] }, mail: { messageId: 'ses-1', headers: [{ name: 'Message-ID', value: '<ours@acme.example>' }] } };
    const headers = { From: 'AWS <no-reply@sns.amazonaws.com>', To: 'support@acme.example', Subject: 'AWS Notification Message' };
    for (const body of [JSON.stringify(notice), JSON.stringify({ Type: 'Notification', Message: JSON.stringify(notice) }, null, 2)]) {
      expect(await receipts(mail(headers, `${body}\n\n--\nIf you wish to stop receiving notifications`))).toMatchObject([{ targets: ['ours@acme.example'], recipient: 'ada@customer.example', reason: 'userunknown', statusClass: '5.1.1' }]);
    }
    const complaint = { notificationType: 'Complaint', complaint: { complainedRecipients: [{ emailAddress: 'ada@customer.example' }] } };
    expect((await parseMail(mail(headers, JSON.stringify(complaint)))).events.map(({ kind }) => kind)).toEqual(['receipt', 'consent']);
  });
});

// Two seconds of each would be a thousand times what it takes: what is quadratic takes minutes.
test.each([
  ['dashes', '-'.repeat(100_000)], ['stars', '* '.repeat(50_000)], ['blanks after words', `original message${' '.repeat(100_000)}x`],
  ['blanks after others', `[message headers${' '.repeat(100_000)}x`], ['ornaments', '> - = _ '.repeat(12_000)],
])('a line of a hundred thousand %s is read at once, whoever writes it', { timeout: 10_000 }, async (_, line) => {
  const { events } = await parseMail(mail(DAEMON, `This message was created automatically by mail delivery software.\n${line}x\nada@customer.example: 550 5.1.1 user unknown\n`));
  expect(events.map(({ kind }) => kind)).toEqual(['receipt']);
});
