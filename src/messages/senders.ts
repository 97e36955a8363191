// Who sent what came in: identities, made when they are new, and what senders say of themselves.
import { systemActor, type Actor } from '../access/viewer.ts';
import type { ObservedAddress } from '../channels/channel.ts';
import { observeAll } from '../customers/actions.ts';
import { lockClaimed, recordClaim } from '../identities/claims.ts';
import { resolveIdentities } from '../identities/resolve-many.ts';
import type { Tx } from '../platform/db.ts';
import { arrivedAt, type Arriving } from './arriving.ts';

export interface Sender {
  identityId: string;
  actor: Actor;
}

/**
 * Who the sender of each event is: his identity, made when it is new; whatever else he only says of himself becomes a claim. Of the first events, as
 * many as can be resolved before they are written (`resolveIdentities`). Takes the locks of addresses and customers, so it comes before any
 * conversation's.
 */
export async function resolveSenders(tx: Tx, workspaceId: string, arrivings: readonly Arriving[], alsoClaimed: readonly ObservedAddress[] = []): Promise<Sender[]> {
  const system = systemActor(workspaceId);
  const claims = arrivings.map(({ event }) => [...event.senders.slice(1).filter(isClaim), ...alsoClaimed].map(({ kind, value, valueRaw }) => ({ kind, value: value || valueRaw, valueRaw })));
  await lockClaimed(tx, workspaceId, claims.flat(), arrivings.flatMap(({ event }) => event.senders));
  const resolved = await resolveIdentities(tx, arrivings.map((arriving) => {
    const [anchor, ...others] = arriving.event.senders;
    return {
      workspaceId, actor: system, addresses: anchor ? [anchor, ...others.filter((a) => !isClaim(a))] : [], accountId: arriving.accountId, at: arrivedAt(arriving),
      displayName: anchor?.displayName ?? null,
    };
  }));
  const senders = resolved.map(({ identityId }): Sender => ({ identityId, actor: { workspaceId, kind: 'CUSTOMER', id: identityId } }));
  await observeAll(tx, workspaceId, senders.flatMap(({ identityId, actor }, i) => {
    const [anchor] = arrivings[i]!.event.senders;
    return anchor?.displayName ? [{ actor, identityId, key: 'name', value: anchor.displayName, source: nameSource(arrivings[i]!, anchor), observedAt: arrivedAt(arrivings[i]!) }] : [];
  }));
  for (const [i, { identityId, actor }] of senders.entries()) {
    for (const claim of claims[i]!) await recordClaim(tx, { workspaceId, actor, claimantIdentityId: identityId, ...claim });
  }
  return senders;
}

/** The same for one; `alsoClaimed` is what he says of himself beside the addresses that he sent by. */
export const resolveSender = async (tx: Tx, arriving: Arriving, alsoClaimed: readonly ObservedAddress[] = []): Promise<Sender> =>
  (await resolveSenders(tx, arriving.workspaceId, [arriving], alsoClaimed))[0]!;

/**
 * The others in the groups that messages were written in or to, as identities, made when they are new: everybody but who wrote, or to whom first it was
 * written, and our own numbers. Before any conversation's lock, as `resolveSenders`.
 */
export async function resolveOthers(tx: Tx, workspaceId: string, arrivings: readonly Arriving[]): Promise<Map<Arriving, string[]>> {
  const system = systemActor(workspaceId);
  const named = arrivings.flatMap(({ event }) => (event.message?.groupId ? event.recipients.map(({ value }) => value) : []));
  if (named.length === 0) return new Map();
  const ours = new Set((await tx<{ address: string }[]>`select address from channel_accounts where workspace_id = ${workspaceId} and address = any(${named}::text[])`).map((row) => row.address));
  const others = arrivings.flatMap((arriving) => {
    const { event, accountId } = arriving;
    if (!event.message?.groupId) return [];
    return event.recipients.filter(({ value }) => value !== event.account && !ours.has(value))
      .map((address) => ({ arriving, input: { workspaceId, actor: system, addresses: [address], accountId, at: arrivedAt(arriving), displayName: address.displayName } }));
  });
  const found = new Map<Arriving, string[]>();
  for (let done = 0; done < others.length; ) {
    const resolved = await resolveIdentities(tx, others.slice(done).map(({ input }) => input));
    for (const { identityId } of resolved) {
      const { arriving } = others[done++]!;
      found.set(arriving, [...new Set([...(found.get(arriving) ?? []), identityId])]);
    }
  }
  return found;
}

const isClaim = (address: ObservedAddress): boolean => address.trust === 'claimed' && (address.kind === 'email' || address.kind === 'phone');

/** A visitor is who his token says, and calls himself what he likes, unless his company's backend vouches for him. */
function nameSource({ event }: Arriving, anchor: ObservedAddress): 'CHANNEL' | 'CLAIM' {
  const vouched = anchor.kind === 'visitor' ? event.identityChange?.to != null && event.identityChange.to.trust !== 'claimed' : anchor.trust !== 'claimed';
  return vouched ? 'CHANNEL' : 'CLAIM';
}
