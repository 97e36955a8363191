// From where an event comes (G17): the caller's network address and credential, kept beside the log and bound to it by a hash.
import { createHash, randomBytes } from 'node:crypto';
import type { Viewer } from '../access/viewer.ts';
import { now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';

/** What `inWorkspace` takes as its `source`, once a request; null for a viewer whom no credential let in. */
export function sourceOf(viewer: Viewer): string | null {
  const { credential } = viewer;
  if (!credential) return null;
  const address = viewer.address ?? null;
  const salt = randomBytes(16);
  const addressHash = createHash('sha256').update(salt).update(address ?? '').digest();
  // As `event_source_hash` in the migrations makes it again.
  const hash = createHash('sha256').update(`${credential.kind} ${credential.id} `).update(addressHash).digest('hex');
  return JSON.stringify({
    hash, credential_kind: credential.kind, credential_id: credential.id, identity_id: viewer.identityIds[0] ?? null,
    address_hash: addressHash.toString('hex'), salt: salt.toString('hex'), address,
  });
}

/** Takes the addresses of these visitors out for good. What they did, when and by which token stays, and so does the chain. */
export async function eraseSources(tx: Tx, workspaceId: string, identityIds: readonly string[]): Promise<void> {
  await tx`update event_sources set address = null, salt = null, erased_at = ${now()}
    where workspace_id = ${workspaceId} and identity_id = any(${identityIds as string[]}::uuid[]) and erased_at is null`;
}
