// The channel contract: what a provider's file must be able to do, and the one form that everything it sends is brought to.
//
//   verify   is this request really the provider's? (raw bytes, constant time, two secrets while one is rotated)
//   parse    pure: the request's bytes -> events in our words. `throughline parse` prints exactly these.
//   respond  pure: what the provider wants to hear back (a challenge's answer, TwiML, an acknowledgement)
//   send     one message to the provider's API; the answer says accepted, failed (for good or to be tried again) or unknown
//   media    where a file that a message names can be fetched now
//   listen   for who doesn't call us: a connection that we hold
//   check    whether a credential is good, and for which accounts; setup: what to do at the provider
import { z } from 'zod';
import type { HttpClient } from '../platform/http.ts';

export const CHANNEL_NAMES = ['live_chat', 'email', 'voice', 'sms', 'whatsapp', 'messenger', 'instagram', 'x', 'in_app'] as const;
export type ChannelName = (typeof CHANNEL_NAMES)[number];

/** RFC 3339 with milliseconds, UTC. */
const moment = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

export const observedAddress = z.object({
  kind: z.enum(['phone', 'email', 'wa_bsuid', 'wa_parent_bsuid', 'psid', 'igsid', 'x_user_id', 'sip_uri', 'visitor', 'external_id']),
  /** What the value is unique within; '' for addresses of the world. */
  namespace: z.string(),
  /** The normal form (identities/address.ts makes it again when the event is applied). */
  value: z.string(),
  valueRaw: z.string(),
  trust: z.enum(['claimed', 'attested', 'verified']),
  displayName: z.string().nullable(),
  /** The handle that the network shows for it (X: without `@`). An attribute and never a key: its owner can change it. Absent where there is none. */
  username: z.string().optional(),
});
export type ObservedAddress = z.infer<typeof observedAddress>;

export const part = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('text'),
    text: z.string(),
    /** Without quotes and signature. */
    visibleText: z.string().nullable(),
    quotedText: z.string().nullable(),
    signature: z.string().nullable().optional(),
    /** As it came; it is sanitised before it is kept for display. */
    html: z.string().nullable(),
  }),
  z.object({
    type: z.literal('media'),
    kind: z.enum(['image', 'audio', 'voice', 'video', 'document', 'sticker', 'file']),
    mime: z.string().nullable(),
    filename: z.string().nullable(),
    /** Bytes. */
    size: z.number().int().nullable(),
    providerMediaId: z.string().nullable(),
    url: z.string().nullable(),
    /** Hex digest of the content when the delivery itself held it (see `Parsed.files`). */
    sha256: z.string().nullable().optional(),
    /** `cid:` of an image that the HTML shows inline. */
    contentId: z.string().nullable().optional(),
    /** The provider forbids to keep it (an Instagram story): it is linked, and never fetched. */
    transient: z.boolean().optional(),
  }),
  /** A page that was shared (a post, a product, a template's address), which is no file. */
  z.object({ type: z.literal('link'), kind: z.string(), url: z.string().nullable(), title: z.string().nullable() }),
  z.object({ type: z.literal('location'), latitude: z.number(), longitude: z.number(), name: z.string().nullable(), address: z.string().nullable() }),
  z.object({ type: z.literal('contacts'), contacts: z.array(z.unknown()) }),
  z.object({ type: z.literal('reaction'), emoji: z.string().nullable(), target: z.string() }),
  z.object({ type: z.literal('choice'), id: z.string().nullable(), title: z.string() }),
  z.object({ type: z.literal('form'), fields: z.unknown() }),
  z.object({ type: z.literal('order'), order: z.unknown() }),
  z.object({ type: z.literal('template'), name: z.string(), language: z.string().nullable(), parameters: z.array(z.string()) }),
  z.object({ type: z.literal('encrypted'), scheme: z.string() }),
  /** What is not understood is kept as such, with its raw, never dropped. */
  z.object({ type: z.literal('unsupported'), code: z.string(), raw: z.unknown() }),
]);
export type Part = z.infer<typeof part>;

export const CALL_STEPS = ['held', 'resumed', 'queued', 'dequeued', 'transferred'] as const;

export const RECEIPT_STATES = ['accepted', 'sending', 'sent', 'delivered', 'read', 'played', 'failed'] as const;

