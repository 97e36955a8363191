// From which web pages browsers may call: our own (the IDE), and those that a workspace allows. The same list for HTTP and WebSocket.
import type { Viewer } from '../access/viewer.ts';
import { nowMs } from '../platform/clock.ts';
import type { Sql } from '../platform/db.ts';

const BELIEVED_MS = 4_000;

export class Origins {
  #workspaces = new Map<string, Set<string>>();
  #readAtMs = -Infinity;
  #reading: Promise<void> | null = null;
  constructor(private readonly system: Sql) {}

  /** Whether some workspace allows the origin: what a preflight can be told, which names no workspace. */
  async anyAllows(origin: string, host: string | undefined): Promise<boolean> {
    if (isOwn(origin, host)) return true;
    await this.#refresh();
    return this.#workspaces.has(origin.toLowerCase());
  }

  /** Whether the viewer's workspace allows it. No origin: not a browser. */
  async allows(viewer: Pick<Viewer, 'workspaceId'>, origin: string | undefined, host: string | undefined): Promise<boolean> {
    if (origin === undefined || isOwn(origin, host)) return true;
    await this.#refresh();
    return this.#workspaces.get(origin.toLowerCase())?.has(viewer.workspaceId) ?? false;
  }

  async #refresh(): Promise<void> {
    if (nowMs() - this.#readAtMs < BELIEVED_MS) return;
    this.#reading ??= (async () => {
      try {
        const rows = await this.system<{ id: string; origin: string }[]>`select id, lower(unnest(allowed_origins)) as origin from workspaces where allowed_origins <> '{}'`;
        const found = new Map<string, Set<string>>();
        for (const { id, origin } of rows) found.set(origin, (found.get(origin) ?? new Set()).add(id));
        this.#workspaces = found;
        this.#readAtMs = nowMs();
      } finally {
        this.#reading = null;
      }
    })();
    await this.#reading;
  }
}

/** A page that this server gave out itself. */
function isOwn(origin: string, host: string | undefined): boolean {
  return host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}
