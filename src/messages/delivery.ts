// Pure: how what a provider reports of a message folds into its state. Never "last wins": reports come late, twice and out of order.
import { DELIVERY_STATES } from '../../schema/messages.ts';

export type DeliveryState = (typeof DELIVERY_STATES)[number];

const RANK: Record<DeliveryState, number> = {
  RECEIVED: 0, QUEUED: 1, ACCEPTED: 2, SENDING: 3, SENT: 4, DELIVERED: 5, READ: 6, PLAYED: 7,
  // Side branches: see `foldDelivery`.
  FAILED: -1, UNCONFIRMED: -1,
};

/**
 * The state after a report. The higher rank wins. FAILED wins over everything below DELIVERED, and a late SENT does not lift it; a delivery
 * that did happen does. UNCONFIRMED (we don't know whether the provider got it) gives way to any report, since a report proves that it did.
 * Commutative and idempotent: any order and any number of the same reports end the same.
 */
export function foldDelivery(current: DeliveryState, reported: DeliveryState): DeliveryState {
  if (current === 'RECEIVED' || reported === 'RECEIVED') return current;
  if (current === 'UNCONFIRMED') return reported === 'QUEUED' ? current : reported;
  if (reported === 'UNCONFIRMED') return current === 'QUEUED' || current === 'SENDING' ? reported : current;
  if (current === 'FAILED') return RANK[reported] >= RANK.DELIVERED ? reported : current;
  if (reported === 'FAILED') return RANK[current] >= RANK.DELIVERED ? current : reported;
  return RANK[reported] > RANK[current] ? reported : current;
}

/**
 * The states that a report which names no single message ("seen up to here") lifts. It says nothing of what failed or hasn't left yet: those were
 * never in front of anybody's eyes.
 */
export const raisedUpTo = (reported: DeliveryState): DeliveryState[] =>
  DELIVERY_STATES.filter((state) => state !== 'FAILED' && state !== 'QUEUED' && foldDelivery(state, reported) !== state);
