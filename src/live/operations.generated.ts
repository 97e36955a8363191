// Made of schema/api.graphql and schema/operations by `npm run live:operations`.
/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** Whether a channel account is in use. */
export type AccountState =
  /** Takes in and sends. */
  | 'ACTIVE'
  /** Sends nothing, and no chat can begin. What a provider delivers is still taken in, since it would be lost. */
  | 'DISABLED'
  /** Ended; its history stays. Connecting the same address again makes it ACTIVE. */
  | 'DISCONNECTED';

/** What kind of actor did something. A key is not a person. */
export type ActorKind =
  /** A program, through an API key. */
  | 'API_KEY'
  /** An automatic answerer. */
  | 'BOT'
  /** The end customer, through one of the addresses by which he is known. */
  | 'CUSTOMER'
  /** Another system: a provider’s own app, a CRM. */
  | 'EXTERNAL'
  /** A person of the workspace, through a member token. */
  | 'MEMBER'
  /** Throughline itself: timers, routing, the drain of what comes in. */
  | 'SYSTEM';

/** Input of `addNote`. */
export type AddNoteInput = {
  /** The text, at most 20,000 characters; blanks at its end are dropped. */
  body: string;
  /** The conversation that it is about. */
  conversationId?: string | null | undefined;
  /** The customer whom it is about. */
  customerId?: string | null | undefined;
  /** The records that it is about, at most 50. */
  externalRecordIds?: Array<string> | null | undefined;
  /** Made by you, once an intention: the same key with the same input has its effect once and answers the same, for at least 7 days. 1 to 200 characters. */
  idempotencyKey?: string | null | undefined;
  /** Whether it is kept on top. */
  pinned?: boolean | null | undefined;
};

/** What a member or an API key may do. Scopes narrow a key further. */
export type ApiRole =
  /** Everything: settings, channels, keys, and all that the others may. */
  | 'ADMIN'
  /** Answers customers: reads everything, writes customers, conversations, messages, notes and records. */
  | 'AGENT'
  /** Connects other systems: reads everything, writes customers, notes and records, brings in messages. Sends none. */
  | 'INTEGRATOR'
  /** Statistics and what they count, without what was said and without addresses. */
  | 'REPORTING';

/** Input of `assignConversation`. */
export type AssignConversationInput = {
  /** The member who shall take care of it; null: nobody. */
  assigneeId?: string | null | undefined;
  /** The conversation. */
  conversationId: string;
  /** The `version` that you read: CONFLICT when it is no longer the current one. Without it the last writer wins. */
  expectedVersion?: number | null | undefined;
  /** The queue; null: none. */
  queueId?: string | null | undefined;
  /** The team; null: none. */
  teamId?: string | null | undefined;
};

/** How a call ended. */
export type CallDisposition =
  /** The caller gave up while waiting. */
  | 'ABANDONED'
  /** Somebody talked. */
  | 'ANSWERED'
  /** The line was busy. */
  | 'BUSY'
  /** It was called off before it was answered. */
  | 'CANCELED'
  /** It could not be connected. */
  | 'FAILED'
  /** Nobody picked up. */
  | 'MISSED'
  /** It rang out. */
  | 'NO_ANSWER'
  /** It was turned down. */
  | 'REJECTED'
  /** The caller left a message. */
  | 'VOICEMAIL';

/** Where a call is. */
export type CallState =
  /** It is over. */
  | 'ENDED'
  /** It was answered. */
  | 'IN_PROGRESS'
  /** It rings, or is in a queue or menu. */
  | 'RINGING';

/** How a message or call travels. */
export type Channel =
  /** E-mail. */
  | 'EMAIL'
  /** Direct messages on Instagram. */
  | 'INSTAGRAM'
  /** Messages inside your own app. */
  | 'IN_APP'
  /** The chat on your own pages. */
  | 'LIVE_CHAT'
  /** Facebook Messenger. */
  | 'MESSENGER'
  /** Text messages. */
  | 'SMS'
  /** Telephone calls. */
  | 'VOICE'
  /** WhatsApp. */
  | 'WHATSAPP'
  /** Direct messages on X. */
  | 'X';

/** What became of a claim. Each decision can be taken back. */
export type ClaimState =
  /** An agent is satisfied: the visitor is the customer. */
  | 'CONFIRMED'
  /** Nobody has decided. The visitor sees nothing of it; agents see his conversation on the timeline of the address's owner, marked as claimed. */
  | 'PENDING'
  /** It was not so. */
  | 'REJECTED';

/** Input of `confirmClaim`. */
export type ConfirmClaimInput = {
  /** The claim. */
  claimId: string;
  /** The `version` that you read: CONFLICT when it is no longer the current one. Without it the last writer wins. */
  expectedVersion?: number | null | undefined;
};

/** Input of `connectChannel`. */
export type ConnectChannelInput = {
  /** Our side, as the provider names it: the number with its country (`+31201234567`), the mailbox, the Page's, Instagram account's or X account's id. Left out for a chat, which is known by its own id. */
  address?: string | null | undefined;
  /** Its channel. */
  channel: Channel;
  /** Asks the provider first whether the secrets are good, and for this address, where it can be asked; they are refused in its words. False: connects unasked. */
  check?: boolean | null | undefined;
  /** The credential of an account that is connected already (a second number of one Twilio account), in place of `secrets`. */
  endpointId?: string | null | undefined;
  /** Made by you, once an intention: the same key with the same input has its effect once and answers the same, for at least 7 days. 1 to 200 characters. */
  idempotencyKey?: string | null | undefined;
  /** New conversations of the channel go out by it. Left out: when it is the channel’s first. */
  isDefault?: boolean | null | undefined;
  /** What the team calls it. */
  name: string;
  /** Who carries it: `throughline` (LIVE_CHAT), `mime` (EMAIL), `postmark` (EMAIL), `twilio` (VOICE), `telephony` (VOICE), `freeswitch` (VOICE), `twilio` (SMS), `bandwidth` (SMS), `twilio` (WHATSAPP), `meta_cloud` (WHATSAPP), `meta` (MESSENGER), `meta` (INSTAGRAM), `x_account_activity` (X), `throughline` (IN_APP). */
  provider: string;
  /** Secrets of the provider. They are kept sealed and never shown again; `userErrors` names every field that is wrong, not its value. */
  secrets?: unknown;
  /** Settings of the provider; `userErrors` names every field that is wrong. */
  settings?: unknown;
};

/** What an inbound message joins that answers no message of ours. */
export type Continuity =
  /** The customer’s open conversation, whatever channels it was held in until then; else a new one. */
  | 'ONE_OPEN_MATTER'
  /** The customer’s open conversation in which the same channel was used; else a new one. */
  | 'ONE_PER_CHANNEL';

/** A figure of the conversation statistics. Imported history is counted like everything else. */
export type ConversationFigure =
  /** Conversations that began in the range. */
  | 'CONVERSATIONS_OPENED'
  /** Conversations whose customer was first answered, by a member or a bot, in the range; measured from his first message. */
  | 'FIRST_RESPONSE'
  /** Messages that customers wrote in the range. */
  | 'MESSAGES_IN'
  /** Messages to customers that were written in the range, whatever became of them. */
  | 'MESSAGES_OUT'
  /** Conversations that were not closed at the end of the range, or of the day. Imported ones count once they were opened again. */
  | 'OPEN_BACKLOG'
  /** Closings in the range, each measured from its conversation's beginning; one that was opened again and closed again has two. */
  | 'RESOLUTION'
  /** Customers who wrote at least one of MESSAGES_IN, each once; merged customers are one. */
  | 'UNIQUE_CUSTOMERS';

/** What a row must satisfy: all that is given here. A field left out or null asks for nothing, unless its description says otherwise. */
export type ConversationFilter = {
  /** All of these hold. */
  and?: Array<ConversationFilter> | null | undefined;
  /** Is this member's; null: nobody's. */
  assigneeId?: string | null | undefined;
  /** Used this channel. */
  channel?: Channel | null | undefined;
  /** Was opened then or later. */
  createdAfter?: string | null | undefined;
  /** Was opened earlier. */
  createdBefore?: string | null | undefined;
  /** This does not hold. */
  not?: ConversationFilter | null | undefined;
  /** One of these holds; with none given, no row does. */
  or?: Array<ConversationFilter> | null | undefined;
  /** Is this urgent. */
  priority?: Priority | null | undefined;
  /** Waits in this queue; null: in none. */
  queueId?: string | null | undefined;
  /** Stands there. */
  status?: ConversationStatus | null | undefined;
  /** Stands at one of these. */
  statusIn?: Array<ConversationStatus> | null | undefined;
  /** Has this tag, spelled the same. */
  tag?: string | null | undefined;
  /** Is this team's; null: no team's. */
  teamId?: string | null | undefined;
  /** Its customer has this tier. */
  tier?: string | null | undefined;
  /** Whether the customer waits for an answer. */
  waiting?: boolean | null | undefined;
};

/** How the list is ordered; rows that tie are ordered by id. */
export type ConversationOrder =
  /** The newest first. */
  | 'CREATED'
  /** The latest activity first. */
  | 'LAST_ACTIVITY'
  /** Who waits longest first; conversations in which nobody waits come last. */
  | 'WAITING_LONGEST';

/** Where a conversation stands. `setConversationStatus` changes it and says why it refuses. */
export type ConversationStatus =
  /** Done. A reply within the workspace's `reopenHours` opens it again; later it opens a new conversation, linked as `relatedConversation`. */
  | 'CLOSED'
  /** Somebody of the team has to do something. */
  | 'OPEN'
  /** The team waits for the customer; his next message opens it. */
  | 'PENDING'
  /** Put away until `snoozedUntil`, or until the customer writes. */
  | 'SNOOZED';

/** Input of `createMemberToken`. */
export type CreateMemberTokenInput = {
  /** Who acts. */
  memberId: string;
  /** How long it lives, in milliseconds: 1,000 to 43,200,000 (12 hours, the default). */
  ttlMs?: number | null | undefined;
};

/** Whether a customer stands for himself. */
export type CustomerState =
  /** He does. */
  | 'ACTIVE'
  /** He was erased on request; only counts are left. */
  | 'ERASED'
  /** He turned out to be another customer, to whom his addresses went; `customer(id:)` with his id gives that one. */
  | 'MERGED';

/** One customer to create or change. */
export type CustomerUpsert = {
  /** The workspace's own attributes: an object `{ key: value }`, at most 100 keys of at most 64 letters, digits, `_`, `.` and `-`. Those left out stay; a null takes one back. */
  attributes?: unknown;
  /** Where he works, at most 200 characters. */
  company?: string | null | undefined;
  /** Who is meant, by our id. */
  customerId?: string | null | undefined;
  /** The version that was seen; when it isn't the present one, the row is refused with CONFLICT. */
  expectedVersion?: number | null | undefined;
  /** Who is meant, by another system's id; it becomes his when he has none there. */
  externalId?: ExternalIdInput | null | undefined;
  /** Further addresses of his, at most 50. One that many people use and another customer has is passed over. */
  identities?: Array<IdentityInput> | null | undefined;
  /** Who is meant, by an address, when no id finds him; it becomes his when nobody has it. Not an address that many people use. */
  identity?: IdentityInput | null | undefined;
  /** His language as a BCP 47 tag: `en`, `pt-BR`. */
  language?: string | null | undefined;
  /** His name, at most 200 characters. Here and below: left out, it stays as it is; null takes back what this source said before, so that the next best value is shown. */
  name?: string | null | undefined;
  /** Tags to add, at most 64 characters each and 50 in all. `tagCustomer` removes them. */
  tags?: Array<string> | null | undefined;
  /** How he is to be treated, at most 64 characters. */
  tier?: string | null | undefined;
};

