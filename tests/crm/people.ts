// Builders for tests: a customer with addresses, a conversation, made as the program makes them.
import type { Actor } from '../../src/access/viewer.ts';
import type { ObservedAddress } from '../../src/channels/channel.ts';
import { openConversation } from '../../src/conversations/actions.ts';
import { lockOwner } from '../../src/conversations/rows.ts';
import { Unit } from '../../src/conversations/unit.ts';
import { normalAddress } from '../../src/identities/address.ts';
import { resolveIdentity } from '../../src/identities/resolve.ts';
import { now } from '../../src/platform/clock.ts';
import { inWorkspace, type Sql, type Tx } from '../../src/platform/db.ts';

export const act = <T>(sql: Sql, actor: Actor, work: (tx: Tx) => Promise<T>): Promise<T> => inWorkspace(sql, actor.workspaceId, work);

export interface Person {
  customerId: string;
  identityId: string;
  selfIdentityId: string;
}

const observed = (kind: string, value: string, displayName: string | null): ObservedAddress => {
  const address = normalAddress({ kind, value })!;
  return { kind: kind as ObservedAddress['kind'], namespace: address.namespace, value: address.value, valueRaw: value, trust: 'attested', displayName };
};

/** A customer who has the addresses, which one source attests. */
export function person(sql: Sql, actor: Actor, addresses: Record<string, string>, name: string | null = null): Promise<Person> {
  return act(sql, actor, async (tx) => {
    const { identityId, customerId } = await resolveIdentity(tx, {
      workspaceId: actor.workspaceId, actor, accountId: null, at: now(), displayName: name,
      addresses: Object.entries(addresses).map(([kind, value]) => observed(kind, value, name)),
    });
    const [self] = await tx<{ id: string }[]>`select self_identity_id as id from customers where workspace_id = ${actor.workspaceId} and id = ${customerId}`;
    return { customerId, identityId, selfIdentityId: self!.id };
  });
}

/** A conversation that the identity opened by e-mail. */
export function conversation(sql: Sql, actor: Actor, identityId: string): Promise<string> {
  return act(sql, actor, async (tx) => {
    await lockOwner(tx, actor.workspaceId, identityId);
    const unit = new Unit(tx, actor.workspaceId);
    const { id } = openConversation(unit, actor, { identityId, channel: 'EMAIL', subject: null, at: now(), inbound: true });
    await unit.write();
    return id;
  });
}

export const refusal = (code: string) => ({ name: 'Refusal', code });
