// Signed tokens: one verifier for every one of them, wherever it comes in (HTTP, WebSocket, a visitor's identification).
//
//   member token    a front end acts as a person; ≤ 12 h
//   visitor token   an end customer, his own side only; ≤ 30 days
//   identification  made by the company's backend for one of its logged-in customers; ≤ 24 h; the key is the chat account's
//
// Ours are HS256 under a key derived from SECRET_KEY and are rows of `tokens` besides, so that they can be revoked.
import { createSecretKey, type KeyObject } from 'node:crypto';
import { jwtVerify, SignJWT, type JWTPayload } from 'jose';
import { appendEvents } from '../events/append.ts';
import { now, nowMs } from '../platform/clock.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { subkey, subkeys } from '../platform/secrets.ts';
import type { Actor } from './viewer.ts';

export const MEMBER_TOKEN_MS_MAX = 12 * 3_600_000;
export const VISITOR_TOKEN_MS_MAX = 30 * 86_400_000;
const VISITOR_TOKEN_MS = 24 * 3_600_000;
const TOKEN_CHARACTERS_MAX = 4_096;
/** How far the clocks of two machines may differ. */
const SKEW_MS = 10_000;

const ISSUER = 'throughline';
const TYPE = 'throughline+jwt';
const AUDIENCES = { MEMBER: 'throughline/api', VISITOR: 'throughline/visitor' } as const;

export type TokenAlgorithm = 'HS256' | 'RS256' | 'ES256';

/** What a token must be like. The algorithm belongs to the key, never to what the token's header says. */
export interface Expected {
  key: KeyObject;
  algorithm: TokenAlgorithm;
  audience: string | string[];
  /** None: any, or none. */
  issuer?: string;
  /** The header's `typ`; none: any. */
  type?: string;
  lifetimeMsMax: number;
}

/** Why a token is refused: for the log, never for whoever sent it. */
export class BadToken extends Error {
  override readonly name = 'BadToken';
}

/**
 * The claims of a token whose signature, algorithm, audience, issuer, type and times are all as expected. `exp` is required, and no more
 * than `lifetimeMsMax` away from now and from `iat`. Header parameters that name keys (kid, jku, jwk, x5u, x5c) are never looked at.
 * @throws BadToken
 */
export async function verifyToken(text: string, expected: Expected): Promise<JWTPayload> {
  if (text.length > TOKEN_CHARACTERS_MAX) throw new BadToken('longer than 4,096 characters');
  if (!/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(text)) throw new BadToken('not three base64url parts');
  let claims: JWTPayload;
  try {
    ({ payload: claims } = await jwtVerify(text, expected.key, {
      algorithms: [expected.algorithm],
      audience: expected.audience,
      issuer: expected.issuer,
      typ: expected.type,
      requiredClaims: ['exp'],
      currentDate: new Date(nowMs()),
    }));
  } catch (error) {
    throw new BadToken((error as Error).message);
  }
  const { exp, iat } = claims;
  // JSON.parse('1e999') is Infinity, a number that never expires.
  if (!Number.isSafeInteger(exp)) throw new BadToken('exp is not a whole number');
  if (iat !== undefined && !Number.isSafeInteger(iat)) throw new BadToken('iat is not a whole number');
  if (iat !== undefined && iat * 1000 > nowMs() + SKEW_MS) throw new BadToken('issued in the future');
  if (exp! * 1000 - nowMs() > expected.lifetimeMsMax + SKEW_MS) throw new BadToken('lives too long');
  if (iat !== undefined && (exp! - iat) * 1000 > expected.lifetimeMsMax) throw new BadToken('lives too long');
  return claims;
}

/** What one of our own tokens says, its signature checked; whether it still holds, its row says (access/keys.ts). */
export interface TokenClaims {
  jti: string;
  workspaceId: string;
  kind: 'MEMBER' | 'VISITOR';
  memberId: string | null;
  /** The visitor's identities, the one that he writes by first. */
  identityIds: string[];
}

