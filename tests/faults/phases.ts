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
  const [writing, started, recent] = await Promise.all([
    // Of what was asked: the sequencer and the jobs have sessions of their own.
    owner<{ n: number }[]>`
      select count(*)::int as n from pg_stat_activity where client_port = any(${sessions}::int[]) and application_name = 'throughline actions' and backend_xid is not null`,
    owner<{ text: string }[]>`
      select m.text from attempts a join messages m on m.workspace_id = a.workspace_id and m.id = a.message_id where a.workspace_id = ${ws.id} and a.state = 'STARTED'`,
    // As it came, byte for byte: a mail may hold what is no text of the database's.
    owner<{ body: string }[]>`
      select coalesce(encode(coalesce(body, body_head), 'escape'), '') as body from deliveries where workspace_id = ${ws.id} order by id desc limit 400`,
  ]);
  fleet.readLedger();
  const underWay = fleet.underWay(at, victim.index).map(({ mark }) => mark);
  const phases = new Set<Phase>();
  if ([...new Set(underWay)].some((mark) => storedOf(mark, recent) > fleet.acts.get(mark)!.tries - underWay.filter((one) => one === mark).length)) phases.add('after the raw store');
  if (writing[0]!.n > 0) phases.add('in the transaction');
  const unwritten = new Set(started.map(({ text }) => text));
  if (twilio.messages.some(({ body, statusCallback }) => unwritten.has(body) && statusCallback?.startsWith(victim.peer.address))) phases.add('after the provider\'s answer');
  if (phases.size === 0) phases.add('before anything was stored');
  return { phases, underWay: underWay.length };
}

/** How many deliveries carry the mark. An asking stores one at most: more of them than its other askings came from those under way. */
function storedOf(mark: string, recent: readonly { body: string }[]): number {
  const carries = new RegExp(`${mark}(?!\\d)`);
  return recent.filter(({ body }) => carries.test(body)).length;
}