/** From a moment, included, to a later one, excluded. */
export type DateTimeRange = {
  /** The first moment that counts. */
  from: string;
  /** The first moment that counts no more. */
  to: string;
};

/** How far an outbound message came. Reports fold upwards: a late SENT never hides a READ. */
export type DeliveryState =
  /** The provider took it. */
  | 'ACCEPTED'
  /** It reached the customer's device or mail server. */
  | 'DELIVERED'
  /** It did not and will not arrive; `errorCode` and `errorReason` say why. A later proof of delivery still lifts it. */
  | 'FAILED'
  /** The customer played it (voice messages). */
  | 'PLAYED'
  /** Waits to be handed to the provider, also between tries. */
  | 'QUEUED'
  /** The customer opened it. */
  | 'READ'
  /** Inbound: it is here. */
  | 'RECEIVED'
  /** The provider is sending it. */
  | 'SENDING'
  /** It left the provider. */
  | 'SENT'
  /** The provider may or may not have got it, and gave no answer; it is not sent again by itself, so that the customer doesn't get it twice. */
  | 'UNCONFIRMED';

/** Which way a message or call went. */
export type Direction =
  /** From the customer. */
  | 'INBOUND'
  /** To the customer. */
  | 'OUTBOUND';

/** What can go wrong on purpose; also the `code` in the extensions of an error. */
export type ErrorCode =
  /** The address belongs to another customer. */
  | 'ADDRESS_TAKEN'
  /** Something with this name, key or address is there already. */
  | 'ALREADY_EXISTS'
  /** A colleague answered since what `seenUpTo` names. Show that reply, then decide. */
  | 'COLLISION'
  /** `expectedVersion` is not the current version. Read again, then decide. */
  | 'CONFLICT'
  /** The key or token lacks a permission; the message names it. */
  | 'FORBIDDEN'
  /** The idempotency key was used with other input. Use a new key. */
  | 'IDEMPOTENCY_MISMATCH'
  /** A fault of ours, logged under the id in the message. The same request can be tried again. */
  | 'INTERNAL'
  /** The cursor is not one that this list or this workspace gave. Start again without it. */
  | 'INVALID_CURSOR'
  /** The id is not one of this type (they look like `cus_…`). */
  | 'INVALID_ID'
  /** A value is not of the expected form; `field` says which. Correct it. */
  | 'INVALID_INPUT'
  /** The state cannot change this way from where it is; the message says why. */
  | 'INVALID_TRANSITION'
  /** Nothing of this workspace has that id. */
  | 'NOT_FOUND'
  /** The customer has no address on that channel. */
  | 'NOT_REACHABLE'
  /** The customer cannot be written to on that channel; the message says why. */
  | 'NOT_SENDABLE'
  /** The server or its database is busy. Try again after the time that `Retry-After` names. The same request can be tried again. */
  | 'OVERLOADED'
  /** The provider did not answer. Try again; the message says what else can be done. The same request can be tried again. */
  | 'PROVIDER_UNREACHABLE'
  /** The budget is used up. Try again after the time that `Retry-After` names. The same request can be tried again. */
  | 'RATE_LIMITED'
  /** The cursor is older than the log reaches back, or belongs to a database that was restored. Read afresh and continue from `Query.cursor`. */
  | 'RESYNC'
  /** It took longer than the limit. Ask for less, or try again. The same request can be tried again. */
  | 'TIMED_OUT'
  /** The operation costs more than allowed. Ask for smaller pages. */
  | 'TOO_EXPENSIVE'
  /** The request is larger than the limit that the message names. */
  | 'TOO_LARGE'
  /** No key or token, or one that is wrong, expired or revoked. */
  | 'UNAUTHENTICATED';

/** What a bulk mutation does when some of its rows are refused. */
export type ErrorPolicy =
  /** Nothing is written; the refused rows say why. */
  | 'ALL_OR_NOTHING'
  /** The others are written. */
  | 'SKIP_FAILED';

/** What happened. Kinds are added over time: a client passes over those that it does not know. */
export type EventKind =
  /** Business hours were created. */
  | 'BUSINESS_HOURS_CREATED'
  /** A call rings. */
  | 'CALL_RINGING'
  /** A call was answered, ended, or has its recording or transcript. */
  | 'CALL_UPDATED'
  /** A channel account was connected, changed or disconnected. */
  | 'CHANNEL_CHANGED'
  /** A claim was confirmed: the visitor joined the customer. */
  | 'CLAIM_CONFIRMED'
  /** A visitor said of himself what is not proven. */
  | 'CLAIM_MADE'
  /** A claim was rejected. */
  | 'CLAIM_REJECTED'
  /** Member, team or queue changed. */
  | 'CONVERSATION_ASSIGNED'
  /** A conversation was opened. */
  | 'CONVERSATION_OPENED'
  /** A member read up to an event. */
  | 'CONVERSATION_READ'
  /** A routing decision was taken. */
  | 'CONVERSATION_ROUTED'
  /** Opened again, set pending, snoozed or closed. */
  | 'CONVERSATION_STATUS_CHANGED'
  /** Tags changed. */
  | 'CONVERSATION_TAGGED'
  /** Subject or priority changed. */
  | 'CONVERSATION_UPDATED'
  /** A customer was created. */
  | 'CUSTOMER_CREATED'
  /** A customer came by an advertisement, a link or a product, and said nothing yet. */
  | 'CUSTOMER_REFERRED'
  /** Shown values of a customer changed (name, language, tier, company, tags, attributes). */
  | 'CUSTOMER_UPDATED'
  /** An address was added to a customer. */
  | 'IDENTITY_ADDED'
  /** An identity went from one customer to another (a confirmed claim, a merge). */
  | 'IDENTITY_MOVED'
  /** An address changed: trust, shared, retired. */
  | 'IDENTITY_UPDATED'
  /** An API key was created, or a token by which a front end acts as a member. */
  | 'KEY_CREATED'
  /** An API key or token was revoked. */
  | 'KEY_REVOKED'
  /** A member joined the workspace. */
  | 'MEMBER_CREATED'
  /** A member was deactivated. */
  | 'MEMBER_UPDATED'
  /** Messages, calls or notes went from one conversation to another: a split, a merge, a move, or the undoing of one. Told in both. */
  | 'MESSAGES_MOVED'
  /** A message was deleted by its sender; or it is gone, since it was the echo of one of ours that is there. */
  | 'MESSAGE_DELETED'
  /** An inbound message was stored. */
  | 'MESSAGE_RECEIVED'
  /** An outbound message was accepted for sending. */
  | 'MESSAGE_SENT'
  /** Delivery state, text (an edit) or reactions of a message changed. */
  | 'MESSAGE_UPDATED'
  /** A note was written. */
  | 'NOTE_ADDED'
  /** A note was edited, pinned or unpinned. */
  | 'NOTE_UPDATED'
  /** A queue was created. */
  | 'QUEUE_CREATED'
  /** A queue changed. */
  | 'QUEUE_UPDATED'
  /** A record of another system was created or changed. */
  | 'RECORD_UPSERTED'
  /** A team was created. */
  | 'TEAM_CREATED'
  /** Who belongs to a team changed. */
  | 'TEAM_UPDATED'
  /** Settings of the workspace changed. */
  | 'WORKSPACE_UPDATED';

/** The id of a customer in another system. */
export type ExternalIdInput = {
  /** Which system: `shopify`. Spelled the same every time. */
  system: string;
  /** His id there. */
  value: string;
};

/** A record of another system, by that system's own key. */
export type ExternalRecordInput = {
  /** Whose it is, by our id. Left out together with `identity`, the owner stays. */
  customerId?: string | null | undefined;
  /** The `version` that you read: CONFLICT when it is no longer the current one. */
  expectedVersion?: number | null | undefined;
  /** The system's own id of it, at most 200 characters; unique with `system` and `type`. */
  externalId: string;
  /** Everything else, as an object, at most 32,768 bytes of JSON; replaced as a whole. */
  fields?: unknown;
  /** Whose it is, by an address or, with kind EXTERNAL_ID and the system as its namespace, by another system's id. While nobody has it, the record is nobody's; null takes the owner away. */
  identity?: IdentityInput | null | undefined;
  /** What people call it: an order's number. Here and below: left out, it stays as it is; null takes it away. */
  number?: string | null | undefined;
  /** Where it stands, in the other system's words, at most 100 characters. */
  status?: string | null | undefined;
  /** Which system it is of: `shopify`. Letters, digits, `_`, `.` and `-`, at most 64; spelled the same every time. */
  system: string;
  /** What it is about, at most 500 characters. */
  title?: string | null | undefined;
  /** What it is: `order`. Letters, digits, `_`, `.` and `-`, at most 64. */
  type: string;
  /** Where the other system shows it: https or http, at most 2,000 characters. */
  url?: string | null | undefined;
};

/** An address of a customer. */
export type IdentityInput = {
  /** What kind of address it is; not SELF. */
  kind: IdentityKind;
  /** What it is unique within: the Page, portfolio, live-chat account or system. Left out for phone numbers, e-mail and SIP addresses and X ids. */
  namespace?: string | null | undefined;
  /** The address, in any usual form: `+44 20 7946 0958`, `Ada@Example.com`. A phone number needs its country. */
  value: string;
};

/** What kind of address an identity is. */
export type IdentityKind =
  /** An e-mail address. */
  | 'EMAIL'
  /** The id of the customer in another system, whose name is its namespace. */
  | 'EXTERNAL_ID'
  /** Instagram's id of a user towards one professional account, which is its namespace. */
  | 'IGSID'
  /** A phone number, one for SMS, voice and WhatsApp: E.164, a short code, or an alphanumeric sender. */
  | 'PHONE'
  /** Messenger's id of a user towards one Page, which is its namespace. */
  | 'PSID'
  /** The customer as such: what has no address hangs here (notes, values that an agent set). Every customer has one; none can be given. */
  | 'SELF'
  /** A SIP address. */
  | 'SIP_URI'
  /** A browser or app of live chat or in-app messaging; the account is its namespace. */
  | 'VISITOR'
  /** WhatsApp's id of a user towards one business portfolio, which is its namespace. */
  | 'WA_BSUID'
  /** WhatsApp's id of a user towards a parent business, which is its namespace. */
  | 'WA_PARENT_BSUID'
  /** The numeric id of an X account. Handles change owners, so they are none. */
  | 'X_USER_ID';

/** What an event means to a list of conversations. */
export type InboxChange =
  /** It is in the list and was before; its place may have changed. */
  | 'CHANGED'
  /** The conversation is in the list now and was not before. */
  | 'ENTERED'
  /** It was in the list and is not any more: it was given to others. */
  | 'LEFT';

/** Which conversations, by whose they are; all that is given must hold. Empty: all of them. */
export type InboxFilter = {
  /** Is this member’s; null: nobody’s. */
  assigneeId?: string | null | undefined;
  /** Waits in this queue; null: in none. */
  queueId?: string | null | undefined;
  /** Is this team’s; null: no team’s. */
  teamId?: string | null | undefined;
};

/** The address of the customer. */
export type IngestAddressInput = {
  /** The name that the sender goes by. */
  displayName?: string | null | undefined;
  /** What kind of address it is. */
  kind: IdentityKind;
  /** What it is unique within (a Page, a system's name); none for phone numbers and e-mail addresses. */
  namespace?: string | null | undefined;
  /** The address: `+4915112345678`, `ada@example.com`. */
  value: string;
};

