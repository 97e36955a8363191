// The visitor's side: the chat client that any web page would use, and what the chat says before it begins.
import { ChatClient } from '../visitors/client/chat-client.ts';
import { ChatRefused, type ChatState } from '../visitors/client/protocol.ts';
import type { Api } from './api.ts';
import { VisitorHistoryDocument } from './operations.generated.ts';
import { pause } from './pause.ts';
import { Store } from './store.ts';
import { surely } from './surely.ts';

export interface VisitorState {
  chat: ChatState;
  /** What the chat greets with; null: nothing, or it isn't known yet. */
  greeting: string | null;
  /** What was not taken last: the chat's beginning, or a file, and why. Null: nothing. */
  refusal: string | null;
}

const KEPT = 'throughline.live.visitor';

export class Visitor extends Store<VisitorState> {
  readonly #chat: ChatClient;
  /** Null: nobody has come yet. */
  #beginning: Promise<void> | null = null;

  /** `api` asks with the publishable key. */
  constructor(private readonly api: Api, o: { url: string; publishableKey: string }) {
    super({ chat: { connection: 'idle', messages: [], conversations: [] }, greeting: null, refusal: null });
    this.#chat = new ChatClient({
      ...o,
      storage: { read: () => localStorage.getItem(KEPT), write: (token) => (token === null ? localStorage.removeItem(KEPT) : localStorage.setItem(KEPT, token)) },
      onChange: (chat) => this.#heard(chat),
      retryMsMax: 5_000,
    });
  }

  /** Greets, and goes on with the chat of an earlier visit. Somebody new begins with his first words. */
  async start(): Promise<void> {
    if (localStorage.getItem(KEPT) !== null) void this.#begin('');
    const { visitorChat } = await surely(() => this.api.ask(VisitorHistoryDocument, { first: 1 }));
    this.set({ greeting: visitorChat?.greeting ?? null });
  }

  /** `name` is asked for until the chat has begun; empty: none is given. */
  say(text: string, name: string): void {
    this.#chat.send(text);
    void this.#begin(name);
  }

  /** Sends a file. It isn't sent again by itself: what went wrong is said. */
  async hand(file: File, name: string): Promise<void> {
    try {
      await this.#begin(name);
      this.#chat.send('', { files: [await this.#chat.upload(file, { filename: file.name, type: file.type || 'application/octet-stream' })] });
    } catch (error) {
      this.set({ refusal: `${file.name} could not be sent: ${(error as Error).message}` });
    }
  }

  typing(): void {
    const conversation = this.state.chat.conversations.at(-1);
    if (conversation) this.#chat.typing(conversation.id);
  }

  /** Leaves as somebody who comes for the first time. */
  async forget(): Promise<void> {
    await this.#chat.forget();
    this.#beginning = null;
    this.set({ refusal: null });
  }

  get hasBegun(): boolean {
    return this.#beginning !== null;
  }

  #begin(name: string): Promise<void> {
    return (this.#beginning ??= this.#surelyBegin(name));
  }
  async #surelyBegin(name: string): Promise<void> {
    for (let failures = 0; ; failures++) {
      try {
        return await this.#chat.start(name === '' ? {} : { name });
      } catch (error) {
        if (error instanceof ChatRefused) {
          this.#beginning = null;
          return this.set({ refusal: error.message });
        }
        await pause(failures);
      }
    }
  }

  #seenId: string | null = null;
  #heard(chat: ChatState): void {
    this.set({ chat, refusal: null });
    const answer = chat.messages.findLast(({ author, isSeen }) => author === 'TEAM' && !isSeen);
    if (!answer || answer.id === this.#seenId || document.visibilityState !== 'visible') return;
    this.#seenId = answer.id;
    void this.#chat.seen(answer.id!).catch(() => {});
  }
}