/** @throws BadToken */
export async function verifyOwnToken(text: string): Promise<TokenClaims> {
  const claims = await verifyUnderAny(subkeys('tokens').map((key) => createSecretKey(key)), text, {
    algorithm: 'HS256',
    audience: Object.values(AUDIENCES),
    issuer: ISSUER,
    type: TYPE,
    lifetimeMsMax: VISITOR_TOKEN_MS_MAX,
  });
  const kind = claims.aud === AUDIENCES.MEMBER ? 'MEMBER' : claims.aud === AUDIENCES.VISITOR ? 'VISITOR' : null;
  if (kind === null) throw new BadToken('for more than one audience');
  if (claims.iat === undefined) throw new BadToken('iat is missing');
  if (kind === 'MEMBER' && (claims.exp! - claims.iat) * 1000 > MEMBER_TOKEN_MS_MAX) throw new BadToken('lives too long');
  const subjects = [claims.sub, ...(Array.isArray(claims.also) ? claims.also : [])].map(asUuid);
  return {
    jti: asUuid(claims.jti),
    workspaceId: asUuid(claims.ws),
    kind,
    memberId: kind === 'MEMBER' ? subjects[0]! : null,
    identityIds: kind === 'VISITOR' ? subjects : [],
  };
}

/** A token that was signed before SECRET_KEY was changed counts until its end. */
async function verifyUnderAny(keys: readonly KeyObject[], text: string, expected: Omit<Expected, 'key'>): Promise<JWTPayload> {
  let refused: unknown;
  for (const key of keys) {
    try {
      return await verifyToken(text, { ...expected, key });
    } catch (error) {
      if (!(error instanceof BadToken)) throw error;
      refused ??= error;
    }
  }
  throw refused;
}

export interface IssuedToken {
  /** Shown once. */
  token: string;
  tokenId: string;
  expiresAt: string;
}

/**
 * A token by which a front end acts as a member. Emits `key.created`, so that the audit shows who could act as whom.
 * @throws Refusal NOT_FOUND; INVALID_INPUT when `ttlMs` is over 12 h or the member was deactivated.
 */
export async function createMemberToken(tx: Tx, actor: Actor, input: { memberId: string; ttlMs?: number }): Promise<IssuedToken> {
  const [member] = await tx<{ deactivatedAt: string | null }[]>`
    select deactivated_at from members where workspace_id = ${actor.workspaceId} and id = ${input.memberId} for share`;
  if (found(member, 'member').deactivatedAt !== null) {
    throw new Refusal('INVALID_INPUT', 'The member was deactivated, so nobody can act as him.', { field: ['memberId'] });
  }
  const issued = await issue(tx, actor, 'MEMBER', [input.memberId], null, lifetime(input.ttlMs, MEMBER_TOKEN_MS_MAX, MEMBER_TOKEN_MS_MAX));
  await appendEvents(tx, actor.workspaceId, [
    { kind: 'key.created', actor: { kind: actor.kind, id: actor.id }, data: { tokenId: issued.tokenId, memberId: input.memberId } },
  ]);
  return issued;
}

/**
 * A token by which an end customer sees and writes his own side. Emits nothing: every visit makes one.
 * `alsoIdentityIds` are further identities of the same person, proven by whoever asks for the token.
 * @throws Refusal INVALID_INPUT when `ttlMs` is over 30 days.
 */
export async function createVisitorToken(
  tx: Tx,
  actor: Actor,
  input: { accountId: string; identityId: string; alsoIdentityIds?: string[]; ttlMs?: number },
): Promise<IssuedToken> {
  const also = (input.alsoIdentityIds ?? []).filter((id) => id !== input.identityId);
  const ttlMs = lifetime(input.ttlMs, VISITOR_TOKEN_MS, VISITOR_TOKEN_MS_MAX);
  return issue(tx, actor, 'VISITOR', [input.identityId, ...also], input.accountId, ttlMs);
}