/** One message to bring in. */
export type IngestMessageInput = {
  /** Which of our accounts it went by; default: the channel's default account. */
  accountId?: string | null | undefined;
  /** The customer's address; a customer is made when it is new. */
  address: IngestAddressInput;
  /** The channel that it went by. */
  channel: Channel;
  /** Which way it went. */
  direction?: Direction | null | undefined;
  /** Its id where it comes from: bringing it in again changes nothing. */
  externalId?: string | null | undefined;
  /** The `externalId` of the message that it answers. */
  inReplyTo?: string | null | undefined;
  /** When it was written; default: now. History needs it. */
  occurredAt?: string | null | undefined;
  /** An e-mail's subject. */
  subject?: string | null | undefined;
  /** What was said, at most 100,000 characters. */
  text: string;
  /** What its thread is called there: messages of one thread stay together. */
  threadKey?: string | null | undefined;
};

/** Input of `ingestMessages`. */
export type IngestMessagesInput = {
  /** Made by you, once an intention: the same key with the same input has its effect once and answers the same, for at least 7 days. 1 to 200 characters. */
  idempotencyKey?: string | null | undefined;
  /** The messages, in order. */
  messages: Array<IngestMessageInput>;
  /** Whether they are happening or have happened. */
  mode?: IngestMode | null | undefined;
};

/** Whether messages that are brought in are happening or have happened. */
export type IngestMode =
  /** They keep their times and fire nothing: no routing, no waiting customer; conversations that they open are closed. */
  | 'HISTORICAL'
  /** As if they came by their channel now: they open conversations, are routed, and make customers wait. */
  | 'LIVE';

/** What became of one message that was brought in. */
export type IngestResult =
  /** It is on the timeline. */
  | 'CREATED'
  /** Its `externalId` was brought in before; nothing changed. */
  | 'DUPLICATE';

/** Input of `markRead`. */
export type MarkReadInput = {
  /** The conversation. */
  conversationId: string;
};

/** Where a file is. */
export type MediaState =
  /** The provider no longer has it. */
  | 'EXPIRED'
  /** It could not be fetched. */
  | 'FAILED'
  /** The provider refuses it. */
  | 'FORBIDDEN'
  /** At the provider, under `url`. */
  | 'LINKED'
  /** Being fetched. */
  | 'PENDING'
  /** Here. */
  | 'STORED'
  /** Larger than the limit. */
  | 'TOO_LARGE';

/** Who said a value. Of two that disagree the better source is shown: in this order, then the most recent. */
export type ObservationSource =
  /** A member of the workspace. */
  | 'AGENT'
  /** A channel, with an address that it attests: the name beside an e-mail address, a profile's name. */
  | 'CHANNEL'
  /** The customer himself, unproven. Never a tier. */
  | 'CLAIM'
  /** Another system, through an API key. */
  | 'CRM'
  /** Guessed by a program. */
  | 'INFERRED'
  /** Proven: a signed token of the workspace's own site. */
  | 'VERIFIED';

/** What a part of a message is. */
export type PartKind =
  /** A reference to a call. */
  | 'CALL_REF'
  /** A button or list entry that was chosen. */
  | 'CHOICE'
  /** Contact cards. */
  | 'CONTACTS'
  /** End-to-end encrypted: it can't be read here. */
  | 'ENCRYPTED'
  /** A filled form. */
  | 'FORM'
  /** A page that was shared: a post, a product, a template. */
  | 'LINK'
  /** A place. */
  | 'LOCATION'
  /** A file, image, voice message or video. */
  | 'MEDIA'
  /** A cart or product enquiry. */
  | 'ORDER'
  /** An emoji on another message. */
  | 'REACTION'
  /** A sticker. */
  | 'STICKER'
  /** A template that the provider filled. */
  | 'TEMPLATE'
  /** Text, with its visible, quoted and signature parts apart. */
  | 'TEXT'
  /** Not understood; kept as it came in `data`. */
  | 'UNSUPPORTED';

/** Whether a member is there. */
export type Presence =
  /** There, but not at the screen. */
  | 'AWAY'
  /** Gone, or silent for 40000 ms. */
  | 'OFFLINE'
  /** At work. */
  | 'ONLINE';

/** How urgent a conversation is; set by routing rules and by agents. */
export type Priority =
  /** Before the usual. */
  | 'HIGH'
  /** After everything else. */
  | 'LOW'
  /** The usual. */
  | 'NORMAL'
  /** First. */
  | 'URGENT';

/** What a recording holds. */
export type RecordingKind =
  /** The talk. */
  | 'CALL'
  /** The message that the caller left. */
  | 'VOICEMAIL';

/** What may be sent. */
export type ReplyForm =
  /** Anything that the channel carries. */
  | 'FREE'
  /** Anything, written by a person: no program may answer any more. */
  | 'HUMAN_AGENT'
  /** A template that the provider approved, and nothing else. */
  | 'TEMPLATE';

/** Why a customer can't be answered by a channel. */
export type ReplyRefusal =
  /** Our account is switched off. */
  | 'ACCOUNT_DISABLED'
  /** The provider refuses our account; `ChannelAccount.fault` says what it said. */
  | 'ACCOUNT_UNHEALTHY'
  /** Text can't be sent by it. */
  | 'NOT_WRITABLE'
  /** No address of his is known there. */
  | 'NO_ADDRESS'
  /** He never wrote there, and has not agreed to be written to. */
  | 'NO_CONSENT'
  /** He wrote in a group there, and our provider can't write to groups. */
  | 'NO_GROUPS'
  /** He opted out of messages there. */
  | 'OPTED_OUT'
  /** He says that an address is his, and nobody has confirmed it. */
  | 'UNVERIFIED'
  /** He wrote too long ago; he has to write first. */
  | 'WINDOW_CLOSED';

/** What a search finds. */
export type SearchResultKind =
  /** A person, by name or, with the permission customers:contact, by address. Needs customers:read. */
  | 'CUSTOMER'
  /** An order or other record, by its number or the other system's id. Needs records:read. */
  | 'EXTERNAL_RECORD'
  /** A message, by its words. */
  | 'MESSAGE';

/** Input of `sendMessage`. */
export type SendMessageInput = {
  /** The channel to answer by; default: the last one that the customer wrote by. */
  channel?: Channel | null | undefined;
  /** An id that your client made, 1 to 200 characters: echoed in the message, and the same one never sends twice. */
  clientId?: string | null | undefined;
  /** The conversation to answer in. */
  conversationId: string;
  /** Files to send with it: what `POST /uploads` answered as `file`, in order. `text` may be empty then. `ReplyOption.attachmentsMax` says how many the channel takes. */
  files?: Array<string> | null | undefined;
  /** The same as HTML, on channels that carry it (e-mail). It is sanitised. */
  html?: string | null | undefined;
  /** Made by you, once an intention: the same key with the same input has its effect once and answers the same, for at least 7 days. 1 to 200 characters. */
  idempotencyKey?: string | null | undefined;
  /** A message of the conversation that this one quotes, on channels that can (WhatsApp, Messenger, Instagram). */
  quotedMessageId?: string | null | undefined;
  /** What the author has seen (a cursor of the log). When a colleague answered after it, nothing is sent and the error is COLLISION with that reply. */
  seenUpTo?: string | null | undefined;
  /** The subject, on channels that have one. Default for a reply: the conversation's, with `Re:`. */
  subject?: string | null | undefined;
  /** A template that the provider approved, where nothing else may be sent (`ReplyOption.form` TEMPLATE). `text` then says what it reads like. */
  template?: TemplateInput | null | undefined;
  /** What to say, as plain text. */
  text: string;
};

/** Input of `sendVisitorMessage`. */
export type SendVisitorMessageInput = {
  /** Made by you, unique for the visitor: 1 to 100 of `A-Z a-z 0-9 _ . : -`. The same id again changes nothing and answers the same. */
  clientId: string;
  /** What `POST /uploads` answered as `file` to his own token, a text a file; at most 10. */
  files?: Array<string> | null | undefined;
  /** The message that it answers. */
  replyToId?: string | null | undefined;
  /** What he says, at most 20,000 characters; may be empty beside files. */
  text: string;
};

/** Input of `setConversationStatus`. */
export type SetConversationStatusInput = {
  /** The conversation. */
  conversationId: string;
  /** The `version` that you read: CONFLICT when it is no longer the current one. Without it the last writer wins. */
  expectedVersion?: number | null | undefined;
  /** With SNOOZED, and only then: when it opens by itself; within a year. */
  snoozedUntil?: string | null | undefined;
  /** Where it shall stand. */
  status: ConversationStatus;
};

/** Input of `startChat`. */
export type StartChatInput = {
  /** Made by you, unique for the visitor: 1 to 100 of `A-Z a-z 0-9 _ . : -`. The same id again changes nothing and answers the same. */
  clientId?: string | null | undefined;
  /** The e-mail address that he typed: a claim, which joins him to nobody and shows him nothing. */
  email?: string | null | undefined;
  /** What else the form asked, by key: `{ "order": "48821" }`. Texts of at most 2,000 characters. */
  fields?: unknown;
  /** What he calls himself, at most 320 characters. */
  name?: string | null | undefined;
  /** The telephone number that he typed: a claim too. */
  phone?: string | null | undefined;
};

/** Input of `startConversation`. */
export type StartConversationInput = {
  /** Which of our accounts to write from; default: the channel's default account. */
  accountId?: string | null | undefined;
  /** The channel to write by. */
  channel: Channel;
  /** An id that your client made, 1 to 200 characters: echoed in the message, and the same one never sends twice. */
  clientId?: string | null | undefined;
  /** Whom to write to. */
  customerId: string;
  /** Files to send with it: what `POST /uploads` answered as `file`, in order. `text` may be empty then. `ReplyOption.attachmentsMax` says how many the channel takes. */
  files?: Array<string> | null | undefined;
  /** The same as HTML, on channels that carry it (e-mail). It is sanitised. */
  html?: string | null | undefined;
  /** Made by you, once an intention: the same key with the same input has its effect once and answers the same, for at least 7 days. 1 to 200 characters. */
  idempotencyKey?: string | null | undefined;
  /** Which of the customer's addresses to write to; default: the proven one, else the one seen last. */
  identityId?: string | null | undefined;
  /** The subject, on channels that have one. Default for a reply: the conversation's, with `Re:`. */
  subject?: string | null | undefined;
  /** A template that the provider approved, where nothing else may be sent (`ReplyOption.form` TEMPLATE). `text` then says what it reads like. */
  template?: TemplateInput | null | undefined;
  /** What to say, as plain text. */
  text: string;
};

/** What conversation statistics are split by. */
export type StatsGroup =
  /** A message's own channel; for a conversation, the channel that it began by. */
  | 'CHANNEL'
  /** The local day, in the statistics' time zone, on which the counted thing happened. */
  | 'DAY'
  /** The queue that the conversation is in now. */
  | 'QUEUE';

/** Input of `tag`. */
export type TagInput = {
  /** Tags to add. */
  add?: Array<string> | null | undefined;
  /** The conversation. */
  conversationId: string;
  /** The `version` that you read: CONFLICT when it is no longer the current one. Without it the last writer wins. */
  expectedVersion?: number | null | undefined;
  /** Tags to take off; those that it doesn't have are passed over. */
  remove?: Array<string> | null | undefined;
};

/** A message that the provider approved before. */
export type TemplateInput = {
  /** Its language, as the provider writes it (`en_US`). */
  language: string;
  /** Its name at the provider (WhatsApp), or its id there (Twilio's Content SID). */
  name: string;
  /** What stands in its places, in order; none: an empty list. */
  parameters: Array<string>;
};

