// Mails that we wrote: of people and of a machine, one twice, one that is none, one nested without end, and an mbox.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes them under `root`; gives their folder. 10 mails in 8 files: 6 messages, one twice, a report, and two that can't be read. */
export function ownMails(root: string): string {
  const folder = join(root, 'mails', 'older');
  mkdirSync(folder, { recursive: true });
  const mail = (name: string, headers: string[], text: string) => writeFileSync(join(folder, name), [...headers, '', text, ''].join('\r\n'));
  mail('1-question.eml', ['From: Bea <bea@customers.example>', 'To: support@acme.example', 'Subject: A question', 'Date: Mon, 5 Feb 2024 10:00:00 +0100', 'Message-ID: <1@customers.example>'], 'Do you ship to Norway?');
  mail('2-follow-up.eml', ['From: Bea <bea@customers.example>', 'To: support@acme.example', 'Subject: Re: A question', 'Date: Tue, 6 Feb 2024 10:00:00 +0100', 'Message-ID: <2@customers.example>', 'In-Reply-To: <1@customers.example>'], 'Still curious.');
  mail('3-without-id.eml', ['From: carl@customers.example', 'To: support@acme.example', 'Subject: =?utf-8?B?R3LDvMOfZQ==?=', 'Date: Tue, 6 Feb 2024 11:00:00 +0100'], 'No Message-ID here.');
  mail('4-again.eml', ['From: Bea <bea@customers.example>', 'To: support@acme.example', 'Subject: A question', 'Date: Mon, 5 Feb 2024 10:00:00 +0100', 'Message-ID: <1@customers.example>'], 'Do you ship to Norway?');
  mail('5-bounce.eml', ['From: MAILER-DAEMON@mx.example', 'To: support@acme.example', 'Subject: Undelivered', 'Date: Tue, 6 Feb 2024 12:00:00 +0100', 'Message-ID: <5@mx.example>', 'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"'],
  ['--b', 'Content-Type: text/plain', '', 'It could not be delivered.', '--b', 'Content-Type: message/delivery-status', '', 'Reporting-MTA: dns; mx.example', '', 'Final-Recipient: rfc822; gone@customers.example', 'Action: failed', 'Status: 5.1.1',
    'Diagnostic-Code: smtp; 550 5.1.1 No such user', '--b--'].join('\r\n'));
  writeFileSync(join(folder, '6-nothing.eml'), '');
  const nested = Array.from({ length: 1_000 }, (_, i) => `Content-Type: multipart/mixed; boundary="b${i}"\r\n\r\n--b${i}\r\n`).join('');
  writeFileSync(join(folder, '7-nested.eml'), `From: dora@customers.example\r\nTo: support@acme.example\r\nMessage-ID: <7@customers.example>\r\nMIME-Version: 1.0\r\n${nested}`);
  writeFileSync(join(folder, '8-archive.mbox'), ['From bea@customers.example Mon Feb  5 10:00:00 2024', ...readFileSync(join(folder, '2-follow-up.eml'), 'latin1').replace('<2@', '<8@').split('\r\n'),
    'From emil@customers.example Mon Feb  5 10:00:00 2024', 'From: emil@customers.example', 'To: support@acme.example', 'Subject: Two', 'Message-ID: <9@customers.example>', 'Date: Wed, 7 Feb 2024 10:00:00 +0100', '', '>From the beginning: hello.', ''].join('\n'));
  writeFileSync(join(folder, 'notes.txt'), 'not a mail');
  return join(root, 'mails');
}