/** Ends a token before its time; everywhere within 5 s. Emits `key.revoked`. @throws Refusal NOT_FOUND */
export async function revokeToken(tx: Tx, actor: Actor, input: { tokenId: string }): Promise<void> {
  const [row] = await tx<{ id: string; changed: boolean }[]>`
    with old as (select id, revoked_at from tokens where workspace_id = ${actor.workspaceId} and id = ${input.tokenId} for update)
    update tokens t set revoked_at = coalesce(t.revoked_at, ${now()}) from old
    where t.workspace_id = ${actor.workspaceId} and t.id = old.id returning t.id, old.revoked_at is null as changed`;
  if (!found(row, 'token').changed) return;
  await appendEvents(tx, actor.workspaceId, [
    { kind: 'key.revoked', actor: { kind: actor.kind, id: actor.id }, data: { tokenId: input.tokenId } },
  ]);
}

async function issue(
  tx: Tx,
  actor: Actor,
  kind: 'MEMBER' | 'VISITOR',
  subjects: string[],
  accountId: string | null,
  ttlMs: number,
): Promise<IssuedToken> {
  const tokenId = newId();
  const issuedAt = Math.floor(nowMs() / 1000);
  const expiresAtS = issuedAt + Math.floor(ttlMs / 1000);
  const expiresAt = new Date(expiresAtS * 1000).toISOString();
  await tx`insert into tokens (workspace_id, id, kind, member_id, identity_id, account_id, created_at, expires_at)
    values (${actor.workspaceId}, ${tokenId}, ${kind}, ${kind === 'MEMBER' ? subjects[0]! : null},
            ${kind === 'VISITOR' ? subjects[0]! : null}, ${accountId}, ${now()}, ${expiresAt})`;
  const [subject, ...also] = subjects.map(hexOf);
  const token = await new SignJWT({ ws: hexOf(actor.workspaceId), ...(also.length > 0 ? { also } : {}) })
    .setProtectedHeader({ alg: 'HS256', typ: TYPE })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCES[kind])
    .setSubject(subject!)
    .setJti(hexOf(tokenId))
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAtS)
    .sign(signingKey());
  return { token, tokenId, expiresAt };
}

function lifetime(asked: number | undefined, usual: number, max: number): number {
  const ttlMs = asked ?? usual;
  if (Number.isSafeInteger(ttlMs) && ttlMs >= 1000 && ttlMs <= max) return ttlMs;
  throw new Refusal('INVALID_INPUT', `A token lives between 1,000 and ${max} ms; ${ttlMs} was asked for.`, { field: ['ttlMs'] });
}

/**
 * A publishable key stands in a web page and says no more than by which chat account a visitor comes: `tlp_<workspace>_<account>`, both
 * 32 hex digits. Its row has the account's id, so that it dies with the account.
 */
export const publishableKey = (workspaceId: string, accountId: string): string => `tlp_${hexOf(workspaceId)}_${hexOf(accountId)}`;

/** Makes the account's publishable key valid, or ends it. */
export async function allowPublishableKey(tx: Tx, workspaceId: string, accountId: string, allowed: boolean): Promise<void> {
  await tx`insert into tokens (workspace_id, id, kind, account_id, created_at, expires_at, revoked_at)
    values (${workspaceId}, ${accountId}, 'VISITOR', ${accountId}, ${now()}, '9999-12-31T00:00:00Z', ${allowed ? null : now()})
    on conflict (workspace_id, id) do update set revoked_at = excluded.revoked_at`;
}

const signingKey = (): KeyObject => createSecretKey(subkey('tokens'));

const hexOf = (uuid: string): string => uuid.replaceAll('-', '');

function asUuid(hex: unknown): string {
  if (typeof hex !== 'string' || !/^[0-9a-f]{32}$/.test(hex)) throw new BadToken('an id is not 32 hex digits');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

