import type { ReactNode } from 'react';
import { ChannelName } from './avatar.tsx';
import { Icon } from './icons.tsx';
import type { Channel, DeliveryState } from './operations.generated.ts';
import { DELIVERIES, timeOf } from './words.ts';

export interface BubbleProps {
  channel: Channel | null;
  who: string;
  at: string;
  /** Null: it came in. */
  state: DeliveryState | null;
  /** An e-mail's. */
  subject?: string | null;
  text: string | null;
  /** Why it failed; null: it did not. */
  reason?: string | null;
  children?: ReactNode;
}

/** What was said: by whom, when, over what, and how far it came. */
export const Bubble = ({ channel, who, at, state, subject = null, text, reason = null, children }: BubbleProps) => (
  <div className="bubble">
    <p className="meta"><strong>{who}</strong>{channel && <ChannelName channel={channel} />}<time dateTime={at}>{timeOf(at)}</time></p>
    {subject !== null && <p className="subject">{subject}</p>}
    {text !== null && <p className="text">{text}</p>}
    {children}
    {state !== null && <p className={BAD.has(state) ? 'state bad' : 'state'}><Icon name={STATE_ICONS[state]} />{DELIVERIES[state]}{reason !== null && `: ${reason}`}</p>}
  </div>
);

const BAD = new Set<DeliveryState>(['FAILED', 'UNCONFIRMED']);

const STATE_ICONS: Record<DeliveryState, Parameters<typeof Icon>[0]['name']> = {
  RECEIVED: 'tick', QUEUED: 'clock', ACCEPTED: 'clock', SENDING: 'clock', SENT: 'tick', DELIVERED: 'ticks', READ: 'ticks', PLAYED: 'ticks', FAILED: 'alert', UNCONFIRMED: 'alert',
};
