// What the agent has said and the server may not have yet. One after the other, each again and again under its own key until it was answered:
// once, whatever happens to the server or to the connection.
import { Refused, type Api } from './api.ts';
import { SendMessageDocument, type Channel } from './operations.generated.ts';
import { pause } from './pause.ts';

export interface Outgoing {
  /** Its client id and its idempotency key. */
  key: string;
  conversationId: string;
  channel: Channel;
  text: string;
  /** By this computer's clock, RFC 3339. */
  saidAt: string;
  /** `sent` stands here until the timeline shows it. */
  state: 'sending' | 'sent' | 'refused';
  /** Why it was refused. */
  reason: string | null;
}

export class Outbox {
  #waiting: readonly Outgoing[] = [];
  #sending = false;
  constructor(private readonly api: Api, private readonly onChange: (waiting: readonly Outgoing[]) => void) {}

  say(conversationId: string, channel: Channel, text: string): void {
    this.#put([...this.#waiting, { key: crypto.randomUUID(), conversationId, channel, text, saidAt: new Date().toISOString(), state: 'sending', reason: null }]);
    void this.#flush();
  }

  /** These stand on the timeline. */
  shown(keys: ReadonlySet<string>): void {
    if (this.#waiting.some(({ key }) => keys.has(key))) this.#put(this.#waiting.filter(({ key }) => !keys.has(key)));
  }

  /** Takes back what was refused. */
  drop(key: string): void {
    this.#put(this.#waiting.filter((each) => each.key !== key));
  }

  async #flush(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    for (let failures = 0; ; ) {
      const next = this.#waiting.find(({ state }) => state === 'sending');
      if (!next) break;
      const { key, conversationId, channel, text } = next;
      try {
        await this.api.ask(SendMessageDocument, { input: { conversationId, channel, text, clientId: key, idempotencyKey: key } });
        failures = 0;
        this.#mark(key, { state: 'sent' });
      } catch (error) {
        if (error instanceof Refused) this.#mark(key, { state: 'refused', reason: error.message });
        else await pause(failures++);
      }
    }
    this.#sending = false;
  }

  #mark(key: string, change: Partial<Outgoing>): void {
    this.#put(this.#waiting.map((each) => (each.key === key ? { ...each, ...change } : each)));
  }

  #put(waiting: readonly Outgoing[]): void {
    this.#waiting = waiting;
    this.onChange(waiting);
  }
}
