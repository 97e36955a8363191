// Where a kill hits: found out from the database, the provider and the ledger while the victim stands still, not by hooks in what is tested.
import type { Api, Cluster } from './cluster.ts';
import { machineMs } from './client.ts';
import type { Fleet } from './fleet.ts';

export const PHASES = ['before anything was stored', 'after the raw store', 'in the transaction', 'after the provider\'s answer'] as const;
export type Phase = (typeof PHASES)[number];

export interface Look {
  phases: Set<Phase>;
  /** Asked of the victim and not answered. */
  underWay: number;
}

/** The victim is stopped (SIGSTOP): nothing changes any more by it. */
export async function lookAt(victim: Api, { owner, twilio, ws }: Cluster, fleet: Fleet): Promise<Look> {
  const at = machineMs();
  const sessions = victim.wires.postgres.farPorts();
  const [writing, pending, started, recent] = await Promise.all([
    owner<{ n: number }[]>`select count(*)::int as n from pg_stat_activity where client_port = any(${sessions}::int[]) and backend_xid is not null`,
    owner<{ n: number }[]>`select count(*)::int as n from inbound_events where state = 'PENDING'`,
    owner<{ text: string }[]>`
      select m.text from attempts a join messages m on m.workspace_id = a.workspace_id and m.id = a.message_id where a.workspace_id = ${ws.id} and a.state = 'STARTED'`,
    owner<{ body: string }[]>`
      select coalesce(convert_from(body, 'UTF8'), '') as body from deliveries where workspace_id = ${ws.id} order by id desc limit 200`,
  ]);
  fleet.readLedger();
  const marks = new Set(fleet.underWay(at, victim.index).map(({ mark }) => mark));
  const stored = [...marks].filter((mark) => recent.some(({ body }) => new RegExp(`${mark}(?!\\d)`).test(body)));
  const unwritten = new Set(started.map(({ text }) => text));
  const answered = twilio.messages.some(({ body, statusCallback }) => unwritten.has(body) && statusCallback?.startsWith(victim.peer.address));
  const phases = new Set<Phase>();
  if (pending[0]!.n > 0 || stored.length > 0) phases.add('after the raw store');
  if (writing[0]!.n > 0) phases.add('in the transaction');
  if (answered) phases.add('after the provider\'s answer');
  if (phases.size === 0) phases.add('before anything was stored');
  return { phases, underWay: marks.size };
}
