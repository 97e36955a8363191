import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { BlockList } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { InvalidConfig, readConfig } from '../../src/platform/config.ts';
import { selfSigned } from '../harness/certificate.ts';

const folder = mkdtempSync(join(tmpdir(), 'throughline-config-'));
afterAll(() => rmSync(folder, { recursive: true }));
const SECRET = 'x'.repeat(32);

const problemsOf = (env: Record<string, string>): string[] => {
  try {
    readConfig({ DATA_DIR: folder, ...env });
  } catch (error) {
    if (error instanceof InvalidConfig) return error.problems;
    throw error;
  }
  return [];
};

test('nothing configured: port 4000 on loopback, the embedded database, a secret that is kept and only ours to read', () => {
  const config = readConfig({ DATA_DIR: folder, PORT: '', DATABASE_URL: ' ' });
  expect(config).toMatchObject({ port: 4000, host: '127.0.0.1', databaseUrl: null, migrationDatabaseUrl: null, adminApiKey: null, smtpPort: null, logLevel: 'info', publicUrl: 'http://127.0.0.1:4000' });
  expect(config.secretKey.length).toBeGreaterThanOrEqual(32);
  expect(readConfig({ DATA_DIR: folder }).secretKey).toBe(config.secretKey);
  expect(statSync(join(folder, 'secret-key')).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(folder, 'secret-key'), 'utf8').trim()).toBe(config.secretKey);
});

test.each([
  ['PORT', '70000', 'PORT must be a number from 0 to 65535, not "70000"'],
  ['PORT', '80a', 'PORT must be'],
  ['PORT', '-1', 'PORT must be'],
  ['HOST', 'http://x', 'HOST must be'],
  ['DATABASE_URL', 'mysql://u:hunter2@h/d', 'DATABASE_URL must be a URL such as postgres://'],
  ['MIGRATION_DATABASE_URL', 'nonsense', 'MIGRATION_DATABASE_URL must be'],
  ['ADMIN_API_KEY', 'tl_demo_short', 'ADMIN_API_KEY must have the form tl_<workspace>_<secret>'],
  ['PUBLIC_URL', 'support.example.com', 'PUBLIC_URL must be a URL'],
  ['PUBLIC_URL', 'https://support.example.com/?a=1', 'PUBLIC_URL must have no ?'],
  ['SECRET_KEY', 'hunter2', 'SECRET_KEY must have at least 32 characters'],
  ['LOG_LEVEL', 'loud', 'LOG_LEVEL must be one of trace, debug'],
  ['SMTP_PORT', 'x', 'SMTP_PORT must be'],
  ['RATE_LIMIT_COST_PER_MINUTE', '19999', 'RATE_LIMIT_COST_PER_MINUTE must be points of cost a minute, at least 20000, not "19999"'],
  ['RATE_LIMIT_REFUSED_PER_MINUTE', '-1', 'RATE_LIMIT_REFUSED_PER_MINUTE must be'],
  ['RATE_LIMIT_DELIVERIES_PER_MINUTE', '1e3', 'RATE_LIMIT_DELIVERIES_PER_MINUTE must be'],
  ['SECRET_KEY_PREVIOUS', 'hunter2', 'SECRET_KEY_PREVIOUS must be the SECRET_KEY from before'],
  ['TRUST_PROXY', 'yes', 'TRUST_PROXY must be how many proxies stand before the server (1 to 9), or their addresses, such as 10.0.0.0/8,192.0.2.7, not "yes"'],
  ['TRUST_PROXY', '10.0.0.0/33', 'TRUST_PROXY must be'],
  ['OUTGOING_ALLOW', 'http://mail.internal', 'OUTGOING_ALLOW must be host names and networks'],
  ['OUTGOING_ALLOW', 'mail.internal,10.0.0.0/8/8', 'OUTGOING_ALLOW must be'],
])('a wrong %s (%s) is refused by name with what was expected', (name, value, words) => {
  const problems = problemsOf({ SECRET_KEY: SECRET, [name]: value });
  expect(problems.join('\n')).toContain(words);
  // Neither passwords nor keys come back in the message.
  expect(problems.join('\n')).not.toMatch(/hunter2|tl_demo_short/);
});