export const inboundEvent = z.object({
  kind: z.enum(['message', 'message_edit', 'message_delete', 'reaction', 'receipt', 'typing', 'postback', 'referral', 'consent', 'identity_change', 'call', 'system', 'unknown']),
  direction: z.enum(['inbound', 'outbound', 'echo_external']),
  channel: z.enum(CHANNEL_NAMES),
  provider: z.string(),
  /** The account as its provider names it (our number, mailbox, Page …); null when the payload doesn't say. */
  account: z.string().nullable(),
  /** Unique within the account: a redelivery has the same. */
  dedupeKey: z.string(),
  /** The provider's time; null when it gives none (then the time of receipt counts). */
  occurredAt: moment.nullable(),
  senders: z.array(observedAddress),
  recipients: z.array(observedAddress),
  message: z
    .object({
      providerMessageId: z.string().nullable(),
      /** The lane or thread that it belongs to. */
      threadKey: z.string().nullable(),
      /** The provider's id of the message that it answers. */
      replyTo: z.string().nullable(),
      /** E-mail: every Message-ID of In-Reply-To and References that it may answer, best first. */
      references: z.array(z.string()).optional(),
      subject: z.string().nullable(),
      /** What the sender's clock said. */
      sentAt: moment.nullable().optional(),
      /** Why it was made by a machine (`auto-submitted`, `list`, `bounce` …); null for a person's. */
      autoGenerated: z.string().nullable(),
      language: z.string().nullable().optional(),
      /** The story that it answers. */
      replyToStory: z.object({ id: z.string().nullable(), url: z.string().nullable() }).nullable().optional(),
      forwarded: z.boolean().optional(),
      /** E-mail: the message that it hands on, as far as that is told; who wrote it is claimed. */
      original: z
        .object({ sender: observedAddress, subject: z.string().nullable(), sentAt: moment.nullable(), providerMessageId: z.string().nullable() })
        .nullable()
        .optional(),
      /** The colleague who handed a customer's message on to us: no sender of it. `senders` are the original's. */
      forwardedBy: observedAddress.nullable().optional(),
      /** The group that it was written in, as the provider names it; `recipients` are the others in it. */
      groupId: z.string().nullable().optional(),
      /** Of an echo: our own reference, as it came back: the attempt (UUID) that the message was sent by. */
      reference: z.string().nullable().optional(),
      /** Of a text message: into how many pieces its network split it, which is what it costs; absent: one, or not said. */
      segments: z.number().int().positive().optional(),
      parts: z.array(part),
    })
    .optional(),
  receipt: z
    .object({
      /** Provider's message ids that it speaks of. */
      targets: z.array(z.string()).optional(),
      /** Everything sent up to then. */
      watermark: moment.optional(),
      upTo: z.string().optional(),
      state: z.enum(RECEIPT_STATES),
      errorCode: z.string().nullable(),
      reason: z.string().nullable(),
      /** RFC 3463 status of a bounce, e.g. `5.1.1`. */
      statusClass: z.string().nullable().optional(),
      recipient: z.string().nullable().optional(),
      /** Our own reference, as it came back: the attempt (UUID) that the reported message was sent by. It settles an attempt that had no answer. */
      reference: z.string().nullable().optional(),
    })
    .optional(),
  call: z
    .object({
      providerCallId: z.string(),
      parentCallId: z.string().nullable(),
      /** What this event says; recording and transcript come minutes after the end. */
      phase: z.enum(['ringing', 'answered', 'ended', 'recording', 'transcript', 'progress']),
      /** Provider's order of a call's events, when it gives one. */
      sequence: z.number().int().nullable(),
      from: z.string().nullable(),
      to: z.string().nullable(),
      /** How it ended; only with phase `ended`. */
      disposition: z.enum(['answered', 'missed', 'abandoned', 'voicemail', 'busy', 'no_answer', 'rejected', 'failed', 'canceled']).nullable(),
      endCause: z.string().nullable(),
      /** Milliseconds from answer to end, when the provider says it. */
      talkMs: z.number().int().nullable(),
      /** Milliseconds on hold, when the provider says it. */
      holdMs: z.number().int().nullable().optional(),
      /** What happened to it on its way (phase `progress`). `party`: to whom it was transferred, or the queue's name. */
      step: z.object({ kind: z.enum(CALL_STEPS), party: z.string().nullable() }).optional(),
      recording: z
        .object({ id: z.string(), kind: z.enum(['call', 'voicemail']), state: z.enum(['in_progress', 'completed', 'absent', 'failed']), durationMs: z.number().int().nullable(), channels: z.number().int().nullable(), url: z.string().nullable(), startedAt: moment.nullable() })
        .nullable(),
      transcript: z.object({ id: z.string(), recordingId: z.string().nullable(), state: z.enum(['completed', 'failed']), text: z.string().nullable() }).nullable(),
    })
    .optional(),
  consent: z.object({ purpose: z.string(), state: z.enum(['given', 'withdrawn']), keyword: z.string().nullable() }).optional(),
  /** By what the customer came (an advertisement, a link with a reference, a product): of a message, or alone. */
  referral: z
    .object({ source: z.string(), ref: z.string().nullable(), id: z.string().nullable(), url: z.string().nullable(), headline: z.string().nullable() })
    .optional(),
  typing: z.object({ state: z.enum(['on', 'off']) }).optional(),
  /** What the provider tells of itself: thread control, a policy's enforcement, an account's state. */
  /** `ofAccount`: it is said of the account itself, and is shown there. */
  system: z.object({ code: z.string(), text: z.string().nullable(), data: z.unknown(), ofAccount: z.boolean().optional() }).optional(),
  /** `also`: what the same source attests in the same breath, beside `to`: who has one of them has all. */
  identityChange: z.object({ from: observedAddress.nullable(), to: observedAddress.nullable(), also: z.array(observedAddress).optional(), reason: z.string() }).optional(),
  /** It happened before the account was connected, and the provider brings it along: it keeps its time, and calls for nothing. */
  historical: z.boolean().optional(),
});
export type InboundEvent = z.infer<typeof inboundEvent>;

