// Configuration: environment variables, read once, all of them judged before anything starts. A wrong value is refused by its name, with
// what was expected, and never repeated in the message when it could be a secret.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { BlockList, isIP, isIPv4 } from 'node:net';
import { join, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import type { OutgoingAllow } from './http.ts';
import { LOG_LEVELS, type LogLevel } from './log.ts';

export interface Config {
  port: number;
  host: string;
  /** Null: an embedded PostgreSQL is started. */
  databaseUrl: string | null;
  /** The login that migrates; `databaseUrl` unless set apart. */
  migrationDatabaseUrl: string | null;
  /** Absolute. The embedded database, blobs and what was generated. */
  dataDir: string;
  /** The first workspace's admin key; null: a random one. */
  adminApiKey: { workspace: string; secret: string; text: string } | null;
  /** Where the world reaches this server, without a trailing slash. */
  publicUrl: string;
  secretKey: string;
  /** Keys before it, which still open what was sealed under them. */
  secretKeyPrevious: readonly string[];
  logLevel: LogLevel;
  /** Where mail is received; null: nowhere. */
  smtpPort: number | null;
  /** Certificate and key (PEM) by which mail may come in encrypted (STARTTLS); null: it comes in the clear. */
  smtpTls: { cert: string; key: string } | null;
  /** Whose word on the caller's address counts (X-Forwarded-For). */
  trustProxy: TrustProxy;
  /** What of our own network the server may connect to. */
  outgoingAllow: OutgoingAllow;
  /** What one caller may ask for in a minute, of this process. */
  rateLimits: { costPerMinute: number; refusedPerMinute: number; deliveriesPerMinute: number };
}

/** How many proxies stand before us, or which addresses they have; null: none. */
export type TrustProxy = number | BlockList | null;

/** Everything that is wrong, at once. */
export class InvalidConfig extends Error {
  override readonly name = 'InvalidConfig';
  constructor(readonly problems: string[]) {
    super(problems.join('\n'));
  }
}

const port = (name: string, lowest: number) =>
  z.string().refine((text) => /^\d{1,5}$/.test(text) && Number(text) >= lowest && Number(text) <= 65_535, `${name} must be a number from ${lowest} to 65535`).transform(Number);

const perMinute = (name: string, lowest: number, of: string, usual: number) =>
  z.string().refine((text) => /^\d{1,12}$/.test(text) && Number(text) >= lowest, `${name} must be ${of} a minute, at least ${lowest}`).transform(Number).default(usual);

const url = (name: string, protocols: string[], example: string) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), `${name} must be a URL such as ${example}`);

const postgresUrl = (name: string) => url(name, ['postgres:', 'postgresql:'], 'postgres://user:password@host:5432/database');

const KEY = /^tl_([A-Za-z0-9-]{1,40})_([A-Za-z0-9_-]{16,200})$/;