/** What a row must satisfy: all that is given here. A field left out or null asks for nothing, unless its description says otherwise. */
export type TimelineEntryFilter = {
  /** All of these hold. */
  and?: Array<TimelineEntryFilter> | null | undefined;
  /** Went by this channel; null: by none. */
  channel?: Channel | null | undefined;
  /** Went by one of these channels. */
  channelIn?: Array<Channel> | null | undefined;
  /** Belongs to this conversation; null: to none. */
  conversationId?: string | null | undefined;
  /** Is of this kind. */
  kind?: TimelineKind | null | undefined;
  /** Is of one of these kinds. */
  kindIn?: Array<TimelineKind> | null | undefined;
  /** This does not hold. */
  not?: TimelineEntryFilter | null | undefined;
  /** Happened then or later. */
  occurredAfter?: string | null | undefined;
  /** Happened earlier. */
  occurredBefore?: string | null | undefined;
  /** One of these holds; with none given, no row does. */
  or?: Array<TimelineEntryFilter> | null | undefined;
};

/** How the list is ordered; rows that tie are ordered by id. */
export type TimelineEntryOrder =
  /** The newest first. */
  | 'NEWEST_FIRST'
  /** The oldest first. */
  | 'OLDEST_FIRST';

/** What happened. A client that doesn't know a kind can show `summary`. */
export type TimelineKind =
  /** A conversation was given to a member, a team or a queue; `subject` is the Conversation as it is now. */
  | 'ASSIGNMENT'
  /** A phone call, one entry from the ring to the transcript; `subject` is the Call. */
  | 'CALL'
  /** A visitor said of himself what is not proven; `subject` is the Claim. */
  | 'CLAIM'
  /** A conversation began; `subject` is the Conversation. */
  | 'CONVERSATION_OPENED'
  /** An address was added or linked; `subject` is the Identity. */
  | 'IDENTITY_CHANGE'
  /** A message, in or out; `subject` is the Message. */
  | 'MESSAGE'
  /** Messages, calls or notes came to the conversation from another one; `subject` is the ConversationChange. */
  | 'MOVED_IN'
  /** Messages, calls or notes of the conversation went to another one (a split, a merge, a move, or the undoing of one); `subject` is the ConversationChange. */
  | 'MOVED_OUT'
  /** A note, at the time when it was written; `subject` is the Note. */
  | 'NOTE'
  /** A record of another system, at its latest change; `subject` is the ExternalRecord. */
  | 'RECORD_CHANGE'
  /** The customer came by an advertisement, a link or a product, before he said anything; `subject` is the Referral. */
  | 'REFERRAL'
  /** A conversation was opened again, set pending, snoozed or closed; `subject` is the Conversation as it is now. */
  | 'STATUS_CHANGE';

/** How far an address may be believed to be who it says. */
export type Trust =
  /** The provider, the protocol or a program of the workspace vouches for it. */
  | 'ATTESTED'
  /** Only said: an e-mail without aligned DMARC, a caller id. */
  | 'CLAIMED'
  /** Proven by the person: a signed token, a code. */
  | 'VERIFIED';

/** Input of `upsertCustomers`. */
export type UpsertCustomersInput = {
  /** The customers, at most 500. */
  customers: Array<CustomerUpsert>;
  /** Says what would be done, and writes nothing. */
  dryRun?: boolean | null | undefined;
  /** What is done when some rows are refused. */
  errorPolicy?: ErrorPolicy | null | undefined;
  /** Made by you, once an intention: the same key with the same input has its effect once and answers the same, for at least 7 days. 1 to 200 characters. */
  idempotencyKey?: string | null | undefined;
};

/** Input of `upsertExternalRecord`. */
export type UpsertExternalRecordInput = {
  /** Whose it is, by our id. Left out together with `identity`, the owner stays. */
  customerId?: string | null | undefined;
  /** The `version` that you read: CONFLICT when it is no longer the current one. Without it the last writer wins. */
  expectedVersion?: number | null | undefined;
  /** The system's own id of it, at most 200 characters; unique with `system` and `type`. */
  externalId: string;
  /** Everything else, as an object, at most 32,768 bytes of JSON; replaced as a whole. */
  fields?: unknown;
  /** Made by you, once an intention: the same key with the same input has its effect once and answers the same, for at least 7 days. 1 to 200 characters. */
  idempotencyKey?: string | null | undefined;
  /** Whose it is, by an address or, with kind EXTERNAL_ID and the system as its namespace, by another system's id. While nobody has it, the record is nobody's; null takes the owner away. */
  identity?: IdentityInput | null | undefined;
  /** What people call it: an order's number. Here and below: left out, it stays as it is; null takes it away. */
  number?: string | null | undefined;
  /** Where it stands, in the other system's words, at most 100 characters. */
  status?: string | null | undefined;
  /** Which system it is of: `shopify`. Letters, digits, `_`, `.` and `-`, at most 64; spelled the same every time. */
  system: string;
  /** What it is about, at most 500 characters. */
  title?: string | null | undefined;
  /** What it is: `order`. Letters, digits, `_`, `.` and `-`, at most 64. */
  type: string;
  /** Where the other system shows it: https or http, at most 2,000 characters. */
  url?: string | null | undefined;
};

/** Input of `upsertExternalRecords`. */
export type UpsertExternalRecordsInput = {
  /** True: say what would become of each, and write nothing. */
  dryRun?: boolean | null | undefined;
  /** What happens when some are refused. */
  errorPolicy?: ErrorPolicy | null | undefined;
  /** Made by you, once an intention: the same key with the same input has its effect once and answers the same, for at least 7 days. 1 to 200 characters. */
  idempotencyKey?: string | null | undefined;
  /** The records, at most 500. Those of one key are taken in order. */
  records: Array<ExternalRecordInput>;
};

/** What an upsert did. */
export type UpsertResult =
  /** It was not there and was created. */
  | 'CREATED'
  /** All of it was so already; nothing was written. */
  | 'NOOP'
  /** It was there and was changed. */
  | 'UPDATED';

/** The role of whoever asks. */
export type ViewerRole =
  /** As `ApiRole.ADMIN`. */
  | 'ADMIN'
  /** As `ApiRole.AGENT`. */
  | 'AGENT'
  /** As `ApiRole.INTEGRATOR`. */
  | 'INTEGRATOR'
  /** As `ApiRole.REPORTING`. */
  | 'REPORTING'
  /** An end customer with a visitor token, or a web page with a publishable key: his own side under `visitor` only. */
  | 'VISITOR';

/** Who wrote a message, as the visitor sees it. */
export type VisitorAuthor =
  /** Somebody of the team, or an automatic answer. */
  | 'TEAM'
  /** The visitor himself. */
  | 'VISITOR';

/** Whether a matter is settled, as the visitor sees it. */
export type VisitorConversationStatus =
  /** It is settled. A message opens it again, or begins another. */
  | 'CLOSED'
  /** It is being looked after. */
  | 'OPEN';

/** What happened on a visitor’s side. Kinds are added over time: a client passes over those that it does not know. */
export type VisitorEventKind =
  /** A matter was closed or opened again, or messages went from it to another one or came to it: read it anew. */
  | 'CONVERSATION_CHANGED'
  /** A message is new: his own, from whatever page, or one of the team. */
  | 'MESSAGE'
  /** A message was edited, deleted or seen. */
  | 'MESSAGE_CHANGED';

export type AgentWorkspaceQueryVariables = Exact<{
  conversationId: string;
  timelineFirst?: number | null | undefined;
}>;


export type AgentWorkspaceQuery = { agentWorkspace: { conversation: { id: string, subject: string | null, status: ConversationStatus, priority: Priority, channels: Array<Channel>, lastInboundChannel: Channel | null, tags: Array<string>, waitingSince: string | null, unreadCount: number, version: number, assignee: { id: string, name: string } | null, team: { id: string, name: string } | null, queue: { id: string, name: string } | null, messages: { nodes: Array<{ id: string, channel: Channel, direction: Direction, occurredAt: string, text: string | null, joinExplanation: string, deliveryState: DeliveryState, author: { kind: ActorKind, id: string | null, member: { id: string, name: string } | null } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } }, routingDecisions: { nodes: Array<{ id: string, decidedAt: string, queue: { id: string, name: string } | null, reasons: Array<{ name: string, matched: boolean, because: Array<string> }> }> } }, customer: { id: string, displayName: string, name: string | null, tier: string | null, language: string | null, company: string | null, tags: Array<string>, attributes: unknown, version: number }, identities: { nodes: Array<{ id: string, kind: IdentityKind, value: string, trust: Trust, isShared: boolean, validTo: string | null }> }, history: { nodes: Array<{ id: string, subject: string | null, status: ConversationStatus, channels: Array<Channel>, lastActivityAt: string, lastMessage: { id: string, channel: Channel, text: string | null, occurredAt: string } | null }> }, timeline: { nodes: Array<{ id: string, kind: TimelineKind, occurredAt: string, channel: Channel | null, summary: string, claimed: boolean, actor: { kind: ActorKind, id: string | null }, conversation: { id: string } | null, subject:
          | { __typename: 'Call', id: string, direction: Direction, disposition: CallDisposition | null, talkMs: number | null, callState: CallState }
          | { __typename: 'Claim', id: string, value: string, claimState: ClaimState }
          | { __typename: 'Conversation', id: string, status: ConversationStatus }
          | { __typename: 'ConversationChange' }
          | { __typename: 'ExternalRecord', id: string, system: string, type: string, number: string | null, url: string | null, recordStatus: string | null }
          | { __typename: 'Identity', id: string, value: string, identityKind: IdentityKind }
          | { __typename: 'Message', id: string, direction: Direction, subject: string | null, text: string | null, deliveryState: DeliveryState }
          | { __typename: 'Note', id: string, body: string, pinned: boolean }
          | { __typename: 'Referral' }
         | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } }, externalRecords: { nodes: Array<{ id: string, system: string, type: string, number: string | null, title: string | null, status: string | null, url: string | null, updatedAt: string }> }, notes: { nodes: Array<{ id: string, body: string, pinned: boolean, createdAt: string, author: { kind: ActorKind, id: string | null, member: { id: string, name: string } | null }, externalRecords: Array<{ id: string, number: string | null }> }> } } | null };

export type TimelineItemFragment = { id: string, kind: TimelineKind, occurredAt: string, channel: Channel | null, summary: string, claimed: boolean, actor: { kind: ActorKind, id: string | null }, conversation: { id: string } | null, subject:
    | { __typename: 'Call', id: string, direction: Direction, disposition: CallDisposition | null, talkMs: number | null, callState: CallState }
    | { __typename: 'Claim', id: string, value: string, claimState: ClaimState }
    | { __typename: 'Conversation', id: string, status: ConversationStatus }
    | { __typename: 'ConversationChange' }
    | { __typename: 'ExternalRecord', id: string, system: string, type: string, number: string | null, url: string | null, recordStatus: string | null }
    | { __typename: 'Identity', id: string, value: string, identityKind: IdentityKind }
    | { __typename: 'Message', id: string, direction: Direction, subject: string | null, text: string | null, deliveryState: DeliveryState }
    | { __typename: 'Note', id: string, body: string, pinned: boolean }
    | { __typename: 'Referral' }
   | null };

export type AnswerScreenQueryVariables = Exact<{
  conversationId: string;
  timelineFirst?: number | null | undefined;
}>;


