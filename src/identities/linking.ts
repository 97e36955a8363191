// What one delivery says of who is who -> what to do about it. Pure: resolve.ts reads what is known, asks here, and writes.
//
// Only what one trusted source attests together links: two numbers of one signed delivery, a verified token. What is only claimed, a shared or
// blocked address, or an address that already is another customer's never does; that is for people to decide (claims, later merges).
import { normalAddress, rawForm, storable, type Address } from './address.ts';
import type { Trust } from './customers.ts';
import { equivalently, exactly, type KnownIdentity } from './owners.ts';
import { POLICIES, QUARANTINE_CUSTOMERS, standing } from './policy.ts';

/** An address as a delivery gives it: channels/channel.ts's ObservedAddress, or another with its parts. */
export interface Observed {
  kind: string;
  namespace: string;
  valueRaw: string;
  value?: string;
  trust: string;
  displayName: string | null;
  username?: string;
}

export interface Seen {
  address: Address;
  trust: Trust;
  displayName: string | null;
  /** The handle there; null when none was given. */
  username: string | null;
  shared: boolean;
}

export interface Plan {
  /** The customer who gets the message; null: a new one. */
  customerId: string | null;
  /** The anchor's identity, when it is known. */
  anchor: KnownIdentity | null;
  /** Addresses to add to that customer, the anchor first when it is new. */
  add: { seen: Seen; via: 'SELF' | 'ANCHOR' | { identityId: string }; reason: 'FIRST_SEEN' | 'SAME_NUMBER' | 'ATTESTED_TOGETHER'; isShared: boolean }[];
  /** Known identities of that customer that this delivery proves better than before. */
  raise: { identity: KnownIdentity; trust: Trust }[];
  /** Known identities that were attested beside those of another customer: noted, and shared by itself when there are too many. */
  contest: { identity: KnownIdentity; customerIds: string[]; quarantine: boolean }[];
  /** The name that the anchor goes by now, when it isn't the one that is kept. */
  rename: string | null;
  /** The handle that the anchor has now, when it isn't the one that is kept. */
  rehandle: string | null;
}

const RANK: Record<Trust, number> = { CLAIMED: 0, ATTESTED: 1, VERIFIED: 2 };

/** The addresses that can hold something, in normal form and without doubles; the first anchors. Placeholders (`anonymous`) are dropped. */
export function usable(observed: readonly Observed[]): Seen[] {
  const seen = new Map<string, Seen>();
  for (const o of observed) {
    // The value, since its channel knew how to read what came: WhatsApp's `31612345678` is a number with its country, which nobody else could tell.
    const normal = normalAddress({ kind: o.kind, namespace: o.namespace, value: o.value || o.valueRaw });
    if (!normal) continue;
    const address = { ...normal, valueRaw: rawForm(o.valueRaw) };
    const stand = standing(address);
    if (stand === 'NOBODY') continue;
    const key = JSON.stringify([address.kind, address.namespace, address.value]);
    const trust = o.trust.toUpperCase() as Trust;
    const other = seen.get(key);
    if (other && RANK[other.trust] >= RANK[trust]) continue;
    seen.set(key, { address, trust, displayName: personName(o.displayName, address), username: personName(o.username), shared: stand === 'SHARED' });
  }
  return [...seen.values()];
}

/**
 * Decides for one delivery. `seen` is not empty; `known` is every current identity at those addresses and their equivalents.
 * @param name what the sender calls himself, or null.
 */