const variables = z.object({
  // 0: any free port, which is then printed.
  PORT: port('PORT', 0).default(4000),
  HOST: z.string().regex(/^[A-Za-z0-9.:_-]+$/, 'HOST must be a name or an IP address to listen on, such as 127.0.0.1 or 0.0.0.0').default('127.0.0.1'),
  DATABASE_URL: postgresUrl('DATABASE_URL').optional(),
  MIGRATION_DATABASE_URL: postgresUrl('MIGRATION_DATABASE_URL').optional(),
  DATA_DIR: z.string().refine((text) => !text.includes('\0'), 'DATA_DIR must be a path').default('.data'),
  ADMIN_API_KEY: z.string().regex(KEY, 'ADMIN_API_KEY must have the form tl_<workspace>_<secret>, the secret at least 16 letters, digits, _ or -').optional(),
  PUBLIC_URL: url('PUBLIC_URL', ['http:', 'https:'], 'https://support.example.com')
    .refine((text) => !/[?#]/.test(text), 'PUBLIC_URL must have no ? and no #').optional(),
  SECRET_KEY: z.string().min(32, 'SECRET_KEY must have at least 32 characters; `openssl rand -base64 48` makes one').optional(),
  SECRET_KEY_PREVIOUS: z.string().min(32, 'SECRET_KEY_PREVIOUS must be the SECRET_KEY from before, at least 32 characters').optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS as [LogLevel, ...LogLevel[]], `LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
  SMTP_PORT: port('SMTP_PORT', 0).optional(),
  SMTP_TLS_CERT: z.string().optional(),
  SMTP_TLS_KEY: z.string().optional(),
  // At least what one operation may cost (graphql/access.ts).
  RATE_LIMIT_COST_PER_MINUTE: perMinute('RATE_LIMIT_COST_PER_MINUTE', 20_000, 'points of cost', 1_200_000),
  RATE_LIMIT_REFUSED_PER_MINUTE: perMinute('RATE_LIMIT_REFUSED_PER_MINUTE', 1, 'refused requests of an address', 6_000),
  RATE_LIMIT_DELIVERIES_PER_MINUTE: perMinute('RATE_LIMIT_DELIVERIES_PER_MINUTE', 1, 'deliveries of an endpoint', 60_000),
  TRUST_PROXY: z.string().refine((text) => /^\d$/.test(text) || networks(text) !== null,
    'TRUST_PROXY must be how many proxies stand before the server (1 to 9), or their addresses, such as 10.0.0.0/8,192.0.2.7').optional(),
  OUTGOING_ALLOW: z.string().refine((text) => outgoingAllow(text) !== null,
    'OUTGOING_ALLOW must be host names and networks that may be private, separated by commas, such as mail.internal,10.1.0.0/16').optional(),
});

/**
 * Reads `env`; an empty variable counts as absent. Without DATABASE_URL a missing SECRET_KEY is made and kept in the data directory
 * (`secret-key`, readable by its owner only).
 * @throws InvalidConfig that names every wrong variable
 */
export function readConfig(env: Record<string, string | undefined>): Config {
  const present = Object.fromEntries(Object.entries(env).map(([name, text]) => [name, text?.trim() || undefined]));
  const parsed = variables.safeParse(present);
  const problems = parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.message}${shown(issue.path, present)}.`);
  if (present.DATABASE_URL && !present.SECRET_KEY) {
    problems.push('SECRET_KEY is missing: with DATABASE_URL it must be set, at least 32 characters, the same for every process; `openssl rand -base64 48` makes one.');
  }
  if (present.MIGRATION_DATABASE_URL && !present.DATABASE_URL) {
    problems.push('MIGRATION_DATABASE_URL is set without DATABASE_URL: set both, or neither for the embedded PostgreSQL.');
  }
  const smtpTls = certificate(present.SMTP_TLS_CERT, present.SMTP_TLS_KEY, problems);
  if (!parsed.success || problems.length) throw new InvalidConfig(problems);

  const read = parsed.data;
  const dataDir = resolve(read.DATA_DIR);
  const key = read.ADMIN_API_KEY ? KEY.exec(read.ADMIN_API_KEY) : null;
  return {
    port: read.PORT,
    host: read.HOST,
    databaseUrl: read.DATABASE_URL ?? null,
    migrationDatabaseUrl: read.MIGRATION_DATABASE_URL ?? read.DATABASE_URL ?? null,
    dataDir,
    adminApiKey: key ? { workspace: key[1]!, secret: key[2]!, text: key[0] } : null,
    publicUrl: (read.PUBLIC_URL ?? `http://${read.HOST.includes(':') ? `[${read.HOST}]` : read.HOST}:${read.PORT}`).replace(/\/+$/, ''),
    secretKey: read.SECRET_KEY ?? keptSecret(dataDir),
    secretKeyPrevious: read.SECRET_KEY_PREVIOUS ? [read.SECRET_KEY_PREVIOUS] : [],
    logLevel: read.LOG_LEVEL,
    smtpPort: read.SMTP_PORT ?? null,
    smtpTls,
    rateLimits: { costPerMinute: read.RATE_LIMIT_COST_PER_MINUTE, refusedPerMinute: read.RATE_LIMIT_REFUSED_PER_MINUTE, deliveriesPerMinute: read.RATE_LIMIT_DELIVERIES_PER_MINUTE },
    trustProxy: trustProxy(read.TRUST_PROXY),
    outgoingAllow: outgoingAllow(read.OUTGOING_ALLOW ?? '')!,
  };
}

/** Adds to `problems` what is wrong with the two files; the key's content is never among it. */
function certificate(certPath: string | undefined, keyPath: string | undefined, problems: string[]): Config['smtpTls'] {
  if (!certPath && !keyPath) return null;
  if (!certPath || !keyPath) {
    problems.push(`SMTP_TLS_CERT and SMTP_TLS_KEY go together: set the paths of the certificate and of its key, both in PEM.`);
    return null;
  }
  try {
    const pair = { cert: readFileSync(certPath, 'utf8'), key: readFileSync(keyPath, 'utf8') };
    createSecureContext(pair);
    // OpenSSL takes a certificate of one kind beside a key of another.
    if (!new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key))) throw new Error('They do not fit.');
    return pair;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    problems.push(`SMTP_TLS_CERT and SMTP_TLS_KEY must be the paths of a certificate and of its private key, both in PEM: ${typeof code === 'string' ? code : 'they cannot be used together'}.`);
    return null;
  }
}

