// What may not lie open in the database: channels' credentials are sealed, addresses that only need comparing are hashed under a key.
// Everything derives from SECRET_KEY, by purpose, so that no key is used for two things; but the hash key is kept in the database, sealed
// (hash-key.ts): what was hashed must be known again for good, also after SECRET_KEY was changed.
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

interface Key {
  id: Buffer;
  seal: Buffer;
}

/** The present one first. */
let secrets: readonly string[] = [];
let current: Key | undefined;
let known = new Map<string, Key>();

/**
 * Call once, before anything else here. What was sealed under one of `older` (the latest first) still opens; it is sealed anew under `secretKey`
 * when it is written next, or by `throughline keys rotate-secret`. Until `useHashKey`, `keyedHash` hashes under `firstHashKey()`.
 */
export function initSecrets(secretKey: string, older: readonly string[] = []): void {
  secrets = [secretKey, ...older];
  hashKey = undefined;
  current = keyOf(secretKey);
  known = new Map([secretKey, ...older].map((text) => keyOf(text)).map((key) => [key.id.toString('hex'), key]));
}

const keyOf = (text: string): Key => ({ id: derive(text, 'key id', 4), seal: derive(text, 'seal', 32) });

const derive = (text: string, purpose: string, bytes: number): Buffer =>
  Buffer.from(hkdfSync('sha256', Buffer.from(text), Buffer.from('throughline'), Buffer.from(purpose), bytes));

const FORMAT = 1;
const HEAD = 1 + 4 + 12 + 16;

/**
 * AES-256-GCM: format (1 byte), key id (4), nonce (12), tag (16), then the sealed text. `boundTo` names where it belongs (workspace and
 * account): copied to another row it doesn't open.
 */
export function seal(plain: Buffer | string, boundTo: string): Buffer {
  const key = ready(current);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key.seal, nonce);
  const head = Buffer.concat([Buffer.from([FORMAT]), key.id]);
  cipher.setAAD(Buffer.concat([head, Buffer.from(boundTo)]));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([head, nonce, cipher.getAuthTag(), sealed]);
}

/** @throws Error when it was sealed under an unknown key, for another place, or was changed. */
export function open(sealed: Uint8Array, boundTo: string): Buffer {
  ready(current);
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  if (bytes.length < HEAD || bytes[0] !== FORMAT) throw new Error('This is not a sealed value.');
  const key = known.get(bytes.toString('hex', 1, 5));
  if (!key) throw new Error('A value was sealed under another SECRET_KEY; start with the key that the database was used with, or name it in SECRET_KEY_PREVIOUS.');
  const decipher = createDecipheriv('aes-256-gcm', key.seal, bytes.subarray(5, 17), { authTagLength: 16 });
  decipher.setAAD(Buffer.concat([bytes.subarray(0, 5), Buffer.from(boundTo)]));
  decipher.setAuthTag(bytes.subarray(17, HEAD));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(HEAD)), decipher.final()]);
  } catch {
    throw new Error('A sealed value was changed, or belongs to another row.');
  }
}

/** Whether it was sealed under the present key. */
export const isSealedAnew = (sealed: Uint8Array): boolean => ready(current).id.equals(sealed.subarray(1, 5));

let hashKey: Buffer | undefined;

/** HMAC-SHA256: equal texts have equal hashes for as long as the database lives, and without SECRET_KEY nobody can try texts. */
export const keyedHash = (text: string): Buffer => createHmac('sha256', (hashKey ??= firstHashKey())).update(text).digest();

/** What a database's hash key begins as: derived from the oldest key that is known, which databases of before hashed under. */
export const firstHashKey = (): Buffer => derive(ready(secrets.at(-1)), 'subkey hash', 32);

/** From now on `keyedHash` hashes under this key: the database's own. */
export function useHashKey(key: Buffer): void {
  hashKey = key;
}

/** 32 bytes for one purpose (tokens, addresses of files); other purposes' keys can't be found from it. */
export const subkey = (purpose: string): Buffer => subkeys(purpose)[0]!;

/** The same, and those of the older keys: what was signed before SECRET_KEY was changed is still known. */
export const subkeys = (purpose: string): Buffer[] => {
  ready(secrets[0]);
  return secrets.map((secret) => derive(secret, `subkey ${purpose}`, 32));
};

function ready<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('initSecrets(SECRET_KEY) was not called.');
  return value;
}
