// An event of a channel on its way to its effect.
import type { Actor } from '../access/viewer.ts';
import type { InboundEvent } from '../channels/channel.ts';
import type { Channel } from '../conversations/continuity.ts';

export interface Arriving {
  workspaceId: string;
  accountId: string;
  channel: Channel;
  event: InboundEvent;
  receivedAt: string;
  historical: boolean;
  /** Who wrote an outbound message of history; default: somebody outside of here. */
  author?: Actor;
}

/** A mail, whoever carried it; not what a program brought in as one. It is known by its Message-ID and its content, and answers message by message. */
export const isMail = (event: InboundEvent): boolean => event.channel === 'email' && event.provider !== 'api';

export interface Received {
  identityId: string;
  conversationId: string;
  messageId: string | null;
  /** Nothing was stored: the message is here already. */
  state?: 'DUPLICATE';
}

/** The earlier of the provider's time and our receipt: a provider's clock can't put a message into the future. */
export function arrivedAt({ event, receivedAt }: Pick<Arriving, 'event' | 'receivedAt'>): string {
  return event.occurredAt !== null && event.occurredAt < receivedAt ? event.occurredAt : receivedAt;
}
