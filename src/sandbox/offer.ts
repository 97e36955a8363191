// What the commands know of a sandbox provider, the same of all of them: the accounts that it has, the credentials that it takes, what its customers can do, and
// how it reports on what was sent. A file a provider under offers/; they are listed in offers.ts.
import { createHash } from 'node:crypto';
import type { CHANNELS } from '../../schema/channels.ts';
import type { Weather, WebhookAnswer } from './sandbox.ts';

export type OfferedChannel = (typeof CHANNELS)[number];

/** What `connectChannel` takes, beside the provider and its secrets. */
export interface OfferedAccount {
  channel: OfferedChannel;
  name: string;
  address: string;
  settings: Record<string, unknown>;
}

/** A customer, by his name and address at this provider: a number with its plus, an id, a mailbox. */
export interface Writer {
  name: string;
  address: string;
}
export interface File {
  filename: string;
  mime: string;
  content: Buffer;
}

/** What a customer does. `id`: 32 hex digits, of which the provider's ids are made; the same ones give the same ids. */
export type Act =
  | { kind: 'message'; id: string; text: string; subject?: string; file?: File }
  /** `about`: the provider's id of a message. */
  | { kind: 'reaction'; id: string; about: string; emoji: string }
  | { kind: 'edit'; id: string; about: string; text: string }
  /** A telephone call from its first ring to its end. `talkSeconds`: null when nobody answered; `voicemailSeconds`: how long he spoke to the machine then. */
  | { kind: 'call'; id: string; talkSeconds: number | null; voicemailSeconds: number | null };

export interface Told {
  /** The door's answer, of several the worst. */
  status: number;
  body: string;
  /** The provider's id of the message or call, as its webhook names it. */
  providerId: string;
}
export interface Sent {
  id: string;
  channel: OfferedChannel;
  /** Our account's address, and the customer's. */
  from: string;
  to: string;
  text: string;
}

export interface Offer {
  /** As `connectChannel` names it. */
  provider: string;
  title: string;
  url: string;
  secrets: Record<string, unknown>;
  /** All under one endpoint: the first is connected with the secrets, the others with its `endpointId`. */
  accounts: OfferedAccount[];
  /** Deliveries go to this address from now on. Providers that ask the address first do so. @throws Error when it answers wrongly. */
  deliverTo(webhook: string): Promise<void>;
  /** What customers can do by a channel of its; `file`: send a file with a message. */
  can(channel: OfferedChannel): ReadonlySet<Act['kind'] | 'file'>;
  /** A customer does something, and the webhook is called. @throws Error when he can't by this channel, or there is no webhook yet. */
  tell(channel: OfferedChannel, from: Writer, act: Act): Promise<Told>;
  /** What the API took, in order. */
  sent(): Sent[];
  /** Reports on it: delivered, and read where the provider tells so. */
  settle(id: string): Promise<void>;
  close(): Promise<void>;
}

export interface OfferOptions {
  port?: number;
  weather?: Weather;
}

/** A secret of a sandbox. It opens nothing but a sandbox, and is the same at every start, so what was connected stays good. */
export const sandboxSecret = (provider: string, name: string): string => createHash('sha256').update(`sandbox ${provider} ${name}`).digest('hex').slice(0, 32);

/** Where deliveries of an offer go. */
export class Door {
  #url: string | null = null;

  set(url: string): void {
    this.#url = url;
  }

  /** @throws Error when nothing was said yet. */
  get url(): string {
    if (this.#url === null) throw new Error('Nobody said yet where deliveries are to go.');
    return this.#url;
  }
}

/** What was told by several requests: the worst answer counts. */
export function toldBy(providerId: string, answers: readonly Pick<WebhookAnswer, 'status' | 'body'>[]): Told {
  const [worst] = [...answers].sort((a, b) => b.status - a.status);
  return { providerId, status: worst?.status ?? 0, body: worst?.body ?? 'It delivered nothing.' };
}

export const unable = (title: string, channel: string, act: Act): Error => new Error(`By ${title}, ${channel}, there is no ${act.kind}.`);
