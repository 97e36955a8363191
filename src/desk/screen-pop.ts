// Who is at an address: which kinds of address a channel's can be, and the statement that finds its owner.
import { equivalents, normalAddress, storable, type AddressKind } from '../identities/address.ts';

const KINDS: Record<string, readonly AddressKind[]> = {
  VOICE: ['PHONE', 'SIP_URI'],
  SMS: ['PHONE'],
  WHATSAPP: ['PHONE', 'WA_BSUID', 'WA_PARENT_BSUID'],
  EMAIL: ['EMAIL'],
  MESSENGER: ['PSID'],
  INSTAGRAM: ['IGSID'],
  X: ['X_USER_ID'],
  LIVE_CHAT: ['VISITOR'],
  IN_APP: ['VISITOR', 'EXTERNAL_ID'],
};

/** Every (kind, value) under which the address may be kept, the likeliest first; none for what is no address. Never throws. */
export function callersOf(channel: string, given: string): { shown: string; kinds: string[]; values: string[] } {
  const kinds: string[] = [];
  const values: string[] = [];
  for (const kind of KINDS[channel] ?? []) {
    const address = normalAddress({ kind, value: given });
    if (!address) continue;
    for (const value of equivalents(kind, address.value)) {
      kinds.push(kind);
      values.push(value);
    }
  }
  return { shown: values[0] ?? storable(given).slice(0, 320), kinds, values };
}

/**
 * One row: address, identity_id, customer_id, conversation_id (the latest that isn't closed), claim_id (one of those who claim the address).
 * Ids that are unique only within an account are found in any; of several, the one seen last. Parameters: address, kinds, values.
 */
export const SCREEN_POP_SQL = (param: (name: string) => string, workspace: string): string => `
select ${param('address')} as address, i.id as identity_id, i.customer_id, o.id as conversation_id, s.id as claim_id
from (select true) one
left join lateral (
  select i.id, i.customer_id
  from unnest(${param('kinds')}, ${param('values')}) with ordinality as a (kind, value, likely)
  join identities i on i.workspace_id = ${workspace} and i.kind = a.kind and i.value = a.value and i.valid_to is null
  order by a.likely, i.last_seen_at desc, i.id limit 1
) i on true
left join lateral (
  select c.id
  from identities ci
  join conversation_participants p on p.workspace_id = ${workspace} and p.identity_id = ci.id
  join conversations c on c.workspace_id = ${workspace} and c.id = p.conversation_id and c.status <> 'CLOSED'
  where ci.workspace_id = ${workspace} and ci.customer_id = i.customer_id
  order by c.last_activity_at desc, c.id desc limit 1
) o on true
left join lateral (
  select c.id
  from unnest(${param('kinds')}, ${param('values')}) as a (kind, value)
  join claims c on c.workspace_id = ${workspace} and c.kind = a.kind and c.value = a.value and c.state = 'PENDING'
  order by c.id limit 1
) s on true`;
