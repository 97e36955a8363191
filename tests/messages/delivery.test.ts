import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DELIVERY_STATES } from '../../schema/messages.ts';
import { foldDelivery, raisedUpTo, type DeliveryState } from '../../src/messages/delivery.ts';

const reports = DELIVERY_STATES.filter((s) => !['RECEIVED', 'QUEUED', 'UNCONFIRMED'].includes(s));
const fold = (states: DeliveryState[]) => states.reduce(foldDelivery, 'QUEUED');

describe('folding of delivery reports', () => {
  it('any order and any repetition of the same reports ends the same', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom(...reports), { minLength: 1, maxLength: 6 }), fc.infiniteStream(fc.nat()), (states, random) => {
      const shuffled = [...states, ...states].map((s) => [random.next().value!, s] as const).sort((a, b) => a[0] - b[0]).map(([, s]) => s);
      expect(fold(shuffled)).toBe(fold(states));
    }));
  });

  it('a late SENT does not lift FAILED, a proof of delivery does, and FAILED does not hide a READ', () => {
    expect(fold(['SENT', 'FAILED', 'SENT'])).toBe('FAILED');
    expect(fold(['FAILED', 'DELIVERED'])).toBe('DELIVERED');
    expect(fold(['READ', 'FAILED'])).toBe('READ');
  });

  it('a report settles what was not known, and nothing changes an inbound message', () => {
    expect(foldDelivery('UNCONFIRMED', 'SENT')).toBe('SENT');
    expect(foldDelivery('UNCONFIRMED', 'FAILED')).toBe('FAILED');
    expect(foldDelivery('RECEIVED', 'READ')).toBe('RECEIVED');
  });

  it('what is seen up to a message lifts what went out and stands below it, and neither what failed nor what waits', () => {
    expect(raisedUpTo('READ')).toEqual(['ACCEPTED', 'SENDING', 'SENT', 'DELIVERED', 'UNCONFIRMED']);
    expect(raisedUpTo('DELIVERED')).toEqual(['ACCEPTED', 'SENDING', 'SENT', 'UNCONFIRMED']);
  });
});
