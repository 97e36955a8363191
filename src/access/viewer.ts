// Who asks. Made from a key or token once a request (or socket), and looked up again every few seconds so that a revoked one dies.
import type { CREDENTIAL_KINDS } from '../../schema/events.ts';
import type { ACTOR_KINDS } from '../../schema/workspaces.ts';
import type { Permission, ViewerRole } from './permissions.ts';

export type ActorKind = (typeof ACTOR_KINDS)[number];

/** Who does something, stored as (kind, id) on every event, message and note. A key isn't a person. */
export interface Actor {
  workspaceId: string;
  kind: ActorKind;
  id: string | null;
}

/** What let a viewer in, by its id: a key's, a token's, or for a publishable key the chat account's. */
export interface CredentialRef {
  kind: (typeof CREDENTIAL_KINDS)[number];
  id: string;
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
  /** Absent for a viewer that no credential made. */
  credential?: CredentialRef;
  /** The network address of this request or socket; null or absent when there is none. Set by the transport, on a copy of its own. */
  address?: string | null;
}

/** What the system itself does (timers, consumers of the log). */
export const systemActor = (workspaceId: string): Actor => ({ workspaceId, kind: 'SYSTEM', id: null });
