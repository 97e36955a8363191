// What servers say, in their own words (from their documentation and sources), and the one word we make of it.
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { BOUNCE_REASONS, bounceReason } from '../../../src/channels/email/bounce-reasons.ts';

const reasonOf = (diagnostic: string, status: string | null = null) => bounceReason({ diagnostic, written: '', status, success: false, delayed: false });

const SAID: [reason: string, status: string | null, diagnostic: string][] = [
  // Postfix
  ['userunknown', '5.1.1', 'host mx.b.example[192.0.2.1] said: 550 5.1.1 <u@b.example>: Recipient address rejected: User unknown in virtual mailbox table (in reply to RCPT TO command)'],
  ['userunknown', '5.1.1', 'unknown user: "ada"'],
  ['blocked', '5.7.1', 'host mx.b.example[192.0.2.1] said: 554 5.7.1 Service unavailable; Client host [198.51.100.7] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/198.51.100.7 (in reply to RCPT TO command)'],
  ['hostunknown', '5.4.4', 'Host or domain name not found. Name service error for name=b.example type=AAAA: Host not found'],
  ['expired', '4.4.1', 'connect to mx.b.example[192.0.2.1]:25: Connection timed out'],
  ['mesgtoobig', '5.3.4', 'message size 31457280 exceeds size limit 10240000 of server mx.b.example[192.0.2.1]'],
  ['networkerror', '5.4.6', 'mail for b.example loops back to myself'],
  ['norelaying', '5.7.1', 'host mx.b.example[192.0.2.1] said: 554 5.7.1 <u@b.example>: Relay access denied (in reply to RCPT TO command)'],
  ['mailboxfull', '5.2.2', 'maildir delivery failed: error writing message: Disk quota exceeded'],
  ['mailererror', '5.3.0', 'Command died with status 127: "/usr/local/bin/filter". Command output: sh: not found'],
  ['rejected', '5.1.8', 'host mx.b.example[192.0.2.1] said: 450 4.1.8 <a@a.example>: Sender address rejected: Domain not found (in reply to RCPT TO command)'],
  ['requireptr', '4.7.1', 'host mx.b.example[192.0.2.1] said: 450 4.7.25 Client host rejected: cannot find your hostname, [198.51.100.7] (in reply to RCPT TO command)'],
  // Sendmail
  ['hostunknown', '5.1.2', '550 5.1.2 <u@b.example>... Host unknown (Name server: b.example: host not found)'],
  ['expired', '4.4.7', 'Deferred: Connection refused by mx.b.example.'],
  ['mesgtoobig', '5.3.4', '552 5.3.4 <u@b.example>... Message is too large; 10000000 bytes max'],
  ['rejected', '5.1.8', '553 5.1.8 <a@a.example>... Domain of sender address a@a.example does not exist'],
  ['networkerror', '5.4.6', '554 5.4.6 Too many hops 26 (25 max): from <a@a.example> via mx.b.example'],
  ['norelaying', '5.7.1', '550 5.7.1 <u@b.example>... Relaying denied'],
  ['userunknown', '5.1.1', '550 5.1.1 <u@b.example>... User unknown'],
  // qmail
  ['hostunknown', null, "Sorry, I couldn't find any host named b.example. (#5.1.2)"],
  ['userunknown', null, 'Sorry, no mailbox here by that name. (#5.1.1)'],
  ['norelaying', null, "Remote host said: 553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"],
  ['expired', null, "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)\nI'm not going to try again; this message has been in the queue too long."],
  // Exim
  ['hostunknown', null, 'Unrouteable address'],
  ['hostunknown', null, 'all relevant MX records point to non-existent hosts'],
  ['notaccept', null, 'an MX or SRV record indicated no SMTP service'],
  ['blocked', null, 'SMTP error from remote mail server after RCPT TO:<u@b.example>: host mx.b.example [192.0.2.1]: 550 rejected because 198.51.100.7 is in a black list at zen.spamhaus.org'],
  ['userunknown', null, 'SMTP error from remote mail server after RCPT TO:<u@b.example>: host mx.b.example [192.0.2.1]: 550 No Such User Here'],
  ['expired', null, 'retry timeout exceeded'],
  // Gmail
  ['userunknown', '5.1.1', "550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 double-checking the recipient's email address for typos or 550 5.1.1 unnecessary spaces."],
  ['mailboxfull', '4.2.2', '452-4.2.2 The email account that you tried to reach is over quota. Please direct 452 4.2.2 the recipient to'],
  ['suspend', '5.2.1', '550-5.2.1 The email account that you tried to reach is disabled.'],
  ['authfailure', '5.7.26', "550-5.7.26 Unauthenticated email from a.example is not accepted due to domain's 550-5.7.26 DMARC policy."],
  ['spamdetected', '5.7.1', '550-5.7.1 [198.51.100.7] Our system has detected that this message is likely 550-5.7.1 unsolicited mail. To reduce the amount of spam sent to Gmail, this 550-5.7.1 message has been blocked.'],
  ['hostunknown', '4.0.0', "DNS Error: 80335577 DNS type 'mx' lookup of b.example responded with code NXDOMAIN Domain name not found: b.example"],
  // Exchange, Microsoft 365
  ['userunknown', '5.1.10', '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup'],
  ['userunknown', '5.4.1', '550 5.4.1 Recipient address rejected: Access denied. [XX1EUR01FT004.eop-EUR01.prod.protection.outlook.com]'],
  ['mailboxfull', '5.2.2', "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException; Failed to process message due to a permanent exception"],
  ['blocked', '5.7.606', '550 5.7.606 Access denied, banned sending IP [198.51.100.7]. To request removal from this list please visit'],
  ['securityerror', '5.7.1', '550 5.7.1 RESOLVER.RST.AuthRequired; authentication required'],
  ['expired', '4.4.7', '550 4.4.7 QUEUE.Expired; message expired'],
  // Yahoo and others
  ['userunknown', null, "554 delivery error: dd This user doesn't have a yahoo.com account (u@yahoo.example) [0] - mta1.mail.example"],
  ['suspend', null, '554 delivery error: dd Sorry your message to u@yahoo.example cannot be delivered. This account has been disabled or discontinued [#102].'],
  ['virusdetected', '5.7.0', '554 5.7.0 Reject, id=20025-09 - INFECTED: Eicar-Test-Signature (virus found)'],
  ['spamdetected', '5.7.1', '554 5.7.1 The message has been rejected as spam'],
  ['systemfull', '4.3.1', '452 4.3.1 Insufficient system storage'],
  ['toomanyconn', '4.7.0', '421 4.7.0 Too many connections from your IP, try again later'],
  ['speeding', '4.2.1', '450 4.2.1 The user you are trying to contact is receiving mail too quickly: rate limit exceeded'],
  ['syntaxerror', '5.5.1', '503 5.5.1 Bad sequence of commands'],
  ['hasmoved', '5.1.6', '551 5.1.6 Mailbox has moved permanently'],
];

