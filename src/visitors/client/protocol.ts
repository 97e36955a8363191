/* eslint-disable no-restricted-globals -- it runs in the visitor's browser, which calls one address: the one that it is given */
// What the chat client shows, and what it says to the server.

export interface ChatOptions {
  /** The address of /graphql, `http:` or `https:`. */
  url: string;
  /** `ChannelAccount.publishableKey`: `tlp_…`. */
  publishableKey: string;
  /**
   * In an app (IN_APP): a token that your backend signed for whoever is logged in, a fresh one each time it is asked for. He is identified by it at the start
   * and again whenever ours is about to end; `storage` is not used then.
   */
  userToken?: () => string | Promise<string>;
  /** Where the visitor's token lives between two pages. Default: nowhere, so a reload begins a new visitor. */
  storage?: TokenStorage;
  /** Called after every change, with all there is. */
  onChange?: (state: ChatState) => void;
  fetch?: typeof fetch;
  /** For Node before 22: the class of package `ws`. */
  webSocket?: unknown;
  /** The longest pause between two tries, in milliseconds. Default 15,000. */
  retryMsMax?: number;
}
export interface TokenStorage {
  read(): string | null | Promise<string | null>;
  /** Null: forget it. */
  write(token: string | null): void | Promise<void>;
}

export interface ChatState {
  /** `idle`: not begun. `connecting`: what is shown may be old. `live`: it is as it is. `ended`: the token is no longer valid; begin again. */
  connection: 'idle' | 'connecting' | 'live' | 'ended';
  /** Oldest first; what is not answered yet at the end. */
  messages: readonly ChatMessage[];
  conversations: readonly ChatConversation[];
}
export interface ChatConversation {
  id: string;
  status: 'OPEN' | 'CLOSED';
}
export interface ChatMessage {
  /** Null until the server has it. */
  id: string | null;
  clientId: string | null;
  conversationId: string | null;
  author: 'VISITOR' | 'TEAM';
  authorName: string | null;
  text: string | null;
  /** RFC 3339; for what is not answered yet, this computer's time. */
  sentAt: string;
  editedAt: string | null;
  deletedAt: string | null;
  isSeen: boolean;
  files: readonly ChatFile[];
  /** `sending` goes on by itself; `refused` was not taken, and `reason` says why. */
  state: 'sending' | 'sent' | 'refused';
  reason: string | null;
}
export interface ChatFile {
  filename: string | null;
  mime: string | null;
  /** In bytes. */
  size: number | null;
  /** Where it can be fetched, for some minutes; null until the server has the message. */
  url: string | null;
}
/** What `ChatClient.upload` gives, for `send`. */
export interface UploadedFile {
  file: string;
  filename: string;
  mime: string;
  size: number;
}
export interface ChatForm {
  name?: string;
  /** What is typed here is a claim: it shows the visitor nothing of anybody. */
  email?: string;
  phone?: string;
  fields?: Record<string, string>;
}

/** An answer that trying again can't change. */
export class ChatRefused extends Error {
  override readonly name = 'ChatRefused';
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

const MESSAGE = 'id clientId author authorName text sentAt editedAt deletedAt isSeen files { filename mime size url } conversation { id status }';
export const HISTORY = `{ cursor visitor { conversations(first: 10) { nodes { id status messages(last: 50) { nodes { ${MESSAGE} } } } } } }`;
export const EVENTS = `subscription ($after: Cursor) { visitorEvents(after: $after) { kind cursor message { ${MESSAGE} } conversation { id status } } }`;
const ERRORS = 'userErrors { code message retryable }';
const STARTED = `token expiresAt ${ERRORS}`;
export const START = `mutation ($input: StartChatInput!) { answer: startChat(input: $input) { ${STARTED} } }`;
export const IDENTIFY = `mutation ($input: IdentifyVisitorInput!) { answer: identifyVisitor(input: $input) { ${STARTED} } }`;
export const SEND = `mutation ($input: SendVisitorMessageInput!) { answer: sendVisitorMessage(input: $input) { message { ${MESSAGE} } ${ERRORS} } }`;
export const EDIT = `mutation ($input: EditVisitorMessageInput!) { answer: editVisitorMessage(input: $input) { message { ${MESSAGE} } ${ERRORS} } }`;
export const DELETE = `mutation ($input: DeleteVisitorMessageInput!) { answer: deleteVisitorMessage(input: $input) { message { ${MESSAGE} } ${ERRORS} } }`;
export const SEEN = `mutation ($input: MarkVisitorSeenInput!) { answer: markVisitorSeen(input: $input) { ${ERRORS} } }`;
export const TYPING = `mutation ($input: SetVisitorTypingInput!) { answer: setVisitorTyping(input: $input) { ${ERRORS} } }`;
export const PAGE = `mutation ($input: VisitorPageInput!) { answer: visitorPage(input: $input) { ${ERRORS} } }`;

export interface WireMessage {
  id: string;
  clientId: string | null;
  author: 'VISITOR' | 'TEAM';
  authorName: string | null;
  text: string | null;
  sentAt: string;
  editedAt: string | null;
  deletedAt: string | null;
  isSeen: boolean;
  files: readonly ChatFile[];
  conversation: ChatConversation;
}
export interface History {
  cursor: string;
  visitor: { conversations: { nodes: (ChatConversation & { messages: { nodes: WireMessage[] } })[] } } | null;
}
export interface VisitorEvent {
  kind: string;
  cursor: string;
  message: WireMessage | null;
  conversation: ChatConversation | null;
}