/** A request as it came. Header names are lower-case; `url` is the full public address that the provider called (it is part of Twilio's signature). */
export interface RawRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: Buffer;
}

/** Files that the delivery itself carried (an e-mail's attachments), by the hex SHA-256 that the parts name. */
export interface ParsedFile {
  sha256: string;
  mime: string;
  content: Buffer;
}
export interface Parsed {
  events: InboundEvent[];
  files: ParsedFile[];
}

/** Thrown by `parse` for a payload that can't be read at all; the delivery is kept and listed with this reason. */
export class Unparsable extends Error {
  override readonly name = 'Unparsable';
}

/**
 * Thrown by `parse` where one credential serves several channels: the payload is of another of them. `throughline parse` shows the reason; a door
 * asks the other channels.
 */
export class OfAnotherChannel extends Unparsable {}

/** `challenge`: the WWW-Authenticate of a 401. There are providers that give their credentials only to who asks for them by it. */
export type Verification = { ok: true } | { ok: false; status: 400 | 401 | 403; reason: string; challenge?: string };

/** `secrets` holds the current one first, then the previous one while it is being rotated. */
export interface VerifyContext<Secrets> {
  secrets: Secrets[];
}

export interface HttpReply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export interface Account<Settings = unknown, Secrets = unknown> {
  id: string;
  workspaceId: string;
  address: string;
  name: string;
  settings: Settings;
  secrets: Secrets;
}

/** What an agent wrote, ready for one provider. */
export interface OutboundMessage {
  /** Our message's UUID: where the provider takes a reference of ours (callback address, Message-ID), it is made of this. */
  messageId: string;
  attemptId: string;
  /** Normal form of the recipient's address. */
  to: { kind: ObservedAddress['kind']; value: string; displayName: string | null };
  /** The others of the group that it goes to as well, as normal forms of the same kind; only providers with groups look at it. */
  alsoTo?: string[];
  /** The group that it answers in, as `message.groupId` of what came from there; for providers that write to a group by its id. */
  groupId?: string | null;
  text: string;
  html: string | null;
  subject: string | null;
  /** The provider's id of the message that it answers, and the chain before it (oldest first). */
  inReplyTo: string | null;
  references: string[];
  autoGenerated: boolean;
  /** `url`: signed, public for 5 to 10 minutes, for providers that fetch files themselves. */
  files: { filename: string; mime: string; content: Buffer; url: string }[];
  /** A message that the provider approved before, where the window for free text is closed. */
  template: { name: string; language: string; parameters: string[] } | null;
  /** It is no message but a reaction to one, by the provider's id of that; `emoji` null: taken back. For providers that react. */
  reaction?: { target: string; emoji: string | null } | null;
  /** A person answers beyond the window, where the provider allows that (Meta's HUMAN_AGENT). */
  humanAgent: boolean;
  /** Where the provider may report delivery: our public address for this account's endpoint. */
  callbackUrl: string;
}

export type SendResult =
  /** `furtherIds`: of the messages that the provider made of it beside the first (a text and its files, where it takes one at a time). */
  | { outcome: 'accepted'; providerMessageId: string; furtherIds?: string[]; threadKeys?: string[]; state?: 'accepted' | 'sending' | 'sent' }
  | { outcome: 'failed'; errorCode: string; reason: string; retryable: boolean; retryAfterMs?: number }
  /** The call may or may not have reached the provider: UNCONFIRMED, never sent again by itself. */
  | { outcome: 'unknown'; reason: string };

