// From what stands in `Authorization` to who asks. A key or token is looked up again after 4 s at the latest, so that a revoked one dies
// within 5 s in every process, with no message between them.
import { createHash, randomBytes } from 'node:crypto';
import { nowMs } from '../platform/clock.ts';
import type { Sql } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { permissionsOf, type ViewerRole } from './permissions.ts';
import { BadToken, verifyOwnToken, type TokenClaims } from './tokens.ts';
import type { Actor, CredentialRef, Viewer } from './viewer.ts';

/** How long an answer about a key or token is believed. */
export const VIEWER_MS_MAX = 4_000;
const REMEMBERED_MAX = 20_000;
const AUTHORIZATION_CHARACTERS_MAX = 8_192;

/** A new key: `tl_<workspace, 32 hex>_<43 random characters>`, what is stored of it, and the start by which people tell keys apart. */
export function newApiKey(workspaceId: string): { text: string; hash: Buffer; hint: string } {
  return describeApiKey(`tl_${workspaceId.replaceAll('-', '')}_${randomBytes(32).toString('base64url')}`);
}

/** The same for a key whose text is given (`ADMIN_API_KEY`). The hint shows four characters of the secret at most. */
export function describeApiKey(text: string): { text: string; hash: Buffer; hint: string } {
  const own = /^tl_[0-9a-f]{32}_/.exec(text);
  const hint = own ? `tl_…_${text.slice(own[0].length, own[0].length + 4)}…` : `${text.slice(0, Math.min(4, text.length >> 2))}…`;
  return { text, hash: hashOf(text), hint };
}

/** Who may come in by a door: `api` are keys and members, `visitor` are end customers. */
export type Audience = 'api' | 'visitor';

/**
 * Who asks, from an `Authorization` header (the same text in a WebSocket's `connection_init`): `Bearer <key or token>`.
 * Answers come from memory for up to 4 s; expiry is checked every time. `sql` is a pool of the app role, outside any workspace.
 * @throws Refusal UNAUTHENTICATED, the same for every reason.
 */
export async function viewerOf(sql: Sql, authorization: unknown, options: { audience?: readonly Audience[] } = {}): Promise<Viewer> {
  const text = bearer(authorization);
  if (text === null) throw unauthenticated();
  const viewer = await remembered(sql, text);
  if (viewer === null) throw unauthenticated();
  if (viewer.expiresAtMs !== null && viewer.expiresAtMs <= nowMs()) throw unauthenticated();
  if (options.audience && !options.audience.includes(viewer.role === 'VISITOR' ? 'visitor' : 'api')) throw unauthenticated();
  return viewer;
}

export const unauthenticated = (): Refusal =>
  new Refusal('UNAUTHENTICATED', 'Send a valid key or token, not expired and not revoked: `Authorization: Bearer …`.');

/** `Bearer x` -> `x`; null for everything else, whatever its type. */
export function bearer(authorization: unknown): string | null {
  if (typeof authorization !== 'string' || authorization.length > AUTHORIZATION_CHARACTERS_MAX) return null;
  // Printable ASCII only: what a header can carry, and what no database has trouble with.
  return /^bearer +([\x21-\x7e]+) *$/i.exec(authorization)?.[1] ?? null;
}

/** What identifies a credential without being one. */
export type Credential = { kind: 'KEY'; hashHex: string; workspaceId: string | null } | ({ kind: 'TOKEN'; publishable: boolean } & Pick<TokenClaims, 'jti' | 'workspaceId' | 'identityIds' | 'memberId'> & { of: TokenClaims['kind'] });

/** Reads a key or token without asking the database; null when it can't be a valid one. */
export async function credentialOf(text: string): Promise<Credential | null> {
  const open = /^tlp_([0-9a-f]{32})_([0-9a-f]{32})$/.exec(text);
  if (open) {
    return { kind: 'TOKEN', publishable: true, of: 'VISITOR', workspaceId: dashed(open[1]!), jti: dashed(open[2]!), memberId: null, identityIds: [] };
  }
  if (text.startsWith('eyJ')) {
    try {
      const { kind, ...claims } = await verifyOwnToken(text);
      return { kind: 'TOKEN', publishable: false, of: kind, ...claims };
    } catch (error) {
      if (error instanceof BadToken) return null;
      throw error;
    }
  }
  const workspace = /^tl_([0-9a-f]{32})_/.exec(text)?.[1];
  return { kind: 'KEY', hashHex: hashOf(text).toString('hex'), workspaceId: workspace ? dashed(workspace) : null };
}

/**
 * Who is behind each credential now, in its order; null for one that isn't valid (any more). Two statements for any number of them.
 */
export async function currentViewers(sql: Sql, credentials: readonly Credential[]): Promise<(Viewer | null)[]> {
  const hashes = credentials.flatMap((c) => (c.kind === 'KEY' ? [c.hashHex] : []));
  const jtis = credentials.flatMap((c) => (c.kind === 'TOKEN' ? [c.jti] : []));
  const [keys, tokens] = await Promise.all([
    hashes.length === 0
      ? []
      : sql<(KeyRow & { hex: string })[]>`
          select h.hex, k.* from unnest(${hashes}::text[]) h (hex) cross join lateral find_api_key(decode(h.hex, 'hex')) k`,
    jtis.length === 0
      ? []
      : sql<(TokenRow & { jti: string })[]>`
          select j.id as jti, t.* from unnest(${jtis}::uuid[]) j (id) cross join lateral find_token(j.id) t`,
  ]);
  const keyByHash = new Map(keys.map((row) => [row.hex, row]));
  const tokenById = new Map(tokens.map((row) => [row.jti, row]));
  return credentials.map((c) => (c.kind === 'KEY' ? viewerOfKey(c, keyByHash.get(c.hashHex)) : viewerOfToken(c, tokenById.get(c.jti))));
}

