// Who asks. Made from a key or token once a request (or socket), and looked up again every few seconds so that a revoked one dies.
import type { ACTOR_KINDS } from '../../schema/workspaces.ts';
import type { Permission, ViewerRole } from './permissions.ts';

export type ActorKind = (typeof ACTOR_KINDS)[number];

/** Who does something, stored as (kind, id) on every event, message and note. A key isn't a person. */
export interface Actor {
  workspaceId: string;
  kind: ActorKind;
  id: string | null;
}

export interface Viewer {
  workspaceId: string;
  role: ViewerRole;
  permissions: ReadonlySet<Permission>;
  actor: Actor;
  /** The member, when a person acts (member token); null for keys and visitors. */
  memberId: string | null;
  /** A visitor's own identities; empty for everybody else. */
  identityIds: readonly string[];
  /** The live-chat or in-app account of a visitor. */
  accountId: string | null;
  /** Equal for viewers who may see the same: subscriptions are executed once a group of these. */
  permissionKey: string;
  /** Milliseconds since 1970; null: never. */
  expiresAtMs: number | null;
}

/** What the system itself does (timers, consumers of the log). */
export const systemActor = (workspaceId: string): Actor => ({ workspaceId, kind: 'SYSTEM', id: null });
