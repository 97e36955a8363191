// The agent's side: the inbox, the conversation that is open, and what is being said. Everything is read by canonical operations; the log tells
// when to read again, from a cursor, so that nothing is missed however often the connection drops.
import type { Api } from './api.ts';
import {
  AnswerScreenDocument, InboxDocument, LiveEventsDocument, MarkReadDocument, SetConversationStatusDocument, WhoTypesDocument,
  type AnswerScreenQuery, type Channel, type ConversationStatus, type InboxQuery,
} from './operations.generated.ts';
import { Outbox, type Outgoing } from './outbox.ts';
import { Store } from './store.ts';
import { surely } from './surely.ts';
import { throttled } from './throttle.ts';

export type Row = InboxQuery['conversations']['nodes'][number];
export type Screen = NonNullable<AnswerScreenQuery['conversation']>;
export type Entry = Screen['customer']['timeline']['nodes'][number];
export type ReplyOption = Screen['replyOptions'][number];

export interface DeskState {
  /** Whether what happens is told at once; else what is shown may be old. */
  live: boolean;
  /** The agent's name; null until it is known. */
  name: string | null;
  /** The latest first; null until they are here. */
  rows: readonly Row[] | null;
  /** The conversation that is looked at. */
  openId: string | null;
  /** Null while nothing is open, or it isn't here yet. */
  screen: Screen | null;
  outgoing: readonly Outgoing[];
  /** Whether the customer is typing. */
  customerTypes: boolean;
  /** What went wrong last with what the agent did; null: nothing. */
  problem: string | null;
}

const READ_PAUSE_MS = 150;
const ROWS = 50;
const ENTRIES = { first: 40, more: 40, max: 100 };

export class Desk extends Store<DeskState> {
  readonly #outbox: Outbox;
  #entries = ENTRIES.first;
  #unwatch: () => void = () => {};
  /** What is begun and not said yet, by conversation. */
  readonly drafts = new Map<string, string>();

  constructor(private readonly api: Api) {
    super({ live: false, name: null, rows: null, openId: null, screen: null, outgoing: [], customerTypes: false, problem: null });
    this.#outbox = new Outbox(api, (outgoing) => this.set({ outgoing }));
  }

  /** Reads, follows, and opens the first conversation. */
  start(): Promise<void> {
    return this.#reading(() => this.#start());
  }

  async #start(): Promise<void> {
    const cursor = await this.#readRows();
    this.api.follow(LiveEventsDocument, {}, {
      after: cursor,
      onLive: (live) => this.set({ live }),
      onEvent: ({ events: { cursor: at, event } }) => {
        this.#rowsChanged();
        const { screen, openId } = this.state;
        if (event.conversation?.id === openId || event.customer?.id === screen?.customer.id) this.#screenChanged();
        return at;
      },
      onLost: async () => {
        this.#screenChanged();
        return this.#readRows();
      },
    });
    const first = this.state.rows?.[0];
    if (first && this.state.openId === null) this.open(first.id);
  }

  open(conversationId: string): void {
    if (this.state.openId === conversationId) return;
    this.#entries = ENTRIES.first;
    this.set({ openId: conversationId, screen: null, customerTypes: false, problem: null });
    this.#screenChanged();
    this.#watch(conversationId);
  }

  /** More of the past, as far as a page goes. */
  showMore(): void {
    this.#entries = Math.min(this.#entries + ENTRIES.more, ENTRIES.max);
    this.#screenChanged();
  }
  get canShowMore(): boolean {
    return this.#entries < ENTRIES.max && (this.state.screen?.customer.timeline.pageInfo.hasNextPage ?? false);
  }

  say(channel: Channel, text: string): void {
    if (this.state.openId !== null) this.#outbox.say(this.state.openId, channel, text);
  }
  takeBack(key: string): void {
    this.#outbox.drop(key);
  }

  async setStatus(status: ConversationStatus): Promise<void> {
    const { openId } = this.state;
    if (openId === null) return;
    try {
      await this.api.ask(SetConversationStatusDocument, { input: { conversationId: openId, status } });
      this.set({ problem: null });
    } catch (error) {
      this.set({ problem: (error as Error).message });
    }
  }

  #watch(conversationId: string): void {
    this.#unwatch();
    this.#unwatch = this.api.follow(WhoTypesDocument, { conversationId }, {
      after: null,
      onLive: () => {},
      onEvent: ({ typing: { actorKind, isTyping } }) => {
        if (actorKind === 'CUSTOMER') this.set({ customerTypes: isTyping });
        return null;
      },
      onLost: async () => null,
    });
  }

  readonly #rowsChanged = throttled(() => this.#reading(async () => void (await this.#readRows())), READ_PAUSE_MS);
  readonly #screenChanged = throttled(() => this.#reading(() => this.#readScreen()), READ_PAUSE_MS);

  async #reading(read: () => Promise<void>): Promise<void> {
    await surely(read).catch((error: Error) => this.set({ problem: error.message }));
  }

  async #readRows(): Promise<string> {
    const { cursor, conversations } = await this.api.ask(InboxDocument, { first: ROWS });
    this.set({ rows: conversations.nodes });
    return cursor;
  }

  async #readScreen(): Promise<void> {
    const { openId } = this.state;
    if (openId === null) return;
    const { viewer, conversation } = await this.api.ask(AnswerScreenDocument, { conversationId: openId, timelineFirst: this.#entries });
    // Another one was opened meanwhile, which reads once more.
    if (openId !== this.state.openId) return this.#readScreen();
    this.set({ name: viewer?.member?.name ?? null, screen: conversation ?? null, openId: conversation?.id ?? null });
    this.#outbox.shown(new Set(conversation?.customer.timeline.nodes.flatMap(({ subject }) => (subject?.__typename === 'Message' && subject.clientId !== null ? [subject.clientId] : []))));
    if (conversation && conversation.unreadCount > 0 && document.visibilityState === 'visible') await this.api.ask(MarkReadDocument, { input: { conversationId: openId } });
  }
}
