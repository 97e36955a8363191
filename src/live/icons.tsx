// The page's pictures: drawn here, one stroke width, the colour of the text around them.
import type { ReactNode } from 'react';
import type { Channel } from './operations.generated.ts';

const CHANNEL_ICONS: Record<Channel, ReactNode> = {
  LIVE_CHAT: <path d="M4 4.5h12v8.5H9.5L6 16v-3H4z" />,
  EMAIL: <><rect x="3" y="4.5" width="14" height="11" rx="1.5" /><path d="m3.5 6 6.5 5 6.5-5" /></>,
  VOICE: <path d="M6.2 3.5 8 7.4 6.4 9c.8 1.9 2.2 3.4 4.3 4.4l1.7-1.6 3.9 1.8c.3 2-.9 3.2-2.6 3.2C8.5 16.6 3.4 11.5 3.2 6.3c0-1.7 1.1-2.9 3-2.8z" />,
  SMS: <><rect x="5.5" y="2.5" width="9" height="15" rx="2" /><path d="M8 6.5h4M8 9.2h2.5M9 14.8h2" /></>,
  WHATSAPP: <><path d="M3.5 16.5l1-3.5A6.7 6.7 0 1 1 7 15.4z" /><path d="M7.8 7.2c.3 2.4 2.2 4.4 4.7 4.9l.8-1.4-1.7-.9-.8.7c-.6-.3-1.1-.8-1.4-1.4l.7-.8-.9-1.7z" /></>,
  MESSENGER: <><path d="M10 3c4 0 7 2.8 7 6.4s-3 6.4-7 6.4c-.8 0-1.5-.1-2.2-.3L5.3 17v-2.6C3.9 13.2 3 11.5 3 9.4 3 5.8 6 3 10 3z" /><path d="m6.5 11 2.6-2.7 1.9 1.5 2.5-1.5" /></>,
  INSTAGRAM: <><rect x="3.5" y="3.5" width="13" height="13" rx="3.5" /><circle cx="10" cy="10" r="3" /><path d="M13.6 6.4h.01" /></>,
  X: <path d="m4 4 12 12M16 4 4 16" />,
  IN_APP: <><rect x="3.5" y="3.5" width="5.5" height="5.5" rx="1.5" /><rect x="11" y="3.5" width="5.5" height="5.5" rx="1.5" /><rect x="3.5" y="11" width="5.5" height="5.5" rx="1.5" /><path d="M11.5 13.7h4.5M13.7 11.5V16" /></>,
};

const OTHERS = {
  note: <><path d="M4.5 3.5h11v9l-4 4h-7z" /><path d="M7 7h6M7 10h3.5" /></>,
  file: <><path d="M5.5 2.5h6l3.5 3.5v11.5h-9.5z" /><path d="M11.5 2.5V6H15" /></>,
  clip: <path d="m13.5 6.5-5.3 5.3a1.3 1.3 0 0 0 1.9 1.9l5.4-5.5a3 3 0 0 0-4.3-4.2L5.6 9.6a4.7 4.7 0 0 0 6.7 6.6l4.2-4.2" />,
  send: <path d="M3.5 10h12M11 5l5 5-5 5" />,
  sun: <><circle cx="10" cy="10" r="3.2" /><path d="M10 2.5v2M10 15.5v2M2.5 10h2M15.5 10h2M4.7 4.7l1.4 1.4M13.9 13.9l1.4 1.4M15.3 4.7l-1.4 1.4M6.1 13.9l-1.4 1.4" /></>,
  moon: <path d="M16 11.8A6.5 6.5 0 0 1 8.2 4 6.5 6.5 0 1 0 16 11.8z" />,
  star: <path d="m10 3 2.1 4.5 4.9.6-3.6 3.4.9 4.9L10 14l-4.3 2.4.9-4.9L3 8.1l4.9-.6z" />,
  tick: <path d="m4 10.5 3.5 3.5L15.5 6" />,
  ticks: <path d="m2 10.5 3.5 3.5L12.5 7M9 13l1 1L17.5 6.5" />,
  clock: <><circle cx="10" cy="10" r="6.5" /><path d="M10 6.5V10l2.5 1.5" /></>,
  alert: <><circle cx="10" cy="10" r="6.5" /><path d="M10 6.5v4M10 13.3h.01" /></>,
  reply: <path d="M8 5 3.5 9.5 8 14M4 9.5h6.5c3 0 5 1.5 5.5 5" />,
};

const Picture = ({ children }: { children: ReactNode }) => (
  <svg className="icon" viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">{children}</svg>
);

export const ChannelIcon = ({ channel }: { channel: Channel }) => <Picture>{CHANNEL_ICONS[channel]}</Picture>;
export const Icon = ({ name }: { name: keyof typeof OTHERS }) => <Picture>{OTHERS[name]}</Picture>;
