// What waits in the database, as gauges: asked when the metrics are served.
import type { Sql } from '../platform/db.ts';
import { gauge } from '../platform/metrics.ts';

const sources = new Set<Sql>();

/** Serves the backlogs of this database with the metrics; returns the function that stops it. */
export function watchBacklogs(system: Sql): () => void {
  sources.add(system);
  return () => void sources.delete(system);
}

const STATES = ['PENDING', 'WAITING', 'UNPARSED', 'UNKNOWN_ACCOUNT', 'DEAD'] as const;

gauge('inbound_events', 'Events of deliveries that wait, or could not be applied, by state.', ['state'], async (g) => {
  const counts = await Promise.all([...sources].map(async (sql) => sql<{ state: string; n: number }[]>`
    select state, count(*)::int as n from inbound_events where state in ('PENDING', 'WAITING', 'UNPARSED', 'UNKNOWN_ACCOUNT', 'DEAD') group by state`.catch(() => [])));
  for (const state of STATES) g.set({ state }, counts.flat().reduce((sum, row) => sum + (row.state === state ? row.n : 0), 0));
});
gauge('events_unnumbered', 'Committed events that have no place in the log yet.', [], async (g) => g.set(await counted((sql) => sql`select count(*)::int as n from event_outbox`)));
gauge('consumer_lag_events', 'Events that the slowest consumer of the log has still to take.', [], async (g) => {
  g.set(await counted((sql) => sql`select coalesce((select position from log_state limit 1) - min(position), 0)::int as n from consumers`));
});
gauge('consumer_failures', 'Events that a consumer could not take and set aside.', [], async (g) => g.set(await counted((sql) => sql`select count(*)::int as n from consumer_failures`)));

/** Over every database of this process; one that doesn't answer counts for nothing, so that the other metrics are still served. */
async function counted(ask: (sql: Sql) => PromiseLike<readonly { n?: number }[]>): Promise<number> {
  let total = 0;
  for (const sql of sources) total += await Promise.resolve(ask(sql)).then((rows) => rows[0]?.n ?? 0, () => 0);
  return total;
}
