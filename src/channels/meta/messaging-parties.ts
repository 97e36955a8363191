// Pure: who wrote to whom, of anything that stands under `messaging`.
import { normalAddress } from '../../identities/address.ts';
import type { ChannelName, ObservedAddress } from '../channel.ts';
import { at, idOf, isTrue, listOf, textOf } from './messaging-read.ts';

/** What tells Messenger and Instagram apart; all else is the same. */
export interface MessagingKind {
  channel: ChannelName & ('messenger' | 'instagram');
  /** `object` of the webhooks. */
  object: 'page' | 'instagram';
  customer: 'psid' | 'igsid';
  /** Namespace of our side, which is a Page or a professional account and no customer. */
  account: 'facebook_page' | 'instagram_account';
}
export const MESSENGER: MessagingKind = { channel: 'messenger', object: 'page', customer: 'psid', account: 'facebook_page' };
export const INSTAGRAM: MessagingKind = { channel: 'instagram', object: 'instagram', customer: 'igsid', account: 'instagram_account' };

export interface Parties {
  /** The Page or Instagram account. */
  account: string | null;
  ours: ObservedAddress[];
  /** The customer: first by his scoped id, then by the references that the delivery says are the same person's. */
  customer: ObservedAddress[];
  /** It was done on our side, by this app or elsewhere. */
  byUs: boolean;
}

/** Everything between an account and a customer; `send` gives the same, so that an answer finds its conversation. */
export const laneKey = (account: string | null, counterpart: string): string => `${account ?? ''} ${counterpart}`;

export function partiesOf(kind: MessagingKind, item: unknown, entryId: string | null): Parties {
  const [sender, recipient] = [at(item, 'sender'), at(item, 'recipient')];
  const [senderId, recipientId] = [idOf(at(sender, 'id')), idOf(at(recipient, 'id'))];
  const echo = isTrue(at(at(item, 'message'), 'is_echo'));
  // The entry is of the account, so whoever has its id is our side. Where neither has (test events, old samples): an echo is what the account sent.
  const sentByAccount = senderId !== null && senderId === entryId && recipientId !== entryId ? true : recipientId !== null && recipientId === entryId ? false : echo;
  const [account, theirId, theirs] = sentByAccount ? [senderId, recipientId, recipient] : [recipientId, senderId, sender];
  const ourId = account ?? (entryId === '0' ? null : entryId);
  return {
    account: ourId, byUs: sentByAccount || echo,
    ours: present(observed('external_id', kind.account, ourId)),
    customer: [
      ...present(customerAddress(kind, ourId, theirId, textOf(at(theirs, 'name')) ?? textOf(at(theirs, 'username')))),
      ...referencesOf(item, theirs).flatMap((reference) => present(observed('external_id', `messenger_user_ref:${ourId ?? ''}`, reference))),
    ],
  };
}

export const customerAddress = (kind: MessagingKind, account: string | null, id: string | null, displayName: string | null = null): ObservedAddress | null =>
  observed(kind.customer, account ?? '', id, displayName);

/**
 * What the company's own web page called the customer when it showed a plugin: it comes without his id until he has written. The checkbox's comes
 * again with his first message.
 */
function referencesOf(item: unknown, theirs: unknown): string[] {
  const prior = at(item, 'prior_message');
  const ofCheckbox = textOf(at(prior, 'source')) === 'checkbox_plugin' ? at(prior, 'identifier') : undefined;
  return [...new Set([at(theirs, 'user_ref'), at(at(item, 'optin'), 'user_ref'), ofCheckbox].flatMap((value) => listOf(idOf(value)) as string[]))];
}

/** Signed by Meta, so the address is attested. */
function observed(kind: ObservedAddress['kind'], namespace: string, id: string | null, displayName: string | null = null): ObservedAddress | null {
  const address = id === null ? null : normalAddress({ kind, namespace, value: id });
  return address && { kind, namespace: address.namespace, value: address.value, valueRaw: address.valueRaw, trust: 'attested', displayName };
}

const present = <T>(value: T | null): T[] => (value === null ? [] : [value]);
