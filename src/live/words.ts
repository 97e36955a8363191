// What the page calls what the API names, and how it writes times, sizes and durations.
import type { CallDisposition, Channel, ConversationStatus, DeliveryState, MediaState, PartKind } from './operations.generated.ts';

export const CHANNELS: Record<Channel, string> = {
  LIVE_CHAT: 'Chat', EMAIL: 'E-mail', VOICE: 'Phone', SMS: 'SMS', WHATSAPP: 'WhatsApp', MESSENGER: 'Messenger', INSTAGRAM: 'Instagram', X: 'X', IN_APP: 'App',
};

export const STATUSES: Record<ConversationStatus, string> = { OPEN: 'Open', PENDING: 'Pending', SNOOZED: 'Snoozed', CLOSED: 'Closed' };

export const DELIVERIES: Record<DeliveryState, string> = {
  RECEIVED: 'Received', QUEUED: 'Queued', ACCEPTED: 'Accepted', SENDING: 'Sending', SENT: 'Sent', DELIVERED: 'Delivered', READ: 'Read', PLAYED: 'Played', FAILED: 'Failed', UNCONFIRMED: 'Unconfirmed',
};

export const DISPOSITIONS: Record<CallDisposition, string> = {
  ANSWERED: 'Answered', MISSED: 'Missed', ABANDONED: 'Caller hung up while waiting', VOICEMAIL: 'Left a voice message', BUSY: 'Busy', NO_ANSWER: 'No answer', REJECTED: 'Rejected', FAILED: 'Failed', CANCELED: 'Canceled',
};

/** Parts that have a label instead of their text; a TEXT stands in the message itself. */
export const PARTS: Record<Exclude<PartKind, 'TEXT'>, string> = {
  MEDIA: 'File', LOCATION: 'Place', CONTACTS: 'Contact card', STICKER: 'Sticker', REACTION: 'Reaction', CHOICE: 'Choice', FORM: 'Filled form', ORDER: 'Order', LINK: 'Shared page', TEMPLATE: 'Template', CALL_REF: 'Call',
  ENCRYPTED: 'Encrypted, can’t be read here', UNSUPPORTED: 'Not understood, kept as it came',
};

export const MEDIA: Record<MediaState, string | null> = {
  STORED: null, LINKED: 'kept at the provider', PENDING: 'being fetched', EXPIRED: 'no longer there', FORBIDDEN: 'refused by the provider', TOO_LARGE: 'too large', FAILED: 'could not be fetched',
};

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat('en', { weekday: 'short' });
const date = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });
const longDate = new Intl.DateTimeFormat('en', { weekday: 'long', day: 'numeric', month: 'long' });
const DAY_MS = 86_400_000;

export const timeOf = (at: string): string => time.format(new Date(at));

/** The time today, the weekday within a week, else the date. */
export function whenOf(at: string, nowMs: number): string {
  const days = daysAgo(at, nowMs);
  if (days <= 0) return timeOf(at);
  return days < 7 ? weekday.format(new Date(at)) : date.format(new Date(at));
}

export function dayOf(at: string, nowMs: number): string {
  const days = daysAgo(at, nowMs);
  return days === 0 ? 'Today' : days === 1 ? 'Yesterday' : longDate.format(new Date(at));
}

const daysAgo = (at: string, nowMs: number): number => Math.round((midnight(nowMs) - midnight(Date.parse(at))) / DAY_MS);
const midnight = (ms: number): number => new Date(ms).setHours(0, 0, 0, 0);

/** `4 min 10 s` */
export function lengthOf(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  return seconds < 60 ? `${seconds} s` : seconds % 60 === 0 ? `${seconds / 60} min` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** `3 min`, `2 h`, `5 d`: how long ago, roughly. */
export function sinceOf(at: string, nowMs: number): string {
  const minutes = Math.max(0, Math.floor((nowMs - Date.parse(at)) / 60_000));
  return minutes < 1 ? 'now' : minutes < 60 ? `${minutes} min` : minutes < 1_440 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1_440)} d`;
}

export const sizeOf = (bytes: number): string => (bytes < 1_024 ? `${bytes} B` : bytes < 1_048_576 ? `${Math.round(bytes / 1_024)} KB` : `${(bytes / 1_048_576).toFixed(1)} MB`);

/** At most two letters. */
export const initialsOf = (name: string): string => {
  const words = name.split(/\s+/).filter((word) => /^\p{L}/u.test(word));
  return (words.length > 1 ? [words[0], words.at(-1)] : words).map((word) => word!.slice(0, 1).toUpperCase()).join('') || '#';
};