export type AnswerScreenQuery = { viewer: { member: { id: string, name: string } | null } | null, conversation: { id: string, subject: string | null, status: ConversationStatus, priority: Priority, channels: Array<Channel>, tags: Array<string>, unreadCount: number, version: number, assignee: { id: string, name: string } | null, queue: { id: string, name: string } | null, replyOptions: Array<{ channel: Channel, allowed: boolean, form: ReplyForm | null, refusal: ReplyRefusal | null, explanation: string, until: string | null, recommended: boolean, recommendation: string | null, textMax: number | null, identity: { id: string, value: string } | null }>, customer: { id: string, displayName: string, tier: string | null, company: string | null, identities: { nodes: Array<{ id: string, kind: IdentityKind, value: string, trust: Trust }> }, timeline: { nodes: Array<{ id: string, kind: TimelineKind, occurredAt: string, channel: Channel | null, summary: string, claimed: boolean, actor: { kind: ActorKind, id: string | null, name: string | null }, conversation: { id: string, subject: string | null } | null, subject:
            | { __typename: 'Call', id: string, direction: Direction, disposition: CallDisposition | null, ringMs: number | null, talkMs: number | null, holdMs: number | null, queueMs: number | null, callState: CallState, recordings: Array<{ id: string, kind: RecordingKind, durationMs: number | null }>, transcripts: Array<{ id: string, text: string | null }> }
            | { __typename: 'Claim' }
            | { __typename: 'Conversation' }
            | { __typename: 'ConversationChange' }
            | { __typename: 'ExternalRecord', id: string, title: string | null, number: string | null, url: string | null, recordStatus: string | null }
            | { __typename: 'Identity' }
            | { __typename: 'Message', id: string, direction: Direction, subject: string | null, text: string | null, deliveryState: DeliveryState, errorReason: string | null, clientId: string | null, autoGenerated: boolean, editedAt: string | null, deletedAt: string | null, inReplyTo: { id: string, direction: Direction, text: string | null } | null, parts: Array<{ id: string, kind: PartKind, filename: string | null, mime: string | null, size: number | null, mediaState: MediaState | null, fileUrl: string | null, data: unknown }>, reactions: Array<{ id: string, emoji: string, identity: { id: string } | null }> }
            | { __typename: 'Note', id: string, body: string, pinned: boolean }
            | { __typename: 'Referral' }
           | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } } } | null };

export type HappenedFragment = { id: string, kind: TimelineKind, occurredAt: string, channel: Channel | null, summary: string, claimed: boolean, actor: { kind: ActorKind, id: string | null, name: string | null }, conversation: { id: string, subject: string | null } | null, subject:
    | { __typename: 'Call', id: string, direction: Direction, disposition: CallDisposition | null, ringMs: number | null, talkMs: number | null, holdMs: number | null, queueMs: number | null, callState: CallState, recordings: Array<{ id: string, kind: RecordingKind, durationMs: number | null }>, transcripts: Array<{ id: string, text: string | null }> }
    | { __typename: 'Claim' }
    | { __typename: 'Conversation' }
    | { __typename: 'ConversationChange' }
    | { __typename: 'ExternalRecord', id: string, title: string | null, number: string | null, url: string | null, recordStatus: string | null }
    | { __typename: 'Identity' }
    | { __typename: 'Message', id: string, direction: Direction, subject: string | null, text: string | null, deliveryState: DeliveryState, errorReason: string | null, clientId: string | null, autoGenerated: boolean, editedAt: string | null, deletedAt: string | null, inReplyTo: { id: string, direction: Direction, text: string | null } | null, parts: Array<{ id: string, kind: PartKind, filename: string | null, mime: string | null, size: number | null, mediaState: MediaState | null, fileUrl: string | null, data: unknown }>, reactions: Array<{ id: string, emoji: string, identity: { id: string } | null }> }
    | { __typename: 'Note', id: string, body: string, pinned: boolean }
    | { __typename: 'Referral' }
   | null };

export type SaidFragment = { id: string, direction: Direction, subject: string | null, text: string | null, deliveryState: DeliveryState, errorReason: string | null, clientId: string | null, autoGenerated: boolean, editedAt: string | null, deletedAt: string | null, inReplyTo: { id: string, direction: Direction, text: string | null } | null, parts: Array<{ id: string, kind: PartKind, filename: string | null, mime: string | null, size: number | null, mediaState: MediaState | null, fileUrl: string | null, data: unknown }>, reactions: Array<{ id: string, emoji: string, identity: { id: string } | null }> };

export type UpsertCustomersMutationVariables = Exact<{
  input: UpsertCustomersInput;
}>;


export type UpsertCustomersMutation = { upsertCustomers: { rows: Array<{ result: UpsertResult | null, customer: { id: string, displayName: string, version: number } | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> }> | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> } };

export type IngestMessagesMutationVariables = Exact<{
  input: IngestMessagesInput;
}>;


export type IngestMessagesMutation = { ingestMessages: { messages: Array<{ result: IngestResult | null, message: { id: string, joinExplanation: string } | null, conversation: { id: string, status: ConversationStatus } | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> }> | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> } };

export type ChangesQueryVariables = Exact<{
  after?: string | null | undefined;
  first?: number | null | undefined;
  kinds?: Array<EventKind> | EventKind | null | undefined;
}>;


export type ChangesQuery = { changes: Array<{ id: string, cursor: string, kind: EventKind, occurredAt: string, conversationSeq: number | null, details: unknown, actor: { kind: ActorKind, id: string | null }, conversation: { id: string, status: ConversationStatus } | null, customer: { id: string } | null, message: { id: string, text: string | null, deliveryState: DeliveryState } | null }> };

export type ConversationQueryVariables = Exact<{
  id: string;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type ConversationQuery = { cursor: string, conversation: { id: string, subject: string | null, status: ConversationStatus, snoozedUntil: string | null, priority: Priority, channels: Array<Channel>, lastInboundChannel: Channel | null, tags: Array<string>, language: string | null, waitingSince: string | null, createdAt: string, closedAt: string | null, version: number, assignee: { id: string, name: string } | null, team: { id: string, name: string } | null, queue: { id: string, name: string } | null, customer: { id: string, displayName: string }, relatedConversation: { id: string, subject: string | null, status: ConversationStatus } | null, messages: { edges: Array<{ cursor: string, node: { id: string, channel: Channel, direction: Direction, occurredAt: string, subject: string | null, text: string | null, deliveryState: DeliveryState, errorReason: string | null, senderTrust: Trust | null, joinExplanation: string, clientId: string | null, editedAt: string | null, deletedAt: string | null, author: { kind: ActorKind, id: string | null }, parts: Array<{ id: string, kind: PartKind, filename: string | null, mime: string | null, size: number | null, mediaState: MediaState | null }> } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } }, notes: { nodes: Array<{ id: string, body: string, pinned: boolean, createdAt: string }> } } | null };

export type CustomerProfileQueryVariables = Exact<{
  id?: string | null | undefined;
  identity?: IdentityInput | null | undefined;
}>;


export type CustomerProfileQuery = { customer: { id: string, displayName: string, name: string | null, language: string | null, tier: string | null, company: string | null, tags: Array<string>, attributes: unknown, state: CustomerState, lastActivityAt: string, createdAt: string, version: number, externalIds: Array<{ system: string, value: string }>, attributesWithSource: Array<{ id: string, key: string, value: unknown, source: ObservationSource, observedAt: string }>, identities: { nodes: Array<{ id: string, kind: IdentityKind, namespace: string, value: string, trust: Trust, displayName: string | null, isShared: boolean, lastSeenAt: string, validTo: string | null }> }, claims: { nodes: Array<{ id: string, kind: IdentityKind, value: string, state: ClaimState, createdAt: string }> }, conversations: { nodes: Array<{ id: string, subject: string | null, status: ConversationStatus, channels: Array<Channel>, lastActivityAt: string, messageCount: number }> }, externalRecords: { nodes: Array<{ id: string, system: string, type: string, number: string | null, status: string | null, url: string | null }> }, notes: { nodes: Array<{ id: string, body: string, pinned: boolean, createdAt: string }> } } | null };

export type InboxQueryVariables = Exact<{
  filter?: ConversationFilter | null | undefined;
  orderBy?: ConversationOrder | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type InboxQuery = { cursor: string, conversations: { nodes: Array<{ id: string, subject: string | null, status: ConversationStatus, priority: Priority, channels: Array<Channel>, tags: Array<string>, waitingSince: string | null, lastActivityAt: string, unreadCount: number, assignee: { id: string, name: string } | null, queue: { id: string, name: string } | null, customer: { id: string, displayName: string, tier: string | null }, lastMessage: { id: string, channel: Channel, direction: Direction, text: string | null, occurredAt: string } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type LiveEventsSubscriptionVariables = Exact<{
  after?: string | null | undefined;
  kinds?: Array<EventKind> | EventKind | null | undefined;
}>;


export type LiveEventsSubscription = { events: { cursor: string, event: { id: string, kind: EventKind, occurredAt: string, conversationSeq: number | null, conversation: { id: string, status: ConversationStatus } | null, customer: { id: string, displayName: string } | null } } };

export type LiveMessagesSubscriptionVariables = Exact<{
  conversationId?: string | null | undefined;
  customerId?: string | null | undefined;
  after?: string | null | undefined;
}>;


export type LiveMessagesSubscription = { messageAdded: { cursor: string, message: { id: string, channel: Channel, direction: Direction, occurredAt: string, text: string | null, deliveryState: DeliveryState, clientId: string | null, author: { kind: ActorKind, id: string | null }, conversation: { id: string } } | null } };

export type LiveConversationSubscriptionVariables = Exact<{
  conversationId: string;
  after?: string | null | undefined;
}>;


export type LiveConversationSubscription = { conversationUpdated: { cursor: string, eventKind: EventKind, conversationSeq: number, conversation: { id: string, status: ConversationStatus, priority: Priority, tags: Array<string>, waitingSince: string | null, version: number, assignee: { id: string, name: string } | null, queue: { id: string, name: string } | null }, message: { id: string, channel: Channel, direction: Direction, occurredAt: string, text: string | null, deliveryState: DeliveryState, deletedAt: string | null, editedAt: string | null } | null } };

export type LiveInboxSubscriptionVariables = Exact<{
  filter?: InboxFilter | null | undefined;
  after?: string | null | undefined;
}>;


export type LiveInboxSubscription = { inbox: { cursor: string, change: InboxChange, eventKind: EventKind, conversation: { id: string, subject: string | null, status: ConversationStatus, priority: Priority, channels: Array<Channel>, tags: Array<string>, waitingSince: string | null, lastActivityAt: string, customer: { id: string, displayName: string, tier: string | null }, lastMessage: { id: string, channel: Channel, direction: Direction, text: string | null, occurredAt: string } | null } } };

export type LiveCallsSubscriptionVariables = Exact<{
  after?: string | null | undefined;
}>;


export type LiveCallsSubscription = { incomingCall: { cursor: string, call: { id: string, state: CallState, direction: Direction, startedAt: string, conversation: { id: string, customer: { id: string, displayName: string, tier: string | null } } } } };

export type WhoTypesSubscriptionVariables = Exact<{
  conversationId: string;
}>;


export type WhoTypesSubscription = { typing: { isTyping: boolean, actorKind: ActorKind, member: { id: string, name: string } | null } };

export type WhoIsThereSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type WhoIsThereSubscription = { presence: { presence: Presence, member: { id: string, name: string }, conversation: { id: string } | null } };

export type AddNoteMutationVariables = Exact<{
  input: AddNoteInput;
}>;


export type AddNoteMutation = { addNote: { note: { id: string, body: string, pinned: boolean, version: number, externalRecords: Array<{ id: string, number: string | null }> } | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> } };

export type UpsertExternalRecordMutationVariables = Exact<{
  input: UpsertExternalRecordInput;
}>;


export type UpsertExternalRecordMutation = { upsertExternalRecord: { result: UpsertResult | null, externalRecord: { id: string, number: string | null, status: string | null, version: number, customer: { id: string, displayName: string } | null } | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> } };

export type UpsertExternalRecordsMutationVariables = Exact<{
  input: UpsertExternalRecordsInput;
}>;


export type UpsertExternalRecordsMutation = { upsertExternalRecords: { rows: Array<{ result: UpsertResult | null, externalRecord: { id: string, externalId: string, version: number } | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> }> | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> } };

export type ScreenPopQueryVariables = Exact<{
  channel: Channel;
  address: string;
}>;


export type ScreenPopQuery = { screenPop: { address: string, identity: { id: string, kind: IdentityKind, trust: Trust, isShared: boolean, lastSeenAt: string } | null, customer: { id: string, displayName: string, tier: string | null, language: string | null, tags: Array<string>, conversations: { nodes: Array<{ id: string, subject: string | null, status: ConversationStatus, channels: Array<Channel>, lastActivityAt: string }> }, externalRecords: { nodes: Array<{ id: string, type: string, number: string | null, status: string | null, url: string | null }> }, notes: { nodes: Array<{ id: string, body: string, pinned: boolean, createdAt: string }> }, timeline: { nodes: Array<{ id: string, kind: TimelineKind, occurredAt: string, channel: Channel | null, summary: string, claimed: boolean }> } } | null, openConversation: { id: string, subject: string | null, status: ConversationStatus, channels: Array<Channel> } | null, claims: Array<{ id: string, value: string, createdAt: string, customer: { id: string, displayName: string } }> } };

export type SearchQueryVariables = Exact<{
  query: string;
  kinds?: Array<SearchResultKind> | SearchResultKind | null | undefined;
  first?: number | null | undefined;
}>;


export type SearchQuery = { search: Array<{ kind: SearchResultKind, score: number, customer: { id: string, displayName: string, company: string | null, tier: string | null, lastActivityAt: string } | null, externalRecord: { id: string, system: string, type: string, number: string | null, title: string | null, status: string | null, customer: { id: string, displayName: string } | null } | null, message: { id: string, channel: Channel, direction: Direction, occurredAt: string, text: string | null, conversation: { id: string, subject: string | null }, customer: { id: string, displayName: string } } | null }> };

export type SetupQueryVariables = Exact<{ [key: string]: never; }>;


export type SetupQuery = { viewer: { role: ViewerRole, permissions: Array<string>, expiresAt: string | null, member: { id: string, name: string } | null, workspace: { id: string, name: string, timeZone: string, continuity: Continuity, reopenHours: number, allowedOrigins: Array<string>, version: number } } | null, members: { nodes: Array<{ id: string, name: string, email: string, role: ApiRole, deactivatedAt: string | null }> }, teams: { nodes: Array<{ id: string, name: string, memberCount: number }> }, queues: { nodes: Array<{ id: string, name: string, isDefault: boolean }> }, channelAccounts: { nodes: Array<{ id: string, channel: Channel, name: string, address: string, state: AccountState, isDefault: boolean }> } };

export type ConnectChannelMutationVariables = Exact<{
  input: ConnectChannelInput;
}>;


export type ConnectChannelMutation = { connectChannel: { channelAccount: { id: string, channel: Channel, address: string, state: AccountState, webhookUrl: string } | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> } };

export type CreateMemberTokenMutationVariables = Exact<{
  input: CreateMemberTokenInput;
}>;


export type CreateMemberTokenMutation = { createMemberToken: { token: string | null, tokenId: string | null, expiresAt: string | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> } };

export type ConversationStatsQueryVariables = Exact<{
  by?: Array<StatsGroup> | StatsGroup;
  range: DateTimeRange;
  timeZone?: string | null | undefined;
}>;


export type ConversationStatsQuery = { conversationStats: Array<{ channel: Channel | null, day: string | null, messagesIn: number, messagesOut: number, conversationsOpened: number, uniqueCustomers: number, openBacklog: number, medianFirstResponse: number | null, p90FirstResponse: number | null, medianResolution: number | null, p90Resolution: number | null, queue: { id: string, name: string } | null }> };

export type ConversationStatsRowsQueryVariables = Exact<{
  figure: ConversationFigure;
  range: DateTimeRange;
  timeZone?: string | null | undefined;
  day?: string | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type ConversationStatsRowsQuery = { conversationStatsRows: Array<{ cursor: string, at: string, duration: number | null, conversation: { id: string, subject: string | null, status: ConversationStatus } | null, message: { id: string, channel: Channel, direction: Direction } | null, customer: { id: string, displayName: string } }> };

export type TimelineQueryVariables = Exact<{
  customerId: string;
  first?: number | null | undefined;
  after?: string | null | undefined;
  around?: string | null | undefined;
  filter?: TimelineEntryFilter | null | undefined;
  orderBy?: TimelineEntryOrder | null | undefined;
}>;


export type TimelineQuery = { customer: { id: string, displayName: string, timeline: { edges: Array<{ cursor: string, node: { id: string, kind: TimelineKind, occurredAt: string, channel: Channel | null, summary: string, claimed: boolean, actor: { kind: ActorKind, id: string | null }, conversation: { id: string, subject: string | null } | null, subject:
            | { __typename: 'Call', id: string, direction: Direction, disposition: CallDisposition | null, talkMs: number | null, callState: CallState }
            | { __typename: 'Claim', id: string, value: string, claimState: ClaimState }
            | { __typename: 'Conversation', id: string, status: ConversationStatus }
            | { __typename: 'ConversationChange' }
            | { __typename: 'ExternalRecord', id: string, number: string | null, url: string | null, recordStatus: string | null }
            | { __typename: 'Identity', id: string, value: string, identityKind: IdentityKind }
            | { __typename: 'Message', id: string, direction: Direction, subject: string | null, text: string | null, deliveryState: DeliveryState }
            | { __typename: 'Note', id: string, body: string, pinned: boolean }
            | { __typename: 'Referral' }
           | null } }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } } | null };

export type VisitorHistoryQueryVariables = Exact<{
  first?: number | null | undefined;
}>;


export type VisitorHistoryQuery = { cursor: string, visitorChat: { isOpen: boolean, greeting: string | null, form: unknown } | null, visitor: { id: string, name: string | null, conversations: { nodes: Array<{ id: string, status: VisitorConversationStatus, unseenCount: number, messages: { nodes: Array<{ id: string, clientId: string | null, author: VisitorAuthor, authorName: string | null, text: string | null, sentAt: string, editedAt: string | null, deletedAt: string | null, isSeen: boolean }>, pageInfo: { hasPreviousPage: boolean, startCursor: string | null } } }> } } | null };

export type StartChatMutationVariables = Exact<{
  input: StartChatInput;
}>;


export type StartChatMutation = { startChat: { visitorId: string | null, token: string | null, expiresAt: string | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> } };

export type SayInChatMutationVariables = Exact<{
  input: SendVisitorMessageInput;
}>;


export type SayInChatMutation = { sendVisitorMessage: { message: { id: string, clientId: string | null, text: string | null, sentAt: string, conversation: { id: string, status: VisitorConversationStatus } } | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> } };

export type LiveVisitorSubscriptionVariables = Exact<{
  after?: string | null | undefined;
}>;


export type LiveVisitorSubscription = { visitorEvents: { cursor: string, kind: VisitorEventKind, message: { id: string, clientId: string | null, author: VisitorAuthor, authorName: string | null, text: string | null, sentAt: string, editedAt: string | null, deletedAt: string | null, isSeen: boolean } | null, conversation: { id: string, status: VisitorConversationStatus, unseenCount: number } | null } };

export type SendMessageMutationVariables = Exact<{
  input: SendMessageInput;
}>;


export type SendMessageMutation = { sendMessage: { message: { id: string, clientId: string | null, channel: Channel, text: string | null, occurredAt: string, deliveryState: DeliveryState } | null, conversation: { id: string, status: ConversationStatus, version: number } | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> } };

export type StartConversationMutationVariables = Exact<{
  input: StartConversationInput;
}>;


export type StartConversationMutation = { startConversation: { message: { id: string, channel: Channel, deliveryState: DeliveryState } | null, conversation: { id: string, status: ConversationStatus } | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> } };

export type SetConversationStatusMutationVariables = Exact<{
  input: SetConversationStatusInput;
}>;


export type SetConversationStatusMutation = { setConversationStatus: { conversation: { id: string, status: ConversationStatus, snoozedUntil: string | null, closedAt: string | null, version: number } | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> } };

export type AssignConversationMutationVariables = Exact<{
  input: AssignConversationInput;
}>;


export type AssignConversationMutation = { assignConversation: { conversation: { id: string, version: number, assignee: { id: string, name: string } | null, team: { id: string, name: string } | null, queue: { id: string, name: string } | null } | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> } };

export type TagMutationVariables = Exact<{
  input: TagInput;
}>;


export type TagMutation = { tag: { conversation: { id: string, tags: Array<string>, version: number } | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> } };

export type MarkReadMutationVariables = Exact<{
  input: MarkReadInput;
}>;


export type MarkReadMutation = { markRead: { conversation: { id: string, unreadCount: number } | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> } };

export type ConfirmClaimMutationVariables = Exact<{
  input: ConfirmClaimInput;
}>;


export type ConfirmClaimMutation = { confirmClaim: { claim: { id: string, state: ClaimState, customer: { id: string, displayName: string } } | null, userErrors: Array<{ code: ErrorCode, message: string, field: Array<string> | null }> } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const TimelineItemFragmentDoc = new TypedDocumentString(`
    fragment TimelineItem on TimelineEntry {
  id
  kind
  occurredAt
  channel
  summary
  claimed
  actor {
    kind
    id
  }
  conversation {
    id
  }
  subject {
    __typename
    ... on Message {
      id
      direction
      subject
      text
      deliveryState
    }
    ... on Call {
      id
      direction
      callState: state
      disposition
      talkMs
    }
    ... on Note {
      id
      body
      pinned
    }
    ... on ExternalRecord {
      id
      system
      type
      number
      recordStatus: status
      url
    }
    ... on Conversation {
      id
      status
    }
    ... on Identity {
      id
      identityKind: kind
      value
    }
    ... on Claim {
      id
      claimState: state
      value
    }
  }
}
    `, {"fragmentName":"TimelineItem"}) as unknown as TypedDocumentString<TimelineItemFragment, unknown>;
export const SaidFragmentDoc = new TypedDocumentString(`
    fragment Said on Message {
  id
  direction
  subject
  text
  deliveryState
  errorReason
  clientId
  autoGenerated
  editedAt
  deletedAt
  inReplyTo {
    id
    direction
    text
  }
  parts {
    id
    kind
    filename
    mime
    size
    mediaState
    fileUrl
    data
  }
  reactions {
    id
    emoji
    identity {
      id
    }
  }
}
    `, {"fragmentName":"Said"}) as unknown as TypedDocumentString<SaidFragment, unknown>;
export const HappenedFragmentDoc = new TypedDocumentString(`
    fragment Happened on TimelineEntry {
  id
  kind
  occurredAt
  channel
  summary
  claimed
  actor {
    kind
    id
    name
  }
  conversation {
    id
    subject
  }
  subject {
    __typename
    ... on Message {
      ...Said
    }
    ... on Call {
      id
      direction
      callState: state
      disposition
      ringMs
      talkMs
      holdMs
      queueMs
      recordings {
        id
        kind
        durationMs
      }
      transcripts {
        id
        text
      }
    }
    ... on Note {
      id
      body
      pinned
    }
    ... on ExternalRecord {
      id
      title
      number
      recordStatus: status
      url
    }
  }
}
    fragment Said on Message {
  id
  direction
  subject
  text
  deliveryState
  errorReason
  clientId
  autoGenerated
  editedAt
  deletedAt
  inReplyTo {
    id
    direction
    text
  }
  parts {
    id
    kind
    filename
    mime
    size
    mediaState
    fileUrl
    data
  }
  reactions {
    id
    emoji
    identity {
      id
    }
  }
}`, {"fragmentName":"Happened"}) as unknown as TypedDocumentString<HappenedFragment, unknown>;
export const AgentWorkspaceDocument = new TypedDocumentString(`
    query AgentWorkspace($conversationId: ID!, $timelineFirst: Int = 30) {
  agentWorkspace(conversationId: $conversationId) {
    conversation {
      id
      subject
      status
      priority
      channels
      lastInboundChannel
      tags
      waitingSince
      unreadCount
      version
      assignee {
        id
        name
      }
      team {
        id
        name
      }
      queue {
        id
        name
      }
      messages(first: 30) {
        nodes {
          id
          channel
          direction
          occurredAt
          text
          joinExplanation
          deliveryState
          author {
            kind
            id
            member {
              id
              name
            }
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
      routingDecisions(first: 1) {
        nodes {
          id
          decidedAt
          queue {
            id
            name
          }
          reasons {
            name
            matched
            because
          }
        }
      }
    }
    customer {
      id
      displayName
      name
      tier
      language
      company
      tags
      attributes
      version
    }
    identities(first: 20) {
      nodes {
        id
        kind
        value
        trust
        isShared
        validTo
      }
    }
    history(first: 10) {
      nodes {
        id
        subject
        status
        channels
        lastActivityAt
        lastMessage {
          id
          channel
          text
          occurredAt
        }
      }
    }
    timeline(first: $timelineFirst) {
      nodes {
        ...TimelineItem
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
    externalRecords(first: 10) {
      nodes {
        id
        system
        type
        number
        title
        status
        url
        updatedAt
      }
    }
    notes(first: 10) {
      nodes {
        id
        body
        pinned
        createdAt
        author {
          kind
          id
          member {
            id
            name
          }
        }
        externalRecords {
          id
          number
        }
      }
    }
  }
}
    fragment TimelineItem on TimelineEntry {
  id
  kind
  occurredAt
  channel
  summary
  claimed
  actor {
    kind
    id
  }
  conversation {
    id
  }
  subject {
    __typename
    ... on Message {
      id
      direction
      subject
      text
      deliveryState
    }
    ... on Call {
      id
      direction
      callState: state
      disposition
      talkMs
    }
    ... on Note {
      id
      body
      pinned
    }
    ... on ExternalRecord {
      id
      system
      type
      number
      recordStatus: status
      url
    }
    ... on Conversation {
      id
      status
    }
    ... on Identity {
      id
      identityKind: kind
      value
    }
    ... on Claim {
      id
      claimState: state
      value
    }
  }
}`) as unknown as TypedDocumentString<AgentWorkspaceQuery, AgentWorkspaceQueryVariables>;
export const AnswerScreenDocument = new TypedDocumentString(`
    query AnswerScreen($conversationId: ID!, $timelineFirst: Int = 40) {
  viewer {
    member {
      id
      name
    }
  }
  conversation(id: $conversationId) {
    id
    subject
    status
    priority
    channels
    tags
    unreadCount
    version
    assignee {
      id
      name
    }
    queue {
      id
      name
    }
    replyOptions {
      channel
      allowed
      form
      refusal
      explanation
      until
      recommended
      recommendation
      textMax
      identity {
        id
        value
      }
    }
    customer {
      id
      displayName
      tier
      company
      identities(first: 10) {
        nodes {
          id
          kind
          value
          trust
        }
      }
      timeline(first: $timelineFirst) {
        nodes {
          ...Happened
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
}
    fragment Happened on TimelineEntry {
  id
  kind
  occurredAt
  channel
  summary
  claimed
  actor {
    kind
    id
    name
  }
  conversation {
    id
    subject
  }
  subject {
    __typename
    ... on Message {
      ...Said
    }
    ... on Call {
      id
      direction
      callState: state
      disposition
      ringMs
      talkMs
      holdMs
      queueMs
      recordings {
        id
        kind
        durationMs
      }
      transcripts {
        id
        text
      }
    }
    ... on Note {
      id
      body
      pinned
    }
    ... on ExternalRecord {
      id
      title
      number
      recordStatus: status
      url
    }
  }
}
fragment Said on Message {
  id
  direction
  subject
  text
  deliveryState
  errorReason
  clientId
  autoGenerated
  editedAt
  deletedAt
  inReplyTo {
    id
    direction
    text
  }
  parts {
    id
    kind
    filename
    mime
    size
    mediaState
    fileUrl
    data
  }
  reactions {
    id
    emoji
    identity {
      id
    }
  }
}`) as unknown as TypedDocumentString<AnswerScreenQuery, AnswerScreenQueryVariables>;
export const UpsertCustomersDocument = new TypedDocumentString(`
    mutation UpsertCustomers($input: UpsertCustomersInput!) {
  upsertCustomers(input: $input) {
    rows {
      result
      customer {
        id
        displayName
        version
      }
      userErrors {
        code
        message
        field
      }
    }
    userErrors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<UpsertCustomersMutation, UpsertCustomersMutationVariables>;
export const IngestMessagesDocument = new TypedDocumentString(`
    mutation IngestMessages($input: IngestMessagesInput!) {
  ingestMessages(input: $input) {
    messages {
      result
      message {
        id
        joinExplanation
      }
      conversation {
        id
        status
      }
      userErrors {
        code
        message
        field
      }
    }
    userErrors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<IngestMessagesMutation, IngestMessagesMutationVariables>;
export const ChangesDocument = new TypedDocumentString(`
    query Changes($after: Cursor, $first: Int = 100, $kinds: [EventKind!]) {
  changes(after: $after, first: $first, kinds: $kinds) {
    id
    cursor
    kind
    occurredAt
    conversationSeq
    details
    actor {
      kind
      id
    }
    conversation {
      id
      status
    }
    customer {
      id
    }
    message {
      id
      text
      deliveryState
    }
  }
}
    `) as unknown as TypedDocumentString<ChangesQuery, ChangesQueryVariables>;
export const ConversationDocument = new TypedDocumentString(`
    query Conversation($id: ID!, $first: Int = 50, $after: String) {
  cursor
  conversation(id: $id) {
    id
    subject
    status
    snoozedUntil
    priority
    channels
    lastInboundChannel
    tags
    language
    waitingSince
    createdAt
    closedAt
    version
    assignee {
      id
      name
    }
    team {
      id
      name
    }
    queue {
      id
      name
    }
    customer {
      id
      displayName
    }
    relatedConversation {
      id
      subject
      status
    }
    messages(first: $first, after: $after) {
      edges {
        cursor
        node {
          id
          channel
          direction
          occurredAt
          subject
          text
          deliveryState
          errorReason
          senderTrust
          joinExplanation
          clientId
          editedAt
          deletedAt
          author {
            kind
            id
          }
          parts {
            id
            kind
            filename
            mime
            size
            mediaState
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
    notes(first: 10) {
      nodes {
        id
        body
        pinned
        createdAt
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ConversationQuery, ConversationQueryVariables>;
export const CustomerProfileDocument = new TypedDocumentString(`
    query CustomerProfile($id: ID, $identity: IdentityInput) {
  customer(id: $id, identity: $identity) {
    id
    displayName
    name
    language
    tier
    company
    tags
    attributes
    state
    lastActivityAt
    createdAt
    version
    externalIds {
      system
      value
    }
    attributesWithSource {
      id
      key
      value
      source
      observedAt
    }
    identities(first: 20) {
      nodes {
        id
        kind
        namespace
        value
        trust
        displayName
        isShared
        lastSeenAt
        validTo
      }
    }
    claims(first: 10) {
      nodes {
        id
        kind
        value
        state
        createdAt
      }
    }
    conversations(first: 10) {
      nodes {
        id
        subject
        status
        channels
        lastActivityAt
        messageCount
      }
    }
    externalRecords(first: 10) {
      nodes {
        id
        system
        type
        number
        status
        url
      }
    }
    notes(first: 10) {
      nodes {
        id
        body
        pinned
        createdAt
      }
    }
  }
}
    `) as unknown as TypedDocumentString<CustomerProfileQuery, CustomerProfileQueryVariables>;
export const InboxDocument = new TypedDocumentString(`
    query Inbox($filter: ConversationFilter, $orderBy: ConversationOrder, $first: Int = 50, $after: String) {
  cursor
  conversations(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
    nodes {
      id
      subject
      status
      priority
      channels
      tags
      waitingSince
      lastActivityAt
      unreadCount
      assignee {
        id
        name
      }
      queue {
        id
        name
      }
      customer {
        id
        displayName
        tier
      }
      lastMessage {
        id
        channel
        direction
        text
        occurredAt
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<InboxQuery, InboxQueryVariables>;
export const LiveEventsDocument = new TypedDocumentString(`
    subscription LiveEvents($after: Cursor, $kinds: [EventKind!]) {
  events(after: $after, kinds: $kinds) {
    cursor
    event {
      id
      kind
      occurredAt
      conversationSeq
      conversation {
        id
        status
      }
      customer {
        id
        displayName
      }
    }
  }
}
    `) as unknown as TypedDocumentString<LiveEventsSubscription, LiveEventsSubscriptionVariables>;
export const LiveMessagesDocument = new TypedDocumentString(`
    subscription LiveMessages($conversationId: ID, $customerId: ID, $after: Cursor) {
  messageAdded(
    conversationId: $conversationId
    customerId: $customerId
    after: $after
  ) {
    cursor
    message {
      id
      channel
      direction
      occurredAt
      text
      deliveryState
      clientId
      author {
        kind
        id
      }
      conversation {
        id
      }
    }
  }
}
    `) as unknown as TypedDocumentString<LiveMessagesSubscription, LiveMessagesSubscriptionVariables>;
export const LiveConversationDocument = new TypedDocumentString(`
    subscription LiveConversation($conversationId: ID!, $after: Cursor) {
  conversationUpdated(conversationId: $conversationId, after: $after) {
    cursor
    eventKind
    conversationSeq
    conversation {
      id
      status
      priority
      tags
      waitingSince
      version
      assignee {
        id
        name
      }
      queue {
        id
        name
      }
    }
    message {
      id
      channel
      direction
      occurredAt
      text
      deliveryState
      deletedAt
      editedAt
    }
  }
}
    `) as unknown as TypedDocumentString<LiveConversationSubscription, LiveConversationSubscriptionVariables>;
export const LiveInboxDocument = new TypedDocumentString(`
    subscription LiveInbox($filter: InboxFilter, $after: Cursor) {
  inbox(filter: $filter, after: $after) {
    cursor
    change
    eventKind
    conversation {
      id
      subject
      status
      priority
      channels
      tags
      waitingSince
      lastActivityAt
      customer {
        id
        displayName
        tier
      }
      lastMessage {
        id
        channel
        direction
        text
        occurredAt
      }
    }
  }
}
    `) as unknown as TypedDocumentString<LiveInboxSubscription, LiveInboxSubscriptionVariables>;
export const LiveCallsDocument = new TypedDocumentString(`
    subscription LiveCalls($after: Cursor) {
  incomingCall(after: $after) {
    cursor
    call {
      id
      state
      direction
      startedAt
      conversation {
        id
        customer {
          id
          displayName
          tier
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<LiveCallsSubscription, LiveCallsSubscriptionVariables>;
export const WhoTypesDocument = new TypedDocumentString(`
    subscription WhoTypes($conversationId: ID!) {
  typing(conversationId: $conversationId) {
    isTyping
    actorKind
    member {
      id
      name
    }
  }
}
    `) as unknown as TypedDocumentString<WhoTypesSubscription, WhoTypesSubscriptionVariables>;
export const WhoIsThereDocument = new TypedDocumentString(`
    subscription WhoIsThere {
  presence {
    presence
    member {
      id
      name
    }
    conversation {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<WhoIsThereSubscription, WhoIsThereSubscriptionVariables>;
export const AddNoteDocument = new TypedDocumentString(`
    mutation AddNote($input: AddNoteInput!) {
  addNote(input: $input) {
    note {
      id
      body
      pinned
      version
      externalRecords {
        id
        number
      }
    }
    userErrors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<AddNoteMutation, AddNoteMutationVariables>;
export const UpsertExternalRecordDocument = new TypedDocumentString(`
    mutation UpsertExternalRecord($input: UpsertExternalRecordInput!) {
  upsertExternalRecord(input: $input) {
    result
    externalRecord {
      id
      number
      status
      version
      customer {
        id
        displayName
      }
    }
    userErrors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<UpsertExternalRecordMutation, UpsertExternalRecordMutationVariables>;
export const UpsertExternalRecordsDocument = new TypedDocumentString(`
    mutation UpsertExternalRecords($input: UpsertExternalRecordsInput!) {
  upsertExternalRecords(input: $input) {
    rows {
      result
      externalRecord {
        id
        externalId
        version
      }
      userErrors {
        code
        message
        field
      }
    }
    userErrors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<UpsertExternalRecordsMutation, UpsertExternalRecordsMutationVariables>;
export const ScreenPopDocument = new TypedDocumentString(`
    query ScreenPop($channel: Channel!, $address: String!) {
  screenPop(channel: $channel, address: $address) {
    address
    identity {
      id
      kind
      trust
      isShared
      lastSeenAt
    }
    customer {
      id
      displayName
      tier
      language
      tags
      conversations(first: 5) {
        nodes {
          id
          subject
          status
          channels
          lastActivityAt
        }
      }
      externalRecords(first: 5) {
        nodes {
          id
          type
          number
          status
          url
        }
      }
      notes(first: 5) {
        nodes {
          id
          body
          pinned
          createdAt
        }
      }
      timeline(first: 10) {
        nodes {
          id
          kind
          occurredAt
          channel
          summary
          claimed
        }
      }
    }
    openConversation {
      id
      subject
      status
      channels
    }
    claims {
      id
      value
      createdAt
      customer {
        id
        displayName
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ScreenPopQuery, ScreenPopQueryVariables>;
export const SearchDocument = new TypedDocumentString(`
    query Search($query: String!, $kinds: [SearchResultKind!], $first: Int = 20) {
  search(query: $query, kinds: $kinds, first: $first) {
    kind
    score
    customer {
      id
      displayName
      company
      tier
      lastActivityAt
    }
    externalRecord {
      id
      system
      type
      number
      title
      status
      customer {
        id
        displayName
      }
    }
    message {
      id
      channel
      direction
      occurredAt
      text
      conversation {
        id
        subject
      }
      customer {
        id
        displayName
      }
    }
  }
}
    `) as unknown as TypedDocumentString<SearchQuery, SearchQueryVariables>;
export const SetupDocument = new TypedDocumentString(`
    query Setup {
  viewer {
    role
    permissions
    expiresAt
    member {
      id
      name
    }
    workspace {
      id
      name
      timeZone
      continuity
      reopenHours
      allowedOrigins
      version
    }
  }
  members(first: 50) {
    nodes {
      id
      name
      email
      role
      deactivatedAt
    }
  }
  teams(first: 50) {
    nodes {
      id
      name
      memberCount
    }
  }
  queues(first: 50) {
    nodes {
      id
      name
      isDefault
    }
  }
  channelAccounts(first: 50) {
    nodes {
      id
      channel
      name
      address
      state
      isDefault
    }
  }
}
    `) as unknown as TypedDocumentString<SetupQuery, SetupQueryVariables>;
export const ConnectChannelDocument = new TypedDocumentString(`
    mutation ConnectChannel($input: ConnectChannelInput!) {
  connectChannel(input: $input) {
    channelAccount {
      id
      channel
      address
      state
      webhookUrl
    }
    userErrors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<ConnectChannelMutation, ConnectChannelMutationVariables>;
export const CreateMemberTokenDocument = new TypedDocumentString(`
    mutation CreateMemberToken($input: CreateMemberTokenInput!) {
  createMemberToken(input: $input) {
    token
    tokenId
    expiresAt
    userErrors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<CreateMemberTokenMutation, CreateMemberTokenMutationVariables>;
export const ConversationStatsDocument = new TypedDocumentString(`
    query ConversationStats($by: [StatsGroup!]! = [DAY], $range: DateTimeRange!, $timeZone: String) {
  conversationStats(by: $by, range: $range, timeZone: $timeZone) {
    channel
    day
    queue {
      id
      name
    }
    messagesIn
    messagesOut
    conversationsOpened
    uniqueCustomers
    openBacklog
    medianFirstResponse
    p90FirstResponse
    medianResolution
    p90Resolution
  }
}
    `) as unknown as TypedDocumentString<ConversationStatsQuery, ConversationStatsQueryVariables>;
export const ConversationStatsRowsDocument = new TypedDocumentString(`
    query ConversationStatsRows($figure: ConversationFigure!, $range: DateTimeRange!, $timeZone: String, $day: String, $first: Int = 100, $after: String) {
  conversationStatsRows(
    figure: $figure
    range: $range
    timeZone: $timeZone
    day: $day
    first: $first
    after: $after
  ) {
    cursor
    at
    duration
    conversation {
      id
      subject
      status
    }
    message {
      id
      channel
      direction
    }
    customer {
      id
      displayName
    }
  }
}
    `) as unknown as TypedDocumentString<ConversationStatsRowsQuery, ConversationStatsRowsQueryVariables>;
export const TimelineDocument = new TypedDocumentString(`
    query Timeline($customerId: ID!, $first: Int = 50, $after: String, $around: ID, $filter: TimelineEntryFilter, $orderBy: TimelineEntryOrder) {
  customer(id: $customerId) {
    id
    displayName
    timeline(
      first: $first
      after: $after
      around: $around
      filter: $filter
      orderBy: $orderBy
    ) {
      edges {
        cursor
        node {
          id
          kind
          occurredAt
          channel
          summary
          claimed
          actor {
            kind
            id
          }
          conversation {
            id
            subject
          }
          subject {
            __typename
            ... on Message {
              id
              direction
              subject
              text
              deliveryState
            }
            ... on Call {
              id
              direction
              callState: state
              disposition
              talkMs
            }
            ... on Note {
              id
              body
              pinned
            }
            ... on ExternalRecord {
              id
              number
              recordStatus: status
              url
            }
            ... on Conversation {
              id
              status
            }
            ... on Identity {
              id
              identityKind: kind
              value
            }
            ... on Claim {
              id
              claimState: state
              value
            }
          }
        }
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
    }
  }
}
    `) as unknown as TypedDocumentString<TimelineQuery, TimelineQueryVariables>;
export const VisitorHistoryDocument = new TypedDocumentString(`
    query VisitorHistory($first: Int = 50) {
  cursor
  visitorChat {
    isOpen
    greeting
    form
  }
  visitor {
    id
    name
    conversations(first: 5) {
      nodes {
        id
        status
        unseenCount
        messages(last: $first) {
          nodes {
            id
            clientId
            author
            authorName
            text
            sentAt
            editedAt
            deletedAt
            isSeen
          }
          pageInfo {
            hasPreviousPage
            startCursor
          }
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<VisitorHistoryQuery, VisitorHistoryQueryVariables>;
export const StartChatDocument = new TypedDocumentString(`
    mutation StartChat($input: StartChatInput!) {
  startChat(input: $input) {
    visitorId
    token
    expiresAt
    userErrors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<StartChatMutation, StartChatMutationVariables>;
export const SayInChatDocument = new TypedDocumentString(`
    mutation SayInChat($input: SendVisitorMessageInput!) {
  sendVisitorMessage(input: $input) {
    message {
      id
      clientId
      text
      sentAt
      conversation {
        id
        status
      }
    }
    userErrors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<SayInChatMutation, SayInChatMutationVariables>;
export const LiveVisitorDocument = new TypedDocumentString(`
    subscription LiveVisitor($after: Cursor) {
  visitorEvents(after: $after) {
    cursor
    kind
    message {
      id
      clientId
      author
      authorName
      text
      sentAt
      editedAt
      deletedAt
      isSeen
    }
    conversation {
      id
      status
      unseenCount
    }
  }
}
    `) as unknown as TypedDocumentString<LiveVisitorSubscription, LiveVisitorSubscriptionVariables>;
export const SendMessageDocument = new TypedDocumentString(`
    mutation SendMessage($input: SendMessageInput!) {
  sendMessage(input: $input) {
    message {
      id
      clientId
      channel
      text
      occurredAt
      deliveryState
    }
    conversation {
      id
      status
      version
    }
    userErrors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<SendMessageMutation, SendMessageMutationVariables>;
export const StartConversationDocument = new TypedDocumentString(`
    mutation StartConversation($input: StartConversationInput!) {
  startConversation(input: $input) {
    message {
      id
      channel
      deliveryState
    }
    conversation {
      id
      status
    }
    userErrors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<StartConversationMutation, StartConversationMutationVariables>;
export const SetConversationStatusDocument = new TypedDocumentString(`
    mutation SetConversationStatus($input: SetConversationStatusInput!) {
  setConversationStatus(input: $input) {
    conversation {
      id
      status
      snoozedUntil
      closedAt
      version
    }
    userErrors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<SetConversationStatusMutation, SetConversationStatusMutationVariables>;
export const AssignConversationDocument = new TypedDocumentString(`
    mutation AssignConversation($input: AssignConversationInput!) {
  assignConversation(input: $input) {
    conversation {
      id
      assignee {
        id
        name
      }
      team {
        id
        name
      }
      queue {
        id
        name
      }
      version
    }
    userErrors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<AssignConversationMutation, AssignConversationMutationVariables>;
export const TagDocument = new TypedDocumentString(`
    mutation Tag($input: TagInput!) {
  tag(input: $input) {
    conversation {
      id
      tags
      version
    }
    userErrors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<TagMutation, TagMutationVariables>;
export const MarkReadDocument = new TypedDocumentString(`
    mutation MarkRead($input: MarkReadInput!) {
  markRead(input: $input) {
    conversation {
      id
      unreadCount
    }
    userErrors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<MarkReadMutation, MarkReadMutationVariables>;
export const ConfirmClaimDocument = new TypedDocumentString(`
    mutation ConfirmClaim($input: ConfirmClaimInput!) {
  confirmClaim(input: $input) {
    claim {
      id
      state
      customer {
        id
        displayName
      }
    }
    userErrors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<ConfirmClaimMutation, ConfirmClaimMutationVariables>;