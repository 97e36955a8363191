// By what customers came: an advertisement, a link, a product; with their message, or before they said anything.
import { referrals } from '../../schema/messages.ts';
import type { Actor } from '../access/viewer.ts';
import type { InboundEvent } from '../channels/channel.ts';
import type { Channel } from '../conversations/continuity.ts';
import { appendEvents, putTimelineEntry } from '../events/append.ts';
import { touchActivities } from '../identities/customers.ts';
import type { Tx } from '../platform/db.ts';
import { newId } from '../platform/ids.ts';
import { insertRows, type NewRow } from '../platform/insert.ts';

export type Referral = NonNullable<InboundEvent['referral']>;

interface Came {
  identityId: string;
  accountId: string | null;
  channel: Channel;
  messageId: string | null;
  at: string;
}

export const referralRow = (workspaceId: string, { source, ref, id, url, headline }: Referral, { at, ...came }: Came): NewRow & { id: string } =>
  ({ workspaceId, ...came, id: newId(), source, ref, providerId: id, url, headline, occurredAt: at });

/** He came and said nothing yet: it is on his timeline, and opens no conversation. Emits `customer.referred`. */
export async function receiveReferral(tx: Tx, actor: Actor, referral: Referral, came: Omit<Came, 'messageId'>): Promise<void> {
  const { workspaceId } = actor;
  const { identityId, channel, at } = came;
  const row = referralRow(workspaceId, referral, { ...came, messageId: null });
  await insertRows(tx, referrals, [row]);
  await touchActivities(tx, workspaceId, [{ identityId, at }]);
  await putTimelineEntry(tx, workspaceId, { identityId, occurredAt: at, kind: 'REFERRAL', refId: row.id, channel, actor, data: {} });
  await appendEvents(tx, workspaceId, [{ kind: 'customer.referred', actor, data: { referralId: row.id, identityId, channel } }]);
}
