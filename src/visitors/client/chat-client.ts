/* eslint-disable no-restricted-syntax, no-restricted-globals -- it runs in the visitor's browser: its clock and its fetch are the only ones there */
// The chat, from a web page: GraphQL over HTTP and WebSocket and nothing else, so that it is also the example of how to write another one
// (channels/live-chat/README.md). Runs in browsers and in Node; it imports graphql-ws alone.
//
//   const chat = new ChatClient({ url: 'https://support.example.com/graphql', publishableKey: 'tlp_…', onChange: (state) => render(state) });
//   await chat.start({ name: 'Ada', fields: { order: '48821' } });
//   chat.send('Where is my order?');
//
// In an app: `userToken: () => myBackend.supportToken()` in the options, and `await chat.start()`.
//
// What is said is shown at once and sent in order, again and again under the same client id, until it was answered: once, whatever happens
// to the connection. What the server tells is followed from a cursor, so that nothing is missed and nothing comes twice.
import { createClient, type Client } from 'graphql-ws';
import {
  ChatRefused, DELETE, EDIT, EVENTS, HISTORY, IDENTIFY, PAGE, SEEN, SEND, START, TYPING,
  type ChatConversation, type ChatForm, type UploadedFile, type ChatMessage, type ChatOptions, type ChatState, type History, type VisitorEvent, type WireMessage,
} from './protocol.ts';

