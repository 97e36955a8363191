// A mail of ours, signed for its domain (RFC 6376), where the mailbox has a key: for servers that pass mail on and sign nothing themselves.
import { createPrivateKey } from 'node:crypto';
import { PassThrough } from 'node:stream';
import DKIM from 'nodemailer/lib/dkim';
import { z } from 'zod';
import type { Account } from '../channel.ts';

const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

export const dkimSettings = z.strictObject({
  domain: z.string().trim().toLowerCase().max(253).refine((text) => text.includes('.') && text.split('.').every((one) => label.test(one)), 'The domain that signs, as From has it, such as acme.example.'),
  selector: z.string().trim().toLowerCase().max(63).refine((text) => text.split('.').every((one) => label.test(one)), 'The selector of the key, such as `support` where its DNS record is support._domainkey.acme.example.'),
}).describe('By which DNS record receivers find the key that our mail is signed with; needs `secrets.dkimPrivateKey`.');

/** RFC 8301, 3.2: receivers take no signature of less than 1024 bits. */
const RSA_BITS_MIN = 1_024;

export const dkimPrivateKey = z.string().trim().max(20_000)
  .refine(isRsaKey, `An RSA private key of at least ${RSA_BITS_MIN} bits in PEM, not encrypted; \`openssl genrsa 2048\` makes one.`)
  .describe('The private key whose public half stands in the DNS record that `settings.dkim` names. Without it mail leaves unsigned.');

function isRsaKey(text: string): boolean {
  try {
    const key = createPrivateKey(text);
    return key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= RSA_BITS_MIN;
  } catch {
    return false;
  }
}

const CHUNK_BYTES = 64 * 1024;

/**
 * The mail with a signature on top; as it is where the mailbox signs none.
 * @throws Error when there is a selector without a key, or the key doesn't sign
 */
export async function signedMail(raw: Buffer, { settings, secrets }: Account<{ dkim?: z.infer<typeof dkimSettings> }, { dkimPrivateKey?: string } | null>): Promise<Buffer> {
  if (!settings.dkim) return raw;
  if (!secrets?.dkimPrivateKey) throw new Error('`settings.dkim` names a key that `secrets.dkimPrivateKey` does not hold.');
  const signer = new DKIM({ domainName: settings.dkim.domain, keySelector: settings.dkim.selector, privateKey: secrets.dkimPrivateKey });
  const input = new PassThrough();
  const output = signer.sign(input);
  void feed(input, raw);
  const chunks: Buffer[] = [];
  for await (const chunk of output as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Piece by piece, with the event loop's turn between them: the library hashes a large mail without letting go. */
async function feed(input: PassThrough, raw: Buffer): Promise<void> {
  for (let at = 0; at < raw.length; at += CHUNK_BYTES) {
    input.write(raw.subarray(at, at + CHUNK_BYTES));
    await new Promise((resolve) => setImmediate(resolve));
  }
  input.end();
}
