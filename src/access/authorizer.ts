// Sockets outlive the moment at which they were let in. The authorizer asks again for each of them, all in two statements a round.
import type { EventKind } from '../events/catalog.ts';
import type { LogStream } from '../events/stream.ts';
import { nowMs } from '../platform/clock.ts';
import type { Sql } from '../platform/db.ts';
import { bearer, credentialOf, currentViewers, type Credential } from './keys.ts';
import type { Viewer } from './viewer.ts';

/** EXPIRED: its time came. REVOKED: key, token or member is no longer valid. CHANGED: still valid, with other rights. */
export type Ending = 'EXPIRED' | 'REVOKED' | 'CHANGED';

interface Watched {
  credential: Credential;
  viewer: Viewer;
  onEnd: (ending: Ending) => void;
}

const CREDENTIALS_PER_ROUND = 1_000;
/** What can end a credential, or change what it may: keys and tokens, members, chats with their publishable keys. */
const ENDING: readonly EventKind[] = ['key.revoked', 'member.updated', 'channel.changed'];

/**
 * Watches every live connection of a process. A round starts `everyMs` after the last one ended (default 3 s: with the round itself a
 * revoked key's socket is ended within 5 s), and at once on `recheck()` and when the log that it follows says that a credential ended.
 * While the database is away nothing is ended but what expires: without it nothing is delivered either.
 */
export class Authorizer {
  readonly #watched = new Set<Watched>();
  readonly #sql: Sql;
  readonly #everyMs: number;
  readonly #onError: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | null = null;
  #again = false;
  #unfollow: (() => void) | undefined;
  #closed = false;

  constructor(sql: Sql, options: { everyMs?: number; onError?: (error: unknown) => void } = {}) {
    this.#sql = sql;
    this.#everyMs = options.everyMs ?? 3_000;
    this.#onError = options.onError ?? (() => {});
    this.#schedule();
  }

  /**
   * Watches the connection that came in with `authorization` and was given `viewer`. `onEnd` is called once at most, never before this
   * returns. Returns the function that stops watching.
   */
  async watch(authorization: unknown, viewer: Viewer, onEnd: (ending: Ending) => void): Promise<() => void> {
    const text = bearer(authorization);
    const credential = text === null ? null : await credentialOf(text);
    if (credential === null) {
      queueMicrotask(() => onEnd('EXPIRED'));
      return () => {};
    }
    const watched: Watched = { credential, viewer, onEnd };
    this.#watched.add(watched);
    return () => void this.#watched.delete(watched);
  }

  /** Asks at once whenever the log tells of what can end a credential. Ends with `close`. */
  follow(log: Pick<LogStream, 'onGrowth'>): void {
    this.#unfollow?.();
    this.#unfollow = log.onGrowth((kinds) => void (ENDING.some((kind) => kinds.has(kind)) && this.recheck()));
  }

  /** How many connections are watched. */
  get size(): number {
    return this.#watched.size;
  }

  /** Asks for all of them now; resolves when every connection that has to end was told. Calls during a round share the next one. */
  async recheck(): Promise<void> {
    if (this.#round) {
      this.#again = true;
      return this.#round;
    }
    clearTimeout(this.#timer);
    this.#round = (async () => {
      do {
        this.#again = false;
        await this.#checkAll();
      } while (this.#again && !this.#closed);
      // In the same breath as the check above, or a call in between would wait for a round that never looks again.
      this.#round = null;
      this.#schedule();
    })();
    return this.#round;
  }

  /** Stops; connections that are still watched are left alone. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#unfollow?.();
    clearTimeout(this.#timer);
    this.#watched.clear();
    await this.#round;
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.recheck(), this.#everyMs);
    this.#timer.unref();
  }

  async #checkAll(): Promise<void> {
    for (const watched of [...this.#watched]) if (isOver(watched.viewer)) this.#end(watched, 'EXPIRED');
    // Many sockets share a key: each credential is asked for once.
    const groups = new Map<string, Watched[]>();
    for (const watched of this.#watched) {
      const { credential } = watched;
      const name = credential.kind === 'KEY' ? credential.hashHex : `${credential.jti} ${credential.identityIds.join()}`;
      groups.get(name)?.push(watched) ?? groups.set(name, [watched]);
    }
    const all = [...groups.values()];
    for (let from = 0; from < all.length; from += CREDENTIALS_PER_ROUND) {
      const some = all.slice(from, from + CREDENTIALS_PER_ROUND);
      try {
        const viewers = await currentViewers(this.#sql, some.map((group) => group[0]!.credential));
        some.forEach((group, at) => {
          for (const watched of group) this.#compare(watched, viewers[at]!);
        });
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  #compare(watched: Watched, present: Viewer | null): void {
    if (present === null) this.#end(watched, isOver(watched.viewer) ? 'EXPIRED' : 'REVOKED');
    else if (present.permissionKey !== watched.viewer.permissionKey) this.#end(watched, 'CHANGED');
  }

  #end(watched: Watched, ending: Ending): void {
    if (this.#watched.delete(watched)) watched.onEnd(ending);
  }
}

const isOver = (viewer: Viewer): boolean => viewer.expiresAtMs !== null && viewer.expiresAtMs <= nowMs();
