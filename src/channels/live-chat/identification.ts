// A visitor whom the company's own backend knows: it signs a short token about him, with a key that the chat account holds.
import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { BadToken, verifyToken, type TokenAlgorithm } from '../../access/tokens.ts';

const LIFETIME_MS_MAX = 24 * 3_600_000;

/** The key that identifies visitors. Its algorithm is fixed here: what a token's header says of it is never believed. */
export const identificationKey = z
  .strictObject({
    algorithm: z.enum(['HS256', 'RS256', 'ES256']).describe('How the tokens are signed.'),
    key: z.string().max(8_192).describe('HS256: a secret of at least 32 characters. RS256 (2,048 bits or more) and ES256: the public key as PEM.'),
  }, { error: ({ code }) => (code === 'invalid_type' ? 'Expected `{ "algorithm": "ES256", "key": "-----BEGIN PUBLIC KEY-----…" }` (or RS256, or HS256 with a secret): the key of the tokens that your backend signs.' : undefined) })
  .superRefine(({ algorithm, key }, context) => {
    const fault = faultOf(algorithm, key);
    if (fault) context.addIssue({ code: 'custom', path: ['key'], message: fault });
  });
export type IdentificationKey = z.infer<typeof identificationKey>;

function faultOf(algorithm: TokenAlgorithm, text: string): string | null {
  if (algorithm === 'HS256') {
    if (text.includes('-----BEGIN')) return 'This is a key pair’s PEM, not a secret: whoever has the public key could sign with it. Choose RS256 or ES256.';
    return text.length < 32 ? 'The secret must have at least 32 characters.' : null;
  }
  if (text.includes('PRIVATE KEY')) return 'This is a private key, which belongs to your backend alone. Give its public key.';
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPublicKey(text);
    if (algorithm === 'RS256') return type === 'rsa' && details!.modulusLength! >= 2_048 ? null : 'RS256 needs an RSA key of 2,048 bits or more.';
    return type === 'ec' && details!.namedCurve === 'prime256v1' ? null : 'ES256 needs a key of the curve P-256.';
  } catch {
    return 'This is no public key in PEM form.';
  }
}

/** Who the company says that the visitor is. */
export interface Identified {
  /** The customer's id in the company's own system. */
  externalId: string;
  name: string | null;
  email: string | null;
  /** True only when the company says that it has checked the address. */
  emailVerified: boolean;
  phone: string | null;
}

/**
 * Who a token of the company's backend says that the visitor is: `sub` is his id there; `name`, `email`, `email_verified`, `phone_number`
 * (E.164) as OpenID Connect names them; an address without `email_verified: true` is only claimed. `aud` must be the account's id (`cha_…`),
 * and `exp` at most 24 hours away.
 * Any of `keys` may have signed: two of them while one is being replaced.
 * @throws BadToken, saying why, for the company's developers (only they can have made a token at all).
 */
export async function identifiedBy(token: string, account: string, keys: readonly IdentificationKey[]): Promise<Identified> {
  let why = new BadToken('the account has no identification key');
  for (const { algorithm, key } of keys) {
    let claims: Record<string, unknown>;
    try {
      claims = await verifyToken(token, { key: keyObject(algorithm, key), algorithm, audience: account, lifetimeMsMax: LIFETIME_MS_MAX });
    } catch (error) {
      if (!(error instanceof BadToken)) throw error;
      why = error;
      continue;
    }
    return identifiedOf(claims);
  }
  throw why;
}

const keyObject = (algorithm: TokenAlgorithm, key: string): KeyObject => (algorithm === 'HS256' ? createSecretKey(Buffer.from(key, 'utf8')) : createPublicKey(key));

function identifiedOf(claims: Record<string, unknown>): Identified {
  const text = (name: string): string | null => {
    const value = claims[name];
    if (value === undefined || value === null || value === '') return null;
    if (typeof value !== 'string' || value.length > 320) throw new BadToken(`${name} is not a text of at most 320 characters`);
    return value;
  };
  const externalId = text('sub');
  if (externalId === null) throw new BadToken('sub is missing');
  // An address is proven by an explicit `true`; what some libraries write for it ("false" is a text, and true) must not prove one.
  const verified = claims.email_verified ?? false;
  if (typeof verified !== 'boolean') throw new BadToken('email_verified is neither true nor false (write the JSON value, without quotes)');
  return { externalId, name: text('name'), email: text('email'), emailVerified: verified, phone: text('phone_number') };
}
