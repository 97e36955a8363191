// What a caller may still ask for: a bucket of points for each credential, refilled steadily, so that nobody takes the others' share (G19).
// Kept in memory, a process each: a look costs less than a microsecond and no statement. N processes give N times the budget.
import { nowMs } from '../platform/clock.ts';
import { Refusal } from '../platform/errors.ts';
import type { Viewer } from './viewer.ts';

export interface RateLimits {
  /** Points a minute of a key or member token, and how many may be spent at once. */
  costPerMinute: number;
  /** Refused credentials, and requests without any, of one network address a minute. */
  refusedPerMinute: number;
  /** Deliveries of one endpoint a minute. */
  deliveriesPerMinute: number;
}
/** One person with a page or an app: a share of what a company's key may spend, and never less than the dearest operation. */
const VISITOR_SHARE = 1 / 20;
export const COST_PER_MINUTE_MIN = 20_000;
const MINUTE_MS = 60_000;
const BUCKETS_MAX = 200_000;
/** What opening a socket costs: it is verified, and watched as long as it lives. */
export const SOCKET_COST = 10;
/** What an operation costs that is refused before its cost is known: its text was read, which takes the longer the worse it is. */
export const REFUSED_COST = 10;

export interface Left {
  /** Points that can be spent now. */
  remaining: number;
  /** Points a minute. */
  limit: number;
  /** Seconds until all of it is back. */
  resetSeconds: number;
}

interface Bucket {
  level: number;
  atMs: number;
}

/** As draft-ietf-httpapi-ratelimit-headers names them: seconds, and points of the policy "cost". */
export const budgetHeaders = ({ remaining, limit, resetSeconds }: Left): Record<string, string> => ({
  'ratelimit-policy': `"cost";q=${limit};w=60`,
  ratelimit: `"cost";r=${remaining};t=${resetSeconds}`,
});

/** Buckets of one size, by name. One that wasn't used for a minute is full again, and is forgotten. */
export class Buckets {
  readonly #buckets = new Map<string, Bucket>();
  constructor(readonly perMinute: number) {}

  /** Takes `points` when they are there: then null; else how many seconds until they are. */
  take(name: string, points: number): number | null {
    const bucket = this.#refilled(name);
    const seconds = this.waitFor(name, points);
    if (seconds !== null) return seconds;
    bucket.level -= points;
    // The last in the map is the one used last, so that the first is the one to forget.
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    this.#forget();
    return null;
  }

  /** Seconds until `points` are there; null when they are. */
  waitFor(name: string, points: number): number | null {
    const lacking = points - this.#refilled(name).level;
    return lacking > 0 ? Math.max(1, Math.ceil((lacking / this.perMinute) * 60)) : null;
  }

  left(name: string): Left {
    const { level } = this.#refilled(name);
    return { remaining: Math.floor(level), limit: this.perMinute, resetSeconds: Math.ceil(((this.perMinute - level) / this.perMinute) * 60) };
  }

  get size(): number {
    return this.#buckets.size;
  }

  #refilled(name: string): Bucket {
    const atMs = nowMs();
    const known = this.#buckets.get(name);
    if (!known) return { level: this.perMinute, atMs };
    // A clock that was set back takes nothing away.
    const passedMs = Math.max(0, atMs - known.atMs);
    known.level = Math.min(this.perMinute, known.level + (passedMs / MINUTE_MS) * this.perMinute);
    known.atMs = atMs;
    return known;
  }

  #forget(): void {
    for (const [name, { atMs }] of this.#buckets) {
      if (this.#buckets.size <= BUCKETS_MAX && nowMs() - atMs < MINUTE_MS) break;
      this.#buckets.delete(name);
    }
  }
}

/** One a process, for every door. */
export class Budgets {
  readonly #keys: Buckets;
  readonly #visitors: Buckets;
  readonly #refused: Buckets;
  readonly #endpoints: Buckets;
  constructor(limits: RateLimits) {
    this.#keys = new Buckets(limits.costPerMinute);
    this.#visitors = new Buckets(Math.max(COST_PER_MINUTE_MIN, Math.ceil(limits.costPerMinute * VISITOR_SHARE)));
    this.#refused = new Buckets(limits.refusedPerMinute);
    this.#endpoints = new Buckets(limits.deliveriesPerMinute);
  }

  /**
   * Takes `points` from the budget of the viewer's credential.
   * @returns what it has left
   * @throws Refusal RATE_LIMITED with `retryAfterSeconds` and the budget; nothing was taken then
   */
  spend(viewer: Viewer, points: number): Left {
    const buckets = viewer.role === 'VISITOR' ? this.#visitors : this.#keys;
    const name = nameOf(viewer);
    const seconds = buckets.take(name, points);
    const left = buckets.left(name);
    if (seconds === null) return left;
    throw new Refusal('RATE_LIMITED', `The operation may cost ${points} points and ${left.remaining} of ${left.limit} a minute are left. Try again in ${seconds} s.`, {
      retryAfterSeconds: seconds, cost: { requested: points, remaining: left.remaining, limit: left.limit },
    });
  }

  /** What the viewer has left. */
  left(viewer: Viewer): Left {
    return (viewer.role === 'VISITOR' ? this.#visitors : this.#keys).left(nameOf(viewer));
  }

  /** Somebody at `address` was refused, or showed no credential. @throws Refusal RATE_LIMITED once there were too many */
  refused(address: string): void {
    const seconds = this.#refused.take(networkOf(address), 1);
    if (seconds !== null) throw tooManyRefused(seconds);
  }

  /** Whether `address` was refused so often that it isn't even asked who it is. Null: no; else the refusal. */
  exhausted(address: string): Refusal | null {
    const seconds = this.#refused.waitFor(networkOf(address), 1);
    return seconds === null ? null : tooManyRefused(seconds);
  }

  /** A delivery to the endpoint is about to be stored. @throws Refusal RATE_LIMITED */
  deliver(endpointId: string): void {
    const seconds = this.#endpoints.take(endpointId, 1);
    if (seconds !== null)
      throw new Refusal('RATE_LIMITED', `More than ${this.#endpoints.perMinute} deliveries a minute came to this address. Nothing was stored; send it again in ${seconds} s.`, { retryAfterSeconds: seconds });
  }
}

const tooManyRefused = (seconds: number): Refusal =>
  new Refusal('RATE_LIMITED', `Too many requests without a valid key or token came from your address. Try again in ${seconds} s.`, { retryAfterSeconds: seconds });

/** Everybody shows the same publishable key: there the address tells callers apart. */
function nameOf({ credential, workspaceId, address }: Viewer): string {
  if (!credential) return workspaceId;
  return credential.kind === 'PUBLISHABLE_KEY' ? `${credential.id} ${networkOf(address ?? '')}` : credential.id;
}

/** Of IPv6 the /64, which one customer of a network has all of. */
function networkOf(address: string): string {
  if (!address.includes(':') || /^::ffff:\d/i.test(address)) return address.replace(/^::ffff:/i, '');
  const [head = '', tail] = address.split('%')[0]!.split('::');
  const groups = head.split(':').filter(Boolean);
  const last = tail?.split(':').filter(Boolean) ?? [];
  const all = tail === undefined ? groups : [...groups, ...Array<string>(Math.max(0, 8 - groups.length - last.length)).fill('0'), ...last];
  return all.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, '').toLowerCase()).join(':');
}