describe('the reason of a bounce', () => {
  test.each(SAID)('%s (%s): %s', (reason, status, diagnostic) => {
    expect(reasonOf(diagnostic, status).reason).toBe(reason);
  });

  test('an unknown user in answer to DATA was filtered; before RCPT TO only the sender can be meant', () => {
    expect(reasonOf('host b [192.0.2.1]: 550 unknown user (in reply to end of DATA command)').reason).toBe('filtered');
    expect(reasonOf('SMTP error after MAIL FROM:<a@a.example>: host b [192.0.2.1]: 550 a.example does not exist').reason).toBe('rejected');
    expect(reasonOf('SMTP error after initial connection: host b [192.0.2.1]: 554 Access denied').reason).toBe('blocked');
  });

  test("the status is the report's when it says something, else the one in the words, else the SMTP code's class", () => {
    expect(reasonOf('550 5.1.1 unknown', '5.2.1').status).toBe('5.2.1');
    expect(reasonOf('550 5.1.1 unknown', '5.0.0').status).toBe('5.1.1');
    expect(reasonOf('550 unknown').status).toBe('5.0.0');
    expect(reasonOf('450 unknown').status).toBe('4.0.0');
    expect(bounceReason({ diagnostic: '', written: '', status: null, success: false, delayed: true })).toEqual({ reason: 'expired', status: '4.0.0', replyCode: null });
    expect(bounceReason({ diagnostic: '250 2.1.5 Ok', written: '', status: '2.1.5', success: true, delayed: false })).toEqual({ reason: 'delivered', status: '2.1.5', replyCode: '250' });
    expect(reasonOf('550-5.7.1 one\n550 5.7.1 two').replyCode).toBe('550');
  });

  test('any words at all give one of the reasons, quickly', () => {
    const words = fc.array(fc.oneof(fc.constantFrom('user', 'mailbox', 'unknown', '550', '5.1.1', 'is', 'domain', 'from', '<', '>', ':', 'sender', 'exceeds', 'the', 'spf', '\n', '@', 'a'.repeat(300)), fc.string()), { maxLength: 400 });
    fc.assert(
      fc.property(words, fc.option(fc.constantFrom('5.0.0', '4.4.1', '5.7.26')), (parts, status) => {
        const began = performance.now();
        const { reason, status: given } = reasonOf(parts.join(' '), status);
        expect(BOUNCE_REASONS).toContain(reason);
        expect(given).toMatch(/^[245]\.\d{1,3}\.\d{1,3}$/);
        expect(performance.now() - began).toBeLessThan(500);
      }),
      { numRuns: 150 },
    );
  });
});
