// What is true for a few seconds and never stored: who types, who is here. Each process says what its clients say, over the bus, and
// keeps what it hears until it isn't renewed in time. A lost word or a dead process heals by itself.
import type { Bus } from './bus.ts';

/** What a process has heard in one scope: key -> value. A value of null means that it is over. */
export interface Change {
  key: string;
  value: string | null;
}

export class Ephemeral {
  private readonly scopes = new Map<string, Map<string, { value: string; timer: NodeJS.Timeout }>>();
  private readonly watchers = new Map<string, Set<(change: Change) => void>>();
  private readonly stop: () => void;

  /** @param keepMs how long a value holds without being said again */
  constructor(private readonly bus: Bus, private readonly channel: string, private readonly keepMs: number) {
    this.stop = bus.on(channel, (word) => this.hear(word));
  }

  /** Says it to every process. `value` null: it is over. Say what lasts again before `keepMs` is over. */
  say(scope: string, key: string, value: string | null): void {
    this.bus.post(this.channel, JSON.stringify([scope, key, value]));
  }

  /** What holds in the scope now, then every change, until `signal` aborts. Of one key only the latest waits for a slow reader. */
  async *watch(scope: string, signal: AbortSignal): AsyncGenerator<Change> {
    const waiting = new Map<string, string | null>();
    let rouse: () => void = () => {};
    const take = ({ key, value }: Change) => {
      waiting.delete(key);
      waiting.set(key, value);
      rouse();
    };
    const watchers = this.watchers.get(scope) ?? new Set();
    this.watchers.set(scope, watchers.add(take));
    const wakeUp = () => rouse();
    signal.addEventListener('abort', wakeUp, { once: true });
    for (const [key, { value }] of this.scopes.get(scope) ?? []) waiting.set(key, value);
    try {
      while (!signal.aborted) {
        for (const [key, value] of waiting) {
          waiting.delete(key);
          yield { key, value };
        }
        if (waiting.size === 0 && !signal.aborted) await new Promise<void>((resolve) => (rouse = resolve));
      }
    } finally {
      signal.removeEventListener('abort', wakeUp);
      watchers.delete(take);
      if (watchers.size === 0 && this.watchers.get(scope) === watchers) this.watchers.delete(scope);
    }
  }

  close(): void {
    this.stop();
    for (const held of this.scopes.values()) for (const { timer } of held.values()) clearTimeout(timer);
    this.scopes.clear();
  }

  private hear(word: string): void {
    const [scope, key, value] = JSON.parse(word) as [string, string, string | null];
    const held = this.scopes.get(scope) ?? new Map<string, { value: string; timer: NodeJS.Timeout }>();
    const before = held.get(key);
    if (before) clearTimeout(before.timer);
    if (value === null) {
      held.delete(key);
      if (held.size === 0) this.scopes.delete(scope);
    } else {
      this.scopes.set(scope, held);
      const timer = setTimeout(() => this.hear(JSON.stringify([scope, key, null])), this.keepMs);
      timer.unref();
      held.set(key, { value, timer });
    }
    if ((before?.value ?? null) !== value) for (const take of this.watchers.get(scope) ?? []) take({ key, value });
  }
}