interface KeyRow {
  workspaceId: string;
  id: string;
  role: Exclude<ViewerRole, 'VISITOR'>;
  scopes: string[];
  expiresAt: string | null;
  revokedAt: string | null;
}

function viewerOfKey(credential: Credential & { kind: 'KEY' }, row: KeyRow | undefined): Viewer | null {
  if (!row || row.revokedAt !== null || isPast(row.expiresAt)) return null;
  if (credential.workspaceId !== null && credential.workspaceId !== row.workspaceId) return null;
  return viewer(row.role, row.scopes, { workspaceId: row.workspaceId, kind: 'API_KEY', id: row.id }, { kind: 'API_KEY', id: row.id }, row.expiresAt);
}

interface TokenRow {
  workspaceId: string;
  kind: 'MEMBER' | 'VISITOR';
  memberId: string | null;
  memberRole: Exclude<ViewerRole, 'VISITOR'> | null;
  memberDeactivatedAt: string | null;
  identityId: string | null;
  accountId: string | null;
  expiresAt: string;
  revokedAt: string | null;
}

function viewerOfToken(credential: Credential & { kind: 'TOKEN' }, row: TokenRow | undefined): Viewer | null {
  if (!row || row.revokedAt !== null || isPast(row.expiresAt)) return null;
  if (row.workspaceId !== credential.workspaceId || row.kind !== credential.of) return null;
  if (row.kind === 'MEMBER') {
    if (row.memberRole === null || row.memberDeactivatedAt !== null || row.memberId !== credential.memberId) return null;
    return viewer(row.memberRole, [], { workspaceId: row.workspaceId, kind: 'MEMBER', id: row.memberId }, { kind: 'MEMBER_TOKEN', id: credential.jti }, row.expiresAt);
  }
  if (row.accountId === null || row.identityId !== (credential.identityIds[0] ?? null) || credential.publishable !== (row.identityId === null)) return null;
  const actor: Actor = { workspaceId: row.workspaceId, kind: 'CUSTOMER', id: row.identityId };
  // A publishable key stands in a page for good; its row's end of time is none.
  const by: CredentialRef = { kind: credential.publishable ? 'PUBLISHABLE_KEY' : 'VISITOR_TOKEN', id: credential.jti };
  return viewer('VISITOR', [], actor, by, credential.publishable ? null : row.expiresAt, credential.identityIds, row.accountId);
}

function viewer(
  role: ViewerRole,
  scopes: readonly string[],
  actor: Actor,
  credential: CredentialRef,
  expiresAt: string | null,
  identityIds: readonly string[] = [],
  accountId: string | null = null,
): Viewer {
  const permissions = permissionsOf(role, scopes);
  const sees = JSON.stringify([actor.workspaceId, role, [...permissions].sort(), identityIds, accountId]);
  return {
    workspaceId: actor.workspaceId,
    role,
    permissions,
    actor,
    memberId: actor.kind === 'MEMBER' ? actor.id : null,
    identityIds,
    accountId,
    permissionKey: createHash('sha256').update(sees).digest('base64url').slice(0, 22),
    expiresAtMs: expiresAt === null ? null : Date.parse(expiresAt),
    credential,
  };
}

interface Memory {
  atMs: number;
  viewer: Promise<Viewer | null>;
}
const memories = new WeakMap<Sql, Map<string, Memory>>();

// What is not valid isn't remembered: a flood of made-up keys then can't push the valid ones out.
function remembered(sql: Sql, text: string): Promise<Viewer | null> {
  const memory = memories.get(sql) ?? new Map<string, Memory>();
  memories.set(sql, memory);
  const name = createHash('sha256').update(text).digest('base64');
  const known = memory.get(name);
  const ageMs = known ? nowMs() - known.atMs : Infinity;
  if (known && ageMs >= 0 && ageMs < VIEWER_MS_MAX) return known.viewer;
  const entry: Memory = { atMs: nowMs(), viewer: lookUp(sql, text) };
  const forget = () => {
    if (memory.get(name) === entry) memory.delete(name);
  };
  entry.viewer.then((found) => found === null && forget(), forget);
  memory.delete(name);
  memory.set(name, entry);
  // A Map keeps the order of insertion: the first is the one looked up longest ago.
  if (memory.size > REMEMBERED_MAX) memory.delete(memory.keys().next().value!);
  return entry.viewer;
}

/** Whether this process has let the key or token in before, and not seen it refused since: told from memory. */
export function isRemembered(sql: Sql, authorization: unknown): boolean {
  const text = bearer(authorization);
  return text !== null && memories.get(sql)?.has(createHash('sha256').update(text).digest('base64')) === true;
}

async function lookUp(sql: Sql, text: string): Promise<Viewer | null> {
  const credential = await credentialOf(text);
  return credential === null ? null : (await currentViewers(sql, [credential]))[0]!;
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();
const isPast = (moment: string | null): boolean => moment !== null && Date.parse(moment) <= nowMs();
const dashed = (hex: string): string => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
