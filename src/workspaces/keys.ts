// API keys: made, shown once, revoked. What a key lets in: access/keys.ts.
import { appendEvents } from '../events/append.ts';
import { describeApiKey, newApiKey } from '../access/keys.ts';
import { unknownScopes } from '../access/permissions.ts';
import type { Actor } from '../access/viewer.ts';
import { now } from '../platform/clock.ts';
import { found, type Tx } from '../platform/db.ts';
import { Refusal } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { ApiRole } from './actions.ts';
import { lineOf } from './input.ts';

/**
 * A new key. `key` is its text, which nobody can see again: only its SHA-256 is stored. `text` gives the text instead of a random one
 * (`ADMIN_API_KEY`). Scopes narrow the role; none: all of it. Emits `key.created`.
 * @throws Refusal INVALID_INPUT (a scope that the role hasn't, an expiry in the past); ALREADY_EXISTS when `text` is in use.
 */
export async function createApiKey(
  tx: Tx,
  actor: Actor,
  input: { name: string; role: ApiRole; scopes?: string[]; expiresAt?: string | null; text?: string },
): Promise<{ apiKeyId: string; key: string }> {
  const scopes = [...new Set(input.scopes ?? [])];
  const unknown = unknownScopes(input.role, scopes);
  if (unknown.length > 0) {
    throw new Refusal('INVALID_INPUT', `The role ${input.role} has no permission \`${unknown[0]!.slice(0, 60)}\`.`, { field: ['scopes'] });
  }
  if (input.expiresAt != null && !(Date.parse(input.expiresAt) > Date.parse(now()))) {
    throw new Refusal('INVALID_INPUT', 'A key must expire in the future, or never.', { field: ['expiresAt'] });
  }
  const apiKeyId = newId();
  const made = input.text === undefined ? newApiKey(actor.workspaceId) : describeApiKey(input.text);
  const [row] = await tx`insert into api_keys (workspace_id, id, name, role, scopes, hash, hint, created_at, created_by_kind, created_by_id, expires_at)
    values (${actor.workspaceId}, ${apiKeyId}, ${lineOf(input.name, 'name')}, ${input.role}, ${scopes}::text[], ${made.hash}, ${made.hint},
            ${now()}, ${actor.kind}, ${actor.id}, ${input.expiresAt ?? null})
    on conflict (hash) do nothing returning id`;
  if (!row) throw new Refusal('ALREADY_EXISTS', 'This key is in use already.', { field: ['text'] });
  await appendEvents(tx, actor.workspaceId, [
    { kind: 'key.created', actor: { kind: actor.kind, id: actor.id }, data: { apiKeyId, role: input.role, scopes } },
  ]);
  return { apiKeyId, key: made.text };
}

/** Ends a key; everywhere within 5 s. Twice is once. Emits `key.revoked`. @throws Refusal NOT_FOUND */
export async function revokeApiKey(tx: Tx, actor: Actor, input: { apiKeyId: string }): Promise<void> {
  const [row] = await tx<{ revokedAt: string | null }[]>`
    select revoked_at from api_keys where workspace_id = ${actor.workspaceId} and id = ${input.apiKeyId} for no key update`;
  if (found(row, 'API key').revokedAt !== null) return;
  await tx`update api_keys set revoked_at = ${now()} where workspace_id = ${actor.workspaceId} and id = ${input.apiKeyId}`;
  await appendEvents(tx, actor.workspaceId, [
    { kind: 'key.revoked', actor: { kind: actor.kind, id: actor.id }, data: { apiKeyId: input.apiKeyId } },
  ]);
}
