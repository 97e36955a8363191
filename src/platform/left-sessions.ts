// Sessions of PostgreSQL that may go on without us: their connection is gone, and they weren't told, or couldn't be. One that waits for a lock gets it some
// day, and would keep it until its idle_in_transaction_session_timeout; one that heard half a statement waits for the rest for ever. So each is ended.
import { performance } from 'node:perf_hooks';
import { besidePools } from './beside-pools.ts';
import { isConnectionLost } from './connection-lost.ts';

/** Connections are lost together: they are ended in one go. */
const GATHER_MS = 50;
const AGAIN_MS = 1_000;
/** By then the server's own time-outs have ended them. */
const CARED_FOR_MS = 10 * 60_000;

interface Left {
  applicationName: string;
  /** By performance.now(). */
  at: number;
}
/** By address, then by process. */
const left = new Map<string, Map<number, Left>>();

/** To be called when a connection is closed whose session may be alive. Never throws. */
export function leaveSession(of: { url: string; applicationName: string }, pid: number): void {
  let mine = left.get(of.url);
  if (!mine) {
    left.set(of.url, (mine = new Map()));
    later(of.url, GATHER_MS);
  }
  mine.set(pid, { applicationName: of.applicationName, at: performance.now() });
}

function later(url: string, ms: number): void {
  setTimeout(() => void endLeft(url), ms).unref();
}

async function endLeft(url: string): Promise<void> {
  const mine = left.get(url)!;
  const ending = [...mine];
  try {
    // Another session may have been given the number since: it is younger.
    await besidePools(url, (sql) => sql`
      select pg_terminate_backend(s.pid) from pg_stat_activity s
      join unnest(${ending.map(([pid]) => pid)}::int[], ${ending.map(([, { applicationName }]) => applicationName)}::text[], ${ending.map(([, { at }]) => (performance.now() - at) / 1_000)}::float8[]) as l (pid, name, ago)
        on s.pid = l.pid and s.application_name = l.name and s.backend_start < clock_timestamp() - make_interval(secs => l.ago)`);
    for (const [pid, of] of ending) if (mine.get(pid) === of) mine.delete(pid);
  } catch (error) {
    const isWorthATry = (of: Left): boolean => isConnectionLost(error) && performance.now() - of.at < CARED_FOR_MS;
    for (const [pid, of] of ending) if (mine.get(pid) === of && !isWorthATry(of)) mine.delete(pid);
  }
  if (mine.size === 0) left.delete(url);
  else later(url, AGAIN_MS);
}
