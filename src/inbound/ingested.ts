// A mail that a program brought in by its Message-ID (ingest.ts) and that then comes as it is: the same one.
import { normalAddress } from '../identities/address.ts';
import { isMail, type Arriving, type Received } from '../messages/arriving.ts';
import { now } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { keyedHash } from '../platform/secrets.ts';

/**
 * The message that was brought in as this very mail; null when none was. A mail has a key of its id and its content (parse.ts), one that was brought
 * in of its id alone. Senders use an id twice: so it must be from or to the same address, and only the first mail of the id is it; what comes
 * under the id after that are others. The caller holds the id's lock.
 */
export async function ingestedBefore(tx: Tx, { workspaceId, accountId, event }: Arriving): Promise<Received | null> {
  const id = event.message?.providerMessageId ?? null;
  if (event.kind !== 'message' || !isMail(event) || id === null) return null;
  const [ingested] = await tx<(Received & { kind: string; value: string })[]>`
    select m.id as message_id, m.identity_id, m.conversation_id, i.kind, i.value
    from inbound_keys k
    join messages m on m.workspace_id = k.workspace_id and m.account_id = k.account_id and m.provider_message_id = ${id}
    join identities i on i.workspace_id = m.workspace_id and i.id = m.identity_id
    where k.workspace_id = ${workspaceId} and k.account_id = ${accountId} and k.key_hash = ${keyedHash(id)}`;
  if (!ingested) return null;
  const { kind, value, ...message } = ingested;
  // Of history the customer may be known by another system's id: then the Message-ID alone speaks for it.
  const named = [...event.senders, ...event.recipients].map((address) => normalAddress(address)?.value);
  if (kind === 'EMAIL' && !named.includes(value)) return null;
  const [first] = await tx`
    insert into inbound_keys ${tx({ workspaceId, accountId, keyHash: keyedHash(`${id} came by mail`), createdAt: now() })} on conflict do nothing returning 1`;
  return first ? { ...message, state: 'DUPLICATE' } : null;
}
