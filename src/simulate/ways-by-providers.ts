// The ways that sandbox providers carry: an account of theirs each.
import type { Offer, OfferedChannel } from '../sandbox/offer.ts';
import type { Person } from './people.ts';
import type { Identity, Way } from './way.ts';

/** Who a person is by a channel: his address there, and the identity that the desk knows it as. `account`: the address of ours. */
const NAMED: Partial<Record<OfferedChannel, (person: Person, account: string) => { address: string; identity: Identity }>> = {
  SMS: byPhone,
  VOICE: byPhone,
  WHATSAPP: byPhone,
  MESSENGER: ({ psid }, account) => ({ address: psid, identity: { kind: 'PSID', namespace: account, value: psid } }),
  INSTAGRAM: ({ igsid }, account) => ({ address: igsid, identity: { kind: 'IGSID', namespace: account, value: igsid } }),
  X: ({ xId }) => ({ address: xId, identity: { kind: 'X_USER_ID', value: xId } }),
  EMAIL: ({ email }) => ({ address: email, identity: { kind: 'EMAIL', value: email } }),
};

function byPhone({ phone }: Person): { address: string; identity: Identity } {
  return { address: phone, identity: { kind: 'PHONE', value: phone } };
}

/** `accountIds`: by channel, as they were connected. */
export function waysBy(offer: Offer, accountIds: ReadonlyMap<string, string>): Way[] {
  return offer.accounts.map(({ channel, address: account }) => ({
    channel, by: offer.title, can: offer.can(channel), accountId: accountIds.get(channel)!,
    identityOf: (person) => NAMED[channel]!(person, account).identity,
    tell: (person, act) => offer.tell(channel, { name: person.name, address: NAMED[channel]!(person, account).address }, act),
  }));
}