export interface Capabilities {
  /** Characters of a message's text; null: no limit. */
  textMax: number | null;
  /** Bytes of the text in UTF-8, where the provider counts these; absent: no limit of its own. */
  textBytesMax?: number;
  subject: boolean;
  html: boolean;
  attachments: { countMax: number; bytesMax: number } | null;
  /** Whether a conversation can be begun by us. */
  canStart: boolean;
  /** Whether it writes to a group in which the customer wrote (`alsoTo`, `groupId`); absent: it doesn't. */
  groups?: true;
  /** How long after the customer's last message he may be answered freely, and what can be sent beyond that; null: always. */
  window: { ms: number; beyond: { how: 'TEMPLATE' } | { how: 'HUMAN_AGENT'; ms: number } | null } | null;
  /** How many messages an account sends at the most; null: as fast as they come. */
  sendsPerSecond: number | null;
}

/** Where a medium can be fetched right now, once, with these headers; or why it can't be any more. */
export type MediaSource = { outcome: 'found'; url: string; headers: Record<string, string> } | { outcome: 'expired' | 'forbidden' | 'failed'; reason: string; retryable: boolean };

/**
 * What the provider says of a credential when an account is connected: the numbers, Pages, handles … that it is good for. `retryable`: the provider was not
 * reached or didn't answer, which says nothing of the credential.
 */
export type CredentialCheck = { ok: true; accounts: { channel: ChannelName; address: string; name: string }[] } | { ok: false; reason: string; retryable?: boolean };

/** One provider of one channel: a file, listed in registry.ts. There, providers of different settings stand in one list. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a list of providers holds settings and secrets of every shape
export interface Provider<Settings = any, Secrets = any> {
  channel: ChannelName;
  provider: string;
  /** Further names that `throughline parse` knows it by: those of its kinds of payload. Accounts are connected by `provider` alone. */
  parsesAs?: readonly string[];
  /** Shape of `channel_accounts.settings`; every field described, since `connectChannel` shows its errors. */
  settings: z.ZodType<Settings>;
  secrets: z.ZodType<Secrets>;
  capabilities: Capabilities;
  /**
   * The largest request that it sends, where that is more than a webhook's 40 MB (mail with its files). Of such a provider `verify` looks at
   * headers and address alone: it is asked before the body is read, so that only who holds the secret can send so much.
   */
  requestBytesMax?: number;
  /** The kinds of address by which a customer can be written to. */
  addressKinds: readonly ObservedAddress['kind'][];
  verify(request: RawRequest, context: VerifyContext<Secrets>): Verification | Promise<Verification>;
  /** @throws Unparsable */
  parse(request: RawRequest): Parsed | Promise<Parsed>;
  /** `context`: the endpoint's secrets, for a challenge that is answered with one (X's CRC). */
  respond(request: RawRequest, parsed: Parsed | null, context?: VerifyContext<Secrets>): HttpReply;
  /** Asks the provider whether the credential is good. `ok` with no accounts: it is, and the provider can't list them. */
  check?(given: { address: string | null; settings: Settings; secrets: Secrets }, http: HttpClient): Promise<CredentialCheck>;
  /** What to do at the provider so that its webhooks come to `url`: a sentence a step. */
  setup?(webhook: { url: string }): string[];
  /** Where a part's file can be fetched. Without it: at the part's `url`, with nothing else. */
  media?(part: { providerMediaId: string | null; url: string | null }, account: Account<Settings, Secrets>, http: HttpClient): Promise<MediaSource>;
  /** Whether a failed `send` of this code says that nothing can be sent by the account until somebody mends it (a token that ended). */
  isAccountFault?(errorCode: string): boolean;
  /** Tells the customer that his message was read and, with `typing`, that an answer is being written. Whether the provider took it; it is never tried again. */
  acknowledge?(told: { providerMessageId: string; typing: boolean }, account: Account<Settings, Secrets>, http: HttpClient): Promise<boolean>;
  send?(message: OutboundMessage, account: Account<Settings, Secrets>, http: HttpClient): Promise<SendResult>;
  /** For providers that we connect to instead of being called by them. Null: the account isn't set up for it. */
  listen?(account: Pick<Account<Settings, Secrets>, 'settings' | 'secrets'>): Listening | null;
}

export interface Listening {
  /** Two accounts with the same one share a connection. */
  to: string;
  /**
   * Connects, and hands on what comes, in order, as requests for `parse`, until the connection is lost or `signal` aborted. Where `received` gives a promise, nothing
   * more is handed on before it is settled. @throws Error why it couldn't be made, or ended: a sentence for whoever operates it
   */
  run(o: { http: HttpClient; opened: () => void; received: (request: RawRequest) => Promise<void> | void; signal: AbortSignal }): Promise<void>;
}
