// Endpoints as the doors need them at every delivery: looked up and unsealed once a second each, not for each.
import type { Sql } from '../platform/db.ts';
import { endpointById, type Endpoint } from './accounts.ts';

/** How long an endpoint that was disconnected may still take deliveries in. One whose secrets were rotated is asked for again when a signature is wrong. */
const KEPT_MS = 1_000;
const KEPT_MAX = 10_000;

export class EndpointCache {
  readonly #kept = new Map<string, { endpoint: Endpoint; until: number }>();

  /** `sql` is a pool of the app role. */
  constructor(private readonly sql: Sql) {}

  /** As it was within the last second; null when there is none. */
  async get(id: string): Promise<{ endpoint: Endpoint; isFresh: boolean } | null> {
    const kept = this.#kept.get(id);
    if (kept && kept.until > performance.now()) return { endpoint: kept.endpoint, isFresh: false };
    const endpoint = await this.fresh(id);
    return endpoint && { endpoint, isFresh: true };
  }

  /** As it is now. */
  async fresh(id: string): Promise<Endpoint | null> {
    const endpoint = await endpointById(this.sql, id);
    this.#kept.delete(id);
    if (!endpoint) return null;
    if (this.#kept.size >= KEPT_MAX) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(id, { endpoint, until: performance.now() + KEPT_MS });
    return endpoint;
  }
}
