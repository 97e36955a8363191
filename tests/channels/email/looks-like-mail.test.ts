import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { looksLikeMail } from '../../../src/channels/email/looks-like-mail.ts';

describe('what our doors take for a mail', () => {
  it('has a header field of a mail before its first empty line', () => {
    for (const mail of ['From: a@b.example\r\n\r\nhi', 'received: by x\n\n', 'X-Spam: no\nSubject: x\n\nbody', 'Subject: only a head']) expect(looksLikeMail(Buffer.from(mail)), mail).toBe(true);
    for (const other of ['', 'hello world', '{"a":1}', 'a=1&b=2', '\r\n\r\nFrom: below the empty line', 'dear all,\n\nFrom: here']) expect(looksLikeMail(Buffer.from(other)), other).toBe(false);
  });

  it('is decided for any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 5_000 }), (bytes) => typeof looksLikeMail(Buffer.from(bytes)) === 'boolean'));
  });
});
