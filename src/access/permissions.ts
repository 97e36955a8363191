// The ONE permission table: who may do what. A field, mutation or subscription that names no permission does not start.
import type { API_ROLES } from '../../schema/workspaces.ts';

export const PERMISSIONS = [
  'customers:read',
  /** Addresses of customers (numbers, e-mail addresses). */
  'customers:contact',
  'customers:write',
  'conversations:read',
  'conversations:write',
  'messages:read',
  'messages:send',
  'messages:ingest',
  'notes:read',
  'notes:write',
  'records:read',
  'records:write',
  'events:read',
  'statistics:read',
  'workspace:read',
  'workspace:write',
  'channels:read',
  'channels:write',
  'keys:write',
  /** The end customer's own side: everything under `visitor`. */
  'visitor:self',
  /** What anybody with a valid key or token may ask. */
  'any',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** `VISITOR` is the end customer with a signed token; the rest are roles of keys and members. */
export type ViewerRole = (typeof API_ROLES)[number] | 'VISITOR';

const READ: Permission[] = ['customers:read', 'customers:contact', 'conversations:read', 'messages:read', 'notes:read', 'records:read', 'events:read', 'workspace:read', 'channels:read', 'any'];

export const ROLE_PERMISSIONS: Record<ViewerRole, ReadonlySet<Permission>> = {
  ADMIN: new Set([...READ, 'customers:write', 'conversations:write', 'messages:send', 'messages:ingest', 'notes:write', 'records:write', 'statistics:read', 'workspace:write', 'channels:write', 'keys:write']),
  AGENT: new Set([...READ, 'customers:write', 'conversations:write', 'messages:send', 'notes:write', 'records:write', 'statistics:read']),
  INTEGRATOR: new Set([...READ, 'customers:write', 'messages:ingest', 'notes:write', 'records:write']),
  REPORTING: new Set(['customers:read', 'conversations:read', 'records:read', 'workspace:read', 'statistics:read', 'any']),
  VISITOR: new Set(['visitor:self', 'any']),
};

/** What a key of `role` may do, narrowed to `scopes` when it has any. */
export function permissionsOf(role: ViewerRole, scopes: readonly string[]): ReadonlySet<Permission> {
  const all = ROLE_PERMISSIONS[role];
  return scopes.length === 0 ? all : new Set([...all].filter((p) => p === 'any' || scopes.includes(p)));
}

/** What of a key or member with `role` and `scopes` goes beyond `mine`: nobody may hand out more than he has. */
export function beyond(mine: ReadonlySet<Permission>, role: ViewerRole, scopes: readonly string[]): Permission[] {
  return [...permissionsOf(role, scopes)].filter((permission) => !mine.has(permission));
}

/** Scopes that name no permission, or one that the role hasn't. */
export function unknownScopes(role: ViewerRole, scopes: readonly string[]): string[] {
  return scopes.filter((scope) => !(ROLE_PERMISSIONS[role] as ReadonlySet<string>).has(scope));
}
