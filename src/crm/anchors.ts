// What notes and records hang on: an identity, so that they follow the person through merges. Found under the customer's lock.
import { lockConversation, lockOwner } from '../conversations/rows.ts';
import { found, type Tx } from '../platform/db.ts';

export interface Anchor {
  identityId: string;
  /** Who owns the identity now; locked (FOR NO KEY UPDATE) until the transaction ends. */
  customerId: string;
  conversationId: string | null;
}

/**
 * What an agent adds to a customer hangs on the `self` identity of whoever that customer is now: of a merged one, the survivor.
 * Locks the customer.
 * @throws Refusal NOT_FOUND, also of an erased customer
 */
export async function anchorOfCustomer(tx: Tx, workspaceId: string, customerId: string): Promise<Anchor> {
  const [named] = await tx<{ selfIdentityId: string }[]>`
    select self_identity_id from customers where workspace_id = ${workspaceId} and id = ${customerId} and state <> 'ERASED'`;
  const owner = await lockOwner(tx, workspaceId, found(named, 'customer').selfIdentityId);
  const [now] = await tx<{ selfIdentityId: string }[]>`
    select self_identity_id from customers where workspace_id = ${workspaceId} and id = ${owner} and state <> 'ERASED'`;
  return { identityId: found(now, 'customer').selfIdentityId, customerId: owner, conversationId: null };
}

/**
 * What is added to a conversation hangs on the identity that opened it. Locks its customer, then the conversation.
 * @throws Refusal NOT_FOUND
 */
export async function anchorOfConversation(tx: Tx, workspaceId: string, conversationId: string): Promise<Anchor> {
  const [named] = await tx<{ identityId: string }[]>`
    select identity_id from conversations where workspace_id = ${workspaceId} and id = ${conversationId}`;
  const { identityId } = found(named, 'conversation');
  const customerId = await lockOwner(tx, workspaceId, identityId);
  await lockConversation(tx, workspaceId, conversationId);
  return { identityId, customerId, conversationId };
}