export class ChatClient {
  readonly #options: ChatOptions;
  #token: string | null = null;
  #connection: ChatState['connection'] = 'idle';
  readonly #messages = new Map<string, ChatMessage>();
  readonly #conversations = new Map<string, ChatConversation>();
  /** What is said and not answered yet, in order, by client id. */
  readonly #outbox = new Map<string, ChatMessage & { replyToId: string | null; uploads: readonly string[] }>();
  #sending = false;
  #cursor: string | null = null;
  /** Ends the present following; another one begins a new one. */
  #following: AbortController | null = null;
  #renewal: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: ChatOptions) {
    this.#options = options;
  }

  get state(): ChatState {
    const sent = [...this.#messages.values()].sort((a, b) => (a.sentAt === b.sentAt ? (a.id! < b.id! ? -1 : 1) : a.sentAt < b.sentAt ? -1 : 1));
    return { connection: this.#connection, messages: [...sent, ...this.#outbox.values()], conversations: [...this.#conversations.values()] };
  }

  /**
   * Begins, or goes on with the visitor of the stored token. Resolves when the history is there.
   * @throws ChatRefused when the chat is closed or the form is not taken; what `fetch` throws when the server can't be reached.
   */
  async start(form: ChatForm = {}): Promise<void> {
    this.#closed = false;
    if (this.#options.userToken) await this.#beUser(this.#options.userToken);
    else await this.#beVisitor(form);
    await this.#load();
    this.#follow();
    void this.#flush();
  }

  async #beUser(userToken: () => string | Promise<string>): Promise<void> {
    // By the publishable key: whoever was logged in before is nobody's business.
    this.#token = null;
    await this.#take(await this.#ask(IDENTIFY, { input: { clientId: newClientId(), token: await userToken() } }));
  }

  async #beVisitor(form: ChatForm): Promise<void> {
    this.#token = (await this.#options.storage?.read()) ?? null;
    const input = { clientId: newClientId(), ...form };
    try {
      await this.#take(await this.#ask(START, { input }));
    } catch (error) {
      if (!(error instanceof ChatRefused && error.code === 'UNAUTHENTICATED') || this.#token === null) throw error;
      // The stored token is over: a new visitor.
      this.#token = null;
      await this.#take(await this.#ask(START, { input }));
    }
  }

  /** Says who the visitor is, by a token that your own backend signed for him. @throws ChatRefused */
  async identify(signed: string): Promise<void> {
    await this.#take(await this.#ask(IDENTIFY, { input: { clientId: newClientId(), token: signed } }));
    this.#messages.clear();
    this.#conversations.clear();
    await this.#load();
    this.#follow();
  }

  /** Says something. It stands in `messages` at once; its client id is given back. */
  send(text: string, options: { replyToId?: string; files?: readonly UploadedFile[] } = {}): string {
    const clientId = newClientId();
    this.#outbox.set(clientId, {
      id: null, clientId, conversationId: null, author: 'VISITOR', authorName: null, text, sentAt: new Date().toISOString(),
      editedAt: null, deletedAt: null, isSeen: false, files: (options.files ?? []).map(({ filename, mime, size }) => ({ filename, mime, size, url: null })), state: 'sending', reason: null,
      replyToId: options.replyToId ?? null, uploads: (options.files ?? []).map(({ file }) => file),
    });
    this.#changed();
    void this.#flush();
    return clientId;
  }

  /** Brings a file to the server, to be sent within a day. @throws ChatRefused, or what `fetch` throws: it can be tried again */
  async upload(content: Uint8Array | Blob, { filename, type }: { filename: string; type: string }): Promise<UploadedFile> {
    const response = await (this.#options.fetch ?? fetch)(`${this.#options.url.replace(/\/graphql\/?$/, '')}/uploads?filename=${encodeURIComponent(filename)}`, {
      method: 'POST', headers: { authorization: `Bearer ${this.#token}`, 'content-type': type }, body: content as Blob,
    });
    const answer = (await response.json()) as UploadedFile & { error?: { code: string; message: string } };
    if (response.ok) return answer;
    throw response.status >= 500 || !answer.error ? new Error(`The server answered ${response.status}.`) : new ChatRefused(answer.error.code, answer.error.message);
  }

  /** @throws ChatRefused */
  async edit(messageId: string, text: string): Promise<void> {
    const { message } = await this.#surely<{ message: WireMessage }>(EDIT, { clientId: newClientId(), messageId, text });
    this.#put(message);
  }

  /** @throws ChatRefused */
  async remove(messageId: string): Promise<void> {
    const { message } = await this.#surely<{ message: WireMessage }>(DELETE, { clientId: newClientId(), messageId });
    this.#put(message);
  }

  /** Everything of the team up to this message was seen. */
  async seen(messageId: string): Promise<void> {
    await this.#surely(SEEN, { clientId: newClientId(), messageId });
  }

  /** Call it on every key press: it says so at most once in 3 seconds. Lost is lost. */
  typing(conversationId: string): void {
    const atMs = performance.now();
    if (atMs - this.#typedAtMs < 3_000) return;
    this.#typedAtMs = atMs;
    this.#ask(TYPING, { input: { conversationId, isTyping: true } }).catch(() => {});
  }
  #typedAtMs = -Infinity;

  /** Tells which page the visitor looks at. */
  async page(url: string, title: string | null = null): Promise<void> {
    await this.#surely(PAGE, { clientId: newClientId(), url, title });
  }

  /** Ends the connection. What was not sent yet goes on with the next `start` of this object. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#renewal);
    this.#following?.abort();
    this.#following = null;
    this.#set('idle');
  }

  /** Forgets the visitor, on this computer only: call it when your customer logs out. */
  async forget(): Promise<void> {
    this.close();
    this.#token = null;
    this.#cursor = null;
    this.#messages.clear();
    this.#conversations.clear();
    this.#outbox.clear();
    await this.#options.storage?.write(null);
    this.#changed();
  }

  async #take({ token, expiresAt }: { token: string; expiresAt?: string }): Promise<void> {
    this.#token = token;
    if (!this.#options.userToken) await this.#options.storage?.write(token);
    clearTimeout(this.#renewal);
    const leftMs = expiresAt === undefined ? 3_600_000 : Date.parse(expiresAt) - Date.now();
    // Timers hold 2^31 ms at most.
    this.#renewal = setTimeout(() => void this.#renew(), Math.min(Math.max(leftMs / 2, 1_000), 2_000_000_000));
    (this.#renewal as { unref?: () => void }).unref?.();
  }

  async #renew(): Promise<void> {
    try {
      if (this.#options.userToken) await this.#take(await this.#surely(IDENTIFY, { clientId: newClientId(), token: await this.#options.userToken() }));
      else await this.#take(await this.#surely(START, {}));
    } catch (error) {
      if (error instanceof ChatRefused) this.#end();
    }
  }

  async #load(): Promise<void> {
    const { cursor, visitor } = await this.#query<History>(HISTORY, {});
    this.#cursor = cursor;
    for (const { messages, ...conversation } of visitor?.conversations.nodes ?? []) {
      this.#conversations.set(conversation.id, { id: conversation.id, status: conversation.status });
      for (const message of messages.nodes) this.#put(message, false);
    }
    this.#changed();
  }

  /** Follows what happens from the cursor on, over as many sockets as it takes. */
  #follow(): void {
    this.#following?.abort();
    const following = new AbortController();
    this.#following = following;
    void (async () => {
      for (let failures = 0; !following.signal.aborted; ) {
        this.#set('connecting');
        const outcome = await this.#listen(following.signal, () => {
          failures = 0;
          this.#set('live');
        });
        if (following.signal.aborted) return;
        if (outcome === 'UNAUTHENTICATED') return this.#end();
        // The log was restored, or no longer reaches back: read afresh.
        if (outcome === 'RESYNC') await this.#load().catch(() => {});
        await this.#pause(failures++);
      }
    })();
  }

  /** One socket, until it ends: says why. graphql-ws would subscribe again with the cursor of the beginning, so it is told not to. */
  #listen(signal: AbortSignal, onLive: () => void): Promise<'UNAUTHENTICATED' | 'RESYNC' | 'LOST'> {
    return new Promise((resolve) => {
      const end = (outcome: 'UNAUTHENTICATED' | 'RESYNC' | 'LOST') => {
        signal.removeEventListener('abort', stop);
        resolve(outcome);
        // It waits for a connection that was refused, and rejects as that did.
        Promise.resolve(client.dispose()).catch(() => {});
      };
      const stop = () => end('LOST');
      signal.addEventListener('abort', stop, { once: true });
      const client: Client = createClient({
        url: this.#options.url.replace(/^http/, 'ws'),
        webSocketImpl: this.#options.webSocket,
        connectionParams: () => ({ authorization: `Bearer ${this.#token}` }),
        retryAttempts: 0,
        keepAlive: 20_000,
        on: { connected: onLive },
      });
      client.subscribe<{ visitorEvents: VisitorEvent }>({ query: EVENTS, variables: { after: this.#cursor } }, {
        next: ({ data, errors }) => {
          if (data?.visitorEvents) this.#hear(data.visitorEvents);
          else if (errors) end(codeOf(errors));
        },
        error: (error) => end(isClose(error) && error.code === 4401 ? 'UNAUTHENTICATED' : Array.isArray(error) ? codeOf(error) : 'LOST'),
        complete: () => end('LOST'),
      });
    });
  }

  #hear({ cursor, message, conversation }: VisitorEvent): void {
    this.#cursor = cursor;
    if (conversation) this.#conversations.set(conversation.id, conversation);
    if (message) this.#put(message, false);
    this.#changed();
  }

  /** Sends what waits, one after the other: in the order in which it was said. */
  async #flush(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      for (let failures = 0; !this.#closed; ) {
        const next = [...this.#outbox.values()].find((message) => message.state === 'sending');
        if (!next || this.#token === null) return;
        try {
          const input = { clientId: next.clientId, text: next.text, ...(next.replyToId ? { replyToId: next.replyToId } : {}), ...(next.uploads.length > 0 ? { files: next.uploads } : {}) };
          const { message } = await this.#ask<{ message: WireMessage | null }>(SEND, { input });
          failures = 0;
          // Null: it is safe and waits for its turn; the subscription brings it. Until then it stands here, and isn't sent again.
          if (message) this.#put(message);
          else this.#outbox.set(next.clientId!, { ...next, state: 'sent' });
        } catch (error) {
          // The subscription may have brought it although its answer was lost.
          if (!this.#outbox.has(next.clientId!)) continue;
          if (error instanceof ChatRefused) this.#outbox.set(next.clientId!, { ...next, state: 'refused', reason: error.message });
          else await this.#pause(failures++);
        }
        this.#changed();
      }
    } finally {
      this.#sending = false;
    }
  }

  #put(wire: WireMessage, tell = true): void {
    const { conversation, ...message } = wire;
    this.#messages.set(message.id, { ...message, conversationId: conversation.id, state: 'sent', reason: null });
    if (message.clientId !== null) this.#outbox.delete(message.clientId);
    this.#conversations.set(conversation.id, conversation);
    if (tell) this.#changed();
  }

  /** Until it was answered: for what has its own client id, so that twice is once. @throws ChatRefused */
  async #surely<T>(query: string, input: Record<string, unknown>): Promise<T & { token: string; expiresAt?: string }> {
    for (let failures = 0; ; failures++) {
      try {
        return await this.#ask(query, { input });
      } catch (error) {
        if (error instanceof ChatRefused || this.#closed) throw error;
        await this.#pause(failures);
      }
    }
  }

  /** A mutation's payload. @throws ChatRefused; anything else may be tried again */
  async #ask<T>(query: string, variables: Record<string, unknown>): Promise<T & { token: string; expiresAt?: string }> {
    const { answer } = await this.#query<{ answer: T & { token: string; userErrors: { code: string; message: string; retryable: boolean }[] } }>(query, variables);
    const [fault] = answer.userErrors;
    if (!fault) return answer;
    throw fault.retryable ? new Error(fault.message) : new ChatRefused(fault.code, fault.message);
  }

  async #query<T>(query: string, variables: Record<string, unknown>): Promise<T> {
    const response = await (this.#options.fetch ?? fetch)(this.#options.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#token ?? this.#options.publishableKey}` },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as { data?: T; errors?: { message: string; extensions?: { code?: string; retryable?: boolean } }[] };
    const fault = errors?.[0];
    if (fault) throw fault.extensions?.retryable || !fault.extensions?.code ? new Error(fault.message) : new ChatRefused(fault.extensions.code, fault.message);
    if (!data) throw new Error(`The server answered ${response.status}.`);
    return data;
  }

  #end(): void {
    this.#following?.abort();
    this.#following = null;
    clearTimeout(this.#renewal);
    this.#set('ended');
  }

  #set(connection: ChatState['connection']): void {
    if (this.#connection === connection) return;
    this.#connection = connection;
    this.#changed();
  }

  #changed(): void {
    this.#options.onChange?.(this.state);
  }

  /** Longer with every failure, and not for all clients at the same moment. */
  #pause(failures: number): Promise<void> {
    const ms = Math.min(250 * 2 ** failures, this.#options.retryMsMax ?? 15_000) * (0.5 + Math.random() / 2);
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
}

const newClientId = (): string => crypto.randomUUID();

const codeOf = (errors: readonly { extensions?: Record<string, unknown> }[]): 'UNAUTHENTICATED' | 'RESYNC' | 'LOST' => {
  const code = errors[0]?.extensions?.code;
  return code === 'UNAUTHENTICATED' ? 'UNAUTHENTICATED' : code === 'RESYNC' || code === 'INVALID_CURSOR' ? 'RESYNC' : 'LOST';
};

const isClose = (error: unknown): error is { code: number } => typeof (error as { code?: unknown } | null)?.code === 'number';