export function plan(seen: readonly Seen[], known: readonly KnownIdentity[], name: string | null, at: string): Plan {
  const [first, ...others] = seen as [Seen, ...Seen[]];
  const anchor = exactly(known, first.address) ?? null;
  const sameNumber = anchor ? null : equivalently(known, first.address);
  const anchorLinks = mayLink(first) && !anchor?.isShared && !sameNumber?.isShared;
  const attested = anchorLinks ? others.filter((other) => mayLink(other)) : [];
  const owned = attested.flatMap((other) => {
    const identity = exactly(known, other.address) ?? equivalently(known, other.address);
    return identity && !identity.isShared ? [{ other, identity }] : [];
  });
  const best = anchor || sameNumber ? undefined : [...owned].sort((a, b) => priority(b.identity) - priority(a.identity) || byAge(a.identity, b.identity))[0];
  const customerId = anchor?.customerId ?? sameNumber?.customerId ?? best?.identity.customerId ?? null;

  const add: Plan['add'] = [];
  if (!anchor) {
    if (sameNumber) add.push({ seen: first, via: { identityId: sameNumber.id }, reason: 'SAME_NUMBER', isShared: sameNumber.isShared });
    else if (best) add.push({ seen: first, via: { identityId: best.identity.id }, reason: 'ATTESTED_TOGETHER', isShared: false });
    else add.push({ seen: first, via: 'SELF', reason: 'FIRST_SEEN', isShared: first.shared });
  }
  for (const other of attested) {
    if (exactly(known, other.address)) continue;
    const spelledOtherwise = equivalently(known, other.address);
    if (spelledOtherwise && spelledOtherwise.customerId !== customerId) continue;
    add.push({ seen: other, via: 'ANCHOR', reason: 'ATTESTED_TOGETHER', isShared: false });
  }

  return {
    customerId,
    anchor,
    add,
    raise: [...(anchor ? [{ identity: anchor, trust: first.trust }] : []), ...owned.map(({ other, identity }) => ({ identity, trust: other.trust }))]
      .filter(({ identity, trust }) => identity.customerId === customerId && RANK[trust] > RANK[identity.trust] && isExact(identity, seen)),
    contest: contested(customerId, anchor, owned.map(({ identity }) => identity)),
    // An older message (an import) and a less trusted one don't rename; nor does a mailbox that many people write from.
    rename: anchor && name && name !== anchor.displayName && !anchor.isShared && RANK[first.trust] >= RANK[anchor.trust] && at >= anchor.lastSeenAt ? name : null,
    rehandle: anchor && first.username && first.username !== anchor.username && RANK[first.trust] >= RANK[anchor.trust] && at >= anchor.lastSeenAt ? first.username : null,
  };
}

/** Nothing is left to be written: the whole resolution was one read. */
export const isSettled = (p: Plan): boolean =>
  p.anchor !== null && p.add.length === 0 && p.raise.length === 0 && p.contest.length === 0 && p.rename === null && p.rehandle === null;

/** What a person calls himself, fit to be shown; null when it is empty or only the address again. */
export function personName(text: string | null | undefined, address?: Address): string | null {
  // Direction marks and controls could make a list lie about what stands beside the name.
  const name = storable(text ?? '').replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+/gu, ' ').replace(/\s+/g, ' ').trim().replace(/^["'](.*)["']$/, '$1').trim();
  if (name === '' || name.toLowerCase() === address?.value.toLowerCase() || name === address?.valueRaw.trim()) return null;
  return storable([...name].slice(0, 200).join(''));
}

const mayLink = (seen: Seen): boolean => seen.trust !== 'CLAIMED' && !seen.shared && POLICIES[seen.address.kind].mayLink;
const priority = (identity: KnownIdentity): number => (identity.kind === 'SELF' ? 0 : POLICIES[identity.kind].priority);
const byAge = (a: KnownIdentity, b: KnownIdentity): number => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : a.id < b.id ? -1 : 1);
const isExact = (identity: KnownIdentity, seen: readonly Seen[]): boolean => seen.some(({ address }) => exactly([identity], address) !== undefined);

/** Notes both sides, so that a tablet that many people sign in on is found as well as a number that many people give. */
function contested(customerId: string | null, anchor: KnownIdentity | null, owned: readonly KnownIdentity[]): Plan['contest'] {
  if (customerId === null) return [];
  const foreign = owned.filter((identity) => identity.customerId !== customerId);
  const notes = foreign.map((identity) => ({ identity, beside: [customerId] }));
  if (anchor && foreign.length > 0) notes.push({ identity: anchor, beside: foreign.map((identity) => identity.customerId) });
  return notes.flatMap(({ identity, beside }) => {
    const before = identity.evidence.contested ?? [];
    const customerIds = [...new Set([...before, ...beside])].slice(0, QUARANTINE_CUSTOMERS);
    return customerIds.length > before.length ? [{ identity, customerIds, quarantine: customerIds.length >= QUARANTINE_CUSTOMERS }] : [];
  });
}