test('mail comes in encrypted with a certificate and its key; one alone, or two that do not fit, are refused without being shown', () => {
  const made = selfSigned('mx.acme.example');
  const pair = { SMTP_TLS_CERT: join(folder, 'cert.pem'), SMTP_TLS_KEY: join(folder, 'key.pem') };
  writeFileSync(pair.SMTP_TLS_CERT, made.cert);
  writeFileSync(pair.SMTP_TLS_KEY, made.key);
  expect(readConfig({ DATA_DIR: folder, ...pair }).smtpTls).toEqual({ cert: made.cert, key: made.key });
  expect(readConfig({ DATA_DIR: folder }).smtpTls).toBeNull();
  expect(problemsOf({ SMTP_TLS_CERT: pair.SMTP_TLS_CERT })).toEqual([expect.stringContaining('go together')]);
  expect(problemsOf({ ...pair, SMTP_TLS_KEY: join(folder, 'none.pem') })).toEqual([expect.stringContaining('ENOENT')]);
  const other = join(folder, 'other.pem');
  writeFileSync(other, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const problems = problemsOf({ ...pair, SMTP_TLS_KEY: other });
  expect(problems).toEqual([expect.stringContaining('SMTP_TLS_CERT and SMTP_TLS_KEY must be')]);
  expect(problems.join()).not.toContain('PRIVATE');
});

test('every wrong variable is named at once', () => {
  expect(problemsOf({ PORT: 'x', LOG_LEVEL: 'y' })).toHaveLength(2);
});

test('with a database of its own the secret must be given, and a migration login needs a serving one', () => {
  expect(problemsOf({ DATABASE_URL: 'postgres://u@h/d' }).join()).toContain('SECRET_KEY is missing');
  expect(problemsOf({ MIGRATION_DATABASE_URL: 'postgres://u@h/d' }).join()).toContain('without DATABASE_URL');
  expect(readConfig({ DATA_DIR: folder, DATABASE_URL: 'postgres://u@h/d', SECRET_KEY: SECRET }).migrationDatabaseUrl).toBe('postgres://u@h/d');
});

test('a damaged kept secret is refused instead of being replaced', () => {
  const other = mkdtempSync(join(folder, 'damaged-'));
  writeFileSync(join(other, 'secret-key'), 'short');
  expect(() => readConfig({ DATA_DIR: other })).toThrow(/secret-key must hold at least 32/);
  expect(readFileSync(join(other, 'secret-key'), 'utf8')).toBe('short');
});

test('an admin key is taken apart', () => {
  const text = 'tl_acme-1_s3cret_with_underscores';
  expect(readConfig({ DATA_DIR: folder, ADMIN_API_KEY: text }).adminApiKey).toEqual({ workspace: 'acme-1', secret: 's3cret_with_underscores', text });
});

test('proxies are a number or networks, what may be private names and networks, and the secret before is one text', () => {
  const config = readConfig({ DATA_DIR: folder, TRUST_PROXY: '10.0.0.0/8, 2001:db8::1', OUTGOING_ALLOW: 'Mail.Internal., 192.168.7.0/24,10.9.9.9', SECRET_KEY_PREVIOUS: `${SECRET}, y` });
  const proxies = config.trustProxy as BlockList;
  expect([proxies.check('10.2.3.4'), proxies.check('11.2.3.4'), proxies.check('2001:db8::1', 'ipv6'), proxies.check('2001:db8::2', 'ipv6')]).toEqual([true, false, true, false]);
  expect([...config.outgoingAllow.hosts]).toEqual(['mail.internal']);
  expect(['192.168.7.9', '192.168.8.9', '10.9.9.9', '10.9.9.8'].map((address) => config.outgoingAllow.networks.check(address))).toEqual([true, false, true, false]);
  expect(config.secretKeyPrevious).toEqual([`${SECRET}, y`]);
  expect(readConfig({ DATA_DIR: folder, TRUST_PROXY: '2' }).trustProxy).toBe(2);
  expect(readConfig({ DATA_DIR: folder })).toMatchObject({ trustProxy: null, secretKeyPrevious: [] });
});
