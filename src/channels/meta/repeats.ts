// Pure: one delivery of Meta's can hold the same thing twice.
import type { InboundEvent } from '../channel.ts';

/** Of events with the same account and key, the first. */
export function withoutRepeats(events: InboundEvent[]): InboundEvent[] {
  const byKey = new Map<string, InboundEvent>();
  for (const event of events) {
    const key = JSON.stringify([event.account, event.dedupeKey]);
    if (!byKey.has(key)) byKey.set(key, event);
  }
  return [...byKey.values()];
}