const trustProxy = (text = '0'): TrustProxy => (/^\d$/.test(text) ? Number(text) || null : networks(text));

/** IP addresses and networks, separated by commas; null when something else is among them. */
function networks(text: string): BlockList | null {
  const list = new BlockList();
  for (const entry of text.split(',').map((one) => one.trim())) {
    const [address, bits, ...more] = entry.split('/');
    if (!isIP(address!) || more.length > 0) return null;
    const family = isIPv4(address!) ? 'ipv4' : 'ipv6';
    const most = family === 'ipv4' ? 32 : 128;
    if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most)) return null;
    list.addSubnet(address!, bits === undefined ? most : Number(bits), family);
  }
  return list;
}

const HOST_NAME = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?\.?$/;

/** Host names, IP addresses and networks, separated by commas; null when something else is among them. */
function outgoingAllow(text: string): OutgoingAllow | null {
  const entries = text.toLowerCase().split(',').map((entry) => entry.trim()).filter(Boolean);
  const hosts = entries.filter((entry) => HOST_NAME.test(entry));
  const others = entries.filter((entry) => !HOST_NAME.test(entry)).join();
  const allowed = others === '' ? new BlockList() : networks(others);
  return allowed && { hosts: new Set(hosts.map((host) => host.replace(/\.$/, ''))), networks: allowed };
}

/** Of values that are no secret, what was found. */
function shown(path: PropertyKey[], present: Record<string, string | undefined>): string {
  const name = String(path[0]);
  return name.startsWith('RATE_LIMIT_') || ['PORT', 'HOST', 'LOG_LEVEL', 'SMTP_PORT', 'PUBLIC_URL', 'TRUST_PROXY', 'OUTGOING_ALLOW'].includes(name) ? `, not "${present[name]}"` : '';
}

function keptSecret(dataDir: string): string {
  const path = join(dataDir, 'secret-key');
  if (!existsSync(path)) {
    mkdirSync(dataDir, { recursive: true });
    try {
      writeFileSync(path, randomBytes(48).toString('base64url'), { mode: 0o600, flag: 'wx', flush: true });
    } catch (error) {
      // Another process made it between the look and the writing.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  const secret = readFileSync(path, 'utf8').trim();
  if (secret.length < 32) throw new InvalidConfig([`${path} must hold at least 32 characters. Put it back from a backup: what was sealed opens with that key only.`]);
  return secret;
}
